"""Save a trained network, load it again, predict without training.

For real Keras, change the import to `import keras`.
"""

import os
import tempfile

import numpy as np

import adaline as keras
from _data import iris, tell

keras.utils.set_random_seed(1)
x, y = iris()
normalization = keras.layers.Normalization(mean=x.mean(axis=0).tolist(), variance=x.var(axis=0).tolist())
model = keras.Sequential([keras.layers.Input(shape=(4,)), normalization, keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3)])
model.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(x[:120], y[:120], epochs=30, batch_size=16, verbose=0)
before = model.predict(x[120:], verbose=0)

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "iris.keras")
    model.save(path)
    del model
    loaded = keras.models.load_model(path)
after = loaded.predict(x[120:], verbose=0)
print("largest difference of predictions", np.abs(before - after).max())
assert np.abs(before - after).max() < 1e-5
tell(accuracy=loaded.evaluate(x[120:], y[120:], verbose=0)[1])
