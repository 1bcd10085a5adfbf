"""Calls of layers: which arguments are tensors, which are masks, and what else a call is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import numpy as np

from ._eager import flat, kind_of
from ._object import plain

if TYPE_CHECKING:
    from ._layer import Layer

#: Arguments of calls that are tensors, in the order in which the compiled side takes them.
TENSORS = ("inputs", "x", "sequence", "sequences", "query", "value", "key", "count_weights", "initial_state")

_RECURRENT = ("sequences", "initial_state", "mask", "training")
#: Names of the arguments of Keras' calls, where another than the first may come without its name.
_POSITIONS: Dict[str, Tuple[str, ...]] = {
    **{name: _RECURRENT for name in ("RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional")},
    **{name: ("inputs", "training") for name in ("Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "SpatialDropout1D",
                                                 "SpatialDropout2D", "SpatialDropout3D", "SpectralNormalization")},
    **{name: ("inputs", "training", "mask") for name in ("BatchNormalization", "TimeDistributed")},
    **{name: ("inputs", "mask") for name in ("Softmax", "GlobalAveragePooling1D")},
    **{name: ("inputs", "mask", "training", "return_attention_scores", "use_causal_mask") for name in ("Attention", "AdditiveAttention")},
    **{name: ("query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores", "training",
              "use_causal_mask") for name in ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")},
}
#: Masks by the number of the input that each is of.
_MASKS = {"query_mask": 0, "value_mask": 1, "key_mask": 2}


_YES_OR_NO = ("use_causal_mask", "return_attention_scores")


class Call:
    """Tensors of a call in the order in which the compiled side takes them, masks last, and its other arguments."""

    def __init__(self, tensors: List[Any], masks: Optional[List[Optional[int]]] = None, training: Any = None,
                 others: Optional[Dict[str, Any]] = None) -> None:
        self.tensors, self.masks, self.training, self.others = tensors, masks or [], training, others or {}

    def settings(self, training: bool = True) -> Optional[str]:
        """As the compiled side reads it; none where there is nothing to say."""
        told = None if self.training is None or not training else bool(self.training)
        if not self.masks and not self.others and told is None:
            return None
        return json.dumps({"masks": self.masks, "training": told, "others": plain(self.others)}, sort_keys=True)


def call_of(layer: "Layer", args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Call:
    """The call of a layer of the catalogue."""
    rest = dict(kwargs)
    names = _POSITIONS.get(str(layer._class), ())
    if len(args) > 1 and names:
        if len(args) > len(names):
            raise TypeError(f"the call of {layer._class} takes {', '.join(names)}, got {len(args)} arguments")
        for name, value in zip(names[1:], args[1:]):
            if name in rest:
                raise TypeError(f"the call of {layer._class} got the argument {name!r} twice")
            rest[name] = value
        args = args[:1]
    tensors: List[Any] = []
    for value in args:
        flat(value, tensors)
    for name in TENSORS:
        if rest.get(name) is not None:
            flat(rest[name], tensors)
        rest.pop(name, None)
    made = Call([t for t in tensors if t is not None], training=rest.pop("training", None))
    for name, of in _MASKS.items():
        value = rest.pop(name, None)
        # Keras takes the mask of the query from the tensor, whatever the call of MultiHeadAttention says.
        if value is not None and (name, layer._class) != ("query_mask", "MultiHeadAttention"):
            made.tensors.append(value)
            made.masks.append(of)
    mask = rest.pop("mask", None)
    several = isinstance(mask, (list, tuple)) and any(v is None or np.ndim(v) > 0 or kind_of(v) for v in mask)
    for of, value in enumerate(mask if several else [mask]):
        if value is not None:
            made.tensors.append(value)
            made.masks.append(of)
    value = rest.pop("attention_mask", None)
    if value is not None:
        made.tensors.append(value)
        made.masks.append(None)
    # What is not asked for need not be told; Keras' programs ask by numbers, too.
    asked = {k: bool(v) if k in _YES_OR_NO and np.ndim(v) == 0 else v for k, v in rest.items() if v is not None}
    made.others = {k: v for k, v in asked.items() if v is not False}
    return made


def custom_call(layer: "Layer", args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Call:
    """The call of a layer written in Python. The layer keeps how the tensors stood among the arguments, under a number."""
    tensors: List[Any] = []
    structure = _taken(args, kwargs, tensors)
    plainest = len(args) == 1 and not kwargs and structure[0] == [("tensor",)]
    training = kwargs.get("training")
    made = Call(tensors, training=training if isinstance(training, bool) else None)
    if not plainest:
        known = layer._ways
        at = next((i for i, other in enumerate(known) if _same(other, structure)), len(known))
        if at == len(known):
            known.append(structure)
        made.others = {"__call__": at}
    return made


def _same(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except (ValueError, TypeError):
        return False


def _taken(args: Any, kwargs: Dict[str, Any], tensors: List[Any]) -> Any:
    """Tensors among the arguments of a call, and how they stood."""

    def take(value: Any) -> Any:
        if kind_of(value) == 0 and not isinstance(value, np.ndarray) and not _holds_arrays(value) and not hasattr(value, "__array__"):
            return ("plain", value)
        if isinstance(value, (list, tuple)):
            return ("list", type(value), [take(v) for v in value])
        if isinstance(value, dict):
            return ("dict", {k: take(v) for k, v in value.items()})
        tensors.append(value)
        return ("tensor",)

    first = [take(v) for v in args]
    return first, {k: take(v) for k, v in kwargs.items()}


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, dict):
        return any(isinstance(v, np.ndarray) or _holds_arrays(v) for v in value.values())
    return isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) or _holds_arrays(v) for v in value)


def arguments_again(structure: Any, values: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """Positional and named arguments with tensors of an iterator in their places."""

    def put(part: Any) -> Any:
        kind = part[0]
        if kind == "plain":
            return part[1]
        if kind == "list":
            made = [put(p) for p in part[2]]
            return part[1](*made) if hasattr(part[1], "_fields") else part[1](made)
        if kind == "dict":
            return {k: put(p) for k, p in part[1].items()}
        return next(values)

    args, kwargs = structure
    return tuple(put(p) for p in args), {k: put(p) for k, p in kwargs.items()}


def as_batch(layer: "Layer", mask: np.ndarray, shape: Tuple[int, ...]) -> np.ndarray:
    """A mask with as many rows as the batch of a shape, where it is one for all of them."""
    if layer._class == "Softmax" and mask.shape != shape:
        # By NumPy's rule, the last axes first.
        try:
            return np.broadcast_to(mask, shape).copy()
        except ValueError:
            raise ValueError(
                f"layer {layer.name!r}: the mask must be broadcastable to the inputs and must not have more dimensions, but it has shape {mask.shape} "
                f"and they have {shape}"
            ) from None
    return np.broadcast_to(mask, (shape[0], *mask.shape[1:])).copy() if mask.ndim and mask.shape[0] == 1 and shape[0] > 1 else mask
