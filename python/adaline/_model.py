"""Models: networks that are trained, evaluated, asked and saved."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from . import _adaline, _seed
from ._adaline import LayerHandle
from ._arrays import as_data
from ._callback import History
from ._data import as_list
from ._eager import flat, nested
from ._layer import Layer
from ._variable import Holder, Variable


class Model(Layer):
    """A network: `Model(inputs, outputs)` of symbolic tensors, or a class of your own with `__init__` and `call(inputs)`.

    Args:
        inputs: Where it begins: an `Input`, a list or a dict of them.
        outputs: Where it ends: a symbolic tensor, a list or a dict of them.
        name: Name.
    """

    _module = "keras"

    def __new__(cls, *args: Any, **kwargs: Any) -> "Model":
        if cls is Model and (len(args) >= 2 or "inputs" in kwargs or "outputs" in kwargs):
            from ._functional import Functional

            return super().__new__(Functional)
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._core: Any = None
        self._holder: Optional[Holder] = None
        self._fast: Any = None
        self._settings: Optional[Dict[str, Any]] = None
        self._settled = False
        self._flagged: List[Tuple[str, bool]] = []
        self.optimizer: Any = None
        self.loss: Any = None
        self.stop_training = False
        self.history: Any = None
        if args or "inputs" in kwargs:
            # A class of one's own around a graph of layers.
            from ._functional import Functional

            functional = Functional(*args, **kwargs)
            super().__init__(name=functional.name)
            self.__dict__.update({k: v for k, v in functional.__dict__.items()})
            self._graph = functional
            return
        super().__init__(**kwargs)

    # What it is made of.

    @property
    def layers(self) -> List[Layer]:
        """Its layers."""
        return self._sublayers()

    def _build_for(self, shapes: List[Tuple[Optional[int], ...]]) -> None:
        if type(self).build is not Model.build:
            self.build(shapes[0] if len(shapes) == 1 else shapes)
        self.built = True

    def get_layer(self, name: Optional[str] = None, index: Optional[int] = None) -> Layer:
        """The layer of a name or at a place."""
        if index is not None and name is not None:
            raise ValueError("Provide only a layer name or a layer index.")
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        from ._object import python_hint

        names = [layer.name for layer in self.layers]
        raise ValueError(f"No such layer: {name}{python_hint(names, str(name))}. Existing layers are: {names}.")

    @property
    def input_names(self) -> List[str]:
        """Names of the inputs."""
        return self._built_core().input_names

    @property
    def output_names(self) -> List[str]:
        """Names of the outputs."""
        return self._built_core().output_names

    @property
    def input_shape(self) -> Any:
        """Shape of a batch that it takes."""
        shapes = [(None, *row) for row in self._built_core().input_rows]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """Shape of a batch that it gives."""
        out = self.__dict__.get("_outputs_")
        if out is not None:
            values: List[Any] = []
            structure = flat(out, values)
            return nested(structure, iter([v.shape for v in values]))
        shapes = [(None, *row) for row in self._built_core().output_rows]
        return shapes[0] if len(shapes) == 1 else shapes

    # The compiled side.

    def _make_core(self, specs: Optional[List[Tuple[Tuple[Optional[int], ...], str]]]) -> Any:
        """The compiled model; of a class of one's own once the shapes of its inputs are known."""
        if specs is None:
            raise ValueError(
                f"model {self.name!r} has no weights yet: it does not know the shape of its input. Call fit, predict or build(input_shape) first"
            )
        inputs = [_adaline.Symbol.input([None, *shape[1:]], dtype, f"input_{at}") for at, (shape, dtype) in enumerate(specs)]
        outputs = self._compiled.apply(inputs)
        return _adaline.Core.functional(inputs, outputs, "subclassed", _seed.following(), None)

    def _prefixes(self) -> Iterator[Tuple[Layer, str]]:
        """Its layers with the paths of their weights in the compiled model."""
        yield self, self.name

    def _built_core(self, specs: Any = None) -> Any:
        """The compiled model, made when it is not there, with the present values of all weights."""
        if self._core is None:
            core = self._make_core(specs)
            self._core, self._holder = core, Holder(core)
            # A network within was compiled before, when its layers may have been free that are frozen now.
            flags = self._flags()
            self._flagged = [] if any("/" in path for path, _ in flags) else flags
            if core.is_built:
                self._adopt_all()
            self._settled = False
        elif self._holder is not None:
            self._holder.refresh()
        return self._core

    def _adopt_all(self) -> None:
        assert self._holder is not None
        for layer, prefix in self._prefixes():
            layer._adopted(self._holder, prefix)
        self.built = True

    def _forget_core(self) -> None:
        """After a change of the layers: weights keep their values."""
        self._core = self._holder = self._fast = self._handle = None
        self.built = False

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights for batches of a shape, the batch first."""
        from ._layer_shapes import specs_of

        if _adaline.is_tracing():
            return

        if input_shape is None:
            self._built_core()
            return
        self._built_core(specs_of(input_shape))
        self.built = True

    @property
    def variables(self) -> List[Variable]:
        """All weights in the order in which they were made."""
        if self._core is None:
            try:
                self._built_core()
            except ValueError:
                return []
        elif self._holder is not None and not self._holder.entries and self._core.is_built:
            self._adopt_all()
        return [v for v, _ in self._holder.entries] if self._holder is not None else []

    @property
    def weights(self) -> List[Variable]:
        """All weights, layer by layer."""
        return self.variables

    def count_params(self) -> int:
        """Number of values of all weights."""
        if self._core is None:
            self._built_core()
        return sum(v.size for v in self.variables)

    # Calls.

    def __call__(self, inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
        fast = self.__dict__.get("_fast")
        if fast is not None and type(inputs) is np.ndarray and not args and not kwargs and self.__dict__["_holder"].whole and not _adaline.is_tracing():
            return fast(inputs)
        return super().__call__(*(() if inputs is None else (inputs,)), *args, **kwargs)

    def _call_eager(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        arrays = self._arrange(args[0] if len(args) == 1 else list(args))
        core = self._with_weights(arrays)
        if kwargs.get("training"):
            return self._structured(core.call_training(arrays))
        if len(arrays) == 1 and len(core.output_names) == 1 and self.__dict__.get("_outputs_structure", None) is None:
            self._fast = core.call_one
        return self._structured(core.call(arrays))

    def _structured(self, results: List[Any]) -> Any:
        structure = self.__dict__.get("_outputs_structure")
        if structure is not None:
            return nested(structure, iter(results))
        return self._results(results)

    def _arrange(self, x: Any) -> List[np.ndarray]:
        """Data for each input, in the order of the inputs."""
        names = self._core.input_names if self._core is not None else None
        keys = self.__dict__.get("_input_keys")
        if isinstance(x, dict):
            wanted = keys or names
            if not wanted:
                return [as_data(v) for v in x.values()]
            if set(wanted) != set(x) and names and set(names) == set(x):
                wanted = names
            missing = [n for n in wanted if n not in x]
            if missing:
                from ._object import python_hint

                raise ValueError(
                    f"model {self.name!r} takes the inputs {list(wanted)}, data for {missing[0]!r} is missing{python_hint(x, missing[0])}; got {list(x)}"
                )
            return [as_data(x[n]) for n in wanted]
        count = len(names) if names else None
        if isinstance(x, (list, tuple)) and (count is None or count > 1) and len(x) and hasattr(x[0], "shape"):
            return [as_data(v) for v in x]
        return [as_data(v) for v in as_list(x, count)]

    # Training.

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None,
                weighted_metrics: Any = None, run_eagerly: bool = False, steps_per_execution: int = 1, jit_compile: Any = "auto",
                auto_scale_loss: bool = True) -> None:
        """Chooses what is trained for, and how.

        Args:
            optimizer: A name or an object of `optimizers`.
            loss: A name, an object of `losses` or a function of labels and predictions; of several outputs a list or a dict.
            loss_weights: How much each output's loss counts.
            metrics: Names, objects of `metrics` or functions; of several outputs lists or a dict.
            weighted_metrics: Those that heed sample weights.
            run_eagerly: Kept for Keras' programs: steps are compiled all the same.
            steps_per_execution: Kept for Keras' programs.
            jit_compile: Kept for Keras' programs.
            auto_scale_loss: Whether the loss of float16 models is scaled.
        """
        from . import optimizers

        self.optimizer = optimizers.get(optimizer)
        self.optimizer._model = self
        self.loss = loss
        self._settings = dict(loss=loss, loss_weights=loss_weights, metrics=metrics, weighted_metrics=weighted_metrics,
                              auto_scale_loss=auto_scale_loss)
        self._settled = False
        if self._core is not None and self._core.is_built:
            self._settle()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._settings is not None

    def _settle(self) -> None:
        """Hands what `compile` was told to the compiled model."""
        from ._compile import objectives

        if self._settings is None:
            raise RuntimeError("You must call `compile()` before calling `fit()`.")
        if self._settled:
            return
        core = self._built_core()
        self._sync_trainable(core)
        names = core.output_names
        keys = self.__dict__.get("_output_keys")
        assert self._holder is not None
        self.optimizer._compile(core, self._holder.entries, objectives(self._settings, names, keys), self._settings["auto_scale_loss"])
        self._settled = True

    def _flags(self) -> List[Tuple[str, bool]]:
        """Whether each layer is trained, networks within before their layers."""
        found: List[Tuple[str, bool]] = []
        for layer, path in self._prefixes():
            if layer is not self:
                found.append((path, layer._trainable))
                if isinstance(layer, Model):
                    found += [(f"{path}/{name}", on) for name, on in layer._flags()]
            if layer._is_custom:
                # What is written in Python says it of its layers when it is traced; the compiled side knows no such paths.
                found += [(f"/{inner}", part._trainable) for part, inner in layer._owners(path)]
        return found if self._trainable else [(path, False) for path, _ in found]

    def _sync_trainable(self, core: Any) -> None:
        """Freezes and frees layers as their `trainable` says now."""
        flags = self._flags()
        if flags != self._flagged:
            names = set(core.layer_names)
            told = [(path, on) for path, on in flags if path.split("/")[0] in names]
            core.set_trainable(told or [(self.name, self._trainable)])
            self._flagged, self._fast = flags, None

    def _ready_for(self, source: Any) -> Any:
        """The compiled model, with weights, to run on batches that come one after the other."""
        if self._core is None or not self._core.is_built:
            return self._with_weights(source.peek())
        return self._built_core()

    def _with_weights(self, arrays: List[np.ndarray]) -> Any:
        """The compiled model, with weights for such data."""
        core = self._built_core([((None, *a.shape[1:]), a.dtype.name) for a in arrays])
        if not core.is_built:
            core.build(list(arrays[0].shape[1:]))
            self._adopt_all()
        return core

    def _ready(self, arrays: List[np.ndarray]) -> Any:
        """The compiled model, ready to train on such data."""
        core = self._with_weights(arrays)
        self._settle()
        self.optimizer._before_steps(core)
        return core

    def _labels(self, y: Any, names: Optional[List[str]] = None) -> List[np.ndarray]:
        names = [t[0] for t in self._targets()] if names is None else names
        if not names:
            return []  # layers add the loss, which needs no labels
        keys = self.__dict__.get("_output_keys")
        if isinstance(y, dict):
            wanted = [k for k in (keys or names)]
            if keys and set(names) == set(y):
                wanted = names
            missing = [k for k in wanted if k not in y]
            if missing:
                raise ValueError(f"model {self.name!r} is trained for the outputs {names}, labels for {missing[0]!r} are missing; got {list(y)}")
            return [as_data(y[k]) for k in wanted]
        return [as_data(v) for v in as_list(y, len(names))]

    def _targets(self) -> List[Any]:
        from ._compile import objectives

        assert self._settings is not None
        return objectives(self._settings, self._core.output_names, self.__dict__.get("_output_keys"))

    def fit(self, x: Any = None, y: Any = None, batch_size: Optional[int] = None, epochs: int = 1, verbose: Union[str, int] = "auto",
            callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True,
            class_weight: Optional[Dict[int, float]] = None, sample_weight: Any = None, initial_epoch: int = 0,
            steps_per_epoch: Optional[int] = None, validation_steps: Optional[int] = None, validation_batch_size: Optional[int] = None,
            validation_freq: int = 1) -> History:
        """Trains.

        Args:
            x: Rows: an array, a list or dict of arrays for several inputs, a pandas frame, a generator or a `PyDataset` of batches.
            y: Labels; none where `x` gives them.
            batch_size: Rows of a step (32).
            epochs: Passes over the data.
            verbose: 0 nothing, 1 a bar, 2 a line for each epoch.
            callbacks: Objects of `callbacks`.
            validation_split: Part of the rows, from the end, that is held back to validate on.
            validation_data: `(x, y)` or `(x, y, sample_weight)` to validate on.
            shuffle: Whether rows are shuffled before each epoch.
            class_weight: How much each class counts.
            sample_weight: How much each row counts.
            initial_epoch: Number of the first epoch.
            steps_per_epoch: Steps of an epoch, where it is no pass over the data.
            validation_steps: Batches to validate on, of a generator.
            validation_batch_size: Rows of a batch of validation.
            validation_freq: Epochs from one validation to the next.

        Returns:
            A `History`: `history.history["loss"]` and so on, one value for each epoch.
        """
        if self._settings is None:
            raise RuntimeError("You must call `compile()` before calling `fit()`.")
        from ._fit import fit

        return fit(self, x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight, sample_weight,
                   initial_epoch, steps_per_epoch, validation_steps, validation_batch_size, validation_freq)

    def evaluate(self, x: Any = None, y: Any = None, batch_size: Optional[int] = None, verbose: Union[str, int] = "auto",
                 sample_weight: Any = None, steps: Optional[int] = None, callbacks: Any = None, return_dict: bool = False,
                 **kwargs: Any) -> Any:
        """Loss and metrics on data: a number, a list in the order of `metrics_names`, or a dict."""
        from ._fit import evaluate

        return evaluate(self, x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict)

    def predict(self, x: Any, batch_size: Optional[int] = None, verbose: Union[str, int] = "auto", steps: Optional[int] = None,
                callbacks: Any = None) -> Any:
        """What it gives for rows, in batches."""
        from ._fit import predict

        return predict(self, x, batch_size, verbose, steps, callbacks)

    def predict_on_batch(self, x: Any) -> Any:
        """What it gives for one batch."""
        return self._call_eager((x,), {})

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False) -> Any:
        """One step on one batch: the loss and metrics so far."""
        from ._fit import class_weights

        arrays = self._arrange(x)
        core = self._ready(arrays)
        labels = self._labels(y)
        if class_weight is not None:
            sample_weight = class_weights(labels[0], class_weight)
        logs = core.train_on_batch(arrays, labels, sample_weight)
        return self._told(logs, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch."""
        arrays = self._arrange(x)
        core = self._ready(arrays)
        return self._told(core.test_on_batch(arrays, self._labels(y), sample_weight), return_dict)

    def _told(self, logs: List[Tuple[str, float]], return_dict: bool) -> Any:
        if return_dict:
            return dict(logs)
        first = [v for n, v in logs if n == "loss"] + [v for n, v in logs if n != "loss"]
        return first[0] if len(first) == 1 else first

    def reset_metrics(self) -> None:
        """Begins the sums of loss and metrics anew."""
        if self._core is not None:
            self._core.reset_metrics()

    def reset_states(self) -> None:
        """Makes stateful layers forget."""
        if self._core is not None:
            self._core.reset_states()

    @property
    def metrics_names(self) -> List[str]:
        """Names of what `evaluate` gives."""
        return ["loss", "compile_metrics"] if self._settings and self._settings["metrics"] else ["loss"]

    # Files.

    def _as_layer(self) -> LayerHandle:
        # Its values are not asked for, so that it may be asked while another model writes a graph.
        core = self._core if self._core is not None else self._built_core()
        if self._flags() != self._flagged:
            self._sync_trainable(core)
            self._settled = False
        return core.as_layer()

    def save(self, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> None:
        """Writes architecture, weights, optimizer and settings to a file that Keras opens, too: `name.keras` (or `.h5`)."""
        path = os.fspath(filepath)
        if not path.endswith((".keras", ".h5", ".hdf5")):
            raise ValueError(f"Invalid filepath extension for saving: {path}. Please add either a `.keras` extension or a `.h5` extension.")
        if not overwrite and os.path.exists(path):
            raise FileExistsError(f"{path} exists already; pass overwrite=True to replace it")
        core = self._built_core()
        if self._settings is not None and core.is_built:
            self._settle()
        core.save(path)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Writes the weights alone: `name.weights.h5`, `.safetensors` or `.npz`."""
        path = os.fspath(filepath)
        if not overwrite and os.path.exists(path):
            raise FileExistsError(f"{path} exists already; pass overwrite=True to replace it")
        self._built_core().save_weights(path)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Takes weights from a file that Keras or this package wrote."""
        self._built_core().load_weights(os.fspath(filepath), bool(skip_mismatch))

    def export(self, filepath: Any, format: str = "onnx", **kwargs: Any) -> None:
        """Writes the prediction as an ONNX model."""
        if format != "onnx":
            raise ValueError(f"export writes ONNX models, not {format!r}: export(path, format='onnx')")
        self._built_core().export_onnx(os.fspath(filepath), kwargs.pop("batch", None), kwargs.pop("size", None))

    def get_compile_config(self) -> Any:
        """Optimizer, losses and metrics."""
        self._settle()
        told = self._core.compile_config
        return None if told is None else json.loads(told)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as Keras' JSON."""
        told = self._built_core().to_json()
        if not any(layer._changed for layer, _ in self._owners("")):
            return told
        envelope = json.loads(told)
        _retold(envelope, {layer.name: layer for layer, _ in self._owners("") if layer._changed})
        return json.dumps(envelope)

    def get_config(self) -> Dict[str, Any]:
        """The architecture."""
        if type(self).call is not Layer.call and self.__dict__.get("_outputs_") is None:
            return {"name": self.name, "trainable": self.trainable}
        return json.loads(self.to_json())["config"]

    def summary(self, line_length: Optional[int] = None, positions: Any = None, print_fn: Any = None, expand_nested: bool = False,
                show_trainable: bool = False, layer_range: Any = None) -> Any:
        """Prints the layers with their output shapes and numbers of parameters; in a notebook as a table."""
        from ._notebook import summary

        return summary(self, print_fn, expand_nested, show_trainable)

    def _repr_html_(self) -> str:
        from ._notebook import summary_html

        return summary_html(self)

    def __reduce__(self) -> Any:
        from .saving import _unpickled, own_objects

        # Unlike a file, a pickle may name classes of the program.
        return (_unpickled, (bytes(self._bytes()), type(self).__name__, self._settings is not None, own_objects(self)))

    def _bytes(self) -> bytes:
        core = self._built_core()
        if self._settings is not None and core.is_built:
            self._settle()
        return core.to_bytes()

    def __deepcopy__(self, memo: Any) -> "Model":
        function, args = self.__reduce__()
        return function(*args)

    @classmethod
    def from_config(cls, config: Dict[str, Any], custom_objects: Any = None) -> Any:
        """A model of an architecture."""
        from ._functional import Functional
        from ._sequential import Sequential
        from .saving import model_from_config

        if cls in (Model, Functional, Sequential) or "layers" in config:
            kind = "Sequential" if "input_layers" not in config and "layers" in config else "Functional"
            return model_from_config({"class_name": kind, "config": config}, custom_objects)
        return cls(**config)


def _retold(envelope: Dict[str, Any], changed: Dict[str, Layer]) -> None:
    """Writes arguments that were changed after the network was made into its architecture."""
    for entry in envelope.get("config", {}).get("layers", []):
        layer = changed.get(entry.get("config", {}).get("name"))
        if "layers" in entry.get("config", {}):
            _retold(entry, changed)
        elif layer is not None and entry["class_name"] == layer._class:
            entry["config"] = layer.get_config()
