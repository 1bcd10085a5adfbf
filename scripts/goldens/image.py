"""Goldens of image layers from real Keras: values and gradients.

Made with Python 3.11, Keras 3.15.1 on JAX (CPU, f32), NumPy 2. From the repository's root:

    KERAS_BACKEND=jax python scripts/goldens/image.py

writes image.json, rand_augment.json and image_given.json in crates/nn/tests/goldens. Everything is a fixed function of nothing, so a second run changes no byte.

Where a layer draws numbers, its bounds are equal, so that it draws the same ones always; what is left to a coin (the sign of a shear) is
set both ways, and each image must be that of one of `outputs`.
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import layers as L

OUT = pathlib.Path("crates/nn/tests/goldens/image.json")


def number(v):
    v = float(f"{float(v):.7g}")
    return int(v) if v.is_integer() else v


def tensor(a):
    a = np.asarray(a)
    return {"dtype": "f32", "shape": list(a.shape), "data": [number(v) for v in a.ravel()]}


def images(batch, height, width, channels, scale=1.0):
    # Neither 0 nor 255, where clipping has its kinks, nor equal channels, where the largest has.
    b, y, x, c = np.mgrid[0:batch, 0:height, 0:width, 0:channels]
    return (((x * 37 + y * 91 + c * 53 + x * y * 7 + b * 29) % 251 + 2) * scale).astype("float32")


def wave(shape):
    n = int(np.prod(shape))
    return np.sin(0.9 * np.arange(1, n + 1) ** 1.3).astype("float32").reshape(shape)


def plain(layer, x):
    """A layer that draws nothing, or the same always."""
    fixed = layer.get_random_transformation(jnp.array(x), training=True)
    return [lambda q: layer.transform_images(q, fixed, training=True)]


def untaught(layer, x):
    """As `plain`, without a gradient: values are steps, or kinks where the smallest and the largest become the bounds."""
    (f,) = plain(layer, x)
    f.gradient = False
    return [f]


def signs(layer, x, key):
    """A layer that draws a sign."""
    fixed = layer.get_random_transformation(jnp.array(x), training=True)
    return [lambda q, s=s: layer.transform_images(q, {**fixed, key: s * abs(fixed[key])}, training=True) for s in (1, -1)]


def cases():
    x, one, unit = images(2, 5, 7, 3), images(2, 6, 4, 1), images(2, 5, 6, 3, 1 / 256)
    first = np.moveaxis(x, -1, 1).copy()
    for interpolation in ("nearest", "bilinear", "bicubic"):
        for aspect in ({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 7.5}):
            for size in ((3, 4), (9, 8)):
                yield L.Resizing(*size, interpolation=interpolation, **aspect), x, plain
    yield L.Resizing(4, 9, pad_to_aspect_ratio=True, fill_value=1.0), one, plain
    yield L.Resizing(9, 4, crop_to_aspect_ratio=True, data_format="channels_first"), first, plain
    for size in ((3, 4), (5, 7), (2, 9), (8, 3), (10, 12)):
        yield L.CenterCrop(*size), x, plain
    yield L.CenterCrop(3, 4, data_format="channels_first"), first, plain
    yield L.Solarization(), x, plain
    yield L.Solarization(value_range=(0, 1)), unit, plain
    yield L.RandomGrayscale(1.0), x, lambda layer, x: [lambda q: layer.transform_images(q, jnp.ones((2, 1, 1, 1), bool))]
    yield L.RandomGrayscale(1.0), one, lambda layer, x: [lambda q: layer.transform_images(q, jnp.ones((2, 1, 1, 1), bool))]
    for mode in ("horizontal", "vertical", "horizontal_and_vertical"):
        for data, how in ((x, "channels_last"), (first, "channels_first")):
            yield L.RandomFlip(mode, data_format=how), data, lambda layer, x: [
                lambda q, f=f: layer.transform_images(q, {"flips": jnp.full((2, 1, 1, 1), f)}) for f in (True, False)
            ]
    for fill_mode in ("reflect", "wrap", "constant", "nearest"):
        for interpolation in ("nearest", "bilinear"):
            how = {"fill_mode": fill_mode, "interpolation": interpolation, "fill_value": 11.5}
            for factor in (0.08, -0.21, 0.637):
                yield L.RandomRotation((factor, factor), **how), x, plain
            for height, width in (((0.3, 0.3), None), ((-0.37, -0.37), (0.91, 0.91)), ((0.97, 0.97), (-0.53, -0.53))):
                yield L.RandomZoom(height, width, **how), x, plain
            for height, width in ((0.23, -0.41), (-0.97, 0.88), (0.0, 0.36)):
                yield L.RandomTranslation((height, height), (width, width), **how), x, plain
            for by_x, by_y in ((0.33, 0.0), (0.0, 0.71), (0.93, 0.27)):
                layer = L.RandomShear((by_x, by_x), (by_y, by_y), **how)
                yield layer, x, lambda layer, x: signs(layer, x, "shear_factor")
    yield L.RandomRotation((0.1, 0.1), data_format="channels_first"), first, plain
    yield L.RandomCrop(5, 4, seed=1), x, plain
    yield L.RandomCrop(3, 7, seed=1), x, plain
    yield L.RandomCrop(8, 3, seed=1), x, plain
    yield L.RandomCrop(8, 9, seed=1), x, plain
    for factor in (0.0, 0.4):
        yield L.RandomContrast((-factor, factor)), x, plain
    yield L.RandomContrast((-0.5, 0.5), value_range=(0, 1)), unit, plain
    for factor in (0.0, 0.35, -0.613):
        yield L.RandomBrightness((factor, factor)), x, plain
    yield L.RandomBrightness((0.2, 0.2), value_range=(0, 1)), unit, plain
    for factor in (0.0, 0.3, 1.0):
        yield L.RandomHue((factor, factor)), x, lambda layer, x: signs(layer, x, "factor")
    yield L.RandomHue((0.7, 0.7), value_range=(0, 1)), unit, lambda layer, x: signs(layer, x, "factor")
    for factor in (0.0, 0.3, 0.5, 0.8, -0.2):
        yield L.RandomSaturation((factor, factor)), x, plain
    yield L.RandomSaturation((0.57, 0.57), value_range=(0, 1)), unit, plain
    for factor in (0.0, 0.3, 0.5, 1.0):
        yield L.RandomSharpness((factor, factor)), x, plain
    yield L.RandomSharpness((0.9, 0.9), value_range=(0, 1), data_format="channels_first"), np.moveaxis(unit, -1, 1).copy(), plain
    yield L.RandomSharpness((0.2, 0.2)), images(1, 1, 1, 2), plain
    for factor in (0.0, 0.4, 1.0, -0.7):
        yield L.RandomColorDegeneration((factor, factor)), x, plain
    yield L.RandomColorDegeneration((0.6, 0.6), value_range=(0, 1), data_format="channels_first"), np.moveaxis(unit, -1, 1).copy(), plain
    for bits in range(1, 9):
        yield L.RandomPosterization((bits, bits)), x, untaught
    yield L.RandomPosterization(1, value_range=(0, 1)), unit, untaught
    yield L.RandomPosterization((3, 3), value_range=(-1, 1)), 2 * unit - 1, untaught
    yield L.RandomInvert((1.0, 1.0)), x, plain
    yield L.RandomInvert((1.0, 1.0), value_range=(0, 1)), unit, plain
    yield L.RandomInvert((0.0, 0.0)), x, plain
    yield L.RandomColorJitter(), x, plain
    jitter = {"brightness_factor": (-0.1, -0.1), "contrast_factor": (-0.3, 0.3), "saturation_factor": (0.6, 0.6), "hue_factor": (0.0, 0.0)}
    yield L.RandomColorJitter(**jitter), x, plain
    yield L.RandomColorJitter(value_range=(0, 1), brightness_factor=(0.2, 0.2), saturation_factor=(0.3, 0.3)), unit, plain
    # A grey channel, one in which every value is the same, and one in few values.
    flat = np.stack([x[..., 0], np.full_like(x[..., 0], 7.0), np.floor(x[..., 2] / 100) + 3], -1)
    for data, how in ((x, {}), (unit, {"value_range": (0, 1)}), (flat, {}), (one, {}), (2 * unit - 1, {"value_range": (-1, 1)}), (first, {"data_format": "channels_first"})):
        yield L.AutoContrast(**how), data, untaught
    whole = np.arange(512, dtype="float32").reshape(2, 16, 16, 1) // 2
    for data, how in (
        (x, {}), (x, {"bins": 7}), (x, {"bins": 1}), (x, {"bins": 300}), (unit, {"value_range": (0, 1)}), (flat, {}), (whole, {}), (np.floor(whole**2 / 255), {"bins": 64}),
        (2 * unit - 1, {"value_range": (-1, 1), "bins": 100}), (first, {"data_format": "channels_first"}), (x * 3 - 200, {}),
    ):
        yield L.Equalization(**how), data, untaught
    for antialias in (True, False):
        for interpolation in ("nearest", "bilinear", "bicubic"):
            for size in ((3, 4), (2, 9), (1, 1)):
                yield L.Resizing(*size, interpolation=interpolation, antialias=antialias), x, plain
    yield L.Resizing(2, 5, antialias=True, pad_to_aspect_ratio=True, fill_value=3.5), x, plain
    yield L.Resizing(2, 5, antialias=True, crop_to_aspect_ratio=True, data_format="channels_first"), first, plain
    for fill in (300.0, 17.5):
        yield L.RandomErasing((1.0, 1.0), scale=(1.0, 1.0), fill_value=fill), x, plain
    yield L.RandomPerspective((1.0, 1.0), scale=0.0), x, plain
    yield L.RandomElasticTransform((0.0, 0.0)), x, plain
    yield L.RandomElasticTransform(scale=0.0), x, plain
    yield L.AugMix(chain_depth=0), x, lambda layer, x: [lambda q: layer.transform_images(q, {"chain_mixing_weights": jnp.array([0.5, 0.25, 0.25]), "weight_sample": jnp.array(0.5), "chain_transforms": [[]] * 3})]
    clahe = L.ContrastLimitedAdaptiveHistogramEqualization
    large = images(2, 20, 17, 2)
    for data, how in (
        (x, {}), (large, {}), (large, {"tile_grid_size": (2, 3)}), (large, {"clip_limit": 0.0, "tile_grid_size": (1, 1)}), (large, {"clip_limit": 40.0, "tile_grid_size": (4, 2)}),
        (large / 256, {"value_range": (0, 1), "tile_grid_size": (3, 3)}), (flat, {"tile_grid_size": (2, 2)}), (x * 3 - 200, {"tile_grid_size": (2, 2)}),
        (first, {"data_format": "channels_first", "tile_grid_size": (5, 4)}), (images(1, 1, 2, 1), {}),
    ):
        yield clahe(**how), data, untaught
    for size, sigma in ((3, 1.0), ((5, 1), 0.7), ((1, 7), 0.9), (9, 0.5), (3, 0.0)):
        yield L.RandomGaussianBlur((1.0, 1.0), kernel_size=size, sigma=(sigma, sigma)), x, plain


def rand_augment():
    """What each augmentation of a RandAugment makes of images, one at a time: one or, where a sign is drawn, two; none for those
    that draw more."""
    x = images(2, 5, 7, 3)
    layer = L.RandAugment(num_ops=1, factor=(0.2, 0.2))
    drawn = layer.get_random_transformation(jnp.array(x), training=True)
    outputs = {}
    for k, name in enumerate(layer._AUGMENT_LAYERS):
        shears = [drawn["transforms"]["random_shear"]]
        if name == "random_shear":
            factor = abs(shears[0]["shear_factor"])
            shears = [{**shears[0], "shear_factor": s * factor} for s in (1, -1)]
        made = [
            layer.transform_images(jnp.array(x), {"transforms": {**drawn["transforms"], "random_shear": shear}, "layer_idxes": jnp.array([k])})
            for shear in shears
        ]
        outputs[name] = [] if name in ("solarization", "random_contrast") else [tensor(v) for v in made]
    return {"object": keras.saving.serialize_keras_object(layer), "x": tensor(x), "outputs": outputs}


def given():
    """Layers that move each pixel by numbers of its own, with numbers that are given instead of drawn."""
    x, square = images(2, 9, 12, 3), images(2, 20, 24, 1)
    # Of the corners that move along an axis: right above, left below, and both of right below.
    shift = np.array([[[0, 0], [-0.41, 0], [0, 0.37], [0.23, -0.17]], [[0, 0], [0.33, 0], [0, -0.29], [-0.37, -0.31]]], "float32")
    for interpolation in ("nearest", "bilinear"):
        layer = L.RandomPerspective((1.0, 1.0), interpolation=interpolation, fill_value=11.5)
        fixed = layer.get_random_transformation(jnp.array(x), training=True)
        start = fixed["start_points"]
        made = layer.transform_images(jnp.array(x), {**fixed, "end_points": start + start * shift}, training=True)
        yield {"object": keras.saving.serialize_keras_object(layer), "x": tensor(x), "given": [tensor(shift)], "y": tensor(made)}
    draw = jax.random.normal
    for fill_mode in ("reflect", "wrap", "constant", "nearest", "mirror"):
        for interpolation in ("nearest", "bilinear"):
            for factor in (1.0, 0.63):
                layer = L.RandomElasticTransform((1.0, 1.0), scale=(factor, factor), fill_mode=fill_mode, interpolation=interpolation, fill_value=11.5)
                noise = [3 * wave(square.shape[:3]), 2 * wave(square.shape[:3])[::-1, ::-1]]
                left = list(noise)
                jax.random.normal = lambda *_, **__: jnp.array(left.pop(0))
                fixed = layer.get_random_transformation(jnp.array(square), training=True)
                made = layer.transform_images(jnp.array(square), fixed, training=True)
                jax.random.normal = draw
                yield {"object": keras.saving.serialize_keras_object(layer), "x": tensor(square), "given": [tensor(n) for n in noise], "y": tensor(made)}


def rows():
    for layer, x, how in cases():
        functions = how(layer, x)
        row = {"object": keras.saving.serialize_keras_object(layer), "x": tensor(x), "outputs": [tensor(f(jnp.array(x))) for f in functions]}
        row["object"].pop("build_config", None)
        if len(functions) == 1 and getattr(functions[0], "gradient", True):
            c = wave(functions[0](jnp.array(x)).shape)
            row["cotangent"] = tensor(c)
            row["gradient"] = tensor(jax.grad(lambda q: jnp.sum(functions[0](q) * c))(jnp.array(x)))
        yield row


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    line = lambda r: json.dumps(r, sort_keys=True, separators=(",", ":"))
    text = ",\n".join(map(line, rows()))
    OUT.write_text(f"[\n{text}\n]\n")
    text = ",\n".join(map(line, given()))
    (OUT.parent / "image_given.json").write_text(f"[\n{text}\n]\n")
    (OUT.parent / "rand_augment.json").write_text(f"[\n{line(rand_augment())}\n]\n")
