"""Where Keras' files keep the layers within a layer."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from ._layer_weights import LayerWeights
from ._object import snake_case


def places(layer: Any) -> Iterator[Tuple[str, Any]]:
    """Layers in the attributes of one, with their places in Keras' files: by the names of the attributes, private ones last, each layer once."""
    seen: List[Any] = [layer]

    def within(values: Any, place: str) -> Iterator[Tuple[str, Any]]:
        counts: Dict[str, int] = {}
        for value in values.values() if isinstance(values, dict) else values:
            if not isinstance(value, (LayerWeights, list, tuple, dict)):
                continue
            kind = snake_case(type(value).__name__) if isinstance(value, LayerWeights) else "container"
            count = counts[kind] = counts.get(kind, -1) + 1
            yield from one(value, f"{place}/{kind}_{count}" if count else f"{place}/{kind}")

    def one(value: Any, place: str) -> Iterator[Tuple[str, Any]]:
        if isinstance(value, LayerWeights):
            if all(value is not other for other in seen):
                seen.append(value)
                yield place, value
        elif isinstance(value, (list, tuple, dict)):
            yield from within(value, place)

    for key in sorted(layer.__dict__, key=lambda k: "~" + k if k.startswith("_") else k):
        if key not in ("_symbols", "_homes"):
            yield from one(layer.__dict__[key], key)
