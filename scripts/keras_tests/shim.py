"""Makes the module names of Keras' own tests lead to `adaline`.

Keras' tests import `keras.src.<..>` modules. Three kinds of them exist here:

- those of the tests themselves (`*_test`, `keras.src.testing`, and the helpers in `REPOSITORY`, which are pure Python: walking through nested
  structures, drawing test data) are read from Keras' repository as they are;
- those of features that are not here (`ABSENT`) are stand-ins that raise `NotHere` where a test uses them;
- all others lead to `adaline`'s public modules. A name that is missing there stays missing: the test fails.

What Keras keeps in its backend (`backend.convert_to_numpy` and the like) is written out in `backend_module`: conversions, no computation.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

#: Read from Keras' repository: the tests' own tools.
REPOSITORY = ("keras.src.testing", "keras.src.tree", "keras.src.api_export", "keras.src.utils.module_utils", "keras.src.utils.backend_utils", "keras.src.version",
              "keras.src.backend.common.backend_utils")

#: Features that are not here, by module, or by name within a module.
ABSENT = {
    "keras.src.quantizers": "quantization of layers by Keras' quantizers",
    "keras.src.distribution": "keras.distribution",
    "keras.src.export": "SavedModel export",
    "keras.src.backend.common.remat": "rematerialization",
    "keras.src.backend.jax": "the JAX backend",
    "keras.src.backend.torch": "the PyTorch backend",
    "keras.src.backend.tensorflow": "the TensorFlow backend",
    "keras.src.layers.preprocessing.data_layer": "DataLayer",
    "keras.src.trainers": "internals of Keras' trainer",
    "tensorflow": "TensorFlow",
    "grain": "grain",
    "torch": "PyTorch",
}

#: Where modules of Keras lie in `adaline`; private ones are looked through after the public one.
PLACES = {
    "": ["adaline"],
    "losses": ["adaline.losses", "adaline._loss"],
    "metrics": ["adaline.metrics", "adaline._metric"],
    "optimizers": ["adaline.optimizers", "adaline._optimizer"],
    "optimizers.schedules": ["adaline.optimizers.schedules"],
    "activations": ["adaline.activations"],
    "initializers": ["adaline.initializers"],
    "regularizers": ["adaline.regularizers", "adaline._regularizer"],
    "constraints": ["adaline.constraints"],
    "layers": ["adaline.layers"],
    "models": ["adaline.models", "adaline"],
    "ops": ["adaline.ops"],
    "random": ["adaline.random"],
    "saving": ["adaline.saving", "adaline.models"],
    "callbacks": ["adaline.callbacks"],
    "utils": ["adaline.utils"],
    "dtype_policies": ["adaline.dtype_policies", "adaline.config"],
    "config": ["adaline.config"],
    "datasets": ["adaline.datasets"],
}


class NotHere(Exception):
    """A test uses a feature that `adaline` does not have."""


class Absent:
    """Stands for something of a feature that is not here; using it says so."""

    def __init__(self, what: str) -> None:
        self.__dict__["what"] = what

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise NotHere(self.what)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotHere(self.what)

    def __enter__(self) -> Any:
        raise NotHere(self.what)

    def __exit__(self, *_: Any) -> None:
        pass

    def __mro_entries__(self, _: Any) -> Any:
        return (object,)


#: Plumbing of Keras' test cases that has no counterpart here.
PLUMBING = {
    "keras.src.utils.traceback_utils": {"is_traceback_filtering_enabled": lambda: False},
    "keras.src.initializers.random_initializers": {"compute_fans": Absent("private functions of Keras' modules")},
    "keras.src.ops": {"random": importlib.import_module("adaline.random")},
    "keras.src.layers.core.einsum_dense": {"_analyze_einsum_string": Absent("private functions of Keras' modules")},
    "keras.src.layers.rnn.conv_lstm": {"ConvLSTM": Absent("private classes of Keras' modules"), "ConvLSTMCell": Absent("private classes of Keras' modules")},
    "keras.src.layers.rnn.dropout_rnn_cell": {"DropoutRNNCell": Absent("private classes of Keras' modules")},
    "keras.src.utils": {"removesuffix": lambda text, suffix: text[: -len(suffix)] if text.endswith(suffix) else text},
}


class Module(types.ModuleType):
    """A module of Keras whose names are those of modules of `adaline`."""

    def __init__(self, name: str, places: list, folder: Path) -> None:
        super().__init__(name)
        self.__path__: list = []
        self._places, self._folder = places, folder

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in PLUMBING.get(self.__name__, {}):
            return PLUMBING[self.__name__][name]
        if f"{self.__name__}.{name}" in sys.modules:
            return sys.modules[f"{self.__name__}.{name}"]
        if self._folder.joinpath(name).is_dir() or self._folder.joinpath(name + ".py").is_file():
            return importlib.import_module(f"{self.__name__}.{name}")
        for place in self._places:
            try:
                found = getattr(importlib.import_module(place), name, None)
            except ModuleNotFoundError:
                continue
            if found is not None:
                return found
        raise AttributeError(f"{self.__name__} has no {name!r} in {', '.join(self._places)}")


class AbsentModule(types.ModuleType):
    def __init__(self, name: str, what: str) -> None:
        super().__init__(name)
        self.__path__: list = []
        self._what = what

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(self._what)


def _absent(name: str) -> Any:
    for prefix, what in ABSENT.items():
        if name == prefix or name.startswith(prefix + "."):
            return what
    return None


def is_of_tests(name: str) -> bool:
    """Whether a module is a test, or a tool of tests."""
    return name.endswith("_test") or any(name == r or name.startswith(r + ".") for r in REPOSITORY)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of Keras."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        first = name.split(".")[0]
        what = _absent(name)
        if first != "keras" and (what is None or first not in ("tensorflow", "torch", "grain")):
            return None
        file = self.repository.joinpath(*name.split("."))
        taken = is_of_tests(name)
        if taken and file.with_suffix(".py").is_file():
            return importlib.util.spec_from_file_location(name, file.with_suffix(".py"))
        if taken and (file / "__init__.py").is_file():
            return importlib.util.spec_from_file_location(name, file / "__init__.py", submodule_search_locations=[str(file)])
        if first == "keras" and what is None and self._made(name) is None:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def _made(self, name: str) -> Any:
        parts = name.split(".")[1:]
        if parts[:1] == ["src"]:
            parts = parts[1:]
        if parts[:1] in (["backend"], ["config"]):
            import backend_module

            return backend_module.module(".".join(parts), name)
        folder = self.repository.joinpath(*name.split("."))
        while parts and ".".join(parts) not in PLACES:
            file = self.repository.joinpath("keras", "src", *parts)
            if not file.is_dir() and not file.with_suffix(".py").is_file() and parts[-1] != "src":
                return None
            parts = parts[:-1]
        return Module(name, PLACES[".".join(parts)], folder)

    def create_module(self, spec: Any) -> Any:
        what = _absent(spec.name)
        return AbsentModule(spec.name, what) if what is not None else self._made(spec.name)

    def exec_module(self, module: Any) -> None:
        pass


def install(repository: Path) -> None:
    """From now on `keras` is `adaline`."""
    sys.meta_path.insert(0, Finder(repository))
    conftest = types.ModuleType("conftest")
    conftest.skip_if_backend = lambda *_: (lambda f: f)  # type: ignore[attr-defined]
    sys.modules["conftest"] = conftest
    np.random.seed(0)
