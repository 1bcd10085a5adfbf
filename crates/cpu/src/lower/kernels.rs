//! The kernel of each region: its program, product, convolution, movement or recurrence, with the places that have been found for its values.

use super::{Facts, INLINE_WORK, Lower, defect, work};
use crate::conv::{self, Conv};
use crate::direct::Direct;
use crate::dot::{self, Dot};
use crate::fused::build::{self, Places, Stage, Uses};
use crate::fused::kernel::{self, Cut, Tile};
use crate::fused::program::{ARENA, BufRef, Program};
use crate::gemm::{GemmPlan, GemmSpec};
use crate::moves::{BoxCopy, Move};
use crate::plan::{Kernel, Step, Touch};
use crate::scan::Scan;
use crate::sums::Sums;
use adaline_graph::backend::CompileError;
use adaline_graph::cost::node_cost;
use adaline_graph::fuse::{self, Access, Edge, Kind, Matrix, Region, View};
use adaline_graph::{NodeId, Op, SlotId, TensorType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Words of a result from which on what its epilogue reads is asked for from memory ahead of time (more than the first-level cache holds), and
/// the shortest sums that leave time for it: with sums of 32 asking cost more than it gave.
const WORTH_ASKING: usize = 8 * 1024;
const LONG_ENOUGH: usize = 96;

impl Lower<'_> {
    /// The kernel of a region, with what it touches.
    pub(super) fn step(&self, i: usize, region: &Region) -> Result<Step, CompileError> {
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
                    Op::Dot { .. } => Kernel::Dot(Box::new(self.dot(i, region, uses, node, &places)?)),
                    Op::ScatterAdd { .. } => Kernel::Sums(Box::new(self.sums(i, region, uses, node, &places)?)),
                    _ => self.convolution(i, region, uses, node, &places)?,
                }
            }
            Kind::Move(node) => Kernel::Move(self.movement(i, region, node)),
            Kind::Opaque(node) => self.alone(i, region, node)?,
        };
        let inline = work(&kernel) < INLINE_WORK;
        Ok(Step { kernel, inline, wake: false, touches: self.touches(i, region) })
    }

    /// A product's shape, its operands in memory, and how those are stacked.
    pub(super) fn product(&self, region: &Region, node: NodeId) -> Result<(GemmSpec, [View; 2], [Matrix; 2]), CompileError> {
        let Op::Dot { ta, tb } = self.fused.graph.node(node).op else { return Err(defect("a product that is none")) };
        let edges = self.fused.edges(region, node).unwrap_or_default();
        let [Edge::Load(a), Edge::Load(b)] = &edges[..] else { return Err(defect("a product's operands are not in memory")) };
        let (Some(x), Some(y)) = (a.matrix(), b.matrix()) else { return Err(defect("a product's operand has no unit stride")) };
        let (m, k) = if ta { (x.cols, x.rows) } else { (x.rows, x.cols) };
        let n = if tb { y.rows } else { y.cols };
        let spec = GemmSpec { m, n, k, ta: ta != x.transposed, tb: tb != y.transposed, lda: x.ld, ldb: y.ld, ldc: n };
        Ok((spec, [a.clone(), b.clone()], [x, y]))
    }

    fn dot(&self, i: usize, region: &Region, uses: &Uses, node: NodeId, places: &Places) -> Result<Dot, CompileError> {
        let (spec, [a, b], [x, y]) = self.product(region, node)?;
        let GemmSpec { m, n, k, .. } = spec;
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
        let mut plan = pairs.unwrap_or_else(|| GemmPlan::with_epilogue(spec, self.isa, cost));
        let mut kept = None;
        if let (Some(&need), Some(keeping)) = (self.kept.get(&i), plan.clone().keeping()) {
            plan = keeping;
            kept = Some(BufRef { space: ARENA, offset: self.offsets[need] });
        }
        Ok(Dot {
            kept,
            reads,
            batch: x.batch,
            plan,
            a: at(&a),
            b: at(&b),
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

    /// Sums by index, with what is done to them.
    fn sums(&self, i: usize, region: &Region, uses: &Uses, node: NodeId, places: &Places) -> Result<Sums, CompileError> {
        let (Some(table), Some(entries)) = (self.table(node), self.temp(i)) else { return Err(defect("sums without a table")) };
        let [values, indices] = self.operands(region, node)?[..] else { return Err(defect("sums without operands")) };
        let (finish, still) = match self.epilogue(region, uses, node, (table.rows(), table.columns()), places) {
            Some(program) => (conv::Finish::Epilogue(Box::new(program)), self.fused.still(region)),
            None => (conv::Finish::Store(self.targets(i, node)), None),
        };
        let number = |(n, word): fuse::Number| {
            let at = (places.source)(n);
            BufRef { offset: at.offset + word, ..at }
        };
        let still = still.map(|numbers| numbers.into_iter().map(number).collect());
        Ok(Sums::new(table, [values, indices, entries], finish, still))
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
    pub(super) fn copy(&self, slot: SlotId, node: NodeId) -> Step {
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
