//! Schedules: learning rates as functions of the iteration, computed in `f32` as Keras does.

mod cosine;
mod decay;

pub use cosine::{CosineDecay, CosineDecayRestarts};
pub use decay::{ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay};

use crate::keras::{ConfigError, KerasObject, check, open};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a schedule is made of. Each writes its arguments and reads them from an object that has them all.
trait Kind: Default {
    /// Keras' class.
    const CLASS: &'static str;
    /// The arguments that must be given.
    const REQUIRED: &'static [&'static str];
    fn arguments(&self) -> Map<String, Value>;
    fn read(arguments: &Map<String, Value>) -> Result<Self, ConfigError>;
    fn check(&self) -> Result<(), ConfigError>;
    /// The learning rate at an iteration.
    fn rate(&self, iteration: u64) -> f32;
}

/// The struct of a schedule with Keras' names, its builder methods, reading and writing of it, and its ways into [`Schedule`].
macro_rules! schedule {
    (
        $(#[$doc:meta])*
        $ty:ident($name:literal) [$($required:literal),*] {
            $($(#[$of:meta])* $field:ident: $of_type:ty = $default:expr,)*
        } {
            $($(#[$optional_of:meta])* $optional:ident: $optional_type:ty = $optional_default:expr,)*
        }, |$this:ident| $check:expr, |$rate_this:ident, $iteration:ident| $rate:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub struct $ty {
            $($(#[$of])* pub $field: $of_type,)*
            $($(#[$optional_of])* pub $optional: $optional_type,)*
            /// Name.
            pub name: Option<String>,
        }

        impl Default for $ty {
            fn default() -> Self {
                Self { $($field: $default,)* $($optional: $optional_default,)* name: Some($name.into()) }
            }
        }

        impl $ty {
            $(
                $(#[$optional_of])*
                pub fn $optional(mut self, $optional: $optional_type) -> Self {
                    self.$optional = $optional;
                    self
                }
            )*
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.name = Some(name.into());
                self
            }
        }

        impl $crate::schedules::Kind for $ty {
            const CLASS: &'static str = stringify!($ty);
            const REQUIRED: &'static [&'static str] = &[$($required),*];
            fn arguments(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut all = serde_json::Map::new();
                $(all.insert(stringify!($field).into(), serde_json::json!(self.$field));)*
                $(all.insert(stringify!($optional).into(), serde_json::json!(self.$optional));)*
                all.insert("name".into(), serde_json::json!(self.name));
                all
            }
            fn read(all: &serde_json::Map<String, serde_json::Value>) -> Result<Self, $crate::keras::ConfigError> {
                use $crate::keras::argument;
                Ok(Self {
                    $($field: argument(Self::CLASS, stringify!($field), all)?,)*
                    $($optional: argument(Self::CLASS, stringify!($optional), all)?,)*
                    name: argument(Self::CLASS, "name", all)?,
                })
            }
            fn check(&self) -> Result<(), $crate::keras::ConfigError> {
                let $this = self;
                $check
            }
            fn rate(&self, $iteration: u64) -> f32 {
                let $rate_this = self;
                $rate
            }
        }

        impl From<$ty> for $crate::schedules::Schedule {
            fn from(s: $ty) -> Self {
                Self::$ty(s)
            }
        }
        impl From<$ty> for $crate::optimizers::LearningRate {
            fn from(s: $ty) -> Self {
                Self::Schedule(s.into())
            }
        }
    };
}
use schedule;

macro_rules! schedules {
    ($($(#[$doc:meta])* $ty:ident,)*) => {
        /// A learning rate as a function of the iteration (number of updates made so far, from 0).
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(try_from = "Value", into = "Value")]
        pub enum Schedule {
            $($(#[$doc])* $ty($ty),)*
        }

        impl Schedule {
            /// The learning rate at an iteration (from 0).
            pub fn at(&self, iteration: u64) -> f64 {
                f64::from(match self {
                    $(Self::$ty(s) => s.rate(iteration),)*
                })
            }
            /// From Keras' envelope.
            pub fn from_json(value: &Value) -> Result<Self, ConfigError> {
                let (class, config) = open("schedule", value)?;
                let read = match class {
                    $($ty::CLASS => Self::$ty($ty::read(&given(class, $ty::REQUIRED, $ty::default().arguments(), config)?)?),)*
                    _ => return Err(ConfigError::unknown_class("schedule", class, &[$($ty::CLASS),*])),
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
                    $(Self::$ty(_) => $ty::CLASS,)*
                }
            }
            fn config(&self) -> Value {
                Value::Object(match self {
                    $(Self::$ty(s) => s.arguments(),)*
                })
            }
            fn validate(&self) -> Result<(), ConfigError> {
                match self {
                    $(Self::$ty(s) => s.check(),)*
                }
            }
        }
    };
}

schedules! {
    /// `lr · rate^(i / steps)`
    ExponentialDecay,
    /// `lr / (1 + rate · i / steps)`
    InverseTimeDecay,
    /// One number after another.
    PiecewiseConstantDecay,
    /// A power of what is left of the way.
    PolynomialDecay,
    /// Half a wave down.
    CosineDecay,
    /// Half a wave down, again and again.
    CosineDecayRestarts,
}

/// The arguments that were given, over the defaults.
fn given(
    class: &str,
    required: &[&'static str],
    mut all: Map<String, Value>,
    config: Option<&Value>,
) -> Result<Map<String, Value>, ConfigError> {
    let none = Value::Object(Map::new());
    let Value::Object(config) = config.unwrap_or(&none) else {
        return Err(ConfigError::Shape { expected: format!("the arguments of {class} as an object"), got: "something else".into() });
    };
    for (key, value) in config {
        match all.get_mut(key) {
            Some(place) => *place = value.clone(),
            None => return Err(ConfigError::unknown_key(class, key, &mut all.keys())),
        }
    }
    match required.iter().find(|key| !config.contains_key(**key)) {
        Some(&key) => Err(ConfigError::MissingKey { class: class.into(), key }),
        None => Ok(all),
    }
}

fn above_0(class: &str, key: &str, v: f64) -> Result<(), ConfigError> {
    check(v.is_finite() && v > 0.0, class, key, "a finite number above 0", v)
}
fn at_least_0(class: &str, key: &str, v: f64) -> Result<(), ConfigError> {
    check(v.is_finite() && v >= 0.0, class, key, "a finite number of at least 0", v)
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
