//! Rewrites that make a graph easier to fuse: every reduction becomes a trailing, leading or full one, and masks of a rectifier are
//! taken from its output, so that its input need not be kept.

use super::shape_of_reduction;
use crate::{AxisSet, BinaryOp, Graph, GraphError, Literal, Node, NodeId, Op, Perm, ReduceOp, Shape};
use std::collections::BTreeSet;

/// The prepared graph.
pub(super) fn prepare(graph: &Graph) -> Result<Graph, GraphError> {
    let rectifiers = rectifiers(graph);
    graph.rebuild(|new, _, node, inputs| match node.op {
        Op::Reduce { op, axes } => reduction(new, node, inputs, axes, |set| Op::Reduce { op, axes: set }),
        Op::ArgReduce { op, axis } => {
            let set = AxisSet::of(&[axis as usize]);
            // An index needs a trailing axis even when all other axes have size 1.
            reduction(new, node, inputs, set, |set| Op::ArgReduce { op, axis: set.iter().next().unwrap_or(0) as u8 })
        }
        Op::Binary(BinaryOp::Lt) if is_zero(graph, node.inputs[0]) && rectifiers.contains(&node.inputs[1]) => {
            // `0 < z` where `max(z, 0)` exists: the latter is positive exactly where `z` is (and false for NaN, too).
            let y = new.add(Op::Binary(BinaryOp::Max), &[inputs[1], inputs[0]])?;
            new.add(node.op, &[inputs[0], y])
        }
        // The order of a maximum with zero is fixed, so that the line above finds it.
        Op::Binary(BinaryOp::Max) if is_zero(graph, node.inputs[0]) => new.add(node.op, &[inputs[1], inputs[0]]),
        _ => new.add(node.op, inputs),
    })
}

fn is_zero(graph: &Graph, node: NodeId) -> bool {
    matches!(graph.node(node).op, Op::Const { value, .. } if value == Literal::f32(0.0))
}

/// The nodes `z` of every `max(z, 0)`.
fn rectifiers(graph: &Graph) -> BTreeSet<NodeId> {
    let max = graph.nodes().iter().filter(|n| n.op == Op::Binary(BinaryOp::Max));
    max.filter_map(|n| match n.inputs[..] {
        [z, zero] if is_zero(graph, zero) => Some(z),
        [zero, z] if is_zero(graph, zero) => Some(z),
        _ => None,
    })
    .collect()
}

/// Kept axes first, reduced axes last, when the reduction is neither trailing nor leading nor full.
fn reduction(new: &mut Graph, node: &Node, inputs: &[NodeId], axes: AxisSet, op: impl Fn(AxisSet) -> Op) -> Result<NodeId, GraphError> {
    let shape = new.ty(inputs[0]).shape;
    let index = matches!(node.op, Op::ArgReduce { .. });
    match shape_of_reduction(shape, axes) {
        super::Reduction::Middle => {}
        super::Reduction::Leading(..) if index => {}
        // The only index there is.
        super::Reduction::Nothing if index => return new.add(Op::Const { value: Literal::I32(0), shape: node.ty.shape }, &[]),
        _ => return new.add(node.op, inputs),
    }
    let (reduced, kept): (Vec<usize>, Vec<usize>) = (0..shape.rank()).partition(|&a| axes.contains(a));
    let order: Vec<usize> = kept.iter().chain(&reduced).copied().collect();
    let Some(perm) = Perm::new(&order) else { return new.add(node.op, inputs) };
    let moved = new.add(Op::Transpose(perm), inputs)?;
    let last = AxisSet::of(&(kept.len()..shape.rank()).collect::<Vec<_>>());
    let reduced = new.add(op(last), &[moved])?;
    let to: Shape = node.ty.shape;
    new.add(Op::Reshape(to), &[reduced])
}

/// The neutral element of a reduction.
pub fn identity_of(op: ReduceOp) -> f32 {
    match op {
        ReduceOp::Sum => 0.0,
        ReduceOp::Prod => 1.0,
        ReduceOp::Max => f32::NEG_INFINITY,
        ReduceOp::Min => f32::INFINITY,
    }
}
