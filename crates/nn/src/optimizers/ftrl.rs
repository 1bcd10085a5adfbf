//! FTRL.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{at_least_0, optimizer, optimizer_methods},
};
use crate::keras::check;
use adaline_graph::Var;

optimizer! {
    /// "Follow the regularized leader" (`McMahan` et al. 2013), for sparse and wide models: with `p = -learning_rate_power`,
    /// `a' = a + g²`, `z += g + 2 s w - (a'ᵖ - aᵖ) / lr · w`, `w = (clip(z, -l₁, l₁) - z) / (a'ᵖ / lr + 2 (l₂ + β / (2 lr)))`,
    /// where `s` is the shrinkage.
    Ftrl, "Ftrl", "ftrl", 0.001, None, {
        /// How steps shrink with the sum of squares, at most 0; 0 for a fixed learning rate.
        learning_rate_power: f64 = -0.5,
        /// Where the sums of squares begin, at least 0.
        initial_accumulator_value: f64 = 0.1,
        /// Penalty on absolute values, which makes weights zero.
        l1_regularization_strength: f64 = 0.0,
        /// Penalty on squares.
        l2_regularization_strength: f64 = 0.0,
        /// Penalty on squares that acts through the gradient alone.
        l2_shrinkage_regularization_strength: f64 = 0.0,
        /// The paper's `β`.
        beta: f64 = 0.0,
    }, |o| {
        let power = o.learning_rate_power;
        check(power.is_finite() && power <= 0.0, "Ftrl", "learning_rate_power", "a finite number of at most 0", power)?;
        for (key, v) in [
            ("initial_accumulator_value", o.initial_accumulator_value),
            ("l1_regularization_strength", o.l1_regularization_strength),
            ("l2_regularization_strength", o.l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", o.l2_shrinkage_regularization_strength),
            ("beta", o.beta),
        ] {
            at_least_0("Ftrl", key, v)?;
        }
        Ok(())
    }
}

impl Optimizer for Ftrl {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        vec![Slot::of("accumulator", weight.shape, self.initial_accumulator_value), Slot::of("linear", weight.shape, 0.0)]
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [sum, linear] = slots else { return w };
        let lr = step.learning_rate;
        // The usual root is cheaper, and as exact, as a power.
        let power = |x: Var<'g>| {
            if self.learning_rate_power.to_bits() == (-0.5_f64).to_bits() {
                x.sqrt()
            } else {
                x.pow(x.builder().full(x.shape(), -self.learning_rate_power as f32))
            }
        };
        let a = sum.set(sum.old + g.square());
        let (before, after) = (power(sum.old), power(a));
        let shrunk = g + w * (2.0 * self.l2_shrinkage_regularization_strength) as f32;
        let z = linear.set(linear.old + (shrunk - (after - before) / lr * w));
        let l2 = (self.beta as f32 / (lr * 2.0) + self.l2_regularization_strength as f32) * 2.0;
        let l1 = self.l1_regularization_strength as f32;
        (z.clip(-l1, l1) - z) / (after / lr + l2)
    }
}
