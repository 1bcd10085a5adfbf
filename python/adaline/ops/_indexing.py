"""Elements by their places: taking, writing, sorting."""

from __future__ import annotations

import builtins
import math
from typing import Any, List

import numpy as np

from ._common import Node, _adaline, around, axis_of, node, op, permute, promoted, reshaped, sizes


def in_floats(x: Node, f: Any) -> Node:
    """Runs `f` on a value as floats, which alone have tables of rows; whole numbers up to 2^24 stay exact."""
    made = f(x if x.dtype == "float32" else _adaline.cast(x, "float32"))
    return made if x.dtype == "float32" else _adaline.cast(made, x.dtype)


def from_front(indices: Any, size: int) -> Node:
    """Indices counted from the front."""
    if not isinstance(indices, Node):
        array = np.asarray(indices)
        return node(np.where(array < 0, array + size, array).astype(np.int32))
    indices = _adaline.cast(indices, "int32")
    return _adaline.select(indices < 0, indices + size, indices)


def picked(x: Node, indices: Any, axis: int) -> Node:
    """Elements along an axis by indices from the front."""
    before, n, after = around(x.shape, axis)
    at = node(indices)
    rank = x.ndim
    table = reshaped(permute(x, [axis] + [a for a in range(rank) if a != axis]), [n, before * after])
    rows = in_floats(table, lambda t: _adaline.take_rows(t, reshaped(at, [-1])))
    m = at.size
    # (m, before, after) -> (before.., indices.., after..)
    made = permute(reshaped(rows, [m, before, after]), [1, 0, 2])
    return reshaped(made, [*x.shape[:axis], *at.shape, *x.shape[axis + 1 :]])


@op
def take(x: Any, indices: Any, axis: Any = None) -> Any:
    """Elements by index along an axis; of all in a row where none is given."""
    x = node(x)
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    axis = axis_of(axis, x.ndim)
    return picked(x, from_front(indices, x.shape[axis]), axis)


@op
def take_along_axis(x: Any, indices: Any, axis: Any = None) -> Any:
    """Elements by an index for each place of the other axes."""
    x = node(x)
    if axis is None:
        x, indices, axis = reshaped(x, [-1]), reshaped(indices, [-1]), 0
    axis = axis_of(axis, x.ndim)
    at = from_front(indices, x.shape[axis])
    if at.ndim != x.ndim:
        raise ValueError(f"take_along_axis of a value of shape {x.shape} got indices of shape {at.shape}: expected as many axes")
    last = [a for a in range(x.ndim) if a != axis] + [axis]
    back = [last.index(a) for a in range(x.ndim)]
    x, at = permute(x, last), permute(at, last)
    lead = list(np.broadcast_shapes(tuple(x.shape[:-1]), tuple(at.shape[:-1])))
    n, m = x.shape[-1], at.shape[-1]
    groups = math.prod(lead)
    tables = reshaped(_adaline.broadcast_to(x, [*lead, n]), [groups, n, 1])
    at = reshaped(_adaline.broadcast_to(at, [*lead, m]), [groups, m])
    return permute(reshaped(in_floats(tables, lambda t: _adaline.gather(t, at)), [*lead, m]), back)


@op
def get_item(x: Any, key: Any) -> Any:
    """`x[key]`."""
    return take(x, key, 0) if isinstance(key, Node) else node(x)[key]


#: Largest axis that is sorted within graphs: places are counted by comparing all pairs.
MOST_SORTED = 2048


def _places(x: Node, largest_first: bool) -> Node:
    """Place of each element of rows `(G, n)` in their order, equal ones in theirs, NaN last."""
    groups, n = x.shape
    if n > MOST_SORTED:
        raise ValueError(
            f"an axis of size {n} is sorted within a graph, by comparing all pairs, which is for at most {MOST_SORTED}: sort it beforehand"
        )
    x = _adaline.cast(x, "int32") if x.dtype == "bool" else x
    here, other = reshaped(x, [groups, n, 1]), reshaped(x, [groups, 1, n])
    first = (other > here) if largest_first else (other < here)
    same = other == here
    if x.dtype == "float32":
        # NaN counts as larger than all numbers.
        here_nan, other_nan = here != here, other != other
        one, two = (other_nan, here_nan) if largest_first else (here_nan, other_nan)
        first = first | (one & ~two)
        same = same | (here_nan & other_nan)
    earlier = _adaline.iota([1, n, n], 2) < _adaline.iota([1, n, n], 1)
    return _adaline.reduce("sum", _adaline.cast(first | (same & earlier), "int32"), [2], False)


def order(x: Node, largest_first: bool, count: int) -> Node:
    """Indices of the first `count` elements of rows `(G, n)` in their order."""
    groups, n = x.shape
    places = _adaline.stop_gradient(_places(x, largest_first))
    hit = reshaped(places, [groups, 1, n]) == _adaline.iota([1, count, 1], 1)
    return _adaline.reduce("sum", _adaline.select(hit, _adaline.iota([1, 1, n], 2), 0), [2], False)


def sorted_along(x: Any, axis: Any, f: Any) -> Any:
    """Runs `f` on rows `(G, n)` and gives what it makes of them along the axis."""
    x = node(x)
    if axis is None:
        x, axis = reshaped(x, [-1]), 0
    axis = axis_of(axis, x.ndim)
    last = [a for a in range(x.ndim) if a != axis] + [axis]
    x = permute(x, last)
    made = f(reshaped(x, [-1, x.shape[-1]]))
    return permute(reshaped(made, [*x.shape[:-1], made.shape[-1]]), [last.index(a) for a in range(x.ndim)])


def ordered(x: Node, largest_first: bool = False, count: Any = None) -> Node:
    """Rows `(G, n)` in order."""
    at = order(x, largest_first, x.shape[-1] if count is None else count)
    return reshaped(in_floats(reshaped(x, [*x.shape, 1]), lambda t: _adaline.gather(t, at)), list(at.shape))


def _strides(shape: List[int]) -> List[int]:
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def _flat_places(indices: Any, shape: List[int]) -> Node:
    """Indices `(.., d)` of the first `d` axes as numbers of rows `(N,)`."""
    at = _adaline.cast(indices, "int32")
    depth = at.shape[-1]
    at = reshaped(at, [-1, depth])
    rows: Any = None
    for i, stride in enumerate(_strides(shape[:depth])):
        column = at[:, i]
        column = _adaline.select(column < 0, column + shape[i], column) * stride
        rows = column if rows is None else rows + column
    return rows


def _added(values: Any, indices: Any, shape: List[int]) -> Node:
    """Values added up at indices of a value of zeros."""
    depth = node(indices).shape[-1]
    inner = math.prod(shape[depth:])
    count = math.prod(shape[:depth])
    rows = _flat_places(indices, shape)
    values = node(values)
    made = in_floats(
        values, lambda v: _adaline.scatter_add(reshaped(v, [1, rows.shape[0], inner]), reshaped(rows, [1, rows.shape[0]]), count)
    )
    return reshaped(made, shape)


@op
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Values added up at indices `(.., d)` of the first axes of zeros of a shape."""
    return _added(values, indices, sizes(shape))


@op
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: Any = None) -> Any:
    """`inputs` with `updates` in the places of `indices` `(N, d)`; or added, multiplied, the larger, the smaller of both.

    Where an index comes more than once, a sum counts each, and else the last one stands.
    """
    x, updates = promoted([inputs, updates])
    shape = list(x.shape)
    if reduction == "add":
        return x + _added(updates, indices, shape)
    at = node(indices)
    depth = at.shape[-1]
    rows, n = _flat_places(at, shape), math.prod(shape[:depth])
    inner = math.prod(shape[depth:])
    m = rows.shape[0]
    if reduction is None:
        # Only the last of equal indices counts.
        same = reshaped(rows, [m, 1]) == reshaped(rows, [1, m])
        later = _adaline.iota([m, m], 1) > _adaline.iota([m, m], 0)
        counts = ~_adaline.cast(_adaline.reduce("max", _adaline.cast(same & later, "int32"), [1], False), "bool")
        counts = _adaline.stop_gradient(_adaline.cast(counts, "float32"))
        given = reshaped(updates, [m, inner])
        placed = in_floats(given, lambda v: _adaline.scatter_add(
            reshaped(_adaline.select(reshaped(counts, [m, 1]) > 0, v, 0.0), [1, m, inner]), reshaped(rows, [1, m]), n)[0])
        hit = _adaline.scatter_add(reshaped(counts, [1, m, 1]), reshaped(rows, [1, m]), n)
        return reshaped(_adaline.select(reshaped(hit, [n, 1]) > 0, placed, reshaped(x, [n, inner])), shape)
    name, neutral = {"max": ("max", -math.inf), "min": ("min", math.inf), "mul": ("prod", 1.0)}.get(reduction, (None, 0.0))
    if name is None:
        raise ValueError(f"reduction {reduction!r} of scatter_update is not one of None, 'add', 'mul', 'max', 'min'")
    made = segments(name, neutral, reshaped(updates, [m, inner]), rows, n)
    made = reshaped(made, shape)
    made = x * made if name == "prod" else _adaline.binary(name, x, made)
    return _adaline.cast(made, x.dtype)


def segments(name: str, neutral: float, data: Node, ids: Node, count: int) -> Node:
    """Rows `(N, C)` reduced by the number of their segment: `(count, C)` in floats, `neutral` where a segment is empty."""
    n, c = data.shape
    member = reshaped(ids, [1, n, 1]) == _adaline.iota([count, 1, 1], 0)
    values = _adaline.select(member, reshaped(_adaline.cast(data, "float32"), [1, n, c]), neutral)
    return _adaline.reduce(name, values, [1], False)


@op
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The part of a shape that begins at indices, which may be symbolic."""
    return _window(node(inputs), start_indices, sizes(shape))[0]


def _window(x: Node, start: Any, shape: List[int]) -> Any:
    """A part of a shape, and the place of each of its elements along each axis (moved inside where it reaches beyond)."""
    starts = [start[i] for i in range(x.ndim)]
    if all(not isinstance(s, Node) for s in starts):
        begins = [min(max(int(s), 0), d - n) for s, d, n in zip(starts, x.shape, shape)]
        return x[tuple(builtins.slice(b, b + n) for b, n in zip(begins, shape))], begins
    moved: List[Any] = []
    for axis, (s, n) in enumerate(zip(starts, shape)):
        d = x.shape[axis]
        first = _adaline.binary("min", _adaline.binary("max", _adaline.cast(s, "int32"), 0), d - n)
        moved.append(reshaped(first, []))
        x = picked(x, _adaline.iota([n], 0) + moved[-1], axis)
    return x, moved


@op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with `updates` in the part that begins at indices, which may be symbolic."""
    x = node(inputs)
    updates = _adaline.cast(updates, x.dtype)
    inside, spread = None, updates
    starts = [start_indices[i] for i in range(x.ndim)]
    if all(not isinstance(s, Node) for s in starts):
        begins = [min(max(int(s), 0), d - n) for s, d, n in zip(starts, x.shape, updates.shape)]
        pads = [(b, d - b - n) for b, d, n in zip(begins, x.shape, updates.shape)]
        mask = _adaline.pad(_adaline.full(list(updates.shape), 1.0, "float32"), pads) > 0
        return _adaline.select(mask, _adaline.pad(updates, pads), x)
    for axis, s in enumerate(starts):
        d, n = x.shape[axis], updates.shape[axis]
        first = reshaped(_adaline.binary("min", _adaline.binary("max", _adaline.cast(s, "int32"), 0), d - n), [])
        place = _adaline.iota([d], 0) - first
        here = reshaped((place >= 0) & (place < n), [d if a == axis else 1 for a in range(x.ndim)])
        inside = here if inside is None else inside & here
        spread = picked(spread, _adaline.binary("min", _adaline.binary("max", place, 0), n - 1), axis)
    return _adaline.select(inside, spread, x)
