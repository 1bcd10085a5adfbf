"""Trigonometric and hyperbolic functions, from additions, multiplications, roots and exponentials: within a few units in the last place of `float32`,
so that their gradients are right too."""

from __future__ import annotations

import math
from typing import Any, Tuple

from ._common import Node, _adaline, binary, floats, op, unary

# pi / 2 in three parts (Cody and Waite 1980): the first two have so few bits that their products with whole numbers below 2^11 are exact.
_HALF_PI = (1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8)


def polynomial(x: Node, terms: Tuple[float, ...]) -> Node:
    """Sum of `terms[i] * x ** i` by Horner's rule."""
    made: Any = terms[-1]
    for term in terms[-2::-1]:
        made = x * made + term
    return made


#: Taylor's series of sin(r) / r and cos(r) in r^2.
_SIN = tuple((-1.0) ** i / math.factorial(2 * i + 1) for i in range(7))
_COS = tuple((-1.0) ** i / math.factorial(2 * i) for i in range(8))


def _turned(x: Any, quarters: int) -> Node:
    """sin(x + quarters * pi / 2), for numbers up to about 10000."""
    x = floats(x)
    times = _adaline.stop_gradient(unary("floor", x * (2.0 / math.pi) + 0.5))
    rest = x
    for part in _HALF_PI:
        rest = rest - times * part
    quarter = times + float(quarters)
    quarter = quarter - 4.0 * unary("floor", quarter * 0.25)
    squared = rest * rest
    odd = (quarter == 1.0) | (quarter == 3.0)
    made = _adaline.select(odd, polynomial(squared, _COS), rest * polynomial(squared, _SIN))
    return _adaline.select(quarter >= 2.0, -made, made)


@op
def sin(x: Any) -> Any:
    """Sine, of numbers up to about 10000."""
    return _turned(x, 0)


@op
def cos(x: Any) -> Any:
    """Cosine, of numbers up to about 10000."""
    return _turned(x, 1)


@op
def tan(x: Any) -> Any:
    """Tangent, of numbers up to about 10000."""
    return _turned(x, 0) / _turned(x, 1)


@op
def sinc(x: Any) -> Any:
    """`sin(pi x) / (pi x)`."""
    x = floats(x)
    zero = x == 0
    x = _adaline.select(zero, 1.0, x)
    # sin(pi x) from the distance to the next whole number, which is exact.
    near = _adaline.stop_gradient(unary("floor", x + 0.5))
    odd = near - 2.0 * unary("floor", near * 0.5) == 1.0
    made = _turned((x - near) * math.pi, 0)
    return _adaline.select(zero, 1.0, _adaline.select(odd, -made, made) / (x * math.pi))


#: Taylor's series of atan(r) / r in r^2, for r up to tan(pi / 8).
_ATAN = tuple((-1.0) ** i / (2 * i + 1) for i in range(11))


def _atan(x: Node) -> Node:
    """Arc tangent of numbers from 0 up."""
    large, middle = x > math.tan(3 * math.pi / 8), x > math.tan(math.pi / 8)
    inverse = -1.0 / _adaline.select(large, x, 1.0)
    bounded = _adaline.select(large, 1.0, x)
    reduced = _adaline.select(large, inverse, _adaline.select(middle, (bounded - 1.0) / (bounded + 1.0), bounded))
    begin = _adaline.select(large, math.pi / 2, _adaline.select(middle, math.pi / 4, 0.0))
    return begin + reduced * polynomial(reduced * reduced, _ATAN)


@op
def arctan(x: Any) -> Any:
    """Inverse of the tangent."""
    x = floats(x)
    # Each sign by itself, so that the gradient at 0 is 1.
    below = x < 0
    made = _atan(_adaline.select(below, -x, x))
    return _adaline.select(below, -made, made)


@op
def arctan2(x1: Any, x2: Any) -> Any:
    """Angle of the point with height `x1` and breadth `x2`, from -pi to pi."""
    y, x = floats(x1), floats(x2)
    tall, wide = unary("abs", y), unary("abs", x)
    steep = tall > wide
    both = (tall == wide) & (tall == math.inf)
    low = _adaline.select(steep, wide, tall)
    high = _adaline.select(steep, tall, wide)
    none = high == 0
    ratio = _adaline.select(both, 1.0, low / _adaline.select(none, 1.0, high))
    angle = _atan(ratio)
    angle = _adaline.select(steep, math.pi / 2 - angle, angle)
    angle = _adaline.select((x < 0) | (none & (1.0 / x < 0)), math.pi - angle, angle)
    return _adaline.select(y < 0, -angle, angle)


@op
def arcsin(x: Any) -> Any:
    """Inverse of the sine."""
    x = floats(x)
    return 2.0 * arctan(x / (1.0 + unary("sqrt", (1.0 - x) * (1.0 + x))))


@op
def arccos(x: Any) -> Any:
    """Inverse of the cosine."""
    x = floats(x)
    return 2.0 * arctan2(unary("sqrt", 1.0 - x), unary("sqrt", 1.0 + x))


@op
def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    x = floats(x)
    below = x < 0
    size = _adaline.select(below, -x, x)
    # Small numbers from expm1; large ones from half the exponent, which overflows later.
    large = size > 20.0
    small = unary("expm1", _adaline.select(large, 0.0, size))
    half = unary("exp", _adaline.select(large, size, 0.0) * 0.5)
    made = _adaline.select(large, 0.5 * half * half, 0.5 * (small + small / (small + 1.0)))
    return _adaline.select(below, -made, made)


@op
def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    size = unary("abs", floats(x))
    half = unary("exp", size * 0.5)
    return 0.5 * half * half + 0.5 * unary("exp", -size)


@op
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return unary("tanh", x)


@op
def arcsinh(x: Any) -> Any:
    """Inverse of the hyperbolic sine."""
    x = floats(x)
    below = x < 0
    size = _adaline.select(below, -x, x)
    large = size > 1e8
    safe = _adaline.select(large, 1.0, size)
    squared = safe * safe
    small = unary("log1p", safe + squared / (1.0 + unary("sqrt", squared + 1.0)))
    made = _adaline.select(large, unary("log", _adaline.select(large, size, 1.0)) + math.log(2.0), small)
    return _adaline.select(below, -made, made)


@op
def arccosh(x: Any) -> Any:
    """Inverse of the hyperbolic cosine."""
    x = floats(x)
    large = x > 1e8
    above = _adaline.select(large, 1.0, x) - 1.0
    small = unary("log1p", above + unary("sqrt", above * (above + 2.0)))
    return _adaline.select(large, unary("log", _adaline.select(large, x, 1.0)) + math.log(2.0), small)


@op
def arctanh(x: Any) -> Any:
    """Inverse of the hyperbolic tangent."""
    x = floats(x)
    return 0.5 * (unary("log1p", x) - unary("log1p", -x))


@op
def deg2rad(x: Any) -> Any:
    """Degrees as radians."""
    return binary("mul", floats(x), math.pi / 180.0)


@op
def rad2deg(x: Any) -> Any:
    """Radians as degrees."""
    return binary("mul", floats(x), 180.0 / math.pi)


@op
def angle(x: Any) -> Any:
    """0 for numbers from 0 up, pi for those below: there are no complex numbers here."""
    x = floats(x)
    return _adaline.select(x < 0, math.pi, x * 0.0)
