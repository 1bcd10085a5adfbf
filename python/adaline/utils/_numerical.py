"""Arrays of labels and of sequences."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np


def to_categorical(x: Any, num_classes: Optional[int] = None) -> np.ndarray:
    """Class numbers `(..,)` as rows `(.., num_classes)` with a one at the class.

    Args:
        x: Class numbers, from 0. A last axis of size 1 is dropped.
        num_classes: Number of classes; one more than the largest number where it is not given.
    """
    classes = np.array(x, dtype="int64")
    shape = classes.shape
    if shape and shape[-1] == 1 and len(shape) > 1:
        shape = tuple(shape[:-1])
    classes = classes.reshape(-1)
    if not num_classes:
        num_classes = int(classes.max()) + 1
    wrong = (classes < -num_classes) | (classes >= num_classes)
    if wrong.any():
        raise ValueError(f"to_categorical: class {int(classes[wrong][0])} is not below num_classes={num_classes}; classes count from 0")
    made = np.zeros((len(classes), num_classes))
    made[np.arange(len(classes)), classes] = 1
    return made.reshape((*shape, num_classes))


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """An array divided by its norms along an axis.

    Args:
        x: The array.
        axis: Along which the norms are taken.
        order: Which norm: 2 is the Euclidean one.
    """
    x = np.asarray(x)
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return x / np.expand_dims(norms, axis)


def pad_sequences(sequences: Any, maxlen: Optional[int] = None, dtype: Any = "int32", padding: str = "pre", truncating: str = "pre",
                  value: Any = 0.0) -> np.ndarray:
    """Sequences of several lengths as one array `(rows, maxlen, ..)`.

    Args:
        sequences: A list of sequences.
        maxlen: Length of the rows; that of the longest sequence where it is not given.
        dtype: Type of the array.
        padding: `"pre"` or `"post"`: where shorter sequences are filled up.
        truncating: `"pre"` or `"post"`: where longer sequences are cut off.
        value: What they are filled up with.
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f'{name} is "pre" or "post", got {given!r}')
    lengths, tail = [], ()
    for i, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {sequence}")
        lengths.append(len(sequence))
        if not tail and len(sequence):
            tail = np.asarray(sequence).shape[1:]
    if maxlen is None:
        maxlen = max(lengths, default=0)
    if isinstance(value, str) and dtype is not object and not np.issubdtype(dtype, np.str_):
        raise ValueError(f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\nYou should set `dtype=object` for variable length strings.")
    made = np.full((len(lengths), maxlen, *tail), value, dtype=dtype)
    for i, sequence in enumerate(sequences):
        if not len(sequence):
            continue
        kept = np.asarray(sequence[-maxlen:] if truncating == "pre" else sequence[:maxlen], dtype=dtype) if maxlen else np.empty((0, *tail))
        if kept.shape[1:] != tail:
            raise ValueError(f"Shape of sample {kept.shape[1:]} of sequence at position {i} is different from expected shape {tail}")
        if padding == "post":
            made[i, : len(kept)] = kept
        elif len(kept):
            made[i, -len(kept):] = kept
    return made
