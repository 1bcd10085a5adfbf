//! `RMSprop`.

use super::{
    Common, LearningRate, Memory, Optimizer, Step,
    common::{epsilon, forgetting, optimizer_builder, optimizer_identity, optimizer_methods},
};
use crate::keras::{ConfigError, KerasObject, check};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `v = ρ v + (1 - ρ) g²`, `w -= lr · g / sqrt(v + ε)` (Hinton 2012); centered subtracts the squared mean of the gradient from `v`;
/// with momentum the steps are accumulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RmsProp {
    #[serde(flatten)]
    common: Common,
    rho: f64,
    momentum: f64,
    epsilon: f64,
    centered: bool,
}

/// Keras' spelling.
pub type RMSprop = RmsProp;

impl Default for RmsProp {
    fn default() -> Self {
        Self::new(0.001)
    }
}

optimizer_builder!(RmsProp, "RMSprop");

impl RmsProp {
    /// With a learning rate or a schedule.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self { common: Common::new("rm_sprop", learning_rate), rho: 0.9, momentum: 0.0, epsilon: 1e-7, centered: false }
    }
    /// How slowly the mean of squares moves, below 1.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }
    /// How much of the last step is kept, from 0 to 1.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
    /// Keeps the division finite.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
    /// Whether the variance of the gradient, not its mean square, divides.
    pub fn centered(mut self, centered: bool) -> Self {
        self.centered = centered;
        self
    }
}

impl KerasObject for RmsProp {
    optimizer_identity!("RMSprop");
    fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate("RMSprop")?;
        forgetting("RMSprop", "rho", self.rho)?;
        check((0.0..=1.0).contains(&self.momentum), "RMSprop", "momentum", "from 0 to 1", self.momentum)?;
        epsilon("RMSprop", self.epsilon)
    }
}

impl Optimizer for RmsProp {
    optimizer_methods!();
    fn slots(&self) -> Vec<&'static str> {
        let mut names = vec!["velocity"];
        if self.momentum > 0.0 {
            names.push("momentum");
        }
        if self.centered {
            names.push("average_gradient");
        }
        names
    }
    fn file_groups(&self) -> Vec<Vec<usize>> {
        (0..self.slots().len()).map(|i| vec![i]).collect()
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let Some((velocity, rest)) = slots.split_first_mut() else { return w };
        let (mut momentum, mut average) = match rest {
            [m, a] => (Some(m), Some(a)),
            [a] if self.centered => (None, Some(a)),
            [m] => (Some(m), None),
            _ => (None, None),
        };
        let (rho, forget) = (self.rho as f32, (1.0 - self.rho) as f32);
        let v = velocity.set(velocity.old * rho + g.square() * forget);
        let spread = match &mut average {
            Some(a) => v - a.set(a.old * rho + g * forget).square(),
            None => v,
        };
        let moved = g * step.learning_rate / (spread + self.epsilon as f32).sqrt();
        match &mut momentum {
            Some(m) => w - m.set(m.old * self.momentum as f32 + moved),
            None => w - moved,
        }
    }
}
