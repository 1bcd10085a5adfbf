//! The running error bound: one rule for each operation.

mod scan;
mod spatial;

use super::Tolerance;
use adaline_graph::eval::{Precision, Value, apply};
use adaline_graph::{ArgOp, BinaryOp, DType, Distribution, Graph, Op, ReduceOp, TensorType, UnaryOp, WindowOp};

const EPS: f64 = f32::EPSILON as f64;
/// Results below the normal range may be flushed to zero.
const TINY: f64 = f32::MIN_POSITIVE as f64;
const INF: f64 = f64::INFINITY;

/// An element: its value and how far off it may be.
#[derive(Clone, Copy)]
struct Near {
    v: f64,
    e: f64,
}

/// For each node, how far each element may be from the evaluator's value in single precision; infinite where anything goes.
pub fn bounds(graph: &Graph, values: &[Value], t: &Tolerance) -> Vec<Vec<f64>> {
    bounds_from(graph, values, &[], t)
}

/// The same, with inputs that are off by so much themselves; all others are exact.
fn bounds_from(graph: &Graph, values: &[Value], inputs: &[Vec<f64>], t: &Tolerance) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = Vec::with_capacity(values.len());
    for (at, node) in graph.nodes().iter().enumerate() {
        let x: Vec<(&Value, &[f64])> = node.inputs.iter().map(|i| (&values[i.index()], &all[i.index()][..])).collect();
        let e = match node.op {
            Op::Input { id, .. } if id.index() < inputs.len() => inputs[id.index()].clone(),
            Op::Scan { body, steps, reverse, .. } => scan::errors(graph.body(body), steps, reverse, &x, t),
            op => rule(op, &values[at], &x, t),
        };
        all.push(e);
    }
    all
}

fn rule(op: Op, y: &Value, x: &[(&Value, &[f64])], t: &Tolerance) -> Vec<f64> {
    let n = y.data.len();
    let near = |k: usize, i: usize| Near { v: x[k].0.data[i], e: x[k].1[i] };
    match op {
        Op::Input { .. } | Op::State { .. } | Op::Const { .. } | Op::Iota { .. } | Op::Random { dist: Distribution::Uniform, .. } => {
            vec![0.0; n]
        }
        // Logarithm, root and cosine; near their zeros the error is absolute.
        Op::Random { dist: Distribution::Normal, .. } => y.data.iter().map(|v| t.elementary * EPS * v.abs().max(1.0)).collect(),
        Op::Unary(u) => (0..n).map(|i| unary(u, y.ty.dtype, near(0, i), y.data[i], t)).collect(),
        Op::Binary(b) => (0..n).map(|i| binary(b, x[0].0.ty.dtype, near(0, i), near(1, i), y.data[i], t)).collect(),
        Op::Select => (0..n)
            .map(|i| {
                let (c, a, b) = (near(0, i), near(1, i), near(2, i));
                match (c.e > 0.0, c.v != 0.0) {
                    (true, _) if a.v == b.v => a.e.max(b.e),
                    (true, _) => wide((a.v - b.v).abs() + a.e.max(b.e)),
                    (false, true) => a.e,
                    (false, false) => b.e,
                }
            })
            .collect(),
        Op::Cast(to) => (0..n).map(|i| cast(to, x[0].0.ty.dtype, near(0, i), y.data[i])).collect(),
        Op::Reduce { op, .. } => reduce(op, y, x[0], t),
        Op::ArgReduce { op, axis } => arg(op, axis as usize, y, x[0]),
        // Errors move as the data do.
        Op::StopGradient
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Slice(_)
        | Op::Reverse(_)
        | Op::Pad(_)
        | Op::Concat { .. } => {
            let errors: Vec<Value> = x.iter().map(|(v, e)| Value::of(TensorType::f32(v.ty.shape), e.to_vec())).collect();
            apply(op, &errors.iter().collect::<Vec<_>>(), Precision::F64).data
        }
        Op::Dot { ta, .. } => products(op, y, x, x[0].0.ty.shape.dim(if ta { -2 } else { -1 }), t),
        Op::Conv { .. } | Op::ConvInput { .. } | Op::ConvKernel { .. } => products(op, y, x, spatial::terms(op, y, x), t),
        Op::Window { op: WindowOp::Sum, spec } | Op::WindowSpread { spec, .. } => spatial::sums(op, y, x[0], spatial::cells(&spec), t),
        Op::Window { op: WindowOp::Max, .. } => spatial::moved(op, x),
        Op::WindowMaxGrad { spec } => spatial::max_grad(&spec, y, x, t),
        Op::WindowMaxPick { spec } => spatial::max_pick(&spec, x),
        Op::Gather => spatial::gather(x),
        Op::ScatterAdd { .. } => spatial::scatter_add(op, y, x, t),
        Op::Scan { .. } => panic!("a scan's bound needs its body"),
    }
}

/// What is linear in both inputs: Σ |a| eb + |b| ea + ea eb, and the rounding of the terms.
fn products(op: Op, y: &Value, x: &[(&Value, &[f64])], terms: usize, t: &Tolerance) -> Vec<f64> {
    let part = |k: usize, f: &dyn Fn(f64, f64) -> f64| {
        Value::of(x[k].0.ty, x[k].0.data.iter().zip(x[k].1).map(|(&v, &e)| f(v.abs(), e)).collect())
    };
    let of = |a: &Value, b: &Value| apply(op, &[a, b], Precision::F64).data;
    let (exact, off) = (of(&part(0, &|v, _| v), &part(1, &|v, _| v)), of(&part(0, &|v, e| v + e), &part(1, &|v, e| v + e)));
    let untouched = x.iter().all(|(_, e)| e.iter().all(|&e| e == 0.0));
    let bound = |i: usize| {
        if untouched && !exact[i].is_finite() {
            return special(y.data[i], exact[i]);
        }
        finish(y.data[i], off[i] - exact[i] + rounding(terms as f64 * t.term, off[i]))
    };
    (0..y.data.len()).map(bound).collect()
}

/// Where exact inputs are infinite or NaN the result is known, unless only the sum of magnitudes has overflowed.
fn special(y: f64, magnitude: f64) -> f64 {
    if y.is_finite() && !magnitude.is_finite() { INF } else { 0.0 }
}

fn wide(e: f64) -> f64 {
    if e.is_nan() { INF } else { e }
}

fn rounding(units: f64, magnitude: f64) -> f64 {
    if units == 0.0 { 0.0 } else { units * EPS * magnitude + TINY }
}

/// The bound of a result: infinite when the backend may overflow where the evaluator does not, or the other way round.
fn finish(y: f64, e: f64) -> f64 {
    let limit = f64::from(f32::MAX);
    let edge = y.abs() + e > limit && e > 0.0;
    if e.is_nan() || edge { INF } else { e }
}

/// How far `f` moves over the ends of the interval of its argument: exact for monotonic functions.
fn spread(x: Near, y: f64, f: impl Fn(f64) -> f64) -> f64 {
    if x.e == 0.0 {
        return 0.0;
    }
    if x.e == INF {
        return INF;
    }
    wide((f(x.v + x.e) - y).abs().max((f(x.v - x.e) - y).abs()))
}

fn scalar(op: Op, dtype: DType, x: &[f64]) -> f64 {
    let values: Vec<Value> = x.iter().map(|&v| Value::of(TensorType::new(dtype, []), vec![v])).collect();
    apply(op, &values.iter().collect::<Vec<_>>(), Precision::F64).data[0]
}

fn unary(op: UnaryOp, dtype: DType, x: Near, y: f64, t: &Tolerance) -> f64 {
    if dtype != DType::F32 {
        return x.e; // exact, or already uncertain
    }
    let units = match op {
        UnaryOp::Neg | UnaryOp::Abs => return x.e,
        UnaryOp::Sign | UnaryOp::Floor | UnaryOp::Bf16 | UnaryOp::F16 | UnaryOp::Flush | UnaryOp::Not => 0.0,
        UnaryOp::Sqrt | UnaryOp::Rsqrt => 2.0 * t.arithmetic,
        UnaryOp::Exp
        | UnaryOp::Expm1
        | UnaryOp::Log
        | UnaryOp::Log1p
        | UnaryOp::Tanh
        | UnaryOp::Sigmoid
        | UnaryOp::Softplus
        | UnaryOp::Erf => t.elementary,
    };
    if x.e == 0.0 && !y.is_finite() {
        return 0.0;
    }
    let moved = spread(x, y, |v| scalar(Op::Unary(op), DType::F32, &[v]));
    finish(y, moved + rounding(units, y.abs()))
}

fn binary(op: BinaryOp, dtype: DType, a: Near, b: Near, y: f64, t: &Tolerance) -> f64 {
    let exact = a.e == 0.0 && b.e == 0.0;
    if exact && (dtype != DType::F32 || !y.is_finite()) {
        return 0.0;
    }
    match op {
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Eq | BinaryOp::Ne => {
            // Either outcome where the intervals touch.
            let apart = (a.v - b.v).abs() > a.e + b.e || a.v.is_nan() && a.e == 0.0 || b.v.is_nan() && b.e == 0.0;
            f64::from(u8::from(!exact && !apart))
        }
        BinaryOp::And | BinaryOp::Or => a.e.max(b.e),
        BinaryOp::Max | BinaryOp::Min => wide(a.e.max(b.e)),
        BinaryOp::Add | BinaryOp::Sub => finish(y, a.e + b.e + rounding(t.arithmetic, y.abs())),
        BinaryOp::Mul => finish(y, product(a, b) + rounding(t.arithmetic, y.abs())),
        BinaryOp::Div => {
            let least = b.v.abs() - b.e;
            let moved = if exact {
                0.0
            } else if least > 0.0 {
                (a.e + y.abs() * b.e) / least
            } else {
                INF
            };
            finish(y, moved + rounding(1.5 * t.arithmetic, y.abs()))
        }
        BinaryOp::Pow => {
            let corner = |p: f64, q: f64| (scalar(Op::Binary(op), DType::F32, &[p, q]) - y).abs();
            let corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)];
            let moved = corners.map(|(p, q)| if exact { 0.0 } else { corner(a.v + p * a.e, b.v + q * b.e) });
            let moved = moved.into_iter().fold(0.0, |m: f64, c| if c.is_nan() { INF } else { m.max(c) });
            // b ln a is rounded before the exponential, where it counts absolutely.
            let logarithm = (b.v * a.v.abs().max(TINY).ln()).abs();
            finish(y, moved + rounding(t.elementary * (1.0 + logarithm), y.abs()))
        }
    }
}

/// Error of a product.
fn product(a: Near, b: Near) -> f64 {
    let term = |magnitude: f64, e: f64| if e == 0.0 { 0.0 } else { magnitude * e };
    wide(term(a.v.abs(), b.e) + term(b.v.abs(), a.e) + term(a.e, b.e))
}

fn cast(to: DType, from: DType, x: Near, y: f64) -> f64 {
    match to {
        DType::F32 if from == DType::I32 => x.e + rounding(0.5, y.abs()) * f64::from(u8::from(y.abs() > 16_777_216.0)),
        DType::F32 => x.e,
        DType::I32 | DType::Bool => spread(x, y, |v| scalar(Op::Cast(to), DType::F32, &[v]))
            .max(if to == DType::Bool && x.v.abs() <= x.e && x.e > 0.0 { 1.0 } else { 0.0 }),
    }
}

/// For each element of the result, the elements that are reduced to it.
fn groups(y: &Value, x: &Value) -> Vec<Vec<usize>> {
    let (to, from) = (y.ty.shape, x.ty.shape);
    let mut groups = vec![Vec::new(); y.data.len()];
    for e in 0..x.data.len() {
        let (mut rest, mut at, mut stride) = (e, 0, 1);
        for a in (0..from.rank()).rev() {
            let i = rest % from.dims()[a];
            rest /= from.dims()[a];
            at += if to.dims()[a] == 1 { 0 } else { i * stride };
            stride *= to.dims()[a];
        }
        groups[at].push(e);
    }
    groups
}

fn reduce(op: ReduceOp, y: &Value, (x, e): (&Value, &[f64]), t: &Tolerance) -> Vec<f64> {
    groups(y, x)
        .iter()
        .zip(&y.data)
        .map(|(group, &y)| {
            let n = group.len() as f64;
            let errors: f64 = group.iter().map(|&i| e[i]).sum();
            let magnitudes = || group.iter().map(|&i| x.data[i].abs());
            match op {
                ReduceOp::Max | ReduceOp::Min => wide(group.iter().fold(0.0, |m: f64, &i| m.max(e[i]))),
                _ if n <= 1.0 => errors,
                ReduceOp::Sum => {
                    let total: f64 = magnitudes().sum();
                    if errors == 0.0 && !total.is_finite() {
                        return special(y, total);
                    }
                    finish(y, errors + rounding(n * t.term, total + errors)).max(if total > f64::from(f32::MAX) { INF } else { 0.0 })
                }
                ReduceOp::Prod => {
                    if errors == 0.0 && !y.is_finite() && group.iter().any(|&i| !x.data[i].is_finite()) {
                        return 0.0;
                    }
                    let most: f64 = group.iter().map(|&i| x.data[i].abs() + e[i]).product();
                    // A partial product may overflow or vanish in one order and not in another.
                    let (mut up, mut down) = (1.0, 1.0);
                    for v in magnitudes() {
                        up *= v.max(1.0);
                        down *= v.min(1.0);
                    }
                    let risky = up > f64::from(f32::MAX) || down < TINY && down > 0.0;
                    if risky { INF } else { finish(y, most - magnitudes().product::<f64>() + rounding(n * t.term, most)) }
                }
            }
        })
        .collect()
}

/// An index is certain when no other element can be the extreme; else any index of the axis is accepted.
fn arg(op: ArgOp, axis: usize, y: &Value, (x, e): (&Value, &[f64])) -> Vec<f64> {
    let length = x.ty.shape.dims().get(axis).copied().unwrap_or(1) as f64;
    groups(y, x)
        .iter()
        .zip(&y.data)
        .map(|(group, &chosen)| {
            if group.iter().all(|&i| e[i] == 0.0) {
                return 0.0;
            }
            let best = group[chosen as usize];
            let sign = if op == ArgOp::Max { 1.0 } else { -1.0 };
            let beaten = |i: usize| i == best || sign * (x.data[best] - x.data[i]) > e[best] + e[i];
            if group.iter().all(|&i| beaten(i)) { 0.0 } else { length }
        })
        .collect()
}
