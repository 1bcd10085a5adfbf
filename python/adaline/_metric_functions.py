"""Metrics as functions: values per sample of those that are no losses."""

from __future__ import annotations

from typing import Any, Callable, Dict

import numpy as np

from ._eager import kind_of
from ._loss import squeeze_or_expand_to_same_rank


def _array(x: Any) -> Any:
    return np.asarray(x) if kind_of(x) == 0 else x


def _binary(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    from . import ops

    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return ops.mean(ops.cast(ops.equal(ops.cast(y_true, "float32"), ops.cast(ops.greater(y_pred, threshold), "float32")), "float32"), axis=-1)


def _categorical(y_true: Any, y_pred: Any) -> Any:
    from . import ops

    return ops.cast(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)), "float32")


def _classes(y_true: Any, y_pred: Any) -> Any:
    """Class numbers without a last axis of size 1."""
    from . import ops

    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    return ops.cast(y_true, "int32")


def _sparse_categorical(y_true: Any, y_pred: Any) -> Any:
    from . import ops

    shape = y_true.shape
    right = ops.cast(ops.equal(_classes(y_true, y_pred), ops.cast(ops.argmax(y_pred, axis=-1), "int32")), "float32")
    return ops.expand_dims(right, -1) if len(shape) == len(y_pred.shape) and shape[-1] == 1 else right


def _sparse_top_k(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """Whether fewer than `k` predictions exceed that of the true class; of class numbers, the best first, whether it is one of the first `k`."""
    from . import ops

    if from_sorted_ids:
        shape, y_true = y_true.shape, _classes(y_true, y_pred)
        first = ops.cast(y_pred[..., :k], "int32")
        right = ops.max(ops.cast(ops.equal(first, ops.expand_dims(y_true, -1)), "float32"), axis=-1)
        return ops.reshape(right, shape) if tuple(shape) != tuple(right.shape) else right

    classes = y_pred.shape[-1]
    shape, y_true = y_true.shape, _classes(y_true, y_pred)
    own = ops.sum(ops.one_hot(y_true, classes) * y_pred, axis=-1, keepdims=True)
    right = ops.cast(ops.less(ops.sum(ops.cast(ops.greater(y_pred, own), "float32"), axis=-1), float(k)), "float32")
    return ops.reshape(right, shape) if tuple(shape) != tuple(right.shape) else right


def _top_k(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    from . import ops

    return _sparse_top_k(ops.argmax(y_true, axis=-1), y_pred, k)


def _centred(x: Any, axis: Any) -> Any:
    from . import ops

    return x - ops.mean(x, axis=axis, keepdims=True)


def _pearson(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    from . import ops

    t, p = _centred(y_true, axis), _centred(y_pred, axis)
    t = t / ops.sqrt(ops.maximum(ops.sum(t * t, axis=axis, keepdims=True), 1e-7**2))
    p = p / ops.sqrt(ops.maximum(ops.sum(p * p, axis=axis, keepdims=True), 1e-7**2))
    return ops.sum(t * p, axis=axis)


def _concordance(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    from . import ops

    t, p = _centred(y_true, axis), _centred(y_pred, axis)
    apart = ops.mean(y_true, axis=axis) - ops.mean(y_pred, axis=axis)
    return 2.0 * ops.mean(t * p, axis=axis) / (ops.mean(t * t, axis=axis) + ops.mean(p * p, axis=axis) + apart * apart + 1e-7)


_FUNCTIONS: Dict[str, Callable[..., Any]] = {
    "BinaryAccuracy": _binary, "CategoricalAccuracy": _categorical, "SparseCategoricalAccuracy": _sparse_categorical,
    "TopKCategoricalAccuracy": _top_k, "SparseTopKCategoricalAccuracy": _sparse_top_k, "PearsonCorrelation": _pearson,
    "ConcordanceCorrelation": _concordance,
}


def values(name: str, y_true: Any, y_pred: Any, arguments: Dict[str, Any]) -> Any:
    """Values per sample."""
    y_true, y_pred = _array(y_true), _array(y_pred)
    return _FUNCTIONS[name](y_true, y_pred, **arguments)
