"""A loss that is scaled while gradients are computed, for updates by hand as for `fit`."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ._catalogue.optimizers import LossScaleOptimizer as _LossScaleOptimizer
from ._optimizer import Optimizer
from ._optimizer_variable import OptimizerVariable

#: What all optimizers take: here the inner optimizer has it. Older files hold these values.
_OF_INNER: Dict[str, Any] = {
    "weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None, "use_ema": False, "ema_momentum": 0.99,
    "ema_overwrite_frequency": None, "loss_scale_factor": None, "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(_LossScaleOptimizer):
    __doc__ = _LossScaleOptimizer.__doc__

    def __init__(self, inner_optimizer: Optimizer, initial_scale: float = 32768.0, dynamic_growth_steps: int = 2000, name: Optional[str] = None,
                 **kwargs: Any) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError("LossScaleOptimizer has a scale that changes, got dynamic=False: set `loss_scale_factor` of the inner optimizer, and use that alone")
        for key, default in _OF_INNER.items():
            if kwargs.pop(key, default) != default:
                raise ValueError(f"LossScaleOptimizer does not support `{key}`. Instead, set `{key}` on the `inner_optimizer`.")
        if kwargs:
            raise ValueError(f"LossScaleOptimizer does not support arguments: `{'`, `'.join(kwargs)}`.")
        if not isinstance(inner_optimizer, Optimizer):
            raise ValueError(f"LossScaleOptimizer: `inner_optimizer` is an optimizer, such as optimizers.Adam(), got {inner_optimizer!r}")
        super().__init__(inner_optimizer, initial_scale, dynamic_growth_steps, name)
        inner_optimizer.loss_scale_factor = None  # else gradients would be divided twice
        inner_optimizer._outer = self
        self._scale, self._since = np.float32(initial_scale), 0

    @property
    def _inner(self) -> Optimizer:
        inner: Optimizer = self._args["inner_optimizer"]
        return inner

    def _kept_of(self, inner: Optimizer) -> Any:
        """What is compiled, and the names there of the inner optimizer's variables: its own are four."""
        kept = self._kept()
        return None if kept is None else (kept[0], kept[1][4:])

    def _own(self, name: str) -> Any:
        kept = self._kept()
        return None if kept is None else next(((kept[0], n) for n in kept[1][:4] if n.endswith(name)), None)

    def _read(self, name: str, value: Any) -> Any:
        kept = self._own(name)
        return value if kept is None else kept[0].optimizer_variable(kept[1])

    def _write_scale(self, value: Any) -> None:
        self._scale = np.float32(value)
        kept = self._own("/dynamic_scale")
        if kept is not None:
            kept[0].set_optimizer_variable(kept[1], np.asarray(self._scale))

    def _write_since(self, value: Any) -> None:
        self._since = int(value)
        kept = self._own("/step_counter")
        if kept is not None:
            kept[0].set_optimizer_variable(kept[1], np.asarray(value, dtype=np.float32))

    @property
    def dynamic_scale(self) -> OptimizerVariable:
        """The scale of the next step."""
        return OptimizerVariable("dynamic_scale", lambda: self._read("/dynamic_scale", self._scale), self._write_scale, path=f"{self.name}/dynamic_scale")

    @property
    def step_counter(self) -> OptimizerVariable:
        """Steps since the scale last changed."""
        return OptimizerVariable("step_counter", lambda: self._read("/step_counter", self._since), self._write_since, "int32",
                                 f"{self.name}/step_counter")

    @property
    def _first_variables(self) -> List[Any]:
        def refuse(value: Any) -> None:
            if np.any(np.asarray(value) != 0):
                raise ValueError(f"{self.name} only wraps another optimizer, which counts iterations and has the learning rate: set those of inner_optimizer")

        return [OptimizerVariable("iteration", lambda: 0, refuse, "int32", f"{self.name}/iteration"),
                OptimizerVariable("learning_rate", lambda: 0.0, refuse, path=f"{self.name}/learning_rate")]

    @property
    def variables(self) -> List[Any]:
        """What it keeps: numbers that do not count here, and once it is built the steps since the scale changed, the scale; then those of the inner
        optimizer."""
        own = [self.step_counter, self.dynamic_scale] if self.built or self._core is not None else []
        return [*self._first_variables, *own, *self._inner.variables]

    @property
    def iterations(self) -> Any:
        """Updates made: those of the inner optimizer."""
        return self._inner.iterations

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self._inner.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._inner.learning_rate = value

    def exclude_from_weight_decay(self, var_list: Optional[Sequence[Any]] = None, var_names: Optional[Sequence[str]] = None) -> None:
        """Takes variables out of the inner optimizer's weight decay."""
        self._inner.exclude_from_weight_decay(var_list, var_names)

    def _use_weight_decay(self, variable: Any) -> bool:
        return self._inner._use_weight_decay(variable)

    def _before_steps(self, core: Any) -> None:
        self._inner._before_steps(core)

    def build(self, var_list: Sequence[Any]) -> None:
        """Makes what the inner optimizer keeps of each of these variables."""
        self._built_for = list(var_list)
        self._inner.build(var_list)
        self.built = True

    def apply(self, grads: Sequence[Any], trainable_variables: Optional[Sequence[Any]] = None) -> None:
        """Divides gradients by the scale and hands them to the inner optimizer; where one of them is not finite, the scale is halved instead.

        Args:
            grads: Gradients of the scaled loss, in the order of the variables.
            trainable_variables: Variables, the same in each call; none for those of `build`.
        """
        grads = list(grads)
        variables = self._variables_of(grads, trainable_variables)
        if not self.built:
            self.build(variables)
        scale = self.dynamic_scale.numpy()
        if not all(np.isfinite(np.asarray(g)).all() for g in grads if g is not None):
            self._write_since(0)
            self._write_scale(scale * np.float32(0.5))
            return
        kept = [g if g is None or getattr(v, "overwrite_with_gradient", False) else np.asarray(g, dtype=np.float32) / scale
                for g, v in zip(grads, variables)]
        self._inner.apply(kept, variables)
        since = int(self.step_counter) + 1
        grows = since >= self._args["dynamic_growth_steps"]
        self._write_since(0 if grows else since)
        if grows:
            self._write_scale(scale * np.float32(2.0))

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale."""
        return loss * self.dynamic_scale.numpy()

    def finalize_variable_values(self, var_list: Any) -> None:
        """Puts averages of weights in their place, where the inner optimizer keeps them."""
        self._inner.finalize_variable_values(var_list)

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name, "inner_optimizer": self._inner._envelope(), "initial_scale": self._args["initial_scale"],
                "dynamic_growth_steps": self._args["dynamic_growth_steps"]}
