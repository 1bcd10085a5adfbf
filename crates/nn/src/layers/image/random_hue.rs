//! Hue.

use super::{
    color::{channels, hsv_to_rgb, rgb_to_hsv},
    common::{BYTES, Bounds, Factor, Random, augment, check_range, each, random_builder, value_range_builder},
    random_shear::sign,
    solarization::rescale,
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, turns the hue of each image by half of a factor, a full turn being 1, either way. One number `f` is drawn from 0 to `f`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomHue {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
    value_range: [f64; 2],
}

impl Default for RandomHue {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), factor: Bounds(0.0, 0.0), value_range: BYTES }
    }
}

layer_builder!(RandomHue, "RandomHue", ["factor"]);
random_builder!(RandomHue);
value_range_builder!(RandomHue);

impl RandomHue {
    /// By at most half of `factor` of a full turn.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
}

impl KerasObject for RandomHue {
    layer_identity!("RandomHue");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomHue", "factor")?;
        check_range("RandomHue", self.value_range)
    }
}

impl Layer for RandomHue {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomHue", self.random.data_format, inputs, |cx, x| {
            let own = self.random.seed;
            let turn = sign(cx, own, [x.dim(0), 1, 1, 1]) * each(cx, own, x, (self.factor.0, self.factor.1)) * 0.5;
            let [hue, saturation, value] = rgb_to_hsv(channels("RandomHue", rescale(x, self.value_range, [0.0, 1.0])));
            let hue = hue + turn;
            let (zero, one) = (cx.builder().full(hue.shape(), 0.0), cx.builder().full(hue.shape(), 1.0));
            let hue = hue.gt(one).select(hue - 1.0, hue);
            let hue = hue.lt(zero).select(hue + 1.0, hue);
            rescale(hsv_to_rgb([hue, saturation, value]).clip(0.0, 1.0), [0.0, 1.0], self.value_range)
        })
    }
}
