"""Goldens of the layers for columns of tables from real Keras: configurations, values, learned boundaries and vocabularies, hashes.

Made with Python 3.11, Keras 3.15.1 on TensorFlow (its kernels for texts and hashes are used on every backend), NumPy 2. From the repository's root:

    KERAS_BACKEND=tensorflow python scripts/goldens/preprocessing.py

writes table_configs.json, table_layers.json, table_adapted.json, table_hashes.json, table_files.json in crates/nn/tests/goldens. Everything is a fixed function of nothing, so a
second run changes no byte.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import io
import json
import re
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers as L

OUT = Path(__file__).resolve().parents[2] / "crates/nn/tests/goldens"


def write(name, cases):
    cases = list(cases)
    rows = ",\n".join(json.dumps(c, sort_keys=True, separators=(",", ":")) for c in cases)
    (OUT / f"{name}.json").write_text(f"[\n{rows}\n]\n")
    print(name, len(cases))


def envelope(layer):
    value = keras.saving.serialize_keras_object(layer)
    return {key: value[key] for key in ("module", "class_name", "config", "registered_name")}


def tensor(a):
    a = np.array(a)
    kind = "i32" if a.dtype.kind in "iu" else "f32"
    return {"shape": list(a.shape), "dtype": kind, "data": [int(v) if kind == "i32" else float(v) for v in a.flatten()]}


NUMBERS = np.array([[3, -7, 40], [12, 3, 0], [2147483647, -2147483648, 16777217], [12, 12, -1]], "int32")
COLUMN = NUMBERS[:, :1]
REALS = np.array([[-1.5, 1.0, 3.4], [0.0, 0.5, 2.0], [9.0, 1.999999, -0.25]], "float32")
SMALL = np.array([[0, 3, 1], [3, 3, 2], [1, 1, 1]], "int32")
WEIGHTS = np.array([[0.5, 1.0, 2.0], [0.25, 0.25, 4.0], [1.0, -1.0, 3.0]], "float32")
VOCABULARY = [12, 3, -7, 16777217, 5]
IDF = [0.25, 1.5, 3.0, 0.7, 2.1]
PLACES = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, -1, 2147483647, -2147483648]], "int32")
MODES = ("one_hot", "multi_hot", "count")


def networks():
    """Layers that work within a network here, and their inputs."""
    for mode in ("int", *MODES):
        yield L.Discretization([0.0, 1.0, 2.0], output_mode=mode), [REALS]
    yield L.Discretization([0.5], output_mode="one_hot"), [REALS[:, :1]]
    yield L.Discretization([-1, 0, 3]), [SMALL]
    for mode in MODES:
        yield L.CategoryEncoding(4, output_mode=mode), [SMALL]
    yield L.CategoryEncoding(5, output_mode="one_hot"), [SMALL[:, :1]]
    yield L.CategoryEncoding(5), [SMALL.astype("float32")]
    yield L.CategoryEncoding(4, output_mode="count"), [SMALL, WEIGHTS]
    for mode in ("int", *MODES):
        yield L.IntegerLookup(vocabulary=VOCABULARY, output_mode=mode), [NUMBERS]
        yield L.IntegerLookup(vocabulary=VOCABULARY, output_mode=mode, mask_token=0, max_tokens=12, pad_to_max_tokens=True), [NUMBERS]
    for places in (2, 3, 7, 1000):
        yield L.IntegerLookup(vocabulary=VOCABULARY, num_oov_indices=places, mask_token=40), [NUMBERS]
    yield L.IntegerLookup(vocabulary=[0, -1, *VOCABULARY], mask_token=0), [NUMBERS]
    yield L.IntegerLookup(vocabulary=VOCABULARY, output_mode="one_hot"), [COLUMN]
    yield L.IntegerLookup(vocabulary=VOCABULARY, oov_token=-2, num_oov_indices=2), [COLUMN]
    for options in ({}, dict(mask_token=0), dict(num_oov_indices=3), dict(max_tokens=9, pad_to_max_tokens=True, num_oov_indices=2)):
        yield L.IntegerLookup(vocabulary=VOCABULARY, idf_weights=IDF, output_mode="tf_idf", **options), [NUMBERS]
    yield L.IntegerLookup(vocabulary=[-1, *VOCABULARY], idf_weights=[4.5, *IDF], output_mode="tf_idf"), [NUMBERS]
    yield L.IntegerLookup(vocabulary=VOCABULARY, idf_weights=IDF, output_mode="tf_idf"), [COLUMN]
    for options in ({}, dict(mask_token=0), dict(num_oov_indices=3, oov_token=-5), dict(num_oov_indices=0)):
        yield L.IntegerLookup(vocabulary=VOCABULARY, invert=True, **options), [PLACES]


def adapted():
    many = np.sin(np.arange(1, 1001) ** 1.3).astype("float32").reshape(250, 4) * 10
    for bins, epsilon, data in ((4, 0.01, REALS), (3, 0.01, many), (10, 0.05, many), (7, 0.3, many[:9]), (1, 0.01, many), (5, 0.01, many[:25])):
        layer = L.Discretization(num_bins=bins, epsilon=epsilon)
        before = envelope(layer)
        layer.adapt(data)
        yield {"object": before, "x": tensor(data), "boundaries": [float(b) for b in layer.bin_boundaries]}
    terms = np.array([5, 7, 7, -1, 3, 3, 3, 0, 9, 5, 11], "int32")
    for options in ({}, dict(max_tokens=4), dict(mask_token=0), dict(mask_token=0, num_oov_indices=2, max_tokens=6), dict(output_mode="count", mask_token=3)):
        layer = L.IntegerLookup(**options)
        before = envelope(layer)
        layer.adapt(terms)
        yield {"object": before, "x": tensor(terms), "vocabulary": [int(v) for v in layer.get_vocabulary()]}
    documents = np.array([[5, 7, 7], [-1, 3, 3], [3, 0, 9], [5, 11, 3]], "int32")
    for options in ({}, dict(max_tokens=4), dict(mask_token=0, num_oov_indices=2), dict(max_tokens=12, pad_to_max_tokens=True)):
        for x in (documents, terms):
            layer = L.IntegerLookup(output_mode="tf_idf", **options)
            before = envelope(layer)
            layer.adapt(x)
            yield {"object": before, "x": tensor(x), "vocabulary": [int(v) for v in layer.get_vocabulary()], "y": tensor(layer(documents))}
    words = ["red", "blue", "red", "", "Grün", "green", "[UNK]", "blue", "red", "green"]
    for options in ({}, dict(mask_token=""), dict(max_tokens=3), dict(num_oov_indices=3, output_mode="one_hot")):
        layer = L.StringLookup(**options)
        before = envelope(layer)
        layer.adapt(np.array(words))
        yield {"object": before, "texts": words, "vocabulary": [str(v) for v in layer.get_vocabulary()]}


def hashes():
    """Layers that work before a network, what they are given, what they make of it."""
    texts = ["", "A", "ab", "abc", "Grün", "a somewhat longer text", *("0123456789"[: n % 10] + "x" * n for n in range(3, 210, 3))]
    column = np.array(texts)[:, None]
    big = 2**31 - 1
    for options in ({}, dict(salt=133), dict(salt=[133, 137]), dict(mask_value="A"), dict(mask_value="A", output_mode="one_hot")):
        bins = 11 if "output_mode" in options else big
        layer = L.Hashing(bins, **options)
        yield {"object": envelope(layer), "texts": texts, "y": tensor(layer(column))}
    for options in ({}, dict(salt=[1, 2]), dict(mask_value=3), dict(output_mode="multi_hot"), dict(output_mode="count"), dict(output_mode="one_hot")):
        layer = L.Hashing(13, **options)
        yield {"object": envelope(layer), "x": [tensor(NUMBERS)], "y": tensor(layer(NUMBERS))}
    layer = L.Hashing(1000003)
    yield {"object": envelope(layer), "x": [tensor(REALS * 10)], "y": tensor(layer(REALS * 10))}
    a, b, c = (NUMBERS[:, i : i + 1] for i in range(3))
    for options, columns in (({}, [a, b]), ({}, [a, b, c]), (dict(output_mode="one_hot"), [a, b]), ({}, [a[:, 0], c[:, 0]])):
        layer = L.HashedCrossing(17 if options else big, **options)
        made = np.array(layer(tuple(columns)))
        yield {"object": envelope(layer), "x": [tensor(x) for x in columns], "y": tensor(made)}
    words = ["red", "blue", "other", "green", "another", ""]
    for options in ({}, dict(mask_token=""), dict(num_oov_indices=5), dict(num_oov_indices=5, salt=[3, 4]), dict(output_mode="one_hot"), dict(output_mode="count", mask_token="")):
        layer = L.StringLookup(vocabulary=["blue", "red", "green"], **options)
        yield {"object": envelope(layer), "texts": words, "y": tensor(layer(np.array(words)[:, None]))}
    weighted = dict(vocabulary=["blue", "red", "green"], idf_weights=[0.5, 0.25, 2.0], output_mode="tf_idf")
    for options in ({}, dict(mask_token=""), dict(num_oov_indices=5, pad_to_max_tokens=True, max_tokens=10)):
        layer = L.StringLookup(**weighted, **options)
        yield {"object": envelope(layer), "texts": words, "y": tensor(layer(np.array(words)[:, None]))}
    for options in ({}, dict(mask_token=""), dict(num_oov_indices=2, oov_token="?"), dict(num_oov_indices=0)):
        layer = L.StringLookup(vocabulary=["blue", "red", "green"], invert=True, **options)
        yield {"object": envelope(layer), "places": [int(v) for v in PLACES.flatten()], "terms": [t.decode() for t in layer(PLACES.flatten()).numpy()]}
    layer = L.IntegerLookup(vocabulary=VOCABULARY, num_oov_indices=6, oov_method="farmhash", salt=9)
    yield {"object": envelope(layer), "x": [tensor(NUMBERS)], "y": tensor(layer(NUMBERS))}


def call(layer, inputs):
    y = layer(inputs[0], count_weights=inputs[1]) if len(inputs) > 1 else layer(inputs[0])
    return {"object": envelope(layer), "x": [tensor(x) for x in inputs], "y": tensor(np.array(y))}


def files():
    """Models with look-ups that learned their vocabularies, as Keras saves them: those are in files and weights beside the configuration."""
    documents = np.array([[1, 2, 3], [1, 1, 5], [2, 2, 2], [7, 5, 7]], "int32")
    new = np.array([[2, 9, 1], [7, 7, 3], [0, 5, 2]], "int32")
    for options in ({}, dict(mask_token=7, num_oov_indices=2), dict(output_mode="tf_idf"), dict(output_mode="tf_idf", max_tokens=8, pad_to_max_tokens=True), dict(output_mode="multi_hot")):
        for nested in (False, True):
            layer = L.IntegerLookup(**options)
            layer.adapt(documents)
            x = keras.Input((3,), dtype="int32")
            terms = keras.Sequential([keras.Input((3,), dtype="int32"), layer], name="terms") if nested else layer
            model = keras.Model(x, L.Dense(2, name="dense")(terms(x)), name="model")
            model.set_weights([np.sin(np.arange(w.size) + 1.0).reshape(w.shape).astype("float32") for w in model.get_weights()])
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "m.keras"
                model.save(path)
                with zipfile.ZipFile(path) as z:
                    names = [n for n in z.namelist() if n.startswith("assets/")]
                    assets = {n.removeprefix("assets/"): z.read(n).decode() for n in names}
                    config = json.loads(z.read("config.json"))
                    weights = {}
                    with h5py.File(io.BytesIO(z.read("model.weights.h5"))) as f:
                        f.visititems(lambda n, d: weights.update({n: tensor(d)}) if isinstance(d, h5py.Dataset) else None)
            # Numbers that Python gives objects, other ones in each run.
            text = re.sub(r', "shared_object_id": \d+', "", json.dumps(config))
            yield {"config": json.loads(text), "assets": assets, "weights": weights, "x": tensor(new), "y": tensor(model.predict(new, verbose=0))}


calls = [call(*case) for case in networks()]
learned, before = list(adapted()), list(hashes())
write("table_configs", [case["object"] for case in calls + learned + before])
write("table_layers", calls)
write("table_adapted", learned)
write("table_hashes", before)
write("table_files", files())
