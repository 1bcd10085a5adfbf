"""Goldens of losses and metrics beyond the first few from real Keras: configurations, values, gradients, sums over batches, training.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/losses.py

writes loss_configs.json, loss_values.json, metric_values.json and loss_training.json in crates/nn/tests/goldens. Everything is a fixed function of
nothing, so a second run changes no byte.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import json

import keras
import numpy as np
from catalogue import envelope, loss_row, metric_row, number, one_hot, softmax, tensor, wave, write
from images import file_paths
from keras import layers, losses, metrics, optimizers

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


def probabilities(a):
    return (1 / (1 + np.exp(-a))).astype("float32")


def config_cases():
    L, M = losses, metrics
    yield from (
        L.BinaryFocalCrossentropy(), L.BinaryFocalCrossentropy(True, 0.3, 1.5, True, 0.1, 1, "sum", "mine"), L.CategoricalFocalCrossentropy(),
        L.CategoricalFocalCrossentropy(0.5, 3.0, True, 0.2, 1), L.CategoricalFocalCrossentropy(alpha=[0.1, 0.2, 0.7]), L.CategoricalGeneralizedCrossEntropy(),
        L.CategoricalGeneralizedCrossEntropy(0.7, reduction="mean"), L.CategoricalHinge(), L.Hinge(), L.SquaredHinge(reduction="none"), L.Huber(), L.LogCosh(),
        L.MeanAbsolutePercentageError(), L.MeanSquaredLogarithmicError(name="mine"), L.CosineSimilarity(), L.KLDivergence(), L.Poisson(), L.CTC(), L.Circle(),
        L.Circle(40.0, 0.2, False), L.Dice(), L.Dice(axis=(1, 2)), L.Dice(axis=1), L.Tversky(), L.Tversky(0.3, 0.7, axis=(1, 2, 3)),
        L.SparseCategoricalCrossentropy(ignore_class=-1),
        M.AUC(), M.AUC(50, "PR", "majoring", name="mine"), M.AUC(curve="PRGAIN", summation_method="minoring", from_logits=True),
        M.AUC(thresholds=[0.5, 0.25, 0.1]), M.AUC(multi_label=True, num_labels=3), M.F1Score(), M.F1Score("macro", 0.25), M.FBetaScore(), M.FBetaScore("weighted", 2.0, 0.5),
        M.PrecisionAtRecall(0.5), M.RecallAtPrecision(0.25, 50), M.SensitivityAtSpecificity(0.75, class_id=1), M.SpecificityAtSensitivity(0.5, name="mine"),
        M.TruePositives(), M.TruePositives([0.25, 0.5]), M.TrueNegatives(), M.FalsePositives(0.3), M.FalseNegatives(), M.Precision([0.1, 0.2], 3), M.Recall(class_id=2, top_k=2),
        M.KLDivergence(), M.Poisson(), M.MeanAbsolutePercentageError(), M.MeanSquaredLogarithmicError(), M.CosineSimilarity(), M.LogCoshError(),
        M.PearsonCorrelation(), M.PearsonCorrelation(axis=0), M.ConcordanceCorrelation(), M.Hinge(), M.SquaredHinge(), M.CategoricalHinge(),
        M.IoU(3, [0, 2]), M.IoU(3, [1], ignore_class=0, sparse_y_true=False, sparse_y_pred=False, axis=1, dtype="float32"), M.BinaryIoU(), M.BinaryIoU([1], 0.3),
        M.MeanIoU(3), M.MeanIoU(3, ignore_class=2, sparse_y_pred=False), M.OneHotIoU(3, [1]), M.OneHotIoU(3, [0, 1], sparse_y_pred=True), M.OneHotMeanIoU(3),
        M.Mean(), M.Sum(name="mine"), M.MeanMetricWrapper(L.mean_absolute_error), M.MeanMetricWrapper(L.binary_focal_crossentropy, "focal", gamma=3.0, alpha=0.25,
        apply_class_balancing=False, from_logits=False, label_smoothing=0.0, axis=-1), M.MeanMetricWrapper(L.huber, "huber", delta=2.0), M.MeanMetricWrapper(L.Poisson(), "whole"),
        M.R2Score(class_aggregation=None), M.SparseCategoricalCrossentropy(ignore_class=0),
    )


def loss_cases():
    L = losses
    n, m = wave((6, 4), 2.0, rate=0.7), wave((6, 4), 3.0, rate=2.3)
    p, q = softmax(wave((6, 4), 2.0)), softmax(wave((6, 4), 1.5, rate=2.9))
    labels = np.array([0, 3, 1, 1, 2, 0], "int32")
    hot = one_hot(labels, 4)
    bits = (wave((6, 4), rate=0.3) > 0).astype("float32")
    chance = probabilities(m)
    positive = np.abs(n) + 0.1
    w = np.array([1, 3, 0.5, 0, 2, 1], "float32")
    seq, seq_labels = softmax(wave((2, 3, 4), 2.0)), np.array([[0, 3, 1], [1, 2, 0]], "int32")
    seq_w = np.repeat(np.array([[1], [3]], "float32"), 3, 1)  # Keras broadcasts weights (B) along the last axis
    numbers = ((L.LogCosh, n, m), (L.Huber, n, m), (L.MeanAbsolutePercentageError, n, m), (L.MeanSquaredLogarithmicError, positive, np.abs(m)),
               (L.Hinge, bits, m), (L.SquaredHinge, bits, m), (L.CategoricalHinge, hot, p), (L.KLDivergence, p, q), (L.Poisson, positive, np.abs(m) + 0.05),
               (L.CosineSimilarity, n, m), (L.BinaryFocalCrossentropy, bits, chance), (L.CategoricalFocalCrossentropy, hot, p))
    for cls, t, y in numbers:
        for reduction in REDUCTIONS:
            for weight in (None, w):
                yield cls(reduction=reduction), t, y, weight
        yield cls(), t.reshape(2, 3, 4), y.reshape(2, 3, 4), seq_w
    for cls, t, y in numbers[:6]:
        yield cls(), t[:, 0], y[:, :1], w
    yield L.MeanAbsolutePercentageError(), np.array([[0.0, 1.0]], "float32"), np.array([[1e-6, 3.0]], "float32"), None
    yield L.MeanSquaredLogarithmicError(), np.array([[-3.0, 1.0]], "float32"), np.array([[-0.5, 3.0]], "float32"), None
    yield L.LogCosh(), n, 40 * m, None
    yield L.Huber(0.25), n, m, w
    yield L.Huber(3.0), n, m, None
    yield L.Hinge(), 2 * bits - 1, m, w
    yield L.Hinge(), n, m, None
    yield L.SquaredHinge(), np.where(bits == 0, 0.5, bits).astype("float32"), m, None
    yield L.KLDivergence(), hot, p, w
    yield L.Poisson(), np.array([[0.0, 3.0]], "float32"), np.array([[0.5, 2.0]], "float32"), None
    for axis in (0, 1, -2):
        yield L.CosineSimilarity(axis=axis), n.reshape(2, 3, 4), m.reshape(2, 3, 4), None
    yield L.CosineSimilarity(), np.zeros((2, 3), "float32"), wave((2, 3)), None
    for smooth in (0.0, 0.1):
        for logits in (False, True):
            for gamma in (0.0, 1.0, 2.0, 3.5):
                args = dict(label_smoothing=smooth, from_logits=logits, gamma=gamma)
                yield L.BinaryFocalCrossentropy(**args), bits, m if logits else chance, w
                yield L.BinaryFocalCrossentropy(True, 0.3, **args), bits, m if logits else chance, None
                yield L.CategoricalFocalCrossentropy(0.5, **args), hot, m if logits else p, w
    yield L.CategoricalFocalCrossentropy(), hot, (3 * p).astype("float32"), None
    yield L.CategoricalFocalCrossentropy(alpha=[0.1, 0.2, 0.3, 0.4]), hot, p, w
    yield L.CategoricalFocalCrossentropy(axis=1), np.moveaxis(one_hot(seq_labels, 4), -1, 1), np.moveaxis(seq, -1, 1), None
    yield L.BinaryFocalCrossentropy(axis=0), bits, chance, None
    for q_ in (0.1, 0.5, 0.9):
        for reduction in REDUCTIONS:
            yield L.CategoricalGeneralizedCrossEntropy(q_, reduction=reduction), labels, p, w
    yield L.CategoricalGeneralizedCrossEntropy(), seq_labels, seq, None
    masks, found = (wave((2, 4, 3, 2), rate=0.3) > 0).astype("float32"), probabilities(wave((2, 4, 3, 2), 2.0))
    for axis in (None, 1, (1, 2), (1, 2, 3), -1):
        for reduction in ("sum_over_batch_size", "sum", "none"):
            yield L.Dice(reduction=reduction, axis=axis), masks, found, None
            yield L.Tversky(0.3, 0.7, reduction=reduction, axis=axis), masks, found, None
    for loss in (L.Dice(axis=(1, 2, 3)), L.Tversky(axis=(1, 2, 3)), L.Dice(), L.Tversky(0.2, 0.9)):
        yield loss, masks, found, np.array([1, 3], "float32")
    unit = wave((7, 3), 1.0, rate=1.1)
    unit = (unit / np.linalg.norm(unit, axis=-1, keepdims=True)).astype("float32")
    who = np.array([0, 1, 0, 9, 1, 0, -2], "int32")
    for reduction in REDUCTIONS:
        for weight in (None, np.array([1, 3, 0.5, 0, 2, 1, 4], "float32")):
            yield L.Circle(reduction=reduction), who, unit, weight
    yield L.Circle(gamma=10.0, margin=0.2), who[:, None], unit, None
    yield L.Circle(gamma=4.0, remove_diagonal=False), who, (0.8 * unit).astype("float32"), None
    yield L.Circle(), np.arange(7, dtype="int32"), unit, None
    said = wave((3, 7, 5), 2.0, rate=1.9)
    words = np.array([[1, 2, 2, 4], [3, 0, 0, 0], [4, 4, 1, 0]], "int32")
    for reduction in REDUCTIONS:
        for weight in (None, np.array([1, 3, 0.5], "float32")):
            yield L.CTC(reduction=reduction), words, said, weight
    yield L.CTC(), words[:, :1], said, None
    yield L.CTC(), np.array([[0, 0], [1, 1], [1, 2]], "int32"), said[:, :3], None
    for ignored in (0, 3, -1):
        known = np.where(labels == 2, ignored, labels).astype("int32")
        for reduction in REDUCTIONS:
            yield L.SparseCategoricalCrossentropy(ignore_class=ignored, reduction=reduction), known, p, w
        yield L.SparseCategoricalCrossentropy(ignore_class=ignored, from_logits=True), known[:, None], m, None
    yield L.SparseCategoricalCrossentropy(ignore_class=1), seq_labels, seq, None


def metric_cases():
    M, L = metrics, losses
    p, q = softmax(wave((6, 5), 2.0)), softmax(wave((4, 5), 2.0, rate=2.9))
    lp, lq = np.array([2, 0, 4, 3, 3, 1], "int32"), np.array([0, 1, 0, 4], "int32")
    w1, w2 = np.array([1, 3, 0.5, 0, 2, 1], "float32"), np.array([1, 0, 4, 0.25], "float32")
    b1, b2 = wave((6, 1), 0.5, 0.5), wave((4, 1), 0.5, 0.5, rate=3.1)
    b1[2], b1[3], b2[0] = 0, 1, 0.5
    t1, t2 = (wave((6, 1), rate=0.3) > 0).astype("float32"), (wave((4, 1), rate=0.4) > 0).astype("float32")
    n1, n2, m1, m2 = wave((6, 3), 2), wave((4, 3), 3, 1), wave((6, 3), 2, 0.1, 1.75), wave((4, 3), 3, 1, 1.8)
    hot = [(one_hot(lp, 5), p, w1), (one_hot(lq, 5), q, w2)]
    binary = [(t1, b1, w1), (t2, b2, w2)]
    flat = [(t1[:, 0], b1, w1), (t2[:, 0], b2, w2)]
    numbers = [(n1, m1, w1), (n2, m2, w2)]
    counts = [(np.abs(n1), np.abs(m1) + 0.05, w1), (np.abs(n2), np.abs(m2) + 0.05, w2)]
    bits = [((n1 > 0).astype("float32"), m1, w1), ((n2 > 0).astype("float32"), m2, w2)]
    chances = [(t, probabilities(y), w) for t, y, w in bits]
    many = [((wave((40, 1), rate=0.37) > 0.2).astype("float32"), probabilities(wave((40, 1), 2.0, rate=2.3)), np.abs(wave((40,), 2.0, rate=0.9))) for _ in range(1)]
    for data in (binary, flat, hot, chances, many):
        for cls in (M.TruePositives, M.TrueNegatives, M.FalsePositives, M.FalseNegatives, M.Precision, M.Recall):
            yield cls(), data
        yield M.AUC(), data
    for cls in (M.TruePositives, M.TrueNegatives, M.FalsePositives, M.FalseNegatives, M.Precision, M.Recall):
        for thresholds in (0.25, [0.7, 0.2], [0.0, 0.5, 1.0], [0.0, 0.25, 0.5, 0.75, 1.0], [0.9, 0.1, 0.6, 0.3]):
            yield cls(thresholds), binary
            yield cls(thresholds), hot
    for cls in (M.Precision, M.Recall):
        for args in (dict(top_k=1), dict(top_k=3), dict(top_k=2, thresholds=0.2), dict(class_id=1), dict(class_id=4, thresholds=[0.1, 0.3]), dict(class_id=0, top_k=2)):
            yield cls(**args), hot
    for number_ in (1, 3, 50, 200):
        for class_id in (None, 3):
            yield M.PrecisionAtRecall(0.4, number_, class_id), hot
            yield M.RecallAtPrecision(0.4, number_, class_id), hot
            yield M.SensitivityAtSpecificity(0.6, number_, class_id), hot
            yield M.SpecificityAtSensitivity(0.6, number_, class_id), hot
    for cls in (M.PrecisionAtRecall, M.RecallAtPrecision, M.SensitivityAtSpecificity, M.SpecificityAtSensitivity):
        for least in (0.0, 0.3, 2 / 3, 1.0):
            yield cls(least), many
            yield cls(least), binary
    for curve in ("ROC", "PR", "PRGAIN"):
        for method in ("interpolation", "majoring", "minoring"):
            yield M.AUC(curve=curve, summation_method=method), many
            yield M.AUC(20, curve, method), binary
            yield M.AUC(curve=curve, summation_method=method, thresholds=[0.7, 0.2, 0.35]), many
            yield M.AUC(curve=curve, summation_method=method, thresholds=[0.25, 0.5, 0.75]), many
            yield M.AUC(30, curve, method, multi_label=True), chances
            yield M.AUC(curve=curve, summation_method=method, multi_label=True, thresholds=[0.2, 0.6]), chances
    yield M.AUC(2), binary
    yield M.AUC(from_logits=True), bits
    yield M.AUC(multi_label=True, num_labels=3, from_logits=True), bits
    for average in (None, "micro", "macro", "weighted"):
        yield M.F1Score(average), hot
        yield M.F1Score(average, 0.25), hot
        yield M.FBetaScore(average, 2.0), hot
        yield M.FBetaScore(average, 0.5, 0.3), chances
    yield M.F1Score(), [(one_hot([0, 1], 3), np.zeros((2, 3), "float32"), np.array([1, 2], "float32"))]
    for cls in (M.MeanAbsolutePercentageError, M.LogCoshError, M.CosineSimilarity, M.PearsonCorrelation, M.ConcordanceCorrelation):
        yield cls(), numbers
    for cls in (M.CosineSimilarity, M.PearsonCorrelation, M.ConcordanceCorrelation):
        yield cls(axis=0), [(n1, m1, np.array([1, 3, 0.5], "float32"))]
    for cls in (M.MeanSquaredLogarithmicError, M.Poisson):
        yield cls(), counts
    for cls in (M.Hinge, M.SquaredHinge, M.CategoricalHinge):
        yield cls(), bits
    yield M.KLDivergence(), hot
    yield M.KLDivergence(), [(softmax(n1), softmax(m1), w1), (softmax(n2), softmax(m2), w2)]
    yield M.R2Score(class_aggregation=None), numbers
    classes = [(lp, np.array([2, 1, 4, 4, 3, 7], "int32"), w1), (np.array([0, 9, -1, 4], "int32"), lq, w2)]
    whole = [(t, y, np.round(4 * w).astype("float32")) for t, y, w in classes]
    for data in (classes, whole):
        for dtype in (None, "float32"):
            yield M.IoU(5, [0, 2], dtype=dtype), data
            yield M.IoU(5, [3, 4], ignore_class=2, dtype=dtype), data
            yield M.MeanIoU(5, dtype=dtype), data
            yield M.MeanIoU(5, ignore_class=4, dtype=dtype), data
    guesses = [(lp, p, w1), (lq, q, w2)]
    yield M.IoU(5, [0, 3], sparse_y_pred=False), guesses
    yield M.MeanIoU(5, sparse_y_pred=False), guesses
    yield M.IoU(5, [0, 3], sparse_y_true=False, sparse_y_pred=False, dtype="float32"), hot
    yield M.OneHotIoU(5, [0, 3]), hot
    yield M.OneHotMeanIoU(5, dtype="float32"), hot
    yield M.OneHotMeanIoU(5, ignore_class=0), hot
    yield M.OneHotMeanIoU(5, sparse_y_pred=True), [(one_hot(lp, 5), np.array([2, 1, 4, 4, 3, 0], "int32"), w1)]
    for data in (binary, many):
        yield M.BinaryIoU(dtype="float32"), [(t[:, 0], y[:, 0], w) for t, y, w in data]
        yield M.BinaryIoU([1], 0.3), [(t[:, 0], y[:, 0], w) for t, y, w in data]
    pictures = [(one_hot(np.abs(wave((2, 3, 4), 3)).astype("int32") % 3, 3), softmax(wave((2, 3, 4, 3), 2.0)), np.ones((2, 3, 4), "float32"))]
    yield M.OneHotMeanIoU(3), pictures
    for loss, args, data in ((L.mean_absolute_error, {}, numbers), (L.huber, dict(delta=0.5), numbers), (L.binary_crossentropy, dict(from_logits=True), bits),
                             (L.categorical_focal_crossentropy, dict(gamma=3.0), hot), (L.dice, {}, chances), (L.tversky, dict(alpha=0.3, axis=1), chances)):
        # Keras cannot weigh one value of a whole batch.
        yield M.MeanMetricWrapper(loss, **args), unweighted(data) if loss is L.dice else data
    for loss, data in ((L.MeanSquaredError(), numbers), (L.BinaryCrossentropy(label_smoothing=0.1), chances), (L.Dice(), chances), (L.LogCosh(reduction="sum"), numbers)):
        yield M.MeanMetricWrapper(loss), unweighted(data)
    for ignored in (0, 3, -1):
        yield M.SparseCategoricalCrossentropy(ignore_class=ignored), guesses


def unweighted(data):
    return [(t, y, None) for t, y, _ in data]


def value_cases():
    """Means and sums of predictions alone."""
    for cls in (metrics.Mean, metrics.Sum):
        for shape in ((6,), (6, 3), (2, 3, 4)):
            a, b = wave(shape, 2.0, 0.5), wave(shape, 1.0, rate=0.6)
            w = np.abs(wave(shape[:1], 2.0, rate=1.1))
            row = {"object": envelope(cls()), "batches": [{"y_true": tensor(0 * v), "y_pred": tensor(v), "weight": tensor(w)} for v in (a, b)]}
            for key, weighted in (("plain", False), ("weighted", True)):
                metric = cls()
                for v in (a, b):
                    metric.update_state(v, sample_weight=w if weighted else None)
                row[key] = number(metric.result())
            yield row


BATCH, STEPS = 6, 12


def training_cases():
    """Each loss makes a small network smaller by it: losses over twelve steps, weights, predictions."""
    L, dense = losses, layers.Dense
    rows = STEPS * BATCH
    real = (np.round(64 * wave((rows, 3), rate=0.7)) / 64).astype("float32")
    bits = (wave((rows, 3), rate=0.3) > 0).astype("float32")
    classes = (np.abs(3 * wave((rows,), rate=0.9)).astype("int32") % 3).astype("int32")
    hot = one_hot(classes, 3)
    x = (np.round(16 * wave((rows, 4), rate=1.3)) / 16).astype("float32")
    for loss, activation, y in (
        (L.BinaryFocalCrossentropy(gamma=3.0), "sigmoid", bits), (L.CategoricalFocalCrossentropy(), "softmax", hot), (L.CategoricalGeneralizedCrossEntropy(), "softmax", classes),
        (L.CategoricalHinge(), "linear", hot), (L.Hinge(), "linear", bits), (L.SquaredHinge(), "linear", bits), (L.Huber(), "linear", real), (L.LogCosh(), "linear", real),
        (L.MeanAbsolutePercentageError(), "linear", real + 2), (L.MeanSquaredLogarithmicError(), "softplus", np.abs(real)), (L.CosineSimilarity(), "linear", real),
        (L.KLDivergence(), "softmax", softmax(real)), (L.Poisson(), "softplus", np.round(4 * np.abs(real))), (L.Circle(gamma=4.0), "tanh", classes),
        (L.Dice(), "sigmoid", bits), (L.Tversky(0.3, 0.7), "sigmoid", bits), (L.SparseCategoricalCrossentropy(ignore_class=1), "softmax", classes),
    ):
        rate = {"mean_absolute_percentage_error": 0.001, "circle": 0.02}.get(loss.name, 0.1)
        yield loss, [dense(5, activation="tanh"), dense(3, activation=activation)], x, y, rate
    said = (np.round(16 * wave((rows, 6, 3), rate=1.1)) / 16).astype("float32")
    words = (np.abs(4 * wave((rows, 3), rate=0.9)).astype("int32") % 3 + 1).astype("int32")
    words = np.where(np.arange(3)[None] < 1 + np.arange(rows)[:, None] % 3, words, 0).astype("int32")
    yield L.CTC(), [dense(5, activation="tanh"), dense(4)], said, words, 0.1


def training_case(loss, chain, x, y, rate):
    model = keras.Sequential([layers.Input(x.shape[1:]), *chain], name="golden")
    model.set_weights([wave(v.shape, 0.4, rate=1.3 + 0.1 * i) for i, v in enumerate(model.get_weights())])
    model.compile(optimizers.SGD(rate), loss)
    config = json.loads(json.dumps(envelope(model)))
    config["compile_config"]["jit_compile"] = False
    case = {"name": loss.name, "config": config, "weights": {p: tensor(w) for p, w in zip(file_paths(model), model.get_weights())}}
    case |= {"x": tensor(x), "y": tensor(y), "batch": BATCH, "steps": [], "after": {}, "predict": tensor(model.predict(x[:4], verbose=0))}
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        model.reset_metrics()
        case["steps"].append({"loss": number(model.train_on_batch(x[rows], y[rows]))})
        if step + 1 in (1, 2, STEPS):
            case["after"][str(step + 1)] = [tensor(w) for w in model.get_weights()]
    case["iterations"] = int(model.optimizer.iterations)
    case["predict_after"] = tensor(model.predict(x[:4], verbose=0))
    return case


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    write("loss_configs", map(envelope, config_cases()))
    write("loss_values", (loss_row(*c) for c in loss_cases()))
    write("metric_values", [*(metric_row(*c) for c in metric_cases()), *value_cases()])
    keras.utils.clear_session()  # names of layers begin anew
    write("loss_training", (training_case(*c) for c in training_cases()))
