"""Pictures from files. Those of folders are decoded by the compiled side, single ones are pictures of Pillow, which is asked for only here."""

from __future__ import annotations

import os
from typing import Any, List, Optional, Tuple

import numpy as np

from .. import _adaline
from ..config import image_data_format
from ._dataset import ArrayBatches

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


def _pillow() -> Any:
    try:
        from PIL import Image  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise ImportError("reading pictures needs Pillow: pip install pillow (the program `adaline` reads them without)") from None
    return Image


def load_img(path: Any, color_mode: str = "rgb", target_size: Any = None, interpolation: str = "nearest", keep_aspect_ratio: bool = False) -> Any:
    """A picture of Pillow from a file.

    Args:
        path: Path of the file.
        color_mode: `"grayscale"`, `"rgb"` or `"rgba"`.
        target_size: `(height, width)` that it is resized to.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"hamming"`, `"box"` or `"lanczos"`.
        keep_aspect_ratio: Whether the middle is cut out so that the sides keep their ratio.
    """
    image = _pillow().open(path)
    if color_mode not in _MODES:
        raise ValueError(f'color_mode must be "grayscale", "rgb", or "rgba". Received: {color_mode}')
    if not (color_mode == "grayscale" and image.mode in ("L", "I;16", "I")):
        image = image.convert(_MODES[color_mode])
    if target_size is not None:
        height, width = target_size
        try:
            how = getattr(_pillow().Resampling, interpolation.upper())
        except AttributeError:
            raise ValueError(f"Invalid interpolation method {interpolation} specified") from None
        box = None
        if keep_aspect_ratio:
            w, h = image.size
            cut_h, cut_w = min(int(w * height / width), h), min(int(h * width / height), w)
            left, top = (w - cut_w) // 2, (h - cut_h) // 2
            box = (left, top, left + cut_w, top + cut_h)
        image = image.resize((width, height), how, box=box)
    return image


def img_to_array(img: Any, data_format: Optional[str] = None, dtype: Any = None) -> np.ndarray:
    """A picture as an array `(height, width, channels)` of float32."""
    if (data_format or image_data_format()) != "channels_last":
        raise ValueError(f"data_format is 'channels_last', got {data_format or image_data_format()!r}")
    array = np.asarray(img, dtype=dtype or "float32")
    if array.ndim == 2:
        return array[..., None]
    if array.ndim != 3:
        raise ValueError(f"Unsupported image shape: {array.shape}")
    return array


def array_to_img(x: Any, data_format: Optional[str] = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array `(height, width, channels)` as a picture of Pillow; `scale` stretches its values to 0 to 255."""
    array = np.asarray(x, dtype=dtype or "float32")
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        raise ValueError(f"Expected image array to have shape (height, width, 1, 3 or 4). Got array with shape: {array.shape}")
    if scale:
        array = array - array.min()
        top = array.max()
        array = array / top * 255 if top else array
    return _pillow().fromarray(array[..., 0].astype("uint8") if array.shape[-1] == 1 else array.astype("uint8"))


def save_img(path: Any, x: Any, data_format: Optional[str] = None, file_format: Optional[str] = None, scale: bool = True, **kwargs: Any) -> None:
    """Writes an array as a picture."""
    array_to_img(x, data_format, scale).save(path, format=file_format, **kwargs)


def resize_bilinear(image: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """Bilinear interpolation between centres of pixels, without smoothing: that of `image_dataset_from_directory`. `(H, W, C)` of float32."""
    for axis, wanted in enumerate(size):
        have = image.shape[axis]
        if have == wanted:
            continue
        at = np.clip((np.arange(wanted) + 0.5) * (have / wanted) - 0.5, 0, have - 1)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, have - 1)
        part = (at - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(3)])
        image = image.take(low, axis) * (1 - part) + image.take(high, axis) * part
    return image


def _read(path: str, color_mode: str, size: Tuple[int, int], interpolation: str, crop: bool) -> np.ndarray:
    image = _adaline.read_image(path, color_mode).astype(np.float32)
    if crop:
        (h, w), (height, width) = image.shape[:2], size
        cut_h, cut_w = min(int(w * height / width), h), min(int(h * width / height), w)
        top, left = (h - cut_h) // 2, (w - cut_w) // 2
        image = image[top:top + cut_h, left:left + cut_w]
    if interpolation == "nearest":
        rows, columns = ((np.floor((np.arange(n) + 0.5) * (have / n)).astype(np.int64)) for n, have in zip(size, image.shape))
        return image[rows][:, columns]
    return resize_bilinear(image, size)


def _index(directory: str, labels: Any, class_names: Optional[List[str]], follow_links: bool) -> Tuple[List[str], List[int], List[str]]:
    """Files with their classes; folders and names in alphabetical order."""
    inferred = labels == "inferred" if isinstance(labels, str) else False
    names = sorted(d for d in os.listdir(directory) if os.path.isdir(os.path.join(directory, d)) and not d.startswith("."))
    if class_names is not None:
        if set(class_names) != set(names):
            raise ValueError("The `class_names` passed did not match the names of the subdirectories of the target directory. "
                             f"Expected: {names}, but received: {class_names}")
        names = list(class_names)
    paths: List[str] = []
    numbers: List[int] = []
    for number, name in enumerate(names if inferred else [""]):
        for folder, below, files in sorted(os.walk(os.path.join(directory, name), followlinks=follow_links)):
            below.sort()
            found = [os.path.join(folder, f) for f in sorted(files) if f.lower().endswith(FORMATS)]
            paths += found
            numbers += [number] * len(found)
    if isinstance(labels, (list, tuple)):
        if len(labels) != len(paths):
            raise ValueError(f"Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is {len(labels)} "
                             f"while we found {len(paths)} files in directory {directory}.")
        numbers, names = list(labels), [str(n) for n in sorted(set(labels))]
    return paths, numbers, names


def image_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: Optional[str] = "int", class_names: Any = None,
                                 color_mode: str = "rgb", batch_size: Optional[int] = 32, image_size: Any = (256, 256), shuffle: bool = True,
                                 seed: Optional[int] = None, validation_split: Optional[float] = None, subset: Optional[str] = None,
                                 interpolation: str = "bilinear", follow_links: bool = False, crop_to_aspect_ratio: bool = False,
                                 pad_to_aspect_ratio: bool = False, data_format: Any = None, format: str = "tf", verbose: bool = True) -> Any:
    """Pictures of a folder with a folder for each class, decoded batch by batch: `(batch, height, width, channels)` of float32, 0 to 255.

    Args:
        directory: The folder.
        labels: `"inferred"` from the folders, None, or a class number for each file in alphabetical order.
        label_mode: `"int"`, `"categorical"`, `"binary"` or None.
        class_names: Names of the folders in the order in which they shall count.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: Pictures of a batch; none for single pictures.
        image_size: `(height, width)` that they are resized to.
        shuffle: Whether the order is shuffled, anew for each epoch.
        seed: Of the order and of the split.
        validation_split: Part of the files that is kept for validation.
        subset: `"training"`, `"validation"` or `"both"`, with `validation_split`.
        interpolation: `"bilinear"` or `"nearest"`.
        follow_links: Whether links to folders are followed.
        crop_to_aspect_ratio: Whether the middle is cut out so that the sides keep their ratio.
        pad_to_aspect_ratio: Not offered.
        data_format: `"channels_last"`.
        format: Kept for Keras' programs.
        verbose: Whether the number of files is told.

    Returns:
        A `PyDataset` of batches with `class_names` and `file_paths`; two of them with `subset="both"`.
    """
    if color_mode not in _MODES:
        raise ValueError(f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: color_mode={color_mode}')
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: label_mode={label_mode}')
    if interpolation not in ("bilinear", "nearest"):
        raise ValueError(f"interpolation is 'bilinear' or 'nearest', got {interpolation!r}")
    if pad_to_aspect_ratio or (data_format or image_data_format()) != "channels_last":
        raise ValueError("pad_to_aspect_ratio and data_format='channels_first' are not offered")
    if (validation_split is None) != (subset is None) or subset not in (None, "training", "validation", "both"):
        raise ValueError(f"validation_split and subset ('training', 'validation' or 'both') go together, got {validation_split} and {subset!r}")
    if validation_split is not None and shuffle and seed is None:
        raise ValueError("If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that there is no "
                         "overlap between the training and validation subset.")
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    size = (int(height), int(width))
    paths, numbers, names = _index(os.fspath(directory), labels, class_names, follow_links)
    if not paths:
        raise ValueError(f"No images found in directory {directory}. Allowed formats: {FORMATS}")
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: class_names={names}')
    if verbose:
        print(f"Found {len(paths)} files" + (f" belonging to {len(names)} classes." if labels is not None else "."))
    order = np.arange(len(paths))
    if shuffle:
        np.random.RandomState(seed).shuffle(order)

    def made(rows: np.ndarray, mixed: bool) -> ArrayBatches:
        files, classes = [paths[i] for i in rows], np.asarray([numbers[i] for i in rows], dtype=np.int32)

        def pick(picked: np.ndarray) -> Any:
            x = np.stack([_read(files[i], color_mode, size, interpolation, crop_to_aspect_ratio) for i in picked])
            if labels is None or label_mode is None:
                return x
            y = classes[picked]
            if label_mode == "categorical":
                return x, np.eye(len(names), dtype=np.float32)[y]
            return x, y.astype(np.float32)[:, None] if label_mode == "binary" else y

        batches = ArrayBatches(len(rows), pick, batch_size, mixed, seed)
        batches.class_names, batches.file_paths = names, files  # type: ignore[attr-defined]
        return batches

    if subset is None:
        return made(order, shuffle)
    held = int((validation_split or 0) * len(order))
    parts = {"training": order[:len(order) - held], "validation": order[len(order) - held:]}
    if subset == "both":
        return [made(parts["training"], shuffle), made(parts["validation"], False)]
    return made(parts[subset], shuffle)
