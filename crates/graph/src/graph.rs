//! The graph: an append-only arena of interned nodes.

use crate::{Body, BodyId, GraphError, Op, ShapeError, SlotId, TensorType, infer};
use smallvec::SmallVec;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Index of a node. Creation order is a topological order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// Index of an input declaration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct InputId(pub u32);

/// Index into the table of layer paths.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Default)]
pub struct OriginId(pub u32);

impl NodeId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
impl InputId {
    /// Beginning of the numbers of inputs that no run supplies.
    const PARAMETER: u32 = 1 << 31;
    /// Whether it stands for what a step sees while the body of a scan is being written: declared nowhere, and used by nothing afterwards.
    pub fn is_parameter(self) -> bool {
        self.0 >= Self::PARAMETER
    }
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation applied to earlier nodes.
#[derive(Clone, Debug)]
pub struct Node {
    /// What is done.
    pub op: Op,
    /// To which nodes.
    pub inputs: SmallVec<[NodeId; 3]>,
    /// Type of the result.
    pub ty: TensorType,
    /// Layer path that wrote it; survives every pass.
    pub origin: OriginId,
}

/// A declared input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputDecl {
    /// Name, for messages.
    pub name: String,
    /// Type each run must supply.
    pub ty: TensorType,
}

/// A state slot as the graph sees it: where it lives is the business of [`crate::StateLayout`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotDecl {
    /// Which slot.
    pub slot: SlotId,
    /// Name, for dumps.
    pub name: String,
    /// Type.
    pub ty: TensorType,
}

/// What a run yields.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Named values.
    pub values: Vec<(String, NodeId)>,
    /// New values of state slots, written in place after every read of the old ones.
    pub updates: Vec<(SlotId, NodeId)>,
}

/// A quick hash of short keys: multiply and add, as rustc's own. Nobody gains from collisions: they cost the author of the network time.
#[derive(Clone, Copy, Default)]
struct KeyHasher(u64);

impl KeyHasher {
    fn mix(&mut self, word: u64) {
        self.0 = self.0.wrapping_add(word).wrapping_mul(0xf135_7aea_2e62_a9c5);
    }
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for &word in words {
            self.mix(u64::from_le_bytes(word));
        }
        for &byte in rest {
            self.mix(u64::from(byte));
        }
    }
    fn write_u8(&mut self, v: u8) {
        self.mix(u64::from(v));
    }
    fn write_u32(&mut self, v: u32) {
        self.mix(u64::from(v));
    }
    fn write_u64(&mut self, v: u64) {
        self.mix(v);
    }
    fn write_usize(&mut self, v: usize) {
        self.mix(v as u64);
    }
    fn finish(&self) -> u64 {
        // The product's good bits are the high ones.
        self.0 >> 32
    }
}

/// Which node has which operation and inputs: open addressing, in each place the index of a node plus one, or 0. Looked up, never
/// iterated. It keeps no keys, since the nodes have them: graphs are made and dropped by every pass, and fresh memory costs most of that.
#[derive(Clone)]
struct Interned {
    /// A power of two, at most half of it taken.
    places: Vec<u32>,
}

impl Interned {
    /// Room for so many nodes.
    fn with_capacity(nodes: usize) -> Self {
        Self { places: vec![0; (2 * nodes).next_power_of_two().max(32)] }
    }
    /// The equal node, or the place where a new one belongs.
    fn find(&self, nodes: &[Node], op: &Op, inputs: &[NodeId]) -> Result<NodeId, usize> {
        let mut at = self.first(op, inputs);
        while let Some(n) = self.places[at].checked_sub(1) {
            let node = &nodes[n as usize];
            if node.inputs[..] == *inputs && node.op == *op {
                return Ok(NodeId(n));
            }
            at = (at + 1) & (self.places.len() - 1);
        }
        Err(at)
    }
    fn first(&self, op: &Op, inputs: &[NodeId]) -> usize {
        let mut hasher = KeyHasher::default();
        op.hash(&mut hasher);
        inputs.hash(&mut hasher);
        hasher.finish() as usize & (self.places.len() - 1)
    }
    /// Notes the last of the nodes, whose place [`Self::find`] told.
    fn insert(&mut self, nodes: &[Node], at: usize) {
        self.places[at] = nodes.len() as u32;
        if 2 * nodes.len() > self.places.len() {
            *self = Self::with_capacity(2 * nodes.len());
            for (i, node) in nodes.iter().enumerate() {
                let mut at = self.first(&node.op, &node.inputs);
                while self.places[at] != 0 {
                    at = (at + 1) & (self.places.len() - 1);
                }
                self.places[at] = i as u32 + 1;
            }
        }
    }
}

/// An append-only, interned graph: no cycles, common subexpressions are one node, iteration order is creation order.
#[derive(Clone)]
pub struct Graph {
    nodes: Vec<Node>,
    interned: Interned,
    origins: Vec<String>,
    origin: OriginId,
    inputs: Vec<InputDecl>,
    slots: Vec<SlotDecl>,
    outputs: Outputs,
    bodies: Vec<Arc<Body>>,
    parameters: u32,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self {
            nodes: Vec::new(),
            interned: Interned::with_capacity(0),
            origins: vec![String::new()],
            origin: OriginId::default(),
            inputs: Vec::new(),
            slots: Vec::new(),
            outputs: Outputs::default(),
            bodies: Vec::new(),
            parameters: 0,
        }
    }

    /// An empty graph with the same input declarations, slots, bodies and origins: what a pass rebuilds into.
    pub fn like(other: &Self) -> Self {
        Self {
            nodes: Vec::with_capacity(other.nodes.len()),
            interned: Interned::with_capacity(other.nodes.len()),
            origins: other.origins.clone(),
            origin: OriginId::default(),
            inputs: other.inputs.clone(),
            slots: other.slots.clone(),
            outputs: Outputs::default(),
            bodies: other.bodies.clone(),
            parameters: other.parameters,
        }
    }

    /// Adds a node, or returns the equal one that exists.
    pub fn add(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let at = match self.interned.find(&self.nodes, &op, inputs) {
            Ok(id) => return Ok(id),
            Err(at) => at,
        };
        let types: SmallVec<[TensorType; 3]> = inputs.iter().map(|&i| self.ty(i)).collect();
        let ty = infer(op, &types).and_then(|ty| self.fits_body(&op, &types).map(|()| ty)).map_err(|mut e| {
            e.origin.clone_from(&self.origins[self.origin.0 as usize]);
            e
        })?;
        Ok(self.push(at, Node { op, inputs: SmallVec::from_slice(inputs), ty, origin: self.origin }))
    }

    /// Declares an input and adds its node.
    pub fn add_input(&mut self, name: &str, ty: TensorType) -> NodeId {
        let id = InputId(self.inputs.len() as u32);
        self.inputs.push(InputDecl { name: name.into(), ty });
        self.push_leaf(Op::Input { id, ty }, ty)
    }

    /// Adds (or finds) the node that reads a state slot.
    pub fn add_state(&mut self, slot: SlotId, name: &str, ty: TensorType) -> NodeId {
        if !self.slots.iter().any(|s| s.slot == slot) {
            self.slots.push(SlotDecl { slot, name: name.into(), ty });
        }
        self.push_leaf(Op::State { slot, ty }, ty)
    }

    /// Adds a node that stands for what a step of a scan sees, while its body is written.
    pub(crate) fn add_parameter(&mut self, ty: TensorType) -> NodeId {
        self.parameters += 1;
        self.push_leaf(Op::Input { id: InputId(InputId::PARAMETER + self.parameters - 1), ty }, ty)
    }

    /// Forgets all bodies, so that those still used can be added again.
    pub(crate) fn drop_bodies(&mut self) {
        self.bodies.clear();
    }

    /// Whether bodies of scans were written here, beside something that is wanted.
    pub(crate) fn has_model_steps(&self) -> bool {
        self.parameters > 0 && !(self.outputs.values.is_empty() && self.outputs.updates.is_empty())
    }

    /// Whether a scan fits its body; true for all other operations.
    pub(crate) fn fits_body(&self, op: &Op, inputs: &[TensorType]) -> Result<(), ShapeError> {
        let Op::Scan { body, steps, len, .. } = *op else { return Ok(()) };
        let fits = match self.bodies.get(body.index()) {
            Some(body) => body.fits(inputs, steps, len),
            None => Err(format!("has no body {}", body.0)),
        };
        fits.map_err(|message| ShapeError { origin: String::new(), op: op.name().into(), message, inputs: inputs.to_vec() })
    }

    /// Adds what a step of a scan does, for [`Op::Scan`]; the same one is kept once.
    pub fn add_body(&mut self, body: Arc<Body>) -> BodyId {
        let at = self.bodies.iter().position(|b| Arc::ptr_eq(b, &body)).unwrap_or_else(|| {
            self.bodies.push(body);
            self.bodies.len() - 1
        });
        BodyId(at as u32)
    }
    /// What a step of a scan does.
    ///
    /// # Panics
    /// For the number of a body of another graph.
    pub fn body(&self, id: BodyId) -> &Arc<Body> {
        &self.bodies[id.index()]
    }
    /// What a step of a scan does; none for other nodes.
    pub fn body_of(&self, node: NodeId) -> Option<&Arc<Body>> {
        if let Op::Scan { body, .. } = self.node(node).op { Some(self.body(body)) } else { None }
    }
    /// All of them, by [`BodyId`].
    pub fn bodies(&self) -> &[Arc<Body>] {
        &self.bodies
    }

    /// Declares an input without adding its node.
    pub(crate) fn declare_input(&mut self, name: &str, ty: TensorType) {
        self.inputs.push(InputDecl { name: name.into(), ty });
    }

    /// Declares a slot without adding the node that reads it.
    pub(crate) fn declare_slot(&mut self, slot: SlotId, name: &str, ty: TensorType) {
        self.slots.push(SlotDecl { slot, name: name.into(), ty });
    }

    fn push_leaf(&mut self, op: Op, ty: TensorType) -> NodeId {
        match self.interned.find(&self.nodes, &op, &[]) {
            Ok(id) => id,
            Err(at) => self.push(at, Node { op, inputs: SmallVec::new(), ty, origin: self.origin }),
        }
    }

    fn push(&mut self, at: usize, node: Node) -> NodeId {
        self.nodes.push(node);
        self.interned.insert(&self.nodes, at);
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// Names a result.
    pub fn add_output(&mut self, name: &str, node: NodeId) {
        self.outputs.values.push((name.into(), node));
    }

    /// Declares the new value of a slot. A slot is updated at most once; the last declaration counts.
    pub fn add_update(&mut self, slot: SlotId, node: NodeId) {
        match self.outputs.updates.iter_mut().find(|(s, _)| *s == slot) {
            Some(u) => u.1 = node,
            None => self.outputs.updates.push((slot, node)),
        }
    }

    /// The nodes in topological order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// Ids of all nodes in topological order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }
    /// One node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }
    /// One node, to break rules in tests of those who check them.
    #[cfg(test)]
    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.index()]
    }
    /// Type of one node.
    pub fn ty(&self, id: NodeId) -> TensorType {
        self.nodes[id.index()].ty
    }
    /// Declared inputs, by [`InputId`].
    pub fn inputs(&self) -> &[InputDecl] {
        &self.inputs
    }
    /// Slots read or written.
    pub fn slots(&self) -> &[SlotDecl] {
        &self.slots
    }
    /// Results and updates.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }
    /// Replaces results and updates (used by passes).
    pub fn set_outputs(&mut self, outputs: Outputs) {
        self.outputs = outputs;
    }
    /// Layer path of an origin.
    pub fn origin_path(&self, origin: OriginId) -> &str {
        &self.origins[origin.0 as usize]
    }
    /// The id of a layer path, added when new.
    pub fn intern_origin(&mut self, path: &str) -> OriginId {
        let at = self.origins.iter().position(|o| o == path).unwrap_or_else(|| {
            self.origins.push(path.into());
            self.origins.len() - 1
        });
        OriginId(at as u32)
    }
    /// Sets the origin of the nodes added from now on; returns the one before.
    pub fn set_origin(&mut self, origin: OriginId) -> OriginId {
        std::mem::replace(&mut self.origin, origin)
    }
    /// The origin given to nodes added now.
    pub fn origin(&self) -> OriginId {
        self.origin
    }

    /// Adds a node of another graph, with the inputs it has here.
    pub(crate) fn adopt(&mut self, from: &Self, id: NodeId, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        self.adopt_as(from, id, from.node(id).op, inputs)
    }

    /// The same, with an operation that may differ in its shapes.
    pub fn adopt_as(&mut self, from: &Self, id: NodeId, op: Op, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let node = from.node(id);
        let origin = self.intern_origin(from.origin_path(node.origin));
        let before = self.set_origin(origin);
        let op = self.own(from, op);
        let added = self.add(op, inputs);
        self.set_origin(before);
        added
    }

    /// An operation of another graph with its body, if it has one, among those of this one.
    pub(crate) fn own(&mut self, from: &Self, op: Op) -> Op {
        match op {
            Op::Scan { body, steps, reverse, len } => Op::Scan { body: self.add_body(from.body(body).clone()), steps, reverse, len },
            op => op,
        }
    }

    /// Rebuilds the graph node by node: the one rewriting tool of passes. `f` receives the new graph, the old node and its inputs as
    /// they are in the new graph, and returns the replacing node. Origins, declarations, outputs and updates carry over.
    pub fn rebuild(
        &self,
        mut f: impl FnMut(&mut Self, NodeId, &Node, &[NodeId]) -> Result<NodeId, GraphError>,
    ) -> Result<Self, GraphError> {
        let mut new = Self::like(self);
        let mut map: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        for (i, node) in self.nodes.iter().enumerate() {
            new.set_origin(node.origin);
            let inputs: SmallVec<[NodeId; 3]> = node.inputs.iter().map(|n| map[n.index()]).collect();
            let id = f(&mut new, NodeId(i as u32), node, &inputs)?;
            map.push(id);
        }
        let renew = |n: &NodeId| map[n.index()];
        new.outputs = Outputs {
            values: self.outputs.values.iter().map(|(s, n)| (s.clone(), renew(n))).collect(),
            updates: self.outputs.updates.iter().map(|(s, n)| (*s, renew(n))).collect(),
        };
        new.set_origin(OriginId::default());
        Ok(new)
    }

    /// How many times each node is used by other nodes, outputs and updates.
    pub fn use_counts(&self) -> Vec<u32> {
        let mut uses = vec![0; self.nodes.len()];
        for n in &self.nodes {
            for i in &n.inputs {
                uses[i.index()] += 1;
            }
        }
        for n in self.outputs.values.iter().map(|v| v.1).chain(self.outputs.updates.iter().map(|u| u.1)) {
            uses[n.index()] += 1;
        }
        uses
    }
}

impl Default for Graph {
    fn default() -> Self {
        Self::new()
    }
}
