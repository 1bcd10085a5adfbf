"""What `compile` was told, for each output."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Tuple

from ._loss import Loss, LossFunctionWrapper
from ._mean_metric import MeanMetricFunction
from ._metric import Metric
from ._object import python_hint

Target = Tuple[str, Any, float, List[Any], List[Any]]


def loss_of(value: Any) -> Any:
    """A loss as the compiled side takes it: JSON, or an object that it calls."""
    from . import losses

    if isinstance(value, type) and issubclass(value, Loss):
        value = value()
    if isinstance(value, str):
        found = losses._function(value)
        if found is not None and found[1]:
            value = found[0]
        elif value in ("crossentropy", "ce"):
            from ._crossentropy import Crossentropy

            value = Crossentropy()
        else:
            return json.dumps(value)
    if isinstance(value, Loss):
        return value if value._is_custom else value._envelope_json()
    if isinstance(value, dict):
        return loss_of(losses.deserialize(value))
    if callable(value):
        name = getattr(value, "__name__", "")
        if getattr(losses, name, None) is value:
            return json.dumps(name)
        return LossFunctionWrapper(value)
    raise ValueError(f"a loss is a name, an object of adaline.losses or a function of labels and predictions; got {value!r}")


def metric_of(value: Any) -> Any:
    """A metric likewise."""
    from . import metrics

    if isinstance(value, type) and issubclass(value, Metric):
        value = value()
    if isinstance(value, str):
        if value in ("accuracy", "acc", "crossentropy", "ce"):
            return json.dumps(value)
        found = metrics._function(value)
        if found is not None and found[1]:
            return metric_of(found[0])
        return json.dumps(value)
    if isinstance(value, Metric):
        return value if value._is_custom else value._envelope_json()
    if isinstance(value, Loss):
        return MeanMetricFunction(value if value._is_whole else value.call, name=value.name)
    if isinstance(value, dict):
        return metric_of(metrics.deserialize(value))
    if callable(value):
        name = getattr(value, "__name__", "")
        if getattr(metrics, name, None) is value:
            return json.dumps(name)
        return MeanMetricFunction(value)
    raise ValueError(f"a metric is a name, an object of adaline.metrics or a function of labels and predictions; got {value!r}")


def _list(value: Any) -> List[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _each(value: Any, names: List[str], keys: Optional[List[str]], what: str, whole: bool) -> List[Any]:
    """What is said for each output: by name, by place, or the same for all."""
    if isinstance(value, dict):
        known = keys if keys and set(value) <= set(keys) else names
        for k in value:
            if k not in known:
                raise ValueError(
                    f"In the dict argument `{what}`, key '{k}' does not correspond to any model output{python_hint(known, k)}. Known are {list(known)}"
                )
        return [value.get(k) for k in known]
    if len(names) == 1:
        if whole and isinstance(value, (list, tuple)) and len(value) == 1 and what in ("loss", "loss_weights"):
            value = value[0]
        return [value]
    if what in ("loss", "loss_weights"):
        if isinstance(value, (list, tuple)):
            if len(value) != len(names):
                raise ValueError(f"For a model with multiple outputs, `{what}` must have one entry for each of the {len(names)} outputs {names}, "
                                 f"got {len(value)}")
            return list(value)
        return [value] * len(names)
    if isinstance(value, (list, tuple)) and len(value) == len(names) and any(isinstance(v, (list, tuple)) or v is None for v in value):
        return list(value)
    if isinstance(value, (list, tuple)) and len(value) == len(names):
        return [[v] for v in value]
    if value is None:
        return [None] * len(names)
    raise ValueError(f"`{what}` of a model with the outputs {names} is a dict or a list with one entry for each, got {value!r}")


def objectives(settings: Dict[str, Any], names: List[str], keys: Optional[List[str]]) -> List[Target]:
    """For each output that is trained: name, loss, weight, metrics, weighted metrics."""
    if settings["loss"] is None:
        # What layers add is all the loss, which the compiled side refuses where there is none.
        if settings["metrics"] or settings["weighted_metrics"]:
            raise ValueError("metrics are of outputs that have a loss: provide a `loss` argument in `compile()`, or leave the metrics out")
        return []
    losses = _each(settings["loss"], names, keys, "loss", True)
    weights = _each(settings["loss_weights"], names, keys, "loss_weights", True)
    metrics = _each(settings["metrics"], names, keys, "metrics", False)
    weighted = _each(settings["weighted_metrics"], names, keys, "weighted_metrics", False)
    made: List[Target] = []
    for name, loss, weight, m, w in zip(names, losses, weights, metrics, weighted):
        if loss is None:
            continue
        made.append((name, loss_of(loss), 1.0 if weight is None else float(weight), [metric_of(v) for v in _list(m)],
                     [metric_of(v) for v in _list(w)]))
    return made


