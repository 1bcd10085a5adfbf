"""Boston housing: 506 suburbs, 13 numbers each, prices. Its features touch on race; prefer `california_housing`."""

from __future__ import annotations

from ._files import Arrays, find, npz, shuffled


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Arrays:
    """`(x_train, y_train), (x_test, y_test)`: `(404, 13)` and `(102, 13)`, prices in thousands of dollars.

    Args:
        path: Name below the folders of data sets, or path.
        test_split: Part for testing.
        seed: Of the order.
    """
    f = npz(find(path, "Boston housing", "https://storage.googleapis.com/tensorflow/tf-keras-datasets/boston_housing.npz"))
    return shuffled(f["x"], f["y"], seed, test_split)
