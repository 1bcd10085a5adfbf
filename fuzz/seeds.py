"""Collects the first files of the fuzz targets in fuzz/corpus: small files that real Keras and NumPy wrote, and some made by hand.

    python fuzz/seeds.py

Needs NumPy. Files that fuzzing found are added beside them by hand, named after what they showed.
"""

import io
import json
import pathlib
import shutil
import struct
import zipfile

import numpy as np

ROOT = pathlib.Path(__file__).parent.parent
CORPUS = ROOT / "fuzz/corpus"
FIXTURES = ROOT / "crates/formats/tests/fixtures"
FILES = ROOT / "crates/nn/tests/files"
LARGEST = 26_000


def put(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def safetensors(header, elements=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + elements


def main():
    for path in sorted(FIXTURES.glob("*.keras")) + sorted(FILES.glob("*.keras")):
        if path.stat().st_size <= LARGEST:
            put("keras_archive", path.name, path.read_bytes())
            if path.parent == FILES:
                put("model", path.name, path.read_bytes())
            with zipfile.ZipFile(path) as archive:
                weights = archive.read("model.weights.h5")
            if len(weights) <= LARGEST:
                put("weights_h5", path.stem + ".weights.h5", weights)
    for path in sorted(FILES.glob("*.h5")) + [FIXTURES / "legacy.h5"]:
        if path.stat().st_size <= LARGEST:
            put("weights_h5" if ".weights" in path.name else "legacy_h5", path.name, path.read_bytes())
            if ".weights" not in path.name:
                put("model", path.name, path.read_bytes())
    f32 = np.arange(6, dtype="<f4")
    entry = lambda dtype, shape, begin, end: {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    put("safetensors", "plain", safetensors({"__metadata__": {"format": "keras"}, "dense/kernel": entry("F32", [2, 3], 0, 24)}, f32.tobytes()))
    kinds = {"a": entry("F16", [3], 0, 6), "b": entry("BF16", [1], 6, 8), "c": entry("F64", [], 8, 16), "d": entry("I64", [1], 16, 24), "e": entry("BOOL", [2, 1], 24, 26),
        "f": entry("U8", [0], 26, 26), "g": entry("I16", [1], 26, 28), "h": entry("U32", [1], 28, 32)}
    put("safetensors", "kinds", safetensors(kinds, bytes(range(32))))
    put("safetensors", "overlap", safetensors({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, bytes(4)))
    put("safetensors", "hole", safetensors({"a": entry("F32", [1], 4, 8)}, bytes(8)))
    put("safetensors", "absurd", safetensors({"a": entry("F32", [2**62, 2**62], 0, 4)}, bytes(4)))
    put("safetensors", "long", struct.pack("<Q", 2**62) + b"{}")
    put("safetensors", "empty", safetensors({}))
    arrays = {"dense/kernel": f32.reshape(2, 3), "dense/bias": f32[:3].astype("<f2"), "n": np.array(3), "b": np.array([True]), "big": f32.astype(">f8"), "i": np.arange(3, dtype="u2")}
    for name, write in (("plain.npz", np.savez), ("deflated.npz", np.savez_compressed)):
        out = io.BytesIO()
        write(out, **arrays)
        put("npz", name, out.getvalue())
    out = io.BytesIO()
    np.savez(out, column=np.asfortranarray(f32.reshape(2, 3)), zero=np.zeros((0, 4), "<f4"), words=np.array(["a"]))
    put("npz", "odd.npz", out.getvalue())
    size = sum(p.stat().st_size for p in CORPUS.rglob("*") if p.is_file())
    print(size, "bytes in", len([p for p in CORPUS.rglob("*") if p.is_file()]), "files")


main()
