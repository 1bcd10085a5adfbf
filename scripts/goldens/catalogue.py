"""Goldens of the catalogue from real Keras: configurations, values and gradients.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/catalogue.py

writes crates/nn/tests/goldens/*.json. Everything is a fixed function of nothing, so a second run changes no byte.
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import activations, initializers, layers, losses, metrics, optimizers, regularizers

OUT = pathlib.Path("crates/nn/tests/goldens")
envelope = keras.saving.serialize_keras_object


def number(v):
    return float(f"{float(v):.9g}")


def tensor(a):
    a = np.asarray(a)
    kind = "i32" if a.dtype.kind in "iub" else "f32"
    data = [int(v) if kind == "i32" else number(v) for v in a.ravel()]
    return {"dtype": kind, "shape": list(a.shape), "data": data}


def write(name, cases):
    cases = list(cases)
    rows = ",\n".join(json.dumps(c, sort_keys=True, separators=(",", ":")) for c in cases)
    (OUT / f"{name}.json").write_text(f"[\n{rows}\n]\n")
    print(name, len(cases))


def wave(shape, scale=1.0, shift=0.0, rate=1.7):
    """Numbers without a pattern, the same on every machine."""
    n = int(np.prod(shape))
    v = scale * np.sin(rate * np.arange(1, n + 1) ** 1.3) + shift
    return v.astype("float32").reshape(shape)


def softmax(a):
    e = np.exp(a - a.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def one_hot(labels, n):
    return np.eye(n, dtype="float32")[np.asarray(labels)]


def activation_cases():
    x = np.array([[-30, -3.5, -3, -1, -0.25, -0.0], [0, 1e-3, 0.5, 2.9, 3, 12]], "float32")
    names = [
        "linear", "relu", "leaky_relu", "elu", "selu", "gelu", "sigmoid", "hard_sigmoid", "tanh", "softplus", "softsign",
        "silu", "exponential", "softmax", "log_softmax",
        "celu", "glu", "hard_shrink", "hard_silu", "hard_tanh", "log_sigmoid", "mish", "relu6", "soft_shrink", "sparse_plus", "sparse_sigmoid",
        "sparsemax", "squareplus", "tanh_shrink",
    ]
    functions = {n: activations.get(n) for n in names}
    functions["gelu_approximate"] = lambda v: activations.gelu(v, approximate=True)
    # JAX halves the gradient of a clip where it begins. Keras' sparsemax is one where a single element is left.
    other = {"sparse_sigmoid": np.where(x == -1, -0.9, x).astype("float32"), "sparsemax": np.array([[-30, -3.5, 3, 1, -0.25, -0.0], [0, 1e-3, 0.5, 2.9, 3, 12]], "float32")}
    for name, f in functions.items():
        v = other.get(name, x)
        y, back = jax.vjp(f, jnp.array(v))
        c = wave(y.shape, rate=0.9)
        (g,) = back(jnp.array(c))
        yield {"name": name, "x": tensor(v), "cotangent": tensor(c), "y": tensor(y), "gradient": tensor(g)}


def loss_cases():
    p = softmax(wave((6, 4), 2.0))
    logits = wave((6, 4), 3.0, rate=2.3)
    labels = np.array([0, 3, 1, 1, 2, 0], "int32")
    hot = one_hot(labels, 4)
    prob1 = (1 / (1 + np.exp(-wave((6, 1), 3.0)))).astype("float32")
    bits = np.array([[1], [0], [0], [1], [1], [0]], "float32")
    sure = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.2, 0.3, 0.4, 0.1]], "float32")
    seq, seq_labels = softmax(wave((2, 3, 4), 2.0)), np.array([[0, 3, 1], [1, 2, 0]], "int32")
    w = np.array([1, 3, 0.5, 0, 2, 1], "float32")
    L = losses
    cases = []
    for cls in (L.MeanSquaredError, L.MeanAbsoluteError):
        y = wave((6, 4), rate=0.7)
        for reduction in ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none"):
            cases += [(cls(reduction=reduction), y, logits, weight) for weight in (None, w)]
        cases += [(cls(), y[:, 0], logits[:, :1], None), (cls(), y[:, :1], logits[:, 0], w), (cls(), y.reshape(2, 3, 4), logits.reshape(2, 3, 4), None)]
        cases += [(cls(reduction="mean_with_sample_weight"), y, logits, 0 * w)]
    for smooth in (0.0, 0.1):
        cases += [
            (L.BinaryCrossentropy(label_smoothing=smooth), bits, prob1, w),
            (L.BinaryCrossentropy(label_smoothing=smooth), bits[:, 0], prob1, None),
            (L.BinaryCrossentropy(label_smoothing=smooth, from_logits=True), hot, 10 * logits, w),
            (L.CategoricalCrossentropy(label_smoothing=smooth), hot, p, w),
            (L.CategoricalCrossentropy(label_smoothing=smooth, from_logits=True), hot, logits, None),
        ]
    cases += [
        (L.BinaryCrossentropy(), np.array([[1.0], [0.0], [1.0]], "float32"), np.array([[1.0], [1.0], [0.0]], "float32"), None),
        (L.CategoricalCrossentropy(), one_hot([0, 2, 3], 4), sure, None),
        (L.CategoricalCrossentropy(), hot, (3 * p).astype("float32"), None),
        (L.CategoricalCrossentropy(axis=1), np.moveaxis(one_hot(seq_labels, 4), -1, 1), np.moveaxis(seq, -1, 1), None),
        (L.SparseCategoricalCrossentropy(), labels, p, None),
        (L.SparseCategoricalCrossentropy(), labels[:, None], p, w),
        (L.SparseCategoricalCrossentropy(), np.array([0, 2, 3], "int32"), sure, None),
        (L.SparseCategoricalCrossentropy(), labels, (3 * p).astype("float32"), None),
        (L.SparseCategoricalCrossentropy(from_logits=True), labels, 20 * logits, w),
        (L.SparseCategoricalCrossentropy(), seq_labels, seq, None),
        (L.SparseCategoricalCrossentropy(reduction="sum"), seq_labels[..., None], seq, None),
    ]
    for loss, y_true, y_pred, weight in cases:
        yield loss_row(loss, y_true, y_pred, weight)


def whole(thing):
    """The envelope with arguments that Keras does not write."""
    object = envelope(thing)
    for cls, key, default in (("Huber", "delta", 1.0), ("CosineSimilarity", "axis", -1)):
        if object["class_name"] == cls and thing._fn_kwargs.get(key, default) != default:
            object["config"][key] = thing._fn_kwargs[key]
    return object


def loss_row(loss, y_true, y_pred, weight):
    # As the array that a network gives: NumPy's goes another way in places.
    y_pred = jnp.array(y_pred)
    f = lambda q: jnp.sum(loss(y_true, q, sample_weight=weight))
    return {
        "object": whole(loss), "y_true": tensor(y_true), "y_pred": tensor(y_pred), "weight": None if weight is None else tensor(weight),
        "result": tensor(loss(y_true, y_pred, sample_weight=weight)), "gradient": tensor(jax.grad(f)(y_pred)),
    }


def metric_cases():
    p, q = softmax(wave((6, 7), 2.0)), softmax(wave((4, 7), 2.0, rate=2.9))
    lp, lq = np.array([2, 0, 6, 3, 3, 1], "int32"), np.array([5, 1, 0, 4], "int32")
    seq, seq_labels = softmax(wave((2, 3, 4), 2.0)), np.array([[0, 3, 1], [1, 2, 0]], "int32")
    b1, b2 = wave((6, 1), 0.5, 0.5), wave((4, 1), 0.5, 0.5, rate=3.1)
    t1, t2 = (wave((6, 1), rate=0.3) > 0).astype("float32"), (wave((4, 1), rate=0.4) > 0).astype("float32")
    w1, w2 = np.array([1, 3, 0.5, 0, 2, 1], "float32"), np.array([1, 0, 4, 0.25], "float32")
    n1, n2, m1, m2 = wave((6, 2), 2), wave((4, 2), 3, 1), wave((6, 2), 2, 0.1, 1.75), wave((4, 2), 3, 1, 1.8)
    M = metrics
    hot = [(one_hot(lp, 7), p, w1), (one_hot(lq, 7), q, w2)]
    sparse = [(lp, p, w1), (lq, q, w2)]
    column = [(lp[:, None], p, w1), (lq[:, None], q, w2)]
    binary = [(t1, b1, w1), (t2, b2, w2)]
    flat = [(t1[:, 0], b1, w1), (t2[:, 0], b2, w2)]
    numbers = [(n1, m1, w1), (n2, m2, w2)]
    sequence = [(seq_labels, seq, np.array([1, 3], "float32"))]
    exact = [(lp.astype("float32")[:, None], np.array([[2], [0], [5], [3], [2], [1]], "float32"), w1)]
    nan = [(np.array([0, 1], "int32"), np.array([[np.nan, 0.1, 0.2], [0.3, 0.2, 0.1]], "float32"), np.array([1, 2], "float32"))]
    cases = [
        (M.Accuracy(), exact), (M.BinaryAccuracy(), binary), (M.BinaryAccuracy(threshold=0.3), flat),
        (M.CategoricalAccuracy(), hot), (M.SparseCategoricalAccuracy(), sparse), (M.SparseCategoricalAccuracy(), column),
        (M.SparseCategoricalAccuracy(), sequence), (M.TopKCategoricalAccuracy(), hot), (M.TopKCategoricalAccuracy(k=2), hot),
        (M.SparseTopKCategoricalAccuracy(), sparse), (M.SparseTopKCategoricalAccuracy(k=3), column), (M.SparseTopKCategoricalAccuracy(k=2), sequence),
        (M.Precision(), binary), (M.Precision(thresholds=0.7), flat), (M.Precision(), hot), (M.Recall(), binary), (M.Recall(thresholds=[0.25]), hot),
        (M.MeanSquaredError(), numbers), (M.MeanAbsoluteError(), numbers), (M.RootMeanSquaredError(), numbers), (M.MeanSquaredError(), flat),
        (M.R2Score(), numbers), (M.R2Score(class_aggregation="variance_weighted_average"), numbers), (M.R2Score(num_regressors=3), numbers),
        (M.R2Score(), flat), (M.BinaryCrossentropy(label_smoothing=0.1), binary), (M.BinaryCrossentropy(from_logits=True), binary),
        (M.CategoricalCrossentropy(), hot), (M.CategoricalCrossentropy(label_smoothing=0.2), hot),
        (M.SparseCategoricalCrossentropy(), sparse), (M.SparseCategoricalCrossentropy(from_logits=True), sequence),
    ]
    for metric, batches in cases + [(M.SparseTopKCategoricalAccuracy(k=3), nan)]:
        yield metric_row(metric, batches)


def metric_row(metric, batches):
    row = {"object": whole(metric), "batches": []}
    for y_true, y_pred, w in batches:
        clean = [None if np.isnan(v) else v for v in np.asarray(y_pred, "float64").ravel()]
        shown = tensor(np.nan_to_num(y_pred))
        shown["data"] = [None if c is None else d for c, d in zip(clean, shown["data"])]
        row["batches"].append({"y_true": tensor(y_true), "y_pred": shown, "weight": None if w is None else tensor(w)})
    for key, weighted in (("plain", False), ("weighted", batches[0][2] is not None)):
        metric.reset_state()
        for y_true, y_pred, w in batches:
            metric.update_state(y_true, jnp.array(y_pred), sample_weight=w if weighted else None)
        result = np.asarray(metric.result())
        row[key] = [number(v) for v in result] if result.ndim else number(result)
    return row


def accuracy_cases():
    from keras.src.trainers.compile_utils import get_metric

    shapes = [((8, 1), (8, 1)), ((8,), (8, 1)), ((8,), (8, 3)), ((8, 1), (8, 3)), ((8, 3), (8, 3)), ((8, 5), (8, 5, 3)), ((8, 5, 3), (8, 5, 3)), ((8, 5, 1), (8, 5, 3))]
    for t, p in shapes:
        m = get_metric("accuracy", np.zeros(t), np.zeros(p))
        yield {"y_true": t, "y_pred": p, "class": type(m).__name__, "name": m.name}


def regularizer_cases():
    w = wave((3, 4))
    R = regularizers  # no weight is 0, where JAX has 1 for the derivative of |w| and we have 0
    for r in (R.L1(), R.L1(0.3), R.L2(), R.L2(0.25), R.L1L2(0.1, 0.2), R.L1L2(l1=0.5)):
        yield {"object": envelope(r), "w": tensor(w), "penalty": number(r(w)), "gradient": tensor(jax.grad(r)(jnp.array(w)))}
    for name in ("l1", "l2"):
        yield {"object": name, "w": tensor(w), "penalty": number(R.get(name)(w)), "gradient": tensor(jax.grad(R.get(name))(jnp.array(w)))}


def schedule_cases():
    S = optimizers.schedules
    steps = [i * i * 37 + i for i in range(40)]
    for cls in (S.ExponentialDecay, S.InverseTimeDecay):
        for args in (dict(initial_learning_rate=0.1, decay_steps=1000, decay_rate=0.96), dict(initial_learning_rate=0.02, decay_steps=777, decay_rate=0.5)):
            for staircase in (False, True):
                s = cls(**args, staircase=staircase)
                yield {"object": envelope(s), "steps": steps, "rates": [number(s(i)) for i in steps]}


def optimizer_cases():
    O = optimizers
    S = O.schedules
    fixture = [np.array([[1, 2], [3, 4]], "float32")]
    constant = [[np.array([[0.5, -0.25], [0.125, 1]], "float32")]] * 3
    two = [wave((3, 2)), wave((4,), 0.5)]
    changing = [[wave((3, 2), 1.5, rate=1.1 + 0.1 * i), wave((4,), 0.8, 0.2, rate=0.6 + 0.2 * i)] for i in range(12)]
    changing[5] = [0 * g for g in changing[5]]
    cases = [(o, fixture, constant) for o in (O.SGD(), O.Adam(), O.AdamW(), O.RMSprop())]
    cases += [
        (o, two, changing)
        for o in (
            O.SGD(0.1), O.SGD(0.1, momentum=0.9), O.SGD(0.1, momentum=0.9, nesterov=True), O.SGD(0.1, weight_decay=0.01), O.SGD(0.1, clipnorm=0.5),
            O.SGD(0.1, clipvalue=0.3), O.SGD(0.1, global_clipnorm=0.7), O.SGD(0.1, gradient_accumulation_steps=3),
            O.SGD(S.ExponentialDecay(0.1, 4, 0.5)), O.SGD(S.InverseTimeDecay(0.1, 4, 0.5, staircase=True), momentum=0.5),
            O.Adam(0.01), O.Adam(0.01, beta_1=0.5, beta_2=0.9), O.Adam(0.01, epsilon=1e-2), O.Adam(0.01, amsgrad=True, beta_2=0.5),
            O.Adam(0.01, weight_decay=0.1), O.Adam(0.01, clipnorm=1.0), O.Adam(0.01, gradient_accumulation_steps=4), O.Adam(S.ExponentialDecay(0.01, 5, 0.9)),
            O.AdamW(0.01), O.AdamW(0.01, weight_decay=0.2, amsgrad=True), O.RMSprop(0.01), O.RMSprop(0.01, rho=0.5), O.RMSprop(0.01, momentum=0.9),
            O.RMSprop(0.01, centered=True), O.RMSprop(0.01, momentum=0.5, centered=True, epsilon=1e-3), O.RMSprop(0.01, global_clipnorm=1.0),
        )
    ]
    for optimizer, start, gradients in cases:
        weights = [keras.Variable(w) for w in start]
        optimizer.build(weights)
        row = {"object": envelope(optimizer), "start": [tensor(w) for w in start], "gradients": [[tensor(g) for g in gs] for gs in gradients], "weights": []}
        for gs in gradients:
            optimizer.apply([jnp.array(g) for g in gs])
            row["weights"].append([tensor(w.value) for w in weights])
        # without iteration, learning rate and accumulators: the slots in the file's order
        kept = [v for v in optimizer.variables if not any(n in v.name for n in ("iteration", "learning_rate", "gradient_accumulator"))]
        row["slots"] = [{"name": v.name, **tensor(v.value)} for v in kept]
        yield row


def layer_cases():
    x2, x3, x4 = wave((3, 4)), wave((2, 3, 4)), wave((2, 3, 2, 4))
    data = wave((5, 3, 4), 2.0, 1.0)
    adapted, adapted_all, adapted_two = layers.Normalization(), layers.Normalization(axis=None), layers.Normalization(axis=(1, 2), invert=True)
    for n in (adapted, adapted_all, adapted_two):
        n.adapt(data)
    cases = [
        (layers.Dense(5), x2, None), (layers.Dense(5, activation="relu"), x3, None), (layers.Dense(2, activation="softmax", use_bias=False), x4, None),
        (layers.Activation("gelu"), x3, None), (layers.Flatten(), x4, None), (layers.Flatten(data_format="channels_first"), x4, None), (layers.Flatten(), x2[:, 0], None),
        (layers.Reshape((4, -1)), x3, None), (layers.Reshape((12,)), x3, None), (layers.Reshape((2, 3, 2)), x3, None), (layers.Reshape((-1,)), x4, None),
        (layers.Rescaling(1 / 255.0), x2, None), (layers.Rescaling(2.0, offset=-1.0), x2, None), (layers.Dropout(0.5), x2, None),
        (adapted, x3, data), (adapted_all, x3, data), (adapted_two, x3, data),
        (layers.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 4.0, 0.0, 0.25]), x3, None),
        (layers.Normalization(axis=None, mean=0.5, variance=2.0), x2, None),
        (layers.Normalization(axis=(1, 2), mean=wave((3, 4)).tolist(), variance=wave((3, 4), 0.5, 1.0).tolist()), x3, None),
    ]
    for layer, x, data in cases:
        if not layer.built:
            layer.build(x.shape)
        values = [np.asarray(v) for v in layer.get_weights()]
        if data is None:
            values = [wave(v.shape, 0.8, rate=1.3) if v.ndim else v for v in values]
            layer.set_weights(values)
        c = wave(tuple(layer(x).shape), rate=0.9)
        train = [v.value for v in layer.trainable_variables]
        rest = [v.value for v in layer.non_trainable_variables]
        f = lambda t, q: jnp.sum(layer.stateless_call(t, rest, q)[0] * c)
        dt, dx = jax.grad(f, argnums=(0, 1))(train, jnp.array(x))
        yield {
            "object": envelope(layer), "x": tensor(x), "data": None if data is None else tensor(data), "weights": [{"name": v.name, **tensor(v.value)} for v in layer.weights],
            "cotangent": tensor(c), "y": tensor(layer(x)), "gradient": tensor(dx), "weight_gradients": [tensor(g) for g in dt],
        }


def image_layers():
    K = layers
    return (
        K.Resizing(3, 4), K.Resizing(30, 20, interpolation="bicubic", pad_to_aspect_ratio=True, fill_value=3.0), K.Resizing(3, 4, "nearest", crop_to_aspect_ratio=True),
        K.CenterCrop(3, 4), K.CenterCrop(3, 4, data_format="channels_first"), K.Solarization(), K.Solarization(0.3, (0.1, 0.5), value_range=(0, 1), seed=5),
        K.RandomFlip(), K.RandomFlip("vertical", seed=1), K.RandomRotation(0.1), K.RandomRotation((-0.2, 0.3), fill_mode="constant", fill_value=2.0, interpolation="nearest", seed=3),
        K.RandomZoom(0.2), K.RandomZoom((-0.3, 0.1), 0.4, fill_mode="wrap"), K.RandomTranslation(0.1, (-0.2, 0.3)), K.RandomTranslation(0.5, 0.25, fill_mode="nearest"),
        K.RandomShear((0.0, 0.2), (0.1, 0.3)), K.RandomCrop(3, 4, seed=1), K.RandomContrast(0.2), K.RandomContrast((0.1, 0.4), value_range=(0, 1)), K.RandomBrightness(0.2),
        K.RandomBrightness((-0.1, 0.4)), K.RandomHue(0.2), K.RandomHue((0.1, 0.2), value_range=(0, 1)), K.RandomSaturation(0.3), K.RandomSaturation((0.4, 0.6), seed=2),
        K.RandomGrayscale(), K.RandomGrayscale(0.2), K.RandomErasing(), K.RandomErasing(0.3, scale=(0.1, 0.2), fill_value=5.0), K.RandomErasing(fill_value=(1.0, 2.0, 3.0)),
        K.RandomGaussianBlur(), K.RandomGaussianBlur(0.5, kernel_size=(3, 5), sigma=(0.2, 0.8), seed=9), K.MixUp(), K.MixUp(0.4, seed=2), K.CutMix(), K.CutMix((0.2, 0.9)),
        K.Resizing(3, 4, antialias=True), K.AutoContrast(), K.AutoContrast(value_range=(0, 1), data_format="channels_first"), K.Equalization(), K.Equalization((0, 1), bins=64),
        K.RandomPosterization(4), K.RandomPosterization((2, 5), value_range=(0, 1), seed=1), K.RandomSharpness(0.3), K.RandomSharpness((0.2, 0.9), value_range=(0, 1), seed=4),
        K.RandomColorDegeneration(0.3), K.RandomColorDegeneration((0.1, 0.5), seed=2), K.RandomColorJitter(), K.RandomInvert(), K.RandomInvert((0.2, 0.4), value_range=(0, 1), seed=3),
        K.RandomColorJitter(value_range=(0, 1), brightness_factor=0.2, contrast_factor=(0.1, 0.3), saturation_factor=(0.4, 0.6), hue_factor=0.1, seed=5),
        K.RandAugment(), K.RandAugment(value_range=(0, 1), num_ops=3, factor=0.3, interpolation="nearest", seed=6), K.RandAugment(factor=(0.1, 0.4), data_format="channels_first"),
        K.RandomPerspective(), K.RandomPerspective(0.4, scale=0.5, interpolation="nearest", fill_value=2.0, seed=3), K.RandomElasticTransform(),
        K.RandomElasticTransform((0.2, 0.7), scale=0.3, interpolation="nearest", fill_mode="mirror", fill_value=1.0, value_range=(0, 1), seed=4), K.AugMix(),
        K.AugMix(value_range=(0, 1), num_chains=2, chain_depth=4, factor=(0.1, 0.2), alpha=0.5, all_ops=False, interpolation="nearest", seed=7),
        K.ContrastLimitedAdaptiveHistogramEqualization(), K.ContrastLimitedAdaptiveHistogramEqualization((0, 1), clip_limit=2.5, tile_grid_size=(4, 6)),
    )


def config_cases():
    I, R, L, M, O = initializers, regularizers, losses, metrics, optimizers
    S = O.schedules
    yield from (envelope(o) for o in (
        layers.InputLayer(shape=(4,)), layers.InputLayer(batch_shape=(8, None, 3), name="in"), layers.InputLayer(shape=(2,), dtype="int32"),
        layers.Dense(3), layers.Dense(3, activation="relu", use_bias=False, kernel_initializer="he_normal", bias_initializer="ones", kernel_regularizer="l2",
            bias_regularizer=R.L1L2(0.1, 0.2), name="hidden", trainable=False),
        layers.Dense(2, kernel_initializer=I.VarianceScaling(2.0, "fan_avg", "uniform", seed=4)), layers.Dense(2, kernel_initializer=I.Orthogonal(gain=0.5)),
        layers.Activation("gelu"), layers.Dropout(0.3), layers.Dropout(0.25, noise_shape=(None, 1), seed=3), layers.Flatten(), layers.Flatten("channels_first"),
        layers.Reshape((2, -1)), layers.Rescaling(1 / 255.0), layers.Rescaling(2.0, -1.0), layers.Normalization(), layers.Normalization(axis=None),
        layers.Normalization(axis=(1, 2), invert=True), layers.Normalization(axis=None, mean=1.0, variance=2.0), layers.Normalization(mean=[1.0, 2.0], variance=[3.0, 4.0]),
        *image_layers(),
        I.Zeros(), I.Ones(), I.Constant(0.5), I.RandomNormal(), I.RandomUniform(seed=1), I.TruncatedNormal(mean=1.0), I.VarianceScaling(),
        I.VarianceScaling(0.5, "fan_out", "untruncated_normal"), I.GlorotUniform(), I.GlorotNormal(), I.HeUniform(), I.HeNormal(seed=9), I.LecunUniform(), I.LecunNormal(), I.Orthogonal(),
        R.L1(), R.L2(), R.L1L2(), R.L1L2(0.1, 0.2),
        L.MeanSquaredError(), L.MeanAbsoluteError(reduction="sum", name="mine"), L.BinaryCrossentropy(), L.BinaryCrossentropy(from_logits=True, label_smoothing=0.1, reduction="mean"),
        L.CategoricalCrossentropy(), L.CategoricalCrossentropy(axis=1, reduction="none"), L.SparseCategoricalCrossentropy(), L.SparseCategoricalCrossentropy(from_logits=True),
        M.Accuracy(), M.BinaryAccuracy(), M.BinaryAccuracy(threshold=0.3, name="b"), M.CategoricalAccuracy(), M.SparseCategoricalAccuracy(), M.TopKCategoricalAccuracy(),
        M.SparseTopKCategoricalAccuracy(k=3), M.Precision(), M.Precision(thresholds=0.7), M.Recall(), M.Recall(thresholds=[0.2]), M.MeanSquaredError(), M.MeanAbsoluteError(),
        M.RootMeanSquaredError(), M.R2Score(), M.R2Score(class_aggregation="variance_weighted_average", num_regressors=2), M.BinaryCrossentropy(), M.CategoricalCrossentropy(),
        M.SparseCategoricalCrossentropy(from_logits=True),
        S.ExponentialDecay(0.1, 1000, 0.96), S.InverseTimeDecay(0.1, 1000, 0.5, staircase=True, name="slow"),
        O.SGD(), O.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0), O.SGD(S.ExponentialDecay(0.1, 1000, 0.96), name="mine"), O.RMSprop(), O.RMSprop(rho=0.8, momentum=0.1, centered=True),
        O.Adam(), O.Adam(0.01, beta_1=0.8, amsgrad=True, global_clipnorm=2.0, gradient_accumulation_steps=4), O.AdamW(), O.AdamW(weight_decay=0.1, clipvalue=0.5),
    ))


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(1)
    write("configs", config_cases())
    write("activations", activation_cases())
    write("losses", loss_cases())
    write("metrics", metric_cases())
    write("accuracy", accuracy_cases())
    write("regularizers", regularizer_cases())
    write("schedules", schedule_cases())
    write("optimizers", optimizer_cases())
    write("layers", layer_cases())
