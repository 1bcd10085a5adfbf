//! Sums of rows by index (the gradient of a look-up in a table) with what follows them: the optimizer's update goes row by row over the table
//! while the sums of a few of its rows lie in L1, so that a gradient as large as the table never is in memory.
//!
//! First the positions of the batch are put in the order of the rows that they name ([`order`]); then each task owns some rows, finds who
//! names them, and adds up in the order of the batch. Rows that nobody names have the sum 0. Where nothing would change for them
//! ([`adaline_graph::fuse::Fused::still`]), tasks are cut from the ordered positions instead, and only the rows that are named are visited.
//!
//! `unsafe`: works on the places of the plan, several tasks at a time.
#![allow(unsafe_code)]

mod order;
#[cfg(test)]
mod tests;

use crate::conv::Finish;
use crate::direct::Table;
use crate::dot::Epilogue;
use crate::fused::interp::{Bases, Frame};
use crate::fused::kernel::{self, Cut, TASK_WORK};
use crate::fused::program::{BufRef, Program};
use crate::gemm::Tile;
use crate::memory::LINE;
use crate::par::Workers;
use crate::simd::{Isa, Simd, WithSimd, dispatch};
use order::Entry;
use std::ops::Range;

/// Words of the rows that are summed together: a quarter of a small L1 cache.
const TILE: usize = 2048;
/// Most tasks that are cut from the positions.
const MOST_TASKS: usize = 64;

/// Sums by index, on places in memory.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    table: Table,
    /// What is added up, and the rows it goes to.
    pub(crate) values: BufRef,
    pub(crate) indices: BufRef,
    /// [`Sums::shared_words`] of memory.
    pub(crate) entries: BufRef,
    pub(crate) finish: Finish,
    /// Where rows without sums may be left out: if these numbers are finite and of positive sign.
    pub(crate) still: Option<Vec<BufRef>>,
    /// Tasks by rows, and the rows of a tile.
    cut: Cut,
    /// Tasks by positions.
    few: usize,
    cost: usize,
}

impl Sums {
    /// Words of memory for the order of the positions of a table's indices.
    pub(crate) fn shared_words(table: Table) -> usize {
        2 * table.lookups() * size_of::<Entry>() / size_of::<f32>()
    }

    pub(crate) fn new(table: Table, [values, indices, entries]: [BufRef; 3], finish: Finish, still: Option<Vec<BufRef>>) -> Self {
        let each = 1 + if let Finish::Epilogue(p) = &finish { kernel::program_cost(p) } else { 0 };
        // Of an element of the table: its epilogue, and the additions that come to it.
        let of_element = each + table.lookups().div_ceil(table.rows().max(1));
        let sums = Self {
            table,
            values,
            indices,
            entries,
            finish,
            still,
            cut: Cut::new(table.rows(), table.columns(), TILE, true, 0, false, of_element),
            few: 1,
            cost: 0,
        };
        let cost = sums.visited() * each + table.lookups() * (1 + table.columns() / 8);
        Self { few: (cost / TASK_WORK).clamp(1, MOST_TASKS), cost, ..sums }
    }

    /// Estimated work.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }
    /// Additions.
    pub(crate) fn flops(&self) -> u64 {
        (self.table.lookups() * self.table.columns()) as u64
    }
    /// Elements that the epilogue visits, where it need not visit all.
    pub(crate) fn visited(&self) -> usize {
        self.table.columns() * if self.leaves_out() { self.table.lookups() } else { self.table.rows() }
    }
    /// Whether rows without sums are worth leaving out: a step's positions name at most half of them. Rows one by one cost more than rows in a
    /// tile.
    fn leaves_out(&self) -> bool {
        self.still.is_some() && 2 * self.table.lookups() <= self.table.rows()
    }
    /// Elements of the result.
    pub(crate) fn results(&self) -> usize {
        self.table.rows() * self.table.columns()
    }
    /// What is done to the result.
    pub(crate) fn epilogue(&self) -> Option<&Program> {
        if let Finish::Epilogue(p) = &self.finish { Some(p) } else { None }
    }
    /// Every place it touches besides its epilogue.
    pub(crate) fn places(&self) -> impl Iterator<Item = BufRef> {
        let outs = if let Finish::Store(outs) = &self.finish { &outs[..] } else { &[] };
        [self.values, self.indices, self.entries].into_iter().chain(outs.iter().copied()).chain(self.still.iter().flatten().copied())
    }
    /// Words of a tile.
    fn tile_words(&self) -> usize {
        (self.cut.block_rows * self.table.columns()).next_multiple_of(LINE)
    }
    /// Scratch words that each worker needs: the tile's, then the epilogue's.
    pub(crate) fn scratch_words(&self) -> usize {
        self.epilogue().map_or(0, |p| self.tile_words() + p.scratch_words())
    }

    /// Runs it.
    ///
    /// # Safety
    /// The plan's promise: operands and results lie within their buffers, and no result overlaps an operand or another result, except that
    /// the epilogue may read at the place it writes.
    pub(crate) unsafe fn run(&self, workers: &Workers, bases: Bases, inline: bool) {
        let table = self.table;
        // SAFETY: the caller's promise; nothing else has the entries.
        let (values, indices, entries) = unsafe {
            let values = std::slice::from_raw_parts(bases.at(self.values).cast_const(), table.lookups() * table.columns());
            let indices = std::slice::from_raw_parts(bases.at(self.indices).cast_const(), table.lookups());
            (values, indices, std::slice::from_raw_parts_mut(bases.at(self.entries).cast::<Entry>(), 2 * table.lookups()))
        };
        let (first, second) = entries.split_at_mut(table.lookups());
        for (at, (e, &index)) in first.iter_mut().zip(indices).enumerate() {
            *e = [table.row_of(at, index) as u32, at as u32];
        }
        let entries = order::sort(table.rows(), first, second);
        // SAFETY: the caller's promise.
        let holds = |&at: &BufRef| unsafe { *bases.at(at) }.to_bits() < f32::INFINITY.to_bits();
        let few = self.leaves_out() && self.still.iter().flatten().all(holds);
        let tasks = if few { self.few } else { self.cut.row_tasks() };
        let one = |task: usize, worker: usize| {
            let scratch = workers.scratch(worker);
            Task { sums: self, isa: workers.isa(), bases, values, entries, few, index: task, scratch }.run();
        };
        if inline || tasks == 1 {
            (0..tasks).for_each(|task| one(task, 0));
        } else {
            workers.run(tasks, &one);
        }
        let Finish::Store(outs) = &self.finish else { return };
        let Some((&first, others)) = outs.split_first() else { return };
        for &other in others {
            // SAFETY: the caller's promise; every task is done.
            unsafe { std::ptr::copy_nonoverlapping(bases.at(first), bases.at(other), self.results()) };
        }
    }
}

/// Some rows of the table.
struct Task<'a> {
    sums: &'a Sums,
    isa: Isa,
    bases: Bases,
    values: &'a [f32],
    entries: &'a [Entry],
    /// Only rows that are named.
    few: bool,
    index: usize,
    scratch: *mut f32,
}

impl Task<'_> {
    fn run(&self) {
        let Self { sums, bases, entries, index: task, scratch, .. } = *self;
        let frame = sums.epilogue().map(|program| {
            let own = scratch.wrapping_add(sums.tile_words());
            let frame = Frame { program, bases, scratch: own, cols: own, ones: own, raw: (own, 0, 0) };
            // SAFETY: the scratch has room for the tile and the epilogue's words, and is this worker's own.
            unsafe {
                frame.begin();
                std::slice::from_raw_parts_mut(scratch, sums.tile_words()).fill(0.0);
            }
            frame
        });
        let row = |at: usize| entries[at][0] as usize;
        // How many entries there are from `at` on for which this holds.
        let run = |at: usize, holds: &dyn Fn(usize) -> bool| entries[at..].iter().take_while(|e| holds(e[0] as usize)).count();
        let most = sums.cut.block_rows;
        if self.few {
            // A row belongs to the task in whose part its first entry is.
            let from = |part: usize| match entries.len() * part / sums.few {
                0 => 0,
                at => at + run(at, &|r| r == row(at - 1)),
            };
            let (mut at, end) = (from(task), from(task + 1));
            while at < end {
                // As many rows as follow one another.
                let (first, mut last, mut next) = (row(at), row(at), at + 1);
                while next < end && row(next) <= last + 1 && row(next) < first + most {
                    last = row(next);
                    next += 1;
                }
                self.tile(frame.as_ref(), first..last + 1, &entries[at..next]);
                at = next;
            }
            return;
        }
        let (mut first, end) = (task * sums.cut.task_rows, ((task + 1) * sums.cut.task_rows).min(sums.cut.rows));
        let mut at = entries.partition_point(|e| (e[0] as usize) < first);
        while first < end {
            let rows = first..(first + most).min(end);
            let next = at + run(at, &|r| r < rows.end);
            self.tile(frame.as_ref(), rows.clone(), &entries[at..next]);
            (first, at) = (rows.end, next);
        }
    }

    /// Adds up some rows from the entries that name them, and hands them over.
    fn tile(&self, frame: Option<&Frame>, rows: Range<usize>, entries: &[Entry]) {
        let cols = self.sums.table.columns();
        let ptr = match &self.sums.finish {
            // SAFETY: the plan's promise.
            Finish::Store(outs) => unsafe { self.bases.at(outs[0]).add(rows.start * cols) },
            Finish::Epilogue(_) => self.scratch,
        };
        // SAFETY: rows of different tasks do not overlap; the scratch is this worker's own, and has room.
        let sums = || unsafe { std::slice::from_raw_parts_mut(ptr, rows.len() * cols) };
        let Some(&frame) = frame else {
            sums().fill(0.0);
            return dispatch(self.isa, Add { cols, first: rows.start, entries, values: self.values, sums: sums() });
        };
        dispatch(self.isa, Add { cols, first: rows.start, entries, values: self.values, sums: sums() });
        let tile = Tile { row0: rows.start, rows: rows.len(), col0: 0, cols, ptr, ld: cols };
        dispatch(self.isa, Epilogue { frame, tile, base: 0, n: cols });
        // The next tile begins with zeros.
        let sums = sums();
        for e in entries {
            sums[(e[0] as usize - rows.start) * cols..][..cols].fill(0.0);
        }
    }
}

/// Adds rows of values to the sums of the rows that name them, in order.
struct Add<'a> {
    cols: usize,
    /// The row of the first sums.
    first: usize,
    entries: &'a [Entry],
    values: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for e in self.entries {
            let sums = &mut self.sums[(e[0] as usize - self.first) * self.cols..][..self.cols];
            for (sum, &v) in sums.iter_mut().zip(&self.values[e[1] as usize * self.cols..][..self.cols]) {
                *sum += v;
            }
        }
    }
}
