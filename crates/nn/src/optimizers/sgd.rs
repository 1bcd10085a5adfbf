//! Stochastic gradient descent.

use super::{
    Common, LearningRate, Memory, Optimizer, Step,
    common::{optimizer_builder, optimizer_identity, optimizer_methods},
};
use crate::keras::{ConfigError, KerasObject, check};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `w -= lr · g`; with momentum `m = μ m - lr · g`, `w += m` (Polyak 1964), or Nesterov's `w += μ m - lr · g` with the new `m`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    #[serde(flatten)]
    common: Common,
    momentum: f64,
    nesterov: bool,
}

/// Keras' spelling.
pub type SGD = Sgd;

impl Default for Sgd {
    fn default() -> Self {
        Self::new(0.01)
    }
}

optimizer_builder!(Sgd, "SGD");

impl Sgd {
    /// With a learning rate or a schedule, without momentum.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self { common: Common::new("sgd", learning_rate), momentum: 0.0, nesterov: false }
    }
    /// How much of the last step is kept, from 0 to 1.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
    /// Whether the gradient counts as taken at the point after the momentum's step.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }
}

impl KerasObject for Sgd {
    optimizer_identity!("SGD");
    fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate("SGD")?;
        check((0.0..=1.0).contains(&self.momentum), "SGD", "momentum", "from 0 to 1", self.momentum)
    }
}

impl Optimizer for Sgd {
    optimizer_methods!();
    fn slots(&self) -> Vec<&'static str> {
        if self.momentum == 0.0 { vec![] } else { vec!["momentum"] }
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let moved = g * step.learning_rate;
        let [m] = slots else { return w - moved };
        let mu = self.momentum as f32;
        let new = m.set(m.old * mu - moved);
        if self.nesterov { w + (new * mu - moved) } else { w + new }
    }
}
