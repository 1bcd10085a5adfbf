//! Less colour.

use super::{
    color::{channels, gray},
    common::{BYTES, Bounds, Change, Factor, Random, augment, check_range, each, random_builder, value_range_builder},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, `x + f (grey - x)` clipped to `value_range`, `grey` being `0.2989 r + 0.587 g + 0.114 b`: 0 changes nothing, 1 takes all
/// colour. Each image draws its own `f`; one number `f` means from `-f` (more colour) to `f`, as in Keras.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomColorDegeneration {
    common: LayerCommon,
    random: Random,
    factor: Bounds<-1>,
    value_range: [f64; 2],
}

impl Default for RandomColorDegeneration {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), factor: Bounds(0.0, 0.0), value_range: BYTES }
    }
}

layer_builder!(RandomColorDegeneration, "RandomColorDegeneration", ["factor"]);
random_builder!(RandomColorDegeneration);
value_range_builder!(RandomColorDegeneration);

impl RandomColorDegeneration {
    /// Takes at most `factor` of the colour.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Draws for images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Change<'g> {
        let share = each(cx, self.random.seed, x, (self.factor.0, self.factor.1));
        let [low, high] = self.value_range;
        Box::new(move |x| (x + share * (gray(channels("RandomColorDegeneration", x)) - x)).clip(low as f32, high as f32))
    }
}

impl KerasObject for RandomColorDegeneration {
    layer_identity!("RandomColorDegeneration");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomColorDegeneration", "factor")?;
        check_range("RandomColorDegeneration", self.value_range)
    }
}

impl Layer for RandomColorDegeneration {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomColorDegeneration", self.random.data_format, inputs, |cx, x| self.drawn(cx, x)(x))
    }
}
