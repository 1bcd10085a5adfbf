//! Numbers to the bins that they fall into.

use super::{
    super::{
        Layer,
        common::{LayerCommon, layer_builder, layer_methods, one},
    },
    OutputMode, beside, constants, dense, unweighted,
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check, to_config},
};
use adaline_data::Tensor;
use adaline_graph::{DType, Literal, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The number of the bin of each number: how many of the increasing `bin_boundaries` are not above it; NaN falls into the last bin.
/// `(B, ..) -> (B, ..)` of `i32`, or the vectors of another `output_mode`. Boundaries are given, or learned by [`adapt`](Self::adapt) as
/// quantiles; then they are in the configuration, as in Keras.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discretization {
    #[serde(flatten)]
    common: LayerCommon,
    bin_boundaries: Option<Vec<f64>>,
    num_bins: Option<usize>,
    epsilon: f64,
    output_mode: OutputMode,
    sparse: bool,
}

impl Default for Discretization {
    fn default() -> Self {
        Self {
            common: LayerCommon::default(),
            bin_boundaries: None,
            num_bins: None,
            epsilon: 0.01,
            output_mode: OutputMode::Int,
            sparse: false,
        }
    }
}

layer_builder!(Discretization, "Discretization", []);

impl Discretization {
    /// Bins between given boundaries; the first and the last one are open.
    pub fn new(bin_boundaries: impl Into<Vec<f64>>) -> Self {
        Self { bin_boundaries: Some(bin_boundaries.into()), ..Self::default() }
    }
    /// So many bins of about equally many numbers, to be learned by [`adapt`](Self::adapt).
    pub fn with_bins(num_bins: usize) -> Self {
        Self { num_bins: Some(num_bins), ..Self::default() }
    }
    /// How far a quantile may be off when it is learned, as a part of all numbers; 0.01 unless set.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
    /// Numbers of bins, or vectors for them.
    pub fn output_mode(mut self, mode: OutputMode) -> Self {
        self.output_mode = mode;
        self
    }
    /// The boundaries, when they are given or learned.
    pub fn bin_boundaries(&self) -> Option<&[f64]> {
        self.bin_boundaries.as_deref()
    }
    /// Learns the boundaries from all numbers of the data, by Keras' summary: of more than `1 / epsilon` numbers only some are kept, evenly
    /// among the sorted ones, and quantiles lie between them on straight lines. To be called before the model is built.
    ///
    /// # Errors
    /// [`ConfigError::Value`], when there are no numbers, or some that are not finite, or the boundaries were given.
    pub fn adapt(&mut self, data: &Tensor) -> Result<(), ConfigError> {
        self.adapt_batches([data])
    }
    /// As [`Discretization::adapt`], of data that is there in parts, whose summaries are merged one after the other.
    ///
    /// # Errors
    /// As there, for each part.
    pub fn adapt_batches<'a>(&mut self, batches: impl IntoIterator<Item = &'a Tensor>) -> Result<(), ConfigError> {
        const CLASS: &str = "Discretization";
        self.validate()?;
        let Some(bins) = self.num_bins else {
            return Err(ConfigError::value(CLASS, "adapt", "a layer with num_bins", "given bin_boundaries"));
        };
        let mut summary = Summary { values: Vec::new(), weights: Vec::new() };
        for data in batches {
            let mut values = data.f32_values().into_owned();
            check(!values.is_empty(), CLASS, "adapt", "data with at least one number", format!("data of shape {:?}", data.shape()))?;
            if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
                return Err(ConfigError::value(CLASS, "adapt", "finite numbers", format!("{} at position {bad}", values[bad])));
            }
            values.sort_unstable_by(f32::total_cmp);
            let step = (values.len() as f64 / (1.0 / self.epsilon)).max(1.0);
            let kept: Vec<f32> = values.iter().skip((step - 1.0) as usize).step_by(step as usize).copied().collect();
            summary = Summary { weights: vec![step as f32; kept.len()], values: kept }.merged(summary).compress(self.epsilon);
        }
        check(!summary.values.is_empty(), CLASS, "adapt", "at least one batch", "none")?;
        let mut boundaries = summary.compress(1.0 / bins as f64).values;
        boundaries.pop();
        self.bin_boundaries = Some(boundaries.into_iter().map(f64::from).collect());
        Ok(())
    }
}

/// Sorted numbers, each for so many.
struct Summary {
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Summary {
    /// Both, sorted.
    fn merged(self, other: Self) -> Self {
        let all = self.values.into_iter().chain(other.values).zip(self.weights.into_iter().chain(other.weights));
        let mut all: Vec<(f32, f32)> = all.collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (values, weights) = all.into_iter().unzip();
        Self { values, weights }
    }
    /// At most `1 / epsilon` numbers at even parts of the weight (`compress_summary` of Keras).
    fn compress(self, epsilon: f64) -> Self {
        if self.values.len() as f64 * epsilon < 1.0 {
            return self;
        }
        // As NumPy: the running sum in single precision, what is made of it in double precision.
        let mut sum = 0.0f32;
        let mut add = |w: &f32| {
            sum += w;
            sum
        };
        let sums: Vec<f32> = self.weights.iter().map(&mut add).collect();
        let parts: Vec<f32> = sums.iter().map(|s| s / sum).collect();
        let count = (1.0 / epsilon).ceil() as usize;
        let (mut values, mut weights, mut before) = (Vec::new(), Vec::new(), 0.0);
        for k in 0..count {
            let at = epsilon + k as f64 * epsilon;
            let reached = between(at, &parts, &sums);
            values.push(between(at, &parts, &self.values) as f32);
            weights.push((reached - before) as f32);
            before = reached;
        }
        Self { values, weights }
    }
}

/// The value at `x` of the line through the points `(xs, ys)`, level outside (`numpy.interp`).
fn between(x: f64, xs: &[f32], ys: &[f32]) -> f64 {
    let after = xs.partition_point(|&known| f64::from(known) <= x);
    let y = |at: usize| f64::from(ys[at]);
    if after == 0 {
        return y(0);
    }
    if after == xs.len() {
        return y(after - 1);
    }
    let (left, right) = (f64::from(xs[after - 1]), f64::from(xs[after]));
    let slope = (y(after) - y(after - 1)) / (right - left);
    slope * (x - left) + y(after - 1)
}

impl KerasObject for Discretization {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        "Discretization"
    }
    fn config(&self) -> Value {
        data_layer_config(to_config(self), &self.common)
    }
    fn validate(&self) -> Result<(), ConfigError> {
        const CLASS: &str = "Discretization";
        let either = self.bin_boundaries.is_some() || self.num_bins.is_some();
        check(either, CLASS, "bin_boundaries", "given, or num_bins and then adapt", "neither")?;
        check(self.num_bins != Some(0), CLASS, "num_bins", "at least 1", 0)?;
        check(self.epsilon > 0.0 && self.epsilon <= 1.0, CLASS, "epsilon", "above 0 and at most 1", self.epsilon)?;
        if let Some(boundaries) = &self.bin_boundaries {
            let sorted = !boundaries.is_empty() && boundaries.iter().all(|b| b.is_finite()) && boundaries.is_sorted();
            // One bin has none.
            let sorted = sorted || (boundaries.is_empty() && self.num_bins == Some(1));
            check(sorted, CLASS, "bin_boundaries", "finite numbers in increasing order, at least one", format!("{boundaries:?}"))?;
        }
        unweighted(CLASS, self.output_mode)?;
        dense(CLASS, self.sparse)
    }
}

/// The arguments as Keras' `Discretization` and `HashedCrossing` write them: with the type's name alone, and without what they do not take.
pub(super) fn data_layer_config(mut config: Value, common: &LayerCommon) -> Value {
    if let Value::Object(arguments) = &mut config {
        arguments.remove("trainable");
        arguments.insert("dtype".into(), common.dtype.unwrap_or_default().name().into());
    }
    config
}

impl Layer for Discretization {
    layer_methods!();
    /// Rounding could carry a number over a boundary.
    fn autocast(&self) -> bool {
        false
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "Discretization", inputs).cast(DType::F32);
        let Some(boundaries) = &self.bin_boundaries else {
            return cx
                .builder()
                .error("Discretization has no boundaries yet: give it bin_boundaries, or call adapt before the model is built");
        };
        let bins = if boundaries.is_empty() {
            cx.builder().constant(Literal::I32(0), x.shape())
        } else {
            let edges = constants(cx, boundaries.iter().map(|&edge| Literal::f32(edge as f32)));
            let x = beside(x, boundaries.len());
            // Not "at or above", so that NaN counts for all.
            let (none, some) = (cx.builder().full(x.shape(), 0.0), cx.builder().full(x.shape(), 1.0));
            x.lt(edges.broadcast_to(x.shape())).select(none, some).sum(&[-1], false).cast(DType::I32)
        };
        self.output_mode.encode(cx, "Discretization", bins, boundaries.len() + 1, None)
    }
}
