//! Rules for operations that move data.

use super::{Rewrite, make};
use crate::pass::fold::constant;
use crate::{AxisSet, BinaryOp, Graph, NodeId, Op, PadSpec, Perm, Shape, SliceSpec};

/// A constant, in another shape.
fn constant_as(g: &mut Graph, x: NodeId, shape: Shape) -> Rewrite {
    match constant(g, x) {
        Some(value) => g.add(Op::Const { value, shape }, &[]).map(Some),
        None => Ok(None),
    }
}

pub(super) fn reshape(g: &mut Graph, to: Shape, x: NodeId) -> Rewrite {
    if g.ty(x).shape == to {
        return Ok(Some(x));
    }
    let inner = g.node(x).clone();
    if let Op::Reshape(_) = inner.op {
        return make(g, Op::Reshape(to), &inner.inputs).map(Some);
    }
    constant_as(g, x, to)
}

pub(super) fn transpose(g: &mut Graph, p: Perm, x: NodeId) -> Rewrite {
    let from = g.ty(x).shape;
    let axes: Vec<usize> = p.axes().collect();
    if axes.is_sorted() {
        return Ok(Some(x));
    }
    let inner = g.node(x).clone();
    if let Op::Transpose(q) = inner.op {
        // Result axis i is axis p[i] of the inner result, which is axis q[p[i]] of the source.
        let q: Vec<usize> = q.axes().collect();
        if let Some(both) = Perm::new(&axes.iter().map(|&a| q[a]).collect::<Vec<_>>()) {
            return make(g, Op::Transpose(both), &inner.inputs).map(Some);
        }
    }
    let to = Shape::new(&axes.iter().map(|&a| from.dims()[a]).collect::<Vec<_>>());
    // Where only axes of size 1 move, no element does.
    if axes.iter().filter(|&&a| from.dims()[a] != 1).is_sorted() {
        return make(g, Op::Reshape(to), &[x]).map(Some);
    }
    constant_as(g, x, to)
}

pub(super) fn broadcast(g: &mut Graph, to: Shape, x: NodeId) -> Rewrite {
    if g.ty(x).shape == to {
        return Ok(Some(x));
    }
    let inner = g.node(x).clone();
    if let Op::Broadcast(_) = inner.op {
        return make(g, Op::Broadcast(to), &inner.inputs).map(Some);
    }
    constant_as(g, x, to)
}

/// Number of elements that a slice takes along an axis.
fn taken(s: &SliceSpec, axis: usize) -> usize {
    (s.stop[axis] - s.start[axis]).div_ceil(s.stride[axis])
}

pub(super) fn slice(g: &mut Graph, s: SliceSpec, x: NodeId) -> Rewrite {
    let from = g.ty(x).shape;
    let rank = from.rank();
    if (0..rank).all(|a| taken(&s, a) == from.dims()[a]) {
        return Ok(Some(x));
    }
    let inner = g.node(x).clone();
    match inner.op {
        Op::Slice(t) => {
            // Not empty, or it would be a constant by now.
            let mut both = s;
            for a in 0..rank {
                both.start[a] = t.start[a] + s.start[a] * t.stride[a];
                both.stride[a] = t.stride[a] * s.stride[a];
                both.stop[a] = both.start[a] + (taken(&s, a) - 1) * both.stride[a] + 1;
            }
            make(g, Op::Slice(both), &inner.inputs).map(Some)
        }
        Op::Pad(p) => {
            let source = g.ty(inner.inputs[0]).shape;
            let undone = (0..rank).all(|a| {
                s.start[a] == p.before[a] && taken(&s, a) == source.dims()[a] && (taken(&s, a) <= 1 || s.stride[a] == p.between[a] + 1)
            });
            Ok(undone.then(|| inner.inputs[0]))
        }
        Op::Concat { axis } => {
            // All from one part?
            let axis = axis as usize;
            let mut start = 0;
            for &part in &inner.inputs {
                let stop = start + g.ty(part).shape.dims()[axis];
                if start <= s.start[axis] && s.stop[axis] <= stop {
                    let mut own = s;
                    (own.start[axis], own.stop[axis]) = (s.start[axis] - start, s.stop[axis] - start);
                    return make(g, Op::Slice(own), &[part]).map(Some);
                }
                start = stop;
            }
            Ok(None)
        }
        _ => {
            let to = Shape::new(&(0..rank).map(|a| taken(&s, a)).collect::<Vec<_>>());
            constant_as(g, x, to)
        }
    }
}

pub(super) fn pad(g: &Graph, p: &PadSpec, x: NodeId) -> Option<NodeId> {
    let dims = g.ty(x).shape;
    let nothing = (0..dims.rank()).all(|a| p.before[a] == 0 && p.after[a] == 0 && (p.between[a] == 0 || dims.dims()[a] <= 1));
    nothing.then_some(x)
}

/// Most paddings of one sum that are looked at together.
const MOST_PADS: usize = 16;

/// A sum of tensors padded to side by side along one axis, which together fill it, is their concatenation: the gradient of what was cut into slices.
pub(super) fn side_by_side(g: &mut Graph, a: NodeId, b: NodeId) -> Rewrite {
    let (mut open, mut pieces) = (vec![a, b], Vec::new());
    let mut along = None;
    while let Some(id) = open.pop() {
        let node = g.node(id);
        match node.op {
            Op::Binary(BinaryOp::Add) if open.len() + pieces.len() < MOST_PADS => open.extend_from_slice(&node.inputs),
            Op::Pad(p) => {
                let rank = node.ty.shape.rank();
                let padded: Vec<usize> = (0..rank).filter(|&a| p.before[a] + p.after[a] > 0).collect();
                let spread = (0..rank).any(|a| p.between[a] > 0);
                let [axis] = padded[..] else { return Ok(None) };
                if spread || *along.get_or_insert(axis) != axis {
                    return Ok(None);
                }
                pieces.push((p.before[axis], node.inputs[0]));
            }
            _ => return Ok(None),
        }
    }
    let Some(axis) = along else { return Ok(None) };
    pieces.sort_unstable();
    let mut end = 0;
    for &(start, piece) in &pieces {
        if start != end {
            return Ok(None);
        }
        end += g.ty(piece).shape.dims()[axis];
    }
    if end != g.ty(a).shape.dims()[axis] {
        return Ok(None);
    }
    let pieces: Vec<NodeId> = pieces.into_iter().map(|p| p.1).collect();
    make(g, Op::Concat { axis: axis as u8 }, &pieces).map(Some)
}

pub(super) fn concat(g: &mut Graph, axis: usize, x: &[NodeId]) -> Rewrite {
    if let [only] = x {
        return Ok(Some(*only));
    }
    // Parts without elements vanish, parts that are themselves such concatenations are taken apart.
    let mut parts = Vec::with_capacity(x.len());
    for &part in x {
        let node = g.node(part);
        match node.op {
            Op::Concat { axis: inner } if inner as usize == axis => parts.extend_from_slice(&node.inputs),
            _ if node.ty.is_empty() => {}
            _ => parts.push(part),
        }
    }
    if parts == x { Ok(None) } else { make(g, Op::Concat { axis: axis as u8 }, &parts).map(Some) }
}

pub(super) fn reverse(g: &mut Graph, axes: AxisSet, x: NodeId) -> Rewrite {
    let from = g.ty(x).shape;
    let inner = g.node(x).clone();
    let long = |a: &usize| from.dims()[*a] > 1;
    let (source, toggled) = match inner.op {
        Op::Reverse(other) => (inner.inputs[0], other),
        _ => (x, AxisSet::default()),
    };
    let left: Vec<usize> = (0..from.rank()).filter(|&a| axes.contains(a) != toggled.contains(a)).filter(long).collect();
    if left.is_empty() {
        Ok(Some(source))
    } else if source == x && AxisSet::of(&left) == axes {
        constant_as(g, x, from)
    } else {
        make(g, Op::Reverse(AxisSet::of(&left)), &[source]).map(Some)
    }
}
