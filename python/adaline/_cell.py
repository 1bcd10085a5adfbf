"""Layers of Python within layers of the catalogue: cells of recurrent layers, and what wrappers hold."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Tuple

from . import _adaline
from ._adaline import LayerHandle, Node
from ._eager import flat
from ._object import snake_case

if TYPE_CHECKING:
    from ._layer import Layer

#: The layers of Python of the configuration that is being written, where one is.
_within: List[Optional[List[LayerHandle]]] = [None]


@contextmanager
def _collected() -> Iterator[List[LayerHandle]]:
    found: List[LayerHandle] = []
    _within.append(found)
    try:
        yield found
    finally:
        _within.pop()


def read(layer: "Layer") -> LayerHandle:
    """A layer of the catalogue as the compiled side reads it from its arguments, with the layers of Python among them."""
    with _collected() as found:
        envelope = json.dumps(layer._told_envelope())
    return LayerHandle.from_json(envelope, found) if found else LayerHandle.from_json(envelope)


def read_base(layer: Any) -> LayerHandle:
    """A layer of one's own as that of the catalogue which it derives from."""
    with _collected() as found:
        envelope = json.dumps(layer._base_envelope())
    return LayerHandle.from_json(envelope, found) if found else LayerHandle.from_json(envelope)


def stand_in(layer: "Layer") -> Any:
    """The envelope of a layer of Python within the configuration that is being written; none outside of one."""
    found = _within[-1]
    if found is None:
        return None
    found.append(layer._compiled)
    return {"module": "adaline", "class_name": "__within__", "config": {"at": len(found) - 1}, "registered_name": None}


#: Where wrappers keep the weights of what they hold, by their arguments.
_PLACES = {
    "RNN": {"cell": "cell"},
    "StackedRNNCells": {"cells": "cells"},
    "TimeDistributed": {"layer": "layer"},
    "Bidirectional": {"layer": "forward_layer", "backward_layer": "backward_layer"},
    "SpectralNormalization": {"layer": "layer"},
}


def parts(layer: Any) -> List[Tuple["Layer", str]]:
    """Layers that a wrapper of the catalogue holds, with the paths of their weights in it, where one of them is of Python."""
    from ._layer import Layer

    places = _PLACES.get(str(layer._class))
    if places is None:
        return []
    found: List[Tuple[Layer, str]] = []
    for argument, place in places.items():
        value = layer._args.get(argument)
        if argument == "backward_layer" and value is None:
            value = backward_of(layer)
        if isinstance(value, (list, tuple)):
            # A list of cells is a stack of them.
            below = place if argument == "cells" else f"{place}/cells"
            counts: "Counter[str]" = Counter()
            for cell in value:
                name = snake_case(type(cell).__name__)
                found.append((cell, f"{below}/{name}" + (f"_{counts[name]}" if counts[name] else "")))
                counts[name] += 1
        elif isinstance(value, Layer):
            found.append((value, place))
    return found if any(part._is_custom or parts(part) for part, _ in found) else []


def backward_of(layer: "Layer") -> Optional["Layer"]:
    """The way back of a `Bidirectional` of a layer with cells of Python: another one, since the two share no weights."""
    from .saving import custom_object_scope

    forward = layer._args.get("layer")
    if layer._class != "Bidirectional" or layer._args.get("backward_layer") is not None or forward is None or not parts(forward):
        return None
    made = layer.__dict__.get("_backward")
    if made is None:
        config = forward.get_config()
        config.update(name=f"backward_{forward.name}", go_backwards=not config["go_backwards"])
        with custom_object_scope({type(part).__name__: type(part) for part in _all_parts(forward) if part._class is None}):
            made = layer._backward = type(forward).from_config(config)
    return made


def _all_parts(layer: "Layer") -> Iterator["Layer"]:
    for part, _ in parts(layer):
        yield part
        yield from _all_parts(part)


def _sizes(size: Any) -> List[int]:
    return [int(d) for d in size] if isinstance(size, (list, tuple)) else [int(size)]


def cell_states(cell: "Layer") -> List[List[int]]:
    """Shapes of the states of one row."""
    size = cell.state_size
    return [_sizes(s) for s in size] if isinstance(size, (list, tuple)) else [_sizes(size)]


def cell_output(cell: "Layer") -> List[int]:
    """Shape of the output for one row."""
    size = getattr(cell, "output_size", None)
    return cell_states(cell)[0] if size is None else _sizes(size)


def with_states_of_cells(layer: Any, results: List[Any], shapes: bool = False) -> Tuple[Any, ...]:
    """Several results of a layer, or their shapes; the states of a stack of cells by cells, as Keras gives them: those of its own cells as lists."""
    cell: Any = layer._args.get("cell") if layer._class == "RNN" else None
    cells = cell._args["cells"] if getattr(cell, "_class", None) == "StackedRNNCells" else cell
    if not isinstance(cells, (list, tuple)):
        return tuple(results)
    made, rest = [results[0]], list(results[1:])
    for part in cells:
        several = _several_states(part)
        count = len(cell_states(part)) if hasattr(part, "state_size") else 1 + several
        own, rest = rest[:count], rest[count:]
        made.append(own if several or (not shapes and part._class is not None) else own[0])
    return tuple(made)


def _several_states(cell: "Layer") -> bool:
    return isinstance(cell.state_size, (list, tuple)) if hasattr(cell, "state_size") else cell._class == "LSTMCell"


def trace_initial(cell: "Layer", batch: int) -> Any:
    """First states, where the cell says what they are."""
    method = getattr(type(cell), "get_initial_state", None)
    if method is None:
        return None
    values: List[Any] = []
    flat(cell.get_initial_state(batch_size=batch), values)
    return [v if isinstance(v, Node) else _adaline.constant(v) for v in values]


def trace_step(cell: "Layer", values: List[Node]) -> List[Any]:
    """Called by the compiled side to write one step of a sequence: the output, and the states after it."""
    x, states = values[0], list(values[1:])
    if not cell.built:
        cell._build_for([(None, *x.shape[1:])])
    kwargs = {"training": _adaline.trace_training()} if "training" in inspect.signature(cell.call).parameters else {}
    result = cell.call(x, states, **kwargs)
    if not isinstance(result, (list, tuple)) or len(result) != 2:
        raise ValueError(f"the call of the cell {cell.name!r} must return its output and its new states, got {type(result).__name__}")
    new: List[Any] = []
    flat(result[1], new)
    return [result[0], *new]
