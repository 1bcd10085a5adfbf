//! Metrics accumulate sums inside the compiled step; the result is computed from the sums on the host.

mod accuracy;
mod auc;
mod common;
mod confusion;
mod crossentropy;
mod custom;
mod f_score;
mod intersection;
mod mean;
mod r2;
mod regression;
mod threshold;
mod top_k;
mod trade_off;
mod wrapper;

pub use accuracy::{Accuracy, BinaryAccuracy, CategoricalAccuracy, EqualAccuracy, SparseCategoricalAccuracy};
pub use auc::{AUC, Curve, Summation};
pub use common::MetricCommon;
pub use confusion::{FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives};
pub use crossentropy::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub use custom::Custom;
pub use f_score::{Average, F1Score, FBetaScore};
pub use intersection::{BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU};
pub use mean::{
    CategoricalHinge, ConcordanceCorrelation, CosineSimilarity, Hinge, KLDivergence, LogCoshError, MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError, PearsonCorrelation, Poisson, SquaredHinge,
};
pub use r2::{ClassAggregation, R2Score};
pub use regression::{MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError};
pub use top_k::{SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy};
pub use trade_off::{PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity};
pub use wrapper::{Mean, MeanMetricWrapper, Sum};

use crate::keras::KerasObject;
use adaline_graph::{Shape, Var};
use std::fmt::Debug;

/// One metric. Its state is a list of sums: each batch adds to them.
pub trait Metric: KerasObject + Debug + Send + Sync {
    /// Name in logs, such as `accuracy`.
    fn name(&self) -> &str;
    /// Shapes of the sums, given the prediction's and the label's shapes of one batch (leading axis B).
    fn sums(&self, y_true: Shape, y_pred: Shape) -> Vec<(&'static str, Shape)>;
    /// What one batch adds to each sum. `weight (B)` when samples are weighted.
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>>;
    /// The metric's values from its sums: one, or one for each class or threshold, where it was asked for those.
    fn results(&self, sums: &[&[f32]]) -> Vec<f64>;
    /// Names, shapes and values of Keras' variables, where those are not the sums themselves.
    fn variables(&self, sums: &[&[f32]]) -> Option<Vec<(&'static str, Shape, Vec<f32>)>> {
        let _ = sums;
        None
    }
    /// The sums of which [`variables`](Self::variables) are these values; of what Keras does not keep, zeros.
    fn sums_of(&self, variables: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        let _ = variables;
        None
    }
    /// One value from its sums: where there are several their mean, which Keras' progress bar shows too.
    fn result(&self, sums: &[&[f32]]) -> f64 {
        let values = self.results(sums);
        values.iter().sum::<f64>() / values.len() as f64
    }
    /// Whether larger is better, where that is known (used by callbacks' `mode: auto`).
    fn larger_is_better(&self) -> Option<bool>;
    /// Whether labels are class indices (`i32`), where the class alone tells.
    fn sparse(&self) -> bool {
        false
    }
    /// Whether masked steps of the prediction do not count. As in Keras those metrics heed masks that are a mean of values per sample, save
    /// the root of a mean.
    fn heeds_mask(&self) -> bool {
        false
    }
    /// Sets the name (Keras names a metric given as a string after that string).
    fn set_name(&mut self, name: String);
    /// The metric itself, or for [`Accuracy`] the one that the shapes of labels and predictions ask for.
    fn resolve(&self, _y_true: Shape, _y_pred: Shape) -> Box<dyn Metric> {
        self.boxed()
    }
    /// A copy.
    fn boxed(&self) -> Box<dyn Metric>;
}

impl<M: Metric + 'static> From<M> for Box<dyn Metric> {
    fn from(metric: M) -> Self {
        Box::new(metric)
    }
}

/// The metric itself, or for [`Accuracy`] the one that the shapes of labels and predictions of a batch ask for.
pub fn resolve(metric: &dyn Metric, y_true: Shape, y_pred: Shape) -> Box<dyn Metric> {
    metric.resolve(y_true, y_pred)
}
