"""Learning-rate schedules, by Keras' names."""

from __future__ import annotations

from typing import Any

from .._catalogue.schedules import *  # noqa: F401,F403
from .._catalogue.schedules import __all__ as _all
from .._schedule import LearningRateSchedule

__all__ = [*_all, "LearningRateSchedule", "serialize", "deserialize"]


def serialize(obj: Any) -> Any:
    """The configuration of a schedule."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(obj)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A schedule from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)
