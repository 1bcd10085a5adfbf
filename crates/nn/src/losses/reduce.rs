//! From values per sample to one number, as Keras does it.

use crate::keras::ConfigError;
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How per-sample losses become one number (Keras' names).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Reduction {
    /// Weighted sum divided by the number of values.
    #[default]
    SumOverBatchSize,
    /// The same as `sum_over_batch_size`.
    Mean,
    /// Weighted sum divided by the sum of weights.
    MeanWithSampleWeight,
    /// Weighted sum.
    Sum,
    /// No reduction: not a training loss.
    None,
}

impl Reduction {
    /// All with Keras' names.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::SumOverBatchSize, "sum_over_batch_size"),
        (Self::Mean, "mean"),
        (Self::MeanWithSampleWeight, "mean_with_sample_weight"),
        (Self::Sum, "sum"),
        (Self::None, "none"),
    ];
}

impl From<Reduction> for Value {
    fn from(r: Reduction) -> Self {
        let name = Reduction::ALL.iter().find(|a| a.0 == r).map_or("none", |a| a.1);
        Self::String(name.into())
    }
}
impl TryFrom<Value> for Reduction {
    type Error = ConfigError;
    fn try_from(value: Value) -> Result<Self, ConfigError> {
        match &value {
            Value::Null => Ok(Self::None),
            Value::String(s) => match Self::ALL.iter().find(|a| a.1 == s) {
                Some(a) => Ok(a.0),
                None => Err(ConfigError::unknown_class("reduction", s, &Self::ALL.map(|a| a.1))),
            },
            _ => Err(ConfigError::Shape { expected: "the name of a reduction".into(), got: value.to_string() }),
        }
    }
}

/// One number from per-sample values `(B, ..)` and weights `(B)`: a scalar, or the weighted values for [`Reduction::None`].
///
/// `sum_over_batch_size` and `mean` divide by the number of values, not by the sum of weights; `mean_with_sample_weight` does that.
/// Weights of fewer axes than the values count for the whole of each sample. Dividing by zero gives 0.
pub fn reduce<'g>(values: Var<'g>, sample_weight: Option<Var<'g>>, reduction: Reduction) -> Var<'g> {
    let (values, weight) = match sample_weight {
        Some(w) => {
            let (v, w) = same_rank(values, w.cast(DType::F32));
            (v * trailing(w, v.rank()), Some(w))
        }
        None => (values, None),
    };
    if reduction == Reduction::None || values.rank() == 0 {
        return values;
    }
    let total = values.sum(&[], false);
    match (reduction, weight) {
        (Reduction::MeanWithSampleWeight, Some(w)) => divide_no_nan(total, w.sum(&[], false)),
        (Reduction::SumOverBatchSize | Reduction::Mean | Reduction::MeanWithSampleWeight, _) => {
            total / (values.shape().len() as f32).max(1.0)
        }
        (Reduction::Sum | Reduction::None, _) => total,
    }
}

/// Sample weights `(B)` with the mask `(B, T)` of the predictions in them, as Keras' `apply_mask`: 0 where masked. For a mean the others are
/// multiplied by `places / places that are not masked`, so that dividing by all places makes the mean of those; all are 0 where none is left.
///
/// Where there are weights too they count for the whole of each sample. (Keras broadcasts `(B)` and `(B, T)`, which fails unless `B = T`.)
pub fn apply_mask<'g>(sample_weight: Option<Var<'g>>, mask: Option<Var<'g>>, reduction: Reduction) -> Option<Var<'g>> {
    let Some(mask) = mask else { return sample_weight };
    let mut weight = mask.cast(DType::F32);
    if matches!(reduction, Reduction::Mean | Reduction::SumOverBatchSize) {
        let b = mask.builder();
        let places = b.scalar(mask.shape().len() as f32);
        weight = mask.select(divide_no_nan(places, weight.sum(&[], false)), b.scalar(0.0));
    }
    Some(match sample_weight {
        Some(w) => weight * trailing(w.cast(DType::F32), weight.rank()),
        None => weight,
    })
}

/// `a / b`, and 0 where `b` is 0.
pub(crate) fn divide_no_nan<'g>(a: Var<'g>, b: Var<'g>) -> Var<'g> {
    let builder = a.builder();
    let zero = builder.full(b.shape(), 0.0);
    let none = b.equal(zero);
    let safe = none.select(builder.full(b.shape(), 1.0), b);
    none.select(builder.full(a.shape(), 0.0), a / safe)
}

/// Axes of size 1 appended up to a rank.
pub(crate) fn trailing(x: Var<'_>, rank: usize) -> Var<'_> {
    let mut dims = x.shape().dims().to_vec();
    while dims.len() < rank {
        dims.push(1);
    }
    x.reshape(Shape::new(&dims))
}

/// Keras' rule for ranks that differ by a last axis of 1: it is dropped, or added to the other when that has one axis only.
pub(crate) fn same_rank<'g>(a: Var<'g>, b: Var<'g>) -> (Var<'g>, Var<'g>) {
    let longer = |long: Var<'g>, short: Var<'g>| {
        if long.rank() != short.rank() + 1 || long.dim(-1) != 1 {
            (long, short)
        } else if short.rank() == 1 {
            (long, short.expand_dims(-1))
        } else {
            (squeeze_last(long), short)
        }
    };
    if a.rank() > b.rank() {
        longer(a, b)
    } else {
        let (b, a) = longer(b, a);
        (a, b)
    }
}

/// Without a last axis of size 1.
pub(crate) fn squeeze_last(x: Var<'_>) -> Var<'_> {
    let s = x.shape();
    x.reshape(Shape::new(s.dims().split_last().map_or(&[][..], |(_, lead)| lead)))
}

/// Labels and predictions as `f32` of one shape, after [`same_rank`]; anything else is an error that names both shapes.
pub(crate) fn same_shape<'g>(what: &str, y_true: Var<'g>, y_pred: Var<'g>) -> (Var<'g>, Var<'g>) {
    let (was_true, was_pred) = (y_true.shape(), y_pred.shape());
    let (t, p) = same_rank(y_true.cast(DType::F32), y_pred.cast(DType::F32));
    if t.shape() == p.shape() || t.builder().failed() {
        return (t, p);
    }
    let hint = if p.dim(-1) > 1 && (t.rank() + 1 == p.rank() || t.dim(-1) == 1) && what.contains("ategorical") {
        "; for class numbers use the sparse form, or one-hot encode the labels"
    } else {
        ""
    };
    let e = t
        .builder()
        .error(format!("{what}: labels and predictions must have the same shape, got labels {was_true} and predictions {was_pred}{hint}"));
    (e, e)
}
