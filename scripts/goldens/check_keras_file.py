"""Opens .keras files that Adaline wrote in real Keras and compares predictions and further training.

    cargo run --release -p adaline --example keras_file -- FOLDER
    KERAS_BACKEND=jax python scripts/goldens/check_keras_file.py FOLDER

The example writes FOLDER/NAME.keras, and next to each FOLDER/NAME.json with inputs, Adaline's predictions, its loss
after training on, and its weights then. With Keras 3.15.1 all must agree within 1e-5.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np


def tensor(t):
    return np.array(t["data"], "int32" if t["dtype"] == "int32" else "float32").reshape(t["shape"])


def close(what, ours, theirs):
    ours, theirs = np.asarray(ours, "float64"), np.asarray(theirs, "float64")
    assert ours.shape == theirs.shape, f"{what}: shapes {ours.shape} and {theirs.shape}"
    worst = np.max(np.abs(ours - theirs) / (1e-5 * np.abs(theirs) + 1e-6)) if ours.size else 0
    assert worst <= 1, f"{what}: {worst:.2f} times the tolerance"
    return worst


def check(path):
    notes = json.loads(path.with_suffix(".json").read_text())
    model = keras.saving.load_model(path)
    x, y = [tensor(t) for t in notes["x"]], [tensor(t) for t in notes["y"]]
    x, y = [v if len(v) > 1 else v[0] for v in (x, y)]
    real = [layer for layer in model.layers if type(layer).__module__.startswith("keras.src.layers") or hasattr(layer, "layers")]
    policies = [layer.dtype_policy.name for layer in real if not isinstance(layer, keras.layers.InputLayer)]
    assert policies == notes["policies"], f"{path.name}: {policies}"  # that of the model itself Keras writes and does not read
    model.run_eagerly = "mixed_bfloat16" in policies  # a compiled step may leave out roundings as XLA sees fit
    predictions = model.predict(x, verbose=0)
    for ours, theirs in zip(notes["predictions"], predictions if isinstance(predictions, list) else [predictions], strict=True):
        close(f"{path.name}: predictions", tensor(ours), theirs)
    assert int(model.optimizer.iterations) == notes["iterations"], f"{path.name}: iterations"
    history = model.fit(x, y, batch_size=notes["batch_size"], epochs=notes["epochs"], shuffle=False, verbose=0).history
    close(f"{path.name}: loss of further training", notes["loss"], history["loss"])
    for i, (ours, theirs) in enumerate(zip(notes["weights"], model.get_weights())):
        close(f"{path.name}: weight {i} after further training", tensor(ours), theirs)
    print(f"{path.name}: predictions, iterations and further training agree ({', '.join(sorted(history))})")


def main():
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.keras"))
    assert files, "no .keras file in this folder"
    for path in files:
        check(path)


main()
