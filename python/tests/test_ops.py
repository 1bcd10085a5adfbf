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


IMAGE, SEQUENCE = normal(2, 6, 7, 4), normal(2, 9, 4)
PROBABILITIES = np.exp(normal(4, 5))
PROBABILITIES /= PROBABILITIES.sum(-1, keepdims=True)
CODES = np.eye(5, dtype=np.float32)[[0, 3, 1, 3]]
BITS = (normal(4, 5) > 0).astype(np.float32)
HEADS = [normal(2, 3, 2, 4), normal(2, 5, 2, 4), normal(2, 5, 2, 4)]
SEGMENTS = np.array([0, 1, 1, 3, 0], np.int32)

CASES += [
    # Activations.
    *each("relu relu6 sigmoid softplus softsign silu swish log_sigmoid leaky_relu hard_sigmoid hard_silu hard_swish hard_tanh", X * 3),
    *each("hard_shrink soft_shrink tanh_shrink elu selu celu gelu glu squareplus sparse_plus sparse_sigmoid softmax log_softmax", X * 3),
    *each("relu relu6 leaky_relu", I, dtype=False),
    Case("leaky_relu", X, negative_slope=0.3),
    *each("elu celu", X, alpha=0.7),
    Case("gelu", X * 3, approximate=False),
    Case("glu", X, axis=-1),
    *each("hard_shrink soft_shrink", X, threshold=0.8),
    Case("squareplus", X, b=2),
    Case("threshold", X, 0.3, -7.0),
    *each("softmax log_softmax", X, axis=1),
    *each("softmax", X, axis=(1, 2)),
    *each("softmax log_softmax", np.array([1000.0, 999.0, -1000.0], np.float32)),
    # Codes and losses.
    Case("one_hot", whole(2, 3, low=-1, high=4), 4),
    Case("one_hot", whole(2, 3, low=0, high=4), 4, axis=1, dtype="int32"),
    Case("multi_hot", whole(2, 3, low=0, high=4), 4),
    Case("multi_hot", whole(3, low=0, high=4), 4, dtype="int32"),
    Case("binary_crossentropy", BITS, PROBABILITIES),
    Case("binary_crossentropy", BITS, normal(4, 5) * 9, from_logits=True),
    Case("binary_crossentropy", BITS, BITS),
    Case("categorical_crossentropy", CODES, PROBABILITIES * 2),
    Case("categorical_crossentropy", CODES, normal(4, 5) * 9, from_logits=True),
    Case("categorical_crossentropy", CODES, PROBABILITIES, axis=0),
    Case("sparse_categorical_crossentropy", SEGMENTS[:4], PROBABILITIES),
    Case("sparse_categorical_crossentropy", SEGMENTS[:4, None], normal(4, 5) * 9, from_logits=True),
    # Normalizations.
    Case("moments", X, [0, 2]),
    Case("moments", X, [1], keepdims=True),
    *each("normalize", X),
    *[Case("normalize", X, axis=1, order=o) for o in (1, 2, 3)],
    Case("batch_normalization", X, V[:4], P[0, 0], -1),
    Case("batch_normalization", X, V[:3], P[0, :, 0], 1, offset=V[1:4], scale=V[2:5], epsilon=0.1),
    Case("layer_normalization", X),
    Case("layer_normalization", X, V[:4], V[1:], epsilon=0.01),
    Case("layer_normalization", X, normal(3, 4), normal(3, 4), axis=[1, 2]),
    Case("rms_normalization", X),
    Case("rms_normalization", X, V[:4], epsilon=0.01),
    Case("dot_product_attention", *HEADS),
    Case("dot_product_attention", *HEADS, scale=0.3, bias=normal(1, 2, 3, 5)),
    Case("dot_product_attention", HEADS[1], HEADS[1], HEADS[2], is_causal=True),
    Case("dot_product_attention", *HEADS, mask=(normal(2, 1, 3, 5) > -0.5)),
    Case("psnr", X, Y, 3.0),
    # Space.
    Case("conv", IMAGE, normal(3, 2, 4, 5)),
    Case("conv", IMAGE, normal(3, 2, 4, 5), strides=(2, 1), padding="same"),
    Case("conv", IMAGE, normal(3, 2, 2, 6), dilation_rate=2),
    Case("conv", SEQUENCE, normal(3, 4, 5), strides=2, padding="same"),
    Case("conv", IMAGE.transpose(0, 3, 1, 2), normal(3, 2, 4, 5), data_format="channels_first"),
    Case("depthwise_conv", IMAGE, normal(3, 3, 4, 2)),
    Case("depthwise_conv", IMAGE, normal(3, 3, 4, 1), strides=2, padding="same"),
    Case("separable_conv", IMAGE, normal(3, 3, 4, 2), normal(1, 1, 8, 3), padding="same"),
    Case("conv_transpose", IMAGE, normal(3, 2, 5, 4)),
    Case("conv_transpose", IMAGE, normal(3, 3, 5, 4), strides=2, padding="same"),
    Case("conv_transpose", SEQUENCE, normal(3, 5, 4), strides=2, padding="same", output_padding=1),
    *each("max_pool average_pool", IMAGE, 2, strides=(2, 2)),
    *each("max_pool average_pool", IMAGE, (3, 2), strides=(2, 1), padding="same"),
    *each("max_pool average_pool", SEQUENCE, 3, strides=2),
    *each("max_pool average_pool", IMAGE.transpose(0, 3, 1, 2), 2, strides=(2, 2), data_format="channels_first"),
    *each("adaptive_average_pool adaptive_max_pool", IMAGE, (3, 4)),
    *each("adaptive_average_pool adaptive_max_pool", SEQUENCE, 4),
    *each("space_to_depth depth_to_space", normal(2, 4, 6, 8), 2),
    *each("space_to_depth depth_to_space", normal(2, 8, 4, 6), 2, data_format="channels_first"),
    Case("unfold", normal(2, 3, 6, 7), 3, dilation=1, padding=1, stride=2),
    Case("unfold", normal(2, 3, 6, 7), (2, 3), dilation=2),
    Case("fold", normal(2, 12, 12), (6, 6), 2, stride=(2, 1), padding=(0, 0), dilation=(1, 2)),
    Case("fold", normal(2, 27, 12), (6, 7), 3, dilation=1, padding=1, stride=2),
    # Types.
    *[Case("cast", v, d) for v in (X * 3, I, B) for d in ("float32", "int32", "bool")],
    Case("saturate_cast", X * 1e10, "int32", tol=1e-6),
    Case("saturate_cast", I * 100, "uint8", dtype=False),
    Case("convert_to_tensor", [1.5, 2.5]),
    Case("convert_to_tensor", [1, 2], dtype="float32"),
    Case("stop_gradient", X),
    *[Case(n, normal(5, 3), SEGMENTS, num_segments=4) for n in ("segment_sum", "segment_max", "segment_min", "segment_prod")],
    Case("segment_sum", normal(5), SEGMENTS, num_segments=3),
    Case("segment_sum", whole(5, 2), SEGMENTS, num_segments=4),
    # Matrices.
    *[Case("norm", M, ord=o, axis=-1) for o in (None, 0, 1, 2, 3, np.inf, -np.inf)],
    *[Case("norm", X, ord=o, axis=(0, 2)) for o in (None, "fro", 1, -1, np.inf, -np.inf)],
    *each("norm", X),
    Case("norm", M, axis=1, keepdims=True),
]
SQUARE = normal(2, 4, 4)
POSITIVE = SQUARE @ SQUARE.transpose(0, 2, 1) + np.eye(4, dtype=np.float32)
CASES += [
    *each("det inv pinv slogdet", SQUARE, tol=1e-4),
    *each("logdet cholesky", POSITIVE, tol=1e-4),
    Case("cholesky", POSITIVE, upper=True, tol=1e-4),
    Case("cholesky_inverse", np.linalg.cholesky(POSITIVE[0]), tol=1e-4),
    Case("solve", POSITIVE, normal(2, 4, 3), tol=1e-4),
    Case("solve", POSITIVE[0], normal(4), tol=1e-4),
    Case("solve_triangular", POSITIVE, normal(2, 4, 3), lower=True, tol=1e-4),
    Case("lstsq", normal(6, 3), normal(6, 2), tol=1e-4),
    Case("matrix_rank", SQUARE),
    Case("svd", SQUARE, compute_uv=False, tol=1e-4),
    Case("qr", SQUARE, tol=1e-4),
]

WORDS, BITS_32 = whole(3, 4, low=0, high=64), whole(3, 4, low=0, high=8)
CASES += [
    # Further functions.
    Case("erfc", np.array([-3.0, -0.5, 0.0, 0.3, 1.0, 2.5, 5.0, 9.0], np.float32), tol=1e-5),
    Case("erfinv", np.array([-1.0, -0.999, -0.5, 0.0, 1e-4, 0.3, 0.97, 0.99999, 1.0], np.float32), tol=1e-5),
    *[Case("searchsorted", np.sort(V), normal(2, 3), side=s) for s in ("left", "right")],
    Case("digitize", normal(2, 3), np.array([-1.0, 0.0, 1.0], np.float32)),
    *[Case("isin", I, np.array([1, 3, -2], np.int32), invert=i) for i in (False, True)],
    Case("unravel_index", np.array([[0, 5], [11, 23]], np.int32), (2, 3, 4)),
    Case("select", [X > 1, X > 0], [X, Y], default=-1.0),
    Case("cdist", normal(2, 3, 4), normal(2, 5, 4)),
    Case("corrcoef", M),
    *[Case("correlate", normal(7), normal(n), mode=m) for m in ("valid", "same", "full") for n in (3, 4, 7)],
    *[Case("correlate", normal(3), normal(n), mode=m) for m in ("valid", "same", "full") for n in (6, 7)],
    Case("extract_sequences", normal(2, 9), 4, 2),
    *[
        Case("rearrange", normal(2, 4, 6, 3), text, **sizes)
        for text, sizes in [
            ("b h w c -> b c h w", {}),
            ("b h w c -> (b h) w c", {}),
            ("b (h p) (w q) c -> b h w (c p q)", {"p": 2, "q": 3}),
        ]
    ],
    *each("ndim size shape dtype", X),
    # By NumPy.
    Case("nonzero", B),
    *each("bitwise_and bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift gcd lcm", WORDS, BITS_32),
    *each("bitwise_not bitwise_invert", WORDS),
    Case("nextafter", V, V + 1),
    Case("i0", V),
    Case("bincount", np.array([1, 1, 4, 0], np.int32)),
    Case("bincount", np.array([1, 1, 4, 0], np.int32), weights=V[:4], minlength=7),
    Case("histogram", X.ravel(), bins=4),
    Case("histogram", X.ravel(), bins=4, range=(-1.0, 1.0)),
    Case("unique", I),
    Case("unique", np.array([3, 1, 3, 7], np.int32), return_index=True, return_inverse=True, return_counts=True),
    Case("unique", np.array([3, 1, 3, 7], np.int32), size=5, fill_value=-1),
    Case("unique", np.array([3, 1, 3, 7], np.int32), size=2),
    *each("fft fft2 ifft2", (X, Y)),
    Case("rfft", X),
    Case("irfft", (X, Y)),
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
        if b.dtype.kind == "U":
            assert a == b
            continue
        scale = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))) if b.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), rtol=tol, atol=tol * min(scale, 1.0) + 1e-30)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_numbers_are_those_of_keras(case: Case) -> None:
    theirs = getattr(keras.ops, case.name)(*case.args, **case.kwargs)
    same(getattr(ops, case.name)(*case.args, **case.kwargs), theirs, case.tol, case.dtype)


def traced(function: Callable[..., Any], *args: Any) -> Any:
    """A function of symbolic values, compiled and run."""
    return _eager.run(lambda *nodes: function(*nodes), args, {})


ORDERED = "sort argsort top_k median nanmedian quantile nanquantile percentile nanpercentile convert_to_tensor array".split()


@pytest.mark.parametrize("case", [c for c in CASES if c.name in ORDERED], ids=repr)
def test_what_numpy_does_on_arrays_is_the_same_in_graphs(case: Case) -> None:
    x, *rest = case.args
    theirs = getattr(keras.ops, case.name)(*case.args, **case.kwargs)
    same(traced(lambda x: getattr(ops, case.name)(x, *rest, **case.kwargs), np.asarray(x)), theirs, case.tol)


GRADIENTS: List[Case] = [
    *each("exp log sqrt rsqrt square reciprocal tanh log1p expm1 cbrt exp2 log2 abs sin cos tan sinh cosh arctan arcsinh sinc erf erfc", P),
    *each("sin cos arctan arcsinh sinh abs expm1 erfc erf", -P),
    *each("arcsin arccos arctanh erfinv", U),
    Case("arccosh", P + 1),
    *each("relu sigmoid softplus softsign silu log_sigmoid leaky_relu elu selu celu gelu squareplus softmax log_softmax sparse_plus tanh_shrink", X),
    *each("hard_sigmoid hard_silu hard_tanh relu6 soft_shrink hard_shrink glu", X),
    *each("add subtract multiply divide maximum minimum mod hypot logaddexp arctan2 power", P, P[::-1] + 0.3),
    *each("sum mean var std max min prod logsumexp cumsum cumprod", X, axis=1),
    *each("norm normalize", X, axis=-1),
    *each("sort", X, axis=1),
    Case("top_k", X, 2),
    Case("quantile", X, 0.3, axis=-1),
    Case("take", X, np.array([0, 2, 2]), axis=1),
    Case("take_along_axis", X, whole(2, 3, 2, low=0, high=4), axis=-1),
    Case("scatter_update", M, np.array([[2], [0]]), normal(2, 4)),
    Case("pad", M, 1, mode="reflect"),
    Case("repeat", X, 2, axis=1),
    Case("tile", X, (1, 2, 1)),
    Case("roll", X, 1, axis=1),
    Case("diagonal", normal(4, 4)),
    Case("clip", X, -0.5, 0.5),
    Case("where", X > 0, X, Y),
    Case("matmul", M, N),
    Case("einsum", "bij,bjk->bk", normal(2, 3, 4), normal(2, 4, 5)),
    Case("tensordot", X, normal(3, 4, 2)),
    Case("conv", IMAGE, normal(3, 2, 4, 5), padding="same"),
    Case("depthwise_conv", IMAGE, normal(3, 3, 4, 2)),
    Case("conv_transpose", IMAGE, normal(3, 3, 5, 4), strides=2, padding="same"),
    *each("max_pool average_pool", IMAGE, (2, 2), strides=(2, 2)),
    Case("binary_crossentropy", BITS, PROBABILITIES),
    Case("categorical_crossentropy", CODES, normal(4, 5), from_logits=True),
    Case("layer_normalization", X, V[:4], V[1:]),
    Case("rms_normalization", X, V[:4]),
    Case("dot_product_attention", *HEADS, is_causal=True),
    Case("segment_max", normal(5, 3), SEGMENTS, num_segments=4),
]


@pytest.mark.parametrize("case", GRADIENTS, ids=repr)
def test_gradients_are_those_of_jax(case: Case) -> None:
    at = [i for i, a in enumerate(case.args) if isinstance(a, np.ndarray) and a.dtype == np.float32]
    given = [case.args[i] for i in at]

    def call(module: Any, by: Any) -> List[Any]:
        args = list(case.args)
        for i, v in zip(at, by):
            args[i] = v
        made = getattr(module, case.name)(*args, **case.kwargs)
        return [m for m in (made if isinstance(made, (list, tuple)) else [made]) if "float" in str(m.dtype)]

    weights = [R.standard_normal(np.shape(m)).astype(np.float32) for m in call(keras.ops, given)]
    theirs = jax.grad(lambda by: sum((m * w).sum() for m, w in zip(call(keras.ops, by), weights)))(given)

    def ours(*nodes: Any) -> Any:
        by, factors = nodes[: len(given)], nodes[len(given) :]
        loss = ops.sum(ops.stack([ops.sum(m * w) for m, w in zip(call(ops, by), factors)]))
        return _adaline.gradients(loss, list(by))

    same(traced(ours, *given, *weights), theirs, 1e-4)


def test_sparsemax_is_the_nearest_distribution() -> None:
    # Keras 3.15 adds up cumulative sums where it needs the last one.
    p = ops.sparsemax(X * 2, axis=1)
    np.testing.assert_allclose(p.sum(1), 1.0, rtol=1e-6)
    # Elements that stay are less by the same number, and no other was above it.
    bound = np.max(np.where(p > 0, X * 2 - p, -np.inf), axis=1, keepdims=True)
    np.testing.assert_allclose(p, np.maximum(X * 2 - bound, 0), atol=1e-5)


def test_choices_and_loops_of_symbolic_values() -> None:
    x = normal(4, 3)

    def function(x: Any) -> Any:
        larger = ops.sum(x) > 0
        chosen = ops.cond(larger, lambda: x + 1, lambda: x - 1)
        switched = ops.switch(ops.cast(larger, "int32"), [lambda v: v * 2, lambda v: v * 3], x)
        carry, sums = ops.scan(lambda c, row: (c + row, c * row), ops.zeros((3,)), x)
        back, _ = ops.scan(lambda c, row: (c * 0.5 + row, c), ops.zeros((3,)), x, reverse=True)
        each = ops.vectorized_map(lambda row: ops.sum(row * row), x)
        pairs = ops.map(lambda row: (row[0], row), x)
        looped = ops.fori_loop(0, 3, lambda i, v: v * 2 + i, x)
        halved = ops.while_loop(lambda v: ops.max(v) > 0.1, lambda v: v * 0.5, ops.abs(x), maximum_iterations=20)
        running = ops.associative_scan(lambda a, b: a * 0.5 + b if False else a + b, x, axis=1)
        behind = ops.associative_scan(lambda a, b: a * b, x, reverse=True)
        return [chosen, switched, carry, sums, back, each, pairs, looped, halved, running, behind]

    k = keras.ops
    positive = bool(x.sum() > 0)
    theirs = [
        x + (1 if positive else -1),
        x * (3 if positive else 2),
        *k.scan(lambda c, row: (c + row, c * row), k.zeros((3,)), x),
        k.scan(lambda c, row: (c * 0.5 + row, c), k.zeros((3,)), x, reverse=True)[0],
        (x * x).sum(1),
        (x[:, 0], x),
        k.fori_loop(0, 3, lambda i, v: v * 2 + i, x),
        k.while_loop(lambda v: k.max(v) > 0.1, lambda v: v * 0.5, k.abs(x), maximum_iterations=20),
        k.associative_scan(lambda a, b: a + b, x, axis=1),
        k.associative_scan(lambda a, b: a * b, x, reverse=True),
    ]
    same(traced(function, x), theirs, 1e-5)
    same(function(x), theirs, 1e-5)


def test_parts_that_begin_at_symbolic_places() -> None:
    x, updates = normal(4, 5), normal(2, 2)
    for start in ([0, 0], [1, 3], [2, 3], [9, 9]):
        start = np.array(start, np.int32)
        theirs = [keras.ops.slice(x, start, (2, 2)), keras.ops.slice_update(x, start, updates)]
        same(traced(lambda x, s, u: [ops.slice(x, s, (2, 2)), ops.slice_update(x, s, u)], x, start, updates), theirs, 1e-6)


def test_of_equal_places_the_last_is_written() -> None:
    x = np.zeros((3, 2), np.float32)
    made = ops.scatter_update(x, np.array([[1], [1], [0]]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32))
    np.testing.assert_array_equal(made, [[5.0, 6.0], [3.0, 4.0], [0.0, 0.0]])


def test_numbers_of_one_value_and_other_types_have_programs_of_their_own() -> None:
    x = whole(3)
    assert [ops.add(x, one).dtype for one in (1, 1.0, True)] == [np.int32, np.float32, np.int32]


def test_transposed_arrays_keep_their_order() -> None:
    x = whole(3, 4)
    np.testing.assert_array_equal(ops.add(x.T, 0), x.T)
    np.testing.assert_array_equal(ops.negative(M[:, ::2]), -M[:, ::2])


def test_refusals_say_what_to_try() -> None:
    with pytest.raises(NotImplementedError, match="arrays only.*input or a weight"):
        traced(lambda x: ops.inv(x), normal(3, 3))
    with pytest.raises(ValueError, match="axis 3 does not exist in a value with 2 axes"):
        ops.sum(M, axis=3)
    with pytest.raises(ValueError, match="at most 2048"):
        traced(lambda x: ops.sort(x), normal(_indexing.MOST_SORTED + 1))
    assert ops.sort(normal(_indexing.MOST_SORTED + 1)).shape == (_indexing.MOST_SORTED + 1,)
    with pytest.raises(ValueError, match="maximum_iterations"):
        traced(lambda x: ops.while_loop(lambda v: ops.max(v) > 0, lambda v: v - 1, x), V)
    with pytest.raises(ValueError, match="must be known"):
        traced(lambda n: ops.repeat(V, n), np.array(2, np.int32))
    with pytest.raises(ValueError, match="operands, got 1"):
        ops.einsum("ij,jk->ik", M)


def test_every_name_of_keras_is_there_or_listed_as_missing() -> None:
    import inspect

    from adaline.ops import missing

    theirs = {n for n in dir(keras.ops) if not n.startswith("_") and not inspect.ismodule(getattr(keras.ops, n))}
    assert theirs - set(ops.__all__) == set(missing.NAMES)
    for module in ("nn", "numpy", "linalg"):
        own = {n for n in dir(getattr(keras.ops, module)) if not n.startswith("_")}
        assert own - set(dir(getattr(ops, module))) <= set(missing.NAMES)


@pytest.mark.parametrize("name", sorted(set(ops.__all__) - {"linalg", "nn", "numpy"}))
def test_arguments_are_those_of_keras(name: str) -> None:
    import inspect

    def told(module: Any) -> List[Any]:
        made = inspect.signature(getattr(module, name)).parameters.values()
        return [(p.name, p.default, p.kind) for p in made]

    assert told(ops) == told(keras.ops)
    assert getattr(ops, name).__doc__


def test_every_function_is_compared() -> None:
    loops = {"associative_scan", "cond", "convert_to_numpy", "fori_loop", "is_tensor", "map", "scan", "switch", "vectorized_map", "while_loop"}
    others = {"argpartition", "linalg", "nn", "numpy", "sparsemax", "eig", "eigh"}
    assert set(ops.__all__) - {c.name for c in CASES} == loops | others


def test_eigenvalues_and_partitions() -> None:
    values_, vectors = ops.eigh(POSITIVE)
    np.testing.assert_allclose(POSITIVE @ vectors, vectors * values_[:, None, :], atol=1e-4)
    values_, vectors = ops.eig(SQUARE)
    np.testing.assert_allclose(SQUARE @ vectors, vectors * values_[:, None, :], atol=1e-4)
    at = ops.argpartition(V, 2)
    assert sorted(at) == list(range(5)) and V[at[:2]].max() <= V[at[2]] <= V[at[3:]].min()
    assert ops.is_tensor(V) and not ops.is_tensor([1.0])
    assert ops.convert_to_numpy([1.0, 2.0]).tolist() == [1.0, 2.0]
