//! Windows of images.

use super::{
    common::{Interpolation, Random, augment, check_size, random_builder, uniform},
    resizing::{cut, resize, window_start},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::{DType, Literal, Var};
use serde::{Deserialize, Serialize};

/// In training, a window of `height` rows and `width` columns from anywhere in each image. Images that are not larger along both axes give
/// the same one each time: around the middle, resized where it is too small.
///
/// Outside of training the images stay as they are, whatever their size, as in Keras 3.15: a [`CenterCrop`](super::CenterCrop) of the same
/// size after it makes them fit layers that need it, and does nothing in training.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct RandomCrop {
    common: LayerCommon,
    random: Random,
    height: usize,
    width: usize,
}

layer_builder!(RandomCrop, "RandomCrop", ["height", "width"]);
random_builder!(RandomCrop);

impl RandomCrop {
    /// Windows of `height` rows and `width` columns.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, ..Self::default() }
    }
}

impl KerasObject for RandomCrop {
    layer_identity!("RandomCrop");
    fn validate(&self) -> Result<(), ConfigError> {
        check_size("RandomCrop", self.height, self.width)
    }
}

impl Layer for RandomCrop {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomCrop", self.random.data_format, inputs, |cx, x| {
            let (height, width) = (self.height, self.width);
            let &[n, h, w, c] = x.shape().dims() else { return x };
            if h <= height || w <= width {
                let fixed = cut(x, window_start(h, w, [height, width]), [height, width]);
                return resize(fixed, [height, width], Interpolation::Bilinear, false);
            }
            // Index of the first row or column, (B, 1, 1).
            let mut start = |room: usize| uniform(cx, self.random.seed, [n, 1, 1], (0.0, (room + 1) as f64)).floor().cast(DType::I32);
            let (top, left) = (start(h - height), start(w - width));
            let b = cx.builder();
            let row = b.constant(Literal::I32(i32::try_from(w).unwrap_or(i32::MAX)), [1, 1, 1]);
            let place = (b.iota([1, height, 1], 1) + top) * row + (b.iota([1, 1, width], 2) + left);
            x.reshape([n, h * w, c]).gather(place.reshape([n, height * width])).reshape([n, height, width, c])
        })
    }
}
