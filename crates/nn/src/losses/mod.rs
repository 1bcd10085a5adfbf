//! Losses. A loss gives one value per sample; weighting and reduction are done once, outside (`reduce`).

mod crossentropy;
mod reduce;
mod regression;

pub use crossentropy::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub(crate) use crossentropy::{binary, categorical, is_class, no_ignored_class, sparse_categorical, without_class_axis};
pub use reduce::{Reduction, apply_mask, reduce};
pub(crate) use reduce::{same_rank, same_shape, trailing};
pub use regression::{MeanAbsoluteError, MeanSquaredError};

use crate::keras::KerasObject;
use adaline_graph::Var;
use std::fmt::Debug;

/// One loss.
pub trait Loss: KerasObject + Debug + Send + Sync {
    /// Name in logs, such as `mean_squared_error`.
    fn name(&self) -> &str;
    /// How per-sample values become one number.
    fn reduction(&self) -> Reduction;
    /// Values per sample: `y_pred (B, .., C)`, `y_true` of the same shape, or `i32 (B, ..)` / `(B, .., 1)` for sparse losses; result `(B, ..)`.
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g>;
    /// Whether labels are class indices (`i32`).
    fn sparse(&self) -> bool {
        false
    }
    /// A copy.
    fn boxed(&self) -> Box<dyn Loss>;
}

impl<L: Loss + 'static> From<L> for Box<dyn Loss> {
    fn from(loss: L) -> Self {
        Box::new(loss)
    }
}
