"""Seeds one after the other."""

from __future__ import annotations

from typing import Any, Dict, Optional

import numpy as np

from . import _seed
from ._object import KerasObject


class SeedGenerator(KerasObject):
    """Seeds one after the other, so that each call with it gives other numbers.

    Args:
        seed: Where it begins; none is different in each process.
        name: Name.
    """

    _class = "SeedGenerator"
    _module = "keras.random"

    def __init__(self, seed: Optional[int] = None, name: Optional[str] = None, **kwargs: Any) -> None:
        if seed is not None and not isinstance(seed, (int, np.integer)):
            raise ValueError(f"seed of SeedGenerator is a whole number or None, got {seed!r}")
        self.seed = _seed.following() if seed is None else int(seed)
        self.name = name or "seed_generator"
        self._count = 0

    def next(self, ordered: bool = True) -> int:
        """The next seed."""
        self._count += 1
        return int(np.random.SeedSequence([abs(self.seed), int(self.seed < 0), self._count]).generate_state(1, np.uint64)[0])

    def get_config(self) -> Dict[str, Any]:
        """Its arguments."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: Dict[str, Any]) -> "SeedGenerator":
        """One of the arguments that `get_config` gives."""
        return cls(**config)
