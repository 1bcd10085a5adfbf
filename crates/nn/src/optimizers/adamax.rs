//! Adamax.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{moments, optimizer, optimizer_methods},
};
use adaline_graph::Var;

optimizer! {
    /// Adam with the largest gradient in the place of the mean square: `m += (1-β₁)(g - m)`, `u = max(β₂ u, |g|)`,
    /// `w -= lr / (1-β₁ᵗ) · m / (u + ε)` (Kingma and Ba 2015, section 7).
    Adamax, "Adamax", "adamax", 0.001, None, {
        /// How slowly the mean of the gradient moves, below 1.
        beta_1: f64 = 0.9,
        /// How slowly the largest gradient is forgotten, below 1.
        beta_2: f64 = 0.999,
        /// Keeps the division finite.
        epsilon: f64 = 1e-7,
    }, |o| moments("Adamax", o.beta_1, o.beta_2, o.epsilon)
}

impl Optimizer for Adamax {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        Slot::zeros(&["momentum", "norm"], weight)
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [momentum, norm] = slots else { return w };
        let m = momentum.follow(g, self.beta_1);
        let u = norm.set((norm.old * self.beta_2 as f32).maximum(g.abs()));
        w - m * step.learning_rate / ((u + self.epsilon as f32) * step.taken_up(self.beta_1))
    }
}
