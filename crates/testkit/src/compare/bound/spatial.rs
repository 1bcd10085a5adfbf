//! Bounds of convolutions, windows and table look-ups.

use super::{INF, Tolerance, finish, rounding, special};
use adaline_graph::eval::{Precision, Value, apply};
use adaline_graph::{Op, Shape, TensorType, WindowOp, WindowSpec};

/// An input and how far it may be off.
type Near<'a> = (&'a Value, &'a [f64]);

/// Most terms of one element of a convolution or of one of its gradients.
pub(super) fn terms(op: Op, y: &Value, x: &[Near<'_>]) -> usize {
    let taps = |kernel: Shape, last: isize| kernel.len() / kernel.dim(last).max(1);
    match op {
        Op::ConvInput { .. } => taps(x[1].0.ty.shape, -2),
        Op::ConvKernel { .. } => x[1].0.data.len() / y.ty.shape.dim(-1).max(1),
        _ => taps(x[1].0.ty.shape, -1),
    }
}

/// Cells of a window.
pub(super) fn cells(spec: &WindowSpec) -> usize {
    spec.size.iter().product()
}

/// The errors of an input as values, and what the operation makes of them.
pub(super) fn moved(op: Op, x: &[Near<'_>]) -> Vec<f64> {
    let errors: Vec<Value> = x.iter().map(|(v, e)| Value::of(TensorType::f32(v.ty.shape), e.to_vec())).collect();
    apply(op, &errors.iter().collect::<Vec<_>>(), Precision::F64).data
}

fn with(v: &Value, data: Vec<f64>) -> Value {
    Value::of(v.ty, data)
}
fn magnitudes(v: &Value) -> Value {
    with(v, v.data.iter().map(|v| v.abs()).collect())
}
/// How large an element may be.
fn most((v, e): Near<'_>) -> Value {
    with(v, v.data.iter().zip(e).map(|(v, e)| v.abs() + e).collect())
}

/// Bounds of sums from the sums of magnitudes and of errors.
fn summed(y: &Value, totals: &[f64], errors: &[f64], terms: usize, t: &Tolerance) -> Vec<f64> {
    let bound = |i: usize| {
        let (total, e) = (totals[i], errors[i]);
        if e == 0.0 && !total.is_finite() {
            return special(y.data[i], total);
        }
        let units = if terms <= 1 { 0.0 } else { terms as f64 * t.term };
        finish(y.data[i], e + rounding(units, total + e)).max(if total > f64::from(f32::MAX) { INF } else { 0.0 })
    };
    (0..y.data.len()).map(bound).collect()
}

/// An operation that adds up elements of one input.
pub(super) fn sums(op: Op, y: &Value, x: Near<'_>, terms: usize, t: &Tolerance) -> Vec<f64> {
    let totals = apply(op, &[&magnitudes(x.0)], Precision::F64).data;
    summed(y, &totals, &moved(op, &[x]), terms, t)
}

/// Whether it is certain which cells are chosen.
fn certain(x: &[Near<'_>]) -> bool {
    x.iter().all(|(_, e)| e.iter().all(|&e| e == 0.0))
}

pub(super) fn max_grad(spec: &WindowSpec, y: &Value, x: &[Near<'_>], t: &Tolerance) -> Vec<f64> {
    if certain(&x[..2]) {
        let by = |dy: Value| apply(Op::WindowMaxGrad { spec: *spec }, &[x[0].0, x[1].0, &dy], Precision::F64).data;
        return summed(y, &by(magnitudes(x[2].0)), &by(with(x[2].0, x[2].1.to_vec())), cells(spec), t);
    }
    // To any cell of the window.
    let spread = Op::WindowSpread { spec: *spec, input: x[0].0.ty.shape };
    apply(spread, &[&most(x[2])], Precision::F64).data.into_iter().map(|e| finish(0.0, 2.0 * e)).collect()
}

pub(super) fn max_pick(spec: &WindowSpec, x: &[Near<'_>]) -> Vec<f64> {
    if certain(&x[..2]) {
        let errors = with(x[2].0, x[2].1.to_vec());
        return apply(Op::WindowMaxPick { spec: *spec }, &[x[0].0, x[1].0, &errors], Precision::F64).data;
    }
    let largest = Op::Window { op: WindowOp::Max, spec: *spec };
    apply(largest, &[&most(x[2])], Precision::F64).data.into_iter().map(|e| finish(0.0, 2.0 * e)).collect()
}

pub(super) fn gather(x: &[Near<'_>]) -> Vec<f64> {
    let errors = Value::of(TensorType::f32(x[0].0.ty.shape), x[0].1.to_vec());
    let mut out = apply(Op::Gather, &[&errors, x[1].0], Precision::F64).data;
    let columns = x[0].0.ty.shape.dim(-1);
    for (row, &e) in out.chunks_mut(columns.max(1)).zip(x[1].1) {
        if e > 0.0 {
            row.fill(INF);
        }
    }
    out
}

pub(super) fn scatter_add(op: Op, y: &Value, x: &[Near<'_>], t: &Tolerance) -> Vec<f64> {
    if !certain(&x[1..]) {
        return vec![INF; y.data.len()];
    }
    let by = |values: Value| apply(op, &[&values, x[1].0], Precision::F64).data;
    let terms = x[1].0.ty.shape.dim(-1);
    summed(y, &by(magnitudes(x[0].0)), &by(with(x[0].0, x[0].1.to_vec())), terms, t)
}
