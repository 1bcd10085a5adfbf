//! Sharpness.

use super::common::{BYTES, Bounds, Change, Factor, Random, augment, check_range, each, random_builder, value_range_builder};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::{Var, WindowSpec};
use serde::{Deserialize, Serialize};

/// In training, `x + (1 - 2 f) (smooth - x)` clipped to `value_range`, `smooth` being the mean of a pixel and its 8 neighbours in which the
/// pixel counts 5 times. 0.5 changes nothing, 0 smooths, 1 sharpens. Each image draws its own `f`; one number `f` means from 0 to it.
/// Beyond the border pixels are 0, as in Keras.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomSharpness {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
    value_range: [f64; 2],
}

impl Default for RandomSharpness {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), factor: Bounds(0.5, 0.5), value_range: BYTES }
    }
}

layer_builder!(RandomSharpness, "RandomSharpness", ["factor"]);
random_builder!(RandomSharpness);
value_range_builder!(RandomSharpness);

impl RandomSharpness {
    /// Factors between two numbers, 0.5 changing nothing.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Draws for images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Change<'g> {
        let smoothness = 1.0 - each(cx, self.random.seed, x, (self.factor.0, self.factor.1)) * 2.0;
        let [low, high] = self.value_range;
        Box::new(move |x| {
            let around = x.sum_pool(WindowSpec::same(&[x.dim(1), x.dim(2)], &[3, 3], &[1, 1]));
            let smooth = around * (1.0 / 13.0) + x * (4.0 / 13.0);
            (x + smoothness * (smooth - x)).clip(low as f32, high as f32)
        })
    }
}

impl KerasObject for RandomSharpness {
    layer_identity!("RandomSharpness");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomSharpness", "factor")?;
        check_range("RandomSharpness", self.value_range)
    }
}

impl Layer for RandomSharpness {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomSharpness", self.random.data_format, inputs, |cx, x| self.drawn(cx, x)(x))
    }
}
