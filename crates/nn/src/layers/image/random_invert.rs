//! Negatives.

use super::common::{BYTES, Bounds, Factor, Random, augment, check_range, chosen, random_builder, value_range_builder};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, turns an image into its negative, the upper bound of `value_range` minus each value. Each image has a probability drawn from
/// the bounds `factor` (a number `f`: from 0 to `f`, so that with 1 half of the images are turned).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomInvert {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
    value_range: [f64; 2],
}

impl Default for RandomInvert {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), factor: Bounds(0.0, 1.0), value_range: BYTES }
    }
}

layer_builder!(RandomInvert, "RandomInvert", []);
random_builder!(RandomInvert);
value_range_builder!(RandomInvert);

impl RandomInvert {
    /// Turns with a probability drawn from `factor`.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
}

impl KerasObject for RandomInvert {
    layer_identity!("RandomInvert");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomInvert", "factor")?;
        check_range("RandomInvert", self.value_range)
    }
}

impl Layer for RandomInvert {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomInvert", self.random.data_format, inputs, |cx, x| {
            let which = chosen(cx, self.random.seed, x, (self.factor.0, self.factor.1));
            which.select(self.value_range[1] as f32 - x, x)
        })
    }
}
