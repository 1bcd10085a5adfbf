"""A bar for loops of one's own."""

from __future__ import annotations

import sys
import time
from typing import Any, Dict, List, Optional, Tuple


class Progbar:
    """Tells how far a loop is, with means of values.

    Args:
        target: Number of steps, None where it is not known.
        width: Width of the bar.
        verbose: 0 nothing, 1 a bar, 2 a line at the end.
        interval: Seconds from one drawing to the next.
        stateful_metrics: Names of values that are shown as they are; of others the mean is shown.
        unit_name: What a step is called.
    """

    def __init__(self, target: Optional[int], width: int = 20, verbose: int = 1, interval: float = 0.05, stateful_metrics: Any = None,
                 unit_name: str = "step") -> None:
        self.target, self.width, self.verbose, self.interval, self.unit_name = target, width, verbose, interval, unit_name
        self._as_is = set(stateful_metrics or ())
        self._sums: Dict[str, Tuple[float, float]] = {}
        self._seen, self._start, self._drawn, self._length = 0, time.time(), 0.0, 0

    def update(self, current: int, values: Optional[List[Tuple[str, float]]] = None, finalize: Optional[bool] = None) -> None:
        """Step `current` is done, with these values."""
        done = finalize if finalize is not None else self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or []:
            if name in self._as_is:
                self._sums[name] = (float(value), 1.0)
            else:
                total, count = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = (total + float(value) * steps, count + steps)
        self._seen = current
        now = time.time()
        if self.verbose == 0 or (self.verbose == 2 and not done) or (self.verbose == 1 and not done and now - self._drawn < self.interval):
            return
        self._drawn = now
        spent = now - self._start
        count_text = f"{current}/{self.target}" if self.target else f"{current:7d}/Unknown"
        bar = ""
        if self.verbose == 1 and self.target:
            full = int(self.width * min(current / self.target, 1.0))
            bar = " " + "━" * full + "─" * (self.width - full)
        each = spent / max(current, 1)
        unit = f"{each:.0f}s" if each >= 1 else (f"{each * 1e3:.0f}ms" if each >= 1e-3 else f"{each * 1e6:.0f}us")
        left = spent if done or not self.target else each * (self.target - current)
        text = f"{count_text}{bar} {left:.0f}s {unit}/{self.unit_name}"
        for name, (total, count) in self._sums.items():
            mean = total / max(count, 1)
            text += f" - {name}: " + (f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}")
        fill = " " * max(self._length - len(text), 0)
        self._length = len(text)
        sys.stdout.write(("\r" if self.verbose == 1 else "") + text + fill + ("\n" if done else ""))
        sys.stdout.flush()

    def add(self, n: int, values: Optional[List[Tuple[str, float]]] = None) -> None:
        """`n` more steps are done."""
        self.update(self._seen + n, values)
