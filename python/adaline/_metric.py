"""Metrics."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import numpy as np

from . import _adaline
from ._eager import op
from ._loss import _array
from ._object import KerasObject, arguments_of, snake_case
from ._variable import Variable


@op
def _added(handle: Any, y_true: Any, y_pred: Any, weight: Any) -> Any:
    return handle.update(y_true, y_pred, weight)


class Metric(KerasObject):
    """A number that tells how good predictions are, summed up over batches.

    To write one, make its sums with `add_weight` (zeros) in `__init__`, add to them in `update_state(y_true, y_pred, sample_weight)` with
    `assign_add`, and compute the number in `result()`. `update_state` is traced once and compiled into the training step.

    Args:
        dtype: Kept for Keras' programs.
        name: Name.
    """

    _module = "keras.metrics"
    _args: Dict[str, Any] = {}

    def __init__(self, dtype: Any = None, name: Optional[str] = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self._dtype = dtype
        self._sums_: Optional[List[np.ndarray]] = None
        self._shapes: Any = None
        self._own: List[Variable] = []

    @property
    def dtype(self) -> str:
        """Type of its values."""
        return "float32"

    @property
    def _is_custom(self) -> bool:
        return type(self)._class is None or type(self).update_state is not Metric.update_state

    @property
    def _handle(self) -> Any:
        made = self.__dict__.get("_made")
        if made is None:
            made = self._made = _adaline.MetricHandle(json.dumps(self._envelope()))
        return made

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name, **super().get_config()}

    def _envelope(self) -> Dict[str, Any]:
        made = super()._envelope()
        if self._class is not None:
            made["config"] = arguments_of(self._class, {"name": self.name, **self._args})
        return made

    # Sums of metrics written in Python.

    def add_weight(self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: Optional[str] = None) -> Variable:
        """Adds a sum, which begins with zeros."""
        variable = _Sum("zeros", tuple(shape), trainable=False, name=name)
        self._own.append(variable)
        return variable

    add_variable = add_weight

    @property
    def variables(self) -> List[Variable]:
        """Its sums."""
        if self._is_custom:
            return list(self._own)
        return [] if self._sums_ is None else [Variable(s, trainable=False) for s in self._sums_]

    def _sums(self) -> List[List[int]]:
        return [list(v.shape) for v in self._own]

    def _trace_update(self, y_true: Any, y_pred: Any, weight: Any) -> List[Any]:
        added: Dict[int, Any] = {}
        for v in self._own:
            v._added = added
        try:
            self.update_state(y_true, y_pred, sample_weight=weight) if weight is not None else self.update_state(y_true, y_pred)
        finally:
            for v in self._own:
                v._added = None
        return [_adaline.broadcast_to(added.get(id(v), 0.0), list(v.shape)) for v in self._own]

    def _result_of(self, sums: List[List[float]]) -> List[float]:
        before = [v.numpy() for v in self._own]
        for v, s in zip(self._own, sums):
            v.assign(np.asarray(s, dtype=np.float32).reshape(v.shape))
        try:
            return [float(r) for r in np.asarray(self.result(), dtype=np.float64).ravel()]
        finally:
            for v, s in zip(self._own, before):
                v.assign(s)

    # By itself.

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Adds a batch: labels, predictions, weights; for a mean of values the values alone."""
        if self._class is None:
            raise NotImplementedError(f"{type(self).__name__} defines no update_state(y_true, y_pred, sample_weight)")
        weight = kwargs.pop("sample_weight", None)
        args = (*args, *kwargs.values())
        if self._class in ("Mean", "Sum"):
            y_pred = _array(args[0])
            if len(args) > 1 and weight is None:
                weight = args[1]
            y_true: Any = np.zeros(y_pred.shape[:1] if y_pred.ndim else (), dtype=np.float32)
            if y_pred.ndim == 0:
                y_pred, y_true = y_pred.reshape(1), y_true.reshape(1)
        else:
            y_true, y_pred = _array(args[0]), _array(args[1])
            if len(args) > 2 and weight is None:
                weight = args[2]
        weight = None if weight is None else np.broadcast_to(np.asarray(weight, dtype=np.float32), np.shape(weight) or y_pred.shape[:1])
        shapes = (list(y_true.shape), list(y_pred.shape))
        added = _added(self._handle, y_true, y_pred, weight)
        if self._sums_ is None:
            self._sums_ = [np.zeros(shape, dtype=np.float32) for _, shape in self._handle.sums(*shapes)]
        self._shapes = shapes
        self._sums_ = [s + np.asarray(a).reshape(s.shape) for s, a in zip(self._sums_, added)]

    def reset_state(self) -> None:
        """Begins anew."""
        self._sums_ = None
        for v in self._own:
            v.assign(np.zeros(v.shape, dtype=np.float32))

    reset_states = reset_state

    def result(self) -> Any:
        """The number for all batches so far."""
        if self._class is None:
            raise NotImplementedError(f"{type(self).__name__} defines no result()")
        if self._sums_ is None:
            return np.float32(0.0)
        values = self._handle.results(self._sums_, *self._shapes)
        return np.float32(values[0]) if len(values) == 1 else np.asarray(values, dtype=np.float32)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Adds a batch and gives the number so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class _Sum(Variable):
    """A sum of a metric: within a graph it notes what is added."""

    _added: Optional[Dict[int, Any]] = None

    def assign_add(self, value: Any) -> Variable:
        if self._added is not None:
            before = self._added.get(id(self))
            self._added[id(self)] = value if before is None else before + value
            return self
        return self.assign(self.numpy() + np.asarray(value))

    def assign(self, value: Any) -> Variable:
        if self._added is not None:
            raise NotImplementedError(
                "a metric within a compiled step can only add to its sums: use assign_add in update_state, and compute in result()"
            )
        return super().assign(value)

    def _as_node(self) -> Any:
        raise NotImplementedError("a metric within a compiled step cannot read its sums: add to them with assign_add, and read them in result()")


class MeanMetricFunction(Metric):
    """A function of labels and predictions as a metric: the mean of its values."""

    def __init__(self, fn: Any, name: Optional[str] = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name or getattr(fn, "__name__", "metric"), dtype=dtype)
        self._fn, self._fn_kwargs = fn, kwargs
        self.total, self.count = self.add_weight(name="total"), self.add_weight(name="count")

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
