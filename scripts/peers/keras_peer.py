"""Keras on any of its backends, as users write it: `fit` and `predict` on NumPy arrays, default settings."""
import time
import keras
import numpy as np
from clock import latency

VERSION = f"{keras.__version__} on {keras.backend.backend()}"
L = keras.layers
MAKE = dict(
    dense=lambda units: L.Dense(units), relu=lambda: L.ReLU(), dropout=L.Dropout, flatten=lambda: L.Flatten(), norm=lambda: L.BatchNormalization(),
    lstm=lambda units: L.LSTM(units), gru=lambda units: L.GRU(units), simplernn=lambda units: L.SimpleRNN(units),
    conv=lambda filters, padding: L.Conv2D(filters, 3, padding=padding), pool=lambda padding: L.MaxPooling2D(2, padding=padding),
)

def model(w):
    layers = [MAKE[kind](*how) for kind, *how in w.layers]
    if not w.regression:
        layers.append(L.Softmax())
    m = keras.Sequential([L.Input(w.row), *layers])
    optimizer = keras.optimizers.SGD(0.1) if w.optimizer == "sgd" else w.optimizer
    m.compile(optimizer=optimizer, loss="mse" if w.regression else "sparse_categorical_crossentropy", metrics=None if w.regression else ["accuracy"])
    return m

def training(w):
    m, times = model(w), []
    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            times.append(time.perf_counter())
    n = w.rows if w.whole else w.steps * w.batch
    warm = n if w.whole else min(n, 10 * w.batch)
    m.fit(w.x[:warm], w.y[:warm], batch_size=w.batch, epochs=2, verbose=0)
    h = m.fit(w.x[:n], w.y[:n], batch_size=w.batch, epochs=w.steps if w.whole else 1, verbose=0, callbacks=[Clock()])
    return np.diff(times), h.history["loss"][-1]

def inference(w):
    m = model(w)
    return latency(w, lambda x: m.predict(x, verbose=0, batch_size=1024))
