//! Nadam.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{moments, optimizer, optimizer_methods},
};
use adaline_graph::{Shape, Var};

optimizer! {
    /// Adam with Nesterov's momentum (Dozat 2016): with `μₜ = β₁ (1 - 0.96ᵗ / 2)` and their product `πₜ = μ₁ ... μₜ`,
    /// `m += (1-β₁)(g - m)`, `v += (1-β₂)(g² - v)`, `m̂ = μₜ₊₁ m / (1 - πₜ₊₁) + (1 - μₜ) g / (1 - πₜ)`,
    /// `w -= lr · m̂ / (sqrt(v / (1-β₂ᵗ)) + ε)`.
    Nadam, "Nadam", "nadam", 0.001, None, {
        /// How slowly the mean of the gradient moves, below 1.
        beta_1: f64 = 0.9,
        /// How slowly the mean of its square moves, below 1.
        beta_2: f64 = 0.999,
        /// Keeps the division finite.
        epsilon: f64 = 1e-7,
    }, |o| moments("Nadam", o.beta_1, o.beta_2, o.epsilon)
}

impl Nadam {
    /// `μₜ`, a scalar.
    fn mu<'g>(&self, t: Var<'g>) -> Var<'g> {
        (1.0 - t.builder().scalar(0.96).pow(t) * 0.5) * self.beta_1 as f32
    }
}

impl Optimizer for Nadam {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        Slot::zeros(&["momentum", "velocity"], weight)
    }
    fn shared(&self) -> Option<Slot> {
        Some(Slot::of("u_product", Shape::SCALAR, 1.0))
    }
    fn share<'g>(&self, step: &Step<'g>) -> Option<Var<'g>> {
        step.shared.map(|product| product * self.mu(step.t))
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let ([momentum, velocity], Some(product)) = (slots, step.shared) else { return w };
        let (now, next) = (self.mu(step.t), self.mu(step.t + 1.0)); // scalars
        let m = momentum.follow(g, self.beta_1);
        let v = velocity.follow(g.square(), self.beta_2);
        let ahead = m * next / (1.0 - product * next) + g * (1.0 - now) / (1.0 - product);
        w - ahead * step.learning_rate / ((v / step.taken_up(self.beta_2)).sqrt() + self.epsilon as f32)
    }
}
