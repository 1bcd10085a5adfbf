"""Data sets from files on this computer, in the formats that the world has them in."""

import gzip
import json
import pickle
import struct

import numpy as np
import pytest

from adaline import datasets


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder of data sets."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("ADALINE_DATASETS", raising=False)
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def _texts(rng, rows):
    made = np.empty(rows, dtype=object)
    made[:] = [rng.integers(1, 50, rng.integers(3, 12)).tolist() for _ in range(rows)]
    return made


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100", "imdb", "reuters", "boston_housing", "california_housing"])
def test_a_missing_file_is_told_with_its_place(place, name):
    with pytest.raises(FileNotFoundError, match="Nothing is fetched from the network") as told:
        getattr(datasets, name).load_data()
    assert str(place) in str(told.value) and "http" in str(told.value)


def test_mnist(place, rng):
    arrays = {f"{k}_{s}": rng.integers(0, 9, (n, 28, 28) if k == "x" else n, dtype=np.uint8) for s, n in (("train", 6), ("test", 2)) for k in "xy"}
    np.savez(place / "mnist.npz", **arrays)
    (x, y), (tx, ty) = datasets.mnist.load_data()
    for mine, key in ((x, "x_train"), (y, "y_train"), (tx, "x_test"), (ty, "y_test")):
        np.testing.assert_array_equal(mine, arrays[key])


def _idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    with gzip.open(path, "wb") as file:
        file.write(head + array.tobytes())


def test_idx_files(place, rng):
    folder = place / "fashion-mnist"
    folder.mkdir()
    x, y = rng.integers(0, 255, (5, 28, 28), dtype=np.uint8), rng.integers(0, 9, 5, dtype=np.uint8)
    for stem in ("train", "t10k"):
        _idx(folder / f"{stem}-images-idx3-ubyte.gz", x)
        _idx(folder / f"{stem}-labels-idx1-ubyte.gz", y)
    (a, b), _ = datasets.fashion_mnist.load_data()
    np.testing.assert_array_equal(a, x)
    np.testing.assert_array_equal(b, y)
    (a, _), _ = datasets.mnist.load_data(str(folder))
    np.testing.assert_array_equal(a, x)
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="lacks one of"):
        datasets.fashion_mnist.load_data()


def test_cifar(place, rng):
    for folder, files, key in (("cifar-10-batches-py", [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"], b"labels"),
                               ("cifar-100-python", ["train", "test"], b"fine_labels")):
        (place / folder).mkdir()
        for name in files:
            told = {b"data": rng.integers(0, 255, (4, 3072), dtype=np.uint8), key: [1, 2, 3, 4], b"coarse_labels": [0, 0, 1, 1]}
            (place / folder / name).write_bytes(pickle.dumps(told, protocol=2))
    (x, y), (tx, ty) = datasets.cifar10.load_data()
    assert x.shape == (20, 32, 32, 3) and y.shape == (20, 1) and tx.shape == (4, 32, 32, 3)
    raw = pickle.loads((place / "cifar-10-batches-py" / "test_batch").read_bytes())[b"data"]
    np.testing.assert_array_equal(tx[1, :, :, 2].ravel(), raw[1, 2048:])
    assert datasets.cifar100.load_data("coarse")[0][1].ravel().tolist() == [0, 0, 1, 1]


def _theirs(keras, name, place, options):
    """What Keras makes of the same file."""
    module = __import__(f"keras.src.datasets.{name}", fromlist=["load_data"])
    original, module.get_file = module.get_file, lambda *args, **kwargs: str(place / f"{name}.npz")
    try:
        return module.load_data(**options)
    finally:
        module.get_file = original


@pytest.mark.parametrize("options", [{}, {"num_words": 20}, {"skip_top": 5, "oov_char": None}, {"maxlen": 9, "start_char": None},
                                     {"index_from": None, "start_char": None}])
def test_texts_are_those_of_keras(keras, place, rng, options):
    train, test = _texts(rng, 30), _texts(rng, 10)
    np.savez(place / "imdb.npz", x_train=train, y_train=np.arange(30) % 2, x_test=test, y_test=np.arange(10) % 2)
    np.savez(place / "reuters.npz", x=train, y=np.arange(30) % 5)
    for name in ("imdb", "reuters"):
        theirs = _theirs(keras, name, place, options)
        mine = getattr(datasets, name).load_data(**options)
        for (a, b), (c, d) in zip(mine, theirs):
            assert [list(t) for t in a] == [list(map(int, t)) for t in c]
            np.testing.assert_array_equal(b, d)
    (place / "imdb_word_index.json").write_text(json.dumps({"film": 1}), encoding="utf-8")
    assert datasets.imdb.get_word_index() == {"film": 1} and len(datasets.reuters.get_label_names()) == 46


def test_files_run_no_code(place):
    class Evil:
        def __reduce__(self):
            return (print, ("code ran",))

    (place / "cifar-100-python").mkdir()
    for name in ("train", "test"):
        (place / "cifar-100-python" / name).write_bytes(pickle.dumps({"data": Evil()}))
    with pytest.raises(pickle.UnpicklingError, match="only arrays are read"):
        datasets.cifar100.load_data()
    evil = np.empty(1, dtype=object)
    evil[0] = Evil()
    np.savez(place / "imdb.npz", x_train=evil, y_train=evil, x_test=evil, y_test=evil)
    with pytest.raises(pickle.UnpicklingError, match="only arrays are read"):
        datasets.imdb.load_data()


def test_housing(keras, place, rng):
    np.savez(place / "california_housing.npz", x=rng.normal(size=(700, 8)), y=rng.normal(size=700))
    np.savez(place / "boston_housing.npz", x=rng.normal(size=(50, 13)), y=rng.normal(size=50))
    for name, options in (("california_housing", {"version": "small"}), ("california_housing", {}), ("boston_housing", {"test_split": 0.5})):
        theirs = _theirs(keras, name, place, options)
        mine = getattr(datasets, name).load_data(**options)
        for (a, b), (c, d) in zip(mine, theirs):
            np.testing.assert_array_equal(a, c)
            np.testing.assert_array_equal(b, d)
