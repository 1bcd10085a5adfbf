"""What layers expect of their inputs."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

_RECURRENT = ("RNN", "LSTM", "GRU", "SimpleRNN", "Bidirectional")


class InputSpec:
    """What a layer expects of an input, as its attribute `input_spec` says it: checked when the layer is called.

    Args:
        dtype: Kept for Keras' programs.
        shape: Sizes of all axes, `None` where any is right.
        ndim: Number of axes.
        max_ndim: Most axes.
        min_ndim: Fewest axes.
        axes: Sizes of axes by their numbers.
        allow_last_axis_squeeze: Whether a last axis of size 1 may be there or not.
        name: Name.
        optional: Whether the input may be none.
    """

    def __init__(self, dtype: Any = None, shape: Any = None, ndim: Any = None, max_ndim: Any = None, min_ndim: Any = None,
                 axes: Any = None, allow_last_axis_squeeze: bool = False, name: Any = None, optional: bool = False) -> None:
        self.dtype, self.shape = dtype, None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim, self.axes = max_ndim, min_ndim, {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional

    def _wrong_with(self, shape: Tuple[Optional[int], ...]) -> Optional[str]:
        """What of a shape is not as expected."""
        ndim = len(shape)
        if self.ndim is not None and ndim != self.ndim and not (self.allow_last_axis_squeeze and abs(ndim - self.ndim) == 1):
            return f"expected ndim={self.ndim}, found ndim={ndim}. Full shape received: {shape}"
        if self.max_ndim is not None and ndim > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={ndim}"
        if self.min_ndim is not None and ndim < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={ndim}. Full shape received: {shape}"
        for axis, value in self.axes.items():
            if value is not None and -ndim <= axis < ndim and shape[axis] not in (value, None):
                return f"expected axis {axis} of input shape to have value {value}, but received input with shape {shape}"
        if self.shape is not None and not self.allow_last_axis_squeeze:
            if any(want is not None and have is not None and want != have for want, have in zip(self.shape, shape)):
                return f"expected shape={self.shape}, found shape={shape}"
        return None


def _channels(layer: Any) -> Optional[int]:
    """The axis of which the weights of a layer are made; none where there is no such one."""
    kind = layer._class or ""
    if kind == "Dense" or kind in _RECURRENT:
        return -1
    if "Conv" in kind:
        if layer.data_format == "channels_last":
            return -1
        return 2 if "LSTM" in kind else 1
    if kind == "BatchNormalization":
        return int(layer.axis)
    return None


def check_inputs(layer: Any, shapes: Sequence[Tuple[Optional[int], ...]]) -> None:
    """Refuses inputs that are not what `input_spec` says, or not of the sizes that the weights were made for."""
    found: List[Any] = list(layer.input_spec) if isinstance(layer.input_spec, (list, tuple)) else [layer.input_spec] if layer.input_spec else []
    if not found and layer._seen and shapes:
        before: Tuple[Optional[int], ...] = layer._seen[0][0]
        axis = _channels(layer) if before[1:] != shapes[0][1:] else None
        if axis is not None and -len(before) <= axis < len(before):
            axes: Dict[int, Any] = {axis: before[axis]}
            found = [InputSpec(axes=axes)]
    for at, (spec, shape) in enumerate(zip(found, shapes)):
        wrong = spec._wrong_with(shape) if isinstance(spec, InputSpec) else None
        if wrong is not None:
            raise ValueError(f'Input {at} of layer "{layer.name}" is incompatible with the layer: {wrong}')
