"""Goldens of merging, einsum, normalization, noise and attention layers from real Keras: configurations, values, masks, gradients, training.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/layers.py

writes more_configs.json, more_layers.json, more_pipelines.json and more_training.json in crates/nn/tests/goldens. Everything is a fixed function of nothing, so a
second run changes no byte.

A case of more_layers.json is a call of one layer with all its inputs, their masks and the arguments of the call: results, the mask of the first,
the penalty that the layer adds, gradients of the sum of results times cotangents, and its weights after twelve steps of plain descent on that sum.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from catalogue import envelope, number, tensor, write
from catalogue import wave as long_wave
from images import training_case
from keras import initializers, optimizers, regularizers
from keras import layers as L
from keras.src import backend

B, T, S, F = 2, 3, 4, 3
RAGGED = np.array([[1, 1, 0], [1, 0, 0]], bool)
OTHER = np.array([[0, 1, 1], [1, 1, 0]], bool)
LONGER = np.array([[1, 1, 1, 0], [0, 1, 1, 0]], bool)
NOTHING = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)


def wave(*arguments, **options):
    """Numbers without a pattern, short in the file."""
    return np.round(64 * long_wave(*arguments, **options)) / 64


def merging():
    """Layers, shapes of inputs, and their masks."""
    row, sequence = (B, F), (B, T, F)
    pairs = [([row, row], None), ([sequence, sequence], [RAGGED, OTHER]), ([sequence, sequence], [None, OTHER]), ([sequence, sequence], [RAGGED, None])]
    pairs += [([row, sequence], None), ([sequence, (B, 1, F)], None), ([(B, 4, T, F), row], None), ([row, sequence], [None, OTHER])]
    three = [([sequence] * 3, [RAGGED, OTHER, RAGGED | OTHER]), ([sequence] * 3, [None, OTHER, RAGGED]), ([row] * 3, None), ([row], None)]
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        for shapes, masks in pairs + three:
            yield getattr(L, name)(), shapes, masks
    for shapes, masks in pairs:
        yield L.Subtract(), shapes, masks
    yield L.Concatenate(), [row, (B, 2), (B, 1)], None
    yield L.Concatenate(axis=1), [sequence, (B, 2, F)], None
    yield L.Concatenate(axis=-2), [sequence, sequence], [RAGGED, OTHER]
    yield L.Concatenate(), [sequence, (B, T, 2)], [RAGGED, OTHER]
    yield L.Concatenate(), [sequence, (B, T, 2)], [RAGGED, None]
    yield L.Concatenate(axis=1), [sequence, sequence], [None, OTHER]
    yield L.Concatenate(axis=2), [(B, T, 2, F), (B, T, 3, F)], None
    yield L.Dot(axes=1), [row, row], None
    yield L.Dot(axes=-1, normalize=True), [row, row], None
    yield L.Dot(axes=2), [sequence, (B, S, F)], [RAGGED, LONGER]
    yield L.Dot(axes=(1, 2)), [(B, S, 2), (B, T, S)], None
    yield L.Dot(axes=(2, 1), normalize=True), [sequence, (B, F, 2)], None
    yield L.Dot(axes=(-1, 1)), [sequence, row], None
    yield L.Dot(axes=1), [row, sequence], None
    yield L.Dot(axes=(1, 3)), [(B, F, 2, T), (B, 2, S, F)], None


def single():
    row, sequence, image = (B, F), (B, T, F), (B, 2, 3, 4)
    yield L.RepeatVector(3), row, None
    yield L.Identity(), sequence, RAGGED
    yield L.EinsumDense("ab,bc->ac", 4, bias_axes="c"), row, None
    yield L.EinsumDense("abc,cd->abd", (None, 2), activation="tanh", bias_axes="d"), sequence, RAGGED
    yield L.EinsumDense("...x,xy->...y", 4, bias_axes="y", activation="softmax"), image, None
    yield L.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de"), sequence, None
    yield L.EinsumDense("abde,dec->abc", (None, 3), bias_axes="c"), (B, T, 2, 4), None
    yield L.EinsumDense("abc,bd->adc", (5, F), bias_axes="d"), sequence, None
    yield L.EinsumDense("abc,bcd->bda", (2, B), bias_axes="a"), (B, B, F), None
    yield L.EinsumDense("ab...,bc->ac...", 2, bias_axes="c"), image, None
    yield L.EinsumDense("abc,cd->ad", 2), sequence, None
    yield L.EinsumDense("...xy,xyz->...zx", (3, 3), bias_axes="x"), image, None
    yield L.LayerNormalization(), sequence, RAGGED
    yield L.LayerNormalization(axis=1, epsilon=0.1, center=False), sequence, None
    yield L.LayerNormalization(axis=[1, 3], scale=False), image, None
    yield L.LayerNormalization(axis=[-1, 1], gamma_regularizer="l2", beta_regularizer="l1"), image, None
    yield L.LayerNormalization(rms_scaling=True), sequence, None
    yield L.GroupNormalization(2), image, None
    yield L.GroupNormalization(-1, center=False), image, None
    yield L.GroupNormalization(1, axis=1, epsilon=0.1), image, None
    yield L.GroupNormalization(3, axis=-2, scale=False), image, None
    yield L.GroupNormalization(3), sequence, RAGGED
    yield L.RMSNormalization(), sequence, RAGGED
    yield L.RMSNormalization(axis=[2, 3], epsilon=0.1), image, None
    yield L.UnitNormalization(), sequence, RAGGED
    yield L.UnitNormalization(axis=[1, -1]), image, None
    yield L.GaussianNoise(0.3), sequence, RAGGED
    yield L.GaussianDropout(0.3), sequence, RAGGED
    yield L.AlphaDropout(0.3), sequence, RAGGED
    yield L.ActivityRegularization(0.25, 0.5), sequence, RAGGED


def words():
    """Layers, inputs and arguments of the call."""
    numbers, r = np.array([[1, 0, 2], [3, 3, 0]], "float32"), L.ReversibleEmbedding
    yield r(4, 2), numbers, {}
    yield r(4, 2, mask_zero=True, tie_weights=False, embeddings_regularizer="l2"), numbers, {}
    yield r(4, F, mask_zero=True), (B, T, F), dict(reverse=True)
    yield r(4, F, tie_weights=False, logit_soft_cap=0.5), (B, T, F), dict(reverse=True)


def spectral():
    yield L.SpectralNormalization(L.Dense(3)), (B, T, F), RAGGED
    yield L.SpectralNormalization(L.Conv2D(2, 2, activation="relu"), power_iterations=3), (B, 3, 3, 2), None
    yield L.SpectralNormalization(L.Embedding(4, 2)), np.array([[1, 0, 2], [3, 3, 0]], "float32"), None


def penalized():
    """Penalties of what layers of all kinds return."""
    sequence = (B, T, F)
    yield L.Dense(2, activity_regularizer="l2"), sequence
    yield L.Conv1D(2, 2, activity_regularizer="l1"), sequence
    yield L.ReLU(activity_regularizer=regularizers.L1L2(0.1, 0.2)), sequence
    yield L.LSTM(2, return_sequences=True, activity_regularizer="l2"), sequence
    yield L.Bidirectional(L.SimpleRNN(2, activity_regularizer="l1"), activity_regularizer="l2"), sequence
    yield L.TimeDistributed(L.Dense(2), activity_regularizer="l2"), sequence


def attention():
    """Layers, shapes of query, value and key, masks, arguments of the call."""
    three = [(B, T, F), (B, S, F)]
    apart = [(B, T, F), (B, S, 2), (B, S, F)]
    causal, scores = dict(use_causal_mask=True), dict(return_attention_scores=True)
    for layer in (L.Attention, L.AdditiveAttention):
        yield layer(), three, None, {}
        yield layer(use_scale=True), apart, [RAGGED, LONGER, None], {}
        yield layer(dropout=0.3), three, [None, LONGER], causal | scores
        yield layer(), [(B, T, F)] * 2, [RAGGED, RAGGED], causal
        yield layer(use_scale=False), three, [RAGGED, NOTHING], scores
    yield L.Attention(score_mode="concat"), three, None, scores
    yield L.Attention(score_mode="concat", use_scale=True), apart, [RAGGED, LONGER, None], causal
    m = L.MultiHeadAttention
    yield m(2, 3), three, None, {}
    yield m(2, 3, value_dim=2), apart, None, scores
    yield m(2, 2, use_bias=False, output_shape=5), [(B, T, F)] * 2, None, causal
    yield m(1, 2, output_shape=(2, 3)), three, [RAGGED, LONGER], {}
    yield m(2, 2), three, [RAGGED, LONGER], scores
    yield m(2, 2), apart, [RAGGED, LONGER, NOTHING], causal
    yield m(2, 2, dropout=0.3), three, [None, NOTHING], causal
    yield m(2, 2), three, [None, NOTHING], {}
    yield m(2, 2, use_gate=True, value_dim=3), three, None, scores  # without, Keras fails on JAX
    yield m(2, 2, sliding_window=2), [(B, 4, F)] * 2, None, causal
    yield m(2, 2, sliding_window=1), [(B, 4, F)] * 2, None, scores
    yield m(2, 2), [(B, 2, 3, F), (B, 3, 2, F)], None, scores
    yield m(2, 2, attention_axes=2), [(B, 2, 3, F), (B, 2, 4, F)], None, {}
    yield m(2, 2, attention_axes=(-2,)), [(B, 2, 3, F)] * 2, None, {}
    yield m(2, 2, kernel_regularizer="l2", bias_regularizer="l1"), three, None, {}
    yield m(2, 2, activity_regularizer="l2"), three, None, {}
    g = L.GroupQueryAttention
    yield g(2, 4, 2), three, None, {}
    yield g(3, 2, 1, use_bias=False), [(B, T, F), (B, S, F), (B, S, 2)], None, scores
    yield g(2, 2, 2, use_gate=True), three, [RAGGED, NOTHING], causal
    yield g(2, 6, 3, dropout=0.3), three, [RAGGED, NOTHING], scores | causal
    yield g(2, 4, 1, sliding_window=2), [(B, 4, F)] * 2, [LONGER, LONGER], {}


def config_cases():
    words_ = dict(name="mine", trainable=False)
    yield L.Add(**words_)
    yield L.Concatenate(axis=1, **words_)
    yield L.Dot((1, 2), normalize=True, **words_)
    yield L.RepeatVector(3, **words_)
    yield L.AlphaDropout(0.2, noise_shape=(None, 1), seed=3, **words_)
    yield L.GaussianNoise(0.2, seed=3)
    yield L.GaussianDropout(0.2, seed=3)
    arguments = dict(kernel_initializer="he_normal", bias_initializer="ones", kernel_regularizer="l2", bias_regularizer=regularizers.L1(0.1))
    yield L.EinsumDense("abc,cd->abd", (None, 4), activation="relu", bias_axes="d", **arguments, **words_)
    yield L.MultiHeadAttention(2, 3, value_dim=4, dropout=0.1, output_shape=(3, 2), attention_axes=(1, 2), seed=4, sliding_window=3, **arguments, **words_)
    yield L.GroupQueryAttention(2, 4, 2, dropout=0.1, seed=4, use_gate=True, sliding_window=3, **arguments, **words_)
    yield L.LayerNormalization(beta_initializer="ones", gamma_initializer=initializers.Constant(0.5), beta_regularizer="l1", gamma_regularizer="l2", **words_)
    yield L.GroupNormalization(4, beta_initializer="ones", gamma_initializer="zeros", beta_regularizer="l1", gamma_regularizer="l2")
    yield L.GroupNormalization()
    yield L.RMSNormalization(**words_)
    yield L.UnitNormalization(**words_)
    yield L.Attention(use_scale=True, score_mode="concat", dropout=0.2, seed=5, **words_)
    yield L.AdditiveAttention(use_scale=False, dropout=0.2, seed=5, **words_)
    yield L.ReversibleEmbedding(4, 3, tie_weights=False, mask_zero=True, logit_soft_cap=2.0, embeddings_initializer="ones", **words_)
    yield L.SpectralNormalization(L.Conv2D(2, 2, name="inner"), power_iterations=3, name="mine")
    for layer, *_ in [*merging(), *single(), *words(), *spectral(), *penalized(), *attention()]:
        yield layer


STEPS, RATE = 12, 0.02


def case_of(layer, shapes, masks, arguments, listed, training=False):
    """One call, and twelve steps of descent."""
    config = envelope(layer)
    xs = [s if isinstance(s, np.ndarray) else wave(s, 1.5, rate=1.7 + 0.2 * i) for i, s in enumerate(shapes)]
    if isinstance(layer, (L.Maximum, L.Minimum)):
        xs = [x + np.float32(i) / 256 for i, x in enumerate(xs)]  # no two are equal, which JAX shares the gradient between
    masks = masks or [None] * len(xs)
    pack = (lambda xs: [list(xs)]) if listed else (lambda xs: list(xs))
    layer.build(*pack([x.shape for x in xs]))
    layer.set_weights([wave(w.shape, 0.6, rate=1.3 + 0.1 * i, shift=0.1) for i, w in enumerate(layer.get_weights())])
    train = [v.value for v in layer.trainable_variables]
    rest = [v.value for v in layer.non_trainable_variables]

    def run(t, q):
        """Keras' own `stateless_call` hands on no masks and records no penalty of activities."""
        q = [jnp.array(x) for x in q]
        for x, mask in zip(q, masks):
            if mask is not None:
                backend.set_keras_mask(x, jnp.array(mask))
        values = [*zip(layer.trainable_variables, t), *zip(layer.non_trainable_variables, rest)]
        with backend.StatelessScope(state_mapping=values, collect_losses=True) as scope:
            layer._clear_losses()
            y = layer(*pack(q), **arguments, **({"training": True} if training else {}))
            losses = layer.losses
            after = [scope.get_current_value(v) for v in layer.non_trainable_variables]
        y = keras.tree.flatten(y)
        return y, sum(losses) if losses else jnp.zeros(()), [r if a is None else a for a, r in zip(after, rest)]

    outputs, penalty, after = run(train, xs)
    mask = backend.get_keras_mask(outputs[0])
    cotangents = [wave(y.shape, rate=0.9 + 0.1 * i) for i, y in enumerate(outputs)]

    def f(t, q):
        ys, penalty, _ = run(t, q)
        return sum(jnp.sum(y * c) for y, c in zip(ys, cotangents)) + penalty

    dt, dx = jax.grad(f, argnums=(0, 1))(train, [jnp.array(x) for x in xs])
    case = {
        "object": config, "arguments": arguments, "training": training, "inputs": [tensor(x) for x in xs],
        "masks": [None if m is None else tensor(m) for m in masks], "mask": None if mask is None else tensor(mask),
        "weights": [{"name": v.name, **tensor(v.value)} for v in layer.weights], "cotangents": [tensor(c) for c in cotangents],
        "outputs": [tensor(y) for y in outputs], "penalty": number(penalty), "gradients": [tensor(g) for g in dx],
        "weight_gradients": [tensor(g) for g in dt],
    }
    if training:
        case["after"] = [tensor(v) for v in after]
    if train:
        w = train
        for _ in range(STEPS):
            w = [v - RATE * g for v, g in zip(w, jax.grad(f)(w, xs))]
        case["trained"] = [tensor(v) for v in w]
    return case


def layer_cases():
    for layer, shapes, masks in merging():
        yield case_of(layer, shapes, masks, {}, True)
    for layer, shape, mask in single():
        yield case_of(layer, [shape], [mask], {}, False)
    for layer, x, arguments in words():
        yield case_of(layer, [x], None, arguments, False)
    for training in (False, True):
        for layer, x, mask in spectral():
            yield case_of(layer, [x], [mask], {}, False, training)
    for layer, shape in penalized():
        yield case_of(layer, [shape], None, {}, False)
    for layer, shapes, masks, arguments in attention():
        yield case_of(layer, shapes, masks, arguments, isinstance(layer, L.Attention))


def pipeline_cases():
    """Layers in a row, with names of their own, and their result in inference."""
    yield L.Pipeline([L.Rescaling(2.0, 1.0, name="a"), L.ReLU(name="b"), L.RandomContrast(0.2, name="c")], name="mine"), (1, 2, 3, 3)
    yield L.Pipeline([L.Dense(2, name="a"), L.Pipeline([L.LayerNormalization(name="b"), L.Dense(3, name="c")], name="d")], name="mine"), (B, F)


def pipeline_case(layer, shape):
    config, x = envelope(layer), wave(shape, 1.5)
    layer(x)
    layer.set_weights([wave(w.shape, 0.6, rate=1.3 + 0.1 * i, shift=0.1) for i, w in enumerate(layer.get_weights())])
    return {"object": config, "x": tensor(x), "y": tensor(layer(x, training=False)), "weights": [{"name": v.name, **tensor(v.value)} for v in layer.weights]}


def training_cases():
    sequence, image = (5, 4), (4, 3, 4)
    yield "normalizations", [L.LayerNormalization(), L.Dense(6, activation="relu"), L.RMSNormalization(), L.Flatten(), L.UnitNormalization()], sequence, optimizers.SGD(0.1, momentum=0.9)
    yield "groups", [L.Conv2D(4, 2), L.GroupNormalization(2), L.Activation("relu"), L.Conv2D(4, 2), L.GroupNormalization(-1), L.LayerNormalization(axis=[1, 2, 3]), L.Flatten()], image, optimizers.SGD(0.05, momentum=0.9)
    yield "einsum", [L.EinsumDense("abc,cd->abd", (5, 6), activation="tanh", bias_axes="d", kernel_regularizer="l2"), L.EinsumDense("abc,bd->adc", (2, 6), bias_axes="d"), L.ActivityRegularization(0.001, 0.002), L.Flatten(), L.Identity()], sequence, optimizers.Adam(0.02)
    yield "repeated", [L.Dense(4, activation="tanh"), L.RepeatVector(3), L.LSTM(3)], (4,), optimizers.SGD(0.1)


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    write("more_configs", map(envelope, config_cases()))
    write("more_layers", layer_cases())
    write("more_pipelines", (pipeline_case(*c) for c in pipeline_cases()))
    keras.utils.clear_session()  # names of layers begin anew
    write("more_training", (training_case(*c) for c in training_cases()))
