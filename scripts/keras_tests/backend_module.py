"""What Keras' tests take from `keras.src.backend`: conversions and settings, told by `adaline` and NumPy."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

_DTYPES = ("float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string",
           "complex64", "complex128", "float8_e4m3fn", "float8_e5m2")


def standardize_dtype(dtype: Any) -> str:
    if dtype is None:
        return "float32"
    dtype = {bool: "bool", int: "int32", float: "float32", str: "string"}.get(dtype, dtype)
    name = getattr(dtype, "name", None) or str(dtype)
    if name not in _DTYPES:
        raise ValueError(f"Invalid dtype: {name}")
    return name


def is_float_dtype(dtype: Any) -> bool:
    return standardize_dtype(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: Any) -> bool:
    return standardize_dtype(dtype).startswith(("int", "uint"))


def standardize_shape(shape: Any) -> Any:
    return tuple(shape)


def is_tensor(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic))


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """An array of the type asked for, else of the type that Keras gives numbers: 32 bits."""
    array = np.asarray(x)
    if dtype is not None:
        return array.astype(standardize_dtype(dtype))
    if not hasattr(x, "dtype"):
        array = array.astype({"f": np.float32, "i": np.int32}.get(array.dtype.kind, array.dtype))
    return array


def convert_to_numpy(x: Any) -> Any:
    return np.asarray(x)


def cast(x: Any, dtype: Any) -> Any:
    return np.asarray(x).astype(standardize_dtype(dtype))


def get_keras_mask(x: Any) -> Any:
    return getattr(x, "_keras_mask", None)


def set_keras_mask(x: Any, mask: Any) -> None:
    x._keras_mask = mask


def clear_session(free_memory: bool = True) -> None:
    from adaline._object import clear_names

    clear_names()


class _Numpy(types.ModuleType):
    """`backend.numpy`: arrays of 32 bits."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: convert_to_tensor(getattr(np, name)(*args, **kwargs), kwargs.get("dtype") or "float32")


class _Backend(types.ModuleType):
    SUPPORTS_SPARSE_TENSORS = False
    SUPPORTS_RAGGED_TENSORS = False
    SUPPORTS_COMPLEX_DTYPES = False
    IS_THREAD_SAFE = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list = []

    def __getattr__(self, name: str) -> Any:
        from shim import Absent

        if name.startswith("__"):
            raise AttributeError(name)
        if name in globals():
            return globals()[name]
        import adaline
        from adaline import config

        if name in ("Variable", "KerasTensor", "name_scope"):
            return getattr(adaline, name)
        if name == "random" or name == "SeedGenerator":
            from adaline import random

            return random if name == "random" else random.SeedGenerator
        if name == "shape":
            return lambda x: tuple(x.shape)
        if name in ("StatelessScope", "SymbolicScope", "AutocastScope", "get_stateless_scope", "in_stateless_scope", "remat", "RematScope",
                    "bidirectional_lstm", "bidirectional_gru", "lstm", "gru", "compute_output_spec", "vectorized_map", "cond", "scan",
                    "nn", "core"):
            return Absent(f"backend.{name}")
        if name in ("enable_flash_attention", "disable_flash_attention", "is_flash_attention_enabled"):
            # A switch between kernels of GPUs, which tests of attention turn off and on around each test: there is none here.
            return lambda: False
        if hasattr(config, name):
            return getattr(config, name)
        import importlib

        try:
            return importlib.import_module(f"{self.__name__}.{name}")
        except ModuleNotFoundError:
            raise AttributeError(name) from None


_KNOWN = {"backend", "config", "backend.config", "backend.common", "backend.common.variables", "backend.common.keras_tensor", "backend.common.dtypes",
          "backend.common.global_state", "backend.common.backend_utils", "backend.common.stateless_scope", "backend.common.symbolic_scope",
          "backend.common.name_scope", "backend.numpy", "backend.random", "backend.common.masking"}


def module(parts: str, name: str) -> Any:
    if parts not in _KNOWN:
        return None
    if parts == "backend.numpy":
        return _Numpy(name)
    if parts == "backend.random":
        from adaline import random

        made = types.ModuleType(name)
        made.__dict__.update({k: getattr(random, k) for k in dir(random) if not k.startswith("__")})
        return made
    return _Backend(name)
