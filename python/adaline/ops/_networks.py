"""Codes of classes, losses, normalizations, attention."""

from __future__ import annotations

import math
from typing import Any

from ._activations import log_softmax, softmax
from ._common import Node, _adaline, axes_of, axis_of, binary, dtype_name, floats, node, op, permute, reduce, reshaped, unary
from ._creation import steps_apart

__all__ = [
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "dot_product_attention",
    "layer_normalization",
    "moments",
    "multi_hot",
    "normalize",
    "one_hot",
    "psnr",
    "rms_normalization",
    "sparse_categorical_crossentropy",
]

#: Keras' `backend.epsilon()`.
EPSILON = 1e-7


@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 in the place of each whole number, 0 elsewhere, along a new axis; numbers out of range give zeros."""
    x = node(x)
    made = _adaline.one_hot(x, int(num_classes))
    at = axis_of(axis, made.ndim)
    order = list(range(x.ndim))
    order.insert(at, x.ndim)
    made = permute(made, order)
    return made if dtype is None else _adaline.cast(made, dtype_name(dtype))


@op
def multi_hot(inputs: Any, num_classes: Any = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any) -> Any:
    """1 in the places of the whole numbers of each row, 0 elsewhere."""
    num_classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if num_classes is None:
        raise ValueError("multi_hot needs num_classes: the numbers are from 0 up to but without it")
    x = node(inputs)
    made = reduce("max", one_hot(x, num_classes, axis), 1 if x.ndim > 1 else 0)
    return made if dtype is None else _adaline.cast(made, dtype_name(dtype))


def _bounded(x: Node) -> Node:
    """Probabilities away from 0 and 1, whose logarithms are infinite."""
    return binary("min", binary("max", x, EPSILON), 1.0 - EPSILON)


def _alike(target: Node, output: Node) -> None:
    if target.shape != output.shape:
        raise ValueError(f"target has shape {target.shape} and output {output.shape}: expected the same shape")


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """`-(target * log(p) + (1 - target) * log(1 - p))`, one by one; `output` is `p`, or with `from_logits` what its sigmoid is taken of."""
    target, output = floats(target), floats(output)
    _alike(target, output)
    if from_logits:
        return target * unary("softplus", -output) + (1.0 - target) * unary("softplus", output)
    p = _bounded(output)
    return -(target * unary("log", p) + (1.0 - target) * unary("log", 1.0 - p))


def _log_probabilities(output: Node, from_logits: bool, axis: int) -> Node:
    if from_logits:
        return log_softmax(output, axis)
    return unary("log", _bounded(output / reduce("sum", output, axis, True)))


@op
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """`-sum(target * log(p))` along an axis."""
    target, output = floats(target), floats(output)
    _alike(target, output)
    if not target.ndim:
        raise ValueError("categorical_crossentropy takes values with at least one axis, got scalars")
    return -reduce("sum", target * _log_probabilities(output, from_logits, axis), axis)


@op
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """`-log(p)` of the class that `target` says, whose probabilities lie along an axis."""
    target, output = _adaline.cast(target, "int32"), floats(output)
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = reshaped(target, target.shape[:-1])
    if target.shape != output.shape[:-1]:
        raise ValueError(f"target has shape {target.shape} and output {output.shape}: expected that of output without its last axis")
    codes = one_hot(target, output.shape[axis], axis)
    return -reduce("sum", codes * _log_probabilities(output, from_logits, axis), axis)


@op
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance along axes."""
    x = floats(x)
    mean = reduce("mean", x, axes, True)
    apart = x - mean
    variance = reduce("mean", apart * apart, axes, keepdims)
    return (mean if keepdims else reshaped(mean, variance.shape)), variance


@op
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: Any = None) -> Any:
    """Divided by the norm along an axis."""
    from .linalg import norm

    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order of normalize is a whole number from 1 up, got {order!r}")
    x = floats(x)
    x = x if x.ndim else reshaped(x, [1])
    epsilon = EPSILON if epsilon is None else epsilon
    if order == 2:
        return x * binary("min", unary("rsqrt", reduce("sum", x * x, axis, True)), 1.0 / epsilon)
    return x / binary("max", norm(x, ord=order, axis=axis, keepdims=True), epsilon)


@op
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, whose vectors lie along an axis."""
    x = floats(x)
    at = axis_of(axis, x.ndim)

    def along(v: Any) -> Node:
        return reshaped(v, [-1 if a == at else 1 for a in range(x.ndim)])

    factor = unary("rsqrt", along(variance) + epsilon)
    factor = factor if scale is None else factor * along(scale)
    made = (x - along(mean)) * factor
    return made if offset is None else made + along(offset)


def _along(v: Any, x: Node, axes: Any) -> Any:
    """A weight beside the axes that are normalized."""
    if axes == [x.ndim - 1] or node(v).ndim == x.ndim:
        return v
    return reshaped(v, [d if a in axes else 1 for a, d in enumerate(x.shape)])


@op
def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: Any = None, **kwargs: Any) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with mean and variance along axes."""
    x = floats(x)
    axes = sorted(axes_of(axis, x.ndim))
    epsilon = EPSILON if epsilon is None else epsilon
    mean, variance = moments(x, axes, True)
    apart = x if kwargs.get("rms_scaling") else x - mean
    made = apart * unary("rsqrt", variance + epsilon)
    made = made if gamma is None else made * _along(gamma, x, axes)
    return made if beta is None or kwargs.get("rms_scaling") else made + _along(beta, x, axes)


@op
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = None) -> Any:
    """`x / sqrt(mean(x ** 2) + epsilon) * scale`, with the mean along axes."""
    x = floats(x)
    axes = sorted(axes_of(axis, x.ndim))
    epsilon = EPSILON if epsilon is None else epsilon
    made = x * unary("rsqrt", reduce("mean", x * x, axes, True) + epsilon)
    return made if scale is None else made * _along(scale, x, axes)


@op
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    is_causal: bool = False,
    flash_attention: Any = None,
    attn_logits_soft_cap: Any = None,
) -> Any:
    """`softmax(query key^T * scale + bias) value` of `(batch, time, heads, depth)`; scores where `mask` is false do not count."""
    query, key, value = floats(query), floats(key), floats(value)
    for name, v in (("query", query), ("key", key), ("value", value)):
        if v.ndim != 4:
            raise ValueError(f"{name} of dot_product_attention has shape {v.shape}: expected (batch, time, heads, depth)")
    _, t, heads, depth = query.shape
    s = key.shape[1]
    scale = 1.0 / math.sqrt(depth) if scale is None else scale
    if key.shape[2] != heads:
        # Several heads of queries share one of keys.
        from ._shapes import repeat

        key, value = (repeat(v, heads // key.shape[2], 2) for v in (key, value))
    heads_first = [0, 2, 1, 3]
    scores = _adaline.matmul(permute(query, heads_first), permute(key, [0, 2, 3, 1])) * scale
    scores = scores if bias is None else scores + bias
    if attn_logits_soft_cap is not None:
        scores = unary("tanh", scores / attn_logits_soft_cap) * attn_logits_soft_cap
    allowed = None if mask is None else _adaline.cast(mask, "bool")
    if is_causal:
        past = reshaped(steps_apart(t, s) <= 0, [1, 1, t, s])
        allowed = past if allowed is None else allowed & past
    if allowed is not None:
        scores = _adaline.select(allowed, scores, -0.7 * 3.4028234663852886e38)
    return permute(_adaline.matmul(softmax(scores, -1), permute(value, heads_first)), heads_first)


@op
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Peak signal-to-noise ratio in decibels."""
    x1, x2 = floats(x1), floats(x2)
    _alike(x1, x2)
    error = x1 - x2
    return (20.0 * math.log10(max_val)) - (10.0 / math.log(10.0)) * unary("log", reduce("mean", error * error))
