"""Goldens of masks from real Keras: layers that make, hand on, heed and drop them, losses, training.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/masks.py

writes mask_configs.json, mask_layers.json, mask_losses.json and mask_training.json in crates/nn/tests/goldens. Everything is a fixed
function of nothing, so a second run changes no byte.

On JAX masks get lost on their way from the differentiated function to the metrics of a training step (not with TensorFlow), so metrics
are those of `test_on_batch` after each step.
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from catalogue import envelope, number, tensor, wave, write
from images import file_paths
from keras import layers as L
from keras import losses, metrics, optimizers

BATCH, LENGTH, WORDS = 4, 5, 9


def words(rows):
    """Rows of numbers below WORDS, of which none is all padding."""
    x = np.abs(wave((rows, LENGTH), WORDS - 1, rate=0.7)).astype("int32") % (WORDS - 1) + 1
    keep = np.arange(LENGTH)[None] < 1 + np.arange(rows)[:, None] * 3 % LENGTH
    return np.where(keep, x, 0).astype("int32")


def steps(rows, features=3, value=-1.0):
    """Sequences whose last steps are masked."""
    x = np.round(16 * wave((rows, LENGTH, features))) / 16
    keep = np.arange(LENGTH)[None, :, None] < 1 + np.arange(rows)[:, None, None] * 3 % LENGTH
    return np.where(keep, x, value).astype("float32")


def config_cases():
    yield L.Masking()
    yield L.Masking(-1.0, name="mine")
    yield L.Embedding(7, 3)
    yield L.Embedding(7, 3, "he_normal", "l2", mask_zero=True, trainable=False, name="mine")


def chains():
    w, s = words(BATCH), steps(BATCH)
    yield [L.Embedding(WORDS, 3)], w
    yield [L.Embedding(WORDS, 3, mask_zero=True)], w
    yield [L.Embedding(WORDS, 3, mask_zero=True)], w.astype("float32") + 0.25 * (w > 0)
    yield [L.Embedding(WORDS, 2, mask_zero=True)], w[:, 0]
    yield [L.Embedding(WORDS, 2, mask_zero=True)], w.reshape(BATCH, LENGTH, 1)
    yield [L.Masking(-1.0)], s
    yield [L.Masking()], np.where(s == -1, 0, s)
    yield [L.Masking(-1.0), L.Masking(-1.0)], s
    yield [L.Masking(-1.0)], s[:, 2]
    for layer in [L.Dense(2, activation="tanh"), L.Activation("softmax"), L.Dropout(0.3), L.SpatialDropout1D(0.3), L.Rescaling(2.0, 1.0),
                  L.Normalization(mean=0.5, variance=2.0), L.BatchNormalization(), L.PReLU(), L.ReLU(), L.LeakyReLU(), L.ELU(),
                  L.GlobalAveragePooling1D(), L.GlobalAveragePooling1D(keepdims=True), L.GlobalMaxPooling1D(), L.Flatten(),
                  L.Reshape((3, LENGTH)), L.Permute((2, 1)), L.Conv1D(2, 2), L.AveragePooling1D(2), L.UpSampling1D(2), L.ZeroPadding1D(1),
                  L.Cropping1D(1)]:
        yield [L.Masking(-1.0), layer], s
    yield [L.Masking(-1.0), L.Softmax()], s[:3, :3]  # (3, 3) broadcasts to (3, 3, 3)
    yield [L.Embedding(WORDS, 3, mask_zero=True), L.Dense(3, activation="relu"), L.GlobalAveragePooling1D(), L.Dense(2)], w
    yield [L.Embedding(WORDS, 3, mask_zero=True), L.Conv1D(3, 2), L.GlobalAveragePooling1D()], w


def chain_cases():
    for chain, x in chains():
        model = keras.Sequential([L.Input(x.shape[1:], dtype=str(x.dtype)), *chain])
        model.set_weights([wave(w.shape, 0.3, rate=1.3, shift=0.7 if "variance" in v.name else 0.1) for v, w in zip(model.weights, model.get_weights())])
        mask = keras.src.backend.get_keras_mask(model(x))
        train, rest = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]
        for training in [False, True] if isinstance(chain[-1], L.BatchNormalization) else [False]:
            y, after = model.stateless_call(train, rest, jnp.array(x), training=training)
            c = wave(y.shape, rate=0.9)
            f = lambda t, q: jnp.sum(model.stateless_call(t, rest, q, training=training)[0] * c)
            whole = x.dtype.kind == "i"
            grads = jax.grad(f, argnums=0 if whole else (0, 1))(train, jnp.array(x))
            by_weights, by_x = (grads, None) if whole else grads
            yield {
                "layers": [envelope(layer) for layer in chain], "training": training, "x": tensor(x), "cotangent": tensor(c), "y": tensor(y),
                "weights": [{"name": v.name, **tensor(v.value)} for layer in chain for v in layer.weights],
                "mask": None if mask is None else tensor(mask), "gradient": by_x if by_x is None else tensor(by_x),
                "weight_gradients": [tensor(g) for g in by_weights], "after": [tensor(v) for v in after],
            }


def loss_cases():
    t, p = wave((BATCH, LENGTH, 2), rate=0.9), wave((BATCH, LENGTH, 2))
    mask = words(BATCH) != 0
    weight = np.array([1, 3, 0.5, 2], "float32")
    for reduction in ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none"):
        for some in (mask, mask & False, mask | True):
            for w in (None, weight):
                y = jnp.array(p)
                keras.src.backend.set_keras_mask(y, jnp.array(some))
                # Weights (B) and masks (B, T) do not go together in Keras.
                spread = None if w is None else np.repeat(w[:, None], LENGTH, 1)
                result = losses.MeanSquaredError(reduction=reduction)(t, y, sample_weight=spread)
                yield {
                    "reduction": reduction, "y_true": tensor(t), "y_pred": tensor(p), "mask": tensor(some),
                    "weight": None if w is None else tensor(w), "result": tensor(result),
                }


def training_cases():
    o = optimizers
    embedding = lambda **more: L.Embedding(WORDS, 4, mask_zero=True, **more)
    sparse, mse = losses.SparseCategoricalCrossentropy, losses.MeanSquaredError
    yield "average", [embedding(), L.GlobalAveragePooling1D(), L.Dense(3, activation="softmax")], words, (), sparse(), o.SGD(0.5, momentum=0.9)
    yield "tags", [embedding(), L.Dense(5, activation="relu"), L.Dense(3, activation="softmax")], words, (LENGTH,), sparse(), o.Adam(0.02)
    yield "tags, sum", [embedding(), L.Dense(3, activation="softmax")], words, (LENGTH,), sparse(reduction="sum"), o.RMSprop(0.01)
    yield "tags, mean of weights", [embedding(), L.Dense(3, activation="softmax")], words, (LENGTH,), sparse(reduction="mean_with_sample_weight"), o.SGD(0.5)
    yield "numbers", [L.Masking(-1.0), L.Dense(4, activation="tanh"), L.BatchNormalization(momentum=0.9), L.Dense(2)], steps, (LENGTH, 2), mse(), o.SGD(0.1)
    yield "dropped", [embedding(), L.Conv1D(4, 2, activation="relu"), L.GlobalAveragePooling1D(), L.Dense(3, activation="softmax")], words, (), sparse(), o.Adam(0.01)
    yield "without masks", [L.Embedding(WORDS, 4, embeddings_regularizer="l2"), L.Flatten(), L.Dense(3, activation="softmax")], words, (), sparse(), o.AdamW(0.01)
    yield "frozen", [embedding(trainable=False), L.GlobalAveragePooling1D(), L.Dense(3, activation="softmax")], words, (), sparse(), o.SGD(0.5)


STEPS = 12


def training_case(name, chain, data, row, loss, optimizer):
    x = data(STEPS * BATCH)
    model = keras.Sequential([L.Input(x.shape[1:], dtype=str(x.dtype)), *chain], name="golden")
    start = [wave(w.shape, 0.4, rate=1.3 + 0.1 * i) for i, w in enumerate(model.get_weights())]
    model.set_weights([np.abs(w) + 0.5 if "variance" in v.name else w for v, w in zip(model.weights, start)])
    real = isinstance(loss, losses.MeanSquaredError)
    y = wave((STEPS * BATCH, *row), rate=0.7)
    if real:
        y = (np.round(64 * y) / 64).astype("float32")
        model.compile(optimizer, loss, metrics=[metrics.MeanAbsoluteError(name="mae"), metrics.RootMeanSquaredError(name="rmse")])
    else:
        y = (np.abs(3 * y).astype("int32") % 3).astype("int32")
        model.compile(optimizer, loss, metrics=["accuracy"])
    config = json.loads(json.dumps(envelope(model)))
    config["compile_config"]["jit_compile"] = False
    case = {"name": name, "config": config, "weights": {p: tensor(w) for p, w in zip(file_paths(model), model.get_weights())}}
    case |= {"x": tensor(x), "y": tensor(y), "batch": BATCH, "steps": [], "tests": [], "after": {}, "predict": tensor(model.predict(x[:4], verbose=0))}
    values = lambda logs: {k: number(v) for k, v in logs.items()}
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        model.reset_metrics()
        case["steps"].append({"loss": values(model.train_on_batch(x[rows], y[rows], return_dict=True))["loss"]})
        model.reset_metrics()
        case["tests"].append(values(model.test_on_batch(x[rows], y[rows], return_dict=True)))
        if step + 1 in (1, 2, STEPS):
            case["after"][str(step + 1)] = [tensor(w) for w in model.get_weights()]
    case["iterations"] = int(model.optimizer.iterations)
    case["predict_after"] = tensor(model.predict(x[:4], verbose=0))
    return case


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    write("mask_configs", map(envelope, config_cases()))
    write("mask_layers", chain_cases())
    write("mask_losses", loss_cases())
    write("mask_training", (training_case(*c) for c in training_cases()))
