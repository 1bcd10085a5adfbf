"""Functions of `adaline.ops` beside those of Keras: numbers, types, shapes, gradients."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

from typing import Any, Callable, List

import jax
import keras
import numpy as np
import pytest

from adaline import _adaline, _eager, ops
from adaline.ops import _indexing

R = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return R.standard_normal(shape).astype(np.float32)


def whole(*shape: int, low: int = -5, high: int = 6) -> np.ndarray:
    return R.integers(low, high, shape).astype(np.int32)


X, Y, V = normal(2, 3, 4), normal(2, 3, 4), normal(5)
M, N = normal(3, 4), normal(4, 5)
I, J, B, C = whole(3, 4), whole(3, 4, low=1), whole(3, 4) > 0, whole(3, 4) > 1
P = np.abs(normal(2, 3, 4)) + 0.1
U = R.uniform(-0.95, 0.95, (3, 4)).astype(np.float32)
NAN = np.array([[1.0, np.nan, -2.0], [np.nan, np.nan, np.nan], [np.inf, 3.0, -np.inf]], np.float32)
HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 1e9, -1e9, 0.0], np.float32)
TIES = np.array([[3.0, 1.0, 3.0, 2.0], [0.0, 0.0, -1.0, 5.0]], np.float32)


class Case:
    """A call, and how near the results must be."""

    def __init__(self, name: str, *args: Any, tol: float = 1e-5, dtype: bool = True, **kwargs: Any) -> None:
        self.name, self.args, self.kwargs, self.tol, self.dtype = name, args, kwargs, tol, dtype

    def __repr__(self) -> str:
        def short(v: Any) -> str:
            return f"{v.dtype}{list(v.shape)}" if isinstance(v, np.ndarray) else str(v)[:30]

        return f"{self.name}({', '.join([short(a) for a in self.args] + [f'{k}={short(v)}' for k, v in self.kwargs.items()])})"


def each(names: str, *args: Any, **kwargs: Any) -> List[Case]:
    return [Case(n, *args, **kwargs) for n in names.split()]


CASES: List[Case] = [
    # One by one.
    *each("add subtract multiply divide true_divide maximum minimum mod floor_divide fmax fmin equal not_equal less less_equal greater", X, Y),
    *each("greater_equal logical_and logical_or logical_xor isclose heaviside hypot logaddexp logaddexp2 arctan2 fmod divide_no_nan", X, Y),
    *each("add subtract multiply divide maximum minimum mod floor_divide less equal logical_or power fmod", I, J),
    *each("add subtract multiply divide maximum mod floor_divide power", I, 3),
    *each("add subtract multiply divide minimum mod floor_divide", X, 2),
    *each("add subtract multiply divide maximum", I, 0.5),
    *each("add multiply divide maximum less", 2, X),
    *each("add multiply", 2, 3),
    *each("logical_and logical_or logical_xor equal", B, C),
    *each("multiply add", B, X),
    *each("mod floor_divide", X, -0.7),
    *each("mod floor_divide", np.array([2**31 - 1, -(2**31) + 1, 123456789, 7, -7], np.int32), np.array([7, 13, -1000, -2, 2], np.int32)),
    Case("add", normal(3, 1), normal(4)),
    Case("divide_no_nan", X, np.where(Y > 0, Y, 0).astype(np.float32)),
    Case("power", P, Y),
    Case("power", X, 3),
    Case("power", X, 2.0),
    Case("power", 2.0, X),
    *each("negative absolute abs sign square sqrt exp exp2 expm1 floor ceil round trunc log log1p log2 log10 reciprocal rsqrt fabs cbrt", P),
    *each("negative absolute sign square exp exp2 expm1 floor ceil round trunc fabs cbrt signbit erf", X),
    *each("negative absolute sign square floor ceil round trunc sqrt exp", I),
    *each("absolute square exp logical_not", B),
    *each("floor ceil round trunc sign", HALVES),
    *each("isnan isinf isfinite isposinf isneginf nan_to_num logical_not sign absolute isreal real signbit", NAN),
    Case("nan_to_num", NAN, nan=1.0, posinf=9.0, neginf=-9.0),
    *each("isnan isfinite nan_to_num", I),
    Case("round", X, 2),
    Case("round", I * 17, -1),
    *each("real imag conj conjugate angle", X),
    Case("ldexp", X, whole(2, 3, 4)),
    Case("clip", X, -0.5, 0.5),
    Case("clip", I, -2, 2),
    Case("clip", I, -2.5, 2.5),
    Case("isclose", NAN, NAN, equal_nan=True),
    Case("allclose", X, X + 1e-7),
    Case("allclose", X, Y),
    Case("where", B, M, I),
    Case("where", B, 1, 0),
    Case("where", B, M, 0.0),
    Case("heaviside", np.array([-1.0, 0.0, 2.0], np.float32), 0.5),
    *each("logaddexp fmax fmin", np.array([-np.inf, np.inf, np.nan, 1.0], np.float32), np.array([-np.inf, 1.0, 2.0, np.nan], np.float32)),
    # Trigonometry.
    *each("sin cos tan sinh cosh tanh arcsinh arctan sinc deg2rad rad2deg", X * 3, tol=2e-6),
    *each("sin cos", np.linspace(-3000, 3000, 777, dtype=np.float32), tol=1e-5),
    *each("arcsin arccos arctanh", U, tol=2e-6),
    *each("arcsin arccos", np.array([-1.0, 0.0, 1.0], np.float32), tol=2e-6),
    Case("arccosh", P + 1, tol=2e-6),
    *each("arctan arcsinh sinh", np.array([0.0, 1e-8, -1e-4, 0.3, -7.0, 50.0, np.inf, -np.inf], np.float32), tol=2e-6),
    *each("cosh tanh", np.array([0.0, 1e-4, 88.9, -88.9, np.inf], np.float32), tol=5e-6),
    *each("arctan2", np.array([0.0, 0.0, 1.0, -1.0, 1.0, -1.0], np.float32), np.array([1.0, -1.0, 0.0, 0.0, np.inf, -1e-30], np.float32)),
    # Reductions.
    *each("sum prod mean var std max min amax amin all any argmax argmin count_nonzero logsumexp ptp median", X),
    *each("sum prod mean var std max min amax amin all any argmax argmin count_nonzero logsumexp ptp median cumsum cumprod average", X, axis=1),
    *each("sum prod mean var std max min amax amin all any logsumexp ptp median", X, axis=-1, keepdims=True),
    *each("sum mean var max all any logsumexp count_nonzero", X, axis=(0, 2)),
    *each("argmax argmin", X, axis=-1, keepdims=True),
    *each("argmax argmin", X, keepdims=True),
    *each("argmax argmin", TIES, axis=-1),
    *each("sum prod mean var std max min all any argmax count_nonzero cumsum cumprod average ptp", I, axis=0),
    *each("sum mean max min all any argmax count_nonzero cumsum", B, axis=0),
    *each("cumsum cumprod", X),
    *each("cumsum cumprod", I, axis=1, dtype="float32"),
    Case("prod", I, axis=0, dtype="float32"),
    Case("max", X, axis=0, initial=0.5),
    Case("min", X, axis=0, initial=-0.5),
    Case("average", X, axis=1, weights=P),
    Case("average", X, axis=1, weights=np.array([1.0, 2.0, 3.0], np.float32)),
    *each("nansum nanmean nanmax nanmin nanprod nanvar nanstd nancumsum nancumprod nanargmax nanargmin nanmedian", np.where(X > 1, np.nan, X), axis=-1),
    *each("nansum nanmean nanmax nanmin", NAN[:2], axis=0),
    *each("nansum nanmax", I),
    Case("trapezoid", X),
    Case("trapezoid", X, np.array([0.0, 1.0, 3.0, 3.5], np.float32)),
    Case("trapezoid", X, dx=0.1, axis=1),
    Case("diff", X),
    Case("diff", I, n=2, axis=0),
    Case("logsumexp", np.array([1000.0, 1000.0, -np.inf], np.float32)),
    *each("quantile", X, 0.3, axis=-1),
    *each("quantile percentile nanquantile nanpercentile", X, np.array([0.1, 0.5, 0.9], np.float32), axis=1, keepdims=True),
    *[Case("quantile", X, 0.4, axis=1, method=m) for m in ("lower", "higher", "nearest", "midpoint")],
    # Shapes.
    Case("reshape", X, (4, -1)),
    Case("reshape", X, (-1,)),
    *each("ravel transpose copy flip array", X),
    Case("expand_dims", X, 1),
    Case("expand_dims", X, (0, -1)),
    Case("squeeze", X[:, :1]),
    Case("squeeze", X[:, :1], axis=1),
    Case("transpose", X, (2, 0, 1)),
    Case("swapaxes", X, 0, -1),
    Case("moveaxis", X, 0, -1),
    Case("moveaxis", X, (0, 1), (-1, 0)),
    Case("broadcast_to", M, (2, 3, 4)),
    Case("concatenate", [X, Y], axis=1),
    Case("concatenate", [I, M, B]),
    Case("concatenate", [B, I]),
    *each("stack hstack vstack dstack", [X, Y]),
    *each("hstack vstack dstack stack", [V, V]),
    Case("stack", [X, Y], axis=-1),
    Case("unstack", X, axis=1),
    Case("append", X, Y),
    Case("append", X, Y, axis=1),
    Case("split", X, 2, axis=2),
    Case("split", X, [1, 3], axis=-1),
    Case("array_split", V, 3),
    *each("hsplit vsplit", normal(4, 4), 2),
    Case("dsplit", X, [1]),
    Case("tile", M, 2),
    Case("tile", M, (2, 1, 3)),
    Case("repeat", X, 2),
    Case("repeat", X, 2, axis=1),
    Case("repeat", M, np.array([1, 0, 2]), axis=0),
    Case("flip", X, axis=1),
    *each("fliplr flipud", M),
    *[Case("rot90", X, k=k) for k in range(4)],
    Case("rot90", X, axes=(1, 2)),
    Case("roll", X, 2),
    Case("roll", X, -1, axis=1),
    Case("roll", X, (1, 2), axis=(0, 2)),
    Case("pad", M, 2),
    Case("pad", M, ((1, 2), (0, 3))),
    Case("pad", M, ((1, 2), (0, 3)), constant_values=2.5),
    Case("pad", I, ((1, 2), (0, 3)), constant_values=2),
    *[Case("pad", M, ((1, 2), (0, 3)), mode=m) for m in ("reflect", "symmetric", "edge", "wrap")],
    *[Case("diagonal", normal(3, 5), offset=k) for k in (-2, -1, 0, 1, 4)],
    Case("diagonal", X, axis1=1, axis2=2),
    *[Case("trace", normal(3, 5), offset=k) for k in (-1, 0, 2)],
    Case("trace", I),
    *[Case("diag", V, k=k) for k in (-1, 0, 2)],
    Case("diag", M, k=1),
    Case("diagflat", M),
    Case("meshgrid", V, V[:3]),
    Case("meshgrid", V, V[:3], V[:2], indexing="ij"),
    # Creation.
    Case("zeros", (2, 3)),
    Case("ones", (2, 3), dtype="int32"),
    Case("full", (2, 3), 7),
    Case("full", (2, 3), V[:3]),
    Case("full_like", I, 2),
    *each("zeros_like ones_like", I),
    *each("zeros_like ones_like", B),
    Case("zeros_like", X, dtype="int32"),
    Case("empty", (2,)),
    Case("empty_like", X),
    Case("arange", 5),
    Case("arange", 2, 11, 3),
    Case("arange", 5, 0, -2),
    Case("arange", 0.0, 1.0, 0.25),
    Case("arange", 5, dtype="float32"),
    Case("linspace", 0.0, 1.0, 7),
    Case("linspace", 0, 10, 5, endpoint=False),
    Case("linspace", V, V + 1, 4, axis=1),
    Case("linspace", 0.0, 1.0, 7, retstep=True),
    Case("logspace", 0.0, 2.0, 5),
    Case("geomspace", 1.0, 100.0, 5),
    Case("eye", 3),
    Case("eye", 3, 5, k=-1, dtype="int32"),
    Case("identity", 4),
    Case("tri", 3, 4, k=1),
    *[Case(n, X, k=k) for n in ("tril", "triu") for k in (-1, 0, 1)],
    Case("tril", I),
    Case("vander", V),
    Case("vander", V, 3, increasing=True),
    *each("bartlett blackman hamming hanning", 9),
    Case("kaiser", 9, 3.0),
    # Elements.
    Case("take", X, whole(2, 2, low=-2, high=3), axis=1),
    Case("take", X, 3),
    Case("take", I, [0, 2], axis=0),
    Case("take", B, [1, 1], axis=1),
    Case("take_along_axis", X, whole(2, 3, 2, low=0, high=4), axis=-1),
    Case("take_along_axis", X, whole(2, 1, 4, low=0, high=3), axis=1),
    Case("take_along_axis", I, whole(1, 4, low=0, high=3), axis=0),
    Case("get_item", X, (0, slice(1, None))),
    *each("sort argsort", TIES),
    *each("sort argsort", X, axis=1),
    *each("sort argsort", X, axis=None),
    *each("sort argsort", I, axis=0),
    *each("sort argsort", NAN, axis=0),
    Case("top_k", TIES, 3),
    Case("top_k", I, 2),
    Case("in_top_k", np.array([0, 3], np.int32), TIES, 1),
    Case("in_top_k", np.array([0, 3], np.int32), TIES, 2),
    Case("scatter", np.array([[0, 1], [2, 3], [0, 1]]), np.array([1.0, 2.0, 3.0], np.float32), (3, 4)),
    Case("scatter", np.array([[1], [0]]), normal(2, 4), (3, 4)),
    Case("scatter_update", M, np.array([[0, 1], [2, 3]]), np.array([1.0, 2.0], np.float32)),
    Case("scatter_update", M, np.array([[2], [0]]), normal(2, 4)),
    *[Case("scatter_update", M, np.array([[0, 1], [2, 3], [0, 1]]), np.array([1.0, 2.0, 3.0], np.float32), reduction=r) for r in ("add", "mul", "max", "min")],
    Case("slice", X, (0, 1, 1), (2, 2, 3)),
    Case("slice", X, np.array([0, 1, 3]), (2, 2, 3)),
    Case("slice_update", X, (0, 1, 1), normal(2, 2, 3)),
    Case("slice_update", X, np.array([0, 1, 3]), normal(2, 2, 3)),
    # Products.
    *each("matmul dot", M, N),
    Case("matmul", normal(2, 1, 3, 4), normal(5, 4, 2)),
    Case("matmul", V, normal(5, 2)),
    Case("matmul", normal(2, 3, 5), V),
    Case("matmul", I, J.T),
    *each("dot inner vdot outer", V, normal(5)),
    *each("dot inner", X, 2.0),
    Case("dot", X, normal(2, 4, 3)),
    Case("inner", X, M),
    Case("outer", I, J),
    Case("kron", M, normal(2, 2)),
    Case("tensordot", X, normal(3, 4, 2)),
    Case("tensordot", X, normal(4, 3, 2), axes=[[1, 2], [1, 0]]),
    Case("tensordot", X, V, axes=0),
    *each("cross", normal(4, 3), normal(4, 3)),
    *each("cross", normal(4, 2), normal(4, 2)),
    *each("cross", normal(4, 2), normal(4, 3)),
    *[
        Case("einsum", text, *[normal(*s) for s in shapes])
        for text, *shapes in [
            ("ij,jk->ik", (3, 4), (4, 5)),
            ("ij,jk", (3, 4), (4, 5)),
            ("ij->ji", (3, 4)),
            ("ii->i", (3, 3)),
            ("ii", (3, 3)),
            ("ij->", (3, 4)),
            ("i,j->ij", (3,), (4,)),
            ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
            ("...ij,...jk->...ik", (2, 2, 3, 4), (2, 2, 4, 5)),
            ("...ij,jk", (2, 2, 3, 4), (4, 5)),
            ("b...->...", (2, 3, 4)),
            ("bthd,bshd->bhts", (2, 3, 2, 4), (2, 5, 2, 4)),
            ("ij,jk,kl->il", (3, 4), (4, 5), (5, 2)),
            ("bij,ij,b->j", (2, 3, 4), (3, 4), (2,)),
            ("ij,kl->", (2, 3), (4, 5)),
            ("abc,cd,def->abef", (2, 3, 4), (4, 5), (5, 6, 2)),
        ]
    ],
    Case("einsum", "ij,jk->ik", I, J.T),
]


def values(result: Any) -> List[np.ndarray]:
    if isinstance(result, (list, tuple)):
        return [v for r in result for v in values(r)]
    return [np.asarray(result)]


def same(ours: Any, theirs: Any, tol: float, dtype: bool = True) -> None:
    ours, theirs = values(ours), values(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape
        if dtype:
            assert a.dtype == b.dtype
        scale = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))) if b.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), rtol=tol, atol=tol * min(scale, 1.0) + 1e-30)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_numbers_are_those_of_keras(case: Case) -> None:
    theirs = getattr(keras.ops, case.name)(*case.args, **case.kwargs)
    same(getattr(ops, case.name)(*case.args, **case.kwargs), theirs, case.tol, case.dtype)
