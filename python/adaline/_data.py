"""Data that `fit`, `evaluate` and `predict` take."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import numpy as np

from ._arrays import as_data


def as_list(x: Any, count: Optional[int]) -> List[Any]:
    """Data for each input or output, in order."""
    if count is not None and count > 1:
        if not isinstance(x, (list, tuple)):
            raise ValueError(f"the model takes {count} arrays here, got one of type {type(x).__name__}: give a list or a dict of {count}")
        if len(x) != count:
            raise ValueError(f"the model takes {count} arrays here, got {len(x)}")
        return list(x)
    if isinstance(x, (list, tuple)) and len(x) == 1 and hasattr(x[0], "shape") and len(x[0].shape) > 0:
        return [x[0]]
    return [x]


def is_stream(x: Any) -> bool:
    """Whether data comes batch by batch: a generator, an iterator, a `PyDataset`."""
    if isinstance(x, (list, tuple, dict, np.ndarray)) or x is None or hasattr(x, "to_numpy") or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__getitem__") or hasattr(x, "__iter__")


def unpack(batch: Any) -> Tuple[Any, Any, Any]:
    """`x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`."""
    if not isinstance(batch, tuple):
        return batch, None, None
    if len(batch) > 3:
        raise ValueError(f"a batch is x, (x, y) or (x, y, sample_weight), got {len(batch)} parts")
    return (*batch, None, None)[:3]


def split_arrays(arrays: List[np.ndarray], at: int) -> Tuple[List[np.ndarray], List[np.ndarray]]:
    """The rows before and from a place on."""
    return [a[:at] for a in arrays], [a[at:] for a in arrays]


def arrays_of(values: List[Any]) -> List[np.ndarray]:
    """Arrays as the compiled side reads them."""
    return [as_data(v) for v in values]
