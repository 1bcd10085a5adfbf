//! Dead code: drops the nodes that no output and no update needs.

use crate::{Graph, GraphError, NodeId, Op, OriginId, Outputs};
use smallvec::SmallVec;

/// Whether nothing is unneeded.
pub(super) fn idle(graph: &Graph) -> bool {
    needed(graph).into_iter().all(|n| n) && bodies(graph).into_iter().all(|n| n)
}

/// Which nodes an output or an update needs.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    let outputs = graph.outputs();
    for n in outputs.values.iter().map(|v| v.1).chain(outputs.updates.iter().map(|u| u.1)) {
        needed[n.index()] = true;
    }
    for id in graph.ids().rev() {
        if needed[id.index()] {
            for i in &graph.node(id).inputs {
                needed[i.index()] = true;
            }
        }
    }
    needed
}

/// Which bodies a node has.
fn bodies(graph: &Graph) -> Vec<bool> {
    let mut used = vec![false; graph.bodies().len()];
    for node in graph.nodes() {
        if let Op::Scan { body, .. } = node.op {
            used[body.index()] = true;
        }
    }
    used
}

/// The graph without unneeded nodes and bodies. Declarations of inputs and slots stay, so that callers hand in the same tensors.
pub fn dce(graph: &Graph) -> Result<Graph, GraphError> {
    let (needed, outputs) = (needed(graph), graph.outputs());
    let mut new = Graph::like(graph);
    new.drop_bodies();
    let mut map: Vec<Option<NodeId>> = vec![None; graph.nodes().len()];
    for id in graph.ids().filter(|id| needed[id.index()]) {
        let node = graph.node(id);
        new.set_origin(node.origin);
        let inputs = renew(&map, node.inputs.iter().copied())?;
        let op = new.own(graph, node.op);
        map[id.index()] = Some(new.add(op, &inputs)?);
    }
    new.set_origin(OriginId::default());
    let values = renew(&map, outputs.values.iter().map(|v| v.1))?;
    let updates = renew(&map, outputs.updates.iter().map(|u| u.1))?;
    new.set_outputs(Outputs {
        values: outputs.values.iter().map(|v| v.0.clone()).zip(values).collect(),
        updates: outputs.updates.iter().map(|u| u.0).zip(updates).collect(),
    });
    Ok(new)
}

fn renew(map: &[Option<NodeId>], old: impl Iterator<Item = NodeId>) -> Result<SmallVec<[NodeId; 3]>, GraphError> {
    old.map(|n| map[n.index()].ok_or_else(|| GraphError::Malformed { node: n.index(), message: "is used before it is computed".into() }))
        .collect()
}
