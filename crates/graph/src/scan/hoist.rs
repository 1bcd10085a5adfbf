//! Products that do not depend on what is handed from step to step are taken out of it: one product for all steps.

use super::stacked;
use crate::{AxisSet, Builder, NodeId, Op, Perm, Var};
use std::collections::BTreeMap;

/// Shortest sums of a product that is taken out, unless it has fewer rows than this at each step, so that what a kernel costs by itself would count. Others are
/// sooner computed at each step than their results written for all steps and read again.
const SHORTEST: usize = 33;
const FEW_ROWS: usize = 8;

/// The step that stands model for a body, while it lies in the graph around it.
pub(super) struct Model<'a, 'g> {
    pub(super) b: &'g Builder,
    pub(super) steps: usize,
    /// What the step is handed.
    pub(super) handed: &'a [Var<'g>],
    /// Its elements of the sequences, and the sequences.
    pub(super) seen: &'a [Var<'g>],
    pub(super) xs: &'a [Var<'g>],
}

impl<'g> Model<'_, 'g> {
    /// Products of the step whose left operand depends on sequences alone and whose right one is the same for all steps, each with its values at all
    /// steps `[T, ..]`.
    pub(super) fn products(&self, returned: &[NodeId]) -> Vec<(NodeId, Var<'g>)> {
        let Some((by_handed, by_seen)) = self.dependents() else { return Vec::new() };
        let mut needed = vec![false; by_seen.len()];
        for r in returned {
            needed[r.index()] = true;
        }
        let mut found = Vec::new();
        let mut known = BTreeMap::new();
        for at in (0..needed.len()).rev().filter(|&at| by_handed[at] || by_seen[at]) {
            if !needed[at] {
                continue;
            }
            let id = NodeId(at as u32);
            let (op, inputs) = self.node(id);
            let pays = |x: NodeId| self.b.var(x).dim(-1) >= SHORTEST || self.b.var(x).dim(-2) < FEW_ROWS;
            let product = matches!(op, Op::Dot { ta: false, .. }) && !by_handed[at] && !by_seen[inputs[1].index()] && pays(inputs[0]);
            match if product { self.lift(id, &by_seen, &mut known) } else { None } {
                Some(all) => found.push((id, all)),
                None => inputs.iter().for_each(|x| needed[x.index()] = true),
            }
        }
        found.reverse();
        found
    }

    fn node(&self, id: NodeId) -> (Op, smallvec::SmallVec<[NodeId; 3]>) {
        let found = self.b.with_graph(|g| Ok((g.node(id).op, g.node(id).inputs.clone())));
        found.unwrap_or((Op::StopGradient, smallvec::SmallVec::new()))
    }

    /// Which nodes depend on what the step is handed, and which on its elements of the sequences.
    fn dependents(&self) -> Option<(Vec<bool>, Vec<bool>)> {
        let from = |roots: &[Var<'g>]| {
            self.b.with_graph(|g| {
                let mut depends = vec![false; g.nodes().len()];
                for r in roots {
                    depends[r.id().index()] = true;
                }
                for (i, node) in g.nodes().iter().enumerate() {
                    depends[i] |= node.inputs.iter().any(|x| depends[x.index()]);
                }
                Ok(depends)
            })
        };
        Some((from(self.handed).ok()?, from(self.seen).ok()?))
    }

    /// The values of a node at all steps, if that can be said without going step by step.
    fn lift(&self, id: NodeId, by_seen: &[bool], known: &mut BTreeMap<NodeId, Var<'g>>) -> Option<Var<'g>> {
        if let Some(&v) = known.get(&id) {
            return Some(v);
        }
        let b = self.b;
        let own = b.var(id).shape();
        let all = stacked(own, self.steps)?;
        let lifted = if let Some(i) = self.seen.iter().position(|s| s.id() == id) {
            self.xs[i]
        } else if !by_seen[id.index()] {
            let once = stacked(own, 1)?;
            b.var(id).reshape(once).broadcast_to(all)
        } else {
            let (op, inputs) = self.node(id);
            let mut operand = |i: usize| self.lift(inputs[i], by_seen, known);
            match op {
                Op::Dot { ta: false, tb } if own.rank() == 2 && !by_seen[inputs[1].index()] => {
                    let rows = operand(0)?;
                    let rows = rows.reshape([rows.dim(0) * rows.dim(1), rows.dim(2)]);
                    rows.dot(b.var(inputs[1]), false, tb).reshape(all)
                }
                Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) | Op::StopGradient => {
                    let operands: Vec<Var<'g>> = (0..inputs.len()).map(operand).collect::<Option<_>>()?;
                    b.op(op, &operands)
                }
                Op::Reshape(_) => operand(0)?.reshape(all),
                Op::Broadcast(_) => operand(0)?.broadcast_to(all),
                Op::Transpose(p) => {
                    let axes: Vec<usize> = std::iter::once(0).chain(p.axes().map(|a| a + 1)).collect();
                    b.op(Op::Transpose(Perm::new(&axes)?), &[operand(0)?])
                }
                Op::Slice(s) => {
                    let axes = (0..own.rank()).map(|a| (s.start[a], s.stop[a], s.stride[a]));
                    operand(0)?.slice(&std::iter::once((0, self.steps, 1)).chain(axes).collect::<Vec<_>>())
                }
                Op::Concat { axis } => {
                    let operands: Vec<Var<'g>> = (0..inputs.len()).map(operand).collect::<Option<_>>()?;
                    b.op(Op::Concat { axis: axis + 1 }, &operands)
                }
                Op::Reduce { op, axes } => {
                    let axes: Vec<usize> = axes.iter().map(|a| a + 1).collect();
                    b.op(Op::Reduce { op, axes: AxisSet::of(&axes) }, &[operand(0)?])
                }
                _ => return None,
            }
        };
        debug_assert!(b.failed() || lifted.shape() == all, "{} at all steps is {}, not {all}", own, lifted.shape());
        known.insert(id, lifted);
        Some(lifted)
    }
}
