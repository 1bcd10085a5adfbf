//! Choosing the path of a product and cutting it into tasks, from shape and instruction set only.

use super::GemmSpec;
use crate::simd::{Simd, WithSimd};

/// Sums longer than this are computed in blocks of [`LONG_BLOCK`], so that a packed panel stays in the L2 cache. The chains of additions just
/// continue from one block to the next, so this does not show in the bits.
const LONG_SUM: usize = 1536;
const LONG_BLOCK: usize = 1024;
/// The same for a panel that only one register tile reads, so that it stays in the L1 cache.
const THIN_BLOCK: usize = 128;
/// Work below which a task is not worth a hand-over to another thread (about 10 µs).
const TASK_FLOPS: usize = 1_000_000;
const MOST_TASKS: usize = 64;
/// Rows of a block handed to the epilogue.
const GROUP_ROWS: usize = 64;

/// The plan of a product in *computed* coordinates: those of C, or of its transpose if `swap`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partition {
    /// Compute Cᵀ = op(B)ᵀ · op(A)ᵀ block by block and transpose the blocks: where C is narrow, or where packing B would cost more.
    pub(super) swap: bool,
    /// Copy the right-hand operand into panels first.
    pub(super) pack: bool,
    /// Copy the rows of the left-hand operand first, because their distance makes them fall on the same cache sets.
    pub(super) copy_left: bool,
    /// Vectors per row of a register tile.
    pub(super) vectors: usize,
    /// Rows of a register tile, at most.
    pub(super) tile_rows: usize,
    pub(super) rows_per_task: usize,
    pub(super) cols_per_task: usize,
    pub(super) row_tasks: usize,
    pub(super) col_tasks: usize,
    /// Rows finished together.
    pub(super) group_rows: usize,
    /// Length of the blocks of the sums.
    pub(super) block_k: usize,
    /// Columns packed at a time: all of a task, to be read by many tiles, or just one panel.
    pub(super) stripe: usize,
    /// Words of the packed right-hand block.
    pub(super) packed_words: usize,
    /// Words of the copied left-hand rows, at a distance of `left_ld`.
    pub(super) left_words: usize,
    pub(super) left_ld: usize,
}

/// Alignment of the parts of the scratch, in words: a cache line.
pub(super) const LINE: usize = 16;

impl Partition {
    /// Words of one block of results.
    pub(super) fn group_words(&self) -> usize {
        (self.group_rows * self.cols_per_task).next_multiple_of(LINE)
    }
    pub(super) fn scratch_words(&self) -> usize {
        // One block of results where there is no C, another before transposition.
        LINE + self.packed_words + self.left_words + self.group_words() * if self.swap { 2 } else { 1 }
    }
}

/// Vector operations per step of k that a path costs.
fn cost<S: Simd>(rows: usize, cols: usize, packs: f64) -> f64 {
    let vectors = cols.div_ceil(S::LANES);
    // Fewer than four independent chains cannot hide the latency of the multiply-add.
    let chains = (rows.min(S::GEMM_ROWS) * vectors.min(4)).min(4) as f64;
    (rows * vectors) as f64 * 4.0 / chains + packs
}

pub(super) struct Choose(pub(super) GemmSpec);

impl WithSimd for Choose {
    type Output = Partition;
    fn run<S: Simd>(self, _: S) -> Partition {
        let GemmSpec { m, n, k, ta, tb, lda, ldb, .. } = self.0;
        let many = 2 * S::GEMM_ROWS;
        // Measured: transposing costs about 0.3, copying 0.12 vector operations (of 16 lanes) per element.
        let lanes = S::LANES as f64 / 16.0;
        let packing = |transposed: bool, rows: usize, cols: usize| {
            cols as f64 / lanes * if transposed { 0.3 } else { 0.12 * f64::from(u8::from(rows > many)) }
        };
        let straight = cost::<S>(m, n, packing(tb, m, n));
        let turned = cost::<S>(n, m, packing(!ta, n, m)) + 0.3 / lanes * (m * n) as f64 / k.max(1) as f64;
        let swap = turned * 1.05 < straight;
        let (rows, cols) = if swap { (n, m) } else { (m, n) };
        // How the left operand's rows and the right operand are stored, in computed coordinates.
        let (left_rows, left_ld, right_turned) = if swap { (tb, ldb, !ta) } else { (!ta, lda, tb) };

        let wide = rows <= S::GEMM_WIDE_ROWS && cols > S::GEMM_VECTORS * S::LANES;
        let vectors = if wide { 4 } else { S::GEMM_VECTORS };
        let panel = vectors * S::LANES;
        // Tile heights are balanced: 32 rows are 11 + 11 + 10, not 14 + 14 + 4.
        let most = if wide { S::GEMM_WIDE_ROWS } else { S::GEMM_ROWS };
        let tile_rows = if rows == 0 { 1 } else { rows.div_ceil(rows.div_ceil(most)) };
        let pack = right_turned || rows > many;
        let thin = pack && rows <= tile_rows;
        let block_k = match () {
            () if thin => k.min(THIN_BLOCK),
            () if k > LONG_SUM => LONG_BLOCK,
            () => k,
        };

        let want = (2 * m).saturating_mul(n).saturating_mul(k).div_ceil(TASK_FLOPS).clamp(1, MOST_TASKS);
        // Columns first: no packing is repeated.
        // Wide tasks share what is done per row of the left operand, narrow ones feed more threads.
        let unit = match cols / panel {
            0..16 => panel,
            16..32 => 2 * panel,
            _ => 4 * panel,
        };
        let units = cols.div_ceil(unit);
        let units_per_task = units.div_ceil(want.min(units.max(1))).max(1);
        let cols_per_task = (units_per_task * unit).min(cols.next_multiple_of(S::LANES));
        let col_tasks = cols.div_ceil(cols_per_task.max(1));
        // Then rows, but not so few that packing tells.
        let fewest = if pack { 64 } else { tile_rows };
        let mut row_tasks = want.div_ceil(col_tasks.max(1)).min(rows.div_ceil(fewest));
        if block_k < k {
            // All rows of a task wait for the last block of the sums: keep them in the cache.
            row_tasks = row_tasks.max(rows.div_ceil(2 * GROUP_ROWS));
        }
        let rows_per_task = rows.div_ceil(row_tasks.max(1)).next_multiple_of(tile_rows);
        let row_tasks = rows.div_ceil(rows_per_task.max(1));
        let group_rows = if block_k < k { rows_per_task } else { rows_per_task.min((GROUP_ROWS / tile_rows).max(1) * tile_rows) };

        // Rows at a distance of a multiple of 2 KiB fall on two sets of a typical L1 cache (or one).
        let copy_left = left_rows && left_ld.is_multiple_of(512) && tile_rows > 4 && block_k >= 32 && cols > panel;
        let stripe = if thin { panel.min(cols_per_task) } else { cols_per_task };
        let copied_ld = block_k.next_multiple_of(LINE) + LINE;
        Partition {
            swap,
            pack,
            copy_left,
            vectors,
            tile_rows,
            rows_per_task,
            cols_per_task,
            row_tasks,
            col_tasks,
            group_rows,
            block_k,
            stripe,
            packed_words: if pack { (block_k * stripe.next_multiple_of(S::LANES)).next_multiple_of(LINE) } else { 0 },
            left_words: if copy_left { tile_rows * copied_ld } else { 0 },
            left_ld: copied_ld,
        }
    }
}
