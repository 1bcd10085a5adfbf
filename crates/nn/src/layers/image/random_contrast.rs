//! Contrast.

use super::common::{BYTES, Bounds, Change, Factor, Random, augment, check_range, each, random_builder, value_range_builder};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, `(x - mean) · c + mean` with each image's and channel's own mean, `c` of each image drawn from `1 - low` to `1 + high`;
/// then clipped to `value_range`. One number `f` means `low = 0`, `high = f`, as in Keras 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomContrast {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
    value_range: [f64; 2],
}

impl Default for RandomContrast {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), factor: Bounds(0.0, 0.0), value_range: BYTES }
    }
}

layer_builder!(RandomContrast, "RandomContrast", ["factor"]);
random_builder!(RandomContrast);
value_range_builder!(RandomContrast);

impl RandomContrast {
    /// Contrast from `1 - low` to `1 + high`.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Draws for images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Change<'g> {
        let contrast = each(cx, self.random.seed, x, (1.0 - self.factor.0, 1.0 + self.factor.1));
        let [low, high] = self.value_range;
        Box::new(move |x| {
            let mean = x.mean(&[1, 2], true);
            ((x - mean) * contrast + mean).clip(low as f32, high as f32)
        })
    }
}

impl KerasObject for RandomContrast {
    layer_identity!("RandomContrast");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomContrast", "factor")?;
        check_range("RandomContrast", self.value_range)
    }
}

impl Layer for RandomContrast {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomContrast", self.random.data_format, inputs, |cx, x| self.drawn(cx, x)(x))
    }
}
