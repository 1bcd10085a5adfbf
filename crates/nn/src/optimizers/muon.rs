//! Muon.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    adam::Moments,
    common::{at_least_0, finite, forgetting, optimizer, optimizer_methods},
    pattern,
};
use crate::keras::check;
use adaline_graph::Var;

optimizer! {
    /// Momentum whose step of a matrix is made nearly orthogonal (Jordan et al. 2024), and Adam for all other weights. Of matrices,
    /// `m = μ m + g`, `u = m`, with Nesterov `u = μ m + g`; `u / |u|` goes through `x = a x + (b y + c y²) x` with `y = x xᵀ` some times
    /// (Newton and Schulz), and `w -= lr · x · sqrt(max(rows, columns)) · rms_rate`.
    ///
    /// Adam has, as in Keras, weights that are no matrices, those with `embedding` in their path, and those that `exclude_layers` names.
    #[expect(clippy::struct_field_names, reason = "Keras' names")]
    Muon, "Muon", "muon", 0.001, Some(0.004), {
        /// Adam's `β₁`.
        adam_beta_1: f64 = 0.9,
        /// Adam's `β₂`.
        adam_beta_2: f64 = 0.999,
        /// Adam's `ε`.
        epsilon: f64 = 1e-7,
        /// Weights of matrices that Adam shall have: texts that their paths (`hidden/kernel`) contain. Of regular expressions, which Keras
        /// takes, `.`, `.*`, `^` at the beginning and `$` at the end are understood.
        exclude_layers: Vec<String> = Vec::new(),
        /// `a` in the iteration.
        muon_a: f64 = 3.4445,
        /// `b` in the iteration.
        muon_b: f64 = -4.775,
        /// `c` in the iteration.
        muon_c: f64 = 2.0315,
        /// Adam's learning rate as a multiple of Muon's.
        adam_lr_ratio: f64 = 1.0,
        /// `μ`, how much of the last direction is kept.
        momentum: f64 = 0.95,
        /// How many times the iteration runs.
        ns_steps: u32 = 5,
        /// Whether the gradient counts once more.
        nesterov: bool = true,
        /// Whether Adam has weights with `embedding` in their path.
        exclude_embeddings: bool = true,
        /// Weight decay of Adam's weights.
        adam_weight_decay: Option<f64> = Some(0.004),
        /// The scale of steps (Liu et al. 2025, for learning rates as Adam's); none for `lr · x`.
        rms_rate: Option<f64> = Some(0.2),
    }, |o| {
        forgetting("Muon", "adam_beta_1", o.adam_beta_1)?;
        forgetting("Muon", "adam_beta_2", o.adam_beta_2)?;
        at_least_0("Muon", "epsilon", o.epsilon)?;
        for (key, v) in [("muon_a", o.muon_a), ("muon_b", o.muon_b), ("muon_c", o.muon_c)] {
            finite("Muon", key, v)?;
        }
        at_least_0("Muon", "adam_lr_ratio", o.adam_lr_ratio)?;
        check((0.0..=1.0).contains(&o.momentum), "Muon", "momentum", "from 0 to 1", o.momentum)?;
        check(o.ns_steps <= MOST_STEPS, "Muon", "ns_steps", "at most 100", o.ns_steps)?;
        at_least_0("Muon", "adam_weight_decay", o.adam_weight_decay.unwrap_or(0.0))?;
        finite("Muon", "rms_rate", o.rms_rate.unwrap_or(0.0))?;
        o.exclude_layers.iter().try_for_each(|text| pattern::understood("Muon", "exclude_layers", text))
    }
}

/// Each step is three products in the graph.
const MOST_STEPS: u32 = 100;

impl Muon {
    /// Whether a weight is Adam's.
    fn is_adams(&self, weight: &Target<'_>) -> bool {
        weight.shape.rank() != 2
            || (self.exclude_embeddings && weight.path.to_lowercase().contains("embedding"))
            || self.exclude_layers.iter().any(|text| pattern::found(text, weight.path))
    }

    /// The matrix with singular values near 1 in the place of its own.
    fn orthogonal<'g>(&self, x: Var<'g>) -> Var<'g> {
        let (rows, columns) = (x.dim(0), x.dim(1));
        let turn = |x: Var<'g>| if rows > columns { x.transpose(&[1, 0]) } else { x };
        let (a, b, c) = (self.muon_a as f32, self.muon_b as f32, self.muon_c as f32);
        let mut x = turn(x);
        x = x / (x.square().sum(&[], false).sqrt() + 1e-7);
        for _ in 0..self.ns_steps {
            let y = x.dot(x, false, true); // (short, short)
            x = x * a + (y * b + (y * c).matmul(y)).matmul(x);
        }
        turn(x)
    }
}

impl Optimizer for Muon {
    optimizer_methods!();
    /// Adam's weights are those with two slots.
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        Slot::zeros(if self.is_adams(weight) { &["momentum", "velocity"] } else { &["momentum"] }, weight)
    }
    fn decay(&self, slots: usize) -> Option<f64> {
        if slots == 2 { self.adam_weight_decay } else { self.common.weight_decay }
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [momentum] = slots else {
            let step = Step { learning_rate: step.learning_rate * self.adam_lr_ratio as f32, ..*step };
            return Moments { beta_1: self.adam_beta_1, beta_2: self.adam_beta_2, epsilon: self.epsilon }.update(&step, w, g, slots);
        };
        let m = momentum.set(momentum.old + (g + momentum.old * (self.momentum - 1.0) as f32));
        let u = if self.nesterov { g + m * self.momentum as f32 } else { m };
        let moved = self.orthogonal(u) * step.learning_rate;
        w - self.rms_rate.map_or(moved, |rate| moved * (w.dim(0).max(w.dim(1)) as f32).sqrt() * rate as f32)
    }
}
