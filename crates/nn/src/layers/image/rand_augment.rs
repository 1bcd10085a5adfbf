//! `RandAugment`: a few of eleven augmentations, chosen anew in each step.

use super::{
    augmentations::{Augmentations, CHOICES},
    common::{BYTES, Bounds, Factor, Interpolation, Random, augment, check_range, random_builder, uniform, value_range_builder},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, `num_ops` times one of eleven augmentations (Cubuk et al. 2019): `RandomShear`, `RandomTranslation`, `RandomRotation`,
/// `RandomBrightness`, `RandomColorDegeneration`, `RandomContrast`, `RandomSharpness`, `RandomPosterization`, `Solarization`, `AutoContrast`,
/// `Equalization`, each with the bounds `factor` (a number `f`: from 0 to `f`); posterization keeps up to `8 f` bits.
///
/// As in Keras the choice is one for the whole batch, and an augmentation chosen twice does twice the same. All eleven are computed in
/// each step, since a compiled step knows no branches: of the first three one alone, with the coefficients of the chosen one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandAugment {
    common: LayerCommon,
    random: Random,
    value_range: [f64; 2],
    num_ops: usize,
    factor: Bounds<0>,
    interpolation: Interpolation,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self {
            common: LayerCommon::default(),
            random: Random::default(),
            value_range: BYTES,
            num_ops: 2,
            factor: Bounds(0.0, 0.5),
            interpolation: Interpolation::default(),
        }
    }
}

layer_builder!(RandAugment, "RandAugment", []);
random_builder!(RandAugment);
value_range_builder!(RandAugment);

/// Most augmentations one after the other: the graph grows with each.
const MOST: usize = 16;

impl RandAugment {
    /// Two augmentations of at most half strength for values from 0 to 255.
    pub fn new() -> Self {
        Self::default()
    }
    /// How many augmentations, one after the other.
    pub fn num_ops(mut self, num_ops: usize) -> Self {
        self.num_ops = num_ops;
        self
    }
    /// Bounds of their strength, from 0 to 1.
    pub fn factor(mut self, factor: impl Into<Factor>) -> Self {
        self.factor = factor.into().into();
        self
    }
    /// `Nearest` or `Bilinear` (the default), where pixels move.
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }
    fn augmentations(&self) -> Augmentations {
        Augmentations::new(&self.random, self.value_range, self.factor, self.interpolation, true)
    }
}

impl KerasObject for RandAugment {
    layer_identity!("RandAugment");
    fn validate(&self) -> Result<(), ConfigError> {
        let Bounds(low, high) = self.factor;
        let fits = (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high);
        check(fits, "RandAugment", "factor", "one or two numbers from 0 to 1", format!("[{low}, {high}]"))?;
        check(self.num_ops <= MOST, "RandAugment", "num_ops", &format!("at most {MOST}"), self.num_ops)?;
        self.augmentations().sampling().check("RandAugment")?;
        check_range("RandAugment", self.value_range)
    }
}

impl Layer for RandAugment {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandAugment", self.random.data_format, inputs, |cx, x| {
            let choices = uniform(cx, self.random.seed, [self.num_ops], (0.0, CHOICES as f64)).floor();
            let drawn = self.augmentations().drawn(cx, x);
            (0..self.num_ops).fold(x, |x, op| drawn.made(x, choices.slice(&[(op, op + 1, 1)]).reshape([1, 1, 1, 1])))
        })
    }
}
