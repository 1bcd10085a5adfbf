"""Types, parts, choices and loops."""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

import numpy as np

from .._eager import flat, kind_of, nested
from ._common import Node, _adaline, axis_of, dtype_name, node, on_arrays, op
from ._creation import as_array as _array
from ._elementwise import logical_and, where
from ._indexing import scatter, scatter_update, slice, slice_update
from ._reductions import doubling
from ._shapes import flip, stack, unstack

__all__ = [
    "associative_scan",
    "cast",
    "cond",
    "convert_to_numpy",
    "convert_to_tensor",
    "dtype",
    "fori_loop",
    "is_tensor",
    "map",
    "saturate_cast",
    "scan",
    "scatter",
    "scatter_update",
    "shape",
    "slice",
    "slice_update",
    "stop_gradient",
    "switch",
    "unstack",
    "vectorized_map",
    "while_loop",
]


@op
def cast(x: Any, dtype: Any) -> Any:
    """As another type: `float32`, `int32` or `bool`, which also stand for their narrower and wider kin."""
    return _adaline.cast(x, dtype_name(dtype))


@op
def saturate_cast(x: Any, dtype: Any) -> Any:
    """As another type; numbers beyond its range become its bounds."""
    x, name = node(x), dtype_name(dtype)
    bounds = np.dtype(name)
    if bounds.kind in "iu":
        low, high = int(np.iinfo(bounds).min), int(np.iinfo(bounds).max)
        if x.dtype == "float32":
            # Floats cannot hold the largest int32: 128 below it is the next that they can.
            x = _adaline.binary("min", _adaline.binary("max", x, float(max(low, -(2**31)))), float(min(high, 2**31 - 128)))
        else:
            x = _adaline.binary("min", _adaline.binary("max", x, max(low, -(2**31))), min(high, 2**31 - 1))
    return _adaline.cast(x, name)


@on_arrays(lambda x, dtype=None, sparse=None, ragged=None: _array(x, dtype))
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """Numbers as a value of the graph that is being written, or as an array."""
    return node(x) if dtype is None else _adaline.cast(x, dtype_name(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """Numbers as an array; symbolic values have none."""
    return np.asarray(x)


def shape(x: Any) -> Tuple[Any, ...]:
    """Sizes of the axes."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype(x: Any) -> str:
    """Name of the type."""
    return str(x.dtype) if hasattr(x, "dtype") else str(convert_to_tensor(x).dtype)


def is_tensor(x: Any) -> bool:
    """Whether it is an array or a symbolic value."""
    return isinstance(x, (np.ndarray, Node)) or hasattr(x, "_is_keras_tensor")


@op
def stop_gradient(variable: Any) -> Any:
    """The value, through which no gradient flows."""
    return _adaline.stop_gradient(variable)


def _symbolic(*values: Any) -> bool:
    """Whether there are values of graphs or of networks among them."""
    return kind_of(values) > 0


def _chosen(condition: Any, one: Any, other: Any) -> Any:
    """Of two results of one structure, the one that the condition says."""
    first: List[Any] = []
    second: List[Any] = []
    structure = flat(one, first)
    if flat(other, second) != structure:
        raise ValueError("the branches give results of different structures: both must give as many values, nested alike")
    made = [where(condition, a, b) for a, b in zip(first, second)]
    return nested(structure, iter(made))


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` where `pred` holds, else `false_fn()`. Within a graph both are computed, and one of the results is taken."""
    if kind_of(pred):
        return _chosen(pred, true_fn(), false_fn())
    return true_fn() if bool(np.asarray(pred)) else false_fn()


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """The result of the branch with a number, the nearest where it is out of range. Within a graph all are computed."""
    if kind_of(index):
        made = branches[0](*operands)
        for i, branch in enumerate(branches[1:], 1):
            made = _chosen(index >= i, branch(*operands), made)
        return made
    return branches[min(max(int(np.asarray(index)), 0), len(branches) - 1)](*operands)


def _map(f: Callable[[Any], Any], function: Callable[[List[Any]], Any], xs: Any) -> Any:
    """`f` on each part along the first axis, the results side by side."""
    parts: List[Any] = []
    structure = flat(xs, parts)
    columns = [function(p) for p in parts]
    results = [f(nested(structure, iter(row))) for row in zip(*columns)]
    return _stacked(results)


def _stacked(results: List[Any]) -> Any:
    """Results of one structure side by side."""
    values: List[List[Any]] = []
    structure: Any = None
    for result in results:
        row: List[Any] = []
        structure = flat(result, row)
        values.append(row)
    return nested(structure, iter([stack(list(column)) for column in zip(*values)]))


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` on each part along the first axis, the results side by side. Within a graph it is written once for each part."""
    return _map(f, unstack, xs)


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` on each part along the first axis, the results side by side. Within a graph it is written once for each part."""
    return _map(function, unstack, elements)


def scan(f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: Any = None, reverse: bool = False, unroll: int = 1) -> Any:
    """`carry, y = f(carry, x)` along the first axis: the last `carry`, and all `y` side by side. Within a graph it is written once for each step."""
    parts: List[Any] = []
    structure = flat(xs, parts)
    columns = [] if xs is None else [unstack(p) for p in parts]
    count = length if xs is None else len(columns[0])
    if count is None:
        raise ValueError("scan needs xs or length: how often should f be called?")
    carry, results = init, []
    for i in reversed(range(count)) if reverse else range(count):
        x = None if xs is None else nested(structure, iter([c[i] for c in columns]))
        carry, y = f(carry, x)
        results.append(y)
    results = results[::-1] if reverse else results
    return carry, (None if not results or results[0] is None else _stacked(results))


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Running combinations along an axis by an associative function of two."""
    parts: List[Any] = []
    structure = flat(elems, parts)
    at = axis_of(axis, len(parts[0].shape))

    def combine(a: Any, b: Any) -> List[Any]:
        made: List[Any] = []
        flat(f(nested(structure, iter(a)), nested(structure, iter(b))), made)
        return made

    parts = [flip(p, at) for p in parts] if reverse else parts
    made = _doubling(combine, parts, at)
    return nested(structure, iter([flip(p, at) for p in made] if reverse else made))


def _doubling(combine: Any, parts: List[Any], axis: int) -> Any:
    """As `doubling`, on arrays too."""
    if kind_of(parts) == 2:
        return doubling(combine, parts, axis)

    @op
    def run(*values: Any) -> Any:
        return doubling(combine, list(values), axis)

    return run(*parts)


def fori_loop(lower: int, upper: int, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`value = body_fun(i, value)` for whole numbers from `lower` up to but without `upper`. Within a graph it is written once for each."""
    if kind_of([lower, upper]):
        raise ValueError("the bounds of fori_loop must be known while the graph is written: give numbers, not symbolic values")
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: Any = None) -> Any:
    """`body` as long as `cond` holds. Within a graph `maximum_iterations` must be given: so many steps are written, and those after the end change
    nothing."""
    single = not isinstance(loop_vars, (list, tuple))
    values = (loop_vars,) if single else tuple(loop_vars)
    if not _symbolic(*values) and not _adaline.is_tracing():
        count = 0
        while (maximum_iterations is None or count < maximum_iterations) and bool(np.asarray(cond(*values))):
            made = body(*values)
            values = tuple(made) if isinstance(made, (list, tuple)) else (made,)
            count += 1
        return values[0] if single else type(loop_vars)(values)
    if maximum_iterations is None:
        raise ValueError("while_loop within a graph needs maximum_iterations: so many steps are written")
    going: Any = True
    for _ in range(int(maximum_iterations)):
        going = logical_and(cond(*values), going)
        made = body(*values)
        made = tuple(made) if isinstance(made, (list, tuple)) else (made,)
        values = _chosen(going, made, values)
    return values[0] if single else type(loop_vars)(values)
