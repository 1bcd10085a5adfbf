"""Calls of layers: masks and other arguments, on arrays and in networks, and layers of Python within others, compared with real Keras."""

import copy
import pickle

import numpy as np
import pytest

import adaline

X = np.random.default_rng(3).normal(size=(3, 5, 4)).astype(np.float32)
STEPS = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]], dtype=bool)
PAIRS = np.random.default_rng(4).uniform(size=(3, 5, 5)) > 0.4
PAIRS[:, :, 0] = True


def _both(keras, make, call):
    """What a call gives, of Keras and here, with the same weights."""
    theirs, mine = make(keras), make(adaline)
    expected = call(theirs)
    call(mine)
    mine.set_weights(theirs.get_weights())
    return expected, call(mine)


def _close(expected, got):
    if isinstance(expected, (list, tuple)):
        assert isinstance(got, (list, tuple)) and len(expected) == len(got)
        for a, b in zip(expected, got):
            _close(a, b)
    else:
        np.testing.assert_allclose(got, np.asarray(expected), rtol=1e-4, atol=2e-6)


MASKED = {
    "lstm": (lambda k: k.layers.LSTM(3), lambda la: la(X, mask=STEPS)),
    "gru": (lambda k: k.layers.GRU(3, return_sequences=True), lambda la: la(X, mask=STEPS)),
    "simple": (lambda k: k.layers.SimpleRNN(3, return_sequences=True, zero_output_for_mask=True), lambda la: la(X, mask=STEPS)),
    "states": (lambda k: k.layers.LSTM(3, return_state=True), lambda la: la(X, initial_state=[X[:, 0, :3], X[:, 1, :3]], mask=STEPS)),
    "positions": (lambda k: k.layers.GRU(3), lambda la: la(X, X[:, 0, :3], STEPS)),
    "bidirectional": (lambda k: k.layers.Bidirectional(k.layers.LSTM(3)), lambda la: la(X, mask=STEPS)),
    "time distributed": (lambda k: k.layers.TimeDistributed(k.layers.Dense(3)), lambda la: la(X, mask=STEPS)),
    "softmax": (lambda k: k.layers.Softmax(), lambda la: la(X[:, :, 0], mask=STEPS)),
    "softmax of fewer axes": (lambda k: k.layers.Softmax(), lambda la: la(X[:, :, 0], mask=STEPS[0])),
    "pooling": (lambda k: k.layers.GlobalAveragePooling1D(), lambda la: la(X, mask=STEPS)),
    "batch normalization": (lambda k: k.layers.BatchNormalization(), lambda la: la(X, training=True, mask=STEPS)),
    "attention": (lambda k: k.layers.Attention(use_scale=True), lambda la: la([X, X], mask=[STEPS, STEPS], return_attention_scores=True)),
    "attention of one": (lambda k: k.layers.AdditiveAttention(), lambda la: la([X, X], mask=[None, STEPS], use_causal_mask=True)),
    "heads": (lambda k: k.layers.MultiHeadAttention(2, 3), lambda la: la(X, X, value_mask=STEPS, return_attention_scores=True)),
    # Keras takes the query's mask from the tensor, whatever the call says.
    "heads with a mask of the query": (lambda k: k.layers.MultiHeadAttention(2, 3), lambda la: la(X, X, query_mask=STEPS)),
    "pairs": (lambda k: k.layers.MultiHeadAttention(2, 3), lambda la: la(X, X, attention_mask=PAIRS, use_causal_mask=True)),
    "pairs of one row": (lambda k: k.layers.MultiHeadAttention(2, 3), lambda la: la(X, X, attention_mask=PAIRS[:1])),
    "groups": (lambda k: k.layers.GroupQueryAttention(3, 4, 2), lambda la: la(X, X, attention_mask=PAIRS)),
}


@pytest.mark.parametrize("name", MASKED)
def test_arguments_of_calls_on_arrays_are_keras(keras, name):
    _close(*_both(keras, *MASKED[name]))


def test_steps_of_a_wrapped_layer_of_ones_own_have_their_masks():
    class Counted(adaline.layers.Layer):
        def call(self, x, mask=None):
            return x * adaline.ops.cast(mask, "float32")[:, None]

    np.testing.assert_allclose(adaline.layers.TimeDistributed(Counted())(X, mask=STEPS), X * STEPS[..., None])


def test_one_layer_is_called_in_several_ways():
    layer = adaline.layers.MultiHeadAttention(2, 3)
    plain, (again, scores), causal = layer(X, X), layer(X, X, return_attention_scores=True), layer(X, X, use_causal_mask=True)
    np.testing.assert_allclose(plain, again, atol=1e-6)
    assert scores.shape == (3, 2, 5, 5) and np.abs(plain - causal).max() > 1e-3
    assert len(layer.weights) == 8


def _masked_net(k):
    x, steps, pairs = k.Input((5, 4)), k.Input((5,), dtype="bool"), k.Input((5, 5), dtype="bool")
    lstm, attention = k.layers.LSTM(3, name="lstm"), k.layers.MultiHeadAttention(2, 3, name="attention")
    seen, scores = attention(x, x, attention_mask=pairs, return_attention_scores=True)
    return k.Model([x, steps, pairs], [lstm(x, mask=steps), lstm(x), seen, scores, attention(x, x, query_mask=steps, value_mask=steps)])


def test_masks_are_inputs_of_networks_and_in_files(keras, tmp_path):
    theirs, mine = _masked_net(keras), _masked_net(adaline)
    mine.set_weights(theirs.get_weights())
    data = [X, STEPS, PAIRS]
    expected = [np.asarray(v) for v in theirs(data)]
    _close(expected, mine.predict(data, verbose=0))
    mine.save(tmp_path / "mine.keras")
    _close(expected, adaline.models.load_model(tmp_path / "mine.keras").predict(data, verbose=0))
    _close([np.asarray(v) for v in keras.models.load_model(tmp_path / "mine.keras")(data)], expected)
    theirs.save(tmp_path / "theirs.keras")
    _close(expected, adaline.models.load_model(tmp_path / "theirs.keras").predict(data, verbose=0))


def test_what_a_layer_does_not_take_is_told():
    with pytest.raises(ValueError, match="attention_mask"):
        adaline.layers.LSTM(3)(X, attention_mask=PAIRS)
    with pytest.raises(ValueError, match=r"mask.*5\], got.*4\]"):
        adaline.layers.TimeDistributed(adaline.layers.Dense(2))(X, mask=STEPS[:, :4])
    with pytest.raises(ValueError, match="attention_mask"):
        adaline.layers.MultiHeadAttention(2, 3)(X, X, attention_mask=STEPS)
    with pytest.raises(TypeError, match="twice"):
        adaline.layers.GRU(3)(X, None, STEPS, mask=STEPS)


def test_a_layer_of_ones_own_decides_on_training_within():
    class Always(adaline.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.drop = adaline.layers.Dropout(0.5)

        def call(self, x):
            return self.drop(x, training=True), self.drop(x, training=False)

    dropped, kept = Always()(X)
    assert (dropped == 0).any()
    np.testing.assert_array_equal(kept, X)


def test_plain_arguments_of_a_layer_of_ones_own_are_those_of_each_call():
    class Scaled(adaline.layers.Layer):
        def call(self, x, scale=1.0):
            return x * scale

    layer = Scaled()
    for scale in (2.0, 3.0, 2.0):
        np.testing.assert_allclose(layer(X, scale=scale), X * scale)
    x = adaline.Input((5, 4))
    first, second = adaline.Model(x, [layer(x, scale=2.0), layer(x, scale=5.0)]).predict(X, verbose=0)
    np.testing.assert_allclose(second, 2.5 * first, rtol=1e-6)


def test_calls_of_a_layer_of_ones_own_are_in_files(tmp_path):
    @adaline.saving.register_keras_serializable("calls")
    class Mixed(adaline.layers.Layer):
        def call(self, x, other, scale=1.0, shift=None):
            return x * scale + other + (0.0 if shift is None else shift)

    x, y = adaline.Input((5, 4)), adaline.Input((5, 4))
    layer = Mixed()
    model = adaline.Model([x, y], [layer(x, y, scale=2.0), layer(y, other=x, shift=y)])
    expected = model.predict([X, 2 * X], verbose=0)
    _close(expected, [4 * X, 5 * X])
    model.save(tmp_path / "model.keras")
    _close(expected, adaline.models.load_model(tmp_path / "model.keras").predict([X, 2 * X], verbose=0))


def test_layers_within_a_layer_of_ones_own_are_told_masks(keras):
    def make(k):
        class Block(k.layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.attention, self.lstm = k.layers.MultiHeadAttention(2, 3), k.layers.LSTM(4, return_sequences=True)

            def call(self, x, steps, pairs):
                seen, scores = self.attention(x, x, attention_mask=pairs, return_attention_scores=True)
                return self.lstm(seen, mask=steps), scores

        return Block()

    _close(*_both(keras, make, lambda layer: layer(X, STEPS, PAIRS)))


def _cell(k, two):
    class Minimal(k.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units, self.output_size = units, units
            self.state_size = [units, units] if two else units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
            self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")

        def call(self, inputs, states):
            h = k.ops.tanh(k.ops.matmul(inputs, self.kernel) + k.ops.matmul(states[0], self.recurrent))
            return (h + states[1], [h, states[1] + h]) if two else (2.0 * h, [h])

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Minimal


CELLS = {
    "last": lambda k, c: k.layers.RNN(c(3)),
    "all": lambda k, c: k.layers.RNN(c(3), return_sequences=True, go_backwards=True),
    "states": lambda k, c: k.layers.RNN(c(3), return_state=True),
    "stack": lambda k, c: k.layers.RNN([c(3), c(2)], return_state=True),
    "both ends": lambda k, c: k.layers.Bidirectional(k.layers.RNN(c(3), return_sequences=True)),
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("mask", [None, STEPS])
def test_cells_of_ones_own_are_keras(keras, name, two, mask):
    if name == "stack" and mask is not None:
        pytest.skip("Keras takes the first state for the output before, which in a stack need not have its shape")

    def make(k):
        cell = _cell(k, two)
        with k.saving.custom_object_scope({"Minimal": cell}):
            return CELLS[name](k, cell)

    _close(*_both(keras, make, lambda layer: layer(X, mask=mask)))


def test_cells_and_wrapped_layers_train_and_are_in_files(tmp_path):
    cell = adaline.saving.register_keras_serializable("calls")(_cell(adaline, False))

    @adaline.saving.register_keras_serializable("calls")
    class Twice(adaline.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

        def call(self, x):
            return x * self.scale

    model = adaline.Sequential([adaline.Input((5, 4)), adaline.layers.TimeDistributed(Twice()), adaline.layers.RNN(cell(3)), adaline.layers.Dense(1)])
    assert [w.shape for w in model.weights] == [(4,), (4, 3), (3, 3), (3, 1), (1,)]
    model.compile("adam", "mse")
    losses = model.fit(X, X[:, 0, :1], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    expected = model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(adaline.models.load_model(tmp_path / "model.keras").predict(X, verbose=0), expected, atol=1e-6)


def test_a_cell_that_gives_other_states_than_it_says_is_told():
    class Wrong(adaline.layers.Layer):
        state_size = [3, 3]

        def call(self, inputs, states):
            return states[0], [states[0]]

    with pytest.raises(ValueError, match="2 states.*gave 1"):
        adaline.layers.RNN(Wrong())(X)


def test_a_stateful_layer_goes_on_from_the_batch_before(keras):
    theirs, mine = (k.layers.GRU(3, stateful=True) for k in (keras, adaline))
    theirs.build(X.shape)
    mine.build(X.shape)
    mine.set_weights(theirs.get_weights())
    expected = [np.asarray(theirs(X)) for _ in range(2)]
    _close(expected, [mine(X) for _ in range(2)])
    assert np.abs(expected[0] - expected[1]).max() > 1e-6


def test_states_are_forgotten(keras):
    layer = adaline.layers.LSTM(3, stateful=True)
    first = layer(X)
    layer(X)
    layer.reset_state()
    np.testing.assert_allclose(layer(X), first, atol=1e-6)


def test_no_activation_and_no_merging_are_not_the_defaults(keras):
    _close(*_both(keras, lambda k: k.layers.LSTM(3, activation=None, recurrent_activation="tanh"), lambda layer: layer(X)))
    _close(*_both(keras, lambda k: k.layers.Bidirectional(k.layers.GRU(3), merge_mode=None), lambda layer: layer(X)))


def test_states_of_a_stack_are_by_cells(keras):
    def make(k):
        return k.layers.RNN([k.layers.LSTMCell(3), k.layers.GRUCell(2)], return_state=True)

    expected, got = _both(keras, make, lambda layer: layer(X))
    _close(expected, got)
    assert make(adaline).compute_output_shape((None, 5, 4)) == ((None, 2), [(None, 3), (None, 3)], (None, 2))


def test_functions_with_several_results_in_networks(keras):
    def net(k):
        x = k.Input((6,))
        values, places = k.ops.top_k(x, 2)
        left, right = k.ops.split(x, 2, axis=1)
        return k.Model(x, [values, places, left, right, k.ops.maximum(0.25, x), 1.0 - x, *k.ops.unstack(x, axis=1)[:1]])

    data = X[0, :4].repeat(2, axis=1)[:, :6]
    _close([np.asarray(v) for v in net(keras)(data)], net(adaline).predict(data, verbose=0))


WRONG = [
    (lambda la: la.Dense(0), "Dense: `units` is 0, but must be a positive integer"),
    (lambda la: la.Dense(-3), "`units` is -3, but must be a positive integer"),
    (lambda la: la.Dense(None), "`units`.*null.*a positive integer"),
    (lambda la: la.Dense(2.5), "a positive integer"),
    (lambda la: la.LSTM(0), "`units`"),
    (lambda la: la.Cropping2D(((1, 2, 3), 4)), "`cropping`"),
    (lambda la: la.ZeroPadding2D((1,)), "`padding`"),
    (lambda la: la.ReLU(negative_slope=None), "`negative_slope`"),
    (lambda la: la.Dropout(1.5), "`rate`"),
    (lambda la: la.Conv2D(8, 3, padding="sane"), "`padding`"),
    (lambda la: la.RNN(la.Dense(3)), "`cell`"),
    (lambda la: la.InputLayer(shape=(3,), batch_shape=(2, 3)), "both `shape` and `batch_shape`"),
    (lambda la: la.InputLayer(), "`shape`"),
    (lambda la: la.InputLayer(input_tensor=X), "KerasTensor"),
]


@pytest.mark.parametrize("at", range(len(WRONG)))
def test_wrong_arguments_are_told_when_a_layer_is_made(at):
    make, text = WRONG[at]
    with pytest.raises((TypeError, ValueError), match=text):
        make(adaline.layers)


WRONG_ELSEWHERE = [
    (lambda k: k.losses.Huber(delta="x"), "`delta`"),
    (lambda k: k.metrics.R2Score(class_aggregation="wrong"), "`class_aggregation`"),
    (lambda k: k.metrics.FBetaScore(beta=None), "`beta`"),
    (lambda k: k.constraints.MaxNorm("x"), "`max_value`"),
    (lambda k: k.optimizers.schedules.ExponentialDecay(0.1, 0, 0.9), "`decay_steps`"),
    (lambda k: k.optimizers.AdamW(weight_decay=None), "`weight_decay`"),
    (lambda k: k.optimizers.SGD(momentum=3), "`momentum`"),
    (lambda k: k.initializers.RandomNormal(stddev="x"), "`stddev`"),
    (lambda k: k.regularizers.L2(-1.0), "l2"),
]


@pytest.mark.parametrize("at", range(len(WRONG_ELSEWHERE)))
def test_wrong_arguments_are_told_when_any_object_is_made(at):
    make, text = WRONG_ELSEWHERE[at]
    with pytest.raises((TypeError, ValueError), match=text):
        make(adaline)


@pytest.mark.parametrize("make", [lambda k: k.layers.Dense(3), lambda k: k.losses.Huber(), lambda k: k.metrics.AUC(), lambda k: k.optimizers.Adam(),
                                  lambda k: k.layers.Bidirectional(k.layers.LSTM(3)), lambda k: k.constraints.MaxNorm(2.0)])
def test_objects_that_were_only_made_are_copied_and_pickled(make):
    made = make(adaline)
    for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert again.get_config() == made.get_config()


def test_weights_of_an_embedding_may_be_given():
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(adaline.layers.Embedding(3, 2, weights=[table])(np.array([[2, 0]])), table[[2, 0]][None])


def test_a_frozen_layer_acts_so_at_once():
    layer = adaline.layers.BatchNormalization(epsilon=0.0)
    layer.build((None, 5, 4))
    layer.trainable = False
    np.testing.assert_allclose(layer(X, training=True), X, atol=1e-6)
    layer.trainable = True
    assert np.abs(layer(X, training=True) - X).max() > 1e-3


def test_a_wrapper_of_ones_own(tmp_path):
    @adaline.saving.register_keras_serializable("calls")
    class Halved(adaline.layers.Wrapper):
        def call(self, inputs):
            return self.layer(inputs) * 0.5

    layer = Halved(adaline.layers.Dense(2))
    assert layer(X).shape == (3, 5, 2) and len(layer.weights) == 2
    again = Halved.from_config(layer.get_config())
    again.build(X.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(again(X), layer(X), atol=1e-6)
    with pytest.raises(ValueError, match="supported layer type"):
        Halved(3)


@pytest.mark.parametrize("what", ["add to the loss", "set weights"])
def test_a_cell_that_does_what_steps_cannot_is_told(what):
    class Cell(adaline.layers.Layer):
        state_size = 4

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.normal = adaline.layers.BatchNormalization()

        def call(self, inputs, states):
            if what == "set weights":
                return self.normal(inputs), states
            self.add_loss(adaline.ops.sum(inputs))
            return inputs, states

    with pytest.raises(ValueError, match=f"a cell cannot {what}"):
        adaline.layers.RNN(Cell())(X, training=True)
