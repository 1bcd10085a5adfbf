//! The gradient of a scan: a scan the other way.
//!
//! A step back needs values of the same step forward. Those that cost something (products, sums, transcendental functions, what the step was
//! handed) are results of the forward scan; sums, products of elements and the like are computed anew. What all steps see gets the sum of
//! what each step gives: where that is a matrix product `aᵀ g` or a sum over axes, the steps' `a` and `g` are stacked and one product or sum is taken after the last
//! step; else the sum is handed from step to step.

use super::{dependents, walk};
use crate::{AxisSet, BinaryOp, Body, Builder, DType, Graph, GraphError, Literal, NodeId, Op, ReduceOp, Shape, Var};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A scan, and the gradients of the loss with respect to its results; none where that is zero.
pub(super) struct Scanned<'g> {
    pub(super) b: &'g Builder,
    pub(super) body: Arc<Body>,
    pub(super) steps: usize,
    pub(super) reverse: bool,
    pub(super) inputs: Vec<Var<'g>>,
    pub(super) adjoints: Vec<Option<Var<'g>>>,
}

/// Calls `give(i, dx)` for each wanted input.
pub(super) fn vjp<'g>(s: &Scanned<'g>, wanted: &dyn Fn(usize) -> bool, give: &mut dyn FnMut(usize, Var<'g>)) -> Result<(), GraphError> {
    let (b, body, carries) = (s.b, &*s.body, s.body.carries());
    let all = body.graph().inputs().len();
    let is_wanted: Vec<bool> = (0..all).map(|i| wanted(i) && body.graph().inputs()[i].ty.dtype == DType::F32).collect();
    let active = active_inputs(body, &is_wanted);
    let moving: Vec<usize> = (0..carries).filter(|&i| active[i]).collect();
    let back = StepBack::new(body, &active, &s.adjoints)?;
    let sums: BTreeMap<usize, Sum> =
        (carries + body.xs()..all).filter(|&i| is_wanted[i]).filter_map(|i| Some((i, back.sum(back.gradients[i]?)))).collect();
    let through: Vec<(usize, NodeId)> =
        (carries..carries + body.xs()).filter(|&i| is_wanted[i]).filter_map(|i| Some((i, back.gradients[i]?))).collect();

    // What the steps back give, beside what they hand on.
    let mut roots: Vec<NodeId> = moving.iter().filter_map(|&i| back.gradients[i]).chain(through.iter().map(|t| t.1)).collect();
    for sum in sums.values() {
        sum.leaves(&mut roots);
    }
    let kept = back.kept(&roots);
    let forward = s.with_results(&kept.iter().copied().filter(|&n| back.sequence(n).is_none()).collect::<Vec<_>>())?;
    let stack_of = |n: NodeId| back.sequence(n).map(|i| s.inputs[i]).or_else(|| forward.get(&n).copied());

    let mut emitted: Vec<NodeId> = Vec::new();
    let mut emit = |n: NodeId| {
        if stack_of(n).is_none() && !emitted.contains(&n) {
            emitted.push(n);
        }
    };
    for &(_, n) in &through {
        emit(n);
    }
    for sum in sums.values() {
        sum.stacked(&mut emit);
    }
    let handed: Vec<&Sum> = sums.values().filter(|sum| matches!(sum, Sum::Handed(_))).collect();

    let zeros = |shape: Shape| b.full(shape, 0.0);
    let mut first: Vec<Var> = moving.iter().map(|&i| s.adjoints[i].unwrap_or_else(|| zeros(s.inputs[i].shape()))).collect();
    first.extend(handed.iter().map(|sum| zeros(back.graph.ty(sum.node()).shape)));
    let mut xs: Vec<Var> = kept.iter().filter_map(|&n| stack_of(n)).collect();
    xs.extend(back.results.iter().filter_map(|&(i, _)| s.adjoints[i]));

    let (last, given) = b.scan(s.steps, !s.reverse, &first, &xs, |carry, x| {
        let mut map: Vec<Option<NodeId>> = vec![None; back.graph.nodes().len()];
        for (&n, v) in kept.iter().zip(x) {
            map[n.index()] = Some(v.id());
        }
        let results = back.results.iter().map(|r| r.1).zip(&x[kept.len()..]);
        for (n, v) in back.handed.iter().copied().zip(carry).chain(results) {
            map[n.index()] = Some(v.id());
        }
        for i in carries + body.xs()..all {
            if let Some(n) = body.input(i) {
                map[n.index()] = Some(s.inputs[i].id());
            }
        }
        let mut ends = roots.clone();
        ends.extend(&emitted);
        let written = b.with_graph(|g| back.write(g, &mut map, &ends));
        if let Err(e) = written {
            b.fail(e);
        }
        let at = |n: NodeId| map[n.index()].map_or_else(|| b.error("a gradient of a scan was not written"), |id| b.var(id));
        let mut next: Vec<Var> = moving.iter().map(|&i| back.gradients[i].map_or_else(|| zeros(s.inputs[i].shape()), at)).collect();
        next.extend(handed.iter().zip(&carry[moving.len()..]).map(|(sum, so_far)| *so_far + at(sum.node())));
        (next, emitted.iter().map(|&n| at(n)).collect())
    });

    let stack = |n: NodeId| {
        let here = || emitted.iter().position(|&e| e == n).map(|at| given[at]);
        stack_of(n).or_else(here).unwrap_or_else(|| b.error("a result of a step back is missing"))
    };
    for (place, &i) in moving.iter().enumerate() {
        if is_wanted[i] {
            give(i, last[place]);
        }
    }
    for &(i, n) in &through {
        give(i, stack(n));
    }
    let mut rest = last[moving.len()..].iter();
    for (&i, sum) in &sums {
        let total = match sum {
            Sum::Handed(_) => rest.next().copied(),
            other => Some(other.total(b, &stack)),
        };
        if let Some(total) = total {
            give(i, total);
        }
    }
    Ok(())
}

impl<'g> Scanned<'g> {
    /// These nodes of the body at each step `[T, ..]`: the results of the scan that has them as further results. A pass makes one of the two scans.
    fn with_results(&self, nodes: &[NodeId]) -> Result<BTreeMap<NodeId, Var<'g>>, GraphError> {
        let carries = self.body.carries();
        let mut graph = self.body.graph().clone();
        let mut at: Vec<(NodeId, usize)> = Vec::new();
        for &n in nodes {
            let outputs = &graph.outputs().values;
            let place = outputs.iter().skip(carries).position(|o| o.1 == n).map_or(outputs.len(), |p| carries + p);
            if place == outputs.len() {
                graph.add_output(&format!("kept{place}"), n);
            }
            at.push((n, place));
        }
        if at.is_empty() {
            return Ok(BTreeMap::new());
        }
        let body = Arc::new(Body::new(graph, carries, self.body.xs())?);
        let parts = self.b.scan_of(&body, self.steps, self.reverse, &self.inputs);
        Ok(at.into_iter().map(|(n, place)| (n, parts[place])).collect())
    }
}

/// Through which inputs of the body a gradient flows: the wanted ones, and the carries that depend on one of them.
fn active_inputs(body: &Body, wanted: &[bool]) -> Vec<bool> {
    let graph = body.graph();
    let mut active = wanted.to_vec();
    loop {
        let from: Vec<NodeId> = (0..active.len()).filter(|&i| active[i]).filter_map(|i| body.input(i)).collect();
        let depends = dependents(graph, graph.nodes().len(), &from);
        let mut found = false;
        for (i, (_, node)) in graph.outputs().values.iter().take(body.carries()).enumerate() {
            found |= depends[node.index()] && !active[i];
            active[i] |= depends[node.index()];
        }
        if !found {
            return active;
        }
    }
}

/// A step forward and, behind it in the same graph, the step back.
struct StepBack {
    graph: Graph,
    /// Nodes of the step forward.
    forward: usize,
    /// Which of them depend on the step.
    varies: Vec<bool>,
    /// By input of the body: the gradient with respect to it; none where it is zero.
    gradients: Vec<Option<NodeId>>,
    /// The gradients with respect to what the step hands on, by moving carry.
    handed: Vec<NodeId>,
    /// Results with a gradient, and its node.
    results: Vec<(usize, NodeId)>,
    /// Nodes of carries and sequences; carries come first.
    inputs: Vec<Option<NodeId>>,
    carries: usize,
}

impl StepBack {
    fn new(body: &Body, active: &[bool], adjoints: &[Option<Var<'_>>]) -> Result<Self, GraphError> {
        let outputs = &body.graph().outputs().values;
        let forward = body.graph().nodes().len();
        let b = Builder::from_graph(body.graph().clone());
        let seed = |i: usize| {
            let name = format!("gradient of {}", outputs[i].0);
            (outputs[i].1, b.input(&name, body.graph().ty(outputs[i].1)).id())
        };
        let moving: Vec<usize> = (0..body.carries()).filter(|&i| active[i]).collect();
        let handed: Vec<(NodeId, NodeId)> = moving.iter().map(|&i| seed(i)).collect();
        let with: Vec<usize> = (body.carries()..outputs.len()).filter(|&i| adjoints[i].is_some()).collect();
        let results: Vec<(NodeId, NodeId)> = with.iter().map(|&i| seed(i)).collect();
        let inputs: Vec<Option<NodeId>> = (0..active.len()).map(|i| body.input(i)).collect();
        let asked: Vec<usize> = (0..active.len()).filter(|&i| active[i] && inputs[i].is_some()).collect();
        let wrt: Vec<NodeId> = asked.iter().filter_map(|&i| inputs[i]).collect();
        let seeds: Vec<(NodeId, NodeId)> = handed.iter().chain(&results).copied().collect();
        let found = walk(&b, &seeds, forward, &wrt);
        let (graph, error) = b.into_parts();
        if let Some(e) = error {
            return Err(e);
        }
        let mut gradients = vec![None; active.len()];
        for (i, n) in asked.into_iter().zip(found?) {
            let zero = matches!(graph.node(n).op, Op::Const { value: Literal::F32(bits), .. } if f32::from_bits(bits) == 0.0);
            gradients[i] = (!zero).then_some(n);
        }
        let mut varies = vec![false; forward];
        let stepping = &inputs[..body.carries() + body.xs()];
        stepping.iter().flatten().for_each(|n| varies[n.index()] = true);
        for at in 0..forward {
            varies[at] |= graph.nodes()[at].inputs.iter().any(|x| varies[x.index()]);
        }
        let inputs = stepping.to_vec();
        let results = with.into_iter().zip(results).map(|(i, (_, n))| (i, n)).collect();
        let handed = handed.into_iter().map(|h| h.1).collect();
        Ok(Self { graph, forward, varies, gradients, handed, results, inputs, carries: body.carries() })
    }

    /// The sequence whose element a node is.
    fn sequence(&self, node: NodeId) -> Option<usize> {
        self.inputs.iter().position(|i| *i == Some(node)).filter(|&i| i >= self.carries)
    }

    /// The values of the step forward that the step back to `roots` must be given, in the order of the nodes.
    ///
    /// Those that cost something to begin with; then, where it makes the sum smaller or as small with less to compute, what comes of them instead (a slice of a
    /// product, a product with its bias).
    fn kept(&self, roots: &[NodeId]) -> Vec<NodeId> {
        let mut instead = BTreeSet::new();
        let (mut best, mut again) = self.kept_with(roots, &instead);
        let size = |kept: &[NodeId]| -> usize {
            // A sequence is in memory anyway.
            kept.iter().filter(|&&n| self.sequence(n).is_none()).map(|&n| self.graph.ty(n).len()).sum()
        };
        for candidate in again.clone() {
            instead.insert(candidate);
            let (kept, rest) = self.kept_with(roots, &instead);
            if (size(&kept), rest.len()) < (size(&best), again.len()) {
                (best, again) = (kept, rest);
            } else {
                instead.remove(&candidate);
            }
        }
        best
    }

    /// What is kept if these are, and what is computed anew then, from the last node to the first.
    fn kept_with(&self, roots: &[NodeId], instead: &BTreeSet<NodeId>) -> (Vec<NodeId>, Vec<NodeId>) {
        let mut needed = vec![false; self.graph.nodes().len()];
        for root in roots {
            needed[root.index()] = true;
        }
        let (mut kept, mut again) = (Vec::new(), Vec::new());
        for id in self.graph.ids().rev() {
            if !needed[id.index()] {
                continue;
            }
            if self.is_kept(id) || instead.contains(&id) {
                kept.push(id);
            } else {
                self.graph.node(id).inputs.iter().for_each(|x| needed[x.index()] = true);
                let forward = id.index() < self.forward && self.varies[id.index()];
                again.extend((forward && self.graph.ty(id).dtype == DType::F32).then_some(id));
            }
        }
        kept.reverse();
        (kept, again)
    }

    /// Whether a node is a value of the step forward that costs more to compute than to keep.
    fn is_kept(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        if id.index() >= self.forward || !self.varies[id.index()] {
            return false;
        }
        match node.op {
            Op::Input { .. } => true,
            op => node.ty.dtype == DType::F32 && !is_cheap(op),
        }
    }

    /// Writes what is needed for `ends` into another graph; `map` has the nodes that are there.
    fn write(&self, into: &mut Graph, map: &mut [Option<NodeId>], ends: &[NodeId]) -> Result<(), GraphError> {
        let mut needed = vec![false; map.len()];
        for end in ends {
            needed[end.index()] = true;
        }
        for id in self.graph.ids().rev() {
            if needed[id.index()] && map[id.index()].is_none() {
                self.graph.node(id).inputs.iter().for_each(|x| needed[x.index()] = true);
            }
        }
        for id in self.graph.ids().filter(|id| needed[id.index()]) {
            if map[id.index()].is_none() {
                let inputs: Option<Vec<NodeId>> = self.graph.node(id).inputs.iter().map(|x| map[x.index()]).collect();
                let missing = || GraphError::Malformed { node: id.index(), message: "a step back lacks a value".into() };
                map[id.index()] = Some(into.adopt(&self.graph, id, &inputs.ok_or_else(missing)?)?);
            }
        }
        Ok(())
    }

    /// How to add a value up over all steps.
    fn sum(&self, node: NodeId) -> Sum {
        // A step that is a recurrence itself gives products that are long enough, of more than one wants to keep.
        let long = self.graph.nodes().iter().any(|n| matches!(n.op, Op::Scan { .. }));
        if long { Sum::Handed(node) } else { self.after(node).unwrap_or(Sum::Handed(node)) }
    }

    /// The sum as something done after the last step, where that is known.
    fn after(&self, node: NodeId) -> Option<Sum> {
        let n = self.graph.node(node);
        let varies = |id: NodeId| id.index() >= self.forward || self.varies[id.index()];
        match n.op {
            Op::Binary(BinaryOp::Add) => Some(Sum::Add(Box::new(self.after(n.inputs[0])?), Box::new(self.after(n.inputs[1])?))),
            Op::Reshape(_) | Op::Transpose(_) => Some(Sum::Moved(n.op, Box::new(self.after(n.inputs[0])?))),
            Op::Reduce { op: ReduceOp::Sum, axes } if !axes.is_empty() && self.graph.ty(n.inputs[0]).shape.rank() < crate::MAX_RANK => {
                Some(Sum::Reduced(n.inputs[0], axes))
            }
            Op::Dot { ta: true, tb: false } if n.ty.shape.rank() == 2 && n.inputs.iter().all(|&i| varies(i)) => {
                Some(Sum::Product(n.inputs[0], n.inputs[1]))
            }
            _ => None,
        }
    }
}

/// Whether an operation is sooner done again than its result read from memory.
fn is_cheap(op: Op) -> bool {
    use crate::UnaryOp as U;
    match op {
        Op::Unary(u) => matches!(u, U::Neg | U::Abs | U::Sign | U::Floor | U::Bf16 | U::F16 | U::Flush | U::Not),
        Op::Binary(b) => !matches!(b, BinaryOp::Div | BinaryOp::Pow),
        Op::Const { .. }
        | Op::Iota { .. }
        | Op::Select
        | Op::Cast(_)
        | Op::StopGradient
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Slice(_)
        | Op::Pad(_)
        | Op::Concat { .. }
        | Op::Reverse(_) => true,
        Op::Input { .. }
        | Op::State { .. }
        | Op::Random { .. }
        | Op::Reduce { .. }
        | Op::ArgReduce { .. }
        | Op::Dot { .. }
        | Op::Conv { .. }
        | Op::ConvInput { .. }
        | Op::ConvKernel { .. }
        | Op::Window { .. }
        | Op::WindowSpread { .. }
        | Op::WindowMaxGrad { .. }
        | Op::WindowMaxPick { .. }
        | Op::Gather
        | Op::ScatterAdd { .. }
        | Op::Scan { .. } => false,
    }
}

/// A value of the steps added up over all of them.
enum Sum {
    /// A sum of two.
    Add(Box<Self>, Box<Self>),
    /// The same elements in another order.
    Moved(Op, Box<Self>),
    /// `aᵀ g` of `a (K, M)`, `g (K, N)`: of all steps, `(T K, M)` and `(T K, N)`.
    Product(NodeId, NodeId),
    /// A sum over axes.
    Reduced(NodeId, AxisSet),
    /// Added up from step to step.
    Handed(NodeId),
}

impl Sum {
    /// The node of a sum that is handed from step to step, or the first that is read.
    fn node(&self) -> NodeId {
        match self {
            Self::Add(a, _) | Self::Moved(_, a) => a.node(),
            Self::Product(n, _) | Self::Reduced(n, _) | Self::Handed(n) => *n,
        }
    }
    /// What the steps have to compute for it.
    fn leaves(&self, out: &mut Vec<NodeId>) {
        match self {
            Self::Handed(n) => out.push(*n),
            other => other.stacked(&mut |n| out.push(n)),
        }
    }
    /// What is read of all steps.
    fn stacked(&self, f: &mut impl FnMut(NodeId)) {
        match self {
            Self::Add(a, b) => {
                a.stacked(f);
                b.stacked(f);
            }
            Self::Moved(_, a) => a.stacked(f),
            Self::Product(a, g) => {
                f(*a);
                f(*g);
            }
            Self::Reduced(a, _) => f(*a),
            Self::Handed(_) => {}
        }
    }
    /// The sum, given the stacks.
    fn total<'g>(&self, b: &'g Builder, stack: &impl Fn(NodeId) -> Var<'g>) -> Var<'g> {
        match self {
            Self::Add(x, y) => x.total(b, stack) + y.total(b, stack),
            Self::Moved(op, x) => b.op(*op, &[x.total(b, stack)]),
            Self::Product(a, g) => {
                let rows = |n: NodeId| {
                    let s = stack(n);
                    s.reshape([s.dim(0) * s.dim(1), s.dim(2)])
                };
                rows(*a).dot(rows(*g), true, false)
            }
            Self::Reduced(x, axes) => {
                let all: Vec<usize> = std::iter::once(0).chain(axes.iter().map(|a| a + 1)).collect();
                let sum = b.op(Op::Reduce { op: ReduceOp::Sum, axes: AxisSet::of(&all) }, &[stack(*x)]);
                sum.reshape(Shape::new(&sum.shape().dims()[1..]))
            }
            Self::Handed(_) => b.error("a sum handed from step to step has no stack"),
        }
    }
}

/// Whether the whole of a scan's part is what a slice takes; which.
pub(super) fn part_of(graph: &Graph, slice: NodeId) -> Option<(NodeId, usize)> {
    let node = graph.node(slice);
    let Op::Slice(s) = node.op else { return None };
    let from = node.inputs[0];
    let Op::Scan { body, steps, .. } = graph.node(from).op else { return None };
    let parts = graph.body(body).parts(steps)?;
    let exact = |p: &crate::Part| s.start[0] == p.start && s.stop[0] == p.start + p.shape.len() && s.stride[0] == 1;
    Some((from, parts.iter().position(exact)?))
}
