"""Keras' older names of helpers that are in `utils` now."""

from __future__ import annotations

from ..utils import image_dataset_from_directory, timeseries_dataset_from_array
from . import image, sequence

__all__ = ["image", "image_dataset_from_directory", "sequence", "timeseries_dataset_from_array"]
