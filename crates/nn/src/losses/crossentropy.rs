//! Cross-entropies.

use super::{
    LabelKind, Loss, Reduction,
    common::{clip, loss_arguments, loss_methods, loss_object, mean_over, smoothing},
    reduce::{same_rank, squeeze_last},
    same_shape,
};
use adaline_graph::{DType, Literal, Shape, Var};
use serde::{Deserialize, Serialize};

/// `-(y ln p + (1-y) ln(1-p))`, mean over the last axis; labels 0 and 1 (or between).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinaryCrossentropy {
    name: String,
    reduction: Reduction,
    from_logits: bool,
    label_smoothing: f64,
    axis: isize,
}

/// `-Σ y ln p` over the classes; labels are distributions (one-hot).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalCrossentropy {
    name: String,
    reduction: Reduction,
    from_logits: bool,
    label_smoothing: f64,
    axis: isize,
}

/// `-ln p[y]`; labels are class numbers `(B, ..)` or `(B, .., 1)`. A label outside of the classes counts 0, as in Keras on JAX.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparseCategoricalCrossentropy {
    name: String,
    reduction: Reduction,
    from_logits: bool,
    ignore_class: Option<i64>,
}

impl Default for BinaryCrossentropy {
    fn default() -> Self {
        Self { name: "binary_crossentropy".into(), reduction: Reduction::default(), from_logits: false, label_smoothing: 0.0, axis: -1 }
    }
}
impl Default for CategoricalCrossentropy {
    fn default() -> Self {
        Self {
            name: "categorical_crossentropy".into(),
            reduction: Reduction::default(),
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    }
}
impl Default for SparseCategoricalCrossentropy {
    fn default() -> Self {
        Self { name: "sparse_categorical_crossentropy".into(), reduction: Reduction::default(), from_logits: false, ignore_class: None }
    }
}

loss_arguments!(BinaryCrossentropy:
    /// Whether predictions are logits, not probabilities.
    from_logits: bool,
    /// How far labels are moved towards 1/2, from 0 to 1.
    label_smoothing: f64,
    /// The axis that is averaged over, -1 unless set.
    axis: isize,
);
loss_arguments!(CategoricalCrossentropy:
    /// Whether predictions are logits, not probabilities.
    from_logits: bool,
    /// How far labels are moved towards the uniform distribution, from 0 to 1.
    label_smoothing: f64,
    /// The axis that is summed over, -1 unless set.
    axis: isize,
);
loss_arguments!(SparseCategoricalCrossentropy:
    /// Whether predictions are logits, not probabilities.
    from_logits: bool,
);

loss_object!(BinaryCrossentropy, |this| smoothing("BinaryCrossentropy", this.label_smoothing));
loss_object!(CategoricalCrossentropy, |this| smoothing("CategoricalCrossentropy", this.label_smoothing));
loss_object!(SparseCategoricalCrossentropy, |_this| Ok(()));

impl SparseCategoricalCrossentropy {
    /// A label whose samples do not count: they have no loss, and a mean is that of the others.
    pub fn ignore_class(mut self, class: i64) -> Self {
        self.ignore_class = Some(class);
        self
    }
}

impl Loss for BinaryCrossentropy {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        binary("BinaryCrossentropy", y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)
    }
}
impl Loss for CategoricalCrossentropy {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        categorical("CategoricalCrossentropy", y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)
    }
}
impl Loss for SparseCategoricalCrossentropy {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        sparse_categorical("SparseCategoricalCrossentropy", y_true, y_pred, self.from_logits, self.ignore_class)
    }
    fn mask<'g>(&self, y_true: Var<'g>, values: Var<'g>) -> Option<Var<'g>> {
        self.ignore_class.map(|class| counted(y_true, values, class))
    }
    fn labels(&self) -> LabelKind {
        LabelKind::Classes
    }
}

/// `(B, .., C) -> (B, ..)`
pub(crate) fn binary<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, from_logits: bool, smoothing: f64, axis: isize) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    let t = towards(t, smoothing, 2);
    let each = if from_logits {
        // ln σ(x) = -softplus(-x), ln(1 - σ(x)) = -softplus(x)
        t * (-p).softplus() + (1.0 - t) * p.softplus()
    } else {
        of_probability(t, p)
    };
    mean_over(each, axis)
}

/// `-(t ln p + (1-t) ln(1-p))` of each element.
pub(super) fn of_probability<'g>(t: Var<'g>, p: Var<'g>) -> Var<'g> {
    let p = clip(p);
    -(t * p.log() + (1.0 - t) * (1.0 - p).log())
}

/// Labels moved towards one of so many classes that are all alike.
pub(super) fn towards(t: Var<'_>, smoothing: f64, classes: usize) -> Var<'_> {
    if smoothing > 0.0 { t * (1.0 - smoothing) as f32 + (smoothing / classes as f64) as f32 } else { t }
}

/// `(B, .., C) -> (B, ..)`
pub(crate) fn categorical<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, from_logits: bool, smoothing: f64, axis: isize) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    let t = towards(t, smoothing, t.dim(-1));
    -(t * log_probabilities(p, from_logits, axis)).sum(&[axis], false)
}

/// `(B, ..)` or `(B, .., 1)` and `(B, .., C) -> (B, ..)`, 0 where the label is the ignored one.
pub(crate) fn sparse_categorical<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, from_logits: bool, ignored: Option<i64>) -> Var<'g> {
    let (t, p) = same_rank(y_true, y_pred.cast(DType::F32));
    let Some(labels) = without_class_axis(class, t, p) else { return t.builder().error(String::new()) };
    let log_p = log_probabilities(p, from_logits, -1);
    let nothing = p.builder().full(log_p.shape(), 0.0);
    let values = -is_class(labels, p.shape()).select(log_p, nothing).sum(&[-1], false);
    match ignored {
        Some(class) => counted(labels, values, class).select(values, p.builder().full(values.shape(), 0.0)),
        None => values,
    }
}

/// Where labels `(B, ..)` or `(B, .., 1)` are not of the ignored class, in the shape of the values.
pub(crate) fn counted<'g>(y_true: Var<'g>, values: Var<'g>, ignored: i64) -> Var<'g> {
    let labels = y_true.cast(DType::I32);
    let ignored = Literal::I32(i32::try_from(ignored).unwrap_or(i32::MAX));
    labels.not_equal(labels.builder().constant(ignored, labels.shape())).reshape(values.shape())
}

/// Class numbers `i32 (B, ..)` for predictions `(B, .., C)`, without a last axis of 1; latches an error when they do not fit.
pub(crate) fn without_class_axis<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>) -> Option<Var<'g>> {
    let labels = if y_true.rank() == y_pred.rank() && y_true.dim(-1) == 1 { squeeze_last(y_true) } else { y_true };
    let fits = y_pred.rank() >= 1 && labels.shape().dims() == &y_pred.shape().dims()[..y_pred.rank() - 1];
    if fits {
        return Some(labels.cast(DType::I32));
    }
    let hint = if y_true.shape() == y_pred.shape() { "; for one-hot labels use the form without `Sparse`" } else { "" };
    y_true.builder().error(format!(
        "{class} expects class numbers of the predictions' shape without its last axis, got labels {} and predictions {}{hint}",
        y_true.shape(),
        y_pred.shape()
    ));
    None
}

/// Where `(B, .., C)` is the class of `(B, ..)`, as truth values.
pub(crate) fn is_class(labels: Var<'_>, shape: Shape) -> Var<'_> {
    let classes = labels.builder().iota(shape, shape.rank().saturating_sub(1));
    labels.expand_dims(-1).broadcast_to(shape).equal(classes)
}

/// `ln p`: of logits by log-softmax; of probabilities, brought to sum 1 and clipped.
fn log_probabilities(p: Var<'_>, from_logits: bool, axis: isize) -> Var<'_> {
    if from_logits { p.log_softmax(axis) } else { clip(p / p.sum(&[axis], true)).log() }
}
