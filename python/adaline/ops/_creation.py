"""Arrays from nothing but numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._arrays import as_constant
from ._common import Node, _adaline, dtype_name, floats, is_number, node, on_arrays, op, reshaped, sizes


@op
def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros."""
    return _adaline.full(sizes(shape), 0.0, dtype_name(dtype or "float32"))


@op
def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones."""
    return _adaline.full(sizes(shape), 1.0, dtype_name(dtype or "float32"))


empty = zeros


@op
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One value everywhere."""
    return _adaline.broadcast_to(_adaline.cast(fill_value, dtype_name(dtype or "float32")), sizes(shape))


@op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One value everywhere, in the shape and type of another."""
    x = node(x)
    return full(x.shape, fill_value, dtype or x.dtype)


@op
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape and type of another."""
    return full_like(x, 0, dtype)


@op
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape and type of another."""
    return full_like(x, 1, dtype)


empty_like = zeros_like


def as_array(x: Any, dtype: Any = None) -> np.ndarray:
    """Numbers as an array of a type that graphs have."""
    made = as_constant(x)
    made = made.astype(bool) if made.dtype == np.uint8 else made
    if dtype is None:
        return made
    name = dtype_name(dtype)
    return made.astype("bool" if name == "bool" else "int32" if "int" in name else "float32")


@on_arrays(as_array)
def array(x: Any, dtype: Any = None) -> Any:
    """Numbers as an array."""
    return node(x) if dtype is None else _adaline.cast(x, dtype_name(dtype))


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Numbers from `start` (0) up to but without `stop`, at a distance of `step` (1)."""
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if not all(is_number(v) for v in (start, stop, step)):
        raise ValueError("the numbers of arange decide the shape of its result, so they must be known: give numbers, not symbolic values")
    if dtype is None:
        dtype = "int32" if all(isinstance(v, int) for v in (start, stop, step)) else "float32"
    count = max(math.ceil((stop - start) / step), 0)
    name = dtype_name(dtype)
    if not count:
        return _adaline.full([0], 0.0, name)
    return _adaline.cast(_adaline.iota([count], 0) * step + start, name)


def _fractions(num: int, endpoint: bool) -> Node:
    """`num` numbers from 0 to 1."""
    return floats(_adaline.iota([num], 0)) / float(max(num - 1 if endpoint else num, 1))


@op
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` numbers at equal distances from `start` to `stop`."""
    from ._shapes import moveaxis

    a, b = floats(start), floats(stop)
    t = reshaped(_fractions(num, endpoint), [num] + [1] * max(a.ndim, b.ndim))
    # Both ends exactly.
    made = a * (1.0 - t) + b * t
    made = moveaxis(made, 0, axis) if axis else made
    made = made if dtype is None else _adaline.cast(made, dtype_name(dtype))
    return (made, (b - a) / float(max(num - 1 if endpoint else num, 1))) if retstep else made


@op
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: float = 10, dtype: Any = None, axis: int = 0
) -> Any:
    """`base` to the power of `num` numbers at equal distances."""
    made = _adaline.binary("pow", float(base), linspace(start, stop, num, endpoint, axis=axis))
    return made if dtype is None else _adaline.cast(made, dtype_name(dtype))


@op
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """`num` numbers from `start` to `stop`, each the same multiple of that before."""
    a, b = floats(start), floats(stop)
    made = linspace(_adaline.unary("log", _adaline.unary("abs", a)), _adaline.unary("log", _adaline.unary("abs", b)), num, endpoint, axis=axis)
    made = _adaline.unary("exp", made) * _adaline.unary("sign", a)
    return made if dtype is None else _adaline.cast(made, dtype_name(dtype))


def steps_apart(rows: int, columns: int) -> Node:
    """Column less row of each place of a matrix."""
    return _adaline.iota([rows, columns], 1) - _adaline.iota([rows, columns], 0)


@op
def eye(N: int, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on a diagonal, zeros elsewhere."""
    return _adaline.cast(steps_apart(N, N if M is None else M) == k, dtype_name(dtype or "float32"))


@op
def identity(n: int, dtype: Any = None) -> Any:
    """Ones on the diagonal, zeros elsewhere."""
    return eye(n, dtype=dtype)


@op
def tri(N: int, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on and below a diagonal, zeros above."""
    return _adaline.cast(steps_apart(N, N if M is None else M) <= k, dtype_name(dtype or "float32"))


@op
def tril(x: Any, k: int = 0) -> Any:
    """Zeros above a diagonal."""
    x = node(x)
    return _adaline.cast(_adaline.select(steps_apart(*x.shape[-2:]) <= k, x, zeros((), x.dtype)), x.dtype)


@op
def triu(x: Any, k: int = 0) -> Any:
    """Zeros below a diagonal."""
    x = node(x)
    return _adaline.cast(_adaline.select(steps_apart(*x.shape[-2:]) >= k, x, zeros((), x.dtype)), x.dtype)


@op
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """Powers of a vector as columns."""
    from ._elementwise import power
    from ._shapes import stack

    x = node(x)
    n = x.shape[0] if N is None else N
    columns = [power(x, i) for i in range(n)]
    return stack(columns if increasing else columns[::-1], -1)


def _window(name: str) -> Any:
    def window(x: int) -> np.ndarray:
        return getattr(np, name)(int(x)).astype(np.float32)

    window.__name__ = window.__qualname__ = name
    window.__doc__ = f"The `{name}` window of so many numbers."
    return window


bartlett, blackman, hamming, hanning = (_window(n) for n in ("bartlett", "blackman", "hamming", "hanning"))


def kaiser(x: int, beta: float) -> np.ndarray:
    """The Kaiser window of so many numbers."""
    return np.kaiser(int(x), beta).astype(np.float32)
