"""Batches that come one after the other, from generators, iterables and `PyDataset`, as the training loop asks for them."""

from __future__ import annotations

import random
from typing import Any, Callable, Iterator, List, Optional, Tuple

import numpy as np

from ._arrays import as_data
from ._data import unpack
from .utils._dataset import PyDataset


class Source:
    """Batches of somebody else's for a model.

    Args:
        model: The model, which says what belongs to which input and output.
        source: A generator, an iterable, a `PyDataset` or anything with `__len__` and `__getitem__`.
        labelled: Whether labels are read, too.
        shuffle: Whether the batches of a `PyDataset` come in another order in each epoch.
    """

    def __init__(self, model: Any, source: Any, labelled: bool, shuffle: bool = False) -> None:
        self._model, self._source, self._labelled = model, source, labelled
        self._listed = isinstance(source, PyDataset)
        self._numbered = self._listed or (hasattr(source, "__getitem__") and hasattr(source, "__len__"))
        self._shuffle = shuffle and self._listed and not getattr(source, "_ordered", False)
        # PyTorch's loaders give lists.
        self._lists = self._listed or type(source).__module__.split(".")[0] == "torch"
        self._ahead: List[Any] = []
        self._names: Optional[List[str]] = None
        self._done = 0
        self._told: List[Callable[[int], None]] = []
        self.count = self._count()
        self._iterator = self._begun()

    def _count(self) -> Optional[int]:
        if hasattr(self._source, "num_batches"):
            return self._source.num_batches
        if hasattr(self._source, "__next__"):
            return None
        try:
            return len(self._source)
        except TypeError:
            return None

    def _begun(self) -> Iterator[Any]:
        if not self._numbered:
            return iter(self._source)
        if self.count is None:
            return (self._source[at] for at in _naturals())
        order = list(range(self.count))
        if self._shuffle:
            random.shuffle(order)
        return (self._source[at] for at in order)

    def _take(self) -> Any:
        """The next batch as `(x, y, weights)`; none at the end."""
        if self._ahead:
            return self._ahead.pop()
        try:
            batch = next(self._iterator)
        except StopIteration:
            return None
        return unpack(tuple(batch) if self._lists and isinstance(batch, list) else batch)

    def peek(self) -> List[np.ndarray]:
        """The rows of the first batch, which may decide the shapes of weights."""
        batch = self._take()
        if batch is None:
            raise ValueError("the generator gave no batch")
        self._ahead.append(batch)
        return self._model._arrange(batch[0])

    # What the training loop asks.

    def next_batch(self) -> Any:
        """Rows of each input, labels of each output, weights of rows for all outputs and for outputs by name; none at the end."""
        batch = self._take()
        if batch is None:
            return None
        for told in self._told:
            told(self._done)
        self._done += 1
        x, y, weights = batch
        rows = self._model._arrange(x)
        if not self._labelled:
            return rows, [], None, []
        if y is None:
            raise ValueError("a batch without labels: the source must give (x, y) or (x, y, sample_weight)")
        if self._names is None:
            self._names = [target[0] for target in self._model._targets()]
        labels = self._model._labels(y, self._names)
        return (rows, labels, *weights_of(weights, self._names))

    def restart(self) -> bool:
        """Goes back to the first batch, where that can be done."""
        if not self._numbered and iter(self._source) is self._source:
            return False
        self._iterator = self._begun()
        return True

    def on_epoch_begin(self) -> None:
        """Before an epoch."""
        self._done = 0
        if hasattr(self._source, "on_epoch_begin"):
            self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """After an epoch."""
        if hasattr(self._source, "on_epoch_end"):
            self._source.on_epoch_end()


def _naturals() -> Iterator[int]:
    at = 0
    while True:
        yield at
        at += 1


def weights_of(given: Any, names: List[str]) -> Tuple[Optional[np.ndarray], List[Tuple[str, np.ndarray]]]:
    """Weights of rows: those for all outputs, and those for outputs by name."""
    if given is None:
        return None, []
    if isinstance(given, dict):
        return None, [(name, as_data(weights)) for name, weights in given.items()]
    if isinstance(given, (list, tuple)) and len(names) > 1:
        return None, [(name, as_data(weights)) for name, weights in zip(names, given) if weights is not None]
    return as_data(given), []
