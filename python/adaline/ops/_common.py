"""What the families of functions share: values, types, axes."""

from __future__ import annotations

import functools
import math
from typing import Any, Callable, Dict, List, Sequence, Tuple, TypeVar

import numpy as np

from .. import _adaline
from .._adaline import Node
from .._eager import _kept, kind_of, op

F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "Node",
    "_adaline",
    "aligned",
    "around",
    "axes_of",
    "axis_of",
    "binary",
    "both",
    "counted",
    "cut",
    "dtype_name",
    "floats",
    "in_numpy",
    "is_number",
    "join",
    "kind_of",
    "node",
    "numpy_only",
    "on_arrays",
    "op",
    "permute",
    "promoted",
    "reduce",
    "reshaped",
    "sizes",
    "unary",
]

_RANKS: Dict[str, int] = {"bool": 0, "int32": 1, "float32": 2}


def node(x: Any) -> Node:
    """Anything as a value of the graph that is being written."""
    return x if isinstance(x, Node) else _adaline.constant(x)


def is_number(x: Any) -> bool:
    """Whether it is a number of Python, which takes the type of what it meets."""
    return isinstance(x, (bool, int, float))


def both(x1: Any, x2: Any) -> Tuple[Any, Any]:
    """Two operands, of which at least one has a type."""
    return (node(x1) if is_number(x1) and is_number(x2) else x1), x2


def aligned(x1: Any, x2: Any) -> Tuple[Node, Node]:
    """Two operands as values of one type."""
    x1, x2 = both(x1, x2)
    if is_number(x1):
        x1, x2 = _with_number(node(x2), x1)[::-1]
    elif is_number(x2):
        x1, x2 = _with_number(node(x1), x2)
    made = promoted([node(x1), node(x2)])
    return made[0], made[1]


def _with_number(x: Node, number: Any) -> Tuple[Node, Node]:
    """A value and a number of Python in the type of the two."""
    name = max(x.dtype, node(number).dtype, key=lambda d: _RANKS[d])
    return _adaline.cast(x, name), _adaline.cast(number, name)


def promoted(values: Sequence[Any]) -> List[Node]:
    """Values in the largest of their types: truth values, whole numbers, floats."""
    nodes = [node(v) for v in values]
    name = max((n.dtype for n in nodes), key=lambda d: _RANKS[d])
    return [n if n.dtype == name else _adaline.cast(n, name) for n in nodes]


def floats(x: Any) -> Node:
    """As `float32`."""
    x = node(x)
    return x if x.dtype == "float32" else _adaline.cast(x, "float32")


def counted(x: Any) -> Node:
    """Truth values as 0 and 1."""
    x = node(x)
    return _adaline.cast(x, "int32") if x.dtype == "bool" else x


def unary(name: str, x: Any) -> Node:
    """A function of one number."""
    return _adaline.unary(name, x)


def binary(name: str, x1: Any, x2: Any) -> Node:
    """A function of two."""
    return _adaline.binary(name, *both(x1, x2))


def dtype_name(dtype: Any) -> str:
    """Name of a type given as NumPy's, Python's or by name."""
    return dtype if isinstance(dtype, str) else np.dtype(dtype).name


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    at = axis + rank if axis < 0 else axis
    if not 0 <= at < rank:
        raise ValueError(f"axis {axis} does not exist in a value with {rank} axes: expected one from {-rank} to {rank - 1}")
    return int(at)


def axes_of(axis: Any, rank: int) -> List[int]:
    """Axes counted from the front; all where none is given."""
    if axis is None:
        return list(range(rank))
    if isinstance(axis, (int, np.integer)):
        return [axis_of(int(axis), rank)]
    return [axis_of(int(a), rank) for a in axis]


def sizes(shape: Any) -> List[int]:
    """A shape as a list; a number is a shape of one axis."""
    if isinstance(shape, (int, np.integer)):
        return [int(shape)]
    return [int(d) for d in shape]


def around(shape: Sequence[int], axis: int) -> Tuple[int, int, int]:
    """Number of elements before an axis, its size, number of elements behind it."""
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def reshaped(x: Any, shape: Sequence[int]) -> Node:
    """Another shape."""
    return _adaline.reshape(x, [int(d) for d in shape])


def permute(x: Node, axes: Sequence[int]) -> Node:
    """Axes in another order."""
    axes = list(axes)
    return x if axes == list(range(x.ndim)) else _adaline.transpose(x, axes)


def cut(x: Node, axis: int, start: int, stop: int, step: int = 1) -> Node:
    """A slice along one axis."""
    return x[(slice(None),) * axis + (slice(start, stop, step),)]


def join(parts: Sequence[Any], axis: int) -> Node:
    """One after the other along an axis, in one type."""
    return _adaline.concatenate(promoted(parts), axis)


def reduce(name: str, x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """A reduction over axes, all where none is given."""
    x = node(x)
    axes = axes_of(axis, x.ndim)
    if not axes:
        return floats(x) if name == "mean" else x
    return _adaline.reduce(name, x, axes, keepdims)


def in_numpy(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """NumPy's function on arrays, with results in types that graphs have."""

    def plain(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(plain(v) for v in value)
        if isinstance(value, np.ndarray) or (hasattr(value, "__array__") and not isinstance(value, np.generic)):
            return _kept(np.asarray(value))
        return value

    def kept(value: Any) -> Any:
        if isinstance(value, (np.ndarray, np.generic)):
            return _kept(np.asarray(value)) if np.asarray(value).dtype.kind in "biuf" else value
        if isinstance(value, (list, tuple)):
            return tuple(kept(v) for v in value) if isinstance(value, tuple) else [kept(v) for v in value]
        return value

    return kept(function(*plain(args), **plain(kwargs)))


def numpy_only(function: F) -> F:
    """A function that needs the numbers: it works on arrays, and not on values of graphs."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if max(kind_of(args), kind_of(kwargs)):
            raise NotImplementedError(
                f"ops.{function.__name__} works on arrays only: compiled graphs have no operation for it. Compute it beforehand and hand the result "
                "in as an input or a weight"
            )
        return in_numpy(function, args, kwargs)

    return called  # type: ignore[return-value]


def on_arrays(fast: Callable[..., Any]) -> Callable[[F], F]:
    """Makes a function of graph values use one of NumPy's on arrays, which has no limits of size."""

    def decorate(function: F) -> F:
        traced = op(function)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if max(kind_of(args), kind_of(kwargs)) or _adaline.is_tracing():
                return traced(*args, **kwargs)
            return in_numpy(fast, args, kwargs)

        return called  # type: ignore[return-value]

    return decorate
