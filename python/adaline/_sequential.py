"""Chains of layers."""

from __future__ import annotations

import weakref
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from . import _adaline, _seed
from ._adaline import Node
from ._functional import Network
from ._input import input_tensor
from ._keras_tensor import KerasTensor
from ._layer import Layer, _chains
from ._model import Model


class Sequential(Network):
    """Layers one after the other.

    Args:
        layers: The layers; the first may be an `Input`.
        trainable: Whether training changes its weights.
        name: Name.
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: Optional[str] = None) -> None:
        Model.__init__(self, name=name, trainable=trainable)
        self._list: List[Layer] = []
        self._begin_tensor: Optional[KerasTensor] = None
        for layer in [] if layers is None else ([layers] if isinstance(layers, Layer) else layers):
            self.add(layer)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Appends a layer."""
        if isinstance(layer, KerasTensor):
            layer = layer._layer
        if not isinstance(layer, Layer):
            raise ValueError(f"Only instances of `adaline.Layer` can be added to a Sequential model. Received: {layer} (of type {type(layer)})")
        if layer._class == "InputLayer":
            if self._list or self._begin_tensor is not None:
                raise ValueError(f"Sequential model '{self.name}' has already been configured to use input shape {self._shape_text()}. You cannot add "
                                 "a different Input layer to it.")
            self._begin_tensor = input_tensor(layer)
        else:
            if any(other.name == layer.name and other is not layer for other in self._list):
                raise ValueError(f"All layers added to a Sequential model should have unique names. Name {layer.name!r} is already the name of a "
                                 "layer in this model.")
            if not self._list and self._begin_tensor is None:
                if isinstance(layer, Model) and layer.__dict__.get("_begin"):
                    first = layer._begin[0]
                    self._begin_tensor = _input_of(first.shape, first.dtype)
                elif isinstance(layer, Sequential) and layer._begin_tensor is not None:
                    self._begin_tensor = _input_of(layer._begin_tensor.shape, layer._begin_tensor.dtype)
                elif layer._given_shape is not None:
                    self._begin_tensor = _input_of(layer._given_shape, "int32" if layer._class == "Embedding" else "float32")
            self._list.append(layer)
            _chains[layer] = weakref.ref(self)
        self._forget_core()
        if self._begin_tensor is not None and self._list:
            # Layers that do not fit are told where they are added.
            try:
                self._built_core()
            except Exception:
                self._list.pop()
                self._forget_core()
                raise

    def _shape_text(self) -> str:
        return str(self._begin_tensor.shape) if self._begin_tensor is not None else "unknown"

    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer away."""
        if not self._list:
            raise ValueError("there is no layer to take away")
        layer = self._list.pop()
        self._forget_core()
        return layer

    @property
    def layers(self) -> List[Layer]:
        """Its layers, without the input layer."""
        return list(self._list)

    def _sublayers(self) -> List[Layer]:
        return self.__dict__.get("_list", [])

    @property
    def inputs(self) -> List[KerasTensor]:
        """Where it begins."""
        return [self.input]

    @property
    def outputs(self) -> List[KerasTensor]:
        """Where it ends."""
        return [self.output]

    def _called_in_turn(self) -> None:
        """Calls its layers on symbolic tensors, where it knows the shape of its input."""
        if self._begin_tensor is not None:
            self._chain()

    def _chain(self) -> Tuple[KerasTensor, KerasTensor]:
        chain = self.__dict__.get("_chained")
        if chain is None or chain[2] != [id(layer) for layer in self._list]:
            if self._begin_tensor is None:
                raise AttributeError(f"Sequential model '{self.name}' has no defined input shape yet.")
            x = self._begin_tensor
            for layer in self._list:
                x = layer(x)
            chain = self._chained = (self._begin_tensor, x, [id(layer) for layer in self._list])
        return chain[0], chain[1]

    @property
    def input(self) -> KerasTensor:
        """Where it begins."""
        if self._begin_tensor is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined input shape yet.")
        return self._begin_tensor

    @property
    def output(self) -> KerasTensor:
        """Where it ends."""
        return self._chain()[1]

    def _make_core(self, specs: Any) -> Any:
        if not self._list:
            raise ValueError(f"Sequential model {self.name!r} has no layer: add at least one")
        begin = self._begin_tensor
        if begin is None and specs is not None:
            shape, dtype = specs[0]
            dtype = "int32" if self._list[0]._class == "Embedding" else ("float32" if dtype == "uint8" else dtype)
            begin = self._begin_tensor = _input_of((None, *shape[1:]), dtype)
        if begin is None:
            raise ValueError(
                f"model {self.name!r} has no weights yet: it does not know the shape of its input. Begin it with Input(shape=(..)), or call fit, "
                "predict or build(input_shape) first"
            )
        return _adaline.Core.sequential([layer._compiled for layer in self._list], begin._symbol, self.name, _seed.following(), None)

    def _prefixes(self) -> Iterator[Tuple[Layer, str]]:
        for layer in self._list:
            yield layer, layer.name

    def _call_symbolic(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        if args and isinstance(args[0], KerasTensor):
            self._begin_with(args[0].shape, args[0].dtype)
        return super()._call_symbolic(args, kwargs)

    def _call_traced(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        if args and isinstance(args[0], Node):
            self._begin_with((None, *args[0].shape[1:]), args[0].dtype)
        return super()._call_traced(args, kwargs)

    def _begin_with(self, shape: Sequence[Optional[int]], dtype: str) -> None:
        """What it is first called on tells where it begins, if nothing did before."""
        if self._core is None and self._begin_tensor is None:
            self._begin_tensor = _input_of(shape, dtype)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Its layers one after the other."""
        for layer in self._list:
            inputs = layer(inputs)
        return inputs


def _input_of(shape: Sequence[Optional[int]], dtype: str) -> KerasTensor:
    from ._catalogue.layers import InputLayer

    layer = InputLayer(batch_shape=tuple(shape), dtype=dtype)
    return input_tensor(layer)
