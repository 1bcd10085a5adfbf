"""Callbacks, by Keras' names."""

from __future__ import annotations

from .._callback import Callback, History, LambdaCallback, LearningRateScheduler
from .._catalogue.callbacks import (
    BackupAndRestore,
    CSVLogger,
    EarlyStopping,
    GradientDescentStop,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
    TensorBoard,
    TerminateOnNaN,
)

__all__ = ["BackupAndRestore", "CSVLogger", "Callback", "EarlyStopping", "GradientDescentStop", "History", "LambdaCallback",
           "LearningRateScheduler", "ModelCheckpoint", "ReduceLROnPlateau", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN"]
