//! From nodes of a graph to nodes of ONNX, one by one.

use super::ExportError;
use super::held::Held;
use super::sizes::Size;
use super::traces::Together;
use super::writer::{Writer, element, int};
use adaline_graph::{DType, Literal, NodeId, Op};
use std::collections::{BTreeMap, BTreeSet};

/// A graph (or what a step of a scan does) on its way.
pub(super) struct Walk<'g> {
    pub(super) graphs: Together<'g>,
    /// Values of the graph's inputs.
    pub(super) inputs: Vec<Held>,
    /// Values of the nodes so far.
    pub(super) held: Vec<Held>,
    /// How many times each node is used.
    pub(super) uses: Vec<u32>,
    /// By which nodes each is used.
    users: Vec<Vec<NodeId>>,
    /// Results of scans whose line is never put together, by node.
    pub(super) parts: BTreeMap<NodeId, Vec<Part>>,
    /// Slices of such lines that are one result.
    pub(super) cut: BTreeMap<NodeId, Held>,
    /// Reshapes that only undo another one, around operations which need none in ONNX: what they take has the axes already.
    pub(super) joined: BTreeSet<NodeId>,
    /// Divisions that the mean before them has done.
    pub(super) means: BTreeSet<NodeId>,
}

/// A result of a scan.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) start: Size,
    pub(super) len: Size,
    pub(super) held: Held,
}

impl<'g> Walk<'g> {
    pub(super) fn new(graphs: Together<'g>, inputs: Vec<Held>) -> Self {
        let graph = graphs.first();
        let mut users = vec![Vec::new(); graph.nodes().len()];
        for id in graph.ids() {
            for x in &graph.node(id).inputs {
                users[x.index()].push(id);
            }
        }
        let (held, uses) = (Vec::with_capacity(users.len()), graph.use_counts());
        Self {
            graphs,
            inputs,
            held,
            uses,
            users,
            parts: BTreeMap::new(),
            cut: BTreeMap::new(),
            joined: BTreeSet::new(),
            means: BTreeSet::new(),
        }
    }
    /// The value of a node.
    pub(super) fn value(&self, id: NodeId) -> &Held {
        &self.held[id.index()]
    }
    /// Sizes of a node.
    pub(super) fn dims(&self, id: NodeId) -> Vec<Size> {
        self.graphs.dims(id)
    }
    /// The nodes that a node takes.
    pub(super) fn takes(&self, id: NodeId) -> &'g [NodeId] {
        &self.graphs.first().node(id).inputs
    }
    /// The operation of a node; sizes in it are those of the first trace.
    pub(super) fn op(&self, id: NodeId) -> Op {
        self.graphs.first().node(id).op
    }
    /// The nodes that use a node.
    pub(super) fn users(&self, id: NodeId) -> &[NodeId] {
        &self.users[id.index()]
    }

    /// Writes all nodes.
    pub(super) fn write(&mut self, w: &mut Writer<'_>) -> Result<(), ExportError> {
        let graph = self.graphs.first();
        for id in graph.ids() {
            w.set_layer(graph.origin_path(graph.node(id).origin));
            let held = self.translate(w, id)?;
            self.held.push(held);
        }
        Ok(())
    }

    /// Writes one node.
    fn translate(&mut self, w: &mut Writer<'_>, id: NodeId) -> Result<Held, ExportError> {
        let graph = self.graphs.first();
        let node = graph.node(id);
        let unsupported = |w: &Writer<'_>| {
            let (op, layer) = (node.op.name(), w.layer().to_owned());
            Err(ExportError::Operation { op, layer })
        };
        match node.op {
            Op::Input { id: input, .. } => {
                let given = self.inputs.get(input.index()).cloned();
                // The seed and the step are not given, which random numbers take.
                given.ok_or_else(|| {
                    let user = self.users(id).first().map_or(node, |&user| graph.node(user));
                    ExportError::Operation { op: user.op.name(), layer: graph.origin_path(user.origin).to_owned() }
                })
            }
            Op::State { slot, .. } => {
                let name = graph.slots().iter().find(|s| s.slot == slot).map_or("weight", |s| &s.name);
                Ok(w.slot(slot, name, self.dims(id)))
            }
            Op::Const { .. } => self.constant(w, id),
            Op::Iota { axis, .. } => self.iota(w, id, axis as usize),
            Op::Unary(op) => Ok(self.unary(w, id, op)),
            Op::Binary(op) => Ok(self.binary(w, id, op)),
            Op::Select => Ok(self.select(w, id)),
            Op::Cast(to) => Ok(self.cast(w, id, to)),
            // Repeats by itself where it is used.
            Op::StopGradient | Op::Broadcast(_) => Ok(self.value(node.inputs[0]).clone()),
            Op::Reduce { op, axes } => self.reduce(w, id, op, axes),
            Op::ArgReduce { op, axis } => self.arg_reduce(w, id, op, axis as usize),
            Op::Reshape(_) => self.reshape(w, id),
            Op::Transpose(perm) => Ok(self.transpose(w, id, perm)),
            Op::Slice(_) => self.slice(w, id),
            Op::Pad(_) => self.pad(w, id),
            Op::Concat { axis } => self.concat(w, id, axis as usize),
            Op::Reverse(axes) => Ok(self.reverse(w, id, axes)),
            Op::Dot { ta, tb } => self.dot(w, id, ta, tb),
            Op::Conv { spec } => self.conv(w, id, &spec),
            Op::ConvInput { spec, .. } => self.conv_input(w, id, &spec),
            Op::Window { op, spec } => self.window(w, id, op, &spec),
            // A prediction has no gradients and nothing random; a layer of one's own may have some.
            Op::Random { .. } | Op::ConvKernel { .. } | Op::WindowSpread { .. } | Op::WindowMaxGrad { .. } | Op::WindowMaxPick { .. } => {
                unsupported(w)
            }
            Op::Gather => self.gather(w, id),
            Op::ScatterAdd { .. } => self.scatter_add(w, id),
            Op::Scan { reverse, .. } => self.scan(w, id, reverse),
        }
    }

    /// A constant is one element, whatever shape it fills.
    fn constant(&self, w: &mut Writer<'_>, id: NodeId) -> Result<Held, ExportError> {
        let values: Vec<Literal> = self.graphs.0.iter().filter_map(|g| literal(g.node(id).op)).collect();
        let one = vec![Size::always(1, w.traces())];
        let Some(&first) = values.first() else { return Err(ExportError::Size { layer: w.layer().to_owned() }) };
        // Of a count that a mean has divided by already, nothing is left.
        let counted = self.uses[id.index()] > 0 && self.users(id).iter().all(|user| self.means.contains(user));
        if counted || values.iter().all(|v| *v == first) {
            return Ok(Held::plain(w.literal(first), vec![]));
        }
        if first.dtype() == DType::F32 {
            let numbers: Vec<f32> = values.iter().map(|v| v.as_f64() as f32).collect();
            return Ok(Held::plain(w.number(&numbers)?, one));
        }
        let size = Size::of_numbers(values.iter().map(|v| v.as_f64() as i64));
        Ok(Held::plain(w.size_as(&size, element(first.dtype()))?, one))
    }

    /// Numbers along one axis, with axes of one element behind it.
    fn iota(&self, w: &mut Writer<'_>, id: NodeId, axis: usize) -> Result<Held, ExportError> {
        let dims = self.dims(id);
        let behind = dims.len() - 1 - axis;
        let range = w.range(&dims[axis])?;
        let held: Vec<Size> = std::iter::once(dims[axis].clone()).chain((0..behind).map(|_| Size::always(1, w.traces()))).collect();
        if behind == 0 {
            return Ok(Held::plain(range, held));
        }
        let axes = w.numbers(&(1..=behind as i64).collect::<Vec<_>>());
        Ok(Held::plain(w.node("Unsqueeze", &[&range, &axes], vec![]), held))
    }

    /// Where an operation is called on a flattened operand and its result gets the axes back, of which the result has one more or another
    /// last one: what was flattened, and the reshape that gives the axes back. The operand's last axis is kept (of a matrix), or none is.
    pub(super) fn flattened(&self, id: NodeId, operand: NodeId, keeps_last: bool) -> Option<(NodeId, NodeId)> {
        let Op::Reshape(_) = self.op(operand) else { return None };
        // On the way back there may be operations on elements, with numbers that are the same for each row.
        let mut at = id;
        let user = loop {
            let &[user] = self.users(at) else { return None };
            if self.uses[at.index()] != 1 {
                return None;
            }
            match self.op(user) {
                Op::Reshape(_) => break user,
                Op::Unary(_) => {}
                Op::Binary(_) if self.takes(user).iter().all(|&x| x == at || self.is_row(x)) => {}
                _ => return None,
            }
            at = user;
        };
        let source = self.takes(operand)[0];
        let (before, flat, after, result) = (self.dims(source), self.dims(operand), self.dims(user), self.dims(id));
        let lead = if keeps_last { before.len().checked_sub(1)? } else { before.len() };
        let fits = after.len() == lead + 1
            && before[..lead] == after[..lead]
            && after.last() == result.last()
            && (!keeps_last || before.last() == flat.last());
        fits.then_some((source, user))
    }

    /// Whether a node is one number, or a list that is repeated along all axes but the last.
    fn is_row(&self, mut id: NodeId) -> bool {
        let row = |id: NodeId| self.dims(id).iter().rev().skip(1).all(|d| d.is(1));
        while let op @ (Op::Broadcast(_) | Op::Reshape(_)) = self.op(id) {
            let from = self.takes(id)[0];
            if !row(from) || matches!(op, Op::Reshape(_)) && !row(id) {
                return false;
            }
            id = from;
        }
        literal(self.op(id)).is_some() || self.dims(id).len() == 1
    }

    /// The value of an operand with all its axes, of which those given are there in full: for operations along axes.
    pub(super) fn along(&self, w: &mut Writer<'_>, operand: NodeId, axes: &[usize]) -> Result<Held, ExportError> {
        let (held, dims) = (self.value(operand), self.dims(operand));
        if axes.iter().all(|&a| held.has(a, &dims)) { Ok(w.ranked(held, dims.len())) } else { w.full(held, &dims) }
    }

    fn cast(&self, w: &mut Writer<'_>, id: NodeId, to: DType) -> Held {
        let held = self.value(self.takes(id)[0]).clone();
        let name = w.node("Cast", &[&held.name], vec![int("to", i64::from(element(to)))]);
        Held { name, ..held }
    }
}

/// The value of a constant.
pub(super) fn literal(op: Op) -> Option<Literal> {
    if let Op::Const { value, .. } = op { Some(value) } else { None }
}
