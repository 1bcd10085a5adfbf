//! Posterization: fewer shades.

use super::{
    common::{BYTES, Bounds, Change, Factor, Random, augment, check_range, each, random_builder, value_range_builder},
    solarization::rescale,
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, keeps the upper `f` of the 8 bits of each value. `f` is drawn for each image from the lower bound of `factor` to one below
/// the upper bound, as in Keras, or is that number where both are the same. One number means the bounds 1 and it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomPosterization {
    common: LayerCommon,
    random: Random,
    factor: Bounds<1>,
    value_range: [f64; 2],
}

impl Default for RandomPosterization {
    fn default() -> Self {
        let (common, random) = (LayerCommon::default(), Random::default());
        Self { common, random, factor: Bounds(1.0, f64::from(BITS)), value_range: BYTES }
    }
}

layer_builder!(RandomPosterization, "RandomPosterization", ["factor"]);
random_builder!(RandomPosterization);
value_range_builder!(RandomPosterization);

/// Bits of a value.
const BITS: u8 = 8;

impl RandomPosterization {
    /// Keeps `factor` bits.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Draws for images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Change<'g> {
        let kept = each(cx, self.random.seed, x, (self.factor.0, self.factor.1)).floor();
        // 2^(8 - kept), exactly: one factor of 2 for each bit that is not kept.
        let b = cx.builder();
        let twice = |bit: u8| kept.lt(b.full(kept.shape(), f32::from(bit))).select(b.full(kept.shape(), 2.0), b.full(kept.shape(), 1.0));
        let step = (2..=BITS).map(twice).fold(b.full(kept.shape(), 1.0), |step, factor| step * factor);
        let range = self.value_range;
        Box::new(move |x| {
            let v = rescale(x, range, BYTES).clip(0.0, 255.0);
            rescale((v / step).floor() * step, BYTES, range)
        })
    }
}

impl KerasObject for RandomPosterization {
    layer_identity!("RandomPosterization");
    fn validate(&self) -> Result<(), ConfigError> {
        let Bounds(low, high) = self.factor;
        let fits = |f: f64| (1.0..=f64::from(BITS)).contains(&f) && f.fract() == 0.0;
        let got = format!("[{low}, {high}]");
        check(fits(low) && fits(high), "RandomPosterization", "factor", "one or two whole numbers from 1 to 8", got)?;
        check_range("RandomPosterization", self.value_range)
    }
}

impl Layer for RandomPosterization {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomPosterization", self.random.data_format, inputs, |cx, x| self.drawn(cx, x)(x))
    }
}
