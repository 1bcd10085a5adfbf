"""CIFAR-10: 60,000 coloured pictures, 32 × 32, of 10 classes."""

from __future__ import annotations

import os
from typing import Any, Tuple

import numpy as np

from ._files import Arrays, find, unpickled


def batch(path: str, label_key: str) -> Tuple[np.ndarray, np.ndarray]:
    """Pictures `(N, 32, 32, 3)` and labels `(N, 1)` of one of the files."""
    with open(path, "rb") as file:
        told: Any = unpickled(file)
    told = {k.decode() if isinstance(k, bytes) else k: v for k, v in told.items()}
    pictures = np.asarray(told["data"], dtype=np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pictures), np.asarray(told[label_key], dtype=np.uint8).reshape(-1, 1)


def load_data(path: str = "cifar-10-batches-py") -> Arrays:
    """`(x_train, y_train), (x_test, y_test)`: pictures `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` of bytes, classes `(N, 1)`.

    Args:
        path: Name below the folders of data sets, or path, of the unpacked folder.
    """
    found = find(path, "CIFAR-10", "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz (unpacked)",
                 also=("cifar-10-batches-py-target/cifar-10-batches-py",))
    parts = [batch(os.path.join(found, f"data_batch_{i}"), "labels") for i in range(1, 6)]
    train = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    return train, batch(os.path.join(found, "test_batch"), "labels")
