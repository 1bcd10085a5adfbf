//! Stochastic gradient descent.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{optimizer, optimizer_methods},
};
use crate::keras::check;
use adaline_graph::Var;

optimizer! {
    /// `w -= lr · g`; with momentum `m = μ m - lr · g`, `w += m` (Polyak 1964), or Nesterov's `w += μ m - lr · g` with the new `m`.
    Sgd, "SGD", "sgd", 0.01, None, {
        /// How much of the last step is kept, from 0 to 1.
        momentum: f64 = 0.0,
        /// Whether the gradient counts as taken at the point after the momentum's step.
        nesterov: bool = false,
    }, |o| check((0.0..=1.0).contains(&o.momentum), "SGD", "momentum", "from 0 to 1", o.momentum)
}

/// Keras' spelling.
pub type SGD = Sgd;

impl Optimizer for Sgd {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        if self.momentum == 0.0 { vec![] } else { Slot::zeros(&["momentum"], weight) }
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let moved = g * step.learning_rate;
        let [m] = slots else { return w - moved };
        let mu = self.momentum as f32;
        let new = m.set(m.old * mu - moved);
        if self.nesterov { w + (new * mu - moved) } else { w + new }
    }
}
