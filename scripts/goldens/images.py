"""Goldens of the layers for images from real Keras: configurations, values, gradients, training.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/images.py

writes image_configs.json, image_layers.json and image_training.json in crates/nn/tests/goldens. Everything is a fixed function of
nothing, so a second run changes no byte.
"""

import json
import os
import pathlib
import tempfile

os.environ.setdefault("KERAS_BACKEND", "jax")

import h5py
import jax
import jax.numpy as jnp
import keras
import numpy as np
from catalogue import envelope, number, tensor, wave, write
from keras import layers as L
from keras import losses, optimizers, regularizers

SEQUENCE, IMAGE, VOLUME = (2, 7, 2), (1, 6, 5, 2), (1, 3, 4, 3, 2)
FIRST = dict(data_format="channels_first")


def first(shape):
    """A shape with its channels first."""
    return (shape[0], shape[-1], *shape[1:-1])


def convolutions():
    yield L.Conv1D(3, 2), SEQUENCE
    yield L.Conv1D(3, 3, strides=2, padding="same", activation="relu"), SEQUENCE
    yield L.Conv1D(4, 3, padding="causal", dilation_rate=2, groups=2), SEQUENCE
    yield L.Conv1D(4, 2, padding="causal", strides=2), SEQUENCE
    yield L.Conv1D(3, 2, activation="softmax", **FIRST), first(SEQUENCE)
    yield L.Conv2D(3, (3, 2), activation="tanh"), IMAGE
    yield L.Conv2D(3, 3, strides=2, padding="same", use_bias=False), IMAGE
    yield L.Conv2D(4, 3, strides=(2, 1), padding="valid", groups=2), IMAGE
    yield L.Conv2D(2, (2, 3), padding="same", dilation_rate=(2, 1)), IMAGE
    yield L.Conv2D(3, (3, 2), strides=2, padding="same", activation="softmax", **FIRST), first(IMAGE)
    yield L.Conv3D(3, 2), VOLUME
    yield L.Conv3D(2, (2, 3, 1), strides=(1, 2, 2), padding="same", activation="sigmoid"), VOLUME
    yield L.Conv3D(2, 2, **FIRST), first(VOLUME)


def pooling():
    for n, shape in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME)):
        for kind in ("Max", "Average"):
            layer = getattr(L, f"{kind}Pooling{n}D")
            yield layer(2), shape
            yield layer(3, strides=1, padding="same"), shape
            yield layer(2, strides=3, padding="same", **FIRST), first(shape)
            over_all = getattr(L, f"Global{kind}Pooling{n}D")
            yield over_all(), shape
            yield over_all(keepdims=True), shape
            yield over_all(keepdims=True, **FIRST), first(shape)
    yield L.MaxPooling2D((2, 3), strides=(1, 2)), IMAGE
    yield L.AveragePooling2D((3, 2)), IMAGE


def normalization():
    yield L.BatchNormalization(), (6, 3)
    yield L.BatchNormalization(scale=False, momentum=0.5), SEQUENCE
    yield L.BatchNormalization(center=False, epsilon=0.1), IMAGE
    yield L.BatchNormalization(axis=1), first(IMAGE)
    yield L.BatchNormalization(), VOLUME
    yield L.BatchNormalization(trainable=False), IMAGE


def dropout():
    yield L.SpatialDropout1D(0.3), SEQUENCE
    yield L.SpatialDropout2D(0.2, seed=4), IMAGE
    yield L.SpatialDropout2D(0.2, **FIRST), first(IMAGE)
    yield L.SpatialDropout3D(0.5), VOLUME


def adaptive():
    for n, shape in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME)):
        for kind in ("Max", "Average"):
            layer = getattr(L, f"Adaptive{kind}Pooling{n}D")
            yield layer(2), shape
            yield layer(3), shape
            yield layer(5), shape
    yield L.AdaptiveAveragePooling2D((4, 3), **FIRST), first(IMAGE)
    yield L.AdaptiveMaxPooling2D((1, 4)), IMAGE


def shaping():
    yield L.ZeroPadding1D(), SEQUENCE
    yield L.ZeroPadding1D((2, 0)), SEQUENCE
    yield L.ZeroPadding2D((1, 2)), IMAGE
    yield L.ZeroPadding2D(((0, 2), (1, 0)), **FIRST), first(IMAGE)
    yield L.ZeroPadding3D(), VOLUME
    yield L.ZeroPadding3D(((1, 0), (0, 2), (1, 1))), VOLUME
    yield L.Cropping1D(), SEQUENCE
    yield L.Cropping1D((2, 0)), SEQUENCE
    yield L.Cropping2D(), IMAGE
    yield L.Cropping2D(((1, 2), (0, 3)), **FIRST), first(IMAGE)
    yield L.Cropping3D(((1, 0), (0, 2), (1, 1))), VOLUME
    yield L.Cropping3D((0, 1, 1)), VOLUME
    yield L.UpSampling1D(3), SEQUENCE
    yield L.UpSampling2D(), IMAGE
    yield L.UpSampling2D((2, 3), interpolation="bilinear"), IMAGE
    yield L.UpSampling2D((3, 1), interpolation="bicubic", **FIRST), first(IMAGE)
    yield L.UpSampling3D((1, 3, 2)), VOLUME
    yield L.UpSampling3D(2, **FIRST), first(VOLUME)
    yield L.Permute((3, 1, 2)), IMAGE
    yield L.Permute((2, 1)), SEQUENCE


def activations():
    yield L.ReLU(), SEQUENCE
    yield L.ReLU(max_value=0.9), SEQUENCE
    yield L.ReLU(max_value=6.0), SEQUENCE
    yield L.ReLU(negative_slope=0.2), SEQUENCE
    yield L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.3), SEQUENCE
    yield L.ReLU(threshold=0.5), SEQUENCE
    yield L.LeakyReLU(), SEQUENCE
    yield L.LeakyReLU(negative_slope=0.1), SEQUENCE
    yield L.ELU(), SEQUENCE
    yield L.ELU(alpha=0.5), SEQUENCE
    yield L.PReLU(), SEQUENCE
    yield L.PReLU(shared_axes=[1, 2], alpha_initializer="ones", alpha_regularizer="l2"), IMAGE
    yield L.PReLU(shared_axes=2), IMAGE
    yield L.Softmax(), SEQUENCE
    yield L.Softmax(axis=1), SEQUENCE
    yield L.Softmax(axis=(1, 2)), IMAGE


def transposed():
    yield L.Conv1DTranspose(3, 3, strides=2), SEQUENCE
    yield L.Conv1DTranspose(3, 2, strides=3, padding="same", activation="tanh"), SEQUENCE
    yield L.Conv1DTranspose(2, 3, padding="valid", dilation_rate=2, use_bias=False), SEQUENCE
    yield L.Conv2DTranspose(3, 3), IMAGE
    yield L.Conv2DTranspose(2, (3, 2), strides=(2, 3), padding="same"), IMAGE
    yield L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1), IMAGE
    yield L.Conv2DTranspose(2, (2, 3), strides=(3, 2), padding="valid", output_padding=(2, 0)), IMAGE
    yield L.Conv2DTranspose(3, 3, strides=2, activation="softmax", **FIRST), first(IMAGE)
    yield L.Conv3DTranspose(2, 2), VOLUME
    yield L.Conv3DTranspose(2, (1, 2, 3), strides=(1, 2, 1), padding="same"), VOLUME


def depthwise():
    yield L.DepthwiseConv1D(3), SEQUENCE
    yield L.DepthwiseConv1D(2, strides=2, padding="same", depth_multiplier=2, activation="relu"), SEQUENCE
    yield L.DepthwiseConv2D(3), IMAGE
    yield L.DepthwiseConv2D((2, 3), strides=(2, 2), padding="same", depth_multiplier=3), IMAGE
    yield L.DepthwiseConv2D(2, dilation_rate=2, use_bias=False, **FIRST), first(IMAGE)
    yield L.SeparableConv1D(3, 2), SEQUENCE
    yield L.SeparableConv1D(4, 3, strides=2, padding="same", depth_multiplier=2, activation="tanh"), SEQUENCE
    yield L.SeparableConv2D(3, 3), IMAGE
    yield L.SeparableConv2D(3, (2, 3), padding="same", dilation_rate=(1, 2), depth_multiplier=2, use_bias=False), IMAGE
    yield L.SeparableConv2D(3, 2, strides=2, **FIRST), first(IMAGE)


FAMILIES = [convolutions, pooling, normalization, dropout, adaptive, shaping, activations, transposed, depthwise]


def config_cases():
    yield L.Conv2D(
        3, 3, kernel_initializer="he_normal", bias_initializer="ones", kernel_regularizer="l2", bias_regularizer=regularizers.L1(0.1), name="mine", trainable=False
    )
    yield L.BatchNormalization(
        beta_initializer="ones", gamma_initializer="zeros", moving_mean_initializer="ones", moving_variance_initializer=keras.initializers.Constant(0.5),
        beta_regularizer="l1", gamma_regularizer="l2",
    )
    for family in FAMILIES:
        for layer, _ in family():
            yield layer


def layer_cases():
    for family in FAMILIES:
        for layer, shape in family():
            yield from layer_case(layer, shape)


def layer_case(layer, shape):
    """Values and gradients in inference, and where they differ in training too."""
    x = wave(shape, 1.5)
    layer.build(shape)
    layer.set_weights([wave(w.shape, 0.3, rate=1.3, shift=0.7 if "variance" in v.name else 0.1) for v, w in zip(layer.weights, layer.get_weights())])
    weights = [{"name": v.name, **tensor(v.value)} for v in layer.weights]
    train = [v.value for v in layer.trainable_variables]
    rest = [v.value for v in layer.non_trainable_variables]
    for training in [False, True] if isinstance(layer, L.BatchNormalization) else [False]:
        arguments = {"training": True} if training else {}
        y, after = layer.stateless_call(train, rest, jnp.array(x), **arguments)
        c = wave(y.shape, rate=0.9)
        f = lambda t, q: jnp.sum(layer.stateless_call(t, rest, q, **arguments)[0] * c)
        dt, dx = jax.grad(f, argnums=(0, 1))(train, jnp.array(x))
        yield {
            "object": envelope(layer), "training": training, "x": tensor(x), "weights": weights, "cotangent": tensor(c), "y": tensor(y),
            "gradient": tensor(dx), "weight_gradients": [tensor(g) for g in dt], "after": [tensor(v) for v in after],
        }


def file_paths(model):
    """Places of all weights in a file that Keras writes, in the order of `get_weights`."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "w.weights.h5"
        model.save_weights(path)
        found = {}
        with h5py.File(path) as f:
            f.visititems(lambda name, d: found.update({name: np.asarray(d)}) if isinstance(d, h5py.Dataset) and name.startswith("layers/") else None)
    paths = []
    for w in model.get_weights():
        (path,) = [p for p, v in found.items() if v.shape == w.shape and np.array_equal(v, w)]
        paths.append(path)
    assert len(set(paths)) == len(paths)
    return paths


def training_cases():
    sequence, image, volume = (8, 3), (7, 6, 2), (3, 4, 3, 2)
    yield "conv1d", [L.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"), L.MaxPooling1D(2), L.Conv1D(3, 2), L.GlobalMaxPooling1D()], sequence, optimizers.SGD(0.1)
    yield "conv2d", [L.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2"), L.MaxPooling2D(2), L.Conv2D(6, (2, 3), groups=2), L.Flatten()], image, optimizers.Adam(0.01)
    yield "strided", [L.Conv2D(4, (3, 2), strides=2, padding="same", activation="tanh"), L.AveragePooling2D(2, strides=1, padding="same"), L.GlobalAveragePooling2D()], image, optimizers.SGD(0.1, momentum=0.9)
    yield "conv3d", [L.Conv3D(3, 2, activation="relu"), L.AveragePooling3D((1, 2, 1)), L.GlobalAveragePooling3D()], volume, optimizers.SGD(0.1)
    yield "batch_normalization", [L.Conv2D(4, 3, use_bias=False), L.BatchNormalization(momentum=0.9), L.Activation("relu"), L.Flatten(), L.Dense(5), L.BatchNormalization()], image, optimizers.SGD(0.05, momentum=0.9)
    yield "frozen", [L.Conv2D(4, 3), L.BatchNormalization(trainable=False), L.SpatialDropout2D(0.0), L.GlobalMaxPooling2D()], image, optimizers.SGD(0.1)
    yield "shapes", [L.ZeroPadding2D(1), L.Conv2D(4, 3), L.LeakyReLU(), L.UpSampling2D(2, interpolation="bilinear"), L.Cropping2D(((1, 2), (3, 0))), L.AdaptiveAveragePooling2D((3, 2)), L.Permute((3, 1, 2)), L.Flatten()], image, optimizers.SGD(0.1)
    yield "transposed", [L.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu"), L.Conv2DTranspose(2, 2, strides=2, output_padding=1), L.ReLU(max_value=6.0), L.AdaptiveMaxPooling2D(3), L.Flatten()], (3, 3, 2), optimizers.Adam(0.01)
    yield "transposed_sequence", [L.Conv1DTranspose(3, 3, strides=2), L.ELU(), L.GlobalAveragePooling1D()], sequence, optimizers.SGD(0.1)
    yield "transposed_volume", [L.Conv3DTranspose(2, 2, strides=(1, 2, 1)), L.GlobalMaxPooling3D()], volume, optimizers.SGD(0.1)
    yield "depthwise", [L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu"), L.SeparableConv2D(4, 2, strides=2, depthwise_regularizer="l2", pointwise_regularizer="l1"), L.GlobalAveragePooling2D()], image, optimizers.SGD(0.1, momentum=0.5)
    yield "depthwise_sequence", [L.DepthwiseConv1D(3), L.SeparableConv1D(4, 2, padding="same", depth_multiplier=2), L.Flatten()], sequence, optimizers.SGD(0.1)
    yield "prelu", [L.Conv2D(4, 3), L.PReLU(shared_axes=[1, 2]), L.Flatten(), L.Dense(5), L.PReLU(alpha_regularizer="l2")], image, optimizers.SGD(0.1)


STEPS, BATCH = 12, 4


def training_case(name, chain, shape, optimizer, prepare=None):
    model = keras.Sequential([L.Input(shape), *chain, L.Dense(3, activation="softmax")], name=name)
    start = [wave(w.shape, 0.4, rate=1.3 + 0.1 * i) for i, w in enumerate(model.get_weights())]
    model.set_weights([np.abs(w) + 0.5 if "variance" in v.name else w for v, w in zip(model.weights, start)])
    model.compile(optimizer, losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    config = json.loads(json.dumps(envelope(model)))
    config["compile_config"]["jit_compile"] = False
    case = {"name": name, "config": config, "weights": {p: tensor(w) for p, w in zip(file_paths(model), model.get_weights())}}
    x = np.round(8 * wave((STEPS * BATCH, *shape))) / 8  # short in the file
    x = prepare(x) if prepare else x
    y = (np.abs(wave((STEPS * BATCH,), 3.0, rate=0.7)).astype("int32") % 3).astype("int32")
    case |= {"x": tensor(x), "y": tensor(y), "batch": BATCH, "steps": [], "after": {}, "predict": tensor(model.predict(x[:4], verbose=0))}
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        model.reset_metrics()
        case["steps"].append({k: number(v) for k, v in model.train_on_batch(x[rows], y[rows], return_dict=True).items()})
        if step + 1 in (1, 2, STEPS):
            case["after"][str(step + 1)] = [tensor(w) for w in model.get_weights()]
    case["iterations"] = int(model.optimizer.iterations)
    case["predict_after"] = tensor(model.predict(x[:4], verbose=0))
    return case


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    write("image_configs", map(envelope, config_cases()))
    write("image_layers", layer_cases())
    write("image_training", (training_case(*c) for c in training_cases()))
