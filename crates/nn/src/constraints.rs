//! Constraints: what a weight is put back to after each update.

use crate::keras::{Axes, ConfigError, KerasObject, check, open, read_known, shorten, to_config};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What holds of a weight: after each update it is put back to the nearest values for which it does.
///
/// Norms are taken along `axis` (0 unless set: of a kernel `(K, units)` that of each unit's weights; `[0, 1, 2]` for the kernel of a
/// `Conv2D`). Divisions by norms have Keras' `ε = 1e-7` added.
///
/// ```
/// use adaline_nn::{constraints::Constraint, layers::Dense};
/// let layer = Dense::new(10).kernel_constraint(Constraint::max_norm(3.0)).bias_constraint(Constraint::non_neg());
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Constraint {
    kind: Kind,
    arguments: Arguments,
}

/// Which class it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    MaxNorm,
    MinMaxNorm,
    NonNeg,
    UnitNorm,
}

/// The arguments of all classes; each has some of them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Arguments {
    min_value: f64,
    max_value: f64,
    rate: f64,
    axis: Axes,
}

impl Kind {
    /// With Keras' names and their arguments.
    const ALL: [(Self, &'static str, &'static str, &'static [&'static str]); 4] = [
        (Self::MaxNorm, "MaxNorm", "max_norm", &["max_value", "axis"]),
        (Self::MinMaxNorm, "MinMaxNorm", "min_max_norm", &["min_value", "max_value", "rate", "axis"]),
        (Self::NonNeg, "NonNeg", "non_neg", &[]),
        (Self::UnitNorm, "UnitNorm", "unit_norm", &["axis"]),
    ];
    fn class(self) -> &'static str {
        Self::ALL.iter().find(|k| k.0 == self).map_or("", |k| k.1)
    }
    fn keys(self) -> &'static [&'static str] {
        Self::ALL.iter().find(|k| k.0 == self).map_or(&[], |k| k.3)
    }
    /// With Keras' defaults.
    fn constraint(self) -> Constraint {
        let max_value = if self == Self::MaxNorm { 2.0 } else { 1.0 };
        Constraint { kind: self, arguments: Arguments { min_value: 0.0, max_value, rate: 1.0, axis: Axes::One(0) } }
    }
}

/// Keras' `epsilon`.
const EPSILON: f32 = 1e-7;

impl Constraint {
    /// Norms of at most `max_value`: `w · min(|w|, max) / (|w| + ε)`.
    pub fn max_norm(max_value: f64) -> Self {
        let mut constraint = Kind::MaxNorm.constraint();
        constraint.arguments.max_value = max_value;
        constraint
    }
    /// Norms between two numbers: `w · (r · clip(|w|, min, max) + (1 - r) |w|) / (|w| + ε)` with [`rate`](Self::rate) `r`, 1 unless set.
    pub fn min_max_norm(min_value: f64, max_value: f64) -> Self {
        let mut constraint = Kind::MinMaxNorm.constraint();
        (constraint.arguments.min_value, constraint.arguments.max_value) = (min_value, max_value);
        constraint
    }
    /// No value below 0: `max(w, 0)`.
    pub fn non_neg() -> Self {
        Kind::NonNeg.constraint()
    }
    /// Norms of 1: `w / (|w| + ε)`.
    pub fn unit_norm() -> Self {
        Kind::UnitNorm.constraint()
    }
    /// How far `min_max_norm` goes with each update, from 0 (not at all) to 1. Nothing for the others.
    pub fn rate(mut self, rate: f64) -> Self {
        self.arguments.rate = rate;
        self
    }
    /// The axes along which norms are taken, negative ones from the last. Nothing for `non_neg`.
    pub fn axis(mut self, axes: impl Into<Vec<isize>>) -> Self {
        let axes: Vec<isize> = axes.into();
        self.arguments.axis = if let [one] = axes[..] { Axes::One(one) } else { Axes::Many(axes) };
        self
    }

    /// The weight as it has to be.
    pub fn apply<'g>(&self, w: Var<'g>) -> Var<'g> {
        if self.kind == Kind::NonNeg {
            return w.max_scalar(0.0);
        }
        let a = &self.arguments;
        let axes = a.axis.as_slice();
        if let Some(axis) = axes.iter().find(|&&axis| w.shape().axis(axis).is_none()) {
            let (class, shape) = (self.kind.class(), w.shape());
            return w
                .builder()
                .error(format!("{class} with `axis` {axes:?} does not fit a weight of shape {shape}, which has no axis {axis}"));
        }
        let norms = w.square().sum(axes, true).sqrt();
        let safe = norms + EPSILON;
        let (min, max, rate) = (a.min_value as f32, a.max_value as f32, a.rate as f32);
        match self.kind {
            Kind::UnitNorm | Kind::NonNeg => w / safe,
            Kind::MaxNorm => w * (norms.clip(0.0, max) / safe),
            Kind::MinMaxNorm => w * ((norms.clip(min, max) * rate + norms * (1.0 - rate)) / safe),
        }
    }

    /// From Keras' envelope, or a name such as `max_norm` or `MaxNorm` with default arguments.
    pub fn from_json(value: &Value) -> Result<Self, ConfigError> {
        let (name, config) = open("constraint", value)?;
        let Some(&(kind, class, _, keys)) = Kind::ALL.iter().find(|k| k.1 == name || k.2 == name) else {
            let known: Vec<&str> = Kind::ALL.iter().flat_map(|k| [k.1, k.2]).collect();
            return Err(ConfigError::unknown_class("constraint", name, &known));
        };
        let mut constraint = kind.constraint();
        match config {
            None | Some(Value::Null) => {}
            Some(Value::Object(given)) => {
                if let Some(key) = given.keys().find(|key| !keys.contains(&key.as_str())) {
                    let known: Vec<String> = keys.iter().map(|&k| k.into()).collect();
                    return Err(ConfigError::unknown_key(class, key, &mut known.iter()));
                }
                if let Value::Object(defaults) = to_config(&constraint.arguments) {
                    constraint.arguments = read_known(class, &defaults, given)?;
                }
            }
            Some(other) => {
                let expected = format!("the arguments of {class} as an object");
                return Err(ConfigError::Shape { expected, got: shorten(&other.to_string()) });
            }
        }
        constraint.validate()?;
        Ok(constraint)
    }
}

impl KerasObject for Constraint {
    fn module(&self) -> &'static str {
        "keras.constraints"
    }
    fn class_name(&self) -> &'static str {
        self.kind.class()
    }
    fn config(&self) -> Value {
        let all = to_config(&self.arguments);
        Value::Object(self.kind.keys().iter().map(|&key| (key.to_owned(), all[key].clone())).collect::<Map<_, _>>())
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let (class, a) = (self.kind.class(), &self.arguments);
        check(a.min_value.is_finite() && a.min_value >= 0.0, class, "min_value", "a finite number of at least 0", a.min_value)?;
        let least = if self.kind == Kind::MinMaxNorm { a.min_value } else { 0.0 };
        check(
            a.max_value.is_finite() && a.max_value >= least,
            class,
            "max_value",
            &format!("a finite number of at least {least}"),
            a.max_value,
        )?;
        check((0.0..=1.0).contains(&a.rate), class, "rate", "from 0 to 1", a.rate)?;
        check(!a.axis.as_slice().is_empty(), class, "axis", "one axis or several", "none")
    }
}

impl From<Constraint> for Value {
    fn from(constraint: Constraint) -> Self {
        constraint.envelope()
    }
}
impl TryFrom<Value> for Constraint {
    type Error = ConfigError;
    fn try_from(value: Value) -> Result<Self, ConfigError> {
        Self::from_json(&value)
    }
}

/// Checks of a layer's constraints.
pub(crate) fn valid(constraints: &[&Option<Constraint>]) -> Result<(), ConfigError> {
    constraints.iter().filter_map(|c| c.as_ref()).try_for_each(KerasObject::validate)
}
