"""Helpers around training: Keras' `keras.utils`.

There is no `get_file`: the package opens no network connection; fetch a file by yourself and give its path.
"""

from __future__ import annotations

import random as _random
from typing import Any

import numpy as _np

from .. import _seed
from ..saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from ._dataset import PyDataset, Sequence, split_dataset, timeseries_dataset_from_array
from ._image import array_to_img, image_dataset_from_directory, img_to_array, load_img, save_img
from ._numerical import normalize, pad_sequences, to_categorical
from ._plot import plot_model
from ._progress import Progbar

__all__ = ["CustomObjectScope", "Progbar", "PyDataset", "Sequence", "array_to_img", "clear_session", "custom_object_scope",
           "deserialize_keras_object", "get_custom_objects", "get_registered_name", "get_registered_object", "image_dataset_from_directory",
           "img_to_array", "is_interactive_logging_enabled", "load_img", "normalize", "pad_sequences", "plot_model",
           "register_keras_serializable", "save_img", "serialize_keras_object", "set_random_seed", "split_dataset",
           "timeseries_dataset_from_array", "to_categorical"]


def set_random_seed(seed: int) -> None:
    """Makes everything random that follows the same in each run: weights, shuffling, dropout, NumPy's and Python's random numbers. Numbers of a
    layer follow from its name, too, so names are counted from the beginning again, as after `clear_session`."""
    if not isinstance(seed, int):
        raise ValueError(f"Expected `seed` argument to be an integer. Received: seed={seed} (of type {type(seed)})")
    _random.seed(seed)
    _np.random.seed(seed)
    _seed.set_global(seed)
    clear_session()


def clear_session(free_memory: bool = True) -> None:
    """Counts names of layers from the beginning again. A model's memory is freed with the model; there is nothing else to clear."""
    from .._object import clear_names

    clear_names()


def is_interactive_logging_enabled() -> bool:
    """Whether progress is drawn as a bar."""
    from .._object import is_interactive

    return bool(is_interactive())


def __getattr__(name: str) -> Any:
    if name == "get_file":
        raise AttributeError("there is no get_file: the package opens no network connection. Fetch the file by yourself and give its path")
    if name == "model_to_dot":
        raise AttributeError("there is no model_to_dot: plot_model draws without Graphviz")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
