//! Images of another size.

use super::common::{Interpolation, check_size, on_images};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        shaping::DataFormat,
    },
};
use adaline_graph::{Var, concat};
use serde::{Deserialize, Serialize};

/// Images of the size `height`, `width`, in training and outside of it.
///
/// They are stretched; or cut to the new proportions first (`crop_to_aspect_ratio`), or framed (`pad_to_aspect_ratio`).
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Resizing {
    common: LayerCommon,
    height: usize,
    width: usize,
    interpolation: Interpolation,
    crop_to_aspect_ratio: bool,
    pad_to_aspect_ratio: bool,
    fill_mode: Frame,
    fill_value: f64,
    antialias: bool,
    data_format: DataFormat,
}

/// What a frame is filled with: Keras has one way too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Frame {
    /// `fill_value`.
    #[default]
    Constant,
}

layer_builder!(Resizing, "Resizing", ["height", "width"]);

impl Resizing {
    /// To `height` rows and `width` columns.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, ..Self::default() }
    }
    /// How to find values between pixels (`Bilinear` without it).
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }
    /// Cuts off what has no place at the new proportions, half on each side.
    pub fn crop_to_aspect_ratio(mut self, crop: bool) -> Self {
        self.crop_to_aspect_ratio = crop;
        self
    }
    /// Frames the image to the new proportions.
    pub fn pad_to_aspect_ratio(mut self, pad: bool) -> Self {
        self.pad_to_aspect_ratio = pad;
        self
    }
    /// The frame's value.
    pub fn fill_value(mut self, fill_value: f64) -> Self {
        self.fill_value = fill_value;
        self
    }
    /// Whether images that become smaller are made of all their pixels (`false` without it, which leaves some out).
    pub fn antialias(mut self, antialias: bool) -> Self {
        self.antialias = antialias;
        self
    }
    /// Where the channels are.
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
}

impl KerasObject for Resizing {
    layer_identity!("Resizing");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "Resizing";
        check_size(class, self.height, self.width)?;
        let one = !(self.crop_to_aspect_ratio && self.pad_to_aspect_ratio);
        check(one, class, "pad_to_aspect_ratio", "false where `crop_to_aspect_ratio` is true", "true")?;
        check(self.fill_value.is_finite(), class, "fill_value", "a finite number", self.fill_value)
    }
}

impl Layer for Resizing {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let size = [self.height, self.width];
        on_images(cx, "Resizing", self.data_format, inputs, |_, x| {
            let x = if self.crop_to_aspect_ratio {
                crop_to(x, size)
            } else if self.pad_to_aspect_ratio {
                pad_to(x, size, self.fill_value as f32)
            } else {
                x
            };
            resize(x, size, self.interpolation, self.antialias)
        })
    }
}

/// `(B, H, W, C)` at another size.
pub(super) fn resize(x: Var<'_>, size: [usize; 2], by: Interpolation, antialias: bool) -> Var<'_> {
    let by = match by {
        Interpolation::Nearest => adaline_graph::Interpolation::Nearest,
        Interpolation::Bilinear => adaline_graph::Interpolation::Bilinear,
        Interpolation::Bicubic => adaline_graph::Interpolation::Bicubic,
    };
    if antialias { x.resize_antialiased(&size, by) } else { x.resize(&size, by) }
}

/// `length · to / by`, rounded down.
fn scaled(length: usize, to: usize, by: usize) -> usize {
    length.saturating_mul(to) / by.max(1)
}

/// The largest window of the new proportions in an image of `height` and `width`: its size.
fn window(height: usize, width: usize, [new_height, new_width]: [usize; 2]) -> (usize, usize) {
    (scaled(width, new_height, new_width).min(height).max(1), scaled(height, new_width, new_height).min(width).max(1))
}

/// Where that window begins: in the middle.
pub(super) fn window_start(height: usize, width: usize, size: [usize; 2]) -> (usize, usize) {
    let (h, w) = window(height, width, size);
    (height.saturating_sub(h) / 2, width.saturating_sub(w) / 2)
}

/// The rows from `top` and columns from `left` on, as many of `size` as there are.
pub(super) fn cut(x: Var<'_>, (top, left): (usize, usize), [height, width]: [usize; 2]) -> Var<'_> {
    let &[b, h, w, c] = x.shape().dims() else { return x };
    let (bottom, right) = (top.saturating_add(height).min(h), left.saturating_add(width).min(w));
    x.slice(&[(0, b, 1), (top, bottom, 1), (left, right, 1), (0, c, 1)])
}

/// The largest window of the new proportions, from the middle.
pub(super) fn crop_to(x: Var<'_>, size: [usize; 2]) -> Var<'_> {
    let &[_, h, w, _] = x.shape().dims() else { return x };
    let (height, width) = window(h, w, size);
    cut(x, window_start(h, w, size), [height, width])
}

/// The image in a frame of the new proportions, which is as wide on either side: along the height, or else along the width.
fn pad_to(x: Var<'_>, [new_height, new_width]: [usize; 2], fill: f32) -> Var<'_> {
    let &[_, h, w, _] = x.shape().dims() else { return x };
    let above = (scaled(w, new_height, new_width).max(h) - h) / 2;
    let left = (scaled(h, new_width, new_height).max(w) - w) / 2;
    let (axis, border) = if above > 0 { (1, above) } else { (2, left) };
    if border == 0 {
        return x;
    }
    let mut dims = x.shape().dims().to_vec();
    dims[axis] = border;
    let b = x.builder();
    match adaline_graph::Shape::try_new(&dims) {
        Some(shape) => concat(b, &[b.full(shape, fill), x, b.full(shape, fill)], axis as isize),
        None => b.error(format!("images of shape {} are too large with a frame of {border} pixels", x.shape())),
    }
}
