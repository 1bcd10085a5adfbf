//! Sinking: values that only one later cluster reads move into it when that saves memory traffic. So the derivative of an activation is
//! made where the backward pass needs it, from the activation's output, rather than stored in the forward pass.

use super::cluster::{is_reduction, reads_memory};
use super::grow::Grower;
use super::{Place, view};
use crate::{NodeId, Op};
use std::collections::BTreeSet;

/// Who reads the value of each node.
struct Users {
    /// Computing nodes that read it at the same flat index.
    direct: Vec<Vec<NodeId>>,
    /// Read through a view, or a result of the graph: it must lie in memory.
    fixed: Vec<bool>,
}

fn users(g: &Grower) -> Users {
    let n = g.graph.nodes().len();
    let mut u = Users { direct: vec![Vec::new(); n], fixed: vec![false; n] };
    for (_, v) in &g.graph.outputs().values {
        u.fixed[g.facts.strip(g.graph, *v).index()] = true;
    }
    for (_, v) in &g.graph.outputs().updates {
        u.fixed[g.facts.strip(g.graph, *v).index()] = true;
    }
    for id in g.graph.ids().filter(|id| g.live[id.index()]) {
        let node = g.graph.node(id);
        let reads_memory = reads_memory(node.op);
        let is_view = matches!(node.op, Op::Transpose(_) | Op::Broadcast(_) | Op::Slice(_) | Op::Reverse(_));
        if view::is_renaming(g.graph, id) && !g.facts.copied[id.index()] {
            continue;
        }
        for &i in &node.inputs {
            let x = g.facts.strip(g.graph, i);
            if reads_memory || is_view || g.facts.copied[id.index()] {
                u.fixed[x.index()] = true;
            } else {
                u.direct[x.index()].push(id);
            }
        }
    }
    u
}

/// Moves what is worth moving.
pub(super) fn sink(g: &mut Grower) {
    if !g.allowed.fuse {
        return;
    }
    let users = users(g);
    for id in g.graph.ids().rev() {
        if let Some((from, to)) = target(g, &users, id) {
            try_sink(g, &users, id, from, to);
        }
    }
}

fn movable(g: &Grower, users: &Users, id: NodeId, from: u32) -> bool {
    g.homes[id.index()] == Some(from)
        && g.clusters[from as usize].members.get(id) == Some(Place::Full)
        && matches!(g.graph.node(id).op, Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_))
        && !users.fixed[id.index()]
}

/// The only cluster that reads `id` from outside of its own.
fn target(g: &Grower, users: &Users, id: NodeId) -> Option<(u32, u32)> {
    let from = g.homes[id.index()]?;
    if !movable(g, users, id, from) {
        return None;
    }
    let mut readers = users.direct[id.index()].iter().map(|u| g.homes[u.index()]);
    let to = readers.next()??;
    if to == from || !readers.all(|r| r == Some(to)) || g.clusters[to as usize].closed {
        return None;
    }
    (g.clusters[to as usize].product.is_none() || g.allowed.epilogue).then_some((from, to))
}

fn try_sink(g: &mut Grower, users: &Users, id: NodeId, from: u32, to: u32) {
    // The cone of values that nobody else needs.
    let mut cone = BTreeSet::from([id]);
    let mut frontier = BTreeSet::new();
    let mut stack = vec![id];
    while let Some(n) = stack.pop() {
        for &i in &g.graph.node(n).inputs {
            let x = g.facts.strip(g.graph, i);
            if cone.contains(&x) || g.homes[x.index()] != Some(from) {
                // A row value would have to be expanded in the other cluster.
                let through = g.graph.node(x);
                if matches!(through.op, Op::Broadcast(_)) && g.homes[g.facts.strip(g.graph, through.inputs[0]).index()] == Some(from) {
                    return;
                }
                continue;
            }
            let only_here = users.direct[x.index()].iter().all(|u| cone.contains(u) || g.homes[u.index()] == Some(to));
            if movable(g, users, x, from) && only_here {
                cone.insert(x);
                stack.push(x);
            } else {
                frontier.insert(x);
            }
        }
    }
    frontier.retain(|x| !cone.contains(x));
    let read_outside = |x: &NodeId| users.direct[x.index()].iter().any(|u| g.homes[u.index()] != Some(from));
    let before = cone.iter().filter(|x| read_outside(x)).count();
    let after = frontier.iter().filter(|x| !users.fixed[x.index()] && !read_outside(x)).count();
    if after >= before {
        return;
    }
    let mut grown = g.clusters[to as usize].clone();
    if grown.members.len() + cone.len() > super::MAX_MEMBERS {
        return;
    }
    for &x in &cone {
        grown.members.insert(x, Place::Full);
    }
    if !cone.iter().all(|&x| g.take_generated(&mut grown, x)) {
        return;
    }
    let fits = grown.members.iter().all(|(m, p)| {
        (cone.contains(&m) || !is_reduction(g.graph, m) || p != Place::Full) && g.facts.edges(g.graph, &grown, m, p).is_some()
    });
    let same_length = cone.iter().all(|x| g.graph.ty(*x).len() == grown.space.len());
    if !fits || !same_length {
        return;
    }
    g.clusters[to as usize] = grown;
    for x in &cone {
        g.clusters[from as usize].members.remove(*x);
        g.homes[x.index()] = Some(to);
    }
    let left = &mut g.clusters[from as usize];
    if left.members.nodes().all(|m| g.homes[m.index()] != Some(from)) {
        left.alive = false;
        left.members.clear();
    }
}
