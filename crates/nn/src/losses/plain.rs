//! Losses without arguments of their own. They share one struct; each is a name and a function.

use super::{
    EPSILON, Loss, Reduction,
    common::{mean_over, sum_over},
    same_shape,
};
use crate::keras::{ConfigError, KerasObject, read_over, to_config};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Values per sample `(B, ..)` of labels and predictions `(B, .., C)`; the text is the class that asks, for errors.
pub(crate) type PerSample = for<'g> fn(&str, Var<'g>, Var<'g>) -> Var<'g>;

/// What tells one loss from another.
#[derive(Debug)]
struct Spec {
    class: &'static str,
    name: &'static str,
    values: PerSample,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Arguments {
    name: String,
    reduction: Reduction,
}

#[derive(Clone, Debug)]
struct Plain {
    spec: &'static Spec,
    arguments: Arguments,
}

impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        self.spec.class == other.spec.class && self.arguments == other.arguments
    }
}

impl Plain {
    fn new(spec: &'static Spec) -> Self {
        Self { spec, arguments: Arguments { name: spec.name.into(), reduction: Reduction::default() } }
    }
    fn read(spec: &'static Spec, config: &Value) -> Result<Self, ConfigError> {
        let defaults = to_config(&Self::new(spec).arguments);
        Ok(Self { spec, arguments: read_over(spec.class, &[], defaults, config)? })
    }
}

macro_rules! plain {
    ($($(#[$doc:meta])* $ty:ident, $name:literal, $values:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $ty(Plain);

        impl Default for $ty {
            fn default() -> Self {
                static SPEC: Spec = Spec { class: stringify!($ty), name: $name, values: $values };
                Self(Plain::new(&SPEC))
            }
        }
        impl $ty {
            /// A new loss.
            pub fn new() -> Self {
                Self::default()
            }
            /// How values per sample become one number.
            pub fn reduction(mut self, reduction: Reduction) -> Self {
                self.0.arguments.reduction = reduction;
                self
            }
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.0.arguments.name = name.into();
                self
            }
            /// Reads the arguments as Keras writes them.
            pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
                Plain::read(Self::default().0.spec, config).map(Self)
            }
        }
        impl KerasObject for $ty {
            fn module(&self) -> &'static str {
                "keras.losses"
            }
            fn class_name(&self) -> &'static str {
                self.0.spec.class
            }
            fn config(&self) -> Value {
                to_config(&self.0.arguments)
            }
        }
        impl Loss for $ty {
            fn name(&self) -> &str {
                &self.0.arguments.name
            }
            fn reduction(&self) -> Reduction {
                self.0.arguments.reduction
            }
            fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
                (self.0.spec.values)(self.0.spec.class, y_true, y_pred)
            }
            fn boxed(&self) -> Box<dyn Loss> {
                Box::new(self.clone())
            }
        }
    )*};
}

plain! {
    /// `mean((y_true - y_pred)²)` over the last axis. With [`Reduction::Sum`] over one output it is the sum of squared residuals.
    MeanSquaredError, "mean_squared_error", |class, t, p| {
        let (t, p) = same_shape(class, t, p);
        mean_over((t - p).square(), -1)
    };
    /// `mean(|y_true - y_pred|)` over the last axis.
    MeanAbsoluteError, "mean_absolute_error", |class, t, p| {
        let (t, p) = same_shape(class, t, p);
        mean_over((t - p).abs(), -1)
    };
    /// `100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))` over the last axis.
    MeanAbsolutePercentageError, "mean_absolute_percentage_error", mean_absolute_percentage_error;
    /// `mean((ln(1 + y_true) - ln(1 + y_pred))²)` over the last axis, where numbers below 1e-7 count as 1e-7.
    MeanSquaredLogarithmicError, "mean_squared_logarithmic_error", mean_squared_logarithmic_error;
    /// `mean(ln cosh(y_pred - y_true))` over the last axis: a square where small, an absolute value where large.
    LogCosh, "log_cosh", log_cosh;
    /// `mean(max(1 - y_true · y_pred, 0))` over the last axis. Labels are -1 and 1; where all are 0 or 1, 0 counts as -1.
    Hinge, "hinge", hinge;
    /// `mean(max(1 - y_true · y_pred, 0)²)` over the last axis; labels as for [`Hinge`].
    SquaredHinge, "squared_hinge", squared_hinge;
    /// `max(neg - pos + 1, 0)` with `pos = Σ y_true · y_pred` and `neg = max((1 - y_true) · y_pred)` over the last axis; labels are one-hot.
    CategoricalHinge, "categorical_hinge", categorical_hinge;
    /// `Σ y_true ln(y_true / y_pred)` over the last axis, both clipped to `[1e-7, 1]`: distributions.
    KLDivergence, "kl_divergence", kl_divergence;
    /// `mean(y_pred - y_true ln(y_pred + 1e-7))` over the last axis: counts.
    Poisson, "poisson", poisson;
}

pub(crate) fn mean_absolute_percentage_error<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    mean_over(((t - p) / t.abs().max_scalar(EPSILON as f32)).abs(), -1) * 100.0
}

pub(crate) fn mean_squared_logarithmic_error<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    let log = |v: Var<'g>| (v.max_scalar(EPSILON as f32) + 1.0).log();
    mean_over((log(p) - log(t)).square(), -1)
}

pub(crate) fn log_cosh<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    let d = p - t;
    mean_over(d + (d * -2.0).softplus() - std::f32::consts::LN_2, -1)
}

pub(crate) fn hinge<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    mean_over(margins(class, y_true, y_pred), -1)
}

pub(crate) fn squared_hinge<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    mean_over(margins(class, y_true, y_pred).square(), -1)
}

/// `max(1 - y_true · y_pred, 0)`
fn margins<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    let full = |v: f32| t.builder().full(t.shape(), v);
    let binary = t.equal(full(0.0)).or(t.equal(full(1.0))).cast(DType::F32).min(&[], false).gt_scalar(0.5);
    let t = binary.select(t * 2.0 - 1.0, t);
    (1.0 - t * p).relu()
}

pub(crate) fn categorical_hinge<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    if t.rank() == 0 {
        return t.builder().error(format!("{class} needs an axis of classes, got a scalar"));
    }
    (((1.0 - t) * p).max(&[-1], false) - (t * p).sum(&[-1], false) + 1.0).relu()
}

pub(crate) fn kl_divergence<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    let clip = |v: Var<'g>| v.clip(EPSILON as f32, 1.0);
    let (t, p) = (clip(t), clip(p));
    sum_over(t * (t / p).log(), -1)
}

pub(crate) fn poisson<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    mean_over(p - t * (p + EPSILON as f32).log(), -1)
}
