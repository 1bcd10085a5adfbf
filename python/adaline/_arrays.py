"""Arrays as the compiled side reads them."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_data(x: Any) -> np.ndarray:
    """Anything that NumPy makes numbers of, as `float32`, `int32` or `uint8`, row-major."""
    if hasattr(x, "to_numpy"):  # pandas, polars
        x = x.to_numpy()
    array = np.asarray(x)
    kind = array.dtype.kind
    if array.dtype in (np.float32, np.int32, np.uint8):
        wanted = array.dtype
    elif kind == "f":
        wanted = np.dtype(np.float32)
    elif kind in "iu":
        if array.size and (array.max() > 2**31 - 1 or array.min() < -(2**31)):
            raise ValueError(
                f"whole numbers up to {array.max()} do not fit in int32, in which they are kept: give them as float32"
            )
        wanted = np.dtype(np.int32)
    elif kind == "b":
        wanted = np.dtype(np.float32)
    else:
        try:
            array, wanted = array.astype(np.float32), np.dtype(np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"expected numbers, got an array of dtype {array.dtype} and shape {array.shape} ({error}): "
                "encode text and dates as numbers first, such as with layers.StringLookup or pandas.get_dummies"
            ) from None
    # Not `ascontiguousarray`, which makes vectors of scalars.
    return np.asarray(array, dtype=wanted, order="C")


def as_constant(x: Any) -> np.ndarray:
    """As `as_data`; truth values become bytes, and stay truth values in the graph."""
    array = np.asarray(x)
    if array.dtype.kind == "b":
        return np.asarray(array, dtype=np.uint8, order="C")
    made = as_data(array)
    return made.astype(np.int32) if made.dtype == np.uint8 else made
