"""The names of Keras' surface: every class, and every function that is known by its name, of the modules that Adaline speaks.

Made with Python 3.11, Keras 3.15.1. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/names.py

writes crates/nn/tests/keras_names.json. A second run changes no byte.
"""

import inspect
import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

OUT = Path(__file__).resolve().parents[2] / "crates/nn/tests/keras_names.json"
MODULES = ("layers", "losses", "optimizers", "optimizers.schedules", "metrics", "callbacks", "initializers", "activations", "regularizers", "constraints")
# Where functions are named in files and by users, as classes are.
FUNCTIONS = ("losses", "metrics", "activations")
# What every module has for reading and writing.
READERS = ("get", "serialize", "deserialize")


def names(module):
    there = keras
    for part in module.split("."):
        there = getattr(there, part)
    for name in dir(there):
        what = getattr(there, name)
        if inspect.isclass(what) or (module in FUNCTIONS and inspect.isfunction(what) and name not in READERS):
            yield name


surface = {f"keras.{module}": sorted(names(module)) for module in MODULES}
OUT.write_text(json.dumps(surface, indent=1) + "\n")
print(OUT.name, {module: len(found) for module, found in surface.items()})
