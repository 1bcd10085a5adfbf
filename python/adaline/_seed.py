"""Where seeds come from that nobody gave."""

from __future__ import annotations

import itertools
import os
import threading
from typing import Iterator, Optional

_lock = threading.Lock()
_base: Optional[int] = None
_count: Iterator[int] = itertools.count()


def set_global(seed: Optional[int]) -> None:
    """From now on seeds follow from this one; none makes them different in each process."""
    global _base, _count
    with _lock:
        _base, _count = seed, itertools.count()


def following() -> int:
    """The next seed, 63 bits."""
    with _lock:
        if _base is None:
            return int.from_bytes(os.urandom(8), "little") >> 1
        number = next(_count)
    # SplitMix64 (Steele et al. 2014): neighbouring seeds give unrelated ones.
    z = (_base + (number + 1) * 0x9E3779B97F4A7C15) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (z ^ (z >> 31)) >> 1
