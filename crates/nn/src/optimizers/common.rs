//! What every optimizer takes.

use crate::{
    keras::{ConfigError, KerasObject, check, read_known, shorten, to_config},
    schedules::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// Whether a moving average of the weights is kept; `fit` puts it in their place at its end.
    pub use_ema: bool,
    /// How slowly that average moves.
    pub ema_momentum: f64,
    /// After how many steps the average replaces the weights.
    pub ema_overwrite_frequency: Option<u32>,
    /// Factor of the loss while gradients are computed, which are then divided by it: against underflow of 16-bit gradients.
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
            // With 0 nothing moves but what an optimizer remembers, as in Keras.
            LearningRate::Fixed(lr) => {
                check(lr.is_finite() && *lr >= 0.0, class, "learning_rate", "a finite number of at least 0", lr)?;
                // What only rounding makes 0 is no 0 that somebody meant.
                let kept = *lr == 0.0 || *lr as f32 > 0.0;
                check(kept, class, "learning_rate", "0, or a number that is more than 0 in f32 too", lr)?;
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
            let expected = format!(
                "null, because `{first}` is set too. Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set: leave the other out"
            );
            return Err(ConfigError::value(class, second, expected, "set"));
        }
        for (key, clip) in clips {
            if let Some(c) = clip {
                check(c.is_finite() && c > 0.0, class, key, "a finite number above 0, or null", c)?;
            }
        }
        if let Some(n) = self.gradient_accumulation_steps {
            check(n >= 2, class, "gradient_accumulation_steps", "at least 2, or null", n)?;
        }
        check((0.0..=1.0).contains(&self.ema_momentum), class, "ema_momentum", "from 0 to 1", self.ema_momentum)?;
        if let Some(f) = self.ema_overwrite_frequency {
            check(f >= 1, class, "ema_overwrite_frequency", "at least 1, or null", f)?;
        }
        if let Some(f) = self.loss_scale_factor {
            check(f.is_finite() && f > 0.0, class, "loss_scale_factor", "a finite number above 0, or null", f)?;
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

/// Splits the arguments of an optimizer: its own, over the defaults in `own`, and what all optimizers take, over `common`.
pub(crate) fn read_arguments(class: &str, config: &Value, own: &mut Map<String, Value>, common: &mut Common) -> Result<(), ConfigError> {
    let config = modernise(config);
    let Value::Object(given) = &config else {
        return Err(ConfigError::Shape { expected: format!("the arguments of {class} as an object"), got: shorten(&config.to_string()) });
    };
    let Value::Object(shared) = to_config(common) else { return Ok(()) };
    let mut given_shared = Map::new();
    for (key, value) in given {
        if let Some(place) = own.get_mut(key) {
            *place = value.clone();
        } else if shared.contains_key(key) {
            given_shared.insert(key.clone(), value.clone());
        } else {
            return Err(ConfigError::unknown_key(class, key, &mut shared.keys().chain(own.keys())));
        }
    }
    *common = read_known(class, &shared, &given_shared)?;
    Ok(())
}

/// The struct of an optimizer: its arguments beside the common ones with Keras' names and defaults, a builder method for each argument,
/// reading and writing of them, and what must hold (`check`, beside what holds for all).
macro_rules! optimizer {
    (
        $(#[$doc:meta])*
        $ty:ident, $class:literal, $name:literal, $rate:literal, $decay:expr, {
            $($(#[$of:meta])* $field:ident: $of_type:ty = $default:expr,)*
        }, |$this:ident| $check:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $ty {
            common: $crate::optimizers::Common,
            $($field: $of_type,)*
        }

        impl Default for $ty {
            fn default() -> Self {
                Self::new($rate)
            }
        }

        impl $ty {
            /// With a learning rate or a schedule, and Keras' defaults for all else.
            pub fn new(learning_rate: impl Into<$crate::optimizers::LearningRate>) -> Self {
                let common = $crate::optimizers::Common { weight_decay: $decay, ..$crate::optimizers::Common::new($name, learning_rate) };
                Self { common, $($field: $default,)* }
            }
            $(
                $(#[$of])*
                pub fn $field(mut self, $field: $of_type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
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
            /// Keeps a moving average of the weights; `fit` puts it in their place at its end.
            pub fn use_ema(mut self, use_ema: bool) -> Self {
                self.common.use_ema = use_ema;
                self
            }
            /// How slowly that average moves, from 0 to 1.
            pub fn ema_momentum(mut self, momentum: f64) -> Self {
                self.common.ema_momentum = momentum;
                self
            }
            /// Puts the average in the place of the weights after each so many updates.
            pub fn ema_overwrite_frequency(mut self, updates: u32) -> Self {
                self.common.ema_overwrite_frequency = Some(updates);
                self
            }
            /// Multiplies the loss while gradients are computed, and divides them by the same: against underflow of 16-bit gradients.
            pub fn loss_scale_factor(mut self, factor: f64) -> Self {
                self.common.loss_scale_factor = Some(factor);
                self
            }
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.common.name = name.into();
                self
            }
            /// Reads the arguments as Keras writes them.
            pub fn from_config(config: &serde_json::Value) -> Result<Self, $crate::keras::ConfigError> {
                let mut read = Self::default();
                let mut own = read.arguments();
                $crate::optimizers::common::read_arguments($class, config, &mut own, &mut read.common)?;
                $(read.$field = $crate::keras::argument($class, stringify!($field), &own)?;)*
                $crate::keras::KerasObject::validate(&read)?;
                Ok(read)
            }
            /// The arguments that other optimizers do not take.
            fn arguments(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut own = serde_json::Map::new();
                $(own.insert(stringify!($field).into(), serde_json::json!(self.$field));)*
                own
            }
        }

        impl $crate::keras::KerasObject for $ty {
            fn module(&self) -> &'static str {
                "keras.optimizers"
            }
            fn class_name(&self) -> &'static str {
                $class
            }
            fn config(&self) -> serde_json::Value {
                let mut config = $crate::keras::to_config(&self.common);
                if let serde_json::Value::Object(map) = &mut config {
                    map.extend(self.arguments());
                }
                config
            }
            fn validate(&self) -> Result<(), $crate::keras::ConfigError> {
                self.common.validate($class)?;
                let $this = self;
                $check
            }
        }
    };
}
pub(crate) use optimizer;

/// The methods that all optimizers share, for a struct of `optimizer!`.
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
/// A number that must not be negative.
pub(crate) fn at_least_0(class: &str, key: &str, v: f64) -> Result<(), ConfigError> {
    check(v.is_finite() && v >= 0.0, class, key, "a finite number of at least 0", v)
}
/// Any number.
pub(crate) fn finite(class: &str, key: &str, v: f64) -> Result<(), ConfigError> {
    check(v.is_finite(), class, key, "a finite number", v)
}
/// What Adam and its kin take: two rates of forgetting and a number that keeps a division finite.
pub(crate) fn moments(class: &str, beta_1: f64, beta_2: f64, epsilon: f64) -> Result<(), ConfigError> {
    forgetting(class, "beta_1", beta_1)?;
    forgetting(class, "beta_2", beta_2)?;
    at_least_0(class, "epsilon", epsilon)
}
