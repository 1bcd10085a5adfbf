//! Shifted images.

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

/// In training, shifts each image by parts of its height (positive is down) and width (positive is right). One number `f` is drawn from
/// `-f` to `f`.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct RandomTranslation {
    common: LayerCommon,
    random: Random,
    sampling: Sampling,
    height_factor: Factor,
    width_factor: Factor,
}

layer_builder!(RandomTranslation, "RandomTranslation", ["height_factor", "width_factor"]);
random_builder!(RandomTranslation);
sampling_builder!(RandomTranslation);

impl RandomTranslation {
    /// By at most these parts of the height and of the width.
    pub fn new(height_factor: impl Into<Factor>, width_factor: impl Into<Factor>) -> Self {
        Self { height_factor: height_factor.into(), width_factor: width_factor.into(), ..Self::default() }
    }
    /// Draws the maps of images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> [Row<'g>; 2] {
        let mut shift = |factor: Factor, n: usize| uniform(cx, self.random.seed, [x.dim(0), 1, 1], factor.symmetric()) * n as f32;
        let (down, right) = (shift(self.height_factor, x.dim(1)), shift(self.width_factor, x.dim(2)));
        let one = Some(cx.builder().full([1, 1, 1], 1.0));
        [Row { x: one, y: None, offset: -right }, Row { x: None, y: one, offset: -down }]
    }
}

impl KerasObject for RandomTranslation {
    layer_identity!("RandomTranslation");
    fn validate(&self) -> Result<(), ConfigError> {
        for (key, factor) in [("height_factor", self.height_factor), ("width_factor", self.width_factor)] {
            let fits = factor.all(|f| (-1.0..=1.0).contains(&f));
            check(fits, "RandomTranslation", key, "one or two numbers from -1 to 1", format!("{factor:?}"))?;
        }
        self.sampling.check("RandomTranslation")
    }
}

impl Layer for RandomTranslation {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomTranslation", self.random.data_format, inputs, |cx, x| {
            let [to_x, to_y] = self.drawn(cx, x);
            affine(x, to_x, to_y, &self.sampling)
        })
    }
}
