"""Weights as Python sees them."""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from . import _adaline, _seed
from ._arrays import as_data


class Holder:
    """A compiled model and the variables whose values lie in it.

    A layer may be part of several models, which share its weights. A value lies in the model that was used last; another one fetches it before
    it runs. So a model that shares nothing never copies anything.
    """

    def __init__(self, core: Any) -> None:
        self.core = core
        self.entries: List[Tuple["Variable", str]] = []
        self.whole = True

    def adopt(self, variable: "Variable", key: str) -> None:
        """Takes a variable over, with the value that it has."""
        self.entries.append((variable, key))
        if variable._holder is not None or variable._value is not None:
            self._fetch(variable, key)
        else:
            variable._holder, variable._key = self, key

    def _fetch(self, variable: "Variable", key: str) -> None:
        self.core.set_weight(key, variable.numpy())
        if variable._holder is not None and variable._holder is not self:
            variable._holder.whole = False
        variable._holder, variable._key, variable._value = self, key, None

    def refresh(self) -> None:
        """Fetches what lies elsewhere."""
        if not self.whole:
            for variable, key in self.entries:
                if variable._holder is not self:
                    self._fetch(variable, key)
            self.whole = True


_scopes = threading.local()


@contextlib.contextmanager
def name_scope(name: str, **kwargs: Any) -> Iterator[str]:
    """Within it the paths of new variables begin with a name, those of scopes around it before: `name/variable`. Weights of layers have paths of their
    own.

    Args:
        name: Name, without a slash.
        **kwargs: Kept for Keras' programs.
    """
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"name_scope takes a name without a slash, got {name!r}")
    stack: List[str] = _scopes.__dict__.setdefault("names", [])
    stack.append(name)
    try:
        yield name
    finally:
        stack.pop()


class Variable:
    """A weight: a shape, a name, and values that training changes.

    Args:
        initializer: Values, or what makes them of a shape.
        shape: Shape, where `initializer` is no array.
        dtype: Kept in `float32` whatever is asked for.
        trainable: Whether training changes it.
        name: Name.
    """

    _is_variable = True

    def __init__(
        self,
        initializer: Any,
        shape: Optional[Sequence[int]] = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        name: Optional[str] = None,
        *,
        regularizer: Any = None,
        constraint: Any = None,
        path: Optional[str] = None,
    ) -> None:
        from ._object import auto_name

        self._holder: Optional[Holder] = None
        self._key = ""
        self._value: Optional[np.ndarray] = None
        self._spec: Optional[str] = None
        self._layer: Any = None
        self._seed = _seed.following()
        if isinstance(initializer, str) or (shape is not None and callable(initializer)):
            from . import initializers

            made = initializers.get(initializer)
            shape = () if shape is None else tuple(shape)
            if hasattr(made, "_envelope_json"):
                self._spec = made._envelope_json()
            else:
                self._value = np.ascontiguousarray(made(shape), dtype=np.float32).reshape(shape)
        else:
            self._value = np.array(as_data(initializer), dtype=np.float32)
            shape = self._value.shape
        self._shape: Tuple[int, ...] = tuple(int(d) for d in shape)
        self._trainable = bool(trainable)
        self.name = name or auto_name("variable")
        self.path = path or "/".join([*_scopes.__dict__.get("names", []), self.name])
        self.regularizer, self.constraint = regularizer, constraint
        self.autocast, self.aggregation = autocast, aggregation

    @property
    def shape(self) -> Tuple[int, ...]:
        """Its shape."""
        return self._shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self._shape, dtype=np.int64))

    @property
    def dtype(self) -> str:
        """Type of the values."""
        return "float32"

    @property
    def trainable(self) -> bool:
        """Whether training changes it."""
        return self._trainable and (self._layer is None or self._layer.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)

    def numpy(self) -> np.ndarray:
        """A copy of its values."""
        if self._holder is not None:
            return self._holder.core.get_weight(self._key)
        if self._value is None:
            assert self._spec is not None
            self._value = _adaline.initial_values(self._spec, list(self._shape), self._seed)
        return self._value.copy()

    @property
    def value(self) -> Any:
        """Its values: an array, within a layer that is being called a symbolic value."""
        return self._as_node() if _adaline.is_tracing() else self.numpy()

    def assign(self, value: Any) -> "Variable":
        """Replaces its values."""
        if isinstance(value, _adaline.Node):
            _adaline.trace_assign(self._local_name, value)
            return self
        array = np.asarray(as_data(value), dtype=np.float32)
        if array.shape != self._shape:
            raise ValueError(f"variable {self.path!r} has shape {self._shape}, got values of shape {array.shape}")
        if self._holder is not None:
            self._holder.core.set_weight(self._key, array)
        else:
            self._value = np.array(array)
        return self

    def assign_add(self, value: Any) -> "Variable":
        """Adds to its values."""
        return self.assign(self.value + value)

    def assign_sub(self, value: Any) -> "Variable":
        """Subtracts from its values."""
        return self.assign(self.value - value)

    @property
    def _local_name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    def _as_node(self) -> Any:
        """It as a value of the graph that is being written."""
        if self._layer is None:
            return _adaline.constant(self.numpy())
        return self._layer._weight_node(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self._shape}, dtype={self.dtype}>"

    def __len__(self) -> int:
        return self._shape[0]

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __neg__(self) -> Any:
        return -self.value


def _operator(name: str) -> Any:
    def call(self: Variable, other: Any) -> Any:
        other = other.value if isinstance(other, Variable) else other
        own = self.value
        if isinstance(other, _adaline.Node) and not isinstance(own, _adaline.Node):
            own = self._as_node()
        return getattr(own, name)(other)

    call.__name__ = name
    return call


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul"):
    setattr(Variable, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Variable, f"__r{_name}__", _operator(f"__r{_name}__"))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Variable, f"__{_name}__", _operator(f"__{_name}__"))
