//! Cross-entropies as metrics.

use super::{
    Metric,
    common::{MetricCommon, mean_methods, metric_methods, metric_object},
};
use crate::{
    keras::{ConfigError, KerasObject, check},
    losses::{binary, categorical, no_ignored_class, sparse_categorical},
};
use adaline_graph::Var;
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
    check(this.axis == -1, "SparseCategoricalCrossentropy", "axis", "-1 (others are not supported)", this.axis)?;
    no_ignored_class("SparseCategoricalCrossentropy", this.ignore_class)
});

fn smoothing(class: &str, s: f64) -> Result<(), ConfigError> {
    check((0.0..=1.0).contains(&s), class, "label_smoothing", "from 0 to 1", s)
}

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
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        sparse_categorical(self.class_name(), y_true, y_pred, self.from_logits)
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
    mean_methods!();
    fn sparse(&self) -> bool {
        true
    }
}
