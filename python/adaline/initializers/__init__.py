"""Initializers, by Keras' names."""

from __future__ import annotations

import sys
from typing import Any

from .._catalogue.initializers import *  # noqa: F401,F403
from .._catalogue.initializers import __all__ as _all
from .._catalogue.names import INITIALIZERS
from .._public import found
from .._initializer import Initializer

__all__ = [*_all, "Initializer", "get", "serialize", "deserialize"]


def get(identifier: Any) -> Any:
    """A initializer from its name, configuration or class."""
    return found("initializer", sys.modules[__name__], INITIALIZERS, identifier, Initializer)


def serialize(obj: Any) -> Any:
    """The configuration of a initializer."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(obj)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A initializer from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects) if isinstance(config, dict) else get(config)
