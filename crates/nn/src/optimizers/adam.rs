//! Adam and `AdamW`.

use super::{
    Memory, Optimizer, Slot, Step, Target,
    common::{moments, optimizer, optimizer_methods},
};
use crate::keras::ConfigError;
use adaline_graph::Var;

macro_rules! adam {
    ($(#[$doc:meta])* $ty:ident, $class:literal, $name:literal, $decay:expr, |$this:ident| $check:expr) => {
        optimizer! {
            $(#[$doc])*
            $ty, $class, $name, 0.001, $decay, {
                /// How slowly the mean of the gradient moves, below 1.
                beta_1: f64 = 0.9,
                /// How slowly the mean of its square moves, below 1.
                beta_2: f64 = 0.999,
                /// Keeps the division finite.
                epsilon: f64 = 1e-7,
                /// Whether the largest mean of squares so far divides (Reddi et al. 2018).
                amsgrad: bool = false,
            }, |$this| {
                moments($class, $this.beta_1, $this.beta_2, $this.epsilon)?;
                $check
            }
        }

        impl Optimizer for $ty {
            optimizer_methods!();
            fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
                Slot::zeros(if self.amsgrad { &["momentum", "velocity", "velocity_hat"] } else { &["momentum", "velocity"] }, weight)
            }
            fn file_groups(&self, _: usize) -> Vec<Vec<usize>> {
                if self.amsgrad { vec![vec![0, 1], vec![2]] } else { vec![vec![0, 1]] }
            }
            fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
                Moments { beta_1: self.beta_1, beta_2: self.beta_2, epsilon: self.epsilon }.update(step, w, g, slots)
            }
        }
    };
}

adam! {
    /// `m += (1-β₁)(g - m)`, `v += (1-β₂)(g² - v)`, `w -= lr · sqrt(1-β₂ᵗ) / (1-β₁ᵗ) · m / (sqrt(v) + ε)` (Kingma and Ba 2015).
    Adam, "Adam", "adam", None, |o| Ok(())
}
adam! {
    /// Adam after `w -= lr · decay · w` (Loshchilov and Hutter 2019), decay 0.004 unless set.
    AdamW, "AdamW", "adam_w", Some(0.004), |o| match o.common.weight_decay {
        Some(_) => Ok(()),
        None => Err(ConfigError::value("AdamW", "weight_decay", "a number (use Adam for none)", "null")),
    }
}

/// The update that both share, and Muon has for some weights.
pub(super) struct Moments {
    pub(super) beta_1: f64,
    pub(super) beta_2: f64,
    pub(super) epsilon: f64,
}

impl Moments {
    /// The new weight; `slots` are the mean of the gradient, that of its square, and with `amsgrad` the largest of those.
    pub(super) fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [momentum, velocity, rest @ ..] = slots else { return w };
        // scalar
        let rate = step.learning_rate * step.taken_up(self.beta_2).sqrt() / step.taken_up(self.beta_1);
        let m = momentum.follow(g, self.beta_1);
        let mut v = velocity.follow(g.square(), self.beta_2);
        if let [largest] = rest {
            v = largest.set(largest.old.maximum(v));
        }
        w - m * rate / (v.sqrt() + self.epsilon as f32)
    }
}
