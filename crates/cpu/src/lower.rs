//! From fused regions to steps: a place for every value, programs for every region, and the record of what each step touches.

use crate::conv::{self, Conv};
use crate::direct::Direct;
use crate::dot::{self, Dot};
use crate::fused::build::{self, Places, Stage, Uses};
use crate::fused::kernel::{self, Acc, Cut, Tile};
use crate::fused::program::{ARENA, BufRef, INPUTS, Program, STATE};
use crate::gemm::{GemmPlan, GemmSpec};
use crate::memory::{self, Need};
use crate::moves::{BoxCopy, Move};
use crate::plan::{Holds, Kernel, Output, Plan, SlotCheck, Step, Touch};
use crate::scan::{self, Scan};
use crate::simd::Isa;
use adaline_graph::backend::{CompileError, CompileOptions};
use adaline_graph::cost::node_cost;
use adaline_graph::fuse::{self, Access, Edge, Fused, Kind, Place, Region, Space, Update, View};
use adaline_graph::{NodeId, Op, SlotId, StateLayout, TensorType};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Work (elements times instructions, or multiplications / 8) below which a step runs on the calling thread: about 6 µs of one core,
/// several times what a fork and a join cost.
const INLINE_WORK: usize = 40_000;

/// Words of a result from which on what its epilogue reads is asked for from memory ahead of time (more than the first-level cache holds), and
/// the shortest sums that leave time for it: with sums of 32 asking cost more than it gave.
const WORTH_ASKING: usize = 8 * 1024;
const LONG_ENOUGH: usize = 96;

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
    /// Results get spaces of their own.
    own_results: bool,
}

/// A product of bfloat16 operands: its shape, the instruction set, the cost of its epilogue.
type Pairs = fn(GemmSpec, Isa, usize) -> Option<GemmPlan>;

/// Lowers a fused graph to a plan.
pub(crate) fn lower(fused: Fused, state: &StateLayout, options: &CompileOptions, isa: Isa) -> Result<Plan, CompileError> {
    lower_with(fused, state, options, isa, GemmPlan::bf16, false)
}

/// Lowers one step of a scan: its results go to spaces of their own, which follow those of the inputs.
pub(crate) fn lower_step(fused: Fused, state: &StateLayout, options: &CompileOptions, isa: Isa) -> Result<Plan, CompileError> {
    lower_with(fused, state, options, isa, GemmPlan::bf16, true)
}

/// As [`lower`], with every product of bfloat16 operands by pairs, whatever its size and the CPU.
#[cfg(test)]
pub(crate) fn lower_emulating(fused: Fused, state: &StateLayout, options: &CompileOptions, isa: Isa) -> Result<Plan, CompileError> {
    lower_with(fused, state, options, isa, |spec, isa, cost| Some(GemmPlan::emulated_bf16(spec, isa, cost)), false)
}

fn lower_with(
    fused: Fused,
    state: &StateLayout,
    options: &CompileOptions,
    isa: Isa,
    pairs: Pairs,
    own_results: bool,
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
        own_results,
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
        own_results,
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
                    _ if self.own_results && named.contains(&n) => {
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

    fn step(&self, i: usize, region: &Region) -> Result<Step, CompileError> {
        let source = |n: NodeId| self.source(region, n);
        let targets = |n: NodeId| self.targets(i, n);
        let Facts { uses, accs, col_words, one_words, .. } = &self.facts[i];
        let (col_words, one_words) = (*col_words, *one_words);
        let at = accs.iter().map(|(n, a)| (*n, a.at)).collect();
        let mut sums = BTreeMap::new();
        let partials = self.temp(i).unwrap_or(BufRef { space: ARENA, offset: 0 });
        let kernel = match region.kind {
            Kind::Loop | Kind::Rows | Kind::Columns => {
                let Some(cut) = self.cuts[i] else { return Err(defect("a region without a cut")) };
                let ones = partials.offset + cut.row_tasks() * col_words;
                for (n, a) in accs {
                    let offset = if a.col { partials.offset + a.at } else { ones + a.at };
                    sums.insert(*n, BufRef { space: ARENA, offset });
                }
                let places = Places { source: &source, targets: &targets, sums: &sums, accs: &at, named: self.options.enabled("named") };
                let make = |stage, one_row| build::program(self.fused, region, uses, &places, stage, one_row);
                let mut main = make(Stage::Main, cut.block_rows == 1 && cut.cols > 1);
                kernel::set_block(&mut main, &cut, true);
                let mut ends = Vec::new();
                for (stage, n) in [(Stage::Ones, 1), (Stage::Cols, cut.cols)] {
                    if !uses.members(region).any(|m| stage.covers(m.place)) {
                        continue;
                    }
                    let mut p = make(stage, false);
                    if !p.instrs.is_empty() {
                        let block = self.options.block.unwrap_or(kernel::BLOCK).max(1);
                        kernel::set_block(&mut p, &Cut::new(n, 1, block, false, 0, false, 1), false);
                        ends.push((n, p));
                    }
                }
                let accs = accs.iter().map(|(_, a)| a.clone()).collect();
                Kernel::Tile(Box::new(Tile { cut, main, accs, col_words, one_words, partials, ends }))
            }
            Kind::Product(node) => {
                let places = Places { source: &source, targets: &targets, sums: &sums, accs: &at, named: self.options.enabled("named") };
                match self.fused.graph.node(node).op {
                    Op::Dot { ta, tb } => Kernel::Dot(Box::new(self.dot(region, uses, node, (ta, tb), &places)?)),
                    _ => self.convolution(i, region, uses, node, &places)?,
                }
            }
            Kind::Move(node) => Kernel::Move(self.movement(i, region, node)),
            Kind::Opaque(node) => self.alone(i, region, node)?,
        };
        let inline = work(&kernel) < INLINE_WORK;
        Ok(Step { kernel, inline, wake: false, touches: self.touches(i, region) })
    }

    fn dot(&self, region: &Region, uses: &Uses, node: NodeId, (ta, tb): (bool, bool), places: &Places) -> Result<Dot, CompileError> {
        let edges = self.fused.edges(region, node).unwrap_or_default();
        let [Edge::Load(a), Edge::Load(b)] = &edges[..] else { return Err(defect("a product's operands are not in memory")) };
        let (Some(x), Some(y)) = (a.matrix(), b.matrix()) else { return Err(defect("a product's operand has no unit stride")) };
        let (m, k) = if ta { (x.cols, x.rows) } else { (x.rows, x.cols) };
        let n = if tb { y.rows } else { y.cols };
        let spec = GemmSpec { m, n, k, ta: ta != x.transposed, tb: tb != y.transposed, lda: x.ld, ldb: y.ld, ldc: n };
        let at = |v: &View| {
            let base = (places.source)(v.base);
            BufRef { offset: base.offset + v.offset, ..base }
        };
        let epilogue = self.epilogue(region, uses, node, (x.batch * m, n), places);
        let reads =
            epilogue.iter().flat_map(Program::reads).filter(|_| m * n >= WORTH_ASKING && k >= LONG_ENOUGH).take(dot::READS).collect();
        let cost = epilogue.as_ref().map_or(0, kernel::program_cost);
        let graph = &self.fused.graph;
        let bf16 = self.options.enabled("bf16") && graph.node(node).inputs.iter().all(|&i| graph.is_bf16(i));
        let pairs = if bf16 { (self.pairs)(spec, self.isa, cost) } else { None };
        Ok(Dot {
            reads,
            batch: x.batch,
            plan: pairs.unwrap_or_else(|| GemmPlan::with_epilogue(spec, self.isa, cost)),
            a: at(a),
            b: at(b),
            strides: (x.batch_stride, y.batch_stride),
            out: self.place(node),
            epilogue,
        })
    }

    /// What is done to a product of `rows` × `cols` while it is at hand; `None` where it is only stored, once.
    fn epilogue(&self, region: &Region, uses: &Uses, node: NodeId, (rows, cols): (usize, usize), places: &Places) -> Option<Program> {
        if region.outputs == [node] && (places.targets)(node).len() == 1 {
            return None;
        }
        let mut p = build::program(self.fused, region, uses, places, Stage::Main, false);
        // What needs no registers may take a whole block of the product at once.
        let whole = || if p.regs == 0 { kernel::TASK } else { kernel::block_for(region.members.len()) };
        let block = self.options.block.unwrap_or_else(whole).max(1);
        // Whole rows where they are short, so that what repeats along rows is prepared once.
        let cut = Cut::new(rows, cols, block, cols <= block, 0, false, 1);
        kernel::set_block(&mut p, &cut, true);
        Some(p)
    }

    /// Where the operands of an operation lie that reads them whole.
    fn operands(&self, region: &Region, node: NodeId) -> Result<Vec<BufRef>, CompileError> {
        let of = |e: Edge| match e {
            Edge::Load(v) if v.access() == Access::Direct || v.len() == 1 => {
                let base = self.source(region, v.base);
                Ok(BufRef { offset: base.offset + v.offset, ..base })
            }
            _ => Err(defect("an operand does not lie in memory as it is read")),
        };
        self.fused.edges(region, node).unwrap_or_default().into_iter().map(of).collect()
    }

    /// A convolution as a product, with what is done to its result.
    fn convolution(&self, i: usize, region: &Region, uses: &Uses, node: NodeId, places: &Places) -> Result<Kernel, CompileError> {
        let graph = &self.fused.graph;
        let n = graph.node(node);
        let types: Vec<TensorType> = n.inputs.iter().map(|&x| graph.ty(x)).collect();
        let cols = n.ty.shape.dim(-1);
        let to = match self.epilogue(region, uses, node, (n.ty.len() / cols.max(1), cols), places) {
            Some(program) => conv::Finish::Epilogue(Box::new(program)),
            None => conv::Finish::Store(self.targets(i, node)),
        };
        let conv =
            Conv::new(n.op, &types, n.ty, &self.operands(region, node)?, to, self.temp(i), (self.isa, self.options.enabled("winograd")));
        conv.map(|c| Kernel::Conv(Box::new(c))).ok_or_else(|| defect("a convolution that is no product"))
    }

    /// An operation that runs by itself.
    fn alone(&self, i: usize, region: &Region, node: NodeId) -> Result<Kernel, CompileError> {
        let graph = &self.fused.graph;
        let n = graph.node(node);
        let inputs = self.operands(region, node)?;
        let types: Vec<TensorType> = n.inputs.iter().map(|&x| graph.ty(x)).collect();
        let outs = self.targets(i, node);
        if let Some(body) = &self.scans[i] {
            let memory = self.temp(i).ok_or_else(|| defect("a scan without memory"))?;
            return Ok(Kernel::Scan(Box::new(Scan { body: Arc::clone(body), inputs, outs, memory })));
        }
        if self.options.enabled("conv")
            && let Some(conv) = Conv::new(
                n.op,
                &types,
                n.ty,
                &inputs,
                conv::Finish::Store(outs.clone()),
                self.temp(i),
                (self.isa, self.options.enabled("winograd")),
            )
        {
            return Ok(Kernel::Conv(Box::new(conv)));
        }
        let kernel = Direct::new(n.op, &types, n.ty, &inputs, outs, node_cost(graph, node).flops);
        kernel.map(|d| Kernel::Direct(Box::new(d))).ok_or_else(|| defect("an operation without a kernel"))
    }

    fn movement(&self, i: usize, region: &Region, node: NodeId) -> Move {
        let graph = &self.fused.graph;
        let n = graph.node(node);
        let to = self.place(node);
        let strides = n.ty.shape.strides();
        let views: Vec<View> = self
            .fused
            .edges(region, node)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|e| if let Edge::Load(v) = e { Some(v) } else { None })
            .collect();
        let mut copies = Vec::new();
        let mut zero = None;
        let mut offset = to.offset;
        for v in &views {
            let base = self.source(region, v.base);
            let mut dims: Vec<(usize, isize, isize)> = v.dims.iter().zip(strides).map(|(d, s)| (d.0, d.1, s as isize)).collect();
            let mut at = offset;
            match n.op {
                Op::Pad(p) => {
                    zero = Some((to, n.ty.len()));
                    for (a, d) in dims.iter_mut().enumerate() {
                        at += p.before[a] * strides[a];
                        d.2 *= p.between[a] as isize + 1;
                    }
                }
                Op::Concat { axis } => offset += v.dims[axis as usize].0 * strides[axis as usize],
                _ => {}
            }
            if !v.is_empty() {
                let from = BufRef { offset: base.offset + v.offset, ..base };
                copies.push(BoxCopy { from, to: BufRef { offset: at, ..to }, dims: merge_box(&dims) });
            }
        }
        // A result that is also the new value of a slot: once it is there, it is copied.
        let others = self.targets(i, node).into_iter().filter(|&other| other != to && !n.ty.is_empty());
        copies.extend(others.map(|other| BoxCopy { from: to, to: other, dims: vec![(n.ty.len(), 1, 1)] }));
        Move { zero, copies }
    }

    /// The copy of a value into its slot at the end of a run.
    fn copy(&self, slot: SlotId, node: NodeId) -> Step {
        let base = self.base(node);
        let words = self.fused.graph.ty(base).len();
        let (from, to) = (self.place(base), self.slot(slot));
        let holds = self.holds(base);
        Step {
            kernel: Kernel::Move(Move { zero: None, copies: vec![BoxCopy { from, to, dims: vec![(words, 1, 1)] }] }),
            inline: true,
            wake: false,
            touches: vec![
                Touch { at: from, words, holds, write: false, same_place: false },
                Touch { at: to, words, holds, write: true, same_place: false },
            ],
        }
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

/// Joins dimensions that are contiguous on both sides.
fn merge_box(dims: &[(usize, isize, isize)]) -> Vec<(usize, isize, isize)> {
    let mut out: Vec<(usize, isize, isize)> = Vec::new();
    for &(n, a, b) in dims.iter().filter(|d| d.0 != 1) {
        match out.last_mut() {
            Some(l) if l.1 == a * n as isize && l.2 == b * n as isize => *l = (l.0 * n, a, b),
            _ => out.push((n, a, b)),
        }
    }
    out
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
    }
}
