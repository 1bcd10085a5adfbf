//! Advice: what looks like a mistake in a model and its data, or in the course of a training. It is not an error, and nothing depends on it.
//!
//! [`Model::advice_for`](crate::Model::advice_for) gives what can be told before training; `fit` tells the same through its progress, and looks
//! at the network twice more, after its first epoch and at its end. [`Fit::advice`](crate::Fit::advice) and
//! [`Fit::silence`](crate::Fit::silence) switch it off.

mod before;
mod during;
mod ends;
#[cfg(test)]
mod tests;

pub(crate) use during::{Watch, of_losses, of_pulse};
pub(crate) use ends::activation;

use std::fmt;

/// What advice is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AdviceKind {
    /// An output that is a probability already, with a loss that makes one of it (`from_logits`).
    Logits,
    /// An output that need not be a probability, with a loss that takes one.
    Probabilities,
    /// A sigmoid of each class, with a loss for one class of several.
    Sigmoid,
    /// A softmax over one output.
    OneOutput,
    /// An output wider than the classes that the labels have.
    Classes,
    /// Inputs that are far from the range around 0 to 1.
    Scale,
    /// A column of an input that has one value alone.
    Constant,
    /// Labels far from the range around 0 to 1, to be met by a linear output.
    Labels,
    /// Units that give 0 for all rows.
    DeadUnits,
    /// Gradients that vanish or explode on their way back.
    Gradients,
    /// A learning rate that is far too high.
    LearningRate,
}

/// One piece of advice. Its text, as displayed, begins with `Advice: ` and says what was seen, where, and what to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advice {
    /// What it is about.
    pub kind: AdviceKind,
    /// The layer, where it is about one.
    pub layer: Option<String>,
    /// What was seen and what to try.
    pub text: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Advice: {}", self.text)
    }
}

impl Advice {
    fn new(kind: AdviceKind, layer: Option<&str>, text: String) -> Self {
        Self { kind, layer: layer.map(Into::into), text }
    }
}

/// A number, to at least three digits: `0.021`, `5.3e-9`, `81200`.
fn short(v: f64) -> String {
    let size = v.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        return format!("{v:.1e}");
    }
    let decimals = if size == 0.0 { 0 } else { (2.0 - size.log10().floor()).max(0.0) as usize };
    let text = format!("{v:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}
