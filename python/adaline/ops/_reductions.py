"""Functions of all numbers along axes."""

from __future__ import annotations

import builtins
import math
from typing import Any, Callable

from ._common import Node, _adaline, axes_of, axis_of, counted, cut, dtype_name, floats, join, node, op, reduce, reshaped, unary


@op
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum."""
    return reduce("sum", counted(x), axis, keepdims)


@op
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Product."""
    x = counted(x) if dtype is None else _adaline.cast(x, dtype_name(dtype))
    return reduce("prod", x, axis, keepdims)


@op
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean."""
    return reduce("mean", floats(x), axis, keepdims)


@op
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance: the mean of squared distances from the mean."""
    x = floats(x)
    apart = x - reduce("mean", x, axis, True)
    return reduce("mean", apart * apart, axis, keepdims)


@op
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Standard deviation: the root of the variance."""
    return unary("sqrt", var(x, axis, keepdims))


def _extreme(name: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Node:
    x = node(x)
    made = reduce(name, x, axis, keepdims)
    made = _adaline.cast(made, "bool") if x.dtype == "bool" else made
    return made if initial is None else _adaline.binary(name, made, initial)


@op
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Largest number, at least `initial`."""
    return _extreme("max", x, axis, keepdims, initial)


@op
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Smallest number, at most `initial`."""
    return _extreme("min", x, axis, keepdims, initial)


@op
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest number."""
    return _extreme("max", x, axis, keepdims, None)


@op
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest number."""
    return _extreme("min", x, axis, keepdims, None)


@op
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest less smallest number."""
    return reduce("max", x, axis, keepdims) - reduce("min", x, axis, keepdims)


@op
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all are true (not 0)."""
    return _adaline.cast(reduce("min", _adaline.cast(x, "bool"), axis, keepdims), "bool")


@op
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any is true (not 0)."""
    return _adaline.cast(reduce("max", _adaline.cast(x, "bool"), axis, keepdims), "bool")


@op
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many are not 0."""
    return reduce("sum", counted(_adaline.cast(x, "bool")), axis)


def _position(name: str, x: Any, axis: Any, keepdims: bool) -> Node:
    x = node(x)
    rank = x.ndim
    if axis is None:
        made = _adaline.arg_reduce(name, reshaped(x, [-1]), 0)
        return reshaped(made, [1] * rank) if keepdims else made
    axis = axis_of(axis, rank)
    made = _adaline.arg_reduce(name, x, axis)
    return reshaped(made, [1 if a == axis else d for a, d in enumerate(x.shape)]) if keepdims else made


@op
def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the largest number, the first of several; of all numbers in a row where no axis is given."""
    return _position("max", x, axis, keepdims)


@op
def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the smallest number, the first of several; of all numbers in a row where no axis is given."""
    return _position("min", x, axis, keepdims)


@op
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Mean weighted by `weights`: of the shape of `x`, or of the size of `axis`."""
    x = floats(x)
    if weights is None:
        return reduce("mean", x, axis)
    weights = floats(weights)
    if weights.shape != x.shape:
        at = axis_of(axis, x.ndim)
        weights = reshaped(weights, [d if a == at else 1 for a, d in enumerate(x.shape)])
        weights = _adaline.broadcast_to(weights, list(x.shape))
    return reduce("sum", x * weights, axis) / reduce("sum", weights, axis)


@op
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` without overflow."""
    x = floats(x)
    top = reduce("max", x, axis, True)
    top = _adaline.stop_gradient(_adaline.select(unary("abs", top) < math.inf, top, 0.0))
    made = unary("log", reduce("sum", unary("exp", x - top), axis, True)) + top
    kept = [d for a, d in enumerate(x.shape) if a not in axes_of(axis, x.ndim)]
    return made if keepdims else reshaped(made, kept)


def doubling(combine: Callable[[Any, Any], Any], parts: Any, axis: int) -> Any:
    """Running combinations along an axis of all `parts` (Hillis and Steele 1986): each is combined with that 1, 2, 4, .. steps before."""
    n, step = parts[0].shape[axis], 1
    while step < n:
        before = [cut(p, axis, 0, n - step) for p in parts]
        made = combine(before, [cut(p, axis, step, n) for p in parts])
        parts = [join([cut(p, axis, 0, step), m], axis) for p, m in zip(parts, made)]
        step *= 2
    return parts


def _running(combine: Callable[[Any, Any], Any], x: Any, axis: Any, dtype: Any) -> Node:
    x = counted(x) if dtype is None else _adaline.cast(x, dtype_name(dtype))
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    return doubling(lambda a, b: [combine(a[0], b[0])], [x], axis_of(axis, x.ndim))[0]


@op
def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Running sum; of all numbers in a row where no axis is given."""
    return _running(lambda a, b: a + b, x, axis, dtype)


@op
def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Running product; of all numbers in a row where no axis is given."""
    return _running(lambda a, b: a * b, x, axis, dtype)


def _instead(x: Any, value: float) -> Node:
    """`value` in place of NaN."""
    x = counted(x)
    return x if x.dtype != "float32" else _adaline.select(x != x, value, x)


@op
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum without NaN."""
    return sum(_instead(x, 0.0), axis, keepdims)


@op
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Product without NaN."""
    return prod(_instead(x, 1.0), axis, keepdims)


@op
def nancumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Running sum without NaN."""
    return cumsum(_instead(x, 0.0), axis, dtype)


@op
def nancumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Running product without NaN."""
    return cumprod(_instead(x, 1.0), axis, dtype)


@op
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean without NaN."""
    x = floats(x)
    return nansum(x, axis, keepdims) / reduce("sum", floats(x == x), axis, keepdims)


@op
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance without NaN."""
    apart = floats(x) - nanmean(x, axis, True)
    return nanmean(apart * apart, axis, keepdims)


@op
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Standard deviation without NaN."""
    return unary("sqrt", nanvar(x, axis, keepdims))


def _nan_extreme(name: str, worst: float, x: Any, axis: Any, keepdims: bool) -> Node:
    x = node(x)
    if x.dtype != "float32":
        return _extreme(name, x, axis, keepdims, None)
    made = reduce(name, _instead(x, worst), axis, keepdims)
    return _adaline.select(any(x == x, axis, keepdims), made, math.nan)


@op
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest number without NaN."""
    return _nan_extreme("max", -math.inf, x, axis, keepdims)


@op
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest number without NaN."""
    return _nan_extreme("min", math.inf, x, axis, keepdims)


def _nan_position(name: str, worst: float, x: Any, axis: Any, keepdims: bool) -> Node:
    x = floats(x)
    found = any(x == x, axis, keepdims)
    return _adaline.select(found, _position(name, _instead(x, worst), axis, keepdims), -1)


@op
def nanargmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the largest number without NaN, -1 where there is none."""
    return _nan_position("max", -math.inf, x, axis, keepdims)


@op
def nanargmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the smallest number without NaN, -1 where there is none."""
    return _nan_position("min", math.inf, x, axis, keepdims)


@op
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Integral by the trapezoidal rule."""
    y = floats(y)
    axis = axis_of(axis, y.ndim)
    n = y.shape[axis]
    width: Any = dx
    if x is not None:
        x = floats(x)
        at = 0 if x.ndim == 1 else axis
        width = cut(x, at, 1, x.shape[at]) - cut(x, at, 0, x.shape[at] - 1)
        width = reshaped(width, [n - 1] + [1] * (y.ndim - 1 - axis)) if x.ndim == 1 else width
    return reduce("sum", (cut(y, axis, 1, n) + cut(y, axis, 0, n - 1)) * width * 0.5, axis)


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours, `n` times."""
    a = node(a)
    axis = axis_of(axis, a.ndim)
    for _ in builtins.range(n):
        size = a.shape[axis]
        later, earlier = cut(a, axis, 1, size), cut(a, axis, 0, size - 1)
        a = later != earlier if a.dtype == "bool" else later - earlier
    return a
