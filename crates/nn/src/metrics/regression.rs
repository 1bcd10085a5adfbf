//! Metrics of numbers.

use super::{
    Metric,
    common::{MetricCommon, mean_result, mean_sums, mean_update, metric_methods, metric_object},
};
use crate::{keras::KerasObject, losses::same_shape};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};

macro_rules! regression {
    ($(#[$doc:meta])* $ty:ident, $name:literal, $f:expr, $finish:expr, $heeds_mask:expr) => {
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
        metric_object!($ty, stringify!($ty), |_this| Ok(()));
        impl Metric for $ty {
            metric_methods!(false);
            fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
                mean_sums()
            }
            fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
                let (t, p) = same_shape(self.class_name(), y_true, y_pred);
                let f: fn(Var<'g>) -> Var<'g> = $f;
                mean_update(f(p - t), weight)
            }
            fn heeds_mask(&self) -> bool {
                $heeds_mask
            }
            fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
                let finish: fn(f64) -> f64 = $finish;
                vec![finish(mean_result(sums))]
            }
        }
    };
}

regression! {
    /// Mean of squared errors.
    MeanSquaredError, "mean_squared_error", |d| d.square(), |m| m, true
}
regression! {
    /// Mean of absolute errors.
    MeanAbsoluteError, "mean_absolute_error", |d| d.abs(), |m| m, true
}
regression! {
    /// Root of the mean of squared errors, in the labels' unit.
    RootMeanSquaredError, "root_mean_squared_error", |d| d.square(), f64::sqrt, false
}
