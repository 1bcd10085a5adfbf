//! Adadelta.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{at_least_0, forgetting, optimizer, optimizer_methods},
};
use adaline_graph::Var;

optimizer! {
    /// `a = ρ a + (1-ρ) g²`, `Δ = -sqrt(d + ε) / sqrt(a + ε) · g`, `d = ρ d + (1-ρ) Δ²`, `w += lr · Δ` (Zeiler 2012): steps are as large as
    /// the last ones were. The paper has `lr = 1`, Keras 0.001.
    Adadelta, "Adadelta", "adadelta", 0.001, None, {
        /// How slowly the means of squares move, below 1.
        rho: f64 = 0.95,
        /// Keeps the division finite and lets the first step be more than none.
        epsilon: f64 = 1e-7,
    }, |o| {
        forgetting("Adadelta", "rho", o.rho)?;
        at_least_0("Adadelta", "epsilon", o.epsilon)
    }
}

impl Optimizer for Adadelta {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        Slot::zeros(&["accumulated_grad", "accumulated_delta_var"], weight)
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [squares, steps] = slots else { return w };
        let (rho, rest, epsilon) = (self.rho as f32, (1.0 - self.rho) as f32, self.epsilon as f32);
        let a = squares.set(squares.old * rho + g.square() * rest);
        let delta = -((steps.old + epsilon).sqrt() * g / (a + epsilon).sqrt());
        steps.set(steps.old * rho + delta.square() * rest);
        w + delta * step.learning_rate
    }
}
