//! Counts of right and wrong decisions at thresholds, precision and recall.

use super::{
    common::{MetricCommon, divide_no_nan, element_weights, metric_of_family},
    threshold::{self, Side, of_class},
};
use crate::{
    keras::{ConfigError, check, only, read_over, to_config},
    losses::{is_class, same_shape},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `null`, a number, or a list of numbers: Keras' `thresholds`, of which several give several results.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
struct Thresholds(Option<Vec<f64>>, Value);

impl From<Thresholds> for Value {
    fn from(t: Thresholds) -> Self {
        t.1
    }
}
impl TryFrom<Value> for Thresholds {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        let list = match &value {
            Value::Null => return Ok(Self::default()),
            Value::Array(a) if !a.is_empty() => a.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>(),
            other => other.as_f64().map(|t| vec![t]),
        };
        list.map(|t| Self(Some(t), value)).ok_or_else(|| "neither, expected null, a threshold, or a list of thresholds".into())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Arguments {
    #[serde(flatten)]
    common: MetricCommon,
    thresholds: Thresholds,
    top_k: Option<usize>,
    class_id: Option<usize>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { common: MetricCommon::new(""), thresholds: Thresholds::default(), top_k: None, class_id: None }
    }
}

/// What tells one count from another.
#[derive(Debug)]
struct Spec {
    class: &'static str,
    name: &'static str,
    known: &'static [&'static str],
    larger_is_better: Option<bool>,
    /// What of them Keras keeps.
    sides: &'static [Side],
    /// Under which name, where it is one alone.
    alone: Option<&'static str>,
    /// Of true and false positives, true and false negatives.
    value: fn(f64, f64, f64, f64) -> f64,
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.class == other.class
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Confusion {
    spec: &'static Spec,
    arguments: Arguments,
}

impl Confusion {
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
        let (class, arguments) = (self.spec.class, &self.arguments);
        for &t in arguments.thresholds.0.iter().flatten() {
            check((0.0..=1.0).contains(&t), class, "thresholds", "from 0 to 1", t)?;
        }
        check(arguments.top_k != Some(0), class, "top_k", "null, or a number of at least 1", 0)
    }
    fn thresholds(&self) -> threshold::Thresholds {
        // Of those that are not among the k largest nothing is left.
        let default = if self.arguments.top_k.is_some() { LOWEST } else { 0.5 };
        threshold::Thresholds::of(self.arguments.thresholds.0.clone().unwrap_or_else(|| vec![default]))
    }
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        vec![self.thresholds().sum(1)]
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let (t, mut p) = same_shape(self.spec.class, y_true, y_pred);
        if let Some(k) = self.arguments.top_k {
            p = of_top_k(self.spec.class, p, k);
        }
        let (t, p) = of_class(self.spec.class, (t, p), self.arguments.class_id);
        vec![self.thresholds().update(t, p, element_weights(p, weight), false)]
    }
    #[expect(clippy::unnecessary_wraps, reason = "as all families have it")]
    fn variables(&self, sums: &[&[f32]]) -> Option<Vec<(&'static str, Shape, Vec<f32>)>> {
        let values = self.thresholds().variables(self.spec.sides, sums, false);
        let names = self.spec.sides.iter().map(|side| self.spec.alone.unwrap_or(side.name()));
        Some(names.zip(values).map(|(name, (shape, values))| (name, shape, values)).collect())
    }
    #[expect(clippy::unnecessary_wraps, reason = "as all families have it")]
    fn sums_of(&self, variables: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        Some(vec![self.thresholds().sum_of(self.spec.sides, variables)])
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        let thresholds = self.thresholds();
        let Some(c) = thresholds.counts(sums).into_iter().next() else { return vec![0.0; thresholds.len()] };
        let value = self.spec.value;
        (0..thresholds.len()).map(|i| value(c.true_positives[i], c.false_positives[i], c.true_negatives[i], c.false_negatives[i])).collect()
    }
}

/// Keras' least prediction.
const LOWEST: f64 = -1e10;

/// Predictions `(.., C)`, the lowest number in place of all but the k largest; of equals the first.
fn of_top_k<'g>(class: &str, p: Var<'g>, k: usize) -> Var<'g> {
    let b = p.builder();
    if p.rank() == 0 || k > p.dim(-1) {
        return b.error(format!("{class} has top_k {k}, but predictions have shape {}", p.shape()));
    }
    let lowest = b.full(p.shape(), LOWEST as f32);
    let (mut rest, mut chosen) = (p, lowest);
    for _ in 0..k {
        let best = is_class(rest.argmax(-1), p.shape());
        (rest, chosen) = (best.select(b.full(p.shape(), f32::NEG_INFINITY), rest), best.select(p, chosen));
    }
    chosen
}

macro_rules! confusion {
    ($(#[$doc:meta])* $ty:ident, $name:literal, $known:expr, $up:expr, [$($side:ident),*], $alone:expr, $value:expr) => {
        metric_of_family! {
            $(#[$doc])*
            $ty(Confusion), Spec {
                class: stringify!($ty), name: $name, known: $known, larger_is_better: $up, sides: &[$(Side::$side),*], alone: $alone, value: $value,
            }
        }
        impl Default for $ty {
            fn default() -> Self {
                Self(Confusion::new(&Self::SPEC))
            }
        }
        impl $ty {
            /// At a threshold of 0.5.
            pub fn new() -> Self {
                Self::default()
            }
            /// Predictions above it count as positive; from 0 to 1.
            pub fn threshold(mut self, threshold: f64) -> Self {
                self.0.arguments.thresholds = Thresholds(Some(vec![threshold]), Value::from(threshold));
                self
            }
            /// At several thresholds: one value for each.
            pub fn thresholds(mut self, thresholds: impl Into<Vec<f64>>) -> Self {
                let thresholds = thresholds.into();
                self.0.arguments.thresholds = Thresholds(Some(thresholds.clone()), thresholds.into());
                self
            }
        }
    };
}

const COUNT: &[&str] = &["name", "dtype", "thresholds"];
const SHARE: &[&str] = &["name", "dtype", "thresholds", "top_k", "class_id"];

confusion! {
    /// How many positive labels are predicted: labels 0 and 1, predictions probabilities, of one shape.
    TruePositives, "true_positives", COUNT, None, [TruePositives], Some("accumulator"), |right, _, _, _| right
}
confusion! {
    /// How many negative labels are predicted as positive: labels 0 and 1, predictions probabilities, of one shape.
    FalsePositives, "false_positives", COUNT, None, [FalsePositives], Some("accumulator"), |_, wrong, _, _| wrong
}
confusion! {
    /// How many negative labels are predicted as negative: labels 0 and 1, predictions probabilities, of one shape.
    TrueNegatives, "true_negatives", COUNT, None, [TrueNegatives], Some("accumulator"), |_, _, right, _| right
}
confusion! {
    /// How many positive labels are predicted as negative: labels 0 and 1, predictions probabilities, of one shape.
    FalseNegatives, "false_negatives", COUNT, None, [FalseNegatives], Some("accumulator"), |_, _, _, wrong| wrong
}
confusion! {
    /// The share of right ones among positive predictions: labels 0 and 1, predictions probabilities, of one shape. 0 without any.
    Precision, "precision", SHARE, Some(true), [TruePositives, FalsePositives], None, |right, wrong, _, _| divide_no_nan(right, right + wrong)
}
confusion! {
    /// The share of positive labels that are predicted: labels 0 and 1, predictions probabilities, of one shape. 0 without any.
    Recall, "recall", SHARE, Some(true), [TruePositives, FalseNegatives], None, |right, _, _, missed| divide_no_nan(right, right + missed)
}

macro_rules! chosen {
    ($ty:ident) => {
        impl $ty {
            /// The k largest predictions of a row count as positive; without thresholds whatever they are.
            pub fn top_k(mut self, k: usize) -> Self {
                self.0.arguments.top_k = Some(k);
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
chosen!(Precision);
chosen!(Recall);
