//! Affine maps of images: each image has its own, from places in the result to places in the source.

use super::common::Interpolation;
use crate::keras::{ConfigError, check};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};
use std::f32::consts::PI;

/// What lies beyond an image's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillMode {
    /// The image mirrored, its border pixel twice: `d c b a | a b c d | d c b a`.
    #[default]
    Reflect,
    /// The image again: `a b c d | a b c d | a b c d`.
    Wrap,
    /// The `fill_value`.
    Constant,
    /// The border pixel: `a a a a | a b c d | d d d d`.
    Nearest,
    /// The image mirrored, its border pixel once: `d c b | a b c d | c b a`; of [`RandomElasticTransform`](super::RandomElasticTransform) alone.
    Mirror,
}

/// How values between and beyond pixels are found.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Sampling {
    pub(super) fill_mode: FillMode,
    pub(super) interpolation: Interpolation,
    pub(super) fill_value: f64,
}

/// Their builder methods, for a struct with a field `sampling`.
macro_rules! sampling_builder {
    ($ty:ident) => {
        impl $ty {
            /// What lies beyond the border (`reflect` without it).
            pub fn fill_mode(mut self, fill_mode: $crate::layers::image::FillMode) -> Self {
                self.sampling.fill_mode = fill_mode;
                self
            }
            /// `Nearest` or `Bilinear` (the default).
            pub fn interpolation(mut self, interpolation: $crate::layers::image::Interpolation) -> Self {
                self.sampling.interpolation = interpolation;
                self
            }
            /// The value beyond the border under `FillMode::Constant`.
            pub fn fill_value(mut self, fill_value: f64) -> Self {
                self.sampling.fill_value = fill_value;
                self
            }
        }
    };
}
pub(super) use sampling_builder;

impl Sampling {
    pub(super) fn check(&self, class: &str) -> Result<(), ConfigError> {
        let expected = "`reflect`, `wrap`, `constant` or `nearest`";
        check(self.fill_mode != FillMode::Mirror, class, "fill_mode", expected, "mirror")?;
        self.check_values(class)
    }
    /// As `check`, of a layer that knows all of `fill_mode`.
    pub(super) fn check_values(&self, class: &str) -> Result<(), ConfigError> {
        let by = self.interpolation;
        check(by != Interpolation::Bicubic, class, "interpolation", "nearest or bilinear", "bicubic")?;
        check(self.fill_value.is_finite(), class, "fill_value", "a finite number", self.fill_value)
    }
}

/// One row of a map, `a·x + b·y + c`: each `(B, 1, 1)`; without the coefficient of the other axis where it is 0.
#[derive(Clone, Copy)]
pub(super) struct Row<'g> {
    pub(super) x: Option<Var<'g>>,
    pub(super) y: Option<Var<'g>>,
    pub(super) offset: Var<'g>,
}

impl<'g> Row<'g> {
    fn at(self, x: Var<'g>, y: Var<'g>) -> Var<'g> {
        let terms = [self.y.map(|b| y * b), self.x.map(|a| x * a)];
        terms.into_iter().flatten().reduce(|a, b| a + b).map_or(self.offset, |sum| sum + self.offset)
    }
}

/// Images `(B, H, W, C)` of which pixel `(x, y)` is the source's at `(to_x(x, y), to_y(x, y))`, as `keras.ops.image.affine_transform` on
/// JAX (`jax.scipy.ndimage.map_coordinates`) has it.
pub(super) fn affine<'g>(images: Var<'g>, to_x: Row<'g>, to_y: Row<'g>, by: &Sampling) -> Var<'g> {
    let b = images.builder();
    let &[_, h, w, _] = images.shape().dims() else { return images };
    let (x, y) = (b.iota([1, 1, w], 2).cast(DType::F32), b.iota([1, h, 1], 1).cast(DType::F32));
    sample(images, to_x.at(x, y), to_y.at(x, y), [h, w], by)
}

/// Images `(B, high, wide, C)` of values of images `(B, H, W, C)` at places along width and height, each `(B, high, wide)` or with ones in place of
/// some of these.
pub(super) fn sample<'g>(images: Var<'g>, at_x: Var<'g>, at_y: Var<'g>, [high, wide]: [usize; 2], by: &Sampling) -> Var<'g> {
    let b = images.builder();
    let &[n, h, w, c] = images.shape().dims() else { return images };
    let (along_x, along_y) = (taps(at_x, w, by), taps(at_y, h, by));
    let rows = images.reshape([n, h * w, c]);
    let width = b.constant(adaline_graph::Literal::I32(i32::try_from(w).unwrap_or(i32::MAX)), [1, 1, 1]);
    let mut sum: Option<Var<'g>> = None;
    for v in &along_y {
        for u in &along_x {
            // (B, high, wide), or with ones where the map leaves an axis alone.
            let place = (v.index * width + u.index).broadcast_to([n, high, wide]).reshape([n, high * wide]);
            let mut value = rows.gather(place).reshape([n, high, wide, c]);
            if let (Some(in_y), Some(in_x)) = (v.inside, u.inside) {
                value = in_y.and(in_x).expand_dims(-1).select(value, b.full([1, 1, 1, 1], by.fill_value as f32));
            }
            let part = match (v.weight, u.weight) {
                (Some(p), Some(q)) => value * (p * q).expand_dims(-1),
                _ => value,
            };
            sum = Some(sum.map_or(part, |s| s + part));
        }
    }
    sum.unwrap_or(images)
}

/// One pixel along an axis that a value is made of.
struct Tap<'g> {
    index: Var<'g>,
    weight: Option<Var<'g>>,
    inside: Option<Var<'g>>,
}

/// The one or two pixels of `n` around each place.
fn taps<'g>(place: Var<'g>, n: usize, by: &Sampling) -> Vec<Tap<'g>> {
    let tap = |at: Var<'g>, weight| {
        let (index, inside) = within(at, n, by.fill_mode);
        Tap { index: index.cast(DType::I32), weight, inside }
    };
    if by.interpolation == Interpolation::Nearest {
        // Halves away from zero.
        return vec![tap((place.abs() + 0.5).floor() * place.sign(), None)];
    }
    let lower = place.floor();
    let upper_weight = place - lower;
    vec![tap(lower, Some(1.0 - upper_weight)), tap(lower + 1.0, Some(upper_weight))]
}

/// A whole number as an index below `n`, and whether it was one where that matters.
fn within(at: Var<'_>, n: usize, mode: FillMode) -> (Var<'_>, Option<Var<'_>>) {
    let n = n as f32;
    // The remainder, with a quotient that is half an index away from where it jumps.
    let modulo = |period: f32| at - ((at + 0.5) / period).floor() * period;
    match mode {
        FillMode::Reflect => {
            let m = modulo(2.0 * n);
            (m.minimum((2.0 * n - 1.0) - m), None)
        }
        FillMode::Mirror if n > 1.0 => {
            let m = modulo(2.0 * n - 2.0);
            (m.minimum((2.0 * n - 2.0) - m), None)
        }
        FillMode::Wrap => (modulo(n), None),
        FillMode::Nearest | FillMode::Mirror => (at.clip(0.0, n - 1.0), None),
        FillMode::Constant => {
            let b = at.builder();
            let inside = at.ge(b.full(at.shape(), 0.0)).and(at.lt(b.full(at.shape(), n)));
            (at.clip(0.0, n - 1.0), Some(inside))
        }
    }
}

/// Sine and cosine of `2π·turns`, to about 1e-7: Taylor's series of half the angle, which is at most π/2, and the double-angle formulas.
pub(super) fn sin_cos(turns: Var<'_>) -> (Var<'_>, Var<'_>) {
    const SIN: [f32; 7] = [1.0, -1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362_880.0, -1.0 / 39_916_800.0, 1.0 / 6_227_020_800.0];
    const COS: [f32; 8] =
        [1.0, -1.0 / 2.0, 1.0 / 24.0, -1.0 / 720.0, 1.0 / 40_320.0, -1.0 / 3_628_800.0, 1.0 / 479_001_600.0, -1.0 / 87_178_291_200.0];
    let half = (turns - (turns + 0.5).floor()) * PI;
    let square = half.square();
    let series = |terms: &[f32]| {
        let b = half.builder();
        terms.iter().rev().fold(b.full(half.shape(), 0.0), |sum, &t| sum * square + t)
    };
    let (s, c) = (series(&SIN) * half, series(&COS));
    (s * c * 2.0, 1.0 - s.square() * 2.0)
}
