"""Goldens of recurrent layers from real Keras: configurations, values, states, gradients, training.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/recurrent.py

writes recurrent_configs.json, recurrent_layers.json, recurrent_stateful.json and recurrent_training.json in crates/nn/tests/goldens.
Everything is a fixed function of nothing, so a second run changes no byte.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from catalogue import envelope, tensor, write
from catalogue import wave as long_wave
from images import training_case
from keras import layers as L
from keras import optimizers, regularizers

B, T, F, U = 3, 4, 2, 3
SEQUENCE = (B, T, F)
# Ragged ends, a gap, a row without any step.
MASK = np.array([[1, 1, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]], bool)


def wave(*arguments, **options):
    """Numbers without a pattern, short in the file."""
    return np.round(16 * long_wave(*arguments, **options)) / 16


def cells():
    """Each cell with each of its options, as functions of further arguments of the layer around it."""
    for name in ("SimpleRNN", "LSTM", "GRU"):
        layer = getattr(L, name)
        yield lambda layer=layer, **k: layer(U, **k)
        yield lambda layer=layer, **k: layer(U, activation="relu", use_bias=False, **k)
    yield lambda **k: L.LSTM(U, recurrent_activation="hard_sigmoid", unit_forget_bias=False, activation="softsign", **k)
    yield lambda **k: L.GRU(U, reset_after=False, **k)
    yield lambda **k: L.GRU(U, reset_after=False, use_bias=False, recurrent_activation="hard_sigmoid", **k)


def plain():
    """Layers and whether they are given a mask and initial states."""
    for cell in cells():
        yield cell(), False, False
        yield cell(return_sequences=True), True, True
    for name in ("SimpleRNN", "LSTM", "GRU"):
        layer = getattr(L, name)
        yield layer(U, go_backwards=True), True, False
        yield layer(U, go_backwards=True, return_sequences=True), False, True
        yield layer(U, zero_output_for_mask=True, return_sequences=True), True, False
        yield layer(U, zero_output_for_mask=True), True, True
        yield layer(U, unroll=True, return_sequences=True), True, True
        yield layer(U, unroll=True, go_backwards=True), True, False
    yield L.LSTM(U, unroll=True, zero_output_for_mask=True, return_sequences=True), True, True
    # Dropout does nothing in inference.
    yield L.LSTM(U, dropout=0.3, recurrent_dropout=0.2, kernel_regularizer="l2"), False, False
    yield L.GRU(U, dropout=0.3, recurrent_dropout=0.2, return_sequences=True), True, False
    yield L.SimpleRNN(U, dropout=0.3, recurrent_dropout=0.2), False, True


def stacks():
    yield L.RNN(L.LSTMCell(U)), True, False
    yield L.RNN(L.SimpleRNNCell(U), return_sequences=True, go_backwards=True), False, True
    yield L.RNN(L.GRUCell(U, dropout=0.2), return_sequences=True), True, True
    yield L.RNN([L.LSTMCell(U), L.GRUCell(2), L.SimpleRNNCell(U)]), False, True
    yield L.RNN([L.LSTMCell(2), L.LSTMCell(U)], return_sequences=True), True, True
    yield L.RNN([L.SimpleRNNCell(2), L.GRUCell(U)], return_sequences=True, go_backwards=True, zero_output_for_mask=True), True, False
    yield L.RNN(L.StackedRNNCells([L.GRUCell(U), L.GRUCell(U, reset_after=False)]), unroll=True), True, False


def bidirectional():
    for mode in ("concat", "sum", "mul", "ave", None):
        yield L.Bidirectional(L.LSTM(2, return_sequences=True), merge_mode=mode), mode in ("concat", "mul"), mode == "concat"
        yield L.Bidirectional(L.SimpleRNN(2), merge_mode=mode), mode in ("sum", "concat"), mode == "mul"
    yield L.Bidirectional(L.GRU(2, return_sequences=True)), True, True
    yield L.Bidirectional(L.GRU(2), backward_layer=L.GRU(2, activation="relu", go_backwards=True)), True, False
    yield L.Bidirectional(L.LSTM(2, go_backwards=True, return_sequences=True), backward_layer=L.LSTM(2, return_sequences=True)), False, False
    yield L.Bidirectional(L.RNN([L.LSTMCell(2), L.GRUCell(2)], return_sequences=True), merge_mode="sum"), True, False


def time_distributed():
    yield L.TimeDistributed(L.Dense(U, activation="tanh")), SEQUENCE
    yield L.TimeDistributed(L.Conv2D(2, 2)), (2, 3, 3, 4, 2)
    yield L.TimeDistributed(L.LSTM(2, return_sequences=True)), (2, 3, 3, 2)


def convolutional():
    yield L.ConvLSTM1D(2, 2), (2, 3, 5, 2)
    yield L.ConvLSTM1D(2, 3, strides=2, padding="same", return_sequences=True, go_backwards=True), (2, 3, 5, 2)
    yield L.ConvLSTM1D(2, 2, dilation_rate=2, data_format="channels_first", use_bias=False), (2, 3, 2, 5)
    yield L.ConvLSTM2D(2, (2, 3), padding="same", unit_forget_bias=False, activation="relu", return_sequences=True), (1, 3, 3, 4, 1)
    yield L.ConvLSTM2D(1, 2, data_format="channels_first", recurrent_activation="hard_sigmoid", return_sequences=True), (1, 2, 2, 3, 3)
    yield L.ConvLSTM3D(1, 2, return_sequences=True), (1, 2, 3, 2, 3, 1)


def config_cases():
    """Each class, and arguments that change nothing of the numbers above."""
    arguments = dict(
        kernel_initializer="he_normal", recurrent_initializer="zeros", bias_initializer="ones", kernel_regularizer="l2", recurrent_regularizer=regularizers.L1(0.1),
        bias_regularizer="l1", trainable=False, name="mine", dropout=0.1, recurrent_dropout=0.2, seed=5,
    )
    for layer in (L.SimpleRNN, L.LSTM, L.GRU, L.SimpleRNNCell, L.LSTMCell, L.GRUCell):
        yield layer(U)
        yield layer(U, **arguments)
    yield L.LSTM(U, stateful=True, return_state=True, unroll=True, zero_output_for_mask=True, return_sequences=True, go_backwards=True)
    yield L.StackedRNNCells([L.LSTMCell(U), L.StackedRNNCells([L.GRUCell(2)])])
    yield L.Bidirectional(L.LSTM(U, stateful=True, return_state=True, name="inner"), name="outer")
    yield L.TimeDistributed(L.TimeDistributed(L.Dense(2)), trainable=False)
    yield L.ConvLSTM2D(2, (2, 3), **arguments)
    yield from (L.ConvLSTM1D(2, 3), L.ConvLSTM3D(2, (1, 2, 3)), L.RNN([L.LSTMCell(U), L.GRUCell(2)]), L.RNN(L.SimpleRNNCell(U), return_sequences=True))


def layer_cases():
    for family in (plain, stacks, bidirectional):
        for layer, masked, begun in family():
            yield layer_case(layer, SEQUENCE, MASK if masked else None, begun)
    for family in (time_distributed, convolutional):
        for layer, shape in family():
            yield layer_case(layer, shape, None, False)
    yield layer_case(L.LSTM(U, return_sequences=True), (B, 1, F), None, False)
    yield layer_case(L.GRU(U), (B, 1, F), np.array([[0], [1], [1]], bool), True)
    yield layer_case(L.Bidirectional(L.SimpleRNN(U)), (1, 1, F), None, False)


def with_states(layer):
    """Makes a layer give its states, which its configuration does not ask for."""
    for part in [layer] + [getattr(layer, n) for n in ("forward_layer", "backward_layer") if hasattr(layer, n)]:
        if hasattr(part, "return_state"):
            part.return_state = True
    return layer


def state_sizes(layer):
    if hasattr(layer, "forward_layer"):
        return state_sizes(layer.forward_layer) + state_sizes(layer.backward_layer)
    return [int(np.prod(s)) for s in keras.tree.flatten(layer.state_size)]


def packed(layer, states):
    """Flat states as the layer takes them, nested where cells are stacked."""
    if hasattr(layer, "forward_layer"):
        half = len(states) // 2
        return [*packed(layer.forward_layer, states[:half]), *packed(layer.backward_layer, states[half:])]
    return keras.tree.pack_sequence_as(layer.get_initial_state(B), states)


def set_weights(layer):
    layer.set_weights([wave(w.shape, 0.7, rate=1.3 + 0.1 * i, shift=0.05) for i, w in enumerate(layer.get_weights())])


def layer_case(layer, shape, mask, begun):
    """Results, states, and gradients by input, initial states and weights."""
    case = {"object": envelope(layer)}
    with_states(layer)
    x = wave(shape, 1.5)
    layer.build(shape)
    set_weights(layer)
    initial = [wave((shape[0], n), 0.6, rate=2.1 + 0.2 * i) for i, n in enumerate(state_sizes(layer))] if begun else []
    train = [v.value for v in layer.trainable_variables]
    rest = [v.value for v in layer.non_trainable_variables]

    def run(t, q, s):
        arguments = {"mask": mask} if mask is not None else {}
        arguments |= {"initial_state": packed(layer, list(s))} if begun else {}
        return keras.tree.flatten(layer.stateless_call(t, rest, q, **arguments)[0])

    outputs = run(train, jnp.array(x), [jnp.array(s) for s in initial])
    cotangents = [wave(y.shape, rate=0.9 + 0.1 * i) for i, y in enumerate(outputs)]
    f = lambda *a: sum(jnp.sum(y * c) for y, c in zip(run(*a), cotangents))
    dt, dx, ds = jax.grad(f, argnums=(0, 1, 2))(train, jnp.array(x), [jnp.array(s) for s in initial])
    return case | {
        "x": tensor(x), "mask": None if mask is None else tensor(mask), "initial": [tensor(s) for s in initial],
        "weights": [{"name": v.name, **tensor(v.value)} for v in layer.weights], "outputs": [tensor(y) for y in outputs],
        "cotangents": [tensor(c) for c in cotangents], "gradient": tensor(dx), "initial_gradients": [tensor(g) for g in ds],
        "weight_gradients": [tensor(g) for g in dt],
    }


def states_of(layer):
    return [states_of(layer.forward_layer), states_of(layer.backward_layer)] if hasattr(layer, "forward_layer") else layer.states


def stateful_cases():
    """Three calls in a row, and a fourth after the states were reset."""
    for layer in (
        L.LSTM(U, stateful=True),
        L.GRU(U, stateful=True, return_sequences=True, go_backwards=True),
        L.RNN([L.SimpleRNNCell(2), L.LSTMCell(U)], stateful=True),
        L.Bidirectional(L.LSTM(2, stateful=True, return_sequences=True)),
    ):
        layer.build(SEQUENCE)
        set_weights(layer)
        xs = [wave(SEQUENCE, 1.5, rate=1.7 + 0.3 * i) for i in range(4)]
        ys = []
        for i, x in enumerate(xs):
            if i == 3:
                for state in keras.tree.flatten(states_of(layer)):  # Keras' own method knows no stacks
                    state.assign(0 * state.value)
            ys.append(layer(x))
        yield {
            "object": envelope(layer), "x": [tensor(x) for x in xs], "y": [tensor(y) for y in ys],
            "weights": [{"name": v.name, **tensor(v.value)} for v in layer.weights],
        }


def training_cases():
    sequence = (5, 3)
    yield "simple_rnn", [L.SimpleRNN(4)], sequence, optimizers.SGD(0.1)
    yield "lstm", [L.LSTM(4, return_sequences=True, kernel_regularizer="l2"), L.LSTM(3)], sequence, optimizers.Adam(0.02)
    yield "gru", [L.GRU(4, return_sequences=True, recurrent_regularizer="l1"), L.GRU(3, reset_after=False, go_backwards=True)], sequence, optimizers.RMSprop(0.01)
    yield "stack", [L.RNN([L.LSTMCell(4), L.GRUCell(3)], return_sequences=True), L.TimeDistributed(L.Dense(2, activation="relu")), L.Flatten()], sequence, optimizers.Adam(0.02)
    yield "bidirectional", [L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="sum")], sequence, optimizers.SGD(0.1, momentum=0.9)
    yield "masked", [L.Masking(), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(4, return_sequences=True), L.SimpleRNN(3)], sequence, optimizers.Adam(0.02)
    frozen = L.Bidirectional(L.SimpleRNN(3, return_sequences=True))
    frozen.trainable = False  # as an argument it would freeze nothing within
    yield "frozen", [frozen, L.LSTM(3)], sequence, optimizers.SGD(0.1)
    yield "conv_lstm", [L.ConvLSTM1D(2, 3, padding="same", return_sequences=True), L.ConvLSTM1D(2, 2), L.Flatten()], (3, 4, 2), optimizers.Adam(0.02)


def ragged(x):
    """Zeros from somewhere on, which `Masking` sees."""
    for i, row in enumerate(x):
        row[(3 * i + 2) % (len(row) + 1) :] = 0
    return x


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    write("recurrent_configs", map(envelope, config_cases()))
    write("recurrent_layers", layer_cases())
    write("recurrent_stateful", stateful_cases())
    keras.utils.clear_session()  # names of layers begin anew
    write("recurrent_training", (training_case(*c, prepare=ragged if c[0] == "masked" else None) for c in training_cases()))
