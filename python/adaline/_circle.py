"""The circle loss of embeddings compared with others than those of their batch."""

from __future__ import annotations

from typing import Any

import numpy as np

#: The logarithm of a sum of nothing: so small that nothing is left of it, but finite, so that gradients are numbers.
_NOTHING = -1e30


def circle(y_true: Any, y_pred: Any, ref_labels: Any, ref_embeddings: Any, remove_diagonal: bool, gamma: float, margin: float) -> Any:
    """Values per sample: embeddings `(B, E)` with labels `(B)` are pulled to references `(R, E)` of their labels `(R)`, and pushed from others."""
    from . import ops

    def labels(x: Any) -> Any:
        x = ops.cast(x if hasattr(x, "shape") else np.asarray(x), "int32")
        return ops.squeeze(x, -1) if len(x.shape) == 2 else x

    own, other = labels(y_true), labels(ref_labels)
    embeddings = ops.cast(ref_embeddings if hasattr(ref_embeddings, "shape") else np.asarray(ref_embeddings), "float32")
    rows, references = own.shape[0], other.shape[0]
    same = ops.equal(ops.expand_dims(own, 1), ops.expand_dims(other, 0))  # (B, R)
    attracted = ops.logical_and(same, np.logical_not(np.eye(rows, references, dtype=bool))) if remove_diagonal else same
    distance = ops.maximum(1.0 - ops.matmul(ops.cast(y_pred, "float32"), ops.transpose(embeddings)), 0.0)
    # How far a pair is from where it should be, times how far it is from the margin.
    attract = ops.maximum(distance + margin, 0.0) * (margin - distance) * -float(gamma)
    repel = ops.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance) * float(gamma)
    pulled = ops.logsumexp(ops.where(attracted, attract, _NOTHING), axis=1)
    pushed = ops.logsumexp(ops.where(ops.logical_not(same), repel, _NOTHING), axis=1)
    return ops.softplus(pulled + pushed)
