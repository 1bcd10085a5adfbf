//! Scans: the plan of one step, run step after step.
//!
//! What is handed from step to step is state of the step's plan, which updates it in place; sequences and results are looked at where they lie, by pointers that move
//! on with the steps. Where the rows of a batch do not see each other (`rows`), each part of the batch goes through all steps by itself, on one
//! thread, with everything it touches in that core's cache; else the steps' kernels are cut for threads as they would be outside.
//!
//! `unsafe`: moves the pointers. The plan of the step has been checked like any other, and its inputs and results have the sizes that [`adaline_graph::Body`] promises.
#![allow(unsafe_code)]

mod rows;

use crate::fused::interp::Bases;
use crate::fused::program::{ARENA, BufRef, INPUTS, STATE};
use crate::lower::lower_step;
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
    /// Words of the carries, and where each lies.
    state_words: usize,
    slots: Vec<usize>,
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
            let plan = match sizes.iter().position(|&s| s == n) {
                Some(known) => known,
                None => {
                    plans.push(StepPlan::new(body, rows.as_ref(), n, options, isa)?);
                    sizes.push(n);
                    sizes.len() - 1
                }
            };
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
        let entries = INPUTS as usize + self.inputs.len() - self.carries + self.results.len() - self.carries;
        (entries * size_of::<*mut f32>()).div_ceil(4).next_multiple_of(LINE)
    }
    /// Scratch words of each worker: the table of pointers, then what the kernels need.
    pub(crate) fn scratch_words(&self) -> usize {
        self.table_words() + self.plans.iter().map(|p| p.plan.scratch_words).max().unwrap_or(0)
    }
}

impl StepPlan {
    fn new(body: &Body, rows: Option<&Rows>, n: usize, options: &CompileOptions, isa: Isa) -> Result<Self, CompileError> {
        let (graph, layout) = step_graph(body, rows, n)?;
        let plan = lower_step(fuse::fuse(&graph, options)?, &layout, options, isa)?;
        if options.verify {
            verify::verify(&plan, &layout).map_err(CompileError::Verify)?;
        }
        let slots = (0..body.carries()).map(|i| layout.slot(SlotId(i as u32)).offset).collect();
        Ok(Self { plan, state_words: layout.words(CARRY).next_multiple_of(LINE), slots })
    }
    fn words(&self) -> usize {
        (self.state_words + self.plan.arena_words).next_multiple_of(LINE)
    }
}

/// A step for `n` rows of the batch as a graph with state: its slots are the carries, its inputs the sequences' elements and what all steps see, its outputs the results.
fn step_graph(body: &Body, rows: Option<&Rows>, n: usize) -> Result<(Graph, StateLayout), CompileError> {
    let (from, carries) = (body.graph(), body.carries());
    let narrow = |id: NodeId| rows.map_or(from.ty(id), |r| r.ty(from, id, n));
    let handed = |i: usize| (i < carries).then(|| from.outputs().values[i].1);
    let declared = |i: usize| handed(i).or_else(|| body.input(i)).map_or(from.inputs()[i].ty, narrow);
    let (mut to, mut layout) = (Graph::new(), StateLayout::new());
    let mut map: Vec<NodeId> = Vec::with_capacity(from.nodes().len());
    let leaves: Vec<NodeId> = (0..from.inputs().len())
        .map(|i| {
            let (name, ty) = (&from.inputs()[i].name, declared(i));
            if i < carries { to.add_state(layout.add(name, CARRY, ty), name, ty) } else { to.add_input(name, ty) }
        })
        .collect();
    for id in from.ids() {
        let node = from.node(id);
        let inputs: Vec<NodeId> = node.inputs.iter().map(|x| map[x.index()]).collect();
        map.push(match node.op {
            Op::Input { id, .. } => leaves[id.index()],
            _ => {
                let op = rows.map_or(node.op, |r| r.op(from, id, n));
                to.adopt_as(from, id, op, &inputs)?
            }
        });
    }
    for (i, (name, node)) in from.outputs().values.iter().enumerate() {
        let node = map[node.index()];
        if i >= carries {
            to.add_output(name, node);
        } else if node != leaves[i] {
            to.add_update(SlotId(i as u32), node);
        }
    }
    Ok((to, layout))
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
            for i in 0..carries {
                let e = body.inputs[i];
                std::ptr::copy_nonoverlapping(outer.at(self.inputs[i]).add(first * e.row), state.add(slots[i]), own(e));
            }
            let inputs = body.inputs.len() - carries;
            for step in 0..body.steps {
                let t = if body.reverse { body.steps - 1 - step } else { step };
                for i in 0..inputs {
                    let e = body.inputs[carries + i];
                    let at = if i < body.sequences { t * e.words } else { 0 };
                    table.add(INPUTS as usize + i).write(outer.at(self.inputs[carries + i]).add(at + first * e.row));
                }
                for (i, e) in body.results.iter().enumerate().skip(carries) {
                    let to = out.add(body.starts[i] + t * e.words + first * e.row);
                    table.add(INPUTS as usize + inputs + i - carries).write(to);
                }
                let bases = Bases(table);
                plan.run(workers, bases, inline, |_| {});
                // Results that share their place with another.
                for (i, result) in plan.outputs.iter().enumerate() {
                    let to = bases.at(BufRef { space: INPUTS + (inputs + i) as u16, offset: 0 });
                    let from = bases.at(result.at);
                    if from != to {
                        std::ptr::copy_nonoverlapping(from, to, result.words);
                    }
                }
            }
            for i in 0..carries {
                let e = body.results[i];
                std::ptr::copy_nonoverlapping(state.add(slots[i]), out.add(body.starts[i] + first * e.row), own(e));
            }
        }
    }
}
