//! Floating-point numbers of 16 bits, bfloat16 and float16, kept as the `f32` of the same value.
//!
//! Every element is one 32-bit word. [`crate::UnaryOp::Bf16`] and [`crate::UnaryOp::F16`] round to such values; [`Graph::is_rounded`] tells
//! where there is nothing left to round.

use crate::eval::{Precision, Value, apply};
use crate::{BinaryOp, DType, Graph, Literal, NodeId, Op, ReduceOp, TensorType, UnaryOp, WindowOp};

/// Most nodes looked at by [`Graph::is_rounded`], so that asking it of every node stays cheap.
const MOST_NODES: usize = 64;

/// Whether rounding leaves a number of single precision, NaN included, as it is.
fn is_fixed(rounding: UnaryOp, bits: u32) -> bool {
    let value = Value::of(TensorType::f32([]), vec![f64::from(f32::from_bits(bits))]);
    // A bfloat16 is the upper half of the word, of a NaN too.
    let fits = rounding != UnaryOp::Bf16 || bits.trailing_zeros() >= 16;
    fits && apply(Op::Unary(rounding), &[&value], Precision::F64).data.iter().all(|&y| y.is_nan() || (y as f32).to_bits() == bits)
}

impl Graph {
    /// [`Graph::is_rounded`] for bfloat16: the lower 16 bits of every word are zero, NaN included.
    pub fn is_bf16(&self, node: NodeId) -> bool {
        self.is_rounded(node, UnaryOp::Bf16)
    }

    /// Whether the values of an `f32` node are certainly those that `rounding` ([`UnaryOp::Bf16`], [`UnaryOp::F16`]) leaves as they are.
    ///
    /// True for its results, constants of such a value, truth values as numbers, and whatever only moves, negates or
    /// chooses among such values (reshape, transpose, slice, select, relu, largest of a row). False where that is not seen from the
    /// graph, inputs and states above all.
    ///
    /// ```
    /// use adaline_graph::{Builder, TensorType, UnaryOp};
    ///
    /// let b = Builder::new();
    /// let x = b.input("x", TensorType::f32([2, 3]));
    /// let (rounded, doubled) = (x.bf16().relu().transpose(&[1, 0]), x.f16() * 3.0);
    /// b.output("y", rounded);
    /// b.output("z", doubled);
    /// let (rounded, doubled) = (rounded.id(), doubled.id());
    /// let graph = b.finish().unwrap();
    /// assert!(graph.is_rounded(rounded, UnaryOp::Bf16) && !graph.is_rounded(doubled, UnaryOp::F16));
    /// ```
    pub fn is_rounded(&self, node: NodeId, rounding: UnaryOp) -> bool {
        let (mut open, mut seen) = (vec![node], vec![node]);
        while let Some(id) = open.pop() {
            let node = self.node(id);
            if node.ty.dtype != DType::F32 {
                return false;
            }
            let sources = match node.op {
                Op::Unary(op) if op == rounding => &[][..],
                Op::Const { value: Literal::F32(bits), .. } if is_fixed(rounding, bits) => &[],
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
    fn one_rounding_is_not_the_other() {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([4, 6]));
        let (long, large, least) = (1.0 + 2f32.powi(-10), 65_536.0, 2f32.powi(-24));
        // Whether it is a bfloat16, whether it is a float16.
        for (y, brain, half) in [
            (x.bf16(), true, false),
            (x.f16(), false, true),
            (-x.f16().transpose(&[1, 0]).relu(), false, true),
            (x.f16() * 2.0, false, false),
            (b.full([2], long), false, true),
            (b.full([2], large), true, false),
            (b.full([2], least), true, true),
            (b.full([2], least * 1.5), true, false),
            (b.full([2], -0.0), true, true),
            (b.full([2], f32::INFINITY), true, true),
            (b.full([2], f32::NAN), true, true),
        ] {
            let known = b.with_graph(|g| Ok((g.is_bf16(y.id()), g.is_rounded(y.id(), UnaryOp::F16))));
            assert_eq!(known, Ok((brain, half)), "{:?}", y.id());
        }
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
