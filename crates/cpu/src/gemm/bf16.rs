//! Products of bfloat16 operands, two steps of the sums at a time.
//!
//! Both operands are packed into pairs, one 32-bit word each: element p (even) of the sum in the upper half, element p + 1 in the lower half,
//! so that [`Simd::dot2`], which adds the upper product first, continues the chain in the order of p. A sum of odd length ends with a
//! pair whose lower half is zero in both operands. Half as many words, half as many steps; tasks, epilogues and the transposition of
//! narrow results are those of the `f32` products.

use super::GemmSpec;
use super::pack::Heights;
use super::partition::{Choose, GROUP_WORDS, LINE, Left, PANEL_WORDS, Partition};
use super::task::{Ahead, Buffers, Operand, Part};
use crate::simd::{Simd, VIRTUAL_LANES, WithSimd};

/// Fewest multiplications, and fewest rows and columns, for which packing both operands is assumed to be worth while.
const FEWEST_PRODUCTS: usize = 64 * 64 * 64;
const FEWEST_LINES: usize = 16;

/// Upper half of a word: a bfloat16 as an `f32`.
const UPPER: u32 = 0xFFFF_0000;

/// Whether this CPU has AVX512-BF16.
pub(super) fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return crate::simd::Avx512::detect_bf16().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Whether pairs gain anything on this CPU. Intel's cores begin one such instruction in a cycle but two multiply-adds, so that pairs make no more
/// products than single ones and cost their packing (Sapphire Rapids, one thread, 128×512×784: 75 against 138 GFLOP/s).
pub(super) fn is_faster() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_available() && !crate::simd::is_intel();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Whether the product is large enough.
pub(super) fn is_worth_packing(spec: &GemmSpec) -> bool {
    let GemmSpec { m, n, k, .. } = *spec;
    m.min(n) >= FEWEST_LINES && m.saturating_mul(n).saturating_mul(k) >= FEWEST_PRODUCTS
}

/// Runs `op` compiled for AVX512-BF16.
pub(super) fn enter<W: WithSimd>(op: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(token) = crate::simd::Avx512::detect_bf16() {
        return token.vectorize(op);
    }
    let _ = op;
    unreachable!("a plan for AVX512-BF16, made where the CPU lacks it");
}

/// The plan of a product by pairs: tasks as for `f32`, both operands packed.
pub(super) struct ChoosePairs(pub(super) Choose);

impl WithSimd for ChoosePairs {
    type Output = Partition;
    fn run<S: Simd>(self, s: S) -> Partition {
        let GemmSpec { k, ta, tb, .. } = self.0.spec;
        let plan = self.0.run(s);
        let (vectors, tile_rows) = (S::GEMM_VECTORS, S::GEMM_ROWS);
        let longest = 2 * (PANEL_WORDS / (vectors * S::LANES));
        // Blocks of equal length, all but the last even; a sum just over one block is not cut.
        let block_k = if k <= longest + longest / 4 { k } else { k.div_ceil(k.div_ceil(longest)).next_multiple_of(2) };
        let pairs = block_k.div_ceil(2);
        let Partition { rows_per_task, cols_per_task, .. } = plan;
        let group = (GROUP_WORDS / cols_per_task.max(1) / tile_rows).max(1) * tile_rows;
        // An odd number of lines, so that neither rows nor columns fall on the same cache sets.
        let apart = |words: usize| words.next_multiple_of(2 * LINE) + LINE;
        let along_rows = if plan.swap { tb } else { !ta };
        let (left, left_ld, left_words) = if along_rows {
            (Left::Rows, apart(pairs), rows_per_task * apart(pairs))
        } else {
            (Left::Columns, apart(rows_per_task), pairs * apart(rows_per_task))
        };
        Partition {
            pack: true,
            left,
            vectors,
            tile_rows,
            // Several blocks of the sums: all rows of the task wait for the last one.
            group_rows: if block_k < k { rows_per_task } else { rows_per_task.min(group) },
            block_k,
            stripe: cols_per_task,
            packed_words: (pairs * cols_per_task.next_multiple_of(S::LANES)).next_multiple_of(LINE),
            left_words,
            left_ld,
            ..plan
        }
    }
}

/// Computes a block into `out`. Both operands are packed for the whole task with its first block, or, where there are several blocks of
/// k, for each.
///
/// # Safety
/// The operands cover the block, `out` and the buffers have room for it.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // the same loop nest as for `f32`
pub(super) unsafe fn block<S: Simd>(
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
    // Left operand: pairs along rows where the sums lie along its rows, else rows of pairs.
    let along = plan.left == Left::Rows;
    let (a_row, a_step) = if along { (plan.left_ld, 1) } else { (1, plan.left_ld) };
    let mut done = 0;
    loop {
        let length = (k - done).min(plan.block_k);
        let pairs = length.div_ceil(2);
        if first == 0 {
            let (from, to) = (left.at(0, done), buffers.left.cast::<u32>());
            // SAFETY: `rows` rows and `cols` columns of `length` elements lie in the operands; the buffers have room for them as pairs
            // (`ChoosePairs`).
            unsafe {
                if along {
                    for i in 0..rows {
                        pair_up(from.at(i, 0).ptr.cast(), length, to.wrapping_add(i * plan.left_ld));
                    }
                } else {
                    pair_rows(s, from.ptr, from.inner, (length, rows), to, plan.left_ld);
                }
                let from = right.at(0, done);
                let mut col = 0;
                while col < cols {
                    let width = (cols - col).min(panel);
                    let (from, to) = (from.at(col, 0), buffers.packed.wrapping_add(pairs * col).cast());
                    let step = width.next_multiple_of(S::LANES);
                    if from.inner == 1 {
                        pair_columns(s, from.ptr, from.outer, (length, width), to, step);
                    } else {
                        pair_rows(s, from.ptr, from.inner, (length, width), to, step);
                    }
                    col += width;
                }
            }
        }
        // A panel stays in the L1 cache while the rows pass by.
        let heights = Heights::new(height, plan.tile_rows);
        let mut col = 0;
        while col < cols {
            let width = (cols - col).min(panel);
            let vectors = width.div_ceil(S::LANES);
            let last = width - (vectors - 1) * S::LANES;
            for (row, height) in heights.clone() {
                let tile = Micro {
                    pairs,
                    a: buffers.left.wrapping_add((first + row) * a_row).cast(),
                    a_row,
                    a_step,
                    b: buffers.packed.wrapping_add(pairs * col).cast(),
                    c: out.wrapping_add(row * out_ld + col),
                    c_row: out_ld,
                    last,
                    resume: done > 0,
                };
                if done + length == k {
                    ahead.ask(s, (first + row, col0 + col), (height, width));
                }
                // SAFETY: the tile lies inside the block and reads what was packed for it.
                unsafe { micro(s, height, vectors, &tile) };
            }
            col += width;
        }
        done += length;
        if done >= k {
            break;
        }
    }
}

/// The elements of one contiguous sum as pairs.
///
/// # Safety
/// `src` holds `len` words, `dst` half as many, rounded up.
#[inline(always)]
unsafe fn pair_up(src: *const u32, len: usize, dst: *mut u32) {
    for q in 0..len / 2 {
        // SAFETY: words 2q and 2q + 1 < len.
        unsafe { *dst.add(q) = (*src.add(2 * q) & UPPER) | (*src.add(2 * q + 1) >> 16) };
    }
    if len % 2 == 1 {
        // SAFETY: the last word.
        unsafe { *dst.add(len / 2) = *src.add(len - 1) & UPPER };
    }
}

/// Rows p and p + 1 of a (k, width) matrix become row p / 2 of pairs, at distance `dst_ld`.
///
/// # Safety
/// `src` holds k rows of `width` words at distance `ld`, `dst` has room for half as many of `width`, rounded up to whole vectors, at `dst_ld`.
#[inline(always)]
unsafe fn pair_rows<S: Simd>(s: S, src: *const f32, ld: usize, (k, width): (usize, usize), dst: *mut u32, dst_ld: usize) {
    let src = src.cast::<i32>();
    let upper = |x: S::I| s.and_i(x, s.splat_i(UPPER as i32));
    for q in 0..k.div_ceil(2) {
        let (from, to) = (src.wrapping_add(2 * q * ld), dst.wrapping_add(q * dst_ld).cast::<i32>());
        let mut at = 0;
        while at < width {
            let n = (width - at).min(S::LANES);
            let load = |p: *const i32| {
                // SAFETY: n elements of a row of the matrix.
                unsafe { if n == S::LANES { s.load_i(p) } else { s.load_partial_i(p, n) } }
            };
            let mut pair = upper(load(from.wrapping_add(at)));
            if 2 * q + 1 < k {
                pair = s.or_i(pair, s.shr_u(load(from.wrapping_add(ld + at)), 16));
            }
            // SAFETY: rows of `dst` have room for whole vectors.
            unsafe { s.store_i(to.wrapping_add(at), pair) };
            at += n;
        }
    }
}

/// `width` contiguous sums of length k become rows of pairs, at distance `dst_ld`: paired up and transposed.
///
/// # Safety
/// `src` holds `width` rows of k words at distance `ld`, `dst` has room for k / 2 rows, rounded up, of `width`, rounded up to whole vectors, at `dst_ld`.
#[inline(always)]
unsafe fn pair_columns<S: Simd>(s: S, src: *const f32, ld: usize, (k, width): (usize, usize), dst: *mut u32, dst_ld: usize) {
    // Columns behind the last one hold what was there before; no result of theirs is kept.
    let mut block = [0.0f32; VIRTUAL_LANES * VIRTUAL_LANES];
    let mut turned = [0.0f32; VIRTUAL_LANES * VIRTUAL_LANES];
    let pairs = k.div_ceil(2);
    for col in (0..width).step_by(S::LANES) {
        for q in (0..pairs).step_by(S::LANES) {
            let len = (k - 2 * q).min(2 * S::LANES);
            let (columns, rows) = ((width - col).min(S::LANES), (pairs - q).min(S::LANES));
            // SAFETY: `columns` sums from element 2q on; the arrays hold 16 × 16 ≥ LANES × LANES words.
            unsafe {
                let (block, turned) = (block.as_mut_ptr(), turned.as_mut_ptr());
                for c in 0..columns {
                    let (from, to) = (src.add((col + c) * ld + 2 * q).cast(), block.add(c * S::LANES).cast());
                    pair_up(from, len, to);
                }
                let to = dst.add(q * dst_ld + col).cast::<f32>();
                if rows == S::LANES {
                    s.transpose_block(block, S::LANES, to, dst_ld);
                } else {
                    s.transpose_block(block, S::LANES, turned, S::LANES);
                    for r in 0..rows {
                        s.store(to.add(r * dst_ld), s.load(turned.add(r * S::LANES)));
                    }
                }
            }
        }
    }
}

/// A tile to compute: C[i, j] = (or +=, if `resume`) Σ A[i, p]·B[p, j] over `pairs` pairs of p.
#[derive(Clone, Copy)]
struct Micro {
    pairs: usize,
    /// Pair q of row i at `a + i·a_row + q·a_step`.
    a: *const i32,
    a_row: usize,
    a_step: usize,
    /// Pairs q of all columns at `b + q·vectors`, whole vectors.
    b: *const i32,
    /// C[i, ..] contiguous at `c + i·c_row`.
    c: *mut f32,
    c_row: usize,
    /// Valid lanes of the last vector.
    last: usize,
    /// Continue the chains that are in C.
    resume: bool,
}

#[derive(Clone, Copy)]
struct Sized<'a, const ROWS: usize, const VECTORS: usize>(&'a Micro);

impl<const ROWS: usize, const VECTORS: usize> WithSimd for Sized<'_, ROWS, VECTORS> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // Tiles that would not fit in the registers are never asked for; this keeps them from being compiled.
        if ROWS > S::GEMM_ROWS || VECTORS > S::GEMM_VECTORS {
            return;
        }
        let Micro { pairs, a, a_row, a_step, b, c, c_row, last, resume } = *self.0;
        let mut acc = [[s.splat(0.0); VECTORS]; ROWS];
        if resume {
            for (i, row) in acc.iter_mut().enumerate() {
                for (v, x) in row.iter_mut().enumerate() {
                    let n = if v + 1 == VECTORS { last } else { S::LANES };
                    // SAFETY: row i < ROWS of the tile, whose last vector has `last` elements.
                    *x = unsafe { s.load_partial(c.add(i * c_row + v * S::LANES), n) };
                }
            }
        }
        let (mut a_at, mut b_at) = (a, b);
        for _ in 0..pairs {
            let mut right = [s.splat_i(0); VECTORS];
            for (v, x) in right.iter_mut().enumerate() {
                // SAFETY: row q < pairs of the panel, of whole vectors.
                *x = unsafe { s.load_i(b_at.wrapping_add(v * S::LANES)) };
            }
            for (i, row) in acc.iter_mut().enumerate() {
                // SAFETY: pair q of row i < ROWS.
                let left = s.splat_i(unsafe { *a_at.wrapping_add(i * a_row) });
                for (x, r) in row.iter_mut().zip(right) {
                    *x = s.dot2(*x, r, left);
                }
            }
            a_at = a_at.wrapping_add(a_step);
            b_at = b_at.wrapping_add(VECTORS * S::LANES);
        }
        for (i, row) in acc.iter().enumerate() {
            for (v, x) in row.iter().enumerate() {
                let p = c.wrapping_add(i * c_row + v * S::LANES);
                // SAFETY: row i < ROWS of the tile, whose last vector has `last` elements.
                unsafe {
                    if v + 1 == VECTORS && last < S::LANES {
                        s.store_partial(p, last, *x);
                    } else {
                        s.store(p, *x);
                    }
                }
            }
        }
    }
}

/// Computes a tile of `rows` rows and `vectors` vectors.
///
/// # Safety
/// The pointers and distances of `tile` are valid for that size.
#[inline(always)]
unsafe fn micro<S: Simd>(s: S, rows: usize, vectors: usize, tile: &Micro) {
    macro_rules! choose {
        ($(($rows:literal, $vectors:literal))*) => {
            match (rows, vectors) {
                $(($rows, $vectors) => s.outline(Sized::<$rows, $vectors>(tile)),)*
                _ => unreachable!("no register tile of {rows} rows and {vectors} vectors"),
            }
        };
    }
    choose! {
        (1, 1) (2, 1) (3, 1) (4, 1) (5, 1) (6, 1) (7, 1) (8, 1) (9, 1) (10, 1) (11, 1) (12, 1) (13, 1) (14, 1)
        (1, 2) (2, 2) (3, 2) (4, 2) (5, 2) (6, 2) (7, 2) (8, 2) (9, 2) (10, 2) (11, 2) (12, 2) (13, 2) (14, 2)
    }
}
