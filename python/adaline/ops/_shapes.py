"""Functions that arrange numbers: shapes, axes, parts."""

from __future__ import annotations

import builtins
from typing import Any, List, Sequence

import numpy as np

from ._common import Node, _adaline, around, axes_of, axis_of, cut, join, kind_of, node, op, permute, promoted, reshaped, sizes


@op
def reshape(x: Any, newshape: Any) -> Any:
    """Another shape; one size may be -1."""
    return reshaped(x, sizes(newshape))


@op
def ravel(x: Any) -> Any:
    """All numbers in a row."""
    return reshaped(x, [-1])


@op
def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1."""
    x = node(x)
    count = 1 if isinstance(axis, (int, np.integer)) else len(axis)
    at = set(axes_of(axis, x.ndim + count))
    old = iter(x.shape)
    return reshaped(x, [1 if a in at else next(old) for a in range(x.ndim + count)])


@op
def squeeze(x: Any, axis: Any = None) -> Any:
    """Without axes of size 1."""
    x = node(x)
    at = [a for a, d in enumerate(x.shape) if d == 1] if axis is None else axes_of(axis, x.ndim)
    for a in at:
        if x.shape[a] != 1:
            raise ValueError(f"axis {a} of a value of shape {x.shape} has size {x.shape[a]}: only axes of size 1 can go")
    return reshaped(x, [d for a, d in enumerate(x.shape) if a not in at])


@op
def transpose(x: Any, axes: Any = None) -> Any:
    """Axes in another order, in reverse where none is given."""
    x = node(x)
    return permute(x, list(range(x.ndim))[::-1] if axes is None else axes_of(axes, x.ndim))


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    x = node(x)
    order = list(range(x.ndim))
    a, b = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    order[a], order[b] = order[b], order[a]
    return permute(x, order)


@op
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes elsewhere, the others in their order."""
    x = node(x)
    given, wanted = axes_of(source, x.ndim), axes_of(destination, x.ndim)
    if len(given) != len(wanted):
        raise ValueError(f"moveaxis of {len(given)} axes to {len(wanted)} places: expected as many places as axes")
    order = [a for a in range(x.ndim) if a not in given]
    for to, a in sorted(zip(wanted, given)):
        order.insert(to, a)
    return permute(x, order)


@op
def broadcast_to(x: Any, shape: Any) -> Any:
    """Repeated along axes of size 1 to a shape."""
    return _adaline.broadcast_to(x, sizes(shape))


@op
def concatenate(xs: Any, axis: int = 0) -> Any:
    """One after the other along an axis."""
    return join(list(xs), axis)


@op
def append(x1: Any, x2: Any, axis: Any = None) -> Any:
    """One after the other along an axis; all numbers in a row where none is given."""
    return join([ravel(x1), ravel(x2)], 0) if axis is None else join([x1, x2], axis)


@op
def stack(x: Any, axis: int = 0) -> Any:
    """Side by side along a new axis."""
    parts = promoted(list(x))
    at = axis_of(axis, parts[0].ndim + 1)
    return join([expand_dims(p, at) for p in parts], at)


@op
def unstack(x: Any, num: Any = None, axis: int = 0) -> Any:
    """The parts along an axis, which goes."""
    x = node(x)
    at = axis_of(axis, x.ndim)
    if num is not None and num != x.shape[at]:
        raise ValueError(f"unstack into {num} parts of axis {axis} of size {x.shape[at]}: expected num=None or {x.shape[at]}")
    return [x[(slice(None),) * at + (i,)] for i in range(x.shape[at])]


def _at_least(x: Any, rank: int) -> Node:
    """With so many axes: NumPy's `atleast_1d` and its like."""
    x = node(x)
    shape = list(x.shape)
    if rank == 3:
        shape = {0: [1, 1, 1], 1: [1, *shape, 1], 2: [*shape, 1]}.get(len(shape), shape)
    return reshaped(x, [1] * (rank - len(shape)) + shape)


@op
def hstack(xs: Any) -> Any:
    """Along the second axis; vectors along their only one."""
    parts = [_at_least(x, 1) for x in xs]
    return join(parts, 0 if parts[0].ndim == 1 else 1)


@op
def vstack(xs: Any) -> Any:
    """Along the first axis; vectors are rows."""
    return join([_at_least(x, 2) for x in xs], 0)


@op
def dstack(xs: Any) -> Any:
    """Along the third axis."""
    return join([_at_least(x, 3) for x in xs], 2)


def _parts(x: Any, places: Any, axis: int, even: bool) -> List[Node]:
    x = node(x)
    at = axis_of(axis, x.ndim)
    n = x.shape[at]
    if isinstance(places, (int, np.integer)):
        if even and n % places:
            raise ValueError(f"axis {axis} of size {n} cannot be split into {places} equal parts: give a divisor, or the places to split at")
        small, more = divmod(n, int(places))
        bounds = np.cumsum([0] + [small + 1] * more + [small] * (int(places) - more)).tolist()
    else:
        inner = [int(p) + n if p < 0 else builtins.min(int(p), n) for p in places]
        bounds = [0, *inner, n]
    return [cut(x, at, a, builtins.max(a, b)) for a, b in zip(bounds, bounds[1:])]


@op
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Equal parts along an axis, or parts that end at the places given."""
    return _parts(x, indices_or_sections, axis, True)


@op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Parts along an axis whose sizes differ by at most one."""
    return _parts(x, indices_or_sections, axis, False)


@op
def hsplit(x: Any, indices_or_sections: Any) -> Any:
    """Parts along the second axis; vectors along their only one."""
    x = node(x)
    return _parts(x, indices_or_sections, 0 if x.ndim == 1 else 1, True)


@op
def vsplit(x: Any, indices_or_sections: Any) -> Any:
    """Parts along the first axis."""
    return _parts(x, indices_or_sections, 0, True)


@op
def dsplit(x: Any, indices_or_sections: Any) -> Any:
    """Parts along the third axis."""
    return _parts(x, indices_or_sections, 2, True)


def _times(x: Node, axis: int, count: int, whole: bool) -> Node:
    """`count` copies along an axis: of the whole one after the other, or of each element side by side."""
    before, n, after = around(x.shape, axis)
    shape = list(x.shape)
    shape[axis] = n * count
    if whole:
        x = _adaline.broadcast_to(reshaped(x, [before, 1, n * after]), [before, count, n * after])
    else:
        x = _adaline.broadcast_to(reshaped(x, [before * n, 1, after]), [before * n, count, after])
    return reshaped(x, shape)


@op
def tile(x: Any, repeats: Any) -> Any:
    """Copies of the whole along each axis."""
    x, counts = node(x), sizes(repeats)
    rank = builtins.max(x.ndim, len(counts))
    x = reshaped(x, [1] * (rank - x.ndim) + list(x.shape))
    counts = [1] * (rank - len(counts)) + counts
    for axis, count in enumerate(counts):
        x = x if count == 1 else _times(x, axis, count, True)
    return x


def repeat(x: Any, repeats: Any, axis: Any = None) -> Any:
    """Copies of each element along an axis, of all in a row where none is given; as many for each, or their numbers."""
    if kind_of(repeats):
        raise ValueError("the numbers of copies decide the shape of the result, so they must be known: give a number or a list, not a symbolic value")
    return _repeat(x, np.ravel(repeats).astype(int).tolist(), axis)


@op
def _repeat(x: Any, counts: List[int], axis: Any) -> Node:
    x = node(x)
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    at = axis_of(axis, x.ndim)
    if len(counts) == 1:
        return _times(x, at, counts[0], False)
    if len(counts) != x.shape[at]:
        raise ValueError(f"repeat got {len(counts)} numbers of copies for axis {axis} of size {x.shape[at]}")
    parts = [_times(cut(x, at, i, i + 1), at, c, False) for i, c in enumerate(counts) if c]
    return join(parts, at) if parts else cut(x, at, 0, 0)


@op
def flip(x: Any, axis: Any = None) -> Any:
    """Reversed along axes, all where none is given."""
    x = node(x)
    return _adaline.reverse(x, axes_of(axis, x.ndim))


@op
def fliplr(x: Any) -> Any:
    """Reversed along the second axis."""
    return flip(x, 1)


@op
def flipud(x: Any) -> Any:
    """Reversed along the first axis."""
    return flip(x, 0)


@op
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by `k` quarters in the plane of two axes."""
    x = node(array)
    a, b = axes_of(axes, x.ndim)
    k %= 4
    if k == 0:
        return x
    if k == 2:
        return _adaline.reverse(x, [a, b])
    return flip(swapaxes(x, a, b), a) if k == 1 else swapaxes(flip(x, a), a, b)


@op
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Moved along axes; what leaves at the end comes in at the front."""
    x = node(x)
    if axis is None:
        return reshaped(roll(reshaped(x, [-1]), shift, 0), list(x.shape))
    shifts, axes = sizes(shift), axes_of(axis, x.ndim)
    if len(shifts) != len(axes):
        shifts = shifts * len(axes) if len(shifts) == 1 else shifts
        axes = axes * len(shifts) if len(axes) == 1 else axes
    for by, at in zip(shifts, axes):
        n = x.shape[at]
        by = by % n if n else 0
        x = join([cut(x, at, n - by, n), cut(x, at, 0, n - by)], at) if by else x
    return x


def _pairs(pad_width: Any, rank: int) -> List[Sequence[int]]:
    """`(before, after)` for each axis, from what NumPy takes."""
    return np.broadcast_to(np.asarray(pad_width, dtype=int), (rank, 2)).tolist()


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """Numbers around: `constant_values`, or those that `mode` of NumPy takes from within (`reflect`, `symmetric`, `edge`, `wrap`)."""
    from ._indexing import picked

    x = node(x)
    pairs = _pairs(pad_width, x.ndim)
    if constant_values is not None and mode != "constant":
        raise ValueError(f"constant_values is for mode='constant', got mode={mode!r}")
    if mode == "constant" and constant_values in (None, 0):
        return _adaline.pad(x, [tuple(p) for p in pairs])
    for at, (before, after) in enumerate(pairs):
        n = x.shape[at]
        places = np.pad(np.arange(n), (before, after), mode="edge" if mode == "constant" else mode)  # type: ignore[call-overload]

        def part(of: np.ndarray) -> List[Node]:
            if not of.size:
                return []
            if mode != "constant":
                return [picked(x, of.astype(np.int32), at)]
            shape = [of.size if a == at else d for a, d in enumerate(x.shape)]
            return [_adaline.full(shape, float(constant_values), x.dtype)]

        parts = [*part(places[:before]), x, *part(places[before + n :])]
        x = join(parts, at) if len(parts) > 1 else x
    return x


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Elements whose places along two axes are the same, as the last axis."""
    x = node(x)
    a, b = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    x = permute(x, [d for d in range(x.ndim) if d not in (a, b)] + [a, b])
    *lead, rows, columns = x.shape
    x = cut(x, len(lead), builtins.max(-offset, 0), rows)
    x = cut(x, len(lead) + 1, builtins.max(offset, 0), columns)
    n = builtins.min(x.shape[-2:])
    x = cut(cut(x, len(lead), 0, n), len(lead) + 1, 0, n)
    # Rows of n + 1 begin at the diagonal's elements.
    x = reshaped(x, [*lead, n * n])
    x = _adaline.pad(x, [(0, 0)] * len(lead) + [(0, n)])
    return reshaped(x, [*lead, n, n + 1])[..., 0] if n else cut(x, len(lead), 0, 0)


@op
def diag(x: Any, k: int = 0) -> Any:
    """A matrix with a vector on its diagonal; the diagonal of a matrix."""
    x = node(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"diag takes a vector or a matrix, got a value of shape {x.shape}")
    n = x.shape[0]
    spread = reshaped(_adaline.pad(reshaped(x, [n, 1]), [(0, 0), (0, n)]), [n * (n + 1)])
    x = reshaped(cut(spread, 0, 0, n * n), [n, n])
    return _adaline.pad(x, [(builtins.max(-k, 0), builtins.max(k, 0)), (builtins.max(k, 0), builtins.max(-k, 0))])


@op
def diagflat(x: Any, k: int = 0) -> Any:
    """A matrix with all numbers in a row on its diagonal."""
    return diag(reshaped(x, [-1]), k)


@op
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Coordinates of the points of a grid."""
    vectors = [reshaped(v, [-1]) for v in x]
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing {indexing!r} of meshgrid is not one of 'xy' and 'ij'")
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = [1, 0]
    shape = [0] * len(order)
    for v, at in zip(vectors, order):
        shape[at] = v.shape[0]
    return [
        _adaline.broadcast_to(reshaped(v, [-1 if a == at else 1 for a in range(len(shape))]), shape) for v, at in zip(vectors, order)
    ]


@op
def copy(x: Any) -> Any:
    """The same numbers."""
    return node(x)
