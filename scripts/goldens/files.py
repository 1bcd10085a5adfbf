"""Model files of Keras of all kinds, with what real Keras makes of them.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2, h5py 3. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/files.py

writes crates/nn/tests/files: models that Keras saved as .keras, .h5 and .weights.h5, one of them in parts (.weights.json); files with the
keys of Keras 1 and 2, made by hand with h5py; and expected.json with inputs and the predictions of real Keras, for old files those of the
same model in words of today.
"""

import io
import json
import os
import pathlib
import shutil
import zipfile

os.environ.setdefault("KERAS_BACKEND", "jax")

import h5py
import keras
import numpy as np
from keras import layers

OUT = pathlib.Path("crates/nn/tests/files")
ROWS = 4
EXPECTED = {}


def waves(shape, speed, phase=0.0):
    """Numbers that look random and need no generator."""
    return np.sin(np.arange(int(np.prod(shape))) * speed + phase).astype("float32").reshape(shape)


def fill(model):
    """Weights that need no generator; variances above zero, counts as they are."""
    for i, weight in enumerate(model.weights):
        if weight.dtype != "float32":
            continue
        values = waves(weight.shape, 0.7 + 0.1 * (i % 7), 0.3 * i) * 0.4
        if weight.name in ("moving_variance", "variance"):
            values = np.abs(values) + 0.5
        weight.assign(values)


def tensor(a):
    a = np.asarray(a)
    whole = a.dtype.kind in "iu"
    return {"dtype": "i32" if whole else "f32", "shape": list(a.shape), "data": [int(v) if whole else float(f"{float(v):.9g}") for v in a.ravel()]}


def listed(value):
    return value if isinstance(value, (list, tuple)) else [value]


def expect(name, model, x, **more):
    predictions = model.predict(x, verbose=0)
    EXPECTED[name] = {"x": [tensor(v) for v in listed(x)], "predictions": [tensor(p) for p in listed(predictions)], **more}


def deflated(path):
    """The same archive with a fixed date, compressed: small in the repository."""
    with zipfile.ZipFile(path) as source:
        members = [(info.filename, source.read(info)) for info in source.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name, content in members:
            if name == "metadata.json":
                content = json.dumps({**json.loads(content), "date_saved": "2026-01-01@00:00:00"}).encode()
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, content)


def save(name, model, x, y=None):
    """In all of Keras' ways; those with settings also with a step of training, whose loss goes into the file of numbers."""
    iterations = None
    if y is not None:
        model.fit(x, y, epochs=2, batch_size=2, shuffle=False, verbose=0)
        iterations = int(model.optimizer.iterations)
    model.save(OUT / f"{name}.keras")
    deflated(OUT / f"{name}.keras")
    model.save(OUT / f"{name}.h5")
    model.save_weights(OUT / f"{name}.weights.h5")
    expect(name, model, x)
    if y is not None:
        after = keras.saving.load_model(OUT / f"{name}.keras")
        history = after.fit(x, y, epochs=1, batch_size=2, shuffle=False, verbose=0).history
        EXPECTED[name] |= {"y": [tensor(v) for v in listed(y)], "iterations": iterations, "loss": history["loss"][0]}
        EXPECTED[name]["after"] = [tensor(w) for w in after.get_weights()]


def chain():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5, activation="relu", name="hidden", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.0),
            layers.Dense(3, activation="softmax"),
        ],
        name="chain",
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    fill(model)
    save("chain", model, waves((ROWS, 4), 1.7), np.array([0, 2, 1, 2], "int32"))
    model.save_weights(OUT / "chain.weights.json", max_shard_size=2e-7)


def graph():
    inside = keras.Input((4,))
    trunk = keras.Model(inside, layers.BatchNormalization()(layers.Dense(3, activation="tanh")(inside)), name="trunk")
    tail = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)], name="tail")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(4, activation="relu", name="shared")
    u, v = shared(a), shared(b)
    joined = layers.Concatenate()([layers.Add()([trunk(u), trunk(v)]), tail(v)])
    frozen = layers.Dense(3, trainable=False, name="frozen")(joined)
    model = keras.Model([a, b], [layers.Dense(1, name="first")(joined), layers.Dense(1, name="second")(frozen)], name="graph")
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), {"first": "mse", "second": "mae"}, loss_weights={"first": 1.0, "second": 0.5})
    fill(model)
    x = [waves((ROWS, 4), 1.7), waves((ROWS, 4), 0.9)]
    save("graph", model, x, [waves((ROWS, 1), 1.1), waves((ROWS, 1), 0.4)])


def sequences():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Embedding(9, 3, mask_zero=True),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
            layers.GRU(3, return_sequences=True),
            layers.TimeDistributed(layers.Dense(2)),
            layers.SimpleRNN(2),
            layers.Dense(1),
        ],
        name="sequences",
    )
    model.compile(keras.optimizers.RMSprop(0.01), "mse")
    fill(model)
    words = np.array([[1, 4, 0, 2, 8, 0], [3, 3, 5, 0, 0, 0], [7, 1, 2, 6, 5, 4], [8, 0, 0, 0, 0, 0]], "int32")
    save("sequences", model, words, waves((ROWS, 1), 0.6))


def images():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            layers.SeparableConv2D(3, 3, padding="same"),
            layers.MaxPooling2D(),
            layers.Conv2DTranspose(2, 3, strides=2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ],
        name="images",
    )
    fill(model)
    save("images", model, waves((ROWS, 8, 8, 2), 1.3))


def every(name, inputs, branches):
    """One model of many layers side by side, so that each is in a file of real Keras: the name of its output tells which."""
    tensors = [keras.Input(shape, dtype=dtype, name=f"x{i}") for i, (shape, dtype, _) in enumerate(inputs)]
    outputs = []
    for layer in branches:
        if isinstance(layer, tuple):
            layer, which = layer
            outputs.append(layer([tensors[w] for w in which]))
        else:
            outputs.append(layer(tensors[0]))
    model = keras.Model(tensors if len(tensors) > 1 else tensors[0], outputs, name=name)
    fill(model)
    model.save(OUT / f"{name}.keras")
    deflated(OUT / f"{name}.keras")
    x = [values for _, _, values in inputs]
    # As read: what a Normalization learnt it has a second time, where it computes, and takes from the file only then.
    expect(name, keras.saving.load_model(OUT / f"{name}.keras"), x if len(x) > 1 else x[0])


def catalogue():
    L = layers
    vector = ((4,), "float32", waves((ROWS, 4), 1.7))
    other = ((4,), "float32", waves((ROWS, 4), 0.9))
    normal = L.Normalization()
    normal.adapt(waves((9, 4), 2.1))
    every(
        "all_vectors",
        [vector, other],
        [
            L.Dense(3), L.Activation("gelu"), L.Dropout(0.5), L.Flatten(), L.Reshape((2, 2)), L.Rescaling(0.5, 1.0), normal, L.BatchNormalization(),
            L.ReLU(max_value=0.5), L.LeakyReLU(), L.ELU(), L.PReLU(), L.Softmax(), L.RepeatVector(2), L.Identity(), L.EinsumDense("ab,bc->ac", output_shape=3),
            L.LayerNormalization(), L.GroupNormalization(2), L.RMSNormalization(), L.UnitNormalization(), L.GaussianNoise(0.1), L.GaussianDropout(0.1),
            L.AlphaDropout(0.1), L.ActivityRegularization(0.1), L.SpectralNormalization(L.Dense(3)), L.Discretization([-0.5, 0.0, 0.5]),
            (L.Add(), (0, 1)), (L.Subtract(), (0, 1)), (L.Multiply(), (0, 1)), (L.Average(), (0, 1)), (L.Maximum(), (0, 1)), (L.Minimum(), (0, 1)),
            (L.Concatenate(), (0, 1)), (L.Dot(axes=1), (0, 1)), L.Masking(), L.Pipeline([L.Rescaling(2.0), L.Rescaling(0.5, -1.0)]),
        ],
    )
    every("all_steps", [((5, 4), "float32", waves((ROWS, 5, 4), 1.3)), ((5, 4), "float32", waves((ROWS, 5, 4), 0.7))],
        [
            L.Conv1D(3, 2), L.Conv1DTranspose(3, 2, strides=2), L.DepthwiseConv1D(2), L.SeparableConv1D(3, 2), L.MaxPooling1D(), L.AveragePooling1D(2),
            L.GlobalMaxPooling1D(), L.GlobalAveragePooling1D(), L.AdaptiveMaxPooling1D(2), L.AdaptiveAveragePooling1D(2), L.SpatialDropout1D(0.1),
            L.ZeroPadding1D(), L.Cropping1D(), L.UpSampling1D(), L.Permute((2, 1)), L.SimpleRNN(3), L.LSTM(3), L.GRU(3), L.GRU(3, reset_after=False),
            L.RNN([L.LSTMCell(2), L.GRUCell(3)]), L.RNN(L.SimpleRNNCell(2)), L.Bidirectional(L.GRU(2)), L.TimeDistributed(L.Dense(2)),
            (L.Attention(), (0, 1)), (L.AdditiveAttention(), (0, 1)),
        ],
    )
    query, value = keras.Input((5, 4)), keras.Input((3, 4))
    heads = keras.Model([query, value], [L.MultiHeadAttention(2, 3)(query, value), L.GroupQueryAttention(2, 4, 2)(query, value)], name="all_heads")
    fill(heads)
    heads.save(OUT / "all_heads.keras")
    deflated(OUT / "all_heads.keras")
    expect("all_heads", heads, [waves((ROWS, 5, 4), 1.3), waves((ROWS, 3, 4), 0.7)])
    every("all_pictures", [((8, 8, 3), "float32", np.abs(waves((ROWS, 8, 8, 3), 1.3)) * 255)],
        [
            L.Conv2D(2, 3), L.Conv2DTranspose(2, 3), L.DepthwiseConv2D(3), L.SeparableConv2D(2, 3), L.MaxPooling2D(), L.AveragePooling2D(2),
            L.GlobalMaxPooling2D(), L.GlobalAveragePooling2D(), L.AdaptiveMaxPooling2D(3), L.AdaptiveAveragePooling2D(3), L.SpatialDropout2D(0.1),
            L.ZeroPadding2D(), L.Cropping2D(), L.UpSampling2D(), L.Resizing(4, 4), L.CenterCrop(4, 4), L.RandomFlip(), L.RandomRotation(0.1),
            L.RandomZoom(0.1), L.RandomTranslation(0.1, 0.1), L.RandomShear(0.1), L.RandomContrast(0.1), L.RandomBrightness(0.1),
            L.RandomHue(0.1, value_range=(0, 255)), L.RandomSaturation(0.1), L.RandomGrayscale(0.1), L.RandomErasing(0.1), L.RandomGaussianBlur(0.1),
            L.AutoContrast(), L.AugMix(), L.RandomElasticTransform(0.1), L.RandomPerspective(0.1), L.RandomPosterization(3),
            L.RandomSharpness(0.1), L.RandomColorDegeneration(0.1), L.RandomColorJitter(), L.RandomInvert(), L.RandAugment(), L.RandomCrop(4, 4),
        ],
    )
    every("all_films", [((4, 6, 6, 2), "float32", waves((ROWS, 4, 6, 6, 2), 1.3))],
        [
            L.Conv3D(2, 2), L.Conv3DTranspose(2, 2), L.MaxPooling3D(), L.AveragePooling3D(2), L.GlobalMaxPooling3D(), L.GlobalAveragePooling3D(),
            L.AdaptiveMaxPooling3D(2), L.AdaptiveAveragePooling3D(2), L.SpatialDropout3D(0.1), L.ZeroPadding3D(), L.Cropping3D((1, 1, 1)), L.UpSampling3D(),
            L.ConvLSTM2D(2, 3),
        ],
    )
    every("all_rows", [((4, 6, 2), "float32", waves((ROWS, 4, 6, 2), 1.3))], [L.ConvLSTM1D(2, 3)])
    every("all_volumes", [((2, 4, 4, 4, 1), "float32", waves((ROWS, 2, 4, 4, 4, 1), 1.3))], [L.ConvLSTM3D(2, 2)])
    words = np.array([[1, 4, 0, 2], [3, 3, 5, 0], [7, 1, 2, 6], [8, 0, 0, 3]], "int32")
    # Sums of what a layer that counts gives are predictions like any other.
    every("all_words", [((4,), "int32", words)],
        [L.Embedding(9, 3), L.ReversibleEmbedding(9, 3), L.CategoryEncoding(9, output_mode="count")],
    )


def attribute(texts):
    return np.array([t.encode() for t in texts])


def old(name, config, weights, modern, x, version=None, backend=None, training=None, optimizer=()):
    """A file with old keys: `weights` are (layer, [(name, array)]); `modern` is the same model of today, whose predictions count."""
    with h5py.File(OUT / f"{name}.h5", "w") as f:
        f.attrs["model_config"] = json.dumps(config).encode()
        if training:
            f.attrs["training_config"] = json.dumps(training).encode()
        for key, value in (("keras_version", version), ("backend", backend)):
            if value:
                f.attrs[key] = value.encode()
        root = f.create_group("model_weights")
        root.attrs["layer_names"] = attribute([layer for layer, _ in weights])
        for layer, named in weights:
            group = root.create_group(layer)
            group.attrs["weight_names"] = attribute([n for n, _ in named]) if named else []
            for n, a in named:
                group.create_dataset(n, data=np.asarray(a, "float32"))
        if optimizer:
            group = f.create_group("optimizer_weights")
            group.attrs["weight_names"] = attribute([n for n, _ in optimizer])
            for n, a in optimizer:
                group.create_dataset(n, data=a)
    expect(name, modern, x)


def by_hand():
    D, C = layers.Dense, layers.Conv2D
    # Keras 1: a chain as a bare list, other names, an input shape in parts, gates one by one.
    modern = keras.Sequential(
        [keras.Input((5, 3)), layers.LSTM(2, name="l"), D(3, activation="relu", name="d"), layers.BatchNormalization(name="n"), D(1, name="e", use_bias=False)]
    )
    fill(modern)
    lstm, dense, norm, last = [[np.array(w) for w in layer.get_weights()] for layer in modern.layers]
    kernels, recurrents, biases = [np.split(w, 4, axis=-1) for w in lstm]
    gates = [(f"l_{part}_{gate}", parts[i]) for gate, i in (("i", 0), ("c", 2), ("f", 1), ("o", 3)) for part, parts in (("W", kernels), ("U", recurrents), ("b", biases))]
    common = {"trainable": True}
    l2 = {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}
    config = {"class_name": "Sequential", "config": [
        {"class_name": "LSTM", "config": {**common, "name": "l", "output_dim": 2, "init": "glorot_uniform", "inner_init": "orthogonal", "forget_bias_init": "one",
            "activation": "tanh", "inner_activation": "sigmoid", "W_regularizer": None, "U_regularizer": None, "b_regularizer": None, "dropout_W": 0.0,
            "dropout_U": 0.0, "return_sequences": False, "go_backwards": False, "stateful": False, "unroll": False, "consume_less": "cpu",
            "input_dim": 3, "input_length": 5, "batch_input_shape": [None, 5, 3], "input_dtype": "float32"}},
        {"class_name": "Dense", "config": {**common, "name": "d", "output_dim": 3, "init": "uniform", "activation": "relu", "bias": True, "input_dim": 2,
            "W_regularizer": l2, "b_regularizer": None, "activity_regularizer": None, "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}, "b_constraint": None}},
        {"class_name": "BatchNormalization", "config": {**common, "name": "n", "mode": 0, "axis": -1, "epsilon": 0.001, "momentum": 0.99,
            "gamma_regularizer": None, "beta_regularizer": None}},
        {"class_name": "Dropout", "config": {**common, "name": "p", "p": 0.5}},
        {"class_name": "Dense", "config": {**common, "name": "e", "output_dim": 1, "init": "normal", "activation": "linear", "bias": False}},
    ]}
    x = waves((ROWS, 5, 3), 1.1)
    training = {"loss": "mse", "metrics": ["mae"], "sample_weight_mode": None, "loss_weights": None,
        "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.01, "momentum": 0.9, "decay": 0.001, "nesterov": False}}}
    weights = [("l", gates), ("d", [("d_W", dense[0]), ("d_b", dense[1])]),
        ("n", list(zip(["n_gamma", "n_beta", "n_running_mean", "n_running_std"], norm))), ("p", []), ("e", [("e_W", last[0])])]
    old("keras_1", config, weights, modern, x, training=training)

    # Keras 1 from Theano: kernels (filters, inputs, rows, columns) of data with channels first, of an image with channels last here.
    modern = keras.Sequential([keras.Input((2, 6, 6)), C(3, (2, 3), data_format="channels_first", name="c", padding="same"), layers.MaxPooling2D((2, 2), data_format="channels_first"),
        layers.Flatten(), D(2, name="d")])
    fill(modern)
    kernel, bias = [np.array(w) for w in modern.layers[0].get_weights()]
    dense = modern.layers[-1].get_weights()
    config = {"class_name": "Sequential", "config": [
        {"class_name": "Convolution2D", "config": {"name": "conv/1", "trainable": True, "batch_input_shape": [None, 2, 6, 6], "nb_filter": 3, "nb_row": 2, "nb_col": 3,
            "init": "he_normal", "activation": "linear", "border_mode": "same", "subsample": [1, 1], "dim_ordering": "th", "bias": True}},
        {"class_name": "MaxPooling2D", "config": {"name": "m", "trainable": True, "pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid", "dim_ordering": "th"}},
        {"class_name": "Flatten", "config": {"name": "f", "trainable": True}},
        {"class_name": "Dense", "config": {"name": "d", "trainable": True, "output_dim": 2, "activation": "linear"}},
    ]}
    first = np.transpose(kernel, (3, 2, 0, 1))
    x = waves((ROWS, 2, 6, 6), 1.1)
    weights = lambda k: [("conv/1", [("c_W", k), ("c_b", bias)]), ("m", []), ("f", []), ("d", [("d_W", dense[0]), ("d_b", dense[1])])]
    old("keras_1_th", config, weights(first), modern, x)
    # Keras 2 on Theano turned its kernels around.
    two = json.loads(json.dumps(config))
    two["config"][0] = {"class_name": "Conv2D", "config": {"name": "conv/1", "trainable": True, "batch_input_shape": [None, 2, 6, 6], "filters": 3, "kernel_size": [2, 3],
        "strides": [1, 1], "padding": "same", "data_format": "channels_first", "activation": "linear", "use_bias": True, "dtype": "float32"}}
    two["config"][1]["config"] = {"name": "m", "pool_size": [2, 2], "strides": [2, 2], "padding": "valid", "data_format": "channels_first"}
    two["config"][3]["config"] = {"name": "d", "units": 2, "activation": "linear"}
    old("keras_2_theano", two, weights(kernel[::-1, ::-1]), modern, x, version="2.0.8", backend="theano")

    # Keras 1: a graph with Merge, and gates of a GRU one by one.
    a, b = keras.Input((4, 3), name="a"), keras.Input((3,), name="b")
    gru = layers.GRU(2, reset_after=False, recurrent_activation="sigmoid", name="g")(a)
    modern = keras.Model([a, b], D(1, name="d")(layers.Concatenate()([gru, b])))
    fill(modern)
    weights = {layer.name: [np.array(w) for w in layer.get_weights()] for layer in modern.layers}
    kernels, recurrents, biases = [np.split(w, 3, axis=-1) for w in weights["g"]]
    gates = [(f"g_{part}_{gate}", parts[i]) for i, gate in enumerate("zrh") for part, parts in (("W", kernels), ("U", recurrents), ("b", biases))]
    inputs = [{"class_name": "InputLayer", "name": n, "inbound_nodes": [], "config": {"name": n, "batch_input_shape": s, "input_dtype": "float32", "sparse": False}}
        for n, s in (("a", [None, 4, 3]), ("b", [None, 3]))]
    config = {"class_name": "Model", "config": {"name": "model_1", "layers": inputs + [
        {"class_name": "GRU", "name": "g", "inbound_nodes": [[["a", 0, 0]]], "config": {"name": "g", "output_dim": 2, "inner_activation": "sigmoid", "activation": "tanh",
            "init": "glorot_uniform", "inner_init": "orthogonal", "input_dim": 3, "input_length": None, "consume_less": "gpu", "dropout_W": 0.0, "dropout_U": 0.0}},
        {"class_name": "Merge", "name": "m", "inbound_nodes": [[["g", 0, 0], ["b", 0, 0]]], "config": {"name": "m", "mode": "concat", "mode_type": "raw",
            "concat_axis": -1, "dot_axes": -1, "output_shape": None, "output_shape_type": "raw", "output_mask": None, "output_mask_type": "raw", "arguments": {}}},
        {"class_name": "Dense", "name": "d", "inbound_nodes": [[["m", 0, 0]]], "config": {"name": "d", "output_dim": 1, "activation": "linear"}},
    ], "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["d", 0, 0]]}}
    saved = [("a", []), ("g", gates), ("b", []), ("m", []), ("d", list(zip(["d_W", "d_b"], weights["d"])))]
    old("keras_1_graph", config, saved, modern, [waves((ROWS, 4, 3), 1.1), waves((ROWS, 3), 0.7)])

    # Keras 2 of TensorFlow: policies, keys that Keras 3 refuses, names with slashes and `:0`, memory of Adam by kind.
    a = keras.Input((6,), name="words")
    h = layers.Embedding(9, 3, name="e")(a)
    h = layers.Bidirectional(layers.LSTM(2, return_sequences=True, name="l"), name="b")(h)
    h = layers.Conv1D(4, 2, name="c")(h)
    h = layers.LeakyReLU(negative_slope=0.1, name="r")(h)
    h = layers.GlobalMaxPooling1D(name="g")(h)
    modern = keras.Model(a, D(1, activation="sigmoid", name="d")(h), name="two")
    modern.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    fill(modern)
    words = np.array([[1, 4, 0, 2, 8, 0], [3, 3, 5, 0, 0, 0], [7, 1, 2, 6, 5, 4], [8, 0, 0, 0, 0, 0]], "int32")
    y = np.array([[0.0], [1.0], [1.0], [0.0]], "float32")
    modern.fit(words, y, epochs=3, batch_size=2, shuffle=False, verbose=0)
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    lstm = {"name": "l", "trainable": True, "dtype": "float32", "units": 2, "return_sequences": True, "return_state": False, "go_backwards": False, "stateful": False,
        "unroll": False, "time_major": False, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "unit_forget_bias": True, "implementation": 2,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}}, "recurrent_initializer": {"class_name": "Orthogonal", "config": {"gain": 1.0, "seed": None}},
        "bias_initializer": {"class_name": "Zeros", "config": {}}, "dropout": 0.0, "recurrent_dropout": 0.0}
    node = lambda n: [[[n, 0, 0, {}]]]
    config = {"class_name": "Functional", "config": {"name": "two", "trainable": True, "layers": [
        {"class_name": "InputLayer", "name": "words", "inbound_nodes": [], "config": {"name": "words", "batch_input_shape": [None, 6], "dtype": "float32", "sparse": False, "ragged": False}},
        {"class_name": "Embedding", "name": "e", "inbound_nodes": node("words"), "config": {"name": "e", "trainable": True, "batch_input_shape": [None, 6], "dtype": policy,
            "input_dim": 9, "output_dim": 3, "embeddings_initializer": {"class_name": "RandomUniform", "config": {"minval": -0.05, "maxval": 0.05, "seed": None, "dtype": "float32"}},
            "embeddings_regularizer": None, "activity_regularizer": None, "embeddings_constraint": None, "mask_zero": False, "input_length": 6}},
        {"class_name": "Bidirectional", "name": "both/ways", "inbound_nodes": node("e"), "config": {"name": "both/ways", "trainable": True, "dtype": policy, "merge_mode": "concat",
            "layer": {"class_name": "LSTM", "config": lstm}}},
        {"class_name": "Conv1D", "name": "c", "inbound_nodes": node("both/ways"), "config": {"name": "c", "filters": 4, "kernel_size": [2], "strides": [1], "padding": "valid",
            "data_format": "channels_last", "dilation_rate": [1], "groups": 1, "activation": "linear", "use_bias": True}},
        {"class_name": "LeakyReLU", "name": "r", "inbound_nodes": node("c"), "config": {"name": "r", "trainable": True, "alpha": 0.1}},
        {"class_name": "GlobalMaxPooling1D", "name": "g", "inbound_nodes": node("r"), "config": {"name": "g", "data_format": "channels_last", "keepdims": False}},
        {"class_name": "Dense", "name": "d", "inbound_nodes": node("g"), "config": {"name": "d", "units": 1, "activation": "sigmoid", "use_bias": True}},
    ], "input_layers": [["words", 0, 0]], "output_layers": [["d", 0, 0]]}}
    training = {"loss": {"class_name": "BinaryCrossentropy", "config": {"reduction": "auto", "name": "bce", "from_logits": False, "label_smoothing": 0, "fn": "binary_crossentropy"}},
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "accuracy", "dtype": "float32", "fn": "binary_accuracy"}}]], "weighted_metrics": None, "loss_weights": None,
        "optimizer_config": {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.02, "decay": 0.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07, "amsgrad": False}}}
    saved = [(("both/ways" if layer.name == "b" else layer.name), [(f"{w.path}:0", np.array(w)) for w in layer.weights]) for layer in modern.layers]
    variables = [np.array(v) for v in modern.optimizer.variables]
    memory = [("Adam/iter:0", variables[0].astype("int64"))]
    memory += [(f"Adam/{i}/{kind}:0", v) for kind, at in (("m", 2), ("v", 3)) for i, v in enumerate(variables[at::2])]
    old("keras_2", config, saved, modern, words, version="2.9.0", backend="tensorflow", training=training, optimizer=memory)
    history = modern.fit(words, y, epochs=1, batch_size=2, shuffle=False, verbose=0).history
    EXPECTED["keras_2"] |= {"y": [tensor(y)], "iterations": 6, "loss": history["loss"][0], "after": [tensor(w) for w in modern.get_weights()]}

    # Weights alone, with lists of names in pieces, as longer ones than an attribute can be are written.
    model = keras.Sequential([keras.Input((3,)), D(2, name="one"), D(2, name="two")])
    fill(model)
    with h5py.File(OUT / "weights_only.h5", "w") as f:
        f.attrs["keras_version"], f.attrs["backend"] = b"2.3.1", b"tensorflow"
        f.attrs["layer_names0"], f.attrs["layer_names1"] = attribute(["one"]), attribute(["two"])
        for layer in model.layers:
            group = f.create_group(layer.name)
            for i, w in enumerate(layer.weights):
                group.attrs[f"weight_names{i}"] = attribute([f"{layer.name}/{w.name}:0"])
                group.create_dataset(f"{layer.name}/{w.name}:0", data=np.array(w))
    expect("weights_only", model, waves((ROWS, 3), 1.1))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for make in (chain, graph, sequences, images, catalogue, by_hand):
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        make()
    text = ",\n".join(f'"{name}": {json.dumps(case, separators=(",", ":"))}' for name, case in EXPECTED.items())
    (OUT / "expected.json").write_text("{\n" + text + "\n}\n")
    print(sum(p.stat().st_size for p in OUT.iterdir()), "bytes in", len(list(OUT.iterdir())), "files")


main()
