"""Keras' `keras.backend`: what programs still ask of it."""

from __future__ import annotations

from typing import Any

from .config import backend, epsilon, floatx, image_data_format, set_floatx, set_image_data_format
from .utils import clear_session

__all__ = ["backend", "clear_session", "epsilon", "floatx", "image_data_format", "is_keras_tensor", "result_type", "set_floatx",
           "set_image_data_format", "standardize_dtype"]


def is_keras_tensor(x: Any) -> bool:
    """Whether it is a symbolic tensor of a network."""
    return hasattr(x, "_is_keras_tensor")


def standardize_dtype(dtype: Any) -> str:
    """The name of a type; none is `float32`."""
    import numpy as np

    return "float32" if dtype is None else (dtype if isinstance(dtype, str) else np.dtype(dtype).name)


def result_type(*dtypes: Any) -> str:
    """The type of a result of values of several types: `float32` where one of them is a float, else that of NumPy, at most 32 bits."""
    import numpy as np

    names = [standardize_dtype(d) for d in dtypes]
    if not names or any(n in ("float", "bfloat16") or n.startswith("float") for n in names):
        return "float32"
    name = np.result_type(*["int32" if n == "int" else n for n in names]).name
    return {"int64": "int32", "uint64": "uint32"}.get(name, name)
