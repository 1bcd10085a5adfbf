"""Goldens of what acts on weights from real Keras: optimizers, averages, schedules, initializers, regularizers, constraints.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/updates.py

writes the files update_*.json in crates/nn/tests/goldens. Everything is a fixed function of nothing, so a second run changes no byte.
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from catalogue import OUT, envelope, number, tensor, wave, write
from keras import constraints as C
from keras import initializers as I
from keras import layers as L
from keras import losses
from keras import optimizers as O
from keras import regularizers as R
from masks import BATCH, LENGTH, WORDS, training_case, words
from training import dump, fits, lines, steps

S = O.schedules


def optimizer_options():
    """Each optimizer plain, with each of its arguments alone, and with what all take."""
    own = {
        O.Adamax: (dict(), dict(beta_1=0.5), dict(beta_2=0.7), dict(epsilon=1e-2)),
        O.Nadam: (dict(), dict(beta_1=0.5), dict(beta_2=0.7), dict(epsilon=1e-2)),
        O.Adagrad: (dict(), dict(initial_accumulator_value=0.5), dict(initial_accumulator_value=0.0, epsilon=1e-2)),
        O.Adadelta: (dict(), dict(rho=0.5), dict(epsilon=1e-2)),
        O.Adafactor: (dict(), dict(beta_2_decay=-0.5), dict(epsilon_1=1e-2), dict(epsilon_2=0.5), dict(clip_threshold=0.3), dict(relative_step=False)),
        O.Ftrl: (
            dict(), dict(learning_rate_power=-0.3), dict(learning_rate_power=0.0), dict(initial_accumulator_value=0.5), dict(l1_regularization_strength=0.2),
            dict(l2_regularization_strength=0.2), dict(l2_shrinkage_regularization_strength=0.2), dict(beta=0.3),
        ),
        O.Lamb: (dict(), dict(beta_1=0.5), dict(beta_2=0.7), dict(epsilon=1e-2)),
        O.Lion: (dict(), dict(beta_1=0.5), dict(beta_2=0.7)),
        O.Muon: (
            dict(), dict(adam_beta_1=0.5), dict(adam_beta_2=0.7), dict(epsilon=1e-2), dict(muon_a=3.0), dict(muon_b=-4.7), dict(muon_c=1.5), dict(adam_lr_ratio=0.1),
            dict(momentum=0.5), dict(ns_steps=3), dict(nesterov=False), dict(adam_weight_decay=0.2), dict(adam_weight_decay=None), dict(rms_rate=None), dict(rms_rate=0.5),
        ),
        O.ScheduleFreeAdamW: (dict(), dict(beta_1=0.5), dict(beta_2=0.7), dict(epsilon=1e-2), dict(warmup_steps=5)),
    }
    shared = (
        dict(weight_decay=0.1), dict(clipnorm=0.5), dict(clipvalue=0.3), dict(global_clipnorm=0.7), dict(gradient_accumulation_steps=3),
        dict(use_ema=True, ema_momentum=0.8), dict(use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4), dict(loss_scale_factor=8.0),
        dict(use_ema=True, ema_overwrite_frequency=2, gradient_accumulation_steps=2, weight_decay=0.1, loss_scale_factor=2.0),
    )
    for cls, options in own.items():
        rate = 0.5 if cls in (O.Adagrad, O.Adadelta, O.Ftrl) else 0.01
        for more in (*options, *shared):
            yield cls, {"learning_rate": rate, **more}
        yield cls, {"learning_rate": S.ExponentialDecay(rate, 4, 0.5)}
    for cls in (O.SGD, O.RMSprop, O.Adam, O.AdamW):
        for more in shared[5:]:
            yield cls, {"learning_rate": 0.05, **more}


def optimizer_cases():
    """First weights and gradients of twelve calls; then weights after some of them, and the memory, of each optimizer."""
    start = [wave((3, 2)), wave((4,), 0.5), wave((2, 5), 0.7, rate=1.1), wave((2, 3, 2), 0.7, rate=1.9)]
    changing = [[wave(w.shape, 1.5 - 0.2 * k, 0.1 * k, rate=1.1 + 0.1 * i + 0.3 * k) for k, w in enumerate(start)] for i in range(12)]
    changing[5] = [0 * g for g in changing[5]]
    yield {"start": [tensor(w) for w in start], "gradients": [[tensor(g) for g in gs] for gs in changing]}
    for cls, options in optimizer_options():
        optimizer = cls(**options)
        weights = [keras.Variable(w) for w in start]
        optimizer.build(weights)
        # Gradients come from a loss that was scaled.
        scale = optimizer.loss_scale_factor or 1.0
        row = {"object": envelope(optimizer), "weights": {}}
        for call, gs in enumerate(changing, 1):
            optimizer.apply([jnp.array(scale * g, "float32") for g in gs])
            if call in (1, 2, 6, 7, 12):
                row["weights"][str(call)] = [tensor(w.value) for w in weights]
        name = lambda v: speaking(optimizer, v)
        row["slots"] = [{"name": name(v), **tensor(np.asarray(v.value, "float32"))} for v in optimizer.variables if not any(n in v.name for n in ("iteration", "learning_rate"))]
        yield row


def speaking(optimizer, variable):
    """A name for variables that Keras gives none."""
    for field, name in (("_r", "row"), ("_c", "column")):
        if any(v is variable for v in getattr(optimizer, field, [])):
            return name
    return "u_product" if variable is getattr(optimizer, "_u_product", None) else variable.name


def schedule_objects():
    yield S.PiecewiseConstantDecay([100, 5000], [0.1, 0.05, 0.001])
    yield S.PiecewiseConstantDecay([1234], [0.5, 0.25], name="mine")
    yield S.PiecewiseConstantDecay([37.9, 148.0, 148.0, 20000.5], [1.0, 0.5, 0.3, 0.2, 0.1])
    yield S.PolynomialDecay(0.1, 20000)
    yield S.PolynomialDecay(0.1, 9000, end_learning_rate=0.01)
    yield S.PolynomialDecay(0.1, 9000, power=2.5)
    yield S.PolynomialDecay(0.1, 777, power=0.5, cycle=True, name="mine")
    yield S.PolynomialDecay(0.001, 9000, end_learning_rate=0.1)
    yield S.CosineDecay(0.1, 20000)
    yield S.CosineDecay(0.1, 9000, alpha=0.2)
    yield S.CosineDecay(0.0, 9000, warmup_target=0.3, warmup_steps=5000)
    yield S.CosineDecay(0.01, 9000, alpha=0.1, warmup_target=0.3, warmup_steps=777, name="mine")
    yield S.CosineDecay(0.2, 9000, warmup_target=0.1)
    yield S.CosineDecay(0.2, 9000, warmup_steps=100)
    yield S.CosineDecayRestarts(0.1, 1000)
    yield S.CosineDecayRestarts(0.1, 777, t_mul=1.0, m_mul=0.9)
    yield S.CosineDecayRestarts(0.1, 500, t_mul=1.5, m_mul=0.8, alpha=0.05, name="mine")


def schedule_cases():
    at = [i * i * 37 + i for i in range(40)]
    for s in schedule_objects():
        yield {"object": envelope(s), "steps": at, "rates": [number(s(i)) for i in at]}


def regularizers():
    yield R.OrthogonalRegularizer()
    yield R.OrthogonalRegularizer(0.3, "columns")
    yield R.OrthogonalRegularizer(factor=2.0, mode="rows")


def regularizer_cases():
    for shape in ((3, 4), (5, 2)):
        w = wave(shape)
        for r in regularizers():
            yield {"object": envelope(r), "w": tensor(w), "penalty": number(r(jnp.array(w))), "gradient": tensor(jax.grad(r)(jnp.array(w)))}
    r = R.get("orthogonal_regularizer")
    yield {"object": "orthogonal_regularizer", "w": tensor(w), "penalty": number(r(jnp.array(w))), "gradient": tensor(jax.grad(r)(jnp.array(w)))}


def constraints():
    yield C.MaxNorm()
    yield C.MaxNorm(0.5)
    yield C.MaxNorm(max_value=1.0, axis=1)
    yield C.MaxNorm(1.0, axis=[0, 1])
    yield C.MinMaxNorm()
    yield C.MinMaxNorm(0.5, 0.9)
    yield C.MinMaxNorm(0.8, 1.2, rate=0.3, axis=-1)
    yield C.NonNeg()
    yield C.UnitNorm()
    yield C.UnitNorm(axis=1)
    yield C.UnitNorm(axis=[0, 1])


def constraint_cases():
    zero = wave((3, 4))
    zero[:, 1] = 0
    for c in constraints():
        for w in (wave((3, 4)), wave((2, 3, 3, 2), 0.5), zero):
            yield {"object": envelope(c), "w": tensor(w), "value": tensor(c(jnp.array(w)))}
    for name in ("max_norm", "min_max_norm", "non_neg", "unit_norm", "MaxNorm", "NonNeg"):
        yield {"object": name, "w": tensor(zero), "value": tensor(C.get(name)(jnp.array(zero)))}


def written(initializer):
    """The envelope, with what Keras forgets to write: the gain of `Identity`, which it reads."""
    object = envelope(initializer)
    if isinstance(initializer, I.Identity) and initializer.gain != 1.0:
        object["config"] = {"gain": initializer.gain}
    return object


def initializers():
    yield I.Identity(), ((4, 4), (3, 5), (5, 3))
    yield I.Identity(gain=0.7), ((4, 4),)
    for side in ("real", "imag"):
        for periodic in (False, True):
            yield I.STFT(side, periodic=periodic), ((8, 1, 5), (7, 1, 9))
        for window in ("boxcar", "hamming", "blackman", "nuttall", "blackmanharris", "flattop", None):
            yield I.STFT(side, window, "spectrum"), ((8, 1, 5),)
        yield I.STFT(side, "hann", None), ((12, 1, 4),)


def initializer_cases():
    """Values of those that draw none, and of the others what their law says: mean, deviation and bounds of many numbers."""
    for initializer, shapes in initializers():
        for shape in shapes:
            yield {"object": written(initializer), "value": tensor(initializer(shape))}
    drawn = [I.RandomNormal(0.5, 2.0, seed=1), I.RandomUniform(-1.0, 3.0, seed=1), I.TruncatedNormal(1.0, 0.5, seed=1)]
    drawn += [cls(seed=1) for cls in (I.GlorotNormal, I.GlorotUniform, I.HeNormal, I.HeUniform, I.LecunNormal, I.LecunUniform)]
    drawn += [I.VarianceScaling(3.0, mode, law, seed=1) for mode in ("fan_in", "fan_out", "fan_avg") for law in ("truncated_normal", "untruncated_normal", "uniform")]
    for initializer in drawn:
        for shape in ((300, 200), (3, 3, 40, 80), (5, 60, 90), (40000,)):
            v = np.asarray(initializer(shape), "float64")
            yield {"object": envelope(initializer), "shape": shape, "mean": number(v.mean()), "deviation": number(v.std()), "least": number(v.min()), "most": number(v.max())}


def layers_with_constraints():
    m = C.MaxNorm
    yield L.Dense(3, kernel_constraint=m(0.5), bias_constraint="non_neg")
    yield L.Conv2D(2, 2, kernel_constraint=m(0.5, axis=[0, 1, 2]), bias_constraint=C.MinMaxNorm(0.1, 0.2))
    yield L.Conv1DTranspose(2, 2, kernel_constraint=C.UnitNorm(axis=-1), bias_constraint="unit_norm")
    yield L.DepthwiseConv2D(2, depthwise_constraint=C.UnitNorm(axis=[0, 1]), bias_constraint="non_neg")
    yield L.SeparableConv1D(3, 2, depthwise_constraint=m(0.3), pointwise_constraint="non_neg", bias_constraint=m(0.1))
    yield L.Embedding(WORDS, 3, embeddings_constraint=C.UnitNorm(axis=1))
    yield L.BatchNormalization(beta_constraint="non_neg", gamma_constraint=C.MinMaxNorm(0.9, 1.1, rate=0.5))
    yield L.PReLU(alpha_constraint="non_neg")
    yield L.LSTM(3, kernel_constraint=m(0.5), recurrent_constraint=C.UnitNorm(), bias_constraint="non_neg")
    yield L.GRUCell(3, kernel_constraint=m(0.5), recurrent_constraint=C.UnitNorm(), bias_constraint=m(0.1, axis=1))
    yield L.SimpleRNN(3, kernel_constraint=m(0.5), recurrent_constraint=C.UnitNorm(), bias_constraint="non_neg")
    yield L.ConvLSTM1D(2, 2, kernel_constraint=m(0.5), recurrent_constraint="non_neg", bias_constraint=m(0.1))


def config_cases():
    yield from (envelope(cls(**options)) for cls, options in optimizer_options())
    yield from (envelope(cls()) for cls in (O.Adamax, O.Nadam, O.Adagrad, O.Adadelta, O.Adafactor, O.Ftrl, O.Lamb, O.Lion, O.Muon, O.ScheduleFreeAdamW))
    yield envelope(O.Muon(exclude_layers=["hidden", "^out"], exclude_embeddings=False, name="mine"))
    yield envelope(O.Adam(S.CosineDecay(0.1, 1000, warmup_target=0.2, warmup_steps=10)))
    yield from map(envelope, schedule_objects())
    yield from map(envelope, regularizers())
    yield from map(envelope, constraints())
    yield from (written(i) for i, _ in initializers())
    yield envelope(L.Dense(3, kernel_regularizer=R.OrthogonalRegularizer(0.1, "columns"), kernel_initializer=I.Identity()))
    yield from map(envelope, layers_with_constraints())


def numbers(*row):
    return lambda rows: np.round(16 * wave((rows, *row))) / 16


def constrained_networks():
    o, m, mse = O, C.MaxNorm, losses.MeanSquaredError
    sparse = losses.SparseCategoricalCrossentropy
    dense = [L.Dense(6, activation="tanh", kernel_constraint=m(0.5), bias_constraint="non_neg"), L.Dense(2, kernel_constraint="unit_norm")]
    yield "dense", dense, numbers(4), (2,), mse(), o.SGD(0.2, momentum=0.9)
    dense = [L.Dense(6, activation="tanh", kernel_constraint=C.MinMaxNorm(0.3, 0.6, rate=0.5)), L.Dense(2, kernel_constraint=C.UnitNorm(axis=[0, 1]))]
    yield "accumulated", dense, numbers(4), (2,), mse(), o.Adam(0.05, gradient_accumulation_steps=3)
    dense = [L.Dense(6, activation="tanh", kernel_constraint=C.MinMaxNorm(0.3, 0.6, rate=0.5)), L.Dense(2, bias_constraint=m(0.1))]
    yield "averaged", dense, numbers(4), (2,), mse(), o.SGD(0.2, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=3)
    image = [L.Conv2D(4, 2, kernel_constraint=m(0.5, axis=[0, 1, 2]), bias_constraint="non_neg"), L.BatchNormalization(momentum=0.9, beta_constraint="non_neg", gamma_constraint=C.MinMaxNorm(0.9, 1.1))]
    image += [L.PReLU(alpha_constraint="non_neg", shared_axes=[1, 2]), L.DepthwiseConv2D(2, depthwise_constraint=C.UnitNorm(axis=[0, 1]), bias_constraint=m(0.05)), L.Flatten(), L.Dense(2)]
    yield "image", image, numbers(4, 4, 2), (2,), mse(), o.SGD(0.05)
    line = [L.SeparableConv1D(3, 2, depthwise_constraint=m(0.3), pointwise_constraint="non_neg", bias_constraint=m(0.1)), L.Conv1DTranspose(2, 2, kernel_constraint=C.UnitNorm(axis=-1), bias_constraint="unit_norm")]
    yield "line", [*line, L.Flatten(), L.Dense(2)], numbers(5, 2), (2,), mse(), o.RMSprop(0.01)
    embedding = L.Embedding(WORDS, 4, embeddings_constraint=C.UnitNorm(axis=1))
    yield "words", [embedding, L.GlobalAveragePooling1D(), L.Dense(3, activation="softmax")], words, (), sparse(), o.Adam(0.05)
    bounds = dict(kernel_constraint=m(0.5), recurrent_constraint=C.UnitNorm(), bias_constraint="non_neg")
    yield "LSTM", [L.LSTM(3, **bounds), L.Dense(2)], numbers(4, 2), (2,), mse(), o.Adam(0.02)
    yield "GRU", [L.Bidirectional(L.GRU(3, **bounds)), L.Dense(2)], numbers(4, 2), (2,), mse(), o.Adam(0.02)
    yield "cell", [L.RNN(L.SimpleRNNCell(3, **bounds)), L.Dense(2)], numbers(4, 2), (2,), mse(), o.SGD(0.1)
    yield "frozen", [L.Dense(4, kernel_constraint="unit_norm", trainable=False), L.Dense(2)], numbers(3), (2,), mse(), o.SGD(0.1)
    yield "orthogonal", [L.Dense(6, kernel_regularizer=R.OrthogonalRegularizer(0.5)), L.Dense(2)], numbers(4), (2,), mse(), o.SGD(0.2)
    # Which weights are Muon's and which Adam's.
    embedding = lambda: L.Embedding(WORDS, 4, name="vectors")
    for more in (dict(), dict(exclude_embeddings=False), dict(exclude_layers=["hid"]), dict(exclude_layers=["d.n.*kern"], exclude_embeddings=False)):
        chain = [embedding(), L.Flatten(), L.Dense(5, activation="tanh", name="hidden"), L.Dense(3, activation="softmax")]
        yield f"Muon {more}", chain, words, (), sparse(), o.Muon(0.02, **more)


def trained():
    """Steps and whole trainings of the networks of `training.py`."""
    o = O
    rates = {o.Adagrad: 0.1, o.Adadelta: 1.0, o.Ftrl: 0.1}
    classes = (o.Adamax, o.Nadam, o.Adagrad, o.Adadelta, o.Adafactor, o.Ftrl, o.Lamb, o.Lion, o.Muon, o.ScheduleFreeAdamW)
    stepwise = [steps(cls.__name__, "classes", cls(rates.get(cls, 0.01))) for cls in classes]
    stepwise += [
        steps("average", "classes", o.Adam(0.01, use_ema=True)),
        steps("average in place", "classes", o.SGD(0.2, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4)),
        steps("average, accumulated", "real", o.SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2, gradient_accumulation_steps=3)),
        steps("scaled loss", "classes", o.Adam(0.01, loss_scale_factor=128.0)),
        steps("scaled loss, clipped", "real", o.SGD(0.1, clipnorm=0.2, loss_scale_factor=100.0), regularizer=R.L2(0.05)),
        steps("cosine", "classes", o.SGD(S.CosineDecay(0.0, 12, warmup_target=0.3, warmup_steps=5))),
        steps("pieces, accumulated", "classes", o.SGD(S.PiecewiseConstantDecay([6, 12], [0.3, 0.2, 0.1]), gradient_accumulation_steps=2)),
    ]
    average = lambda **more: o.SGD(0.2, use_ema=True, ema_momentum=0.9, **more)
    whole = [
        fits("average at the end", "classes", average(), epochs=3, batch_size=32, validation_split=0.25),
        fits("average put in place", "classes", average(ema_overwrite_frequency=3), epochs=3, batch_size=32),
        fits("average evaluated", "classes", average(), swap=False, epochs=3, batch_size=32, validation_split=0.25),
        fits("average between epochs", "classes", average(), swap=True, epochs=3, batch_size=32, validation_split=0.25),
    ]
    return stepwise, whole


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    write("update_configs", config_cases())
    write("update_optimizers", optimizer_cases())
    write("update_schedules", schedule_cases())
    write("update_regularizers", regularizer_cases())
    write("update_constraints", constraint_cases())
    write("update_initializers", initializer_cases())
    write("update_networks", (training_case(*c) for c in constrained_networks()))
    stepwise, whole = trained()
    (OUT / "update_training.json").write_text(f'{{"steps":{lines(stepwise)},\n"fits":{lines(whole)}}}\n')
