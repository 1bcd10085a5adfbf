"""Functions that work on symbolic values, on symbolic tensors of networks, and on arrays.

A function is written once, on the values of a graph (`_adaline.Node`). Called on arrays, it is traced for their shapes, compiled and run; the
compiled program is kept for the next call. Called on a `KerasTensor`, it becomes a layer of the network.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any, Callable, Dict, List, Tuple, TypeVar

import numpy as np

from . import _adaline
from ._adaline import Node, Program

F = TypeVar("F", bound=Callable[..., Any])

#: Programs kept: enough for the shapes of a notebook, few enough that memory stays small.
_MOST = 512
_programs: "OrderedDict[Any, Tuple[Program, Any]]" = OrderedDict()


def forget_programs() -> None:
    """After a change of settings that functions read."""
    _programs.clear()


class _Place:
    """Where an array stood among the arguments."""

    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at

    def __hash__(self) -> int:
        return hash(("place", self.at))

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Place) and other.at == self.at


def _take(value: Any, arrays: List[np.ndarray]) -> Any:
    """Arguments with places instead of arrays, hashable."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return _Place(len(arrays) - 1)
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, tuple(_take(v, arrays) for v in value))
    if isinstance(value, dict):
        return ("dict", tuple((k, _take(v, arrays)) for k, v in sorted(value.items())))
    if hasattr(value, "_is_variable") or (hasattr(value, "__array__") and not isinstance(value, (np.generic, Node))):
        return _take(np.asarray(value), arrays)
    if isinstance(value, np.generic):
        return _take(value.item(), arrays)
    try:
        hash(value)
    except TypeError:
        return ("id", id(value), value)
    return ("item", type(value), value)


def _put(value: Any, nodes: Tuple[Node, ...]) -> Any:
    """The other way round."""
    if isinstance(value, _Place):
        return nodes[value.at]
    kind = value[0]
    if kind == "list":
        return [_put(v, nodes) for v in value[1]]
    if kind == "tuple":
        return tuple(_put(v, nodes) for v in value[1])
    if kind == "dict":
        return {k: _put(v, nodes) for k, v in value[1]}
    return value[-1]


def _kept(array: np.ndarray) -> np.ndarray:
    """The array in a type that graphs have."""
    kind = array.dtype.kind
    if kind == "b" or array.dtype in (np.float32, np.int32):
        return np.asarray(array, order="C")
    return np.asarray(array, dtype=np.int32 if kind in "iu" else np.float32, order="C")


def flat(result: Any, out: List[Any]) -> Any:
    """What a function gave as a list, and how it was nested."""
    if isinstance(result, (list, tuple)):
        return (type(result), [flat(r, out) for r in result])
    if isinstance(result, dict):
        return (dict, {k: flat(r, out) for k, r in result.items()})
    out.append(result)
    return None


def nested(shape: Any, values: Any) -> Any:
    """The other way round; `values` is an iterator."""
    if shape is None:
        return next(values)
    kind, parts = shape
    if kind is dict:
        return {k: nested(p, values) for k, p in parts.items()}
    made = [nested(p, values) for p in parts]
    if hasattr(kind, "_fields"):
        return kind(*made)
    return kind(made)


def run(function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """A function of graph values on arrays."""
    arrays: List[np.ndarray] = []
    given = (_take(args, arrays), _take(kwargs, arrays))
    arrays = [_kept(a) for a in arrays]
    key: Any = (function, given, tuple((a.dtype.str, a.shape) for a in arrays))
    try:
        found = _programs.get(key)
    except TypeError:
        key, found = None, None
    if found is None:
        structure: List[Any] = []

        def traced(*nodes: Node) -> List[Any]:
            result = function(*_put(given[0], nodes), **_put(given[1], nodes))
            values: List[Any] = []
            structure[:] = [flat(result, values)]
            return values

        program = Program(traced, [(a.dtype.name, list(a.shape)) for a in arrays])
        found = (program, structure[0])
        if key is not None:
            _programs[key] = found
            if len(_programs) > _MOST:
                _programs.popitem(last=False)
    program, shape = found
    return nested(shape, iter(program(*[a.astype(np.float32) if a.dtype.kind == "b" else a for a in arrays])))


def kind_of(value: Any) -> int:
    """0 for numbers and arrays, 1 for symbolic tensors of networks, 2 for values of the graph that is being written."""
    if isinstance(value, Node):
        return 2
    if isinstance(value, (list, tuple)):
        return max((kind_of(v) for v in value), default=0)
    if isinstance(value, dict):
        return max((kind_of(v) for v in value.values()), default=0)
    if hasattr(value, "_is_keras_tensor"):
        return 1
    return 0


def op(function: F) -> F:
    """Makes a function of graph values work on arrays and symbolic tensors too."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        kind = max(kind_of(args), kind_of(kwargs))
        if kind == 2 or (kind == 0 and _adaline.is_tracing()):
            return function(*args, **kwargs)
        if kind == 1:
            from ._operation import symbolic

            return symbolic(called, function.__name__, args, kwargs)
        return run(function, args, kwargs)

    return called  # type: ignore[return-value]
