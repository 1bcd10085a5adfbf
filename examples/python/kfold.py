"""Cross validation with scikit-learn: a new network for each fold.

For real Keras, change the import to `import keras`.
"""

import numpy as np
from sklearn.model_selection import StratifiedKFold

import adaline as keras
from _data import iris, tell

keras.utils.set_random_seed(1)
x, y = iris()
scores = []
for train, test in StratifiedKFold(n_splits=5, shuffle=True, random_state=1).split(x, y):
    mean, deviation = x[train].mean(axis=0), x[train].std(axis=0)
    model = keras.Sequential([
        keras.layers.Input(shape=(4,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ])
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit((x[train] - mean) / deviation, y[train], epochs=30, batch_size=16, verbose=0)
    scores.append(model.evaluate((x[test] - mean) / deviation, y[test], verbose=0)[1])
    print("fold", len(scores), "accuracy", scores[-1])
tell(accuracy=np.mean(scores))
