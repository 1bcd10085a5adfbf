"""Settings of the package: Keras' `keras.config`."""

from __future__ import annotations

from typing import Any

_policy = "float32"
_image_data_format = "channels_last"


class DTypePolicy:
    """Types of weights and of computation, by Keras' names: `float32`, `mixed_bfloat16`, `mixed_float16`."""

    def __init__(self, name: str) -> None:
        if name not in ("float32", "mixed_bfloat16", "mixed_float16"):
            raise ValueError(f"dtype policy {name!r} is not one of float32, mixed_bfloat16 and mixed_float16")
        self.name = name

    @property
    def variable_dtype(self) -> str:
        """Type of the weights."""
        return "float32"

    @property
    def compute_dtype(self) -> str:
        """Type of the computation."""
        return {"float32": "float32", "mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}[self.name]

    _keras_name = property(lambda self: {"module": "keras", "class_name": "DTypePolicy", "config": {"name": self.name}, "registered_name": None})

    def get_config(self) -> Any:
        """Constructor arguments."""
        return {"name": self.name}

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def dtype_policy() -> DTypePolicy:
    """The policy of layers that have none of their own."""
    return DTypePolicy(_policy)


def set_dtype_policy(policy: Any) -> None:
    """Sets it, for layers made from now on."""
    global _policy
    _policy = DTypePolicy(getattr(policy, "name", policy)).name


def floatx() -> str:
    """The type of numbers: `float32`."""
    return "float32"


def set_floatx(value: str) -> None:
    """Takes `float32` alone."""
    if value != "float32":
        raise ValueError(f"numbers are computed in float32, not {value}; for 16 bits see set_dtype_policy('mixed_bfloat16')")


def epsilon() -> float:
    """A small number."""
    return 1e-7


def image_data_format() -> str:
    """Where the channels of pictures are for layers and functions that are not told: `channels_last` at first."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets it, `channels_last` or `channels_first`, for layers made from now on."""
    global _image_data_format
    data_format = str(data_format).lower()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"The `data_format` argument must be one of {{'channels_first', 'channels_last'}}. Received: data_format={data_format!r}")
    if data_format != _image_data_format:
        from ._eager import forget_programs

        _image_data_format = data_format
        forget_programs()


def backend() -> str:
    """`adaline`."""
    return "adaline"


def set_threads(threads: int) -> None:
    """Threads of models made from now on (0: all cores). Results do not depend on it."""
    from ._adaline import set_threads as told

    told(threads)
