"""The functional API: fuel consumption of cars from measurements and from where they were made, two inputs.

For real Keras, change the import to `import keras`.
"""

import numpy as np

import adaline as keras
from _data import table, tell

keras.utils.set_random_seed(1)
rows = [row for row in table("auto_mpg.csv") if row["mpg"] and row["horsepower"]]
rows = [rows[i] for i in np.random.RandomState(0).permutation(len(rows))]
names = [n for n in rows[0] if n not in ("mpg", "origin", "name")]
numbers = np.array([[float(row[n]) for n in names] for row in rows], dtype="float32")
numbers = (numbers - numbers[:300].mean(axis=0)) / numbers[:300].std(axis=0)
origins = sorted({row["origin"] for row in rows})
origin = np.array([origins.index(row["origin"]) for row in rows], dtype="int32")
mpg = np.array([float(row["mpg"]) for row in rows], dtype="float32")

measured = keras.Input(shape=(len(names),), name="measured")
made_in = keras.Input(shape=(1,), dtype="int32", name="made_in")
place = keras.layers.Flatten()(keras.layers.Embedding(len(origins), 2)(made_in))
both = keras.layers.concatenate([measured, place])
hidden = keras.layers.Dense(32, activation="relu")(both)
model = keras.Model(inputs=[measured, made_in], outputs=keras.layers.Dense(1, name="mpg")(hidden))
model.summary()
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
model.fit({"measured": numbers[:300], "made_in": origin[:300, None]}, mpg[:300], epochs=80, batch_size=16, verbose=0)
loss, mae = model.evaluate([numbers[300:], origin[300:, None]], mpg[300:], verbose=0)
print("off by", mae, "miles per gallon in the mean")
tell(mae=mae)
