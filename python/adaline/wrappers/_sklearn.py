"""The estimators. Their arguments, attributes and messages are those of Keras' wrappers."""

from __future__ import annotations

import copy
from typing import Any, Dict, Optional

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from .._model import Model

try:  # scikit-learn 1.6 and later
    from sklearn.utils.validation import validate_data
except ImportError:

    def validate_data(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        """The same of older versions."""
        return estimator._validate_data(*args, **kwargs)


def _target_kind(y: Any) -> str:
    kind = type_of_target(y, input_name="data")
    if kind == "unknown":
        raise ValueError(f"Unknown label type for data: {y!r}")
    return str(kind)


class SKLBase(BaseEstimator):  # type: ignore[misc]
    """What the three share.

    Args:
        model: A compiled `Model`, or a function that gives one: it is called with `X`, `y` and `model_kwargs`. A model is cloned before it is
            trained.
        warm_start: Whether the weights of the last `fit` are trained further.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's `fit`; those of `fit` itself go before them.

    Attributes:
        model_: The trained model.
        history_: What its `fit` gave.
    """

    def __init__(self, model: Any, warm_start: bool = False, model_kwargs: Optional[Dict[str, Any]] = None,
                 fit_kwargs: Optional[Dict[str, Any]] = None) -> None:
        self.model, self.warm_start, self.model_kwargs, self.fit_kwargs = model, warm_start, model_kwargs, fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def _more_tags(self) -> Dict[str, Any]:
        return {"non_deterministic": True}

    def __sklearn_clone__(self) -> Any:
        model = self.model if _is_function(self.model) else copy.deepcopy(self.model)
        return type(self)(model=model, warm_start=self.warm_start, model_kwargs=self.model_kwargs, fit_kwargs=self.fit_kwargs)

    @property
    def epoch_(self) -> Any:
        """Numbers of the epochs."""
        history = getattr(self, "history_", None)
        return getattr(history, "epoch", 0)

    def _made(self, X: Any, y: Any) -> Any:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            return copy.deepcopy(self.model) if self.warm_start else _renewed(self.model)
        return self.model(X=X, y=y, **(self.model_kwargs or {}))

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Trains.

        Args:
            X: Rows, `(samples, features)`.
            y: Targets, `(samples,)` or `(samples, outputs)`.
            **kwargs: Arguments of the model's `fit`.
        """
        X, y = validate_data(self, X, y)
        y = self._targets(y, reset=True)
        model = self._made(X, y)
        if not model.compiled or not model.loss or not model.optimizer:
            raise RuntimeError("Given model needs to be compiled, and have a loss and an optimizer.")
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def predict(self, X: Any) -> Any:
        """Targets of rows."""
        check_is_fitted(self)
        return self._labels(self._outputs(X))

    def _outputs(self, X: Any) -> np.ndarray:
        return np.asarray(self.model_.predict(validate_data(self, X, reset=False), verbose=0))

    def _targets(self, y: Any, reset: bool = False) -> Any:
        _target_kind(y)
        if reset:
            self._target_ndim = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _labels(self, y: np.ndarray) -> Any:
        return np.squeeze(y, axis=1) if self._target_ndim == 1 and y.ndim == 2 else y


def _is_function(model: Any) -> bool:
    return callable(model) and not isinstance(model, Model)


def _renewed(model: Any) -> Any:
    """The model with new weights, compiled as it is."""
    from ..models import clone_model
    from ..optimizers import deserialize, serialize

    made = clone_model(model)
    if model.compiled:
        settings = dict(model._settings)
        made.compile(deserialize(serialize(model.optimizer)), **settings)
    return made


class SKLearnClassifier(ClassifierMixin, SKLBase):  # type: ignore[misc]
    """A model as a classifier. It is trained on rows with a one at the class, `(samples, classes)`: end it with softmax, and compile it with
    `categorical_crossentropy`.

    Args:
        model: A compiled `Model`, or a function that gives one: it is called with `X`, `y` and `model_kwargs`. A model is cloned before it is
            trained.
        warm_start: Whether the weights of the last `fit` are trained further.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's `fit`; those of `fit` itself go before them.

    Attributes:
        classes_: The labels.
        model_: The trained model.
        history_: What its `fit` gave.
    """

    def decision_function(self, X: Any) -> Any:
        """What the model gives for rows, `(samples, classes)`; of two classes, as scikit-learn wants it, by how much the second is ahead,
        `(samples,)`.
        """
        check_is_fitted(self)
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if len(self.classes_) == 2 else outputs

    def _targets(self, y: Any, reset: bool = False) -> Any:
        kind = _target_kind(y)
        if kind not in ("binary", "multiclass"):
            raise ValueError(f"Only binary and multiclass target types are supported. Target type: {kind}")
        if reset:
            self._target_ndim = y.ndim
            self.classes_ = np.unique(y)
            if len(self.classes_) == 1:
                raise ValueError("Classifier can't train when only one class is present.")
        return (np.asarray(y).reshape(-1, 1) == self.classes_).astype(np.float32)

    def _labels(self, y: np.ndarray) -> Any:
        labels = self.classes_[y.argmax(-1)]
        return labels if self._target_ndim == 1 else labels.reshape(-1, 1)

    def _more_tags(self) -> Dict[str, Any]:
        return {"non_deterministic": True, "poor_score": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, SKLBase):  # type: ignore[misc]
    """A model that gives numbers.

    Args:
        model: A compiled `Model`, or a function that gives one: it is called with `X`, `y` and `model_kwargs`. A model is cloned before it is
            trained.
        warm_start: Whether the weights of the last `fit` are trained further.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's `fit`; those of `fit` itself go before them.
    """

    def _more_tags(self) -> Dict[str, Any]:
        return {"non_deterministic": True, "poor_score": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, SKLBase):  # type: ignore[misc]
    """A model whose results are features for what comes after it.

    Args:
        model: A compiled `Model`, or a function that gives one: it is called with `X`, `y` and `model_kwargs`. A model is cloned before it is
            trained.
        warm_start: Whether the weights of the last `fit` are trained further.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's `fit`; those of `fit` itself go before them.
    """

    def transform(self, X: Any) -> Any:
        """Features of rows."""
        check_is_fitted(self)
        return self._outputs(X)

    def _more_tags(self) -> Dict[str, Any]:
        return {"preserves_dtype": []}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
