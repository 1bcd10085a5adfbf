"""The estimators of scikit-learn."""

import numpy as np
import pytest

import adaline

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from adaline.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer


def network(X, y, loss, layers=(10,), rate=0.01):
    adaline.utils.set_random_seed(1)  # several checks train twice and compare
    x = begin = adaline.Input((X.shape[1],))
    for units in layers:
        x = adaline.layers.Dense(units, activation="relu")(x)
    outputs = y.shape[1] if y is not None and y.ndim > 1 else 1
    x = adaline.layers.Dense(outputs, activation="softmax" if loss == "categorical_crossentropy" else "linear")(x)
    model = adaline.Model(begin, x)
    model.compile(adaline.optimizers.Adam(rate), loss=loss)
    return model


ESTIMATORS = [
    SKLearnClassifier(network, model_kwargs={"loss": "categorical_crossentropy", "layers": [20, 20, 20]}, fit_kwargs={"epochs": 5, "verbose": 0}),
    SKLearnRegressor(network, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0}),
    SKLearnTransformer(network, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0}),
]


# No check is left out: those that Keras' own test expects to fail pass with weights that are the same each time.
@parametrize_with_checks(ESTIMATORS)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_cross_validation_search_and_pipeline():
    x, y = load_iris(return_X_y=True)
    labels = np.array(["setosa", "versicolor", "virginica"])[y]
    estimator = SKLearnClassifier(network, model_kwargs={"loss": "categorical_crossentropy", "rate": 0.02}, fit_kwargs={"epochs": 25, "verbose": 0})
    piped = make_pipeline(StandardScaler(), estimator)
    assert cross_val_score(piped, x, labels, cv=3).mean() > 0.88
    search = GridSearchCV(piped, {"sklearnclassifier__fit_kwargs": [{"epochs": 1, "verbose": 0}, {"epochs": 25, "verbose": 0}]}, cv=3).fit(x, labels)
    assert search.best_params_["sklearnclassifier__fit_kwargs"]["epochs"] == 25
    assert set(search.predict(x)) <= set(labels) and search.best_estimator_[-1].classes_.tolist() == sorted(set(labels))


def test_models_are_cloned_with_new_weights():
    x, y = make_classification(60, 8, random_state=1)
    model = network(x, np.eye(2)[y], "categorical_crossentropy")
    before = model.get_weights()
    estimator = SKLearnClassifier(model).fit(x, y, epochs=1, verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert estimator.model_ is not model and estimator.epoch_ == [0]
    twin = clone(estimator)
    assert twin.model is not model and not hasattr(twin, "model_")
    with pytest.raises(RuntimeError, match="needs to be compiled"):
        SKLearnClassifier(adaline.Sequential([adaline.layers.Dense(2)])).fit(x, y)


def test_warm_start_goes_on():
    x, y = make_regression(80, 3, random_state=1)
    y = y / y.std()
    estimator = SKLearnRegressor(network, warm_start=True, model_kwargs={"loss": "mse"}, fit_kwargs={"epochs": 5, "verbose": 0}).fit(x, y)
    model, first = estimator.model_, estimator.history_.history["loss"][-1]
    estimator.fit(x, y)
    assert estimator.model_ is model and estimator.history_.history["loss"][0] < first * 1.1
    assert estimator.predict(x).shape == y.shape and np.isfinite(estimator.score(x, y))


def test_transformer():
    x, y = make_regression(40, 3, random_state=1)
    made = SKLearnTransformer(network, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0}).fit_transform(x, y)
    assert made.shape == (40, 1)
