"""Goldens of training from real Keras: losses, metrics and weights of single steps, histories of `fit`.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/training.py

writes crates/nn/tests/goldens/training.json. Data and first weights are fixed, so a second run changes no byte.
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import layers, losses, metrics, optimizers, regularizers

OUT = pathlib.Path("crates/nn/tests/goldens/training.json")
STEPS, BATCH, FEATURES = 20, 8, 4
envelope = keras.saving.serialize_keras_object


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


X = waves((STEPS * BATCH, FEATURES), 1.7)
CLASSES = np.argmax(np.stack([X[:, 0] + X[:, 1], X[:, 2] - X[:, 0], X[:, 3]], 1), 1).astype("int32")
REAL = (X @ np.array([[1.0], [-2.0], [0.5], [0.25]], "float32") + 0.3).astype("float32")
BINARY = (REAL > 0.3).astype("float32")


def network(kind, regularizer=None):
    units, activation = {"classes": (3, "softmax"), "real": (1, None), "binary": (1, "sigmoid")}[kind]
    model = keras.Sequential(
        [
            layers.Input((FEATURES,), name="in"),
            layers.Dense(5, activation="tanh", kernel_regularizer=regularizer, name="hidden"),
            layers.Dense(units, activation=activation, name="out"),
        ],
        name="golden",
    )
    model.set_weights([0.6 * waves(w.shape, 2.3, i + 0.1) for i, w in enumerate(model.get_weights())])
    return model


def compiled(kind, optimizer, regularizer=None, loss=None):
    model = network(kind, regularizer)
    default = {"classes": losses.SparseCategoricalCrossentropy(), "real": losses.MeanSquaredError(), "binary": losses.BinaryCrossentropy()}
    metric = metrics.MeanAbsoluteError(name="mae") if kind == "real" else "accuracy"
    model.compile(optimizer, loss or default[kind], metrics=[metric])
    return model


def described(model):
    """What a file would say: configuration, first weights by path."""
    config = json.loads(json.dumps(envelope(model)))
    config["compile_config"]["jit_compile"] = False
    paths = ["layers/dense/vars/0", "layers/dense/vars/1", "layers/dense_1/vars/0", "layers/dense_1/vars/1"]
    return {"config": config, "weights": {p: tensor(w) for p, w in zip(paths, model.get_weights())}}


def labels(kind):
    return {"classes": CLASSES, "real": REAL, "binary": BINARY}[kind]


def steps(name, kind, optimizer, regularizer=None, loss=None, sample_weight=None):
    model = compiled(kind, optimizer, regularizer, loss)
    case = {"name": name, "labels": kind, **described(model)}
    if sample_weight is not None:
        case["sample_weight"] = [number(w) for w in sample_weight]
    values, weights = [], {}
    y = labels(kind)
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        model.reset_metrics()
        w = None if sample_weight is None else sample_weight[rows]
        values.append({k: number(v) for k, v in model.train_on_batch(X[rows], y[rows], sample_weight=w, return_dict=True).items()})
        if step + 1 in (1, 2, 10, STEPS):
            weights[str(step + 1)] = [tensor(w) for w in model.get_weights()]
    case["steps"], case["after"] = values, weights
    case["iterations"] = int(model.optimizer.iterations)
    return case


def fits(name, kind, optimizer, regularizer=None, **arguments):
    model = compiled(kind, optimizer, regularizer)
    case = {"name": name, "labels": kind, **described(model)}
    case["fit"] = {k: ({str(c): w for c, w in v.items()} if isinstance(v, dict) else v) for k, v in arguments.items()}
    history = model.fit(X, labels(kind), shuffle=False, verbose=0, **arguments)
    case["history"] = [[k, [number(v) for v in vs]] for k, vs in history.history.items()]
    case["weights_after"] = [tensor(w) for w in model.get_weights()]
    case["evaluate"] = [number(v) for v in model.evaluate(X, labels(kind), verbose=0, batch_size=48)]
    case["predict"] = tensor(model.predict(X[:5], verbose=0))
    return case


def main():
    weights = (1.0 + np.arange(STEPS * BATCH) % 3).astype("float32")
    decay = optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
    o = optimizers
    stepwise = [
        steps("sgd", "classes", o.SGD(0.5)),
        steps("momentum", "classes", o.SGD(0.1, momentum=0.9)),
        steps("nesterov", "classes", o.SGD(0.1, momentum=0.9, nesterov=True)),
        steps("rmsprop", "classes", o.RMSprop(0.01)),
        steps("rmsprop centered", "classes", o.RMSprop(0.01, momentum=0.5, centered=True)),
        steps("adam", "classes", o.Adam(0.01)),
        steps("amsgrad", "classes", o.Adam(0.01, amsgrad=True)),
        steps("adamw", "classes", o.AdamW(0.01, weight_decay=0.1)),
        steps("regression", "real", o.Adam(0.02)),
        steps("binary", "binary", o.Adam(0.02)),
        steps("clipnorm", "real", o.SGD(0.1, clipnorm=0.2)),
        steps("global clipnorm", "real", o.SGD(0.1, global_clipnorm=0.3)),
        steps("clipvalue", "real", o.SGD(0.1, clipvalue=0.05)),
        steps("weight decay", "classes", o.SGD(0.1, momentum=0.5, weight_decay=0.05)),
        steps("schedule", "classes", o.SGD(decay)),
        steps("accumulation", "classes", o.Adam(0.01, gradient_accumulation_steps=3)),
        steps("accumulation and clipnorm", "real", o.SGD(0.1, momentum=0.9, clipnorm=0.2, gradient_accumulation_steps=4)),
        steps("l2", "classes", o.SGD(0.2), regularizer=regularizers.L2(0.05)),
        steps("l1l2", "real", o.Adam(0.01), regularizer=regularizers.L1L2(0.01, 0.02)),
        steps("sample weights", "classes", o.SGD(0.2), sample_weight=weights),
        steps("mean with sample weight", "real", o.SGD(0.1), loss=losses.MeanSquaredError("mean_with_sample_weight"), sample_weight=weights),
        steps("sum", "real", o.SGD(0.005), loss=losses.MeanAbsoluteError("sum")),
    ]
    whole = [
        fits("plain", "classes", o.Adam(0.01), epochs=3, batch_size=32),
        fits("uneven batches and validation", "classes", o.SGD(0.2, momentum=0.9), epochs=3, batch_size=24, validation_split=0.25),
        fits("class weights", "classes", o.SGD(0.2), epochs=2, batch_size=16, class_weight={0: 1.0, 2: 3.0}),
        fits("class weights and validation", "binary", o.Adam(0.02), epochs=2, batch_size=16, class_weight={0: 0.5, 1: 2.0}, validation_split=0.2),
        fits("accumulation over epochs", "classes", o.Adam(0.02, gradient_accumulation_steps=4), epochs=3, batch_size=16),
        fits("l2 and validation", "real", o.RMSprop(0.01), regularizer=regularizers.L2(0.01), epochs=3, batch_size=32, validation_split=0.1, validation_freq=2),
    ]
    data = {"x": tensor(X), "classes": tensor(CLASSES), "real": tensor(REAL), "binary": tensor(BINARY), "batch": BATCH}
    dump = lambda v: json.dumps(v, sort_keys=True, separators=(",", ":"))
    lines = lambda cases: "[\n" + ",\n".join(map(dump, cases)) + "\n]"
    OUT.write_text(f'{{"data":{dump(data)},\n"steps":{lines(stepwise)},\n"fits":{lines(whole)}}}\n')


main()
