"""Goldens of convolutions, pooling and resizing from real Keras: values and gradients.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/spatial.py

writes crates/graph/tests/goldens/spatial.txt. A case is a line with its name, lines with its inputs, its result, and the gradients of the
sum of the result's squares by the inputs. A second run changes no byte.
"""

import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import ops

OUT = pathlib.Path("crates/graph/tests/goldens/spatial.txt")
LAST = {"data_format": "channels_last"}


def wave(shape, rate=1.7):
    """Numbers without a pattern, short enough to read."""
    n = int(np.prod(shape))
    return np.round(np.sin(rate * np.arange(1, n + 1) ** 1.3), 3).astype("float32").reshape(shape)


def line(kind, a):
    a = np.asarray(a)
    return f"{kind} {list(a.shape)} " + " ".join(f"{float(v):.9g}" for v in a.ravel())


def case(name, f, *shapes, inputs=None):
    inputs = [jnp.array(a) for a in (inputs or [wave(s, 1.7 - 0.4 * i) for i, s in enumerate(shapes)])]
    loss = lambda *a: jnp.sum(f(*a) ** 2)
    grads = jax.grad(loss, argnums=tuple(range(len(inputs))))(*inputs)
    rows = [name] + [line("input", a) for a in inputs] + [line("result", f(*inputs))] + [line("gradient", g) for g in grads]
    return "\n".join(rows) + "\n"


def convolution(**options):
    return lambda x, k: ops.conv(x, k, **options, **LAST)


def causal(dilation):
    def f(x, k):
        layer = keras.layers.Conv1D(k.shape[2], k.shape[0], padding="causal", dilation_rate=dilation, use_bias=False)
        layer.build(x.shape)
        return layer.stateless_call([k], [], x)[0]

    return f


def depthwise(**options):
    # Adaline's kernel is (K.., 1, C m), Keras' (K.., C, m).
    return lambda x, k: ops.depthwise_conv(x, k.reshape(*k.shape[:-2], x.shape[-1], -1), **options, **LAST)


def transposed(**options):
    return lambda x, k: ops.conv_transpose(x, k, **options, **LAST)


def pool(f, size, strides, padding):
    return lambda x: f(x, size, strides=strides, padding=padding, **LAST)


def resize(size, interpolation):
    return lambda x: ops.image.resize(x, size, interpolation=interpolation, antialias=False, **LAST)


def cases():
    yield case("conv valid stride 2", convolution(strides=2), (2, 7, 3), (3, 3, 4))
    yield case("conv causal dilation 2", causal(2), (1, 7, 2), (3, 2, 3))
    yield case("conv same strides 2 3", convolution(strides=(2, 3), padding="same"), (1, 6, 5, 2), (3, 2, 2, 3))
    yield case("conv same dilation 2", convolution(dilation_rate=2, padding="same"), (1, 6, 5, 2), (3, 2, 2, 3))
    yield case("conv valid groups 2", convolution(), (1, 4, 5, 4), (2, 3, 2, 6))
    yield case("conv depthwise same", depthwise(strides=2, padding="same"), (1, 5, 6, 3), (3, 3, 1, 6))
    yield case("conv three axes same", convolution(strides=(1, 2, 1), padding="same"), (1, 3, 4, 3, 2), (2, 2, 3, 2, 2))
    yield case("transposed valid strides 2 3", transposed(strides=(2, 3)), (1, 3, 2, 2), (3, 2, 3, 2))
    yield case("transposed same strides 2 3", transposed(strides=(2, 3), padding="same"), (1, 3, 2, 2), (3, 2, 3, 2))
    yield case("transposed same kernel 5", transposed(strides=2, padding="same"), (1, 4, 2), (5, 3, 2))
    yield case("transposed same output padding", transposed(strides=2, padding="same", output_padding=1), (1, 3, 4, 2), (3, 4, 3, 2))
    yield case("transposed valid output padding", transposed(strides=3, padding="valid", output_padding=2), (1, 4, 2), (3, 3, 2))
    yield case("transposed same dilation 2", transposed(strides=1, padding="same", dilation_rate=2), (1, 5, 2), (3, 3, 2))
    ties = np.round(wave((1, 6, 5, 2)), 0)
    for padding in ["valid", "same"]:
        yield case(f"max pool {padding}", pool(ops.max_pool, (3, 2), (2, 2), padding), (1, 6, 5, 2))
        yield case(f"max pool {padding} with ties", pool(ops.max_pool, (3, 2), (2, 1), padding), inputs=[ties])
        yield case(f"average pool {padding}", pool(ops.average_pool, (3, 2), (2, 1), padding), (1, 6, 5, 2))
        yield case(f"average pool {padding} of one axis", pool(ops.average_pool, 3, 2, padding), (2, 6, 2))
        yield case(f"average pool {padding} of three axes", pool(ops.average_pool, (2, 2, 3), (1, 2, 2), padding), (1, 3, 3, 4, 2))
    for by in ["nearest", "bilinear", "bicubic"]:
        yield case(f"resize {by} down and up", resize((3, 9), by), (1, 5, 4, 2))
        yield case(f"resize {by} up", resize((7, 8), by), (1, 3, 4, 1))


text = "\n".join(cases())
OUT.write_text(text)
print(OUT, text.count("result"))
