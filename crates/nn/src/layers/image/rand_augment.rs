//! `RandAugment`: a few of eleven augmentations, chosen anew in each step.

use super::{
    AutoContrast, Equalization, RandomBrightness, RandomColorDegeneration, RandomContrast, RandomPosterization, RandomRotation,
    RandomSharpness, RandomShear, RandomTranslation, Solarization,
    affine::{FillMode, Row, Sampling, affine},
    common::{
        BYTES, Bounds, Change, Factor, Interpolation, Random, augment, check_range, random_builder, seeded, uniform, value_range_builder,
    },
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, `num_ops` times one of eleven augmentations (Cubuk et al. 2019): [`RandomShear`], [`RandomTranslation`], [`RandomRotation`],
/// [`RandomBrightness`], [`RandomColorDegeneration`], [`RandomContrast`], [`RandomSharpness`], [`RandomPosterization`], [`Solarization`],
/// [`AutoContrast`], [`Equalization`], each with the bounds `factor` (a number `f`: from 0 to `f`); posterization keeps up to `8 f` bits.
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

/// Augmentations to choose from; the first [`MOVING`] move pixels.
const CHOICES: usize = 11;
const MOVING: usize = 3;
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
    fn sampling(&self) -> Sampling {
        Sampling { interpolation: self.interpolation, fill_mode: FillMode::default(), fill_value: 0.0 }
    }
    /// What moves pixels, drawn.
    fn moving<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> [[Row<'g>; 2]; MOVING] {
        let f = Factor::Pair(self.factor.0, self.factor.1);
        let own = self.random.seed;
        [
            seeded(RandomShear::new(f, f), own, RandomShear::seed).drawn(cx, x),
            seeded(RandomTranslation::new(f, f), own, RandomTranslation::seed).drawn(cx, x),
            seeded(RandomRotation::new(f), own, RandomRotation::seed).drawn(cx, x),
        ]
    }
    /// What changes values, drawn.
    fn changing<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> [Change<'g>; CHOICES - MOVING] {
        let ([low, high], Bounds(from, to)) = (self.value_range, self.factor);
        let f = Factor::Pair(from, to);
        let bits = (8.0 * to).floor().max(1.0);
        // Each class has these two arguments and no trait for them.
        macro_rules! drawn {
            ($class:ident, $layer:expr) => {
                seeded($layer.value_range(low, high), self.random.seed, $class::seed).drawn(cx, x)
            };
        }
        let contrast = AutoContrast::new().value_range(low, high).data_format(self.random.data_format);
        let equalization = Equalization::new().value_range(low, high);
        [
            drawn!(RandomBrightness, RandomBrightness::new(f)),
            drawn!(RandomColorDegeneration, RandomColorDegeneration::new(f)),
            drawn!(RandomContrast, RandomContrast::new(f)),
            drawn!(RandomSharpness, RandomSharpness::new(f)),
            drawn!(RandomPosterization, RandomPosterization::new(bits)),
            drawn!(Solarization, Solarization::new().addition_factor(f).threshold_factor(f)),
            Box::new(move |x| contrast.stretched(x)),
            Box::new(move |x| equalization.equalized(x)),
        ]
    }
}

/// The coefficients of the chosen map.
fn picked<'g>(maps: &[[Row<'g>; 2]; MOVING], is: &[Var<'g>]) -> [Row<'g>; 2] {
    let b = is[0].builder();
    let pick = |coefficient: &dyn Fn(&[Row<'g>; 2]) -> Var<'g>| {
        let all = maps.each_ref().map(coefficient);
        // (1, 1, 1) for each image's (B, 1, 1).
        (1..MOVING).fold(all[0], |sum, k| is[k].reshape([1, 1, 1]).select(all[k], sum))
    };
    let or_zero = |v: Option<Var<'g>>| v.unwrap_or_else(|| b.full([1, 1, 1], 0.0));
    [0, 1].map(|axis| Row {
        x: Some(pick(&|m| or_zero(m[axis].x))),
        y: Some(pick(&|m| or_zero(m[axis].y))),
        offset: pick(&|m| m[axis].offset),
    })
}

impl KerasObject for RandAugment {
    layer_identity!("RandAugment");
    fn validate(&self) -> Result<(), ConfigError> {
        let Bounds(low, high) = self.factor;
        let fits = (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high);
        check(fits, "RandAugment", "factor", "one or two numbers from 0 to 1", format!("[{low}, {high}]"))?;
        check(self.num_ops <= MOST, "RandAugment", "num_ops", &format!("at most {MOST}"), self.num_ops)?;
        self.sampling().check("RandAugment")?;
        check_range("RandAugment", self.value_range)
    }
}

impl Layer for RandAugment {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandAugment", self.random.data_format, inputs, |cx, x| {
            let b = cx.builder();
            let choices = uniform(cx, self.random.seed, [self.num_ops], (0.0, CHOICES as f64)).floor();
            let (moving, changing) = (self.moving(cx, x), self.changing(cx, x));
            (0..self.num_ops).fold(x, |x, op| {
                let choice = choices.slice(&[(op, op + 1, 1)]).reshape([1, 1, 1, 1]);
                let is: Vec<Var<'g>> = (0..CHOICES).map(|k| choice.equal(b.full(choice.shape(), k as f32))).collect();
                let [to_x, to_y] = picked(&moving, &is);
                let moves = choice.lt(b.full(choice.shape(), MOVING as f32));
                let moved = moves.select(affine(x, to_x, to_y, &self.sampling()), x);
                changing.iter().zip(&is[MOVING..]).fold(moved, |y, (change, &is)| is.select(change(x), y))
            })
        })
    }
}
