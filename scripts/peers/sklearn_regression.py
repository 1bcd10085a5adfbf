"""5-fold RMSE of scikit-learn's MLPRegressor with its defaults on datasets/auto_mpg.csv.

    pip install scikit-learn pandas && python scripts/peers/sklearn_regression.py

The same folds for both variants: features prepared as one would (numbers imputed by the median and standardized, text one-hot
encoded, fitted inside each fold), target as it is, and target standardized too (kinder to scikit-learn than its defaults).
"""
import csv, sys, warnings
import numpy as np
from pathlib import Path
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")
path = Path(__file__).resolve().parents[2] / "datasets" / "auto_mpg.csv"
rows = [r for r in csv.DictReader(open(path, encoding="utf-8")) if r["mpg"] != ""]
numbers = ["cylinders", "displacement", "horsepower", "weight", "acceleration", "model_year"]
x = np.array([[float(r[c]) if r[c] != "" else np.nan for c in numbers] + [r["origin"]] for r in rows], dtype=object)
y = np.array([float(r["mpg"]) for r in rows])

def prepare():
    n = len(numbers)
    return ColumnTransformer([("n", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), list(range(n))),
                              ("t", OneHotEncoder(handle_unknown="ignore"), [n])])

for name, model in [("MLPRegressor()", lambda s: MLPRegressor(random_state=s)),
                    ("MLPRegressor() on a standardized target", lambda s: TransformedTargetRegressor(MLPRegressor(random_state=s), transformer=StandardScaler()))]:
    means = []
    for seed in range(1, 4):
        folds = KFold(5, shuffle=True, random_state=seed)
        scores = -cross_val_score(make_pipeline(prepare(), model(seed)), x, y, cv=folds, scoring="neg_root_mean_squared_error")
        means.append(scores.mean())
        print(f"{name}, seed {seed}: RMSE {scores.mean():.3f} +- {scores.std():.3f}  folds {np.round(scores, 3).tolist()}")
    print(f"{name}: mean of {len(means)} seeds {np.mean(means):.3f}")
