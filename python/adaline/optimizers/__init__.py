"""Optimizers, by Keras' names."""

from __future__ import annotations

import sys
from typing import Any

from .._catalogue.names import OPTIMIZERS
from .._catalogue.optimizers import *  # noqa: F401,F403
from .._catalogue.optimizers import __all__ as _all
from .._loss_scale import LossScaleOptimizer
from .._multi_optimizer import MultiOptimizer, OptimizerMap
from .._optimizer import Optimizer
from .._public import found
from . import schedules

__all__ = [*_all, "Optimizer", "OptimizerMap", "get", "serialize", "deserialize", "schedules"]


def get(identifier: Any) -> Any:
    """An optimizer from its name, configuration or class."""
    return found("optimizer", sys.modules[__name__], OPTIMIZERS, identifier, Optimizer)


def serialize(obj: Any) -> Any:
    """The configuration of an optimizer."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(obj)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """An optimizer from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects) if isinstance(config, dict) else get(config)
