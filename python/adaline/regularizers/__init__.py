"""Regularizers, by Keras' names."""

from __future__ import annotations

import sys
from typing import Any

from .._catalogue.regularizers import *  # noqa: F401,F403
from .._catalogue.regularizers import __all__ as _all
from .._catalogue.names import REGULARIZERS
from .._public import found
from .._regularizer import Regularizer

__all__ = [*_all, "Regularizer", "get", "serialize", "deserialize"]


def get(identifier: Any) -> Any:
    """A regularizer from its name, configuration or class."""
    return found("regularizer", sys.modules[__name__], REGULARIZERS, identifier, Regularizer)


def serialize(obj: Any) -> Any:
    """The configuration of a regularizer."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(obj)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A regularizer from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects) if isinstance(config, dict) else get(config)
