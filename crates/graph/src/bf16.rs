//! bfloat16: the upper 16 bits of an `f32`.
//!
//! Every element is one 32-bit word, so that a bfloat16 is kept as the `f32` of the same value, whose lower 16 bits are zero.
//! [`crate::UnaryOp::Bf16`] rounds to such values; [`Graph::is_bf16`] tells where there is nothing left to round.

use crate::{BinaryOp, DType, Graph, Literal, NodeId, Op, ReduceOp, UnaryOp, WindowOp};

/// Most nodes looked at by [`Graph::is_bf16`], so that asking it of every node stays cheap.
const MOST_NODES: usize = 64;

impl Graph {
    /// Whether the values of an `f32` node are certainly bfloat16: the lower 16 bits of every word are zero, NaN included.
    ///
    /// True for results of [`UnaryOp::Bf16`], constants of such a value, truth values as numbers, and whatever only moves, negates or
    /// chooses among such values (reshape, transpose, slice, select, relu, largest of a row). False where that is not seen from the
    /// graph, inputs and states above all.
    ///
    /// ```
    /// use adaline_graph::{Builder, TensorType};
    ///
    /// let b = Builder::new();
    /// let x = b.input("x", TensorType::f32([2, 3]));
    /// let (rounded, doubled) = (x.bf16().relu().transpose(&[1, 0]), x.bf16() * 3.0);
    /// b.output("y", rounded);
    /// b.output("z", doubled);
    /// let (rounded, doubled) = (rounded.id(), doubled.id());
    /// let graph = b.finish().unwrap();
    /// assert!(graph.is_bf16(rounded) && !graph.is_bf16(doubled));
    /// ```
    pub fn is_bf16(&self, node: NodeId) -> bool {
        let (mut open, mut seen) = (vec![node], vec![node]);
        while let Some(id) = open.pop() {
            let node = self.node(id);
            if node.ty.dtype != DType::F32 {
                return false;
            }
            let sources = match node.op {
                Op::Unary(UnaryOp::Bf16) => &[][..],
                Op::Const { value: Literal::F32(bits), .. } if bits.trailing_zeros() >= 16 => &[],
                Op::Cast(_) if self.ty(node.inputs[0]).dtype == DType::Bool => &[],
                Op::Select => &node.inputs[1..],
                Op::Gather => &node.inputs[..1],
                Op::WindowMaxPick { .. } => &node.inputs[2..],
                Op::Unary(UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign | UnaryOp::Floor)
                | Op::Binary(BinaryOp::Max | BinaryOp::Min)
                | Op::Reduce { op: ReduceOp::Max | ReduceOp::Min, .. }
                | Op::Cast(_)
                | Op::StopGradient
                | Op::Reshape(_)
                | Op::Transpose(_)
                | Op::Broadcast(_)
                | Op::Slice(_)
                | Op::Pad(_)
                | Op::Concat { .. }
                | Op::Reverse(_)
                | Op::Window { op: WindowOp::Max, .. } => &node.inputs[..],
                // Rounds, or brings values from outside.
                Op::Input { .. }
                | Op::State { .. }
                | Op::Const { .. }
                | Op::Iota { .. }
                | Op::Random { .. }
                | Op::Unary(_)
                | Op::Binary(_)
                | Op::Reduce { .. }
                | Op::ArgReduce { .. }
                | Op::Dot { .. }
                | Op::Conv { .. }
                | Op::ConvInput { .. }
                | Op::ConvKernel { .. }
                | Op::Window { .. }
                | Op::WindowSpread { .. }
                | Op::WindowMaxGrad { .. }
                | Op::ScatterAdd { .. }
                | Op::Scan { .. } => return false,
            };
            for &source in sources {
                if !seen.contains(&source) {
                    seen.push(source);
                    open.push(source);
                }
            }
            if seen.len() > MOST_NODES {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, TensorType, Var, WindowSpec, backend::CompileOptions, concat, fuse};

    type Build = for<'g> fn(&'g Builder, Var<'g>) -> Var<'g>;

    fn known(build: Build) -> bool {
        let b = Builder::new();
        let y = build(&b, b.input("x", TensorType::f32([4, 6]))).id();
        b.finish().unwrap().is_bf16(y)
    }

    #[test]
    fn what_moves_or_chooses_keeps_bfloat16() {
        let yes: &[(&str, Build)] = &[
            ("rounded", |_, x| x.bf16()),
            ("transposed", |_, x| x.bf16().transpose(&[1, 0])),
            ("reshaped", |_, x| x.bf16().reshape([24])),
            ("sliced and padded", |_, x| x.bf16().slice(&[(0, 2, 1), (0, 6, 2)]).pad(&[(1, 0), (0, 1)])),
            ("reversed and broadcast", |_, x| x.bf16().slice(&[(0, 1, 1), (0, 6, 1)]).reverse(&[1]).broadcast_to([4, 6])),
            ("relu", |_, x| x.bf16().relu()),
            ("gradient of relu", |b, x| x.gt_scalar(0.0).select((x * x).bf16(), b.full([4, 6], 0.0))),
            ("negated", |_, x| (-x.bf16()).abs().floor().sign()),
            ("largest of windows", |_, x| x.bf16().reshape([1, 24, 1]).max_pool(WindowSpec::valid(&[2], &[2]))),
            ("looked up", |b, x| x.bf16().take(b.iota([7], 0))),
            ("largest of a row", |_, x| x.bf16().max(&[1], true)),
            ("one hot", |_, x| x.gt_scalar(0.0).cast(DType::F32)),
            ("joined", |b, x| concat(b, &[x.bf16(), b.full([4, 6], 1.5)], 0)),
            ("gradient stopped", |_, x| x.bf16().stop_gradient()),
        ];
        for (name, build) in yes {
            assert!(known(*build), "{name}");
        }
        let no: &[(&str, Build)] = &[
            ("an input", |_, x| x),
            ("a sum", |_, x| x.bf16() + 1.0),
            ("a scaled one", |_, x| x.bf16() * 2.0),
            ("a long constant", |b, _| b.full([4], 0.1)),
            ("chosen from one that is not", |_, x| x.gt_scalar(0.0).select(x.bf16(), x)),
            ("leaky", |_, x| x.bf16().maximum(x.bf16() * 0.2)),
            ("a sum of rows", |_, x| x.bf16().sum(&[1], true)),
            ("a product", |_, x| x.bf16().matmul(x.bf16().transpose(&[1, 0]))),
            ("sums of windows", |_, x| x.bf16().reshape([1, 24, 1]).average_pool(WindowSpec::valid(&[2], &[2]))),
            ("a function", |_, x| x.bf16().tanh()),
            ("truth values", |_, x| x.gt_scalar(0.0)),
            ("a cast of an input", |b, x| b.op(Op::Cast(DType::F32), &[x])),
        ];
        for (name, build) in no {
            assert!(!known(*build), "{name}");
        }
    }

    #[test]
    fn long_chains_end_in_false() {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([3]));
        let mut y = x.bf16();
        for _ in 0..MOST_NODES {
            y = -y.abs();
        }
        let y = y.id();
        assert!(!b.finish().unwrap().is_bf16(y));
    }

    #[test]
    fn the_products_of_a_training_step_are_seen_after_fusion() {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([8, 6]));
        let w = [b.input("w", TensorType::f32([6, 5])), b.input("v", TensorType::f32([5, 3]))];
        let h = x.bf16().matmul(w[0].bf16()).bf16().relu();
        let y = h.matmul(w[1].bf16()).bf16();
        let loss = y.square().mean(&[], false);
        let grads = b.with_graph(|g| crate::grad::gradients(g, loss.id(), &[w[0].id(), w[1].id()])).unwrap();
        for (i, g) in grads.into_iter().enumerate() {
            b.output(&format!("dw{i}"), b.var(g));
        }
        let fused = fuse::fuse(&b.finish().unwrap(), &CompileOptions::default()).unwrap();
        let graph = &fused.graph;
        let dots: Vec<_> = graph.ids().filter(|&id| matches!(graph.node(id).op, Op::Dot { .. })).collect();
        assert_eq!(dots.len(), 5);
        for dot in dots {
            assert!(graph.node(dot).inputs.iter().all(|&i| graph.is_bf16(i)), "{graph}");
        }
    }
}
