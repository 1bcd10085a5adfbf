"""Models of all kinds, and all kinds of data."""

import copy
import pickle

import numpy as np
import pytest

import adaline
from adaline import layers, ops


def data(rows=64, features=4):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, features)).astype(np.float32)
    return x, (x.sum(1, keepdims=True) * 0.5).astype(np.float32)


def small(**options):
    model = adaline.Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile("adam", "mse", **options)
    return model


def falls(history):
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_sequential_without_input_shape():
    x, y = data()
    model = adaline.Sequential([layers.Dense(8), layers.Dense(1)])
    model.compile(adaline.optimizers.Adam(0.01), "mse")
    falls(model.fit(x, y, epochs=5, verbose=0))
    assert [w.shape for w in model.get_weights()] == [(4, 8), (8,), (8, 1), (1,)]
    assert model.output_shape == (None, 1) and model.count_params() == 49


def test_functional_shared_nested_and_several_ends():
    a, b = adaline.Input((4,), name="a"), adaline.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    begin = adaline.Input((3,))
    inner = adaline.Model(begin, layers.Dense(2)(begin), name="inner")
    both = layers.concatenate([inner(shared(a)), inner(shared(b))])
    model = adaline.Model({"a": a, "b": b}, [layers.Dense(1, name="one")(both), layers.Dense(1, name="two")(both)])
    assert sum(w.size for w in model.get_weights()) == 4 * 3 + 3 + 3 * 2 + 2 + 2 * 5
    x, y = data()
    model.compile("adam", ["mse", "mae"], loss_weights=[1.0, 0.5])
    history = model.fit({"a": x, "b": -x}, [y, y], epochs=2, verbose=0).history
    np.testing.assert_allclose(history["loss"], np.array(history["one_loss"]) + 0.5 * np.array(history["two_loss"]), rtol=1e-5)
    one, two = model.predict({"b": -x, "a": x}, verbose=0)
    # The same by hand: the layer is one, whatever it is called on.
    w = {v.path: v.numpy() for v in model.variables}
    k, c = w["shared/kernel"], w["shared/bias"]
    hidden = [v @ k + c for v in (x, -x)]
    ki, ci = inner.get_weights()
    joined = np.concatenate([h @ ki + ci for h in hidden], 1)
    for name, got in (("one", one), ("two", two)):
        np.testing.assert_allclose(got, joined @ w[f"{name}/kernel"] + w[f"{name}/bias"], rtol=1e-4, atol=1e-5)


def test_subclassed_model():
    class Net(adaline.Model):
        def __init__(self):
            super().__init__()
            self.first, self.drop, self.last = layers.Dense(8, activation="relu"), layers.Dropout(0.5), layers.Dense(1)

        def call(self, inputs, training=False):
            return self.last(self.drop(self.first(inputs), training=training))

    x, y = data()
    model = Net()
    model.compile("adam", "mse", metrics=["mae"])
    falls(model.fit(x, y, epochs=8, verbose=0))
    np.testing.assert_array_equal(model(x), model(x))  # no dropout
    assert len(model.trainable_weights) == 4


def test_weights_are_shared_between_models():
    x, y = data()
    begin = adaline.Input((4,))
    middle = layers.Dense(3, activation="tanh")(begin)
    whole, part = adaline.Model(begin, layers.Dense(1)(middle)), adaline.Model(begin, middle)
    before = part.predict(x, verbose=0)
    whole.compile("sgd", "mse")
    whole.fit(x, y, epochs=1, verbose=0)
    after = part.predict(x, verbose=0)
    assert np.abs(before - after).max() > 1e-4
    kernel, bias = whole.layers[1].get_weights()
    np.testing.assert_allclose(after, np.tanh(x @ kernel + bias), rtol=1e-4, atol=1e-6)


def test_frozen_layers_keep_their_weights():
    x, y = data()
    model = small()
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(x, y, epochs=1, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[2] - after[2]).max() > 0
    assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 2
    model.layers[0].trainable = True
    model.compile("adam", "mse")
    model.fit(x, y, epochs=1, verbose=0)
    assert np.abs(model.get_weights()[0] - before[0]).max() > 0


def test_kinds_of_data():
    x, y = data()
    wanted: list = []
    for kind in ("arrays", "lists", "float64", "frame", "tuple"):
        adaline.utils.set_random_seed(5)
        model = small()
        given = {"arrays": (x, y), "lists": (x.tolist(), y.tolist()), "float64": (x.astype(float), y.astype(float)), "tuple": (x, y)}.get(kind)
        if kind == "frame":
            pandas = pytest.importorskip("pandas")
            given = pandas.DataFrame(x, columns=list("abcd")), pandas.Series(y[:, 0])
        history = model.fit(given if kind == "tuple" else given[0], None if kind == "tuple" else given[1], epochs=2, verbose=0).history
        wanted = wanted or history["loss"]
        np.testing.assert_allclose(history["loss"], wanted, rtol=1e-5, err_msg=kind)


class Rows(adaline.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y, self.ended = x, y, 0

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return self.x[i * 16:(i + 1) * 16], self.y[i * 16:(i + 1) * 16]

    def on_epoch_end(self):
        self.ended += 1


def test_generators_and_data_sets_train_as_arrays_do():
    x, y = data()

    def endless():
        while True:
            for i in range(4):
                yield x[i * 16:(i + 1) * 16], y[i * 16:(i + 1) * 16]

    losses = []
    rows = Rows(x, y)
    for source in ((x, y), rows, endless()):
        adaline.utils.set_random_seed(5)
        model = small(metrics=["mae"])
        if isinstance(source, tuple):
            history = model.fit(*source, epochs=3, batch_size=16, shuffle=False, verbose=0, validation_data=(x, y))
        else:
            history = model.fit(source, epochs=3, steps_per_epoch=4, shuffle=False, verbose=0, validation_data=rows)
        losses.append(history.history)
        np.testing.assert_allclose(model.predict(rows, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
        np.testing.assert_allclose(model.evaluate(rows, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-4)
    # As in Keras, predictions, evaluations and validations are told of, too: 3 epochs, 9 validations, 3 predictions, 3 evaluations, less those on arrays.
    assert rows.ended == 3 + 6 + 3 + 3
    for other in losses[1:]:
        for name in losses[0]:
            np.testing.assert_allclose(other[name], losses[0][name], rtol=1e-4, err_msg=name)


def test_batches_by_hand():
    x, y = data()
    a, b = small(), small()
    b.set_weights(a.get_weights())
    for i in range(4):
        a.train_on_batch(x[i * 16:(i + 1) * 16], y[i * 16:(i + 1) * 16])
    b.fit(x, y, batch_size=16, shuffle=False, verbose=0)
    for u, v in zip(a.get_weights(), b.get_weights()):
        np.testing.assert_allclose(u, v, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(a.predict_on_batch(x), a(x))


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies_train_on_by_themselves(twin_of):
    x, y = data()
    model = small()
    model.fit(x, y, epochs=1, verbose=0)
    twin = twin_of(model)
    np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))
    before = model.get_weights()
    a = twin.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    np.testing.assert_allclose(model.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"], a, rtol=1e-5)


def test_clone_has_new_weights():
    model = small()
    twin = adaline.models.clone_model(model)
    assert not twin.compiled and [w.shape for w in twin.get_weights()] == [w.shape for w in model.get_weights()]
    assert np.abs(twin.get_weights()[0] - model.get_weights()[0]).max() > 0


def test_operations_on_symbolic_tensors():
    x, _ = data()
    begin = adaline.Input((4,))
    model = adaline.Model(begin, ops.concatenate([ops.exp(begin), begin * 2.0], axis=-1))
    np.testing.assert_allclose(model.predict(x, verbose=0), np.concatenate([np.exp(x), x * 2], 1), rtol=1e-5)


def test_layer_with_a_loss_and_a_mask_of_its_own():
    class Penalised(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.mean(ops.square(inputs)))
            return inputs

    x, y = data()
    model = adaline.Sequential([layers.Input((4,)), Penalised(), layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    loss = model.evaluate(x, y, verbose=0, batch_size=64)
    np.testing.assert_allclose(loss, (y**2).mean() + (x**2).mean(), rtol=1e-4)


def test_calls_in_training_mode(rng):
    x = np.ones((64, 8), dtype=np.float32)
    dropped = adaline.layers.Dropout(0.5)(x, training=True)
    assert set(np.unique(dropped)) == {0.0, 2.0}
    np.testing.assert_array_equal(adaline.layers.Dropout(0.5)(x), x)
    norm = adaline.layers.BatchNormalization(momentum=0.5)
    y = norm(rng.normal(3.0, 2.0, size=(256, 4)).astype(np.float32), training=True)
    np.testing.assert_allclose(y.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(np.asarray(norm.moving_mean), 1.5, atol=0.3)


def test_arrays_in_any_order_of_memory_are_the_same(rng):
    model = adaline.Sequential([layers.Input((3,)), layers.Dense(2)])
    x = rng.normal(size=(4, 3)).astype(np.float32)
    wanted = model(x)
    for other in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x[::-1][::-1], x.astype(np.float64)):
        np.testing.assert_array_equal(model(other), wanted)
        np.testing.assert_array_equal(model.predict(other, verbose=0), wanted)
    weights = [np.asfortranarray(w) for w in model.get_weights()]
    model.set_weights(weights)
    np.testing.assert_array_equal(model(x), wanted)


def test_layers_that_assign_outside_of_training():
    class Total(layers.Layer):
        def build(self, shape):
            self.total = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False)

        def call(self, x):
            self.total.assign_add(adaline.ops.sum(x, axis=0))
            return self.total + 0 * x

    layer = Total()
    x = np.ones((2, 2), np.float32)
    np.testing.assert_array_equal(layer(x)[0], [2, 2])
    np.testing.assert_array_equal(layer(x)[0], [4, 4])
    model = adaline.Sequential([layers.Input((2,)), Total()])
    model.predict(x, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0)[0], [4, 4])


def test_a_sequential_without_an_input_within_a_layer():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = adaline.Sequential([layers.Dense(5, activation="relu"), layers.Dense(3)])

        def call(self, x):
            return x + self.inner(x)

    inputs = adaline.Input((3,))
    model = adaline.Model(inputs, layers.Dense(1)(Block()(inputs)))
    assert model.predict(np.ones((2, 3)), verbose=0).shape == (2, 1)
    assert len(model.trainable_weights) == 6


def test_what_layers_add_is_all_the_loss(tmp_path):
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(adaline.ops.mean(x * x))
            return x

    inputs = adaline.Input((3,))
    model = adaline.Model(inputs, Penalty()(layers.Dense(2)(inputs)))
    model.compile("adam")
    x = np.ones((8, 3))
    history = model.fit(x, epochs=3, verbose=0).history
    assert history["loss"][2] < history["loss"][0]
    assert np.isclose(model.evaluate(x, verbose=0), np.mean(model.predict(x, verbose=0) ** 2), rtol=1e-4)
    bare = adaline.Sequential([layers.Input((3,)), layers.Dense(2)])
    bare.compile("adam")
    with pytest.raises(ValueError, match="no output has a loss"):
        bare.fit(x, verbose=0)


@pytest.mark.parametrize("within", ["sequential", "functional", "layer"])
def test_a_network_within_is_frozen(within):
    """Transfer learning: what was frozen stays, after `compile` as before, and learns once it is freed."""
    if within == "functional":
        begin = adaline.Input((4,))
        base = adaline.Model(begin, layers.Dense(8)(begin))
    else:
        base = adaline.Sequential([layers.Input((4,)), layers.Dense(8)])
    (base if within != "layer" else base.layers[-1]).trainable = False
    inputs = adaline.Input((4,))
    model = adaline.Model(inputs, layers.Dense(1)(base(inputs, training=False)))
    before = base.get_weights()
    x, y = np.ones((8, 4)), np.zeros((8, 1))
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(base.get_weights()[0], before[0])
    assert len(model.trainable_weights) == 2 and len(model.optimizer.variables) == 2 + 2 * 2
    base.trainable = True
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    assert not np.array_equal(base.get_weights()[0], before[0])


def test_layers_of_a_model_written_in_python_are_frozen():
    class Net(adaline.Model):
        def __init__(self):
            super().__init__()
            self.base = adaline.Sequential([layers.Input((4,)), layers.Dense(8)])
            self.head = layers.Dense(1)

        def call(self, x):
            return self.head(self.base(x))

    x, y = np.ones((8, 4)), np.zeros((8, 1))
    for built in (True, False):
        net = Net()
        if built:
            net(x)
        net.base.trainable = False
        net.compile("adam", "mse")
        net.build((None, 4))
        before = net.base.get_weights()[0]
        net.fit(x, y, verbose=0)
        np.testing.assert_array_equal(net.base.get_weights()[0], before)
        net.base.trainable = True
        net.compile("adam", "mse")
        net.fit(x, y, verbose=0)
        assert not np.array_equal(net.base.get_weights()[0], before)
