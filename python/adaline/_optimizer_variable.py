"""What an optimizer keeps, as variables that one can read and assign."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from ._variable import Variable


class OptimizerVariable(Variable):
    """A value that an optimizer keeps, wherever it lies now: before the optimizer is built in Python, then in the compiled update.

    Args:
        name: Name.
        read: Gives the value.
        write: Takes another one.
        dtype: Type of the value.
        path: Path, by default the name.
    """

    def __init__(self, name: str, read: Callable[[], Any], write: Callable[[np.ndarray], None], dtype: str = "float32", path: str = "") -> None:
        super().__init__(np.zeros(np.shape(read()), dtype=np.float32), trainable=False, name=name, path=path or name)
        self._read, self._write, self._dtype = read, write, dtype

    @property
    def dtype(self) -> str:
        """Type of the values."""
        return self._dtype

    def numpy(self) -> np.ndarray:
        """A copy of its values."""
        return np.array(self._read(), dtype=self._dtype)

    def assign(self, value: Any) -> "OptimizerVariable":
        """Replaces its values."""
        array = np.asarray(value, dtype=self._dtype)
        if array.shape != self.shape:
            raise ValueError(f"variable {self.path!r} has shape {self.shape}, got values of shape {array.shape}")
        self._write(np.ascontiguousarray(array).reshape(self.shape))
        return self

    def __eq__(self, other: Any) -> Any:
        return self.numpy() == (other.numpy() if isinstance(other, Variable) else other)

    def __ne__(self, other: Any) -> Any:
        return self.numpy() != (other.numpy() if isinstance(other, Variable) else other)

    __hash__ = object.__hash__

    def __format__(self, spec: str) -> str:
        return format(self.numpy()[()], spec) if spec else str(self)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={self.numpy()}>"

    def __index__(self) -> int:
        if self._dtype != "int32" or self.shape:
            raise TypeError(f"variable {self.path!r} is no whole number")
        return int(self.numpy())

    def __bool__(self) -> bool:
        return bool(self.numpy())
