"""Metrics by themselves, against real Keras."""

import numpy as np
import pytest

import adaline


def _same(mine, theirs):
    np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [None, "float32"])
@pytest.mark.parametrize("make", [
    lambda k, **d: k.metrics.MeanIoU(3, **d), lambda k, **d: k.metrics.IoU(3, [0, 2], ignore_class=1, **d),
    lambda k, **d: k.metrics.BinaryIoU(threshold=0.3, **d),
])
def test_weights_of_positions(keras, make, dtype):
    rng = np.random.default_rng(1)
    results = []
    labels, weights = rng.integers(0, 3, (4, 5)), rng.random((4, 5)).astype(np.float32) * 3
    predictions = rng.integers(0, 3, (4, 5)).astype(np.float32)
    for k in (keras, adaline):
        metric = make(k, **({} if dtype is None else {"dtype": dtype}))
        if "Binary" in type(metric).__name__:
            args = (labels > 1, predictions / 3)
        else:
            args = (labels, predictions)
        for _ in range(2):
            metric.update_state(args[0].astype(np.int32), args[1], sample_weight=weights)
        results.append((metric.result(), np.asarray(metric.total_cm), metric.get_config()["dtype"]))
    _same(results[1][0], results[0][0])
    _same(results[1][1], results[0][1])
    assert results[1][2] == results[0][2]


def test_weights_of_positions_in_a_training():
    model = adaline.Sequential([adaline.layers.Input((4,)), adaline.layers.Activation("linear")])
    iou = adaline.metrics.BinaryIoU(dtype="float32")
    model.compile("sgd", "mse", weighted_metrics=[adaline.metrics.BinaryIoU(dtype="float32")])
    x, y = np.array([[0.1, 0.9, 0.2, 0.8]], np.float32), np.array([[0, 1, 1, 0]], np.float32)
    told = model.evaluate(x, y, sample_weight=np.array([0.3], np.float32), verbose=0, return_dict=True)
    _same(told["binary_io_u"], iou(y, x, sample_weight=np.full((1, 4), 0.3)))


def test_whole_counts_stay_exact():
    metric = adaline.metrics.MeanIoU(2)
    metric.update_state([0, 1], [0, 1])
    metric.variables[0].assign(np.full((2, 2), 2**24))
    metric.update_state([0, 1], [0, 1])
    assert np.asarray(metric.total_cm).tolist() == [[2**24 + 1, 2**24], [2**24, 2**24 + 1]]
    with pytest.warns(UserWarning, match="weight.*float.*int.*casting"):
        metric.update_state([0, 1], [0, 1], sample_weight=np.array([0.5, 0.5]))


@pytest.mark.parametrize("make", [
    lambda k: k.metrics.Precision(thresholds=[0.2, 0.7]), lambda k: k.metrics.Recall(), lambda k: k.metrics.TruePositives(thresholds=[0.0, 0.5, 1.0]),
    lambda k: k.metrics.FalseNegatives(), lambda k: k.metrics.AUC(num_thresholds=7), lambda k: k.metrics.AUC(thresholds=[0.3, 0.4]),
    lambda k: k.metrics.AUC(num_thresholds=5, multi_label=True), lambda k: k.metrics.SensitivityAtSpecificity(0.5, num_thresholds=9),
    lambda k: k.metrics.PrecisionAtRecall(0.4, num_thresholds=4),
])
def test_counts_as_variables(keras, make):
    rng = np.random.default_rng(2)
    batches = [(rng.integers(0, 2, (6, 3)).astype(np.float32), rng.random((6, 3)).astype(np.float32)) for _ in range(3)]
    theirs, mine = make(keras), make(adaline)
    for y, p in batches:
        theirs.update_state(y, p)
        mine.update_state(y, p)
    assert [v.name for v in mine.variables] == [v.name for v in theirs.variables]
    for a, b in zip(mine.variables, theirs.variables):
        _same(a.numpy(), b)
    # What was read is taken back.
    again = make(adaline)
    again.update_state(*batches[0])
    for variable, value in zip(again.variables, [v.numpy() for v in mine.variables]):
        variable.assign(value)
    _same(again.result(), theirs.result())
    for a, b in zip(again.variables, mine.variables):
        _same(a.numpy(), b.numpy())
    sums = mine.stateless_update_state([v.numpy() for v in mine.variables], *batches[1])
    _same(mine.stateless_result(sums), theirs.stateless_result(theirs.stateless_update_state([v.value for v in theirs.variables], *batches[1])))
    mine.reset_state()
    assert all((v.numpy() == 0).all() for v in mine.variables)


def test_class_numbers_that_are_sorted(keras):
    labels, ids = np.array([2, 0, 1, 3]), np.array([[2, 1, 0], [1, 2, 0], [1, 0, 2], [0, 1, 2]])
    for k in (1, 2, 3):
        results = [m.metrics.SparseTopKCategoricalAccuracy(k=k, from_sorted_ids=True)(labels, ids) for m in (keras, adaline)]
        _same(results[1], results[0])


def test_functions_of_ones_own_are_not_those_of_the_catalogue(keras):
    def mse(y_true, y_pred):
        return (y_true - y_pred) ** 2 * 10.0

    y, p, w = np.ones((4, 5), np.float32), np.full((4, 5), 0.5, np.float32), np.array([[1.0, 0.0, 0.5, 0.0, 1.0]], np.float32)
    results = [k.metrics.MeanMetricWrapper(mse, name="own")(y, p, sample_weight=w) for k in (keras, adaline)]
    _same(results[1], results[0])
    model = adaline.Sequential([adaline.layers.Input((5,)), adaline.layers.Activation("linear")])
    model.compile("sgd", "mse", metrics=[adaline.metrics.MeanMetricWrapper(mse, name="own")])
    assert model.evaluate(p, y, verbose=0, return_dict=True)["own"] == pytest.approx(2.5)


def test_crossentropy_by_shapes(keras):
    x = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32)
    for outputs, y in ((1, x[:, :1] > 0), (3, np.arange(12) % 3), (3, (np.arange(12) % 3)[:, None]), (3, np.eye(3)[np.arange(12) % 3])):
        told, weights = [], None
        for k in (keras, adaline):
            model = k.Sequential([k.layers.Input((4,)), k.layers.Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax")])
            weights = model.get_weights() if weights is None else model.set_weights(weights)
            model.compile("sgd", "crossentropy")
            told.append(model.evaluate(x, y.astype(np.float32), verbose=0))
        _same(told[1], told[0])


def test_functions_of_class_numbers(keras):
    rng = np.random.default_rng(4)
    y, p = rng.integers(0, 3, (4, 5)), rng.dirichlet(np.ones(3), (4, 5)).astype(np.float32)
    _same(adaline.losses.sparse_categorical_crossentropy(y, p), keras.losses.sparse_categorical_crossentropy(y, p))
    turned = np.moveaxis(p, -1, 1)
    _same(adaline.losses.sparse_categorical_crossentropy(y, turned, axis=1), adaline.losses.sparse_categorical_crossentropy(y, p))


def test_losses_by_name_and_references(keras):
    assert adaline.losses.get("mse") is adaline.losses.mean_squared_error
    assert isinstance(adaline.losses.get("MeanSquaredError"), adaline.losses.MeanSquaredError)
    assert adaline.losses.MeanSquaredError(dtype="float16")(np.ones((2, 2)), np.zeros((2, 2))).dtype == np.float16
    rng = np.random.default_rng(3)
    embeddings, others = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (rng.normal(size=(5, 4)), rng.normal(size=(6, 4))))
    for diagonal in (True, False):
        args = (np.array([1, 1, 2, 2, 3]), embeddings.astype(np.float32))
        named = dict(ref_labels=np.array([1, 2, 2, 3, 3, 1]), ref_embeddings=others.astype(np.float32), remove_diagonal=diagonal)
        if not diagonal:
            _same(adaline.losses.circle(*args, **named), keras.losses.circle(*args, **named))
        else:
            assert np.isfinite(adaline.losses.circle(*args, **named)).all()
    with pytest.raises(ValueError, match="give both"):
        adaline.losses.circle(*args, ref_labels=named["ref_labels"])


def test_initializers_by_arrays_and_generators():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    _same(adaline.Variable(adaline.initializers.get(values), shape=(2, 3)).numpy(), values)
    with pytest.raises(ValueError, match="Expected `shape`"):
        adaline.initializers.get(values)((3, 2))
    seeded = adaline.initializers.RandomNormal(seed=adaline.random.SeedGenerator(3))
    assert not np.allclose(seeded((4, 4)), seeded((4, 4)))
    again = adaline.initializers.deserialize(adaline.initializers.serialize(seeded))
    assert again.seed.seed == 3
