"""California housing: 20,640 districts, 8 numbers each, median prices in dollars."""

from __future__ import annotations

from ._files import Arrays, find, npz, shuffled


def load_data(version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113) -> Arrays:
    """`(x_train, y_train), (x_test, y_test)`.

    Args:
        version: `"large"`, all districts, or `"small"`, 600 of them.
        path: Name below the folders of data sets, or path.
        test_split: Part for testing.
        seed: Of the order.
    """
    if version not in ("small", "large"):
        raise ValueError(f"Argument `version` must be one of 'small', 'large'. Received: version={version}")
    f = npz(find(path, "California housing", "https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz"))
    rows = 600 if version == "small" else len(f["x"])
    return shuffled(f["x"][:rows], f["y"][:rows], seed, test_split)
