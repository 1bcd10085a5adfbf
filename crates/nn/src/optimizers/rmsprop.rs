//! `RMSprop`.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{at_least_0, forgetting, optimizer, optimizer_methods},
};
use crate::keras::check;
use adaline_graph::Var;

optimizer! {
    /// `v = ρ v + (1 - ρ) g²`, `w -= lr · g / sqrt(v + ε)` (Hinton 2012); centered subtracts the squared mean of the gradient from `v`;
    /// with momentum the steps are accumulated.
    RmsProp, "RMSprop", "rm_sprop", 0.001, None, {
        /// How slowly the mean of squares moves, below 1.
        rho: f64 = 0.9,
        /// How much of the last step is kept, from 0 to 1.
        momentum: f64 = 0.0,
        /// Keeps the division finite.
        epsilon: f64 = 1e-7,
        /// Whether the variance of the gradient, not its mean square, divides.
        centered: bool = false,
    }, |o| {
        forgetting("RMSprop", "rho", o.rho)?;
        check((0.0..=1.0).contains(&o.momentum), "RMSprop", "momentum", "from 0 to 1", o.momentum)?;
        at_least_0("RMSprop", "epsilon", o.epsilon)
    }
}

/// Keras' spelling.
pub type RMSprop = RmsProp;

impl Optimizer for RmsProp {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        let mut names = vec!["velocity"];
        if self.momentum > 0.0 {
            names.push("momentum");
        }
        if self.centered {
            names.push("average_gradient");
        }
        Slot::zeros(&names, weight)
    }
    fn file_groups(&self, most: usize) -> Vec<Vec<usize>> {
        (0..most).map(|i| vec![i]).collect()
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
