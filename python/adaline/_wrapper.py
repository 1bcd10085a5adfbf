"""The base of layers around a layer."""

from __future__ import annotations

from typing import Any, Dict

from ._layer import Layer
from ._object import plain


class Wrapper(Layer):
    """A layer around another one; to be derived from, with a `call` that calls `self.layer`.

    Args:
        layer: The layer within.
        **kwargs: `name`, `trainable`, `dtype` and what else all layers take.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please ensure wrapped layer is a valid Keras layer. "
                f"{type(self).__name__} holds a layer, got one of type {type(layer).__name__}: give it an instance of layers.Layer"
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer within."""
        if not self.layer.built:
            self.layer.build(input_shape)
        self.built = True

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "layer": plain(self.layer)}

    @classmethod
    def from_config(cls, config: Dict[str, Any], custom_objects: Any = None) -> "Wrapper":
        """One of these arguments."""
        from .saving import deserialize_keras_object

        rest = {k: v for k, v in config.items() if k != "layer"}
        return cls(deserialize_keras_object(config["layer"], custom_objects), **rest)
