//! Cross-entropies.

use super::{
    Loss, Reduction,
    reduce::{same_rank, squeeze_last},
    same_shape,
};
use crate::keras::{ConfigError, KerasObject, check, read_config, to_config};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Keras' `epsilon()`: probabilities are clipped to `[EPSILON, 1 - EPSILON]` before the logarithm.
const EPSILON: f64 = 1e-7;

/// `-(y ln p + (1-y) ln(1-p))`, mean over the last axis; labels 0 and 1 (or between).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinaryCrossentropy {
    name: String,
    reduction: Reduction,
    from_logits: bool,
    label_smoothing: f64,
    axis: isize,
}

/// `-Σ y ln p` over the classes; labels are distributions (one-hot).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalCrossentropy {
    name: String,
    reduction: Reduction,
    from_logits: bool,
    label_smoothing: f64,
    axis: isize,
}

/// `-ln p[y]`; labels are class numbers `(B, ..)` or `(B, .., 1)`. A label outside of the classes counts 0, as in Keras on JAX.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparseCategoricalCrossentropy {
    name: String,
    reduction: Reduction,
    from_logits: bool,
    ignore_class: Option<i64>,
}

impl Default for BinaryCrossentropy {
    fn default() -> Self {
        Self { name: "binary_crossentropy".into(), reduction: Reduction::default(), from_logits: false, label_smoothing: 0.0, axis: -1 }
    }
}
impl Default for CategoricalCrossentropy {
    fn default() -> Self {
        Self {
            name: "categorical_crossentropy".into(),
            reduction: Reduction::default(),
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    }
}
impl Default for SparseCategoricalCrossentropy {
    fn default() -> Self {
        Self { name: "sparse_categorical_crossentropy".into(), reduction: Reduction::default(), from_logits: false, ignore_class: None }
    }
}

macro_rules! common {
    ($ty:ident) => {
        impl $ty {
            /// A new loss of probabilities.
            pub fn new() -> Self {
                Self::default()
            }
            /// Whether predictions are logits, not probabilities.
            pub fn from_logits(mut self, from_logits: bool) -> Self {
                self.from_logits = from_logits;
                self
            }
            /// How values per sample become one number.
            pub fn reduction(mut self, reduction: Reduction) -> Self {
                self.reduction = reduction;
                self
            }
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.name = name.into();
                self
            }
            /// Reads the arguments as Keras writes them.
            pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
                let read: Self = read_config(stringify!($ty), &[], config)?;
                read.validate()?;
                Ok(read)
            }
        }
    };
}
common!(BinaryCrossentropy);
common!(CategoricalCrossentropy);
common!(SparseCategoricalCrossentropy);

macro_rules! smoothed {
    ($ty:ident) => {
        impl $ty {
            /// How far labels are moved towards the uniform distribution, from 0 to 1.
            pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
                self.label_smoothing = label_smoothing;
                self
            }
            /// The axis that is summed over, -1 unless set.
            pub fn axis(mut self, axis: isize) -> Self {
                self.axis = axis;
                self
            }
        }
    };
}
smoothed!(BinaryCrossentropy);
smoothed!(CategoricalCrossentropy);

macro_rules! identity {
    ($class:literal) => {
        fn module(&self) -> &'static str {
            "keras.losses"
        }
        fn class_name(&self) -> &'static str {
            $class
        }
        fn config(&self) -> Value {
            to_config(self)
        }
    };
}
macro_rules! methods {
    () => {
        fn name(&self) -> &str {
            &self.name
        }
        fn reduction(&self) -> Reduction {
            self.reduction
        }
        fn boxed(&self) -> Box<dyn Loss> {
            Box::new(self.clone())
        }
    };
}

fn smoothing(class: &str, s: f64) -> Result<(), ConfigError> {
    check((0.0..=1.0).contains(&s), class, "label_smoothing", "from 0 to 1", s)
}

impl KerasObject for BinaryCrossentropy {
    identity!("BinaryCrossentropy");
    fn validate(&self) -> Result<(), ConfigError> {
        smoothing("BinaryCrossentropy", self.label_smoothing)
    }
}
impl KerasObject for CategoricalCrossentropy {
    identity!("CategoricalCrossentropy");
    fn validate(&self) -> Result<(), ConfigError> {
        smoothing("CategoricalCrossentropy", self.label_smoothing)
    }
}
impl KerasObject for SparseCategoricalCrossentropy {
    identity!("SparseCategoricalCrossentropy");
    fn validate(&self) -> Result<(), ConfigError> {
        no_ignored_class("SparseCategoricalCrossentropy", self.ignore_class)
    }
}

/// Refuses `ignore_class`, which needs masks.
pub(crate) fn no_ignored_class(class: &str, ignore_class: Option<i64>) -> Result<(), ConfigError> {
    match ignore_class {
        Some(c) => Err(ConfigError::unsupported(class, "ignore_class", c, "give the samples of that class a weight of 0")),
        None => Ok(()),
    }
}

impl Loss for BinaryCrossentropy {
    methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        binary("BinaryCrossentropy", y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)
    }
}
impl Loss for CategoricalCrossentropy {
    methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        categorical("CategoricalCrossentropy", y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)
    }
}
impl Loss for SparseCategoricalCrossentropy {
    methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        sparse_categorical("SparseCategoricalCrossentropy", y_true, y_pred, self.from_logits)
    }
    fn sparse(&self) -> bool {
        true
    }
}

/// `(B, .., C) -> (B, ..)`
pub(crate) fn binary<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, from_logits: bool, smoothing: f64, axis: isize) -> Var<'g> {
    let (mut t, p) = same_shape(class, y_true, y_pred);
    if smoothing > 0.0 {
        t = t * (1.0 - smoothing) as f32 + (0.5 * smoothing) as f32;
    }
    let each = if from_logits {
        // ln σ(x) = -softplus(-x), ln(1 - σ(x)) = -softplus(x)
        t * (-p).softplus() + (1.0 - t) * p.softplus()
    } else {
        let p = clip(p);
        -(t * p.log() + (1.0 - t) * (1.0 - p).log())
    };
    if each.rank() == 0 { each } else { each.mean(&[axis], false) }
}

/// `(B, .., C) -> (B, ..)`
pub(crate) fn categorical<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, from_logits: bool, smoothing: f64, axis: isize) -> Var<'g> {
    let (mut t, p) = same_shape(class, y_true, y_pred);
    if smoothing > 0.0 {
        t = t * (1.0 - smoothing) as f32 + (smoothing / t.dim(-1) as f64) as f32;
    }
    -(t * log_probabilities(p, from_logits, axis)).sum(&[axis], false)
}

/// `(B, ..)` or `(B, .., 1)` and `(B, .., C) -> (B, ..)`
pub(crate) fn sparse_categorical<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, from_logits: bool) -> Var<'g> {
    let (t, p) = same_rank(y_true, y_pred.cast(DType::F32));
    let Some(labels) = without_class_axis(class, t, p) else { return t.builder().error(String::new()) };
    let log_p = log_probabilities(p, from_logits, -1);
    let nothing = p.builder().full(log_p.shape(), 0.0);
    -is_class(labels, p.shape()).select(log_p, nothing).sum(&[-1], false)
}

/// Class numbers `i32 (B, ..)` for predictions `(B, .., C)`, without a last axis of 1; latches an error when they do not fit.
pub(crate) fn without_class_axis<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Option<Var<'g>> {
    let labels = if y_true.rank() == y_pred.rank() && y_true.dim(-1) == 1 { squeeze_last(y_true) } else { y_true };
    let fits = y_pred.rank() >= 1 && labels.shape().dims() == &y_pred.shape().dims()[..y_pred.rank() - 1];
    if fits {
        return Some(labels.cast(DType::I32));
    }
    let hint = if y_true.shape() == y_pred.shape() { "; for one-hot labels use the form without `Sparse`" } else { "" };
    y_true.builder().error(format!(
        "{class} expects class numbers of the predictions' shape without its last axis, got labels {} and predictions {}{hint}",
        y_true.shape(),
        y_pred.shape()
    ));
    None
}

/// Where `(B, .., C)` is the class of `(B, ..)`, as truth values.
pub(crate) fn is_class(labels: Var<'_>, shape: Shape) -> Var<'_> {
    let classes = labels.builder().iota(shape, shape.rank().saturating_sub(1));
    labels.expand_dims(-1).broadcast_to(shape).equal(classes)
}

/// `ln p`: of logits by log-softmax; of probabilities, brought to sum 1 and clipped.
fn log_probabilities(p: Var<'_>, from_logits: bool, axis: isize) -> Var<'_> {
    if from_logits { p.log_softmax(axis) } else { clip(p / p.sum(&[axis], true)).log() }
}

fn clip(p: Var<'_>) -> Var<'_> {
    p.clip(EPSILON as f32, (1.0 - EPSILON) as f32)
}
