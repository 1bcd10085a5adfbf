"""Metrics."""

from __future__ import annotations

import contextlib
import json
import warnings
from typing import Any, Dict, List, Optional

import numpy as np

from . import _adaline
from ._eager import op
from ._loss import _array
from ._metric_checks import check_arguments, complete
from ._metric_sums import Count, Sum, WholeSum
from ._object import KerasObject, arguments_of, file_json, snake_case
from ._variable import Variable

#: Metrics whose type is that of what they count: whole numbers unless another is asked for.
_COUNTING = ("IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU")

#: Attributes that Keras' programs read, and the names of the sums behind them.
_OTHER_NAMES = {"total_cm": "total_confusion_matrix", "total_mse": "residual"}


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
        from ._layer import _dtype_name

        self.name = name or snake_case(type(self).__name__)
        self._dtype = _dtype_name(dtype) or ("int32" if self._class in _COUNTING else "float32")
        self._kept: List[Variable] = []
        self._shapes: Any = None
        self._own: List[Sum] = []

    def _arguments(self, **values: Any) -> None:
        check_arguments(str(self._class), values)
        super()._arguments(**values)
        complete(self)
        # Wrong arguments are told here, not when the metric is first asked.
        if not self._is_custom:
            self._handle  # noqa: B018

    @property
    def dtype(self) -> str:
        """Type that was asked for; values are computed in `float32`."""
        return self._dtype

    @property
    def _is_custom(self) -> bool:
        return type(self)._class is None or type(self).update_state is not Metric.update_state

    @property
    def _handle(self) -> Any:
        made = self.__dict__.get("_made")
        if made is None:
            made = self._made = _adaline.MetricHandle(self._envelope_json())
        return made

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name, "dtype": self.dtype, **super().get_config()}

    def _told_envelope(self) -> Dict[str, Any]:
        """As the compiled side takes it, which computes in `float32`."""
        made = super()._envelope()
        if self._class is not None:
            made["config"] = arguments_of(type(self), {"name": self.name, **self._args})
            if self._class in _COUNTING:
                made["config"]["dtype"] = "int32" if "int" in self._dtype else "float32"  # of either kind there is one
        return made

    def _envelope_json(self) -> str:
        return json.dumps(self._told_envelope())

    def _file_json(self) -> Optional[str]:
        """What files say of it, where it can be said."""
        return file_json(self._envelope)

    # Sums of metrics written in Python.

    def add_weight(self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: Optional[str] = None) -> Variable:
        """Adds a sum, which begins with zeros."""
        variable = Sum("zeros", tuple(shape), trainable=False, name=name)
        self._own.append(variable)
        return variable

    add_variable = add_weight

    @property
    def variables(self) -> List[Variable]:
        """Its sums, those in its attributes, and those of metrics in its attributes."""
        if not self._is_custom:
            if not self._kept:
                with contextlib.suppress(Exception):  # some have as many sums as there are classes, which predictions tell
                    self._prepare([2], [2])
            told = self._handle.variables([v.numpy() for v in self._kept])
            return list(self._kept) if told is None else [Count(self, name, at) for at, (name, _) in enumerate(told)]
        found: List[Variable] = list(self._own)

        def look(value: Any) -> None:
            if isinstance(value, Metric):
                found.extend(v for v in value.variables if all(v is not f for f in found))
            elif isinstance(value, Variable):
                found.extend([] if any(value is f for f in found) else [value])
            elif isinstance(value, (list, tuple)):
                for v in value:
                    look(v)
            elif isinstance(value, dict):
                look(list(value.values()))

        for name, value in self.__dict__.items():
            if name not in ("_own", "_kept"):
                look(value)
        return found

    @property
    def non_trainable_variables(self) -> List[Variable]:
        """Its sums."""
        return self.variables

    def _prepare(self, y_true: List[int], y_pred: List[int]) -> None:
        """Makes the sums for labels and predictions of shapes, where they are not those that it has."""
        wanted = self._handle.sums(y_true, y_pred)
        if [v.shape for v in self._kept] != [tuple(shape) for _, shape in wanted]:
            made = WholeSum if self._class in _COUNTING and "int" in self._dtype else Variable
            self._kept = [made(np.zeros(shape, dtype=np.float32), trainable=False, name=name) for name, shape in wanted]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and not self._is_custom:
            for variable in self.variables:
                if variable.name == _OTHER_NAMES.get(name, name):
                    return variable
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # Sums handed in and out: Keras' form for functions without side effects.

    def stateless_update_state(self, metric_variables: Any, *args: Any, **kwargs: Any) -> List[np.ndarray]:
        """The sums after a batch, of sums given; its own stay."""
        return self._with_sums(metric_variables, lambda: self.update_state(*args, **kwargs), True)

    def stateless_result(self, metric_variables: Any) -> Any:
        """The number of sums given."""
        return self._with_sums(metric_variables, self.result, False)

    def stateless_reset_state(self) -> List[np.ndarray]:
        """Sums of no batches."""
        return self._with_sums([v.numpy() for v in self.variables], self.reset_state, True)

    def _with_sums(self, values: Any, action: Any, sums: bool) -> Any:
        own = self.variables
        if len(own) != len(values):
            raise ValueError(f"metric {self.name!r} has {len(own)} variables, got {len(values)} values")
        before = [v.numpy() for v in own]
        try:
            for variable, value in zip(own, values):
                variable.assign(np.asarray(value))
            result = action()
            return [v.numpy() for v in own] if sums else result
        finally:
            for variable, value in zip(own, before):
                variable.assign(value)

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
            for v, kept in zip(self._own, before):
                v.assign(kept)

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
        if weight is not None:
            if self._class in _COUNTING and "int" in self._dtype and "float" in str(getattr(weight, "dtype", "")):
                warnings.warn(f"{self.name}: the weight is of a float type, but the metric counts in {self._dtype}: fractions are lost by casting. Make it "
                              f"with {self._class}(.., dtype='float32')", stacklevel=3)
            weight = np.asarray(weight, dtype=np.float32)
            if weight.ndim == 0 or (weight.ndim <= y_pred.ndim and weight.shape[0] == 1 != y_pred.shape[0]):
                weight = np.broadcast_to(weight, (y_pred.shape[0], *weight.shape[1:]))
            weight = np.ascontiguousarray(weight)
        shapes = (list(y_true.shape), list(y_pred.shape))
        added = _added(self._handle, y_true, y_pred, weight)
        self._prepare(*shapes)
        self._shapes = shapes
        for variable, value in zip(self._kept, added):
            variable.assign(variable.numpy() + np.asarray(value).reshape(variable.shape))

    def reset_state(self) -> None:
        """Begins anew."""
        for v in self.variables if self._is_custom else self._kept:
            v.assign(np.zeros(v.shape, dtype=np.float32))

    reset_states = reset_state

    def result(self) -> Any:
        """The number for all batches so far."""
        if self._class is None:
            raise NotImplementedError(f"{type(self).__name__} defines no result()")
        if self._shapes is None:
            return np.float32(0.0)
        values = self._handle.results([v.numpy().astype(np.float32) for v in self._kept], *self._shapes)
        return np.float32(values[0]) if len(values) == 1 else np.asarray(values, dtype=np.float32)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Adds a batch and gives the number so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
