"""Summaries and histories, for terminals and notebooks."""

from __future__ import annotations

import html
from typing import Any, List, Optional, Tuple


def _rows(model: Any, expand: bool) -> List[Tuple[str, str, str, str]]:
    core = model._built_core()
    rows = []
    for name, cls, level, shape, params, _trainable, to in core.summary(expand):
        text = "?" if shape is None else "(" + ", ".join("None" if d is None else str(d) for d in shape) + ("," if len(shape) == 1 else "") + ")"
        rows.append(("    " * level + f"{name} ({cls})", text, f"{params:,}", ", ".join(to)))
    return rows


def _bytes(values: int) -> str:
    size = values * 4.0
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.2f} {unit}"
        size /= 1024
    return ""


def _totals(model: Any) -> List[str]:
    trainable, fixed, optimizer = model._built_core().counts
    total = trainable + fixed + (optimizer or 0)
    lines = [f" Total params: {total:,} ({_bytes(total)})", f" Trainable params: {trainable:,} ({_bytes(trainable)})",
             f" Non-trainable params: {fixed:,} ({_bytes(fixed)})"]
    if optimizer:
        lines.append(f" Optimizer params: {optimizer:,} ({_bytes(optimizer)})")
    return lines


def summary_text(model: Any, expand: bool = False) -> str:
    """Keras' table."""
    rows = _rows(model, expand)
    several = any(r[3] for r in rows)
    heads = ["Layer (type)", "Output Shape", "Param #"] + (["Connected to"] if several else [])
    table = [list(r[: len(heads)]) for r in rows]
    widths = [max(len(h), *(len(r[i]) for r in table)) if table else len(h) for i, h in enumerate(heads)]

    def line(left: str, mid: str, right: str, fill: str) -> str:
        return left + mid.join(fill * (w + 2) for w in widths) + right

    def row(cells: List[str], bar: str) -> str:
        parts = [f" {c:>{w}} " if i == 2 else f" {c:<{w}} " for i, (c, w) in enumerate(zip(cells, widths))]
        return bar + bar.join(parts) + bar

    out = [f'Model: "{model.name}"', line("┏", "┳", "┓", "━"), row(heads, "┃"), line("┡", "╇", "┩", "━")]
    for i, r in enumerate(table):
        if i:
            out.append(line("├", "┼", "┤", "─"))
        out.append(row(r, "│"))
    out.append(line("└", "┴", "┘", "─"))
    return "\n".join(out + _totals(model))


def in_notebook() -> bool:
    """Whether pictures and tables can be shown."""
    import sys

    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def summary(model: Any, print_fn: Any, expand: bool, show_trainable: bool) -> None:
    """Prints the table, or shows it."""
    if print_fn is None and in_notebook():
        from IPython.display import HTML, display as show

        show(HTML(summary_html(model, expand)))
        return
    (print_fn or print)(summary_text(model, expand))


def summary_html(model: Any, expand: bool = False) -> str:
    """The table for a notebook."""
    try:
        rows = _rows(model, expand)
    except ValueError as error:
        return f"<p><b>Model: {html.escape(model.name)}</b>: {html.escape(str(error))}</p>"
    several = any(r[3] for r in rows)
    heads = ["Layer (type)", "Output Shape", "Param #"] + (["Connected to"] if several else [])
    body = "".join("<tr>" + "".join(f"<td style='text-align:{'right' if i == 2 else 'left'}'>{html.escape(c)}</td>" for i, c in
                                    enumerate(r[: len(heads)])) + "</tr>" for r in rows)
    head = "".join(f"<th style='text-align:left'>{h}</th>" for h in heads)
    totals = "<br>".join(html.escape(t.strip()) for t in _totals(model))
    return f"<p><b>Model: {html.escape(model.name)}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{totals}</p>"


def _curve(name: str, values: List[float], other: Optional[List[float]]) -> str:
    width, height, edge = 320, 180, 30
    shown = [v for v in [*values, *(other or [])] if v == v and abs(v) != float("inf")]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0

    def path(series: List[float], colour: str) -> str:
        n = max(len(series) - 1, 1)
        points = " ".join(f"{edge + i * (width - 2 * edge) / n:.1f},{height - edge - (v - low) / span * (height - 2 * edge):.1f}"
                          for i, v in enumerate(series) if v == v)
        return f"<polyline fill='none' stroke='{colour}' stroke-width='2' points='{points}'/>"

    parts = [path(values, "#1f77b4"), path(other, "#ff7f0e") if other else ""]
    legend = f"{html.escape(name)}" + (" <tspan fill='#ff7f0e'>validation</tspan>" if other else "")
    return (f"<svg width='{width}' height='{height}' style='background:white'><text x='{edge}' y='18' font-size='12' fill='#1f77b4'>{legend}</text>"
            f"<text x='2' y='{edge + 4}' font-size='9'>{high:.3g}</text><text x='2' y='{height - edge}' font-size='9'>{low:.3g}</text>"
            f"{''.join(parts)}<text x='{width - edge}' y='{height - 8}' font-size='9'>{len(values)}</text></svg>")


def history_html(history: Any) -> str:
    """Curves and the last values."""
    columns = history.history
    curves = "".join(_curve(n, v, columns.get(f"val_{n}")) for n, v in columns.items() if not n.startswith("val_"))
    rows = "".join(f"<tr><td>{html.escape(n)}</td><td style='text-align:right'>{v[-1]:.4g}</td></tr>" for n, v in columns.items() if v)
    return f"<div>{curves}<table><tbody>{rows}</tbody></table></div>"


class _Live:
    """Progress of a `fit` in a notebook: a bar that is drawn anew."""

    def __init__(self) -> None:
        from IPython.display import display as show

        self._epoch, self._steps = 0, 1
        self._lines: List[str] = []
        self._handle = show(self._html(0, []), display_id=True)

    def _html(self, done: int, values: Any) -> Any:
        from IPython.display import HTML

        text = " &nbsp; ".join(f"{html.escape(n)}: {v:.4f}" for n, v in values)
        bar = f"<progress value='{done}' max='{max(self._steps, 1)}'></progress> epoch {self._epoch + 1}, {done}/{self._steps} &nbsp; {text}"
        return HTML("<br>".join([*self._lines[-8:], bar]))

    def epoch_begin(self, epoch: int, steps: int) -> None:
        self._epoch, self._steps = epoch, steps

    def step(self, done: int, values: Any) -> None:
        self._handle.update(self._html(done, values))

    def epoch_end(self, epoch: int, values: Any) -> None:
        self._lines.append(f"epoch {epoch + 1}: " + " &nbsp; ".join(f"{html.escape(n)}: {v:.4f}" for n, v in values))
        self._handle.update(self._html(self._steps, values))

    def message(self, text: str) -> None:
        self._lines.append(html.escape(text))


def display(level: int) -> Any:
    """Where a notebook's progress is shown; nothing elsewhere."""
    return _Live() if level == 1 and in_notebook() else None
