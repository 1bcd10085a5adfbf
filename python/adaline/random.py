"""Random numbers: Keras' `keras.random`.

On arrays they come from NumPy's Philox generator with the seed that is given. Within layers they come from the stream of the layer, others in each
step, and follow from the seed of the model: a seed that is given there does not count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _adaline, _seed
from ._seed_generator import SeedGenerator
from .ops._common import dtype_name, floats, in_numpy, node, on_arrays, reshaped, sizes
from .ops._elementwise import clip
from .ops._indexing import order, sorted_along
from .ops._special import erfinv

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


def _generator(seed: Any) -> np.random.Generator:
    if isinstance(seed, SeedGenerator):
        seed = seed.next()
    elif seed is None:
        seed = _seed.following()
    elif not isinstance(seed, (int, np.integer)):
        raise ValueError(f"seed is a whole number, a SeedGenerator or None, got {seed!r}")
    return np.random.Generator(np.random.Philox(key=int(seed) & (2**64 - 1)))


def _as(made: Any, dtype: Any) -> np.ndarray:
    return np.asarray(made).astype(dtype_name(dtype or "float32"))


def _within_layer(name: str) -> None:
    if _adaline.is_tracing():
        raise NotImplementedError(f"random.{name} works outside of layers only: draw the numbers beforehand and hand them in as an input")


def _uniform(shape: Any, minval: Any, maxval: Any, dtype: Any, seed: Any) -> np.ndarray:
    drawn = _generator(seed).random(tuple(sizes(shape)), dtype=np.float32)
    return _as(drawn * np.float32(maxval - minval) + np.float32(minval), dtype)


@on_arrays(lambda shape, minval=0.0, maxval=1.0, dtype=None, seed=None: _uniform(shape, minval, maxval, dtype, seed))
def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers from `minval` up to but without `maxval`, each as likely."""
    return _adaline.trace_random("uniform", sizes(shape)) * (maxval - minval) + minval


def _normal(shape: Any, mean: Any, stddev: Any, dtype: Any, seed: Any) -> np.ndarray:
    return _as(_generator(seed).standard_normal(tuple(sizes(shape)), dtype=np.float32) * np.float32(stddev) + np.float32(mean), dtype)


@on_arrays(lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None: _normal(shape, mean, stddev, dtype, seed))
def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers."""
    return _adaline.trace_random("normal", sizes(shape)) * stddev + mean


def _truncated(shape: Any, mean: Any, stddev: Any, dtype: Any, seed: Any) -> np.ndarray:
    """Those beyond two standard deviations are drawn again."""
    generator = _generator(seed)
    made = generator.standard_normal(tuple(sizes(shape)), dtype=np.float32)
    while (beyond := np.abs(made) > 2).any():
        made[beyond] = generator.standard_normal(int(beyond.sum()), dtype=np.float32)
    return _as(made * np.float32(stddev) + np.float32(mean), dtype)


@on_arrays(lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None: _truncated(shape, mean, stddev, dtype, seed))
def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers within two standard deviations."""
    # Inverse of the distribution's function, of numbers between its values at the bounds.
    bound = math.erf(math.sqrt(2.0))
    drawn = erfinv((_adaline.trace_random("uniform", sizes(shape)) * 2.0 - 1.0) * bound) * math.sqrt(2.0)
    return clip(drawn, -2.0, 2.0) * stddev + mean


def _randint(shape: Any, minval: Any, maxval: Any, dtype: Any, seed: Any) -> np.ndarray:
    return _as(_generator(seed).integers(minval, maxval, tuple(sizes(shape))), dtype)


@on_arrays(lambda shape, minval, maxval, dtype="int32", seed=None: _randint(shape, minval, maxval, dtype, seed))
def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Whole numbers from `minval` up to but without `maxval`, each as likely (within layers a range of at most 2^24)."""
    drawn = _adaline.unary("floor", _adaline.trace_random("uniform", sizes(shape)) * float(maxval - minval))
    return _adaline.cast(_adaline.cast(drawn, "int32") + minval, dtype_name(dtype))


def _categorical(logits: Any, num_samples: int, dtype: Any, seed: Any) -> np.ndarray:
    logits = np.asarray(logits, np.float32)
    drawn = _generator(seed).gumbel(size=(logits.shape[0], num_samples, logits.shape[1]))
    return _as(np.argmax(logits[:, None, :] + drawn, -1), dtype)


@on_arrays(lambda logits, num_samples, dtype="int32", seed=None: _categorical(logits, num_samples, dtype, seed))
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Classes drawn by the logarithms of their odds: `(batch, classes)` gives `(batch, num_samples)`."""
    logits = floats(logits)
    rows, classes = logits.shape
    drawn = _adaline.trace_random("uniform", [rows, num_samples, classes])
    # Gumbel's trick: the largest of the odds with noise.
    noise = -_adaline.unary("log", -_adaline.unary("log", clip(drawn, 1e-12, 1.0 - 1e-7)))
    return _adaline.cast(_adaline.arg_reduce("max", reshaped(logits, [rows, 1, classes]) + noise, 2), dtype_name(dtype))


def _noise_shape(shape: Any, noise_shape: Any) -> Any:
    return list(shape) if noise_shape is None else [d if n is None else n for n, d in zip(noise_shape, shape)]


def _dropout(inputs: Any, rate: float, noise_shape: Any, seed: Any) -> np.ndarray:
    inputs = np.asarray(inputs, np.float32)
    if rate in (0.0, 1.0):
        return inputs * np.float32(1.0 - rate)
    kept = _generator(seed).random(_noise_shape(inputs.shape, noise_shape), dtype=np.float32) < 1.0 - rate
    return np.where(kept, inputs / np.float32(1.0 - rate), np.float32(0.0))


@on_arrays(lambda inputs, rate, noise_shape=None, seed=None: _dropout(inputs, rate, noise_shape, seed))
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Zeros with probability `rate`, the others divided by `1 - rate`."""
    inputs = floats(inputs)
    if rate in (0.0, 1.0):
        return inputs * (1.0 - rate)
    kept = _adaline.trace_random("uniform", _noise_shape(inputs.shape, noise_shape)) < 1.0 - rate
    return _adaline.select(kept, inputs / (1.0 - rate), 0.0)


@on_arrays(lambda x, axis=0, seed=None: _generator(seed).permuted(np.asarray(x), axis=axis))
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """Elements along an axis in another order, each vector in its own."""
    from .ops._indexing import in_floats

    def rows(x: Any) -> Any:
        at = order(_adaline.trace_random("uniform", list(x.shape)), False, x.shape[-1])
        return reshaped(in_floats(reshaped(x, [*x.shape, 1]), lambda t: _adaline.gather(t, at)), x.shape)

    return sorted_along(node(x), axis, rows)


def _outside(name: str, draw: Any, shape: Any, dtype: Any, seed: Any, *parameters: Any) -> np.ndarray:
    _within_layer(name)
    return in_numpy(lambda: _as(draw(_generator(seed), tuple(sizes(shape)), *[np.asarray(p) for p in parameters]), dtype), (), {})


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> np.ndarray:
    """Numbers of gamma distributions."""
    return _outside("gamma", lambda g, s, a: g.gamma(a, size=s), shape, dtype, seed, alpha)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> np.ndarray:
    """Numbers of beta distributions."""
    return _outside("beta", lambda g, s, a, b: g.beta(a, b, size=s), shape, dtype, seed, alpha, beta)


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> np.ndarray:
    """Numbers of binomial distributions."""
    return _outside("binomial", lambda g, s, n, p: g.binomial(np.asarray(n, np.int64), p, size=s), shape, dtype, seed, counts, probabilities)
