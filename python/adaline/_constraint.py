"""What weights are put back to after each update."""

from __future__ import annotations

from typing import Any

from . import _adaline
from ._eager import op
from ._object import KerasObject


@op
def _applied(config: str, x: Any) -> Any:
    return _adaline.constraint(config, x)


class Constraint(KerasObject):
    """Where weights are put back to. To write one, define `__call__(w)` with functions of `adaline.ops`."""

    _module = "keras.constraints"
    _args: dict = {}

    def _arguments(self, **values: Any) -> None:
        super()._arguments(**values)
        _adaline.checked_config("constraint", self._envelope_json())

    def __call__(self, w: Any) -> Any:
        """Values put back."""
        if self._class is None:
            return w
        return _applied(self._envelope_json(), w)
