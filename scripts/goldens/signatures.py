"""Arguments of Keras' classes and functions in Keras' order, with Keras' defaults, and the names by which texts ask for them.

Made with Python 3.11, Keras 3.15.1. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/signatures.py

writes crates/nn/tests/keras_signatures.json. A second run changes no byte. `cargo xtask docs` makes the classes of the Python package of it.

An argument is `[name]`, or `[name, default]`; `"**"` at the end says that others are handed on.
"""

import importlib
import inspect
import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

OUT = Path(__file__).resolve().parents[2] / "crates/nn/tests/keras_signatures.json"
MODULES = ("layers", "losses", "optimizers", "optimizers.schedules", "metrics", "callbacks", "initializers", "activations", "regularizers", "constraints")
# What every module has for reading and writing.
READERS = ("get", "serialize", "deserialize")


def arguments(what):
    told = []
    for parameter in inspect.signature(what).parameters.values():
        if parameter.kind == parameter.VAR_KEYWORD:
            told.append("**")
        elif parameter.kind != parameter.VAR_POSITIONAL:
            told.append([parameter.name] if parameter.default is parameter.empty else [parameter.name, parameter.default])
    return told


def surface(module):
    there = keras
    for part in module.split("."):
        there = getattr(there, part)
    found = {"classes": {}, "functions": {}, "aliases": {}, "identifiers": {}}
    for name in dir(there):
        what = getattr(there, name)
        if not (inspect.isclass(what) or inspect.isfunction(what)) or name in READERS:
            continue
        # The same object may have several names; its own comes first.
        if name != what.__name__ and getattr(there, what.__name__, None) is what:
            found["aliases"][name] = what.__name__
        else:
            found["classes" if inspect.isclass(what) else "functions"][name] = arguments(what)
    if module in ("losses", "metrics", "activations", "initializers", "regularizers", "constraints", "optimizers"):
        table = importlib.import_module(f"keras.src.{module}").ALL_OBJECTS_DICT
        found["identifiers"] = {name: what.__name__ for name, what in sorted(table.items())}
    return found


def lines(surfaces):
    """JSON with a line for each name, so that a change is a line too."""
    yield "{"
    for m, (module, found) in enumerate(surfaces.items()):
        yield f' "keras.{module}": {{'
        for k, (kind, names) in enumerate(found.items()):
            yield f'  "{kind}": {{'
            for n, (name, value) in enumerate(names.items()):
                yield f"   {json.dumps(name)}: {json.dumps(value)}" + ("," if n + 1 < len(names) else "")
            yield "  }" + ("," if k + 1 < len(found) else "")
        yield " }" + ("," if m + 1 < len(surfaces) else "")
    yield "}"


surfaces = {module: surface(module) for module in MODULES}
OUT.write_text("\n".join(lines(surfaces)) + "\n")
print(OUT.name, {module: {kind: len(names) for kind, names in found.items()} for module, found in surfaces.items()})
