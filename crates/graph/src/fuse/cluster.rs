//! Clusters: sets of nodes that will run as one kernel, and how a node of a cluster gets at each of its operands.

use super::view::{self, View};
use super::{Place, Reduction, Space, shape_of_reduction};
use crate::{Graph, Literal, NodeId, Op};
use smallvec::{SmallVec, smallvec};

/// Nodes that run together over one iteration space.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) space: Space,
    pub(super) product: Option<NodeId>,
    pub(super) members: Members,
    /// Takes no further members (data movement).
    pub(super) closed: bool,
    pub(super) alive: bool,
}

impl Cluster {
    pub(super) fn new(space: Space) -> Self {
        Self { space, product: None, members: Members::default(), closed: false, alive: true }
    }
    pub(super) fn closed(space: Space) -> Self {
        Self { closed: true, ..Self::new(space) }
    }
}

/// Members with their places, in the order of the nodes: a short list, because clusters are copied with every try.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(Vec<(NodeId, Place)>);

impl Members {
    fn at(&self, node: NodeId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&node, |m| m.0)
    }
    pub(super) fn get(&self, node: NodeId) -> Option<Place> {
        self.at(node).ok().map(|at| self.0[at].1)
    }
    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.at(node).is_ok()
    }
    pub(super) fn insert(&mut self, node: NodeId, place: Place) {
        match self.at(node) {
            Ok(at) => self.0[at].1 = place,
            Err(at) => self.0.insert(at, (node, place)),
        }
    }
    pub(super) fn remove(&mut self, node: NodeId) {
        if let Ok(at) = self.at(node) {
            self.0.remove(at);
        }
    }
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, Place)> {
        self.0.iter().copied()
    }
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.0.iter().map(|m| m.0)
    }
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.0.iter().map(|m| m.1)
    }
    pub(super) fn has(&self, place: Place) -> bool {
        self.places().any(|p| p == place)
    }
    /// Makes all of them values of rows.
    pub(super) fn lift(&mut self) {
        self.0.iter_mut().for_each(|m| m.1 = Place::Row);
    }
    /// Both lists as one; nothing where a node (a generated value) is at two places.
    pub(super) fn union(&self, other: &Self) -> Option<Self> {
        let mut all = Vec::with_capacity(self.len() + other.len());
        let mut rest = &other.0[..];
        for &m in &self.0 {
            let before = rest.iter().take_while(|o| o.0 < m.0).count();
            all.extend_from_slice(&rest[..before]);
            rest = &rest[before..];
            if let Some((same, after)) = rest.split_first().filter(|(o, _)| o.0 == m.0) {
                if same.1 != m.1 {
                    return None;
                }
                rest = after;
            }
            all.push(m);
        }
        all.extend_from_slice(rest);
        Some(Self(all))
    }
}

/// How a member reads its operands, in order.
pub type Edges = SmallVec<[Edge; 3]>;

/// How a member reads one operand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Edge {
    /// The value of another member at the same place.
    Value(NodeId),
    /// A row value, repeated along its row.
    Expand(NodeId),
    /// One constant.
    Const(Literal),
    /// From memory.
    Load(View),
}

/// What every decision about clusters needs to know of the nodes.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// View nodes and leaves that get memory of their own.
    pub(super) copied: Vec<bool>,
    /// Values made of nothing but counters: cheap to make again wherever they are needed.
    pub(super) generated: Vec<bool>,
}

/// Longest chain of generated values that is repeated rather than stored.
const MAX_GENERATED: u32 = 12;

impl Facts {
    pub(super) fn new(graph: &Graph, regenerate: bool) -> Self {
        let mut generated = vec![false; graph.nodes().len()];
        let mut cost = vec![0u32; graph.nodes().len()];
        for id in graph.ids() {
            let n = graph.node(id);
            let from_generated = |generated: &[bool]| {
                n.inputs.iter().all(|i| generated[i.index()] || matches!(graph.node(*i).op, Op::Const { .. }))
                    && n.inputs.iter().any(|i| generated[i.index()])
            };
            let yes = match n.op {
                Op::Iota { .. } => true,
                Op::Random { dist, .. } => dist == crate::Distribution::Uniform,
                Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) | Op::StopGradient | Op::Reshape(_) => from_generated(&generated),
                _ => false,
            };
            // What several share counts for each: soon more than any number in a deep graph.
            cost[id.index()] = n.inputs.iter().fold(1, |sum: u32, i| sum.saturating_add(cost[i.index()]));
            generated[id.index()] = regenerate && yes && cost[id.index()] <= MAX_GENERATED;
        }
        Self { copied: vec![false; graph.nodes().len()], generated }
    }

    pub(super) fn strip(&self, graph: &Graph, node: NodeId) -> NodeId {
        view::strip(graph, &self.copied, node)
    }

    /// How a member of `cluster` at `place` gets at the node `operand`; `None` when it cannot within this cluster.
    /// Generated operands answer as values whether or not they are members yet.
    pub(super) fn edge(&self, graph: &Graph, cluster: &Cluster, operand: NodeId, place: Place) -> Option<Edge> {
        let node = self.strip(graph, operand);
        if let Op::Const { value, .. } = graph.node(node).op
            && !cluster.members.contains(node)
        {
            return Some(Edge::Const(value));
        }
        if let Some(at) = cluster.members.get(node) {
            return (at == place).then_some(Edge::Value(node));
        }
        if self.generated[node.index()] && !self.copied[node.index()] {
            return Some(Edge::Value(node));
        }
        if let (Op::Broadcast(_), false) = (graph.node(node).op, self.copied[node.index()]) {
            let row = self.strip(graph, graph.node(node).inputs[0]);
            if let Some(at) = cluster.members.get(row) {
                let fits = place == Place::Full && at == Place::Row && repeats_rows(graph, node, cluster.space);
                return fits.then_some(Edge::Expand(row));
            }
        }
        let v = view::resolve(graph, &self.copied, node).ok()?;
        if let Op::Const { value, .. } = graph.node(v.base).op
            && !self.copied[v.base.index()]
        {
            return Some(Edge::Const(value));
        }
        (!cluster.members.contains(v.base)).then_some(Edge::Load(v))
    }

    /// Where the operand of a reduction at `place` is read.
    pub(super) fn operand_place(&self, graph: &Graph, cluster: &Cluster, node: NodeId, place: Place) -> Place {
        if place != Place::One || !matches!(graph.node(node).op, Op::Reduce { .. }) {
            return if is_reduction(graph, node) { Place::Full } else { place };
        }
        let x = graph.node(node).inputs[0];
        match cluster.members.get(self.strip(graph, x)) {
            // What follows a sum cannot be summed in the same region: no edge will fit.
            Some(Place::Col | Place::One) => Place::Full,
            Some(at) => at,
            None if graph.ty(x).len() == cluster.space.len() => Place::Full,
            None => Place::Row,
        }
    }

    /// All edges of a member, or `None` when one is impossible.
    pub(super) fn edges(&self, graph: &Graph, cluster: &Cluster, node: NodeId, place: Place) -> Option<Edges> {
        let n = graph.node(node);
        if self.copied[node.index()] {
            let v = view::through(graph, &self.copied, node).ok()?;
            return Some(match graph.node(v.base).op {
                Op::Const { value, .. } if v.base == node || !self.copied[v.base.index()] => smallvec![Edge::Const(value)],
                _ => smallvec![Edge::Load(v)],
            });
        }
        match n.op {
            op if reads_memory(op) => n
                .inputs
                .iter()
                .map(|&i| {
                    let v = view::resolve(graph, &self.copied, i).ok()?;
                    (!cluster.members.contains(v.base)).then_some(Edge::Load(v))
                })
                .collect(),
            _ => {
                let at = self.operand_place(graph, cluster, node, place);
                n.inputs.iter().map(|&i| self.edge(graph, cluster, i, at)).collect()
            }
        }
    }
}

/// Whether an operation has a kernel of its own, which reads its operands from memory as they are, each whole and row-major.
pub(super) fn is_opaque(op: Op) -> bool {
    match op {
        Op::Conv { .. }
        | Op::ConvInput { .. }
        | Op::ConvKernel { .. }
        | Op::Window { .. }
        | Op::WindowSpread { .. }
        | Op::WindowMaxGrad { .. }
        | Op::WindowMaxPick { .. }
        | Op::Gather
        | Op::ScatterAdd { .. }
        | Op::Scan { .. } => true,
        Op::Input { .. }
        | Op::State { .. }
        | Op::Const { .. }
        | Op::Iota { .. }
        | Op::Random { .. }
        | Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::StopGradient
        | Op::Reduce { .. }
        | Op::ArgReduce { .. }
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Slice(_)
        | Op::Pad(_)
        | Op::Concat { .. }
        | Op::Reverse(_)
        | Op::Dot { .. } => false,
    }
}

/// Whether a node is a convolution that can be computed as one product of matrices, row by row of its result.
pub(super) fn is_convolution_product(graph: &Graph, node: NodeId) -> bool {
    let n = graph.node(node);
    match n.op {
        Op::Conv { spec } | Op::ConvInput { spec, .. } => {
            spec.groups == 1 && !n.ty.is_empty() && n.inputs.iter().all(|&x| !graph.ty(x).is_empty())
        }
        _ => false,
    }
}

/// Whether a node sums by index rows that something can be done to while they are at hand. Rows and indices are counted in 32 bits.
pub(super) fn is_sums(graph: &Graph, node: NodeId) -> bool {
    let n = graph.node(node);
    let fits = |count: usize| u32::try_from(count).is_ok();
    matches!(n.op, Op::ScatterAdd { .. }) && !n.ty.is_empty() && fits(n.ty.len() / n.ty.shape.dim(-1)) && fits(graph.ty(n.inputs[1]).len())
}

/// Whether an operation reads its operands from memory, rather than element by element where they are made.
pub fn reads_memory(op: Op) -> bool {
    is_opaque(op) || matches!(op, Op::Dot { .. } | Op::Pad(_) | Op::Concat { .. } | Op::Random { .. })
}

/// Whether a node combines several elements into one.
pub(super) fn is_reduction(graph: &Graph, node: NodeId) -> bool {
    matches!(graph.node(node).op, Op::Reduce { .. } | Op::ArgReduce { .. })
}

/// The reduction a node makes.
pub(super) fn reduction_of(graph: &Graph, node: NodeId) -> Option<Reduction> {
    let n = graph.node(node);
    let axes = match n.op {
        Op::Reduce { axes, .. } => axes,
        Op::ArgReduce { axis, .. } => crate::AxisSet::of(&[axis as usize]),
        _ => return None,
    };
    Some(shape_of_reduction(graph.ty(n.inputs[0]).shape, axes))
}

/// Whether a broadcast repeats each of the space's row values along its row.
fn repeats_rows(graph: &Graph, broadcast: NodeId, space: Space) -> bool {
    let Space::Grid(rows, cols) = space else { return false };
    rows_repeated(graph, broadcast) == Some((rows, cols))
}

/// `(R, C)` when a broadcast turns R values into R rows of C equal elements.
pub(super) fn rows_repeated(graph: &Graph, broadcast: NodeId) -> Option<(usize, usize)> {
    let n = graph.node(broadcast);
    let Op::Broadcast(to) = n.op else { return None };
    let input = n.inputs[0];
    let mut v = View::whole(input, graph.ty(input).shape);
    for (d, &size) in v.dims.iter_mut().zip(to.dims()) {
        if d.0 != size {
            *d = (size, 0);
        }
    }
    match v.merged()[..] {
        [(rows, 1), (cols, 0)] => Some((rows, cols)),
        [(cols, 0)] => Some((1, cols)),
        _ => None,
    }
}
