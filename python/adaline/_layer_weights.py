"""The weights of layers."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from . import _adaline, _seed
from ._cell import parts
from ._layer_attributes import LayerAttributes
from ._variable import Holder, Variable


class LayerWeights(LayerAttributes):
    """The part of a layer that has weights and finds those of layers within it."""

    name: str
    trainable: bool
    built: bool
    _trainable: bool
    _variables: Dict[str, Variable]
    _homes: Dict[Any, Holder]
    _seen: Optional[List[Tuple[Tuple[Optional[int], ...], str]]]

    def add_weight(self, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True, autocast: bool = True,
                   regularizer: Any = None, constraint: Any = None, aggregation: str = "none", overwrite_with_gradient: bool = False,
                   name: Optional[str] = None) -> Variable:
        """Adds a weight.

        Args:
            shape: Shape; `()` for a number.
            initializer: How it begins; none for Glorot's.
            trainable: Whether training changes it.
            regularizer: Penalty on it.
            constraint: What it is put back to after each update.
            name: Name within the layer.
        """
        base = name or "variable"
        name, count = base, 0
        while name in self._variables:
            count += 1
            name = f"{base}_{count}"
        variable = Variable("glorot_uniform" if initializer is None else initializer, () if shape is None else shape, dtype, trainable,
                            name=name, regularizer=regularizer, constraint=constraint, path=f"{self.name}/{name}")
        variable._layer = self
        self._variables[name] = variable
        return variable

    def _weight_node(self, variable: Variable) -> Any:
        """A weight of its own in the graph that is being written."""
        from . import constraints, regularizers

        def told(getter: Any, value: Any) -> Optional[str]:
            made = getter(value)
            return None if made is None else made._envelope_json()

        spec = variable._spec or '{"class_name": "Zeros", "config": {}}'
        return _adaline.trace_weight(
            variable._local_name, list(variable.shape), spec, variable.trainable,
            told(regularizers.get, variable.regularizer), told(constraints.get, variable.constraint),
        )

    def _sublayers(self) -> List[Any]:
        """Layers that it holds in its attributes, in the order in which they were set."""
        if not self._is_custom:
            return [layer for layer, _ in parts(self)]
        found: List[LayerWeights] = []

        def look(value: Any) -> None:
            if isinstance(value, LayerWeights):
                if value is not self and all(value is not f for f in found):
                    found.append(value)
            elif isinstance(value, (list, tuple)):
                for v in value:
                    look(v)
            elif isinstance(value, dict):
                for v in value.values():
                    look(v)

        for key, value in self.__dict__.items():
            if key not in ("_symbols", "_homes"):
                look(value)
        return found

    def _owners(self, prefix: str) -> Iterator[Tuple[Any, str]]:
        """The layers whose weights lie under a path, each with its own."""
        for layer, name in [(layer, layer.name) for layer in self._sublayers()] if self._is_custom else parts(self):
            yield from layer._owners(f"{prefix}/{name}")
        yield self, prefix

    def _adopted(self, holder: Holder, prefix: str) -> None:
        """Hands the weights that lie under a path to the layers they are of."""
        table = holder.core.weights
        taken = set()
        for layer, path in self._owners(prefix):
            for name, shape, trainable in table:
                if name in taken or not name.startswith(path + "/"):
                    continue
                taken.add(name)
                local = name[len(path) + 1:]
                variable = layer._variables.get(local)
                if variable is None or variable.shape != tuple(shape):
                    variable = Variable.__new__(Variable)
                    variable._holder = variable._value = variable._spec = None
                    variable._key, variable._shape, variable._trainable = "", tuple(shape), trainable
                    variable._seed = 0
                    variable.name, variable.path = local.rsplit("/", 1)[-1], f"{layer.name}/{local}"
                    variable.regularizer, variable.constraint = layer._acting_on(variable.name)
                    variable._layer = layer
                    layer._variables[local] = variable
                if not layer._is_custom and layer._trainable:
                    variable._trainable = trainable
                holder.adopt(variable, name)
            layer.built = True

    def _acting_on(self, name: str) -> Tuple[Any, Any]:
        """Regularizer and constraint that its arguments name for a weight."""
        from . import constraints, regularizers

        args: Dict[str, Any] = self.__dict__.get("_args", {})
        inner: Any = args.get("layer", args.get("cell"))
        while isinstance(inner, LayerWeights):
            args = inner.__dict__.get("_args", {})
            inner = args.get("layer", args.get("cell"))
        short = name[: -len("_kernel")] if name.endswith("_kernel") else name

        def argument(ending: str) -> Any:
            found = args.get(f"{name}_{ending}")
            return args.get(f"{short}_{ending}") if found is None else found

        return regularizers.get(argument("regularizer")), constraints.get(argument("constraint"))

    def _home(self, specs: Sequence[Tuple[Tuple[Optional[int], ...], str]], settings: Optional[str] = None) -> Holder:
        """A model of one call of this layer, for calls on arrays and for its weights; `settings` are what the call is told besides tensors."""
        # A layer that is told something else, such as that it is frozen, is read anew.
        key = (self._compiled, settings, *((tuple(shape), dtype) for shape, dtype in specs))
        holder = self._homes.get(key)
        if holder is None:
            inputs = [_adaline.Symbol.input([None if i == 0 and not self._remembers else d for i, d in enumerate(shape)], dtype, f"input_{at}")
                      for at, (shape, dtype) in enumerate(specs)]
            outputs = self._compiled.apply(inputs, settings)
            core = _adaline.Core.functional(inputs, outputs, "home", _seed.following(), None)
            holder = Holder(core)
            self._adopted(holder, self.name)
            if len(self._homes) > 8:
                self._homes.clear()
            self._homes[key] = holder
        holder.refresh()
        return holder

    @property
    def _remembers(self) -> bool:
        """Whether it goes on from the states of the batch before, so that batches have one size."""
        told: Dict[str, Any] = self._args if self._class is not None else {}
        inner = told.get("layer")
        return bool(told.get("stateful")) or (isinstance(inner, LayerWeights) and inner._remembers)

    def reset_state(self) -> None:
        """Makes a stateful layer begin a new sequence, in calls of its own and in the model that it was used in last."""
        if self._class == "Bidirectional" and not self._remembers:
            raise AttributeError(f"Layer must be stateful: layer {self.name!r} remembers nothing from batch to batch; give stateful=True")
        for holder in self._homes.values():
            holder.core.reset_states()
        for variable in self._variables.values():
            if variable._holder is not None:
                # The path of the layer in the model is what comes before the weight's name within the layer.
                local = variable.path[len(self.name) + 1:]
                variable._holder.core.reset_states(variable._key[: -len(local) - 1])
                break
        for layer in self._sublayers():
            if layer._remembers or layer._is_custom:
                layer.reset_state()

    def reset_states(self) -> None:
        """Keras' older name of `reset_state`."""
        self.reset_state()

    def _require(self) -> None:
        if not self._variables and not self._homes and self._seen is not None and self._class != "InputLayer" and not self._is_custom:
            self._home(self._seen)

    @property
    def weights(self) -> List[Variable]:
        """All weights: those that training changes, then the others."""
        own = self.variables
        return [v for v in own if v._trainable] + [v for v in own if not v._trainable]

    @property
    def variables(self) -> List[Variable]:
        """All weights in the order in which they were made."""
        self._require()
        found = list(self._variables.values())
        for layer in self._sublayers():
            found += [v for v in layer.variables if all(v is not f for f in found)]
        return found

    @property
    def trainable_weights(self) -> List[Variable]:
        """Weights that training changes."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> List[Variable]:
        """Weights that it does not change."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> List[np.ndarray]:
        """Values of all weights."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all weights, in the order of `get_weights`."""
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(f"layer {self.name!r} has {len(own)} weights, got {len(weights)} values")
        for variable, value in zip(own, weights):
            variable.assign(value)

    def count_params(self) -> int:
        """Number of values of all weights."""
        return sum(v.size for v in self.weights)

    def _weight_named(self, name: str) -> Any:
        variables = self.__dict__.get("_variables")
        if variables is None:
            return None
        if not variables and not self._is_custom:
            self._require()
        return next((v for v in variables.values() if v.name == name), None)

    # Files of one's own.

    def save_own_variables(self, store: Any) -> None:
        """Writes its own weights, not those of layers within it, into a dict, by their places: `"0"`, `"1"`, .."""
        for at, variable in enumerate(self._own_weights()):
            store[f"{at}"] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Takes the weights that `save_own_variables` wrote."""
        own = self._own_weights()
        if len(store) != len(own):
            hint = f". It has not been built: call build(input_shape) of layer {self.name!r} first" if not own and not self.built else ""
            raise ValueError(f"Layer '{self.name}' expected {len(own)} variables, but received {len(store)} variables during loading{hint}. "
                             f"Expected: {[v.name for v in own]}")
        for at, variable in enumerate(own):
            variable.assign(store[f"{at}"])

    def _own_weights(self) -> List[Variable]:
        self._require()
        own = list(self._variables.values())
        return [v for v in own if v._trainable] + [v for v in own if not v._trainable]
