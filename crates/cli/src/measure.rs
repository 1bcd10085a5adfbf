//! Predictions beside the truth, and what follows from them.

use crate::problem::{Coder, Kind};
use crate::series::Held;
use adaline::data::Tensor;
use adaline::report::figure::ConfusionMatrix;
use adaline::report::scores::{ClassScores, RegressionScores};
use serde_json::{Map, Value, json};

/// Predictions of some rows beside the truth.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Class numbers and the network's probabilities.
    Classes {
        names: Vec<String>,
        truth: Vec<i32>,
        predicted: Vec<i32>,
        /// Probability of the predicted class.
        confidence: Vec<f32>,
    },
    /// Values in the units of the data, one list each for truth and prediction; several outputs lie row by row.
    Numbers { truth: Vec<f64>, predicted: Vec<f64> },
    /// Forecasts of a series.
    Series(Box<Held>),
}

impl Outcome {
    /// From the network's output `(rows, outputs)` and the encoded truth.
    pub(crate) fn new(kind: &Kind, coder: &Coder, truth: &Tensor, output: &Tensor) -> Self {
        let values = output.f32_values();
        match kind {
            Kind::Classes(names) => {
                let width = output.row_len().max(1);
                let (mut predicted, mut confidence) = (Vec::new(), Vec::new());
                for row in values.chunks(width) {
                    let (class, p) = choose(row);
                    predicted.push(class as i32);
                    confidence.push(p);
                }
                Self::Classes { names: names.clone(), truth: truth.as_i32().unwrap_or(&[]).to_vec(), predicted, confidence }
            }
            Kind::Numbers(_) => {
                let back = |v: f32| coder.prep.as_ref().map_or(f64::from(v), |p| p.inverse_target(v));
                Self::Numbers {
                    truth: truth.f32_values().iter().map(|&v| back(v)).collect(),
                    predicted: values.iter().map(|&v| back(v)).collect(),
                }
            }
        }
    }

    /// Appends the outcome of more rows of the same task.
    pub(crate) fn extend(&mut self, other: Self) {
        match (self, other) {
            (Self::Classes { truth, predicted, confidence, .. }, Self::Classes { truth: t, predicted: p, confidence: c, .. }) => {
                truth.extend(t);
                predicted.extend(p);
                confidence.extend(c);
            }
            (Self::Numbers { truth, predicted }, Self::Numbers { truth: t, predicted: p }) => {
                truth.extend(t);
                predicted.extend(p);
            }
            (Self::Series(held), Self::Series(more)) => held.extend(*more),
            // Outcomes of one task are of one kind.
            (Self::Classes { .. } | Self::Numbers { .. } | Self::Series(_), _) => {}
        }
    }

    /// The confusion matrix of classes.
    pub(crate) fn confusion(&self) -> Option<ConfusionMatrix> {
        let Self::Classes { names, truth, predicted, .. } = self else { return None };
        let mut counts = vec![vec![0u64; names.len()]; names.len()];
        for (&t, &p) in truth.iter().zip(predicted) {
            if let Some(cell) = counts.get_mut(t as usize).and_then(|row| row.get_mut(p as usize)) {
                *cell += 1;
            }
        }
        Some(ConfusionMatrix { classes: names.clone(), counts })
    }

    /// Rows of the wrong predictions, the most confident first.
    pub(crate) fn mistakes(&self) -> Vec<usize> {
        let Self::Classes { truth, predicted, confidence, .. } = self else { return Vec::new() };
        let mut wrong: Vec<usize> = (0..truth.len()).filter(|&i| truth[i] != predicted[i]).collect();
        wrong.sort_by(|&a, &b| confidence[b].total_cmp(&confidence[a]));
        wrong
    }

    /// The headline figure: accuracy, or root mean squared error.
    pub(crate) fn headline(&self) -> (&'static str, f64) {
        match self {
            Self::Classes { .. } => ("accuracy", self.confusion().map_or(f64::NAN, |m| ClassScores::of(&m).accuracy)),
            Self::Numbers { truth, predicted } => ("rmse", RegressionScores::of(truth, predicted).rmse),
            Self::Series(held) => ("rmse", held.scores().rmse),
        }
    }

    /// All figures.
    pub(crate) fn metrics(&self) -> Map<String, Value> {
        let mut out = Map::new();
        match self {
            Self::Classes { .. } => {
                if let Some(m) = self.confusion() {
                    let s = ClassScores::of(&m);
                    out.insert("accuracy".into(), json!(s.accuracy));
                    out.insert("precision".into(), json!(s.macro_mean.precision));
                    out.insert("recall".into(), json!(s.macro_mean.recall));
                    out.insert("f1".into(), json!(s.macro_mean.f1));
                }
            }
            Self::Numbers { truth, predicted } => regression(&mut out, RegressionScores::of(truth, predicted)),
            Self::Series(held) => regression(&mut out, held.scores()),
        }
        out
    }

    /// The simplest rule that needs no network, and its score on the same rows: the most frequent class, or the mean.
    pub(crate) fn simplest(&self) -> Option<(String, f64)> {
        match self {
            Self::Classes { names, truth, .. } => {
                let count = |c: usize| truth.iter().filter(|&&t| t as usize == c).count();
                let best = (0..names.len()).max_by_key(|&c| count(c))?;
                Some((format!("always {}", names[best]), count(best) as f64 / truth.len().max(1) as f64))
            }
            Self::Numbers { truth, .. } => {
                let mean = truth.iter().sum::<f64>() / truth.len().max(1) as f64;
                Some(("always the mean".into(), RegressionScores::of(truth, &vec![mean; truth.len()]).rmse))
            }
            Self::Series(held) => held.best_rule(),
        }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Classes { truth, .. } => truth.len(),
            Self::Numbers { truth, .. } => truth.len(),
            Self::Series(held) => held.origins.len(),
        }
    }
}

fn regression(out: &mut Map<String, Value>, s: RegressionScores) {
    out.insert("rmse".into(), json!(s.rmse));
    out.insert("mae".into(), json!(s.mae));
    out.insert("r2".into(), json!(s.r2));
}

/// The chosen class and its probability: the largest of several outputs, or a single output against one half.
pub(crate) fn choose(row: &[f32]) -> (usize, f32) {
    if let [p] = row {
        return if *p > 0.5 { (1, *p) } else { (0, 1.0 - *p) };
    }
    let mut best = (0, f32::NEG_INFINITY);
    for (i, &p) in row.iter().enumerate() {
        if p > best.1 {
            best = (i, p);
        }
    }
    best
}
