"""Layers, by Keras' names."""

from __future__ import annotations

from typing import Any

from .. import _catalogue
from .._catalogue.layers import *  # noqa: F401,F403
from .._catalogue.layers import __all__ as _all
from .._input import Input
from .._input_spec import InputSpec
from .._layer import Layer
from .._object import python_hint
from .._wrapper import Wrapper

__all__ = [*_all, "Input", "InputSpec", "Layer", "Wrapper", "add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
           "deserialize", "serialize"]


def _merge(name: str) -> Any:
    def call(inputs: Any, **kwargs: Any) -> Any:
        return getattr(_catalogue.layers, name)(**kwargs)(inputs)

    call.__name__, call.__doc__ = name.lower(), f"`layers.{name}(**kwargs)(inputs)`."
    return call


add, average, maximum, minimum = _merge("Add"), _merge("Average"), _merge("Maximum"), _merge("Minimum")
multiply, subtract = _merge("Multiply"), _merge("Subtract")


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`layers.Concatenate(axis)(inputs)`."""
    return _catalogue.layers.Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`layers.Dot(axes)(inputs)`."""
    return _catalogue.layers.Dot(axes=axes, **kwargs)(inputs)


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
