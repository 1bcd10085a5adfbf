//! Normalization of inputs by their mean and variance.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace, WeightSpec,
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
};
use adaline_data::Tensor;
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// `(x - mean) / max(sqrt(variance), 1e-7)` with a mean and variance for each position of the kept axes (default: the last),
/// learnt by [`adapt`](Normalization::adapt) or given. With `invert`, `mean + x · max(sqrt(variance), 1e-7)`.
///
/// Weights, when learnt (not changed by training): `mean`, `variance` of the kept axes' shape, and `count`, which Keras keeps for older files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    common: LayerCommon,
    axis: Axes,
    invert: bool,
    mean: Statistic,
    variance: Statistic,
    #[serde(skip)]
    adapted: Option<Adapted>,
}

/// What `adapt` found.
#[derive(Clone, Debug, PartialEq)]
struct Adapted {
    mean: Arc<[f32]>,
    variance: Arc<[f32]>,
}

/// The kept axes: a list in files, though one number or none is accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "AxesInFile")]
struct Axes(Vec<isize>);

#[derive(Deserialize)]
#[serde(untagged)]
enum AxesInFile {
    None,
    One(isize),
    Many(Vec<isize>),
}
impl From<AxesInFile> for Axes {
    fn from(a: AxesInFile) -> Self {
        Self(match a {
            AxesInFile::None => Vec::new(),
            AxesInFile::One(a) => vec![a],
            AxesInFile::Many(a) => a,
        })
    }
}

/// A given mean or variance: one number, or (nested) lists that end with the kept axes.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
struct Statistic(Option<Vec<f64>>, Value);

impl From<Statistic> for Value {
    fn from(s: Statistic) -> Self {
        s.1
    }
}
impl TryFrom<Value> for Statistic {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        fn flatten(value: &Value, depth: usize, out: &mut Vec<f64>) -> Option<()> {
            match value {
                Value::Number(n) => out.push(n.as_f64()?),
                Value::Array(a) if depth < adaline_graph::MAX_RANK => a.iter().try_for_each(|v| flatten(v, depth + 1, out))?,
                _ => return None,
            }
            Some(())
        }
        if value.is_null() {
            return Ok(Self::default());
        }
        let mut out = Vec::new();
        flatten(&value, 0, &mut out).filter(|()| !out.is_empty()).ok_or("neither, expected a number or lists of numbers")?;
        Ok(Self(Some(out), value))
    }
}

impl Default for Normalization {
    fn default() -> Self {
        Self {
            common: LayerCommon::default(),
            axis: Axes(vec![-1]),
            invert: false,
            mean: Statistic::default(),
            variance: Statistic::default(),
            adapted: None,
        }
    }
}

layer_builder!(Normalization, "Normalization", []);

/// Keras' `epsilon()`: the least standard deviation.
const EPSILON: f32 = 1e-7;

impl Normalization {
    /// Statistics for each feature (the last axis), to be learnt by [`adapt`](Self::adapt).
    pub fn new() -> Self {
        Self::default()
    }
    /// Axes that keep statistics of their own, batch axis 0 excluded; none for one mean and variance of everything.
    pub fn axis(mut self, axis: impl Into<Vec<isize>>) -> Self {
        self.axis = Axes(axis.into());
        self
    }
    /// Undoes a normalization instead.
    pub fn invert(mut self, invert: bool) -> Self {
        self.invert = invert;
        self
    }
    /// Given statistics: one number each, or one for each position of the kept axes in row-major order.
    pub fn statistics(mut self, mean: impl Into<Vec<f64>>, variance: impl Into<Vec<f64>>) -> Self {
        let statistic = |v: Vec<f64>| {
            let shown = if let [one] = v[..] { json!(one) } else { json!(v) };
            Statistic(Some(v), shown)
        };
        self.mean = statistic(mean.into());
        self.variance = statistic(variance.into());
        self
    }
    /// Learns mean and variance (biased, computed in `f64`) from data of shape `(rows, ..)`. To be called before the model is built.
    pub fn adapt(&mut self, data: &Tensor) -> Result<(), ConfigError> {
        let class = "Normalization";
        let shape = Shape::try_new(data.shape()).filter(|s| s.rank() >= 1);
        let Some(shape) = shape.filter(|s| !s.is_empty()) else {
            return Err(ConfigError::value(class, "adapt", "data with at least one row", format!("data of shape {:?}", data.shape())));
        };
        check(self.mean.0.is_none(), class, "adapt", "without given `mean` and `variance`", "a layer with both")?;
        let kept = self.kept(shape).map_err(|m| ConfigError::value(class, "axis", m, format!("{:?}", self.axis.0)))?;
        let values = data.f32_values();
        // Place of an element among the statistics, from its place in the data.
        let (dims, strides) = (shape.dims(), shape.strides());
        let place = |e: usize| kept.iter().fold(0, |at, &a| at * dims[a] + e / strides[a] % dims[a]);
        let n: usize = kept.iter().map(|&a| dims[a]).product();
        let count = (values.len() / n) as f64;
        let mut mean = vec![0.0f64; n];
        for (e, &v) in values.iter().enumerate() {
            mean[place(e)] += f64::from(v);
        }
        for m in &mut mean {
            *m /= count;
        }
        let mut variance = vec![0.0f64; n];
        for (e, &v) in values.iter().enumerate() {
            let at = place(e);
            variance[at] += (f64::from(v) - mean[at]).powi(2);
        }
        if let Some(bad) = mean.iter().position(|m| !m.is_finite()) {
            return Err(ConfigError::value(class, "adapt", "finite data", format!("a mean of {} at position {bad}", mean[bad])));
        }
        let to_f32 = |v: &[f64], scale: f64| v.iter().map(|x| (x / scale) as f32).collect();
        self.adapted = Some(Adapted { mean: to_f32(&mean, 1.0), variance: to_f32(&variance, count) });
        Ok(())
    }
    /// The kept axes from the front, in increasing order.
    fn kept(&self, shape: Shape) -> Result<Vec<usize>, String> {
        let mut kept = Vec::new();
        for &a in &self.axis.0 {
            match shape.axis(a) {
                Some(at) if at > 0 && !kept.contains(&at) => kept.push(at),
                _ => return Err(format!("distinct axes of shape {shape} after the batch axis")),
            }
        }
        kept.sort_unstable();
        Ok(kept)
    }
    /// A weight that training leaves alone.
    fn statistic<'g>(cx: &mut Trace<'g, '_>, name: &str, shape: &[usize], initial: Initializer) -> Var<'g> {
        cx.weight(name, shape, &WeightSpec { initializer: initial, regularizer: None, trainable: false, constraint: None })
    }
    /// Given statistics as a tensor that broadcasts over the kept axes.
    fn given<'g>(cx: &Trace<'g, '_>, values: &[f64], shape: Shape) -> Var<'g> {
        let b = cx.builder();
        if let [one] = values {
            return b.full(shape, *one as f32);
        }
        if values.len() != shape.len() {
            return b.error(format!("{} given statistics for the {} of the kept axes {shape}", values.len(), shape.len()));
        }
        let parts: Vec<Var<'g>> = values.iter().map(|&v| b.full([1], v as f32)).collect();
        adaline_graph::concat(b, &parts, 0).reshape(shape)
    }
}

impl KerasObject for Normalization {
    layer_identity!("Normalization");
    fn validate(&self) -> Result<(), ConfigError> {
        let both = self.mean.0.is_some() == self.variance.0.is_some();
        check(both, "Normalization", "variance", "given together with `mean`", &self.variance.1)?;
        let fits = self.variance.0.iter().flatten().all(|v| v.is_finite() && *v >= 0.0);
        check(fits, "Normalization", "variance", "finite numbers of at least 0", &self.variance.1)?;
        check(self.mean.0.iter().flatten().all(|v| v.is_finite()), "Normalization", "mean", "finite numbers", &self.mean.1)
    }
}

impl Layer for Normalization {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "Normalization", inputs));
        let s = x.shape();
        let kept = match self.kept(s) {
            Ok(kept) => kept,
            Err(m) => return cx.builder().error(format!("axis {:?} must be {m}", self.axis.0)),
        };
        let own: Vec<usize> = kept.iter().map(|&a| s.dims()[a]).collect();
        let spread = (0..s.rank()).filter(|a| !kept.contains(a)).fold(s, |s, a| s.with_dim(a, 1));
        let (mean, variance) = if let (Some(m), Some(v)) = (&self.mean.0, &self.variance.0) {
            (cx.compute(Self::given(cx, m, spread)), cx.compute(Self::given(cx, v, spread)))
        } else {
            let (m, v) = match &self.adapted {
                Some(a) => (Initializer::Values(a.mean.clone()), Initializer::Values(a.variance.clone())),
                None => (Initializer::Zeros, Initializer::Ones),
            };
            let (m, v) = (Self::statistic(cx, "mean", &own, m), Self::statistic(cx, "variance", &own, v));
            Self::statistic(cx, "count", &[], Initializer::Zeros);
            (m.reshape(spread), v.reshape(spread))
        };
        let deviation = cx.compute(cx.compute(variance.sqrt()).max_scalar(EPSILON));
        if self.invert { mean + cx.compute(x * deviation) } else { cx.compute(x - mean) / deviation }
    }
}
