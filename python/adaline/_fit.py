"""`fit`, `evaluate` and `predict`: from what Python has to what the compiled side takes."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ._arrays import as_data
from ._callback import Adapter, BuiltinCallback, History, wants_batches
from ._data import is_stream, unpack
from ._object import is_interactive
from ._stream import Source, weights_of


def _verbose(verbose: Any) -> int:
    if verbose == "auto":
        return 1
    if verbose not in (0, 1, 2, True, False):
        raise ValueError(f"verbose must be 0, 1, 2 or 'auto', got {verbose!r}")
    return int(verbose)


def class_weights(labels: np.ndarray, weights: Dict[int, float]) -> np.ndarray:
    """One weight for each row from one for each class."""
    if labels.ndim > 1 and labels.shape[-1] > 1:
        classes = labels.argmax(-1)
    else:
        classes = np.rint(labels.reshape(len(labels), -1)[:, 0]).astype(np.int64)
    return np.asarray([weights.get(int(c), 1.0) for c in classes.reshape(len(labels), -1)[:, 0]], dtype=np.float32)


def _callbacks(callbacks: Any) -> List[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def fit(model: Any, x: Any, y: Any, batch_size: Optional[int], epochs: int, verbose: Any, callbacks: Any, validation_split: float,
        validation_data: Any, shuffle: bool, class_weight: Any, sample_weight: Any, initial_epoch: int, steps_per_epoch: Optional[int],
        validation_steps: Optional[int], validation_batch_size: Optional[int], validation_freq: int) -> History:
    """See `Model.fit`."""
    if isinstance(x, tuple) and y is None and len(x) in (2, 3):
        x, y, *rest = x
        sample_weight = rest[0] if rest else sample_weight
    told = _callbacks(callbacks)
    history = next((c for c in told if isinstance(c, History)), None) or History()
    history.history, history.epoch = {}, []
    model.stop_training = False
    level = _verbose(verbose)
    arrays: List[np.ndarray] = []
    labels: List[np.ndarray] = []
    source = Source(model, x, True, shuffle) if is_stream(x) else None
    if source is not None:
        core = model._ready_for(source)
        model._settle()
        steps = source.count if steps_per_epoch is None else int(steps_per_epoch)
    elif y is None and (model._settings is None or model._settings["loss"] is not None):
        raise ValueError("fit needs labels: fit(x, y), or a generator that gives (x, y)")
    else:
        arrays = model._arrange(x)
        core = model._ready(arrays)
        labels = model._labels(y)
        rows = len(arrays[0])
        steps = steps_per_epoch or -(-(rows - int(rows * validation_split)) // (32 if batch_size is None else int(batch_size)))
    options: Dict[str, Any] = dict(
        epochs=int(epochs), batch_size=32 if batch_size is None else int(batch_size), shuffle=bool(shuffle), verbose=level,
        interactive=is_interactive(), validation_split=float(validation_split), validation_freq=int(validation_freq),
        validation_batch_size=validation_batch_size, validation_x=[], validation_y=[], validation_weights=None, validation_batches=None,
        validation_steps=validation_steps, batches=source, initial_epoch=int(initial_epoch), steps_per_epoch=steps_per_epoch,
        class_weight=None if class_weight is None else [(int(k), float(v)) for k, v in class_weight.items()],
        sample_weight=None, sample_weights=[], allow_nan=True, advice=False, display=None,
    )
    if sample_weight is not None:
        if source is not None:
            raise ValueError("sample_weight goes with arrays: a generator or PyDataset gives it with each batch, as (x, y, sample_weight)")
        options["sample_weight"], options["sample_weights"] = weights_of(sample_weight, [t[0] for t in model._targets()])
    if validation_data is not None:
        if is_stream(validation_data):
            options["validation_batches"] = Source(model, validation_data, True)
        else:
            vx, vy, vw = unpack(tuple(validation_data))
            options["validation_x"], options["validation_y"] = model._arrange(vx), model._labels(vy)
            options["validation_weights"] = None if vw is None else as_data(vw)
    from ._notebook import display

    options["display"] = display(level)
    history.params = dict(verbose=level, epochs=int(epochs), steps=steps)
    adapters = _adapters(model, told, history.params)
    asking = [adapter for adapter, batches in adapters if batches]
    if source is not None and steps is None and asking:
        source._told = [adapter._batch_taken for adapter in asking]
    epoch_numbers, columns, after = core.fit(arrays, labels, options, adapters)
    history.epoch, history.history = list(epoch_numbers), {name: list(values) for name, values in columns}
    history.set_model(model)
    model.history = history
    for callback, attributes in zip([c for c in told if not isinstance(c, History)], after):
        for name, value in attributes:
            setattr(callback, name, int(value) if name.endswith("epoch") or name == "steps" else value)
    return history


def _adapters(model: Any, callbacks: List[Any], params: Dict[str, Any]) -> List[Tuple[Any, bool]]:
    made: List[Tuple[Any, bool]] = []
    for callback in callbacks:
        if isinstance(callback, History):
            continue
        callback.set_params(params)
        callback.set_model(model)
        if isinstance(callback, BuiltinCallback):
            made.append((callback._compiled, False))
        else:
            made.append((Adapter(callback, model), bool(getattr(callback, "_batches", False)) or wants_batches(callback)))
    return made


def evaluate(model: Any, x: Any, y: Any, batch_size: Optional[int], verbose: Any, sample_weight: Any, steps: Optional[int], callbacks: Any,
             return_dict: bool) -> Any:
    """See `Model.evaluate`."""
    if model._settings is None:
        raise RuntimeError("You must call `compile()` before calling `evaluate()`.")
    told = _callbacks(callbacks)
    for c in told:
        c.set_model(model)
        c.on_test_begin({})
    if is_stream(x):
        source = Source(model, x, True)
        core = model._ready_for(source)
        model._settle()
        logs = core.evaluate_batches(source, steps)
    else:
        arrays = model._arrange(x)
        core = model._ready(arrays)
        labels = model._labels(y)
        weights = None if sample_weight is None else as_data(sample_weight)
        batch = 32 if batch_size is None else int(batch_size)
        if steps is not None:
            arrays, labels = [a[: steps * batch] for a in arrays], [a[: steps * batch] for a in labels]
            weights = None if weights is None else weights[: steps * batch]
        logs = core.evaluate(arrays, labels, batch, weights)
    for c in told:
        c.on_test_end(dict(logs))
    if _verbose(verbose):
        values = " - ".join(f"{n}: {v:.4f}" for n, v in sorted(logs))
        print(values)
    return model._told(logs, return_dict)


def predict(model: Any, x: Any, batch_size: Optional[int], verbose: Any, steps: Optional[int], callbacks: Any) -> Any:
    """See `Model.predict`."""
    told = _callbacks(callbacks)
    for c in told:
        c.set_model(model)
        c.on_predict_begin({})
    if is_stream(x):
        source = Source(model, x, False)
        result = model._structured(model._ready_for(source).predict_batches(source, steps))
    else:
        arrays = model._arrange(x)
        batch = 32 if batch_size is None else int(batch_size)
        core = model._with_weights(arrays)
        if steps is not None:
            arrays = [a[: steps * batch] for a in arrays]
        result = model._structured(core.predict(arrays, batch))
    for c in told:
        c.on_predict_end({})
    return result
