"""Penalties on weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _adaline
from ._eager import op
from ._object import KerasObject


def validate_float_arg(value: Any, name: str) -> float:
    """A factor of a penalty, which is no less than 0."""
    if not isinstance(value, (float, int, np.floating, np.integer)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"Invalid value for argument {name}: expected a non-negative float. Received: {name}={value}")
    return float(value)


@op
def _penalty(config: str, x: Any) -> Any:
    return _adaline.regularizer(config, x)


class Regularizer(KerasObject):
    """A penalty on values. To write one, define `__call__(x)` with functions of `adaline.ops`."""

    _module = "keras.regularizers"
    _args: dict = {}

    def _arguments(self, **values: Any) -> None:
        super()._arguments(**{k: validate_float_arg(v, k) if k in ("l1", "l2", "factor") and v is not None else v for k, v in values.items()})
        _adaline.checked_config("regularizer", self._envelope_json())

    def __call__(self, x: Any) -> Any:
        """The penalty of values: a number."""
        return _penalty(self._envelope_json(), x)
