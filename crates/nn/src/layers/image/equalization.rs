//! Histogram equalization.

use super::{
    common::{BYTES, augment, check_range, value_range_builder},
    solarization::rescale,
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        shaping::DataFormat,
    },
};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};

/// In training, spreads the values of each channel so that all are about equally frequent: a value becomes the share of the channel's
/// pixels in its bin or below it, of 0 to 255, rounded. A channel whose pixels are all in one bin stays as it is.
///
/// As in Keras the histogram is that of the whole batch, and nothing happens outside of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equalization {
    common: LayerCommon,
    bins: usize,
    value_range: [f64; 2],
    data_format: DataFormat,
}

/// Most bins: each has a place in memory for every channel.
const MOST_BINS: usize = 1 << 16;

impl Default for Equalization {
    fn default() -> Self {
        Self { common: LayerCommon::default(), bins: 256, value_range: BYTES, data_format: DataFormat::default() }
    }
}

layer_builder!(Equalization, "Equalization", []);
value_range_builder!(Equalization);

impl Equalization {
    /// With 256 bins for values from 0 to 255.
    pub fn new() -> Self {
        Self::default()
    }
    /// How many bins the range of values is cut into.
    pub fn bins(mut self, bins: usize) -> Self {
        self.bins = bins;
        self
    }
    /// Where the channels are.
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
    /// Images `(B, H, W, C)`, equalized.
    pub(super) fn equalized<'g>(&self, x: Var<'g>) -> Var<'g> {
        let &[n, h, w, c] = x.shape().dims() else { return x };
        let (b, m, bins) = (x.builder(), n * h * w, self.bins);
        let last = (bins - 1) as f32;
        let v = rescale(x, self.value_range, BYTES).reshape([m, c]).transpose(&[1, 0]); // (C, M)
        // Keras finds the bin to count in and the bin to look up by different roundings; so do we.
        let bin = |scaled: Var<'g>| scaled.clip(0.0, last).cast(DType::I32);
        let counts = b.full([c, m, 1], 1.0).scatter_add(bin(v * last / 255.0), bins).reshape([c, bins]);
        let below = running_sum(counts);
        let total = below.slice(&[(0, c, 1), (bins - 1, bins, 1)]);
        let filled = counts.gt_scalar(0.0);
        let first = filled.select(below, b.full([c, bins], f32::INFINITY)).min(&[1], true);
        let others = total - first;
        let several = others.gt_scalar(0.0); // (C, 1): pixels in more than one bin
        let shares = (below - first) * 255.0 / several.select(others, b.full([c, 1], 1.0));
        let table = round_half_even(shares).clip(0.0, 255.0).reshape([c, bins, 1]);
        let equal = table.gather(bin(v / 255.0 * last)).reshape([c, m]);
        let equal = several.select(equal, v).transpose(&[1, 0]).reshape([n, h, w, c]);
        rescale(equal, BYTES, self.value_range)
    }
}

/// Sums of each element and all before it along the last axis of `(C, N)`: doubled reach by doubled reach. Exact for counts below 2^24.
pub(super) fn running_sum(x: Var<'_>) -> Var<'_> {
    let (c, n) = (x.dim(0), x.dim(1));
    let reaches = std::iter::successors(Some(1), |r| Some(r * 2)).take_while(|&r| r < n);
    reaches.fold(x, |sum, reach| sum + sum.slice(&[(0, c, 1), (0, n - reach, 1)]).pad(&[(0, 0), (reach, 0)]))
}

/// The nearest whole number of at least 0, the even one of two.
fn round_half_even(x: Var<'_>) -> Var<'_> {
    let below = x.floor();
    let part = x - below;
    let odd = below - (below * 0.5).floor() * 2.0;
    let half = x.builder().full(x.shape(), 0.5);
    let up = part.gt(half).or(part.equal(half).and(odd.gt_scalar(0.0)));
    below + up.cast(DType::F32)
}

impl KerasObject for Equalization {
    layer_identity!("Equalization");
    fn validate(&self) -> Result<(), ConfigError> {
        check((1..=MOST_BINS).contains(&self.bins), "Equalization", "bins", &format!("from 1 to {MOST_BINS}"), self.bins)?;
        check_range("Equalization", self.value_range)
    }
}

impl Layer for Equalization {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "Equalization", self.data_format, inputs, |_, x| self.equalized(x))
    }
}
