//! Accuracies: the share of right predictions.

use super::{
    Metric,
    common::{MetricCommon, mean_methods, mean_result, mean_sums, metric_methods, metric_object},
};
use crate::{
    keras::{ConfigError, KerasObject, check},
    losses::{same_shape, without_class_axis},
};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Keras' `"accuracy"`: binary, categorical or sparse categorical accuracy, whichever the shapes of labels and predictions ask for.
///
/// Its JSON is the string, as in Keras' compile configuration. (Keras' *class* `Accuracy` is [`EqualAccuracy`].)
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    name: String,
}

impl Default for Accuracy {
    fn default() -> Self {
        Self { name: "accuracy".into() }
    }
}

impl Accuracy {
    /// A new metric.
    pub fn new() -> Self {
        Self::default()
    }
    /// Keras' short name `acc`, which then is its name in logs.
    pub fn acc() -> Self {
        Self { name: "acc".into() }
    }
}

impl KerasObject for Accuracy {
    fn module(&self) -> &'static str {
        "keras.metrics"
    }
    fn class_name(&self) -> &'static str {
        "accuracy"
    }
    fn config(&self) -> Value {
        json!({"name": self.name})
    }
    fn envelope(&self) -> Value {
        let named_so = matches!(self.name.as_str(), "accuracy" | "acc");
        Value::String(if named_so { self.name.clone() } else { "accuracy".into() })
    }
}

impl Metric for Accuracy {
    fn name(&self) -> &str {
        &self.name
    }
    fn set_name(&mut self, name: String) {
        self.name = name;
    }
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        mean_sums()
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        self.resolve(y_true.shape(), y_pred.shape()).update(y_true, y_pred, weight)
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        vec![mean_result(sums)]
    }
    fn larger_is_better(&self) -> Option<bool> {
        Some(true)
    }
    fn resolve(&self, y_true: Shape, y_pred: Shape) -> Box<dyn Metric> {
        let mut metric: Box<dyn Metric> = if y_pred.dim(-1) == 1 {
            BinaryAccuracy::default().into()
        } else if y_true.rank() < y_pred.rank() || y_true.dim(-1) == 1 {
            SparseCategoricalAccuracy::default().into()
        } else {
            CategoricalAccuracy::default().into()
        };
        metric.set_name(self.name.clone());
        metric
    }
    fn boxed(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }
}

macro_rules! accuracy {
    ($(#[$doc:meta])* $ty:ident, $class:literal, $name:literal, $sparse:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $ty {
            #[serde(flatten)]
            common: MetricCommon,
        }
        impl Default for $ty {
            fn default() -> Self {
                Self { common: MetricCommon::new($name) }
            }
        }
        impl $ty {
            /// A new metric.
            pub fn new() -> Self {
                Self::default()
            }
        }
        metric_object!($ty, $class, |_this| Ok(()));
        impl Metric for $ty {
            metric_methods!(true);
            mean_methods!();
            fn sparse(&self) -> bool {
                $sparse
            }
        }
    };
}

accuracy! {
    /// How often predictions equal labels exactly: Keras' class `Accuracy`. For predictions that are classes already.
    EqualAccuracy, "Accuracy", "accuracy", false
}
accuracy! {
    /// How often the largest prediction is at the largest label: labels `(B, .., C)` one-hot, predictions `(B, .., C)`.
    CategoricalAccuracy, "CategoricalAccuracy", "categorical_accuracy", false
}
accuracy! {
    /// How often the largest prediction is at the label: labels `(B, ..)` or `(B, .., 1)` class numbers, predictions `(B, .., C)`.
    SparseCategoricalAccuracy, "SparseCategoricalAccuracy", "sparse_categorical_accuracy", true
}

impl EqualAccuracy {
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape(self.class_name(), y_true, y_pred);
        t.equal(p).cast(DType::F32)
    }
}

impl CategoricalAccuracy {
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape(self.class_name(), y_true, y_pred);
        t.argmax(-1).equal(p.argmax(-1)).cast(DType::F32)
    }
}

impl SparseCategoricalAccuracy {
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        match without_class_axis(self.class_name(), y_true, y_pred) {
            Some(labels) => labels.equal(y_pred.cast(DType::F32).argmax(-1)).cast(DType::F32),
            None => y_pred,
        }
    }
}

/// How often predictions are on the label's side of a threshold: labels 0 and 1, predictions probabilities, of one shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinaryAccuracy {
    #[serde(flatten)]
    common: MetricCommon,
    threshold: f64,
}

impl Default for BinaryAccuracy {
    fn default() -> Self {
        Self { common: MetricCommon::new("binary_accuracy"), threshold: 0.5 }
    }
}

impl BinaryAccuracy {
    /// With a threshold of 0.5.
    pub fn new() -> Self {
        Self::default()
    }
    /// Predictions above it count as 1; between 0 and 1.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape(self.class_name(), y_true, y_pred);
        t.equal(p.gt_scalar(self.threshold as f32).cast(DType::F32)).cast(DType::F32)
    }
}

metric_object!(BinaryAccuracy, "BinaryAccuracy", |this| in_unit("BinaryAccuracy", this.threshold));

fn in_unit(class: &str, threshold: f64) -> Result<(), ConfigError> {
    check(threshold > 0.0 && threshold < 1.0, class, "threshold", "above 0 and below 1", threshold)
}

impl Metric for BinaryAccuracy {
    metric_methods!(true);
    mean_methods!();
}
