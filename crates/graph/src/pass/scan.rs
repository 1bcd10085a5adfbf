//! Recurrences: two scans of the same steps become one, results and inputs that nobody reads are dropped, and bodies are simplified.
//!
//! The gradient of a scan asks for further results of the same steps; so the step forward is written twice, and made one here.

use super::{pipeline, same};
use crate::backend::CompileOptions;
use crate::{Body, BodyId, Builder, Graph, GraphError, MAX_RANK, NodeId, Op, Outputs, SliceSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whether there is no recurrence.
pub(super) fn idle(graph: &Graph) -> bool {
    !graph.nodes().iter().any(|n| matches!(n.op, Op::Scan { .. }))
}

/// What becomes of a scan.
struct Plan {
    body: Arc<Body>,
    /// The inputs that are left.
    inputs: Vec<usize>,
    /// Of which scan before it is one more reading.
    first: NodeId,
}

/// By scan and result: the result that stands for it in the scan that is left.
type Places = BTreeMap<(NodeId, usize), usize>;

/// The graph with its recurrences joined and simplified.
pub(super) fn scan(graph: &Graph, options: &CompileOptions) -> Result<Graph, GraphError> {
    let read = results_read(graph);
    let mut plans: BTreeMap<NodeId, Plan> = BTreeMap::new();
    let mut places = Places::new();
    for group in groups(graph, &read) {
        let first = group[0];
        let (body, inputs) = joined(graph, &group, &read, &mut places, options)?;
        for &id in &group {
            plans.insert(id, Plan { body: body.clone(), inputs: inputs.clone(), first });
        }
    }
    let mut ids: BTreeMap<NodeId, NodeId> = BTreeMap::new(); // the new node of each first scan
    graph.rebuild(|new, id, node, inputs| match node.op {
        Op::Scan { body, steps, reverse, len } => {
            let Some(plan) = plans.get(&id) else { return new.add(node.op, inputs) };
            let body: BodyId = if Arc::ptr_eq(&plan.body, graph.body(body)) { body } else { new.add_body(plan.body.clone()) };
            let len = plan.body.len(steps).unwrap_or(len);
            let inputs: Vec<NodeId> = plan.inputs.iter().map(|&i| inputs[i]).collect();
            let made = match ids.get(&plan.first) {
                Some(&made) => made,
                None => new.add(Op::Scan { body, steps, reverse, len }, &inputs)?,
            };
            ids.insert(plan.first, made);
            only_part(graph, id, made, plan, &places, new)
        }
        Op::Slice(mut s) => {
            let from = node.inputs[0];
            if let (Some(plan), Some(part)) = (plans.get(&from), part_read(graph, id))
                && parts(graph, from).len() > 1
            {
                let Op::Scan { steps, .. } = graph.node(from).op else { return new.add(node.op, inputs) };
                let old = parts(graph, from);
                let place = places.get(&(from, part)).copied().unwrap_or(part);
                let start = plan.body.parts(steps).and_then(|p| p.get(place).map(|p| p.start)).unwrap_or(0);
                (s.start[0], s.stop[0]) = (s.start[0] - old[part].0 + start, s.stop[0] - old[part].0 + start);
            }
            new.add(Op::Slice(s), inputs)
        }
        op => new.add(op, inputs),
    })
}

/// What stands for a scan whose line of results is a single one, which is read without a slice: that result, cut out where there are more now.
fn only_part(graph: &Graph, old: NodeId, made: NodeId, plan: &Plan, places: &Places, new: &mut Graph) -> Result<NodeId, GraphError> {
    let Op::Scan { steps, .. } = graph.node(old).op else { return Ok(made) };
    let now = plan.body.parts(steps).unwrap_or_default();
    if parts(graph, old).len() > 1 || now.len() == 1 {
        return Ok(made);
    }
    let Some(p) = now.get(places.get(&(old, 0)).copied().unwrap_or(0)) else { return Ok(made) };
    let mut s = SliceSpec { start: [0; MAX_RANK], stop: [0; MAX_RANK], stride: [1; MAX_RANK] };
    (s.start[0], s.stop[0]) = (p.start, p.start + p.shape.len());
    new.add(Op::Slice(s), &[made])
}

/// First and last element of each result of a scan.
fn parts(graph: &Graph, scan: NodeId) -> Vec<(usize, usize)> {
    let (Op::Scan { steps, .. }, Some(body)) = (graph.node(scan).op, graph.body_of(scan)) else { return Vec::new() };
    body.parts(steps).unwrap_or_default().iter().map(|p| (p.start, p.start + p.shape.len())).collect()
}

/// The one result of a scan that a slice reads from.
fn part_read(graph: &Graph, slice: NodeId) -> Option<usize> {
    let node = graph.node(slice);
    let Op::Slice(s) = node.op else { return None };
    let from = node.inputs[0];
    let within = |p: &(usize, usize)| p.0 <= s.start[0] && s.stop[0] <= p.1 && p.0 < p.1;
    parts(graph, from).iter().position(within)
}

/// Which results of each scan are read. Without the scans whose whole line of results is read, so that all must stay where they are.
fn results_read(graph: &Graph) -> BTreeMap<NodeId, BTreeSet<usize>> {
    let mut read: BTreeMap<NodeId, Option<BTreeSet<usize>>> = BTreeMap::new();
    let mut single: BTreeSet<NodeId> = BTreeSet::new(); // all of whose line is one result
    for id in graph.ids() {
        if matches!(graph.node(id).op, Op::Scan { .. }) {
            let alone = parts(graph, id).len() == 1;
            single.extend(alone.then_some(id));
            read.insert(id, Some(if alone { BTreeSet::from([0]) } else { BTreeSet::new() }));
        }
        for from in &graph.node(id).inputs {
            if let Some(known) = read.get_mut(from) {
                match (part_read(graph, id), &mut *known) {
                    (Some(part), Some(parts)) => {
                        parts.insert(part);
                    }
                    _ if single.contains(from) => {}
                    _ => *known = None,
                }
            }
        }
    }
    let outputs = graph.outputs();
    for n in outputs.values.iter().map(|v| v.1).chain(outputs.updates.iter().map(|u| u.1)) {
        if let Some(known) = read.get_mut(&n).filter(|_| !single.contains(&n)) {
            *known = None;
        }
    }
    read.into_iter().filter_map(|(id, parts)| Some((id, parts?))).collect()
}

/// Scans of the same steps over the same inputs.
fn groups(graph: &Graph, read: &BTreeMap<NodeId, BTreeSet<usize>>) -> Vec<Vec<NodeId>> {
    let mut groups: Vec<Vec<NodeId>> = Vec::new();
    for &id in read.keys() {
        let node = graph.node(id);
        let Op::Scan { body, steps, reverse, .. } = node.op else { continue };
        let alike = |other: NodeId| {
            let o = graph.node(other);
            let Op::Scan { body: b, steps: s, reverse: r, .. } = o.op else { return false };
            let (a, b) = (graph.body(body), graph.body(b));
            o.inputs == node.inputs && (s, r) == (steps, reverse) && a.carries() == b.carries() && a.xs() == b.xs() && same_steps(a, b)
        };
        match groups.iter_mut().find(|g| alike(g[0])) {
            Some(group) => group.push(id),
            None => groups.push(vec![id]),
        }
    }
    groups
}

/// Whether two bodies do the same, whatever they give as results.
fn same_steps(a: &Body, b: &Body) -> bool {
    let (x, y) = (a.graph(), b.graph());
    let handed = |g: &Graph, n: usize| g.outputs().values[..n].iter().map(|o| o.1).collect::<Vec<_>>();
    x.nodes().len() == y.nodes().len()
        && x.nodes().iter().zip(y.nodes()).all(|(p, q)| p.op == q.op && p.inputs == q.inputs)
        && handed(x, a.carries()) == handed(y, b.carries())
}

/// One body that gives all that is read of a group, each value once, and which inputs it has of those before.
fn joined(
    graph: &Graph,
    group: &[NodeId],
    read: &BTreeMap<NodeId, BTreeSet<usize>>,
    places: &mut Places,
    options: &CompileOptions,
) -> Result<(Arc<Body>, Vec<usize>), GraphError> {
    let bodies: Vec<&Arc<Body>> = group.iter().filter_map(|&id| graph.body_of(id)).collect();
    let old = bodies[0];
    let carries = old.carries();
    let all: Vec<usize> = (0..graph.node(group[0]).inputs.len()).collect();
    let mut results: Vec<(String, NodeId)> = old.graph().outputs().values[..carries].to_vec();
    for (&id, body) in group.iter().zip(&bodies) {
        let outputs = &body.graph().outputs().values;
        for part in (carries..outputs.len()).filter(|part| read[&id].contains(part)) {
            let known = results.iter().skip(carries).position(|r| r.1 == outputs[part].1);
            let place = known.map_or(results.len(), |p| p + carries);
            if known.is_none() {
                results.push((format!("y{}", place - carries), outputs[part].1));
            }
            places.insert((id, part), place);
        }
    }
    let mut step = old.graph().clone();
    step.set_outputs(Outputs { values: results, updates: Vec::new() });
    let (step, kept) = without_unread_inputs(&pipeline(&step, options)?, carries)?;
    let xs = kept.iter().filter(|&&i| (carries..carries + old.xs()).contains(&i)).count();
    let unchanged = kept.len() == all.len() && same(&step, old.graph());
    let body = if unchanged { old.clone() } else { Arc::new(Body::new(step, carries, xs)?) };
    Ok((body, kept))
}

/// A step without the inputs that it does not read, and which are left; carries stay.
fn without_unread_inputs(step: &Graph, carries: usize) -> Result<(Graph, Vec<usize>), GraphError> {
    let reads = |i: usize| step.nodes().iter().any(|n| matches!(n.op, Op::Input { id, .. } if id.index() == i));
    let kept: Vec<usize> = (0..step.inputs().len()).filter(|&i| i < carries || reads(i)).collect();
    if kept.len() == step.inputs().len() {
        return Ok((step.clone(), kept));
    }
    let b = Builder::new();
    let leaves: Vec<Option<NodeId>> =
        (0..step.inputs().len()).map(|i| kept.contains(&i).then(|| b.input(&step.inputs()[i].name, step.inputs()[i].ty).id())).collect();
    let mut new = b.finish()?;
    let mut map: Vec<NodeId> = Vec::with_capacity(step.nodes().len());
    for id in step.ids() {
        let node = step.node(id);
        let inputs: Vec<NodeId> = node.inputs.iter().map(|x| map[x.index()]).collect();
        let known = if let Op::Input { id, .. } = node.op { leaves[id.index()] } else { None };
        map.push(match known {
            Some(leaf) => leaf,
            None => new.adopt(step, id, &inputs)?,
        });
    }
    for (name, n) in &step.outputs().values {
        new.add_output(name, map[n.index()]);
    }
    // Leaves that nobody reads any more as nodes stay declared.
    Ok((super::dce(&new)?, kept))
}
