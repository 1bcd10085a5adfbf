"""`fit`, `evaluate` and `predict`: from what Python has to what the compiled side takes."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ._arrays import as_data
from ._callback import Adapter, BuiltinCallback, History, wants_batches
from ._data import Batches, is_stream, unpack
from ._object import is_interactive


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
    if is_stream(x):
        return _fit_stream(model, x, epochs, level, told, validation_data, class_weight, initial_epoch, steps_per_epoch, validation_steps,
                           validation_batch_size, validation_freq, history)
    if y is None:
        raise ValueError("fit needs labels: fit(x, y), or a generator that gives (x, y)")
    arrays = model._arrange(x)
    core = model._ready(arrays)
    labels = model._labels(y)
    rows = len(arrays[0])
    batch = 32 if batch_size is None else int(batch_size)
    options: Dict[str, Any] = dict(
        epochs=int(epochs), batch_size=batch, shuffle=bool(shuffle), verbose=level, interactive=is_interactive(),
        validation_split=float(validation_split), validation_freq=int(validation_freq),
        validation_batch_size=validation_batch_size, validation_x=[], validation_y=[], validation_weights=None,
        initial_epoch=int(initial_epoch), steps_per_epoch=steps_per_epoch,
        class_weight=None if class_weight is None else [(int(k), float(v)) for k, v in class_weight.items()],
        sample_weight=None, sample_weights=[], allow_nan=True, advice=False, display=None,
    )
    if isinstance(sample_weight, dict):
        options["sample_weights"] = [(k, as_data(v)) for k, v in sample_weight.items()]
    elif isinstance(sample_weight, (list, tuple)) and len(labels) > 1:
        options["sample_weights"] = [(t[0], as_data(w)) for t, w in zip(model._targets(), sample_weight) if w is not None]
    elif sample_weight is not None:
        options["sample_weight"] = as_data(sample_weight)
    stream = None
    if validation_data is not None:
        if is_stream(validation_data):
            stream = validation_data
        else:
            vx, vy, vw = unpack(tuple(validation_data))
            options["validation_x"], options["validation_y"] = model._arrange(vx), model._labels(vy)
            options["validation_weights"] = None if vw is None else as_data(vw)
    from ._notebook import display

    options["display"] = display(level)
    steps = steps_per_epoch or -(-(rows - int(rows * validation_split)) // batch)
    adapters = _adapters(model, told, dict(verbose=level, epochs=int(epochs), steps=steps))
    if stream is not None:
        adapters.append((Adapter(_StreamValidation(stream, validation_steps, validation_freq, model), model), False))
    epoch_numbers, columns, after = core.fit(arrays, labels, options, adapters)
    history.epoch, history.history = list(epoch_numbers), {name: list(values) for name, values in columns}
    history.set_model(model)
    history.params = dict(verbose=level, epochs=int(epochs), steps=steps)
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


class _StreamValidation:
    """Validation on a generator after each epoch."""

    def __init__(self, source: Any, steps: Optional[int], freq: int, model: Any) -> None:
        self.source, self.steps, self.freq, self.model = source, steps, freq, model
        for name in ("on_train_begin", "on_train_end", "on_test_begin", "on_test_end"):
            setattr(self, name, lambda logs=None: None)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        pass

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % self.freq == 0:
            found = evaluate(self.model, self.source, None, None, 0, None, self.steps, None, True)
            logs.update({f"val_{k}": v for k, v in found.items()})


def _fit_stream(model: Any, x: Any, epochs: int, level: int, callbacks: List[Any], validation_data: Any, class_weight: Any, initial_epoch: int,
                steps: Optional[int], validation_steps: Optional[int], validation_batch: Optional[int], validation_freq: int,
                history: History) -> History:
    """Training on batches that somebody hands over one after the other."""
    from ._stream import fit_stream

    return fit_stream(model, x, epochs, level, callbacks, validation_data, class_weight, initial_epoch, steps, validation_steps,
                      validation_batch, validation_freq, history)


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
        from ._stream import evaluate_stream

        logs = evaluate_stream(model, x, steps)
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
        from ._stream import predict_stream

        result = predict_stream(model, x, steps)
    else:
        arrays = model._arrange(x)
        batch = 32 if batch_size is None else int(batch_size)
        core = model._built_core([((None, *a.shape[1:]), a.dtype.name) for a in arrays])
        if not core.is_built:
            core.build(list(arrays[0].shape[1:]))
            model._adopt_all()
        if steps is not None:
            arrays = [a[: steps * batch] for a in arrays]
        result = model._structured(core.predict(arrays, batch))
    for c in told:
        c.on_predict_end({})
    return result
