"""The beginnings of networks."""

from __future__ import annotations

from typing import Any, Optional

from . import _adaline
from ._keras_tensor import KerasTensor
from ._layer import Layer, _dtype_name


def Input(shape: Any = None, batch_size: Optional[int] = None, dtype: Any = None, sparse: Any = None, batch_shape: Any = None,
          name: Optional[str] = None, tensor: Any = None, optional: bool = False, ragged: Any = None) -> KerasTensor:
    """The beginning of a network: a symbolic tensor of a shape, without the batch.

    Args:
        shape: Sizes of one row, `None` where any size is right.
        batch_size: Rows of each batch, where they are fixed.
        dtype: `"float32"` or `"int32"`.
        name: Name of the input.
    """
    from ._catalogue.layers import InputLayer

    if sparse or ragged or tensor is not None:
        raise ValueError("Input takes no sparse, ragged or given tensor: pad sequences (utils.pad_sequences), and give data to fit and predict")
    if batch_shape is None:
        if shape is None:
            raise ValueError("Input needs the shape of one row: Input(shape=(10,))")
        batch_shape = (batch_size, *((shape,) if isinstance(shape, int) else tuple(shape)))
    layer = InputLayer(batch_shape=tuple(batch_shape), dtype=_dtype_name(dtype), name=name)
    return input_tensor(layer)


def input_tensor(layer: Layer) -> KerasTensor:
    """The symbolic tensor of an input layer."""
    if layer._symbols:
        return layer._symbols[0][1]
    symbol = _adaline.Symbol.input(list(layer.batch_shape), layer._dtype or "float32", layer.name)
    tensor = KerasTensor._of(symbol, layer, [], 0)
    layer._symbols.append(([], tensor))
    layer.built = True
    return tensor
