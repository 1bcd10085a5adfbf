//! Solarization: bright values turned dark.

use super::common::{BYTES, Bounds, Change, Factor, Random, augment, check_range, each, random_builder, value_range_builder};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, adds a number to each image and turns what is at least a threshold, `v` of 0 to 255, into `255 - v`. Both numbers are drawn
/// for each image: from the lower bound to 255 times the upper one, as Keras does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solarization {
    common: LayerCommon,
    random: Random,
    addition_factor: Bounds<0>,
    threshold_factor: Bounds<0>,
    value_range: [f64; 2],
}

impl Default for Solarization {
    fn default() -> Self {
        let none = Bounds(0.0, 0.0);
        let (common, random) = (LayerCommon::default(), Random::default());
        Self { common, random, addition_factor: none, threshold_factor: none, value_range: BYTES }
    }
}

layer_builder!(Solarization, "Solarization", []);
random_builder!(Solarization);
value_range_builder!(Solarization);

impl Solarization {
    /// Without an addition and with threshold 0: negatives.
    pub fn new() -> Self {
        Self::default()
    }
    /// What is added, 1 meaning 255.
    pub fn addition_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.addition_factor = factor.into().into();
        self
    }
    /// From where on values are turned, 1 meaning 255.
    pub fn threshold_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.threshold_factor = factor.into().into();
        self
    }
    /// Draws for images as `x`.
    pub(super) fn drawn<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Change<'g> {
        let mut number = |Bounds(low, high): Bounds<0>| each(cx, self.random.seed, x, (low, high * 255.0));
        let (addition, threshold) = (number(self.addition_factor), number(self.threshold_factor));
        let range = self.value_range;
        Box::new(move |x| {
            let v = (rescale(x, range, BYTES) + addition).clip(0.0, 255.0);
            rescale(v.lt(threshold).select(v, 255.0 - v), BYTES, range)
        })
    }
}

impl KerasObject for Solarization {
    layer_identity!("Solarization");
    fn validate(&self) -> Result<(), ConfigError> {
        for (key, Bounds(low, high)) in [("addition_factor", self.addition_factor), ("threshold_factor", self.threshold_factor)] {
            let fits = (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high);
            check(fits, "Solarization", key, "one or two numbers from 0 to 1", format!("[{low}, {high}]"))?;
        }
        check_range("Solarization", self.value_range)
    }
}

impl Layer for Solarization {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "Solarization", self.random.data_format, inputs, |cx, x| self.drawn(cx, x)(x))
    }
}

/// Values from one range to another.
pub(super) fn rescale(x: Var<'_>, from: [f64; 2], to: [f64; 2]) -> Var<'_> {
    if from == to {
        return x;
    }
    let share = (x - from[0] as f32) / (from[1] - from[0]) as f32;
    share * (to[1] - to[0]) as f32 + to[0] as f32
}
