//! What every optimizer takes.

use crate::{
    keras::{ConfigError, KerasObject, check},
    schedules::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fixed learning rate or a schedule of the iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum LearningRate {
    /// The same for all steps.
    Fixed(f64),
    /// A function of the iteration.
    Schedule(Schedule),
}

impl LearningRate {
    /// The learning rate at an iteration (updates made so far, from 0), rounded to `f32` as the step sees it.
    pub fn at(&self, iteration: u64) -> f64 {
        match self {
            Self::Fixed(lr) => f64::from(*lr as f32),
            Self::Schedule(s) => s.at(iteration),
        }
    }
}

impl From<f64> for LearningRate {
    fn from(lr: f64) -> Self {
        Self::Fixed(lr)
    }
}
impl From<Schedule> for LearningRate {
    fn from(s: Schedule) -> Self {
        Self::Schedule(s)
    }
}
impl From<LearningRate> for Value {
    fn from(lr: LearningRate) -> Self {
        match lr {
            // Keras holds it in an f32 variable and writes that.
            LearningRate::Fixed(lr) => Self::from(f64::from(lr as f32)),
            LearningRate::Schedule(s) => s.envelope(),
        }
    }
}
impl TryFrom<Value> for LearningRate {
    type Error = ConfigError;
    fn try_from(value: Value) -> Result<Self, ConfigError> {
        match value.as_f64() {
            Some(lr) => Ok(Self::Fixed(lr)),
            None => Ok(Self::Schedule(Schedule::from_json(&value)?)),
        }
    }
}

/// The arguments that every Keras optimizer takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Common {
    /// Name (`adam`).
    pub name: String,
    /// Learning rate.
    pub learning_rate: LearningRate,
    /// `w -= lr * weight_decay * w` before the update.
    pub weight_decay: Option<f64>,
    /// Norm to which each gradient is clipped.
    pub clipnorm: Option<f64>,
    /// Norm to which all gradients together are clipped.
    pub global_clipnorm: Option<f64>,
    /// Bound of each element of the gradients.
    pub clipvalue: Option<f64>,
    /// Whether a moving average of the weights is kept. Not supported: must be false.
    pub use_ema: bool,
    /// How slowly that average moves.
    pub ema_momentum: f64,
    /// After how many steps the average replaces the weights.
    pub ema_overwrite_frequency: Option<u32>,
    /// Factor of the loss against underflow of 16-bit gradients. Not supported: must be none.
    pub loss_scale_factor: Option<f64>,
    /// Micro-batches averaged before an update (at least 2).
    pub gradient_accumulation_steps: Option<u32>,
}

impl Common {
    /// Keras' defaults, with a name and a learning rate.
    pub fn new(name: &str, learning_rate: impl Into<LearningRate>) -> Self {
        Self {
            name: name.into(),
            learning_rate: learning_rate.into(),
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            loss_scale_factor: None,
            gradient_accumulation_steps: None,
        }
    }
    /// Whether all of it is within its ranges.
    pub(crate) fn validate(&self, class: &str) -> Result<(), ConfigError> {
        match &self.learning_rate {
            // Zero after rounding to f32 is zero in the step.
            LearningRate::Fixed(lr) => {
                check(lr.is_finite() && (*lr as f32) > 0.0, class, "learning_rate", "a finite number above 0", lr)?;
                check((*lr as f32).is_finite(), class, "learning_rate", "a number that fits into f32", lr)?;
            }
            LearningRate::Schedule(s) => {
                s.validate().map_err(|e| ConfigError::Nested { class: class.into(), key: "learning_rate".into(), source: Box::new(e) })?;
            }
        }
        if let Some(wd) = self.weight_decay {
            check(wd.is_finite() && wd >= 0.0, class, "weight_decay", "a finite number of at least 0", wd)?;
        }
        let clips = [("clipnorm", self.clipnorm), ("clipvalue", self.clipvalue), ("global_clipnorm", self.global_clipnorm)];
        let set: Vec<&str> = clips.iter().filter(|c| c.1.is_some()).map(|c| c.0).collect();
        if let [first, second, ..] = set[..] {
            return Err(ConfigError::value(class, second, format!("null, because `{first}` is set too: only one clip may be"), "set"));
        }
        for (key, clip) in clips {
            if let Some(c) = clip {
                check(c.is_finite() && c > 0.0, class, key, "a finite number above 0, or null", c)?;
            }
        }
        if let Some(n) = self.gradient_accumulation_steps {
            check(n >= 2, class, "gradient_accumulation_steps", "at least 2, or null", n)?;
        }
        if self.use_ema {
            return Err(ConfigError::unsupported(class, "use_ema", true, "leave it false; average checkpoints instead"));
        }
        check((0.0..=1.0).contains(&self.ema_momentum), class, "ema_momentum", "from 0 to 1", self.ema_momentum)?;
        if let Some(f) = self.ema_overwrite_frequency {
            check(f >= 1, class, "ema_overwrite_frequency", "at least 1, or null", f)?;
        }
        if let Some(f) = self.loss_scale_factor {
            return Err(ConfigError::unsupported(class, "loss_scale_factor", f, "leave it null: f32 gradients do not underflow"));
        }
        Ok(())
    }
}

/// Older spellings in Keras' files: `lr`, and `decay` where it does nothing.
pub(crate) fn modernise(config: &Value) -> Value {
    let mut config = config.clone();
    if let Value::Object(map) = &mut config {
        if let Some(lr) = map.remove("lr") {
            map.entry("learning_rate").or_insert(lr);
        }
        if map.get("decay").is_some_and(|d| d.is_null() || d.as_f64() == Some(0.0)) {
            map.remove("decay");
        }
    }
    config
}

/// The builder methods that all optimizers share, for a struct with a field `common`, and the reader of its arguments.
macro_rules! optimizer_builder {
    ($ty:ident, $class:literal) => {
        impl $ty {
            /// Sets the learning rate or its schedule.
            pub fn learning_rate(mut self, learning_rate: impl Into<$crate::optimizers::LearningRate>) -> Self {
                self.common.learning_rate = learning_rate.into();
                self
            }
            /// `w -= lr * weight_decay * w` before each update.
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.common.weight_decay = Some(weight_decay);
                self
            }
            /// Clips each gradient to a norm.
            pub fn clipnorm(mut self, norm: f64) -> Self {
                self.common.clipnorm = Some(norm);
                self
            }
            /// Clips all gradients together to a norm.
            pub fn global_clipnorm(mut self, norm: f64) -> Self {
                self.common.global_clipnorm = Some(norm);
                self
            }
            /// Clips each element of the gradients to `-bound..=bound`.
            pub fn clipvalue(mut self, bound: f64) -> Self {
                self.common.clipvalue = Some(bound);
                self
            }
            /// Averages the gradients of so many batches before an update.
            pub fn gradient_accumulation_steps(mut self, steps: u32) -> Self {
                self.common.gradient_accumulation_steps = Some(steps);
                self
            }
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.common.name = name.into();
                self
            }
            /// Reads the arguments as Keras writes them.
            pub fn from_config(config: &serde_json::Value) -> Result<Self, $crate::keras::ConfigError> {
                let read: Self = $crate::keras::read_config($class, &[], &$crate::optimizers::common::modernise(config))?;
                $crate::keras::KerasObject::validate(&read)?;
                Ok(read)
            }
        }
    };
}
pub(crate) use optimizer_builder;

/// Module, class and arguments of an optimizer that is a serde struct.
macro_rules! optimizer_identity {
    ($class:literal) => {
        fn module(&self) -> &'static str {
            "keras.optimizers"
        }
        fn class_name(&self) -> &'static str {
            $class
        }
        fn config(&self) -> serde_json::Value {
            $crate::keras::to_config(self)
        }
    };
}
pub(crate) use optimizer_identity;

/// The methods that all optimizers share, for a struct with a field `common`.
macro_rules! optimizer_methods {
    () => {
        fn common(&self) -> &$crate::optimizers::Common {
            &self.common
        }
        fn common_mut(&mut self) -> &mut $crate::optimizers::Common {
            &mut self.common
        }
        fn boxed(&self) -> Box<dyn $crate::Optimizer> {
            Box::new(self.clone())
        }
    };
}
pub(crate) use optimizer_methods;

/// A rate of forgetting: from 0 to below 1.
pub(crate) fn forgetting(class: &str, key: &str, v: f64) -> Result<(), ConfigError> {
    check((0.0..1.0).contains(&v), class, key, "at least 0 and below 1", v)
}
/// A small number that keeps a division finite.
pub(crate) fn epsilon(class: &str, v: f64) -> Result<(), ConfigError> {
    check(v.is_finite() && v >= 0.0, class, "epsilon", "a finite number of at least 0", v)
}
