//! Metrics accumulate sums inside the compiled step; the result is computed from the sums on the host.

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
    /// The metric's value from its sums.
    fn result(&self, sums: &[&[f32]]) -> f64;
    /// Whether larger is better, where that is known (used by callbacks' `mode: auto`).
    fn larger_is_better(&self) -> Option<bool>;
    /// A copy.
    fn boxed(&self) -> Box<dyn Metric>;
}

impl<M: Metric + 'static> From<M> for Box<dyn Metric> {
    fn from(metric: M) -> Self {
        Box::new(metric)
    }
}
