//! Saturation.

use super::{
    color::{channels, hsv_to_rgb, rgb_to_hsv},
    common::{BYTES, Bounds, Factor, Random, augment, check_range, each, random_builder, value_range_builder},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, multiplies the saturation of each image by `f / (1 - f)` with its own `f` of the factor: 0.5 changes nothing, 0 makes it
/// grey. One number means from minus it to it, where negative ones make grey. As in Keras, saturation is clipped to `value_range`, so that
/// factors above 0.5 can yield values below that range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomSaturation {
    common: LayerCommon,
    random: Random,
    factor: Bounds<-1>,
    value_range: [f64; 2],
}

impl Default for RandomSaturation {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), factor: Bounds(0.0, 0.0), value_range: BYTES }
    }
}

layer_builder!(RandomSaturation, "RandomSaturation", ["factor"]);
random_builder!(RandomSaturation);
value_range_builder!(RandomSaturation);

/// Keras' `epsilon()`.
const EPSILON: f32 = 1e-7;

impl RandomSaturation {
    /// Factors between two numbers, 0.5 changing nothing.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
}

impl KerasObject for RandomSaturation {
    layer_identity!("RandomSaturation");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomSaturation", "factor")?;
        check_range("RandomSaturation", self.value_range)
    }
}

impl Layer for RandomSaturation {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomSaturation", self.random.data_format, inputs, |cx, x| {
            let f = each(cx, self.random.seed, x, (self.factor.0, self.factor.1));
            let times = f / (1.0 - f + EPSILON);
            let [low, high] = self.value_range;
            let [hue, saturation, value] = rgb_to_hsv(channels("RandomSaturation", x));
            hsv_to_rgb([hue, (saturation * times).clip(low as f32, high as f32), value])
        })
    }
}
