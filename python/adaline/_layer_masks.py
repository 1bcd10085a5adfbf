"""Masks of the layers of the catalogue, as `compute_mask` tells them."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

#: Layers that hand on masks or use them, as Keras marks them; of an embedding the arguments say it.
SUPPORTING = frozenset((
    "Activation", "ActivityRegularization", "Add", "AdditiveAttention", "AlphaDropout", "Attention", "Average", "BatchNormalization",
    "Bidirectional", "Concatenate", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Dense", "Dot", "Dropout", "ELU", "GRU", "GaussianDropout",
    "GaussianNoise", "GlobalAveragePooling1D", "GroupNormalization", "GroupQueryAttention", "GroupedQueryAttention", "Identity", "LSTM",
    "LayerNormalization", "LeakyReLU", "Masking", "Maximum", "Minimum", "MultiHeadAttention", "Multiply", "Normalization", "PReLU", "RNN", "ReLU",
    "Rescaling", "SimpleRNN", "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Subtract", "TimeDistributed",
    "UnitNormalization",
))


def _embedding(layer: Any, inputs: Any, mask: Any) -> Any:
    from . import ops

    return ops.not_equal(inputs, 0) if layer.mask_zero else None


def _masking(layer: Any, inputs: Any, mask: Any) -> Any:
    from . import ops

    return ops.any(ops.not_equal(inputs, float(layer.mask_value)), axis=-1)


def _attention(layer: Any, inputs: Any, mask: Any) -> Any:
    from . import ops

    kind = type(layer).__name__
    if not isinstance(inputs, list):
        raise ValueError(f"{kind} layer must be called on a list of inputs, namely [query, value] or [query, value, key]; got {inputs!r}")
    if not 2 <= len(inputs) <= 3:
        raise ValueError(f"{kind} layer accepts inputs list of length 2 or 3, namely [query, value] or [query, value, key]; got {len(inputs)}")
    if mask is not None:
        if not isinstance(mask, list):
            raise ValueError(f"{kind} layer mask must be a list, namely [query_mask, value_mask]; got {mask!r}")
        if not 2 <= len(mask) <= 3:
            raise ValueError(f"{kind} layer accepts mask list of length 2 or 3, one for each input; got {len(mask)}")
    if mask is None or mask[0] is None:
        return None
    return ops.convert_to_tensor(mask[0])


def _lists(inputs: Any, mask: Any) -> None:
    if not isinstance(mask, (list, tuple)):
        raise ValueError(f"`mask` should be a list, with a mask or None for each input; got {mask!r}")
    if not isinstance(inputs, (list, tuple)):
        raise ValueError(f"`inputs` should be a list of tensors; got {inputs!r}")
    if len(mask) != len(inputs):
        raise ValueError(f"The lists `inputs` and `mask` should have the same length; got {len(inputs)} inputs and {len(mask)} masks")


def _merged(layer: Any, inputs: Any, mask: Any) -> Any:
    """A step counts where it does in any of the inputs."""
    from . import ops

    if mask is None:
        return None
    _lists(inputs, mask)
    if any(m is None for m in mask):
        return None
    found = mask[0]
    for m in mask[1:]:
        found = ops.logical_or(found, m)
    return found


def _concatenated(layer: Any, inputs: Any, mask: Any) -> Any:
    """A step counts where anything of it does."""
    from . import ops

    if mask is None:
        return None
    _lists(inputs, mask)
    if all(m is None for m in mask):
        return None
    each: List[Any] = []
    for x, m in zip(inputs, mask):
        if m is None:
            each.append(ops.ones_like(x, dtype="bool"))
        elif len(m.shape) < len(x.shape):
            each.append(ops.logical_or(ops.expand_dims(m, axis=-1), ops.zeros_like(x, dtype="bool")))
        else:
            each.append(m)
    return ops.any(ops.concatenate(each, axis=layer.axis), axis=-1)


def _none(layer: Any, inputs: Any, mask: Any) -> Any:
    return None


def _states(layer: Any) -> int:
    """Number of states of a recurrent layer."""
    if layer._class in ("LSTM", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"):
        return 2
    size = getattr(layer._args.get("cell"), "state_size", None)
    if isinstance(layer._args.get("cell"), (list, tuple)):
        return len(layer._args["cell"])
    return len(size) if isinstance(size, (list, tuple)) else 1


def _recurrent(layer: Any, inputs: Any, mask: Any) -> Any:
    while isinstance(mask, (list, tuple)):
        mask = mask[0] if mask else None
    found = mask if layer.return_sequences else None
    return [found] + [None] * _states(layer) if layer.return_state else found


def _bidirectional(layer: Any, inputs: Any, mask: Any) -> Any:
    while isinstance(mask, (list, tuple)):
        mask = mask[0] if mask else None
    inner = layer._args["layer"]
    found = mask if inner.return_sequences else None
    both = found if layer.merge_mode else (found, found)
    return [both] + [None] * (2 * _states(inner)) if inner.return_state else both


_OWN: Dict[str, Callable[[Any, Any, Any], Any]] = {
    "Embedding": _embedding, "ReversibleEmbedding": _embedding, "Masking": _masking, "Attention": _attention, "AdditiveAttention": _attention,
    "Concatenate": _concatenated, "Dot": _none, "GlobalAveragePooling1D": _none, "Bidirectional": _bidirectional,
    **{name: _merged for name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")},
    **{name: _recurrent for name in ("RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")},
}


def has_own(layer: Any) -> bool:
    """Whether the class of the catalogue makes masks of its own."""
    return layer._class in _OWN


def supports(layer: Any) -> bool:
    """Whether a layer hands on masks, or uses them."""
    if layer._class in ("Embedding", "ReversibleEmbedding"):
        return bool(layer.__dict__.get("_args", {}).get("mask_zero"))
    return layer._class in SUPPORTING


def mask_of(layer: Any, inputs: Any, mask: Any) -> Any:
    """The mask of what a layer returns, for its inputs and their masks."""
    own = _OWN.get(layer._class or "")
    return mask if own is None else own(layer, inputs, mask)
