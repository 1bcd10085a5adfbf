//! Losses. A loss gives one value per sample; weighting and reduction are done once, outside (`reduce`).

mod circle;
mod common;
mod crossentropy;
mod ctc;
mod custom;
mod focal;
mod overlap;
mod plain;
mod reduce;
mod regression;

pub use circle::Circle;
pub(crate) use common::{EPSILON, smoothing};
pub use crossentropy::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub(crate) use crossentropy::{binary, categorical, counted, is_class, sparse_categorical, without_class_axis};
pub use ctc::CTC;
pub use custom::Custom;
pub(crate) use custom::OfBoth;
pub use focal::{BinaryFocalCrossentropy, CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy};
pub use overlap::{Dice, Tversky};
pub use plain::{
    CategoricalHinge, Hinge, KLDivergence, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, SquaredHinge,
};
pub(crate) use plain::{
    PerSample, categorical_hinge, hinge, kl_divergence, log_cosh, mean_absolute_percentage_error, mean_squared_logarithmic_error, poisson,
    squared_hinge,
};
pub use reduce::{Reduction, apply_mask, reduce};
pub(crate) use reduce::{same_rank, same_shape, trailing};
pub(crate) use regression::cosine;
pub use regression::{CosineSimilarity, Huber};

use crate::keras::KerasObject;
use adaline_graph::{DType, Var};
use std::fmt::Debug;

/// What the labels of a loss look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LabelKind {
    /// Numbers of the predictions' shape.
    LikePredictions,
    /// Numbers of the predictions' classes, without the last axis: `i32 (B, ..)`.
    Classes,
    /// Whole numbers that tell samples apart, without the last axis: `i32 (B, ..)`.
    Groups,
    /// Numbers of the predictions' classes in a sequence of any length: `i32 (B, N)`.
    Sequences,
    /// Numbers of any shape with the same rows.
    Free,
}

impl LabelKind {
    /// Element type in the graph.
    pub fn dtype(self) -> DType {
        match self {
            Self::LikePredictions | Self::Free => DType::F32,
            Self::Classes | Self::Groups | Self::Sequences => DType::I32,
        }
    }
}

/// One loss.
pub trait Loss: KerasObject + Debug + Send + Sync {
    /// Name in logs, such as `mean_squared_error`.
    fn name(&self) -> &str;
    /// How per-sample values become one number.
    fn reduction(&self) -> Reduction;
    /// Values per sample: `y_pred (B, .., C)`, `y_true` as [`Loss::labels`] says; result `(B, ..)`, or a scalar where the loss sums over the batch itself.
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g>;
    /// Which of the values count, where not all do.
    fn mask<'g>(&self, _y_true: Var<'g>, _values: Var<'g>) -> Option<Var<'g>> {
        None
    }
    /// The loss of a batch as a scalar, where it weighs and reduces by itself: of labels, predictions, weights `(B)` and the mask `(B, T)`.
    fn whole<'g>(&self, _y_true: Var<'g>, _y_pred: Var<'g>, _sample_weight: Option<Var<'g>>, _mask: Option<Var<'g>>) -> Option<Var<'g>> {
        None
    }
    /// What its labels look like.
    fn labels(&self) -> LabelKind {
        LabelKind::LikePredictions
    }
    /// Whether labels are class indices (`i32`).
    fn sparse(&self) -> bool {
        matches!(self.labels(), LabelKind::Classes | LabelKind::Groups)
    }
    /// A copy.
    fn boxed(&self) -> Box<dyn Loss>;
}

impl<L: Loss + 'static> From<L> for Box<dyn Loss> {
    fn from(loss: L) -> Self {
        Box::new(loss)
    }
}

/// The loss of a batch: values per sample, weights `(B)` and the mask `(B, T)` of the predictions, reduced as the loss says.
pub fn total<'g>(loss: &dyn Loss, y_true: Var<'g>, y_pred: Var<'g>, sample_weight: Option<Var<'g>>, mask: Option<Var<'g>>) -> Var<'g> {
    if let Some(whole) = loss.whole(y_true, y_pred, sample_weight, mask) {
        return whole;
    }
    let values = loss.call(y_true, y_pred);
    let mask = match (mask, loss.mask(y_true, values)) {
        (Some(a), Some(b)) => Some(a.and(b)),
        (a, b) => a.or(b),
    };
    let weight = apply_mask(sample_weight, mask, loss.reduction());
    reduce(values, weight, loss.reduction())
}
