//! The area under a curve of rates.

use super::{
    Metric,
    common::{MetricCommon, divide_no_nan, element_weights, metric_methods, metric_object},
    threshold::{Counts, Side, Thresholds},
    trade_off::{number_of_thresholds, recall},
};
use crate::{
    keras::{ConfigError, KerasObject, check, omit},
    losses::same_shape,
};
use adaline_graph::{Shape, Var, concat};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

/// The area under the curve that thresholds of predictions draw: labels 0 and 1, predictions probabilities, of one shape.
///
/// With `multi_label` each column of labels and predictions `(B, L)` has a curve of its own, and the result is their mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AUC {
    #[serde(flatten)]
    common: MetricCommon,
    num_thresholds: usize,
    curve: Curve,
    summation_method: Summation,
    thresholds: Option<Vec<f64>>,
    multi_label: bool,
    num_labels: Option<usize>,
    #[serde(deserialize_with = "weights")]
    label_weights: Option<Vec<f64>>,
    from_logits: bool,
}

/// Which rates a curve is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Curve {
    /// True positives over false positives: how well positives are told from negatives.
    #[default]
    #[serde(alias = "roc")]
    Roc,
    /// Precision over recall.
    #[serde(alias = "pr")]
    Pr,
    /// Precision gain over recall gain (Flach and Kull 2015).
    #[serde(alias = "prgain")]
    PrGain,
}

/// How the area between two thresholds is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Summation {
    /// A straight line; between two points of a PR curve the one that true positives make (Davis and Goadrich 2006).
    #[default]
    #[serde(alias = "Interpolation")]
    Interpolation,
    /// The larger of both.
    #[serde(alias = "Majoring")]
    Majoring,
    /// The smaller of both.
    #[serde(alias = "Minoring")]
    Minoring,
}

/// A list, or what Keras makes of it in its files.
fn weights<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<f64>>, D::Error> {
    let mut value = Value::deserialize(d)?;
    if let Some(inner) = value.pointer_mut("/config/value") {
        value = inner.take();
    }
    Option::<Vec<f64>>::deserialize(value).map_err(|_| D::Error::custom("neither, expected null or a list of numbers"))
}

impl Default for AUC {
    fn default() -> Self {
        Self {
            common: MetricCommon::new("auc"),
            num_thresholds: 200,
            curve: Curve::default(),
            summation_method: Summation::default(),
            thresholds: None,
            multi_label: false,
            num_labels: None,
            label_weights: None,
            from_logits: false,
        }
    }
}

metric_object!(AUC, "AUC", |this| this.check(), |config| omit(config, "thresholds", &Value::Null));

impl AUC {
    /// Of the ROC curve at 200 thresholds.
    pub fn new() -> Self {
        Self::default()
    }
    /// Which rates the curve is made of.
    pub fn curve(mut self, curve: Curve) -> Self {
        self.curve = curve;
        self
    }
    /// How the area between two thresholds is told.
    pub fn summation_method(mut self, method: Summation) -> Self {
        self.summation_method = method;
        self
    }
    /// How many thresholds from 0 to 1, 200 unless set.
    pub fn num_thresholds(mut self, number: usize) -> Self {
        self.num_thresholds = number;
        self
    }
    /// These thresholds between 0 and 1.
    pub fn thresholds(mut self, thresholds: impl Into<Vec<f64>>) -> Self {
        let mut thresholds = thresholds.into();
        thresholds.sort_by(f64::total_cmp);
        self.num_thresholds = thresholds.len() + 2;
        self.thresholds = Some(thresholds);
        self
    }
    /// Whether each column has a curve of its own.
    pub fn multi_label(mut self, multi_label: bool) -> Self {
        self.multi_label = multi_label;
        self
    }
    /// Weights of the columns.
    pub fn label_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.label_weights = Some(weights.into());
        self
    }
    /// Whether predictions are logits, not probabilities.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }
    fn check(&self) -> Result<(), ConfigError> {
        number_of_thresholds("AUC", 2, self.num_thresholds)?;
        for &t in self.thresholds.iter().flatten() {
            check((0.0..=1.0).contains(&t), "AUC", "thresholds", "from 0 to 1", t)?;
        }
        for &w in self.label_weights.iter().flatten() {
            check(w.is_finite() && w >= 0.0, "AUC", "label_weights", "finite numbers of at least 0", w)?;
        }
        let number = self.num_labels.unwrap_or(0);
        check(self.multi_label || number == 0, "AUC", "num_labels", "null unless `multi_label` is true", number)
    }
    fn curve_thresholds(&self) -> Thresholds {
        Thresholds::of_curve(self.num_thresholds, self.thresholds.as_deref())
    }
    /// The area under the curve of one label.
    fn area(&self, c: &Counts) -> f64 {
        let n = c.true_positives.len();
        if self.curve == Curve::Pr && self.summation_method == Summation::Interpolation {
            return (1..n).map(|i| pr_area(c, i)).sum();
        }
        let point = |i: usize| match self.curve {
            Curve::Roc => (divide_no_nan(c.false_positives[i], c.false_positives[i] + c.true_negatives[i]), recall(c, i)),
            Curve::Pr => (recall(c, i), divide_no_nan(c.true_positives[i], c.true_positives[i] + c.false_positives[i])),
            Curve::PrGain => {
                let (right, missed, wrong) = (c.true_positives[i], c.false_negatives[i], c.false_positives[i]);
                // As Keras where nothing is found: no recall gain, the whole precision gain.
                if right == 0.0 {
                    return (0.0, 1.0);
                }
                let scale = divide_no_nan(right + missed, c.true_negatives[i] + wrong);
                ((1.0 - scale * missed / right).max(0.0), 1.0 - scale * wrong / right)
            }
        };
        let between = |i: usize| {
            let ((x0, y0), (x1, y1)) = (point(i - 1), point(i));
            let height = match self.summation_method {
                Summation::Interpolation => f64::midpoint(y0, y1),
                Summation::Minoring => y0.min(y1),
                Summation::Majoring => y0.max(y1),
            };
            (x0 - x1) * height
        };
        (1..n).map(between).sum()
    }
}

/// The area under a PR curve between two thresholds, as Keras' `interpolate_pr_auc`.
fn pr_area(c: &Counts, i: usize) -> f64 {
    let (right, found) = (&c.true_positives, |i: usize| c.true_positives[i] + c.false_positives[i]);
    let gained = right[i - 1] - right[i];
    let slope = divide_no_nan(gained, (found(i - 1) - found(i)).max(0.0));
    let intercept = right[i] - slope * found(i);
    let ratio = if found(i - 1) > 0.0 && found(i) > 0.0 { found(i - 1) / found(i) } else { 1.0 };
    divide_no_nan(slope * (gained + intercept * ratio.ln()), right[i] + c.false_negatives[i])
}

impl Metric for AUC {
    metric_methods!(true);
    fn sums(&self, _: Shape, y_pred: Shape) -> Vec<(&'static str, Shape)> {
        vec![self.curve_thresholds().sum(if self.multi_label { y_pred.dim(-1) } else { 1 })]
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let (t, p) = same_shape(self.class_name(), y_true, y_pred);
        let b = p.builder();
        let labels = p.dim(-1);
        if self.multi_label && (p.rank() != 2 || self.num_labels.is_some_and(|n| n != 0 && n != labels)) {
            let expected = self.num_labels.filter(|&n| n != 0).map_or_else(|| "labels".to_owned(), |n| n.to_string());
            return vec![b.error(format!("AUC with multi_label expects labels and predictions (batch, {expected}), got {}", p.shape()))];
        }
        if let Some(weights) = self.label_weights.as_ref().filter(|w| p.rank() == 0 || w.len() != labels) {
            return vec![b.error(format!(
                "AUC has {} label_weights, but predictions have shape {}: one for each column",
                weights.len(),
                p.shape()
            ))];
        }
        let p = if self.from_logits { p.sigmoid() } else { p };
        let mut weight = element_weights(p, weight);
        if let Some(weights) = self.label_weights.as_ref().filter(|_| !self.multi_label) {
            let each: Vec<Var<'g>> = weights.iter().map(|&w| b.full([1], w as f32)).collect();
            weight = weight * concat(b, &each, 0);
        }
        vec![self.curve_thresholds().update(t, p, weight, self.multi_label)]
    }
    fn variables(&self, sums: &[&[f32]]) -> Option<Vec<(&'static str, Shape, Vec<f32>)>> {
        let values = self.curve_thresholds().variables(&Side::ALL, sums, self.multi_label);
        Some(Side::ALL.iter().zip(values).map(|(side, (shape, values))| (side.name(), shape, values)).collect())
    }
    fn sums_of(&self, variables: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        Some(vec![self.curve_thresholds().sum_of(&Side::ALL, variables)])
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        let areas: Vec<f64> = self.curve_thresholds().counts(sums).iter().map(|c| self.area(c)).collect();
        let weights = match &self.label_weights {
            Some(weights) if self.multi_label => weights.clone(),
            _ => vec![1.0; areas.len()],
        };
        let weighted: f64 = areas.iter().zip(&weights).map(|(a, w)| a * w).sum();
        vec![divide_no_nan(weighted, weights.iter().sum())]
    }
}
