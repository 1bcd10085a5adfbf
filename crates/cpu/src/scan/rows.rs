//! Whether the rows of a batch see each other within a step, and the step for fewer of them.
//!
//! A value has the batch as its first axis, or is the same for all rows. Rows stay apart in whatever works on elements, along other axes, or multiplies rows by a
//! matrix that is the same for all; sums over the batch, products that contract it, and anything that moves along it bring them together.

use adaline_graph::{Body, Graph, NodeId, Op, Shape, TensorType};

/// Which values of a body have the batch as first axis.
#[derive(Debug)]
pub(super) struct Rows {
    /// Rows of the batch.
    pub(super) batch: usize,
    /// By node; none where that is open, so that it may be taken either way.
    is_row: Vec<Option<bool>>,
}

impl Rows {
    /// The batch of a body whose rows do not see each other: the common first axis of all that is handed from step to step. `None` where there is no
    /// such axis, where rows meet, or where a result is the same for all.
    pub(super) fn of(body: &Body) -> Option<Self> {
        let graph = body.graph();
        let first = |id: NodeId| graph.ty(id).shape.dims().first().copied();
        let results = &graph.outputs().values;
        let batch = first(results.first()?.1)?;
        let mut rows = Self { batch, is_row: vec![None; graph.nodes().len()] };
        for i in 0..body.carries() {
            rows.want(graph, results[i].1, true)?;
            if let Some(n) = body.input(i) {
                rows.want(graph, n, true)?;
            }
        }
        for i in body.carries()..body.carries() + body.xs() {
            if let Some(n) = body.input(i) {
                // Where an element is of another length it is the same for all rows.
                rows.want(graph, n, first(n) == Some(batch))?;
            }
        }
        for (_, n) in results {
            rows.want(graph, *n, true)?;
        }
        // What a value is decides what its operands are, and the other way round: until nothing changes.
        loop {
            let known = rows.is_row.iter().flatten().count();
            for id in graph.ids() {
                rows.visit(graph, id)?;
            }
            if rows.is_row.iter().flatten().count() == known {
                break;
            }
        }
        // What is still open is the same for all rows; nothing that is read by rows can be.
        rows.is_row.iter_mut().for_each(|r| *r = Some(r.unwrap_or(false)));
        graph.ids().try_for_each(|id| rows.visit(graph, id))?;
        (batch > 0).then_some(rows)
    }

    /// Whether a value has the batch as first axis.
    pub(super) fn is_row(&self, node: NodeId) -> bool {
        self.is_row[node.index()] == Some(true)
    }

    /// The type of a value for `n` rows.
    pub(super) fn ty(&self, graph: &Graph, node: NodeId, n: usize) -> TensorType {
        let ty = graph.ty(node);
        if self.is_row(node) { TensorType::new(ty.dtype, ty.shape.with_dim(0, n)) } else { ty }
    }

    /// An operation for `n` rows.
    pub(super) fn op(&self, graph: &Graph, node: NodeId, n: usize) -> Op {
        let op = graph.node(node).op;
        if !self.is_row(node) {
            return op;
        }
        let fewer = |s: Shape| s.with_dim(0, n);
        match op {
            Op::Const { value, shape } => Op::Const { value, shape: fewer(shape) },
            Op::Iota { shape, axis } => Op::Iota { shape: fewer(shape), axis },
            Op::Reshape(to) => Op::Reshape(fewer(to)),
            Op::Broadcast(to) => Op::Broadcast(fewer(to)),
            Op::Slice(mut s) => {
                s.stop[0] = n;
                Op::Slice(s)
            }
            Op::ConvInput { spec, input } => Op::ConvInput { spec, input: fewer(input) },
            Op::WindowSpread { spec, input } => Op::WindowSpread { spec, input: fewer(input) },
            op => op,
        }
    }

    /// Notes what a value is; `None` where it is already known to be the other.
    fn want(&mut self, graph: &Graph, node: NodeId, row: bool) -> Option<()> {
        let shape = graph.ty(node).shape;
        if row && shape.dims().first() != Some(&self.batch) {
            return None;
        }
        let known = &mut self.is_row[node.index()];
        match *known {
            Some(other) if other != row => None,
            _ => {
                *known = Some(row);
                Some(())
            }
        }
    }

    /// What one node says about itself and its operands.
    fn visit(&mut self, graph: &Graph, id: NodeId) -> Option<()> {
        let node = graph.node(id);
        let x = &node.inputs;
        let own = self.is_row[id.index()];
        let any = x.iter().any(|&i| self.is_row(i));
        let all_alike = |rows: &mut Self| {
            let known = own.or_else(|| x.iter().find_map(|&i| rows.is_row[i.index()]));
            known.map_or(Some(()), |row| {
                rows.want(graph, id, row)?;
                x.iter().try_for_each(|&i| rows.want(graph, i, row))
            })
        };
        let keeps_first = |allowed: bool, rows: &mut Self| {
            if !allowed && (any || own == Some(true)) { None } else { all_alike(rows) }
        };
        match node.op {
            Op::Input { .. } | Op::State { .. } | Op::Const { .. } => Some(()),
            Op::Iota { axis, .. } => (own != Some(true) || axis != 0).then_some(()),
            Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) | Op::StopGradient => all_alike(self),
            Op::Reduce { axes, .. } => keeps_first(!axes.contains(0), self),
            Op::ArgReduce { axis, .. } => keeps_first(axis != 0, self),
            Op::Reverse(axes) => keeps_first(!axes.contains(0), self),
            Op::Concat { axis } => keeps_first(axis != 0, self),
            Op::Transpose(p) => keeps_first(p.axes().next() == Some(0), self),
            Op::Reshape(to) => {
                let from = graph.ty(x[0]).shape;
                keeps_first(from.dims().first() == to.dims().first() && to.rank() > 0, self)
            }
            Op::Slice(s) => keeps_first(s.start[0] == 0 && s.stop[0] == self.batch && s.stride[0] == 1, self),
            Op::Pad(p) => keeps_first(p.before[0] == 0 && p.after[0] == 0 && p.between[0] == 0, self),
            Op::Broadcast(to) => {
                // From one row to all of them, or row by row.
                if graph.ty(x[0]).shape.dim(0) == to.dim(0) && self.batch != 1 {
                    all_alike(self)
                } else if own == Some(true) {
                    self.want(graph, x[0], false)
                } else if any {
                    None
                } else {
                    Some(())
                }
            }
            Op::Dot { ta, .. } if node.ty.shape.rank() == 2 => match (own, self.is_row[x[0].index()]) {
                (Some(true), _) | (_, Some(true)) if !ta => {
                    self.want(graph, id, true)?;
                    self.want(graph, x[0], true)?;
                    self.want(graph, x[1], false)
                }
                _ => none_is_row(any || own == Some(true)),
            },
            Op::Dot { .. } => all_alike(self),
            Op::Conv { .. } | Op::ConvInput { .. } => {
                if own == Some(true) || self.is_row(x[0]) {
                    self.want(graph, id, true)?;
                    self.want(graph, x[0], true)?;
                    self.want(graph, x[1], false)
                } else {
                    none_is_row(any)
                }
            }
            Op::Window { .. }
            | Op::WindowSpread { .. }
            | Op::WindowMaxGrad { .. }
            | Op::WindowMaxPick { .. }
            | Op::Gather
            | Op::ScatterAdd { .. } => all_alike(self),
            Op::Random { .. } | Op::ConvKernel { .. } | Op::Scan { .. } => none_is_row(any || own == Some(true)),
        }
    }
}

fn none_is_row(some: bool) -> Option<()> {
    (!some).then_some(())
}
