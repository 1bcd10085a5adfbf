//! Algebraic rewrites, each preserving values in the sense of [`crate::pass`].
//!
//! A node is rewritten when it is rebuilt, on inputs that are rewritten already; what a rule builds goes through the rules again. Each
//! rule makes the expression smaller or moves a broadcast toward the results, so this ends.

mod contraction;
mod elementwise;
mod shape;

use super::fold::constant;
use crate::{DType, Graph, GraphError, Literal, NodeId, Op, TensorType};
use smallvec::SmallVec;

/// What a rule returns: the node that replaces the operation, when it applies.
type Rewrite = Result<Option<NodeId>, GraphError>;

/// The graph with every node rewritten. Afterwards no [`Op::StopGradient`] is left.
pub fn simplify(graph: &Graph) -> Result<Graph, GraphError> {
    graph.rebuild(|new, _, node, inputs| make(new, node.op, inputs))
}

/// Adds an operation in its simplest form.
fn make(g: &mut Graph, op: Op, x: &[NodeId]) -> Result<NodeId, GraphError> {
    let rewritten = match op {
        Op::Input { .. } | Op::State { .. } | Op::Const { .. } => None,
        _ if is_empty(g, op, x) => {
            let ty = infer(g, op, x)?;
            Some(full(g, ty, 0.0)?)
        }
        Op::Iota { .. }
        | Op::Random { .. }
        | Op::ArgReduce { .. }
        | Op::Conv { .. }
        | Op::ConvInput { .. }
        | Op::ConvKernel { .. }
        | Op::Window { .. }
        | Op::WindowSpread { .. }
        | Op::WindowMaxGrad { .. }
        | Op::WindowMaxPick { .. }
        | Op::Gather
        | Op::ScatterAdd { .. }
        | Op::Scan { .. } => None,
        Op::StopGradient => Some(x[0]),
        Op::Unary(u) => match elementwise::unary(g, u, x[0])? {
            None => elementwise::sink(g, op, x)?,
            done => done,
        },
        Op::Binary(b) => match elementwise::binary(g, b, x[0], x[1])? {
            None => elementwise::sink(g, op, x)?,
            done => done,
        },
        Op::Select => match elementwise::select(g, x[0], x[1], x[2])? {
            None => elementwise::sink(g, op, x)?,
            done => done,
        },
        Op::Cast(to) => match elementwise::cast(g, to, x[0])? {
            None => elementwise::sink(g, op, x)?,
            done => done,
        },
        Op::Reduce { op, axes } => contraction::reduce(g, op, axes, x[0])?,
        Op::Dot { ta, tb } => contraction::dot(g, ta, tb, x[0], x[1])?,
        Op::Reshape(to) => shape::reshape(g, to, x[0])?,
        Op::Transpose(p) => shape::transpose(g, p, x[0])?,
        Op::Broadcast(to) => shape::broadcast(g, to, x[0])?,
        Op::Slice(s) => shape::slice(g, s, x[0])?,
        Op::Pad(p) => shape::pad(g, &p, x[0]),
        Op::Concat { axis } => shape::concat(g, axis as usize, x)?,
        Op::Reverse(axes) => shape::reverse(g, axes, x[0])?,
    };
    match rewritten {
        Some(id) => Ok(id),
        None => g.add(op, x),
    }
}

fn infer(g: &Graph, op: Op, x: &[NodeId]) -> Result<TensorType, GraphError> {
    let types: SmallVec<[TensorType; 3]> = x.iter().map(|&i| g.ty(i)).collect();
    Ok(crate::infer(op, &types)?)
}

/// Whether the result has no element; a constant does then.
fn is_empty(g: &Graph, op: Op, x: &[NodeId]) -> bool {
    // Cheap to see for most: operations on the elements of operands that have some.
    if let Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) | Op::StopGradient = op {
        return x.first().is_some_and(|&i| g.ty(i).is_empty());
    }
    infer(g, op, x).is_ok_and(|t| t.is_empty())
}

/// A constant of a type.
fn full(g: &mut Graph, ty: TensorType, value: f32) -> Result<NodeId, GraphError> {
    let value = match ty.dtype {
        DType::F32 => Literal::f32(value),
        DType::I32 => Literal::I32(value as i32),
        DType::Bool => Literal::Bool(value != 0.0),
    };
    g.add(Op::Const { value, shape: ty.shape }, &[])
}

/// The value of an `f32` or `i32` constant node.
fn number(g: &Graph, id: NodeId) -> Option<f64> {
    match constant(g, id)? {
        Literal::Bool(_) => None,
        l => Some(l.as_f64()),
    }
}

/// The value of a `bool` constant node.
fn truth(g: &Graph, id: NodeId) -> Option<bool> {
    match constant(g, id)? {
        Literal::Bool(v) => Some(v),
        Literal::F32(_) | Literal::I32(_) => None,
    }
}
