//! Rules for elementwise operations.

use super::{Rewrite, full, make, number, truth};
use crate::pass::fold::constant;
use crate::{BinaryOp, DType, Graph, GraphError, Literal, NodeId, Op, UnaryOp};

pub(super) fn unary(g: &mut Graph, op: UnaryOp, x: NodeId) -> Rewrite {
    let inner = g.node(x).clone();
    Ok(match (op, inner.op) {
        // --x = x, !!x = x
        (UnaryOp::Neg, Op::Unary(UnaryOp::Neg)) | (UnaryOp::Not, Op::Unary(UnaryOp::Not)) => Some(inner.inputs[0]),
        // -(a - b) = b - a
        (UnaryOp::Neg, Op::Binary(BinaryOp::Sub)) => Some(make(g, Op::Binary(BinaryOp::Sub), &[inner.inputs[1], inner.inputs[0]])?),
        // ||x|| = |x|, |-x| = |x|, floor floor, sign sign, flush flush
        (UnaryOp::Abs, Op::Unary(UnaryOp::Abs))
        | (UnaryOp::Floor, Op::Unary(UnaryOp::Floor))
        | (UnaryOp::Sign, Op::Unary(UnaryOp::Sign))
        | (UnaryOp::Flush, Op::Unary(UnaryOp::Flush)) => Some(x),
        // What is a bfloat16 or float16 already.
        (UnaryOp::Bf16 | UnaryOp::F16, _) if g.is_rounded(x, op) => Some(x),
        // -(x c) = x (-c)
        (UnaryOp::Neg, Op::Binary(BinaryOp::Mul)) => match factor(g, inner.inputs[1]) {
            Some(c) => Some(scaled(g, inner.inputs[0], -c)?),
            None => None,
        },
        (UnaryOp::Abs, Op::Unary(UnaryOp::Neg)) => Some(make(g, Op::Unary(UnaryOp::Abs), &inner.inputs)?),
        // !(a = b) is a != b, also for NaN; the same cannot be said of < and <=.
        (UnaryOp::Not, Op::Binary(BinaryOp::Eq)) => Some(make(g, Op::Binary(BinaryOp::Ne), &inner.inputs)?),
        (UnaryOp::Not, Op::Binary(BinaryOp::Ne)) => Some(make(g, Op::Binary(BinaryOp::Eq), &inner.inputs)?),
        _ => None,
    })
}

pub(super) fn binary(g: &mut Graph, op: BinaryOp, a: NodeId, b: NodeId) -> Rewrite {
    if let Some(id) = ordered(g, op, a, b)? {
        return Ok(Some(id));
    }
    let ty = g.ty(a);
    let (ca, cb) = (number(g, a), number(g, b));
    // `x` of `-x`, also where the negated values are repeated.
    let negated = |g: &mut Graph, id: NodeId| -> Rewrite {
        let node = g.node(id);
        Ok(match node.op {
            Op::Unary(UnaryOp::Neg) => Some(node.inputs[0]),
            Op::Broadcast(to) => match g.node(node.inputs[0]) {
                few if few.op == Op::Unary(UnaryOp::Neg) => Some(make(g, Op::Broadcast(to), &[few.inputs[0]])?),
                _ => None,
            },
            _ => None,
        })
    };
    let bin = |g: &mut Graph, op, x, y| make(g, Op::Binary(op), &[x, y]).map(Some);
    let neg = |g: &mut Graph, x| make(g, Op::Unary(UnaryOp::Neg), &[x]).map(Some);
    match op {
        BinaryOp::Add => {
            if cb == Some(0.0) {
                return Ok(Some(a));
            }
            if let Some(joined) = super::shape::side_by_side(g, a, b)? {
                return Ok(Some(joined));
            }
            // a + a = 2 a
            if a == b && ty.dtype == DType::F32 {
                return scaled(g, a, 2.0).map(Some);
            }
            // a + -b = a - b
            if let Some(b) = negated(g, b)? {
                return bin(g, BinaryOp::Sub, a, b);
            }
            if let Some(a) = negated(g, a)? {
                return bin(g, BinaryOp::Sub, b, a);
            }
        }
        BinaryOp::Sub => {
            if cb == Some(0.0) {
                return Ok(Some(a));
            }
            if ca == Some(0.0) {
                return neg(g, b);
            }
            if let Some(b) = negated(g, b)? {
                return bin(g, BinaryOp::Add, a, b);
            }
        }
        BinaryOp::Mul => {
            if cb == Some(1.0) {
                return Ok(Some(a));
            }
            if cb == Some(-1.0) {
                return neg(g, a);
            }
            if cb == Some(0.0) && is_finite(g, a) {
                return Ok(Some(b));
            }
            // a c 2^k = a (c 2^k), where that is exact
            if let (Some(k), Op::Binary(BinaryOp::Mul)) =
                (factor(g, b).filter(|k| k.to_bits().trailing_zeros() >= 23 && k.abs() >= 1.0), g.node(a).op)
            {
                let (a, c) = (g.node(a).inputs[0], factor(g, g.node(a).inputs[1]));
                if let Some(c) = c.map(|c| c * k).filter(|c| c.is_normal()) {
                    return scaled(g, a, c).map(Some);
                }
            }
            if let Some(a) = negated(g, a)? {
                if let Some(b) = negated(g, b)? {
                    return bin(g, BinaryOp::Mul, a, b);
                }
                // Only f32: integers beyond 2^24 do not pass through `full`.
                if let (Some(c), DType::F32) = (cb, ty.dtype) {
                    let c = full(g, ty, -c as f32)?;
                    return bin(g, BinaryOp::Mul, a, c);
                }
            }
        }
        BinaryOp::Div => {
            if cb == Some(1.0) {
                return Ok(Some(a));
            }
            if cb == Some(-1.0) {
                return neg(g, a);
            }
            // Exact: both are the correctly rounded a 2^-k.
            if let Some(c) = cb.map(|c| c as f32)
                && c.to_bits().trailing_zeros() >= 23
                && c.is_normal()
                && (1.0 / c).is_normal()
            {
                let c = full(g, ty, 1.0 / c)?;
                return bin(g, BinaryOp::Mul, a, c);
            }
        }
        BinaryOp::Max | BinaryOp::Min => {
            let none = if op == BinaryOp::Max { f64::NEG_INFINITY } else { f64::INFINITY };
            if a == b || cb == Some(none) {
                return Ok(Some(a));
            }
            if ca == Some(none) {
                return Ok(Some(b));
            }
        }
        BinaryOp::Pow => match cb {
            Some(0.0) => return full(g, ty, 1.0).map(Some), // also for NaN
            Some(1.0) => return Ok(Some(a)),
            Some(2.0) => return bin(g, BinaryOp::Mul, a, a),
            Some(-1.0) => {
                let one = full(g, ty, 1.0)?;
                return bin(g, BinaryOp::Div, one, a);
            }
            _ => {}
        },
        BinaryOp::Lt if a == b => return g.add(Op::Const { value: Literal::Bool(false), shape: ty.shape }, &[]).map(Some),
        BinaryOp::And | BinaryOp::Or => {
            let absorbing = op == BinaryOp::Or;
            if a == b {
                return Ok(Some(a));
            }
            if let Some(v) = truth(g, b) {
                return Ok(Some(if v == absorbing { b } else { a }));
            }
        }
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Eq | BinaryOp::Ne => {}
    }
    Ok(None)
}

/// The value of a finite `f32` constant.
fn factor(g: &Graph, id: NodeId) -> Option<f32> {
    (g.ty(id).dtype == DType::F32).then(|| number(g, id))?.map(|c| c as f32).filter(|c| c.is_finite())
}

/// `x c`
fn scaled(g: &mut Graph, x: NodeId, c: f32) -> Result<NodeId, GraphError> {
    let c = full(g, g.ty(x), c)?;
    make(g, Op::Binary(BinaryOp::Mul), &[x, c])
}

/// Commutative operands in a fixed order, constants last, so that equal expressions become one node.
fn ordered(g: &mut Graph, op: BinaryOp, a: NodeId, b: NodeId) -> Rewrite {
    let commutes = match op {
        BinaryOp::Add | BinaryOp::Mul | BinaryOp::Eq | BinaryOp::Ne | BinaryOp::And | BinaryOp::Or => true,
        BinaryOp::Sub | BinaryOp::Div | BinaryOp::Max | BinaryOp::Min | BinaryOp::Pow | BinaryOp::Lt | BinaryOp::Le => false,
    };
    let key = |id: NodeId| (constant(g, id).is_some(), id);
    if commutes && key(b) < key(a) { make(g, Op::Binary(op), &[b, a]).map(Some) } else { Ok(None) }
}

/// Whether no element can be infinite or NaN, whatever the inputs are.
fn is_finite(g: &Graph, id: NodeId) -> bool {
    let node = g.node(id);
    match node.op {
        Op::Const { value, .. } => value.as_f64().is_finite(),
        Op::Random { .. } | Op::Iota { .. } => true,
        Op::Cast(_) => g.ty(node.inputs[0]).dtype != DType::F32 || is_finite(g, node.inputs[0]),
        Op::Broadcast(_) | Op::Reshape(_) | Op::Transpose(_) => is_finite(g, node.inputs[0]),
        _ => node.ty.dtype != DType::F32,
    }
}

pub(super) fn select(g: &mut Graph, condition: NodeId, a: NodeId, b: NodeId) -> Rewrite {
    if let Some(c) = truth(g, condition) {
        return Ok(Some(if c { a } else { b }));
    }
    if a == b {
        return Ok(Some(a));
    }
    let node = g.node(condition).clone();
    if node.op == Op::Unary(UnaryOp::Not) {
        return make(g, Op::Select, &[node.inputs[0], b, a]).map(Some);
    }
    if g.ty(a).dtype == DType::F32 && number(g, a) == Some(1.0) && number(g, b) == Some(0.0) {
        return make(g, Op::Cast(DType::F32), &[condition]).map(Some);
    }
    Ok(None)
}

pub(super) fn cast(g: &mut Graph, to: DType, x: NodeId) -> Rewrite {
    let inner = g.node(x).clone();
    if inner.ty.dtype == to {
        return Ok(Some(x));
    }
    if let Op::Cast(_) = inner.op {
        let from = g.ty(inner.inputs[0]).dtype;
        // Truth values survive every type; integers do not survive f32.
        if from == DType::Bool || (from, inner.ty.dtype, to) == (DType::I32, DType::F32, DType::Bool) {
            return make(g, Op::Cast(to), &inner.inputs).map(Some);
        }
    }
    Ok(None)
}

/// `f(broadcast a, broadcast b, constant) = broadcast f(a, b, constant)`, when all broadcasts start from one shape: less work, and more
/// for later rules to see.
pub(super) fn sink(g: &mut Graph, op: Op, x: &[NodeId]) -> Rewrite {
    let to = g.ty(x[0]).shape;
    let mut from = None;
    for &i in x {
        let node = g.node(i);
        match node.op {
            Op::Const { .. } => {}
            Op::Broadcast(_) => {
                let source = g.ty(node.inputs[0]).shape;
                if from.is_some_and(|f| f != source) {
                    return Ok(None);
                }
                from = Some(source);
            }
            _ => return Ok(None),
        }
    }
    let Some(shape) = from else { return Ok(None) };
    let mut sources = Vec::with_capacity(x.len());
    for &i in x {
        let node = g.node(i);
        sources.push(match node.op {
            Op::Const { value, .. } => g.add(Op::Const { value, shape }, &[])?,
            _ => node.inputs[0],
        });
    }
    let small = make(g, op, &sources)?;
    make(g, Op::Broadcast(to), &[small]).map(Some)
}
