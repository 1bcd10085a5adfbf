//! From fused regions to steps: a place for every value (here), a kernel for every region (`kernels`), and the record of what each step touches.

mod kernels;

use crate::conv;
use crate::direct::Table;
use crate::fused::build::{self, Uses};
use crate::fused::kernel::{self, Acc, Cut, Tile};
use crate::fused::program::{ARENA, BufRef, INPUTS, Program, STATE};
use crate::gemm::{GemmPlan, GemmSpec};
use crate::memory::{self, Need};
use crate::plan::{Holds, Kernel, Output, Plan, SlotCheck, Touch};
use crate::scan;
use crate::simd::Isa;
use crate::sums::Sums;
use adaline_graph::backend::{CompileError, CompileOptions};
use adaline_graph::fuse::{self, Access, Edge, Fused, Kind, Place, Region, Space, Update, View};
use adaline_graph::{NodeId, Op, SlotId, StateLayout, TensorType};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Work (elements times instructions, or multiplications / 8) below which a step runs on the calling thread: about 6 µs of one core,
/// several times what a fork and a join cost.
const INLINE_WORK: usize = 40_000;

/// Multiplications of a product in the step of a scan from which on it is cut for several threads rather than its right operand kept.
const KEPT_UNLESS_ALONE: usize = 1_000_000;

/// Where a value lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Home {
    /// In the arena: index of its [`Need`].
    Arena(usize),
    /// Written straight into a slot.
    Slot(SlotId),
    /// In the space of the result with this number.
    Result(usize),
}

/// What a region needs: asked for many times.
struct Facts {
    uses: Uses,
    /// The reading member, where it reads, and what.
    loads: Vec<(NodeId, Option<Place>, View)>,
    /// The sums, and the words they need: for each task along the rows, and for each task.
    accs: Vec<(NodeId, Acc)>,
    col_words: usize,
    one_words: usize,
}

struct Lower<'a> {
    fused: &'a Fused,
    state: &'a StateLayout,
    options: &'a CompileOptions,
    isa: Isa,
    /// Makes the plan of a product whose operands hold bfloat16 values, where there is a kernel for that.
    pairs: Pairs,
    /// By region.
    facts: Vec<Facts>,
    homes: BTreeMap<NodeId, Home>,
    needs: Vec<Need>,
    /// Temporary words of each region.
    temps: Vec<Option<usize>>,
    cuts: Vec<Option<Cut>>,
    offsets: Vec<usize>,
    /// Compiled recurrences, by region.
    scans: Vec<Option<Arc<scan::Loop>>>,
    /// What is special about one step of a scan.
    step: Option<StepRules>,
    /// Packed right operands that are kept from run to run, by region.
    kept: BTreeMap<usize, usize>,
}

/// What is special about the plan of one step of a scan: its results go to spaces of their own, which follow those of the inputs.
#[derive(Clone, Debug)]
pub(crate) struct StepRules {
    /// Inputs that are the same at all steps, so that products may keep them packed.
    pub(crate) constant: Range<usize>,
    /// Whether steps run on one thread. Larger products are not worth keeping their operand for otherwise.
    pub(crate) alone: bool,
}

/// A product of bfloat16 operands: its shape, the instruction set, the cost of its epilogue.
type Pairs = fn(GemmSpec, Isa, usize) -> Option<GemmPlan>;

/// Lowers a fused graph to a plan.
pub(crate) fn lower(fused: Fused, state: &StateLayout, options: &CompileOptions, isa: Isa) -> Result<Plan, CompileError> {
    lower_with(fused, state, options, isa, GemmPlan::bf16, None)
}

/// Lowers one step of a scan.
pub(crate) fn lower_step(
    fused: Fused,
    state: &StateLayout,
    options: &CompileOptions,
    isa: Isa,
    rules: StepRules,
) -> Result<Plan, CompileError> {
    lower_with(fused, state, options, isa, GemmPlan::bf16, Some(rules))
}

/// As [`lower`], with every product of bfloat16 operands by pairs, whatever its size and the CPU.
#[cfg(test)]
pub(crate) fn lower_emulating(fused: Fused, state: &StateLayout, options: &CompileOptions, isa: Isa) -> Result<Plan, CompileError> {
    lower_with(fused, state, options, isa, |spec, isa, cost| Some(GemmPlan::emulated_bf16(spec, isa, cost)), None)
}

fn lower_with(
    fused: Fused,
    state: &StateLayout,
    options: &CompileOptions,
    isa: Isa,
    pairs: Pairs,
    step: Option<StepRules>,
) -> Result<Plan, CompileError> {
    let mut l = Lower {
        fused: &fused,
        state,
        options,
        isa,
        pairs,
        facts: fused.regions.iter().map(|region| Facts::of(&fused, region)).collect(),
        homes: BTreeMap::new(),
        needs: Vec::new(),
        temps: vec![None; fused.regions.len()],
        cuts: vec![None; fused.regions.len()],
        offsets: Vec::new(),
        scans: Vec::new(),
        step,
        kept: BTreeMap::new(),
    };
    l.compile_scans()?;
    l.allot();
    l.lives();
    if options.enabled("inplace") && options.enabled("reuse") {
        l.take_over();
    }
    let layout = memory::layout(&l.needs, options.enabled("reuse"));
    if layout.words > isize::MAX as usize / 8 {
        return Err(CompileError::TooLarge { words: layout.words });
    }
    l.offsets.clone_from(&layout.offsets);
    let mut steps = Vec::with_capacity(fused.regions.len());
    for (i, region) in fused.regions.iter().enumerate() {
        steps.push(l.step(i, region)?);
    }
    for u in &fused.updates {
        if let Update::Copy { slot, node } = u {
            steps.push(l.copy(*slot, *node));
        }
    }
    for i in 1..steps.len() {
        steps[i - 1].wake = steps[i - 1].inline && !steps[i].inline;
    }
    let graph = &fused.graph;
    let slots: Vec<SlotCheck> = graph
        .slots()
        .iter()
        .map(|s| {
            let slot = state.slot(s.slot);
            SlotCheck { name: s.name.clone(), slot: s.slot, role: slot.role, offset: slot.offset, ty: slot.ty }
        })
        .collect();
    let outputs = graph
        .outputs()
        .values
        .iter()
        .map(|(_, n)| {
            let ty = graph.ty(*n);
            Output { at: l.place(l.base(*n)), words: ty.len(), dtype: ty.dtype }
        })
        .collect();
    Ok(Plan {
        scratch_words: steps.iter().map(|s| s.kernel.scratch_words()).max().unwrap_or(0).next_multiple_of(memory::LINE),
        steps,
        arena_words: layout.words,
        inputs: graph.inputs().to_vec(),
        slots,
        outputs,
        updates: !graph.outputs().updates.is_empty(),
        own_results: l.step.is_some(),
        live_words: layout.live,
        fused,
        report: OnceLock::new(),
    })
}

impl Facts {
    fn of(fused: &Fused, region: &Region) -> Self {
        let uses = Uses::of(fused, region);
        let mut loads = Vec::new();
        for m in uses.members(region) {
            let whole = fuse::reads_memory(fused.graph.node(m.node).op);
            let at = if whole { None } else { fused.operand_place(region, m.node) };
            for e in fused.edges(region, m.node).unwrap_or_default() {
                if let Edge::Load(v) = e {
                    loads.push((m.node, at, v));
                }
            }
        }
        let (accs, col_words, one_words) = accumulators(fused, region, &uses);
        Self { uses, loads, accs, col_words, one_words }
    }
}

impl Lower<'_> {
    /// The node in memory that holds the words of a result.
    fn base(&self, node: NodeId) -> NodeId {
        self.fused.memory_of(node).map_or(node, |v| v.base)
    }

    /// Compiles the bodies of recurrences.
    fn compile_scans(&mut self) -> Result<(), CompileError> {
        for region in &self.fused.regions {
            let graph = &self.fused.graph;
            let compiled = match region.kind {
                Kind::Opaque(node) => match graph.node(node).op {
                    Op::Scan { body, steps, reverse, .. } => {
                        Some(Arc::new(scan::Loop::new(graph.body(body), steps, reverse, self.options, self.isa)?))
                    }
                    _ => None,
                },
                _ => None,
            };
            self.scans.push(compiled);
        }
        Ok(())
    }

    /// Gives every output of a region a home, and the regions their cuts and temporary words.
    fn allot(&mut self) {
        let named: BTreeSet<NodeId> = self.fused.graph.outputs().values.iter().map(|v| self.base(v.1)).collect();
        for (i, region) in self.fused.regions.iter().enumerate() {
            for &n in &region.outputs {
                let slot = self.fused.updates.iter().find_map(|u| match u {
                    Update::InPlace { slot, node, region } if *node == n && *region == i => Some(*slot),
                    _ => None,
                });
                let home = match slot {
                    Some(slot) if !named.contains(&n) => Home::Slot(slot),
                    _ if self.step.is_some() && named.contains(&n) => {
                        let outputs = &self.fused.graph.outputs().values;
                        Home::Result(outputs.iter().position(|o| self.base(o.1) == n).unwrap_or(0))
                    }
                    _ => {
                        let last = if named.contains(&n) { usize::MAX } else { i };
                        self.needs.push(Need { words: self.fused.graph.ty(n).len(), first: i, last, over: None });
                        Home::Arena(self.needs.len() - 1)
                    }
                };
                self.homes.insert(n, home);
            }
            if let Kind::Opaque(node) | Kind::Product(node) = region.kind
                && self.options.enabled("conv")
            {
                let n = self.fused.graph.node(node);
                let types: Vec<TensorType> = n.inputs.iter().map(|&x| self.fused.graph.ty(x)).collect();
                let words = conv::shared_words(n.op, &types, n.ty, self.isa, self.options.enabled("winograd"));
                if words > 0 {
                    self.needs.push(Need { words, first: i, last: i, over: None });
                    self.temps[i] = Some(self.needs.len() - 1);
                }
            }
            if let Kind::Product(node) = region.kind
                && let Some(words) = self.table(node).map(Sums::shared_words)
            {
                self.needs.push(Need { words, first: i, last: i, over: None });
                self.temps[i] = Some(self.needs.len() - 1);
            }
            if let Kind::Product(node) = region.kind
                && let Some(words) = self.words_to_keep(region, node)
            {
                self.needs.push(Need { words, first: 0, last: usize::MAX, over: None });
                self.kept.insert(i, self.needs.len() - 1);
            }
            if let Some(scan) = &self.scans[i] {
                self.needs.push(Need { words: scan.memory_words(), first: i, last: i, over: None });
                self.temps[i] = Some(self.needs.len() - 1);
            }
            if matches!(region.kind, Kind::Loop | Kind::Rows | Kind::Columns) {
                let cut = self.cut(region, &self.facts[i]);
                self.cuts[i] = Some(cut);
                let words = Tile::partial_words(&cut, self.facts[i].col_words, self.facts[i].one_words);
                if words > 0 {
                    self.needs.push(Need { words, first: i, last: i, over: None });
                    self.temps[i] = Some(self.needs.len() - 1);
                }
            }
        }
    }

    /// The table whose rows a node sums by index.
    fn table(&self, node: NodeId) -> Option<Table> {
        let n = self.fused.graph.node(node);
        matches!(n.op, Op::ScatterAdd { .. }).then(|| Table::new(n.ty.shape, self.fused.graph.ty(n.inputs[1]).shape))
    }

    /// Words for the packed right operand of a product of a scan's step, where it is worth keeping.
    fn words_to_keep(&self, region: &Region, node: NodeId) -> Option<usize> {
        let rules = self.step.as_ref()?;
        let (spec, [_, b], [_, y]) = self.product(region, node).ok()?;
        let Op::Input { id, .. } = self.fused.graph.node(b.base).op else { return None };
        let worth = rules.alone || spec.m * spec.n * spec.k < KEPT_UNLESS_ALONE;
        let plan = GemmPlan::with_epilogue(spec, self.isa, 0).keeping();
        plan.filter(|_| worth && y.batch == 1 && rules.constant.contains(&id.index())).map(|p| p.kept_words())
    }

    /// Where a region's temporary words lie.
    fn temp(&self, i: usize) -> Option<BufRef> {
        self.temps[i].map(|t| BufRef { space: ARENA, offset: self.offsets[t] })
    }

    fn cut(&self, region: &Region, facts: &Facts) -> Cut {
        let members = || facts.uses.members(region);
        let rows_matter = members().any(|m| m.place == Place::Row);
        let sums = members().any(|m| matches!(m.place, Place::Col | Place::One));
        let block = self.options.block.unwrap_or_else(|| kernel::block_for(members().count())).max(1);
        let (rows, cols) = match region.space {
            // Without row values a grid without column sums is a line.
            Space::Grid(r, c) if !rows_matter && !members().any(|m| m.place == Place::Col) => (r * c, 1),
            space => space.grid(),
        };
        let period = facts
            .loads
            .iter()
            .map(|(_, _, v)| if v.access() == Access::Strided { kernel::period(&v.merged()) } else { 0 })
            .filter(|&p| p <= block)
            .max()
            .unwrap_or(0);
        Cut::new(rows, cols, block, rows_matter, period, sums, members().map(|m| build::op_cost(self.fused.graph.node(m.node).op)).sum())
    }

    /// Extends every life to its last reader.
    fn lives(&mut self) {
        let steps = self.fused.regions.len();
        let mut extend = |homes: &BTreeMap<NodeId, Home>, n: NodeId, at: usize| {
            if let Some(Home::Arena(b)) = homes.get(&n) {
                let need = &mut self.needs[*b];
                need.last = need.last.max(at);
            }
        };
        for (i, facts) in self.facts.iter().enumerate() {
            for (_, _, v) in &facts.loads {
                extend(&self.homes, v.base, i);
            }
        }
        for u in &self.fused.updates {
            if let Update::Copy { node, .. } = u {
                let base = self.fused.memory_of(*node).map_or(*node, |v| v.base);
                extend(&self.homes, base, steps);
            }
        }
    }

    /// Lets results of fused regions take over the places of operands that die there.
    fn take_over(&mut self) {
        for (i, region) in self.fused.regions.iter().enumerate() {
            if self.cuts[i].is_none() {
                continue;
            }
            let loads = &self.facts[i].loads;
            let mut dying: Vec<(usize, Place)> = Vec::new();
            let bases: BTreeSet<NodeId> = loads.iter().map(|l| l.2.base).collect();
            for base in bases {
                let Some(&Home::Arena(b)) = self.homes.get(&base) else { continue };
                let mut at = loads.iter().filter(|l| l.2.base == base).map(|l| {
                    let whole = l.2.offset == 0 && l.2.access() == Access::Direct && l.2.len() == self.needs[b].words;
                    l.1.filter(|_| whole)
                });
                let Some(Some(place)) = at.next() else { continue };
                if self.needs[b].last == i && matches!(place, Place::Full | Place::Row) && at.all(|p| p == Some(place)) {
                    dying.push((b, place));
                }
            }
            for &n in &region.outputs {
                let Some(&Home::Arena(o)) = self.homes.get(&n) else { continue };
                let found = dying.iter().position(|&(b, p)| Some(p) == region.place(n) && self.needs[b].words == self.needs[o].words);
                if let Some(at) = found {
                    self.needs[o].over = Some(dying.swap_remove(at).0);
                }
            }
        }
    }

    /// Where a node lies before any region that reads it.
    fn place(&self, node: NodeId) -> BufRef {
        match self.homes.get(&node) {
            Some(Home::Arena(b)) => BufRef { space: ARENA, offset: self.offsets[*b] },
            Some(Home::Slot(s)) => self.slot(*s),
            Some(Home::Result(i)) => BufRef { space: INPUTS + (self.fused.graph.inputs().len() + i) as u16, offset: 0 },
            None => self.leaf(node),
        }
    }
    /// Where a leaf lies by nature.
    fn leaf(&self, node: NodeId) -> BufRef {
        match self.fused.graph.node(node).op {
            Op::Input { id, .. } => BufRef { space: INPUTS + id.0 as u16, offset: 0 },
            Op::State { slot, .. } => self.slot(slot),
            _ => BufRef { space: ARENA, offset: 0 },
        }
    }
    fn slot(&self, slot: SlotId) -> BufRef {
        let s = self.state.slot(slot);
        BufRef { space: STATE + s.role.index() as u16, offset: s.offset }
    }
    /// Where a region finds a node that it loads.
    fn source(&self, region: &Region, node: NodeId) -> BufRef {
        // Only the copy of a leaf loads what it is itself.
        if region.place(node).is_some() { self.leaf(node) } else { self.place(node) }
    }
    fn targets(&self, i: usize, node: NodeId) -> Vec<BufRef> {
        let mut out = vec![self.place(node)];
        for u in &self.fused.updates {
            if let Update::InPlace { slot, node: n, region } = u
                && *n == node
                && *region == i
            {
                let at = self.slot(*slot);
                if !out.contains(&at) {
                    out.push(at);
                }
            }
        }
        out
    }

    fn holds(&self, node: NodeId) -> Holds {
        if self.homes.contains_key(&node) { Holds::Value(node.0) } else { Holds::Initial }
    }

    /// What a step reads and writes.
    fn touches(&self, i: usize, region: &Region) -> Vec<Touch> {
        let graph = &self.fused.graph;
        let mut out = Vec::new();
        for (_, at, v) in &self.facts[i].loads {
            let ty: TensorType = graph.ty(v.base);
            let itself = region.place(v.base).is_some();
            let holds = if itself { Holds::Initial } else { self.holds(v.base) };
            let whole = v.offset == 0 && v.access() != Access::Strided && v.len() == ty.len();
            let touch = Touch { at: self.source(region, v.base), words: ty.len(), holds, write: false, same_place: whole && at.is_some() };
            if !out.contains(&touch) {
                out.push(touch);
            }
        }
        if let Some(&need) = self.kept.get(&i) {
            let at = BufRef { space: ARENA, offset: self.offsets[need] };
            out.push(Touch { at, words: self.needs[need].words, holds: Holds::Temp(i as u32), write: true, same_place: false });
        }
        if let (Some(t), Some(at)) = (self.temps[i], self.temp(i)) {
            out.push(Touch { at, words: self.needs[t].words, holds: Holds::Temp(i as u32), write: true, same_place: false });
        }
        for &n in &region.outputs {
            for at in self.targets(i, n) {
                out.push(Touch { at, words: graph.ty(n).len(), holds: Holds::Value(n.0), write: true, same_place: false });
            }
        }
        out
    }
}

fn defect(what: &str) -> CompileError {
    CompileError::Verify(what.into())
}

/// The sums of a region, and the words they need: for each task along the rows, and for each task.
fn accumulators(fused: &Fused, region: &Region, uses: &Uses) -> (Vec<(NodeId, Acc)>, usize, usize) {
    let cols = region.space.grid().1;
    let (mut accs, mut col_words, mut one_words) = (Vec::new(), 0, 0);
    for m in uses.members(region).filter(|m| !fused.is_copy(m.node)) {
        let Op::Reduce { op, .. } = fused.graph.node(m.node).op else { continue };
        let words = match m.place {
            Place::Col => &mut col_words,
            Place::One => &mut one_words,
            Place::Full | Place::Row => continue,
        };
        let col = m.place == Place::Col;
        accs.push((m.node, Acc { op, at: *words, col }));
        *words += if col { cols.next_multiple_of(memory::LINE) } else { memory::LINE };
    }
    (accs, col_words, one_words)
}

/// Estimated work of a step.
fn work(kernel: &Kernel) -> usize {
    let of = |p: &Program, n: usize| n * kernel::program_cost(p);
    match kernel {
        Kernel::Tile(t) => of(&t.main, t.cut.rows * t.cut.cols.max(1)),
        Kernel::Dot(d) => {
            let elements = d.batch * d.plan.spec().m * d.plan.spec().n;
            d.batch * d.plan.work() / 16 + d.epilogue.as_ref().map_or(0, |p| of(p, elements))
        }
        Kernel::Move(_) => 0,
        Kernel::Conv(c) => c.cost() + c.epilogue().map_or(0, |p| of(p, c.results())),
        Kernel::Direct(d) => d.cost(),
        Kernel::Scan(s) => s.body.total(|k| work(k) as u64) as usize,
        Kernel::Sums(s) => s.cost(),
    }
}
