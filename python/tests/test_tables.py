"""Layers that learn from data by `adapt`."""

import numpy as np
import pytest

import adaline
from adaline import layers


def pieces(x):
    return [x[:7], x[7:9], x[9:]]


class Rows(adaline.utils.PyDataset):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, index):
        return self.parts[index], np.zeros(len(self.parts[index]))


@pytest.mark.parametrize("axis", [-1, None, (1, 2), 1])
def test_normalization_learns_what_keras_learns(keras, rng, axis):
    x = rng.normal(3.0, 2.0, size=(20, 4, 3)).astype(np.float32)
    theirs, mine = keras.layers.Normalization(axis=axis), layers.Normalization(axis=axis)
    assert mine.mean is None
    theirs.adapt(x)
    for given in (x, pieces(x), iter(pieces(x)), Rows(pieces(x))):
        mine.adapt(given)
        assert mine.mean.shape == tuple(theirs.mean.shape)
        np.testing.assert_allclose(mine.mean, np.asarray(theirs.mean), rtol=1e-4)
        np.testing.assert_allclose(mine.variance, np.asarray(theirs.variance), rtol=1e-4)
        np.testing.assert_allclose(mine(x), np.asarray(theirs(x)), rtol=1e-3, atol=1e-4)


def test_normalization_within_a_network_and_its_file(keras, rng, tmp_path):
    x = rng.normal(3.0, 2.0, size=(20, 3)).astype(np.float32)
    norm = layers.Normalization()
    model = adaline.Sequential([adaline.Input((3,)), norm, layers.Dense(2)])
    # Before or after the network is made.
    norm.adapt(x)
    wanted = (x - x.mean(0)) / x.std(0) @ model.layers[1].kernel.numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-3, atol=1e-4)
    model.save(tmp_path / "model.keras")
    again, theirs = adaline.saving.load_model(tmp_path / "model.keras"), keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.layers[0].mean, norm.mean)
    for other in (again, theirs):
        np.testing.assert_allclose(other.predict(x, verbose=0), wanted, rtol=1e-3, atol=1e-4)
    theirs.layers[0].adapt(x * 2)
    theirs.save(tmp_path / "theirs.keras")
    np.testing.assert_allclose(adaline.saving.load_model(tmp_path / "theirs.keras").layers[0].mean, norm.mean * 2, rtol=1e-4)
    norm.adapt(x + 1)
    np.testing.assert_allclose(model.predict(x + 1, verbose=0), wanted, rtol=1e-3, atol=1e-4)


def test_given_statistics_and_what_is_wrong(rng):
    given = layers.Normalization(mean=2.0, variance=4.0)
    np.testing.assert_allclose(given(np.array([[4.0, 0.0]])), [[1.0, -1.0]])
    with pytest.raises(ValueError, match="leave both out"):
        given.adapt(np.ones((2, 2)))
    with pytest.raises(ValueError, match="`variance` is null, but must be given together with `mean`"):
        layers.Normalization(mean=1.0)
    norm = layers.Normalization()
    for bad in (np.zeros((0, 3)), np.array([[np.nan, 1.0]]), iter([])):
        with pytest.raises(ValueError):
            norm.adapt(bad)
    norm.adapt(np.ones((2, 3)))
    with pytest.raises(ValueError, match="shape"):
        norm.adapt(np.ones((2, 4)))
    with pytest.raises(ValueError, match="incompatible shape"):
        norm.adapt([np.ones((2, 3)), np.ones((2, 4))])


@pytest.mark.parametrize("bins", [2, 5, 20])
def test_bins_are_those_of_keras(keras, rng, bins):
    x = rng.normal(size=(500, 3)).astype(np.float32)
    theirs, mine = keras.layers.Discretization(num_bins=bins), layers.Discretization(num_bins=bins)
    # `adapt` itself wants TensorFlow in Keras.
    theirs.update_state(x)
    theirs.finalize_state()
    mine.adapt(x)
    np.testing.assert_allclose(mine.bin_boundaries, theirs.bin_boundaries, rtol=1e-5)
    np.testing.assert_array_equal(mine(x), np.asarray(theirs(x)))
    theirs.reset_state()
    for part in (x[:100], x[100:130], x[130:]):
        theirs.update_state(part)
    theirs.finalize_state()
    mine.adapt([x[:100], x[100:130], x[130:]])
    np.testing.assert_allclose(mine.bin_boundaries, theirs.bin_boundaries, rtol=1e-5)
    inputs = adaline.Input((3,))
    model = adaline.Model(inputs, mine(inputs))
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.asarray(theirs(x)))
    again = layers.Discretization.from_config(mine.get_config())
    assert again.bin_boundaries == mine.bin_boundaries
    with pytest.raises(RuntimeError, match="part of a network"):
        mine.adapt(x)
    with pytest.raises(ValueError, match="num_bins"):
        layers.Discretization(bin_boundaries=[0.0, 1.0]).adapt(x)


def test_texts():
    lookup = layers.StringLookup()
    assert lookup.get_vocabulary() == ["[UNK]"]
    with pytest.raises(ValueError, match="adapt"):
        lookup(["a"])
    # The most frequent first, of equals the last by the alphabet.
    lookup.adapt(["b", "a", "c", "b", "c", "c", "d"])
    assert lookup.get_vocabulary() == ["[UNK]", "c", "b", "d", "a"] and lookup.vocabulary_size() == 5
    assert lookup.get_vocabulary(include_special_tokens=False) == ["c", "b", "d", "a"]
    np.testing.assert_array_equal(lookup([["a", "c"], ["zz", "b"]]), [[4, 1], [0, 2]])
    np.testing.assert_array_equal(lookup(np.array(["d", "e"])), [3, 0])
    lookup.adapt(iter([np.array(["x", "y"]), np.array(["y"])]))
    assert lookup.get_vocabulary() == ["[UNK]", "y", "x"]
    back = layers.StringLookup(vocabulary=lookup.get_vocabulary(), invert=True)
    assert back(np.array([[1, 2], [0, 9]])).tolist() == [["y", "x"], ["[UNK]", "[UNK]"]]
    again = layers.StringLookup.from_config(lookup.get_config())
    assert again.get_vocabulary() == lookup.get_vocabulary()
    with pytest.raises(ValueError, match="static vocabulary"):
        back.adapt(["a"])
    masked = layers.StringLookup(mask_token="", max_tokens=4, num_oov_indices=1)
    masked.adapt([["a", "", "b"], ["a", "b", "c"], ["a", "", ""]])
    assert masked.get_vocabulary() == ["", "[UNK]", "a", "b"]
    np.testing.assert_array_equal(masked([["", "c", "a"]]), [[0, 1, 2]])
    counted = layers.StringLookup(vocabulary=["a", "b"], output_mode="count")
    np.testing.assert_array_equal(counted([["a", "a", "z"], ["b", "z", "z"]]), [[1, 2, 0], [2, 0, 1]])


def test_weights_of_rare_terms():
    lookup = layers.StringLookup(output_mode="tf_idf")
    lookup.adapt([["a", "b"], ["a", "c"], ["a", "b"]])
    terms = lookup.get_vocabulary(include_special_tokens=False)
    wanted = [np.log(1 + 3 / (1 + {"a": 3, "b": 2, "c": 1}[t])) for t in terms]
    np.testing.assert_allclose(lookup([["a", "b"]])[0, 1:], [w * (t in "ab") for w, t in zip(wanted, terms)], rtol=1e-6)
    ragged = layers.StringLookup(output_mode="tf_idf")
    ragged.adapt(iter([[["a"], ["a", "b", "b"]]]))
    np.testing.assert_allclose(ragged([["b"]])[0].max(), np.log(1 + 2 / 2), rtol=1e-6)
    lookup.set_vocabulary(["p", "q"], idf_weights=[0.5, 2.0])
    np.testing.assert_allclose(lookup([["q", "q"]]), [[0, 0, 4.0]])
    with pytest.raises(ValueError, match="idf_weights"):
        lookup.set_vocabulary(["p"])


def test_numbers_within_a_network_and_its_file(tmp_path):
    lookup = layers.IntegerLookup(output_mode="multi_hot")
    lookup.adapt(Rows([np.array([[12, 12, 7]]), np.array([[12, 3, 7]])]))
    assert lookup.get_vocabulary() == [-1, 12, 7, 3]
    x = np.array([[12, 5], [3, 7]])
    np.testing.assert_array_equal(lookup(x), [[1, 1, 0, 0], [0, 0, 1, 1]])
    inputs = adaline.Input((2,), dtype="int32")
    model = adaline.Model(inputs, lookup(inputs))
    np.testing.assert_array_equal(model.predict(x, verbose=0), lookup(x))
    model.save(tmp_path / "model.keras")
    again = adaline.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), lookup(x))
    assert again.layers[-1].get_vocabulary() == lookup.get_vocabulary()
    back = layers.IntegerLookup(vocabulary=[12, 7, 3], invert=True)
    np.testing.assert_array_equal(back(np.array([[1, 2], [0, 9]])), [[12, 7], [-1, -1]])
    np.testing.assert_array_equal(layers.IntegerLookup(vocabulary=[4, 5], mask_token=0)(np.array([0, 4, 5, 9])), [0, 2, 3, 1])


def test_a_vocabulary_of_a_file(tmp_path):
    (tmp_path / "terms.txt").write_text("sun\nmoon\n", encoding="utf-8")
    lookup = layers.StringLookup(vocabulary=str(tmp_path / "terms.txt"))
    assert lookup.get_vocabulary() == ["[UNK]", "sun", "moon"]
    lookup.set_vocabulary(["a"])
    assert lookup.get_vocabulary() == ["[UNK]", "a"]


def test_hashes():
    # Numbers of Keras' documentation.
    np.testing.assert_array_equal(layers.Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]), [[1], [0], [1], [1], [2]])
    np.testing.assert_array_equal(layers.Hashing(num_bins=3, mask_value="")([["A"], ["B"], [""], ["C"], ["D"]]), [[1], [1], [0], [2], [2]])
    crossed = layers.HashedCrossing(num_bins=5)((np.array([1, 2, 3]), np.array([4, 5, 6])))
    assert crossed.shape == (3,) and set(crossed) <= set(range(5))


def test_none_where_the_default_is_something_else(keras):
    x = np.linspace(-1, 1, 12).reshape(2, 6).astype(np.float32)
    for k in (keras, adaline):
        dense = k.layers.Dense(300, use_bias=None, kernel_initializer=None)
        dense.build((None, 6))
        assert len(dense.weights) == 1
        # Glorot's, as of weights without an initializer.
        kernel = np.asarray(dense.get_weights()[0])
        assert 0.1 < np.abs(kernel).max() <= np.sqrt(6 / 306) + 1e-6
        biased = k.layers.Dense(50, bias_initializer=None)
        biased.build((None, 6))
        assert np.abs(biased.get_weights()[1]).max() > 0.01
        assert k.layers.LSTM(2, activation=None, recurrent_activation=None)(x.reshape(2, 3, 2)).shape == (2, 2)
        assert k.layers.BatchNormalization(center=None, scale=None)(x).shape == (2, 6)
        assert k.losses.MeanSquaredError(reduction=None)(x, x + 1).shape == (2,)
    a, b = (k.layers.LSTM(2, activation=None, kernel_initializer="ones", recurrent_initializer="ones")(x.reshape(2, 3, 2)) for k in (keras, adaline))
    np.testing.assert_allclose(b, np.asarray(a), rtol=1e-5)
    with pytest.raises(ValueError, match="padding"):
        layers.Conv1D(2, 3, padding=None).build((None, 5, 2))
