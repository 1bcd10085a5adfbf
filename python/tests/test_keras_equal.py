"""The same weights and rows give the same losses as real Keras, epoch by epoch."""

import numpy as np
import pytest

import adaline

EPOCHS = 3


def _data(kind, rows=70):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 6)).astype(np.float32)
    score = x @ rng.normal(size=(6, 3)) + 0.3 * rng.normal(size=(rows, 3))
    y = {"number": score[:, :1], "yes": (score[:, :1] > 0), "class": score.argmax(1), "one": np.eye(3)[score.argmax(1)],
         "positive": np.abs(score[:, :1]) + 0.1, "sign": np.sign(score[:, :1])}[kind]
    return x, y.astype(np.int32 if kind == "class" else np.float32)


def _net(k, outputs, activation, layers=None):
    middle = layers(k) if layers else [k.layers.Dense(8, activation="tanh")]
    return k.Sequential([k.layers.Input((6,)), *middle, k.layers.Dense(outputs, activation=activation)])


def _both(keras, make, compile_with, x, y, epochs=EPOCHS, **fit):
    """Histories and last weights of both, from the same first weights."""
    theirs, mine = make(keras), make(adaline)
    mine.set_weights(theirs.get_weights())
    told = []
    for k, model in ((keras, theirs), (adaline, mine)):
        # Steps of Keras are not compiled, which would take longer than these few of them.
        model.compile(**compile_with(k), run_eagerly=True)
        history = model.fit(x, y, epochs=epochs, batch_size=16, shuffle=False, verbose=0, **fit)
        told.append((history.history, model.get_weights(), model.evaluate(x, y, verbose=0, return_dict=True)))
    return told


def _same(told, tolerance=1e-4):
    (theirs, their_weights, their_end), (mine, my_weights, my_end) = told
    assert set(mine) == set(theirs)
    for name in theirs:
        np.testing.assert_allclose(mine[name], theirs[name], rtol=tolerance, atol=1e-6, err_msg=name)
    for a, b in zip(my_weights, their_weights):
        np.testing.assert_allclose(a, b, rtol=10 * tolerance, atol=1e-5)
    assert set(my_end) == set(their_end)
    for name in their_end:
        np.testing.assert_allclose(my_end[name], their_end[name], rtol=tolerance, atol=1e-6, err_msg=name)


OPTIMIZERS = [
    lambda k: k.optimizers.SGD(0.05), lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True), lambda k: k.optimizers.Adam(0.01),
    lambda k: k.optimizers.AdamW(0.01, weight_decay=0.01), lambda k: k.optimizers.Adam(0.01, amsgrad=True, clipnorm=0.1),
    lambda k: k.optimizers.RMSprop(0.01, momentum=0.5, centered=True), lambda k: k.optimizers.Adagrad(0.05), lambda k: k.optimizers.Adadelta(0.5),
    lambda k: k.optimizers.Adamax(0.01), lambda k: k.optimizers.Nadam(0.01), lambda k: k.optimizers.Ftrl(0.05), lambda k: k.optimizers.Lion(0.003),
    lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.02, 5, 0.9)), lambda k: "rmsprop", lambda k: "adam",
    lambda k: k.optimizers.SGD(0.05, global_clipnorm=0.05, use_ema=True, ema_momentum=0.9),
]


@pytest.mark.parametrize("at", range(len(OPTIMIZERS)))
def test_optimizers(keras, at):
    x, y = _data("class")
    _same(_both(keras, lambda k: _net(k, 3, "softmax"),
                lambda k: dict(optimizer=OPTIMIZERS[at](k), loss="sparse_categorical_crossentropy", metrics=["accuracy"]), x, y))


LOSSES = [
    ("number", 1, None, "mse"), ("number", 1, None, "mae"), ("number", 1, None, "huber"), ("number", 1, None, "log_cosh"),
    ("positive", 1, "softplus", "msle"), ("positive", 1, "softplus", "mape"), ("positive", 1, "softplus", "poisson"),
    ("yes", 1, "sigmoid", "binary_crossentropy"), ("yes", 1, "sigmoid", "binary_focal_crossentropy"), ("sign", 1, "tanh", "hinge"),
    ("sign", 1, "tanh", "squared_hinge"), ("one", 3, "softmax", "categorical_crossentropy"), ("one", 3, "softmax", "kl_divergence"),
    ("one", 3, "softmax", "categorical_hinge"), ("one", 3, None, "cosine_similarity"),
]


@pytest.mark.parametrize("kind, outputs, activation, loss", LOSSES, ids=[row[3] for row in LOSSES])
def test_losses(keras, kind, outputs, activation, loss):
    x, y = _data(kind)
    _same(_both(keras, lambda k: _net(k, outputs, activation), lambda k: dict(optimizer=k.optimizers.Adam(0.01), loss=loss), x, y))


def test_metrics(keras):
    x, y = _data("yes")

    def compiled(k):
        m = k.metrics
        return dict(optimizer="adam", loss="binary_crossentropy",
                    metrics=["accuracy", m.Precision(name="precision"), m.Recall(name="recall"), m.AUC(name="auc"), m.MeanSquaredError(name="mse"),
                             m.BinaryAccuracy(name="at_04", threshold=0.4)])

    _same(_both(keras, lambda k: _net(k, 1, "sigmoid"), compiled, x, y))


def test_class_weights(keras):
    x, y = _data("class")
    _same(_both(keras, lambda k: _net(k, 3, "softmax"), lambda k: dict(optimizer="adam", loss="sparse_categorical_crossentropy"), x, y,
                class_weight={0: 1.0, 1: 3.0, 2: 0.5}))


def test_sample_weights(keras):
    x, y = _data("number")
    weight = np.linspace(0.1, 2, len(x)).astype(np.float32)
    _same(_both(keras, lambda k: _net(k, 1, None), lambda k: dict(optimizer="adam", loss="mse", weighted_metrics=["mae"]), x, y, sample_weight=weight))


def test_validation_split(keras):
    x, y = _data("number")
    _same(_both(keras, lambda k: _net(k, 1, None), lambda k: dict(optimizer="adam", loss="mse", metrics=["mae"]), x, y, validation_split=0.3))


def test_validation_data(keras):
    x, y = _data("number")
    _same(_both(keras, lambda k: _net(k, 1, None), lambda k: dict(optimizer="adam", loss="mse"), x, y, validation_data=(x[:20], y[:20]),
                validation_batch_size=7))


def test_penalties_and_normalization(keras):
    x, y = _data("number")

    def layers(k):
        return [k.layers.Dense(8, use_bias=False, kernel_regularizer=k.regularizers.L1L2(0.01, 0.02), kernel_constraint=k.constraints.MaxNorm(1.0)),
                k.layers.BatchNormalization(), k.layers.Activation("relu"), k.layers.LayerNormalization()]

    _same(_both(keras, lambda k: _net(k, 1, None, layers), lambda k: dict(optimizer="adam", loss="mse"), x, y), 3e-4)


def test_convolutions(keras, rng):
    x, y = rng.normal(size=(40, 8, 8, 2)).astype(np.float32), rng.integers(0, 3, 40)

    def make(k):
        return k.Sequential([k.layers.Input((8, 8, 2)), k.layers.Conv2D(4, 3, activation="relu", padding="same"), k.layers.MaxPooling2D(),
                             k.layers.Conv2D(3, 3), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3, activation="softmax")])

    _same(_both(keras, make, lambda k: dict(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]), x, y))


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_sequences(keras, rng, name):
    x, y = rng.integers(0, 9, (40, 7)).astype(np.int32), rng.normal(size=(40, 1)).astype(np.float32)

    def make(k):
        return k.Sequential([k.layers.Input((7,), dtype="int32"), k.layers.Embedding(9, 4, mask_zero=True), getattr(k.layers, name)(5),
                             k.layers.Dense(1)])

    _same(_both(keras, make, lambda k: dict(optimizer="adam", loss="mse"), x, y))


def test_two_outputs(keras):
    x, y = _data("number")
    labels = {"a": y, "b": (y > 0).astype(np.float32)}

    def make(k):
        begin = k.Input((6,))
        middle = k.layers.Dense(5, activation="relu")(begin)
        return k.Model(begin, {"a": k.layers.Dense(1, name="a")(middle), "b": k.layers.Dense(1, activation="sigmoid", name="b")(middle)})

    def compiled(k):
        return dict(optimizer="adam", loss={"a": "mse", "b": "binary_crossentropy"}, loss_weights={"a": 0.3, "b": 2.0}, metrics={"b": ["accuracy"]})

    _same(_both(keras, make, compiled, x, labels))


def test_custom_layer_loss_and_metric(keras):
    x, y = _data("number")

    def make(k):
        class Scaled(k.layers.Layer):
            def build(self, input_shape):
                self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")

            def call(self, inputs):
                return k.ops.tanh(inputs * self.factor) + 0.1 * inputs

        return k.Sequential([k.layers.Input((6,)), k.layers.Dense(4), Scaled(), k.layers.Dense(1)])

    def compiled(k):
        def loss(y_true, y_pred):
            return k.ops.mean(k.ops.abs(y_true - y_pred) ** 1.5, axis=-1)

        def near(y_true, y_pred):
            return k.ops.cast(k.ops.abs(y_true - y_pred) < 0.5, "float32")

        return dict(optimizer="adam", loss=loss, metrics=[near])

    _same(_both(keras, make, compiled, x, y))


def test_order_of_weights(keras):
    """`get_weights` gives them as Keras does: a layer's own before those of the layers within it, and in each those first that training changes."""

    def make(k):
        L = k.layers
        steps = L.Input((5, 4))
        x = L.TimeDistributed(L.BatchNormalization())(steps)
        x = L.SpectralNormalization(L.Dense(3))(x)
        x = L.Bidirectional(L.LSTM(2, return_sequences=True))(x)
        x = L.MultiHeadAttention(2, 3)(x, x)
        x = L.RNN([L.GRUCell(2), L.LSTMCell(5)])(x)
        return k.Model(steps, L.BatchNormalization()(x))

    theirs, mine = ([(w.name, tuple(w.shape), w.trainable) for w in make(k).weights] for k in (keras, adaline))
    assert mine == theirs
