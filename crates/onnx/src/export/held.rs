//! Where the value of a node of a graph is in the ONNX model: under which name, with which axes.

use super::sizes::Size;

/// A value of the ONNX model that stands for the value of a node.
///
/// It may be smaller: repeated along axes as ONNX' operations on elements do it by themselves (numpy's rule, so axes in front may be missing). And its
/// axes may come in another order, so that convolutions, which have channels first in ONNX, follow each other without transposes.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Name of the value.
    pub(super) name: String,
    /// Axis `i` of the value is axis `order[i]` of the node. Only where the value has all axes; else they are the node's last ones, in order.
    pub(super) order: Option<Vec<usize>>,
    /// Sizes of the value, in its own order.
    pub(super) dims: Vec<Size>,
}

impl Held {
    /// A value with the axes of the node, or its last ones.
    pub(super) fn plain(name: String, dims: Vec<Size>) -> Self {
        Self { name, order: None, dims }
    }
    /// A value with axes in another order.
    pub(super) fn ordered(name: String, order: Vec<usize>, dims: Vec<Size>) -> Self {
        let order = (!order.iter().copied().eq(0..order.len())).then_some(order);
        Self { name, order, dims }
    }
    /// Number of axes it has.
    pub(super) fn rank(&self) -> usize {
        self.dims.len()
    }
    /// Whether all elements of the node are one element here.
    pub(super) fn is_one(&self) -> bool {
        self.dims.iter().all(|d| d.is(1))
    }
    /// Which of its axes is axis `axis` of the node of `rank` axes; none where it has no such axis.
    pub(super) fn axis(&self, axis: usize, rank: usize) -> Option<usize> {
        match &self.order {
            Some(order) => order.iter().position(|&o| o == axis),
            None => (axis + self.rank()).checked_sub(rank),
        }
    }
    /// Which axis of the node of `rank` axes its axis `at` is.
    pub(super) fn node_axis(&self, at: usize, rank: usize) -> usize {
        self.order.as_ref().map_or(at + rank - self.rank(), |order| order[at])
    }
    /// Whether it has this axis of a node of the given sizes in full.
    pub(super) fn has(&self, axis: usize, dims: &[Size]) -> bool {
        match self.axis(axis, dims.len()) {
            Some(at) => self.dims[at] == dims[axis],
            None => dims[axis].is(1),
        }
    }
    /// Whether it is the node's value, apart from the order of axes.
    pub(super) fn is_whole(&self, dims: &[Size]) -> bool {
        self.rank() == dims.len() && (0..dims.len()).all(|a| self.has(a, dims))
    }
    /// Whether its elements lie as those of the node: axes in another order have one element.
    pub(super) fn lies_plain(&self) -> bool {
        let Some(order) = &self.order else { return true };
        let long: Vec<usize> = order.iter().zip(&self.dims).filter(|(_, d)| !d.is(1)).map(|(o, _)| *o).collect();
        long.is_sorted()
    }
}
