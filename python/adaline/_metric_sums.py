"""What metrics sum up, as variables."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np

from ._variable import Variable


class Sum(Variable):
    """A sum of a metric: within a graph it notes what is added."""

    _added: Optional[Dict[int, Any]] = None

    def assign_add(self, value: Any) -> Variable:
        if self._added is not None:
            before = self._added.get(id(self))
            self._added[id(self)] = value if before is None else before + value
            return self
        return self.assign(self.numpy() + np.asarray(value))

    def assign(self, value: Any) -> Variable:
        if self._added is not None:
            raise NotImplementedError(
                "a metric within a compiled step can only add to its sums: use assign_add in update_state, and compute in result()"
            )
        return super().assign(value)

    def _as_node(self) -> Any:
        raise NotImplementedError("a metric within a compiled step cannot read its sums: add to them with assign_add, and read them in result()")


class WholeSum(Variable):
    """A sum of whole numbers, which stay exact where single precision would not."""

    @property
    def dtype(self) -> str:
        """Type of the values."""
        return "int64"

    def numpy(self) -> np.ndarray:
        """A copy of its values."""
        kept = self.__dict__.get("_whole")
        return np.zeros(self.shape, dtype=np.int64) if kept is None else np.array(kept)

    def assign(self, value: Any) -> "WholeSum":
        """Replaces its values."""
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(f"variable {self.path!r} has shape {self.shape}, got values of shape {array.shape}")
        self._whole = array.astype(np.int64)
        return self


class Count(Variable):
    """What Keras keeps of the elements of a confusion (`true_positives`, one for each threshold), of sums that cost less to keep."""

    def __init__(self, metric: Any, name: str, at: int) -> None:
        self._metric, self._at = metric, at
        super().__init__(np.zeros(self.numpy().shape, dtype=np.float32), trainable=False, name=name)

    def _all(self) -> List[np.ndarray]:
        return [values for _, values in self._metric._handle.variables([v.numpy() for v in self._metric._kept])]

    def numpy(self) -> np.ndarray:
        """A copy of its values."""
        return self._all()[self._at]

    def assign(self, value: Any) -> "Count":
        """Replaces its values."""
        every = self._all()
        array = np.ascontiguousarray(value, dtype=np.float32).reshape(np.shape(value))
        if array.shape != self.shape:
            raise ValueError(f"variable {self.path!r} has shape {self.shape}, got values of shape {array.shape}")
        every[self._at] = array
        for kept, values in zip(self._metric._kept, self._metric._handle.sums_of(every)):
            kept.assign(np.asarray(values, dtype=np.float32).reshape(kept.shape))
        return self

    def __round__(self, digits: Any = None) -> float:
        return round(float(self), digits)
