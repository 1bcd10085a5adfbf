//! Metrics told by a function of the program.

use super::{
    Metric,
    common::{MetricCommon, mean_methods, metric_methods},
};
use crate::{
    keras::{ConfigError, KerasObject, to_config},
    losses::{OfBoth, same_rank},
};
use adaline_graph::Var;
use serde_json::Value;
use std::{fmt, sync::Arc};

/// A metric of one's own: the mean over all samples of what a function of symbolic labels and predictions says of each, `(B, ..)`.
///
/// It is compiled into the step; labels come as those of the loss, brought to the predictions' rank as for [`losses::Custom`](crate::losses::Custom); weights and masks count as for Keras' means. A file cannot hold it: saving a model compiled with it is an error.
///
/// ```
/// use adaline_graph::DType;
/// use adaline_nn::{Metric, metrics};
///
/// let close = metrics::Custom::new("within_one", |y_true, y_pred| {
///     let e = (y_true - y_pred).abs();
///     e.lt(e.builder().full(e.shape(), 1.0)).cast(DType::F32).mean(&[-1], false)
/// })
/// .larger_is_better(true);
/// assert_eq!(Metric::name(&close), "within_one");
/// ```
#[derive(Clone)]
pub struct Custom {
    common: MetricCommon,
    f: Arc<OfBoth>,
    up: Option<bool>,
}

impl Custom {
    /// A metric of a name and a function `(y_true, y_pred) -> values per sample`.
    pub fn new(name: &str, f: impl for<'g> Fn(Var<'g>, Var<'g>) -> Var<'g> + Send + Sync + 'static) -> Self {
        Self { common: MetricCommon::new(name), f: Arc::new(f), up: None }
    }
    /// Whether larger is better, for callbacks whose mode is `Mode::Auto`.
    pub fn larger_is_better(mut self, up: bool) -> Self {
        self.up = Some(up);
        self
    }
    fn values<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_rank(y_true, y_pred);
        (self.f)(t, p)
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("name", &self.common.name).finish_non_exhaustive()
    }
}

impl KerasObject for Custom {
    fn module(&self) -> &'static str {
        "adaline"
    }
    fn class_name(&self) -> &'static str {
        "Custom"
    }
    fn config(&self) -> Value {
        to_config(&self.common)
    }
    fn writable(&self) -> Result<(), ConfigError> {
        Err(ConfigError::NotWritable { kind: "metric", name: self.common.name.clone() })
    }
}

impl Metric for Custom {
    metric_methods!(|this| this.up);
    mean_methods!();
}
