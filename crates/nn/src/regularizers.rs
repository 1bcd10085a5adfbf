//! Regularizers: penalties on weights that are added to the loss.

use crate::keras::{ConfigError, KerasObject, check, open, read_config, to_config};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A penalty on a weight, added to the loss: `l1 · Σ|w| + l2 · Σw²` (no ½, as in Keras).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Regularizer {
    /// `l1 · Σ|w|`
    L1(f64),
    /// `l2 · Σw²`
    L2(f64),
    /// Both.
    L1L2 {
        /// Factor of `Σ|w|`.
        l1: f64,
        /// Factor of `Σw²`.
        l2: f64,
    },
}

/// `l1 · Σ|w|`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct L1(pub f64);
/// `l2 · Σw²`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct L2(pub f64);
/// `l1 · Σ|w| + l2 · Σw²`: first the factor of the absolute values, then that of the squares.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct L1L2(pub f64, pub f64);

impl From<L1> for Regularizer {
    fn from(r: L1) -> Self {
        Self::L1(r.0)
    }
}
impl From<L2> for Regularizer {
    fn from(r: L2) -> Self {
        Self::L2(r.0)
    }
}
impl From<L1L2> for Regularizer {
    fn from(r: L1L2) -> Self {
        Self::L1L2 { l1: r.0, l2: r.1 }
    }
}

#[derive(Serialize, Deserialize)]
struct OneL1 {
    l1: f64,
}
impl Default for OneL1 {
    fn default() -> Self {
        Self { l1: 0.01 }
    }
}
#[derive(Serialize, Deserialize)]
struct OneL2 {
    l2: f64,
}
impl Default for OneL2 {
    fn default() -> Self {
        Self { l2: 0.01 }
    }
}
#[derive(Default, Serialize, Deserialize)]
struct Both {
    l1: f64,
    l2: f64,
}

impl Regularizer {
    /// The penalty of a weight, a scalar.
    pub fn penalty(self, w: Var<'_>) -> Var<'_> {
        match self {
            Self::L1(l1) => w.abs().sum(&[], false) * l1 as f32,
            Self::L2(l2) => w.square().sum(&[], false) * l2 as f32,
            Self::L1L2 { l1, l2 } => w.abs().sum(&[], false) * l1 as f32 + w.square().sum(&[], false) * l2 as f32,
        }
    }
    /// From Keras' envelope, or one of the names `l1`, `l2`, `l1_l2`, each with factors of 0.01.
    pub fn from_json(value: &Value) -> Result<Self, ConfigError> {
        let (class, config) = open("regularizer", value)?;
        let none = json!({});
        let c = config.unwrap_or(&none);
        let read = match class {
            "L1" | "l1" => Self::L1(read_config::<OneL1>("L1", &[], c)?.l1),
            "L2" | "l2" => Self::L2(read_config::<OneL2>("L2", &[], c)?.l2),
            "l1_l2" if config.is_none() => Self::L1L2 { l1: 0.01, l2: 0.01 },
            "L1L2" | "l1_l2" | "l1l2" => {
                let b = read_config::<Both>("L1L2", &[], c)?;
                Self::L1L2 { l1: b.l1, l2: b.l2 }
            }
            _ => return Err(ConfigError::unknown_class("regularizer", class, &["L1", "L2", "L1L2", "l1", "l2", "l1_l2"])),
        };
        read.validate()?;
        Ok(read)
    }
}

impl KerasObject for Regularizer {
    fn module(&self) -> &'static str {
        "keras.regularizers"
    }
    fn class_name(&self) -> &'static str {
        match self {
            Self::L1(_) => "L1",
            Self::L2(_) => "L2",
            Self::L1L2 { .. } => "L1L2",
        }
    }
    fn config(&self) -> Value {
        match *self {
            Self::L1(l1) => to_config(&OneL1 { l1 }),
            Self::L2(l2) => to_config(&OneL2 { l2 }),
            Self::L1L2 { l1, l2 } => to_config(&Both { l1, l2 }),
        }
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let ok = |key, v: f64| check(v.is_finite() && v >= 0.0, self.class_name(), key, "a finite number of at least 0", v);
        match *self {
            Self::L1(l1) => ok("l1", l1),
            Self::L2(l2) => ok("l2", l2),
            Self::L1L2 { l1, l2 } => ok("l1", l1).and(ok("l2", l2)),
        }
    }
}

impl From<Regularizer> for Value {
    fn from(r: Regularizer) -> Self {
        r.envelope()
    }
}
impl TryFrom<Value> for Regularizer {
    type Error = ConfigError;
    fn try_from(value: Value) -> Result<Self, ConfigError> {
        Self::from_json(&value)
    }
}
