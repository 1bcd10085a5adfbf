"""Segments, logarithms of sums, transforms."""

from __future__ import annotations

import functools
import math as _math
from typing import Any

import numpy as np

from ._common import Node, _adaline, kind_of, node, op, reshaped
from ._elementwise import erf, rsqrt
from ._indexing import in_floats, segments
from ._reductions import logsumexp
from ._sorting import in_top_k, top_k
from .linalg import norm, qr

__all__ = [
    "erf",
    "in_top_k",
    "logsumexp",
    "norm",
    "qr",
    "rsqrt",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "top_k",
]


def _segments(name: str, neutral: float, data: Any, segment_ids: Any, num_segments: Any) -> Node:
    """Rows reduced by the number of their segment."""
    data, ids = node(data), _adaline.cast(segment_ids, "int32")
    if num_segments is None:
        raise ValueError("the number of segments decides the shape of the result: give num_segments")
    shape = [int(num_segments), *data.shape[1:]]
    n, c = data.shape[0], _math.prod(data.shape[1:])
    rows = reshaped(data, [n, c])
    if name == "sum":
        # Numbers out of range belong to no segment.
        inside = (ids >= 0) & (ids < shape[0])
        at = reshaped(_adaline.select(inside, ids, shape[0]), [1, n])
        made = in_floats(rows, lambda r: _adaline.scatter_add(reshaped(r, [1, n, c]), at, shape[0] + 1)[0, :-1])
    else:
        made = _adaline.cast(segments(name, neutral, rows, ids, shape[0]), data.dtype)
    return reshaped(made, shape)


def _with_count(function: Any) -> Any:
    """On arrays the number of segments follows from the largest."""
    @functools.wraps(function)
    def called(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
        if num_segments is None and not kind_of(segment_ids):
            num_segments = int(np.max(segment_ids)) + 1 if np.size(segment_ids) else 0
        return function(data, segment_ids, num_segments, sorted)

    return called


@_with_count
@op
def segment_sum(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Sum of the rows of each segment."""
    return _segments("sum", 0.0, data, segment_ids, num_segments)


@_with_count
@op
def segment_max(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Largest of the rows of each segment."""
    return _segments("max", -_math.inf, data, segment_ids, num_segments)


@_with_count
@op
def segment_min(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Smallest of the rows of each segment."""
    return _segments("min", _math.inf, data, segment_ids, num_segments)


@_with_count
@op
def segment_prod(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Product of the rows of each segment."""
    return _segments("prod", 1.0, data, segment_ids, num_segments)
