//! Losses of numbers.

use super::{Loss, Reduction, same_shape};
use crate::keras::{ConfigError, KerasObject, read_config, to_config};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! regression {
    ($(#[$doc:meta])* $ty:ident, $name:literal, $f:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $ty {
            name: String,
            reduction: Reduction,
        }

        impl Default for $ty {
            fn default() -> Self {
                Self { name: $name.into(), reduction: Reduction::default() }
            }
        }

        impl $ty {
            /// A new loss.
            pub fn new() -> Self {
                Self::default()
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
                read_config(stringify!($ty), &[], config)
            }
        }

        impl KerasObject for $ty {
            fn module(&self) -> &'static str {
                "keras.losses"
            }
            fn class_name(&self) -> &'static str {
                stringify!($ty)
            }
            fn config(&self) -> Value {
                to_config(self)
            }
        }

        impl Loss for $ty {
            fn name(&self) -> &str {
                &self.name
            }
            fn reduction(&self) -> Reduction {
                self.reduction
            }
            fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
                let (t, p) = same_shape(stringify!($ty), y_true, y_pred);
                let f: fn(Var<'g>) -> Var<'g> = $f;
                mean_last(f(t - p))
            }
            fn boxed(&self) -> Box<dyn Loss> {
                Box::new(self.clone())
            }
        }
    };
}

regression! {
    /// `mean((y_true - y_pred)²)` over the last axis. With [`Reduction::Sum`] over one output it is the sum of squared residuals.
    MeanSquaredError, "mean_squared_error", |d| d.square()
}
regression! {
    /// `mean(|y_true - y_pred|)` over the last axis.
    MeanAbsoluteError, "mean_absolute_error", |d| d.abs()
}

/// Mean over the last axis; a scalar stays.
fn mean_last(x: Var<'_>) -> Var<'_> {
    if x.rank() == 0 { x } else { x.mean(&[-1], false) }
}
