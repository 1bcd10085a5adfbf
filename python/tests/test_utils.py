"""Helpers: the same arrays as Keras'."""

import os

import numpy as np
import pytest

import adaline
from adaline import utils


@pytest.mark.parametrize("x, classes", [([0, 2, 1], None), ([[0], [3]], 5), ([[0, 1], [2, 2]], None), (np.array([], dtype=int).reshape(0), 3)])
def test_to_categorical(keras, x, classes):
    np.testing.assert_array_equal(utils.to_categorical(x, classes), keras.utils.to_categorical(x, classes))


def test_to_categorical_tells_the_class_that_is_too_large():
    with pytest.raises(ValueError, match="class 3 is not below num_classes=3"):
        utils.to_categorical([0, 3], 3)


@pytest.mark.parametrize("axis, order", [(-1, 2), (-1, 1), (1, 3)])
def test_normalize(keras, rng, axis, order):
    x = rng.normal(size=(3, 4))
    np.testing.assert_allclose(utils.normalize(x, axis, order), keras.utils.normalize(x, axis, order))
    np.testing.assert_array_equal(utils.normalize(np.zeros(3)), keras.utils.normalize(np.zeros(3)))
    # Keras 3.15.1 itself fails for arrays of NumPy and axis=0 (`axis or -1`).
    np.testing.assert_allclose(np.linalg.norm(utils.normalize(x, 0, order), order, 0), np.ones(4))


@pytest.mark.parametrize("options", [{}, {"maxlen": 2}, {"maxlen": 5, "padding": "post", "value": -1}, {"maxlen": 2, "truncating": "post"},
                                     {"dtype": "float32", "value": 0.5}])
def test_pad_sequences(keras, options):
    rows = [[1, 2, 3], [4], [], [5, 6, 7, 8]]
    mine, theirs = utils.pad_sequences(rows, **options), keras.utils.pad_sequences(rows, **options)
    np.testing.assert_array_equal(mine, theirs)
    assert mine.dtype == theirs.dtype
    deep = [np.ones((2, 3)), np.ones((4, 3))]
    np.testing.assert_array_equal(utils.pad_sequences(deep, **options), keras.utils.pad_sequences(deep, **options))
    assert adaline.preprocessing.sequence.pad_sequences is utils.pad_sequences


@pytest.mark.parametrize("options", [{}, {"sequence_stride": 3}, {"sampling_rate": 2, "batch_size": 7}, {"start_index": 10, "end_index": 60},
                                     {"start_index": 5, "sequence_stride": 4, "sampling_rate": 3}])
@pytest.mark.parametrize("with_targets", [True, False])
def test_timeseries(options, with_targets):
    data = np.arange(200, dtype=np.float32).reshape(100, 2)
    targets = np.arange(100) * 10 if with_targets else None
    length, first = 5, options.get("start_index", 0)
    rate, stride, last = options.get("sampling_rate", 1), options.get("sequence_stride", 1), options.get("end_index", 100)
    made = utils.timeseries_dataset_from_array(data, targets, length, **options)
    windows = np.concatenate([b[0] if with_targets else b for b in made])
    # Keras' documentation: windows data[i : i + length * rate : rate] that lie within the series.
    wanted = [data[i:i + length * rate:rate] for i in range(first, last - (length - 1) * rate, stride)]
    np.testing.assert_array_equal(windows, np.stack(wanted))
    if with_targets:
        np.testing.assert_array_equal(np.concatenate([b[1] for b in made]), targets[first:last - (length - 1) * rate:stride])


def test_timeseries_shuffles_anew_and_by_seed():
    data = np.arange(50, dtype=np.float32)
    made = [utils.timeseries_dataset_from_array(data, data, 3, shuffle=True, seed=1, batch_size=None) for _ in range(2)]
    first = [float(y) for _, y in made[0]]
    assert first == [float(y) for _, y in made[1]] and sorted(first) == list(range(48)) and first != sorted(first)
    made[0].on_epoch_end()
    assert [float(y) for _, y in made[0]] != first
    with pytest.raises(ValueError, match="no window of 60 steps"):
        utils.timeseries_dataset_from_array(data, None, 60)


def test_split_dataset():
    x, y = np.arange(10), np.arange(10) * 2
    (a, b), (c, d) = utils.split_dataset((x, y), left_size=0.7, shuffle=True, seed=3)
    assert len(a) == 7 and len(c) == 3 and sorted([*a, *c]) == list(range(10))
    np.testing.assert_array_equal(np.concatenate([a, c]) * 2, np.concatenate([b, d]))
    left, right = utils.split_dataset(x, right_size=4)
    assert left.tolist() == list(range(6)) and right.tolist() == [6, 7, 8, 9]
    with pytest.raises(ValueError, match="at most 10"):
        utils.split_dataset(x, left_size=8, right_size=8)


def test_seed_makes_weights_the_same():
    values = []
    for _ in range(2):
        utils.set_random_seed(3)
        values.append(adaline.Sequential([adaline.layers.Input((4,)), adaline.layers.Dense(3)]).get_weights()[0])
        values.append(np.random.rand(2))
    np.testing.assert_array_equal(values[0], values[2])
    np.testing.assert_array_equal(values[1], values[3])


def _png(path, pixels):
    """A picture without Pillow."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_folders_of_images_as_keras_reads_them(keras, tmp_path, rng):
    from keras.src.utils import dataset_utils

    pictures = {}
    for name, count in (("cat", 4), ("dog", 5), ("ant", 3)):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(count):
            path = tmp_path / name / ("more" if i == 0 else ".") / f"{i}.png"
            pictures[str(path)] = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            _png(path, pictures[str(path)])
    (tmp_path / "cat" / "notes.txt").write_text("no picture", encoding="utf-8")
    formats = (".bmp", ".gif", ".jpeg", ".jpg", ".png")

    def theirs(labels="inferred", class_names=None, shuffle=False, seed=None):
        return dataset_utils.index_directory(str(tmp_path), labels, formats, class_names, shuffle, seed, verbose=False)

    def mine(**given):
        return utils.image_dataset_from_directory(tmp_path, image_size=(6, 8), verbose=False, **given)

    paths, labels, names = theirs()
    made = mine(batch_size=5, shuffle=False)
    assert made.class_names == names == ["ant", "cat", "dog"] and len(made) == 3
    assert [os.path.realpath(p) for p in made.file_paths] == [os.path.realpath(p) for p in paths]
    assert np.concatenate([y for _, y in made]).tolist() == list(labels)
    for x, path in zip(np.concatenate([x for x, _ in made]), paths):
        np.testing.assert_array_equal(x, pictures[str(path)])
    paths, labels, names = theirs(class_names=["dog", "ant", "cat"])
    made = mine(class_names=["dog", "ant", "cat"], label_mode="categorical", shuffle=False)
    assert made.class_names == names and made[0][1].argmax(1).tolist() == list(labels)
    assert mine(labels=None, shuffle=False)[0].shape == (12, 6, 8, 3)
    # The split of a seed is that of Keras.
    paths, labels, _ = theirs(shuffle=True, seed=4)
    train, held = mine(seed=4, validation_split=0.25, subset="both")
    for part, subset in ((train, "training"), (held, "validation")):
        wanted, _ = dataset_utils.get_training_or_validation_split(paths, labels, 0.25, subset)
        assert [os.path.realpath(p) for p in part.file_paths] == [os.path.realpath(p) for p in wanted]
    single = mine(batch_size=None, shuffle=False)
    assert len(single) == 12 and single[0][0].shape == (6, 8, 3)
    grey = mine(color_mode="grayscale", shuffle=False)[0][0]
    assert grey.shape == (12, 6, 8, 1)
    np.testing.assert_allclose(grey[..., 0], mine(shuffle=False)[0][0] @ [0.299, 0.587, 0.114], atol=1.0)
    half = utils.image_dataset_from_directory(tmp_path, image_size=(3, 4), shuffle=False, verbose=False)[0][0]
    np.testing.assert_allclose(half, mine(shuffle=False)[0][0].reshape(12, 3, 2, 4, 2, 3).mean((2, 4)), atol=1e-3)
    (tmp_path / "cat" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="broken.png"):
        list(mine(shuffle=False))


def test_images_from_folders(tmp_path, rng):
    image = pytest.importorskip("PIL.Image")
    for name in ("cat", "dog"):
        os.makedirs(tmp_path / name)
        for i in range(5):
            image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(tmp_path / name / f"{i}.png")
    made = utils.image_dataset_from_directory(tmp_path, image_size=(6, 8), batch_size=4, shuffle=False, verbose=False)
    assert made.class_names == ["cat", "dog"] and len(made) == 3
    x, y = made[0]
    assert x.shape == (4, 6, 8, 3) and x.dtype == np.float32 and y.tolist() == [0, 0, 0, 0]
    np.testing.assert_array_equal(x[0], np.asarray(image.open(tmp_path / "cat" / "0.png")))
    train, test = utils.image_dataset_from_directory(tmp_path, label_mode="categorical", color_mode="grayscale", image_size=3, seed=1, subset="both",
                                                     validation_split=0.3, verbose=False)
    assert len(train.file_paths) == 7 and len(test.file_paths) == 3 and not set(train.file_paths) & set(test.file_paths)
    assert train[0][0].shape == (7, 3, 3, 1) and train[0][1].shape == (7, 2)
    model = adaline.Sequential([adaline.layers.Input((3, 3, 1)), adaline.layers.Flatten(), adaline.layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    assert len(model.fit(train, epochs=2, verbose=0, validation_data=test).history["val_loss"]) == 2


def test_resizing_is_that_of_keras(keras, rng):
    from adaline.utils._image import resize_bilinear

    x = rng.normal(size=(7, 5, 3)).astype(np.float32)
    for size in ((3, 9), (14, 2), (7, 5)):
        np.testing.assert_allclose(resize_bilinear(x, size), keras.ops.image.resize(x, size, interpolation="bilinear", antialias=False), atol=1e-5)


def test_plot(tmp_path):
    ElementTree = pytest.importorskip("xml.etree.ElementTree")
    a, b = adaline.Input((4,), name="left"), adaline.Input((3,), name="right")
    both = adaline.layers.concatenate([adaline.layers.Dense(2)(a), b])
    model = adaline.Model([a, b], adaline.layers.Dense(1, activation="relu", name="last")(both))
    plot = utils.plot_model(model, tmp_path / "m.svg", show_shapes=True, show_layer_names=True, show_layer_activations=True)
    text = (tmp_path / "m.svg").read_text(encoding="utf-8")
    assert plot._repr_svg_() == text
    tree = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert len(tree.findall(f"{space}line")) == 4  # left-dense, dense-concatenate, right-concatenate, concatenate-last
    assert "last (Dense)" in text and "(None, 1)" in text and "Activation: relu" in text
    with pytest.raises(ValueError, match=".svg"):
        utils.plot_model(model, "m.png")


def test_progress(capsys):
    bar = utils.Progbar(3, verbose=2)
    for i in range(3):
        bar.add(1, [("loss", float(i))])
    assert "3/3" in capsys.readouterr().out
    bar = utils.Progbar(2, interval=0, stateful_metrics=["b"])
    bar.update(1, [("a", 1.0), ("b", 1.0)])
    bar.update(2, [("a", 2.0), ("b", 5.0)])
    assert "a: 1.5000 - b: 5.0000" in capsys.readouterr().out


def test_backend():
    from adaline import backend

    assert backend.epsilon() == 1e-7 and backend.floatx() == "float32" and backend.image_data_format() == "channels_last"
    assert backend.is_keras_tensor(adaline.Input((2,))) and not backend.is_keras_tensor(np.zeros(2))
    assert backend.result_type("int32", "float64") == "float32" and backend.result_type("int64", "int8") == "int32"
    with pytest.raises(AttributeError, match="opens no network connection"):
        utils.get_file
