"""Functions of `adaline.ops` in a network: each call becomes a layer."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from ._keras_tensor import KerasTensor
from ._layer import Layer


class Operation(Layer):
    """A function called on symbolic tensors."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, name: str) -> None:
        super().__init__(name=name)
        self._function, self._given = function, (args, kwargs)

    def call(self, *values: Any) -> Any:
        args, kwargs = self._given
        return self._function(*_put(args, values), **_put(kwargs, values))

    def get_config(self) -> Dict[str, Any]:
        raise ValueError(
            f"the network has `{self.name}`, a function of adaline.ops, which files cannot hold: use a layer in its place, or save the weights with "
            "save_weights and make the network anew"
        )


class _Place:
    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at


def _take(value: Any, tensors: List[KerasTensor]) -> Any:
    if isinstance(value, KerasTensor):
        tensors.append(value)
        return _Place(len(tensors) - 1)
    if isinstance(value, (list, tuple)):
        return type(value)(_take(v, tensors) for v in value) if not hasattr(value, "_fields") else value
    if isinstance(value, dict):
        return {k: _take(v, tensors) for k, v in value.items()}
    return value


def _put(value: Any, values: Tuple[Any, ...]) -> Any:
    if isinstance(value, _Place):
        return values[value.at]
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_put(v, values) for v in value)
    if isinstance(value, dict):
        return {k: _put(v, values) for k, v in value.items()}
    return value


def symbolic(function: Callable[..., Any], name: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """A function of graph values called on symbolic tensors."""
    from ._object import auto_name

    tensors: List[KerasTensor] = []
    given, named = _take(args, tensors), _take(kwargs, tensors)
    return Operation(function, given, named, auto_name(name))(*tensors)
