"""Penalties on weights."""

from __future__ import annotations

from typing import Any

from . import _adaline
from ._eager import op
from ._object import KerasObject


@op
def _penalty(config: str, x: Any) -> Any:
    return _adaline.regularizer(config, x)


class Regularizer(KerasObject):
    """A penalty on values. To write one, define `__call__(x)` with functions of `adaline.ops`."""

    _module = "keras.regularizers"
    _args: dict = {}

    def __call__(self, x: Any) -> Any:
        """The penalty of values: a number."""
        return _penalty(self._envelope_json(), x)
