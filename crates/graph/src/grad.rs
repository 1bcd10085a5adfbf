//! Reverse-mode derivatives: one table of vector-Jacobian rules, one reverse walk.
//!
//! [`gradients`] extends the graph; nothing is executed. The new nodes are ordinary ones, so that applying it twice gives second
//! derivatives. Where functions have kinks, the conventions are:
//!
//! - `max(a, b)`, `min(a, b)`: where equal, the gradient goes to `b`; so `relu(x) = max(x, 0)` has gradient 0 at 0.
//! - `abs`, `sign`, `floor` and comparisons: gradient 0 (at 0, for `abs`).
//! - `bf16`, `f16`: the gradient rounded to the same type, as of a conversion.
//! - `reduce_max`, `reduce_min`: split equally among the equal extremes, as Keras does.
//! - The largest of a window: to the first of equals, row by row.
//! - `reduce_prod`: exact at zeros to first order; second derivatives are exact where no factor is 0.
//! - `a ^ b`: by `a`, 0 where `b = 0`; by `b`, 0 where `a <= 0`.
//! - Integers, truth values, [`Op::StopGradient`], [`Op::ArgReduce`] and [`Op::Random`] stop gradients.
//!
//! ```
//! use adaline_graph::{Builder, TensorType, grad::gradients};
//!
//! let b = Builder::new();
//! let x = b.input("x", TensorType::f32([3]));
//! let loss = x.square().sum(&[], false);
//! let dx = b.with_graph(|g| gradients(g, loss.id(), &[x.id()])).unwrap()[0];
//! b.output("2x", b.var(dx));
//! assert_eq!(b.var(dx).ty(), x.ty());
//! ```

mod scan;

use crate::{
    AxisSet, BinaryOp, Builder, DType, Graph, GraphError, Literal, MAX_RANK, NodeId, Op, OriginId, PadSpec, Part, ReduceOp, Shape,
    SliceSpec, TensorType, UnaryOp, Var, WindowOp,
};
use std::collections::BTreeMap;

/// Gradients of a scalar `f32` node with respect to the given `f32` nodes, each of its node's type; zeros where the loss does not
/// depend on it. New nodes carry the origin `<layer path of the forward node>/grad`. The graph is only appended to.
///
/// Errors: [`GraphError::LossNotScalar`], [`GraphError::NotDifferentiable`].
pub fn gradients(graph: &mut Graph, loss: NodeId, wrt: &[NodeId]) -> Result<Vec<NodeId>, GraphError> {
    if graph.ty(loss) != TensorType::f32(Shape::SCALAR) {
        return Err(GraphError::LossNotScalar { got: graph.ty(loss) });
    }
    if let Some(&n) = wrt.iter().find(|&&n| graph.ty(n).dtype != DType::F32) {
        return Err(GraphError::NotDifferentiable { got: graph.ty(n) });
    }
    let before = graph.origin();
    let b = Builder::from_graph(std::mem::take(graph));
    let found = seeded(&b, loss, wrt);
    let (back, error) = b.into_parts();
    *graph = back;
    graph.set_origin(before);
    match error {
        Some(e) => Err(e),
        None => found,
    }
}

/// The walk from a loss.
fn seeded(b: &Builder, loss: NodeId, wrt: &[NodeId]) -> Result<Vec<NodeId>, GraphError> {
    let origin = b.with_graph(|g| Ok(g.node(loss).origin))?;
    enter(b, origin, &mut Vec::new())?;
    let one = b.scalar(1.0).id();
    walk(b, &[(loss, one)], loss.index() + 1, wrt)
}

/// The reverse walk over the first `n` nodes, from `seeds` (nodes, and the gradients of the loss with respect to them) to `wrt`.
fn walk(b: &Builder, seeds: &[(NodeId, NodeId)], n: usize, wrt: &[NodeId]) -> Result<Vec<NodeId>, GraphError> {
    let (depends, origins) = b.with_graph(|g| Ok((dependents(g, n, wrt), g.nodes()[..n].iter().map(|n| n.origin).collect::<Vec<_>>())))?;
    let mut adjoints: Vec<Option<NodeId>> = vec![None; n];
    // Those of the parts of a scan's result, by scan and part, so that what is not needed is not filled up with zeros.
    let mut parts: BTreeMap<(NodeId, usize), NodeId> = BTreeMap::new();
    let mut paths: Vec<Option<OriginId>> = Vec::new();
    let add = |slot: &mut Option<NodeId>, more: NodeId| {
        *slot = Some(slot.map_or(more, |sum| (b.var(sum) + b.var(more)).id()));
    };
    for &(node, adjoint) in seeds {
        add(&mut adjoints[node.index()], adjoint);
    }
    for at in (0..n).rev() {
        let id = NodeId(at as u32);
        let of_parts = parts.split_off(&(id, 0));
        if !depends[at] || adjoints[at].is_none() && of_parts.is_empty() {
            continue;
        }
        enter(b, origins[at], &mut paths)?;
        let (op, inputs, part) = b.with_graph(|g| Ok((g.nodes()[at].op, g.nodes()[at].inputs.clone(), scan::part_of(g, id))))?;
        let x: Vec<Var> = inputs.iter().map(|&i| b.var(i)).collect();
        let wanted = |i: usize| depends[inputs[i].index()];
        let whole = adjoints[at].map(|a| b.var(a));
        let mut give = |i: usize, contribution: Var| add(&mut adjoints[inputs[i].index()], contribution.id());
        match (op, part, whole) {
            (Op::Scan { body, steps, reverse, .. }, ..) => {
                let body = b.with_graph(|g| Ok(g.body(body).clone()))?;
                let of_part = |(i, p): (usize, Part)| {
                    let of_whole = whole.map(|w| w.slice(&[(p.start, p.start + p.shape.len(), 1)]));
                    let sum = match (of_parts.get(&(id, i)).map(|&g| b.var(g)), of_whole) {
                        (Some(p), Some(w)) => Some(p + w),
                        (p, w) => p.or(w),
                    };
                    sum.map(|g| g.reshape(p.shape))
                };
                let adjoints = body.parts(steps).unwrap_or_default().into_iter().enumerate().map(of_part).collect();
                scan::vjp(&scan::Scanned { b, body, steps, reverse, inputs: x, adjoints }, &wanted, &mut give)?;
            }
            (_, Some(of), Some(adjoint)) => {
                let sum = parts.get(&of).map_or(adjoint, |&sum| b.var(sum) + adjoint);
                parts.insert(of, sum.id());
            }
            (_, None, Some(g)) => vjp(op, &Rule { b, y: b.var(id), g, x }, &wanted, &mut give),
            (_, _, None) => {}
        }
        if b.failed() {
            break; // the caller reports the latched error
        }
    }
    let zeros = |w: NodeId| b.full(b.var(w).shape(), 0.0).id();
    Ok(wrt.iter().map(|&w| adjoints.get(w.index()).copied().flatten().unwrap_or_else(|| zeros(w))).collect())
}

/// Gives the nodes to come the origin `<path>/grad`.
fn enter(b: &Builder, origin: OriginId, known: &mut Vec<Option<OriginId>>) -> Result<(), GraphError> {
    let at = origin.0 as usize;
    known.resize(known.len().max(at + 1), None);
    b.with_graph(|g| {
        let id = known[at].unwrap_or_else(|| {
            let path = g.origin_path(origin);
            let path = if path.is_empty() { "grad".to_owned() } else { format!("{path}/grad") };
            g.intern_origin(&path)
        });
        known[at] = Some(id);
        g.set_origin(id);
        Ok(())
    })
}

/// Which of the first `n` nodes depend differentiably on one of `wrt`.
fn dependents(graph: &Graph, n: usize, wrt: &[NodeId]) -> Vec<bool> {
    let mut depends = vec![false; n];
    for w in wrt {
        if let Some(d) = depends.get_mut(w.index()) {
            *d = true;
        }
    }
    for (i, node) in graph.nodes()[..n].iter().enumerate() {
        let flows = node.ty.dtype == DType::F32 && node.op != Op::StopGradient;
        depends[i] |= flows && node.inputs.iter().any(|x| depends[x.index()]);
    }
    depends
}

/// What a rule works with: inputs `x`, output `y`, and the gradient `g` of the loss with respect to `y`.
struct Rule<'g> {
    b: &'g Builder,
    x: Vec<Var<'g>>,
    y: Var<'g>,
    g: Var<'g>,
}

/// Vector-Jacobian products: calls `give(i, dx)` for each wanted input `i`. Rules use the output `y` where that saves keeping inputs.
fn vjp<'g>(op: Op, r: &Rule<'g>, wanted: &dyn Fn(usize) -> bool, give: &mut dyn FnMut(usize, Var<'g>)) {
    let (g, y) = (r.g, r.y);
    match op {
        Op::Input { .. }
        | Op::State { .. }
        | Op::Const { .. }
        | Op::Iota { .. }
        | Op::Random { .. }
        | Op::StopGradient
        | Op::ArgReduce { .. }
        // Has a rule of its own, which sees its parts.
        | Op::Scan { .. } => {}
        Op::Unary(u) => {
            if let Some(dx) = unary(u, r) {
                give(0, dx);
            }
        }
        Op::Binary(op) => binary(op, r, wanted, give),
        Op::Select => {
            let zero = r.b.full(y.shape(), 0.0);
            if wanted(1) {
                give(1, r.x[0].select(g, zero));
            }
            if wanted(2) {
                give(2, r.x[0].select(zero, g));
            }
        }
        Op::Cast(_) => {
            // Only f32 -> f32 reaches this with a wanted input.
            if wanted(0) {
                give(0, g);
            }
        }
        Op::Reduce { op, axes } => give(0, reduce(op, axes, r)),
        Op::Reshape(_) => give(0, g.reshape(r.x[0].shape())),
        Op::Transpose(p) => give(0, r.b.op(Op::Transpose(p.inverse()), &[g])),
        Op::Broadcast(to) => {
            let from = r.x[0].shape();
            let axes: Vec<usize> = (0..to.rank()).filter(|&a| from.dims()[a] != to.dims()[a]).collect();
            give(0, r.b.op(Op::Reduce { op: ReduceOp::Sum, axes: AxisSet::of(&axes) }, &[g]));
        }
        Op::Slice(s) => give(0, r.b.op(Op::Pad(undo_slice(&s, r.x[0].shape(), y.shape())), &[g])),
        Op::Pad(p) => give(0, r.b.op(Op::Slice(undo_pad(&p, r.x[0].shape())), &[g])),
        Op::Concat { axis } => {
            let axis = axis as usize;
            let mut start = 0;
            for (i, x) in r.x.iter().enumerate() {
                let mut ranges: Vec<(usize, usize, usize)> = y.shape().dims().iter().map(|&d| (0, d, 1)).collect();
                let stop = start + x.shape().dims()[axis];
                ranges[axis] = (start, stop, 1);
                start = stop;
                if wanted(i) {
                    give(i, g.slice(&ranges));
                }
            }
        }
        Op::Reverse(axes) => give(0, r.b.op(Op::Reverse(axes), &[g])),
        Op::Dot { ta, tb } => {
            // With A' (M, K) and B' (K, N) the operands as multiplied, dA' = G B'^T and dB' = A'^T G; flags say which is stored transposed.
            let (a, b) = (r.x[0], r.x[1]);
            if wanted(0) {
                give(0, if ta { b.dot(g, tb, true) } else { g.dot(b, false, !tb) });
            }
            if wanted(1) {
                give(1, if tb { g.dot(a, true, ta) } else { a.dot(g, !ta, false) });
            }
        }
        // `Σ dy conv(x, k)` is linear in each of the three: its derivative by one is one of the three operations on the other two.
        Op::Conv { spec } => {
            let (x, k) = (r.x[0], r.x[1]);
            if wanted(0) {
                give(0, r.b.op(Op::ConvInput { spec, input: x.shape() }, &[g, k]));
            }
            if wanted(1) {
                give(1, r.b.op(Op::ConvKernel { spec, kernel: k.shape() }, &[x, g]));
            }
        }
        Op::ConvInput { spec, .. } => {
            let (dy, k) = (r.x[0], r.x[1]);
            if wanted(0) {
                give(0, r.b.op(Op::Conv { spec }, &[g, k]));
            }
            if wanted(1) {
                give(1, r.b.op(Op::ConvKernel { spec, kernel: k.shape() }, &[g, dy]));
            }
        }
        Op::ConvKernel { spec, .. } => {
            let (x, dy) = (r.x[0], r.x[1]);
            if wanted(0) {
                give(0, r.b.op(Op::ConvInput { spec, input: x.shape() }, &[dy, g]));
            }
            if wanted(1) {
                give(1, r.b.op(Op::Conv { spec }, &[x, g]));
            }
        }
        Op::Window { op: WindowOp::Sum, spec } => give(0, r.b.op(Op::WindowSpread { spec, input: r.x[0].shape() }, &[g])),
        Op::Window { op: WindowOp::Max, spec } => give(0, r.b.op(Op::WindowMaxGrad { spec }, &[r.x[0], y, g])),
        Op::WindowSpread { spec, .. } => give(0, r.b.op(Op::Window { op: WindowOp::Sum, spec }, &[g])),
        // Which cell is chosen does not change near `x` and `y`: the gradient flows to what is moved only.
        Op::WindowMaxGrad { spec } => {
            if wanted(2) {
                give(2, r.b.op(Op::WindowMaxPick { spec }, &[r.x[0], r.x[1], g]));
            }
        }
        Op::WindowMaxPick { spec } => {
            if wanted(2) {
                give(2, r.b.op(Op::WindowMaxGrad { spec }, &[r.x[0], r.x[1], g]));
            }
        }
        Op::Gather => give(0, r.b.op(Op::ScatterAdd { rows: r.x[0].dim(1) }, &[g, r.x[1]])),
        Op::ScatterAdd { .. } => give(0, g.gather(r.x[1])),
    }
}

fn unary<'g>(op: UnaryOp, r: &Rule<'g>) -> Option<Var<'g>> {
    let (g, x, y) = (r.g, r.x[0], r.y);
    Some(match op {
        UnaryOp::Neg => -g,
        UnaryOp::Abs => g * x.sign(),
        UnaryOp::Exp => g * y,
        UnaryOp::Expm1 => g * (y + 1.0),
        UnaryOp::Log => g / x,
        UnaryOp::Log1p => g / (x + 1.0),
        UnaryOp::Sqrt => g * 0.5 / y,
        UnaryOp::Rsqrt => g * -0.5 * (y * y * y),
        UnaryOp::Tanh => g * (1.0 - y * y),
        UnaryOp::Sigmoid => g * (y * (1.0 - y)),
        UnaryOp::Softplus => g * x.sigmoid(),
        UnaryOp::Erf => g * ((-(x * x)).exp() * std::f32::consts::FRAC_2_SQRT_PI),
        UnaryOp::Bf16 => g.bf16(),
        UnaryOp::Flush => g,
        UnaryOp::F16 => g.f16(),
        UnaryOp::Sign | UnaryOp::Floor | UnaryOp::Not => return None,
    })
}

fn binary<'g>(op: BinaryOp, r: &Rule<'g>, wanted: &dyn Fn(usize) -> bool, give: &mut dyn FnMut(usize, Var<'g>)) {
    let (g, a, b, y) = (r.g, r.x[0], r.x[1], r.y);
    let full = |v: f32| r.b.full(y.shape(), v);
    match op {
        BinaryOp::Add => {
            if wanted(0) {
                give(0, g);
            }
            if wanted(1) {
                give(1, g);
            }
        }
        BinaryOp::Sub => {
            if wanted(0) {
                give(0, g);
            }
            if wanted(1) {
                give(1, -g);
            }
        }
        BinaryOp::Mul => {
            if wanted(0) {
                give(0, g * b);
            }
            if wanted(1) {
                give(1, g * a);
            }
        }
        BinaryOp::Div => {
            let da = g / b;
            if wanted(0) {
                give(0, da);
            }
            if wanted(1) {
                give(1, -(da * y));
            }
        }
        BinaryOp::Max | BinaryOp::Min => {
            let first = if op == BinaryOp::Max { b.lt(y) } else { y.lt(b) }; // `a` alone is the extreme
            if wanted(0) {
                give(0, first.select(g, full(0.0)));
            }
            if wanted(1) {
                give(1, first.select(full(0.0), g));
            }
        }
        BinaryOp::Pow => {
            if wanted(0) {
                give(0, g * power_slope(r.b, a, b));
            }
            if wanted(1) {
                // y ln a, where a > 0
                let positive = full(0.0).lt(a);
                let log = positive.select(a, full(1.0)).log();
                give(1, positive.select(g * y * log, full(0.0)));
            }
        }
        // Truth values carry no gradient.
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Eq | BinaryOp::Ne | BinaryOp::And | BinaryOp::Or => {}
    }
}

/// `d/da a^b = b a^(b-1)`, and 0 where `b = 0` whatever `a` is.
fn power_slope<'g>(builder: &'g Builder, a: Var<'g>, b: Var<'g>) -> Var<'g> {
    let op = builder.with_graph(|g| Ok(g.node(b.id()).op)).ok();
    if let Some(Op::Const { value: Literal::F32(bits), .. }) = op {
        let exponent = f32::from_bits(bits);
        if exponent == 0.0 {
            return builder.full(a.shape(), 0.0);
        } else if exponent == 1.0 {
            return builder.full(a.shape(), 1.0);
        } else if exponent == 2.0 {
            return a * 2.0;
        }
        return b * a.pow(b - 1.0);
    }
    let (zero, one) = (builder.full(b.shape(), 0.0), builder.full(b.shape(), 1.0));
    let constant = b.equal(zero);
    constant.select(zero, b * a.pow(constant.select(one, b) - 1.0))
}

fn reduce<'g>(op: ReduceOp, axes: AxisSet, r: &Rule<'g>) -> Var<'g> {
    let (g, x, y) = (r.g, r.x[0], r.y);
    let shape = x.shape();
    match op {
        ReduceOp::Sum => g.broadcast_to(shape),
        ReduceOp::Max | ReduceOp::Min => {
            let chosen = x.equal(y.broadcast_to(shape)).cast(DType::F32);
            let count = r.b.op(Op::Reduce { op: ReduceOp::Sum, axes }, &[chosen]);
            chosen * (g / count).broadcast_to(shape)
        }
        ReduceOp::Prod => {
            // The product of the other factors: with `p` the product of the factors that are not 0, it is `p / x` where no other factor
            // is 0 (`x` replaced by 1 where it is itself the 0), and 0 else.
            let (zero, one) = (r.b.full(shape, 0.0), r.b.full(shape, 1.0));
            let is_zero = x.equal(zero);
            let safe = is_zero.select(one, x);
            let p = r.b.op(Op::Reduce { op: ReduceOp::Prod, axes }, &[safe]);
            let zeros = is_zero.cast(DType::F32);
            let others = r.b.op(Op::Reduce { op: ReduceOp::Sum, axes }, &[zeros]).broadcast_to(shape) - zeros;
            others.equal(zero).select((g * p).broadcast_to(shape) / safe, zero)
        }
    }
}

/// The padding that puts the elements of a slice back to where they came from.
fn undo_slice(s: &SliceSpec, from: Shape, to: Shape) -> PadSpec {
    let mut p = PadSpec { before: [0; MAX_RANK], after: [0; MAX_RANK], between: [0; MAX_RANK] };
    for (a, (&d, &n)) in from.dims().iter().zip(to.dims()).enumerate() {
        if n == 0 {
            p.after[a] = d;
        } else {
            p.before[a] = s.start[a];
            p.between[a] = if n == 1 { 0 } else { s.stride[a] - 1 };
            p.after[a] = d - (s.start[a] + (n - 1) * (p.between[a] + 1) + 1);
        }
    }
    p
}

/// The slice that picks the elements out of their padding.
fn undo_pad(p: &PadSpec, from: Shape) -> SliceSpec {
    let mut s = SliceSpec { start: [0; MAX_RANK], stop: [0; MAX_RANK], stride: [1; MAX_RANK] };
    for (a, &d) in from.dims().iter().enumerate() {
        if d > 0 {
            s.start[a] = p.before[a];
            s.stride[a] = p.between[a] + 1;
            s.stop[a] = s.start[a] + (d - 1) * s.stride[a] + 1;
        }
    }
    s
}

#[cfg(test)]
mod tests;
