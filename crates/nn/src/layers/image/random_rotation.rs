//! Rotated images.

use super::{
    affine::{Row, Sampling, affine, sampling_builder, sin_cos},
    common::{Bounds, Factor, Random, augment, random_builder, uniform},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, turns each image around its middle by a part of a full turn: from `-factor` to `factor`, or between two numbers.
/// Positive is counter-clockwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomRotation {
    common: LayerCommon,
    random: Random,
    sampling: Sampling,
    factor: Bounds<-1>,
}

impl Default for RandomRotation {
    fn default() -> Self {
        Self { common: LayerCommon::default(), random: Random::default(), sampling: Sampling::default(), factor: Bounds(0.0, 0.0) }
    }
}

layer_builder!(RandomRotation, "RandomRotation", ["factor"]);
random_builder!(RandomRotation);
sampling_builder!(RandomRotation);

impl RandomRotation {
    /// By at most `factor` of a full turn.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Draws the maps of images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> [Row<'g>; 2] {
        let turns = uniform(cx, self.random.seed, [x.dim(0), 1, 1], (self.factor.0, self.factor.1));
        let (sin, cos) = sin_cos(turns);
        let (mid_y, mid_x) = ((x.dim(1) - 1) as f32 * 0.5, (x.dim(2) - 1) as f32 * 0.5);
        // x' = cos x - sin y + .., y' = sin x + cos y + .., which leave the middle where it is.
        let to_x = Row { x: Some(cos), y: Some(-sin), offset: mid_x - cos * mid_x + sin * mid_y };
        let to_y = Row { x: Some(sin), y: Some(cos), offset: mid_y - sin * mid_x - cos * mid_y };
        [to_x, to_y]
    }
}

impl KerasObject for RandomRotation {
    layer_identity!("RandomRotation");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomRotation", "factor")?;
        self.sampling.check("RandomRotation")
    }
}

impl Layer for RandomRotation {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomRotation", self.random.data_format, inputs, |cx, x| {
            let [to_x, to_y] = self.drawn(cx, x);
            affine(x, to_x, to_y, &self.sampling)
        })
    }
}
