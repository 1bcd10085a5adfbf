"""Functions of numbers, one by one."""

from __future__ import annotations

import builtins
import math
from typing import Any, Tuple

from ._common import Node, _adaline, aligned, binary, counted, floats, is_number, node, op, unary


@op
def add(x1: Any, x2: Any) -> Any:
    """`x1 + x2`."""
    return binary("add", x1, x2)


@op
def subtract(x1: Any, x2: Any) -> Any:
    """`x1 - x2`."""
    return binary("sub", x1, x2)


@op
def multiply(x1: Any, x2: Any) -> Any:
    """`x1 * x2`."""
    return binary("mul", x1, x2)


@op
def divide(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, as floats."""
    return binary("div", x1, x2)


true_divide = divide


@op
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, 0 where `x2` is 0."""
    x2 = floats(x2)
    none = x2 == 0
    return _adaline.select(none, 0.0, divide(x1, _adaline.select(none, 1.0, x2)))


def _divided(x1: Any, x2: Any) -> Tuple[Node, Node]:
    """Quotient rounded down and what is left, which has the sign of `x2`."""
    x1, x2 = (counted(v) for v in aligned(x1, x2))
    whole: Any = None
    left = x1
    # The quotient of whole numbers as floats is off by up to 2^7; a second division of what it leaves is exact.
    for _ in range(1 if x1.dtype == "float32" else 2):
        part = _adaline.cast(_adaline.stop_gradient(unary("floor", binary("div", left, x2))), x1.dtype)
        whole, left = part if whole is None else whole + part, left - part * x2
    # Rounding can leave one step too little or too much.
    for wrong, step in (((left != 0) & ((left < 0) != (x2 < 0)), 1), (unary("abs", left) >= unary("abs", x2), -1)):
        whole = _adaline.select(wrong, whole - step, whole)
        left = _adaline.select(wrong, left + x2 * step, left)
    return whole, left


@op
def mod(x1: Any, x2: Any) -> Any:
    """What a division leaves, with the sign of `x2`."""
    return _divided(x1, x2)[1]


@op
def floor_divide(x1: Any, x2: Any) -> Any:
    """`x1 / x2` rounded down."""
    return _divided(x1, x2)[0]


@op
def fmod(x1: Any, x2: Any) -> Any:
    """What a division leaves, with the sign of `x1`."""
    x1, x2 = aligned(x1, x2)
    left = _divided(unary("abs", x1), unary("abs", x2))[1]
    return _adaline.select(x1 < 0, -left, left)


@op
def power(x1: Any, x2: Any) -> Any:
    """`x1 ** x2`."""
    if isinstance(x2, int) and not isinstance(x2, bool) and 0 <= x2 <= 64:
        x = counted(x1)
        made = _adaline.full([], 1.0, x.dtype) if x2 == 0 else None
        while x2:
            if x2 & 1:
                made = x if made is None else made * x
            x2 >>= 1
            x = x * x if x2 else x
        return made if made is not None and made.shape == x.shape else _adaline.broadcast_to(made, list(x.shape))
    a, b = aligned(x1, x2)
    made = binary("pow", a, b)
    return made if a.dtype == "float32" else _adaline.cast(unary("floor", made + 0.5), "int32")


@op
def negative(x: Any) -> Any:
    """`-x`."""
    return unary("neg", counted(x))


@op
def absolute(x: Any) -> Any:
    """`|x|`."""
    x = node(x)
    return x if x.dtype == "bool" else unary("abs", x)


abs = absolute


@op
def fabs(x: Any) -> Any:
    """`|x|` as floats."""
    return unary("abs", floats(x))


@op
def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    return unary("sign", counted(x))


@op
def signbit(x: Any) -> Any:
    """Whether the sign is negative, also that of -0."""
    x = node(x)
    return x < 0 if x.dtype != "float32" else (x < 0) | ((x == 0) & (1.0 / x < 0))


@op
def square(x: Any) -> Any:
    """`x * x`."""
    x = counted(x)
    return x * x


@op
def reciprocal(x: Any) -> Any:
    """`1 / x`."""
    return binary("div", 1.0, node(x))


@op
def sqrt(x: Any) -> Any:
    """Square root."""
    return unary("sqrt", x)


@op
def rsqrt(x: Any) -> Any:
    """`1 / sqrt(x)`."""
    return unary("rsqrt", x)


@op
def cbrt(x: Any) -> Any:
    """Cube root."""
    x = floats(x)
    size = unary("abs", x)
    zero = size == 0
    size = _adaline.select(zero, 1.0, size)
    root = binary("pow", size, 1.0 / 3.0)
    # One step of Newton's method for the last bits.
    root = root - (root - size / (root * root)) / 3.0
    return _adaline.select(zero | (unary("abs", x) == math.inf), x, unary("sign", x) * root)


@op
def hypot(x1: Any, x2: Any) -> Any:
    """`sqrt(x1 ** 2 + x2 ** 2)` without overflow."""
    a, b = unary("abs", floats(x1)), unary("abs", floats(x2))
    large, small = binary("max", a, b), binary("min", a, b)
    safe = _adaline.select(large == 0, 1.0, large)
    ratio = small / safe
    return large * unary("sqrt", 1.0 + ratio * ratio)


@op
def exp(x: Any) -> Any:
    """`e ** x`."""
    return unary("exp", x)


@op
def exp2(x: Any) -> Any:
    """`2 ** x`."""
    return binary("pow", 2.0, floats(x))


@op
def expm1(x: Any) -> Any:
    """`e ** x - 1`, accurate near 0."""
    return unary("expm1", x)


@op
def log(x: Any) -> Any:
    """Natural logarithm."""
    return unary("log", x)


@op
def log1p(x: Any) -> Any:
    """`log(1 + x)`, accurate near 0."""
    return unary("log1p", x)


@op
def log2(x: Any) -> Any:
    """Logarithm with base 2."""
    return unary("log", x) * (1.0 / math.log(2.0))


@op
def log10(x: Any) -> Any:
    """Logarithm with base 10."""
    return unary("log", x) * (1.0 / math.log(10.0))


@op
def logaddexp(x1: Any, x2: Any) -> Any:
    """`log(exp(x1) + exp(x2))` without overflow."""
    a, b = floats(x1), floats(x2)
    apart = _adaline.select(a == b, 0.0, a - b)
    return binary("max", a, b) + unary("softplus", -unary("abs", apart))


@op
def logaddexp2(x1: Any, x2: Any) -> Any:
    """`log2(2 ** x1 + 2 ** x2)` without overflow."""
    two = math.log(2.0)
    return logaddexp(floats(x1) * two, floats(x2) * two) * (1.0 / two)


@op
def ldexp(x1: Any, x2: Any) -> Any:
    """`x1 * 2 ** x2`."""
    return floats(x1) * exp2(x2)


@op
def floor(x: Any) -> Any:
    """Largest whole number not above."""
    return unary("floor", x)


@op
def ceil(x: Any) -> Any:
    """Smallest whole number not below."""
    return -unary("floor", -floats(x))


@op
def trunc(x: Any) -> Any:
    """Whole part."""
    x = node(x)
    return x if x.dtype != "float32" else _adaline.select(x < 0, -unary("floor", -x), unary("floor", x))


@op
def round(x: Any, decimals: int = 0) -> Any:
    """Nearest number with so many decimals, halves to the even one."""
    x = node(x)
    if x.dtype != "float32":
        if decimals >= 0:
            return counted(x)
        return _adaline.cast(round(floats(x), decimals), "int32")
    scale = 10.0 ** builtins.abs(decimals)
    x = x if decimals == 0 else (x * scale if decimals > 0 else x / scale)
    low = unary("floor", x)
    rest = x - low
    odd = low - 2.0 * unary("floor", low * 0.5) == 1.0
    made = _adaline.select((rest > 0.5) | ((rest == 0.5) & odd), low + 1.0, low)
    return made if decimals == 0 else (made / scale if decimals > 0 else made * scale)


@op
def maximum(x1: Any, x2: Any) -> Any:
    """Larger of the two."""
    return binary("max", x1, x2)


@op
def minimum(x1: Any, x2: Any) -> Any:
    """Smaller of the two."""
    return binary("min", x1, x2)


@op
def fmax(x1: Any, x2: Any) -> Any:
    """Larger of the two; a number rather than NaN."""
    a, b = aligned(x1, x2)
    return _adaline.select(a != a, b, _adaline.select(b != b, a, binary("max", a, b)))


@op
def fmin(x1: Any, x2: Any) -> Any:
    """Smaller of the two; a number rather than NaN."""
    a, b = aligned(x1, x2)
    return _adaline.select(a != a, b, _adaline.select(b != b, a, binary("min", a, b)))


@op
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Numbers beyond the bounds become the bounds."""
    x = node(x) if is_number(x) else x
    return binary("min", binary("max", x, x_min), x_max)


@op
def equal(x1: Any, x2: Any) -> Any:
    """`x1 == x2`."""
    return binary("eq", x1, x2)


@op
def not_equal(x1: Any, x2: Any) -> Any:
    """`x1 != x2`."""
    return binary("ne", x1, x2)


@op
def less(x1: Any, x2: Any) -> Any:
    """`x1 < x2`."""
    return binary("lt", x1, x2)


@op
def less_equal(x1: Any, x2: Any) -> Any:
    """`x1 <= x2`."""
    return binary("le", x1, x2)


@op
def greater(x1: Any, x2: Any) -> Any:
    """`x1 > x2`."""
    return binary("lt", x2, x1)


@op
def greater_equal(x1: Any, x2: Any) -> Any:
    """`x1 >= x2`."""
    return binary("le", x2, x1)


@op
def logical_and(x1: Any, x2: Any) -> Any:
    """Both are true (not 0)."""
    return binary("and", x1, x2)


@op
def logical_or(x1: Any, x2: Any) -> Any:
    """Either is true (not 0)."""
    return binary("or", x1, x2)


@op
def logical_xor(x1: Any, x2: Any) -> Any:
    """One of the two is true (not 0)."""
    return binary("ne", _adaline.cast(x1, "bool"), _adaline.cast(x2, "bool"))


@op
def logical_not(x: Any) -> Any:
    """Not true (0)."""
    return unary("not", x)


@op
def isnan(x: Any) -> Any:
    """Whether it is no number."""
    x = floats(x)
    return x != x


@op
def isinf(x: Any) -> Any:
    """Whether it is infinite."""
    return unary("abs", floats(x)) == math.inf


@op
def isposinf(x: Any) -> Any:
    """Whether it is plus infinity."""
    return floats(x) == math.inf


@op
def isneginf(x: Any) -> Any:
    """Whether it is minus infinity."""
    return floats(x) == -math.inf


@op
def isfinite(x: Any) -> Any:
    """Whether it is a number and finite."""
    return unary("abs", floats(x)) < math.inf


@op
def isreal(x: Any) -> Any:
    """Always: there are no complex numbers here."""
    x = node(x)
    return _adaline.full(list(x.shape), 1.0, "bool")


@op
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether numbers differ by at most `atol + rtol * |x2|`."""
    a, b = floats(x1), floats(x2)
    near = (unary("abs", a - b) <= atol + rtol * unary("abs", b)) & isfinite(a) & isfinite(b)
    near = near | (a == b)
    return near | ((a != a) & (b != b)) if equal_nan else near


@op
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all numbers are close."""
    return _adaline.cast(_adaline.reduce("min", isclose(x1, x2, rtol, atol, equal_nan), [], False), "bool")


@op
def nan_to_num(x: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Numbers in place of NaN and infinities."""
    x = node(x)
    if x.dtype != "float32":
        return x
    largest = 3.4028234663852886e38
    x = _adaline.select(x != x, nan, x)
    x = _adaline.select(x == math.inf, largest if posinf is None else posinf, x)
    return _adaline.select(x == -math.inf, -largest if neginf is None else neginf, x)


@op
def heaviside(x1: Any, x2: Any) -> Any:
    """0 below 0, 1 above, `x2` at 0."""
    a = floats(x1)
    made = _adaline.select(a < 0, 0.0, _adaline.select(a == 0, floats(x2), 1.0))
    return _adaline.select(a != a, a, made)


@op
def erf(x: Any) -> Any:
    """Error function."""
    return unary("erf", x)


@op
def real(x: Any) -> Any:
    """The number itself: there are no complex numbers here."""
    return node(x)


conj = conjugate = real


@op
def imag(x: Any) -> Any:
    """Zeros: there are no complex numbers here."""
    x = node(x)
    return _adaline.full(list(x.shape), 0.0, x.dtype)


@op
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where the condition holds, `x2` elsewhere."""
    return _adaline.select(condition, *both_or_one(x1, x2))


def both_or_one(x1: Any, x2: Any) -> Any:
    """Operands of a choice: two numbers of Python keep their own type."""
    return aligned(x1, x2) if is_number(x1) and is_number(x2) else (x1, x2)
