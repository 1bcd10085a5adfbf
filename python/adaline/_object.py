"""What all classes of the catalogue share: arguments, configurations, names."""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
import threading
from collections import Counter
from typing import Any, Callable, Dict, Optional, Type, TypeVar

import numpy as np

T = TypeVar("T", bound="KerasObject")

_names: "Counter[str]" = Counter()
_lock = threading.Lock()


def snake_case(name: str) -> str:
    """`MaxPooling2D` as `max_pooling2d`, by Keras' rule."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """`dense`, then `dense_1`, `dense_2`, .."""
    with _lock:
        count = _names[prefix]
        _names[prefix] += 1
    return prefix if count == 0 else f"{prefix}_{count}"


def clear_names() -> None:
    """Counts names from the beginning again."""
    with _lock:
        _names.clear()


def plain(value: Any) -> Any:
    """A value as JSON can hold it: objects as their envelopes, functions by their names."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, KerasObject):
        return value._envelope()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "numpy") and not isinstance(value, type):  # a variable: what it is now
        return np.asarray(value.numpy()).tolist()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if hasattr(value, "_keras_name"):
        return value._keras_name
    if isinstance(value, type) and issubclass(value, KerasObject):
        return plain(value())
    if isinstance(value, (np.dtype, type)):
        return np.dtype(value).name
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be written into a configuration")


class KerasObject:
    """Something with arguments that files hold."""

    #: Name of the class in the catalogue; none for classes written in Python.
    _class: Optional[str] = None
    _module = "keras"
    _args: Dict[str, Any]

    def _arguments(self, **values: Any) -> None:
        self._args = values
        for name, value in values.items():
            if not isinstance(getattr(type(self), name, None), property):
                setattr(self, name, value)

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments, from which `from_config` makes an equal object."""
        return {k: plain(v) for k, v in self._args.items()}

    @classmethod
    def from_config(cls: Type[T], config: Dict[str, Any]) -> T:
        """An object of these arguments."""
        from .saving import deserialize_keras_object

        def made(value: Any) -> Any:
            if isinstance(value, dict) and "class_name" in value:
                return deserialize_keras_object(value)
            if isinstance(value, list) and any(isinstance(v, dict) and "class_name" in v for v in value):
                return [made(v) for v in value]
            return value

        return cls(**{k: made(v) for k, v in config.items()})

    def __getstate__(self) -> Dict[str, Any]:
        """Without what the compiled side read of it, which is read again."""
        state = dict(self.__dict__)
        state.pop("_made", None)
        if "_handle" in state:
            state["_handle"] = None
        return state

    def _registered_name(self) -> Optional[str]:
        from .saving import get_registered_name

        return None if self._class else get_registered_name(type(self))

    def _envelope(self) -> Dict[str, Any]:
        return {
            "module": self._module if self._class else type(self).__module__,
            "class_name": self._class or type(self).__name__,
            "config": self.get_config(),
            "registered_name": self._registered_name(),
        }

    def _envelope_json(self) -> str:
        return json.dumps(self._envelope())

    def _told_envelope(self) -> Dict[str, Any]:
        return self._envelope()


#: Arguments of Keras that say how to compute, not what; the compiled side has none of them.
_UNTOLD = ("use_cudnn", "implementation")


def told(value: Any) -> Any:
    """As `plain`, without arguments that nobody gave: what the compiled side makes an object of."""
    if isinstance(value, KerasObject):
        return value._told_envelope()
    if isinstance(value, (list, tuple)):
        return [told(v) for v in value]
    if isinstance(value, dict):
        return {k: told(v) for k, v in value.items()}
    return plain(value)


@functools.lru_cache(maxsize=None)
def _defaults(made_of: type) -> Dict[str, Any]:
    """Arguments of the class of the catalogue that a class is or derives from for which none is not the default: those that have another, and those
    that must be given, with `inspect.Parameter.empty`."""
    own = next((c for c in made_of.__mro__ if c.__dict__.get("_class") is not None), made_of)
    known = inspect.signature(own.__init__).parameters  # type: ignore[misc]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {k: p.default for k, p in known.items() if p.default is not None and p.kind in named and k != "self"}


#: Arguments of one value, which the compiled side is not told: where that is given, the classes of the catalogue pass none.
_KERAS_ALONE = (("SparseCategoricalCrossentropy", "axis"), ("TensorBoard", "embeddings_freq"), ("TensorBoard", "profile_batch"))


def given_none(made_of: type, values: Dict[str, Any]) -> Dict[str, Any]:
    """What is meant by arguments that are given as none where the default is something else, as Keras takes it: no for yes or no, for an
    initializer that of weights without one; else none, which is a value or an error."""
    if all(v is not None for v in values.values()):
        return {}
    made = {}
    for name, default in _defaults(made_of).items():
        if name in values and values[name] is None and name not in _UNTOLD and (getattr(made_of, "_class", None), name) not in _KERAS_ALONE:
            made[name] = False if isinstance(default, bool) else "glorot_uniform" if name.endswith("_initializer") else None
    return made


def arguments_of(made_of: type, values: Dict[str, Any]) -> Dict[str, Any]:
    """Arguments without those that were left out, as the compiled side takes them."""
    return {**{k: told(v) for k, v in values.items() if v is not None and k not in _UNTOLD}, **given_none(made_of, values)}


def file_json(envelope: Callable[[], Any]) -> Optional[str]:
    """An envelope as JSON; none for what cannot be written, which is told when a file is."""
    try:
        return json.dumps(envelope())
    except (TypeError, ValueError, NotImplementedError):
        return None


def python_hint(names: Any, wanted: str) -> str:
    """What was perhaps meant."""
    import difflib

    near = difflib.get_close_matches(wanted, list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def is_interactive() -> bool:
    """Whether lines on the screen can be drawn anew."""
    try:
        return bool(sys.stdout.isatty())
    except Exception:
        return False
