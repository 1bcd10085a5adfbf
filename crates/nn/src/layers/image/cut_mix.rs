//! Boxes of other images.

use super::{
    boxes::boxes,
    common::{Bounds, Factor, Random, augment, random_builder, uniform},
    mixing::{beta, shuffled},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};

/// In training, puts a box of another image of the batch into each: `sqrt(1 - w)` of the width wide and of the height high, `w` of the beta
/// distribution with both parameters drawn, once for the batch, from the bounds `factor` (Yun et al. 2019).
///
/// A layer sees images and not labels, so it mixes images only, as Keras' does with images alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutMix {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
}

impl Default for CutMix {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), factor: Bounds(0.0, 1.0) }
    }
}

layer_builder!(CutMix, "CutMix", []);
random_builder!(CutMix);

impl CutMix {
    /// With bounds of the beta distribution's parameter (a number `f`: from 0 to `f`).
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
}

impl KerasObject for CutMix {
    layer_identity!("CutMix");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("CutMix", "factor")?;
        check(self.factor.0 >= 0.0, "CutMix", "factor", "at least 0", self.factor.0)
    }
}

impl Layer for CutMix {
    layer_methods!();
    fn mixes_samples(&self) -> bool {
        true
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "CutMix", self.random.data_format, inputs, |cx, x| {
            let own = self.random.seed;
            let alpha = uniform(cx, own, Shape::SCALAR, (self.factor.0, self.factor.1)) + 1e-6;
            let part = (1.0 - beta(cx, own, x, alpha)).sqrt();
            let pasted = boxes(cx, own, x, [part, part]);
            pasted.select(shuffled(cx, own, x), x)
        })
    }
}
