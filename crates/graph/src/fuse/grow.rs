//! Growing clusters: each node, in topological order, joins the cluster of an operand where it can, and clusters that meet merge.

use super::cluster::{
    Cluster, Edge, Facts, is_convolution_product, is_opaque, is_reduction, is_sums, reads_memory, reduction_of, rows_repeated,
};
use super::reach::Reach;
use super::{Access, MAX_MEMBERS, MAX_ROW, ONE_ROW, Place, Reduction, Space};
use crate::backend::CompileOptions;
use crate::{Graph, NodeId, Op};
use std::collections::BTreeMap;

/// What fusion may do.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // one for each pass that can be switched off
pub(super) struct Allowed {
    pub(super) fuse: bool,
    pub(super) epilogue: bool,
    pub(super) rows: bool,
    pub(super) columns: bool,
    /// Epilogues of convolutions.
    pub(super) convolutions: bool,
    /// Epilogues of sums by index.
    pub(super) sums: bool,
    pub(super) inplace: bool,
}

/// Most notes kept.
const MAX_NOTES: usize = 100;

/// The clusters so far.
pub(super) struct Grower<'a> {
    pub(super) graph: &'a Graph,
    pub(super) allowed: Allowed,
    pub(super) facts: Facts,
    pub(super) clusters: Vec<Cluster>,
    /// The cluster that computes each node.
    pub(super) homes: Vec<Option<u32>>,
    pub(super) live: Vec<bool>,
    pub(super) notes: Vec<String>,
    pub(super) reach: Reach,
}

impl<'a> Grower<'a> {
    pub(super) fn new(graph: &'a Graph, options: &CompileOptions) -> Self {
        let fuse = options.enabled("fuse");
        let allowed = Allowed {
            fuse,
            epilogue: fuse && options.enabled("epilogue"),
            rows: fuse && options.enabled("rows"),
            columns: fuse && options.enabled("columns"),
            convolutions: fuse && options.enabled("epilogue") && options.enabled("conv"),
            sums: fuse && options.enabled("epilogue") && options.enabled("sums"),
            inplace: options.enabled("inplace"),
        };
        let nodes = graph.nodes().len();
        let mut live = vec![false; nodes];
        for n in graph.outputs().values.iter().map(|v| v.1).chain(graph.outputs().updates.iter().map(|u| u.1)) {
            live[n.index()] = true;
        }
        for id in graph.ids().rev() {
            if live[id.index()] {
                for i in &graph.node(id).inputs {
                    live[i.index()] = true;
                }
            }
        }
        Self {
            graph,
            allowed,
            facts: Facts::new(graph, fuse),
            clusters: Vec::new(),
            homes: vec![None; nodes],
            live,
            notes: Vec::new(),
            reach: Reach::new(nodes),
        }
    }

    pub(super) fn note(&mut self, node: NodeId, why: &str) {
        if self.notes.len() < MAX_NOTES {
            let n = self.graph.node(node);
            let origin = self.graph.origin_path(n.origin);
            let text = format!("%{} {}{}{origin}: {why}", node.0, n.op.name(), if origin.is_empty() { "" } else { " of " });
            if !self.notes.contains(&text) {
                self.notes.push(text);
            }
        }
    }

    /// Places every live node that computes something.
    pub(super) fn grow(&mut self) {
        let live: Vec<NodeId> = self.graph.ids().filter(|id| self.live[id.index()]).collect();
        // Decide first which views get memory of their own: results of the graph, and what strides cannot express.
        let results = self.graph.outputs();
        for n in results.values.iter().map(|v| v.1).chain(results.updates.iter().map(|u| u.1)) {
            let n = self.facts.strip(self.graph, n);
            if matches!(self.graph.node(n).op, Op::Transpose(_) | Op::Broadcast(_) | Op::Slice(_) | Op::Reverse(_)) {
                self.facts.copied[n.index()] = true;
            }
        }
        for &id in &live {
            while let Err(input) = super::view::resolve(self.graph, &self.facts.copied, id) {
                self.facts.copied[input.index()] = true;
            }
        }
        for &id in live.iter().filter(|id| matches!(self.graph.node(**id).op, Op::Dot { .. })) {
            for &i in &self.graph.node(id).inputs {
                let view = super::view::resolve(self.graph, &self.facts.copied, i);
                if view.is_ok_and(|v| v.matrix().is_none()) {
                    self.facts.copied[i.index()] = true; // a product wants one unit stride
                }
            }
        }
        for &id in live.iter().filter(|id| is_opaque(self.graph.node(**id).op)) {
            for &i in &self.graph.node(id).inputs {
                let view = super::view::resolve(self.graph, &self.facts.copied, i);
                if view.is_ok_and(|v| v.len() != 1 && v.access() != Access::Direct) {
                    self.facts.copied[i.index()] = true;
                }
            }
        }
        for id in live {
            if self.computes(id) {
                self.place(id);
            }
        }
        if self.allowed.fuse {
            self.join_siblings();
        }
    }

    /// Merges clusters of one space that read the same memory, and all that is done to single numbers.
    fn join_siblings(&mut self) {
        let mut readers: BTreeMap<Option<NodeId>, Vec<u32>> = BTreeMap::new();
        for (c, cluster) in self.clusters.iter().enumerate() {
            if !cluster.alive || cluster.closed || cluster.product.is_some() {
                continue;
            }
            if cluster.space.len() == 1 {
                readers.entry(None).or_default().push(c as u32);
                continue;
            }
            for (m, p) in cluster.members.iter() {
                for e in self.facts.edges(self.graph, cluster, m, p).unwrap_or_default() {
                    if let Edge::Load(v) = e
                        && v.len() > 1
                    {
                        let list = readers.entry(Some(v.base)).or_default();
                        if list.last() != Some(&(c as u32)) {
                            list.push(c as u32);
                        }
                    }
                }
            }
        }
        for list in readers.into_values() {
            let mut into: Vec<u32> = Vec::new();
            for c in list {
                let alive = |c: u32| self.clusters[c as usize].alive;
                if !alive(c) || into.contains(&c) {
                    continue;
                }
                into.retain(|&a| alive(a));
                if !into.clone().into_iter().any(|a| self.merge(a, c)) {
                    into.push(c);
                }
            }
        }
    }

    /// Whether a node needs a kernel, rather than being a leaf, a view, a name or generated where it is used.
    fn computes(&self, id: NodeId) -> bool {
        if self.facts.generated[id.index()] || super::view::is_renaming(self.graph, id) {
            return false;
        }
        match self.graph.node(id).op {
            Op::Input { .. }
            | Op::State { .. }
            | Op::Const { .. }
            | Op::Reshape(_)
            | Op::Transpose(_)
            | Op::Broadcast(_)
            | Op::Slice(_)
            | Op::Reverse(_)
            | Op::StopGradient => false,
            Op::Iota { .. }
            | Op::Random { .. }
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Select
            | Op::Cast(_)
            | Op::Reduce { .. }
            | Op::ArgReduce { .. }
            | Op::Pad(_)
            | Op::Concat { .. }
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
            | Op::Scan { .. } => true,
        }
    }

    fn place(&mut self, id: NodeId) {
        let n = self.graph.node(id);
        match n.op {
            op if matches!(op, Op::Dot { .. })
                || self.allowed.convolutions && is_convolution_product(self.graph, id)
                || self.allowed.sums && is_sums(self.graph, id) =>
            {
                let shape = n.ty.shape;
                let cols = shape.dim(-1);
                let mut c = Cluster::new(Space::Grid(shape.dims()[..shape.rank() - 1].iter().product(), cols));
                c.product = Some(id);
                self.found(c, id, Place::Full);
            }
            Op::Pad(_) | Op::Concat { .. } => self.found(Cluster::closed(Space::Flat(n.ty.len())), id, Place::Full),
            op if is_opaque(op) => self.found(Cluster::closed(Space::Flat(n.ty.len())), id, Place::Full),
            _ => {
                if self.allowed.fuse && self.join(id) {
                    return;
                }
                let (space, place) = own_space(self.graph, id);
                self.found(Cluster::new(space), id, place);
            }
        }
    }

    /// Starts a cluster with its first member.
    pub(super) fn found(&mut self, mut c: Cluster, id: NodeId, place: Place) {
        c.members.insert(id, place);
        // The clean slate always fits: all operands are loads, constants or generated.
        self.take_generated(&mut c, id);
        self.homes[id.index()] = Some(self.clusters.len() as u32);
        self.clusters.push(c);
    }

    /// The clusters that compute operands of `id`, youngest first, products before all others.
    fn candidates(&self, id: NodeId) -> Vec<u32> {
        let mut found = Vec::new();
        let mut stack: Vec<NodeId> = self.graph.node(id).inputs.to_vec();
        while let Some(x) = stack.pop() {
            let x = self.facts.strip(self.graph, x);
            match self.homes[x.index()] {
                Some(c) if !found.contains(&c) && !self.clusters[c as usize].closed => found.push(c),
                // Row values reach the rows through a broadcast; generated values have no home.
                None if matches!(self.graph.node(x).op, Op::Broadcast(_)) => stack.extend(&self.graph.node(x).inputs),
                Some(_) | None => {}
            }
        }
        found.sort_unstable_by_key(|&c| (self.clusters[c as usize].product.is_none(), std::cmp::Reverse(c)));
        found
    }

    /// Tries to add a node to the cluster of an operand; merges further clusters where possible.
    fn join(&mut self, id: NodeId) -> bool {
        let candidates = self.candidates(id);
        let mut home: Option<u32> = None;
        for &c in &candidates {
            if let Some(h) = home {
                self.merge(h, c);
            } else if let Some(with) = self.joined(id, c) {
                self.clusters[c as usize] = with;
                self.homes[id.index()] = Some(c);
                home = Some(c);
            }
        }
        home.is_some()
    }

    /// The cluster with one more member, if that is possible and legal.
    fn joined(&mut self, id: NodeId, c: u32) -> Option<Cluster> {
        let cluster = &self.clusters[c as usize];
        if cluster.members.len() >= MAX_MEMBERS {
            self.note(id, "region is full");
            return None;
        }
        let mut grown = None;
        for (space, place, lift) in self.options(id, cluster) {
            let mut trial = cluster.clone();
            trial.space = space;
            if lift {
                trial.members.lift();
            }
            trial.members.insert(id, place);
            if !self.take_generated(&mut trial, id) {
                continue;
            }
            let Some(edges) = self.facts.edges(self.graph, &trial, id, place) else { continue };
            let inside = edges.iter().any(|e| match e {
                Edge::Value(v) => !self.facts.generated[v.index()],
                Edge::Expand(_) => true,
                Edge::Const(_) | Edge::Load(_) => false,
            });
            if inside {
                grown = Some(trial);
                break;
            }
        }
        let trial = grown?;
        // Whatever the new member needs from outside must not need the cluster.
        let outside: Vec<NodeId> = self.externals(&trial, id).into_iter().filter(|x| !cluster.members.contains(*x)).collect();
        if self.reach.reaches(self.graph, &self.clusters, &self.homes, outside.into_iter(), &[c]) {
            self.note(id, "would need its own region's result from another one");
            return None;
        }
        Some(trial)
    }

    /// Operands of a member that are not members, through names.
    pub(super) fn externals(&self, cluster: &Cluster, id: NodeId) -> Vec<NodeId> {
        let mut out = Vec::new();
        for &i in &self.graph.node(id).inputs {
            let x = self.facts.strip(self.graph, i);
            if cluster.members.contains(x) {
                if self.facts.generated[x.index()] {
                    out.extend(self.externals(cluster, x));
                }
                continue;
            }
            if let (Op::Broadcast(_), false) = (self.graph.node(x).op, self.facts.copied[x.index()])
                && cluster.members.contains(self.facts.strip(self.graph, self.graph.node(x).inputs[0]))
            {
                continue;
            }
            out.push(x);
        }
        out
    }

    /// Ways to add a node to a cluster: the space it would then have, the node's place, whether members become row values.
    fn options(&self, id: NodeId, c: &Cluster) -> Vec<(Space, Place, bool)> {
        let n = self.graph.node(id);
        let mut out = Vec::new();
        if !self.may_grow(c) {
            return out;
        }
        if let Some(r) = reduction_of(self.graph, id) {
            if c.product.is_some() {
                return out;
            }
            let index = matches!(n.op, Op::ArgReduce { .. });
            match (r, c.space) {
                (Reduction::Trailing(rows, cols), _) if self.allowed.rows && cols <= MAX_ROW => match c.space {
                    Space::Flat(len) if len == rows * cols => out.push((Space::Grid(rows, cols), Place::Row, false)),
                    Space::Grid(r, c) if (r, c) == (rows, cols) => out.push((c_space(r, c), Place::Row, false)),
                    _ => {}
                },
                (Reduction::Leading(rows, cols), _) if self.allowed.columns && !index => match c.space {
                    Space::Flat(len) if len == rows * cols => out.push((Space::Grid(rows, cols), Place::Col, false)),
                    Space::Grid(r, c) if (r, c) == (rows, cols) => out.push((c_space(r, c), Place::Col, false)),
                    _ => {}
                },
                (Reduction::Full(len), Space::Flat(l)) if self.allowed.rows && len <= ONE_ROW && l == len => {
                    out.push((Space::Grid(1, len), Place::Row, false));
                }
                (Reduction::Full(len), Space::Grid(1, l)) if self.allowed.rows && len <= ONE_ROW && l == len => {
                    out.push((c.space, Place::Row, false));
                }
                (Reduction::Full(len), space) if self.allowed.columns && !index && (space.len() == len || space.grid().0 == len) => {
                    out.push((space, Place::One, false));
                }
                _ => {}
            }
            return out;
        }
        let len = n.ty.len();
        let (rows, cols) = c.space.grid();
        if len == rows * cols {
            out.push((c.space, Place::Full, false));
        }
        if c.product.is_some() {
            return if self.allowed.epilogue { out } else { Vec::new() };
        }
        let long = cols > MAX_ROW && c.members.has(Place::Row);
        if long {
            out.clear(); // a row that does not fit into block buffers
        }
        if let Space::Grid(..) = c.space {
            if len == rows {
                out.push((c.space, Place::Row, false));
            }
            if len == cols && c.members.has(Place::Col) {
                out.push((c.space, Place::Col, false));
            }
        } else if self.allowed.rows && rows > 1 && c.members.places().all(|p| p == Place::Full) {
            // Values of a line become those of rows when this node repeats them along rows.
            for &i in &n.inputs {
                let x = self.facts.strip(self.graph, i);
                if let Some((r, cols)) = rows_repeated(self.graph, x)
                    && r == rows
                    && r * cols == len
                    && cols <= MAX_ROW
                    && c.members.contains(self.facts.strip(self.graph, self.graph.node(x).inputs[0]))
                {
                    out.push((Space::Grid(r, cols), Place::Full, true));
                    break;
                }
            }
        }
        if len == 1 && c.members.has(Place::One) {
            out.push((c.space, Place::One, false));
        }
        out
    }

    /// Whether the options let a cluster have other members besides its reduction.
    fn may_grow(&self, c: &Cluster) -> bool {
        c.members.places().all(|p| match p {
            Place::Full => true,
            Place::Row => self.allowed.rows,
            Place::Col | Place::One => self.allowed.columns,
        })
    }

    /// Makes the generated operands of a member members, too. `false` when one already is, elsewhere.
    pub(super) fn take_generated(&self, c: &mut Cluster, id: NodeId) -> bool {
        let Some(place) = c.members.get(id) else { return false };
        if self.facts.copied[id.index()] {
            return true;
        }
        let at = if is_reduction(self.graph, id) { self.facts.operand_place(self.graph, c, id, place) } else { place };
        if reads_memory(self.graph.node(id).op) {
            return true; // these read memory
        }
        for &i in &self.graph.node(id).inputs {
            let x = self.facts.strip(self.graph, i);
            if !self.facts.generated[x.index()] || self.facts.copied[x.index()] {
                continue;
            }
            match c.members.get(x) {
                Some(p) if p != at => return false,
                Some(_) => {}
                None => {
                    c.members.insert(x, at);
                    if !self.take_generated(c, x) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Merges cluster `b` into `a` when the spaces agree and no dependency leaves the union and comes back.
    fn merge(&mut self, a: u32, b: u32) -> bool {
        let Some(union) = self.union(a, b) else { return false };
        let outside: Vec<NodeId> = union.members.nodes().flat_map(|m| self.externals(&union, m)).collect();
        if self.reach.reaches(self.graph, &self.clusters, &self.homes, outside.into_iter(), &[a, b]) {
            let first = self.clusters[b as usize].members.nodes().next();
            if let Some(first) = first {
                self.note(first, "cannot share a pass with a consumer that also needs it through another region");
            }
            return false;
        }
        for m in self.clusters[b as usize].members.nodes() {
            if self.homes[m.index()] == Some(b) {
                self.homes[m.index()] = Some(a);
            }
        }
        let dead = &mut self.clusters[b as usize];
        dead.alive = false;
        dead.members.clear();
        self.clusters[a as usize] = union;
        true
    }

    /// The two clusters as one, if every member can still get at its operands.
    fn union(&self, a: u32, b: u32) -> Option<Cluster> {
        let (x, y) = (&self.clusters[a as usize], &self.clusters[b as usize]);
        if x.closed
            || y.closed
            || !self.may_grow(x)
            || !self.may_grow(y)
            || x.members.len() + y.members.len() > MAX_MEMBERS
            || (x.product.is_some() && y.product.is_some())
        {
            return None;
        }
        let full_only = |c: &Cluster| c.members.places().all(|p| p == Place::Full);
        let product = x.product.or(y.product);
        if product.is_some() && !(self.allowed.epilogue && full_only(x) && full_only(y)) {
            return None;
        }
        let rows_matter = |c: &Cluster| c.members.has(Place::Row);
        let (space, lift_x, lift_y) = match (x.space, y.space) {
            (s, t) if s == t => (s, false, false),
            (Space::Grid(r, c), Space::Flat(n)) if n == r * c => (x.space, false, false),
            (Space::Flat(n), Space::Grid(r, c)) if n == r * c => (y.space, false, false),
            (Space::Grid(r, c), Space::Flat(n)) if n == r && c <= MAX_ROW && full_only(y) => (x.space, false, true),
            (Space::Flat(n), Space::Grid(r, c)) if n == r && c <= MAX_ROW && full_only(x) => (y.space, true, false),
            _ => return None,
        };
        if (lift_x || lift_y) && (product.is_some() || !self.allowed.rows) {
            return None;
        }
        if space.grid().1 > MAX_ROW && (rows_matter(x) || rows_matter(y)) {
            return None;
        }
        let members = match (lift_x, lift_y) {
            (false, false) => x.members.union(&y.members)?,
            (lift_x, lift_y) => {
                let (mut xs, mut ys) = (x.members.clone(), y.members.clone());
                if lift_x {
                    xs.lift();
                }
                if lift_y {
                    ys.lift();
                }
                xs.union(&ys)?
            }
        };
        let union = Cluster { space, product, members, closed: false, alive: true };
        let fits = union.members.iter().all(|(m, p)| self.facts.edges(self.graph, &union, m, p).is_some());
        fits.then_some(union)
    }
}

fn c_space(rows: usize, cols: usize) -> Space {
    Space::Grid(rows, cols)
}

/// Space and place of a node that founds a cluster of its own.
pub(super) fn own_space(graph: &Graph, id: NodeId) -> (Space, Place) {
    let index = matches!(graph.node(id).op, Op::ArgReduce { .. });
    match reduction_of(graph, id) {
        Some(Reduction::Trailing(r, c)) => (Space::Grid(r, c), Place::Row),
        Some(Reduction::Full(n)) if n <= ONE_ROW || index => (Space::Grid(1, n), Place::Row),
        Some(Reduction::Full(n)) => (Space::Flat(n), Place::One),
        Some(Reduction::Leading(r, c)) => (Space::Grid(r, c), Place::Col),
        // Middle reductions were rewritten; a reduction of nothing is a name.
        Some(Reduction::Nothing | Reduction::Middle) | None => (Space::Flat(graph.ty(id).len()), Place::Full),
    }
}
