//! What image layers share: the form of their input, their arguments, their random numbers.

use crate::{
    Trace,
    keras::{ConfigError, check},
    layers::{
        common::{draw, one},
        shaping::DataFormat,
    },
};
use adaline_graph::{Distribution, Shape, Var};
use serde::{Deserialize, Serialize};

pub use crate::layers::Interpolation;

/// Bounds of a random number as a person gives them: one number or two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "neither, expected a number or a list of two numbers")]
pub enum Factor {
    /// From minus this to this, or from 0 where the argument cannot be negative.
    Number(f64),
    /// From one to the other.
    Pair(f64, f64),
}

impl Default for Factor {
    fn default() -> Self {
        Self::Number(0.0)
    }
}
impl From<f64> for Factor {
    fn from(f: f64) -> Self {
        Self::Number(f)
    }
}
impl From<(f64, f64)> for Factor {
    fn from((low, high): (f64, f64)) -> Self {
        Self::Pair(low, high)
    }
}
impl From<[f64; 2]> for Factor {
    fn from([low, high]: [f64; 2]) -> Self {
        Self::Pair(low, high)
    }
}

impl Factor {
    /// Lower and upper bound, a number being the upper one and its negative the lower.
    pub(super) fn symmetric(self) -> (f64, f64) {
        let Bounds::<-1>(low, high) = self.into();
        match self {
            Self::Number(f) => (-f.abs(), f.abs()),
            Self::Pair(..) => (low, high),
        }
    }
    /// Whether every given number fits.
    pub(super) fn all(self, fits: impl Fn(f64) -> bool) -> bool {
        match self {
            Self::Number(f) => fits(f),
            Self::Pair(a, b) => fits(a) && fits(b),
        }
    }
}

/// Bounds of a random number as Keras writes them: a pair. One number `f` means `max(-|f|, LEAST)` to `|f|`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Factor", into = "[f64; 2]")]
pub struct Bounds<const LEAST: i8>(pub(super) f64, pub(super) f64);

impl<const LEAST: i8> From<Factor> for Bounds<LEAST> {
    fn from(f: Factor) -> Self {
        match f {
            Factor::Number(f) => Self((-f.abs()).max(f64::from(LEAST)), f.abs()),
            Factor::Pair(a, b) if a > b => Self(b, a),
            Factor::Pair(a, b) => Self(a, b),
        }
    }
}
impl<const LEAST: i8> From<Bounds<LEAST>> for [f64; 2] {
    fn from(b: Bounds<LEAST>) -> Self {
        [b.0, b.1]
    }
}

impl<const LEAST: i8> Bounds<LEAST> {
    /// Refuses what Keras refuses: a number out of `LEAST..=1`, and two that have nothing in common with it.
    pub(super) fn check(self, class: &str, key: &str) -> Result<(), ConfigError> {
        let (low, high, least) = (self.0, self.1, f64::from(LEAST));
        let of_a_number = low == (-high).max(least);
        let fits = low.is_finite() && high.is_finite() && low <= 1.0 && high >= least && (high <= 1.0 || !of_a_number);
        check(fits, class, key, &format!("one or two numbers from {LEAST} to 1"), format!("[{}, {}]", self.0, self.1))
    }
}

/// The arguments that every random image layer has.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Random {
    pub(super) data_format: DataFormat,
    pub(super) seed: Option<i64>,
}

/// Their builder methods, for a struct with a field `random`.
macro_rules! random_builder {
    ($ty:ident) => {
        impl $ty {
            /// Where the channels are.
            pub fn data_format(mut self, data_format: $crate::layers::DataFormat) -> Self {
                self.random.data_format = data_format;
                self
            }
            /// A seed of its own, mixed with the model's.
            pub fn seed(mut self, seed: i64) -> Self {
                self.random.seed = Some(seed);
                self
            }
        }
    };
}
pub(super) use random_builder;

/// The smallest and the largest value of an image, for a struct with a field `value_range`.
macro_rules! value_range_builder {
    ($ty:ident) => {
        impl $ty {
            /// The smallest and the largest value of an image (0 and 255 without it).
            pub fn value_range(mut self, low: f64, high: f64) -> Self {
                self.value_range = [low, high];
                self
            }
        }
    };
}
pub(super) use value_range_builder;

/// Keras' default `value_range`.
pub(super) const BYTES: [f64; 2] = [0.0, 255.0];

/// A `value_range` that is one.
pub(super) fn check_range(class: &str, [low, high]: [f64; 2]) -> Result<(), ConfigError> {
    let fits = low.is_finite() && high.is_finite() && low < high;
    check(fits, class, "value_range", "the smallest and then the largest value, both finite", format!("[{low}, {high}]"))
}

/// A size of at least one pixel.
pub(super) fn check_size(class: &str, height: usize, width: usize) -> Result<(), ConfigError> {
    check(height > 0, class, "height", "at least 1", height)?;
    check(width > 0, class, "width", "at least 1", width)
}

/// Runs `f` on the layer's images, turned to `(B, H, W, C)`, and turns back what it returns.
pub(super) fn on_images<'g, 'm>(
    cx: &mut Trace<'g, 'm>,
    class: &str,
    format: DataFormat,
    inputs: &[Var<'g>],
    f: impl FnOnce(&mut Trace<'g, 'm>, Var<'g>) -> Var<'g>,
) -> Var<'g> {
    let x = cx.compute(one(cx, class, inputs));
    if cx.builder().failed() {
        return x;
    }
    if x.rank() != 4 {
        return cx.builder().error(format!(
            "{class} takes a batch of images (batch, height, width, channels), got a tensor of shape {}; give a single image a batch axis \
             of 1",
            x.shape()
        ));
    }
    match format {
        DataFormat::ChannelsLast => f(cx, x),
        DataFormat::ChannelsFirst => f(cx, x.transpose(&[0, 2, 3, 1])).transpose(&[0, 3, 1, 2]),
    }
}

/// As [`on_images`], in training; otherwise, and where there is no pixel, the images as they are.
pub(super) fn augment<'g, 'm>(
    cx: &mut Trace<'g, 'm>,
    class: &str,
    format: DataFormat,
    inputs: &[Var<'g>],
    f: impl FnOnce(&mut Trace<'g, 'm>, Var<'g>) -> Var<'g>,
) -> Var<'g> {
    on_images(cx, class, format, inputs, |cx, x| if cx.training() && !x.shape().is_empty() { f(cx, x) } else { x })
}

/// What an augmentation does to images `(B, H, W, C)` once its numbers are drawn: as often as wanted, the same each time.
pub(super) type Change<'g> = Box<dyn Fn(Var<'g>) -> Var<'g> + 'g>;

/// A layer that another one is made of, with the seed of that one.
pub(super) fn seeded<L>(layer: L, own: Option<i64>, seed: impl FnOnce(L, i64) -> L) -> L {
    match own {
        Some(own) => seed(layer, own),
        None => layer,
    }
}

/// Uniform numbers from `low` to below `high`.
pub(super) fn uniform<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>, shape: impl Into<Shape>, (low, high): (f64, f64)) -> Var<'g> {
    let shape = shape.into();
    let u = draw(cx, Distribution::Uniform, own, shape);
    if low == high { cx.builder().full(shape, low as f32) } else { u * (high - low) as f32 + low as f32 }
}

/// One number for each image, `(B, 1, 1, 1)`.
pub(super) fn each<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>, x: Var<'g>, bounds: (f64, f64)) -> Var<'g> {
    uniform(cx, own, [x.dim(0), 1, 1, 1], bounds)
}

/// Which images an augmentation is for, `(B, 1, 1, 1)`: each has a probability of its own within the bounds, as in Keras.
pub(super) fn chosen<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>, x: Var<'g>, bounds: (f64, f64)) -> Var<'g> {
    let probability = each(cx, own, x, bounds);
    each(cx, own, x, (0.0, 1.0)).lt(probability)
}
