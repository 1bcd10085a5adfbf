//! Cross-entropies as metrics.

use super::{
    Metric,
    common::{MetricCommon, mean_methods, mean_result, mean_sums, mean_update, metric_methods, metric_object},
};
use crate::{
    keras::{KerasObject, check},
    losses::{binary, categorical, counted, smoothing, sparse_categorical, trailing},
};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};

/// Mean binary cross-entropy; see the loss of that name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinaryCrossentropy {
    #[serde(flatten)]
    common: MetricCommon,
    from_logits: bool,
    label_smoothing: f64,
}
/// Mean cross-entropy of one-hot labels; see the loss of that name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalCrossentropy {
    #[serde(flatten)]
    common: MetricCommon,
    from_logits: bool,
    label_smoothing: f64,
    axis: isize,
}
/// Mean cross-entropy of class numbers; see the loss of that name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparseCategoricalCrossentropy {
    #[serde(flatten)]
    common: MetricCommon,
    from_logits: bool,
    ignore_class: Option<i64>,
    axis: isize,
}

impl Default for BinaryCrossentropy {
    fn default() -> Self {
        Self { common: MetricCommon::new("binary_crossentropy"), from_logits: false, label_smoothing: 0.0 }
    }
}
impl Default for CategoricalCrossentropy {
    fn default() -> Self {
        Self { common: MetricCommon::new("categorical_crossentropy"), from_logits: false, label_smoothing: 0.0, axis: -1 }
    }
}
impl Default for SparseCategoricalCrossentropy {
    fn default() -> Self {
        Self { common: MetricCommon::new("sparse_categorical_crossentropy"), from_logits: false, ignore_class: None, axis: -1 }
    }
}

metric_object!(BinaryCrossentropy, "BinaryCrossentropy", |this| smoothing("BinaryCrossentropy", this.label_smoothing));
metric_object!(CategoricalCrossentropy, "CategoricalCrossentropy", |this| smoothing("CategoricalCrossentropy", this.label_smoothing));
metric_object!(SparseCategoricalCrossentropy, "SparseCategoricalCrossentropy", |this| {
    check(this.axis == -1, "SparseCategoricalCrossentropy", "axis", "-1 (others are not supported)", this.axis)
});

macro_rules! builder {
    ($ty:ident) => {
        impl $ty {
            /// A new metric of probabilities.
            pub fn new() -> Self {
                Self::default()
            }
            /// Whether predictions are logits, not probabilities.
            pub fn from_logits(mut self, from_logits: bool) -> Self {
                self.from_logits = from_logits;
                self
            }
        }
    };
}
builder!(BinaryCrossentropy);
builder!(CategoricalCrossentropy);
builder!(SparseCategoricalCrossentropy);

impl BinaryCrossentropy {
    /// How far labels are moved towards 1/2.
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        binary(self.class_name(), y_true, y_pred, self.from_logits, self.label_smoothing, -1)
    }
}
impl CategoricalCrossentropy {
    /// How far labels are moved towards the uniform distribution.
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        categorical(self.class_name(), y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)
    }
}
impl SparseCategoricalCrossentropy {
    /// A label whose samples have no cross-entropy. As in Keras they still count in the mean, unless samples are weighted.
    pub fn ignore_class(mut self, class: i64) -> Self {
        self.ignore_class = Some(class);
        self
    }
}

impl Metric for BinaryCrossentropy {
    metric_methods!(false);
    mean_methods!();
}
impl Metric for CategoricalCrossentropy {
    metric_methods!(false);
    mean_methods!();
}
impl Metric for SparseCategoricalCrossentropy {
    metric_methods!(false);
    fn heeds_mask(&self) -> bool {
        true
    }
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        mean_sums()
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let values = sparse_categorical(self.class_name(), y_true, y_pred, self.from_logits, self.ignore_class);
        let weight = match (weight, self.ignore_class) {
            (Some(w), Some(class)) => Some(trailing(w.cast(DType::F32), values.rank()) * counted(y_true, values, class).cast(DType::F32)),
            (weight, _) => weight,
        };
        mean_update(values, weight)
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        vec![mean_result(sums)]
    }
    fn sparse(&self) -> bool {
        true
    }
}
