//! Choosing the path of a product and cutting it into tasks, from shape and instruction set only.

use super::GemmSpec;
use crate::simd::{Portable, Simd, WithSimd};

/// Words of a packed panel of the right operand that many register tiles read in turn: half of a typical L1 cache. Longer sums are
/// computed in blocks; the chains of additions just continue from one block to the next, so this does not show in the bits.
pub(crate) const PANEL_WORDS: usize = Portable::GEMM_PANEL;
/// Length of the blocks of a panel that only one register tile reads.
const THIN_BLOCK: usize = 128;
/// Words of a packed right operand that are kept for all groups of rows of a task: a quarter of a small L2 cache.
const KEPT_WORDS: usize = 32 * 1024;
/// Work of one task: far more than handing it to another thread costs (about 6 µs).
pub(crate) const TASK_FLOPS: usize = 600_000;
/// What one operation of an epilogue is worth in operations of the product.
const EPILOGUE_FLOPS: usize = 8;
/// Words of a right operand, read down its rows, that come from beyond the L2 cache; columns of its tasks, and rows read at a time without packing.
const STREAMED_WORDS: usize = 256 * 1024;
const STREAMED_COLUMNS: usize = 128;
const STREAMED_ROWS: usize = 64;
/// Words of such an operand from which on asking for them ahead of time pays.
const AHEAD_WORDS: usize = 1024 * 1024;
const MANY_TASKS: usize = 16;
const MOST_TASKS: usize = 128;
/// Words of a block handed to the epilogue, so that it finds it in the L1 cache.
pub(super) const GROUP_WORDS: usize = 2048;
/// Fewest rows of a task whose right operand is packed, or turned while it is packed: below, packing it for each task tells.
const FEWEST_PACKED: usize = 96;
const FEWEST_TURNED: usize = 128;

/// How the tiles get at the left-hand operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// Where it lies.
    InPlace,
    /// Its rows copied, because their distance makes them fall on the same cache sets.
    Rows,
    /// Its columns, where they lie together, copied closer to each other: each is on a page of its own otherwise.
    Columns,
}

/// The plan of a product in *computed* coordinates: those of C, or of its transpose if `swap`.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // independent choices
pub(super) struct Partition {
    /// Compute Cᵀ = op(B)ᵀ · op(A)ᵀ block by block and transpose the blocks: where C is narrow, or where packing B would cost more.
    pub(super) swap: bool,
    /// Copy the right-hand operand into panels first.
    pub(super) pack: bool,
    /// The panels stay from run to run, in memory of their own: all of the right-hand operand, block by block of the sums.
    pub(super) keep: bool,
    /// What becomes of the left-hand operand before the tiles read it.
    pub(super) left: Left,
    /// The right-hand operand comes from memory in pieces of rows: the next piece is asked for ahead of time.
    pub(super) ahead: bool,
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
pub(crate) const LINE: usize = 16;

impl Partition {
    /// The same product in one task, with a packed right-hand operand that is kept from run to run; `None` where the transpose is computed, or for a single row.
    pub(super) fn keeping(self, spec: &GemmSpec, lanes: usize) -> Option<Self> {
        if self.swap || spec.m < 2 || spec.n == 0 || spec.k == 0 {
            return None;
        }
        let panel = self.vectors * lanes;
        let longest = (PANEL_WORDS / panel).max(THIN_BLOCK);
        let block_k = if spec.k <= longest + longest / 4 { spec.k } else { spec.k.div_ceil(spec.k.div_ceil(longest)) };
        let cols = spec.n.next_multiple_of(lanes);
        let group = (GROUP_WORDS / cols / self.tile_rows).max(1) * self.tile_rows;
        Some(Self {
            pack: true,
            keep: true,
            left: Left::InPlace,
            left_words: 0,
            rows_per_task: spec.m,
            cols_per_task: cols,
            row_tasks: 1,
            col_tasks: 1,
            group_rows: if block_k < spec.k { spec.m } else { spec.m.min(group) },
            block_k,
            stripe: cols,
            packed_words: 0,
            ..self
        })
    }
    /// Words of the panels that are kept.
    pub(super) fn kept_words(&self, spec: &GemmSpec) -> usize {
        if self.keep { (spec.k * self.cols_per_task).next_multiple_of(LINE) } else { 0 }
    }
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

/// What reading both operands is worth in operations of the product: it decides where there are only few rows or columns.
pub(crate) fn memory_flops(spec: &GemmSpec) -> usize {
    (8 * spec.k).saturating_mul(spec.m.saturating_add(spec.n))
}

pub(super) struct Choose {
    pub(super) spec: GemmSpec,
    /// Operations of the epilogue for each element.
    pub(super) cost: usize,
}

impl WithSimd for Choose {
    type Output = Partition;
    fn run<S: Simd>(self, _: S) -> Partition {
        let GemmSpec { m, n, k, ta, tb, lda, ldb, .. } = self.spec;
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
        let (left_rows, stored_ld, right_turned) = if swap { (tb, ldb, !ta) } else { (!ta, lda, tb) };

        let wide = rows <= S::GEMM_WIDE_ROWS && cols > S::GEMM_VECTORS * S::LANES;
        let vectors = match rows {
            1 if wide && cols >= 8 * S::LANES => 8,
            _ if wide => 4,
            _ => S::GEMM_VECTORS,
        };
        let panel = vectors * S::LANES;
        let tile_rows = if wide { S::GEMM_WIDE_ROWS.max(1) } else { S::GEMM_ROWS };
        let pack = right_turned || rows > many;
        let thin = pack && rows <= tile_rows;
        let longest = if thin { THIN_BLOCK } else { (S::GEMM_PANEL / panel).max(THIN_BLOCK) };
        // Blocks of equal length; a sum just over one block is not cut.
        // Both operands are read down their rows, the right one from far away: pieces of a row must be long, and few rows at a time, for what reads
        // ahead of the processor and for its table of pages.
        let streamed = !left_rows && !right_turned && k.saturating_mul(cols) >= STREAMED_WORDS;
        let block_k = match () {
            () if streamed && !pack && k > STREAMED_ROWS => k.div_ceil(k.div_ceil(STREAMED_ROWS)),
            () if k <= longest + longest / 4 || !pack => k,
            () => k.div_ceil(k.div_ceil(longest)),
        };

        // Enough tasks for many threads first, then larger ones, which repeat less.
        let flops = (2 * k).saturating_add(EPILOGUE_FLOPS * self.cost).saturating_mul(m).saturating_mul(n).max(memory_flops(&self.spec));
        let want = flops.div_ceil(TASK_FLOPS).min(MANY_TASKS).max(flops.div_ceil(8 * TASK_FLOPS).min(MOST_TASKS)).max(1);
        let fewest = match () {
            () if right_turned => FEWEST_TURNED,
            () if pack => FEWEST_PACKED,
            () => tile_rows,
        };
        // Where the left operand is read along its rows, columns are cut first: no packing is repeated. Where it is stored turned around
        // (gradients of weights), its rows are: then whole rows of the result lie together.
        let by_rows = |want: usize| want.min(rows / fewest).max(1);
        let narrowest = if rows <= tile_rows { panel } else { 2 * panel };
        let by_cols = |want: usize| want.min(cols.div_ceil(narrowest)).max(1);
        let kept = (KEPT_WORDS / block_k.max(1)).clamp(2 * panel, 8 * panel);
        let (row_tasks, col_tasks) = if left_rows {
            let c = by_cols(want);
            (by_rows(want.div_ceil(c)), c)
        } else {
            let c = if streamed { cols.div_ceil(STREAMED_COLUMNS).max(by_cols(want.min(2))) } else { cols.div_ceil(kept).max(1) };
            let r = by_rows(want.div_ceil(c));
            // Sums in several blocks copy the left operand anew for each block and task: as few tasks along the columns as will do.
            (r, if streamed || block_k < k && r * c >= MANY_TASKS / 2 { c } else { c.max(by_cols(want.div_ceil(r))) })
        };
        let cols_per_task =
            if cols == 0 { 0 } else { cols.div_ceil(col_tasks).next_multiple_of(panel).min(cols.next_multiple_of(S::LANES)) };
        let col_tasks = cols.div_ceil(cols_per_task.max(1));
        let rows_per_task = rows.div_ceil(row_tasks.max(1)).next_multiple_of(tile_rows).min(rows.max(1));
        let row_tasks = rows.div_ceil(rows_per_task.max(1));
        let group = (GROUP_WORDS / cols_per_task.max(1) / tile_rows).max(1) * tile_rows;
        // Several blocks of the sums: all rows of the task wait for the last one.
        let group_rows = if block_k < k { rows_per_task } else { rows_per_task.min(group) };

        // Rows at a distance of a multiple of 4 KiB fall on one set of a typical L1 cache.
        let left = match () {
            () if left_rows && stored_ld.is_multiple_of(1024) && tile_rows > 4 && block_k >= 32 && cols > panel => Left::Rows,
            () if !left_rows && stored_ld > 2 * rows_per_task && block_k >= 16 && cols > 2 * panel => Left::Columns,
            () => Left::InPlace,
        };
        let stripe = if thin { panel.min(cols_per_task) } else { cols_per_task };
        // An odd number of lines, so that neither rows nor columns fall on the same cache sets.
        let left_ld = match left {
            Left::Columns => rows_per_task.next_multiple_of(2 * LINE) + LINE,
            Left::Rows | Left::InPlace => block_k.next_multiple_of(2 * LINE) + LINE,
        };
        Partition {
            swap,
            pack,
            keep: false,
            ahead: !right_turned && k.saturating_mul(cols) >= AHEAD_WORDS,
            left,
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
            left_words: match left {
                Left::InPlace => 0,
                Left::Rows => rows_per_task * left_ld,
                Left::Columns => block_k * left_ld,
            },
            left_ld,
        }
    }
}
