//! Sheared images.

use super::{
    affine::{Row, Sampling, affine, sampling_builder},
    common::{Factor, Random, augment, random_builder, uniform},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, shears each image: row `y` comes from `x_factor · y` columns further, column `x` from `y_factor · x` rows further. Two
/// numbers bound the draw, one number `f` bounds it by `-f` and `f`; then both change their sign with probability 1/2.
///
/// A number is written as a number: Keras writes `[-f, f]`, which it reads no more; here both are read.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct RandomShear {
    common: LayerCommon,
    random: Random,
    sampling: Sampling,
    #[serde(deserialize_with = "number_if_symmetric")]
    x_factor: Factor,
    #[serde(deserialize_with = "number_if_symmetric")]
    y_factor: Factor,
}

/// `[-f, f]` is what Keras makes of `f`.
fn number_if_symmetric<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Factor, D::Error> {
    Ok(match Factor::deserialize(d)? {
        Factor::Pair(low, high) if low == -high => Factor::Number(high),
        other => other,
    })
}

layer_builder!(RandomShear, "RandomShear", []);
random_builder!(RandomShear);
sampling_builder!(RandomShear);

impl RandomShear {
    /// By at most these parts along the width and along the height.
    pub fn new(x_factor: impl Into<Factor>, y_factor: impl Into<Factor>) -> Self {
        Self { x_factor: x_factor.into(), y_factor: y_factor.into(), ..Self::default() }
    }
    /// Draws the maps of images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> [Row<'g>; 2] {
        let own = self.random.seed;
        let sign = sign(cx, own, [x.dim(0), 1, 1]);
        let mut shear = |factor: Factor| uniform(cx, own, [x.dim(0), 1, 1], factor.symmetric()) * sign;
        let (by_y, by_x) = (shear(self.x_factor), shear(self.y_factor));
        let b = cx.builder();
        let (one, zero) = (Some(b.full([1, 1, 1], 1.0)), b.full([1, 1, 1], 0.0));
        [Row { x: one, y: Some(by_y), offset: zero }, Row { x: Some(by_x), y: one, offset: zero }]
    }
}

impl KerasObject for RandomShear {
    layer_identity!("RandomShear");
    fn validate(&self) -> Result<(), ConfigError> {
        for (key, factor) in [("x_factor", self.x_factor), ("y_factor", self.y_factor)] {
            let fits = factor.all(|f| (0.0..=1.0).contains(&f));
            check(fits, "RandomShear", key, "one or two numbers from 0 to 1", format!("{factor:?}"))?;
        }
        self.sampling.check("RandomShear")
    }
}

impl Layer for RandomShear {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomShear", self.random.data_format, inputs, |cx, x| {
            let [to_x, to_y] = self.drawn(cx, x);
            affine(x, to_x, to_y, &self.sampling)
        })
    }
}

/// 1 or -1, each with probability 1/2.
pub(super) fn sign<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>, shape: impl Into<adaline_graph::Shape>) -> Var<'g> {
    let u = uniform(cx, own, shape, (0.0, 1.0));
    let b = cx.builder();
    u.gt_scalar(0.5).select(b.full(u.shape(), -1.0), b.full(u.shape(), 1.0))
}
