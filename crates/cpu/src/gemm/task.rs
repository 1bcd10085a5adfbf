//! One task of a product: a rectangle of C, packed, computed and handed to the epilogue block by block.

use super::kernel::{Micro, micro};
use super::pack::{copy_rows, pack_right, transpose};
use super::partition::{LINE, Partition};
use super::{GemmSpec, Tile};
use crate::simd::{Simd, WithSimd};

pub(super) struct Task<'a> {
    pub(super) spec: &'a GemmSpec,
    pub(super) partition: &'a Partition,
    pub(super) index: usize,
    pub(super) a: *const f32,
    pub(super) b: *const f32,
    pub(super) c: *mut f32,
    pub(super) scratch: *mut f32,
    pub(super) epilogue: Option<&'a dyn Fn(Tile)>,
}

/// An operand as the computation sees it: the element at outer index i (row of the left, column of the right) and position p of the sum lies at
/// `ptr + i·outer + p·inner`; one of the two distances is 1.
#[derive(Clone, Copy)]
struct Operand {
    ptr: *const f32,
    outer: usize,
    inner: usize,
}

impl Operand {
    fn new(ptr: *const f32, ld: usize, sums_along_rows: bool) -> Self {
        if sums_along_rows { Self { ptr, outer: ld, inner: 1 } } else { Self { ptr, outer: 1, inner: ld } }
    }
    /// Moves to outer index i and position p.
    #[inline(always)]
    fn at(self, i: usize, p: usize) -> Self {
        Self { ptr: self.ptr.wrapping_add(i * self.outer + p * self.inner), ..self }
    }
}

/// Buffers in the scratch of a worker.
#[derive(Clone, Copy)]
struct Buffers {
    packed: *mut f32,
    left: *mut f32,
}

impl WithSimd for Task<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { spec, partition: plan, index, a, b, c, scratch, epilogue } = self;
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
        let buffers = Buffers { packed, left: packed.wrapping_add(plan.packed_words) };
        let result = buffers.left.wrapping_add(plan.left_words);

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
                    let out = out.wrapping_add(col);
                    block(s, plan, left.at(first, 0), right.at(col, 0), (height, width, spec.k), out, out_ld, buffers, first == 0);
                    col += width;
                }
                if plan.swap {
                    transpose(s, out, out_ld, (height, cols), ptr, ld, false);
                }
            }
            if let Some(epilogue) = epilogue {
                epilogue(Tile { row0: tile_row0, rows: tile_rows, col0: tile_col0, cols: tile_cols, ptr, ld });
            }
            first += height;
        }
    }
}

/// Computes a (rows, cols) block into `out`. With several blocks of k the panels are packed anew for each; with one, only if `fresh`.
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
    (rows, cols, k): (usize, usize, usize),
    out: *mut f32,
    out_ld: usize,
    buffers: Buffers,
    fresh: bool,
) {
    let panel = plan.vectors * S::LANES;
    let mut done = 0;
    loop {
        let length = (k - done).min(plan.block_k);
        if plan.pack && (fresh || plan.block_k < k) {
            let source = right.at(0, done);
            let ld = source.outer.max(source.inner);
            // SAFETY: the block of the right operand lies in it; `packed` has room for `block_k` rows of whole vectors.
            unsafe { pack_right(s, source.ptr, ld, source.inner == 1 && source.outer != 1, (length, cols), plan.vectors, buffers.packed) };
        }
        let mut row = 0;
        while row < rows {
            let height = (rows - row).min(plan.tile_rows);
            let mut source = left.at(row, done);
            if plan.copy_left {
                // SAFETY: `height` rows of `length` contiguous elements (`copy_left` is set only for those); the buffer has room for them.
                unsafe { copy_rows(s, source.ptr, source.outer, (height, length), buffers.left, plan.left_ld) };
                source = Operand { ptr: buffers.left, outer: plan.left_ld, inner: 1 };
            }
            let mut col = 0;
            while col < cols {
                let width = (cols - col).min(panel);
                let vectors = width.div_ceil(S::LANES);
                let last = width - (vectors - 1) * S::LANES;
                let (b, b_step) = if plan.pack {
                    (buffers.packed.wrapping_add(length * col).cast_const(), vectors * S::LANES)
                } else {
                    (right.at(col, done).ptr, right.inner)
                };
                let tile = Micro {
                    k: length,
                    a: source.ptr,
                    a_row: source.outer,
                    a_step: source.inner,
                    b,
                    b_step,
                    c: out.wrapping_add(row * out_ld + col),
                    c_row: out_ld,
                    last,
                    resume: done > 0,
                };
                // SAFETY: the tile lies inside the block; packed panels are whole vectors, and without packing rows of B are contiguous.
                unsafe { micro(s, height, vectors, !plan.pack && last < S::LANES, &tile) };
                col += width;
            }
            row += height;
        }
        done += length;
        if done >= k {
            break;
        }
    }
}
