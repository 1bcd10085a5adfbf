"""Optimizers."""

from __future__ import annotations

import inspect
import json
import re
import warnings
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from . import _adaline
from ._object import KerasObject, arguments_of, auto_name, python_hint, snake_case
from ._optimizer_checks import check_arguments
from ._optimizer_variable import OptimizerVariable
from ._schedule import LearningRateSchedule
from ._variable import Variable


class Optimizer(KerasObject):
    """How weights follow their gradients."""

    _module = "keras.optimizers"
    _args: Dict[str, Any] = {}
    loss_scale_factor: Any

    def __init__(self) -> None:
        self._model: Any = None
        self._update: Any = None
        #: The optimizer that it is within, whose compiled update holds its variables.
        self._outer: Any = None
        self._steps = 0
        #: Variables that it was built for, and sums of gradients of those that are overwritten by theirs.
        self._built_for: List[Any] = []
        self._overwritten: Dict[int, np.ndarray] = {}
        self._undecayed: Tuple[List[Any], Any] = ([], None)
        self._alone: Dict[int, Any] = {}
        self.built = False

    def _arguments(self, **values: Any) -> None:
        lr = values.pop("lr", None)
        if lr is not None:
            values["learning_rate"] = lr
        if values.get("decay", 0) is None or values.get("decay") == 0:
            values.pop("decay", None)
        known = inspect.signature(type(self).__init__).parameters
        extra = [name for name in values if name not in known]
        if extra and self._class is not None:
            raise ValueError(f"Argument(s) not recognized: {', '.join(extra)}{python_hint(known, extra[0])}")
        if isinstance(values.get("learning_rate"), dict):
            from .saving import deserialize_keras_object

            values["learning_rate"] = deserialize_keras_object(values["learning_rate"])
        self._args = values
        for name, value in values.items():
            if name not in ("learning_rate", "name"):
                setattr(self, name, value)
        self.name = values.get("name") or auto_name(snake_case(type(self).__name__))
        check_arguments(type(self), values)
        json.loads(_adaline.checked_config("optimizer", self._envelope_json()))

    def _current(self) -> Dict[str, Any]:
        """Arguments as attributes have them now."""
        return {k: v if k in ("learning_rate", "name") else getattr(self, k, v) for k, v in self._args.items()}

    def _told_envelope(self) -> Dict[str, Any]:
        """As the compiled side takes it: a name that nobody gave does not count, so that equal programs have equal settings."""
        made = super()._envelope()
        values = self._current()
        if callable(values.get("learning_rate")) and not isinstance(values["learning_rate"], LearningRateSchedule):
            values["learning_rate"] = float(values["learning_rate"]())
        made["config"] = arguments_of(type(self), values)
        return made

    def _envelope_json(self) -> str:
        return json.dumps(self._told_envelope())

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        from ._object import plain

        config = {k: plain(v) for k, v in self._current().items()}
        config["name"] = self.name
        if "learning_rate" in config and not isinstance(config["learning_rate"], (dict, str)):
            config["learning_rate"] = float(self.learning_rate)
        return config

    # Where its variables lie.

    @property
    def _core(self) -> Any:
        """The compiled model that it trains, or its own compiled update."""
        if not self._trains_model:
            return None if self._update is None else self._update.core
        model = self._model
        core = None if model is None else model._core
        return core if core is not None and core.is_compiled and core.is_built else None

    @property
    def _trains_model(self) -> bool:
        """Whether a model was compiled with it, or with the one that it is within."""
        if self._model is not None:
            return self._model.optimizer is self
        return self._outer is not None and self._outer._trains_model

    def _kept(self) -> Optional[Tuple[Any, List[str]]]:
        """What is compiled, and the names there of its variables, the iteration first."""
        core = self._core
        if core is not None:
            return core, core.optimizer_variables()
        return None if self._outer is None else self._outer._kept_of(self)

    def _named(self, name: str) -> Optional[Tuple[Any, str]]:
        """The one that begins with a name."""
        kept = self._kept()
        found = [] if kept is None else [n for n in kept[1] if re.fullmatch(rf"{name}(_\d+)?", n)]
        return (kept[0], found[0]) if kept is not None and found else None

    def _read_steps(self) -> int:
        core = self._core
        if core is not None:
            return int(core.training_steps)
        kept = self._named("iteration")
        if kept is None:
            return self._steps
        return int(kept[0].training_steps if self._current().get("gradient_accumulation_steps") else kept[0].optimizer_variable(kept[1]))

    def _write_steps(self, value: np.ndarray) -> None:
        self._steps = int(value)
        core = self._core
        if core is not None:
            core.training_steps = int(value)

    def _read_rate(self) -> float:
        core = self._core
        rate = None if core is None else core.learning_rate
        if rate is None:
            kept = self._named("learning_rate") if core is None else None
            rate = float(kept[0].optimizer_variable(kept[1])) if kept is not None else self._args["learning_rate"]
        return float(rate)

    def _write_rate(self, value: Any) -> None:
        rate = float(value)
        if not np.isfinite(rate) or rate < 0.0:
            raise ValueError(f"{type(self).__name__}: `learning_rate` is {rate}, but must be a finite number of at least 0")
        self._args["learning_rate"] = rate
        core = self._core
        if core is not None:
            core.learning_rate = rate
            return
        kept = self._named("learning_rate")
        if kept is not None:
            kept[0].set_optimizer_variable(kept[1], np.float32(rate).reshape(()))

    @property
    def _iterations(self) -> OptimizerVariable:
        return OptimizerVariable("iteration", self._read_steps, self._write_steps, "int32", f"{self.name}/iteration")

    @property
    def iterations(self) -> Any:
        """Updates made: a variable, where gradients are accumulated a number."""
        steps = self._current().get("gradient_accumulation_steps")
        return np.int32(self._read_steps() // steps) if steps else self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next step: a variable, which may be set between steps; with a schedule or a function its value."""
        rate = self._args["learning_rate"]
        if isinstance(rate, LearningRateSchedule):
            return rate(self._read_steps())
        if callable(rate):
            return rate()
        return OptimizerVariable("learning_rate", self._read_rate, self._write_rate, path=f"{self.name}/learning_rate")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule) or callable(value):
            self._args["learning_rate"] = value
            core = self._core
            if core is not None and isinstance(value, LearningRateSchedule):
                core.set_learning_rate_schedule(value._envelope_json())
            return
        if isinstance(self._args.get("learning_rate"), LearningRateSchedule):
            raise TypeError("This optimizer was made with a schedule, which decides its learning rate: a number cannot be set between steps. Set another "
                            "schedule, or begin with a number")
        self._write_rate(value)

    lr = learning_rate

    def _slot(self, core: Any, name: str) -> OptimizerVariable:
        local = name.split("/", 1)[1] if "/" in name else name
        if self._update is not None and core is self._update.core:
            local = self._update.readable(local)
        return OptimizerVariable(local.replace("/", "_"), lambda: core.optimizer_variable(name),
                                 lambda value: core.set_optimizer_variable(name, value), path=f"{self.name}/{local.replace('/', '_')}")

    def _slots(self, ending: str = "") -> List[OptimizerVariable]:
        """Those that it keeps for weights, and for all of them."""
        kept = self._kept()
        return [] if kept is None else [self._slot(kept[0], n) for n in kept[1] if "/" in n and n.endswith(ending)]

    @property
    def _first_variables(self) -> List[Any]:
        rate = self._args.get("learning_rate")
        return [self._iterations] if callable(rate) else [self._iterations, self.learning_rate]

    @property
    def variables(self) -> List[Any]:
        """What it keeps: the number of steps, the learning rate unless a schedule or a function gives it, then what it remembers of each weight once it
        is built."""
        return [*self._first_variables, *self._slots()]

    def _per_variable(self, slots: List[OptimizerVariable], overwritten: bool) -> List[Any]:
        """One entry for each variable that it was built for; `None`, or their sums, for those that gradients overwrite."""
        if not self._overwritten:
            return slots
        rest = iter(slots)
        made: List[Any] = []
        for variable in self._built_for:
            if id(variable) not in self._overwritten:
                made.append(next(rest))
            else:
                made.append(self._overwritten[id(variable)].copy() if overwritten else None)
        return made

    @property
    def _model_variables_moving_average(self) -> List[Any]:
        return self._per_variable(self._slots("/average"), False)

    @property
    def _accumulated_gradients(self) -> List[Any]:
        return self._per_variable(self._slots("/gradient_accumulator"), True)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Values of its `variables`, in their order."""
        if not self.built and self._core is None:
            raise ValueError(f"You are calling `set_weights()` on an optimizer that is not built: {type(self).__name__} has no memory of weights yet. "
                             "Call `optimizer.build(trainable_variables)`, or train one step, first")
        own = self.variables
        if len(own) != len(weights):
            raise ValueError(f"{type(self).__name__} has {len(own)} variables, got values for {len(weights)}")
        for variable, value in zip(own, weights):
            variable.assign(value.numpy() if isinstance(value, Variable) else value)

    def get_weights(self) -> List[np.ndarray]:
        """Values of its `variables`."""
        return [v.numpy() for v in self.variables]

    def save_own_variables(self, store: Any) -> None:
        """Puts the values of its variables into a dict, by their numbers."""
        for at, variable in enumerate(self.variables):
            store[str(at)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Takes what `save_own_variables` put there."""
        own = self.variables
        if len(store.keys()) != len(own):
            warnings.warn(f"Skipping variable loading for optimizer '{self.name}', because it has {len(own)} variables whereas the saved optimizer has "
                          f"{len(store.keys())} variables", stacklevel=2)
            return
        for at, variable in enumerate(own):
            variable.assign(np.asarray(store[str(at)]))

    # Weight decay.

    def exclude_from_weight_decay(self, var_list: Optional[Sequence[Any]] = None, var_names: Optional[Sequence[str]] = None) -> None:
        """Takes variables out of weight decay, in place of those of an earlier call. To be called before the optimizer is built.

        Args:
            var_list: Variables.
            var_names: Parts of names (as regular expressions): `["bias"]` takes out all biases.
        """
        if self.built or self._core is not None:
            raise ValueError("`exclude_from_weight_decay()` can only be configured before the optimizer is built.")
        self._undecayed = (list(var_list or []), re.compile("|".join(sorted(set(var_names)))) if var_names else None)

    def _use_weight_decay(self, variable: Any) -> bool:
        variables, names = self._undecayed
        return all(variable is not v for v in variables) and (names is None or names.search(variable.name) is None)

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """The decay of an update alone: what one without gradients does."""
        from ._update import Update

        Update(self._envelope_json(), variables, self._use_weight_decay)([np.zeros(v.shape, dtype=np.float32) for v in variables])

    # Training of models.

    def _compile(self, core: Any, entries: Sequence[Tuple[Any, str]], objectives: Any, auto_scale_loss: bool) -> None:
        """Hands it to a compiled model, of which `entries` are the variables with their names there."""
        core.compile(self._envelope_json(), objectives, auto_scale_loss)
        undecayed = [key for variable, key in entries if variable.trainable and not self._use_weight_decay(variable)]
        if undecayed:
            core.exclude_from_weight_decay(undecayed)

    def _before_steps(self, core: Any) -> None:
        """Before steps of a compiled model: a function is asked for the learning rate."""
        rate = self._args.get("learning_rate")
        if callable(rate) and not isinstance(rate, LearningRateSchedule):
            core.learning_rate = float(rate())

    # Updates with gradients of a program's own.

    def build(self, var_list: Sequence[Any]) -> None:
        """Makes what it keeps of each of these variables."""
        from ._update import Update

        self._built_for = list(var_list)
        self._overwritten = {id(v): np.zeros(v.shape, dtype=np.float32) for v in self._built_for if getattr(v, "overwrite_with_gradient", False)}
        learned = [v for v in self._built_for if id(v) not in self._overwritten]
        if learned:
            self._update = Update(self._envelope_json(), learned, self._use_weight_decay)
            if self._steps:
                self._update.core.training_steps = self._steps
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
        variables = self._variables_of(grads, trainable_variables)
        if len(grads) != len(variables):
            raise ValueError(f"{len(grads)} gradients were given for {len(variables)} variables: one each is expected")
        missing = [v for g, v in zip(grads, variables) if g is None]
        if len(missing) == len(grads):
            raise ValueError("No gradients provided for any variable.")
        if missing:
            warnings.warn(f"Gradients do not exist for variables {[v.path for v in missing]} when minimizing the loss. If using `model.compile()`, did "
                          "you forget to provide a `loss` argument?", stacklevel=2)
        if not self.built:
            self.build(variables)
        unknown = [v for v in variables if all(v is not k for k in self._built_for)]
        if unknown:
            raise ValueError(f"Unknown variable: {unknown[0]}. This optimizer can only be called for the variables it was originally built with. "
                             "When working with a new set of variables, you should recreate a new optimizer instance.")
        by = {id(v): np.asarray(g, dtype=np.float32) for g, v in zip(grads, variables) if g is not None}
        steps = self._read_steps()
        self._overwrite(by, steps)
        if self._update is not None and any(id(v) in by for v in self._update.variables):
            self._before_steps(self._update.core)
            scale = np.float32(self._current().get("loss_scale_factor") or 1.0)  # of the loss that the gradients are of
            self._update([by[id(v)] / scale if id(v) in by else None for v in self._update.variables])
        else:
            self._write_steps(np.asarray(steps + 1))

    def _variables_of(self, grads: List[Any], given: Optional[Sequence[Any]]) -> List[Any]:
        if given is not None:
            return list(given)
        if not self.built:
            raise ValueError("When passing `grads` without `variables`, the optimizer must already be built on a list of variables. "
                             "Call `optimizer.build(trainable_variables)` first.")
        if len(grads) != len(self._built_for):
            raise ValueError(f"When passing `grads` as a list of gradient tensors, the gradients must match `optimizer.variables` one-to-on. "
                             f"Received a list of {len(grads)} gradients, but the optimizer is tracking {len(self._built_for)} trainable variables.")
        return self._built_for

    def _overwrite(self, gradients: Dict[int, np.ndarray], steps: int) -> None:
        """Gradients in the place of variables that ask for it; of several micro-batches their maximum."""
        every = self._current().get("gradient_accumulation_steps") or 1
        for variable in self._built_for:
            gradient = gradients.get(id(variable))
            if id(variable) not in self._overwritten or gradient is None:
                continue
            most = np.maximum(gradient, self._overwritten[id(variable)]) if every > 1 else gradient
            now = (steps + 1) % every == 0
            if now:
                variable.assign(most)
            self._overwritten[id(variable)] = np.zeros_like(most) if now else most

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """The rule alone for one of the variables that it was built for: no clipping, decay, averages or sums of gradients, and no step is counted."""
        from ._update import Update

        if self._update is None or all(variable is not v for v in self._update.variables):
            raise ValueError(f"{type(self).__name__} was not built for variable {variable.path!r}: call `optimizer.build(trainable_variables)` first")
        alone = self._alone.get(id(variable))
        if alone is None:
            told = self._told_envelope()
            others = ("clipnorm", "clipvalue", "global_clipnorm", "use_ema", "gradient_accumulation_steps", "loss_scale_factor")
            told["config"] = {**{k: v for k, v in told["config"].items() if k not in others}, "learning_rate": float(learning_rate)}
            alone = self._alone[id(variable)] = Update(json.dumps(told), [variable], lambda _: False)
        alone.core.training_steps, alone.core.learning_rate = int(self.iterations), float(learning_rate)
        memory = self._update.memory_of(variable)
        for name, there in alone.memory_of(variable).items():
            alone.core.set_optimizer_variable(there, self._update.core.optimizer_variable(memory[name]))
        alone([np.asarray(gradient, dtype=np.float32)])
        for name, there in alone.memory_of(variable).items():
            self._update.core.set_optimizer_variable(memory[name], alone.core.optimizer_variable(there))

    def apply_gradients(self, grads_and_vars: Any) -> Any:
        """Updates variables with their gradients, given in pairs; the number of steps so far."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def stateless_apply(self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]) -> Tuple[List[Any], List[Any]]:
        """New values of the variables that it was built for, and of its own, from values given: nothing that it holds changes."""
        if not self.built:
            raise ValueError(f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. its variables must have been created). You can build it "
                             "via `optimizer.build(trainable_variables)`.")
        own, trained = self.variables, list(self._built_for)
        for name, wanted, given in (("optimizer_variables", own, optimizer_variables), ("trainable_variables", trained, trainable_variables)):
            if len(wanted) != len(given):
                raise ValueError(f"Argument `{name}` must have a value for each of {len(wanted)} variables of {type(self).__name__}, got {len(given)}")
        everything = [*trained, *own]
        before = [v.numpy() for v in everything]
        try:
            for variable, value in zip(everything, [*trainable_variables, *optimizer_variables]):
                variable.assign(np.asarray(value))
            self.apply(grads)
            return [v.numpy() for v in trained], [v.numpy() for v in own]
        finally:
            for variable, value in zip(everything, before):
                variable.assign(value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss that gradients are to be taken of: times `loss_scale_factor`, where there is one."""
        factor = self._current().get("loss_scale_factor")
        return loss if factor is None else loss * factor

    def _clip_gradients(self, grads: Sequence[Any]) -> Sequence[Any]:
        """Gradients as its clipping leaves them: what a step of size 1 subtracts from zeros."""
        from ._update import Update

        arrays = [np.asarray(g, dtype=np.float32) for g in grads]
        clips = {k: v for k, v in self._current().items() if k in ("clipnorm", "clipvalue", "global_clipnorm") and v is not None}
        zeros = [Variable(np.zeros_like(a)) for a in arrays]
        Update(json.dumps({"class_name": "SGD", "config": {"learning_rate": 1.0, **clips}}), zeros)(arrays)
        return [-v.numpy() for v in zeros]

    def finalize_variable_values(self, var_list: Any) -> None:
        """Puts averages of weights (`use_ema`) in their place; `fit` does so at its end."""
        if self._update is None or self._core is not self._update.core:
            return
        for variable, average in zip(self._built_for, self._model_variables_moving_average):
            if average is not None and any(variable is v for v in var_list):
                variable.assign(average.numpy())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} learning_rate={self._args.get('learning_rate')}>"
