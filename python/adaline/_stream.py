"""Training, evaluation and prediction on batches that come one after the other."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ._arrays import as_data
from ._callback import BuiltinCallback, History
from ._data import Batches, is_stream, unpack
from ._eager import flat, nested


def fit_stream(model: Any, x: Any, epochs: int, level: int, callbacks: List[Any], validation_data: Any, class_weight: Any, initial_epoch: int,
               steps: Optional[int], validation_steps: Optional[int], validation_batch: Optional[int], validation_freq: int,
               history: History) -> History:
    """See `Model.fit`."""
    from ._fit import class_weights, evaluate

    batches = Batches(x)
    known = batches.count if steps is None else steps
    params = dict(verbose=level, epochs=epochs, steps=known)
    told = [c for c in callbacks if not isinstance(c, History)]
    for c in told:
        if isinstance(c, BuiltinCallback):
            raise NotImplementedError(f"{type(c).__name__} works with arrays, not yet with generators")
        c.set_params(params)
        c.set_model(model)

    def each(name: str, *args: Any) -> None:
        for c in told:
            getattr(c, name)(*args)

    history.set_model(model)
    history.params = params
    begun = False
    for epoch in range(initial_epoch, epochs):
        done, start, logs = 0, time.perf_counter(), {}
        if begun:
            model._core.reset_metrics()
            each("on_epoch_begin", epoch, {})
        for batch in batches.epoch(steps):
            bx, by, bw = unpack(batch)
            if not begun:
                model._ready(model._arrange(bx))
                model._core.reset_metrics()
                each("on_train_begin", {})
                each("on_epoch_begin", epoch, {})
                begun = True
            each("on_train_batch_begin", done, {})
            if class_weight is not None:
                bw = class_weights(as_data(by), class_weight)
            logs = model.train_on_batch(bx, by, sample_weight=bw, return_dict=True)
            each("on_train_batch_end", done, logs)
            done += 1
            if model.stop_training:
                break
        if done == 0:
            if not begun:
                raise ValueError("the generator gave no batch")
            print(f"the generator ended before epoch {epoch + 1}: training ends here. It must give steps_per_epoch * epochs batches")
            break
        batches.ended()
        if validation_data is not None and (epoch + 1) % validation_freq == 0:
            each("on_test_begin", {})
            if is_stream(validation_data):
                found = evaluate(model, validation_data, None, None, 0, None, validation_steps, None, True)
            else:
                vx, vy, vw = unpack(tuple(validation_data))
                kept = dict(logs)
                found = evaluate(model, vx, vy, validation_batch, 0, vw, None, None, True)
                logs = kept
            each("on_test_end", found)
            logs = {**logs, **{f"val_{k}": v for k, v in found.items()}}
        each("on_epoch_end", epoch, logs)
        history.epoch.append(epoch)
        for name, value in logs.items():
            history.history.setdefault(name, []).append(value)
        if level:
            values = " - ".join(f"{n}: {v:.4f}" for n, v in logs.items())
            if epochs > 1:
                print(f"Epoch {epoch + 1}/{epochs}")
            print(f"{done}/{done} - {time.perf_counter() - start:.0f}s - {values}")
        if model.stop_training:
            break
    each("on_train_end", {})
    model.history = history
    return history


def evaluate_stream(model: Any, x: Any, steps: Optional[int]) -> List[Tuple[str, float]]:
    """See `Model.evaluate`: means of the batches' values, each by its rows."""
    sums: Dict[str, float] = {}
    rows = 0
    for batch in Batches(x).epoch(steps):
        bx, by, bw = unpack(batch)
        logs = model.test_on_batch(bx, by, sample_weight=bw, return_dict=True)
        values: List[Any] = []
        flat(bx, values)
        count = len(as_data(values[0]))
        rows += count
        for name, value in logs.items():
            sums[name] = sums.get(name, 0.0) + value * count
    if rows == 0:
        raise ValueError("the generator gave no batch")
    return [(name, value / rows) for name, value in sums.items()]


def predict_stream(model: Any, x: Any, steps: Optional[int]) -> Any:
    """See `Model.predict`."""
    parts: List[List[Any]] = []
    structure = None
    for batch in Batches(x).epoch(steps):
        values: List[Any] = []
        structure = flat(model.predict_on_batch(unpack(batch)[0]), values)
        parts.append(values)
    if not parts:
        raise ValueError("the generator gave no batch")
    return nested(structure, iter([np.concatenate(column) for column in zip(*parts)]))
