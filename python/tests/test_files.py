"""Files: what is written here opens in real Keras with the same predictions, and the other way round."""

import numpy as np
import pytest

import adaline


def _row(shape, kind="float", rng=None):
    rng = rng or np.random.default_rng(3)
    return rng.integers(0, 7, (5, *shape)).astype(np.int32) if kind == "int" else rng.normal(size=(5, *shape)).astype(np.float32)


# (name, shape of a row, kind of numbers, layers)
NETWORKS = [
    ("dense", (6,), "float", lambda k: [k.layers.Dense(4, activation="gelu"), k.layers.Dropout(0.3), k.layers.Dense(2, use_bias=False)]),
    ("activations", (6,), "float", lambda k: [k.layers.LeakyReLU(0.1), k.layers.PReLU(), k.layers.ELU(), k.layers.ReLU(max_value=2.0), k.layers.Softmax()]),
    ("normalizations", (4, 6), "float", lambda k: [k.layers.BatchNormalization(), k.layers.LayerNormalization(), k.layers.UnitNormalization(),
                                                   k.layers.GroupNormalization(2)]),
    ("conv1d", (9, 3), "float", lambda k: [k.layers.Conv1D(4, 3, padding="causal", activation="relu"), k.layers.MaxPooling1D(2),
                                           k.layers.SeparableConv1D(3, 2), k.layers.GlobalMaxPooling1D()]),
    ("conv2d", (8, 8, 2), "float", lambda k: [k.layers.Conv2D(4, 3, strides=2, padding="same"), k.layers.DepthwiseConv2D(2),
                                              k.layers.Conv2DTranspose(3, 2, strides=2), k.layers.AveragePooling2D(2), k.layers.Flatten(),
                                              k.layers.Dense(3, activation="softmax")]),
    ("shapes", (4, 6), "float", lambda k: [k.layers.Reshape((2, 12)), k.layers.Permute((2, 1)), k.layers.ZeroPadding1D(1), k.layers.Cropping1D(2),
                                           k.layers.UpSampling1D(2), k.layers.Flatten(), k.layers.RepeatVector(2)]),
    ("lstm", (5, 3), "float", lambda k: [k.layers.LSTM(4, return_sequences=True), k.layers.Bidirectional(k.layers.LSTM(3)), k.layers.Dense(1)]),
    ("gru", (5, 3), "float", lambda k: [k.layers.GRU(4, return_sequences=True), k.layers.SimpleRNN(3)]),
    ("embedding", (6,), "int", lambda k: [k.layers.Embedding(7, 4, mask_zero=True), k.layers.LSTM(3), k.layers.Dense(2)]),
    ("distributed", (4, 6), "float", lambda k: [k.layers.TimeDistributed(k.layers.Dense(3, activation="relu")), k.layers.GlobalAveragePooling1D()]),
    ("einsum", (4, 6), "float", lambda k: [k.layers.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d"), k.layers.Rescaling(0.5, 1.0)]),
    ("regularized", (6,), "float", lambda k: [k.layers.Dense(3, kernel_regularizer=k.regularizers.L2(0.1), kernel_constraint="non_neg",
                                                             kernel_initializer=k.initializers.HeNormal(seed=1))]),
    ("images", (6, 6, 3), "float", lambda k: [k.layers.UpSampling2D(2, interpolation="bilinear"), k.layers.SpatialDropout2D(0.2),
                                              k.layers.GlobalMaxPooling2D()]),
]
IDS = [n[0] for n in NETWORKS]


def _sequential(k, shape, kind, layers):
    return k.Sequential([k.layers.Input(shape, dtype="int32" if kind == "int" else "float32"), *layers(k)])


def _close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name, shape, kind, layers", NETWORKS, ids=IDS)
def test_written_here_opened_by_keras(keras, tmp_path, name, shape, kind, layers):
    mine = _sequential(adaline, shape, kind, layers)
    x = _row(shape, kind)
    if name == "normalizations":  # statistics other than those of new weights
        mine.layers[0].set_weights([np.linspace(0.5, 1.5, 6), np.linspace(-1, 1, 6), np.linspace(0, 1, 6), np.linspace(1, 2, 6)])
    mine.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    _close(mine.predict(x, verbose=0), np.asarray(theirs(x, training=False)))
    assert [type(layer).__name__ for layer in theirs.layers] == [type(layer).__name__ for layer in mine.layers]
    for a, b in zip(mine.get_weights(), theirs.get_weights()):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name, shape, kind, layers", NETWORKS, ids=IDS)
def test_written_by_keras_opened_here(keras, tmp_path, name, shape, kind, layers):
    theirs = _sequential(keras, shape, kind, layers)
    x = _row(shape, kind)
    wanted = np.asarray(theirs(x, training=False))
    theirs.save(tmp_path / "m.keras")
    mine = adaline.models.load_model(tmp_path / "m.keras")
    _close(mine.predict(x, verbose=0), wanted)
    _close(adaline.models.load_model(tmp_path / "m.keras", compile=False)(x), wanted)
    theirs.save_weights(tmp_path / "m.weights.h5")
    other = _sequential(adaline, shape, kind, layers)
    other.load_weights(tmp_path / "m.weights.h5")
    _close(other.predict(x, verbose=0), wanted)


def _functional(k):
    a, b = k.Input((4,), name="a"), k.Input((3,), name="b")
    shared = k.layers.Dense(3, activation="tanh", name="shared")
    left = shared(a)
    right = k.layers.Dense(4, name="widen")(b)
    both = k.layers.Concatenate(name="both")([left, shared(right)])
    inner_in = k.Input((6,), name="inner_in")
    inner = k.Model(inner_in, k.layers.Dense(2, name="within")(inner_in), name="inner")
    return k.Model([a, b], [inner(both), k.layers.Dense(1, activation="sigmoid", name="second")(both)], name="two")


def test_functional_both_ways(keras, tmp_path, rng):
    x = [rng.normal(size=(5, 4)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)]
    mine = _functional(adaline)
    mine.save(tmp_path / "mine.keras")
    for a, b in zip(mine.predict(x, verbose=0), keras.models.load_model(tmp_path / "mine.keras")(x)):
        _close(a, np.asarray(b))
    theirs = _functional(keras)
    theirs.save(tmp_path / "theirs.keras")
    opened = adaline.models.load_model(tmp_path / "theirs.keras")
    for a, b in zip(opened.predict(x, verbose=0), theirs(x)):
        _close(a, np.asarray(b))
    # Input layers come first here, in the order of the inputs; the others in Keras' order, by which files number weights.
    names, others = [layer.name for layer in opened.layers], [layer.name for layer in theirs.layers]
    assert sorted(names) == sorted(others) and names[:2] == ["a", "b"]
    assert names[2:] == [name for name in others if name not in ("a", "b")]
    opened.set_weights(mine.get_weights())
    for a, b in zip(opened.predict(x, verbose=0), mine.predict(x, verbose=0)):
        _close(a, b)


def _trained(k, rng):
    x = rng.normal(size=(64, 4)).astype(np.float32)
    y = (x.sum(1) > 0).astype(np.int32)
    model = k.Sequential([k.layers.Input((4,)), k.layers.Dense(8, activation="relu"), k.layers.Dense(2, activation="softmax")])
    model.compile(k.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0)
    return model, x, y


def test_training_goes_on_after_loading(keras, tmp_path, rng):
    """With the optimizer's memory, across libraries: the next losses are the same."""
    for maker, other in ((adaline, keras), (keras, adaline), (adaline, adaline)):
        model, x, y = _trained(maker, rng)
        model.save(tmp_path / "m.keras")
        opened = other.models.load_model(tmp_path / "m.keras")
        a = model.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0).history
        b = opened.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0).history
        np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-4)
        np.testing.assert_allclose(a["accuracy"], b["accuracy"], rtol=1e-4)


@pytest.mark.parametrize("name", ["w.weights.h5", "w.safetensors", "w.npz"])
def test_weights_alone(tmp_path, rng, name):
    model, x, _ = _trained(adaline, rng)
    model.save_weights(tmp_path / name)
    twin = adaline.models.clone_model(model)
    twin.load_weights(tmp_path / name)
    np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))
    with pytest.raises(FileExistsError):
        model.save_weights(tmp_path / name, overwrite=False)


def test_weights_to_keras(keras, tmp_path, rng):
    model, x, _ = _trained(adaline, rng)
    model.save_weights(tmp_path / "w.weights.h5")
    theirs, _, _ = _trained(keras, rng)
    theirs.load_weights(tmp_path / "w.weights.h5")
    _close(np.asarray(theirs(x)), model.predict(x, verbose=0))


@adaline.saving.register_keras_serializable("tests")
class Doubled(adaline.layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def test_layers_of_ones_own(tmp_path, rng):
    model = adaline.Sequential([adaline.layers.Input((3,)), adaline.layers.Dense(2), Doubled(3.0)])
    model.compile("adam", "mse")
    x = rng.normal(size=(4, 3)).astype(np.float32)
    model.fit(x, x[:, :2], verbose=0)
    model.save(tmp_path / "m.keras")
    opened = adaline.models.load_model(tmp_path / "m.keras")
    assert opened.layers[-1].factor == 3.0
    np.testing.assert_array_equal(opened.predict(x, verbose=0), model.predict(x, verbose=0))


def test_json(rng):
    model = _functional(adaline)
    again = adaline.models.model_from_json(model.to_json())
    assert again.count_params() == model.count_params() and [a.name for a in again.layers] == [a.name for a in model.layers]


def test_what_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="File not found"):
        adaline.models.load_model(tmp_path / "none.keras")
    (tmp_path / "bad.keras").write_bytes(b"nothing of the kind")
    with pytest.raises(Exception, match="bad.keras|zip|archive"):
        adaline.models.load_model(tmp_path / "bad.keras")
    with pytest.raises(ValueError, match="extension"):
        _functional(adaline).save(tmp_path / "m.bin")


def test_files_with_code_are_refused(keras, tmp_path):
    theirs = keras.Sequential([keras.layers.Input((2,)), keras.layers.Lambda(lambda t: t * 2)])
    theirs.save(tmp_path / "m.keras")
    with pytest.raises(Exception, match="(?i)lambda"):
        adaline.models.load_model(tmp_path / "m.keras")
