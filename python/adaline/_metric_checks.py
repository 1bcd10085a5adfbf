"""Bounds of metrics' arguments that Python tells of in Keras' words, and what follows from arguments; the compiled side checks all of them."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np


def _in_unit(values: Any) -> List[Any]:
    """Those that are no numbers from 0 to 1."""
    return [v for v in values if v is None or not 0 <= v <= 1]


def check_arguments(name_of_class: str, values: Dict[str, Any]) -> None:
    """Keras' bounds of arguments."""
    thresholds = values.get("thresholds")
    if thresholds is not None:
        bad = _in_unit(thresholds if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds])
        if bad:
            raise ValueError(f"Threshold values must be in [0, 1]. Received: {bad}")
    count = values.get("num_thresholds")
    if count is not None and "curve" in values and count <= 1:
        raise ValueError(f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={count}")
    if count is not None and count <= 0:
        raise ValueError(f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds={count}")
    for name in ("specificity", "sensitivity", "recall", "precision"):
        if name in values and _in_unit([values[name]]):
            raise ValueError(f"Argument `{name}` must be in the range [0, 1]. Received: {name}={values[name]}")
    curves, methods = ("ROC", "PR", "PRGAIN"), ("interpolation", "majoring", "minoring", "Majoring", "Minoring")
    if "curve" in values and values["curve"] not in curves:
        raise ValueError(f'Invalid AUC curve value: "{values["curve"]}". Expected `curve` to be one of: {list(curves)}')
    if "summation_method" in values and values["summation_method"] not in methods:
        raise ValueError(f'Invalid AUC summation method value: "{values["summation_method"]}". Expected `summation_method` to be one of: {list(methods[:3])}')
    if "average" in values:
        _check_f_score(values)
    if name_of_class == "R2Score":
        aggregation, regressors = values.get("class_aggregation"), values.get("num_regressors", 0)
        if aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError("R2Score: Invalid value for argument `class_aggregation`. Expected one of [None, 'uniform_average', "
                             f"'variance_weighted_average']. Received: class_aggregation={aggregation}")
        if isinstance(regressors, bool) or not isinstance(regressors, (int, np.integer)) or regressors < 0:
            raise ValueError(f"R2Score: Invalid value for argument `num_regressors`. Expected a whole number of at least 0. "
                             f"Received: num_regressors={regressors}")


def _check_f_score(values: Dict[str, Any]) -> None:
    average, beta, threshold = values["average"], values.get("beta", 1.0), values.get("threshold")
    if average not in (None, "micro", "macro", "weighted"):
        raise ValueError(f"Invalid `average` argument value. Expected one of: {{None, 'micro', 'macro', 'weighted'}}. Received: average={average}")
    for name, value in (("beta", beta), ("threshold", threshold)):
        if value is None and name == "threshold":
            continue
        if not isinstance(value, float):
            raise ValueError(f"Invalid `{name}` argument value. It should be a Python float. Received: {name}={value} of type '{type(value)}'")
        if value <= 0.0:
            bound = "It should be > 0." if name == "beta" else "It should verify 0 < threshold <= 1."
            raise ValueError(f"Invalid `{name}` argument value. {bound} Received: {name}={value}")
    if threshold is not None and threshold > 1.0:
        raise ValueError(f"Invalid `threshold` argument value. It should verify 0 < threshold <= 1. Received: threshold={threshold}")


def complete(metric: Any) -> None:
    """Attributes of the curve's metric as Keras has them: all thresholds, the first a little below 0, the last a little above 1."""
    if metric._class != "AUC":
        return
    given = metric._args["thresholds"]
    if given is not None:
        given = sorted(float(t) for t in np.ravel(given))
        metric._args.update(thresholds=given, num_thresholds=len(given) + 2)
    count = metric._args["num_thresholds"] or 200
    metric._args["num_thresholds"] = metric.num_thresholds = count
    inner = given if given is not None else [i / (count - 1) for i in range(1, count - 1)]
    metric.thresholds = [-1e-7, *inner, 1.0 + 1e-7]
