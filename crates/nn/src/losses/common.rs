//! What losses share: the methods of a serde struct with the fields `name` and `reduction`.

use crate::keras::{ConfigError, check};
use adaline_graph::Var;

/// Builder methods, reader, envelope for a struct of arguments, of which the first of the brackets are required; `$written` makes what a file holds.
macro_rules! loss_object {
    ($ty:ident, |$this:ident| $validate:expr) => {
        $crate::losses::common::loss_object!($ty, |$this| $validate, |config| config);
    };
    ($ty:ident, |$this:ident| $validate:expr, |$config:ident| $written:expr) => {
        impl $ty {
            /// How values per sample become one number.
            pub fn reduction(mut self, reduction: $crate::losses::Reduction) -> Self {
                self.reduction = reduction;
                self
            }
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.name = name.into();
                self
            }
            /// Reads the arguments as Keras writes them.
            pub fn from_config(config: &serde_json::Value) -> Result<Self, $crate::keras::ConfigError> {
                let read: Self = $crate::keras::read_config(stringify!($ty), &[], config)?;
                $crate::keras::KerasObject::validate(&read)?;
                Ok(read)
            }
        }
        impl $crate::keras::KerasObject for $ty {
            fn module(&self) -> &'static str {
                "keras.losses"
            }
            fn class_name(&self) -> &'static str {
                stringify!($ty)
            }
            fn config(&self) -> serde_json::Value {
                let $config = $crate::keras::to_config(self);
                $written
            }
            fn validate(&self) -> Result<(), $crate::keras::ConfigError> {
                let $this = self;
                $validate
            }
        }
    };
}
pub(crate) use loss_object;

/// Arguments that several losses take, each with a line of documentation.
macro_rules! loss_arguments {
    ($ty:ident: $($(#[$doc:meta])* $field:ident: $of:ty),* $(,)?) => {
        impl $ty {
            /// With Keras' defaults.
            pub fn new() -> Self {
                Self::default()
            }
            $($(#[$doc])* pub fn $field(mut self, $field: $of) -> Self {
                self.$field = $field;
                self
            })*
        }
    };
}
pub(crate) use loss_arguments;

/// The methods that all losses share.
macro_rules! loss_methods {
    () => {
        fn name(&self) -> &str {
            &self.name
        }
        fn reduction(&self) -> $crate::losses::Reduction {
            self.reduction
        }
        fn boxed(&self) -> Box<dyn $crate::Loss> {
            Box::new(self.clone())
        }
    };
}
pub(crate) use loss_methods;

/// Keras' `epsilon()`: probabilities are clipped to `[EPSILON, 1 - EPSILON]` before the logarithm.
pub(crate) const EPSILON: f64 = 1e-7;

/// Fails unless a label smoothing is from 0 to 1.
pub(crate) fn smoothing(class: &str, s: f64) -> Result<(), ConfigError> {
    check((0.0..=1.0).contains(&s), class, "label_smoothing", "from 0 to 1", s)
}

/// Fails unless a number is finite and at least 0.
pub(crate) fn not_negative(class: &str, key: &str, v: f64) -> Result<(), ConfigError> {
    check(v.is_finite() && v >= 0.0, class, key, "a finite number of at least 0", v)
}

/// Clipped to where logarithms are finite.
pub(crate) fn clip(p: Var<'_>) -> Var<'_> {
    p.clip(EPSILON as f32, (1.0 - EPSILON) as f32)
}

/// `x^e`; squares are products.
pub(crate) fn power(x: Var<'_>, e: f64) -> Var<'_> {
    if e == 2.0 { x.square() } else { x.pow(x.builder().full(x.shape(), e as f32)) }
}

/// Mean over an axis; a scalar stays.
pub(crate) fn mean_over(x: Var<'_>, axis: isize) -> Var<'_> {
    if x.rank() == 0 { x } else { x.mean(&[axis], false) }
}

/// Sum over an axis; a scalar stays.
pub(crate) fn sum_over(x: Var<'_>, axis: isize) -> Var<'_> {
    if x.rank() == 0 { x } else { x.sum(&[axis], false) }
}
