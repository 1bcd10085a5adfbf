"""Handwritten digits, the whole workflow: reshape, scale, one-hot labels, compile, fit with validation data, evaluate, predict.

For real Keras, change the import to `import keras`. With the word `mnist` behind the program it trains on all of MNIST, where that is on this
computer (see `keras.datasets`).
"""

import sys

import numpy as np

import adaline as keras
from _data import digits, tell

keras.utils.set_random_seed(1)
full = sys.argv[1:] == ["mnist"]
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data() if full else digits()
top, size = (255, 784) if full else (16, 64)

x_train = x_train.reshape(len(x_train), size).astype("float32") / top
x_test = x_test.reshape(len(x_test), size).astype("float32") / top
y_train = keras.utils.to_categorical(y_train, 10)
y_test = keras.utils.to_categorical(y_test, 10)

model = keras.models.Sequential()
model.add(keras.layers.Input(shape=(size,)))
model.add(keras.layers.Dense(128, activation="relu"))
model.add(keras.layers.Dropout(0.2))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=32, epochs=5 if full else 20, verbose=2, validation_data=(x_test, y_test))

score = model.evaluate(x_test, y_test, verbose=0)
print("test loss", score[0], "test accuracy", score[1])
wrong = np.flatnonzero(model.predict(x_test, verbose=0).argmax(axis=1) != y_test.argmax(axis=1))
print(len(wrong), "digits are taken for others")
tell(accuracy=score[1], val_accuracy=history.history["val_accuracy"][-1])
