"""Bounds of optimizers' arguments that Python tells of in Keras' words; the compiled side checks all of them."""

from __future__ import annotations

from typing import Any, Dict


def check_arguments(cls: type, values: Dict[str, Any]) -> None:
    """Refuses arguments out of their bounds."""
    name = cls.__name__
    rate = values.get("learning_rate", 0.0)
    if isinstance(rate, bool) or not (isinstance(rate, (int, float, dict)) or callable(rate) or hasattr(rate, "__float__")):
        raise ValueError(f"{name}: Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable that gives the learning "
                         f"rate. Received instead: learning_rate={rate!r}")
    clips = {k: values.get(k) for k in ("clipnorm", "clipvalue", "global_clipnorm")}
    if sum(v is not None for v in clips.values()) > 1:
        received = ", ".join(f"{k}={v}" for k, v in clips.items())
        raise ValueError(f"{name}: Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: {received}. Leave the others out")
    momentum = values.get("momentum")
    if name == "SGD" and momentum is not None and not 0 <= momentum <= 1:
        raise ValueError(f"SGD: `momentum` must be a float between [0, 1]. Received: momentum={momentum}")
    beta = values.get("beta_1")
    if name == "Lion" and beta is not None and not 0 < beta <= 1:
        raise ValueError(f"Lion: Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to SignSGD. Received: beta_1={beta}.")
    if name == "AdamW" and "weight_decay" in values and values["weight_decay"] is None:
        raise ValueError("AdamW: Argument `weight_decay` must be a float. Received: weight_decay=None. For no decay use Adam, or weight_decay=0.0")
