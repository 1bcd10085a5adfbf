"""Layers that learn from data by `adapt`, before a network is trained: statistics, bins, vocabularies; and hashes, which learn nothing."""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ._adaline import Table
from ._arrays import as_data
from ._data import is_stream, unpack
from ._layer import Layer


def _batches(data: Any, steps: Optional[int] = None) -> Iterator[Any]:
    """Data as batches: an array is one; of a generator, a `PyDataset` or an iterable those that it gives, without labels."""
    if not is_stream(data):
        yield data
        return
    numbered = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    batches = (data[at] for at in range(len(data))) if numbered else data
    for batch in itertools.islice(batches, steps):
        yield unpack(batch)[0]


class _Adapted(Layer):
    """A layer with something to learn before training."""

    def adapt(self, data: Any) -> None:
        """Learns from data."""
        raise NotImplementedError


class NormalizationBase(_Adapted):
    """Mean and variance."""

    def _arguments(self, **values: Any) -> None:
        super()._arguments(**values)
        mean, variance = values["mean"], values["variance"]
        if (mean is None) != (variance is None):
            raise ValueError(f"When setting values directly, both `mean` and `variance` must be set. Received: mean={mean} and variance={variance}")
        self.input_mean, self.input_variance = mean, variance

    def _spread(self, values: Any) -> Any:
        """Statistics with axes of size 1 where they are the same for all positions."""
        if values is None:
            return None
        values = np.asarray(values, dtype=np.float32)
        shape = self._seen[0][0] if self._seen else None
        axes = self._args["axis"]
        axes = [] if axes is None else [axes] if isinstance(axes, int) else list(axes)
        rank = len(shape) if shape is not None else 1 + len(axes)
        kept = sorted(a % rank for a in axes)
        if values.ndim != len(kept):
            return np.broadcast_to(values, [1] * rank) if values.ndim == 0 else values
        sizes = [1] * rank
        for axis, size in zip(kept, values.shape):
            sizes[axis] = size
        return values.reshape(sizes)

    def _statistic(self, name: str) -> Any:
        given = self._args[name]
        if given is not None:
            return self._spread(given)
        variable = self._variables.get(name)
        return None if variable is None else self._spread(variable.numpy())

    @property
    def mean(self) -> Any:
        """Mean that is subtracted; none before it is learned or given."""
        return self._statistic("mean")

    @property
    def variance(self) -> Any:
        """Variance by whose root is divided; none before it is learned or given."""
        return self._statistic("variance")

    @property
    def adapt_mean(self) -> Any:
        """The weight that holds the learned mean."""
        return self._variables["mean"]

    @property
    def adapt_variance(self) -> Any:
        """The weight that holds the learned variance."""
        return self._variables["variance"]

    def adapt(self, data: Any) -> None:
        """Learns mean and variance for each position of the kept axes.

        Args:
            data: An array of rows, or batches: a list of arrays, a generator, a `PyDataset`.
        """
        if self._args["mean"] is not None:
            raise ValueError(f"layer {self.name!r} was given `mean` and `variance`: leave both out to learn them from data")
        several = isinstance(data, (list, tuple)) and len(data) > 0 and hasattr(data[0], "shape") and len(data[0].shape) > 0
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        shape: Optional[Tuple[int, ...]] = None
        axes = self._args["axis"]
        axes = [] if axes is None else [axes] if isinstance(axes, int) else list(axes)
        for batch in data if several else _batches(data):
            values = np.asarray(as_data(unpack(batch)[0] if isinstance(batch, tuple) else batch), dtype=np.float64)
            if values.ndim == 0 or values.size == 0:
                raise ValueError(f"layer {self.name!r} learns from rows of numbers, got an array of shape {values.shape}")
            rank = values.ndim
            if any(not -rank <= a < rank for a in axes):
                raise ValueError(f"All `axis` values must be in the range [-ndim, ndim). Received inputs with ndim={rank}, while axis={tuple(axes)}")
            kept = sorted(a % rank for a in axes)
            if shape is not None and (rank != len(shape) or any(values.shape[a] != shape[a] for a in kept)):
                raise ValueError(f"adapt() yielded a batch with incompatible shape. Expected {shape}, got {values.shape}.")
            shape = shape or values.shape
            reduced = tuple(a for a in range(rank) if a not in kept)
            rows = int(np.prod([values.shape[a] for a in reduced])) if reduced else 1
            own = values.mean(axis=reduced)
            total = count + rows
            # Of two parts: the deviations within each, and that of their means.
            variance = (count * variance + rows * values.var(axis=reduced)) / total + (own - mean) ** 2 * (count * rows / total**2)
            mean = mean + (own - mean) * (rows / total)
            count = total
        if shape is None:
            raise ValueError(f"layer {self.name!r} learns from at least one batch, got none")
        if not np.isfinite(mean).all():
            raise ValueError(f"layer {self.name!r} learns from finite numbers, got some that are not")
        if "mean" not in self._variables:
            self.build((None, *shape[1:]))
        for name, values in (("mean", mean), ("variance", variance)):
            variable = self._variables[name]
            if variable.shape != values.shape:
                raise ValueError(f"layer {self.name!r} was built for statistics of shape {variable.shape}, the data have some of shape {values.shape}")
            variable.assign(values.astype(np.float32))


class _Tabled(_Adapted):
    """A layer with a table, which calls on arrays look things up in."""

    _table_: Optional[Table] = None

    @property
    def _table(self) -> Table:
        if self._table_ is None:
            self._table_ = Table(str(self._class), json.dumps(self._config_given()))
        return self._table_

    def _learned(self, table: Table, names: Sequence[str]) -> None:
        """Takes over what a table has learned."""
        if self._called:
            raise RuntimeError(
                f"layer {self.name!r} is part of a network already, which has been made with the table that it had: call adapt before the layer is "
                "called in a network, or make the network anew"
            )
        config = json.loads(table.config)
        for name in names:
            self._args[name] = config[name]
            setattr(self, name, config[name])
        self._table_, self._handle = table, None
        self._homes.clear()


class DiscretizationBase(_Tabled):
    """Bins."""

    def adapt(self, data: Any, steps: Optional[int] = None) -> None:
        """Learns the boundaries of `num_bins` bins with about equally many numbers each.

        Args:
            data: An array, or batches: a list of arrays, a generator.
            steps: Most batches; none for all.
        """
        if self._args["num_bins"] is None:
            raise ValueError("Cannot adapt a Discretization layer that has been initialized with `bin_boundaries`, use `num_bins` instead.")
        whole = isinstance(data, np.ndarray) or hasattr(data, "__array__") or hasattr(data, "to_numpy")
        batches = [as_data(b) for b in ([data] if whole else itertools.islice(_numbers(data), steps))]
        self._learned(self._table.adapted_to_numbers(batches), ["bin_boundaries"])


def _numbers(data: Any) -> Iterator[Any]:
    return iter(data) if isinstance(data, (list, tuple)) else _batches(data)


def _column(x: Any) -> Any:
    """Texts in order with their shape, or numbers."""
    array = np.asarray(x)
    if array.dtype.kind in "USO":
        return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in array.reshape(-1).tolist()], list(array.shape)
    return as_data(array)


class LookupBase(_Tabled):
    """Vocabularies."""

    _terms = "texts"

    def _arguments(self, **values: Any) -> None:
        vocabulary = values.get("vocabulary")
        if isinstance(vocabulary, str):
            with open(vocabulary, encoding="utf-8") as lines:
                terms: List[Any] = [line.rstrip("\r\n") for line in lines]
            values["vocabulary"] = [int(t) for t in terms] if self._terms == "numbers" else terms
        elif vocabulary is not None:
            values["vocabulary"] = np.asarray(vocabulary).tolist()
        super()._arguments(**values)
        self._given = values.get("vocabulary") is not None

    @classmethod
    def from_config(cls, config: Dict[str, Any]) -> Any:
        """A layer of these arguments; the size of a vocabulary follows from it."""
        return super().from_config({k: v for k, v in config.items() if k not in ("vocabulary_size", "has_input_vocabulary")})

    def _documents(self, data: Any, steps: Optional[int]) -> Iterator[List[Any]]:
        """Terms of each row; a vector is one row."""
        for batch in _batches(data, steps) if is_stream(data) else [data]:
            if hasattr(batch, "to_numpy"):
                batch = batch.to_numpy()
            rows = batch.tolist() if hasattr(batch, "tolist") else batch
            rows = [rows] if isinstance(rows, (str, bytes)) or not isinstance(rows, (list, tuple)) else rows
            if not any(isinstance(row, (list, tuple)) or (hasattr(row, "ndim") and row.ndim) for row in rows):
                rows = [rows]
            for row in rows:
                yield np.asarray(row, dtype=object).reshape(-1).tolist()

    def adapt(self, data: Any, steps: Optional[int] = None) -> None:
        """Learns the vocabulary: the most frequent terms first.

        Args:
            data: An array or a list of terms, or batches of them: a generator, a `PyDataset`. For `output_mode="tf_idf"` each row is a document.
            steps: Most batches; none for all.
        """
        if self._given:
            raise ValueError(f"Cannot adapt layer '{self.name}' after setting a static vocabulary via `vocabulary` argument or `set_vocabulary()` method.")
        documents = self._documents(data, steps)
        if self._terms == "numbers":
            table = self._table.adapted_to_numbers([as_data(np.asarray(d, dtype=np.int64).reshape(1, -1)) for d in documents])
        else:
            table = self._table.adapted_to_texts([[t.decode("utf-8") if isinstance(t, bytes) else str(t) for t in d] for d in documents])
        self._learned(table, ["vocabulary", "idf_weights"])

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Sets the vocabulary in the place of learning it.

        Args:
            vocabulary: The terms, with or without those for masked and unknown ones in front; or the path of a file with one in each line.
            idf_weights: Weights of the terms, for `output_mode="tf_idf"`.
        """
        if self._args["output_mode"] in ("tf_idf", "tf-idf") and idf_weights is None:
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        before = dict(self._args)
        weights = None if idf_weights is None else np.asarray(idf_weights).tolist()
        try:
            self._arguments(**{**before, "vocabulary": vocabulary, "idf_weights": weights})
            self._learned(Table(str(self._class), json.dumps(self._config_given())), ["vocabulary", "idf_weights"])
        except Exception:
            self._arguments(**before)
            raise

    def get_vocabulary(self, include_special_tokens: bool = True) -> List[Any]:
        """The terms by their places.

        Args:
            include_special_tokens: Whether those for masked and unknown terms are among them.
        """
        terms = json.loads(self._table.vocabulary)
        front = int(self._args["num_oov_indices"]) + int(self._args["mask_token"] is not None and self._args["output_mode"] == "int")
        return terms if include_special_tokens else terms[front:]

    def vocabulary_size(self) -> int:
        """Number of places, those for masked and unknown terms included."""
        return len(json.loads(self._table.vocabulary))

    def _call_eager(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        x = args[0] if args else kwargs["inputs"]
        if self._args["vocabulary"] is None:
            raise ValueError(f"layer {self.name!r} has no vocabulary: give it one, or let it learn one from data with adapt")
        if self._args["invert"] and self._terms == "texts":
            places = as_data(x)
            return np.array(self._table.texts_at(places), dtype=str).reshape(places.shape)
        return self._table.look_up([_column(x)])


class IntegerLookupBase(LookupBase):
    """Vocabularies of whole numbers."""

    _terms = "numbers"


class HashingBase(_Tabled):
    """Hashes, which learn nothing."""

    def adapt(self, data: Any) -> None:
        """There is nothing to learn."""

    def _call_eager(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        x = args[0] if args else kwargs["inputs"]
        columns = [_column(c) for c in x] if self._class == "HashedCrossing" else [_column(x)]
        return self._table.look_up(columns)
