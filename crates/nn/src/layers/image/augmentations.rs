//! The augmentations that [`RandAugment`](super::RandAugment) and [`AugMix`](super::AugMix) choose from.

use super::{
    AutoContrast, Equalization, RandomBrightness, RandomColorDegeneration, RandomContrast, RandomPosterization, RandomRotation,
    RandomSharpness, RandomShear, RandomTranslation, Solarization,
    affine::{FillMode, Row, Sampling, affine},
    common::{Bounds, Change, Factor, Interpolation, Random, seeded},
};
use crate::{Trace, layers::DataFormat};
use adaline_graph::Var;

/// How many there are; the first [`MOVING`] move pixels.
pub(super) const CHOICES: usize = 11;
const MOVING: usize = 3;
/// Of those that change values the ones that Keras' `all_ops` adds come first.
const ADDED: usize = 4;

/// All of them, before their numbers are drawn.
#[derive(Clone, Copy)]
pub(super) struct Augmentations {
    pub(super) seed: Option<i64>,
    pub(super) data_format: DataFormat,
    pub(super) value_range: [f64; 2],
    pub(super) factor: Bounds<0>,
    pub(super) interpolation: Interpolation,
    /// Whether `brightness`, `color_degeneration`, `contrast` and `sharpness` are among them.
    pub(super) all: bool,
}

/// With their numbers.
pub(super) struct Drawn<'g> {
    moving: [[Row<'g>; 2]; MOVING],
    changing: Vec<Change<'g>>,
    sampling: Sampling,
}

impl Augmentations {
    pub(super) fn new(random: &Random, value_range: [f64; 2], factor: Bounds<0>, interpolation: Interpolation, all: bool) -> Self {
        Self { seed: random.seed, data_format: random.data_format, value_range, factor, interpolation, all }
    }
    /// How many there are to choose from.
    pub(super) fn count(self) -> usize {
        if self.all { CHOICES } else { CHOICES - ADDED }
    }
    pub(super) fn sampling(self) -> Sampling {
        Sampling { interpolation: self.interpolation, fill_mode: FillMode::default(), fill_value: 0.0 }
    }
    /// Draws for images as `x`.
    pub(super) fn drawn<'g>(self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Drawn<'g> {
        Drawn { moving: self.moving(cx, x), changing: self.changing(cx, x), sampling: self.sampling() }
    }
    /// What moves pixels.
    fn moving<'g>(self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> [[Row<'g>; 2]; MOVING] {
        let f = Factor::Pair(self.factor.0, self.factor.1);
        let own = self.seed;
        [
            seeded(RandomShear::new(f, f), own, RandomShear::seed).drawn(cx, x),
            seeded(RandomTranslation::new(f, f), own, RandomTranslation::seed).drawn(cx, x),
            seeded(RandomRotation::new(f), own, RandomRotation::seed).drawn(cx, x),
        ]
    }
    /// What changes values.
    fn changing<'g>(self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Vec<Change<'g>> {
        let ([low, high], Bounds(from, to)) = (self.value_range, self.factor);
        let f = Factor::Pair(from, to);
        let bits = (8.0 * to).floor().max(1.0);
        // Each class has these two arguments and no trait for them.
        macro_rules! drawn {
            ($class:ident, $layer:expr) => {
                seeded($layer.value_range(low, high), self.seed, $class::seed).drawn(cx, x)
            };
        }
        let contrast = AutoContrast::new().value_range(low, high).data_format(self.data_format);
        let equalization = Equalization::new().value_range(low, high);
        let mut changing = Vec::with_capacity(CHOICES - MOVING);
        if self.all {
            let added: [Change<'g>; ADDED] = [
                drawn!(RandomBrightness, RandomBrightness::new(f)),
                drawn!(RandomColorDegeneration, RandomColorDegeneration::new(f)),
                drawn!(RandomContrast, RandomContrast::new(f)),
                drawn!(RandomSharpness, RandomSharpness::new(f)),
            ];
            changing.extend(added);
        }
        let others: [Change<'g>; CHOICES - MOVING - ADDED] = [
            drawn!(RandomPosterization, RandomPosterization::new(bits)),
            drawn!(Solarization, Solarization::new().addition_factor(f).threshold_factor(f)),
            Box::new(move |x| contrast.stretched(x)),
            Box::new(move |x| equalization.equalized(x)),
        ];
        changing.extend(others);
        changing
    }
}

impl<'g> Drawn<'g> {
    /// What the one of the number `choice` `(1, 1, 1, 1)` makes of images; those of no number are left as they are. All are computed, since a
    /// compiled step knows no branches: of those that move pixels one alone, with the coefficients of the chosen one.
    pub(super) fn made(&self, x: Var<'g>, choice: Var<'g>) -> Var<'g> {
        let b = x.builder();
        let is: Vec<Var<'g>> = (0..MOVING + self.changing.len()).map(|k| choice.equal(b.full(choice.shape(), k as f32))).collect();
        let [to_x, to_y] = picked(&self.moving, &is);
        let moves = choice.lt(b.full(choice.shape(), MOVING as f32));
        let moved = moves.select(affine(x, to_x, to_y, &self.sampling), x);
        self.changing.iter().zip(&is[MOVING..]).fold(moved, |y, (change, &is)| is.select(change(x), y))
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
