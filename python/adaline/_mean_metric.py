"""Functions of labels and predictions as metrics."""

from __future__ import annotations

import json
import types
from typing import Any, Optional

import numpy as np

from ._catalogue.metrics import MeanMetricWrapper as _MeanMetricWrapper
from ._metric import Metric
from ._object import KerasObject


class MeanMetricFunction(Metric):
    """A function of labels and predictions as a metric: the mean of its values."""

    def __init__(self, fn: Any, name: Optional[str] = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name or getattr(fn, "__name__", "metric"), dtype=dtype)
        self._fn, self._fn_kwargs = fn, kwargs
        self.total, self.count = self.add_weight(name="total"), self.add_weight(name="count")

    def _file_json(self) -> Optional[str]:
        from .saving import function_envelope

        return json.dumps(function_envelope(self._fn)) if isinstance(self._fn, types.FunctionType) else None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        from . import ops

        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if sample_weight is not None:
            weight = ops.broadcast_to(ops.reshape(sample_weight, list(sample_weight.shape) + [1] * (len(values.shape) - len(sample_weight.shape))),
                                      values.shape)
            self.total.assign_add(ops.sum(values * weight))
            self.count.assign_add(ops.sum(weight))
        else:
            self.total.assign_add(ops.sum(values))
            self.count.assign_add(float(np.prod(values.shape)) if values.shape else 1.0)

    def result(self) -> Any:
        """The mean."""
        count = float(self.count.numpy())
        return np.float32(float(self.total.numpy()) / count) if count else np.float32(0.0)


def _is_known(function: Any) -> bool:
    """Whether it is a function of the catalogue, which the compiled side has."""
    from . import losses, metrics

    name = getattr(function, "__name__", "")
    return any(getattr(module, name, None) is function for module in (losses, metrics))


class MeanMetricWrapper(_MeanMetricWrapper):
    __doc__ = _MeanMetricWrapper.__doc__

    def __init__(self, fn: Any, name: Optional[str] = None, dtype: Any = None, **kwargs: Any) -> None:
        # A program's own function is not the one of the same name in the catalogue.
        self._is_own = callable(fn) and not isinstance(fn, KerasObject) and not _is_known(fn)
        if not self._is_own:
            super().__init__(fn, name, dtype, **kwargs)
            return
        Metric.__init__(self, name=name, dtype=dtype)
        self._args = dict(fn=fn, **kwargs)
        self._fn, self._fn_kwargs = fn, kwargs
        self.total, self.count = self.add_weight(name="total"), self.add_weight(name="count")

    @property
    def _is_custom(self) -> bool:
        return self._is_own

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Adds a batch: labels, predictions, weights."""
        (MeanMetricFunction if self._is_own else Metric).update_state(self, *args, **kwargs)  # type: ignore[arg-type]

    def result(self) -> Any:
        """The mean."""
        return (MeanMetricFunction if self._is_own else Metric).result(self)  # type: ignore[arg-type]
