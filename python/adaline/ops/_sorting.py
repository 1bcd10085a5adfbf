"""Numbers in order. On arrays NumPy sorts; within graphs places are counted by comparing all pairs, along axes of at most `MOST_SORTED` numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._common import Node, _adaline, axes_of, floats, node, on_arrays, op, permute, reduce, reshaped, unary
from ._indexing import in_floats, order, ordered, sorted_along

__all__ = [
    "argpartition",
    "argsort",
    "in_top_k",
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "percentile",
    "quantile",
    "sort",
    "top_k",
]


@on_arrays(lambda x, axis=-1: np.sort(x, axis=axis))
def sort(x: Any, axis: Any = -1) -> Any:
    """In ascending order along an axis."""
    return sorted_along(x, axis, ordered)


@on_arrays(lambda x, axis=-1: np.argsort(x, axis=axis, kind="stable"))
def argsort(x: Any, axis: Any = -1) -> Any:
    """Indices that put an axis in ascending order, equal numbers in theirs."""
    return sorted_along(x, axis, lambda rows: order(rows, False, rows.shape[-1]))


@on_arrays(lambda x, kth, axis=-1: np.argpartition(x, kth, axis=axis))
def argpartition(x: Any, kth: int, axis: Any = -1) -> Any:
    """Indices that put the `kth` number of an axis in its place, smaller ones before it."""
    return argsort(x, axis)


class TopK(NamedTuple):
    """The largest numbers and where they are."""

    values: Any
    indices: Any


def _top_of_array(x: Any, k: int) -> Any:
    x = np.asarray(x)
    # NaN counts as the largest, and equal numbers stay in their order.
    at = np.lexsort((-np.nan_to_num(x.astype(np.float64), nan=np.inf), ~np.isnan(x)), axis=-1)[..., :k]
    return [np.take_along_axis(x, at, -1), at]


@on_arrays(_top_of_array)
def _top_k(x: Any, k: int) -> Any:
    x = node(x)
    rows = reshaped(x, [-1, x.shape[-1]])
    at = order(rows, True, k)
    values = in_floats(reshaped(rows, [*rows.shape, 1]), lambda t: _adaline.gather(t, at))
    shape = [*x.shape[:-1], k]
    return [reshaped(values, shape), reshaped(at, shape)]


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The `k` largest numbers along the last axis, and their indices."""
    return TopK(*_top_k(x, k))


@op
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether fewer than `k` predictions of a row are larger than that of its target."""
    targets, predictions = _adaline.cast(targets, "int32"), floats(predictions)
    rows, classes = predictions.shape
    own = reshaped(targets, [rows, 1]) == _adaline.iota([1, classes], 1)
    value = reduce("sum", _adaline.select(own, predictions, 0.0), 1, True)
    larger = reduce("sum", _adaline.cast(predictions > value, "int32"), 1)
    finite = unary("abs", reshaped(value, [rows])) < float("inf")
    return (larger < k) & finite & (targets >= 0) & (targets < classes)


def _level(rows: Node, q: Any, count: Any, method: str) -> Node:
    """Numbers of sorted rows `(G, n)` at the parts `q` `(Q,)` of the first `count` `(G, 1)` of them: `(G, Q)`."""
    place = reshaped(floats(q), [1, -1]) * (count - 1.0)
    low, high = unary("floor", place), -unary("floor", -place)
    part = place - low
    if method == "lower":
        part = part * 0.0
    elif method == "higher":
        part = floats(part > 0)
    elif method == "nearest":
        # Halves go to the even place.
        odd = low - 2.0 * unary("floor", low * 0.5) == 1.0
        part = floats((part > 0.5) | ((part == 0.5) & odd))
    elif method == "midpoint":
        part = floats(part > 0) * 0.5
    elif method != "linear":
        raise ValueError(f"method {method!r} is not one of 'linear', 'lower', 'higher', 'nearest', 'midpoint'")
    groups, n = rows.shape

    def at(place: Node) -> Node:
        places = _adaline.broadcast_to(_adaline.binary("max", place, 0.0), [groups, place.shape[1]])
        table = reshaped(rows, [groups, n, 1])
        return reshaped(_adaline.gather(table, _adaline.cast(places, "int32")), [groups, place.shape[1]])

    below, above = at(low), at(high)
    return _adaline.select(part == 0, below, below * (1.0 - part) + above * part)


def _quantile(x: Any, q: Any, axis: Any, method: str, keepdims: bool, without_nan: bool) -> Node:
    x, q = floats(x), floats(q)
    axes = axes_of(axis, x.ndim)
    others = [a for a in range(x.ndim) if a not in axes]
    lead = [x.shape[a] for a in others]
    rows = reshaped(permute(x, others + axes), [int(np.prod(lead)), -1])
    nan = rows != rows
    large = ordered(rows)
    some = reduce("sum", floats(~nan), 1, True)
    made = _level(large, q, some if without_nan else floats(rows.shape[1]), method)
    if not without_nan:
        made = _adaline.select(some < float(rows.shape[1]), float("nan"), made)
    made = permute(made, [1, 0])
    shape = [1 if a in axes else d for a, d in enumerate(x.shape)] if keepdims else lead
    return reshaped(made, [*q.shape, *shape])


def _numpy_quantile(name: str) -> Any:
    def fast(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
        axis = tuple(axis) if isinstance(axis, list) else axis
        return getattr(np, name)(x, q, axis=axis, method=method, keepdims=keepdims)

    return fast


@on_arrays(_numpy_quantile("quantile"))
def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The number below which the part `q` of all lies."""
    return _quantile(x, q, axis, method, keepdims, False)


@on_arrays(_numpy_quantile("nanquantile"))
def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The number below which the part `q` of all lies, without NaN."""
    return _quantile(x, q, axis, method, keepdims, True)


@on_arrays(_numpy_quantile("percentile"))
def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The number below which `q` in a hundred of all lie."""
    return _quantile(x, floats(q) / 100.0, axis, method, keepdims, False)


@on_arrays(_numpy_quantile("nanpercentile"))
def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The number below which `q` in a hundred of all lie, without NaN."""
    return _quantile(x, floats(q) / 100.0, axis, method, keepdims, True)


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The number in the middle."""
    return quantile(x, 0.5, axis, "linear", keepdims)


def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The number in the middle, without NaN."""
    return nanquantile(x, 0.5, axis, "linear", keepdims)
