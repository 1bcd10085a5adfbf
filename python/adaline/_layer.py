"""Layers: those of the catalogue, and the base of those written in Python."""

from __future__ import annotations

import inspect
import json
import warnings
import weakref
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from . import _adaline, _layer_masks
from ._adaline import LayerHandle, Node
from ._arrays import as_data
from ._calls import Call, arguments_again, as_batch, call_of, custom_call
from ._cell import backward_of, cell_output, cell_states, read, read_base, stand_in, trace_initial, trace_step, with_states_of_cells
from ._eager import flat, kind_of, nested
from ._input_arguments import settled
from ._input_spec import check_inputs
from ._keras_tensor import KerasTensor
from ._layer_attributes import BUILT
from ._layer_places import places
from ._layer_shapes import LayerShapes
from ._object import arguments_of, auto_name, plain, snake_case, told
from ._variable import Holder, Variable


#: Chains of layers by their layers, which are called on symbolic tensors once somebody asks for these.
_chains: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()


def _dtype_name(dtype: Any) -> Optional[str]:
    if dtype is None:
        return None
    if isinstance(dtype, dict):
        return dtype.get("config", {}).get("name")
    return getattr(dtype, "name", None) or str(dtype)


#: Classes whose activation comes after everything else, by the ends of their names.
_LAST = ("Dense", "Activation", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")


class Layer(LayerShapes):
    """A layer: weights, and a function from tensors to tensors.

    To write one, define `build(input_shape)`, which makes weights with `add_weight`, and `call(inputs)`, which computes with functions of
    `adaline.ops` and operators. `call` is traced once for each shape and compiled with the network; gradients come by themselves.

    Args:
        activity_regularizer: Penalty on what the layer returns.
        trainable: Whether training changes its weights.
        dtype: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.
        autocast: Kept for Keras' programs.
        name: Name; none for one made of the class's.
    """

    _module = "keras.layers"

    def __init__(self, *, activity_regularizer: Any = None, trainable: bool = True, dtype: Any = None, autocast: bool = True,
                 name: Optional[str] = None, **kwargs: Any) -> None:
        shape = kwargs.pop("input_shape", None)
        if shape is not None and self._class == "InputLayer":
            warnings.warn("Argument `input_shape` is deprecated. Use `shape` instead.", stacklevel=3)
        batch_shape = kwargs.pop("batch_input_shape", kwargs.pop("batch_shape", None) if self._class != "InputLayer" else None)
        batch_size = kwargs.pop("batch_size", None) if self._class != "InputLayer" else None
        width = kwargs.pop("input_dim", None) if self._class != "Embedding" else None
        length = kwargs.pop("input_length", None)
        kwargs.pop("input_dtype", None)
        if self._class in ("LSTM", "GRU", "LSTMCell", "GRUCell"):
            kwargs.pop("implementation", None)  # of older versions of Keras: how, not what, is computed
        if kwargs:
            names = ", ".join(repr(k) for k in kwargs)
            from ._object import python_hint

            known = [p for p in inspect.signature(type(self).__init__).parameters if p not in ("self", "kwargs")] + ["name", "trainable", "dtype"]
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {names}{python_hint(known, next(iter(kwargs)))}. "
                f"It takes {', '.join(known)}"
            )
        if batch_shape is not None:
            self._given_shape: Optional[Tuple[Optional[int], ...]] = tuple(batch_shape)
        elif shape is not None:
            self._given_shape = (batch_size, *((shape,) if isinstance(shape, int) else tuple(shape)))
        elif width is not None:
            self._given_shape = (batch_size, int(width))
        elif length is not None and self._class == "Embedding":
            self._given_shape = (batch_size, int(length))
        else:
            self._given_shape = None
        self._name = name if name is not None else auto_name(snake_case(type(self).__name__))
        if not isinstance(self._name, str):
            raise ValueError(f"the name of a layer must be a string, got {self._name!r}")
        self._trainable = bool(trainable)
        self._dtype = _dtype_name(dtype)
        self.autocast = autocast
        self._activity_regularizer = activity_regularizer
        self._handle: Optional[LayerHandle] = None
        self._variables: Dict[str, Variable] = {}
        self._homes: Dict[Any, Holder] = {}
        self._seen: Optional[List[Tuple[Tuple[Optional[int], ...], str]]] = None
        self._called = 0
        self.built = self._class in BUILT and not self._has_own_build()
        self.supports_masking = _layer_masks.supports(self)
        self.input_spec: Any = None
        self._symbols: List[Tuple[Any, Any]] = []
        self._losses: List[Any] = []
        self._ways: List[Any] = []
        self._changed = False

    def _arguments(self, **values: Any) -> None:
        weights = values.pop("weights", None) if self._class == "Embedding" else None
        if self._class == "InputLayer":
            if values["shape"] is None and values["batch_shape"] is None and self._given_shape is not None:
                values["shape"] = self._given_shape[1:]  # Keras' older name of it
            values = settled(self.name, values)
            self._given_tensor(values.pop("input_tensor"))
        super()._arguments(**values)
        # Wrong arguments are told here, not when the layer is first used; what is read is kept for then.
        if self._class is not None and not self._is_custom:
            self._compiled  # noqa: B018
        if weights is not None:
            self.build((None, 1))
            self.set_weights(weights if isinstance(weights, (list, tuple)) else [weights])

    def _given_tensor(self, tensor: Any) -> None:
        """The symbolic tensor that an input layer is for, where there is one already."""
        if tensor is None:
            return
        if self._dtype is not None and self._dtype != tensor.dtype:
            raise ValueError(
                f"InputLayer {self.name!r}: you cannot provide an incompatible `dtype` beside `input_tensor`: got {self._dtype}, that of the tensor is "
                f"{tensor.dtype}"
            )
        self._dtype = tensor.dtype
        self._symbols.append(([], tensor))
        self.built = True

    # What it is.

    @property
    def name(self) -> str:
        """Its name, which weights begin with."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name, self._handle = str(value), None

    @property
    def path(self) -> str:
        """Its name within the network."""
        return self._name

    @property
    def activity_regularizer(self) -> Any:
        """Penalty on what it returns."""
        from . import regularizers

        if self._class == "ActivityRegularization" and self._activity_regularizer is None:
            return regularizers.L1L2(l1=self.l1, l2=self.l2)
        return regularizers.get(self._activity_regularizer)

    @activity_regularizer.setter
    def activity_regularizer(self, value: Any) -> None:
        self._activity_regularizer, self._handle = value, None

    @property
    def trainable(self) -> bool:
        """Whether training changes its weights. After a change, compile the model again."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable, self._handle = bool(value), None
        for layer in self._sublayers():
            layer.trainable = value

    @property
    def dtype_policy(self) -> Any:
        """Types of weights and computation."""
        from .config import DTypePolicy, dtype_policy

        return DTypePolicy(self._dtype) if self._dtype else dtype_policy()

    @property
    def dtype(self) -> str:
        """Type of its weights."""
        return self.dtype_policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        """Type that it computes in."""
        return self.dtype_policy.compute_dtype

    @property
    def _is_custom(self) -> bool:
        return type(self)._class is None or type(self).call is not Layer.call

    @property
    def _own_activation(self) -> Any:
        """The activation where it is a function of the program, which is called after the compiled layer."""
        given = self.__dict__.get("_args", {}).get("activation")
        if given is None or self._class is None:
            return None
        from .saving import own_function

        return own_function(given)

    def _file_path(self, inner: str) -> str:
        """Where a file of Keras keeps what is at a path within it: Keras goes by the names of attributes."""
        name, _, rest = inner.partition("/")
        for place, layer in places(self):
            if layer.name == name:
                return f"{place}/{layer._compiled.file_path(rest)}" if rest else place
        return inner

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        config: Dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": plain(self.dtype_policy)}
        if self._class is not None:
            config.update(self._read_config())
            if backward_of(self) is not None:
                del config["backward_layer"]  # as without: it follows from the other one
            if self._activity_regularizer is not None:
                config["activity_regularizer"] = plain(self.activity_regularizer)
            if self._own_activation is not None:
                from .saving import function_envelope

                config["activation"] = function_envelope(self._own_activation)
        return config

    def _told_envelope(self) -> Dict[str, Any]:
        if self._is_custom or self._own_activation is not None:
            stands = stand_in(self)
            if stands is not None:
                return stands
        return self._base_envelope()

    def _base_envelope(self) -> Dict[str, Any]:
        """As the layer of the catalogue that it is or derives from."""
        if self._class is None:
            return self._envelope()
        return {"module": self._module, "class_name": self._class, "config": self._config_given(), "registered_name": None}

    def _config_given(self) -> Dict[str, Any]:
        """What the catalogue is told."""
        from .config import dtype_policy

        config = arguments_of(type(self), {**self._args, "activation": "linear"} if self._own_activation is not None else self._args)
        config.update(name=self.name, trainable=self._trainable)
        back = backward_of(self)
        if back is not None:
            config["backward_layer"] = told(back)
        policy = self._dtype or dtype_policy().name
        if self._class == "InputLayer":
            config = {k: v for k, v in config.items() if k in ("name", "batch_shape", "shape", "batch_size", "optional")}
            shape = config.pop("shape", None)
            size = config.pop("batch_size", None)
            config.setdefault("batch_shape", [size, *(shape or [])])
            # Whole numbers, truth values and all others, which are computed as floats.
            config["dtype"] = "bool" if self._dtype == "bool" else "int32" if (self._dtype or "").lstrip("u").startswith("int") else "float32"
        else:
            config["dtype"] = policy
        if self._activity_regularizer is not None:
            config["activity_regularizer"] = plain(self.activity_regularizer)
        return config

    @property
    def _compiled(self) -> LayerHandle:
        """It as the compiled side knows it."""
        if self._handle is None:
            if self._is_custom or self._own_activation is not None:
                if not self._is_custom and not str(self._class).endswith(_LAST):
                    raise ValueError(
                        f"layer {self.name!r}: a {self._class} computes with its activation in between, which must be one of adaline.activations; got "
                        f"the function {getattr(self._own_activation, '__name__', self._own_activation)!r}"
                    )
                from .config import dtype_policy

                policy = self._dtype or dtype_policy().name
                self._handle = LayerHandle.custom(
                    self, type(self).__name__, self.name, self._trainable, None if policy == "float32" else policy, self.supports_masking,
                    hasattr(self, "state_size"),
                )
            else:
                self._handle = read(self)
        return self._handle

    # Calls.

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer does; to be defined by layers written in Python."""
        return _adaline_call(self, args, kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        kind = max(kind_of(args), kind_of(kwargs))
        if kind == 2 or _adaline.is_tracing():
            return self._call_traced(args, kwargs)
        if kind == 1:
            return self._call_symbolic(args, kwargs)
        results = self._call_eager(args, kwargs)
        self._penalise(results)
        return results

    def _penalise(self, results: Any) -> None:
        """Keeps the penalty of what a call on arrays returned, for `losses`."""
        regularizer = None if isinstance(self, _model_class()) else self.activity_regularizer
        self._losses.clear()
        if regularizer is not None:
            values: List[Any] = []
            flat(results, values)
            self._losses += [regularizer(v) / max(1, len(v)) for v in values]

    def _call_of(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Call:
        """Tensors and other arguments of a call."""
        return custom_call(self, args, kwargs) if self._is_custom else call_of(self, args, kwargs)

    def _call_traced(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        call = self._call_of(args, kwargs)
        return self._results(_adaline.trace_apply(self._compiled, self.name, call.tensors, call.settings()))

    def _results(self, results: List[Any]) -> Any:
        shape = self.__dict__.get("_structure")
        if self._is_custom and shape is not None:
            return nested(shape, iter(results))
        return results[0] if len(results) == 1 else with_states_of_cells(self, results)

    def _call_symbolic(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        call = self._call_of(args, kwargs)
        bad = [t for t in call.tensors if not isinstance(t, KerasTensor)]
        if bad:
            raise ValueError(
                f"layer {self.name!r} is called on symbolic tensors and on an array of type {type(bad[0]).__name__}: make the array an input, or a "
                "weight of a layer of your own"
            )
        tensors = call.tensors
        own = tensors[: len(tensors) - len(call.masks)]
        check_inputs(self, [t.shape for t in own])
        self._seen = self._seen or [(t.shape, t.dtype) for t in own]
        self._called += 1
        results = self._compiled.apply([t._symbol for t in tensors], call.settings())
        self.built = True
        made = [KerasTensor._of(s, self, tensors, i) for i, s in enumerate(results)]
        out = self._results(made)
        self._symbols.append((own[0] if len(own) == 1 else own, out))
        return out

    def _call_eager(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        call = self._call_of(args, kwargs)
        arrays = [as_data(t) for t in call.tensors]
        own = len(arrays) - len(call.masks)
        if call.masks and arrays[0].ndim:
            arrays[own:] = [as_batch(self, a, arrays[0].shape) for a in arrays[own:]]
        batch = arrays[0].shape[0] if self._remembers and arrays[0].ndim else None
        specs = [((batch, *a.shape[1:]), "int32" if a.dtype == np.int32 and self._class in ("Embedding", "IntegerLookup") else "float32")
                 for a in arrays]
        check_inputs(self, [a.shape for a in arrays[:own]])
        self._seen = self._seen or specs[:own]
        holder = self._home(specs, call.settings(training=False))
        results = holder.core.call_training(arrays) if call.training else holder.core.call(arrays)
        return self._results(results)

    def _trace(self, inputs: List[Node], way: Optional[int] = None) -> List[Any]:
        """Called by the compiled side to write a layer of Python into a graph; `way` is how its tensors stand among the arguments."""
        if not self._is_custom:
            # One of the catalogue, with a function of the program after it.
            before = _adaline.trace_inline(read_base(self), inputs)[0]
            result = self._own_activation(before)
            return [_adaline.with_mask(result, before._keras_mask) if before._keras_mask is not None and isinstance(result, Node) else result]
        if way is None:
            args: Tuple[Any, ...] = (inputs[0],) if len(inputs) == 1 else (list(inputs),)
            kwargs: Dict[str, Any] = {}
        else:
            args, kwargs = arguments_again(self._ways[way], iter(inputs))
        if not self.built:
            shapes = [(None, *n.shape[1:]) for n in inputs]
            self._build_for(shapes)
        parameters = inspect.signature(self.call).parameters
        if "training" in parameters and kwargs.get("training") is None:
            kwargs["training"] = _adaline.trace_training()
        if "mask" in parameters and kwargs.get("mask") is None:
            kwargs["mask"] = inputs[0]._keras_mask if inputs else None
        result = self.call(*args, **kwargs)
        values: List[Any] = []
        self._structure = flat(result, values)
        mask = inputs[0]._keras_mask if inputs else None
        if type(self).compute_mask is not Layer.compute_mask or _layer_masks.has_own(self):
            mask = self.compute_mask(args[0] if args else None, mask)
            values = [_adaline.with_mask(v, mask) if isinstance(v, Node) else v for v in values]
        elif self.supports_masking and mask is not None:
            values = [_adaline.with_mask(v, mask) if isinstance(v, Node) and v._keras_mask is None else v for v in values]
        return values

    def _written_call(self, way: int, tensors: str) -> str:
        args, kwargs = arguments_again(self._ways[way], iter(json.loads(tensors)))
        return json.dumps({"args": plain(args), "kwargs": plain(kwargs)})

    def _trace_step(self, values: List[Node]) -> List[Any]:
        return trace_step(self, values)

    def _trace_initial(self, batch: int) -> Any:
        return trace_initial(self, batch)

    def _cell_states(self) -> List[List[int]]:
        return cell_states(self)

    def _cell_output(self) -> List[int]:
        return cell_output(self)

    def compute_mask(self, inputs: Any = None, mask: Any = None, previous_mask: Any = None) -> Any:
        """The mask of what it returns for inputs and their masks: by default that of its input."""
        return _layer_masks.mask_of(self, inputs, previous_mask if mask is None else mask)

    def add_loss(self, loss: Any) -> None:
        """Adds a scalar to the loss, within `call`; outside of one it is kept for `losses`."""
        losses: List[Any] = []
        flat(loss, losses)
        for value in losses:
            if isinstance(value, Node) or _adaline.is_tracing():
                _adaline.trace_add_loss(value)
            else:
                self._losses.append(value)

    @property
    def input(self) -> Any:
        """What it was called on first."""
        self._called_on_symbols()
        return self._symbols[0][0] if self._class != "InputLayer" else self._symbols[0][1]

    @property
    def output(self) -> Any:
        """What its first call gave."""
        self._called_on_symbols()
        return self._symbols[0][1]

    def _called_on_symbols(self) -> None:
        if self._class == "InputLayer":
            from ._input import input_tensor

            input_tensor(self)
        sequential = _chains.get(self)
        if not self._symbols and sequential is not None and sequential() is not None:
            sequential()._called_in_turn()
        if not self._symbols:
            raise AttributeError(f"layer {self.name!r} has never been called on symbolic tensors")

    @property
    def losses(self) -> List[Any]:
        """What `add_loss` added and penalties of results, of the last call on arrays; then penalties of its weights."""
        from . import regularizers

        found = [loss for layer, _ in self._owners("") for loss in layer._losses]
        for v in self.trainable_weights:
            made = regularizers.get(v.regularizer)
            if made is not None:
                found.append(made(v.numpy()))
        return found

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _model_class() -> Any:
    from ._model import Model

    return Model


def _adaline_call(layer: Layer, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """`super().call(..)` of a layer of the catalogue within one that derives from it."""
    if type(layer)._class is None:
        raise NotImplementedError(f"{type(layer).__name__} defines no call(inputs)")
    if layer._class == "InputLayer":
        return None  # there is nothing to compute, as in Keras
    call = call_of(layer, args, kwargs)
    results = _adaline.trace_inline(read_base(layer), call.tensors, call.settings())
    return results[0] if len(results) == 1 else tuple(results)
