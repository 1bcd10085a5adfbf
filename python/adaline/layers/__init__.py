"""Layers, by Keras' names."""

from __future__ import annotations

from typing import Any

from .._catalogue.layers import *  # noqa: F401,F403
from .._catalogue.layers import __all__ as _all
from .._input import Input
from .._input_spec import InputSpec
from .._layer import Layer
from .._object import python_hint
from .._wrapper import Wrapper

__all__ = [*_all, "Input", "InputSpec", "Layer", "Wrapper", "deserialize", "serialize"]


def deserialize(config: Any, custom_objects: Any = None) -> Layer:
    """A layer from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)


def serialize(layer: Layer) -> Any:
    """The configuration of a layer."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(layer)


def __getattr__(name: str) -> Any:
    if name == "Lambda":
        raise AttributeError("there is no Lambda: a function cannot be saved safely. Write a class derived from layers.Layer with a `call`, or use "
                             "functions of adaline.ops on symbolic tensors")
    if name.startswith("_"):
        raise AttributeError(name)
    raise AttributeError(f"there is no layer {name!r}{python_hint(_all, name)}")
