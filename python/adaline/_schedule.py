"""Learning rates as functions of the iteration."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _adaline
from ._object import KerasObject


class LearningRateSchedule(KerasObject):
    """A learning rate for each iteration."""

    _module = "keras.optimizers.schedules"
    _args: dict = {}

    def _arguments(self, **values: Any) -> None:
        super()._arguments(**values)
        _adaline.checked_config("schedule", self._envelope_json())

    def __call__(self, step: Any) -> np.float32:
        """The learning rate at an iteration, counted from 0."""
        return np.float32(_adaline.schedule_at(self._envelope_json(), max(int(step), 0)))
