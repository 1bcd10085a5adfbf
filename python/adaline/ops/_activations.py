"""Activations: of numbers one by one, and along an axis."""

from __future__ import annotations

import math
from typing import Any

from ._common import Node, _adaline, axis_of, cut, floats, node, op, reduce, unary
from ._reductions import logsumexp

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]


@op
def relu(x: Any) -> Any:
    """`max(x, 0)`."""
    x = node(x)
    return _adaline.select(x > 0, x, _adaline.full([], 0.0, x.dtype))


@op
def relu6(x: Any) -> Any:
    """`min(max(x, 0), 6)`."""
    x = floats(x)
    return _adaline.select(x > 0, _adaline.select(x < 6, x, 6.0), 0.0)


@op
def sigmoid(x: Any) -> Any:
    """`1 / (1 + exp(-x))`."""
    return unary("sigmoid", x)


@op
def softplus(x: Any) -> Any:
    """`log(1 + exp(x))`."""
    return unary("softplus", x)


@op
def softsign(x: Any) -> Any:
    """`x / (1 + |x|)`."""
    x = floats(x)
    return x / (unary("abs", x) + 1.0)


@op
def silu(x: Any) -> Any:
    """`x * sigmoid(x)`."""
    x = floats(x)
    return x * unary("sigmoid", x)


swish = silu


@op
def log_sigmoid(x: Any) -> Any:
    """`log(sigmoid(x))`."""
    return -unary("softplus", -floats(x))


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """`x` above 0, `negative_slope * x` below."""
    x = floats(x)
    return _adaline.select(x >= 0, x, x * negative_slope)


@op
def hard_sigmoid(x: Any) -> Any:
    """`relu6(x + 3) / 6`."""
    return relu6(floats(x) + 3.0) / 6.0


@op
def hard_silu(x: Any) -> Any:
    """`x * hard_sigmoid(x)`."""
    x = floats(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


@op
def hard_tanh(x: Any) -> Any:
    """`x` from -1 to 1, the bounds beyond."""
    x = floats(x)
    return _adaline.select(x > 1, 1.0, _adaline.select(x < -1, -1.0, x))


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where it is further from 0 than `threshold`, else 0."""
    x = floats(x)
    return _adaline.select(unary("abs", x) > threshold, x, 0.0)


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` nearer to 0 by `threshold`, at least 0."""
    x = floats(x)
    return _adaline.select(x > threshold, x - threshold, _adaline.select(x < -threshold, x + threshold, 0.0))


@op
def tanh_shrink(x: Any) -> Any:
    """`x - tanh(x)`."""
    x = floats(x)
    return x - unary("tanh", x)


@op
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """`x` above the threshold, else `default_value`."""
    x = floats(x)
    return _adaline.select(x > threshold, x, default_value)


@op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """`x` above 0, `alpha * (exp(x) - 1)` below."""
    x = floats(x)
    return _adaline.select(x > 0, x, unary("expm1", _adaline.select(x > 0, 0.0, x)) * alpha)


@op
def selu(x: Any) -> Any:
    """`scale * elu(x, alpha)` with the two numbers of Klambauer et al. 2017."""
    return elu(x, 1.6732632423543772848170429916717) * 1.0507009873554804934193349852946


@op
def celu(x: Any, alpha: float = 1.0) -> Any:
    """`max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)`."""
    x = floats(x)
    return _adaline.select(x > 0, x, unary("expm1", _adaline.select(x > 0, 0.0, x) / alpha) * alpha)


@op
def gelu(x: Any, approximate: bool = True) -> Any:
    """`x * P(X <= x)` of a standard normal X, or its approximation by tanh."""
    x = floats(x)
    if approximate:
        return 0.5 * x * (1.0 + unary("tanh", math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1.0 + unary("erf", x * math.sqrt(0.5)))


@op
def glu(x: Any, axis: int = -1) -> Any:
    """The first half along an axis, times the sigmoid of the second."""
    x = floats(x)
    at = axis_of(axis, x.ndim)
    n = x.shape[at]
    if n % 2:
        raise ValueError(f"glu takes an axis of even size, got size {n} of shape {x.shape}")
    return cut(x, at, 0, n // 2) * unary("sigmoid", cut(x, at, n // 2, n))


@op
def squareplus(x: Any, b: float = 4) -> Any:
    """`(x + sqrt(x ** 2 + b)) / 2`."""
    x = floats(x)
    return (x + unary("sqrt", x * x + float(b))) * 0.5


@op
def sparse_plus(x: Any) -> Any:
    """0 up to -1, `x` from 1 up, `(x + 1) ** 2 / 4` between."""
    x = floats(x)
    return _adaline.select(x <= -1.0, 0.0, _adaline.select(x >= 1.0, x, 0.25 * (x + 1.0) * (x + 1.0)))


@op
def sparse_sigmoid(x: Any) -> Any:
    """0 up to -1, 1 from 1 up, `(x + 1) / 2` between."""
    x = floats(x)
    return _adaline.select(x <= -1.0, 0.0, _adaline.select(x >= 1.0, 1.0, 0.5 * (x + 1.0)))


def _shifted(x: Node, axis: Any) -> Node:
    """Less the largest along an axis: the exponentials do not overflow."""
    return x - _adaline.stop_gradient(reduce("max", x, axis, True))


@op
def softmax(x: Any, axis: Any = -1) -> Any:
    """`exp(x)`, divided by its sum along an axis (or axes, or all)."""
    x = floats(x)
    made = unary("exp", _shifted(x, axis))
    return made / reduce("sum", made, axis, True)


@op
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Logarithm of the softmax."""
    x = _shifted(floats(x), axis)
    return x - logsumexp(x, axis, True)


@op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest probabilities along an axis (Martins and Astudillo 2016), of which Keras 3.15 gives others."""
    from ._shapes import moveaxis

    return moveaxis(_adaline.activation("sparsemax", moveaxis(floats(x), axis, -1)), -1, axis)
