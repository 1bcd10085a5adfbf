//! `AdamW` without a schedule.

use super::{
    Initial, Memory, Optimizer, Slot, Step, Target,
    common::{at_least_0, forgetting, optimizer, optimizer_methods},
};
use crate::keras::check;
use adaline_graph::Var;

optimizer! {
    /// Adam on weights `z` beside those of the network, which are a mean of `z` and of their average `x`, in place of a decaying learning
    /// rate (Defazio et al. 2024): `v += (1-β₂)(g² - v)`, `z -= lr · g / (sqrt(v / (1-β₂ᵗ)) + ε)`, `x += (z - x) / t`,
    /// `w = (1-β₁) z + β₁ x`. Files call `z` `momentum`.
    ScheduleFreeAdamW, "ScheduleFreeAdamW", "schedule_free_adam_w", 0.0025, None, {
        /// Share of the average in the weights of the network, above 0 and below 1.
        beta_1: f64 = 0.9,
        /// How slowly the mean of squares moves, below 1.
        beta_2: f64 = 0.999,
        /// Keeps the division finite.
        epsilon: f64 = 1e-8,
        /// Updates over which the learning rate rises from 0.
        warmup_steps: u32 = 0,
    }, |o| {
        check(o.beta_1 > 0.0 && o.beta_1 < 1.0, "ScheduleFreeAdamW", "beta_1", "above 0 and below 1", o.beta_1)?;
        forgetting("ScheduleFreeAdamW", "beta_2", o.beta_2)?;
        at_least_0("ScheduleFreeAdamW", "epsilon", o.epsilon)
    }
}

impl Optimizer for ScheduleFreeAdamW {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        let z = Slot { name: "momentum", shape: weight.shape, initial: Initial::Weight };
        vec![z, Slot::of("velocity", weight.shape, 0.0)]
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [momentum, velocity] = slots else { return w };
        let mut lr = step.learning_rate;
        if self.warmup_steps > 0 {
            lr = lr * (step.t / self.warmup_steps as f32).min_scalar(1.0);
        }
        let beta_1 = self.beta_1 as f32;
        let v = velocity.follow(g.square(), self.beta_2);
        let scaled = g * lr / ((v / step.taken_up(self.beta_2)).sqrt() + self.epsilon as f32);
        let z = momentum.set(momentum.old - scaled);
        // The average is not kept: weights and `z` before the step have it.
        let average = (w - momentum.old * (1.0 - beta_1)) / beta_1;
        let weight = 1.0 / step.t; // scalar
        let x = average * (1.0 - weight) + z * weight;
        z * (1.0 - beta_1) + x * beta_1
    }
}
