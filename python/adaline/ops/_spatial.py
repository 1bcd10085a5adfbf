"""Convolutions, pooling, and what moves between space and channels."""

from __future__ import annotations

from typing import Any, Callable, List

from ..config import image_data_format
from ._common import Node, _adaline, cut, floats, node, op, permute, reduce, reshaped, sizes
from ._shapes import stack

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "conv",
    "conv_transpose",
    "depth_to_space",
    "depthwise_conv",
    "fold",
    "max_pool",
    "separable_conv",
    "space_to_depth",
    "unfold",
]


def _each(value: Any, count: int) -> List[int]:
    """A number for each spatial axis."""
    made = sizes(value)
    return made * count if len(made) == 1 else made


def _same(padding: str) -> bool:
    if padding not in ("valid", "same"):
        raise ValueError(f"padding {padding!r} is not one of 'valid' and 'same'")
    return padding == "same"


def channels_last(x: Any, data_format: Any, f: Callable[[Node], Node]) -> Node:
    """Runs `f` on `(batch, space.., channels)`, and gives its result as `data_format` says."""
    x = floats(x)
    data_format = image_data_format() if data_format is None else data_format
    if data_format == "channels_last":
        return f(x)
    if data_format != "channels_first":
        raise ValueError(f"data_format {data_format!r} is not one of 'channels_last' and 'channels_first'")
    r = x.ndim
    made = f(permute(x, [0, *range(2, r), 1]))
    return permute(made, [0, made.ndim - 1, *range(1, made.ndim - 1)])


@op
def conv(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1) -> Any:
    """Convolution with a kernel `(size.., channels / groups, filters)`; the groups follow from the channels."""
    kernel = floats(kernel)
    n = kernel.ndim - 2

    def run(x: Node) -> Node:
        groups, rest = divmod(x.shape[-1], kernel.shape[-2])
        if rest:
            raise ValueError(f"conv of {x.shape[-1]} channels with a kernel for {kernel.shape[-2]}: expected a multiple")
        return _adaline.conv(x, kernel, _each(strides, n), _same(padding), _each(dilation_rate, n), groups)

    return channels_last(inputs, data_format, run)


@op
def depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1
) -> Any:
    """Convolution of each channel by itself, with a kernel `(size.., channels, multiplier)`."""
    kernel = floats(kernel)
    *size, channels, times = kernel.shape
    return conv(inputs, reshaped(kernel, [*size, 1, channels * times]), strides, padding, data_format, dilation_rate)


@op
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Any:
    """A depthwise convolution, then one of size 1 across channels."""
    made = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(made, pointwise_kernel, 1, "valid", data_format, 1)


@op
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Any:
    """Transposed convolution with a kernel `(size.., filters, channels)`."""
    kernel = floats(kernel)
    n = kernel.ndim - 2
    more = None if output_padding is None else _each(output_padding, n)
    return channels_last(
        inputs,
        data_format,
        lambda x: _adaline.conv_transpose(x, kernel, _each(strides, n), _same(padding), more, _each(dilation_rate, n)),
    )


def _pool(name: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: Any) -> Node:
    x = node(inputs)
    size = _each(pool_size, x.ndim - 2)
    steps = size if strides is None else _each(strides, x.ndim - 2)
    return channels_last(x, data_format, lambda x: _adaline.pool(name, x, size, steps, _same(padding)))


@op
def max_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: Any = None) -> Any:
    """Largest number of each window."""
    return _pool("max", inputs, pool_size, strides, padding, data_format)


@op
def average_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: Any = None) -> Any:
    """Mean of each window."""
    return _pool("average", inputs, pool_size, strides, padding, data_format)


def _adaptive(name: str, inputs: Any, output_size: Any, data_format: Any) -> Node:
    """Windows of about equal size, axis by axis."""

    def run(x: Node) -> Node:
        for axis, wanted in enumerate(_each(output_size, x.ndim - 2), 1):
            n = x.shape[axis]
            # The i-th of m windows is from floor(i n / m) to ceil((i + 1) n / m).
            bounds = [(i * n // wanted, -(-(i + 1) * n // wanted)) for i in range(wanted)]
            x = stack([reduce(name, cut(x, axis, a, b), axis) for a, b in bounds], axis)
        return x

    return channels_last(inputs, data_format, run)


@op
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: Any = None) -> Any:
    """Means of windows whose number is given."""
    return _adaptive("mean", inputs, output_size, data_format)


@op
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: Any = None) -> Any:
    """Largest numbers of windows whose number is given."""
    return _adaptive("max", inputs, output_size, data_format)


@op
def depth_to_space(x: Any, block_size: int, data_format: Any = "channels_last") -> Any:
    """Blocks of channels as blocks of pixels; `data_format` also says whether a block's places or its channels come first."""
    x, k = node(x), int(block_size)
    if data_format == "channels_first":
        b, c, h, w = x.shape
        parts = permute(reshaped(x, [b, c // (k * k), k, k, h, w]), [0, 1, 4, 2, 5, 3])
        return reshaped(parts, [b, c // (k * k), h * k, w * k])
    b, h, w, c = x.shape
    parts = permute(reshaped(x, [b, h, w, k, k, c // (k * k)]), [0, 1, 3, 2, 4, 5])
    return reshaped(parts, [b, h * k, w * k, c // (k * k)])


@op
def space_to_depth(x: Any, block_size: int, data_format: Any = "channels_last") -> Any:
    """Blocks of pixels as blocks of channels; the reverse of `depth_to_space`."""
    x, k = node(x), int(block_size)
    if data_format == "channels_first":
        b, c, h, w = x.shape
        parts = permute(reshaped(x, [b, c, h // k, k, w // k, k]), [0, 1, 3, 5, 2, 4])
        return reshaped(parts, [b, c * k * k, h // k, w // k])
    b, h, w, c = x.shape
    parts = permute(reshaped(x, [b, h // k, k, w // k, k, c]), [0, 1, 3, 2, 4, 5])
    return reshaped(parts, [b, h // k, w // k, k * k * c])


@op
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Windows of `(batch, channels, height, width)` as columns: `(batch, channels * size, windows)`."""
    x = floats(x)
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = (_each(v, 2) for v in (kernel_size, dilation, padding, stride))
    x = _adaline.pad(x, [(0, 0), (0, 0), (ph, ph), (pw, pw)])
    b, c, h, w = x.shape
    oh, ow = (h - dh * (kh - 1) - 1) // sh + 1, (w - dw * (kw - 1) - 1) // sw + 1
    parts = [
        cut(cut(x, 2, i * dh, i * dh + (oh - 1) * sh + 1, sh), 3, j * dw, j * dw + (ow - 1) * sw + 1, sw)
        for i in range(kh)
        for j in range(kw)
    ]
    return reshaped(stack([reshaped(p, [b, c, oh * ow]) for p in parts], 2), [b, c * kh * kw, oh * ow])


@op
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The reverse of `unfold`: where windows overlap, they are added up."""
    x = floats(x)
    (oh, ow), (kh, kw) = _each(output_size, 2), _each(kernel_size, 2)
    (dh, dw), (ph, pw), (sh, sw) = (_each(v, 2) for v in (dilation, padding, stride))
    h, w = oh + 2 * ph, ow + 2 * pw
    nh, nw = (h - dh * (kh - 1) - 1) // sh + 1, (w - dw * (kw - 1) - 1) // sw + 1
    b, rows, _ = x.shape
    windows = reshaped(x, [b, rows // (kh * kw), kh * kw, nh, nw])
    made: Any = None
    for i in range(kh):
        for j in range(kw):
            part = windows[:, :, i * kw + j]
            part = _spread(_spread(part, 2, sh, i * dh, h), 3, sw, j * dw, w)
            made = part if made is None else made + part
    return cut(cut(made, 2, ph, ph + oh), 3, pw, pw + ow)


def _spread(x: Node, axis: int, step: int, start: int, size: int) -> Node:
    """Elements along an axis at every `step` from `start` on, zeros between, `size` in all."""
    n, shape = x.shape[axis], list(x.shape)
    if step > 1:
        x = reshaped(x, [*shape[: axis + 1], 1, *shape[axis + 1 :]])
        x = _adaline.pad(x, [(0, step - 1) if a == axis + 1 else (0, 0) for a in range(len(shape) + 1)])
        x = cut(reshaped(x, [*shape[:axis], n * step, *shape[axis + 1 :]]), axis, 0, (n - 1) * step + 1)
    return _adaline.pad(x, [(start, size - start - x.shape[axis]) if a == axis else (0, 0) for a in range(len(shape))])
