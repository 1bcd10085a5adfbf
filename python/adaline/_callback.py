"""Callbacks: what happens between epochs and steps."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional

import numpy as np

from ._object import KerasObject, arguments_of


class Callback:
    """Something that is told of the course of training and may steer it: define the methods that you want.

    `self.model` is the model, `self.params` the plan (`epochs`, `steps`, `verbose`). `self.model.stop_training = True` ends training.
    """

    def __init__(self) -> None:
        self.params: Dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return self.__dict__.get("_model")

    def set_model(self, model: Any) -> None:
        """Tells the model."""
        self._model = model

    def set_params(self, params: Dict[str, Any]) -> None:
        """Tells the plan."""
        self.params = params

    def on_epoch_begin(self, epoch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """After an epoch and its validation; what is added to `logs` is kept in the history."""

    def on_train_batch_begin(self, batch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """Before a step."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """After a step, with the running values of the epoch."""
        self.on_batch_end(batch, logs=logs)

    def on_batch_begin(self, batch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_test_batch_begin(self, batch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """Before a batch of `evaluate`."""

    def on_test_batch_end(self, batch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """After a batch of `evaluate`."""

    def on_predict_batch_begin(self, batch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """After a batch of `predict`."""

    def on_train_begin(self, logs: Optional[Dict[str, Any]] = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Optional[Dict[str, Any]] = None) -> None:
        """After the last epoch."""

    def on_test_begin(self, logs: Optional[Dict[str, Any]] = None) -> None:
        """Before a validation or `evaluate`."""

    def on_test_end(self, logs: Optional[Dict[str, Any]] = None) -> None:
        """After a validation or `evaluate`."""

    def on_predict_begin(self, logs: Optional[Dict[str, Any]] = None) -> None:
        """Before `predict`."""

    def on_predict_end(self, logs: Optional[Dict[str, Any]] = None) -> None:
        """After `predict`."""


_BATCH = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


def wants_batches(callback: Any) -> bool:
    """Whether a callback defines a method that is told of steps."""
    return any(getattr(type(callback), name, None) is not getattr(Callback, name) for name in _BATCH if hasattr(type(callback), name))


class Adapter:
    """A callback as the training loop calls it."""

    def __init__(self, callback: Any, model: Any) -> None:
        self._callback, self._model = callback, model
        for name in ("on_train_begin", "on_train_end", "on_test_begin", "on_test_end"):
            setattr(self, name, self._with_logs(getattr(callback, name)))
        self.on_epoch_begin = callback.on_epoch_begin
        self.on_epoch_end = callback.on_epoch_end

    @staticmethod
    def _with_logs(method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda logs: method(logs)

    @property
    def _stop_training(self) -> bool:
        return bool(self._model.stop_training)

    @property
    def _handles_nan(self) -> bool:
        return bool(getattr(self._callback, "_handles_nan", False))

    def _first_batch_begin(self, batch: int, logs: Any) -> None:
        self._callback.on_train_batch_begin(batch, logs)

    def _batch_end(self, batch: int, logs: Any) -> None:
        self._callback.on_train_batch_end(batch, logs)
        if batch + 1 < (self._callback.params.get("steps") or 0):
            self._callback.on_train_batch_begin(batch + 1, {})

    def _batch_taken(self, batch: int) -> None:
        """Of a source that does not say how many batches it has: only now is it known that there is one more."""
        if batch > 0:
            self._callback.on_train_batch_begin(batch, {})


class BuiltinCallback(KerasObject, Callback):
    """A callback of the compiled side."""

    _module = "keras.callbacks"
    _args: Dict[str, Any] = {}

    def __init__(self) -> None:
        Callback.__init__(self)
        self._state: Dict[str, Any] = {}

    @property
    def _compiled(self) -> str:
        return json.dumps({"class_name": self._class, "config": arguments_of(type(self), self._told())})

    def _told(self) -> Dict[str, Any]:
        import os

        return {k: os.fspath(v) if isinstance(v, os.PathLike) else v for k, v in self._args.items()}


class History(Callback):
    """What training left behind: `history`, a list of values for each name, and `epoch`, the numbers of the epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.history: Dict[str, List[float]] = {}
        self.epoch: List[int] = []

    def _repr_html_(self) -> str:
        from ._notebook import history_html

        return history_html(self)


class LambdaCallback(Callback):
    """Functions as a callback."""

    def __init__(self, on_epoch_begin: Any = None, on_epoch_end: Any = None, on_train_begin: Any = None, on_train_end: Any = None,
                 on_train_batch_begin: Any = None, on_train_batch_end: Any = None, **kwargs: Any) -> None:
        super().__init__()
        for name, function in dict(on_epoch_begin=on_epoch_begin, on_epoch_end=on_epoch_end, on_train_begin=on_train_begin,
                                   on_train_end=on_train_end, on_train_batch_begin=on_train_batch_begin,
                                   on_train_batch_end=on_train_batch_end, **kwargs).items():
            if function is not None:
                setattr(self, name, function)
        self._batches = on_train_batch_begin is not None or on_train_batch_end is not None


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch: `schedule(epoch, learning_rate)`.

    Args:
        schedule: A function of the epoch, or of the epoch and the present learning rate.
        verbose: Whether to tell.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """Sets it."""
        for optimizer in self._optimizers():
            rate = float(np.asarray(optimizer.learning_rate))
            try:
                rate = self.schedule(epoch, rate)
            except TypeError:
                rate = self.schedule(epoch)
            if not isinstance(rate, (float, np.floating)):
                raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
            optimizer.learning_rate = float(rate)
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def _optimizers(self) -> List[Any]:
        """Those that have a learning rate: within a `MultiOptimizer` several."""
        optimizer = self.model.optimizer
        return list(getattr(optimizer, "optimizers", [optimizer]))

    def on_epoch_end(self, epoch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        """Notes it."""
        if logs is not None:
            several = hasattr(self.model.optimizer, "optimizers")
            for optimizer in self._optimizers():
                name = f"learning_rate_{optimizer.name}" if several else "learning_rate"
                logs[name] = float(np.asarray(optimizer.learning_rate))
