"""Data of the examples, from the repository's folder `datasets`."""

import csv
import os

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "datasets")


def table(name):
    """The rows of a CSV file, as dicts."""
    with open(os.path.join(FOLDER, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def digits():
    """`(x_train, y_train), (x_test, y_test)` of pictures 8 × 8, 0 to 16."""
    rows = np.array([[float(v) for v in row.values()] for row in table("digits.csv")], dtype="float32")
    rows = np.random.RandomState(0).permutation(rows)
    x, y = rows[:, :64].reshape(-1, 8, 8), rows[:, 64].astype("int32")
    return (x[:1437], y[:1437]), (x[1437:], y[1437:])


def iris():
    """Measurements `(150, 4)` and class numbers."""
    rows = table("iris.csv")
    names = sorted({row["species"] for row in rows})
    x = np.array([[float(v) for k, v in row.items() if k != "species"] for row in rows], dtype="float32")
    y = np.array([names.index(row["species"]) for row in rows], dtype="int32")
    order = np.random.RandomState(1).permutation(len(x))
    return x[order], y[order]


def co2():
    """A series of monthly means, one after the other."""
    return np.array([float(row["co2"]) for row in table("co2.csv")], dtype="float32")


def tell(**values):
    """Results in a form that `compare.py` reads."""
    for name, value in values.items():
        print(f"RESULT {name} {float(value):.6f}")
