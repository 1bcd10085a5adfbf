"""Callbacks, of the package and of one's own; what ends training."""

import csv
import signal
import threading
import time

import numpy as np
import pytest

import adaline
from adaline import callbacks, layers


def model_and_data(rows=64):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    model = adaline.Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile(adaline.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model, x, x.sum(1, keepdims=True)


class Notes(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.told = []

    def on_train_begin(self, logs=None):
        self.told.append("begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.told.append(("epoch", epoch))

    def on_train_batch_end(self, batch, logs=None):
        assert np.isfinite(logs["loss"])
        self.told.append(("batch", batch))

    def on_epoch_end(self, epoch, logs=None):
        self.told.append(("end", epoch, sorted(logs)))

    def on_train_end(self, logs=None):
        self.told.append("done")


def test_order_of_calls():
    model, x, y = model_and_data(32)
    notes = Notes()
    model.fit(x, y, epochs=2, batch_size=16, verbose=0, callbacks=[notes], validation_data=(x, y))
    names = ["loss", "mae", "val_loss", "val_mae"]
    assert notes.told == ["begin", *[e for n in range(2) for e in (("epoch", n), ("batch", 0), ("batch", 1), ("end", n, names))], "done"]
    assert notes.params["epochs"] == 2 and notes.params["steps"] == 2 and notes.model is model


def test_early_stopping_gives_the_best_weights_back():
    model, x, y = model_and_data()
    history = model.fit(x, y, epochs=50, verbose=0, validation_data=(x, -y),
                        callbacks=[callbacks.EarlyStopping(patience=3, restore_best_weights=True)])
    values = history.history["val_loss"]
    assert len(values) < 50 and len(values) == int(np.argmin(values)) + 4
    np.testing.assert_allclose(model.evaluate(x, -y, verbose=0)[0], min(values), rtol=1e-4)


def test_checkpoints_and_log(tmp_path):
    model, x, y = model_and_data()
    history = model.fit(x, y, epochs=3, verbose=0, validation_data=(x, y), callbacks=[
        callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), save_best_only=True), callbacks.CSVLogger(str(tmp_path / "log.csv"))])
    best = adaline.models.load_model(tmp_path / "best.keras")
    np.testing.assert_allclose(best.evaluate(x, y, verbose=0)[0], min(history.history["val_loss"]), rtol=1e-4)
    with open(tmp_path / "log.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose([float(r["loss"]) for r in rows], history.history["loss"], rtol=1e-5)


def test_rates():
    model, x, y = model_and_data()
    seen = []

    class See(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    model.fit(x, y, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1)), See()])
    np.testing.assert_allclose(seen, [0.1, 0.05, 0.1 / 3], rtol=1e-5)
    model.fit(x, -y * 0 + 1e6, epochs=4, verbose=0, validation_data=(x, y),
              callbacks=[callbacks.ReduceLROnPlateau(factor=0.1, patience=1, min_delta=1e9)])
    assert float(model.optimizer.learning_rate) < 0.1 / 3


def test_stop_training():
    model, x, y = model_and_data()

    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    assert model.fit(x, y, epochs=9, verbose=0, callbacks=[Stop()]).epoch == [0, 1]


@pytest.mark.parametrize("method", ["on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"])
def test_exceptions_come_through_and_the_model_lives_on(method):
    model, x, y = model_and_data()

    class Wrong(Exception):
        pass

    def raises(self, *args, **kwargs):
        raise Wrong("of one's own")

    with pytest.raises(Wrong, match="of one's own"):
        model.fit(x, y, verbose=0, callbacks=[type("Raising", (callbacks.Callback,), {method: raises})()])
    assert len(model.fit(x, y, epochs=2, verbose=0).history["loss"]) == 2


@pytest.fixture
def interrupts():
    """As in a terminal: a shell that runs the tests in the background has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_training_and_the_model_lives_on(interrupts):
    model, x, y = model_and_data(2000)
    timer = threading.Timer(1.0, lambda: signal.raise_signal(signal.SIGINT))
    begin = time.perf_counter()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=1_000_000, batch_size=8, verbose=0)
    assert time.perf_counter() - begin < 60
    timer.join()
    assert np.isfinite(model.predict(x, verbose=0)).all()
    assert len(model.fit(x, y, epochs=1, verbose=0).history["loss"]) == 1


def test_the_model_can_be_asked_within_a_callback():
    model, x, y = model_and_data()
    seen = []

    class Ask(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(float(((self.model.predict(x, verbose=0) - y) ** 2).mean()))

    model.fit(x, y, epochs=3, verbose=0, callbacks=[Ask()])
    assert seen[-1] < seen[0]
    np.testing.assert_allclose(seen[-1], model.evaluate(x, y, verbose=0)[0], rtol=1e-4)


def test_lambda_callback():
    model, x, y = model_and_data()
    seen = []
    model.fit(x, y, epochs=2, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])))])
    assert [e for e, _ in seen] == [0, 1]


def test_terminate_on_nan():
    model, x, y = model_and_data()
    model.compile(adaline.optimizers.SGD(1e20), "mse")
    history = model.fit(x, y, epochs=5, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert len(history.epoch) <= 1
    with pytest.raises(ValueError, match="inf at row 3"):
        model.fit(x, np.where(np.arange(64) == 3, np.inf, 0.0), verbose=0)
