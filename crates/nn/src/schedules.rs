//! Schedules: learning rates as functions of the iteration, computed in `f32` as Keras does.

use crate::keras::{ConfigError, KerasObject, check, open, read_config, to_config};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A learning rate as a function of the iteration (number of updates made so far, from 0).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Schedule {
    /// `lr · rate^(i / steps)`
    ExponentialDecay(ExponentialDecay),
    /// `lr / (1 + rate · i / steps)`
    InverseTimeDecay(InverseTimeDecay),
}

macro_rules! decay {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        pub struct $name {
            /// Learning rate at iteration 0.
            pub initial_learning_rate: f64,
            /// Iterations after which the rate has acted once.
            pub decay_steps: f64,
            /// How much the learning rate decays.
            pub decay_rate: f64,
            /// Whether it decays in steps: `floor(i / steps)` takes the place of `i / steps`.
            pub staircase: bool,
            /// Name.
            pub name: Option<String>,
        }

        impl $name {
            /// Begins at `initial_learning_rate` and decays by `decay_rate` in each `decay_steps` iterations.
            pub fn new(initial_learning_rate: f64, decay_steps: u64, decay_rate: f64) -> Self {
                Self { initial_learning_rate, decay_steps: decay_steps as f64, decay_rate, staircase: false, name: Some(stringify!($name).into()) }
            }
            /// Whether it decays in steps.
            pub fn staircase(mut self, staircase: bool) -> Self {
                self.staircase = staircase;
                self
            }
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.name = Some(name.into());
                self
            }
            /// `i / steps`, in whole steps when it is a staircase.
            fn decays(&self, iteration: u64) -> f32 {
                let p = iteration as f32 / self.decay_steps as f32;
                if self.staircase { p.floor() } else { p }
            }
        }
        impl Default for $name {
            fn default() -> Self {
                Self::new(0.01, 1, 1.0)
            }
        }
        impl From<$name> for Schedule {
            fn from(s: $name) -> Self {
                Self::$name(s)
            }
        }
        impl From<$name> for crate::optimizers::LearningRate {
            fn from(s: $name) -> Self {
                Self::Schedule(s.into())
            }
        }
    };
}

decay! {
    /// `initial_learning_rate · decay_rate^(iteration / decay_steps)`
    ExponentialDecay
}
decay! {
    /// `initial_learning_rate / (1 + decay_rate · iteration / decay_steps)`
    InverseTimeDecay
}

const REQUIRED: &[&str] = &["initial_learning_rate", "decay_steps", "decay_rate"];

impl Schedule {
    /// The learning rate at an iteration (from 0).
    pub fn at(&self, iteration: u64) -> f64 {
        f64::from(match self {
            Self::ExponentialDecay(s) => s.initial_learning_rate as f32 * libm::powf(s.decay_rate as f32, s.decays(iteration)),
            Self::InverseTimeDecay(s) => s.initial_learning_rate as f32 / (1.0 + s.decay_rate as f32 * s.decays(iteration)),
        })
    }
    /// From Keras' envelope.
    pub fn from_json(value: &Value) -> Result<Self, ConfigError> {
        let (class, config) = open("schedule", value)?;
        let none = json!({});
        let c = config.unwrap_or(&none);
        let read = match class {
            "ExponentialDecay" => Self::ExponentialDecay(read_config(class, REQUIRED, c)?),
            "InverseTimeDecay" => Self::InverseTimeDecay(read_config(class, REQUIRED, c)?),
            _ => return Err(ConfigError::unknown_class("schedule", class, &["ExponentialDecay", "InverseTimeDecay"])),
        };
        read.validate()?;
        Ok(read)
    }
}

impl KerasObject for Schedule {
    fn module(&self) -> &'static str {
        "keras.optimizers.schedules"
    }
    fn class_name(&self) -> &'static str {
        match self {
            Self::ExponentialDecay(_) => "ExponentialDecay",
            Self::InverseTimeDecay(_) => "InverseTimeDecay",
        }
    }
    fn config(&self) -> Value {
        match self {
            Self::ExponentialDecay(s) => to_config(s),
            Self::InverseTimeDecay(s) => to_config(s),
        }
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let (lr, steps, rate) = match self {
            Self::ExponentialDecay(s) => (s.initial_learning_rate, s.decay_steps, s.decay_rate),
            Self::InverseTimeDecay(s) => (s.initial_learning_rate, s.decay_steps, s.decay_rate),
        };
        let class = self.class_name();
        check(lr.is_finite() && lr > 0.0, class, "initial_learning_rate", "a finite number above 0", lr)?;
        check(steps.is_finite() && steps > 0.0, class, "decay_steps", "a finite number above 0", steps)?;
        check(rate.is_finite() && rate >= 0.0, class, "decay_rate", "a finite number of at least 0", rate)
    }
}

impl From<Schedule> for Value {
    fn from(s: Schedule) -> Self {
        s.envelope()
    }
}
impl TryFrom<Value> for Schedule {
    type Error = ConfigError;
    fn try_from(value: Value) -> Result<Self, ConfigError> {
        Self::from_json(&value)
    }
}
