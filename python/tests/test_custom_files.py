"""Classes and functions of one's own in files, opened here and in Keras, which has the same ones."""

import types

import numpy as np
import pytest

import adaline

ROWS = 24


def own(k):
    """The same classes for either package, not registered."""
    made = types.SimpleNamespace()
    sums = dict(zeros="zeros") if k is adaline else dict(zeros="zeros")

    class Scaled(k.layers.Layer):
        def __init__(self, units=3, gain=1.0, act=None, **kwargs):
            super().__init__(**kwargs)
            self.units, self.gain, self.act = units, gain, act

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="w")
            self.offset = self.add_weight(shape=(self.units,), initializer="ones", trainable=False, name="offset")

        def call(self, inputs):
            return k.ops.tanh(k.ops.matmul(inputs, self.w) * self.gain + self.offset)

        def get_config(self):
            return {**super().get_config(), "units": self.units, "gain": self.gain, "act": self.act}

    class Twice(k.layers.Layer):
        """Layers within."""

        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first, self.second = k.layers.Dense(units, activation="relu"), k.layers.Dense(units)

        def build(self, input_shape):
            self.first.build(input_shape)
            self.second.build((*input_shape[:-1], self.units))

        def call(self, inputs):
            return self.second(self.first(inputs))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    def bent(x):
        return k.ops.maximum(x, 0.1 * x)

    class Far(k.losses.Loss):
        def __init__(self, power=2.0, name="far", **kwargs):
            super().__init__(name=name, **kwargs)
            self.power = power

        def call(self, y_true, y_pred):
            return k.ops.mean(k.ops.abs(y_true - y_pred) ** self.power, axis=-1)

        def get_config(self):
            return {**super().get_config(), "power": self.power}

    class Near(k.metrics.Metric):
        def __init__(self, within=0.5, name="near", **kwargs):
            super().__init__(name=name, **kwargs)
            self.within = within
            self.hits, self.seen = self.add_weight(name="hits", initializer=sums["zeros"]), self.add_weight(name="seen", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            right = k.ops.cast(k.ops.less(k.ops.abs(y_true - y_pred), self.within), "float32")
            self.hits.assign_add(k.ops.sum(right))
            self.seen.assign_add(k.ops.sum(k.ops.ones_like(right)))

        def result(self):
            return self.hits / (self.seen + 1e-7)

        def get_config(self):
            return {**super().get_config(), "within": self.within}

    def crooked(y_true, y_pred):
        return k.ops.mean(k.ops.square(y_true - y_pred) * 3.0, axis=-1)

    class Half(k.regularizers.Regularizer):
        def __init__(self, by=0.01):
            self.by = by

        def __call__(self, x):
            return self.by * k.ops.sum(k.ops.abs(x)) / 2.0

        def get_config(self):
            return {"by": self.by}

    for thing in (Scaled, Twice, bent, Far, Near, crooked, Half):
        setattr(made, thing.__name__, thing)
    return made


def objects(classes):
    return dict(vars(classes))


def sequential(k, c):
    model = k.Sequential([k.layers.Input((4,)), c.Scaled(5, gain=0.5, name="scaled"), c.Twice(3, name="twice"),
                          k.layers.Dense(2, activation=c.bent, name="last")])
    model.compile(k.optimizers.Adam(0.01), c.Far(1.5), metrics=[c.Near(0.3)])
    return model


def functional(k, c):
    x = k.Input((4,), name="x")
    a, b = c.Scaled(3, name="a")(x), c.Twice(3, name="b")(x)
    model = k.Model(x, k.layers.Dense(2, name="last")(k.layers.Add(name="sum")([a, b])))
    model.compile(k.optimizers.SGD(0.05, momentum=0.9), c.crooked, metrics=[c.crooked, "mae"])
    return model


MAKERS = [sequential, functional]


def data():
    rng = np.random.default_rng(2)
    return rng.normal(size=(ROWS, 4)).astype(np.float32), rng.normal(size=(ROWS, 2)).astype(np.float32)


def trained(model, steps=1):
    x, y = data()
    return model.fit(x, y, batch_size=8, epochs=steps, shuffle=False, verbose=0).history


def same_models(model, again):
    x, y = data()
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    told, wanted = again.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(told, wanted, rtol=1e-4)
    # With the optimizer's memory.
    told, wanted = trained(again, 2), trained(model, 2)
    assert set(told) == set(wanted)
    for name in wanted:
        np.testing.assert_allclose(told[name], wanted[name], rtol=1e-3, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("way", ["argument", "scope", "registered", "everywhere"])
def test_here_and_again(make, way, tmp_path, monkeypatch):
    c = own(adaline)
    if way == "registered":
        monkeypatch.setattr(adaline.saving, "_registered", {})
        for thing in objects(c).values():
            adaline.saving.register_keras_serializable("mine")(thing)
    model = make(adaline, c)
    trained(model)
    path = tmp_path / "model.keras"
    model.save(path)
    if way == "argument":
        again = adaline.saving.load_model(path, custom_objects=objects(c))
    elif way == "scope":
        with adaline.saving.custom_object_scope(objects(c)):
            again = adaline.saving.load_model(path)
    elif way == "everywhere":
        monkeypatch.setattr(adaline.saving, "_registered", {})
        adaline.saving.get_custom_objects().update(objects(c))
        again = adaline.saving.load_model(path)
    else:
        again = adaline.saving.load_model(path)
    assert again.layers[-1].name == model.layers[-1].name
    same_models(model, again)


@pytest.fixture
def both(keras, register, monkeypatch):
    """The same classes for both packages, registered in both where a test asks for that."""
    mine, theirs = own(adaline), own(keras)
    if register:
        monkeypatch.setattr(adaline.saving, "_registered", {})
        for k, c in ((adaline, mine), (keras, theirs)):
            for thing in objects(c).values():
                k.saving.register_keras_serializable("both")(thing)
    yield mine, theirs
    if register:
        keras.saving.get_custom_objects().clear()


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("register", [False, True])
def test_written_here_opened_by_keras(keras, make, register, both, tmp_path):
    mine, theirs = both
    model = make(adaline, mine)
    trained(model)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", custom_objects=None if register else objects(theirs))
    same_models(model, again)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("register", [False, True])
def test_written_by_keras_opened_here(keras, make, register, both, tmp_path):
    mine, theirs = both
    model = make(keras, theirs)
    trained(model)
    model.save(tmp_path / "model.keras")
    again = adaline.saving.load_model(tmp_path / "model.keras", custom_objects=None if register else objects(mine))
    same_models(model, again)


@pytest.mark.parametrize("make", MAKERS)
def test_weights_alone_both_ways(keras, make, tmp_path):
    x, _ = data()
    mine, theirs = make(adaline, own(adaline)), make(keras, own(keras))
    trained(theirs)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    mine.load_weights(tmp_path / "theirs.weights.h5")
    np.testing.assert_allclose(mine.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    trained(mine)
    mine.save_weights(tmp_path / "mine.weights.h5")
    theirs.load_weights(tmp_path / "mine.weights.h5")
    np.testing.assert_allclose(mine.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


def test_a_class_that_nobody_told_of_is_named(tmp_path):
    c = own(adaline)
    model = sequential(adaline, c)
    model.save(tmp_path / "model.keras")
    with pytest.raises(Exception, match="Scaled.*(custom_objects|register)"):
        adaline.saving.load_model(tmp_path / "model.keras")
    known = objects(c)
    del known["Twice"]
    with pytest.raises(Exception, match="Twice.*(custom_objects|register)"):
        adaline.saving.load_model(tmp_path / "model.keras", custom_objects=known)
    known = objects(c)
    del known["bent"]
    with pytest.raises(Exception, match="bent.*(custom_objects|register)"):
        adaline.saving.load_model(tmp_path / "model.keras", custom_objects=known)
    known = objects(c)
    del known["Far"]
    with pytest.raises(Exception, match="Far.*(custom_objects|register)"):
        adaline.saving.load_model(tmp_path / "model.keras", custom_objects=known)
    # What training needs is not asked for where it is not wanted.
    del known["Near"]
    assert adaline.saving.load_model(tmp_path / "model.keras", custom_objects=known, compile=False).layers[0].gain == 0.5


class _Counted(adaline.metrics.Metric):
    def __init__(self, name="counted", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_weight(name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(adaline.ops.sum(adaline.ops.abs(y_true - y_pred)))

    def result(self):
        return self.total + 0.0


class _Doubled(adaline.layers.Layer):
    def call(self, x):
        return 2 * x


def _squares(y_true, y_pred):
    return adaline.ops.mean(adaline.ops.square(y_true - y_pred), axis=-1)


def test_pickles_take_classes_of_the_program_along(rng):
    import copy
    import pickle

    model = adaline.Sequential([adaline.layers.Input((3,)), adaline.layers.Dense(2), _Doubled()])
    model.compile("adam", _squares, metrics=[_Counted(), "mae"])
    x, y = rng.normal(size=(8, 3)).astype(np.float32), rng.normal(size=(8, 2)).astype(np.float32)
    model.fit(x, y, verbose=0)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
        np.testing.assert_allclose(again.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-6)
        assert again.optimizer.iterations == model.optimizer.iterations
