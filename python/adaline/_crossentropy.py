"""`compile(loss="crossentropy")`: the cross-entropy that shapes ask for."""

from __future__ import annotations

from typing import Any

from ._loss import Loss


class Crossentropy(Loss):
    """Binary for one output, else of class numbers or of one-hot labels, as their shape says."""

    def __init__(self) -> None:
        super().__init__(name="crossentropy")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Values per sample."""
        from . import losses

        labels, outputs = tuple(y_true.shape), tuple(y_pred.shape)
        if outputs[-1] == 1:
            return losses.binary_crossentropy(y_true, y_pred)
        if len(labels) < len(outputs) or labels[-1] == 1:
            return losses.sparse_categorical_crossentropy(y_true, y_pred)
        return losses.categorical_crossentropy(y_true, y_pred)
