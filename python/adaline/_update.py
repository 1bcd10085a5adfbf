"""Updates of weights with gradients that a program brings itself: `optimizer.apply(gradients, variables)`.

The update is the one of training: it is compiled as the training step of a model whose output is the sum of weights times gradients, of which the
derivative by the weights is the gradients. So what an optimizer keeps, clips and averages is never written twice.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from . import _adaline, _seed
from ._layer import Layer
from ._loss import Loss
from ._object import auto_name
from ._variable import Holder, Variable


class _Sum(Loss):
    """What the model gives is the loss."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred


class _Weights(Layer):
    """The sum of weights times gradients `(B, ..)`, as `(B, 1)`; updates have one row."""

    def call(self, gradients: Any) -> Any:
        from . import constraints, ops

        total: Any = None
        for gradient, (name, variable) in zip(gradients if isinstance(gradients, list) else [gradients], list(self._variables.items())):
            constraint = constraints.get(variable.constraint)
            weight = _adaline.trace_weight(name, list(variable.shape), '{"class_name": "Zeros", "config": {}}', True, None,
                                           None if constraint is None else constraint._envelope_json())
            part = ops.sum(ops.reshape(gradient * weight, [gradient.shape[0], -1]), axis=-1, keepdims=True)
            total = part if total is None else total + part
        return total


class Update:
    """The compiled update of some variables by an optimizer; `decays` says which of them decay."""

    def __init__(self, envelope: str, variables: Sequence[Variable], decays: Optional[Callable[[Any], bool]] = None) -> None:
        self.variables = list(variables)
        layer = _Weights(name=auto_name("update"))
        for at, variable in enumerate(self.variables):
            variable.numpy()  # the first values are its own, not those of the model
            layer._variables[f"w{at}_{variable.path}"] = variable  # some optimizers choose weights by their paths
        inputs = [_adaline.Symbol.input([None, *v.shape], "float32", f"gradient_{at}") for at, v in enumerate(self.variables)]
        self.core = _adaline.Core.functional(inputs, layer._compiled.apply(inputs), layer.name, _seed.following(), None)
        self.holder = Holder(self.core)
        layer._adopted(self.holder, layer.name)
        self.core.compile(envelope, [(self.core.output_names[0], _Sum(reduction="sum"), 1.0, [], [])], False)
        undecayed = [key for variable, key in self.holder.entries if decays is not None and not decays(variable)]
        if undecayed:
            self.core.exclude_from_weight_decay(undecayed)

    def readable(self, name: str) -> str:
        """The name of what is kept of a variable, with the variable's path alone: `update/w0_dense/kernel/momentum` as `dense/kernel/momentum`."""
        return re.sub(r"^[^/]*/w\d+_", "", name)

    def memory_of(self, variable: Variable) -> Dict[str, str]:
        """What the rule remembers of a variable, and of all together: names within the optimizer's memory, by what they say."""
        own = next(at for at, v in enumerate(self.variables) if v is variable)
        found: Dict[str, str] = {}
        for name in self.core.optimizer_variables():
            of_weight = re.search(r"/w(\d+)_.*/([^/]*)$", name)
            if of_weight is None and "/" in name:
                found["/" + name.rsplit("/", 1)[1]] = name
            elif of_weight is not None and int(of_weight.group(1)) == own:
                found[of_weight.group(2)] = name
        return found

    def __call__(self, gradients: List[Any]) -> None:
        """One update; variables without a gradient, and what is kept of them, stay as they are."""
        arrays = []
        for gradient, variable in zip(gradients, self.variables):
            array = np.asarray(np.zeros(variable.shape) if gradient is None else gradient, dtype=np.float32, order="C")
            if array.shape != variable.shape:
                raise ValueError(f"the gradient of variable {variable.path!r} has shape {array.shape}, expected {variable.shape}")
            arrays.append(array[None])
        self.holder.refresh()
        missing = [at for at, gradient in enumerate(gradients) if gradient is None]
        weights = [(self.variables[at], self.variables[at].numpy()) for at in missing]
        kept = [(name, self.core.optimizer_variable(name)) for name in (self.core.optimizer_variables() if missing else []) if self._is_of(name, missing)]
        self.core.train_on_batch(arrays, [np.zeros((1, 1), dtype=np.float32)], None)
        for variable, value in weights:
            variable.assign(value)
        for name, value in kept:
            self.core.set_optimizer_variable(name, value)

    @staticmethod
    def _is_of(name: str, places: List[int]) -> bool:
        """Whether it is memory of one of these variables; averages and sums of gradients go on as for all."""
        found = re.search(r"/w(\d+)_.*/([^/]*)$", name)
        return found is not None and int(found.group(1)) in places and found.group(2) not in ("average", "gradient_accumulator")
