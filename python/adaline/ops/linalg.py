"""Norms; decompositions of matrices, on arrays."""

from __future__ import annotations

import math as _math
from typing import Any

import numpy as np

from ._common import axes_of, binary, floats, numpy_only, op, reduce, reshaped, unary
from ._products import trace

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "logdet",
    "lstsq",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "trace",
]


@op
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norm of vectors along one axis, of matrices along two, of all numbers in a row where none is given."""
    x = floats(x)
    rank = x.ndim
    if axis is None:
        if ord is None:
            return unary("sqrt", reduce("sum", x * x, None, keepdims))
        axis = list(range(rank))
    axes = axes_of(axis, rank)
    size = unary("abs", x)
    if len(axes) == 1:
        return _of_vectors(x, size, 2 if ord is None else ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError(f"norm along {len(axes)} axes of a value of shape {x.shape}: expected one (vectors) or two (matrices)")
    if ord in (None, "fro"):
        return unary("sqrt", reduce("sum", x * x, axes, keepdims))
    if ord in (1, -1, _math.inf, -_math.inf):
        first, second = axes if abs(ord) == 1 else axes[::-1]
        sums = reduce("sum", size, first, True)
        made = reduce("max" if ord > 0 else "min", sums, second, True)
        return made if keepdims else reshaped(made, [d for a, d in enumerate(x.shape) if a not in axes])
    raise NotImplementedError(f"norm with ord={ord!r} of matrices needs their singular values: compute it with numpy.linalg.norm")


def _of_vectors(x: Any, size: Any, ord: Any, axes: Any, keepdims: bool) -> Any:
    if ord == _math.inf:
        return reduce("max", size, axes, keepdims)
    if ord == -_math.inf:
        return reduce("min", size, axes, keepdims)
    if ord == 0:
        return reduce("sum", floats(x != 0), axes, keepdims)
    if ord == 1:
        return reduce("sum", size, axes, keepdims)
    if ord == 2:
        return unary("sqrt", reduce("sum", x * x, axes, keepdims))
    if isinstance(ord, str):
        raise ValueError(f"norm with ord={ord!r} is for matrices: give two axes")
    return binary("pow", reduce("sum", binary("pow", size, float(ord)), axes, keepdims), 1.0 / ord)


@numpy_only
def det(x: Any) -> Any:
    """Determinant."""
    return np.linalg.det(x)


@numpy_only
def slogdet(x: Any) -> Any:
    """Sign and logarithm of the size of the determinant."""
    return tuple(np.linalg.slogdet(x))


@numpy_only
def logdet(x: Any) -> Any:
    """Logarithm of the determinant of a positive definite matrix."""
    return np.linalg.slogdet(x)[1]


@numpy_only
def inv(x: Any) -> Any:
    """Inverse."""
    return np.linalg.inv(x)


@numpy_only
def pinv(x: Any, rcond: Any = None) -> Any:
    """Moore-Penrose inverse."""
    return np.linalg.pinv(x) if rcond is None else np.linalg.pinv(x, rcond)


@numpy_only
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """Rank."""
    return np.linalg.matrix_rank(x, tol)


@numpy_only
def solve(a: Any, b: Any) -> Any:
    """`x` of `a x = b`."""
    if np.ndim(b) == np.ndim(a) - 1:
        return np.linalg.solve(a, b[..., None])[..., 0]
    return np.linalg.solve(a, b)


@numpy_only
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """`x` of `a x = b` where `a` is triangular."""
    a = np.tril(a) if lower else np.triu(a)
    return np.linalg.solve(a, b[..., None])[..., 0] if np.ndim(b) == np.ndim(a) - 1 else np.linalg.solve(a, b)


@numpy_only
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Least squares solution of `a x = b`."""
    return np.linalg.lstsq(a, b, rcond)[0]


@numpy_only
def cholesky(x: Any, upper: bool = False) -> Any:
    """Triangular factor of a positive definite matrix."""
    made = np.linalg.cholesky(x)
    return np.swapaxes(made, -1, -2) if upper else made


@numpy_only
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Inverse of the matrix that a triangular factor belongs to."""
    x = np.triu(x) if upper else np.tril(x)
    turned = np.swapaxes(x, -1, -2)
    return np.linalg.inv(turned @ x if upper else x @ turned)


@numpy_only
def qr(x: Any, mode: str = "reduced") -> Any:
    """Orthogonal and triangular factor."""
    return tuple(np.linalg.qr(x, mode))  # type: ignore[call-overload]


@numpy_only
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values and vectors."""
    made = np.linalg.svd(x, full_matrices, compute_uv)  # type: ignore[call-overload]
    return tuple(made) if compute_uv else made


@numpy_only
def eigh(x: Any) -> Any:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    return tuple(np.linalg.eigh(x))


@numpy_only
def eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors, which may be complex."""
    return tuple(np.linalg.eig(x))
