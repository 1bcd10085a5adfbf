"""Well-known data sets, from files on this computer: `$ADALINE_DATASETS` and Keras' own folder, `~/.keras/datasets`.

Nothing is fetched from the network: where a file is missing, the error tells which one and where it belongs.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = ("boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "imdb", "mnist", "reuters")

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
