//! Lion.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{forgetting, optimizer, optimizer_methods},
};
use crate::keras::check;
use adaline_graph::Var;

optimizer! {
    /// Steps of one length everywhere: `w -= lr · sign(β₁ m + (1-β₁) g)`, `m = β₂ m + (1-β₂) g` (Chen et al. 2023). The learning rate should
    /// be 3 to 10 times smaller than Adam's.
    Lion, "Lion", "lion", 0.001, None, {
        /// Share of the mean of the gradient in the direction of a step, above 0 and at most 1.
        beta_1: f64 = 0.9,
        /// How slowly that mean moves, below 1.
        beta_2: f64 = 0.99,
    }, |o| {
        check(o.beta_1 > 0.0 && o.beta_1 <= 1.0, "Lion", "beta_1", "above 0 and at most 1", o.beta_1)?;
        forgetting("Lion", "beta_2", o.beta_2)
    }
}

impl Optimizer for Lion {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        Slot::zeros(&["momentum"], weight)
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [m] = slots else { return w };
        let mix = |keep: f64| m.old * keep as f32 + g * (1.0 - keep as f32);
        let (direction, mean) = (mix(self.beta_1).sign(), mix(self.beta_2));
        m.set(mean);
        w - direction * step.learning_rate
    }
}
