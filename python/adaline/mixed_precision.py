"""Keras' `keras.mixed_precision`: computation in 16 bits, by the names of older programs."""

from __future__ import annotations

from .config import DTypePolicy, dtype_policy, set_dtype_policy
from .optimizers import LossScaleOptimizer

__all__ = ["DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy", "set_global_policy"]

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy
