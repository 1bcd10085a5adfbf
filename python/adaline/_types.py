"""What arguments may be, for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Sequence, Union

if TYPE_CHECKING:
    from ._constraint import Constraint
    from ._initializer import Initializer
    from ._layer import Layer
    from ._loss import Loss
    from ._metric import Metric
    from ._optimizer import Optimizer
    from ._regularizer import Regularizer
    from ._schedule import LearningRateSchedule

ActivationLike = Union[str, Callable[[Any], Any], None]
InitializerLike = Union[str, "Initializer", Dict[str, Any], Callable[..., Any], None]
RegularizerLike = Union[str, "Regularizer", Dict[str, Any], Callable[[Any], Any], None]
ConstraintLike = Union[str, "Constraint", Dict[str, Any], Callable[[Any], Any], None]
OptimizerLike = Union[str, "Optimizer", Dict[str, Any]]
LossLike = Union[str, "Loss", Callable[[Any, Any], Any], Dict[str, Any], None]
MetricLike = Union[str, "Metric", Callable[[Any, Any], Any], Dict[str, Any]]
LayerLike = Union["Layer", Dict[str, Any]]
RateLike = Union[float, "LearningRateSchedule", Dict[str, Any]]
IntOrInts = Union[int, Sequence[int]]
FloatOrFloats = Union[float, Sequence[float]]
Shape = Sequence[Union[int, None]]
DTypeLike = Union[str, Any, None]
