//! Rules for reductions and matrix products.

use super::{Rewrite, full, make};
use crate::pass::pool::full as full_windows;
use crate::{AxisSet, BinaryOp, Graph, NodeId, Op, Perm, ReduceOp, Shape, TensorType, UnaryOp, WindowOp};

pub(super) fn reduce(g: &mut Graph, op: ReduceOp, axes: AxisSet, x: NodeId) -> Rewrite {
    let from = g.ty(x).shape;
    // Over one element every reduction is the identity.
    let long: Vec<usize> = axes.iter().filter(|&a| from.dims()[a] != 1).collect();
    if long.is_empty() {
        return Ok(Some(x));
    }
    let long = AxisSet::of(&long);
    if long != axes {
        return make(g, Op::Reduce { op, axes: long }, &[x]).map(Some);
    }
    let inner = g.node(x).clone();
    match inner.op {
        Op::Reduce { op: same, axes: other } if same == op => {
            let both: Vec<usize> = (0..from.rank()).filter(|&a| axes.contains(a) || other.contains(a)).collect();
            make(g, Op::Reduce { op, axes: AxisSet::of(&both) }, &inner.inputs).map(Some)
        }
        // A sum of negated terms is the negated sum, to the bit.
        Op::Unary(UnaryOp::Neg) if op == ReduceOp::Sum => {
            let sum = make(g, Op::Reduce { op, axes }, &inner.inputs)?;
            make(g, Op::Unary(UnaryOp::Neg), &[sum]).map(Some)
        }
        Op::Broadcast(_) => {
            // Over axes that a broadcast has stretched, all terms are equal: the largest is the term, the sum n times the term.
            let source = g.ty(inner.inputs[0]).shape;
            if axes.iter().any(|a| source.dims()[a] != 1) || op == ReduceOp::Prod {
                return Ok(None);
            }
            let n: usize = axes.iter().map(|a| from.dims()[a]).product();
            let to = axes.iter().fold(from, |s, a| s.with_dim(a, 1));
            let term = match op {
                _ if n == 0 => return Ok(None),
                ReduceOp::Sum => {
                    let n = full(g, TensorType::f32(source), n as f32)?;
                    make(g, Op::Binary(BinaryOp::Mul), &[inner.inputs[0], n])?
                }
                ReduceOp::Max | ReduceOp::Min | ReduceOp::Prod => inner.inputs[0],
            };
            make(g, Op::Broadcast(to), &[term]).map(Some)
        }
        // The gradient of each window is added to one cell: summed over space, that is the sum over the windows.
        Op::WindowMaxGrad { spec } if op == ReduceOp::Sum && full_windows(&spec) => {
            let [x, y, dy] = inner.inputs[..] else { return Ok(None) };
            let largest = g.node(y).op == (Op::Window { op: WindowOp::Max, spec }) && g.node(y).inputs[0] == x;
            let sizes = g.ty(dy).shape;
            let over_space = (1..from.rank() - 1).all(|a| axes.contains(a) || (from.dims()[a], sizes.dims()[a]) == (1, 1));
            if largest && over_space { make(g, Op::Reduce { op, axes }, &[dy]).map(Some) } else { Ok(None) }
        }
        _ => Ok(None),
    }
}

/// The operand of a transpose that exchanges the last two axes only.
fn flipped(g: &Graph, x: NodeId) -> Option<NodeId> {
    let node = g.node(x);
    let Op::Transpose(p) = node.op else { return None };
    let r = p.rank();
    let mut axes: Vec<usize> = (0..r).collect();
    axes.swap(r - 2, r - 1);
    (Perm::new(&axes) == Some(p)).then(|| node.inputs[0])
}

pub(super) fn dot(g: &mut Graph, ta: bool, tb: bool, a: NodeId, b: NodeId) -> Rewrite {
    if let Some(a) = flipped(g, a) {
        return make(g, Op::Dot { ta: !ta, tb }, &[a, b]).map(Some);
    }
    if let Some(b) = flipped(g, b) {
        return make(g, Op::Dot { ta, tb: !tb }, &[a, b]).map(Some);
    }
    let (sa, sb) = (g.ty(a).shape, g.ty(b).shape);
    let r = sa.rank();
    let (m, k) = if ta { (sa.dims()[r - 1], sa.dims()[r - 2]) } else { (sa.dims()[r - 2], sa.dims()[r - 1]) };
    let n = if tb { sb.dims()[r - 2] } else { sb.dims()[r - 1] };
    let to = sa.with_dim(r - 2, m).with_dim(r - 1, n);
    let as_shape = |g: &mut Graph, x: NodeId, rows: usize, columns: usize| {
        make(g, Op::Reshape(to.with_dim(r - 2, rows).with_dim(r - 1, columns)), &[x])
    };
    let product = |g: &mut Graph, x: NodeId, y: NodeId, shape: Shape| {
        let (x, y) = (make(g, Op::Broadcast(shape), &[x])?, make(g, Op::Broadcast(shape), &[y])?);
        make(g, Op::Binary(BinaryOp::Mul), &[x, y])
    };
    if k == 0 {
        return full(g, TensorType::f32(to), 0.0).map(Some);
    }
    if k == 1 {
        // (.., M, 1) times (.., 1, N)
        let (column, row) = (as_shape(g, a, m, 1)?, as_shape(g, b, 1, n)?);
        return product(g, column, row, to).map(Some);
    }
    if m == 1 && n == 1 {
        // Both as (.., 1, K): with a size of 1, stored order is the same either way.
        let (x, y) = (as_shape(g, a, 1, k)?, as_shape(g, b, 1, k)?);
        let terms = product(g, x, y, to.with_dim(r - 1, k))?;
        return make(g, Op::Reduce { op: ReduceOp::Sum, axes: AxisSet::of(&[r - 1]) }, &[terms]).map(Some);
    }
    Ok(None)
}
