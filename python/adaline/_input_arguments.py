"""Arguments of input layers."""

from __future__ import annotations

from typing import Any, Dict

from ._keras_tensor import KerasTensor


def settled(name: str, values: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments of an input layer with the shape of a batch among them, once they fit together."""
    values = dict(values)
    tensor = values["input_tensor"]
    if tensor is not None:
        return {**values, **_of_tensor(name, tensor, values)}
    if values["batch_shape"] is not None:
        for other in ("shape", "batch_size"):
            if values[other] is not None:
                raise ValueError(
                    f"InputLayer {name!r}: you cannot pass both `{other}` and `batch_shape`, got {values[other]!r} and {values['batch_shape']!r}: "
                    "the first size of batch_shape is that of the batch"
                )
    else:
        if values["shape"] is None:
            raise ValueError(f"InputLayer {name!r}: pass a `shape` argument, that of one row: InputLayer(shape=(10,))")
        shape = values["shape"]
        values.update(batch_shape=(values["batch_size"], *((shape,) if isinstance(shape, int) else tuple(shape))), shape=None, batch_size=None)
    values["batch_shape"] = tuple(values["batch_shape"])
    return values


def _of_tensor(name: str, tensor: Any, values: Dict[str, Any]) -> Dict[str, Any]:
    """Arguments from a symbolic tensor, which others may repeat."""
    if not isinstance(tensor, KerasTensor):
        raise ValueError(f"InputLayer {name!r}: Argument `input_tensor` must be a KerasTensor, got {type(tensor).__name__}: give arrays to fit and predict")
    of_tensor = {"batch_size": tensor.shape[0], "shape": tuple(tensor.shape[1:]), "batch_shape": tuple(tensor.shape)}
    for key, own in {**of_tensor, "sparse": False, "ragged": False}.items():
        given = values[key]
        given = tuple(given) if isinstance(given, (list, tuple)) else given
        if given is not None and given != own:
            raise ValueError(f"InputLayer {name!r}: you cannot provide an incompatible `{key}` beside `input_tensor`: got {given}, that of the tensor is {own}")
    return {"batch_shape": of_tensor["batch_shape"], "shape": None, "batch_size": None}
