"""Losses, metrics and activations as functions."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Dict

from . import _adaline
from ._eager import op
from ._loss import warn_of_one_class


@lru_cache(maxsize=256)
def _loss(envelope: str) -> Any:
    return _adaline.LossHandle(envelope)


@op
def _values(envelope: str, y_true: Any, y_pred: Any) -> Any:
    return _loss(envelope).values(y_true, y_pred)


def loss_function(name: str, y_true: Any, y_pred: Any, arguments: Dict[str, Any]) -> Any:
    """Values per sample of a loss of the catalogue."""
    warn_of_one_class(name, y_pred)
    if name == "Circle":
        labels, embeddings = arguments.pop("ref_labels", None), arguments.pop("ref_embeddings", None)
        if (labels is None) != (embeddings is None):
            raise ValueError("circle compares with labels and embeddings, got only one of ref_labels and ref_embeddings: give both, or none")
        if labels is not None:
            from ._circle import circle

            return circle(y_true, y_pred, labels, embeddings, **arguments)
    if name == "SparseCategoricalCrossentropy":
        axis = arguments.pop("axis", -1)
        if axis not in (-1, len(y_pred.shape) - 1):  # the class has its classes last
            from . import ops

            y_pred = ops.moveaxis(y_pred, axis, -1)
    envelope = json.dumps({"class_name": name, "config": {k: v for k, v in arguments.items() if v is not None}})
    return _values(envelope, y_true, y_pred)


def metric_function(name: str, y_true: Any, y_pred: Any, arguments: Dict[str, Any]) -> Any:
    """Values per sample of a metric of the catalogue that is a mean."""
    from ._metric_functions import values

    return values(name, y_true, y_pred, {k: v for k, v in arguments.items() if v is not None})


@op
def _activation(name: str, x: Any) -> Any:
    return _adaline.activation(name, x)


#: Activations whose arguments a layer of the catalogue knows.
_LAYERS = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU", "softmax": "Softmax"}


def activation_function(name: str, x: Any, arguments: Dict[str, Any]) -> Any:
    """An activation of the catalogue; arguments that are not its defaults by functions of `adaline.ops`."""
    if not arguments or name not in _WITH:
        return _activation(name, x)
    return _WITH[name](x, **arguments)


def _relu(x: Any, negative_slope: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
    from . import ops

    if (negative_slope, max_value, threshold) == (0.0, None, 0.0):
        return _activation("relu", x)
    return _threshold_relu(x, negative_slope, max_value, threshold, ops)


def _threshold_relu(x: Any, slope: float, most: Any, threshold: float, ops: Any) -> Any:
    above = x if threshold == 0.0 else ops.where(ops.greater(x, threshold), x, ops.zeros_like(x))
    below = slope * (ops.minimum(x, threshold) - threshold) if slope else 0.0
    y = ops.maximum(above, 0.0) if threshold == 0.0 else above
    if slope:
        y = ops.where(ops.greater(x, threshold), x, below)
    return y if most is None else ops.minimum(y, most)


def _axis(name: str) -> Any:
    def call(x: Any, axis: Any = -1) -> Any:
        from . import ops

        if axis in (-1, len(x.shape) - 1):
            return _activation(name, x)
        if isinstance(axis, int):
            return ops.moveaxis(_activation(name, ops.moveaxis(x, axis, -1)), -1, axis)
        return getattr(ops, name)(x, axis=axis)

    return call


def _gelu(x: Any, approximate: bool = False) -> Any:
    return _activation("gelu_approximate" if approximate else "gelu", x)


def _by_ops(name: str) -> Any:
    def call(x: Any, **arguments: Any) -> Any:
        from . import ops

        return getattr(ops, name)(x, **arguments)

    return call


_WITH = {
    "relu": _relu, "gelu": _gelu, "softmax": _axis("softmax"), "log_softmax": _axis("log_softmax"), "sparsemax": _axis("sparsemax"),
    "glu": _axis("glu"),
    "leaky_relu": _by_ops("leaky_relu"), "elu": _by_ops("elu"), "celu": _by_ops("celu"), "hard_shrink": _by_ops("hard_shrink"),
    "soft_shrink": _by_ops("soft_shrink"), "squareplus": _by_ops("squareplus"), "threshold": _by_ops("threshold"),
}
