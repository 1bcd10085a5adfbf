"""Goldens of texts as numbers from real Keras: TextVectorization and pad_sequences.

Made with Python 3.11, Keras 3.15.1 on TensorFlow 2.21 (whose string operations the layer needs), NumPy 2. From the repository's root:

    KERAS_BACKEND=tensorflow python scripts/goldens/text.py

writes crates/data/tests/goldens/text.json. Everything is a fixed function of nothing, so a second run changes no byte.
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

OUT = pathlib.Path("crates/data/tests/goldens/text.json")

ADAPT = [
    "The cat sat on the mat.", "The DOG sat on the log!", "the end", "Don't stop; can't stop, won't stop...", "e-mail me @ 5 o'clock (sharp)",
    "Ärger über Öl, ÄRGER!", "naïve café — “quoted”", "日本語 テキスト 日本語", "tab\tnew\nline\rreturn\vvertical\ffeed\u00a0hard", "", "   ",
    "emoji 👍👍 👍", "a_b a.b a,b [UNK] [unk]", "end end end",
]
ASK = ["the cat and the dog sat", "STOP!", "", " \t ", "unknown words only", "Ärger ärger", "日本語", "👍", "[UNK] the [unk]", "a_b ab don't dont", "the\vend\u00a0hard"]

ARGUMENTS = [
    {}, {"max_tokens": 8}, {"output_sequence_length": 4}, {"max_tokens": 3, "output_sequence_length": 1}, {"standardize": None},
    {"standardize": "lower"}, {"standardize": "strip_punctuation"}, {"split": "character", "max_tokens": 20}, {"split": "character", "standardize": None, "output_sequence_length": 12},
    {"ngrams": 2}, {"ngrams": 3, "output_sequence_length": 9}, {"ngrams": (2,), "max_tokens": 12}, {"ngrams": (3, 1)}, {"split": "character", "ngrams": 2, "max_tokens": 30},
    {"output_mode": "multi_hot"}, {"output_mode": "multi_hot", "max_tokens": 6}, {"output_mode": "count"}, {"output_mode": "count", "ngrams": 2, "max_tokens": 15},
    {"output_mode": "multi_hot", "max_tokens": 80, "pad_to_max_tokens": True}, {"output_mode": "count", "max_tokens": 5, "pad_to_max_tokens": True},
    {"output_mode": "tf_idf"}, {"output_mode": "tf_idf", "max_tokens": 9}, {"output_mode": "tf_idf", "max_tokens": 80, "pad_to_max_tokens": True},
]
WORDS = ["cat", "the", "stop"]
GIVEN = [
    {"vocabulary": WORDS}, {"vocabulary": ["", "[UNK]", *WORDS]}, {"vocabulary": WORDS, "output_mode": "count"},
    {"vocabulary": ["[UNK]", *WORDS], "output_mode": "multi_hot"}, {"vocabulary": WORDS, "output_mode": "tf_idf", "idf_weights": [0.5, 0.25, 2.0]},
]


def cases(arguments, adapt):
    for given in arguments:
        layer = keras.layers.TextVectorization(**given)
        config = layer.get_config()
        if adapt:
            layer.adapt(ADAPT)
        out = np.asarray(layer(np.array(ASK)))
        kind = "i32" if out.dtype.kind == "i" and given.get("output_mode", "int") == "int" else "f32"
        value = int if kind == "i32" else lambda v: float(f"{float(v):.9g}")
        yield {"config": config, "adapt": adapt, "vocabulary": layer.get_vocabulary(), "shape": list(out.shape), "dtype": kind, "data": [value(v) for v in out.ravel()]}


def sequence_cases():
    sequences = [[1], [2, 3], [], [4, 5, 6, 7, 8], [9, 10, 11]]
    for padding in ("pre", "post"):
        for truncating in ("pre", "post"):
            for maxlen in (None, 1, 3, 7):
                for value in (0, -2):
                    out = keras.utils.pad_sequences(sequences, maxlen=maxlen, padding=padding, truncating=truncating, value=value)
                    yield {
                        "sequences": sequences, "maxlen": maxlen, "padding": padding, "truncating": truncating, "value": value,
                        "shape": list(out.shape), "data": [int(v) for v in out.ravel()],
                    }


if __name__ == "__main__":
    rows = lambda list: "[\n" + ",\n".join(json.dumps(c, sort_keys=True, separators=(",", ":"), ensure_ascii=True) for c in list) + "\n]"
    texts = rows([*cases(ARGUMENTS, True), *cases(GIVEN, False)])
    data = json.dumps({"adapt": ADAPT, "ask": ASK}, separators=(",", ":"))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(f'{{"data":{data},\n"texts":{texts},\n"sequences":{rows(sequence_cases())}}}\n')
