"""The first network of a course: two dense layers, told from ten numbers whether their sum is positive.

For real Keras, change the import to `import keras`.
"""

import numpy as np

import adaline as keras
from _data import tell

keras.utils.set_random_seed(1)
rng = np.random.RandomState(0)
train_samples = rng.normal(size=(2000, 10)).astype("float32")
train_labels = (train_samples.sum(axis=1) > 0).astype("int32")

model = keras.Sequential([
    keras.layers.Dense(32, input_shape=(10,), activation="relu"),
    keras.layers.Dense(2, activation="softmax"),
])
model.summary()
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x=train_samples, y=train_labels, batch_size=10, epochs=20, shuffle=True, verbose=2)

test_samples = rng.normal(size=(500, 10)).astype("float32")
test_labels = (test_samples.sum(axis=1) > 0).astype("int32")
loss, accuracy = model.evaluate(test_samples, test_labels, verbose=0)
tell(accuracy=accuracy)
