//! The coefficient of determination.

use super::{
    Metric,
    common::{MetricCommon, metric_methods, metric_object},
};
use crate::{keras::KerasObject, losses::same_shape};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};

/// R²: `1 - Σ (y - p)² / Σ (y - mean(y))²` for each output of labels and predictions `(B, N)`, then their mean.
///
/// An output without variance counts 0 (as Keras does for an infinite score). With `num_regressors` it is adjusted:
/// `1 - (1 - R²)(n - 1) / (n - p - 1)`, where Keras counts `n` in values, not rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct R2Score {
    #[serde(flatten)]
    common: MetricCommon,
    class_aggregation: Option<ClassAggregation>,
    num_regressors: usize,
}

/// How the scores of several outputs become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassAggregation {
    /// Their mean.
    #[default]
    UniformAverage,
    /// Their mean weighted by the outputs' variances.
    VarianceWeightedAverage,
}

impl Default for R2Score {
    fn default() -> Self {
        Self { common: MetricCommon::new("r2_score"), class_aggregation: Some(ClassAggregation::default()), num_regressors: 0 }
    }
}

metric_object!(R2Score, "R2Score", |_this| Ok(()));

impl R2Score {
    /// A new metric.
    pub fn new() -> Self {
        Self::default()
    }
    /// How the scores of several outputs become one; `None` keeps them apart.
    pub fn class_aggregation(mut self, class_aggregation: impl Into<Option<ClassAggregation>>) -> Self {
        self.class_aggregation = class_aggregation.into();
        self
    }
    /// Number of explaining variables, for the adjusted score.
    pub fn num_regressors(mut self, num_regressors: usize) -> Self {
        self.num_regressors = num_regressors;
        self
    }
}

impl Metric for R2Score {
    metric_methods!(true);
    fn sums(&self, _: Shape, y_pred: Shape) -> Vec<(&'static str, Shape)> {
        let outputs = Shape::new(&[y_pred.dim(-1)]);
        vec![("num_samples", Shape::SCALAR), ("squared_sum", outputs), ("sum", outputs), ("residual", outputs), ("count", outputs)]
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let (t, p) = same_shape(self.class_name(), y_true, y_pred);
        let b = t.builder();
        if t.rank() != 2 {
            let e = b.error(format!("R2Score expects 2D inputs with shape (batch, outputs) for labels and predictions, got {}", t.shape()));
            return vec![e; 5];
        }
        // (B, N)
        let w = match weight {
            Some(w) => w.cast(DType::F32).reshape(Shape::new(&[t.shape().dims()[0], 1])).broadcast_to(t.shape()),
            None => b.full(t.shape(), 1.0),
        };
        let over_rows = |v: Var<'g>| v.sum(&[0], false);
        vec![b.scalar(t.shape().len() as f32), over_rows(t * t * w), over_rows(t * w), over_rows((t - p).square() * w), over_rows(w)]
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        let [num_samples, squared_sum, sum, residual, count] = sums else { return vec![0.0] };
        let f = |v: &[f32], i: usize| f64::from(v.get(i).copied().unwrap_or(0.0));
        let (mut scores, mut weighted, mut weights) = (Vec::new(), 0.0, 0.0);
        let outputs = squared_sum.len();
        for i in 0..outputs {
            let mean = f(sum, i) / f(count, i);
            let total = f(squared_sum, i) - f(sum, i) * mean;
            let raw = 1.0 - f(residual, i) / total;
            let score = if raw.is_infinite() { 0.0 } else { raw };
            scores.push(score);
            weighted += total * score;
            weights += total;
        }
        let r2 = match self.class_aggregation {
            Some(ClassAggregation::UniformAverage) => vec![scores.iter().sum::<f64>() / outputs as f64],
            Some(ClassAggregation::VarianceWeightedAverage) => vec![weighted / weights],
            None => scores,
        };
        let (n, p) = (f(num_samples, 0), self.num_regressors as f64);
        // Keras falls back to the plain score where the adjusted one is not defined.
        let plain = self.num_regressors == 0 || p >= n - 1.0;
        r2.into_iter().map(|r2| if plain { r2 } else { 1.0 - (1.0 - r2) * (n - 1.0) / (n - p - 1.0) }).collect()
    }
}
