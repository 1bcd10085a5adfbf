//! Brightness.

use super::common::{BYTES, Bounds, Change, Factor, Random, augment, check_range, each, random_builder, value_range_builder};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, adds a part of the `value_range` to each image and clips to that range. One number `f` is drawn from `-f` to `f`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomBrightness {
    common: LayerCommon,
    random: Random,
    factor: Bounds<-1>,
    value_range: [f64; 2],
}

impl Default for RandomBrightness {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), factor: Bounds(0.0, 0.0), value_range: BYTES }
    }
}

layer_builder!(RandomBrightness, "RandomBrightness", ["factor"]);
random_builder!(RandomBrightness);
value_range_builder!(RandomBrightness);

impl RandomBrightness {
    /// By at most `factor` of the range of values.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Draws for images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Change<'g> {
        let [low, high] = self.value_range;
        let part = each(cx, self.random.seed, x, (self.factor.0, self.factor.1));
        Box::new(move |x| (x + part * (high - low) as f32).clip(low as f32, high as f32))
    }
}

impl KerasObject for RandomBrightness {
    layer_identity!("RandomBrightness");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomBrightness", "factor")?;
        check_range("RandomBrightness", self.value_range)
    }
}

impl Layer for RandomBrightness {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomBrightness", self.random.data_format, inputs, |cx, x| self.drawn(cx, x)(x))
    }
}
