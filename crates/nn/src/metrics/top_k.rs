//! How often the label is among the k best predictions.

use super::{
    Metric,
    common::{MetricCommon, mean_methods, metric_methods, metric_object},
};
use crate::{
    keras::{KerasObject, check},
    losses::{is_class, same_shape, without_class_axis},
};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Keras' configuration leaves `from_sorted_ids` out; here it is written where it is not the default.
fn as_keras(mut config: Value) -> Value {
    if let Some(arguments) = config.as_object_mut().filter(|a| a.get("from_sorted_ids") == Some(&Value::Bool(false))) {
        arguments.remove("from_sorted_ids");
    }
    config
}

macro_rules! top_k {
    ($(#[$doc:meta])* $ty:ident, $class:literal, $name:literal, $sparse:literal, {$($field:ident)?}) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $ty {
            #[serde(flatten)]
            common: MetricCommon,
            k: usize,
            $(
                $field: bool,
            )?
        }
        impl Default for $ty {
            fn default() -> Self {
                Self { common: MetricCommon::new($name), k: 5, $($field: false)? }
            }
        }
        impl $ty {
            /// Among the 5 best.
            pub fn new() -> Self {
                Self::default()
            }
            /// Among the `k` best.
            pub fn k(mut self, k: usize) -> Self {
                self.k = k;
                self
            }
        }
        metric_object!($ty, $class, |this| check(this.k >= 1, $class, "k", "at least 1", this.k), |config| as_keras(config));
        impl Metric for $ty {
            metric_methods!(true);
            mean_methods!();
            fn sparse(&self) -> bool {
                $sparse
            }
        }
    };
}

top_k! {
    /// How often the largest label is among the k largest predictions: labels `(B, .., C)` one-hot, predictions `(B, .., C)`.
    TopKCategoricalAccuracy, "TopKCategoricalAccuracy", "top_k_categorical_accuracy", false, {}
}
top_k! {
    /// How often the label is among the k largest predictions: labels `(B, ..)` or `(B, .., 1)` class numbers, predictions `(B, .., C)`;
    /// with `from_sorted_ids` these are class numbers themselves, the best first.
    SparseTopKCategoricalAccuracy, "SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy", true, {from_sorted_ids}
}

impl TopKCategoricalAccuracy {
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape(self.class_name(), y_true, y_pred);
        in_top_k(t.argmax(-1), p, self.k)
    }
}
impl SparseTopKCategoricalAccuracy {
    /// Whether predictions are class numbers, the best first, instead of a number for each class.
    pub fn from_sorted_ids(mut self, from_sorted_ids: bool) -> Self {
        self.from_sorted_ids = from_sorted_ids;
        self
    }
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        match without_class_axis(self.class_name(), y_true, y_pred) {
            Some(labels) if self.from_sorted_ids => among_first(labels, y_pred, self.k),
            Some(labels) => in_top_k(labels, y_pred.cast(DType::F32), self.k),
            None => y_pred,
        }
    }
}

/// 1 where one of the first k of `ids (.., C)` is the label.
fn among_first<'g>(labels: Var<'g>, ids: Var<'g>, k: usize) -> Var<'g> {
    let mut ranges: Vec<(usize, usize, usize)> = ids.shape().dims().iter().map(|&d| (0, d, 1)).collect();
    if let Some(last) = ranges.last_mut() {
        last.1 = last.1.min(k);
    }
    let first = ids.slice(&ranges);
    let same = first.cast(DType::I32).equal(labels.cast(DType::I32).expand_dims(-1).broadcast_to(first.shape()));
    same.cast(DType::F32).max(&[-1], false)
}

/// 1 where fewer than k predictions are larger than the label's. A prediction that is NaN, or a label that is no class, is the least.
fn in_top_k<'g>(labels: Var<'g>, p: Var<'g>, k: usize) -> Var<'g> {
    let b = p.builder();
    let lowest = b.full(p.shape(), f32::NEG_INFINITY);
    // (.., 1)
    let at_label = is_class(labels, p.shape()).select(p, lowest).max(&[-1], true);
    let at_label = at_label.equal(at_label).select(at_label, b.full(at_label.shape(), f32::NEG_INFINITY));
    let larger = p.gt(at_label).cast(DType::F32).sum(&[-1], false);
    larger.lt(b.full(larger.shape(), k as f32)).cast(DType::F32)
}
