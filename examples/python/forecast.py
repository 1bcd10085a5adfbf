"""A time series with an LSTM: carbon dioxide in the air, two years seen, the next month foretold.

For real Keras, change the import to `import keras`.
"""

import numpy as np

import adaline as keras
from _data import co2, tell

keras.utils.set_random_seed(1)
series = co2()
change = np.diff(series)
mean, deviation = change[:400].mean(), change[:400].std()
scaled = ((change - mean) / deviation).astype("float32")
steps = 24
x = np.stack([scaled[i:i + steps] for i in range(len(scaled) - steps)])[..., None]
y = scaled[steps:, None]
x_train, y_train, x_test, y_test = x[:376], y[:376], x[376:], y[376:]

model = keras.Sequential([keras.layers.Input(shape=(steps, 1)), keras.layers.LSTM(16), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
model.fit(x_train, y_train, epochs=20, batch_size=16, verbose=0)
foretold = model.predict(x_test, verbose=0)
error = float(np.abs(foretold - y_test).mean() * deviation)
print("off by", error, "ppm in the mean; the same as in the month before would be off by", float(np.abs(np.diff(change[399:])).mean()))
tell(mae=error)
