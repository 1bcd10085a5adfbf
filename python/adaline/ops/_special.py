"""Further functions of numbers: tails of the error function, searches, distances, correlations."""

from __future__ import annotations

import math
import re
from typing import Any, Dict, List

import numpy as np

from ._common import Node, _adaline, aligned, axis_of, cut, floats, node, op, permute, reduce, reshaped, unary
from ._elementwise import floor_divide, mod
from ._trigonometry import polynomial

#: Chebyshev's approximation of log(erfc(x) / t) + x^2 in t = 1 / (1 + x / 2) (Press et al. 1992, 6.2): relative error 1.2e-7.
_ERFC = (-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277)

#: Inverse of the error function in w = -log(1 - x^2) (Giles 2010): near 0, and in the tails.
_ERFINV = (1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-06, -3.5233877e-06, 3.43273939e-07, 2.81022636e-08)
_ERFINV_TAIL = (2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322, 0.000100950558, -0.000200214257)


@op
def erfc(x: Any) -> Any:
    """`1 - erf(x)`, accurate where `erf` is near 1."""
    x = floats(x)
    below = x < 0
    size = _adaline.select(below, -x, x)
    t = 1.0 / (1.0 + 0.5 * size)
    made = t * unary("exp", polynomial(t, _ERFC) - size * size)
    return _adaline.select(below, 2.0 - made, made)


@op
def erfinv(x: Any) -> Any:
    """Inverse of the error function."""
    x = floats(x)
    w = -unary("log1p", -x * x)
    tail = w >= 5.0
    near = polynomial(_adaline.select(tail, 0.0, w) - 2.5, _ERFINV)
    far = polynomial(unary("sqrt", _adaline.select(tail, w, 9.0)) - 3.0, _ERFINV_TAIL)
    made = x * _adaline.select(tail, far, near)
    return _adaline.select(x == 1.0, math.inf, _adaline.select(x == -1.0, -math.inf, made))


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where numbers would be put into a sorted vector: before equal ones, or behind them."""
    row, values = aligned(sorted_sequence, values)
    if row.ndim != 1:
        raise ValueError(f"searchsorted takes one sorted vector, got a value of shape {row.shape}")
    column = reshaped(values, [-1, 1])
    before = row < column if side == "left" else row <= column
    return reshaped(reduce("sum", _adaline.cast(before, "int32"), 1), values.shape)


@op
def digitize(x: Any, bins: Any) -> Any:
    """Number of the bin of each number: how many of the ascending bounds are not above it."""
    return searchsorted(bins, x, "right")


@op
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether a number is one of `x2`."""
    a, b = aligned(x1, x2)
    hit = reduce("max", _adaline.cast(reshaped(a, [-1, 1]) == reshaped(b, [1, -1]), "int32"), 1)
    hit = reshaped(hit, a.shape)
    return hit == 0 if invert else hit != 0


@op
def unravel_index(indices: Any, shape: Any) -> Any:
    """Indices of the axes of a shape from those of all numbers in a row."""
    left = _adaline.cast(indices, "int32")
    left = _adaline.select(left < 0, left + math.prod(shape), left)
    made: List[Node] = []
    for size in reversed(list(shape)):
        made.insert(0, mod(left, int(size)))
        left = floor_divide(left, int(size))
    return tuple(made)


@op
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The choice of the first condition that holds, else `default`."""
    made = default
    for condition, choice in reversed(list(zip(condlist, choicelist))):
        made = _adaline.select(condition, choice, made)
    return made


@op
def cdist(x: Any, y: Any) -> Any:
    """Distances of all pairs of rows: `(.., M, D)` and `(.., N, D)` give `(.., M, N)`."""
    x, y = floats(x), floats(y)
    *lead, m, d = x.shape
    apart = reshaped(x, [*lead, m, 1, d]) - reshaped(y, [*y.shape[:-2], 1, *y.shape[-2:]])
    return unary("sqrt", reduce("sum", apart * apart, -1))


@op
def corrcoef(x: Any) -> Any:
    """Correlations of all pairs of rows."""
    x = floats(x)
    x = reshaped(x, [1, -1]) if x.ndim < 2 else x
    apart = x - reduce("mean", x, -1, True)
    made = _adaline.matmul(apart, permute(apart, [1, 0]))
    size = unary("sqrt", reduce("sum", apart * apart, -1, True))
    made = made / (size * permute(size, [1, 0]))
    made = _adaline.binary("min", _adaline.binary("max", made, -1.0), 1.0)
    return reshaped(made, []) if made.size == 1 else made


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Sums of products of two vectors, the second moved along the first."""
    a, b = aligned(x1, x2)
    n, m = a.shape[0], b.shape[0]
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"mode {mode!r} of correlate is not one of 'valid', 'same', 'full'")
    turned = n < m
    if turned:
        a, b, n, m = b, a, m, n
    padded = _adaline.pad(reshaped(a, [1, n, 1]), [(0, 0), (m - 1, m - 1), (0, 0)])
    made = reshaped(_adaline.conv(padded, reshaped(b, [m, 1, 1]), [1], False, [1], 1), [-1])
    made = made if a.dtype == "float32" else _adaline.cast(made, "int32")
    made = _adaline.reverse(made, [0]) if turned else made
    if mode == "full":
        return made
    size = n if mode == "same" else n - m + 1
    total = n + m - 1
    begin = (total - size + (1 if turned else 0)) // 2 if mode == "same" else (total - size) // 2
    return cut(made, 0, begin, begin + size)


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows along the last axis, as a new one."""
    from ._indexing import picked

    x = node(x)
    n, at = x.shape[-1], axis_of(-1, x.ndim)
    count = (n - sequence_length) // sequence_stride + 1
    places = _adaline.iota([count, sequence_length], 0) * int(sequence_stride) + _adaline.iota([count, sequence_length], 1)
    return picked(x, places, at)


def _groups(side: str) -> List[List[str]]:
    return [g.strip("()").split() for g in re.findall(r"\w+|\([\w\s]*\)", side)]


@op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Axes split, ordered and merged as a pattern says: `"b (h p) w -> b h (p w)"` (einops' notation)."""
    x = node(tensor)
    left, right = (_groups(side) for side in pattern.split("->"))
    if len(left) != x.ndim:
        raise ValueError(f"rearrange {pattern!r} names {len(left)} axes, got a value of shape {x.shape}")
    found: Dict[str, int] = {k: int(v) for k, v in axes_lengths.items()}
    for group, size in zip(left, x.shape):
        open_names = [name for name in group if name not in found]
        known = math.prod(found[name] for name in group if name in found)
        if len(open_names) > 1 or size % known or (not open_names and known != size):
            raise ValueError(f"rearrange {pattern!r}: axis ({' '.join(group)}) of size {size} does not split into {found}")
        found.update({name: size // known for name in open_names})
    names = [name for group in left for name in group]
    wanted = [name for group in right for name in group]
    if sorted(names) != sorted(wanted):
        raise ValueError(f"rearrange {pattern!r}: both sides must name the same axes")
    x = permute(reshaped(x, [found[name] for name in names]), [names.index(name) for name in wanted])
    return reshaped(x, [math.prod(found[name] for name in group) for group in right])


def ndim(x: Any) -> int:
    """Number of axes."""
    return len(x.shape) if hasattr(x, "shape") else np.ndim(x)


def size(x: Any) -> int:
    """Number of elements."""
    return math.prod(x.shape) if hasattr(x, "shape") else int(np.size(x))
