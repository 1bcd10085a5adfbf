"""Functions that need the numbers, or bits of whole numbers: on arrays only, by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._common import numpy_only


@numpy_only
def nonzero(x: Any) -> Any:
    """Indices of what is not 0, one array for each axis."""
    return tuple(np.nonzero(x))


@numpy_only
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    size: Any = None,
    fill_value: Any = None,
) -> Any:
    """Different numbers in order, cut or filled up to `size`."""
    asked = (return_index, return_inverse, return_counts)
    made: Any = np.unique(  # type: ignore[call-overload]
        x, return_index=return_index, return_inverse=return_inverse, return_counts=return_counts, axis=axis
    )
    values, *more = made if any(asked) else (made,)
    kinds = [kind for kind, wanted in zip(("index", "inverse", "counts"), asked) if wanted]
    if size is not None:
        at = 0 if axis is None else axis
        short = max(size - values.shape[at], 0)
        filler = np.min(values, axis=at, keepdims=True) if fill_value is None else np.full_like(np.take(values, [0], at), fill_value)
        values = np.take(np.concatenate([values, *[filler] * short], axis=at), range(size), at)
        more = [
            m if kind == "inverse" else np.concatenate([m[:size], np.full(short, m[0] if kind == "index" else 0, m.dtype)])
            for kind, m in zip(kinds, more)
        ]
    return (values, *more) if more else values


@numpy_only
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each whole number comes, or the sum of its weights."""
    rows = np.atleast_2d(x)
    length = max(int(rows.max(initial=-1)) + 1, minlength)
    given = [None] * len(rows) if weights is None else np.atleast_2d(weights)
    made = np.stack([np.bincount(row, weight, length) for row, weight in zip(rows, given)])
    made = made.astype(np.int32 if weights is None else weights.dtype)
    return made[0] if np.ndim(x) == 1 else made


@numpy_only
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """How many numbers are in each of the bins of equal width, as floats, and the bounds of the bins."""
    counts, bounds = np.histogram(x, bins, range)
    return counts.astype(np.float32), bounds


@numpy_only
def bitwise_and(x: Any, y: Any) -> Any:
    """Bits that both have."""
    return np.bitwise_and(x, y)


@numpy_only
def bitwise_or(x: Any, y: Any) -> Any:
    """Bits that either has."""
    return np.bitwise_or(x, y)


@numpy_only
def bitwise_xor(x: Any, y: Any) -> Any:
    """Bits that one of the two has."""
    return np.bitwise_xor(x, y)


@numpy_only
def bitwise_not(x: Any) -> Any:
    """Bits turned."""
    return np.bitwise_not(x)


bitwise_invert = bitwise_not


@numpy_only
def left_shift(x: Any, y: Any) -> Any:
    """Bits moved up."""
    return np.left_shift(x, y)


@numpy_only
def right_shift(x: Any, y: Any) -> Any:
    """Bits moved down."""
    return np.right_shift(x, y)


bitwise_left_shift, bitwise_right_shift = left_shift, right_shift


@numpy_only
def gcd(x1: Any, x2: Any) -> Any:
    """Greatest common divisor."""
    return np.gcd(x1, x2)


@numpy_only
def lcm(x1: Any, x2: Any) -> Any:
    """Least common multiple."""
    return np.lcm(x1, x2)


@numpy_only
def nextafter(x1: Any, x2: Any) -> Any:
    """The next float after `x1` towards `x2`."""
    return np.nextafter(np.asarray(x1, np.float32), np.asarray(x2, np.float32))


@numpy_only
def i0(x: Any) -> Any:
    """Modified Bessel function of the first kind, order 0."""
    return np.i0(np.asarray(x, np.float64)).reshape(np.shape(x))


def _pair(made: Any) -> Any:
    return made.real.astype(np.float32), made.imag.astype(np.float32)


def _complex(x: Any) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError("expected a pair of arrays: the real and the imaginary parts")
    return np.asarray(x[0]) + 1j * np.asarray(x[1])


@numpy_only
def fft(x: Any) -> Any:
    """Fourier transform along the last axis, of a pair and as a pair: real and imaginary parts."""
    return _pair(np.fft.fft(_complex(x)))


@numpy_only
def fft2(x: Any) -> Any:
    """Fourier transform along the last two axes, of a pair and as a pair."""
    return _pair(np.fft.fft2(_complex(x)))


@numpy_only
def ifft2(x: Any) -> Any:
    """Inverse of `fft2`."""
    return _pair(np.fft.ifft2(_complex(x)))


@numpy_only
def rfft(x: Any, fft_length: Any = None) -> Any:
    """Fourier transform of real numbers along the last axis: a pair."""
    return _pair(np.fft.rfft(x, fft_length))


@numpy_only
def irfft(x: Any, fft_length: Any = None) -> Any:
    """Inverse of `rfft`."""
    return np.fft.irfft(_complex(x), fft_length)
