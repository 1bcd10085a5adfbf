//! Adafactor.

use super::{
    LearningRate, Memory, Optimizer, Slot, Step, Target,
    common::{at_least_0, finite, optimizer, optimizer_methods},
};
use crate::keras::check;
use adaline_graph::{Shape, Var};

optimizer! {
    /// Adam's mean of squares as the product of a row and a column, so that a matrix `(n, m)` needs little more memory than `n + m` for it,
    /// steps that are in proportion to the weight (Shazeer and Stern 2018). With `β = 1 - tᵈ` and `s = g² + ε₁`:
    /// `r = β r + (1-β) mean(s, -1)`, `c = β c + (1-β) mean(s, -2)`, `v = r / mean(r) · c`; of vectors `v = β v + (1-β) s`;
    /// `u = g / sqrt(v)`, `w -= max(ε₂, rms(w)) · ρ · u / max(1, rms(u) / clip)` with `ρ = min(lr, 1 / sqrt(t))`.
    ///
    /// Keras keeps `v` of matrices too, and so do files.
    Adafactor, "Adafactor", "adafactor", 0.001, None, {
        /// `d` in `1 - tᵈ`: how much slower the means move with each update.
        beta_2_decay: f64 = -0.8,
        /// Added to squares of gradients.
        epsilon_1: f64 = 1e-30,
        /// Least root mean square of a weight.
        epsilon_2: f64 = 1e-3,
        /// Largest root mean square of a step before it is scaled.
        clip_threshold: f64 = 1.0,
        /// Whether a fixed learning rate is at most `1 / sqrt(t)`. The step is that anyway.
        relative_step: bool = true,
    }, |o| {
        finite("Adafactor", "beta_2_decay", o.beta_2_decay)?;
        at_least_0("Adafactor", "epsilon_1", o.epsilon_1)?;
        at_least_0("Adafactor", "epsilon_2", o.epsilon_2)?;
        let clip = o.clip_threshold;
        check(clip.is_finite() && clip > 0.0, "Adafactor", "clip_threshold", "a finite number above 0", clip)
    }
}

/// Root of the mean of squares, a scalar.
fn rms(x: Var<'_>) -> Var<'_> {
    x.square().mean(&[], false).sqrt()
}

impl Optimizer for Adafactor {
    optimizer_methods!();
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        let dims = weight.shape.dims();
        // Vectors have placeholders in Keras' files.
        let (rows, columns) = match dims {
            [lead @ .., _, last] => (Shape::new(&dims[..dims.len() - 1]), Shape::new(&[lead, &[*last]].concat())),
            _ => (Shape::SCALAR, Shape::SCALAR),
        };
        vec![Slot::of("row", rows, 0.0), Slot::of("column", columns, 0.0), Slot::of("velocity", weight.shape, 0.0)]
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [row, column, velocity] = slots else { return w };
        let least = 1.0 / step.t.sqrt();
        let mut rate = step.learning_rate;
        if self.relative_step && matches!(self.common.learning_rate, LearningRate::Fixed(_)) {
            rate = rate.minimum(least);
        }
        let alpha = rms(w).max_scalar(self.epsilon_2 as f32) * rate.minimum(least);
        let square = g.square() + self.epsilon_1 as f32;
        let forgotten = step.t.pow(step.t.builder().scalar(self.beta_2_decay as f32)); // 1 - β
        let kept = 1.0 - forgotten;
        let taken = 1.0 - kept;
        let follow = |m: &mut Memory<'g>, value: Var<'g>| m.set(m.old * kept + value * taken);
        let v = if w.rank() >= 2 {
            let r = follow(row, square.mean(&[-1], false));
            let c = follow(column, square.mean(&[-2], false));
            velocity.set((r / r.mean(&[-1], true)).expand_dims(-1) * c.expand_dims(-2))
        } else {
            follow(velocity, square)
        };
        let u = g / v.sqrt();
        w - u / (rms(u) / self.clip_threshold as f32).max_scalar(1.0) * alpha
    }
}
