//! Similarity of embeddings.

use super::{
    LabelKind, Loss, Reduction,
    common::{loss_arguments, loss_methods, loss_object, not_negative},
    without_class_axis,
};
use crate::keras::check;
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};

/// Pulls embeddings of one label together and pushes those of different labels apart (Sun et al. 2020): predictions are embeddings `(B, E)` of
/// length 1, labels whole numbers `(B)` or `(B, 1)`. Each sample is compared with all others of its batch.
///
/// As in Keras samples whose loss is 0 (those without a partner) do not count in a mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Circle {
    name: String,
    reduction: Reduction,
    gamma: f64,
    margin: f64,
    remove_diagonal: bool,
}

impl Default for Circle {
    fn default() -> Self {
        Self { name: "circle".into(), reduction: Reduction::default(), gamma: 80.0, margin: 0.4, remove_diagonal: true }
    }
}

loss_arguments!(Circle:
    /// How sharply the hardest pairs count, 80 unless set.
    gamma: f64,
    /// How far apart the classes are to be, 0.4 unless set.
    margin: f64,
    /// Whether a sample is no partner of itself.
    remove_diagonal: bool,
);
loss_object!(Circle, |this| {
    check(this.gamma.is_finite() && this.gamma > 0.0, "Circle", "gamma", "a finite number above 0", this.gamma)?;
    not_negative("Circle", "margin", this.margin)
});

/// The logarithm of a sum of nothing: so small that nothing is left of it, but finite, so that gradients are numbers.
const NOTHING: f32 = -1e30;

impl Loss for Circle {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let b = y_pred.builder();
        let p = y_pred.cast(DType::F32);
        if p.rank() != 2 && !b.failed() {
            return b.error(format!("Circle expects embeddings (batch, features), got predictions {}", p.shape()));
        }
        let Some(labels) = without_class_axis("Circle", y_true, p) else { return y_pred };
        let n = p.dim(0);
        let pairs = Shape::new(&[n, n]);
        let same = labels.expand_dims(1).broadcast_to(pairs).equal(labels.expand_dims(0).broadcast_to(pairs));
        let other = same.logical_not();
        let same = if self.remove_diagonal { same.and(b.iota(pairs, 0).not_equal(b.iota(pairs, 1))) } else { same };
        let distance = (1.0 - p.dot(p, false, true)).relu(); // (B, B)
        let (gamma, margin) = (self.gamma as f32, self.margin as f32);
        // How far a pair is from where it should be, times how far it is from the margin.
        let attract = (distance + margin).relu() * (margin - distance) * -gamma;
        let repel = (1.0 + margin - distance).relu() * (1.0 - margin - distance) * gamma;
        let nothing = b.full(pairs, NOTHING);
        let of = |chosen: Var<'g>, logit: Var<'g>| chosen.select(logit, nothing).logsumexp(1, false);
        (of(same, attract) + of(other, repel)).softplus()
    }
    fn mask<'g>(&self, _: Var<'g>, values: Var<'g>) -> Option<Var<'g>> {
        Some(values.gt_scalar(0.0))
    }
    fn labels(&self) -> LabelKind {
        LabelKind::Groups
    }
}
