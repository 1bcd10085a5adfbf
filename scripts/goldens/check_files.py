"""Opens files of all kinds that Adaline wrote in real Keras and NumPy, and compares predictions, weights and the optimizer's memory.

    cargo run -p adaline-nn --example write_files -- FOLDER
    KERAS_BACKEND=jax python scripts/goldens/check_files.py FOLDER

The models are those of crates/nn/tests/files, which real Keras saved; with Keras 3.15.1 all must agree within 1e-5, predictions within 1e-5 of
the largest number of an output where that is above 1 (pictures have values up to 255: Keras itself differs as much from one processor to another).
"""

import json
import os
import pathlib
import struct
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

HERE = pathlib.Path("crates/nn/tests/files")


def tensor(t):
    return np.array(t["data"], "int32" if t["dtype"] == "i32" else "float32").reshape(t["shape"])


def close(what, ours, theirs, scale=0.0):
    ours, theirs = np.asarray(ours, "float64"), np.asarray(theirs, "float64")
    assert ours.shape == theirs.shape, f"{what}: shapes {ours.shape} and {theirs.shape}"
    worst = np.max(np.abs(ours - theirs) / (1e-5 * np.maximum(np.abs(theirs), max(scale, 1)))) if ours.size else 0
    assert worst <= 1, f"{what}: {worst:.2f} times the tolerance"


def safetensors(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "I32": "<i4", "I64": "<i8"}
    elements = content[8 + length :]
    return {n: np.frombuffer(elements[slice(*e["data_offsets"])], kinds[e["dtype"]]).reshape(e["shape"]) for n, e in header.items()}


def predictions_agree(what, model, case):
    x = [tensor(t) for t in case["x"]]
    got = model.predict(x if len(x) > 1 else x[0], verbose=0)
    for i, (a, b) in enumerate(zip(got if isinstance(got, list) else [got], case["predictions"], strict=True)):
        close(f"{what}: output {i}", a, tensor(b), np.max(np.abs(tensor(b))))


def main():
    folder, expected = pathlib.Path(sys.argv[1]), json.loads((HERE / "expected.json").read_text())
    for path in sorted(folder.glob("*.keras")):
        name = path.stem
        try:
            theirs = keras.saving.load_model(HERE / path.name)
        except TypeError as error:
            # Keras writes a RandomShear in a way that it does not read; ours of the same model is read.
            assert "RandomShear" in str(error), error
            theirs = keras.saving.load_model(path)
        for end in ("keras", "h5"):
            model = keras.saving.load_model(folder / f"{name}.{end}")
            predictions_agree(f"{name}.{end}", model, expected[name])
            if getattr(theirs, "optimizer", None) is not None:
                assert int(model.optimizer.iterations) == int(theirs.optimizer.iterations), f"{name}.{end}: iterations"
                # Of a Sequential in .h5, its own files too, Keras reads no more of the optimizer's memory than its two first variables.
                some = end == "h5" and len(model.optimizer.variables) == 2
                for a, b in zip(model.optimizer.variables, theirs.optimizer.variables[: 2 if some else None], strict=True):
                    close(f"{name}.{end}: {b.path}", a, b)
        fresh = keras.saving.load_model(path)
        fresh.set_weights([np.zeros_like(w) for w in fresh.get_weights()])
        fresh.load_weights(folder / f"{name}.weights.h5")
        predictions_agree(f"{name}.weights.h5", fresh, expected[name])
        arrays, tensors = np.load(folder / f"{name}.npz"), safetensors(folder / f"{name}.safetensors")
        assert set(arrays.files) == set(tensors)
        for key, weight in zip(arrays.files, theirs.get_weights(), strict=True):
            close(f"{name}.npz: {key}", arrays[key], weight)
            close(f"{name}.safetensors: {key}", tensors[key], weight)
        print(f"{name}: .keras, .h5, .weights.h5, .npz and .safetensors agree")


main()
