//! Regularizers: penalties on weights that are added to the loss.

use crate::keras::{ConfigError, KerasObject, check, open, read_config, to_config};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A penalty on a weight, added to the loss: `l1 · Σ|w| + l2 · Σw²` (no ½, as in Keras), or how far its rows are from orthogonal.
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
    /// `factor · mean |cos|` of the angles between each two rows (or columns) of a matrix.
    Orthogonal(OrthogonalRegularizer),
    /// A function of one's own, which no file can hold.
    Custom(CustomRegularizer),
}

/// Which vectors of a matrix shall be orthogonal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrthogonalMode {
    /// Its rows.
    Rows,
    /// Its columns.
    Columns,
}

/// `factor · Σ |rᵢ · rⱼ|` over pairs of rows (or columns) of length 1, divided by the number of pairs: 0 where all are orthogonal.
/// For weights of two axes.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct OrthogonalRegularizer {
    /// Factor of the mean.
    pub factor: f64,
    /// Which vectors.
    pub mode: OrthogonalMode,
}

impl Default for OrthogonalRegularizer {
    fn default() -> Self {
        Self { factor: 0.01, mode: OrthogonalMode::Rows }
    }
}

impl OrthogonalRegularizer {
    fn penalty(self, w: Var<'_>) -> Var<'_> {
        let b = w.builder();
        if w.rank() != 2 {
            return b.error(format!("OrthogonalRegularizer needs a weight of two axes, got shape {}; try L2 for others", w.shape()));
        }
        let rows = self.mode == OrthogonalMode::Rows;
        let (size, axis) = if rows { (w.dim(0), 1) } else { (w.dim(1), 0) };
        if size < 2 {
            let what = if rows { "rows" } else { "columns" };
            return b.error(format!("OrthogonalRegularizer needs at least two {what}, got a weight of shape {}", w.shape()));
        }
        // As Keras: rows of (nearly) no length stay what they are, times 10⁷.
        let unit = w * w.square().sum(&[axis], true).rsqrt().min_scalar(1e7);
        let product = unit.dot(unit, !rows, rows).abs(); // (size, size), cosines of angles
        let shape = product.shape();
        let apart = b.iota(shape, 0).not_equal(b.iota(shape, 1)).cast(DType::F32);
        let pairs = size as f32 * (size as f32 - 1.0) / 2.0;
        (product * apart).sum(&[], false) * (self.factor as f32 * 0.5) / pairs
    }
}

/// A function from a weight to its penalty, a scalar: [`Regularizer::custom`].
#[derive(Clone, Copy)]
pub struct CustomRegularizer {
    name: &'static str,
    penalty: for<'g> fn(Var<'g>) -> Var<'g>,
}

impl PartialEq for CustomRegularizer {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && std::ptr::fn_addr_eq(self.penalty, other.penalty)
    }
}
impl std::fmt::Debug for CustomRegularizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
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
impl From<OrthogonalRegularizer> for Regularizer {
    fn from(r: OrthogonalRegularizer) -> Self {
        Self::Orthogonal(r)
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
    /// A penalty of one's own: a function (or a closure that holds nothing) from the weight to a scalar. Models with it cannot be saved.
    ///
    /// ```
    /// use adaline_nn::{layers::Dense, regularizers::Regularizer};
    /// let layer = Dense::new(4).kernel_regularizer(Regularizer::custom("fourth_powers", |w| w.square().square().sum(&[], false) * 0.01));
    /// ```
    pub fn custom(name: &'static str, penalty: for<'g> fn(Var<'g>) -> Var<'g>) -> Self {
        Self::Custom(CustomRegularizer { name, penalty })
    }
    /// The penalty of a weight, a scalar.
    pub fn penalty(self, w: Var<'_>) -> Var<'_> {
        match self {
            Self::L1(l1) => w.abs().sum(&[], false) * l1 as f32,
            Self::L2(l2) => w.square().sum(&[], false) * l2 as f32,
            Self::L1L2 { l1, l2 } => w.abs().sum(&[], false) * l1 as f32 + w.square().sum(&[], false) * l2 as f32,
            Self::Orthogonal(r) => r.penalty(w),
            Self::Custom(custom) => {
                let (penalty, b) = ((custom.penalty)(w), w.builder());
                if penalty.rank() == 0 || b.failed() {
                    return penalty;
                }
                b.error(format!("the regularizer `{}` must return a scalar, got shape {}; sum it", custom.name, penalty.shape()))
            }
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
            "OrthogonalRegularizer" | "orthogonal_regularizer" => Self::Orthogonal(read_config("OrthogonalRegularizer", &[], c)?),
            _ => {
                let known = ["L1", "L2", "L1L2", "OrthogonalRegularizer", "l1", "l2", "l1_l2", "orthogonal_regularizer"];
                return Err(ConfigError::unknown_class("regularizer", class, &known));
            }
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
            Self::Orthogonal(_) => "OrthogonalRegularizer",
            Self::Custom(custom) => custom.name,
        }
    }
    fn config(&self) -> Value {
        match *self {
            Self::L1(l1) => to_config(&OneL1 { l1 }),
            Self::L2(l2) => to_config(&OneL2 { l2 }),
            Self::L1L2 { l1, l2 } => to_config(&Both { l1, l2 }),
            Self::Orthogonal(r) => to_config(&r),
            Self::Custom(_) => json!({}),
        }
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let ok = |key, v: f64| check(v.is_finite() && v >= 0.0, self.class_name(), key, "a finite number of at least 0", v);
        match *self {
            Self::L1(l1) => ok("l1", l1),
            Self::L2(l2) => ok("l2", l2),
            Self::L1L2 { l1, l2 } => ok("l1", l1).and(ok("l2", l2)),
            Self::Orthogonal(r) => ok("factor", r.factor),
            Self::Custom(_) => Ok(()),
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
