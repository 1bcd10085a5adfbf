"""Callbacks: stop early, lower the rate, keep the best network, and one of one's own.

For real Keras, change the import to `import keras`.
"""

import os
import tempfile

import adaline as keras
from _data import digits, tell

keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = digits()
x_train, x_test = x_train[..., None] / 16, x_test[..., None] / 16


class Told(keras.callbacks.Callback):
    """Prints each epoch, and ends training when it is good enough."""

    def on_epoch_end(self, epoch, logs=None):
        print(f"epoch {epoch + 1}: val_accuracy {logs['val_accuracy']:.4f}, learning rate {float(self.model.optimizer.learning_rate):.5f}")
        if logs["val_accuracy"] > 0.995:
            self.model.stop_training = True


model = keras.Sequential([
    keras.layers.Input(shape=(8, 8, 1)),
    keras.layers.Conv2D(16, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "best.keras")
    history = model.fit(x_train, y_train, epochs=12, batch_size=32, verbose=0, validation_data=(x_test, y_test), callbacks=[
        keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=2),
        keras.callbacks.ModelCheckpoint(path, save_best_only=True),
        Told(),
    ])
    best = keras.models.load_model(path)
print(len(history.history["loss"]), "epochs")
tell(accuracy=best.evaluate(x_test, y_test, verbose=0)[1])
