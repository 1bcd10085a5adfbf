//! Views: how a node's elements lie in the memory of another node. Shape operations cost nothing as long as a view can express them.

use crate::{DType, Graph, MAX_RANK, NodeId, Op, Shape};
use smallvec::SmallVec;

/// Size and stride (in words) of each dimension.
pub type Dims = SmallVec<[(usize, isize); MAX_RANK]>;

/// A node read through strides from the memory of `base`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// The node that lies in memory, row-major.
    pub base: NodeId,
    /// First word within it.
    pub offset: usize,
    /// Dimensions of the reading node.
    pub dims: Dims,
}

/// A stack of matrices in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Matrix {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Columns, rather than rows, lie together.
    pub transposed: bool,
    /// Words between what lies together.
    pub ld: usize,
    /// Matrices in the stack.
    pub batch: usize,
    /// Words between matrices.
    pub batch_stride: isize,
}

/// What a view amounts to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// One word everywhere.
    Scalar,
    /// Consecutive words.
    Direct,
    /// Anything else.
    Strided,
}

impl View {
    /// The node itself.
    pub fn whole(base: NodeId, shape: Shape) -> Self {
        let strides = shape.strides();
        Self { base, offset: 0, dims: shape.dims().iter().zip(strides).map(|(&d, s)| (d, s as isize)).collect() }
    }

    /// Number of elements read.
    pub fn len(&self) -> usize {
        self.dims.iter().map(|d| d.0).product()
    }

    /// Whether nothing is read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The dimensions without those of size 1, neighbours joined where the strides allow.
    pub fn merged(&self) -> Dims {
        let mut out = Dims::new();
        for &(size, stride) in self.dims.iter().filter(|d| d.0 != 1) {
            match out.last_mut() {
                Some(last) if last.1 == stride * size as isize => *last = (last.0 * size, stride),
                _ => out.push((size, stride)),
            }
        }
        out
    }

    /// What it amounts to.
    pub fn access(&self) -> Access {
        if self.is_empty() {
            return Access::Direct;
        }
        match self.merged()[..] {
            [] | [(_, 0)] => Access::Scalar,
            [(_, 1)] => Access::Direct,
            _ => Access::Strided,
        }
    }

    /// As a stack of matrices for a product, when the strides allow.
    pub fn matrix(&self) -> Option<Matrix> {
        let (stack, last) = self.dims.split_at(self.dims.len().checked_sub(2)?);
        let ((rows, row), (cols, col)) = (last[0], last[1]);
        let stack = Self { base: self.base, offset: 0, dims: stack.into() };
        let batch_stride = match stack.merged()[..] {
            [] => 0,
            [(_, stride)] => stride,
            _ => return None,
        };
        let (transposed, ld) = match () {
            () if self.is_empty() => (false, cols),
            () if (col == 1 || cols == 1) && (rows == 1 || row >= cols as isize) => (false, if rows == 1 { cols } else { row as usize }),
            () if (row == 1 || rows == 1) && (cols == 1 || col >= rows as isize) => (true, if cols == 1 { rows } else { col as usize }),
            () => return None,
        };
        Some(Matrix { rows, cols, transposed, ld, batch: stack.len(), batch_stride })
    }

    /// The same elements under another shape, when strides can express it.
    fn reshape(&self, to: Shape) -> Option<Self> {
        if self.is_empty() {
            return Some(Self { dims: Self::whole(self.base, to).dims, ..*self });
        }
        let mut dims: Dims = to.dims().iter().map(|&d| (d, 0)).collect();
        let mut next = dims.len();
        // From the last joined dimension backwards, split each into the new dimensions that make it up.
        for (size, stride) in self.merged().into_iter().rev() {
            let mut covered = 1;
            while covered < size {
                next = next.checked_sub(1)?;
                dims[next].1 = stride * covered as isize;
                covered *= dims[next].0;
            }
            if covered != size {
                return None;
            }
        }
        Some(Self { dims, ..*self })
    }
}

/// Follows shape operations down to the node that lies in memory. `copied` marks view nodes that have memory of their own.
/// `Err` names a node that must get memory first.
pub fn resolve(graph: &Graph, copied: &[bool], node: NodeId) -> Result<View, NodeId> {
    if copied[node.index()] { Ok(View::whole(node, graph.ty(node).shape)) } else { through(graph, copied, node) }
}

/// Like [`resolve`], but looks through `node` even if it has memory of its own: what its copy has to read.
pub fn through(graph: &Graph, copied: &[bool], node: NodeId) -> Result<View, NodeId> {
    let n = graph.node(node);
    if is_renaming(graph, node) || matches!(n.op, Op::Reshape(_)) {
        let input = n.inputs[0];
        return resolve(graph, copied, input)?.reshape(n.ty.shape).ok_or(input);
    }
    match n.op {
        Op::Transpose(p) => {
            let v = resolve(graph, copied, n.inputs[0])?;
            let dims = p.axes().map(|a| v.dims[a]).collect();
            Ok(View { dims, ..v })
        }
        Op::Broadcast(to) => {
            let mut v = resolve(graph, copied, n.inputs[0])?;
            for (d, &size) in v.dims.iter_mut().zip(to.dims()) {
                if d.0 != size {
                    *d = (size, 0);
                }
            }
            Ok(v)
        }
        Op::Slice(s) => {
            let mut v = resolve(graph, copied, n.inputs[0])?;
            if n.ty.is_empty() {
                return Ok(View { offset: 0, ..View::whole(v.base, n.ty.shape) });
            }
            let mut offset = v.offset as isize;
            for (a, d) in v.dims.iter_mut().enumerate() {
                offset += s.start[a] as isize * d.1;
                *d = (n.ty.shape.dims()[a], d.1 * s.stride[a] as isize);
            }
            v.offset = offset as usize;
            Ok(v)
        }
        Op::Reverse(axes) => {
            let mut v = resolve(graph, copied, n.inputs[0])?;
            if n.ty.is_empty() {
                return Ok(v);
            }
            let mut offset = v.offset as isize;
            for a in axes.iter() {
                let d = &mut v.dims[a];
                offset += (d.0 as isize - 1) * d.1;
                d.1 = -d.1;
            }
            v.offset = offset as usize;
            Ok(v)
        }
        _ => Ok(View::whole(node, n.ty.shape)),
    }
}

/// Whether the node is its input word for word, perhaps under another shape or type: no work at all.
pub fn is_renaming(graph: &Graph, node: NodeId) -> bool {
    let n = graph.node(node);
    match n.op {
        Op::StopGradient | Op::Reshape(_) => true,
        Op::Cast(to) => {
            let from = graph.ty(n.inputs[0]).dtype;
            from == to || (from == DType::Bool && to == DType::F32)
        }
        Op::Broadcast(to) => graph.ty(n.inputs[0]).shape == to,
        Op::Reduce { .. } => graph.ty(n.inputs[0]).shape == n.ty.shape,
        _ => false,
    }
}

/// The node behind renamings: same words at the same flat index.
pub fn strip(graph: &Graph, copied: &[bool], mut node: NodeId) -> NodeId {
    while !copied[node.index()] && is_renaming(graph, node) {
        node = graph.node(node).inputs[0];
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, TensorType};

    fn view_of(f: impl for<'g> Fn(crate::Var<'g>) -> crate::Var<'g>) -> Result<View, NodeId> {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([4, 6]));
        let y = f(x);
        b.output("y", y);
        let g = b.finish().unwrap();
        resolve(&g, &vec![false; g.nodes().len()], g.outputs().values[0].1)
    }

    #[test]
    fn shape_operations_become_strides() {
        let v = view_of(|x| x.reshape([2, 2, 6]).transpose(&[2, 0, 1])).unwrap();
        assert_eq!((v.offset, &v.dims[..]), (0, &[(6, 1), (2, 12), (2, 6)][..]));
        let v = view_of(|x| x.slice(&[(1, 4, 2), (0, 6, 1)]).reverse(&[0])).unwrap();
        assert_eq!((v.offset, &v.dims[..]), (18, &[(2, -12), (6, 1)][..]));
        let v = view_of(|x| x.slice(&[(1, 3, 1), (0, 6, 1)]).reshape([12])).unwrap();
        assert_eq!((v.offset, v.access()), (6, Access::Direct));
        assert!(view_of(|x| x.transpose(&[1, 0]).reshape([24])).is_err());
        let v = view_of(|x| x.transpose(&[1, 0]).reshape([3, 2, 4])).unwrap();
        assert_eq!(&v.dims[..], &[(3, 2), (2, 1), (4, 6)]);
        let v = view_of(|x| x.slice(&[(2, 3, 1), (1, 2, 1)]).broadcast_to([5, 7])).unwrap();
        assert_eq!((v.offset, v.access()), (13, Access::Scalar));
    }
}
