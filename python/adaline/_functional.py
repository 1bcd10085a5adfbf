"""Networks between symbolic tensors."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from . import _adaline, _seed
from ._adaline import LayerHandle
from ._calls import Call, call_of
from ._eager import flat, nested
from ._keras_tensor import KerasTensor
from ._layer import Layer
from ._model import Model


class Network(Model):
    """What the compiled side knows as a network of layers: it is no class of one's own with a `call`."""

    @property
    def _is_custom(self) -> bool:
        return False

    def _owners(self, prefix: str) -> Iterator[Tuple[Layer, str]]:
        for layer, name in self._prefixes():
            yield from layer._owners(f"{prefix}/{name}")

    @property
    def _compiled(self) -> LayerHandle:
        if self._handle is None or self._flags() != self._flagged:
            self._handle = self._as_layer()
        return self._handle


class Functional(Network):
    """A network between symbolic tensors, as `Model(inputs, outputs)` makes it."""

    def __init__(self, inputs: Any = None, outputs: Any = None, name: Optional[str] = None, **kwargs: Any) -> None:
        trainable = kwargs.pop("trainable", True)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to Functional: {', '.join(kwargs)}")
        Model.__init__(self, name=name)
        given: List[KerasTensor] = []
        flat(inputs, given)
        ends: List[KerasTensor] = []
        self._outputs_structure = flat(outputs, ends)
        if self._outputs_structure is not None and not isinstance(outputs, dict) and len(ends) == 1 and not isinstance(outputs, (list, tuple)):
            self._outputs_structure = None
        for kind, tensors in (("inputs", given), ("outputs", ends)):
            for t in tensors:
                if not isinstance(t, KerasTensor):
                    raise ValueError(
                        f"All `{kind}` values must be KerasTensors. Received: {kind}={t!r} of type {type(t).__name__}: begin with Input(shape=(..))"
                    )
        self._input_keys = list(inputs) if isinstance(inputs, dict) else None
        self._output_keys = list(outputs) if isinstance(outputs, dict) else None
        self._inputs_, self._outputs_ = inputs, outputs
        self._begin, self._end = given, ends
        self._own_layers: List[Layer] = _layers_between(given, ends)
        self.inputs, self.outputs = given, ends
        self._built_core()
        if not trainable:
            self.trainable = False

    @property
    def input(self) -> Any:
        """Where it begins."""
        return self._inputs_

    @property
    def output(self) -> Any:
        """Where it ends."""
        return self._outputs_

    @property
    def layers(self) -> List[Layer]:
        """Its layers, input layers first."""
        return list(self._own_layers)

    def _sublayers(self) -> List[Layer]:
        return self.__dict__.get("_own_layers", [])

    def _make_core(self, specs: Any) -> Any:
        core = _adaline.Core.functional([t._symbol for t in self._begin], [t._symbol for t in self._end], self.name, _seed.following(), None)
        # Keras' order, before the weights are told of: theirs is that of the layers.
        order = {n: i for i, n in enumerate(core.layer_names)}
        self._own_layers.sort(key=lambda layer: order.get(layer.name, -1))
        return core

    def _prefixes(self) -> Iterator[Tuple[Layer, str]]:
        for layer in self._own_layers:
            if layer._class != "InputLayer":
                yield layer, layer.name

    def _call_of(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Call:
        rest = dict(kwargs)
        x = args[0] if len(args) == 1 else (list(args) if args else rest.pop("inputs", None))
        tensors: List[Any] = []
        if isinstance(x, dict):
            tensors += [x[k] for k in self._input_keys or [t.name for t in self._begin]]
        else:
            flat(x, tensors)
        made = call_of(self, (), {k: v for k, v in rest.items() if k in ("training", "mask")})
        return Call(tensors + made.tensors, made.masks, made.training)

    def _results(self, results: List[Any]) -> Any:
        if self._outputs_structure is not None:
            return nested(self._outputs_structure, iter(results))
        return results[0] if len(results) == 1 else list(results)


def _layers_between(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> List[Layer]:
    """The layers on the way, each once."""
    found: List[Layer] = []
    seen = set()
    left = list(outputs)
    stop = {id(t._layer) for t in inputs}
    while left:
        tensor = left.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if all(tensor._layer is not layer for layer in found):
            found.append(tensor._layer)
        if id(tensor._layer) not in stop:
            left.extend(tensor._inputs)
    for t in inputs:
        if all(t._layer is not layer for layer in found):
            found.append(t._layer)
    found.reverse()
    return found
