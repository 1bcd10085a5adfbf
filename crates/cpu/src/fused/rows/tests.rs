//! Several rows at a time against row by row, bit for bit.

use super::*;
use crate::backend::Cpu;
use crate::fused::fill::SPARE;
use crate::fused::interp::extreme;
use crate::fused::program::Code;
use crate::plan::{Kernel, Step};
use crate::simd::{Acc16, Isa, WithSimd, dispatch};
use adaline_graph::backend::{CompileOptions, Session, TensorRef};
use adaline_graph::{Builder, StateStore, TensorType};

const OPS: [ReduceOp; 4] = [ReduceOp::Sum, ReduceOp::Prod, ReduceOp::Max, ReduceOp::Min];

/// An operand, in registers or not.
fn of(data: &[f32], own: bool) -> Source {
    Source { ptr: data.as_ptr(), step: 1, pitch: 0, spare: if own { SPARE } else { 0 } }
}

/// With or without room for a whole vector behind the last value.
struct Short<'a>(ReduceOp, (usize, usize), &'a [f32], &'a mut [f32], bool);
impl WithSimd for Short<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: `check` hands in whole rows, and a result for each.
        unsafe { reduce_short(s, self.0, self.1, of(self.2, self.4), self.3.as_mut_ptr(), self.4) }
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

struct Spread<'a>(ReduceOp, (usize, usize), &'a [f32], &'a mut [f32], bool);
impl WithSimd for Spread<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: as for `Short`, with room for all rows.
        unsafe { spread_short(s, self.0, self.1, of(self.2, self.4), self.3.as_mut_ptr(), self.4) }
    }
}

struct Extreme<'a>(ArgOp, (usize, usize), &'a [f32], &'a mut [f32], bool);
impl WithSimd for Extreme<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: as for `Short`.
        unsafe { extreme_short(s, self.0, self.1, of(self.2, self.4), self.3.as_mut_ptr(), self.4) }
    }
}

struct Repeat<'a>((usize, usize), &'a [f32], usize, &'a mut [f32], bool);
impl WithSimd for Repeat<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let from = Source { step: self.2, ..of(self.1, self.4) };
        // SAFETY: one value for each row (or one for all), and room for all rows.
        unsafe { expand(s, self.0, from, self.3.as_mut_ptr(), self.4) }
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

struct Columns<'a>(ReduceOp, (usize, usize), &'a [f32], &'a mut [f32]);
impl WithSimd for Columns<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: `columns_are_chains` hands in whole rows, and an accumulator for each column.
        unsafe { add_columns(s, self.0, self.1, self.2.as_ptr(), self.3.as_mut_ptr()) }
    }
}

/// A result of `n` words with one more word that must stay, or a register: room for whole vectors.
fn room(n: usize, own: bool) -> Vec<f32> {
    vec![9.0; if own { n.next_multiple_of(VIRTUAL_LANES) } else { n + 1 }]
}

#[test]
fn short_rows_have_the_bits_of_single_rows() {
    for isa in Isa::available() {
        for width in 1..=VIRTUAL_LANES {
            for (rows, own) in [1, 3, 4, 7, 8, 9, 16, 17, 40].into_iter().flat_map(|r| [(r, false), (r, true)]) {
                let mut data = noise(rows * width);
                let single = data.clone();
                data.resize(data.len() + if own { SPARE } else { 0 }, f32::NAN);
                for op in OPS {
                    let want = dispatch(isa, RowByRow(op, width, &single));
                    let mut got = room(rows, own);
                    dispatch(isa, Short(op, (rows, width), &data, &mut got, own));
                    assert!(own || got[rows] == 9.0, "written over the end");
                    for (g, w) in got.iter().zip(&want) {
                        assert!(
                            g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan()),
                            "{op:?} of {rows} rows of {width} on {isa}: {g} {w}"
                        );
                    }
                }
                for op in OPS {
                    let want = dispatch(isa, RowByRow(op, width, &single));
                    let mut got = room(rows * width, own);
                    dispatch(isa, Spread(op, (rows, width), &data, &mut got, own));
                    assert!(own || got[rows * width] == 9.0, "written over the end");
                    for (i, g) in got[..rows * width].iter().enumerate() {
                        let w = want[i / width];
                        assert!(
                            g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan()),
                            "{op:?} along {rows} rows of {width} on {isa}: {g} {w}"
                        );
                    }
                }
                for op in [ArgOp::Max, ArgOp::Min] {
                    let mut got = room(rows, own);
                    dispatch(isa, Extreme(op, (rows, width), &data, &mut got, own));
                    assert!(own || got[rows] == 9.0, "written over the end");
                    let want: Vec<u32> = single.chunks(width).map(|row| extreme(op, row)).collect();
                    let got: Vec<u32> = got[..rows].iter().map(|x| x.to_bits()).collect();
                    assert_eq!(got, want, "{op:?} of {rows} rows of {width} on {isa}: {single:?}");
                }
            }
        }
    }
}

#[test]
fn rows_are_filled_to_their_ends_and_no_further() {
    for isa in Isa::available() {
        for width in [1, 2, 3, 4, 5, 7, 8, 10, 16, 17, 33] {
            for (rows, own) in [1, 2, 9, 20].into_iter().flat_map(|r| [(r, false), (r, true)]) {
                for step in [0, 1] {
                    let values: Vec<f32> = (0..rows + if own { SPARE } else { 0 }).map(|r| r as f32 + 0.5).collect();
                    let mut got = room(rows * width, own);
                    dispatch(isa, Repeat((rows, width), &values, step, &mut got, own));
                    assert!(own || got[rows * width] == 9.0, "written over the end");
                    let same = |(r, row): (usize, &[f32])| row.iter().all(|x| *x == values[r * step]);
                    assert!(got[..rows * width].chunks(width).enumerate().all(same), "{rows} rows of {width} on {isa}");
                }
            }
        }
    }
}

#[test]
fn columns_are_chains_from_the_first_row_to_the_last() {
    for isa in Isa::available() {
        for width in [1, 2, 3, 7, 8, 10, 17, 32, 64, 77, 130] {
            for rows in [0, 1, 2, 5] {
                let (data, start) = (noise(rows * width), noise(width));
                for op in OPS {
                    let mut got = start.clone();
                    got.push(9.0);
                    dispatch(isa, Columns(op, (rows, width), &data, &mut got));
                    assert_eq!(got[width], 9.0, "written over the end");
                    for (c, (&g, &first)) in got.iter().zip(&start).enumerate() {
                        let want = data.chunks(width).map(|row| row[c]).fold(first, |a, b| match op {
                            ReduceOp::Sum => a + b,
                            ReduceOp::Prod => a * b,
                            ReduceOp::Max => {
                                if a.is_nan() || a > b {
                                    a
                                } else {
                                    b
                                }
                            }
                            ReduceOp::Min => {
                                if a.is_nan() || a < b {
                                    a
                                } else {
                                    b
                                }
                            }
                        });
                        assert!(
                            g.to_bits() == want.to_bits() || (g.is_nan() && want.is_nan()),
                            "{op:?} of column {c} of {rows} rows of {width} on {isa}: {g} {want}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_reduction_is_repeated_at_once_where_only_the_row_needs_it() {
    let data: Vec<f32> = (0..40 * 37).map(|i| ((i * 7919) % 1000) as f32 / 500.0 + 0.1).collect();
    for (rows, width) in [(10, 2), (9, 3), (17, 5), (40, 10), (3, 16), (5, 17), (4, 37)] {
        let mut first: Option<Vec<u32>> = None;
        for (kept, isa) in [false, true].into_iter().flat_map(|k| Isa::available().into_iter().map(move |i| (k, i))) {
            let b = Builder::new();
            let x = b.input("x", TensorType::f32([rows, width]));
            let sum = x.sum(&[1], true);
            b.output("y", x / sum);
            if kept {
                b.output("sum", sum);
            }
            let store = StateStore::new();
            let plan =
                Cpu::new().threads(1).isa(isa).compile_plan(&b.finish().unwrap(), store.layout(), &CompileOptions::default()).unwrap();
            let [Step { kernel: Kernel::Tile(tile), .. }] = &plan.plan.steps[..] else { panic!("{:?}", plan.plan.steps) };
            let count = |f: fn(Code) -> bool| tile.main.instrs.iter().filter(|i| f(i.code)).count();
            let found =
                (count(|c| matches!(c, Code::RowSpread(_))), count(|c| matches!(c, Code::RowReduce(_))), count(|c| c == Code::Expand));
            assert_eq!(found, if kept { (0, 1, 1) } else { (1, 0, 0) }, "{rows} rows of {width}");
            let mut session = plan.cpu_session();
            session.run_frozen(&[TensorRef::F32(&data[..rows * width])], &store).unwrap();
            let bits = session.output(0).words().to_vec();
            assert!(first.get_or_insert_with(|| bits.clone()) == &bits, "{rows} rows of {width}, sum kept: {kept}, {isa}");
        }
    }
}
