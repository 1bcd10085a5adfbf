"""Goldens of training from real Keras: losses, metrics and weights of single steps, histories of `fit`.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/training.py

writes crates/nn/tests/goldens/training.json, and bfloat16.json and float16.json for the policies `mixed_bfloat16` and `mixed_float16`. Data
and first weights are fixed, so a second run changes no byte.
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


def dump(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def lines(cases):
    return "[\n" + ",\n".join(map(dump, cases)) + "\n]"


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


def fits(name, kind, optimizer, regularizer=None, swap=None, **arguments):
    model = compiled(kind, optimizer, regularizer)
    case = {"name": name, "labels": kind, **described(model)}
    callbacks = []
    if swap is not None:
        case["swap_on_epoch"] = swap
        callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=swap)]
    case["fit"] = {k: ({str(c): w for c, w in v.items()} if isinstance(v, dict) else v) for k, v in arguments.items()}
    history = model.fit(X, labels(kind), shuffle=False, verbose=0, callbacks=callbacks, **arguments)
    case["history"] = [[k, [number(v) for v in vs]] for k, vs in history.history.items()]
    case["weights_after"] = [tensor(w) for w in model.get_weights()]
    case["evaluate"] = [number(v) for v in model.evaluate(X, labels(kind), verbose=0, batch_size=48)]
    case["predict"] = tensor(model.predict(X[:5], verbose=0))
    return case


def floats(a):
    """Values of an array of 16 bits; bfloat16 NumPy knows only through ml_dtypes."""
    return np.asarray(a).astype("float32")


def mixed_layer(layer, x, kind):
    """Outputs and gradients of one layer that computes in a type of 16 bits; weights are fixed waves, the loss is a weighted sum of the outputs."""
    import jax

    model = keras.Sequential([layers.Input(x.shape[1:]), layer])  # `stateless_call` of a bare layer would leave out the conversions
    layer.set_weights([0.6 * waves(w.shape, 2.3, i + 0.1) for i, w in enumerate(layer.get_weights())])
    y = model(x)
    assert str(y.dtype) == kind, layer
    cotangent = floats(jax.numpy.asarray(waves(y.shape, 0.9, 0.4)).astype(kind))
    trainable = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]

    def loss(trainable, x):
        y, _ = model.stateless_call(trainable, fixed, x)
        return jax.numpy.sum(y.astype("float32") * cotangent)

    by_weights, by_x = jax.grad(loss, (0, 1))(trainable, jax.numpy.asarray(x))
    return {
        "object": json.loads(json.dumps(envelope(layer))),
        "x": tensor(x),
        "cotangent": tensor(cotangent),
        "weights": [tensor(w) for w in layer.get_weights()],
        "y": tensor(floats(y)),
        "gradient": tensor(by_x),
        "weight_gradients": [tensor(g) for g in by_weights],
    }


def mixed_steps(name, kind, optimizer, activation, loss, use_bias):
    """Steps of a network all of whose layers compute in 16 bits, and its first predictions.

    Run eagerly, that is operation by operation: a compiled step may leave out roundings as XLA sees fit.
    """
    units = {"classes": 3, "real": 1}[kind]
    model = keras.Sequential(
        [
            layers.Input((FEATURES,), name="in"),
            layers.Dense(16, activation="relu", use_bias=use_bias, name="hidden"),
            layers.Dense(units, activation=activation, use_bias=use_bias, name="out"),
        ],
        name="golden",
    )
    model.set_weights([0.6 * waves(w.shape, 2.3, i + 0.1) for i, w in enumerate(model.get_weights())])
    model.compile(optimizer, loss, metrics=["accuracy"] if kind == "classes" else None, run_eagerly=True)
    config = json.loads(json.dumps(envelope(model)))
    config["compile_config"].update(jit_compile=False, run_eagerly=False)
    each = 2 if use_bias else 1
    paths = [f"layers/{layer}/vars/{i}" for layer in ("dense", "dense_1") for i in range(each)]
    weights = {p: tensor(w) for p, w in zip(paths, model.get_weights())}
    case = {"name": name, "labels": kind, "config": config, "weights": weights, "predict": tensor(floats(model.predict(X[:40], verbose=0)))}
    values = []
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        model.reset_metrics()
        values.append({k: number(v) for k, v in model.train_on_batch(X[rows], labels(kind)[rows], return_dict=True).items()})
    case["steps"], case["after"] = values, [tensor(w) for w in model.get_weights()]
    return case


def mixed(kind):
    """Under `mixed_float16` Keras wraps the optimizers into `LossScaleOptimizer`."""
    keras.config.set_dtype_policy(f"mixed_{kind}")
    o = optimizers
    x = 2.0 * waves((8, 33), 1.7)
    one_layer = [
        mixed_layer(layers.Dense(17, name="linear"), x, kind),
        mixed_layer(layers.Dense(17, activation="relu", name="relu"), x, kind),
        mixed_layer(layers.Dense(9, use_bias=False, name="without_bias"), x.reshape(2, 4, 33), kind),
        mixed_layer(layers.Rescaling(0.3, 0.7, name="rescaling"), x, kind),
        mixed_layer(layers.Normalization(mean=0.3, variance=1.7, name="normalization"), x, kind),
        mixed_layer(layers.Activation("relu", name="activation"), x, kind),
        mixed_layer(layers.Flatten(name="flatten"), x.reshape(2, 4, 33), kind),
    ]
    # Without biases all is rounded as here and must agree closely; JAX on CPU sums the gradient of a bias in 16 bits, which loses digits.
    stepwise = [
        mixed_steps("adam", "classes", o.Adam(0.01), None, losses.SparseCategoricalCrossentropy(from_logits=True), False),
        mixed_steps("rmsprop", "classes", o.RMSprop(0.01), "softmax", losses.SparseCategoricalCrossentropy(), True),
        mixed_steps("momentum", "real", o.SGD(0.02, momentum=0.9), None, losses.MeanSquaredError(), False),
    ]
    OUT.with_name(f"{kind}.json").write_text(f'{{"layers":{lines(one_layer)},\n"steps":{lines(stepwise)}}}\n')
    keras.config.set_dtype_policy("float32")


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
    OUT.write_text(f'{{"data":{dump(data)},\n"steps":{lines(stepwise)},\n"fits":{lines(whole)}}}\n')
    mixed("bfloat16")
    mixed("float16")


if __name__ == "__main__":
    main()
