//! Connectionist temporal classification.

use super::{
    LabelKind, Loss, Reduction,
    common::{loss_arguments, loss_methods, loss_object},
};
use adaline_graph::{Builder, DType, Literal, Shape, Var, concat};
use serde::{Deserialize, Serialize};

/// `-ln` of the probability of a sequence of labels, summed over all ways to lay it along the steps (Graves et al. 2006).
///
/// Predictions are logits `(B, T, C)`, labels class numbers `(B, N)` filled up with 0, which is the blank. All T steps count.
/// A sequence that does not fit into T steps costs about 1e5, as in Keras.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CTC {
    name: String,
    reduction: Reduction,
}

impl Default for CTC {
    fn default() -> Self {
        Self { name: "ctc".into(), reduction: Reduction::default() }
    }
}

loss_arguments!(CTC:);
loss_object!(CTC, |_this| Ok(()));

/// Keras' logarithm of 0.
const LOG_0: f32 = -1e5;

impl Loss for CTC {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let b = y_pred.builder();
        let (was_true, was_pred) = (y_true.shape(), y_pred.shape());
        let fits = was_true.rank() == 2
            && was_pred.rank() == 3
            && was_true.dim(0) == was_pred.dim(0)
            && !was_true.is_empty()
            && !was_pred.is_empty();
        if !fits {
            return b.error(format!(
                "CTC expects labels (batch, length), filled up with 0, and logits (batch, steps, classes), got labels {was_true} and predictions {was_pred}"
            ));
        }
        let (labels, log_p) = (y_true.cast(DType::I32), y_pred.cast(DType::F32).log_softmax(-1)); // (B, N), (B, T, C)
        let (batch, steps, n) = (was_pred.dim(0), was_pred.dim(1), was_true.dim(1));
        let by_step = |v: Var<'g>| v.transpose(&[1, 0, 2]);
        let emit = by_step(log_p.dot(labels.one_hot(was_pred.dim(2)), false, true)); // (T, B, N)
        let blank = by_step(log_p.slice(&[(0, batch, 1), (0, steps, 1), (0, 1, 1)])); // (T, B, 1)
        // 1 where the next label is the same: then a blank must lie between, (B, N).
        let part = |from: usize, to: usize| labels.slice(&[(0, batch, 1), (from, to, 1)]);
        let repeats = part(0, n - 1).equal(part(1, n)).cast(DType::F32).pad(&[(0, 0), (0, 1)]);
        let (through, around) = (repeats * LOG_0, (1.0 - repeats) * LOG_0);
        let length = labels.not_equal(b.constant(Literal::I32(0), labels.shape())).cast(DType::F32).sum(&[-1], false).cast(DType::I32);
        // ln of the probability to stand before label n with a blank, (B, N + 1), and on label n, (B, N).
        let at_blank = b.full([batch, 1], 0.0);
        let start = [concat(b, &[at_blank, b.full([batch, n], LOG_0)], 1), b.full([batch, n], LOG_0)];
        let (last, _) = b.scan(steps, false, &start, &[emit, blank], |handed, seen| {
            let (before, on, emit, blank) = (handed[0], handed[1], seen[0], seen[1]);
            let before = moved_on(b, before, on + through);
            let next_on = log_add(head(before) + emit, on + emit);
            let next_before = moved_on(b, before + blank, on + blank + around);
            (vec![next_before, next_on], vec![])
        });
        let last = moved_on(b, last[0], last[1]);
        let end = Shape::new(&[batch, n + 1]);
        -(length.one_hot(n + 1).reshape(end) * last).sum(&[-1], false)
    }
    fn labels(&self) -> LabelKind {
        LabelKind::Sequences
    }
}

/// All but the last column.
fn head(v: Var<'_>) -> Var<'_> {
    v.slice(&[(0, v.dim(0), 1), (0, v.dim(1) - 1, 1)])
}

/// The columns after the first, with a score added to each, in logarithms.
fn moved_on<'g>(b: &'g Builder, v: Var<'g>, added: Var<'g>) -> Var<'g> {
    let (rows, columns) = (v.dim(0), v.dim(1));
    let first = v.slice(&[(0, rows, 1), (0, 1, 1)]);
    concat(b, &[first, log_add(v.slice(&[(0, rows, 1), (1, columns, 1)]), added)], 1)
}

/// `ln(e^a + e^b)`
fn log_add<'g>(a: Var<'g>, b: Var<'g>) -> Var<'g> {
    let larger = a.maximum(b).stop_gradient();
    larger + ((a - larger).exp() + (b - larger).exp()).log()
}
