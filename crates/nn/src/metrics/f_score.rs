//! F-scores: precision and recall in one number.

use super::common::{MetricCommon, metric_of_family, numbers, sums_are_variables};
use crate::{
    keras::{ConfigError, check, only, read_over, to_config},
    losses::{same_shape, trailing},
};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the scores of several classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Average {
    /// Of all classes as one.
    Micro,
    /// Their mean.
    Macro,
    /// Their mean weighted by how many labels each has.
    Weighted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Arguments {
    #[serde(flatten)]
    common: MetricCommon,
    average: Option<Average>,
    beta: f64,
    threshold: Option<f64>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { common: MetricCommon::new(""), average: None, beta: 1.0, threshold: None }
    }
}

/// What tells one score from the other.
#[derive(Debug, PartialEq)]
struct Spec {
    class: &'static str,
    name: &'static str,
    known: &'static [&'static str],
    larger_is_better: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
struct FScore {
    spec: &'static Spec,
    arguments: Arguments,
}

impl FScore {
    const HEEDS_MASK: bool = false;

    fn new(spec: &'static Spec) -> Self {
        Self { spec, arguments: Arguments { common: MetricCommon::new(spec.name), ..Arguments::default() } }
    }
    fn read(spec: &'static Spec, config: &Value) -> Result<Self, ConfigError> {
        Ok(Self { spec, arguments: read_over(spec.class, &[], Self::new(spec).config(), config)? })
    }
    fn config(&self) -> Value {
        only(to_config(&self.arguments), self.spec.known)
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let Arguments { beta, threshold, .. } = self.arguments;
        check(beta.is_finite() && beta > 0.0, self.spec.class, "beta", "a finite number above 0", beta)?;
        threshold.map_or(Ok(()), |t| check(t > 0.0 && t <= 1.0, self.spec.class, "threshold", "null, or above 0 and up to 1", t))
    }
    #[expect(clippy::unused_self, reason = "as all families have it")]
    fn sums(&self, _: Shape, y_pred: Shape) -> Vec<(&'static str, Shape)> {
        ["true_positives", "false_positives", "false_negatives"].map(|name| (name, Shape::new(&[y_pred.dim(-1)]))).to_vec()
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let (t, p) = same_shape(self.spec.class, y_true, y_pred);
        let b = p.builder();
        if p.rank() != 2 {
            return vec![b.error(format!("{} expects labels and predictions (batch, classes), got {}", self.spec.class, p.shape())); 3];
        }
        let positive = match self.arguments.threshold {
            Some(threshold) => p.gt_scalar(threshold as f32),
            // The largest of a row; of zeros none.
            None => p.ge(p.max(&[-1], true).broadcast_to(p.shape())).and(p.abs().gt_scalar(1e-9)),
        };
        let p = positive.cast(DType::F32);
        let weigh = |v: Var<'g>| weight.map_or(v, |w| v * trailing(w.cast(DType::F32), 2)).sum(&[0], false);
        vec![weigh(p * t), weigh(p * (1.0 - t)), weigh((1.0 - p) * t)]
    }
    sums_are_variables!();
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        const EPSILON: f64 = 1e-7;
        let classes = sums.first().map_or(0, |s| s.len());
        let [right, wrong, missed] = [0, 1, 2].map(|at| numbers(sums, at, classes));
        let squared = self.arguments.beta * self.arguments.beta;
        let score = |right: f64, wrong: f64, missed: f64| {
            let (precision, recall) = (right / (right + wrong + EPSILON), right / (right + missed + EPSILON));
            (1.0 + squared) * precision * recall / (squared * precision + recall + EPSILON)
        };
        let total = |v: &[f64]| v.iter().sum::<f64>();
        let each: Vec<f64> = (0..classes).map(|i| score(right[i], wrong[i], missed[i])).collect();
        match self.arguments.average {
            None => each,
            Some(Average::Micro) => vec![score(total(&right), total(&wrong), total(&missed))],
            Some(Average::Macro) => vec![total(&each) / classes as f64],
            Some(Average::Weighted) => {
                let labels = total(&right) + total(&missed) + EPSILON;
                vec![(0..classes).map(|i| each[i] * (right[i] + missed[i]) / labels).sum()]
            }
        }
    }
}

metric_of_family! {
    /// `2 precision · recall / (precision + recall)` of labels and predictions `(B, C)`: one score for each class, or with an average one.
    F1Score(FScore), Spec {
        class: "F1Score", name: "f1_score", known: &["name", "dtype", "average", "threshold"], larger_is_better: Some(true),
    }
}
metric_of_family! {
    /// `(1 + beta²) precision · recall / (beta² precision + recall)` of labels and predictions `(B, C)`: the recall counts `beta` times as much as the
    /// precision. One score for each class, or with an average one.
    FBetaScore(FScore), Spec {
        class: "FBetaScore", name: "fbeta_score", known: &["name", "dtype", "average", "beta", "threshold"], larger_is_better: Some(true),
    }
}

macro_rules! builder {
    ($ty:ident) => {
        impl Default for $ty {
            fn default() -> Self {
                Self(FScore::new(&Self::SPEC))
            }
        }
        impl $ty {
            /// One score for each class; the largest prediction of a row counts as positive.
            pub fn new() -> Self {
                Self::default()
            }
            /// How the scores of the classes become one.
            pub fn average(mut self, average: Average) -> Self {
                self.0.arguments.average = Some(average);
                self
            }
            /// Predictions above it count as positive, instead of the largest of a row.
            pub fn threshold(mut self, threshold: f64) -> Self {
                self.0.arguments.threshold = Some(threshold);
                self
            }
        }
    };
}
builder!(F1Score);
builder!(FBetaScore);

impl FBetaScore {
    /// How much more the recall counts than the precision, 1 unless set.
    pub fn beta(mut self, beta: f64) -> Self {
        self.0.arguments.beta = beta;
        self
    }
}
