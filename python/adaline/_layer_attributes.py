"""What layers of the catalogue say of themselves: their arguments as attributes, with Keras' defaults and types."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from ._adaline import LayerHandle
from ._cell import read_base
from ._object import KerasObject

#: Arguments that Keras keeps as tuples, in attributes and in configurations.
_TUPLES = frozenset(("batch_shape", "cropping", "dilation_rate", "dims", "kernel_size", "noise_shape", "output_padding",
                     "output_shape", "output_size", "padding", "pool_size", "size", "strides", "target_shape"))

#: Arguments that may be of the name of a weight, which is what the attribute then means.
_WEIGHTS = ("mean", "variance", "weights")

#: Weights that a layer lacks where an argument is false; they are none then.
_OPTIONAL = {"bias": "use_bias", "gamma": "scale", "beta": "center"}

#: Layers without weights, which Keras calls built from the beginning.
BUILT = frozenset((
    "Activation", "ActivityRegularization", "AlphaDropout", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "Dropout", "ELU",
    "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D",
    "GlobalMaxPooling2D", "GlobalMaxPooling3D", "Identity", "InputLayer", "LeakyReLU", "Masking", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
    "ReLU", "Reshape", "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "UnitNormalization",
))


def tuples(value: Any) -> Any:
    """Lists as tuples, those within them too."""
    return tuple(tuples(v) for v in value) if isinstance(value, (list, tuple)) else value


def _holds_layer(value: Any) -> bool:
    from ._layer import Layer

    if isinstance(value, (list, tuple)):
        return any(_holds_layer(v) for v in value)
    return isinstance(value, Layer)


class LayerAttributes(KerasObject):
    """The part of a layer that knows its arguments.

    Arguments are kept as they were given. What an attribute shows is made of them when it is asked for: objects of initializers, regularizers and
    constraints, functions of activations, and for the rest what the compiled side read, with its defaults.
    """

    _handle: Optional[LayerHandle]
    _homes: Dict[Any, Any]

    def _arguments(self, **values: Any) -> None:
        from .config import image_data_format

        self.__dict__["_args"] = values
        if values.get("data_format", "") is None and image_data_format() != "channels_last":
            values["data_format"] = image_data_format()
        for name, value in values.items():
            # Layers within layers are found by their attributes.
            if _holds_layer(value):
                self.__dict__[name] = value
        if "mask_zero" in values:
            self.__dict__["supports_masking"] = bool(values["mask_zero"])

    def __setattr__(self, name: str, value: Any) -> None:
        args = self.__dict__.get("_args")
        if args is None or name not in args or self._is_custom or hasattr(type(self), name):
            object.__setattr__(self, name, value)
            return
        # An argument that is changed afterwards counts from the next call on.
        args[name] = value
        self.__dict__.pop(name, None)
        if _holds_layer(value):
            self.__dict__[name] = value
        self.__dict__.update(_handle=None, _changed=True)

    def __dir__(self) -> List[str]:
        return sorted({*object.__dir__(self), *self.__dict__.get("_args", ())})

    @property
    def _is_custom(self) -> bool:
        return True

    _own_activation: Any

    @property
    def _compiled(self) -> LayerHandle:
        raise NotImplementedError

    def _read_config(self) -> Dict[str, Any]:
        """Its arguments as the compiled side reads them, with all defaults."""
        told: Dict[str, Any] = json.loads((read_base(self) if self._is_custom or self._own_activation is not None else self._compiled).config)
        return {k: tuples(v) if k in _TUPLES or (k == "axis" and self._class == "Normalization") else v for k, v in told.items()}

    def _argument(self, name: str) -> Any:
        """An argument as Keras' attribute of its name has it."""
        from . import activations, constraints, initializers, regularizers

        given = self._args[name]
        for ending, getter in (("_initializer", initializers.get), ("_regularizer", regularizers.get), ("_constraint", constraints.get),
                               ("activation", activations.get)):
            if name.endswith(ending):
                made = getter(given)
                if made is not given and ending != "activation":
                    self._args[name] = made
                return made
        if given is None or name in _TUPLES:
            try:
                read = self._read_config().get(name, given)
            except (TypeError, ValueError):  # what is within it is of Python alone
                return tuples(given) if name in _TUPLES else given
            return given if isinstance(read, dict) else read
        return given

    def _derived(self, name: str) -> Any:
        """What Keras' layers tell of themselves besides their arguments; none where it is not of them."""
        kind, args = self._class or "", self._args
        if kind == "Bidirectional" and name in ("forward_layer", "return_sequences", "return_state", "stateful"):
            return args["layer"] if name == "forward_layer" else getattr(args["layer"], name)
        if name == "rank" and "Conv" in kind and kind[-1:] == "D" or kind.endswith("Transpose") and name == "rank":
            return int(kind.replace("Transpose", "")[-2])
        if name == "output_size" and kind in ("LSTMCell", "GRUCell", "SimpleRNNCell"):
            return args["units"]
        if name == "state_size" and kind in ("LSTM", "LSTMCell"):
            return [args["units"]] * 2
        if name == "state_size" and kind in ("GRU", "SimpleRNN"):
            return [args["units"]]
        if name == "state_size" and kind in ("GRUCell", "SimpleRNNCell"):
            return args["units"]
        return None

    def __getattr__(self, name: str) -> Any:
        known = getattr(type(self), name, None)
        if isinstance(known, property) and known.fget is not None:
            return known.fget(self)  # which has failed, and says why
        if not name.startswith("_"):
            args = self.__dict__.get("_args") or {}
            if name in args and name not in _WEIGHTS:
                return self._argument(name)
            found = self._derived(name) if args else None
            if found is None:
                found = self._weight_named(name)
            if found is not None:
                return found
            if name in args:
                return args[name]
            if self._class is not None and args.get(_OPTIONAL.get(name, "")) is False:
                return None
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _weight_named(self, name: str) -> Any:
        """Its weight of a name, if there is one."""
        raise NotImplementedError
