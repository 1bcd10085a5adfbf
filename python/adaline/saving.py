"""Models from files and from architectures; registered classes of one's own."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import types
from typing import Any, Callable, Dict, Iterator, List, Optional

from . import _adaline
from ._object import KerasObject, python_hint

#: How a class or function of the program is made known.
_HOW = ("a class or function of your own must be there: give it as load_model(.., custom_objects={'Name': Name}), or register it with "
        "saving.register_keras_serializable before")

_registered: Dict[str, Any] = {}
_names: Dict[Any, str] = {}
_scoped: List[Dict[str, Any]] = []


def register_keras_serializable(package: str = "Custom", name: Optional[str] = None) -> Callable[[Any], Any]:
    """Makes a class or function known to files under `package>name`."""

    def register(cls: Any) -> Any:
        full = f"{package}>{name or cls.__name__}"
        _registered[full], _names[cls] = cls, full
        return cls

    return register


def get_registered_name(obj: Any) -> str:
    """The name under which a class is registered, else its own."""
    return _names.get(obj, obj.__name__)


def get_registered_object(name: str, custom_objects: Any = None, module_objects: Any = None) -> Any:
    """The class of a registered name."""
    for scope in [custom_objects or {}, *reversed(_scoped), _registered, module_objects or {}]:
        if name in scope:
            return scope[name]
    return None


def get_custom_objects() -> Dict[str, Any]:
    """Classes that files may name, for the whole program."""
    return _registered


@contextlib.contextmanager
def custom_object_scope(custom_objects: Dict[str, Any]) -> Iterator[None]:
    """Classes that files may name within a `with`."""
    _scoped.append(dict(custom_objects or {}))
    try:
        yield
    finally:
        _scoped.pop()


CustomObjectScope = custom_object_scope


def serialize_keras_object(obj: Any) -> Any:
    """An object as JSON can hold it."""
    from ._object import plain

    return plain(obj)


def own_function(value: Any) -> Any:
    """A function of the program behind an argument: itself, its registered name, or what a file says of it; none for one of the package's."""
    if isinstance(value, dict) and value.get("class_name") == "function":
        value = value.get("config")
    if isinstance(value, str):
        return _custom({"registered_name": value})
    if not isinstance(value, types.FunctionType):
        return None
    from . import activations

    return None if getattr(activations, value.__name__, None) is value else value


def function_envelope(function: Any) -> Dict[str, Any]:
    """What files say of a function of the program."""
    return {"module": "builtins", "class_name": "function", "config": get_registered_name(function), "registered_name": "function"}


def _custom(config: Dict[str, Any]) -> Any:
    if config.get("class_name") == "function":
        config = {"registered_name": config.get("config")}
    for name in (config.get("registered_name"), config.get("class_name")):
        if name:
            found = get_registered_object(str(name))
            if found is None and ">" in str(name):
                found = get_registered_object(str(name).split(">", 1)[1])
            if found is not None:
                return found
    return None


def deserialize_keras_object(config: Any, custom_objects: Any = None, safe_mode: bool = True, **kwargs: Any) -> Any:
    """An object from what `serialize_keras_object` gave. Nothing but classes of this package and registered ones is ever called."""
    if custom_objects:
        with custom_object_scope(custom_objects):
            return deserialize_keras_object(config, safe_mode=safe_mode)
    if not isinstance(config, dict) or "class_name" not in config:
        return config
    name, inner = config["class_name"], config.get("config", {})
    if name in ("__lambda__", "Lambda"):
        raise ValueError("the configuration holds a Lambda, which is Python code: files that carry code are refused. Write the function as a layer "
                         "and register it with saving.register_keras_serializable")
    if name == "DTypePolicy":
        from .config import DTypePolicy

        return DTypePolicy(inner["name"])
    if name == "function":
        return _function(str(inner))
    custom = _custom(config)
    if custom is not None:
        return custom.from_config(dict(inner)) if hasattr(custom, "from_config") else custom
    if name in ("Sequential", "Functional", "Model"):
        return model_from_config(config)
    found = _class(name, str(config.get("module") or ""))
    if found is None:
        from ._catalogue import names

        found = _class(names.OPTIMIZERS.get(name, ""), "keras.optimizers")  # Keras takes these in small letters, too
    if found is None:
        known = [*names.LAYERS, *names.LOSSES, *names.METRICS, *names.OPTIMIZERS]
        raise ValueError(f"there is no class `{name}`{python_hint(known, name)}; {_HOW}")
    made = found.from_config({k: v for k, v in dict(inner).items()})
    build = config.get("build_config")
    if build and hasattr(made, "_seen") and build.get("input_shape") and not getattr(made, "_is_custom", True):
        with contextlib.suppress(Exception):
            from ._layer_shapes import specs_of

            made._seen = specs_of(build["input_shape"])
    return made


def _function(name: str) -> Any:
    from . import activations, losses, metrics

    custom = _custom({"registered_name": name})
    if custom is not None:
        return custom
    for module in (activations, losses, metrics):
        if hasattr(module, name):
            return getattr(module, name)
    raise ValueError(f"there is no function `{name}`; {_HOW}")


def _class(name: str, module: str) -> Any:
    from . import callbacks, constraints, initializers, layers, losses, metrics, optimizers, random, regularizers
    from .optimizers import schedules

    order = [layers, losses, metrics, optimizers, schedules, initializers, regularizers, constraints, callbacks, random]
    wanted = {m.__name__.split("adaline.", 1)[1]: m for m in order}
    first = wanted.get(module.replace("keras.", "", 1))
    for place in ([first] if first else []) + order:
        found = getattr(place, name, None)
        if isinstance(found, type) and issubclass(found, KerasObject):
            return found
    return None


def model_from_config(config: Dict[str, Any], custom_objects: Any = None) -> Any:
    """A model of an architecture, with new weights."""
    if custom_objects:
        with custom_object_scope(custom_objects):
            return model_from_config(config)
    from ._sequential import Sequential

    inner = config["config"]
    if config["class_name"] == "Sequential":
        model = Sequential(name=inner.get("name"))
        for layer in inner["layers"]:
            model.add(deserialize_keras_object(layer))
        shape = inner.get("build_input_shape")
        if shape and model._begin_tensor is None:
            with contextlib.suppress(ValueError):
                model.build(tuple(shape))
        return model
    return _functional(inner)


def _functional(config: Dict[str, Any]) -> Any:
    from ._input import input_tensor
    from ._functional import Functional

    layers = {}
    tensors: Dict[Any, List[Any]] = {}
    pending = []
    for entry in config["layers"]:
        layer = deserialize_keras_object(entry)
        name = entry.get("name") or entry["config"]["name"]
        layers[name] = layer
        if layer._class == "InputLayer":
            tensors[(name, 0)] = [input_tensor(layer)]
        for at, node in enumerate(entry.get("inbound_nodes", [])):
            pending.append((name, at, node))

    class _Later(Exception):
        pass

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                name, node, index = value["config"]["keras_history"]
                if (name, node) not in tensors:
                    raise _Later
                return tensors[(name, node)][index]
            return {k: put(v) for k, v in value.items()}
        if isinstance(value, list):
            return [put(v) for v in value]
        return value

    while pending:
        left = []
        for name, at, node in pending:
            try:
                args, kwargs = put(node["args"]), put(node["kwargs"])
            except _Later:
                left.append((name, at, node))
                continue
            kwargs = {k: v for k, v in kwargs.items() if k != "training" and v is not None}
            result = layers[name](*args, **kwargs)
            tensors[(name, at)] = list(result) if isinstance(result, (list, tuple)) else [result]
        if len(left) == len(pending):
            raise ValueError(f"layers {sorted({n for n, _, _ in left})} are called on tensors that no layer gives")
        pending = left

    def ends(spec: Any) -> Any:
        if isinstance(spec, dict):
            return {k: ends(v) for k, v in spec.items()}
        if spec and isinstance(spec[0], str):
            # Keras counts the calls of a graph of layers from 1 here.
            call = max(spec[1] - 1, 0) if isinstance(layers[spec[0]], Functional) else spec[1]
            return tensors[(spec[0], call)][spec[2]]
        return [ends(s) for s in spec]

    inputs, outputs = ends(config["input_layers"]), ends(config["output_layers"])
    if isinstance(inputs, list) and len(inputs) == 1:
        inputs = inputs[0]
    if isinstance(outputs, list) and len(outputs) == 1:
        outputs = outputs[0]
    model = Functional(inputs, outputs, name=config.get("name"))
    # As the file has them: Keras' order is that in which tensors were made.
    places = {name: at for at, name in enumerate(layers)}
    model._own_layers.sort(key=lambda layer: places.get(layer.name, -1))
    return model


def _around(core: Any, compile: bool) -> Any:
    """A model of Python around a compiled one: its weights are taken over."""
    envelope = json.loads(core.to_json())
    model = model_from_config(envelope)
    own = model._built_core()
    for name, _, _ in core.weights:
        own.set_weight(name, core.get_weight(name))
    if compile and core.is_compiled:
        # The compiled model itself goes on, with the optimizer's memory.
        holder = model._holder
        model._core = holder.core = core
        settings = json.loads(core.compile_config)
        from . import losses, metrics, optimizers

        def each(value: Any, made: Callable[[Any], Any]) -> Any:
            if isinstance(value, list):
                return [each(v, made) for v in value]
            if isinstance(value, dict) and "class_name" not in value:
                return {k: each(v, made) for k, v in value.items()}
            return None if value is None else made(value)

        model.optimizer = optimizers.deserialize(settings["optimizer"])
        model.optimizer._model = model
        model.loss = each(settings["loss"], losses.deserialize)
        model._settings = dict(loss=model.loss, loss_weights=settings["loss_weights"], metrics=each(settings["metrics"], metrics.deserialize),
                               weighted_metrics=each(settings["weighted_metrics"], metrics.deserialize), auto_scale_loss=True)
        model._settled = True
    return model


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """A model from a file that Keras or this package wrote: `.keras`, or Keras' older `.h5`; an `.onnx` file becomes a model that predicts. No code in a file is ever run, whatever
    `safe_mode` says.

    Args:
        filepath: Path of the file.
        custom_objects: Classes that the file may name besides those of the package.
        compile: Whether optimizer, loss and metrics are taken over, too.
        safe_mode: Kept for Keras' programs.
    """
    path = os.fspath(filepath)
    if not os.path.exists(path):
        raise ValueError(f"File not found: filepath={path}. Please ensure the file is an accessible `.keras` or `.h5` file.")
    if path.endswith(".onnx"):
        from ._onnx import OnnxModel

        return OnnxModel(path)
    if custom_objects:
        with custom_object_scope(custom_objects):
            return load_model(path, compile=compile)
    if _scoped or _registered:
        made = _load_custom(path, compile)
        if made is not None:
            return made
    try:
        core = _adaline.Core.load(path, compile)
    except ValueError:
        config = _config_of(path)
        if config is not None:
            _check_known(config if compile else {**config, "compile_config": None})
        raise
    return _around(core, compile)


def _config_of(path: str) -> Optional[Dict[str, Any]]:
    """The configuration in a `.keras` file."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > 64 << 20:
                return None
            return json.loads(archive.read("config.json"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _check_known(config: Any) -> None:
    """Names the first class or function of a program that nobody has told of."""
    if isinstance(config, dict):
        name, module = config.get("class_name"), str(config.get("module") or "")
        own = name == "function" or (config.get("registered_name") and module.split(".")[0] not in ("keras", "adaline"))
        if name and "config" in config and own and _custom(config) is None:
            if name == "function":
                _function(str(config["config"]))
            elif _class(str(name), module) is None:
                raise ValueError(f"there is no class `{name}`, which layer or object {config['config'].get('name', name)!r} of the file is of; {_HOW}")
        # Layers before what training needs.
        for key in sorted(config, key=lambda k: k == "compile_config"):
            _check_known(config[key])
    elif isinstance(config, list):
        for value in config:
            _check_known(value)


def _load_custom(path: str, compile: bool) -> Any:
    """A file with classes of one's own: the network is made in Python, and takes the weights."""
    config = _config_of(path)
    if config is None or not _names_custom(config):
        return None
    if not compile:
        config["compile_config"] = None
    _check_known(config)
    model = model_from_config(config) if config["class_name"] in ("Sequential", "Functional", "Model") else deserialize_keras_object(config)
    settings = config.get("compile_config")
    if compile and settings:
        from . import losses, metrics, optimizers

        def made(value: Any, get: Any) -> Any:
            if isinstance(value, list):
                return [made(v, get) for v in value]
            if isinstance(value, dict) and "class_name" not in value:
                return {k: made(v, get) for k, v in value.items()}
            # A name stays one: metrics are called by it.
            return value if value is None or isinstance(value, str) else get(value)

        model.compile(optimizers.deserialize(settings["optimizer"]), made(settings["loss"], losses.deserialize),
                      loss_weights=settings.get("loss_weights"), metrics=made(settings.get("metrics"), metrics.deserialize),
                      weighted_metrics=made(settings.get("weighted_metrics"), metrics.deserialize))
        model._settle()
    model._built_core().load_weights(path, False, True)
    return model


def _names_custom(config: Any) -> bool:
    if isinstance(config, dict):
        if "class_name" in config and "config" in config and _custom(config) is not None:
            return True
        return any(_names_custom(v) for v in config.values())
    return isinstance(config, list) and any(_names_custom(v) for v in config)


def own_objects(model: Any) -> Dict[str, Any]:
    """Classes and functions of the program that a model is made of and compiled with, by their names."""
    found: Dict[str, Any] = {}

    def look(value: Any) -> None:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            for v in value:
                look(v)
        elif isinstance(value, types.FunctionType) and value.__module__.split(".")[0] != __name__.split(".")[0]:
            found[value.__name__] = value
        elif isinstance(value, KerasObject):
            if type(value)._class is None or type(value).__module__.split(".")[0] != __name__.split(".")[0]:
                found[type(value).__name__] = type(value)
            look(value.__dict__.get("_args", {}))
            look(value.__dict__.get("_fn"))

    look([layer for layer, _ in model._owners("")])
    settings = model._settings or {}
    look([settings.get("loss"), settings.get("metrics"), settings.get("weighted_metrics")])
    return found


def _unpickled(data: bytes, kind: str, compiled: bool, own: Optional[Dict[str, Any]] = None) -> Any:
    if not own:
        return _around(_adaline.Core.from_bytes(data, compiled), compiled)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        with open(path, "wb") as file:
            file.write(data)
        return load_model(path, custom_objects=own, compile=compiled)


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> None:
    """`model.save(filepath)`."""
    model.save(filepath, overwrite=overwrite)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """`model.load_weights(filepath)`."""
    model.load_weights(filepath)


def save_weights(model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """`model.save_weights(filepath)`."""
    model.save_weights(filepath, overwrite=overwrite)


