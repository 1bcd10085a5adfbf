"""Initializers, by Keras' names."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .._catalogue.initializers import *  # noqa: F401,F403
from .._catalogue.initializers import __all__ as _all
from .._catalogue.names import INITIALIZERS
from .._public import found
from .._initializer import Initializer
from .._variable import Variable

__all__ = [*_all, "Initializer", "get", "serialize", "deserialize"]


def get(identifier: Any) -> Any:
    """An initializer from its name, configuration or class; of an array a function that gives it."""
    if isinstance(identifier, (np.ndarray, np.generic, Variable)):
        values = np.array(identifier)

        def given(shape: Any, dtype: Any = None) -> np.ndarray:
            if tuple(shape) != values.shape:
                raise ValueError(f"Expected `shape` to be {values.shape} for an array as initializer. Received: shape={tuple(shape)}")
            return values.astype(dtype or "float32")

        return given
    return found("initializer", sys.modules[__name__], INITIALIZERS, identifier, Initializer)


def serialize(obj: Any) -> Any:
    """The configuration of a initializer."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(obj)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A initializer from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects) if isinstance(config, dict) else get(config)
