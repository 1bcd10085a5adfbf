"""Goldens of graphs of layers from real Keras: shared and nested parts, several inputs and outputs, states and masks between layers.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/functional.py

writes crates/nn/tests/goldens/functional.json. Data and first weights are fixed, so a second run changes no byte.
"""

import io
import json
import os
import pathlib
import tempfile
import zipfile

os.environ.setdefault("KERAS_BACKEND", "jax")

import h5py
import keras
import numpy as np
from keras import layers

OUT = pathlib.Path("crates/nn/tests/goldens/functional.json")
STEPS, BATCH = 12, 8
ROWS = STEPS * BATCH


def number(v):
    return float(f"{float(v):.9g}")


def tensor(a):
    a = np.asarray(a)
    kind = "i32" if a.dtype.kind in "iu" else "f32"
    return {"dtype": kind, "shape": list(a.shape), "data": [int(v) if kind == "i32" else number(v) for v in a.ravel()]}


def waves(shape, speed, phase=0.0):
    """Numbers that look random and need no generator."""
    n = int(np.prod(shape))
    return np.sin(np.arange(n) * speed + phase).astype("float32").reshape(shape)


A, B = waves((ROWS, 4), 1.7), waves((ROWS, 4), 0.9, 0.3)
REAL = (A @ np.array([[1.0], [-2.0], [0.5], [0.25]], "float32") + B[:, :1]).astype("float32")
KINDS = np.argmax(np.stack([A[:, 0] + B[:, 1], A[:, 2] - B[:, 0], B[:, 3]], 1), 1).astype("int32")
WORDS = (np.abs(waves((ROWS, 5), 2.9)) * 9).astype("int32")
SERIES = waves((ROWS, 6, 3), 1.3)


def two():
    """Two inputs and two outputs, a shared layer, a nested graph that is called twice, a nested chain."""
    inside = keras.Input((4,))
    trunk = keras.Model(inside, layers.Dense(3, activation="tanh", kernel_regularizer="l2")(inside), name="trunk")
    chain = keras.Sequential([layers.Dense(3, activation="relu"), layers.Dense(2)])
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(4, activation="relu", kernel_regularizer="l1", name="shared")
    u, v = shared(a), shared(b)
    joined = layers.Concatenate()([layers.Add()([trunk(u), trunk(v)]), chain(v)])
    price, kind = layers.Dense(1, name="price")(joined), layers.Dense(3, activation="softmax", name="kind")(joined)
    model = keras.Model([a, b], [price, kind])
    model.compile(
        keras.optimizers.Adam(0.01),
        loss={"price": keras.losses.MeanSquaredError(), "kind": keras.losses.SparseCategoricalCrossentropy()},
        loss_weights={"price": 0.5, "kind": 1.0},
        metrics={"price": [keras.metrics.MeanAbsoluteError(name="mae")], "kind": ["accuracy"]},
    )
    return "two inputs, two outputs", model, [A, B], [REAL, KINDS]


def residual():
    """A chain of residual blocks with one normalization shared by all, and a layer of its own for each."""
    x = keras.Input((4,))
    norm = layers.BatchNormalization(momentum=0.8)
    y = x
    for _ in range(3):
        y = layers.Add()([y, layers.Dense(4, activation="tanh")(norm(y))])
    model = keras.Model(x, layers.Dense(3)(y), name="residual")
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return "residual blocks", model, [A], [KINDS]


def states():
    """The states of an encoder begin a decoder; words are masked, numbers are not."""
    words, series = keras.Input((5,), dtype="int32", name="words"), keras.Input((6, 3), name="series")
    embedded = layers.Embedding(10, 3, mask_zero=True)(words)
    _, h, c = layers.LSTM(4, return_state=True)(embedded)
    decoded = layers.LSTM(4, return_sequences=True)(series, initial_state=[h, c])
    top = layers.Bidirectional(layers.GRU(2))(decoded)
    model = keras.Model([words, series], layers.Dense(1)(top))
    model.compile(keras.optimizers.RMSprop(0.01), "mean_squared_error", metrics=["mae"])
    return "states of an encoder", model, [WORDS, SERIES], [REAL]


def frozen():
    """A trunk that training leaves as it is."""
    inside = keras.Input((4,))
    trunk = keras.Model(inside, layers.BatchNormalization()(layers.Dense(3, activation="tanh")(inside)), name="trunk")
    trunk.trainable = False
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(1)(trunk(x)))
    model.compile(keras.optimizers.Adam(0.01), "mean_squared_error")
    return "a frozen trunk", model, [A], [REAL]


def weights_by_path(model):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.keras")
        model.save(path)
        file = h5py.File(io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5")))
        found = {}
        file.visititems(lambda name, o: found.update({name: tensor(o[()])}) if isinstance(o, h5py.Dataset) and not name.startswith("optimizer") else None)
        config = json.loads(zipfile.ZipFile(path).read("config.json"))
    config["compile_config"]["jit_compile"] = False
    return config, found


def without_addresses(value):
    """Keras writes addresses of shared objects, which differ from run to run."""
    if isinstance(value, dict):
        return {k: without_addresses(v) for k, v in value.items() if k != "shared_object_id"}
    return [without_addresses(v) for v in value] if isinstance(value, list) else value


def case(name, model, x, y):
    model.set_weights([np.abs(0.6 * waves(w.shape, 2.3, i + 0.1)) if w.ndim == 1 else 0.6 * waves(w.shape, 2.3, i + 0.1) for i, w in enumerate(model.get_weights())])
    config, weights = weights_by_path(model)
    many = isinstance(model.output, list)
    steps = []
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        model.reset_metrics()
        xs, ys = [v[rows] for v in x], [v[rows] for v in y]
        logs = model.train_on_batch(xs if len(xs) > 1 else xs[0], ys if many else ys[0], return_dict=True)
        steps.append({k: number(v) for k, v in logs.items()})
    predicted = model.predict([v[:5] for v in x] if len(x) > 1 else x[0][:5], verbose=0)
    return {
        "name": name,
        "config": without_addresses(config),
        "weights": weights,
        "x": [tensor(v) for v in x],
        "y": [tensor(v) for v in y],
        "batch": BATCH,
        "steps": steps,
        "after": [tensor(w) for w in model.get_weights()],
        "predictions": [tensor(p) for p in (predicted if many else [predicted])],
        "layers": [layer.name for layer in model.layers if not isinstance(layer, layers.InputLayer)],
        "parameters": model.count_params(),
    }


def main():
    cases = []
    for make in (two, residual, states, frozen):
        keras.utils.clear_session()
        cases.append(case(*make()))
    rows = ",\n".join(json.dumps(c, sort_keys=True, separators=(",", ":")) for c in cases)
    OUT.write_text(f"[\n{rows}\n]\n")
    print("functional", len(cases))


main()
