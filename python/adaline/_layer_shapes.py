"""Shapes of layers: of the inputs that they are built for, and of what they return."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from ._calls import TENSORS
from ._cell import with_states_of_cells
from ._layer_attributes import BUILT
from ._layer_weights import LayerWeights

Spec = Tuple[Tuple[Optional[int], ...], str]


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and not any(isinstance(v, (list, tuple, dict)) for v in value)


def specs_of(shapes: Any) -> List[Spec]:
    """Shapes of inputs, one or several, within lists and dicts, as shapes and types."""
    if shapes is None:
        return []
    if isinstance(shapes, dict):
        return [spec for value in shapes.values() for spec in specs_of(value)]
    if _is_shape(shapes):
        return [(tuple(shapes), "float32")]
    if isinstance(shapes, (list, tuple)):
        return [spec for value in shapes for spec in specs_of(value)]
    return [(tuple(shapes), "float32")]


def _in_order(args: Sequence[Any], named: Dict[str, Any]) -> List[Spec]:
    """The shapes of a call of `build` or `compute_output_shape`: those by place, then those by name in the order of the tensors."""

    def place(name: str) -> int:
        tensor = name[: -len("_shape")] if name.endswith("_shape") else name
        return TENSORS.index(tensor) if tensor in TENSORS else len(TENSORS)

    return [spec for shapes in (*args, *(named[k] for k in sorted(named, key=place))) for spec in specs_of(shapes)]


class LayerShapes(LayerWeights):
    """The part of a layer that knows shapes."""

    _results: Any

    def build(self, *args: Any, **kwargs: Any) -> None:
        """Makes the weights for inputs of a shape, the batch first: `build(input_shape)`, or one shape for each input, by place or by name
        (`build(query_shape=.., value_shape=..)`)."""
        if not self._is_custom:
            specs = _in_order(args, kwargs)
            if not specs and self._class in ("Embedding", "ReversibleEmbedding"):
                specs = [((None, 1), "float32")]  # its table is the same for all shapes
            if not specs and self._class not in BUILT:
                raise ValueError(f"layer {self.name!r}: build needs the shape of the input, the batch first, such as build((None, 8))")
            if specs:
                self._seen = specs
            if specs and self._class != "InputLayer":
                self._home(specs)
        self.built = True

    def _has_own_build(self) -> bool:
        return type(self).build is not LayerShapes.build

    def _build_for(self, shapes: List[Tuple[Optional[int], ...]]) -> None:
        if self._has_own_build():
            self.build(shapes[0] if len(shapes) == 1 else shapes)
        self.built = True

    def get_build_config(self) -> Optional[Dict[str, Any]]:
        """The shape that it was built for, as `build_from_config` takes it."""
        if self._seen is None:
            return None
        shapes = [shape for shape, _ in self._seen]
        return {"input_shape": shapes[0] if len(shapes) == 1 else shapes}

    def build_from_config(self, config: Dict[str, Any]) -> None:
        """Builds it for what `get_build_config` gave."""
        if config and "input_shape" in config:
            self.build(config["input_shape"])
        elif config and "shapes_dict" in config:
            self.build(**config["shapes_dict"])

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shape of what it returns for an input of a shape, the batch first."""
        results = self._compiled.output_shapes([(list(s), d) for s, d in _in_order(args, kwargs)])
        made = [tuple(s) for s, _ in results]
        if self._class == "RNN" and len(made) > 1:
            return with_states_of_cells(self, made, shapes=True)
        return self._plain(made) if self._is_custom else self._results(made)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What it returns for symbolic tensors, as symbolic tensors of those shapes and types that belong to no network."""
        from ._eager import flat, kind_of
        from ._keras_tensor import KerasTensor

        tensors: List[Any] = []
        flat([*args, *(v for v in kwargs.values() if kind_of(v) == 1)], tensors)
        results = self._compiled.output_shapes([(list(t.shape), t.dtype) for t in tensors])
        made = [KerasTensor(tuple(s), dtype=d) for s, d in results]
        return self._plain(made)

    @staticmethod
    def _plain(results: List[Any]) -> Any:
        return results[0] if len(results) == 1 else tuple(results)
