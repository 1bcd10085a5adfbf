//! Short rows, several at a time: a vector holds one column of as many rows as it has lanes.
//!
//! `unsafe`: reads and writes through the pointers that the interpreter hands in.
#![allow(unsafe_code)]

use super::fill::Source;
use crate::simd::{Simd, VIRTUAL_LANES};
use adaline_graph::ReduceOp;
use adaline_graph::fuse::identity_of;

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

/// Reduces rows of at most 16 elements: the same operations in the same order as [`crate::simd::Acc16`] does row by row, where lanes that
/// hold nothing but the neutral element are left out.
///
/// # Safety
/// `from` holds `rows` rows of `width` elements, `to` has room for `rows` values; they do not overlap.
#[inline(always)]
pub(super) unsafe fn reduce_short<S: Simd>(s: S, op: ReduceOp, (rows, width): (usize, usize), from: *const f32, to: *mut f32) {
    let start = s.splat(identity_of(op));
    let mut row = 0;
    while row < rows {
        let count = (rows - row).min(S::LANES);
        let mut lanes = [start; VIRTUAL_LANES];
        for (j, lane) in lanes.iter_mut().enumerate().take(width) {
            let x = if count == S::LANES {
                // SAFETY: element j of rows `row ..`.
                unsafe { s.load_strided(from.add(row * width + j), width) }
            } else {
                let mut column = [0.0f32; VIRTUAL_LANES];
                for (i, x) in column[..count].iter_mut().enumerate() {
                    // SAFETY: element j of row `row + i`.
                    *x = unsafe { *from.add((row + i) * width + j) };
                }
                s.read(&column)
            };
            *lane = match op {
                // As the vector operations that fill the lanes.
                ReduceOp::Max => s.max_nan(start, x),
                ReduceOp::Min => s.min_nan(start, x),
                ReduceOp::Sum | ReduceOp::Prod => both(s, op, start, x),
            };
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
        // SAFETY: `count` values from `row` on.
        unsafe {
            if count == S::LANES {
                s.store(to.add(row), lanes[0]);
            } else {
                let mut rest = [0.0f32; VIRTUAL_LANES];
                s.write(&mut rest, lanes[0]);
                for (i, x) in rest.iter().enumerate().take(count) {
                    *to.add(row + i) = *x;
                }
            }
        }
        row += count;
    }
}

/// Repeats each row's value along the row.
///
/// # Safety
/// `from` holds `rows` values, `to` has room for `rows` rows of `width`; they do not overlap.
#[inline(always)]
pub(super) unsafe fn expand<S: Simd>(s: S, (rows, width): (usize, usize), from: Source, to: *mut f32) {
    let all = rows * width;
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
