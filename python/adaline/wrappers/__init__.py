"""Models as estimators of scikit-learn: Keras' `keras.wrappers`. scikit-learn is loaded when one of them is asked for."""

from __future__ import annotations

from typing import Any

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        try:
            import sklearn  # noqa: F401
        except ImportError:
            raise ImportError(f"{name} requires `scikit-learn` to be installed. Run `pip install scikit-learn` to install it.") from None
        from . import _sklearn

        return getattr(_sklearn, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
