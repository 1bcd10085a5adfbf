"""Data that comes batch by batch."""

from __future__ import annotations

import random
import threading
from typing import Any, Callable, Iterator, List, Optional, Tuple

import numpy as np


class PyDataset:
    """Batches by number: derive, and define `__getitem__(index)`, which gives a batch `(x, y)` or `(x, y, sample_weight)`, and `__len__`, the
    number of batches. `on_epoch_end` is called after each epoch. For one that never ends, override `num_batches` to give `None`.

    Args:
        workers: Kept for Keras' programs: batches are asked for one after the other.
        use_multiprocessing: Kept for Keras' programs.
        max_queue_size: Kept for Keras' programs.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__(index)")

    @property
    def num_batches(self) -> Optional[int]:
        """Number of batches of an epoch."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} defines no __len__ and no num_batches")

    def on_epoch_begin(self) -> None:
        """Before each epoch."""

    def on_epoch_end(self) -> None:
        """After each epoch."""

    def __iter__(self) -> Iterator[Any]:
        at = 0
        while self.num_batches is None or at < self.num_batches:
            yield self[at]
            at += 1


Sequence = PyDataset


class ArrayBatches(PyDataset):
    """Batches made of rows by number; new order in each epoch where it shuffles.

    Args:
        rows: Number of rows.
        pick: Gives the batch of some row numbers.
        batch_size: Rows of a batch; none for single rows.
        shuffle: Whether each epoch has an order of its own.
        seed: Of the order.
    """

    #: `fit` leaves its order alone.
    _ordered = True

    def __init__(self, rows: int, pick: Callable[[np.ndarray], Any], batch_size: Optional[int], shuffle: bool, seed: Optional[int]) -> None:
        super().__init__()
        self._order, self._pick, self._size, self._shuffle = np.arange(rows), pick, batch_size, shuffle
        self._random = np.random.RandomState(seed)
        self._lock = threading.Lock()
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._order) if self._size is None else -(-len(self._order) // self._size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        if self._size is None:
            batch = self._pick(self._order[index:index + 1])
            return tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]
        return self._pick(self._order[index * self._size:(index + 1) * self._size])

    def on_epoch_end(self) -> None:
        """Shuffles for the next epoch."""
        if self._shuffle:
            with self._lock:
                self._random.shuffle(self._order)

    def take(self, count: int) -> List[Any]:
        """The first batches."""
        return [self[i] for i in range(min(count, len(self)))]


def timeseries_dataset_from_array(data: Any, targets: Any, sequence_length: int, sequence_stride: int = 1, sampling_rate: int = 1,
                                  batch_size: Optional[int] = 128, shuffle: bool = False, seed: Optional[int] = None,
                                  start_index: Optional[int] = None, end_index: Optional[int] = None) -> ArrayBatches:
    """Windows over a series, as batches `(rows, sequence_length, ..)`, with the targets of the places where they begin.

    Args:
        data: The series, its steps along the first axis.
        targets: A target for each window: `targets[i]` goes with the window that begins at `i`. None for windows alone.
        sequence_length: Steps of a window.
        sequence_stride: Steps from the beginning of a window to that of the next.
        sampling_rate: Steps from one step of a window to the next.
        batch_size: Windows of a batch; none for single windows.
        shuffle: Whether the order is shuffled, anew for each epoch.
        seed: Of the order.
        start_index: First step of the series that is used.
        end_index: First step that is not.
    """
    data = np.asarray(data)
    if start_index is not None and not 0 <= start_index < len(data):
        raise ValueError(f"`start_index` must be 0 or greater and below the length of data, {len(data)}. Received: start_index={start_index}")
    if end_index is not None and not 0 < end_index <= len(data):
        raise ValueError(f"`end_index` must be above 0 and at most the length of data, {len(data)}. Received: end_index={end_index}")
    if start_index is not None and end_index is not None and start_index >= end_index:
        raise ValueError(f"`start_index` must be lower than `end_index`. Received: start_index={start_index}, end_index={end_index}")
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride), ("sequence_length", sequence_length)):
        if value <= 0:
            raise ValueError(f"`{name}` must be above 0. Received: {name}={value}")
    first = start_index or 0
    last = len(data) if end_index is None else end_index
    begins = np.arange(0, last - first - (sequence_length - 1) * sampling_rate, sequence_stride)
    if targets is not None:
        targets = np.asarray(targets)
        begins = np.arange(0, min(last - first - (sequence_length - 1) * sampling_rate, len(targets) - first), sequence_stride)
    if not len(begins):
        raise ValueError(f"no window of {sequence_length} steps, each {sampling_rate} after the other, fits in {last - first} steps")
    steps = np.arange(sequence_length) * sampling_rate

    def pick(rows: np.ndarray) -> Any:
        at = begins[rows] + first
        windows = data[at[:, None] + steps]
        return windows if targets is None else (windows, targets[at])

    return ArrayBatches(len(begins), pick, batch_size, shuffle, seed)


def split_dataset(dataset: Any, left_size: Any = None, right_size: Any = None, shuffle: bool = False, seed: Optional[int] = None) -> Tuple[Any, Any]:
    """Data in two parts.

    Args:
        dataset: An array, or a tuple or list of arrays with the same number of rows (a `PyDataset` is split by batches).
        left_size: Rows of the first part, or the part that they are of all (0 to 1).
        right_size: The same of the second part.
        shuffle: Whether rows are shuffled first.
        seed: Of the order.

    Returns:
        Two arrays, or two tuples of arrays, or two data sets of batches.
    """
    rows = len(dataset[0]) if isinstance(dataset, (tuple, list)) else len(dataset)
    if isinstance(dataset, (tuple, list)) and any(len(part) != rows for part in dataset):
        raise ValueError(f"arrays of one data set have the same number of rows, got {[len(part) for part in dataset]}")
    if left_size is None and right_size is None:
        raise ValueError("At least one of the `left_size` or `right_size` must be specified. Received: left_size=None, right_size=None")

    def count(size: Any, name: str) -> Optional[int]:
        if size is None:
            return None
        if isinstance(size, float):
            if not 0 < size < 1:
                raise ValueError(f"`{name}` as a part lies between 0 and 1. Received: {name}={size}")
            return round(size * rows)
        if not 0 < size < rows:
            raise ValueError(f"`{name}` lies between 0 and the number of rows, {rows}. Received: {name}={size}")
        return int(size)

    left, right = count(left_size, "left_size"), count(right_size, "right_size")
    left = rows - right if left is None and right is not None else left
    right = rows - left if right is None and left is not None else right
    assert left is not None and right is not None
    if left + right > rows:
        raise ValueError(f"The sum of `left_size` and `right_size` must be at most {rows}, the number of rows. Received: {left} and {right}")
    order = list(range(rows))
    if shuffle:
        random.Random(seed).shuffle(order)
    parts = (order[:left], order[left:left + right])
    if isinstance(dataset, PyDataset):
        return _Part(dataset, parts[0]), _Part(dataset, parts[1])
    if isinstance(dataset, (tuple, list)):
        first, second = (tuple(np.asarray(a)[part] for a in dataset) for part in parts)
        return first, second
    array = np.asarray(dataset)
    return array[parts[0]], array[parts[1]]


class _Part(PyDataset):
    """Some batches of a data set."""

    def __init__(self, whole: PyDataset, numbers: List[int]) -> None:
        super().__init__()
        self._whole, self._numbers = whole, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Any:
        return self._whole[self._numbers[index]]
