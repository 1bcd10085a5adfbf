//! One trial: networks with its settings, judged by rows that they have not learned from.

use super::space::applied;
use crate::error::CliError;
use crate::fit::{Lesson, Stop, Trained, predict, train};
use crate::measure::Outcome;
use crate::problem::{Kind, Problem};
use crate::settings::Settings;
use crate::terminal::Terminal;
use adaline::cpu::Cpu;
use adaline::data::{Fold, Tensor};
use adaline::nn::Error;
use adaline::nn::search::Trial;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Least probability that counts, as Keras' cross-entropy has it.
const EPSILON: f64 = 1e-7;

/// What all trials share.
pub(super) struct Bench<'a> {
    pub problem: &'a Problem,
    pub settings: &'a Settings,
    /// Rows that trials may see.
    pub rows: &'a [usize],
    /// Folds of them; none: a part is watched, and judges.
    pub folds: Option<Vec<Fold>>,
    pub stop: &'a Stop,
}

impl Bench<'_> {
    /// What trials are judged by.
    pub(super) fn score_name(&self) -> &'static str {
        match (&self.problem.info.kind, self.gives_probabilities()) {
            (Kind::Classes(_), true) => "cross-entropy",
            (Kind::Classes(_), false) => "error rate",
            (Kind::Numbers(_), _) => "rmse",
        }
    }
    /// Layers and losses of the user's own may end in something else.
    fn gives_probabilities(&self) -> bool {
        self.settings.config.model.layers.is_empty() && self.settings.config.training.loss.is_none()
    }

    /// Score and notes; nothing when it was interrupted.
    pub(super) fn evaluate(&self, trial: &Trial) -> Result<Option<(f64, Value)>, CliError> {
        let mut own = applied(self.settings, &trial.point, trial.epochs);
        own.backend = Some(Arc::new(Cpu::new().threads(1)));
        let pick = |at: &[usize]| at.iter().map(|&i| self.rows[i]).collect::<Vec<_>>();
        // Rows to learn from, rows to judge by (none: those that are watched), seed.
        let parts: Vec<(Vec<usize>, Option<Vec<usize>>, u64)> = match &self.folds {
            Some(folds) => {
                let seeds = (1..).map(|i| own.seed.wrapping_add(i));
                folds.iter().zip(seeds).map(|(f, seed)| (pick(&f.train), Some(pick(&f.validation)), seed)).collect()
            }
            None => vec![(self.rows.to_vec(), None, own.seed)],
        };
        let (mut scores, mut figures, mut epochs, mut name) = (Vec::new(), Vec::new(), Vec::new(), "");
        for (rows, judges, seed) in parts {
            let lesson = Lesson::split(self.problem, &own, &rows, seed)?;
            let mut trained = match train(self.problem, &own, &lesson, seed, None, Terminal::quiet(), self.stop) {
                Err(CliError::Network(e @ Error::NonFiniteLoss { .. })) => return Ok(Some((f64::NAN, json!({"failed": e.to_string()})))),
                other => other?,
            };
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (score, figure, named) = self.judge(&mut trained, judges.as_deref().unwrap_or(&lesson.watched))?;
            scores.push(score);
            figures.push(figure);
            epochs.push(trained.best_epoch.unwrap_or(trained.history.len()).max(1));
            name = named;
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        epochs.sort_unstable();
        let mut notes = json!({name: mean(&figures), "epochs": epochs[epochs.len() / 2]});
        if self.folds.is_some() {
            notes["folds"] = json!(scores);
        }
        Ok(Some((mean(&scores), notes)))
    }

    /// The score, and the figure that people know, with its name.
    fn judge(&self, trained: &mut Trained, rows: &[usize]) -> Result<(f64, f64, &'static str), CliError> {
        let Kind::Classes(_) = self.problem.info.kind else {
            let (name, rmse) = predict(self.problem, trained, rows)?.headline();
            return Ok((rmse, rmse, name));
        };
        let part = self.problem.part(&trained.coder, rows)?;
        let output = part.x.output(&mut trained.model, self.problem.info.buckets)?;
        let (name, accuracy) = Outcome::new(&self.problem.info.kind, &trained.coder, &part.y, &output).headline();
        Ok((if self.gives_probabilities() { cross_entropy(&part.y, &output) } else { 1.0 - accuracy }, accuracy, name))
    }
}

/// Mean of -ln p of the true class; finer than accuracy, in which many settings tie.
fn cross_entropy(truth: &Tensor, output: &Tensor) -> f64 {
    let (truth, values, width) = (truth.as_i32().unwrap_or(&[]), output.f32_values(), output.row_len().max(1));
    let of = |(row, &class): (&[f32], &i32)| {
        let p = match row {
            [p] => f64::from(if class == 1 { *p } else { 1.0 - *p }),
            _ => row.get(class as usize).map_or(0.0, |&p| f64::from(p)),
        };
        -p.clamp(EPSILON, 1.0 - EPSILON).ln()
    };
    values.chunks(width).zip(truth).map(of).sum::<f64>() / truth.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_is_that_of_the_true_class() {
        let output = Tensor::from([[0.5f32, 0.25, 0.25], [0.0, 1.0, 0.0]]);
        let both = (-(0.25f64.ln()) - EPSILON.ln()) / 2.0;
        assert!((cross_entropy(&Tensor::from(vec![2, 0]), &output) - both).abs() < 1e-9);
        let single = Tensor::from([[0.75f32], [0.75]]);
        let both = -(0.75f64.ln() + 0.25f64.ln()) / 2.0;
        assert!((cross_entropy(&Tensor::from(vec![1, 0]), &single) - both).abs() < 1e-7);
    }
}
