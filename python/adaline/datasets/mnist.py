"""MNIST: 70,000 handwritten digits, 28 × 28."""

from __future__ import annotations

import os

from ._files import Arrays, find, idx_folder, npz

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz (or the four IDX files, in a folder named mnist)"


def load_data(path: str = "mnist.npz") -> Arrays:
    """`(x_train, y_train), (x_test, y_test)`: pictures `(60000, 28, 28)` and `(10000, 28, 28)` of bytes, digits.

    Args:
        path: Name below the folders of data sets, or path, of Keras' `mnist.npz`, or of a folder with the four IDX files.
    """
    found = find(path, "MNIST", _ORIGIN, also=("mnist", "MNIST"))
    if os.path.isdir(found):
        arrays = idx_folder(found)
        if arrays is None:
            raise FileNotFoundError(f"MNIST: {found} lacks one of train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
                                    "t10k-labels-idx1-ubyte (.gz or not)")
        return arrays
    f = npz(found)
    return (f["x_train"], f["y_train"]), (f["x_test"], f["y_test"])
