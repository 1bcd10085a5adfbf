"""Goldens of resizing pictures from real Keras.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/resize.py

writes crates/data/tests/goldens/resize.json. Everything is a fixed function of nothing, so a second run changes no byte.
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

OUT = pathlib.Path("crates/data/tests/goldens/resize.json")


def picture(height, width, channels):
    """The same bytes as `picture` in crates/data/src/image/resize/tests.rs."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    return ((x * 37 + y * 91 + c * 53 + x * y * 7) % 256).astype("float32")


def cases():
    sizes = [
        ((5, 7, 3), (3, 4)),  # smaller
        ((3, 4, 1), (5, 9)),  # larger
        ((6, 4, 3), (3, 8)),  # one axis each way
        ((11, 2, 1), (4, 4)),
        ((1, 9, 3), (2, 2)),
        ((4, 4, 4), (4, 4)),  # the same
    ]
    for (height, width, channels), size in sizes:
        for interpolation in ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]:
            for aspect in ["stretch", "crop", "pad"]:
                out = keras.ops.image.resize(
                    picture(height, width, channels),
                    size,
                    interpolation=interpolation,
                    crop_to_aspect_ratio=aspect == "crop",
                    pad_to_aspect_ratio=aspect == "pad",
                    data_format="channels_last",
                )
                values = [float(f"{float(v):.7g}") for v in np.asarray(out).ravel()]
                yield {
                    "from": [height, width, channels],
                    "to": list(size),
                    "interpolation": interpolation,
                    "aspect_ratio": aspect,
                    "values": values,
                }


if __name__ == "__main__":
    OUT.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(c, sort_keys=True, separators=(",", ":")) for c in cases())
    OUT.write_text(f"[\n{rows}\n]\n")
