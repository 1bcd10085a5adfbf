"""What the tests share. Those that compare with real Keras are skipped where it is not installed."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np
import pytest

import adaline


@pytest.fixture(scope="session")
def keras():
    """Real Keras."""
    return pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def seeded():
    """The same weights and orders in each run of a test."""
    adaline.utils.set_random_seed(7)


@pytest.fixture
def rng():
    """Random numbers, the same in each run."""
    return np.random.default_rng(7)
