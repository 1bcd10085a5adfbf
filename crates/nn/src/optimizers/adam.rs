//! Adam and `AdamW`.

use super::{
    Common, LearningRate, Memory, Optimizer, Step,
    common::{epsilon, forgetting, optimizer_builder, optimizer_identity, optimizer_methods},
};
use crate::keras::{ConfigError, KerasObject};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

macro_rules! adam {
    ($(#[$doc:meta])* $ty:ident, $class:literal, $name:literal, $decay:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $ty {
            #[serde(flatten)]
            common: Common,
            beta_1: f64,
            beta_2: f64,
            epsilon: f64,
            amsgrad: bool,
        }

        impl Default for $ty {
            fn default() -> Self {
                Self::new(0.001)
            }
        }

        optimizer_builder!($ty, $class);

        impl $ty {
            /// With a learning rate or a schedule.
            pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
                let common = Common { weight_decay: $decay, ..Common::new($name, learning_rate) };
                Self { common, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false }
            }
            /// How slowly the mean of the gradient moves, below 1.
            pub fn beta_1(mut self, beta_1: f64) -> Self {
                self.beta_1 = beta_1;
                self
            }
            /// How slowly the mean of its square moves, below 1.
            pub fn beta_2(mut self, beta_2: f64) -> Self {
                self.beta_2 = beta_2;
                self
            }
            /// Keeps the division finite.
            pub fn epsilon(mut self, epsilon: f64) -> Self {
                self.epsilon = epsilon;
                self
            }
            /// Whether the largest mean of squares so far divides (Reddi et al. 2018).
            pub fn amsgrad(mut self, amsgrad: bool) -> Self {
                self.amsgrad = amsgrad;
                self
            }
        }

        impl KerasObject for $ty {
            optimizer_identity!($class);
            fn validate(&self) -> Result<(), ConfigError> {
                self.common.validate($class)?;
                forgetting($class, "beta_1", self.beta_1)?;
                forgetting($class, "beta_2", self.beta_2)?;
                epsilon($class, self.epsilon)?;
                let decay: Option<f64> = $decay;
                if decay.is_some() && self.common.weight_decay.is_none() {
                    return Err(ConfigError::value($class, "weight_decay", "a number (use Adam for none)", "null"));
                }
                Ok(())
            }
        }

        impl Optimizer for $ty {
            optimizer_methods!();
            fn slots(&self) -> Vec<&'static str> {
                if self.amsgrad { vec!["momentum", "velocity", "velocity_hat"] } else { vec!["momentum", "velocity"] }
            }
            fn file_groups(&self) -> Vec<Vec<usize>> {
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
    Adam, "Adam", "adam", None
}
adam! {
    /// Adam after `w -= lr · decay · w` (Loshchilov and Hutter 2019), decay 0.004 unless set.
    AdamW, "AdamW", "adam_w", Some(0.004)
}

/// The update that both share.
struct Moments {
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
}

impl Moments {
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        let [momentum, velocity, rest @ ..] = slots else { return w };
        let b = w.builder();
        let forgotten = |beta: f64| 1.0 - b.scalar(beta as f32).pow(step.t);
        // scalar
        let rate = step.learning_rate * forgotten(self.beta_2).sqrt() / forgotten(self.beta_1);
        let m = momentum.set(momentum.old + (g - momentum.old) * (1.0 - self.beta_1) as f32);
        let mut v = velocity.set(velocity.old + (g.square() - velocity.old) * (1.0 - self.beta_2) as f32);
        if let [largest] = rest {
            v = largest.set(largest.old.maximum(v));
        }
        w - m * rate / (v.sqrt() + self.epsilon as f32)
    }
}
