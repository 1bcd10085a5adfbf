"""Random numbers of `adaline.random`: their distributions, and that seeds decide them."""

from __future__ import annotations

import numpy as np
import pytest

from adaline import _adaline, random
from adaline.ops import _special

N = (200, 100)


def test_equal_seeds_give_equal_numbers_and_others_give_others() -> None:
    for draw in (random.uniform, random.normal, random.truncated_normal):
        a, b, c = draw(N, seed=3), draw(N, seed=3), draw(N, seed=4)
        assert a.dtype == np.float32 and a.shape == N
        assert (a == b).all() and not (a == c).all()
        assert not (draw(N) == draw(N)).all()


def test_a_generator_of_seeds_gives_others_each_time_and_the_same_from_the_beginning() -> None:
    one, two = random.SeedGenerator(5), random.SeedGenerator.from_config(random.SeedGenerator(5).get_config())
    first, second = random.normal(N, seed=one), random.normal(N, seed=one)
    assert not (first == second).all()
    assert (random.normal(N, seed=two) == first).all() and (random.normal(N, seed=two) == second).all()


def test_distributions() -> None:
    u = random.uniform(N, -1.0, 3.0, seed=1)
    assert u.min() >= -1 and u.max() < 3 and abs(u.mean() - 1) < 0.05
    z = random.normal(N, 2.0, 0.5, seed=1)
    assert abs(z.mean() - 2) < 0.02 and abs(z.std() - 0.5) < 0.02
    t = random.truncated_normal(N, seed=1)
    # The standard deviation of a normal number within two of them is 0.87962.
    assert np.abs(t).max() <= 2 and abs(t.std() - 0.8796) < 0.02
    i = random.randint(N, -2, 3, seed=1)
    assert i.dtype == np.int32 and sorted(set(i.ravel())) == [-2, -1, 0, 1, 2]
    assert abs(random.gamma(N, 3.0, seed=1).mean() - 3) < 0.05
    assert abs(random.beta(N, 2.0, 6.0, seed=1).mean() - 0.25) < 0.01
    assert abs(random.binomial(N, 10, 0.3, seed=1).mean() - 3) < 0.05
    classes = random.categorical(np.log(np.array([[0.2, 0.8], [0.9, 0.1]], np.float32)), 5000, seed=1)
    assert classes.shape == (2, 5000) and np.allclose(classes.mean(1), [0.8, 0.1], atol=0.02)


def test_dropout_keeps_the_mean_and_drops_along_its_noise_shape() -> None:
    x = np.ones(N, np.float32)
    made = random.dropout(x, 0.25, seed=1)
    assert set(np.unique(made)) == {np.float32(0), np.float32(1 / 0.75)} and abs(made.mean() - 1) < 0.02
    rows = random.dropout(x, 0.5, noise_shape=(None, 1), seed=1)
    assert (rows == rows[:, :1]).all()
    assert (random.dropout(x, 0.0) == x).all() and (random.dropout(x, 1.0) == 0).all()


def test_shuffle_keeps_the_elements_of_each_vector() -> None:
    x = np.arange(60, dtype=np.int32).reshape(3, 20)
    made = random.shuffle(x, axis=1, seed=2)
    assert not (made == x).all() and (np.sort(made, 1) == x).all()


def test_refusals() -> None:
    with pytest.raises(ValueError, match="SeedGenerator"):
        random.uniform((2,), seed="three")
    with pytest.raises(RuntimeError, match="layer"):
        _adaline.Program(lambda x: random.uniform((2,)) + x, [("float32", [2])])
    with pytest.raises(NotImplementedError, match="outside of layers"):
        _adaline.Program(lambda x: random.gamma((2,), 1.0) + x, [("float32", [2])])


def test_normal_numbers_from_uniform_ones() -> None:
    # What truncated_normal does within layers.
    u = random.uniform(N, seed=9)
    z = _special.erfinv((u * 2 - 1) * 0.9544997) * np.sqrt(2.0)
    assert np.abs(z).max() <= 2.0001 and abs(z.std() - 0.8796) < 0.02
