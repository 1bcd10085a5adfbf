"""A picture of a network, as SVG text written here: no Graphviz is needed."""

from __future__ import annotations

import html
import os
from typing import Any, Dict, List, Optional, Tuple

_LINE, _GAP, _BETWEEN, _EDGE = 18, 34, 24, 12


class ModelPlot:
    """The picture; notebooks show it.

    Attributes:
        svg: Its text.
    """

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<ModelPlot, {len(self.svg)} characters of SVG>"


def _nodes(model: Any, expand: bool) -> List[Tuple[str, str, str, int, List[str]]]:
    """Name, class, output shape, number of weights, and names of the layers that follow."""
    made = []
    for name, cls, level, shape, params, _trainable, to in model._built_core().summary(expand):
        text = "?" if shape is None else "(" + ", ".join("None" if d is None else str(d) for d in shape) + ("," if len(shape) == 1 else "") + ")"
        made.append(("  " * level + name, cls, text, int(params), list(to)))
    return made


def _edges(model: Any, names: List[str]) -> List[Tuple[int, int]]:
    """Which layer gives to which, by place."""
    ends = model.__dict__.get("_end")
    if ends is None:
        return [(i, i + 1) for i in range(len(names) - 1)]
    at = {name: i for i, name in enumerate(names)}
    found, left, seen = set(), list(ends), set()
    while left:
        tensor = left.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        for other in tensor._inputs:
            if tensor._layer is not other._layer and tensor._layer.name in at and other._layer.name in at:
                found.add((at[other._layer.name], at[tensor._layer.name]))
            left.append(other)
    return sorted(found)


def plot_model(model: Any, to_file: Optional[Any] = "model.svg", show_shapes: bool = False, show_dtype: bool = False, show_layer_names: bool = False,
               rankdir: str = "TB", expand_nested: bool = False, dpi: int = 200, show_layer_activations: bool = False,
               show_trainable: bool = False, **kwargs: Any) -> ModelPlot:
    """Draws the layers and what goes from one to the next.

    Args:
        model: A built model.
        to_file: File to write, `.svg`; None for none.
        show_shapes: Whether output shapes are told.
        show_dtype: Kept for Keras' programs: values are float32.
        show_layer_names: Whether names are told.
        rankdir: `"TB"`: drawn from top to bottom.
        expand_nested: Whether layers of models within are listed.
        dpi: Kept for Keras' programs.
        show_layer_activations: Whether activations are told.
        show_trainable: Whether layers that are not trained are marked.

    Returns:
        A `ModelPlot`, which notebooks show.
    """
    if rankdir != "TB":
        raise ValueError(f"plot_model draws from top to bottom, rankdir='TB', got {rankdir!r}")
    if to_file is not None and not os.fspath(to_file).lower().endswith(".svg"):
        raise ValueError(f"plot_model writes SVG: give a file that ends in .svg, or to_file=None, got {os.fspath(to_file)!r}")
    nodes = _nodes(model, expand_nested)
    layers = {layer.name: layer for layer in model.layers}
    boxes: List[List[str]] = []
    for name, cls, shape, params, _ in nodes:
        lines = [f"{name} ({cls})" if show_layer_names else cls]
        if show_shapes:
            lines.append(f"Output shape: {shape}")
        layer = layers.get(name)
        if show_layer_activations and layer is not None:
            told = layer.get_config().get("activation")
            if told:
                lines.append(f"Activation: {told if isinstance(told, str) else told.get('class_name', told.get('config'))}")
        if show_trainable and layer is not None and params:
            lines.append("Trainable" if layer.trainable else "Non-trainable")
        boxes.append(lines)
    edges = _edges(model, [n[0] for n in nodes]) if not expand_nested else [(i, i + 1) for i in range(len(nodes) - 1)]
    svg = _draw(boxes, edges)
    if to_file is not None:
        with open(to_file, "w", encoding="utf-8") as file:
            file.write(svg)
    return ModelPlot(svg)


def _draw(boxes: List[List[str]], edges: List[Tuple[int, int]]) -> str:
    """Each box in the row below the last one that gives to it; the boxes of a row side by side."""
    depth: Dict[int, int] = {}
    for i in range(len(boxes)):
        depth[i] = max((depth.get(a, -1) + 1 for a, b in edges if b == i), default=0)
    for _ in boxes:  # layers are listed in the order of calls, but for shared ones
        for a, b in edges:
            if depth[b] <= depth[a]:
                depth[b] = depth[a] + 1
        if all(depth[b] > depth[a] for a, b in edges):
            break
    rows: Dict[int, List[int]] = {}
    for i in range(len(boxes)):
        rows.setdefault(depth[i], []).append(i)
    sizes = [(max(len(line) for line in lines) * 7.2 + 20, len(lines) * _LINE + 10) for lines in boxes]
    width = max(sum(sizes[i][0] for i in row) + _BETWEEN * (len(row) - 1) for row in rows.values()) + 2 * _EDGE if boxes else 2 * _EDGE
    place: Dict[int, Tuple[float, float]] = {}
    top = float(_EDGE)
    for level in sorted(rows):
        row = rows[level]
        left = (width - sum(sizes[i][0] for i in row) - _BETWEEN * (len(row) - 1)) / 2
        for i in row:
            place[i] = (left, top)
            left += sizes[i][0] + _BETWEEN
        top += max(sizes[i][1] for i in row) + _GAP
    height = top - _GAP + _EDGE
    parts = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' font-family='monospace' font-size='12'>",
             "<defs><marker id='tip' markerWidth='8' markerHeight='8' refX='7' refY='4' orient='auto'><path d='M0,0 L8,4 L0,8 z'/></marker></defs>",
             f"<rect width='{width:.0f}' height='{height:.0f}' fill='white'/>"]
    for a, b in edges:
        (ax, ay), (bx, by) = place[a], place[b]
        parts.append(f"<line x1='{ax + sizes[a][0] / 2:.1f}' y1='{ay + sizes[a][1]:.1f}' x2='{bx + sizes[b][0] / 2:.1f}' y2='{by:.1f}' stroke='black' "
                     "marker-end='url(#tip)'/>")
    for i, lines in enumerate(boxes):
        (x, y), (w, h) = place[i], sizes[i]
        parts.append(f"<rect x='{x:.1f}' y='{y:.1f}' width='{w:.1f}' height='{h}' rx='4' fill='#eef3fa' stroke='#1f77b4'/>")
        for k, line in enumerate(lines):
            weight = " font-weight='bold'" if k == 0 else ""
            parts.append(f"<text x='{x + w / 2:.1f}' y='{y + 18 + k * _LINE:.1f}' text-anchor='middle'{weight}>{html.escape(line)}</text>")
    return "".join([*parts, "</svg>\n"])
