"""Activations, by Keras' names: functions of arrays and of symbolic values."""

from __future__ import annotations

import sys
from typing import Any

from .._catalogue import functions as _functions
from .._catalogue.functions import *  # noqa: F401,F403
from .._catalogue.names import ACTIVATIONS
from .._public import found

__all__ = [*_functions.__all__, "get", "serialize", "deserialize"]


class _Never:
    pass


def get(identifier: Any) -> Any:
    """An activation from its name; none is `linear`."""
    if identifier is None:
        return _functions.linear
    return found("activation function", sys.modules[__name__], ACTIVATIONS, identifier, _Never)


def serialize(activation: Any) -> Any:
    """The name of an activation."""
    return getattr(activation, "__name__", activation)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """An activation from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects) if isinstance(config, dict) else get(config)
