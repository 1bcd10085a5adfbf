//! Fusion: which nodes run together, as one pass over memory.
//!
//! [`fuse`] gathers the nodes of a graph into [`Region`]s of one iteration space each, with several outputs. A region is elementwise
//! ([`Kind::Loop`]), has statistics of each row ([`Kind::Rows`]: softmax, cross-entropy, layer normalisation), sums down columns or over
//! everything ([`Kind::Columns`]: bias gradients, batch statistics, losses, metrics), or is a matrix product with everything that can
//! be done to its result while it is still in registers ([`Kind::Product`]: bias, activation, its derivative, the optimizer's update); so
//! is a convolution, and sums by index are ([`Kind::Product`] too). Windows, a table look-up or a convolution in groups runs by itself ([`Kind::Opaque`]).
//! Shape operations are no regions: they are strides of whoever reads them ([`View`]). Nothing that enters a reduction is computed twice.
//!
//! ```
//! use adaline_graph::{Builder, TensorType, backend::CompileOptions, fuse};
//!
//! let b = Builder::new();
//! let (x, w, bias) = (b.input("x", TensorType::f32([8, 3])), b.input("w", TensorType::f32([3, 4])), b.input("b", TensorType::f32([4])));
//! b.output("y", (x.matmul(w) + bias).relu());
//! let fused = fuse::fuse(&b.finish().unwrap(), &CompileOptions::default()).unwrap();
//! assert_eq!(fused.regions.len(), 1); // one product with its epilogue
//! assert!(fused.to_string().contains("dot"));
//! ```

mod cluster;
mod finish;
mod grow;
mod prepare;
mod reach;
mod sink;
mod still;
#[cfg(test)]
mod tests;
mod text;
pub mod view;

pub use cluster::{Edge, Edges, reads_memory};
pub use prepare::identity_of;
pub use still::Number;
pub use view::{Access, Matrix, View};

use crate::backend::CompileOptions;
use crate::{AxisSet, Graph, GraphError, MAX_RANK, NodeId, Shape, SlotId};
use smallvec::SmallVec;
use std::fmt;

/// Longest row that a region keeps in its block buffers.
pub const MAX_ROW: usize = 16 * 1024;
/// Most nodes of one region.
pub const MAX_MEMBERS: usize = 160;
/// A full reduction of at most this many elements counts as that of one row, so that its result can be used in the same region.
pub const ONE_ROW: usize = 4096;

/// The points a region visits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Space {
    /// This many elements in a line.
    Flat(usize),
    /// Rows and columns.
    Grid(usize, usize),
}

impl Space {
    /// Number of points.
    pub fn len(self) -> usize {
        match self {
            Self::Flat(n) => n,
            Self::Grid(r, c) => r * c,
        }
    }
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
    /// Rows and columns; a line is a column of rows of one element.
    pub fn grid(self) -> (usize, usize) {
        match self {
            Self::Flat(n) => (n, 1),
            Self::Grid(r, c) => (r, c),
        }
    }
}

/// Where in its region's space a member lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Place {
    /// At every point.
    Full,
    /// Once in each row.
    Row,
    /// Once in each column, after all rows are done.
    Col,
    /// Once, after everything is done.
    One,
}

/// A node of a region and where it lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The node.
    pub node: NodeId,
    /// Its place.
    pub place: Place,
}

/// What kind of kernel a region needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Elementwise.
    Loop,
    /// Statistics of rows and what is done with them.
    Rows,
    /// Sums over all rows or all elements, with what is done to the sums.
    Columns,
    /// The matrix product, convolution or sums by index of this node, with an epilogue.
    Product(NodeId),
    /// Padding or concatenation.
    Move(NodeId),
    /// An operation with a kernel of its own: windows, a table look-up, a convolution that is no product.
    Opaque(NodeId),
}

/// Nodes that run as one kernel.
#[derive(Clone, Debug)]
pub struct Region {
    /// Kind of kernel.
    pub kind: Kind,
    /// Iteration space.
    pub space: Space,
    /// Its nodes in topological order.
    pub members: Vec<Member>,
    /// The members that others read, in topological order.
    pub outputs: Vec<NodeId>,
    cluster: cluster::Cluster,
}

impl Region {
    /// Where a member lives.
    pub fn place(&self, node: NodeId) -> Option<Place> {
        self.cluster.members.get(node)
    }
}

/// How the new value of a slot gets there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Update {
    /// A region writes it there directly: all readers of the old value are earlier.
    InPlace {
        /// Which slot.
        slot: SlotId,
        /// The value.
        node: NodeId,
        /// Index of the writing region.
        region: usize,
    },
    /// Copied at the end of the run.
    Copy {
        /// Which slot.
        slot: SlotId,
        /// The value (a view of something in memory).
        node: NodeId,
    },
}

/// A graph divided into regions.
#[derive(Clone)]
pub struct Fused {
    /// The graph the regions speak of (slightly rewritten).
    pub graph: Graph,
    /// Regions in an order of execution.
    pub regions: Vec<Region>,
    /// What becomes of state updates.
    pub updates: Vec<Update>,
    /// Fusions that were refused, and why.
    pub notes: Vec<String>,
    facts: cluster::Facts,
}

impl fmt::Debug for Fused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fused").field("regions", &self.regions).field("updates", &self.updates).finish_non_exhaustive()
    }
}

impl Fused {
    /// How `node`, a member of `region`, gets at its operands, in order. A copied view or leaf has one operand, itself.
    pub fn edges(&self, region: &Region, node: NodeId) -> Option<Edges> {
        self.facts.edges(&self.graph, &region.cluster, node, region.place(node)?)
    }
    /// Whether a node is a view, a constant or a leaf that was given memory of its own.
    pub fn is_copy(&self, node: NodeId) -> bool {
        self.facts.copied[node.index()]
    }
    /// Where the operand of a reduction is read.
    pub fn operand_place(&self, region: &Region, node: NodeId) -> Option<Place> {
        Some(self.facts.operand_place(&self.graph, &region.cluster, node, region.place(node)?))
    }
    /// The node in memory that holds the words of `node`, and how they lie there.
    pub fn memory_of(&self, node: NodeId) -> Option<View> {
        view::resolve(&self.graph, &self.facts.copied, self.facts.strip(&self.graph, node)).ok()
    }
}

/// What a reduction does to a shape, sizes of 1 aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reduction {
    /// Nothing: all reduced axes have size 1.
    Nothing,
    /// The last axes go: (R, C) to R.
    Trailing(usize, usize),
    /// The first axes go: (R, C) to C.
    Leading(usize, usize),
    /// Everything goes.
    Full(usize),
    /// Others.
    Middle,
}

/// Classifies a reduction of `axes`.
pub fn shape_of_reduction(shape: Shape, axes: AxisSet) -> Reduction {
    let (mut reduced, mut kept) = (1, 1);
    let mut marks = SmallVec::<[bool; MAX_RANK]>::new(); // one mark per run of axes
    for (a, &d) in shape.dims().iter().enumerate().filter(|(_, d)| **d != 1) {
        let r = axes.contains(a);
        *(if r { &mut reduced } else { &mut kept }) *= d;
        if marks.last() != Some(&r) {
            marks.push(r);
        }
    }
    match marks[..] {
        [] | [false] => Reduction::Nothing,
        [true] => Reduction::Full(reduced),
        [false, true] => Reduction::Trailing(kept, reduced),
        [true, false] => Reduction::Leading(reduced, kept),
        _ => Reduction::Middle,
    }
}

/// Divides a graph into regions. Options may switch off `fuse`, `epilogue`, `rows`, `columns`, `inplace`, `sums`.
pub fn fuse(graph: &Graph, options: &CompileOptions) -> Result<Fused, GraphError> {
    let graph = prepare::prepare(graph)?;
    let mut grower = grow::Grower::new(&graph, options);
    grower.grow();
    sink::sink(&mut grower);
    finish::finish(grower).map(|done| Fused { graph, regions: done.regions, updates: done.updates, notes: done.notes, facts: done.facts })
}
