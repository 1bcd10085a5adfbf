//! Which kinds of operation there are, enumerated by a match so that a new variant cannot be forgotten.

use adaline_graph::{
    ArgOp, AxisSet, BinaryOp, BodyId, ConvSpec, DType, Distribution, Graph, InputId, Literal, Op, PadSpec, Perm, ReduceOp, Shape, SliceSpec,
};
use adaline_graph::{SlotId, TensorType, UnaryOp, WindowOp, WindowSpec};
use std::collections::BTreeSet;

/// The variant after this one. Adding a variant to [`Op`] makes this match incomplete: link it into the chain.
fn next(op: Op) -> Option<Op> {
    let shape = Shape::SCALAR;
    Some(match op {
        Op::Input { .. } => Op::State { slot: SlotId(0), ty: TensorType::f32(shape) },
        Op::State { .. } => Op::Const { value: Literal::f32(0.0), shape },
        Op::Const { .. } => Op::Iota { shape: Shape::from([1]), axis: 0 },
        Op::Iota { .. } => Op::Random { dist: Distribution::Uniform, stream: 0, shape },
        Op::Random { .. } => Op::Unary(UnaryOp::Neg),
        Op::Unary(_) => Op::Binary(BinaryOp::Add),
        Op::Binary(_) => Op::Select,
        Op::Select => Op::Cast(DType::F32),
        Op::Cast(_) => Op::StopGradient,
        Op::StopGradient => Op::Reduce { op: ReduceOp::Sum, axes: AxisSet::default() },
        Op::Reduce { .. } => Op::ArgReduce { op: ArgOp::Max, axis: 0 },
        Op::ArgReduce { .. } => Op::Reshape(shape),
        Op::Reshape(_) => Op::Transpose(Perm::new(&[])?),
        Op::Transpose(_) => Op::Broadcast(shape),
        Op::Broadcast(_) => Op::Slice(SliceSpec { start: [0; 6], stop: [0; 6], stride: [1; 6] }),
        Op::Slice(_) => Op::Pad(PadSpec { before: [0; 6], after: [0; 6], between: [0; 6] }),
        Op::Pad(_) => Op::Concat { axis: 0 },
        Op::Concat { .. } => Op::Reverse(AxisSet::default()),
        Op::Reverse(_) => Op::Dot { ta: false, tb: false },
        Op::Dot { .. } => Op::Conv { spec: ConvSpec::default() },
        Op::Conv { spec } => Op::ConvInput { spec, input: shape },
        Op::ConvInput { spec, input } => Op::ConvKernel { spec, kernel: input },
        Op::ConvKernel { .. } => Op::Window { op: WindowOp::Sum, spec: WindowSpec::default() },
        Op::Window { spec, .. } => Op::WindowSpread { spec, input: shape },
        Op::WindowSpread { spec, .. } => Op::WindowMaxGrad { spec },
        Op::WindowMaxGrad { spec } => Op::WindowMaxPick { spec },
        Op::WindowMaxPick { .. } => Op::Gather,
        Op::Gather => Op::ScatterAdd { rows: 1 },
        Op::ScatterAdd { .. } => Op::Scan { body: BodyId(0), steps: 0, reverse: false, len: 0 },
        Op::Scan { .. } => return None,
    })
}

/// The kinds of one variant: itself, or one for each function, distribution or layout that it may have.
fn kinds_of(op: Op) -> Vec<String> {
    let names = |ops: &[Op]| ops.iter().map(|&o| kind(o)).collect();
    match op {
        Op::Unary(_) => names(&UnaryOp::ALL.map(Op::Unary)),
        Op::Binary(_) => names(&BinaryOp::ALL.map(Op::Binary)),
        Op::Reduce { axes, .. } => names(&ReduceOp::ALL.map(|op| Op::Reduce { op, axes })),
        Op::ArgReduce { axis, .. } => names(&[ArgOp::Max, ArgOp::Min].map(|op| Op::ArgReduce { op, axis })),
        Op::Random { stream, shape, .. } => {
            names(&[Distribution::Uniform, Distribution::Normal].map(|dist| Op::Random { dist, stream, shape }))
        }
        Op::Cast(_) => names(&[DType::F32, DType::I32, DType::Bool].map(Op::Cast)),
        Op::Window { spec, .. } => names(&WindowOp::ALL.map(|op| Op::Window { op, spec })),
        Op::Dot { .. } => names(&[(false, false), (false, true), (true, false), (true, true)].map(|(ta, tb)| Op::Dot { ta, tb })),
        other => names(&[other]),
    }
}

/// Name of an operation's kind.
pub fn kind(op: Op) -> String {
    match op {
        Op::Cast(to) => format!("cast {to}"),
        Op::Dot { ta, tb } => format!("dot {}{}", if ta { "T" } else { "N" }, if tb { "T" } else { "N" }),
        other => other.name().to_owned(),
    }
}

/// Every kind there is.
pub fn every_kind() -> BTreeSet<String> {
    let mut op = Some(Op::Input { id: InputId(0), ty: TensorType::f32(Shape::SCALAR) });
    let mut kinds = BTreeSet::new();
    while let Some(o) = op {
        kinds.extend(kinds_of(o));
        op = next(o);
    }
    kinds
}

/// The kinds that a graph uses.
pub fn kinds_in(graph: &Graph) -> BTreeSet<String> {
    graph.nodes().iter().map(|n| kind(n.op)).collect()
}
