"""CIFAR-100: 60,000 coloured pictures, 32 × 32, of 100 classes in 20 groups."""

from __future__ import annotations

import os

from ._files import Arrays, find
from .cifar10 import batch


def load_data(label_mode: str = "fine", path: str = "cifar-100-python") -> Arrays:
    """`(x_train, y_train), (x_test, y_test)`: pictures `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` of bytes, classes `(N, 1)`.

    Args:
        label_mode: `"fine"`, 100 classes, or `"coarse"`, 20.
        path: Name below the folders of data sets, or path, of the unpacked folder.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.')
    found = find(path, "CIFAR-100", "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz (unpacked)",
                 also=("cifar-100-python-target/cifar-100-python",))
    return batch(os.path.join(found, "train"), f"{label_mode}_labels"), batch(os.path.join(found, "test"), f"{label_mode}_labels")
