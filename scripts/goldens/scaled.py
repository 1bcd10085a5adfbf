"""Goldens of optimizers that wrap others from real Keras: scaled losses with skipped steps, several optimizers.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/scaled.py

writes scaled_configs.json and scaled_training.json in crates/nn/tests/goldens. Everything is a fixed function of nothing, so a second run changes no byte.
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from catalogue import envelope, number, tensor, wave, write
from keras import layers as L
from keras import losses
from keras import optimizers as O
from masks import file_paths

BATCH, STEPS = 8, 12
# Steps whose data are so large that scaled gradients overflow.
BURSTS = np.repeat([1.0, 1e8, 1.0, 1.0, 1.0, 1.0, 1e8, 1.0, 1.0, 1e8, 1e8, 1.0], BATCH)[:, None]
FEATURES, IMAGE = (6,), (6, 6, 2)


def dense(bias=True):
    return FEATURES, [L.Dense(7, activation="relu", use_bias=bias, name="hidden"), L.Dense(3, use_bias=bias, name="out")]


def conv():
    return IMAGE, [
        L.Conv2D(4, 3, activation="relu", use_bias=False, name="conv"), L.MaxPooling2D(name="pool"), L.Flatten(name="flat"),
        L.Dense(3, use_bias=False, name="out"),
    ]


def cases():
    """Name, network, optimizer, policy, whether Keras may wrap the optimizer, factor of the data."""
    scaled = O.LossScaleOptimizer
    half = "mixed_float16"
    yield "dense in float16", dense(False), O.Adam(0.01), half, True, 1.0
    yield "dense in float16, a scale too large", dense(False), scaled(O.SGD(0.05, momentum=0.9), 2.0**19, 3), half, True, 1.0
    yield "dense in float16 with biases", dense(), scaled(O.Adam(0.01), 2.0**18, 4), half, True, 1.0
    yield "dense in float16, not scaled", dense(False), O.SGD(0.05, momentum=0.9), half, False, 1.0
    yield "images in float16", conv(), scaled(O.Adam(0.01), 2.0**20, 3), half, True, 1.0
    yield "images in float16, not scaled", conv(), O.Adam(0.01), half, False, 1.0
    single = "float32"
    yield "scaled", dense(), scaled(O.Adam(0.01), 1024.0, 5), single, True, 1.0
    yield "skipped", dense(), scaled(O.SGD(0.01, momentum=0.9), 2.0**112, 4), single, True, BURSTS
    yield "skipped, accumulated, averaged", dense(), scaled(O.Adam(0.01, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.8, clipnorm=1.0), 2.0**112, 4), single, True, BURSTS
    yield "skipped, a schedule", dense(), scaled(O.RMSprop(O.schedules.ExponentialDecay(0.02, 3.0, 0.5), loss_scale_factor=8.0), 2.0**112, 3), single, True, BURSTS
    # Under LossScaleOptimizer Keras 3.15.1 loses Nadam's product of momenta from step to step.
    several = lambda last=O.RMSprop, **more: O.OptimizerMap(
        O.SGD(O.schedules.ExponentialDecay(0.1, 4.0, 0.5), momentum=0.9),
        {".*/hidden/.*": O.Adam(0.01, global_clipnorm=0.3, **more), "golden/out/bias": last(0.02, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3)},
    )
    yield "several", dense(), O.MultiOptimizer(several(O.Nadam)), single, True, 1.0
    yield "several, a factor", dense(), O.MultiOptimizer(several(loss_scale_factor=4.0), loss_scale_factor=16.0), single, True, 1.0
    yield "several, skipped", dense(), scaled(O.MultiOptimizer(several()), 2.0**112, 4), single, True, BURSTS
    yield "several in float16", dense(False), O.MultiOptimizer(several()), half, True, 1.0


def configurations():
    several = O.OptimizerMap(O.SGD(0.01, momentum=0.5), {"a/.*": O.Adam(0.02), "b/kernel": O.Nadam(O.schedules.CosineDecay(0.1, 10))})
    yield O.LossScaleOptimizer(O.Adam())
    yield O.LossScaleOptimizer(O.SGD(0.1, momentum=0.5, loss_scale_factor=4.0), 1024.0, 7, name="mine")
    yield O.MultiOptimizer(O.OptimizerMap(O.Adam()))
    yield O.MultiOptimizer(several, loss_scale_factor=8.0, name="mine")
    yield O.LossScaleOptimizer(O.MultiOptimizer(several), dynamic_growth_steps=3)


def run(name, network, optimizer, policy, wrap, factor):
    row, chain = network
    keras.config.set_dtype_policy(policy)
    model = keras.Sequential([L.Input(row), *[c.__class__.from_config({**c.get_config(), "dtype": policy}) for c in chain]], name="golden")
    keras.config.set_dtype_policy("float32")
    model.set_weights([0.6 * wave(w.shape, 0.4, rate=1.3 + 0.1 * i) for i, w in enumerate(model.get_weights())])
    x = (factor * wave((STEPS * BATCH, *row), 0.2, rate=1.7)).astype("float32")
    y = (np.abs(3 * wave((STEPS * BATCH,), rate=0.7)).astype("int32") % 3).astype("int32")
    # Operation by operation: a compiled step may leave out roundings as XLA sees fit.
    model.compile(optimizer, losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True, auto_scale_loss=wrap)
    scales = isinstance(model.optimizer, O.LossScaleOptimizer)
    config = json.loads(json.dumps(envelope(model)))
    config["compile_config"].update(jit_compile=False, run_eagerly=False)
    case = {"name": name, "policy": policy, "wrap": wrap, "config": config, "x": tensor(x), "y": tensor(y), "batch": BATCH, "steps": []}
    case["weights"] = {p: tensor(w) for p, w in zip(file_paths(model), model.get_weights())}
    case["predict"] = tensor(model.predict(x[:4], verbose=0).astype("float32"))
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        model.reset_metrics()
        loss = model.train_on_batch(x[rows], y[rows], return_dict=True)["loss"]
        inner = model.optimizer.inner_optimizer if scales else model.optimizer
        case["steps"].append({"loss": number(loss), "iterations": int(inner.iterations), "scale": float(model.optimizer.dynamic_scale) if scales else None})
    case["after"] = [tensor(w) for w in model.get_weights()]
    case["variables"] = [tensor(np.asarray(v.value)) for v in model.optimizer.variables]
    return case


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    write("scaled_configs", map(envelope, configurations()))
    write("scaled_training", (run(*c) for c in cases()))
