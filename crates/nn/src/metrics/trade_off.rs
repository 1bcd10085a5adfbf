//! The best of one rate where another is at least so much.

use super::{
    common::{MetricCommon, divide_no_nan, element_weights, metric_of_family},
    threshold::{Counts, Side, Thresholds, of_class},
};
use crate::{
    keras::{ConfigError, check, only, read_over, to_config},
    losses::same_shape,
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Of the four rates each class knows the one that it is named after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Arguments {
    #[serde(flatten)]
    common: MetricCommon,
    num_thresholds: usize,
    class_id: Option<usize>,
    precision: f64,
    recall: f64,
    sensitivity: f64,
    specificity: f64,
}

impl Default for Arguments {
    fn default() -> Self {
        let common = MetricCommon::new("");
        Self { common, num_thresholds: 200, class_id: None, precision: 0.5, recall: 0.5, sensitivity: 0.5, specificity: 0.5 }
    }
}

/// What tells one trade-off from another.
#[derive(Debug)]
struct Spec {
    class: &'static str,
    name: &'static str,
    /// The rate that must be reached.
    key: &'static str,
    larger_is_better: Option<bool>,
    least: fn(&mut Arguments) -> &mut f64,
    constrained: fn(&Counts, usize) -> f64,
    best: fn(&Counts, usize) -> f64,
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.class == other.class
    }
}

#[derive(Clone, Debug, PartialEq)]
struct TradeOff {
    spec: &'static Spec,
    arguments: Arguments,
}

impl TradeOff {
    const HEEDS_MASK: bool = false;

    fn new(spec: &'static Spec, least: f64) -> Self {
        let mut arguments = Arguments { common: MetricCommon::new(spec.name), ..Arguments::default() };
        *(spec.least)(&mut arguments) = least;
        Self { spec, arguments }
    }
    fn read(spec: &'static Spec, config: &Value) -> Result<Self, ConfigError> {
        Ok(Self { spec, arguments: read_over(spec.class, &[spec.key], Self::new(spec, 0.5).config(), config)? })
    }
    fn config(&self) -> Value {
        only(to_config(&self.arguments), &["name", "dtype", "num_thresholds", "class_id", self.spec.key])
    }
    fn least(&self) -> f64 {
        *(self.spec.least)(&mut self.arguments.clone())
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let least = self.least();
        check((0.0..=1.0).contains(&least), self.spec.class, self.spec.key, "from 0 to 1", least)?;
        number_of_thresholds(self.spec.class, 1, self.arguments.num_thresholds)
    }
    fn thresholds(&self) -> Thresholds {
        Thresholds::even(self.arguments.num_thresholds)
    }
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        vec![self.thresholds().sum(1)]
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let (t, p) = of_class(self.spec.class, same_shape(self.spec.class, y_true, y_pred), self.arguments.class_id);
        vec![self.thresholds().update(t, p, element_weights(p, weight), false)]
    }
    #[expect(clippy::unnecessary_wraps, reason = "as all families have it")]
    fn variables(&self, sums: &[&[f32]]) -> Option<Vec<(&'static str, Shape, Vec<f32>)>> {
        let values = self.thresholds().variables(&Side::ALL, sums, false);
        Some(Side::ALL.iter().zip(values).map(|(side, (shape, values))| (side.name(), shape, values)).collect())
    }
    #[expect(clippy::unnecessary_wraps, reason = "as all families have it")]
    fn sums_of(&self, variables: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        Some(vec![self.thresholds().sum_of(&Side::ALL, variables)])
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        let (thresholds, least) = (self.thresholds(), self.least() as f32);
        let Some(c) = thresholds.counts(sums).into_iter().next() else { return vec![0.0] };
        // In single precision, as Keras compares: 2 / 3 is no less than what was asked for with as many digits.
        let reached = (0..thresholds.len()).filter(|&i| (self.spec.constrained)(&c, i) as f32 >= least);
        vec![reached.map(|i| (self.spec.best)(&c, i)).fold(0.0, f64::max)]
    }
}

/// Fails unless there are thresholds, and no more than a step can hold.
pub(super) fn number_of_thresholds(class: &str, least: usize, number: usize) -> Result<(), ConfigError> {
    const MOST: usize = 1 << 20;
    check((least..=MOST).contains(&number), class, "num_thresholds", &format!("from {least} to {MOST}"), number)
}

fn precision(c: &Counts, i: usize) -> f64 {
    divide_no_nan(c.true_positives[i], c.true_positives[i] + c.false_positives[i])
}
/// Also the sensitivity.
pub(super) fn recall(c: &Counts, i: usize) -> f64 {
    divide_no_nan(c.true_positives[i], c.true_positives[i] + c.false_negatives[i])
}
fn specificity(c: &Counts, i: usize) -> f64 {
    divide_no_nan(c.true_negatives[i], c.true_negatives[i] + c.false_positives[i])
}

macro_rules! trade_off {
    ($(#[$doc:meta])* $ty:ident, $name:literal, $key:ident, $constrained:expr, $best:expr) => {
        metric_of_family! {
            $(#[$doc])*
            $ty(TradeOff), Spec {
                class: stringify!($ty), name: $name, key: stringify!($key), larger_is_better: Some(true), least: |a| &mut a.$key,
                constrained: $constrained, best: $best,
            }
        }
        impl $ty {
            /// With what must be reached at least, from 0 to 1.
            pub fn new(least: f64) -> Self {
                Self(TradeOff::new(&Self::SPEC, least))
            }
            /// How many thresholds from 0 to 1 are tried, 200 unless set.
            pub fn num_thresholds(mut self, number: usize) -> Self {
                self.0.arguments.num_thresholds = number;
                self
            }
            /// Of one class alone, counted from 0 along the last axis.
            pub fn class_id(mut self, class_id: usize) -> Self {
                self.0.arguments.class_id = Some(class_id);
                self
            }
        }
    };
}

trade_off! {
    /// The best precision at a threshold where the recall is at least so much.
    PrecisionAtRecall, "precision_at_recall", recall, recall, precision
}
trade_off! {
    /// The best recall at a threshold where the precision is at least so much.
    RecallAtPrecision, "recall_at_precision", precision, precision, recall
}
trade_off! {
    /// The best sensitivity (share of positives that are found) at a threshold where the specificity is at least so much.
    SensitivityAtSpecificity, "sensitivity_at_specificity", specificity, specificity, recall
}
trade_off! {
    /// The best specificity (share of negatives that are found) at a threshold where the sensitivity is at least so much.
    SpecificityAtSensitivity, "specificity_at_sensitivity", sensitivity, recall, specificity
}
