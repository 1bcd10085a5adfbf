//! Mixtures of two images.

use super::{
    common::{Random, augment, random_builder},
    mixing::{beta, shuffled},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, mixes each image with another of the batch: `w · x + (1 - w) · other`, `w` of the beta distribution with both parameters
/// `alpha` (Zhang et al. 2017).
///
/// A layer sees images and not labels, so it mixes images only, as Keras' does with images alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixUp {
    common: LayerCommon,
    random: Random,
    alpha: f64,
}

impl Default for MixUp {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), alpha: 0.2 }
    }
}

layer_builder!(MixUp, "MixUp", []);
random_builder!(MixUp);

impl MixUp {
    /// With the beta distribution's parameter.
    pub fn new(alpha: f64) -> Self {
        Self { alpha, ..Self::default() }
    }
}

impl KerasObject for MixUp {
    layer_identity!("MixUp");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.alpha.is_finite() && self.alpha > 0.0, "MixUp", "alpha", "a finite number above 0", self.alpha)
    }
}

impl Layer for MixUp {
    layer_methods!();
    fn mixes_samples(&self) -> bool {
        true
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "MixUp", self.random.data_format, inputs, |cx, x| {
            let other = shuffled(cx, self.random.seed, x);
            let share = beta(cx, self.random.seed, x, cx.builder().scalar(self.alpha as f32));
            share * x + (1.0 - share) * other
        })
    }
}
