"""Keras, compiled: train and ship neural networks without a gigabyte of Python.

    import adaline as keras
    from adaline import layers

    model = keras.Sequential([layers.Input(shape=(10,)), layers.Dense(32, activation="relu"), layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=20)

Names, defaults and numbers are Keras 3's; what differs is in the documentation. Modules are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._adaline import __version__

if TYPE_CHECKING:
    from . import (
        activations as activations,
        callbacks as callbacks,
        config as config,
        constraints as constraints,
        datasets as datasets,
        dtype_policies as dtype_policies,
        initializers as initializers,
        layers as layers,
        losses as losses,
        metrics as metrics,
        mixed_precision as mixed_precision,
        models as models,
        ops as ops,
        optimizers as optimizers,
        random as random,
        regularizers as regularizers,
        saving as saving,
        utils as utils,
        wrappers as wrappers,
    )
    from ._constraint import Constraint as Constraint
    from ._initializer import Initializer as Initializer
    from ._keras_tensor import KerasTensor as KerasTensor
    from ._layer import Layer as Layer
    from ._input import Input as Input
    from ._input_spec import InputSpec as InputSpec
    from ._loss import Loss as Loss
    from ._metric import Metric as Metric
    from ._functional import Functional as Functional
    from ._model import Model as Model
    from ._sequential import Sequential as Sequential
    from ._optimizer import Optimizer as Optimizer
    from ._regularizer import Regularizer as Regularizer
    from ._variable import Variable as Variable, name_scope as name_scope
    from .config import DTypePolicy as DTypePolicy

_MODULES = ("activations", "backend", "callbacks", "config", "constraints", "datasets", "dtype_policies", "initializers", "layers", "losses", "metrics", "mixed_precision", "models",
            "ops", "optimizers", "preprocessing", "random", "regularizers", "saving", "utils", "wrappers")
_NAMES = {"Model": "_model", "Sequential": "_sequential", "Functional": "_functional", "Input": "_input", "InputSpec": "_input_spec", "Layer": "_layer",
          "Variable": "_variable", "name_scope": "_variable", "KerasTensor": "_keras_tensor", "Loss": "_loss", "Metric": "_metric", "Optimizer": "_optimizer",
          "Initializer": "_initializer", "Regularizer": "_regularizer", "Constraint": "_constraint", "DTypePolicy": "config"}

__all__ = [*_MODULES, *_NAMES, "__version__"]


def version() -> str:
    """The version of the package."""
    return __version__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _NAMES:
        found = getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'adaline' has no attribute {name!r}")


def __dir__() -> Any:
    return sorted(__all__)
