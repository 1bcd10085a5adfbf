"""Losses."""

from __future__ import annotations

import json
import types
import warnings
from typing import Any, Dict, Optional

import numpy as np

from . import _adaline
from ._eager import op
from ._object import KerasObject, arguments_of, file_json, snake_case


@op
def _total(handle: Any, y_true: Any, y_pred: Any, weight: Any, mask: Any) -> Any:
    return handle.total(y_true, y_pred, weight, mask)


@op
def _reduced(loss: Any, y_true: Any, y_pred: Any, weight: Any, mask: Any, reduction: str) -> Any:
    return _adaline.reduce_values(loss._trace_call(y_true, y_pred), weight, mask, reduction)


class Loss(KerasObject):
    """What training makes small. To write one, define `call(y_true, y_pred)`, which gives a value per sample, with functions of `adaline.ops`.

    Args:
        name: Name.
        reduction: `"sum_over_batch_size"`, `"sum"`, `"mean"`, `"mean_with_sample_weight"` or `"none"`.
        dtype: Kept for Keras' programs.
    """

    _module = "keras.losses"
    _args: Dict[str, Any] = {}

    def __init__(self, name: Optional[str] = None, reduction: Optional[str] = "sum_over_batch_size", dtype: Any = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        allowed = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)
        if reduction not in allowed:
            raise ValueError(f"Invalid value for argument `reduction`. Expected one of {allowed}. Received: reduction={reduction}")
        self.reduction = "none" if reduction is None else reduction
        self._dtype = dtype

    def _arguments(self, **values: Any) -> None:
        super()._arguments(**values)
        # Wrong arguments are told here, not when the loss is first asked.
        if not self._is_custom:
            self._handle  # noqa: B018

    @property
    def dtype(self) -> str:
        """Type of its values on arrays: they are computed in `float32`, and rounded to `float16` where that is asked for."""
        from ._layer import _dtype_name

        name = str(_dtype_name(self._dtype) or "float32").replace("mixed_", "")
        return name if name in ("float16", "float64") else "float32"

    def _of_dtype(self, value: Any) -> Any:
        return value.astype(self.dtype) if self.dtype != "float32" and isinstance(value, (np.ndarray, np.generic)) else value

    @property
    def _is_custom(self) -> bool:
        return type(self)._class is None or type(self).call is not Loss.call or self._is_whole

    @property
    def _is_whole(self) -> bool:
        """Whether it weighs and reduces by itself: its class has a `__call__` of its own."""
        return type(self).__call__ is not Loss.__call__

    @property
    def _handle(self) -> Any:
        made = self.__dict__.get("_made")
        if made is None:
            made = self._made = _adaline.LossHandle(json.dumps(self._envelope()))
        return made

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        config: Dict[str, Any] = {"name": self.name, "reduction": self.reduction}
        config.update(super().get_config())
        return config

    def _envelope(self) -> Dict[str, Any]:
        made = super()._envelope()
        if self._class is not None:
            made["config"] = arguments_of(type(self), {"name": self.name, "reduction": self.reduction, **self._args})
        return made

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Values per sample."""
        if self._class is None:
            raise NotImplementedError(f"{type(self).__name__} defines no call(y_true, y_pred)")
        warn_of_one_class(self._class, y_pred)
        return _values(self._handle, y_true, y_pred)

    def _file_json(self) -> Optional[str]:
        """What files say of it, where it can be said."""
        return file_json(self._envelope)

    def _trace_call(self, y_true: Any, y_pred: Any) -> Any:
        return self.call(y_true, y_pred)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of labels and predictions."""
        mask = getattr(y_pred, "_keras_mask", None)
        y_true, y_pred = _array(y_true), _array(y_pred)
        sample_weight = None if sample_weight is None else _array(sample_weight)
        if self._is_custom:
            return self._of_dtype(_reduced(self, y_true, y_pred, sample_weight, mask, self.reduction))
        warn_of_one_class(self._class, y_pred)
        return self._of_dtype(_total(self._handle, y_true, y_pred, sample_weight, mask))


@op
def _values(handle: Any, y_true: Any, y_pred: Any) -> Any:
    return handle.values(y_true, y_pred)


def warn_of_one_class(name: Any, y_pred: Any) -> None:
    """One class is always right: probably another loss is meant."""
    if name in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy") and getattr(y_pred, "shape", (0,))[-1:] == (1,):
        warnings.warn(f"in loss {snake_case(name)} the last axis of y_pred holds the classes, and has a size of 1: y_pred.shape={tuple(y_pred.shape)}. "
                      "Consider binary_crossentropy where there are two classes", SyntaxWarning, stacklevel=3)


def squeeze_or_expand_to_same_rank(x1: Any, x2: Any, expand_rank_1: bool = True) -> Any:
    """Two values of one number of axes, where one has a last axis of size 1 more than the other."""
    from . import ops

    a, b = len(x1.shape), len(x2.shape)
    if a == b + 1 and x1.shape[-1] == 1:
        return (x1, ops.expand_dims(x2, -1)) if b == 1 and expand_rank_1 else (ops.squeeze(x1, -1), x2)
    if b == a + 1 and x2.shape[-1] == 1:
        return (ops.expand_dims(x1, -1), x2) if a == 1 and expand_rank_1 else (x1, ops.squeeze(x2, -1))
    return x1, x2


def _array(x: Any) -> Any:
    from ._eager import kind_of

    return np.asarray(x) if kind_of(x) == 0 and not isinstance(x, np.ndarray) and not hasattr(x, "_is_variable") else x


class LossFunctionWrapper(Loss):
    """A function of labels and predictions as a loss."""

    def __init__(self, fn: Any, reduction: Optional[str] = "sum_over_batch_size", name: Optional[str] = None, dtype: Any = None,
                 **kwargs: Any) -> None:
        super().__init__(name=name or getattr(fn, "__name__", "loss"), reduction=reduction, dtype=dtype)
        self.fn, self._fn_kwargs = fn, kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Values per sample."""
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def _file_json(self) -> Optional[str]:
        from .saving import function_envelope

        return json.dumps(function_envelope(self.fn)) if isinstance(self.fn, types.FunctionType) else None

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        return {"fn": getattr(self.fn, "__name__", "loss"), "name": self.name, "reduction": self.reduction}
