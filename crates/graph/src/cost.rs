//! What a node costs: floating-point operations and bytes.
//!
//! One convention, used by dumps, reports and benchmarks: a matrix product of `(M, K)` and `(K, N)` is `2 M N K` operations; an
//! elementwise function one per element, be it an addition or an exponential; a reduction one per element that it reads; a random number
//! one; moving data none. A convolution, and each of its gradients, counts as the product that it is, padding included: 2 for each
//! element of the convolution's result and each cell and channel of the kernel; windows count each cell of each window. Bytes are those
//! of the tensors read and written if every node ran by itself, 4 for each element. Inputs, state, constants and indices cost nothing by
//! themselves (their readers count them), nor does a reshape.

use crate::{Graph, NodeId, Op, Shape, WindowSpec};
use std::fmt;

/// Operations and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

impl Cost {
    /// Bytes read and written.
    pub fn bytes(&self) -> u64 {
        self.read + self.written
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.flops += other.flops;
        self.read += other.read;
        self.written += other.written;
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}flop, {}B", scaled(self.flops), scaled(self.bytes()))
    }
}

/// A number with a decimal prefix, three digits at most: `8.4 k`, `16 k`, `2 `.
fn scaled(n: u64) -> String {
    let (mut v, mut prefix) = (n as f64, "");
    for next in ["k", "M", "G", "T", "P"] {
        if v < 999.5 {
            break;
        }
        (v, prefix) = (v / 1000.0, next);
    }
    if prefix.is_empty() || v >= 9.95 { format!("{v:.0} {prefix}") } else { format!("{v:.1} {prefix}") }
}

/// The cost of one node.
pub fn node_cost(graph: &Graph, id: NodeId) -> Cost {
    let node = graph.node(id);
    let out = node.ty.len() as u64;
    let source = node.inputs.first().map_or(0, |&i| graph.ty(i).len() as u64);
    let flops = match node.op {
        Op::Input { .. } | Op::State { .. } | Op::Const { .. } | Op::Iota { .. } | Op::Reshape(_) => return Cost::default(),
        Op::Random { .. } | Op::Unary(_) | Op::Binary(_) | Op::Select => out,
        Op::Cast(_)
        | Op::StopGradient
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Slice(_)
        | Op::Pad(_)
        | Op::Concat { .. }
        | Op::Reverse(_)
        | Op::Gather => 0,
        Op::Reduce { .. } | Op::ArgReduce { .. } | Op::ScatterAdd { .. } => source,
        Op::Scan { body, steps, .. } => total_cost(graph.body(body).graph()).flops.saturating_mul(steps as u64),
        Op::Conv { .. } => conv_flops(node.ty.shape, graph.ty(node.inputs[1]).shape),
        Op::ConvInput { .. } => conv_flops(graph.ty(node.inputs[0]).shape, graph.ty(node.inputs[1]).shape),
        Op::ConvKernel { kernel, .. } => conv_flops(graph.ty(node.inputs[1]).shape, kernel),
        Op::Window { spec, .. } | Op::WindowMaxGrad { spec } | Op::WindowMaxPick { spec } => {
            let results = graph.ty(node.inputs.get(1).copied().unwrap_or(id)).len(); // y
            results as u64 * window(&spec)
        }
        Op::WindowSpread { spec, .. } => source * window(&spec),
        Op::Dot { ta, .. } => 2 * out * graph.ty(node.inputs[0]).shape.dim(if ta { -2 } else { -1 }) as u64,
    };
    let read = node.inputs.iter().map(|&i| 4 * graph.ty(i).len() as u64).sum();
    Cost { flops, read, written: 4 * out }
}

/// Operations of a convolution with result `y` and a kernel `(K.., C / groups, O)`, and of either of its gradients; those with padding
/// are counted too.
pub fn conv_flops(y: Shape, kernel: Shape) -> u64 {
    2 * y.len() as u64 * kernel.dims()[..kernel.rank() - 1].iter().product::<usize>() as u64
}

/// Cells of a window.
fn window(spec: &WindowSpec) -> u64 {
    spec.size.iter().map(|&n| n as u64).product()
}

/// The cost of all nodes.
pub fn total_cost(graph: &Graph) -> Cost {
    graph.ids().fold(Cost::default(), |mut sum, id| {
        sum += node_cost(graph, id);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, ConvSpec, TensorType};

    #[test]
    fn costs_follow_the_convention() {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([32, 64]));
        let w = b.input("w", TensorType::f32([64, 128]));
        let y = x.matmul(w);
        let s = y.exp().sum(&[1], false);
        b.output("s", s.broadcast_to([32, 32]));
        let g = b.finish().unwrap();
        let by_name = |name: &str| g.ids().find(|&i| g.node(i).op.name() == name).map(|i| node_cost(&g, i)).unwrap();
        assert_eq!(by_name("dot"), Cost { flops: 2 * 32 * 64 * 128, read: 4 * (32 * 64 + 64 * 128), written: 4 * 32 * 128 });
        assert_eq!(by_name("exp").flops, 32 * 128);
        assert_eq!(by_name("reduce_sum").flops, 32 * 128);
        assert_eq!(by_name("reshape"), Cost::default());
        assert_eq!(by_name("broadcast"), Cost { flops: 0, read: 128, written: 4096 });
        assert_eq!(total_cost(&g).flops, 2 * 32 * 64 * 128 + 2 * 32 * 128);
        assert_eq!(by_name("dot").to_string(), "524 kflop, 57 kB");
    }

    #[test]
    fn convolutions_count_as_products() {
        let b = Builder::new();
        let (x, k) = (b.input("x", TensorType::f32([2, 5, 4, 6])), b.input("k", TensorType::f32([3, 3, 2, 9])));
        let spec = ConvSpec::same(&[5, 4], &[3, 3], &[1, 1], &[1, 1]).with_groups(3);
        let y = x.conv(k, spec).max_pool(WindowSpec::valid(&[2, 2], &[1, 1])); // (2, 4, 3, 9)
        let loss = y.sum(&[], false);
        for g in b.with_graph(|g| crate::grad::gradients(g, loss.id(), &[x.id(), k.id()])).unwrap() {
            b.output("g", b.var(g));
        }
        let g = b.finish().unwrap();
        for id in g.ids() {
            match g.node(id).op.name() {
                "conv" | "conv_input" | "conv_kernel" => assert_eq!(node_cost(&g, id).flops, 2 * (2 * 5 * 4 * 9) * (3 * 3 * 2)),
                "window_max" | "window_max_grad" => assert_eq!(node_cost(&g, id).flops, (2 * 4 * 3 * 9) * 4),
                _ => {}
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        for (n, text) in [(0, "0 "), (999, "999 "), (1000, "1.0 k"), (9_960, "10 k"), (999_600, "1.0 M"), (u64::MAX, "18447 P")] {
            assert_eq!(scaled(n), text);
        }
    }
}
