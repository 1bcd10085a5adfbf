//! Blurred images.

use super::common::{BYTES, Bounds, Factor, Random, augment, check_range, chosen, each, random_builder, value_range_builder};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, blurs an image by a Gaussian of `kernel_size` pixels along width and height, and clips all to `value_range`. Each image has
/// a probability drawn from the bounds `factor` and a deviation, in pixels, from the bounds `sigma` for either axis. Beyond the border
/// pixels are 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomGaussianBlur {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
    kernel_size: KernelSize,
    sigma: Bounds<0>,
    value_range: [f64; 2],
}

/// Pixels along width and height, odd numbers; one number counts for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Sizes", into = "[usize; 2]")]
struct KernelSize([usize; 2]);

#[derive(Deserialize)]
#[serde(untagged, expecting = "neither, expected a whole number or a list of two")]
enum Sizes {
    One(usize),
    Two([usize; 2]),
}
impl From<Sizes> for KernelSize {
    fn from(s: Sizes) -> Self {
        match s {
            Sizes::One(n) => Self([n, n]),
            Sizes::Two(n) => Self(n),
        }
    }
}
impl From<KernelSize> for [usize; 2] {
    fn from(k: KernelSize) -> Self {
        k.0
    }
}

impl Default for RandomGaussianBlur {
    fn default() -> Self {
        let (common, random) = (LayerCommon::default(), Random::default());
        Self { common, random, factor: Bounds(0.0, 1.0), kernel_size: KernelSize([3, 3]), sigma: Bounds(0.0, 1.0), value_range: BYTES }
    }
}

layer_builder!(RandomGaussianBlur, "RandomGaussianBlur", []);
random_builder!(RandomGaussianBlur);
value_range_builder!(RandomGaussianBlur);

/// Most pixels of a kernel along an axis: each is a term of a sum in the graph.
const LARGEST: usize = 255;

impl RandomGaussianBlur {
    /// Blurs with a probability drawn from `factor` (a number `f`: from 0 to `f`).
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Pixels along width and height, odd numbers (3 and 3 without it).
    pub fn kernel_size(mut self, width: usize, height: usize) -> Self {
        self.kernel_size = KernelSize([width, height]);
        self
    }
    /// The Gaussian's deviation in pixels (a number `s`: from 0 to `s`).
    pub fn sigma(mut self, sigma: impl Into<Factor>) -> Self {
        self.sigma = sigma.into().into();
        self
    }
}

impl KerasObject for RandomGaussianBlur {
    layer_identity!("RandomGaussianBlur");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "RandomGaussianBlur";
        self.factor.check(class, "factor")?;
        self.sigma.check(class, "sigma")?;
        check(self.sigma.0 >= 0.0, class, "sigma", "at least 0", self.sigma.0)?;
        let KernelSize(size) = self.kernel_size;
        let fits = size.iter().all(|k| k % 2 == 1 && *k <= LARGEST);
        check(fits, class, "kernel_size", &format!("odd numbers of at most {LARGEST}"), format!("{size:?}"))?;
        check_range(class, self.value_range)
    }
}

impl Layer for RandomGaussianBlur {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomGaussianBlur", self.random.data_format, inputs, |cx, x| {
            let own = self.random.seed;
            let which = chosen(cx, own, x, (self.factor.0, self.factor.1));
            let KernelSize([wide, high]) = self.kernel_size;
            let mut deviation = || each(cx, own, x, (self.sigma.0, self.sigma.1)) + 1e-6;
            let (along_x, along_y) = (deviation(), deviation());
            let blurred = blur(blur(x, 2, &gaussian(along_x, wide / 2)), 1, &gaussian(along_y, high / 2));
            which.select(blurred, x).clip(self.value_range[0] as f32, self.value_range[1] as f32)
        })
    }
}

/// The terms of a Gaussian of deviation `sigma`, `(B, 1, 1, 1)`, at the distances from 0 up to `reach`.
pub(super) fn gaussian(sigma: Var<'_>, reach: usize) -> Vec<Var<'_>> {
    (0..=reach).map(|distance| ((distance as f32 / sigma).square() * -0.5).exp()).collect()
}

/// `x` blurred along an axis by terms for the distances from 0 up, over their sum.
pub(super) fn blur<'g>(x: Var<'g>, axis: usize, terms: &[Var<'g>]) -> Var<'g> {
    let total = terms[1..].iter().fold(terms[0], |sum, &t| sum + t * 2.0);
    let n = x.dim(axis as isize);
    let mut sum = x * (terms[0] / total);
    // Terms that reach across the whole image see nothing but the zeros beyond it.
    for (distance, &term) in terms.iter().enumerate().take(n).skip(1) {
        let moved = |before: usize, after: usize| {
            let mut pads = [(0, 0); 4];
            pads[axis] = (before, after);
            let mut ranges = [0, 1, 2, 3].map(|a| (0, x.dim(a), 1));
            ranges[axis] = (after, n - before, 1);
            x.slice(&ranges).pad(&pads)
        };
        sum = sum + (moved(distance, 0) + moved(0, distance)) * (term / total);
    }
    sum
}
