"""Fashion-MNIST: 70,000 pictures of clothes, 28 × 28."""

from __future__ import annotations

from ._files import Arrays, find, idx_folder

_ORIGIN = "https://github.com/zalandoresearch/fashion-mnist (four files, train-images-idx3-ubyte.gz and so on)"


def load_data(path: str = "fashion-mnist") -> Arrays:
    """`(x_train, y_train), (x_test, y_test)`: pictures `(60000, 28, 28)` and `(10000, 28, 28)` of bytes, classes 0 to 9.

    Args:
        path: Name below the folders of data sets, or path, of a folder with the four IDX files.
    """
    found = find(path, "Fashion-MNIST", _ORIGIN, also=("fashion_mnist", "FashionMNIST"))
    arrays = idx_folder(found)
    if arrays is None:
        raise FileNotFoundError(f"Fashion-MNIST: {found} lacks one of train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
                                "t10k-labels-idx1-ubyte (.gz or not)")
    return arrays
