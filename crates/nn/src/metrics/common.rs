//! What metrics share: their configuration, and the weighted mean of values per sample.

use crate::{
    keras::DTypePolicy,
    losses::{same_rank, trailing},
};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The arguments that every metric takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricCommon {
    /// Name in logs.
    pub name: String,
    /// Type of its sums.
    pub dtype: MetricDType,
}

impl MetricCommon {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), dtype: MetricDType }
    }
}

/// Type of a metric's sums: a plain `float32` in files; a policy object or nothing is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct MetricDType;

impl From<MetricDType> for Value {
    fn from(_: MetricDType) -> Self {
        Self::String("float32".into())
    }
}
impl TryFrom<Value> for MetricDType {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        match DTypePolicy::try_from(value.clone()) {
            Ok(DTypePolicy::Float32) => Ok(Self),
            _ if value.is_null() => Ok(Self),
            _ => Err(format!("{value} given, expected float32: metrics are computed in it under every policy")),
        }
    }
}

/// Sums of a mean: weighted total and weight.
pub(crate) fn mean_sums() -> Vec<(&'static str, Shape)> {
    vec![("total", Shape::SCALAR), ("count", Shape::SCALAR)]
}

/// What a batch of values `(B, ..)` adds to the sums of a mean: each sample counts the mean of its values, with its weight.
pub(crate) fn mean_update<'g>(values: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
    let b = values.builder();
    if values.rank() == 0 && weight.is_none() {
        return vec![values, b.scalar(1.0)];
    }
    // (B)
    let per_sample = |v: Var<'g>| {
        let rest: Vec<isize> = (1..v.rank() as isize).collect();
        if rest.is_empty() { v } else { v.mean(&rest, false) }
    };
    let Some(weight) = weight else {
        return vec![per_sample(values).sum(&[], false), b.scalar(values.shape().dims().first().map_or(1.0, |&n| n as f32))];
    };
    let (values, weight) = same_rank(values, weight.cast(DType::F32));
    let weighted = values * trailing(weight, values.rank());
    vec![per_sample(weighted).sum(&[], false), per_sample(weight).sum(&[], false)]
}

/// A mean from its sums; 0 without weight.
pub(crate) fn mean_result(sums: &[&[f32]]) -> f64 {
    match sums {
        [[total, ..], [count, ..], ..] => divide_no_nan(f64::from(*total), f64::from(*count)),
        _ => 0.0,
    }
}

/// A sum as numbers; zeros where it is shorter.
pub(crate) fn numbers(sums: &[&[f32]], at: usize, len: usize) -> Vec<f64> {
    let sum = sums.get(at).copied().unwrap_or_default();
    (0..len).map(|i| f64::from(sum.get(i).copied().unwrap_or(0.0))).collect()
}

/// Weights of the elements of `p`, of its shape: those of its samples, or of steps of samples; 1 without.
pub(crate) fn element_weights<'g>(p: Var<'g>, weight: Option<Var<'g>>) -> Var<'g> {
    match weight {
        Some(w) => trailing(w.cast(DType::F32), p.rank()).broadcast_to(p.shape()),
        None => p.builder().full(p.shape(), 1.0),
    }
}

/// `a / b`, and 0 where `b` is 0.
pub(crate) fn divide_no_nan(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// Module, class, arguments and their reader for a metric that is a serde struct with a field `common`.
macro_rules! metric_object {
    ($ty:ident, $class:expr, |$this:ident| $validate:expr) => {
        $crate::metrics::common::metric_object!($ty, $class, |$this| $validate, |config| config);
    };
    ($ty:ident, $class:expr, |$this:ident| $validate:expr, |$config:ident| $written:expr) => {
        impl $ty {
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.common.name = name.into();
                self
            }
            /// Reads the arguments as Keras writes them.
            pub fn from_config(config: &serde_json::Value) -> Result<Self, $crate::keras::ConfigError> {
                let read: Self = $crate::keras::read_config($class, &[], config)?;
                $crate::keras::KerasObject::validate(&read)?;
                Ok(read)
            }
        }
        impl $crate::keras::KerasObject for $ty {
            fn module(&self) -> &'static str {
                "keras.metrics"
            }
            fn class_name(&self) -> &'static str {
                $class
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
pub(crate) use metric_object;

/// A class of a family: its arguments, sums and result are those of the struct that the family shares; the `Spec` of its module says what is its own.
macro_rules! metric_of_family {
    ($(#[$doc:meta])* $ty:ident($family:ident), $spec:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $ty($family);

        impl $ty {
            const SPEC: Spec = $spec;

            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.0.arguments.common.name = name.into();
                self
            }
            /// Reads the arguments as Keras writes them.
            pub fn from_config(config: &serde_json::Value) -> Result<Self, $crate::keras::ConfigError> {
                let family = $family::read(&Self::SPEC, config)?;
                family.validate()?;
                Ok(Self(family))
            }
        }
        impl $crate::keras::KerasObject for $ty {
            fn module(&self) -> &'static str {
                "keras.metrics"
            }
            fn class_name(&self) -> &'static str {
                self.0.spec.class
            }
            fn config(&self) -> serde_json::Value {
                self.0.config()
            }
            fn validate(&self) -> Result<(), $crate::keras::ConfigError> {
                self.0.validate()
            }
        }
        impl $crate::Metric for $ty {
            fn name(&self) -> &str {
                &self.0.arguments.common.name
            }
            fn set_name(&mut self, name: String) {
                self.0.arguments.common.name = name;
            }
            fn larger_is_better(&self) -> Option<bool> {
                self.0.spec.larger_is_better
            }
            fn heeds_mask(&self) -> bool {
                $family::HEEDS_MASK
            }
            fn sums(&self, y_true: adaline_graph::Shape, y_pred: adaline_graph::Shape) -> Vec<(&'static str, adaline_graph::Shape)> {
                self.0.sums(y_true, y_pred)
            }
            fn update<'g>(
                &self,
                y_true: adaline_graph::Var<'g>,
                y_pred: adaline_graph::Var<'g>,
                weight: Option<adaline_graph::Var<'g>>,
            ) -> Vec<adaline_graph::Var<'g>> {
                self.0.update(y_true, y_pred, weight)
            }
            fn variables(&self, sums: &[&[f32]]) -> Option<Vec<(&'static str, adaline_graph::Shape, Vec<f32>)>> {
                self.0.variables(sums)
            }
            fn sums_of(&self, variables: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
                self.0.sums_of(variables)
            }
            fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
                self.0.results(sums)
            }
            fn boxed(&self) -> Box<dyn $crate::Metric> {
                Box::new(self.clone())
            }
        }
    };
}
pub(crate) use metric_of_family;

/// For a family whose sums are Keras' variables.
macro_rules! sums_are_variables {
    () => {
        fn variables(&self, _: &[&[f32]]) -> Option<Vec<(&'static str, adaline_graph::Shape, Vec<f32>)>> {
            None
        }
        fn sums_of(&self, _: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
            None
        }
    };
}
pub(crate) use sums_are_variables;

/// The methods that all metrics share.
macro_rules! metric_methods {
    ($larger_is_better:literal) => {
        $crate::metrics::common::metric_methods!(|_this| Some($larger_is_better));
    };
    (|$this:ident| $larger_is_better:expr) => {
        fn name(&self) -> &str {
            &self.common.name
        }
        fn set_name(&mut self, name: String) {
            self.common.name = name;
        }
        fn larger_is_better(&self) -> Option<bool> {
            let $this = self;
            $larger_is_better
        }
        fn boxed(&self) -> Box<dyn $crate::Metric> {
            Box::new(self.clone())
        }
    };
}
pub(crate) use metric_methods;

/// The sums of a metric that is a mean of values per sample.
macro_rules! mean_methods {
    () => {
        fn heeds_mask(&self) -> bool {
            true
        }
        fn sums(&self, _: adaline_graph::Shape, _: adaline_graph::Shape) -> Vec<(&'static str, adaline_graph::Shape)> {
            $crate::metrics::common::mean_sums()
        }
        fn update<'g>(
            &self,
            y_true: adaline_graph::Var<'g>,
            y_pred: adaline_graph::Var<'g>,
            weight: Option<adaline_graph::Var<'g>>,
        ) -> Vec<adaline_graph::Var<'g>> {
            $crate::metrics::common::mean_update(self.values(y_true, y_pred), weight)
        }
        fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
            vec![$crate::metrics::common::mean_result(sums)]
        }
    };
}
pub(crate) use mean_methods;
