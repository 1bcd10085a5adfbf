//! Adagrad.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{at_least_0, optimizer, optimizer_methods},
};
use adaline_graph::Var;

optimizer! {
    /// `a += g²`, `w -= lr · g / sqrt(a + ε)` (Duchi et al. 2011): places that got large gradients move less and less.
    Adagrad, "Adagrad", "adagrad", 0.001, None, {
        /// Where the sums of squares begin, at least 0.
        initial_accumulator_value: f64 = 0.1,
        /// Keeps the division finite.
        epsilon: f64 = 1e-7,
    }, |o| {
        at_least_0("Adagrad", "initial_accumulator_value", o.initial_accumulator_value)?;
        at_least_0("Adagrad", "epsilon", o.epsilon)
    }
}

impl Optimizer for Adagrad {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        vec![Slot::of("accumulator", weight.shape, self.initial_accumulator_value)]
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [sum] = slots else { return w };
        let a = sum.set(sum.old + g.square());
        w - g * step.learning_rate / (a + self.epsilon as f32).sqrt()
    }
}
