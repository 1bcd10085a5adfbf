//! Precision and recall at a threshold.

use super::{
    Metric,
    common::{MetricCommon, divide_no_nan, metric_methods, metric_object},
};
use crate::{
    keras::{ConfigError, KerasObject, check},
    losses::{same_shape, trailing},
};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `null`, a number, or a list of one number: Keras' `thresholds`, of which several would give several results.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
struct Thresholds(Option<f64>, Value);

impl From<Thresholds> for Value {
    fn from(t: Thresholds) -> Self {
        t.1
    }
}
impl TryFrom<Value> for Thresholds {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        let one = match &value {
            Value::Null => return Ok(Self::default()),
            Value::Array(a) if a.len() == 1 => a[0].as_f64(),
            other => other.as_f64(),
        };
        one.map(|t| Self(Some(t), value)).ok_or_else(|| "neither, expected null or one threshold (several are not supported)".into())
    }
}

macro_rules! confusion {
    ($(#[$doc:meta])* $ty:ident, $class:literal, $name:literal, $wrong:literal, |$t:ident, $p:ident| $miss:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $ty {
            #[serde(flatten)]
            common: MetricCommon,
            thresholds: Thresholds,
            top_k: Option<usize>,
            class_id: Option<usize>,
        }
        impl Default for $ty {
            fn default() -> Self {
                Self { common: MetricCommon::new($name), thresholds: Thresholds::default(), top_k: None, class_id: None }
            }
        }
        impl $ty {
            /// At a threshold of 0.5.
            pub fn new() -> Self {
                Self::default()
            }
            /// Predictions above it count as positive; from 0 to 1.
            pub fn threshold(mut self, threshold: f64) -> Self {
                self.thresholds = Thresholds(Some(threshold), Value::from(threshold));
                self
            }
            fn at(&self) -> f64 {
                self.thresholds.0.unwrap_or(0.5)
            }
        }
        metric_object!($ty, $class, |this| arguments($class, this.at(), this.top_k, this.class_id));
        impl Metric for $ty {
            metric_methods!(true);
            fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
                vec![("true_positives", Shape::new(&[1])), ($wrong, Shape::new(&[1]))]
            }
            fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
                let (t, p) = same_shape(self.class_name(), y_true, y_pred);
                let ($t, $p) = (t.cast(DType::Bool), p.gt_scalar(self.at() as f32));
                vec![count($t.and($p), weight), count($miss, weight)]
            }
            fn result(&self, sums: &[&[f32]]) -> f64 {
                match sums {
                    [[right, ..], [wrong, ..], ..] => divide_no_nan(f64::from(*right), f64::from(*right) + f64::from(*wrong)),
                    _ => 0.0,
                }
            }
        }
    };
}

confusion! {
    /// The share of right ones among positive predictions: labels 0 and 1, predictions probabilities, of one shape. 0 without any.
    Precision, "Precision", "precision", "false_positives", |t, p| t.logical_not().and(p)
}
confusion! {
    /// The share of positive labels that are predicted: labels 0 and 1, predictions probabilities, of one shape. 0 without any.
    Recall, "Recall", "recall", "false_negatives", |t, p| t.and(p.logical_not())
}

fn arguments(class: &str, threshold: f64, top_k: Option<usize>, class_id: Option<usize>) -> Result<(), ConfigError> {
    check((0.0..=1.0).contains(&threshold), class, "thresholds", "from 0 to 1", threshold)?;
    if let Some(k) = top_k {
        return Err(ConfigError::unsupported(class, "top_k", k, "leave it null and give a threshold"));
    }
    if let Some(id) = class_id {
        return Err(ConfigError::unsupported(class, "class_id", id, "leave it null; the metric then counts all classes"));
    }
    Ok(())
}

/// Number (or weight) of the true elements, `(1)`.
fn count<'g>(hits: Var<'g>, weight: Option<Var<'g>>) -> Var<'g> {
    let hits = hits.cast(DType::F32);
    let weighted = match weight {
        Some(w) => hits * trailing(w.cast(DType::F32), hits.rank()),
        None => hits,
    };
    weighted.sum(&[], false).reshape(Shape::new(&[1]))
}
