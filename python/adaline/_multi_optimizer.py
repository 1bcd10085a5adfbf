"""Several optimizers, each with variables of its own."""

from __future__ import annotations

import json
import re
from collections.abc import MutableMapping
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from . import _adaline
from ._catalogue.optimizers import MultiOptimizer as _MultiOptimizer
from ._loss_scale import LossScaleOptimizer
from ._object import KerasObject, auto_name
from ._optimizer import Optimizer


class OptimizerMap(KerasObject, MutableMapping):
    """Which optimizer has which variables: others than the default by texts, each the path of a variable or a regular expression for whole paths, such as
    `".*encoder/.*"`.

    Args:
        default_optimizer: That of variables that no text describes.
        optimizer_map: Optimizers by texts; more by `map[text] = optimizer`.
    """

    _class = "OptimizerMap"
    _module = "keras.optimizers"

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Optional[Dict[str, Optimizer]] = None) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be an optimizer, such as optimizers.Adam(). Received: {default_optimizer!r}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary of optimizers by texts. Received: {optimizer_map!r}")
        self._default_optimizer = default_optimizer
        self._optimizer_map: Dict[str, Optimizer] = optimizer_map or {}

    @property
    def default_optimizer(self) -> Optimizer:
        """That of variables that no text describes."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [text for text in self._optimizer_map if re.fullmatch(text, key)]
        if len(found) > 1:
            raise ValueError(f"variable {key!r} is described by {found}: one text at most may describe a variable")
        return self._optimizer_map[found[0]] if found else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"an OptimizerMap has texts that describe paths of variables as keys, such as '.*encoder/.*'. Received: {key!r}")
        if key in self._optimizer_map:
            raise ValueError(f"{key!r} is in the OptimizerMap already, with {self._optimizer_map[key]}: delete it first")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"an OptimizerMap has optimizers as values, such as optimizers.Adam(). Received: {optimizer!r}")
        for wrapper in (LossScaleOptimizer, MultiOptimizer):
            if isinstance(optimizer, wrapper):
                raise ValueError(f"optimizer cannot be {wrapper.__name__}. Wrap the MultiOptimizer instead, or give its inner optimizer")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Any) -> Optimizer:
        """That of a variable."""
        return self[variable.path]

    def _compiles(self) -> bool:
        """Whether the compiled side understands it as it is, so that files can hold it: an optimizer for each text, in which `.`, `.*`, `^` at the
        beginning and `$` at the end may stand."""
        each = [*self._optimizer_map.values(), self._default_optimizer]
        plain = [re.sub(r"^\^|\$$", "", text).replace(".*", "") for text in self._optimizer_map]
        return len({id(o) for o in each}) == len(each) and not any(re.search(r"[\^$*+?()\[\]{}|\\]", text) for text in plain)

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        return {"default_optimizer": self._default_optimizer._envelope(),
                "optimizer_map": {text: optimizer._envelope() for text, optimizer in self._optimizer_map.items()}}

    def _told_envelope(self) -> Dict[str, Any]:
        each = {text: optimizer._told_envelope() for text, optimizer in self._optimizer_map.items()}
        return {"module": self._module, "class_name": self._class, "registered_name": None,
                "config": {"default_optimizer": self._default_optimizer._told_envelope(), "optimizer_map": each}}

    @classmethod
    def from_config(cls, config: Dict[str, Any], custom_objects: Any = None) -> "OptimizerMap":
        """One of the arguments that `get_config` gives."""
        from .saving import deserialize_keras_object

        return cls(deserialize_keras_object(config["default_optimizer"], custom_objects),
                   {text: deserialize_keras_object(o, custom_objects) for text, o in (config.get("optimizer_map") or {}).items()})


class MultiOptimizer(_MultiOptimizer):
    """Hands each variable to one of several optimizers. Each counts, clips and remembers for its own variables. It has no learning rate: set those of
    `optimizers`.

    Args:
        optimizer_map: An `OptimizerMap`, or a function that gives the optimizer of a variable (files cannot hold one).
        loss_scale_factor: Factor of the loss while gradients are computed, in place of those of its optimizers.
        name: Name; none for one made of the class's.
    """

    def __init__(self, optimizer_map: Union[OptimizerMap, Callable[[Any], Optimizer]], loss_scale_factor: Optional[float] = None,
                 name: Optional[str] = None) -> None:
        Optimizer.__init__(self)
        self._optimizer_map = optimizer_map
        self._inner_optimizers: List[Optimizer] = []
        #: Numbers of the optimizers in the compiled update.
        self._parts: Dict[int, int] = {}
        self._var_to_optimizer_idx: Dict[int, int] = {}
        self._args = dict(optimizer_map=optimizer_map, loss_scale_factor=loss_scale_factor, name=name)
        self.name = name or auto_name("multi_optimizer")
        self._loss_scale_factor = loss_scale_factor
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in [*optimizer_map.values(), optimizer_map.default_optimizer]:
                self._include(optimizer)
            if optimizer_map._compiles() and not any(isinstance(o, (LossScaleOptimizer, MultiOptimizer)) for o in self._inner_optimizers):
                json.loads(_adaline.checked_config("optimizer", self._envelope_json()))

    def _include(self, optimizer: Optimizer) -> int:
        """Number of an optimizer, which is one of its own from now on."""
        for at, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return at
        optimizer.loss_scale_factor = self._loss_scale_factor
        optimizer._outer = self
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def _owner(self, variable: Any) -> int:
        optimizer = self._optimizer_map(variable)
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"the optimizer of variable {variable.path!r} is an object of adaline.optimizers, such as Adam(), got {optimizer!r}")
        for wrapper in (LossScaleOptimizer, MultiOptimizer):
            if isinstance(optimizer, wrapper):
                raise ValueError(f"{wrapper.__name__} cannot be used inside an MultiOptimizer. Give its inner optimizer for variable {variable.path!r}")
        return self._include(optimizer)

    @property
    def optimizers(self) -> List[Optimizer]:
        """Its optimizers: those of the texts, then the default; of a function those that it gave."""
        return self._inner_optimizers

    @property
    def loss_scale_factor(self) -> Any:
        """Factor of the loss, of all its optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: Any) -> None:
        self._loss_scale_factor = value
        for optimizer in self._inner_optimizers:
            optimizer.loss_scale_factor = value

    @property
    def learning_rate(self) -> Any:
        """None: its optimizers have one each."""
        raise AttributeError("a MultiOptimizer has no learning rate: each of its `optimizers` has one")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError("a MultiOptimizer has no learning rate that could be set: set those of its `optimizers`")

    def _write_rate(self, value: Any) -> None:
        pass

    @property
    def _first_variables(self) -> List[Any]:
        from ._optimizer_variable import OptimizerVariable

        return [self._iterations, OptimizerVariable("learning_rate", lambda: 0.0, self._write_rate, path=f"{self.name}/learning_rate")]

    @property
    def variables(self) -> List[Any]:
        """What it keeps: the number of steps, a number that does not count, then the variables of its optimizers."""
        return [*self._first_variables, *(v for optimizer in self._inner_optimizers for v in optimizer.variables)]

    def _kept_of(self, inner: Optimizer) -> Any:
        """What is compiled, and the names there of an optimizer's variables."""
        # A model of a file is compiled already, with an `OptimizerMap`.
        parts = self._parts or {id(optimizer): at for at, optimizer in enumerate(self._in_files())}
        kept, part = self._kept(), parts.get(id(inner))
        if kept is None or part is None:
            return None
        begins = [at for at, name in enumerate(kept[1]) if re.fullmatch(r"iteration(_\d+)?", name)][1:]
        ends = [*begins[1:], len(kept[1])]
        return kept[0], kept[1][begins[part]:ends[part]]

    def _in_files(self) -> List[Optimizer]:
        """Its optimizers as files and the compiled side have them: by the order of texts, then the default."""
        chosen = self._optimizer_map
        return [*(chosen[text] for text in sorted(chosen)), chosen.default_optimizer] if isinstance(chosen, OptimizerMap) else self._inner_optimizers

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        if not isinstance(self._optimizer_map, OptimizerMap):
            raise ValueError(f"{self.name} chooses optimizers by a function, which files cannot hold: use an OptimizerMap in its place")
        return {"optimizer_map": self._optimizer_map._envelope(), "loss_scale_factor": self._loss_scale_factor, "name": self.name}

    def exclude_from_weight_decay(self, var_list: Optional[Sequence[Any]] = None, var_names: Optional[Sequence[str]] = None) -> None:
        """Takes variables out of weight decay, whichever optimizer has them."""
        Optimizer.exclude_from_weight_decay(self, var_list, var_names)

    def _use_weight_decay(self, variable: Any) -> bool:
        return Optimizer._use_weight_decay(self, variable) and self._inner_optimizers[self._owner(variable)]._use_weight_decay(variable)

    def _compile(self, core: Any, entries: Sequence[Tuple[Any, str]], objectives: Any, auto_scale_loss: bool) -> None:
        trained = [(variable, key) for variable, key in entries if variable.trainable]
        owners = {key: self._owner(variable) for variable, key in trained}
        if isinstance(self._optimizer_map, OptimizerMap) and self._optimizer_map._compiles():
            order = self._in_files()
            core.compile(self._envelope_json(), objectives, auto_scale_loss)
        else:
            order = self._inner_optimizers
            several = dict(optimizers=[o._envelope_json() for o in order], owners=owners, loss_scale_factor=self._loss_scale_factor, name=self.name)
            core.compile("", objectives, auto_scale_loss, several)
        self._parts = {id(optimizer): at for at, optimizer in enumerate(order)}
        undecayed = [key for variable, key in trained if not self._use_weight_decay(variable)]
        if undecayed:
            core.exclude_from_weight_decay(undecayed)

    def _before_steps(self, core: Any) -> None:
        for optimizer in self._inner_optimizers:
            rate = optimizer._args.get("learning_rate")
            if callable(rate) and not hasattr(rate, "_envelope_json"):
                kept = optimizer._named("learning_rate")
                if kept is not None:
                    import numpy as np

                    kept[0].set_optimizer_variable(kept[1], np.float32(rate()).reshape(()))

    def build(self, var_list: Sequence[Any]) -> None:
        """Makes what its optimizers keep of their variables."""
        if self.built:
            return
        self._built_for = list(var_list)
        self._var_to_optimizer_idx = {self._var_key(v): self._owner(v) for v in self._built_for}
        for at, optimizer in enumerate(self._inner_optimizers):
            own = [v for v in self._built_for if self._var_to_optimizer_idx[self._var_key(v)] == at]
            if own:
                if self._undecayed != ([], None):
                    optimizer.exclude_from_weight_decay(var_list=[v for v in own if not self._use_weight_decay(v)])
                optimizer.build(own)
        self.built = True

    @staticmethod
    def _var_key(variable: Any) -> int:
        return id(variable)

    def apply(self, grads: Sequence[Any], trainable_variables: Optional[Sequence[Any]] = None) -> None:
        """Hands gradients to the optimizers of their variables.

        Args:
            grads: Gradients, in the order of the variables.
            trainable_variables: Variables, the same in each call; none for those of `build`.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_of(grads, trainable_variables)
        if not self.built:
            self.build(variables)
        if len(grads) != len(self._built_for):
            raise ValueError(f"{len(grads)} gradients were given for {len(self._built_for)} variables: one each is expected")
        for at, optimizer in enumerate(self._inner_optimizers):
            own = [(g, v) for g, v in zip(grads, variables) if self._var_to_optimizer_idx[self._var_key(v)] == at]
            if own:
                optimizer.apply([g for g, _ in own], [v for _, v in own])
        self._steps += 1

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`, where there is one."""
        return loss if self._loss_scale_factor is None else loss * self._loss_scale_factor

    def finalize_variable_values(self, var_list: Any) -> None:
        """Puts averages of weights in their place, where its optimizers keep them."""
        for optimizer in self._inner_optimizers:
            optimizer.finalize_variable_values(var_list)

    def __repr__(self) -> str:
        return f"<MultiOptimizer of {len(self._inner_optimizers)} optimizers>"
