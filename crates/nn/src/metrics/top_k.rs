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

macro_rules! top_k {
    ($(#[$doc:meta])* $ty:ident, $class:literal, $name:literal, $sparse:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $ty {
            #[serde(flatten)]
            common: MetricCommon,
            k: usize,
        }
        impl Default for $ty {
            fn default() -> Self {
                Self { common: MetricCommon::new($name), k: 5 }
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
        metric_object!($ty, $class, |this| check(this.k >= 1, $class, "k", "at least 1", this.k));
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
    TopKCategoricalAccuracy, "TopKCategoricalAccuracy", "top_k_categorical_accuracy", false
}
top_k! {
    /// How often the label is among the k largest predictions: labels `(B, ..)` or `(B, .., 1)` class numbers, predictions `(B, .., C)`.
    SparseTopKCategoricalAccuracy, "SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy", true
}

impl TopKCategoricalAccuracy {
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape(self.class_name(), y_true, y_pred);
        in_top_k(t.argmax(-1), p, self.k)
    }
}
impl SparseTopKCategoricalAccuracy {
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        match without_class_axis(self.class_name(), y_true, y_pred) {
            Some(labels) => in_top_k(labels, y_pred.cast(DType::F32), self.k),
            None => y_pred,
        }
    }
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
