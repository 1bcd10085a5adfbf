//! A rectifier before the largest of windows moves behind it: `max_pool(max(x, c))` becomes `max(max_pool(x), c)`, on a quarter of the
//! elements or fewer, and its derivative is taken there, too.
//!
//! Forward: the largest of a window is `x` itself at some cell, or NaN, and so is the larger of it and `c`. Backward: where the largest is
//! above `c`, the first cell that equals it is the same for `x` and for `max(x, c)`; where it is not, the rectifier's derivative is 0 at
//! every cell of the window. Either way each gradient ends at the same cell, to the bit.

use super::fold::constant;
use crate::{BinaryOp, DType, Graph, GraphError, Literal, NodeId, Op, WindowOp, WindowSpec};
use std::collections::{BTreeMap, BTreeSet};

/// `max(x, c)` whose only readers are windows and, in the backward pass, what is rewritten with them.
struct Rectifier {
    x: NodeId,
    c: Literal,
}

/// What becomes of a node.
enum Change {
    /// The largest of windows of a rectified value.
    Window { rectifier: NodeId, spec: WindowSpec },
    /// The derivative of the rectifier, on the gradient of the windows.
    Gradient { window: NodeId, gradient: NodeId, spec: WindowSpec },
}

/// The graph with every such rectifier moved.
pub(super) fn pool(graph: &Graph) -> Result<Graph, GraphError> {
    let (rectifiers, changes) = plan(graph);
    // By the old window: the new one, before and after the rectifier.
    let mut moved: BTreeMap<NodeId, (NodeId, NodeId)> = BTreeMap::new();
    let mut renewed: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    graph.rebuild(|new, old, node, inputs| {
        let made = match changes.get(&old) {
            None => new.add(node.op, inputs)?,
            Some(&Change::Window { rectifier, spec }) => {
                let Rectifier { x, c } = rectifiers[&rectifier];
                let most = new.add(Op::Window { op: WindowOp::Max, spec }, &[renewed[x.index()]])?;
                let c = new.add(Op::Const { value: c, shape: node.ty.shape }, &[])?;
                let y = new.add(Op::Binary(BinaryOp::Max), &[most, c])?;
                moved.insert(old, (most, y));
                y
            }
            Some(&Change::Gradient { window, gradient, spec }) => {
                let (most, y) = moved[&window];
                let Change::Window { rectifier, .. } = changes[&window] else { return new.add(node.op, inputs) };
                let Rectifier { x, c } = rectifiers[&rectifier];
                let shape = new.ty(y).shape;
                let (c, zero) =
                    (new.add(Op::Const { value: c, shape }, &[])?, new.add(Op::Const { value: Literal::f32(0.0), shape }, &[])?);
                let above = new.add(Op::Binary(BinaryOp::Lt), &[c, y])?;
                let dy = new.add(Op::Select, &[above, renewed[gradient.index()], zero])?;
                new.add(Op::WindowMaxGrad { spec }, &[renewed[x.index()], most, dy])?
            }
        };
        renewed.push(made);
        Ok(made)
    })
}

/// Whether there is nothing to move.
pub(super) fn idle(graph: &Graph) -> bool {
    let windows = |n: &crate::Node| matches!(n.op, Op::Window { op: WindowOp::Max, .. });
    !graph.nodes().iter().any(windows) || plan(graph).1.is_empty()
}

/// The rectifiers that can be moved, and what that changes.
fn plan(graph: &Graph) -> (BTreeMap<NodeId, Rectifier>, BTreeMap<NodeId, Change>) {
    let mut readers: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for id in graph.ids() {
        for &i in &graph.node(id).inputs {
            readers.entry(i).or_default().insert(id);
        }
    }
    let outputs = graph.outputs();
    let results: BTreeSet<NodeId> = outputs.values.iter().map(|v| v.1).chain(outputs.updates.iter().map(|u| u.1)).collect();
    let (mut rectifiers, mut changes) = (BTreeMap::new(), BTreeMap::new());
    for id in graph.ids() {
        let node = graph.node(id);
        if node.op != Op::Binary(BinaryOp::Max) || node.ty.dtype != DType::F32 || results.contains(&id) {
            continue;
        }
        let (x, c) = match (constant(graph, node.inputs[0]), constant(graph, node.inputs[1])) {
            (None, Some(c)) => (node.inputs[0], c),
            (Some(c), None) => (node.inputs[1], c),
            _ => continue,
        };
        if let Some(found) = around(graph, &readers, &results, id, c) {
            rectifiers.insert(id, Rectifier { x, c });
            changes.extend(found);
        }
    }
    (rectifiers, changes)
}

/// What moving a rectifier changes; `None` where somebody else reads it, too, or nothing is gained.
fn around(
    graph: &Graph,
    readers: &BTreeMap<NodeId, BTreeSet<NodeId>>,
    results: &BTreeSet<NodeId>,
    id: NodeId,
    c: Literal,
) -> Option<Vec<(NodeId, Change)>> {
    let mut changes = Vec::new();
    let (mut masks, mut masked) = (BTreeSet::new(), BTreeSet::new());
    for &reader in readers.get(&id)? {
        let n = graph.node(reader);
        match n.op {
            Op::Window { op: WindowOp::Max, spec } if full(&spec) && n.ty.len() < graph.ty(id).len() => {
                changes.push((reader, Change::Window { rectifier: id, spec }));
            }
            Op::WindowMaxGrad { spec } if n.inputs[0] == id && n.inputs[2] != id && !results.contains(&reader) => {
                let window = n.inputs[1];
                let of = graph.node(window);
                if of.op != (Op::Window { op: WindowOp::Max, spec }) || of.inputs[0] != id {
                    return None;
                }
                for &user in readers.get(&reader)? {
                    let u = graph.node(user);
                    if u.op != Op::Select || u.inputs[1] != reader || constant(graph, u.inputs[2])?.as_f64() != 0.0 {
                        return None;
                    }
                    masked.insert(u.inputs[0]);
                    changes.push((user, Change::Gradient { window, gradient: n.inputs[2], spec }));
                }
            }
            Op::Binary(BinaryOp::Lt) if n.inputs[1] == id && constant(graph, n.inputs[0])? == c && !results.contains(&reader) => {
                masks.insert(reader);
            }
            _ => return None,
        }
    }
    // The masks serve the gradients that are rewritten, and nobody else.
    let rewritten = |n: &NodeId| changes.iter().any(|(at, change)| at == n && matches!(change, Change::Gradient { .. }));
    let theirs = masks.iter().all(|m| readers.get(m).is_some_and(|r| r.iter().all(rewritten)));
    (masks == masked && theirs).then_some(changes)
}

/// Whether every window has a cell that is no padding.
pub(super) fn full(spec: &WindowSpec) -> bool {
    (0..spec.size.len()).all(|a| spec.before[a] < spec.size[a] && spec.after[a] < spec.size[a])
}
