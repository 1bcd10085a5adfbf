//! Several rows at a time against row by row, bit for bit.

use super::*;
use crate::simd::{Acc16, Isa, WithSimd, dispatch};

const OPS: [ReduceOp; 4] = [ReduceOp::Sum, ReduceOp::Prod, ReduceOp::Max, ReduceOp::Min];

struct Short<'a>(ReduceOp, (usize, usize), &'a [f32], &'a mut [f32]);
impl WithSimd for Short<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: `check` hands in whole rows, and a result for each.
        unsafe { reduce_short(s, self.0, self.1, self.2.as_ptr(), self.3.as_mut_ptr()) }
    }
}

struct RowByRow<'a>(ReduceOp, usize, &'a [f32]);
impl WithSimd for RowByRow<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<f32> {
        let Self(op, width, data) = self;
        let one = |row: &[f32]| {
            let mut acc = Acc16::new(s, identity_of(op));
            match op {
                ReduceOp::Sum => (acc.add(s, row), acc.reduce_sum(s)).1,
                ReduceOp::Prod => (acc.mul(s, row), acc.reduce_prod(s)).1,
                ReduceOp::Max => (acc.max(s, row), acc.reduce_max(s)).1,
                ReduceOp::Min => (acc.min(s, row), acc.reduce_min(s)).1,
            }
        };
        data.chunks(width).map(one).collect()
    }
}

struct Repeat<'a>((usize, usize), &'a [f32], &'a mut [f32]);
impl WithSimd for Repeat<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let from = Source { ptr: self.1.as_ptr(), step: 1, pitch: 0 };
        // SAFETY: one value for each row, and room for all rows.
        unsafe { expand(s, self.0, from, self.2.as_mut_ptr()) }
    }
}

fn noise(len: usize) -> Vec<f32> {
    let special = [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-42, -3.5];
    let mut state = 7u32;
    let mut draw = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        state >> 8
    };
    (0..len)
        .map(|_| match draw() % 12 {
            n @ 0..7 => special[n as usize],
            _ => draw() as f32 / 8388608.0 - 1.0,
        })
        .collect()
}

#[test]
fn short_rows_have_the_bits_of_single_rows() {
    for isa in Isa::available() {
        for width in 1..=VIRTUAL_LANES {
            for rows in [1, 3, 4, 7, 8, 9, 16, 17, 40] {
                let data = noise(rows * width);
                for op in OPS {
                    let want = dispatch(isa, RowByRow(op, width, &data));
                    let mut got = vec![9.0; rows + 1];
                    dispatch(isa, Short(op, (rows, width), &data, &mut got));
                    assert_eq!(got[rows], 9.0, "written over the end");
                    for (g, w) in got.iter().zip(&want) {
                        assert!(
                            g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan()),
                            "{op:?} of {rows} rows of {width} on {isa}: {g} {w}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn rows_are_filled_to_their_ends_and_no_further() {
    for isa in Isa::available() {
        for width in [1, 2, 5, 8, 10, 16, 17, 33] {
            for rows in [1, 2, 9, 20] {
                let values: Vec<f32> = (0..rows).map(|r| r as f32 + 0.5).collect();
                let mut got = vec![9.0; rows * width + 1];
                dispatch(isa, Repeat((rows, width), &values, &mut got));
                assert_eq!(got.pop(), Some(9.0), "written over the end");
                assert!(got.chunks(width).zip(&values).all(|(row, v)| row.iter().all(|x| x == v)), "{rows} rows of {width} on {isa}");
            }
        }
    }
}
