//! Short rows, several at a time: a vector holds one column of as many rows as it has lanes.
//!
//! `unsafe`: reads and writes through the pointers that the interpreter hands in.
#![allow(unsafe_code)]

use super::fill::Source;
use crate::simd::{Simd, VIRTUAL_LANES};
use adaline_graph::fuse::identity_of;
use adaline_graph::{ArgOp, ReduceOp};

/// `f(a, b)` of a reduction, as [`crate::simd::Acc16`] combines its lanes.
#[inline(always)]
fn both<S: Simd>(s: S, op: ReduceOp, a: S::F, b: S::F) -> S::F {
    match op {
        ReduceOp::Sum => s.add(a, b),
        ReduceOp::Prod => s.mul(a, b),
        ReduceOp::Max => s.select(s.or_m(s.ne(a, a), s.lt(b, a)), a, b),
        ReduceOp::Min => s.select(s.or_m(s.ne(a, a), s.lt(a, b)), a, b),
    }
}

/// Vectors of columns whose sums are in registers at a time.
const TOGETHER: usize = 4;

/// `f(sum, x)` of a reduction whose elements come one after the other.
#[inline(always)]
fn follow<S: Simd>(s: S, op: ReduceOp, sum: S::F, x: S::F) -> S::F {
    match op {
        ReduceOp::Sum => s.add(sum, x),
        ReduceOp::Prod => s.mul(sum, x),
        ReduceOp::Max => s.max_nan(sum, x),
        ReduceOp::Min => s.min_nan(sum, x),
    }
}

/// Column `j` of `count` rows from `row` on, one row in each lane; what the lanes behind hold does not matter.
///
/// # Safety
/// `from` holds those rows of `width` elements; `count > 0`, `j < width <= 16`.
#[inline(always)]
unsafe fn column<S: Simd>(s: S, from: Source, width: usize, row: usize, count: usize, j: usize) -> S::F {
    // SAFETY: the caller's promise.
    unsafe {
        let p = from.ptr.add(row * width + j);
        if count == S::LANES || from.spare >= S::LANES * width { s.load_strided(p, width) } else { s.load_strided_partial(p, width, count) }
    }
}

/// Writes the values of `count` rows, as a whole vector where the result is a register.
///
/// # Safety
/// `to` has room for `count` values, or for a whole vector if it is the interpreter's own.
#[inline(always)]
unsafe fn put<S: Simd>(s: S, to: *mut f32, count: usize, own: bool, x: S::F) {
    // SAFETY: the caller's promise.
    unsafe { if own || count == S::LANES { s.store(to, x) } else { s.store_partial(to, count, x) } }
}

/// Reduces rows of at most 16 elements: the same operations in the same order as [`crate::simd::Acc16`] does row by row, where lanes that
/// hold nothing but the neutral element are left out.
///
/// # Safety
/// `from` holds `rows` rows of `width` elements, `to` has room for `rows` values (if it is the interpreter's `own`, for whole vectors of them);
/// they do not overlap.
#[inline(always)]
pub(super) unsafe fn reduce_short<S: Simd>(s: S, op: ReduceOp, (rows, width): (usize, usize), from: Source, to: *mut f32, own: bool) {
    for row in (0..rows).step_by(S::LANES) {
        let count = (rows - row).min(S::LANES);
        // SAFETY: `count` rows and values from `row` on.
        unsafe { put(s, to.add(row), count, own, reduced(s, op, from, width, (row, count))) };
    }
}

/// As [`reduce_short`], with each row's result along the row.
///
/// # Safety
/// As for [`reduce_short`], but `to` has room for `rows` rows of `width`.
#[inline(always)]
pub(super) unsafe fn spread_short<S: Simd>(s: S, op: ReduceOp, (rows, width): (usize, usize), from: Source, to: *mut f32, own: bool) {
    for row in (0..rows).step_by(S::LANES) {
        let count = (rows - row).min(S::LANES);
        // SAFETY: `count` rows from `row` on.
        unsafe {
            let to = to.add(row * width);
            let values = reduced(s, op, from, width, (row, count));
            if 2 * width <= S::LANES {
                let all = count * width;
                for at in (0..all).step_by(S::LANES) {
                    put(s, to.add(at), (all - at).min(S::LANES), own, s.permute(values, places(s, width, at)));
                }
            } else {
                let mut single = [0.0f32; VIRTUAL_LANES];
                s.write(&mut single, values);
                let from = Source { ptr: single.as_ptr(), step: 1, pitch: 0, spare: 0 };
                expand(s, (count, width), from, to, false);
            }
        }
    }
}

/// The rows of a vector's elements, counted from a row's beginning `skip` elements before: `(skip + i) / width` by a multiplication.
#[inline(always)]
fn places<S: Simd>(s: S, width: usize, skip: usize) -> S::I {
    let inverse = s.splat_i(65536 / width as i32 + 1);
    s.shr_i(s.mul_i(s.add_i(s.iota(), s.splat_i(skip as i32)), inverse), 16)
}

/// The results of `count` rows from `row` on, one in each lane; what the lanes behind hold does not matter.
///
/// # Safety
/// As for [`reduce_short`].
#[inline(always)]
unsafe fn reduced<S: Simd>(s: S, op: ReduceOp, from: Source, width: usize, rows: (usize, usize)) -> S::F {
    // SAFETY: the caller's promise.
    unsafe {
        match width {
            2 => reduced_of::<S, 2>(s, op, from, 2, rows),
            3 => reduced_of::<S, 3>(s, op, from, 3, rows),
            4 => reduced_of::<S, 4>(s, op, from, 4, rows),
            _ => reduced_of::<S, VIRTUAL_LANES>(s, op, from, width, rows),
        }
    }
}

/// [`reduced`] of rows of at most `MOST` elements, so that few stay in registers.
///
/// # Safety
/// As for [`reduce_short`].
#[inline(always)]
unsafe fn reduced_of<S: Simd, const MOST: usize>(s: S, op: ReduceOp, from: Source, width: usize, (row, count): (usize, usize)) -> S::F {
    let start = s.splat(identity_of(op));
    let mut lanes = [start; MOST];
    for (j, lane) in lanes.iter_mut().enumerate().take(width) {
        // SAFETY: element j of rows `row ..`.
        let x = unsafe { column(s, from, width, row, count, j) };
        // As the vector operations that fill the lanes.
        *lane = follow(s, op, start, x);
    }
    let mut used = width;
    let mut half = VIRTUAL_LANES / 2;
    while half > 0 {
        for i in 0..half.min(used.saturating_sub(half)) {
            lanes[i] = both(s, op, lanes[i], lanes[i + half]);
        }
        used = used.min(half);
        half /= 2;
    }
    lanes[0]
}

/// Combines the columns of all rows with the accumulators at `acc`, row after row. Some columns of all rows at a time, so that their sums stay in
/// registers: read back from memory for each row, they would be waited for.
///
/// # Safety
/// `from` holds `rows` rows of `width` elements, `acc` holds `width`; they do not overlap.
#[inline(always)]
pub(super) unsafe fn add_columns<S: Simd>(s: S, op: ReduceOp, (rows, width): (usize, usize), from: *const f32, acc: *mut f32) {
    let mut col = 0;
    while col < width {
        let (vectors, last) = if col + TOGETHER * S::LANES <= width { (TOGETHER, S::LANES) } else { (1, (width - col).min(S::LANES)) };
        // SAFETY: `vectors` vectors of every row and of the accumulators, the only one that is no whole one with its `last` elements.
        unsafe {
            if vectors == TOGETHER {
                let mut sums = [s.splat(0.0); TOGETHER];
                for (v, x) in sums.iter_mut().enumerate() {
                    *x = s.load(acc.add(col + v * S::LANES));
                }
                for r in 0..rows {
                    let p = from.add(r * width + col);
                    for (v, x) in sums.iter_mut().enumerate() {
                        *x = follow(s, op, *x, s.load(p.add(v * S::LANES)));
                    }
                }
                for (v, x) in sums.iter().enumerate() {
                    s.store(acc.add(col + v * S::LANES), *x);
                }
            } else {
                let mut sum = s.load_partial(acc.add(col), last);
                for r in 0..rows {
                    sum = follow(s, op, sum, s.load_partial(from.add(r * width + col), last));
                }
                s.store_partial(acc.add(col), last, sum);
            }
        }
        col += vectors * S::LANES;
    }
}

/// Index of the first extreme of each row of at most 16 elements; NaN counts as the extreme.
///
/// # Safety
/// As for [`reduce_short`].
#[inline(always)]
pub(super) unsafe fn extreme_short<S: Simd>(s: S, op: ArgOp, (rows, width): (usize, usize), from: Source, to: *mut f32, own: bool) {
    let mut row = 0;
    while row < rows {
        let count = (rows - row).min(S::LANES);
        // SAFETY: element 0 of rows `row ..`.
        let mut now = unsafe { column(s, from, width, row, count, 0) };
        let mut at = s.splat_i(0);
        for j in 1..width {
            // SAFETY: element j of rows `row ..`.
            let x = unsafe { column(s, from, width, row, count, j) };
            let better = match op {
                ArgOp::Max => s.lt(now, x),
                ArgOp::Min => s.lt(x, now),
            };
            let better = s.and_m(s.eq(now, now), s.or_m(better, s.ne(x, x)));
            now = s.select(better, x, now);
            at = s.select_i(better, s.splat_i(j as i32), at);
        }
        // SAFETY: `count` values from `row` on.
        unsafe { put(s, to.add(row), count, own, s.from_bits(at)) };
        row += count;
    }
}

/// Repeats each row's value along the row.
///
/// # Safety
/// `from` holds `rows` values, `to` has room for `rows` rows of `width` (if it is the interpreter's `own`, up to a whole vector); they do not
/// overlap.
#[inline(always)]
pub(super) unsafe fn expand<S: Simd>(s: S, (rows, width): (usize, usize), from: Source, to: *mut f32, own: bool) {
    let all = rows * width;
    if 2 * width <= S::LANES && width > 0 && from.step == 1 {
        // Several rows in a vector: written once, so that it can be read as a whole right away.
        for at in (0..all).step_by(S::LANES) {
            let first = at / width;
            let skip = at - first * width;
            // Of the values that were just written, a whole vector is read sooner than parts of two.
            let aligned = first / S::LANES * S::LANES;
            let base = if first + (skip + S::LANES - 1) / width < aligned + S::LANES { aligned } else { first };
            // SAFETY: values from row `base < rows` on, to a vector of which at least one element lies in the rows.
            unsafe {
                let p = from.ptr.add(base);
                let values = if from.spare >= S::LANES { s.load(p) } else { s.load_partial(p, rows - base) };
                let place = s.add_i(places(s, width, skip), s.splat_i((first - base) as i32));
                put(s, to.add(at), (all - at).min(S::LANES), own, s.permute(values, place));
            }
        }
        return;
    }
    for r in 0..rows {
        let at = r * width;
        // SAFETY: row r. Whole vectors may run into the rows behind, which are written later, but never over the end.
        unsafe {
            let value = *from.ptr.add(r * from.step);
            let mut j = 0;
            while j < width && at + j + S::LANES <= all {
                s.store(to.add(at + j), s.splat(value));
                j += S::LANES;
            }
            while j < width {
                *to.add(at + j) = value;
                j += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
