"""Writes Keras' own model summaries next to this file; tests/keras_summary.rs compares against them.

Needs Keras 3 (made with 3.15.1): KERAS_BACKEND=jax COLUMNS=200 python make.py
"""

import pathlib

import keras
from keras import layers

HERE = pathlib.Path(__file__).parent


def write(file, model, line_length=76, **options):
    lines = []
    model.summary(line_length=line_length, print_fn=lambda text, **_: lines.append(text), **options)
    (HERE / f"{file}.txt").write_text("\n".join(lines))


iris = keras.Sequential(
    [
        keras.Input((4,)),
        layers.Dense(16, activation="relu"),
        layers.BatchNormalization(),
        layers.Dense(3, activation="softmax"),
    ],
    name="iris",
)
write("iris", iris)
iris.compile("adam", "sparse_categorical_crossentropy")
iris.optimizer.build(iris.trainable_variables)
write("iris_compiled", iris)

digits = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, name="a_very_long_layer_name_that_must_be_wrapped_somewhere"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10),
    ],
    name="digits",
)
digits.layers[0].trainable = False
write("digits_60", digits, line_length=60)
write("digits_trainable", digits, show_trainable=True)
write("digits_88", digits, line_length=88)

write("unbuilt", keras.Sequential([layers.Dense(3)], name="unbuilt"))

a = keras.Input((8,), name="left")
b = keras.Input((8,), name="right")
joined = layers.Concatenate(name="joined")([layers.Dense(4, name="branch")(a), b])
two = keras.Model([a, b], layers.Dense(1, name="answer")(joined), name="two_inputs")
write("two_inputs", two)
write("two_inputs_108", two, line_length=108)
write("two_inputs_trainable_120", two, line_length=120, show_trainable=True)
