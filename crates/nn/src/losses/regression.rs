//! Losses of numbers with arguments.

use super::{
    EPSILON, Loss, Reduction,
    common::{loss_arguments, loss_methods, loss_object, mean_over},
    same_shape,
};
use crate::keras::{check, omit};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `½ e²` where `|e| <= delta`, `delta |e| - ½ delta²` beyond, with `e = y_pred - y_true`; mean over the last axis.
///
/// Keras' files lose `delta`; ours name it where it is not 1, which Keras reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Huber {
    name: String,
    reduction: Reduction,
    delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Self { name: "huber_loss".into(), reduction: Reduction::default(), delta: 1.0 }
    }
}

loss_arguments!(Huber:
    /// Where the square becomes a line, 1 unless set.
    delta: f64,
);
loss_object!(
    Huber,
    |this| check(this.delta.is_finite() && this.delta > 0.0, "Huber", "delta", "a finite number above 0", this.delta),
    |config| omit(config, "delta", &1.0.into())
);

impl Loss for Huber {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape("Huber", y_true, y_pred);
        let (e, delta) = (p - t, self.delta as f32);
        let size = e.abs();
        let small = size.le(size.builder().full(size.shape(), delta));
        mean_over(small.select(e.square() * 0.5, size * delta - 0.5 * delta * delta), -1)
    }
}

/// `-cos` of the angle between labels and predictions along an axis: -1 where they point the same way. Vectors of zeros count 0.
///
/// Keras' files lose `axis`; ours name it where it is not -1, which Keras reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CosineSimilarity {
    name: String,
    reduction: Reduction,
    axis: isize,
}

impl Default for CosineSimilarity {
    fn default() -> Self {
        Self { name: "cosine_similarity".into(), reduction: Reduction::default(), axis: -1 }
    }
}

loss_arguments!(CosineSimilarity:
    /// The axis along which a vector lies, -1 unless set.
    axis: isize,
);
loss_object!(CosineSimilarity, |_this| Ok(()), |config| omit(config, "axis", &(-1).into()));

impl Loss for CosineSimilarity {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        -cosine("CosineSimilarity", y_true, y_pred, self.axis)
    }
}

/// The cosine of the angle between labels and predictions along an axis.
pub(crate) fn cosine<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, axis: isize) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    // As Keras, whose inverse norm is at most 1 / 1e-7; the gradient stays finite at 0.
    let unit = |v: Var<'g>| v * v.square().sum(&[axis], true).max_scalar((EPSILON * EPSILON) as f32).rsqrt();
    if t.rank() == 0 {
        return t.builder().error(format!("{class} needs an axis, got a scalar"));
    }
    (unit(t) * unit(p)).sum(&[axis], false)
}
