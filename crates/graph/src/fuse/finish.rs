//! From clusters to regions: what must lie in memory, which updates happen in place, and an order of execution.

use super::cluster::{Cluster, Edge, Facts, is_opaque, reads_memory};
use super::grow::Grower;
use super::view::Access;
use super::{Kind, Member, Place, Region, Space, Update};
use crate::{GraphError, NodeId, Op, SlotId};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// What fusion yields besides the graph.
pub(super) struct Done {
    pub(super) regions: Vec<Region>,
    pub(super) updates: Vec<Update>,
    pub(super) notes: Vec<String>,
    pub(super) facts: Facts,
}

/// A read of memory by a member.
struct Read {
    cluster: u32,
    node: NodeId,
    base: NodeId,
    whole: bool,
    /// Where the reading happens; `None` when it is no elementwise read.
    at: Option<Place>,
}

pub(super) fn finish(mut g: Grower) -> Result<Done, GraphError> {
    let results: Vec<NodeId> = {
        let o = g.graph.outputs();
        o.values.iter().map(|v| v.1).chain(o.updates.iter().filter(|(s, n)| !is_slot(&g, *n, *s)).map(|u| u.1)).collect()
    };
    for n in results {
        let n = g.facts.strip(g.graph, n);
        give_memory(&mut g, n, true);
    }
    let reads = collect_reads(&mut g)?;
    let mut outputs: Vec<BTreeSet<NodeId>> = vec![BTreeSet::new(); g.clusters.len()];
    let named = g.graph.outputs().values.iter().map(|v| v.1).chain(g.graph.outputs().updates.iter().map(|u| u.1));
    for n in reads.iter().map(|r| r.base).chain(named.map(|n| g.facts.strip(g.graph, n))) {
        if let Some(c) = g.homes[n.index()] {
            outputs[c as usize].insert(n);
        }
    }
    let mut before: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); g.clusters.len()];
    for r in &reads {
        match g.homes[r.base.index()] {
            Some(c) if c != r.cluster => {
                before[r.cluster as usize].insert(c);
            }
            _ => {}
        }
    }
    let planned = plan_updates(&mut g, &reads, &mut before);
    let order = order(&g, &before)?;
    let mut at = BTreeMap::new();
    let regions: Vec<Region> = order
        .iter()
        .enumerate()
        .map(|(i, &c)| {
            at.insert(c, i);
            region(&g, c, &outputs[c as usize])
        })
        .collect();
    let updates = planned
        .into_iter()
        .map(|(slot, node, c)| match c.and_then(|c| at.get(&c)) {
            Some(&region) => Update::InPlace { slot, node, region },
            None => Update::Copy { slot, node },
        })
        .collect();
    Ok(Done { regions, updates, notes: g.notes, facts: g.facts })
}

fn is_slot(g: &Grower, node: NodeId, slot: SlotId) -> bool {
    matches!(g.graph.node(g.facts.strip(g.graph, node)).op, Op::State { slot: s, .. } if s == slot)
}

/// Makes sure that a node lies in memory; inputs and state do already, unless a copy is asked for.
fn give_memory(g: &mut Grower, node: NodeId, copy_leaf: bool) {
    if g.homes[node.index()].is_some() {
        return;
    }
    let n = g.graph.node(node);
    match n.op {
        Op::Input { .. } | Op::State { .. } if !copy_leaf => return,
        Op::Iota { .. } | Op::Random { .. } | Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_)
            if g.facts.generated[node.index()] => {}
        _ => g.facts.copied[node.index()] = true,
    }
    let mut c = Cluster::new(Space::Flat(n.ty.len()));
    c.closed = true;
    g.found(c, node, Place::Full);
}

/// All reads of memory; whatever they read gets memory.
fn collect_reads(g: &mut Grower) -> Result<Vec<Read>, GraphError> {
    let mut reads = Vec::new();
    let mut c = 0;
    while c < g.clusters.len() {
        if g.clusters[c].alive {
            let members: Vec<(NodeId, Place)> = g.clusters[c].members.iter().collect();
            for (node, place) in members {
                let Some(edges) = g.facts.edges(g.graph, &g.clusters[c], node, place) else {
                    return Err(GraphError::Malformed { node: node.index(), message: "fusion lost an operand".into() });
                };
                let at = match g.graph.node(node).op {
                    op if reads_memory(op) => None,
                    _ => Some(g.facts.operand_place(g.graph, &g.clusters[c], node, place)),
                };
                for e in edges {
                    if let Edge::Load(v) = e {
                        // A copied leaf reads itself where it lies by nature.
                        if v.base != node {
                            give_memory(g, v.base, false);
                        }
                        let whole = v.offset == 0 && v.access() != Access::Strided && v.len() == g.graph.ty(v.base).len();
                        reads.push(Read { cluster: c as u32, node, base: v.base, whole, at });
                    }
                }
            }
        }
        c += 1;
    }
    Ok(reads)
}

/// Decides for each update whether its cluster may write the slot itself; adds the order that this needs to `before`.
fn plan_updates(g: &mut Grower, reads: &[Read], before: &mut [BTreeSet<u32>]) -> Vec<(SlotId, NodeId, Option<u32>)> {
    let mut planned = Vec::new();
    for (slot, v) in g.graph.outputs().updates.clone() {
        if is_slot(g, v, slot) {
            continue;
        }
        let node = g.facts.strip(g.graph, v);
        let home = g.homes[node.index()];
        let verdict = match home {
            Some(c) if g.allowed.inplace => in_place(g, reads, before, slot, node, c),
            _ => Err("in-place updates are off"),
        };
        let c = match verdict {
            Ok(readers) => {
                let c = home.unwrap_or_default();
                before[c as usize].extend(readers);
                Some(c)
            }
            Err(why) => {
                if g.allowed.inplace {
                    g.note(node, &format!("its slot is not updated in place: {why}"));
                }
                None
            }
        };
        planned.push((slot, node, c));
    }
    planned
}

/// The clusters that must run before `c` writes the slot, or why it may not write it.
fn in_place(g: &Grower, reads: &[Read], before: &[BTreeSet<u32>], slot: SlotId, node: NodeId, c: u32) -> Result<Vec<u32>, &'static str> {
    let is_old = |n: NodeId| matches!(g.graph.node(n).op, Op::State { slot: s, .. } if s == slot);
    let place = g.clusters[c as usize].members.get(node);
    let mut readers = BTreeSet::new();
    for r in reads.iter().filter(|r| is_old(r.base)) {
        // Once a leaf has been copied, all but the copy itself read the copy.
        if g.facts.copied[r.base.index()] && g.homes[r.base.index()].is_some() && r.node != r.base {
            continue;
        }
        if r.cluster != c {
            readers.insert(r.cluster);
            continue;
        }
        let one = g.graph.ty(node).len() == 1;
        let earlier = matches!(r.at, Some(Place::Full | Place::Row)) && matches!(place, Some(Place::Col | Place::One));
        let same = r.at.is_some() && r.at == place && r.whole;
        let alone =
            one && r.at.is_some() && !matches!((r.at, place), (Some(Place::Col), Some(Place::One)) | (Some(Place::One), Some(Place::Col)));
        if !(earlier || same || alone) {
            return Err("its old value is read in another order by the same region");
        }
    }
    let mut stack: Vec<u32> = readers.iter().copied().collect();
    let mut seen = BTreeSet::new();
    while let Some(r) = stack.pop() {
        if r == c {
            return Err("a reader of its old value needs the new one");
        }
        if seen.insert(r) {
            stack.extend(&before[r as usize]);
        }
    }
    Ok(readers.into_iter().collect())
}

/// Topological order of the living clusters, the oldest ready one first.
fn order(g: &Grower, before: &[BTreeSet<u32>]) -> Result<Vec<u32>, GraphError> {
    let n = g.clusters.len();
    let mut waits: Vec<usize> = before.iter().map(BTreeSet::len).collect();
    let mut after: Vec<Vec<u32>> = vec![Vec::new(); n];
    for (c, b) in before.iter().enumerate() {
        for &x in b {
            after[x as usize].push(c as u32);
        }
    }
    let key = |c: u32| {
        let first = g.clusters[c as usize].members.nodes().find(|m| g.homes[m.index()] == Some(c));
        (std::cmp::Reverse(first), std::cmp::Reverse(c))
    };
    let mut ready: BinaryHeap<_> = (0..n as u32).filter(|&c| g.clusters[c as usize].alive && waits[c as usize] == 0).map(key).collect();
    let mut order = Vec::new();
    while let Some((_, std::cmp::Reverse(c))) = ready.pop() {
        order.push(c);
        for &next in &after[c as usize] {
            waits[next as usize] -= 1;
            if waits[next as usize] == 0 {
                ready.push(key(next));
            }
        }
    }
    if order.len() != g.clusters.iter().filter(|c| c.alive).count() {
        return Err(GraphError::Malformed { node: 0, message: "fusion made a cycle".into() });
    }
    Ok(order)
}

fn region(g: &Grower, c: u32, outputs: &BTreeSet<NodeId>) -> Region {
    let cluster = &g.clusters[c as usize];
    let has = |p: Place| cluster.members.has(p);
    let first = cluster.members.nodes().next();
    let kind = match (cluster.product, first.map(|f| (f, g.graph.node(f).op))) {
        (Some(product), _) => Kind::Product(product),
        (None, Some((f, Op::Pad(_) | Op::Concat { .. }))) => Kind::Move(f),
        (None, Some((f, op))) if is_opaque(op) => Kind::Opaque(f),
        _ if has(Place::Row) => Kind::Rows,
        _ if has(Place::Col) || has(Place::One) => Kind::Columns,
        _ => Kind::Loop,
    };
    Region {
        kind,
        space: cluster.space,
        members: cluster.members.iter().map(|(node, place)| Member { node, place }).collect(),
        outputs: outputs.iter().copied().collect(),
        cluster: cluster.clone(),
    }
}
