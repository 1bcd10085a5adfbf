//! Running a fused region: fixed tasks, blocks within tasks, partial sums combined in the order of the tasks.
//!
//! Task and block boundaries follow from shapes alone, so results do not depend on the number of threads.
//!
//! `unsafe`: enters the interpreter with pointers that the plan vouches for.
#![allow(unsafe_code)]

use super::interp::{Bases, Frame, combine_lanes, merge_partials};
use super::named::{Line, PATTERNS};
use super::program::{Block, BufRef, Code, Instr, Program, SPLAT};
use crate::par::Workers;
use crate::simd::{Simd, WithSimd, dispatch};
use adaline_graph::ReduceOp;
use adaline_graph::fuse::identity_of;

/// Elements of a block, unless compiled otherwise.
pub(crate) const BLOCK: usize = 512;
/// Work of one task (elements times the cost of the program on one): about 10 µs.
pub(crate) const TASK_WORK: usize = 50_000;
/// Most elements of one task.
pub(crate) const TASK: usize = 32 * 1024;
/// Most tasks that sum into partial results of their own.
const MAX_PARTIALS: usize = 64;

/// An accumulator.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Acc {
    pub(crate) op: ReduceOp,
    /// First word within its kind.
    pub(crate) at: usize,
    /// One for each column, rather than one in all.
    pub(crate) col: bool,
}

/// How an iteration space is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cut {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Rows of a block.
    pub(crate) block_rows: usize,
    /// Columns of a block: all of them where `block_rows` may exceed 1.
    pub(crate) block_cols: usize,
    /// Rows of a task, a multiple of `block_rows`.
    pub(crate) task_rows: usize,
    /// Columns of a task, a multiple of `block_cols` or all.
    pub(crate) task_cols: usize,
}

impl Cut {
    /// Cuts `rows` × `cols` into blocks of about `block` elements. `whole_rows`: a block may not end within a row. `period`: a length in
    /// elements that blocks should be a multiple of. `sums`: each task needs room for partial results. `cost`: of the program on one
    /// element.
    pub(crate) fn new(rows: usize, cols: usize, block: usize, whole_rows: bool, period: usize, sums: bool, cost: usize) -> Self {
        let task = (TASK_WORK / cost.max(1)).clamp(block.min(TASK), TASK);
        let width = cols.max(1);
        if whole_rows || width <= block {
            let step = if width == 1 && period <= block { period.max(1) } else { 1 };
            let block_rows = (block / width / step * step).max(1);
            let fewest = if sums { rows.div_ceil(MAX_PARTIALS) } else { 1 };
            // Tasks of nearly equal size.
            let tasks = (rows * width).div_ceil(task).max(1);
            let task_rows = rows.div_ceil(tasks).max(fewest).max(1).next_multiple_of(block_rows);
            return Self { rows, cols, block_rows, block_cols: cols, task_rows, task_cols: width };
        }
        // Long rows without row values: a task takes some columns of some rows.
        let task_cols = (TASK / rows.max(1) / block * block).max(block).min(cols);
        let fewest = if sums { rows.div_ceil(MAX_PARTIALS) } else { 1 };
        Self { rows, cols, block_rows: 1, block_cols: block, task_rows: (TASK / task_cols).max(fewest).max(1), task_cols }
    }
    /// Tasks along the rows; at least one, so that empty sums get their neutral element.
    pub(crate) fn row_tasks(&self) -> usize {
        self.rows.div_ceil(self.task_rows).max(1)
    }
    /// Tasks along the columns.
    pub(crate) fn col_tasks(&self) -> usize {
        self.cols.div_ceil(self.task_cols).max(1)
    }
    /// All tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.row_tasks() * self.col_tasks()
    }
    /// Longest block.
    pub(crate) fn block_len(&self) -> usize {
        (self.block_rows * self.block_cols).min((self.rows * self.cols).max(1))
    }
}

/// A fused region, ready to run.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Tile {
    pub(crate) cut: Cut,
    pub(crate) main: Program,
    pub(crate) accs: Vec<Acc>,
    /// Words of column accumulators, for each task along the rows.
    pub(crate) col_words: usize,
    /// Words of total accumulators, for each task.
    pub(crate) one_words: usize,
    /// Column accumulators, then total accumulators.
    pub(crate) partials: BufRef,
    /// What follows the sums: totals first, then columns.
    pub(crate) ends: Vec<(usize, Program)>,
}

impl Tile {
    /// Words of partial results.
    pub(crate) fn partial_words(cut: &Cut, col_words: usize, one_words: usize) -> usize {
        cut.row_tasks() * col_words + cut.tasks() * one_words
    }
    /// Where total accumulators begin.
    pub(crate) fn ones(&self) -> BufRef {
        BufRef { offset: self.partials.offset + self.cut.row_tasks() * self.col_words, ..self.partials }
    }
    /// Scratch words that each worker needs.
    pub(crate) fn scratch_words(&self) -> usize {
        self.ends.iter().map(|e| e.1.scratch_words()).max().unwrap_or(0).max(self.main.scratch_words())
    }

    /// Runs it.
    ///
    /// # Safety
    /// The plan's promise: see the module `interp`. `scratch` hands each worker words of its own.
    pub(crate) unsafe fn run(&self, workers: &Workers, bases: Bases, inline: bool) {
        let tasks = self.cut.tasks();
        if inline || tasks == 1 {
            let scratch = workers.scratch(0);
            // SAFETY: the caller's promise.
            dispatch(workers.isa(), Tasks { tile: self, bases, scratch, from: 0, to: tasks });
        } else {
            workers.run(tasks, &|task, worker| {
                dispatch(workers.isa(), Tasks { tile: self, bases, scratch: workers.scratch(worker), from: task, to: task + 1 });
            });
        }
        if !self.accs.is_empty() {
            dispatch(workers.isa(), End { tile: self, bases, scratch: workers.scratch(0) });
        }
    }
}

/// Blocks suited to a region: fewer elements where many values may be alive at once.
pub(crate) fn block_for(members: usize) -> usize {
    match members {
        0..=24 => BLOCK,
        25..=120 => BLOCK / 2,
        _ => BLOCK / 4,
    }
}

/// Sets the length of the registers, and which strided operands are the same in every block.
pub(crate) fn set_block(program: &mut Program, cut: &Cut, hoist: bool) {
    program.block = cut.block_len();
    program.reg_words = cut.block_len().max(SPLAT).next_multiple_of(SPLAT);
    let whole = cut.block_cols == cut.cols;
    let block = cut.block_rows * cut.cols;
    for f in &mut program.fills {
        let period = period(&f.dims);
        let step = if f.row { cut.block_rows } else { block };
        f.hoisted = hoist && whole && period > 0 && step % period == 0;
    }
}

/// After how many elements a strided operand repeats; 0 when it does not.
pub(crate) fn period(dims: &[(usize, isize)]) -> usize {
    match dims {
        [(_, 0), rest @ ..] if !rest.is_empty() => rest.iter().map(|d| d.0).product(),
        _ => 0,
    }
}

struct Tasks<'a> {
    tile: &'a Tile,
    bases: Bases,
    scratch: *mut f32,
    from: usize,
    to: usize,
}

impl WithSimd for Tasks<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let t = self.tile;
        let cut = t.cut;
        for task in self.from..self.to {
            let (row_task, col_task) = (task / cut.col_tasks(), task % cut.col_tasks());
            // SAFETY: the plan has room for the partial results of every task.
            let (cols, ones) = unsafe {
                let base = self.bases.at(t.partials);
                let ones = base.add(cut.row_tasks() * t.col_words + task * t.one_words);
                (base.add(row_task * t.col_words), ones)
            };
            let frame = Frame { program: &t.main, bases: self.bases, scratch: self.scratch, cols, ones, raw: (ones, 0, 0) };
            let (r0, r1) = (row_task * cut.task_rows, ((row_task + 1) * cut.task_rows).min(cut.rows));
            let (c0, c1) = (col_task * cut.task_cols, ((col_task + 1) * cut.task_cols).min(cut.cols));
            for acc in &t.accs {
                // SAFETY: a task initialises its own columns of its own row of partial results, or its own lanes.
                let to = unsafe {
                    if acc.col {
                        std::slice::from_raw_parts_mut(cols.add(acc.at + c0), c1 - c0)
                    } else {
                        std::slice::from_raw_parts_mut(ones.add(acc.at), SPLAT)
                    }
                };
                to.fill(identity_of(acc.op));
            }
            // SAFETY: the plan's promise; blocks cover the task's part of the space, each point once.
            unsafe {
                frame.begin();
                if cut.block_cols == cut.cols {
                    let mut row = r0;
                    while row < r1 {
                        let rows = cut.block_rows.min(r1 - row);
                        let (flat, len) = (row * cut.cols, rows * cut.cols);
                        if len > 0 || cut.cols == 0 {
                            frame.run(s, &Block { flat, len, row, rows, width: cut.cols, col: 0, first: row == r0, lines: 1, pitch: 0 });
                        }
                        row += rows;
                    }
                } else {
                    let mut col = c0;
                    while col < c1 {
                        let width = cut.block_cols.min(c1 - col);
                        for row in r0..r1 {
                            frame.run(
                                s,
                                &Block {
                                    flat: row * cut.cols + col,
                                    len: width,
                                    row,
                                    rows: 1,
                                    width,
                                    col,
                                    first: true,
                                    lines: 1,
                                    pitch: 0,
                                },
                            );
                        }
                        col += width;
                    }
                }
            }
        }
    }
}

struct End<'a> {
    tile: &'a Tile,
    bases: Bases,
    scratch: *mut f32,
}

impl WithSimd for End<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let t = self.tile;
        let cut = t.cut;
        // SAFETY: all tasks are done; partial results lie one after the other, as `Tasks` wrote them.
        unsafe {
            let base = self.bases.at(t.partials);
            let ones = self.bases.at(t.ones());
            for acc in &t.accs {
                if acc.col {
                    for task in 1..cut.row_tasks() {
                        merge_partials(s, acc.op, base.add(acc.at), base.add(task * t.col_words + acc.at), cut.cols);
                    }
                } else {
                    let total = ones.add(acc.at);
                    for task in 1..cut.tasks() {
                        merge_partials(s, acc.op, total, ones.add(task * t.one_words + acc.at), SPLAT);
                    }
                    *total = combine_lanes(s, acc.op, std::slice::from_raw_parts(total, SPLAT));
                }
            }
            for (n, program) in &t.ends {
                let none = self.scratch; // no accumulators here
                let frame = Frame { program, bases: self.bases, scratch: self.scratch, cols: none, ones: none, raw: (none, 0, 0) };
                frame.begin();
                run_range(s, &frame, 0, *n, false);
            }
        }
    }
}

/// Runs a program without rows over the flat range `start .. start + n`, after [`Frame::begin`]. `hoist`: blocks start at multiples of
/// the period of repeated operands.
///
/// # Safety
/// As for [`Frame::run`].
#[inline(always)]
pub(crate) unsafe fn run_range<S: Simd>(s: S, frame: &Frame, start: usize, n: usize, hoist: bool) {
    let block = frame.program.block;
    let mut at = 0;
    while at < n {
        let len = block.min(n - at);
        let flat = start + at;
        // SAFETY: the caller's promise.
        unsafe {
            frame.run(s, &Block { flat, len, row: flat, rows: len, width: 1, col: flat, first: at == 0 || !hoist, lines: 1, pitch: 0 });
        };
        at += len;
    }
}

/// The instructions that a call stands for.
fn lines(p: &Program, call: u16) -> impl Iterator<Item = &'static Line> {
    PATTERNS[p.calls[call as usize].pattern].lines.iter()
}

/// Cost of a program on one element.
pub(crate) fn program_cost(p: &Program) -> usize {
    let of = |i: &Instr| {
        if let Code::Named(c) = i.code { lines(p, c).map(|l| super::build::cost(l.code)).sum() } else { super::build::cost(i.code) }
    };
    p.instrs.iter().map(of).sum::<usize>() + p.fills.len()
}

/// Floating-point operations of a program on one element or row.
pub(crate) fn flops_of(p: &Program, len: usize, rows: usize) -> u64 {
    let one = |c: Code| match c {
        Code::MulAdd | Code::MulSub | Code::NegMulAdd | Code::AccProducts { .. } => 2,
        Code::Copy | Code::Expand | Code::Splat | Code::Iota { .. } => 0,
        _ => 1,
    };
    let all = |i: &Instr| if let Code::Named(c) = i.code { lines(p, c).map(|l| one(l.code)).sum() } else { one(i.code) };
    p.instrs
        .iter()
        .map(|i| all(i) * (if i.row && !matches!(i.code, Code::RowReduce(_) | Code::RowArg(_)) { rows } else { len }) as u64)
        .sum()
}
