//! LAMB.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{moments, optimizer, optimizer_methods},
};
use adaline_graph::Var;

optimizer! {
    /// Adam whose step of each weight is as long as a share of the weight, for large batches (You et al. 2020):
    /// `m += (1-β₁)(g - m)`, `v += (1-β₂)(g² - v)`, `u = m / (1-β₁ᵗ) / (sqrt(v / (1-β₂ᵗ)) + ε)`, `w -= lr · |w| / |u| · u`, where a norm of
    /// zero stands for a ratio of 1.
    Lamb, "Lamb", "lamb", 0.001, None, {
        /// How slowly the mean of the gradient moves, below 1.
        beta_1: f64 = 0.9,
        /// How slowly the mean of its square moves, below 1.
        beta_2: f64 = 0.999,
        /// Keeps the division finite.
        epsilon: f64 = 1e-7,
    }, |o| moments("Lamb", o.beta_1, o.beta_2, o.epsilon)
}

impl Optimizer for Lamb {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        Slot::zeros(&["momentum", "velocity"], weight)
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [momentum, velocity] = slots else { return w };
        let m = momentum.follow(g, self.beta_1) / step.taken_up(self.beta_1);
        let v = velocity.follow(g.square(), self.beta_2) / step.taken_up(self.beta_2);
        let u = m / (v.sqrt() + self.epsilon as f32);
        let norm = |x: Var<'g>| x.square().sum(&[], false).sqrt();
        let (of_w, of_u) = (norm(w), norm(u)); // scalars
        let ratio = of_w.gt_scalar(0.0).and(of_u.gt_scalar(0.0)).select(of_w / of_u, w.builder().scalar(1.0));
        w - u * (ratio * step.learning_rate)
    }
}
