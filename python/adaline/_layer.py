"""Layers: those of the catalogue, and the base of those written in Python."""

from __future__ import annotations

import inspect
import json
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _adaline, _seed
from ._adaline import LayerHandle, Node
from ._arrays import as_data
from ._calls import Call, arguments_again, as_batch, call_of, custom_call
from ._cell import backward_of, cell_output, cell_states, parts, read, stand_in, trace_initial, trace_step, with_states_of_cells
from ._eager import flat, kind_of, nested
from ._input import settled
from ._keras_tensor import KerasTensor
from ._object import KerasObject, arguments_of, auto_name, none_told, plain, snake_case, told
from ._variable import Holder, Variable

def _dtype_name(dtype: Any) -> Optional[str]:
    if dtype is None:
        return None
    if isinstance(dtype, dict):
        return dtype.get("config", {}).get("name")
    return getattr(dtype, "name", None) or str(dtype)


class InputSpec:
    """What a layer expects of its input; kept for programs that say it, not checked."""

    def __init__(self, dtype: Any = None, shape: Any = None, ndim: Any = None, max_ndim: Any = None, min_ndim: Any = None,
                 axes: Any = None, allow_last_axis_squeeze: bool = False, name: Any = None, optional: bool = False) -> None:
        self.dtype, self.shape, self.ndim, self.max_ndim, self.min_ndim = dtype, shape, ndim, max_ndim, min_ndim
        self.axes, self.name, self.optional = axes or {}, name, optional


class Layer(KerasObject):
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
        self.built = False
        self.supports_masking = False
        self.input_spec: Any = None
        self._symbols: List[Tuple[Any, Any]] = []
        self._ways: List[Any] = []

    def _arguments(self, **values: Any) -> None:
        weights = values.pop("weights", None) if self._class == "Embedding" else None
        if self._class == "InputLayer":
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

        return regularizers.get(self._activity_regularizer)

    @activity_regularizer.setter
    def activity_regularizer(self, value: Any) -> None:
        self._activity_regularizer = value

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

    def get_config(self) -> Dict[str, Any]:
        """Constructor arguments."""
        config: Dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": plain(self.dtype_policy)}
        if self._class is not None:
            config.update(json.loads(read(self).config))
            if backward_of(self) is not None:
                del config["backward_layer"]  # as without: it follows from the other one
            if self._activity_regularizer is not None:
                config["activity_regularizer"] = plain(self.activity_regularizer)
        return config

    def _told_envelope(self) -> Dict[str, Any]:
        if self._is_custom:
            stands = stand_in(self)
            if stands is not None:
                return stands
        if self._class is None:
            return self._envelope()
        return {"module": self._module, "class_name": self._class, "config": self._config_given(), "registered_name": None}

    def _config_given(self) -> Dict[str, Any]:
        """What the catalogue is told."""
        from .config import dtype_policy

        config = arguments_of(str(self._class), self._args)
        if not self._is_custom:
            config.update(none_told(type(self).__init__, self._args))
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
            if self._is_custom:
                from .config import dtype_policy

                policy = self._dtype or dtype_policy().name
                self._handle = LayerHandle.custom(
                    self, type(self).__name__, self.name, self._trainable, None if policy == "float32" else policy, self.supports_masking,
                    hasattr(self, "state_size"),
                )
            else:
                self._handle = read(self)
        return self._handle

    # Weights.

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of a shape, the batch first."""
        if not self._is_custom:
            self._seen = _specs(input_shape)
            if self._class != "InputLayer":
                self._home(self._seen)
        self.built = True

    def add_weight(self, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True, autocast: bool = True,
                   regularizer: Any = None, constraint: Any = None, aggregation: str = "none", overwrite_with_gradient: bool = False,
                   name: Optional[str] = None) -> Variable:
        """Adds a weight.

        Args:
            shape: Shape; `()` for a number.
            initializer: How it begins; none for Glorot's.
            trainable: Whether training changes it.
            regularizer: Penalty on it.
            constraint: What it is put back to after each update.
            name: Name within the layer.
        """
        base = name or "variable"
        name, count = base, 0
        while name in self._variables:
            count += 1
            name = f"{base}_{count}"
        variable = Variable("glorot_uniform" if initializer is None else initializer, () if shape is None else shape, dtype, trainable,
                            name=name, regularizer=regularizer, constraint=constraint, path=f"{self.name}/{name}")
        variable._layer = self
        self._variables[name] = variable
        return variable

    def _weight_node(self, variable: Variable) -> Any:
        """A weight of its own in the graph that is being written."""
        from . import constraints, regularizers

        def told(getter: Any, value: Any) -> Optional[str]:
            made = getter(value)
            return None if made is None else made._envelope_json()

        spec = variable._spec or '{"class_name": "Zeros", "config": {}}'
        return _adaline.trace_weight(
            variable._local_name, list(variable.shape), spec, variable.trainable,
            told(regularizers.get, variable.regularizer), told(constraints.get, variable.constraint),
        )

    def _sublayers(self) -> List["Layer"]:
        """Layers that it holds in its attributes, in the order in which they were set."""
        if not self._is_custom:
            return [layer for layer, _ in parts(self)]
        found: List[Layer] = []

        def look(value: Any) -> None:
            if isinstance(value, Layer):
                if value is not self and all(value is not f for f in found):
                    found.append(value)
            elif isinstance(value, (list, tuple)):
                for v in value:
                    look(v)
            elif isinstance(value, dict):
                for v in value.values():
                    look(v)

        for key, value in self.__dict__.items():
            if key not in ("_symbols", "_homes"):
                look(value)
        return found

    def _owners(self, prefix: str) -> Iterator[Tuple["Layer", str]]:
        """The layers whose weights lie under a path, each with its own."""
        for layer, name in [(layer, layer.name) for layer in self._sublayers()] if self._is_custom else parts(self):
            yield from layer._owners(f"{prefix}/{name}")
        yield self, prefix

    def _adopted(self, holder: Holder, prefix: str) -> None:
        """Hands the weights that lie under a path to the layers they are of."""
        table = holder.core.weights
        taken = set()
        for layer, path in self._owners(prefix):
            for name, shape, trainable in table:
                if name in taken or not name.startswith(path + "/"):
                    continue
                taken.add(name)
                local = name[len(path) + 1:]
                variable = layer._variables.get(local)
                if variable is None or variable.shape != tuple(shape):
                    variable = Variable.__new__(Variable)
                    variable._holder = variable._value = variable._spec = None
                    variable._key, variable._shape, variable._trainable = "", tuple(shape), trainable
                    variable._seed = 0
                    variable.name, variable.path = local.rsplit("/", 1)[-1], f"{layer.name}/{local}"
                    variable.regularizer = variable.constraint = None
                    variable._layer = layer
                    layer._variables[local] = variable
                if not layer._is_custom and layer._trainable:
                    variable._trainable = trainable
                holder.adopt(variable, name)
            layer.built = True

    def _home(self, specs: Sequence[Tuple[Tuple[Optional[int], ...], str]], settings: Optional[str] = None) -> Holder:
        """A model of one call of this layer, for calls on arrays and for its weights."""
        # A layer that is told something else, such as that it is frozen, is read anew.
        key = (self._compiled, settings, *((tuple(shape), dtype) for shape, dtype in specs))
        holder = self._homes.get(key)
        if holder is None:
            inputs = [_adaline.Symbol.input([None if i == 0 and not self._remembers else d for i, d in enumerate(shape)], dtype, f"input_{at}")
                      for at, (shape, dtype) in enumerate(specs)]
            outputs = self._compiled.apply(inputs, settings)
            core = _adaline.Core.functional(inputs, outputs, "home", _seed.following(), None)
            holder = Holder(core)
            self._adopted(holder, self.name)
            if len(self._homes) > 8:
                self._homes.clear()
            self._homes[key] = holder
        holder.refresh()
        return holder

    def _require(self) -> None:
        if not self._variables and not self._homes and self._seen is not None and self._class != "InputLayer" and not self._is_custom:
            self._home(self._seen)

    @property
    def weights(self) -> List[Variable]:
        """All weights: those that training changes, then the others."""
        own = self.variables
        return [v for v in own if v._trainable] + [v for v in own if not v._trainable]

    @property
    def variables(self) -> List[Variable]:
        """All weights in the order in which they were made."""
        self._require()
        found = list(self._variables.values())
        for layer in self._sublayers():
            found += [v for v in layer.variables if all(v is not f for f in found)]
        return found

    @property
    def trainable_weights(self) -> List[Variable]:
        """Weights that training changes."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> List[Variable]:
        """Weights that it does not change."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> List[np.ndarray]:
        """Values of all weights."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all weights, in the order of `get_weights`."""
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(f"layer {self.name!r} has {len(own)} weights, got {len(weights)} values")
        for variable, value in zip(own, weights):
            variable.assign(value)

    def count_params(self) -> int:
        """Number of values of all weights."""
        return sum(v.size for v in self.weights)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            variables = self.__dict__.get("_variables")
            if variables is not None:
                if not variables and not self._is_custom:
                    self._require()
                for variable in self.__dict__["_variables"].values():
                    if variable.name == name:
                        return variable
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

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
        return self._call_eager(args, kwargs)

    def _call_of(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Call:
        """Tensors and other arguments of a call."""
        return custom_call(self, args, kwargs) if self._is_custom else call_of(self, args, kwargs)

    def _call_traced(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        call = self._call_of(args, kwargs)
        return self._results(_adaline.trace_apply(self._compiled, self.name, call.tensors, call.settings()))

    @property
    def _remembers(self) -> bool:
        """Whether it goes on from the states of the batch before, so that batches have one size."""
        told = self._args if self._class is not None else {}
        inner = told.get("layer")
        return bool(told.get("stateful")) or (isinstance(inner, Layer) and inner._remembers)

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
        self._seen = self._seen or specs[:own]
        holder = self._home(specs, call.settings(training=False))
        results = holder.core.call_training(arrays) if call.training else holder.core.call(arrays)
        return self._results(results)

    def _trace(self, inputs: List[Node], way: Optional[int] = None) -> List[Any]:
        """Called by the compiled side to write a layer of Python into a graph; `way` is how its tensors stand among the arguments."""
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
        if type(self).compute_mask is not Layer.compute_mask:
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

    def _build_for(self, shapes: List[Tuple[Optional[int], ...]]) -> None:
        if type(self).build is not Layer.build:
            self.build(shapes[0] if len(shapes) == 1 else shapes)
        self.built = True

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of what it returns: by default that of its input, where it supports masking."""
        return previous_mask

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shape of what it returns for an input of a shape, the batch first."""
        shapes = args[0] if args else next(iter(kwargs.values()))
        results = self._compiled.output_shapes([(list(s), d) for s, d in _specs(shapes)])
        made = [tuple(s) for s, _ in results]
        return made[0] if len(made) == 1 else with_states_of_cells(self, made, shapes=True)

    def reset_state(self) -> None:
        """Makes a stateful layer begin the next batch with zeros."""
        for holder in self._homes.values():
            holder.core.reset_states()
        for layer in self._sublayers():
            layer.reset_state()

    reset_states = reset_state

    def add_loss(self, loss: Any) -> None:
        """Adds a scalar to the loss, within `call`."""
        _adaline.trace_add_loss(loss)

    @property
    def input(self) -> Any:
        """What it was called on first."""
        if not self._symbols:
            raise AttributeError(f"layer {self.name!r} has never been called on symbolic tensors")
        return self._symbols[0][0]

    @property
    def output(self) -> Any:
        """What its first call gave."""
        if not self._symbols:
            raise AttributeError(f"layer {self.name!r} has never been called on symbolic tensors")
        return self._symbols[0][1]

    @property
    def losses(self) -> List[Any]:
        """Penalties of its weights."""
        from . import regularizers

        found = []
        for v in self.trainable_weights:
            made = regularizers.get(getattr(self, f"{v.name}_regularizer", None) if v.regularizer is None else v.regularizer)
            if made is not None:
                found.append(made(v.numpy()))
        return found

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _specs(shapes: Any) -> List[Tuple[Tuple[Optional[int], ...], str]]:
    """Shapes of inputs, one or several."""
    if isinstance(shapes, dict):
        shapes = list(shapes.values())
    several = isinstance(shapes, (list, tuple)) and len(shapes) > 0 and isinstance(shapes[0], (list, tuple))
    return [(tuple(s), "float32") for s in (shapes if several else [shapes])]


def _adaline_call(layer: Layer, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """`super().call(..)` of a layer of the catalogue within one that derives from it."""
    if type(layer)._class is None:
        raise NotImplementedError(f"{type(layer).__name__} defines no call(inputs)")
    call = call_of(layer, args, kwargs)
    results = _adaline.trace_apply(_base(layer), "base", call.tensors, call.settings())
    return results[0] if len(results) == 1 else results


def _base(layer: Layer) -> LayerHandle:
    """A layer of one's own as that of the catalogue which it derives from."""
    envelope = {"module": layer._module, "class_name": layer._class, "config": layer._config_given(), "registered_name": None}
    return LayerHandle.from_json(json.dumps(envelope))


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
    shape = layer._args.get("batch_shape")
    if shape is None:
        shape = (layer._args.get("batch_size"), *tuple(layer._args.get("shape") or ()))
    if layer._symbols:
        return layer._symbols[0][1]
    dtype = layer._dtype or "float32"
    symbol = _adaline.Symbol.input(list(shape), dtype, layer.name)
    tensor = KerasTensor._of(symbol, layer, [], 0)
    layer._symbols.append(([], tensor))
    layer.built = True
    return tensor


ShapeLike = Union[Sequence[Optional[int]], int]
