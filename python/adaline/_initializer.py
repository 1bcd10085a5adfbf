"""How weights begin."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

import numpy as np

from . import _adaline, _seed
from ._object import KerasObject, given_none
from ._seed_generator import SeedGenerator


class Initializer(KerasObject):
    """Makes the first values of a weight. To write one, define `__call__(shape, dtype)`."""

    _module = "keras.initializers"
    _args: dict = {}
    #: Its seed where none is given: drawn when it is first asked, so that making one changes no other numbers.
    _fallback: Optional[int] = None

    def _arguments(self, **values: Any) -> None:
        super()._arguments(**values)
        _check(str(self._class), values)
        if not np.ndim(values.get("value", 0)):
            _adaline.checked_config("initializer", self._envelope_json())

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> np.ndarray:
        """Values of a shape."""
        if self._fallback is None:
            self._fallback = _seed.following()
        shape = [int(d) for d in ((shape,) if isinstance(shape, int) else shape)]
        if self._class == "Constant" and np.ndim(self._args["value"]):
            return np.broadcast_to(np.asarray(self._args["value"], dtype=dtype or np.float32), shape).copy()
        made = _adaline.initial_values(self._envelope_json(), shape, self._fallback)
        return made if dtype in (None, "float32") else made.astype(dtype)

    def _envelope(self) -> Any:
        made = super()._envelope()
        made["config"] = {**{k: v for k, v in made["config"].items() if v is not None}, **given_none(type(self), self._args)}
        return made

    def _told_envelope(self) -> Any:
        """As the compiled side takes it: a number as the seed, of a generator the next."""
        made = self._envelope()
        seed = self._args.get("seed")
        if isinstance(seed, SeedGenerator):
            made["config"]["seed"] = seed.next() >> 1  # 63 bits
        return made

    def _envelope_json(self) -> str:
        return json.dumps(self._told_envelope())

    def clone(self) -> "Initializer":
        """An equal one."""
        return type(self).from_config(self.get_config())


def _check(name: str, values: Dict[str, Any]) -> None:
    """Bounds of arguments that Python tells of in Keras' words; the compiled side checks all of them."""
    if name != "VarianceScaling":
        return
    scale, mode, distribution = values["scale"], values["mode"], values["distribution"]
    if not scale > 0.0:
        raise ValueError(f"VarianceScaling: Argument `scale` must be positive float. Received: scale={scale}")
    for key, value, allowed in (("mode", mode, ("fan_in", "fan_out", "fan_avg")),
                                ("distribution", distribution, ("uniform", "truncated_normal", "untruncated_normal", "normal"))):
        if str(value).lower() not in allowed:
            raise ValueError(f"VarianceScaling: Invalid `{key}` argument: {value!r}. Expected one of {list(allowed)}")
