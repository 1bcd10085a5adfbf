"""Where data sets are looked for, and how their files are read. Nothing is fetched from the network, and no file runs code."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zipfile
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

Arrays = Tuple[Tuple[np.ndarray, np.ndarray], Tuple[np.ndarray, np.ndarray]]


def folders() -> List[str]:
    """`$ADALINE_DATASETS`, then Keras' own: `$KERAS_HOME/datasets`, `~/.keras/datasets`."""
    found = [os.environ["ADALINE_DATASETS"]] if os.environ.get("ADALINE_DATASETS") else []
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    return [*found, os.path.join(home, "datasets")]


def find(name: str, what: str, origin: str, also: Tuple[str, ...] = ()) -> str:
    """The path of a data set's file or folder, or an error that tells where to put it.

    Args:
        name: Path, or name below one of `folders()`.
        what: Name of the data set.
        origin: Where the world gets it from.
        also: Other names under which it may lie.
    """
    if os.path.isabs(name) or os.path.dirname(name):
        path = os.path.expanduser(name)
        if os.path.exists(path):
            return path
        raise FileNotFoundError(f"{what}: there is no {path}")
    for folder in folders():
        for each in (name, *also):
            path = os.path.join(folder, each)
            if os.path.exists(path):
                return path
    raise FileNotFoundError(
        f"{what}: no {name} in {' or '.join(folders())}. Nothing is fetched from the network: get it from {origin}, and put it there, give its path, or "
        "name its folder in the environment variable ADALINE_DATASETS"
    )


#: What arrays of objects are made of. Anything else in a pickle is refused.
_ALLOWED = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"),
            ("_codecs", "encode")}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"the file names {module}.{name}: only arrays are read from it")
        if name == "encode":
            return _encode
        if name == "_reconstruct":  # NumPy 2 keeps it elsewhere than NumPy 1
            return np.ndarray(0).__reduce__()[0]
        return getattr(np, name)


def _encode(text: str, encoding: str) -> bytes:
    """`_codecs.encode` for the one encoding with which Python 2's strings are written."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"the file asks for the encoding {encoding!r}: only arrays are read from it")
    return text.encode("latin1")


def unpickled(file: Any) -> Any:
    """Arrays, lists and dicts of a pickle."""
    return _Unpickler(file, encoding="bytes").load()


def npz(path: str) -> Dict[str, np.ndarray]:
    """The arrays of a `.npz`, those of lists too."""
    made = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            file = io.BytesIO(archive.read(name))
            version = np.lib.format.read_magic(file)
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            _, _, dtype = reader(file)
            if dtype.hasobject:
                array = unpickled(file)
            else:
                file.seek(0)
                array = np.lib.format.read_array(file, allow_pickle=False)
            made[name[:-4] if name.endswith(".npy") else name] = array
    return made


def idx(path: str) -> np.ndarray:
    """An array of bytes in the format of the MNIST files, `.gz` or not."""
    with (gzip.open(path) if path.endswith(".gz") else open(path, "rb")) as file:
        data = file.read()
    if len(data) < 4 or data[0] or data[1] or data[2] != 8:
        raise ValueError(f"{path} is no IDX file of bytes")
    shape = struct.unpack(f">{data[3]}I", data[4:4 + 4 * data[3]])
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{path} tells of {shape}, {int(np.prod(shape))} bytes, and holds {values.size}")
    return values.reshape(shape)


_IDX = (("train-images", "train-labels"), ("t10k-images", "t10k-labels"))


def idx_folder(folder: str) -> Optional[Arrays]:
    """The four IDX files of a folder, under any of their usual names."""
    parts = []
    for images, labels in _IDX:
        pair = []
        for stem, ends in ((images, ("-idx3-ubyte", ".idx3-ubyte")), (labels, ("-idx1-ubyte", ".idx1-ubyte"))):
            there = [p for end in ends for gz in ("", ".gz") for p in [os.path.join(folder, stem + end + gz)] if os.path.exists(p)]
            if not there:
                return None
            pair.append(idx(there[0]))
        parts.append((pair[0], pair[1]))
    return parts[0], parts[1]


def shuffled(x: Any, y: Any, seed: int, test_split: float) -> Arrays:
    """Rows in Keras' order, the last part for testing."""
    if not 0 <= test_split < 1:
        raise ValueError(f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive of 1).")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y, at = x[order], y[order], int(len(x) * (1 - test_split))
    return (np.array(x[:at]), np.array(y[:at])), (np.array(x[at:]), np.array(y[at:]))


def worded(x: Any, y: Any, maxlen: Optional[int], start_char: Optional[int], index_from: Optional[int]) -> Tuple[List[List[int]], np.ndarray]:
    """Texts as word numbers, moved by `index_from` behind those for padding, beginnings and unknown words; without those of `maxlen` or more."""
    if start_char is not None:
        x = [[start_char, *(w + (index_from or 0) for w in text)] for text in x]
    else:
        x = [[w + (index_from or 0) for w in text] for text in x]
    if maxlen:
        kept = [i for i, text in enumerate(x) if len(text) < maxlen]
        x, y = [x[i] for i in kept], np.asarray(y)[kept]
    return x, y


def limited(x: List[List[int]], num_words: Optional[int], skip_top: int, oov_char: Optional[int]) -> np.ndarray:
    """Word numbers outside of the wanted ones replaced, or left out, as an array of lists."""
    top = num_words or max(max(text) for text in x)
    if oov_char is not None:
        x = [[w if skip_top <= w < top else oov_char for w in text] for text in x]
    else:
        x = [[w for w in text if skip_top <= w < top] for text in x]
    made = np.empty(len(x), dtype=object)
    made[:] = x
    return made
