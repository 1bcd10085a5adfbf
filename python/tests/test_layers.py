"""Layers tell of themselves what Keras' layers do: attributes, configurations, masks, shapes, states, penalties."""

import numpy as np
import pytest

import adaline
from adaline import layers, ops

#: Arguments that classes need.
NEEDED = {
    "Dense": dict(units=3, kernel_constraint="non_neg", bias_regularizer="l2"), "EinsumDense": dict(equation="ab,bc->ac", output_shape=3),
    "Embedding": dict(input_dim=5, output_dim=3, mask_zero=True), "Activation": dict(activation="relu"), "Reshape": dict(target_shape=[2, 3]),
    "Permute": dict(dims=[2, 1]), "RepeatVector": dict(n=3), "Dropout": dict(rate=0.5), "SpatialDropout2D": dict(rate=0.5),
    "GaussianNoise": dict(stddev=0.5), "MultiHeadAttention": dict(num_heads=2, key_dim=3), "InputLayer": dict(shape=(3,), batch_size=2),
    "LSTM": dict(units=3, return_state=True), "GRU": dict(units=3), "SimpleRNN": dict(units=3), "LSTMCell": dict(units=3),
    "Conv1D": dict(filters=3, kernel_size=2), "Conv2D": dict(filters=3, kernel_size=2, use_bias=False), "Conv2DTranspose": dict(filters=2, kernel_size=3),
    "DepthwiseConv2D": dict(kernel_size=2), "SeparableConv2D": dict(filters=3, kernel_size=2), "ConvLSTM2D": dict(filters=3, kernel_size=2),
    "AveragePooling2D": dict(pool_size=2), "AdaptiveMaxPooling2D": dict(output_size=2), "Cropping2D": dict(cropping=1),
    "ZeroPadding3D": dict(padding=2), "UpSampling2D": dict(size=3), "Dot": dict(axes=1),
}
PLAIN = ("Add", "Attention", "BatchNormalization", "Concatenate", "ELU", "Flatten", "GlobalAveragePooling1D", "GlobalMaxPooling2D", "GroupNormalization",
         "Identity", "LayerNormalization", "LeakyReLU", "Masking", "MaxPooling1D", "PReLU", "ReLU", "Softmax", "UnitNormalization", "ZeroPadding1D")
#: What says how Keras computes, or what is not here.
UNTOLD = ("lora_rank", "lora_alpha", "quantization_config", "use_cudnn", "self", "kwargs", "dtype", "name")


def shown(value):
    """A value without what differs by nature: classes by name, functions by name."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [shown(v) for v in value]
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    return getattr(value, "__name__", type(value).__name__)


@pytest.mark.parametrize("name", [*NEEDED, *PLAIN])
def test_attributes_are_those_of_keras(keras, name):
    import inspect

    made = {k: getattr(k.layers, name)(**NEEDED.get(name, {})) for k in (keras, adaline)}
    theirs, mine = made[keras], made[adaline]
    assert mine.built == theirs.built
    assert mine.supports_masking == theirs.supports_masking
    for argument in inspect.signature(type(theirs).__init__).parameters:
        if argument not in UNTOLD and hasattr(theirs, argument):
            assert shown(getattr(mine, argument)) == shown(getattr(theirs, argument)), argument
    for key, value in theirs.get_config().items():
        if isinstance(value, (tuple, bool, int, float, str)) and key not in UNTOLD:
            assert mine.get_config()[key] == value and type(mine.get_config()[key]) is type(value), key


def test_weights_that_an_argument_leaves_out_are_none():
    layer = layers.Dense(3, use_bias=False)
    layer.build((None, 4))
    assert layer.bias is None and layer.kernel.shape == (4, 3)
    assert layers.LayerNormalization(scale=False).gamma is None
    with pytest.raises(AttributeError):
        layers.Dense(3).bias  # noqa: B018


def test_weights_have_the_regularizers_and_constraints_of_the_arguments():
    layer = layers.Embedding(4, 3, embeddings_constraint="non_neg", embeddings_regularizer="l2")
    layer.build()
    assert isinstance(layer.embeddings.constraint, adaline.constraints.NonNeg)
    assert isinstance(layer.embeddings.regularizer, adaline.regularizers.L2)
    assert float(layer.losses[0]) == pytest.approx(0.01 * float(np.sum(layer.embeddings.numpy() ** 2)), rel=1e-5)


def test_an_argument_that_is_changed_counts_from_the_next_call():
    x = np.ones((2, 3), "float32")
    layer = layers.ELU(alpha=1.0)
    before = layer(-x)
    layer.alpha = 2.0
    np.testing.assert_allclose(layer(-x), 2 * before, rtol=1e-6)
    assert layer.get_config()["alpha"] == 2.0


def test_a_regularizer_that_is_set_afterwards_is_in_the_architecture():
    model = adaline.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dropout(0.5), layers.Dense(2)])
    for layer in model.layers:
        if hasattr(layer, "kernel_regularizer"):
            layer.kernel_regularizer = adaline.regularizers.L2(0.1)
    again = adaline.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    assert [float(v) for v in again.losses] == pytest.approx([0.1 * float(np.sum(np.square(w))) for w in model.get_weights() if w.ndim == 2])
    assert adaline.models.clone_model(model).layers[0].kernel_regularizer.get_config() == pytest.approx({"l2": 0.1})


def test_layers_of_a_chain_have_results(rng):
    model = adaline.Sequential([layers.Input((4,)), layers.Dense(3, activation="relu", name="middle"), layers.Dense(2)])
    x = rng.normal(size=(5, 4)).astype("float32")
    middle, end = adaline.Model(model.inputs, [layer.output for layer in model.layers]).predict(x, verbose=0)
    np.testing.assert_allclose(end, model.predict(x, verbose=0), atol=1e-6)
    np.testing.assert_allclose(middle, model.get_layer("middle")(x), atol=1e-6)
    assert model.layers[1].input.shape == (None, 3)
    with pytest.raises(AttributeError, match="never been called"):
        adaline.Sequential([layers.Dense(3)]).layers[0].output  # noqa: B018


def test_a_class_derived_from_one_of_the_catalogue_reads_its_arguments():
    class Scaled(layers.Dense):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(input_shape[-1], self.units), initializer=self.kernel_initializer, regularizer=self.kernel_regularizer,
                                         name="table")

        def call(self, inputs):
            return self.activation(ops.matmul(inputs, self.table))

    layer = Scaled(3, activation="relu", kernel_initializer="ones", kernel_regularizer="l1")
    np.testing.assert_allclose(layer(np.ones((2, 4), "float32")), np.full((2, 3), 4.0))
    assert float(layer.losses[0]) == pytest.approx(0.12)
    assert layer.get_config()["units"] == 3


@pytest.mark.parametrize("shapes, named", [([(2, 4, 3), (2, 5, 3)], {}), ([], dict(value_shape=(2, 5, 3), query_shape=(2, 4, 3)))])
def test_build_takes_a_shape_for_each_input(shapes, named):
    layer = layers.MultiHeadAttention(2, 3)
    layer.build(*shapes, **named)
    assert layer.built and len(layer.weights) == 8
    assert layer.get_build_config() == {"input_shape": [(2, 4, 3), (2, 5, 3)]}
    again = layers.MultiHeadAttention(2, 3)
    again.build_from_config(layer.get_build_config())
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]


def test_build_without_a_shape_says_what_it_needs():
    with pytest.raises(ValueError, match=r"build needs the shape of the input.*build\(\(None, 8\)\)"):
        layers.Dense(3).build()
    layers.Dropout(0.5).build()


def _masks(k, name, arguments, inputs, mask):
    made = getattr(k.layers, name)(**arguments).compute_mask(inputs, mask)
    return made if made is None else [None if m is None else np.asarray(m).tolist() for m in (made if isinstance(made, (list, tuple)) else [made])]


_TOKENS = np.array([[1, 2, 0], [3, 0, 0]], "int32")
_X = np.arange(12, dtype="float32").reshape(2, 3, 2)
_M, _N = np.array([[True, False, True], [True, True, False]]), np.array([[False, False, True], [True, True, True]])


@pytest.mark.parametrize("name, arguments, inputs, mask", [
    ("Embedding", dict(input_dim=5, output_dim=2, mask_zero=True), _TOKENS, None), ("Embedding", dict(input_dim=5, output_dim=2), _TOKENS, None),
    ("Masking", {}, _X, None), ("Attention", {}, [_X, _X], [_M, _N]), ("Attention", {}, [_X, _X], None), ("Add", {}, [_X, _X], [_M, _N]),
    ("Multiply", {}, [_X, _X], [_M, None]), ("Concatenate", dict(axis=1), [_X, _X], [_M, None]), ("Concatenate", {}, [_X, _X], [_M, _N]),
    ("Dot", dict(axes=1), [_X, _X], [_M, _N]), ("GlobalAveragePooling1D", {}, _X, _M), ("LSTM", dict(units=2), _X, _M),
    ("LSTM", dict(units=2, return_sequences=True, return_state=True), _X, _M), ("Dense", dict(units=2), _X, _M),
])
def test_masks_are_those_of_keras(keras, name, arguments, inputs, mask):
    assert _masks(adaline, name, arguments, inputs, mask) == _masks(keras, name, arguments, inputs, mask)


def test_masks_of_symbolic_tensors_are_symbolic():
    mask = layers.Embedding(5, 3, mask_zero=True).compute_mask(layers.Input((4,), dtype="int32"))
    assert mask.shape == (None, 4)


def test_masks_that_do_not_fit_the_inputs_are_refused():
    with pytest.raises(ValueError, match="same length; got 2 inputs and 1 masks"):
        layers.Add().compute_mask([_X, _X], [_M])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_a_stateful_layer_goes_on_and_begins_anew(kind):
    layer = getattr(layers, kind)(3, stateful=True)
    x = np.ones((2, 4, 2), "float32")
    first, second = layer(x), layer(x)
    assert not np.allclose(first, second)
    layer.reset_state()
    np.testing.assert_allclose(layer(x), first, atol=1e-6)


def test_a_layer_of_a_model_begins_anew_alone():
    begin = layers.Input(batch_shape=(2, 4, 2))
    one, two = layers.GRU(3, stateful=True), layers.GRU(3, stateful=True)
    model = adaline.Model(begin, [one(begin), two(begin)])
    x = np.ones((2, 4, 2), "float32")
    first = model.predict_on_batch(x)
    model.predict_on_batch(x)
    one.reset_states()
    third = model.predict_on_batch(x)
    np.testing.assert_allclose(third[0], first[0], atol=1e-6)
    assert not np.allclose(third[1], first[1])


def test_states_of_stacked_cells_come_in_lists():
    layer = layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)], return_state=True)
    out, lstm, gru = layer(np.ones((2, 5, 2), "float32"))
    assert out.shape == (2, 4) and [s.shape for s in lstm] == [(2, 3), (2, 3)] and [s.shape for s in gru] == [(2, 4)]
    assert layer.compute_output_shape((2, 5, 2)) == ((2, 4), [(2, 3), (2, 3)], (2, 4))


def test_freezing_counts_for_calls_on_arrays():
    layer = layers.BatchNormalization()
    layer.build((None, 3))
    x = 5 + 10 * np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    layer.trainable = False
    np.testing.assert_allclose(layer(x, training=True), x, atol=0.05)
    layer.trainable = True
    np.testing.assert_allclose(np.mean(layer(x, training=True), axis=0), 0, atol=1e-3)


def test_penalties_of_results_are_told_after_a_call():
    x = np.full((4, 3), 2.0, "float32")
    layer = layers.ActivityRegularization(l1=0.1)
    layer(x)
    assert [float(v) for v in layer.losses] == pytest.approx([0.1 * 24 / 4])
    layer(x[:2])
    assert len(layer.losses) == 1


def test_weights_go_into_a_store_and_back():
    layer, other = layers.Dense(3), layers.Dense(3)
    layer.build((None, 2))
    store = {}
    layer.save_own_variables(store)
    assert sorted(store) == ["0", "1"]
    with pytest.raises(ValueError, match="expected 0 variables, but received 2.*not been built"):
        other.load_own_variables(store)
    other.build((None, 2))
    other.load_own_variables(store)
    np.testing.assert_array_equal(other.kernel, layer.kernel)


def test_first_weights_are_given_to_an_embedding():
    table = np.arange(6, dtype="float32").reshape(3, 2)
    np.testing.assert_array_equal(layers.Embedding(3, 2, weights=[table]).embeddings.numpy(), table)


def test_channels_first_is_a_setting():
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 9)).astype("float32")
    try:
        adaline.backend.set_image_data_format("channels_first")
        pool = layers.MaxPooling2D()
        assert pool.data_format == "channels_first" and pool(x).shape == (2, 3, 4, 4)
        assert ops.max_pool(x, 2).shape == (2, 3, 4, 4)
        assert adaline.config.image_data_format() == "channels_first"
    finally:
        adaline.config.set_image_data_format("channels_last")
    assert ops.max_pool(x, 2).shape == (2, 1, 4, 9)
    with pytest.raises(ValueError, match="must be one of"):
        adaline.config.set_image_data_format("channels")


def test_wrappers_of_ones_own():
    @adaline.saving.register_keras_serializable()
    class Twice(layers.Wrapper):
        def call(self, inputs):
            return self.layer(inputs) * 2

    layer = Twice(layers.Dense(3, use_bias=False))
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(layer(x), 2 * x @ layer.layer.kernel.numpy(), rtol=1e-5)
    assert Twice.from_config(layer.get_config()).layer.units == 3
    with pytest.raises(ValueError, match="holds a layer"):
        layers.Wrapper("dense")


def test_inputs_that_do_not_fit_are_told():
    layer = layers.Dense(2, name="head")
    layer(layers.Input((2,)))
    with pytest.raises(ValueError, match='Input 0 of layer "head" is incompatible with the layer: expected axis -1 of input shape to have value 2'):
        layer(layers.Input((3,)))

    class Pairs(layers.Layer):
        def __init__(self):
            super().__init__()
            self.input_spec = layers.InputSpec(ndim=3, axes={-1: 2})

        def call(self, inputs):
            return inputs

    assert Pairs()(np.zeros((1, 4, 2), "float32")).shape == (1, 4, 2)
    with pytest.raises(ValueError, match="incompatible with the layer: expected ndim=3, found ndim=2"):
        Pairs()(np.zeros((1, 2), "float32"))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 2"):
        Pairs()(layers.Input((4, 3)))


def test_input_layers_tell_their_shape():
    layer = layers.InputLayer(shape=(2, 3), batch_size=4)
    assert layer.batch_shape == (4, 2, 3) and layer.output.shape == (4, 2, 3) and layer.call() is None
    with pytest.warns(UserWarning, match="deprecated. Use `shape`"):
        assert layers.InputLayer(input_shape=(5,)).batch_shape == (None, 5)
    tensor = layers.Input((7,))
    assert layers.InputLayer(input_tensor=tensor).output is tensor


class Whole(adaline.losses.Loss):
    """A loss that weighs and reduces by itself."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        errors = ops.mean(ops.square(y_true - y_pred), axis=-1)
        return ops.sum(errors if sample_weight is None else errors * sample_weight)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_loss_with_a_call_of_its_own_is_the_loss(weighted):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    weights = np.arange(8, dtype="float32") if weighted else None
    told = []
    for loss in (Whole(), adaline.losses.MeanSquaredError(reduction="sum")):
        adaline.utils.set_random_seed(1)
        model = adaline.Sequential([layers.Input((3,)), layers.Dense(2)])
        model.compile("sgd", loss)
        told.append((model.fit(x, y, sample_weight=weights, batch_size=8, epochs=2, verbose=0).history["loss"], model.get_weights()[0]))
    np.testing.assert_allclose(told[0][0], told[1][0], rtol=1e-5)
    np.testing.assert_allclose(told[0][1], told[1][1], rtol=1e-5)


def test_a_loss_that_gives_no_number_is_told():
    class Rows(adaline.losses.Loss):
        def __call__(self, y_true, y_pred, sample_weight=None):
            return ops.square(y_true - y_pred)

    model = adaline.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", Rows())
    with pytest.raises(ValueError, match="must give one number for the batch"):
        model.fit(np.zeros((4, 3)), np.zeros((4, 2)), verbose=0)


def test_names_of_older_programs_set_the_policy():
    try:
        adaline.mixed_precision.set_global_policy("mixed_bfloat16")
        assert layers.Dense(2).compute_dtype == "bfloat16"
        assert adaline.dtype_policies.serialize(layers.Dense(2).dtype_policy)["config"] == {"name": "mixed_bfloat16"}
    finally:
        adaline.mixed_precision.set_global_policy("float32")
    assert adaline.dtype_policies.get("float32") == adaline.DTypePolicy("float32")
