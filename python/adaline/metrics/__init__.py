"""Metrics, by Keras' names: classes and functions."""

from __future__ import annotations

import sys
from typing import Any, Optional, Tuple

from .._catalogue import functions as _functions
from .._catalogue.functions import *  # noqa: F401,F403
from .._catalogue.metrics import *  # noqa: F401,F403
from .._catalogue.metrics import __all__ as _all
from .._catalogue.names import METRICS
from .._mean_metric import MeanMetricWrapper
from .._public import found, registered
from .._metric import Metric

__all__ = [*_all, "Metric", "get", "serialize", "deserialize"]


def get(identifier: Any) -> Any:
    """One from its name, configuration or class; names in snake case are functions."""
    return found("metric", sys.modules[__name__], METRICS, identifier, Metric)


def _function(name: str) -> Optional[Tuple[Any, bool]]:
    return registered(name)


def serialize(obj: Any) -> Any:
    """Its configuration."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(obj)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """One from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects) if isinstance(config, dict) else get(config)


_ = _functions
