//! Constant folding with `f32` results: an operation on constants becomes a constant, where the result is one value everywhere.

use crate::eval::{Precision, Value, apply};
use crate::{DType, Graph, GraphError, Literal, Node, NodeId, Op, ReduceOp, Shape, TensorType, WindowOp};
use smallvec::SmallVec;

/// The graph with operations on constants computed. Values are rounded to `f32` after each operation; sums and products of a reduction
/// once.
pub fn fold(graph: &Graph) -> Result<Graph, GraphError> {
    graph.rebuild(|new, _, node, inputs| {
        let op = match folded(new, node, inputs) {
            Some(value) => return new.add(Op::Const { value, shape: node.ty.shape }, &[]),
            None => node.op,
        };
        new.add(op, inputs)
    })
}

/// Whether there is nothing to compute.
pub(super) fn idle(graph: &Graph) -> bool {
    graph.nodes().iter().all(|node| folded(graph, node, &node.inputs).is_none())
}

/// The one value of all elements of a node, when it has one that can be known.
fn folded(g: &Graph, node: &Node, inputs: &[NodeId]) -> Option<Literal> {
    if let Op::Iota { shape, axis } = node.op {
        return (shape.dim(axis as isize) == 1).then_some(Literal::I32(0));
    }
    let x: SmallVec<[Literal; 3]> = inputs.iter().map(|&i| constant(g, i)).collect::<Option<_>>()?;
    let first = *x.first()?;
    let from = g.ty(inputs[0]).shape;
    match node.op {
        Op::Input { .. }
        | Op::State { .. }
        | Op::Const { .. }
        | Op::Iota { .. }
        | Op::Random { .. }
        // Not one value everywhere: fewer terms at the borders.
        | Op::Conv { .. }
        | Op::ConvInput { .. }
        | Op::ConvKernel { .. }
        | Op::Window { op: WindowOp::Sum, .. }
        | Op::WindowSpread { .. }
        | Op::WindowMaxGrad { .. }
        | Op::WindowMaxPick { .. }
        | Op::ScatterAdd { .. }
        | Op::Scan { .. } => None,
        Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) => {
            let scalars: Vec<Value> = x.iter().map(|&l| scalar(l)).collect();
            let result = apply(node.op, &scalars.iter().collect::<Vec<_>>(), Precision::F32);
            Some(literal(result.ty.dtype, result.data[0]))
        }
        Op::StopGradient
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Slice(_)
        | Op::Reverse(_)
        | Op::Window { op: WindowOp::Max, .. }
        | Op::Gather => Some(first),
        Op::Reduce { op, axes } => {
            let n: usize = axes.iter().map(|a| from.dims()[a]).product();
            let v = first.as_f64();
            Some(literal(
                DType::F32,
                match op {
                    ReduceOp::Sum if n == 0 => 0.0,
                    ReduceOp::Sum => v * n as f64,
                    ReduceOp::Prod => libm::pow(v, n as f64),
                    ReduceOp::Max if n == 0 => f64::NEG_INFINITY,
                    ReduceOp::Min if n == 0 => f64::INFINITY,
                    ReduceOp::Max | ReduceOp::Min => v,
                },
            ))
        }
        Op::ArgReduce { .. } => Some(Literal::I32(0)),
        Op::Pad(_) => (first.as_f64() == 0.0).then_some(first),
        Op::Concat { .. } => x.iter().all(|&l| l == first).then_some(first),
        Op::Dot { ta, .. } => {
            let k = from.dim(if ta { -2 } else { -1 });
            Some(literal(DType::F32, if k == 0 { 0.0 } else { first.as_f64() * x.get(1)?.as_f64() * k as f64 }))
        }
    }
}

/// The value of a constant node.
pub(super) fn constant(g: &Graph, id: NodeId) -> Option<Literal> {
    match g.node(id).op {
        Op::Const { value, .. } => Some(value),
        _ => None,
    }
}

fn scalar(l: Literal) -> Value {
    Value::of(TensorType::new(l.dtype(), Shape::SCALAR), vec![l.as_f64()])
}

fn literal(dtype: DType, v: f64) -> Literal {
    match dtype {
        DType::F32 => Literal::f32(v as f32),
        DType::I32 => Literal::I32(v as i32),
        DType::Bool => Literal::Bool(v != 0.0),
    }
}
