//! Contrast stretched to the whole range of values.

use super::{
    common::{BYTES, check_range, on_images, value_range_builder},
    solarization::rescale,
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        shaping::DataFormat,
    },
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training and outside of it, stretches each image's and channel's values so that the smallest becomes the lower bound of
/// `value_range` and the largest the upper one. A channel of one value stays as it is.
///
/// With channels first Keras takes the smallest and the largest of axes 1 and 2 all the same, which then are channels and rows: one pair
/// for each column of the image. So does this layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutoContrast {
    common: LayerCommon,
    data_format: DataFormat,
    value_range: [f64; 2],
}

impl Default for AutoContrast {
    fn default() -> Self {
        Self { common: LayerCommon::default(), data_format: DataFormat::default(), value_range: BYTES }
    }
}

layer_builder!(AutoContrast, "AutoContrast", []);
value_range_builder!(AutoContrast);

impl AutoContrast {
    /// For values from 0 to 255.
    pub fn new() -> Self {
        Self::default()
    }
    /// Where the channels are.
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
    /// Images `(B, H, W, C)`, stretched.
    pub(super) fn stretched<'g>(&self, x: Var<'g>) -> Var<'g> {
        let axes: &[isize] = match self.data_format {
            DataFormat::ChannelsLast => &[1, 2],
            DataFormat::ChannelsFirst => &[3, 1],
        };
        let v = rescale(x, self.value_range, BYTES);
        let (low, high) = (v.min(axes, true), v.max(axes, true));
        let spread = high - low;
        // Not so where the spread is 0, nor where it is NaN.
        let stretches = spread.gt_scalar(0.0);
        let scale = 255.0 / stretches.select(spread, spread.builder().full(spread.shape(), 1.0));
        let results = (v * scale + -low * scale).clip(0.0, 255.0);
        stretches.select(rescale(results, BYTES, self.value_range), x)
    }
}

impl KerasObject for AutoContrast {
    layer_identity!("AutoContrast");
    fn validate(&self) -> Result<(), ConfigError> {
        check_range("AutoContrast", self.value_range)
    }
}

impl Layer for AutoContrast {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        on_images(cx, "AutoContrast", self.data_format, inputs, |_, x| if x.shape().is_empty() { x } else { self.stretched(x) })
    }
}
