"""Optimizers."""

from __future__ import annotations

import inspect
import json
import warnings
from typing import Any, Dict, Optional, Sequence

import numpy as np

from . import _adaline
from ._object import KerasObject, arguments_of, none_told, snake_case


class Optimizer(KerasObject):
    """How weights follow their gradients."""

    _module = "keras.optimizers"
    _args: Dict[str, Any] = {}

    def __init__(self) -> None:
        self._model: Any = None
        self._update: Any = None
        self.built = False

    def _arguments(self, **values: Any) -> None:
        lr = values.pop("lr", None)
        if lr is not None:
            values["learning_rate"] = lr
        known = inspect.signature(type(self).__init__).parameters
        extra = [name for name in values if name not in known]
        if extra and self._class is not None:
            from ._object import python_hint

            raise ValueError(f"Argument(s) not recognized: {', '.join(extra)}{python_hint(known, extra[0])}")
        self._args = values
        for name, value in values.items():
            if name not in ("learning_rate", "name"):
                setattr(self, name, value)
        self.name = values.get("name") or snake_case(type(self).__name__)
        json.loads(_adaline.checked_config("optimizer", json.dumps(self._envelope())))

    def _envelope(self) -> Dict[str, Any]:
        made = super()._envelope()
        made["config"] = {**arguments_of(str(self._class), self._args), **none_told(type(self).__init__, self._args)}
        return made

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        config["name"] = self.name
        if "learning_rate" in config and not isinstance(config["learning_rate"], dict):
            config["learning_rate"] = float(self.learning_rate)
        return config

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next step; may be set between steps."""
        from ._schedule import LearningRateSchedule

        core = self._core
        if core is not None:
            rate = core.learning_rate
            if rate is not None:
                return np.float32(rate)
        if "learning_rate" not in self._args:  # one that wraps another
            return self._args["inner_optimizer"].learning_rate
        rate = self._args["learning_rate"]
        if isinstance(rate, LearningRateSchedule):
            return rate(self.iterations)
        return np.float32(rate)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        from ._schedule import LearningRateSchedule

        if isinstance(value, LearningRateSchedule) or isinstance(self._args.get("learning_rate"), LearningRateSchedule):
            raise TypeError(
                "a learning rate that is a schedule cannot be set between steps: compile again with another optimizer, or begin with a number"
            )
        self._args["learning_rate"] = float(value)
        core = self._core
        if core is not None:
            core.learning_rate = float(value)

    lr = learning_rate

    # Updates with gradients of a program's own.

    def build(self, var_list: Sequence[Any]) -> None:
        """Makes what it keeps of each of these variables."""
        from ._update import Update

        if self._class in ("LossScaleOptimizer", "MultiOptimizer"):
            raise NotImplementedError(f"{self._class} works within `fit`: update with its inner optimizer, with gradients that are not scaled")
        self._update = Update(self._envelope_json(), var_list)
        self.built = True

    def apply(self, grads: Sequence[Any], trainable_variables: Optional[Sequence[Any]] = None) -> None:
        """Updates variables with their gradients.

        Args:
            grads: Gradients, in the order of the variables; those that are none are left out, with their variables.
            trainable_variables: Variables, the same in each call; none for those of `build`.
        """
        grads = list(grads)
        if not grads:
            return
        if trainable_variables is None:
            if self._update is None:
                raise ValueError("When passing `grads` without `variables`, the optimizer must already be built on a list of variables. "
                                 "Call `optimizer.build(trainable_variables)` first.")
            variables = self._update.variables
            if len(grads) != len(variables):
                raise ValueError(f"When passing `grads` as a list of gradient tensors, the gradients must match `optimizer.variables` one-to-on. "
                                 f"Received a list of {len(grads)} gradients, but the optimizer is tracking {len(variables)} trainable variables.")
        else:
            variables = list(trainable_variables)
        if len(grads) != len(variables):
            raise ValueError(f"{len(grads)} gradients were given for {len(variables)} variables: one each is expected")
        missing = [v for g, v in zip(grads, variables) if g is None]
        if len(missing) == len(grads):
            raise ValueError("No gradients provided for any variable.")
        if missing:
            warnings.warn(f"Gradients do not exist for variables {[v.path for v in missing]} when minimizing the loss. If using `model.compile()`, did "
                          "you forget to provide a `loss` argument?", stacklevel=2)
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        if self._update is None:
            self.build([v for _, v in pairs])
        known = self._update.variables
        unknown = [v for _, v in pairs if all(v is not k for k in known)]
        if unknown:
            raise ValueError(f"Unknown variable: {unknown[0]}. This optimizer can only be called for the variables it was originally built with. "
                             "When working with a new set of variables, you should recreate a new optimizer instance.")
        if len(pairs) != len(known):
            raise ValueError(f"the optimizer was built for {len(known)} variables, got gradients of {len(pairs)}: all are updated together")
        by = {id(v): g for g, v in pairs}
        scale = self._args.get("loss_scale_factor") or 1.0  # of the loss that the gradients are of
        self._update([np.asarray(by[id(v)], dtype=np.float32) / np.float32(scale) for v in known])

    def apply_gradients(self, grads_and_vars: Any) -> Any:
        """Updates variables with their gradients, given in pairs; the number of updates so far."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self.iterations

    def _clip_gradients(self, grads: Sequence[Any]) -> Sequence[Any]:
        """Gradients as its clipping leaves them: what a step of size 1 subtracts from zeros."""
        from ._update import Update
        from ._variable import Variable

        arrays = [np.asarray(g, dtype=np.float32) for g in grads]
        clips = {k: v for k, v in self._args.items() if k in ("clipnorm", "clipvalue", "global_clipnorm") and v is not None}
        zeros = [Variable(np.zeros_like(a)) for a in arrays]
        Update(json.dumps({"class_name": "SGD", "config": {"learning_rate": 1.0, **clips}}), zeros)(arrays)
        return [-v.numpy() for v in zeros]

    def finalize_variable_values(self, var_list: Any) -> None:
        """Kept for Keras' programs: `fit` puts averages of weights in their place at its end."""

    @property
    def _core(self) -> Any:
        if self._update is not None and self._model is None:
            return self._update.core
        model = self._model
        core = None if model is None else model._core
        return core if core is not None and core.is_compiled else None

    @property
    def iterations(self) -> Any:
        """Updates made."""
        core = self._core
        return np.int64(0 if core is None else core.iterations)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} learning_rate={self._args.get('learning_rate')}>"


