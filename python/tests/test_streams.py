"""Generators, `PyDataset` and iterables go through the one training loop: with Keras' numbers and all callbacks."""

import csv

import numpy as np
import pytest

import adaline

ROWS = 60
SIZES = [16, 7, 20, 17]


def data(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ROWS, 4)).astype(np.float32)
    return x, (x @ rng.normal(size=(4, 1)) > 0).astype(np.float32)


def pieces(x, y, weights=None):
    """Batches of several sizes."""
    at = 0
    for size in SIZES:
        part = slice(at, at + size)
        at += size
        yield (x[part], y[part]) if weights is None else (x[part], y[part], weights[part])


def endless(*arrays):
    while True:
        yield from pieces(*arrays)


def dataset(k, *arrays):
    class Rows(k.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.batches, self.begun, self.ended = list(pieces(*arrays)), 0, 0

        def __len__(self):
            return len(self.batches)

        def __getitem__(self, index):
            return self.batches[index]

        def on_epoch_begin(self):
            self.begun += 1

        def on_epoch_end(self):
            self.ended += 1

    return Rows()


def model(k, weights=None, optimizer="sgd"):
    k.utils.clear_session()
    k.utils.set_random_seed(3)
    made = k.Sequential([k.layers.Input((4,)), k.layers.Dense(6, activation="tanh"), k.layers.Dense(1, activation="sigmoid")])
    if weights is not None:
        made.set_weights(weights)
    made.compile(optimizer, "binary_crossentropy", metrics=["mae", "accuracy"], weighted_metrics=["mse"])
    return made


def both(keras, run):
    """What `run(k, model)` gives in both packages, from the same weights."""
    theirs = model(keras)
    mine = model(adaline, theirs.get_weights())
    return run(keras, theirs), run(adaline, mine)


def same(told, tolerance=1e-4):
    theirs, mine = told
    assert list(mine) == list(theirs) or set(mine) == set(theirs)
    for name in theirs:
        np.testing.assert_allclose(mine[name], theirs[name], rtol=tolerance, atol=1e-6, err_msg=name)


def test_histories_are_those_of_keras(keras):
    x, y = data()
    vx, vy = data(1)
    weights = np.linspace(0.5, 2.0, ROWS).astype(np.float32)
    runs = [
        lambda k, m: m.fit(endless(x, y), steps_per_epoch=4, epochs=3, verbose=0).history,
        lambda k, m: m.fit(endless(x, y, weights), steps_per_epoch=3, epochs=3, verbose=0).history,
        lambda k, m: m.fit(dataset(k, x, y), epochs=2, verbose=0, shuffle=False, validation_data=dataset(k, vx, vy)).history,
        lambda k, m: m.fit(dataset(k, x, y), epochs=2, verbose=0, shuffle=False, class_weight={0: 0.5, 1: 3.0}).history,
        lambda k, m: m.fit(x, y, epochs=3, verbose=0, shuffle=False, validation_data=endless(vx, vy), validation_steps=3,
                           validation_freq=2).history,
        lambda k, m: m.fit(endless(x, y), steps_per_epoch=4, epochs=2, verbose=0, validation_data=(vx, vy, weights),
                           validation_batch_size=10).history,
        lambda k, m: m.fit(pieces(x, y), epochs=1, verbose=0).history,
    ]
    for run in runs:
        same(both(keras, run))


def test_a_data_set_is_shuffled_in_each_epoch():
    x, y = data()
    orders = []

    class Order(type(dataset(adaline, x, y))):
        def __getitem__(self, index):
            orders.append(index)
            return super().__getitem__(index)

    model(adaline).fit(Order(), epochs=4, verbose=0)
    epochs = [tuple(orders[i:i + 4]) for i in range(0, 16, 4)]
    assert all(sorted(e) == [0, 1, 2, 3] for e in epochs) and len(set(epochs)) > 1


def test_evaluations_and_predictions_are_those_of_keras(keras):
    x, y = data()
    weights = np.linspace(0.5, 2.0, ROWS).astype(np.float32)
    same(both(keras, lambda k, m: m.evaluate(pieces(x, y), verbose=0, return_dict=True)))
    same(both(keras, lambda k, m: m.evaluate(dataset(k, x, y, weights), verbose=0, return_dict=True)))
    same(both(keras, lambda k, m: m.evaluate(endless(x, y), steps=2, verbose=0, return_dict=True)))
    theirs, mine = both(keras, lambda k, m: m.predict(dataset(k, x, y), verbose=0))
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    theirs, mine = both(keras, lambda k, m: m.predict(((b[0],) for b in endless(x, y)), steps=3, verbose=0))
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_callbacks_of_the_compiled_side(keras, tmp_path):
    x, y = data()

    def run(k, m):
        c, home = k.callbacks, tmp_path / k.__name__
        home.mkdir()
        stop = c.EarlyStopping(monitor="val_loss", patience=1, min_delta=0.5, restore_best_weights=True)
        history = m.fit(dataset(k, x, y), epochs=8, verbose=0, shuffle=False, validation_data=dataset(k, x, y), callbacks=[
            stop, c.CSVLogger(str(home / "log.csv")), c.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=0.5, factor=0.5),
            c.ModelCheckpoint(str(home / "best.keras"), monitor="val_loss", save_best_only=True), c.TerminateOnNaN(),
        ]).history
        assert (home / "best.keras").exists()
        with open(home / "log.csv") as lines:
            assert len(list(csv.reader(lines))) == len(history["loss"]) + 1
        history["stopped"], history["weights"] = stop.stopped_epoch, m.get_weights()[0]
        return history

    same(both(keras, run))


def test_a_training_is_taken_up_again(tmp_path):
    x, y = data()
    weights = model(adaline).get_weights()
    whole = model(adaline, weights, "adam").fit(dataset(adaline, x, y), epochs=4, verbose=0, shuffle=False)

    class Stop(adaline.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def keep():
        return adaline.callbacks.BackupAndRestore(str(tmp_path / "backup"))

    with pytest.raises(KeyboardInterrupt):
        model(adaline, weights, "adam").fit(dataset(adaline, x, y), epochs=4, verbose=0, shuffle=False, callbacks=[keep(), Stop()])
    again = model(adaline, weights, "adam")
    history = again.fit(dataset(adaline, x, y), epochs=4, verbose=0, shuffle=False, callbacks=[keep(), adaline.callbacks.Callback()])
    np.testing.assert_allclose(history.history["loss"], whole.history["loss"])


def test_callbacks_of_python_are_told_of_each_batch(keras):
    x, y = data()

    def run(k, m):
        calls = []

        class Told(k.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                calls.append(("epoch", epoch))

            def on_train_batch_begin(self, batch, logs=None):
                calls.append(("begin", batch))

            def on_train_batch_end(self, batch, logs=None):
                calls.append(("end", batch))
                if len(calls) > 12:
                    self.model.stop_training = True

            def on_epoch_end(self, epoch, logs=None):
                calls.append(("over", epoch, sorted(logs)))

        m.fit(endless(x, y), steps_per_epoch=4, epochs=3, verbose=0, callbacks=[Told()])
        rows = pieces(x, y)
        m.fit(rows, verbose=0, callbacks=[Told()])
        return calls

    theirs, mine = both(keras, run)
    # After `stop_training` Keras goes on to the end of the epoch, or ends after the step: ours ends after the step.
    assert mine[:10] == theirs[:10] and mine[-4:] == theirs[-4:]


def test_exceptions_of_the_source_come_through():
    x, y = data()

    class Lost(Exception):
        pass

    def broken():
        yield from pieces(x, y)
        raise Lost("the file is gone")

    with pytest.raises(Lost, match="the file is gone"):
        model(adaline).fit(broken(), steps_per_epoch=5, epochs=1, verbose=0)
    with pytest.raises(Lost):
        model(adaline).evaluate(broken(), verbose=0)
    with pytest.raises(Lost):
        model(adaline).predict(broken(), verbose=0)
    with pytest.raises(Lost):
        model(adaline).fit(x, y, epochs=1, verbose=0, validation_data=broken())

    rows = dataset(adaline, x, y)
    rows.on_epoch_end = broken_end = lambda: (_ for _ in ()).throw(Lost("at the end"))
    assert broken_end
    with pytest.raises(Lost, match="at the end"):
        model(adaline).fit(rows, epochs=2, verbose=0)

    def interrupted():
        yield from pieces(x, y)
        raise KeyboardInterrupt

    m = model(adaline)
    with pytest.raises(KeyboardInterrupt):
        m.fit(interrupted(), steps_per_epoch=10, verbose=0)
    assert np.isfinite(m.predict(x, verbose=0)).all()


def test_a_source_may_ask_the_model():
    x, y = data()
    m = model(adaline)
    asked = []

    def hard():
        while True:
            order = np.argsort(-np.abs(m.predict(x, verbose=0) - y)[:, 0])[:16]
            asked.append(len(order))
            yield x[order], y[order]

    m.fit(hard(), steps_per_epoch=5, epochs=2, verbose=0)
    assert len(asked) == 10


def test_what_is_wrong_is_told():
    x, y = data()
    with pytest.raises(ValueError, match="no batch|at least one|source of batches"):
        model(adaline).fit(iter([]), verbose=0)
    with pytest.raises(ValueError, match="without labels"):
        model(adaline).fit(iter([(x,)]), verbose=0)
    with pytest.raises(ValueError, match="with each batch"):
        model(adaline).fit(iter([(x, y)]), sample_weight=np.ones(ROWS), verbose=0)
    with pytest.raises(ValueError, match="validation_split"):
        model(adaline).fit(iter([(x, y)]), validation_split=0.5, verbose=0)


def test_several_inputs_and_outputs_by_name(keras):
    x, y = data()

    def run(k):
        a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
        joined = k.layers.Dense(3, name="middle", kernel_initializer="ones")(k.layers.Add()([a, b]))
        m = k.Model([a, b], [k.layers.Dense(1, name="one", kernel_initializer="ones")(joined),
                             k.layers.Dense(1, name="two", kernel_initializer="ones")(joined)])
        m.compile("sgd", {"one": "mse", "two": "mse"}, loss_weights={"one": 1.0, "two": 0.5})

        def batches():
            while True:
                for bx, by in pieces(x, y):
                    yield {"a": bx, "b": bx * 0.5}, {"one": by, "two": 1 - by}

        history = m.fit(batches(), steps_per_epoch=4, epochs=2, verbose=0).history
        return {"loss": history["loss"], "p": np.concatenate(m.predict({"a": x, "b": x}, verbose=0), 1)}

    same((run(keras), run(adaline)))


def test_weights_are_made_of_the_first_batch():
    x, y = data()
    m = adaline.Sequential([adaline.layers.Dense(1)])
    m.compile("sgd", "mse")
    history = m.fit(pieces(x, y), verbose=0)
    assert len(history.history["loss"]) == 1 and m.layers[0].kernel.shape == (4, 1)
    m = adaline.Sequential([adaline.layers.Dense(2)])
    assert m.predict(pieces(x, y), verbose=0).shape == (ROWS, 2)


def test_what_is_printed(capsys):
    x, y = data()
    model(adaline).fit(endless(x, y), steps_per_epoch=4, epochs=2, verbose=2)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Epoch 1/2" and out[1].startswith("4/4 - ") and "loss:" in out[1] and out[2] == "Epoch 2/2"
    model(adaline).fit(pieces(x, y), epochs=1, verbose=2)
    assert capsys.readouterr().out.startswith("4/4 - ")
