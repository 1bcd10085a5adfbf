"""Optimizers."""

from __future__ import annotations

import inspect
import json
from typing import Any, Dict, List, Optional

import numpy as np

from . import _adaline
from ._object import KerasObject, arguments_of, snake_case


class Optimizer(KerasObject):
    """How weights follow their gradients."""

    _module = "keras.optimizers"
    _args: Dict[str, Any] = {}

    def __init__(self) -> None:
        self._model: Any = None
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
        made["config"] = arguments_of(str(self._class), self._args)
        return made

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        config["name"] = self.name
        if not isinstance(config.get("learning_rate"), dict):
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

    @property
    def _core(self) -> Any:
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


