"""Tensors that do not exist yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Tuple

if TYPE_CHECKING:
    from ._layer import Layer


class KerasTensor:
    """A symbolic tensor: the result of a layer called on others, which networks are described with. It has a shape, `None` for sizes that are
    open, and no numbers. One made by itself is an input, as `Input` makes it.

    Args:
        shape: Sizes of the axes, the batch first.
        dtype: Type of the elements.
        sparse: Kept for Keras' programs: tensors are dense.
        ragged: Kept for Keras' programs.
        record_history: Kept for Keras' programs.
        name: Name.
    """

    _is_keras_tensor = True
    sparse = ragged = False
    _symbol: Any
    _layer: "Layer"
    _inputs: List["KerasTensor"]
    _index: int
    name: str

    def __init__(self, shape: Any, dtype: Any = "float32", sparse: Any = False, ragged: Any = False, record_history: bool = True,
                 name: Optional[str] = None) -> None:
        from ._input import Input

        if sparse or ragged:
            raise ValueError("tensors are dense: neither sparse nor ragged ones exist")
        self.__dict__.update(Input(batch_shape=tuple(shape), dtype=dtype, name=name).__dict__)

    @classmethod
    def _of(cls, symbol: Any, layer: "Layer", inputs: List["KerasTensor"], index: int, name: Optional[str] = None) -> "KerasTensor":
        """A result of a layer."""
        made = cls.__new__(cls)
        made._symbol = symbol
        made._layer, made._inputs, made._index = layer, inputs, index
        made.name = name or layer.name
        return made

    @property
    def shape(self) -> Tuple[Optional[int], ...]:
        """Sizes of the axes, the batch first."""
        return tuple(self._symbol.shape)

    @property
    def dtype(self) -> str:
        """Type of the elements."""
        return self._symbol.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._symbol.shape)

    @property
    def rank(self) -> int:
        """Number of axes."""
        return self.ndim

    @property
    def _keras_history(self) -> Tuple[Any, int, int]:
        return (self._layer, 0, self._index)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ValueError("a symbolic tensor has no numbers: use functions of adaline.ops, or make a model of it and call that")

    __array_ufunc__ = None

    def __bool__(self) -> bool:
        raise TypeError("a symbolic tensor has no truth value: use ops.where instead of `if`")

    def __getitem__(self, index: Any) -> Any:
        return _called("get_item", lambda x: x[index], self)

    def __neg__(self) -> Any:
        return _called("negative", lambda x: -x, self)

    def __abs__(self) -> Any:
        return _called("absolute", abs, self)


def _called(name: str, function: Any, *args: Any) -> Any:
    from ._operation import symbolic

    return symbolic(function, name, args, {})


def _operator(name: str, swap: bool) -> Any:
    import operator

    function = getattr(operator, name)

    def call(self: KerasTensor, other: Any) -> Any:
        return _called(name.strip("_"), function, *((other, self) if swap else (self, other)))

    return call


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "lt", "le", "gt", "ge", "and_", "or_"):
    _dunder = _name.strip("_")
    setattr(KerasTensor, f"__{_dunder}__", _operator(_name, False))
    if _dunder not in ("lt", "le", "gt", "ge"):
        setattr(KerasTensor, f"__r{_dunder}__", _operator(_name, True))
