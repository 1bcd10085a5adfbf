"""A layer, a loss and a metric of one's own, and a class of a model.

For real Keras, change the import to `import keras`.
"""

import adaline as keras
from _data import iris, tell

ops = keras.ops
keras.utils.set_random_seed(1)


class Scaled(keras.layers.Layer):
    """Learns a factor and a shift for each feature."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
        self.shift = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="shift")

    def call(self, inputs):
        return inputs * self.factor + self.shift


class Classifier(keras.Model):
    """Two dense layers behind it."""

    def __init__(self):
        super().__init__()
        self.scaled = Scaled()
        self.hidden = keras.layers.Dense(16, activation="relu")
        self.last = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.last(self.hidden(self.scaled(inputs)))


def smoothed(y_true, y_pred):
    """Cross-entropy with a little less trust in the labels."""
    target = 0.95 * ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), 3) + 0.05 / 3
    return -ops.sum(target * ops.log(y_pred + 1e-7), axis=-1)


class Sure(keras.metrics.Metric):
    """Part of the rows whose class gets more than 0.8."""

    def __init__(self, name="sure", **kwargs):
        super().__init__(name=name, **kwargs)
        self.count = self.add_weight(name="count", initializer="zeros")
        self.rows = self.add_weight(name="rows", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        sure = ops.cast(ops.max(y_pred, axis=-1) > 0.8, "float32")
        self.count.assign_add(ops.sum(sure))
        self.rows.assign_add(ops.sum(ops.ones_like(sure)))

    def result(self):
        return self.count / self.rows


x, y = iris()
model = Classifier()
model.compile(optimizer=keras.optimizers.Adam(0.02), loss=smoothed, metrics=["accuracy", Sure()])
model.fit(x[:120], y[:120], epochs=40, batch_size=16, verbose=0)
told = model.evaluate(x[120:], y[120:], verbose=0, return_dict=True)
print(told)
tell(accuracy=told["accuracy"])
