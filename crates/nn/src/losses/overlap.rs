//! How little labels and predictions overlap: segmentation.

use super::{
    EPSILON, Loss, Reduction,
    common::{loss_arguments, loss_methods, loss_object, not_negative},
    same_shape,
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `1 - 2 Σ y p / (Σ y + Σ p + 1e-7)`: one number for the whole batch, or, with `axis`, one for each of what is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dice {
    name: String,
    reduction: Reduction,
    axis: Option<Axes>,
}

/// `1 - Σ y p / (Σ y p + alpha Σ y (1 - p) + beta Σ p (1 - y) + 1e-7)`: [`Dice`] with weights (Salehi et al. 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tversky {
    name: String,
    reduction: Reduction,
    alpha: f64,
    beta: f64,
    axis: Option<Axes>,
}

/// An axis or several, written as they were given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "null, an axis, or a list of axes")]
enum Axes {
    One(isize),
    Many(Vec<isize>),
}

impl Default for Dice {
    fn default() -> Self {
        Self { name: "dice".into(), reduction: Reduction::default(), axis: None }
    }
}
impl Default for Tversky {
    fn default() -> Self {
        Self { name: "tversky".into(), reduction: Reduction::default(), alpha: 0.5, beta: 0.5, axis: None }
    }
}

macro_rules! over_axes {
    ($ty:ident) => {
        impl $ty {
            /// The axes that are summed over, all unless set; pictures `(B, H, W, C)` have one value each with `[1, 2, 3]`.
            pub fn axis(mut self, axes: impl Into<Vec<isize>>) -> Self {
                self.axis = Some(Axes::Many(axes.into()));
                self
            }
        }
    };
}
over_axes!(Dice);
over_axes!(Tversky);

loss_arguments!(Dice:);
loss_arguments!(Tversky:
    /// Weight of what is in the labels alone, 0.5 unless set.
    alpha: f64,
    /// Weight of what is in the predictions alone, 0.5 unless set.
    beta: f64,
);
loss_object!(Dice, |_this| Ok(()));
loss_object!(Tversky, |this| {
    not_negative("Tversky", "alpha", this.alpha)?;
    not_negative("Tversky", "beta", this.beta)
});

impl Loss for Dice {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape("Dice", y_true, y_pred);
        let sum = |v: Var<'g>| sum(v, self.axis.as_ref());
        1.0 - sum(t * p) * 2.0 / (sum(t) + sum(p) + EPSILON as f32)
    }
}

impl Loss for Tversky {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_shape("Tversky", y_true, y_pred);
        let sum = |v: Var<'g>| sum(v, self.axis.as_ref());
        let both = sum(t * p);
        let (labels, predictions) = (sum((1.0 - p) * t), sum(p * (1.0 - t)));
        1.0 - both / (both + labels * self.alpha as f32 + predictions * self.beta as f32 + EPSILON as f32)
    }
}

fn sum<'g>(v: Var<'g>, axes: Option<&Axes>) -> Var<'g> {
    match axes {
        None => v.sum(&[], false),
        Some(Axes::One(axis)) => v.sum(&[*axis], false),
        // No axis at all: nothing is summed.
        Some(Axes::Many(axes)) if axes.is_empty() => v,
        Some(Axes::Many(axes)) => v.sum(axes, false),
    }
}
