//! One task of a product: a rectangle of C, packed, computed and handed to the epilogue block by block.

use super::bf16;
use super::kernel::{Micro, Right, micro};
use super::pack::{Heights, copy_rows, pack_right, transpose};
use super::partition::{LINE, Left, Partition};
use super::{Epilogue, GemmSpec, Kept, Tile};
use crate::simd::{Simd, WithSimd};

/// With `PAIRS` the operands are bfloat16 and are multiplied in pairs.
pub(super) struct Task<'a, const PAIRS: bool> {
    pub(super) spec: &'a GemmSpec,
    pub(super) partition: &'a Partition,
    pub(super) index: usize,
    pub(super) a: *const f32,
    pub(super) b: *const f32,
    pub(super) c: *mut f32,
    pub(super) scratch: *mut f32,
    pub(super) kept: Option<Kept>,
    pub(super) epilogue: Option<Epilogue<'a>>,
}

/// An operand as the computation sees it: the element at outer index i (row of the left, column of the right) and position p of the sum lies at
/// `ptr + i·outer + p·inner`; one of the two distances is 1.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub(super) ptr: *const f32,
    pub(super) outer: usize,
    pub(super) inner: usize,
}

impl Operand {
    fn new(ptr: *const f32, ld: usize, sums_along_rows: bool) -> Self {
        if sums_along_rows { Self { ptr, outer: ld, inner: 1 } } else { Self { ptr, outer: 1, inner: ld } }
    }
    /// Moves to outer index i and position p.
    #[inline(always)]
    pub(super) fn at(self, i: usize, p: usize) -> Self {
        Self { ptr: self.ptr.wrapping_add(i * self.outer + p * self.inner), ..self }
    }
}

/// Buffers in the scratch of a worker.
#[derive(Clone, Copy)]
pub(super) struct Buffers {
    pub(super) packed: *mut f32,
    pub(super) left: *mut f32,
    /// A run before has packed the right operand.
    pub(super) filled: bool,
}

impl<const PAIRS: bool> WithSimd for Task<'_, PAIRS> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { spec, partition: plan, index, a, b, c, scratch, kept, epilogue } = self;
        let a = Operand::new(a, spec.lda, !spec.ta);
        let b = Operand::new(b, spec.ldb, spec.tb);
        let (left, right, rows, cols) = if plan.swap { (b, a, spec.n, spec.m) } else { (a, b, spec.m, spec.n) };
        // Neighbouring tasks share columns of the right operand.
        let (row_task, col_task) = (index % plan.row_tasks, index / plan.row_tasks);
        let (row0, col0) = (row_task * plan.rows_per_task, col_task * plan.cols_per_task);
        let rows = (rows - row0).min(plan.rows_per_task);
        let cols = (cols - col0).min(plan.cols_per_task);
        let (left, right) = (left.at(row0, 0), right.at(col0, 0));

        let skip = scratch.align_offset(LINE * size_of::<f32>()).min(LINE);
        let packed = scratch.wrapping_add(skip);
        let left_rows = packed.wrapping_add(plan.packed_words);
        let buffers = match kept {
            Some(kept) if plan.keep => Buffers { packed: kept.at, left: left_rows, filled: kept.filled },
            _ => Buffers { packed, left: left_rows, filled: false },
        };
        let result = buffers.left.wrapping_add(plan.left_words);

        // What the epilogue reads lies like C; in turned coordinates it does not pay to ask for it.
        let reads = epilogue.filter(|_| !plan.swap).map_or(&[][..], |e| e.reads);
        let ahead = Ahead { reads, at: row0 * spec.n + col0, ld: spec.n };

        let mut first = 0;
        while first < rows {
            let height = (rows - first).min(plan.group_rows);
            // Where this block goes: C, or scratch; before transposition always scratch.
            let (tile_rows, tile_cols) = if plan.swap { (cols, height) } else { (height, cols) };
            let (tile_row0, tile_col0) = if plan.swap { (col0, row0 + first) } else { (row0 + first, col0) };
            let (ptr, ld) = if c.is_null() { (result, tile_cols) } else { (c.wrapping_add(tile_row0 * spec.ldc + tile_col0), spec.ldc) };
            let (out, out_ld) = if plan.swap { (result.wrapping_add(plan.group_words()), cols) } else { (ptr, ld) };
            // SAFETY: the rectangle lies inside the operands and C; the scratch has room for all buffers (`Partition::scratch_words`): the
            // packed block, the copied rows, one block of results without C and one before transposition.
            unsafe {
                // Packed panels serve all groups of the task.
                let mut col = 0;
                while col < cols {
                    let width = (cols - col).min(plan.stripe);
                    let part = Part { first, height, rows, col, cols: width, k: spec.k };
                    let (right, out) = (right.at(col, 0), out.wrapping_add(col));
                    if PAIRS {
                        bf16::block(s, plan, left, right, part, out, out_ld, buffers, ahead);
                    } else {
                        block(s, plan, left, right, part, out, out_ld, buffers, ahead);
                    }
                    col += width;
                }
                if plan.swap {
                    transpose(s, out, out_ld, (height, cols), ptr, ld, false);
                }
            }
            if let Some(epilogue) = epilogue {
                (epilogue.run)(Tile { row0: tile_row0, rows: tile_rows, col0: tile_col0, cols: tile_cols, ptr, ld });
            }
            first += height;
        }
    }
}

/// A block: `height` rows from row `first` of the task's `rows`, and `cols` columns.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) first: usize,
    pub(super) height: usize,
    pub(super) rows: usize,
    pub(super) col: usize,
    pub(super) cols: usize,
    pub(super) k: usize,
}

/// What the epilogue will read, from the task's first element on.
#[derive(Clone, Copy)]
pub(super) struct Ahead<'a> {
    reads: &'a [*const f32],
    at: usize,
    ld: usize,
}

impl Ahead<'_> {
    /// Asks for the lines of a register tile.
    #[inline(always)]
    pub(super) fn ask<S: Simd>(self, s: S, (row, col): (usize, usize), (height, width): (usize, usize)) {
        for read in self.reads {
            for i in row..row + height {
                let line = read.wrapping_add(self.at + i * self.ld + col);
                for j in (0..width).step_by(LINE) {
                    s.prefetch(line.wrapping_add(j));
                }
            }
        }
    }
}

/// Computes a block into `out`. What is packed serves the whole task: it is packed with the first block, or, where there are several
/// blocks of k, for each.
///
/// # Safety
/// The operands cover the block, `out` and the buffers have room for it.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // one loop nest, cut from its caller for readability
unsafe fn block<S: Simd>(
    s: S,
    plan: &Partition,
    left: Operand,
    right: Operand,
    part: Part,
    out: *mut f32,
    out_ld: usize,
    buffers: Buffers,
    ahead: Ahead<'_>,
) {
    let Part { first, height, rows, col: col0, cols, k } = part;
    let panel = plan.vectors * S::LANES;
    let mut done = 0;
    loop {
        let length = (k - done).min(plan.block_k);
        let fresh = (first == 0 || plan.block_k < k) && !buffers.filled;
        // Kept panels of all blocks lie one behind another.
        let panels = buffers.packed.wrapping_add(if plan.keep { done * plan.cols_per_task } else { 0 });
        let turned = right.inner == 1 && right.outer != 1;
        if plan.pack && fresh && turned {
            let source = right.at(0, done);
            let ld = source.outer.max(source.inner);
            // SAFETY: the block of the right operand lies in it; `packed` has room for `block_k` rows of whole vectors.
            unsafe { pack_right(s, source.ptr, ld, turned, (length, cols), plan.vectors, panels) };
        }
        let mut left = left.at(0, done);
        match plan.left {
            // SAFETY: rows of `length` contiguous elements (the plan says so); the buffer has room for all rows of a task.
            Left::Rows => unsafe {
                if fresh {
                    copy_rows(s, left.ptr, left.outer, (rows, length), buffers.left, plan.left_ld);
                }
                left = Operand { ptr: buffers.left, outer: plan.left_ld, inner: 1 };
            },
            // SAFETY: columns of `rows` contiguous elements; the buffer has room for `block_k` of them.
            Left::Columns => unsafe {
                if fresh {
                    copy_rows(s, left.ptr, left.inner, (length, rows), buffers.left, plan.left_ld);
                }
                left = Operand { ptr: buffers.left, outer: 1, inner: plan.left_ld };
            },
            Left::InPlace => {}
        }
        // A panel stays in the L1 cache while the rows pass by.
        let heights = Heights::new(height, plan.tile_rows);
        let mut col = 0;
        while col < cols {
            let width = (cols - col).min(panel);
            let vectors = width.div_ceil(S::LANES);
            let last = width - (vectors - 1) * S::LANES;
            let here = (right.at(col, done).ptr, right.inner);
            let packed = panels.wrapping_add(length * col);
            if plan.ahead && right.outer == 1 && (fresh || !plan.pack) {
                // The same rows further on, or the next rows.
                let next = if col + panel < cols { right.at(col + panel, done) } else { right.at(0, done + length) };
                for p in 0..length.min(k - done) {
                    for line in (0..panel).step_by(LINE) {
                        s.prefetch(next.ptr.wrapping_add(p * next.inner + line));
                    }
                }
            }
            for (row, height) in heights.clone() {
                let Operand { ptr: a, outer: a_row, inner: a_step } = left.at(first + row, 0);
                let c = out.wrapping_add(row * out_ld + col);
                let ((b, b_step), right) = match () {
                    // The first tile packs on its way what the others read.
                    () if plan.pack && fresh && !turned && row == 0 => (here, Right::Pack),
                    () if plan.pack => ((packed.cast_const(), vectors * S::LANES), Right::Whole),
                    () if last < S::LANES || height == 1 => (here, Right::Edge),
                    () => (here, Right::Whole),
                };
                let tile = Micro { k: length, a, a_row, a_step, b, b_step, c, c_row: out_ld, last, resume: done > 0, packed };
                if done + length == k {
                    ahead.ask(s, (first + row, col0 + col), (height, width));
                }
                // SAFETY: the tile lies inside the block; packed panels are whole vectors, and without packing rows of B are contiguous.
                unsafe { micro(s, height, vectors, right, &tile) };
            }
            col += width;
        }
        done += length;
        if done >= k {
            break;
        }
    }
}
