//! Scans: the plan of one step, run step after step.
//!
//! What is handed from step to step is state of the step's plan, which updates it in place, unless all of it is kept as a result: then each step reads
//! it there and writes the next one beside it. Sequences and results are looked at where they lie, by pointers that move on with the steps. Where the rows of a batch do not see each other (`rows`), each part of the batch goes through all steps by itself, on one
//! thread, with everything it touches in that core's cache; else the steps' kernels are cut for threads as they would be outside.
//!
//! `unsafe`: moves the pointers. The plan of the step has been checked like any other, and its inputs and results have the sizes that [`adaline_graph::Body`] promises.
#![allow(unsafe_code)]

mod rows;

use crate::fused::interp::Bases;
use crate::fused::program::{ARENA, BufRef, INPUTS, STATE};
use crate::lower::{StepRules, lower_step};
use crate::memory::LINE;
use crate::par::Workers;
use crate::plan::Plan;
use crate::simd::Isa;
use crate::verify;
use adaline_graph::backend::{CompileError, CompileOptions};
use adaline_graph::{Body, Graph, NodeId, Op, Role, SlotId, StateLayout, fuse};
use rows::Rows;

/// Role of the slots that a step hands on.
const CARRY: Role = Role::Trainable;
/// Rows of a part of the batch: two or three register tiles of a product.
const PART_ROWS: usize = 16;

/// The steps of a scan, compiled.
#[derive(Debug)]
pub(crate) struct Loop {
    steps: usize,
    reverse: bool,
    carries: usize,
    /// Inputs behind the carries of which each step sees an element.
    sequences: usize,
    /// The plan of one step for a part of the batch, and for a last, smaller part.
    plans: Vec<StepPlan>,
    parts: Vec<Part>,
    /// Words of memory for each part.
    words: usize,
    /// By input of the body.
    inputs: Vec<Extent>,
    /// By result of the body: the carries' first.
    results: Vec<Extent>,
    /// By carry.
    handed: Vec<Handed>,
    /// The results that a step writes, other than what it is handed.
    written: Vec<usize>,
    /// First word of each result, and the words of all.
    starts: Vec<usize>,
    len: usize,
}

/// Words of a value that a step sees: all of them, and those of a row of the batch (0: each part sees all).
#[derive(Clone, Copy, Debug)]
struct Extent {
    words: usize,
    row: usize,
}

/// How a value gets from one step to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Handed {
    /// In a slot of the step's state.
    Slot,
    /// In the stack of this result, which is what each step is handed.
    Seen(usize),
    /// In the stack of this result, which is what each step hands on.
    Next(usize),
}

/// Rows of the batch that go through the steps together.
#[derive(Clone, Copy, Debug)]
struct Part {
    first: usize,
    rows: usize,
    plan: usize,
}

#[derive(Debug)]
struct StepPlan {
    plan: Plan,
    /// Words of the slots, and where each carry that has one lies.
    state_words: usize,
    slots: Vec<Option<usize>>,
}

/// A scan with the places of its operands.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) body: std::sync::Arc<Loop>,
    pub(crate) inputs: Vec<BufRef>,
    /// Where the result goes; it is copied from the first place to the others.
    pub(crate) outs: Vec<BufRef>,
    /// Memory of the parts.
    pub(crate) memory: BufRef,
}

impl Loop {
    /// Compiles the body of a scan.
    pub(crate) fn new(body: &Body, steps: usize, reverse: bool, options: &CompileOptions, isa: Isa) -> Result<Self, CompileError> {
        let handed: Vec<Handed> = (0..body.carries()).map(|i| Handed::of(body, i)).collect();
        let rows = if options.enabled("parts") { Rows::of(body) } else { None };
        let batch = rows.as_ref().map_or(1, |r| r.batch);
        let count = batch.div_ceil(PART_ROWS).max(1);
        let each = batch.div_ceil(count).max(1);
        let mut plans: Vec<StepPlan> = Vec::new();
        let mut sizes: Vec<usize> = Vec::new();
        let mut parts = Vec::new();
        let mut first = 0;
        while first < batch || parts.is_empty() {
            let n = each.min(batch - first);
            let known = sizes.iter().position(|&s| s == n);
            if known.is_none() {
                plans.push(StepPlan::new(body, &handed, rows.as_ref(), (n, count > 1), options, isa)?);
                sizes.push(n);
            }
            let plan = known.unwrap_or(sizes.len() - 1);
            parts.push(Part { first, rows: n, plan });
            first += n.max(1);
        }
        let extent = |node: Option<NodeId>, words: usize| {
            let by_row = node.zip(rows.as_ref()).is_some_and(|(n, r)| r.is_row(n));
            Extent { words, row: if by_row { words / batch.max(1) } else { 0 } }
        };
        let graph = body.graph();
        // A carry that no step reads is what the last one hands on.
        let read = |i: usize| if i < body.carries() { Some(graph.outputs().values[i].1) } else { body.input(i) };
        let too_large = || CompileError::TooLarge { words: usize::MAX };
        Ok(Self {
            steps,
            reverse,
            carries: body.carries(),
            written: (body.carries()..graph.outputs().values.len()).filter(|&j| !handed.contains(&Handed::Seen(j))).collect(),
            handed,
            sequences: body.xs(),
            words: plans.iter().map(StepPlan::words).max().unwrap_or(0),
            plans,
            parts,
            inputs: (0..graph.inputs().len()).map(|i| extent(read(i), graph.inputs()[i].ty.len())).collect(),
            results: graph.outputs().values.iter().map(|(_, n)| extent(Some(*n), graph.ty(*n).len())).collect(),
            len: body.len(steps).ok_or_else(too_large)?,
            starts: body.parts(steps).ok_or_else(too_large)?.iter().map(|p| p.start).collect(),
        })
    }

    /// Words of memory that the parts need.
    pub(crate) fn memory_words(&self) -> usize {
        self.words * self.parts.len()
    }
    /// Plans of one step, for reports.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plans[0].plan
    }
    /// Steps and parts.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.steps, self.parts.len())
    }
    /// Sums something over the kernels of all steps and parts.
    pub(crate) fn total(&self, f: impl Fn(&crate::plan::Kernel) -> u64) -> u64 {
        let of = |p: &Part| self.plans[p.plan].plan.steps.iter().map(|s| f(&s.kernel)).sum::<u64>();
        self.parts.iter().map(of).sum::<u64>() * self.steps as u64
    }
    /// Words of a part's table of pointers.
    fn table_words(&self) -> usize {
        let stacked = self.handed.iter().filter(|h| **h != Handed::Slot).count();
        let entries = INPUTS as usize + self.inputs.len() - self.carries + stacked + self.results.len() - self.carries;
        (entries * size_of::<*mut f32>()).div_ceil(4).next_multiple_of(LINE)
    }
    /// Scratch words of each worker: the table of pointers, then what the kernels need.
    pub(crate) fn scratch_words(&self) -> usize {
        self.table_words() + self.plans.iter().map(|p| p.plan.scratch_words).max().unwrap_or(0)
    }
}

impl Handed {
    fn of(body: &Body, carry: usize) -> Self {
        let results = &body.graph().outputs().values;
        let of = |node: NodeId| (body.carries()..results.len()).find(|&j| results[j].1 == node);
        // One result cannot be the stack of two carries.
        let alone = |i: usize| (0..carry).all(|other| results[other].1 != results[i].1);
        let seen = body.input(carry).and_then(of).map(Self::Seen);
        let next = of(results[carry].1).filter(|_| alone(carry)).map(Self::Next);
        seen.or(next).unwrap_or(Self::Slot)
    }
}

impl StepPlan {
    fn new(
        body: &Body,
        handed: &[Handed],
        rows: Option<&Rows>,
        (n, alone): (usize, bool),
        options: &CompileOptions,
        isa: Isa,
    ) -> Result<Self, CompileError> {
        let (graph, layout, slots) = step_graph(body, handed, rows, n)?;
        let inputs = body.graph().inputs().len() - body.carries();
        let rules = StepRules { constant: body.xs()..inputs, alone };
        let plan = lower_step(fuse::fuse(&graph, options)?, &layout, options, isa, rules)?;
        if options.verify {
            verify::verify(&plan, &layout).map_err(CompileError::Verify)?;
        }
        let slots = slots.into_iter().map(|s| s.map(|s| layout.slot(s).offset)).collect();
        Ok(Self { plan, state_words: layout.words(CARRY).next_multiple_of(LINE), slots })
    }
    fn words(&self) -> usize {
        (self.state_words + self.plan.arena_words).next_multiple_of(LINE)
    }
}

/// A step for `n` rows of the batch as a graph with state, and the slot of each carry that has one. Its inputs are the sequences' elements, what all steps see, and the
/// carries without a slot; its outputs the results that are no such carry as it is seen, then what becomes of those.
fn step_graph(
    body: &Body,
    handed: &[Handed],
    rows: Option<&Rows>,
    n: usize,
) -> Result<(Graph, StateLayout, Vec<Option<SlotId>>), CompileError> {
    let (from, carries) = (body.graph(), body.carries());
    let results = &from.outputs().values;
    let narrow = |id: NodeId| rows.map_or(from.ty(id), |r| r.ty(from, id, n));
    let (mut to, mut layout) = (Graph::new(), StateLayout::new());
    let mut leaves: Vec<Option<NodeId>> = vec![None; from.inputs().len()];
    for (i, leaf) in leaves.iter_mut().enumerate().skip(carries) {
        let ty = body.input(i).map_or(from.inputs()[i].ty, narrow);
        *leaf = Some(to.add_input(&from.inputs()[i].name, ty));
    }
    let mut slots = Vec::with_capacity(carries);
    for (i, how) in handed.iter().enumerate() {
        let (name, ty) = (&from.inputs()[i].name, narrow(results[i].1));
        let slot = (*how == Handed::Slot).then(|| layout.add(name, CARRY, ty));
        leaves[i] = Some(match slot {
            Some(slot) => to.add_state(slot, name, ty),
            None => to.add_input(name, ty),
        });
        slots.push(slot);
    }
    let mut map: Vec<NodeId> = Vec::with_capacity(from.nodes().len());
    for id in from.ids() {
        let node = from.node(id);
        let inputs: Vec<NodeId> = node.inputs.iter().map(|x| map[x.index()]).collect();
        let leaf = if let Op::Input { id, .. } = node.op { leaves[id.index()] } else { None };
        map.push(match leaf {
            Some(leaf) => leaf,
            None => to.adopt_as(from, id, rows.map_or(node.op, |r| r.op(from, id, n)), &inputs)?,
        });
    }
    for j in carries..results.len() {
        if !handed.contains(&Handed::Seen(j)) {
            to.add_output(&results[j].0, map[results[j].1.index()]);
        }
    }
    for (i, slot) in slots.iter().enumerate() {
        let next = map[results[i].1.index()];
        match (slot, handed[i]) {
            (Some(slot), _) if leaves[i] != Some(next) => to.add_update(*slot, next),
            (None, Handed::Seen(_)) => to.add_output(&results[i].0, next),
            _ => {}
        }
    }
    Ok((to, layout, slots))
}

impl Scan {
    /// Places that the kernel reads and writes.
    pub(crate) fn places(&self) -> impl Iterator<Item = BufRef> + '_ {
        self.inputs.iter().chain(&self.outs).copied().chain([self.memory])
    }

    /// Runs it.
    ///
    /// # Safety
    /// The plan's promise: operands, results and memory lie within their buffers and do not overlap.
    pub(crate) unsafe fn run(&self, workers: &Workers, bases: Bases, inline: bool) {
        let (parts, table) = (&self.body.parts, self.body.table_words());
        // SAFETY: the caller's promise; each part has its rows and its memory, each worker its scratch.
        unsafe {
            if parts.len() == 1 {
                self.part(0, workers.scratch(0), &workers.beyond(table), bases, inline);
            } else if inline {
                (0..parts.len()).for_each(|p| self.part(p, workers.scratch(0), &workers.beyond(table), bases, true));
            } else {
                workers.run(parts.len(), &|p, worker| self.part(p, workers.scratch(worker), &workers.alone(worker, table), bases, true));
            }
            for &other in &self.outs[1..] {
                std::ptr::copy_nonoverlapping(bases.at(self.outs[0]), bases.at(other), self.body.len);
            }
        }
    }

    /// One part of the batch through all steps.
    ///
    /// # Safety
    /// As for [`Scan::run`]; `table` is the beginning of this worker's scratch, `workers` have what lies behind it.
    unsafe fn part(&self, part: usize, table: *mut f32, workers: &Workers, outer: Bases, inline: bool) {
        let body = &*self.body;
        let (Part { first, rows, plan }, carries) = (body.parts[part], body.carries);
        let StepPlan { plan, state_words, slots } = &body.plans[plan];
        let table: *mut *mut f32 = table.cast();
        let own = |e: Extent| if e.row == 0 { e.words } else { e.row * rows };
        // SAFETY: the table was made for these entries, and scratch is aligned to 64 bytes; all places lie within their buffers by the
        // plan's promise, since a part's rows are among those of the batch and t is below the number of steps.
        unsafe {
            let state = outer.at(self.memory).add(part * body.words);
            table.add(ARENA as usize).write(state.add(*state_words));
            (0..4).for_each(|role| table.add(STATE as usize + role).write(state));
            let out = outer.at(self.outs[0]);
            // Where a result of a step lies, and, for a part, its first element.
            let place = |j: usize, t: usize| out.add(body.starts[j] + t * body.results[j].words + first * body.results[j].row);
            let last = |i: usize| out.add(body.starts[i] + first * body.results[i].row);
            let step_at = |step: usize| if body.reverse { body.steps - 1 - step } else { step };
            for (i, slot) in slots.iter().enumerate() {
                let begin = outer.at(self.inputs[i]).add(first * body.inputs[i].row);
                let to = match (slot, body.handed[i]) {
                    (Some(slot), _) => state.add(*slot),
                    (None, Handed::Seen(j)) if body.steps > 0 => place(j, step_at(0)),
                    _ => last(i),
                };
                std::ptr::copy_nonoverlapping(begin, to, own(body.inputs[i]));
            }
            let inputs = body.inputs.len() - carries;
            for step in 0..body.steps {
                let t = step_at(step);
                let mut space = INPUTS as usize;
                let mut point = |to: *mut f32| {
                    table.add(space).write(to);
                    space += 1;
                };
                for i in 0..inputs {
                    let e = body.inputs[carries + i];
                    let at = if i < body.sequences { t * e.words } else { 0 };
                    point(outer.at(self.inputs[carries + i]).add(at + first * e.row));
                }
                for (i, how) in body.handed.iter().enumerate() {
                    match *how {
                        Handed::Slot => {}
                        Handed::Seen(j) => point(place(j, t)),
                        Handed::Next(j) if step > 0 => point(place(j, step_at(step - 1))),
                        Handed::Next(_) => point(last(i)),
                    }
                }
                for &j in &body.written {
                    point(place(j, t));
                }
                for (i, how) in body.handed.iter().enumerate() {
                    if let Handed::Seen(j) = *how {
                        point(if step + 1 < body.steps { place(j, step_at(step + 1)) } else { last(i) });
                    }
                }
                let bases = Bases(table);
                plan.run(&workers.repeating(step > 0), bases, inline, |_| {});
                // Results that share their place with another.
                for (i, result) in plan.outputs.iter().enumerate() {
                    let to = bases.at(BufRef { space: INPUTS + (plan.inputs.len() + i) as u16, offset: 0 });
                    let from = bases.at(result.at);
                    if from != to {
                        std::ptr::copy_nonoverlapping(from, to, result.words);
                    }
                }
            }
            for (i, slot) in slots.iter().enumerate() {
                let from = match (slot, body.handed[i]) {
                    (Some(slot), _) => state.add(*slot),
                    (None, Handed::Next(j)) if body.steps > 0 => place(j, step_at(body.steps - 1)),
                    _ => continue,
                };
                std::ptr::copy_nonoverlapping(from, last(i), own(body.results[i]));
            }
        }
    }
}
