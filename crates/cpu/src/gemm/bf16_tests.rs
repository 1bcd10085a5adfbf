//! Products by pairs: packing, tiles and edges against the definition of [`Simd::dot2`] bit for bit on every instruction set; the
//! instruction itself, where the CPU has it, within a bound.

use super::*;
use crate::simd::Simd;
use std::cell::RefCell;

fn rounded(x: f32) -> f32 {
    f32::from_bits(x.to_bits() & 0xFFFF_0000)
}

fn noise(seed: u32, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(12345);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            rounded((state >> 8) as f32 / 8388608.0 - 1.0)
        })
        .collect()
}

/// Subnormal numbers count as zero of their sign.
fn flush(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0f32.copysign(x) } else { x }
}

/// The definition: pair after pair, the first element first, a zero behind a sum of odd length.
fn chain(terms: &[(f32, f32)]) -> f32 {
    let even = terms.len().next_multiple_of(2);
    terms.iter().copied().chain([(0.0, 0.0)]).take(even).fold(0.0, |acc, (x, y)| flush(flush(x).mul_add(flush(y), flush(acc))))
}

struct Case {
    spec: GemmSpec,
    a: Vec<f32>,
    b: Vec<f32>,
}

impl Case {
    /// Strides exceed the rows by `gap`.
    fn new(m: usize, n: usize, k: usize, (ta, tb): (bool, bool), gap: usize) -> Self {
        let mut spec = GemmSpec::transposed(m, n, k, ta, tb);
        spec.lda += gap;
        spec.ldb += 2 * gap;
        spec.ldc += gap;
        Self { spec, a: noise(1, spec.lda * if ta { k } else { m }), b: noise(2, spec.ldb * if tb { n } else { k }) }
    }
    fn a_at(&self, i: usize, p: usize) -> usize {
        if self.spec.ta { p * self.spec.lda + i } else { i * self.spec.lda + p }
    }
    fn b_at(&self, p: usize, j: usize) -> usize {
        if self.spec.tb { j * self.spec.ldb + p } else { p * self.spec.ldb + j }
    }
    fn terms(&self, i: usize, j: usize) -> Vec<(f32, f32)> {
        (0..self.spec.k).map(|p| (self.a[self.a_at(i, p)], self.b[self.b_at(p, j)])).collect()
    }
    fn each(&self) -> impl Iterator<Item = (usize, usize)> {
        let (m, n) = (self.spec.m, self.spec.n);
        (0..m).flat_map(move |i| (0..n).map(move |j| (i, j)))
    }
    /// What the definition gives, laid out as C.
    fn want(&self) -> Vec<f32> {
        let mut want = vec![f32::NAN; self.spec.ldc * self.spec.m];
        for (i, j) in self.each() {
            want[i * self.spec.ldc + j] = chain(&self.terms(i, j));
        }
        want
    }
    /// Runs all tasks, the last first if `backwards`; checks that nothing is written beside C and the scratch.
    fn run(&self, plan: &GemmPlan, backwards: bool) -> Vec<f32> {
        let mut c = vec![f32::NAN; self.spec.ldc * self.spec.m];
        let mut scratch = vec![f32::NAN; plan.scratch_words_per_worker() + 1];
        let guard = scratch.len() - 1;
        scratch[guard] = 77.0;
        for task in 0..plan.tasks() {
            let task = if backwards { plan.tasks() - 1 - task } else { task };
            // SAFETY: matrices of the spec's sizes, scratch of the plan's.
            unsafe { plan.run_task(task, self.a.as_ptr(), self.b.as_ptr(), c.as_mut_ptr(), scratch.as_mut_ptr(), None) };
        }
        assert_eq!(scratch[guard], 77.0, "scratch overrun by {:?}", self.spec);
        for (at, x) in c.iter().enumerate() {
            assert!(at % self.spec.ldc < self.spec.n || x.is_nan(), "{at} lies behind a row of {:?}", self.spec);
        }
        c
    }
    /// What an epilogue sees, without C.
    fn seen(&self, plan: &GemmPlan) -> Vec<f32> {
        let seen = RefCell::new(vec![f32::NAN; self.spec.ldc * self.spec.m]);
        let mut scratch = vec![f32::NAN; plan.scratch_words_per_worker()];
        let epilogue = |tile: Tile| {
            let (rows, cols) = plan.largest_tile();
            assert!(tile.rows <= rows && tile.cols <= cols && tile.rows * tile.cols > 0);
            for i in 0..tile.rows {
                // SAFETY: a row of the tile at hand.
                let row = unsafe { tile.row_mut(i) };
                let at = (tile.row0 + i) * self.spec.ldc + tile.col0;
                seen.borrow_mut()[at..at + tile.cols].copy_from_slice(row);
            }
        };
        let epilogue = Some(Epilogue { run: &epilogue, reads: &[] });
        for task in 0..plan.tasks() {
            // SAFETY: matrices of the spec's sizes, no C, scratch of the plan's.
            unsafe { plan.run_task(task, self.a.as_ptr(), self.b.as_ptr(), std::ptr::null_mut(), scratch.as_mut_ptr(), epilogue) };
        }
        seen.into_inner()
    }
    fn compare(&self, c: &[f32], want: &[f32], what: &str) {
        for (i, j) in self.each() {
            let (got, want) = (c[i * self.spec.ldc + j], want[i * self.spec.ldc + j]);
            let same = got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
            assert!(same, "element ({i}, {j}) of {:?} is {got:e}, not {want:e}, {what}", self.spec);
        }
    }
    /// A sum of k rounded steps is within k·u·Σ|terms| (1 + O(k·u)) of the exact sum, u = 2⁻²⁴ (Higham, Accuracy and Stability, 3.1); the
    /// products of bfloat16 are exact, and what is flushed to zero is below 2⁻¹²⁶ each time. `slack` multiplies u.
    fn bound(&self, c: &[f32], slack: f64, what: &str) {
        for (i, j) in self.each() {
            let terms = self.terms(i, j);
            let products = || terms.iter().map(|&(x, y)| f64::from(x) * f64::from(y));
            let (exact, size) = (products().sum::<f64>(), products().map(f64::abs).sum::<f64>());
            let k = terms.len() as f64;
            let bound = slack * 1.01 * k * 2f64.powi(-24) * size + 2.0 * k * 2f64.powi(-126);
            let got = f64::from(c[i * self.spec.ldc + j]);
            assert!((got - exact).abs() <= bound, "element ({i}, {j}) of {:?} is {got:e}, not {exact:e} ± {bound:e}, {what}", self.spec);
        }
    }
    fn check(&self) {
        let want = self.want();
        self.bound(&want, 1.0, "the definition");
        for isa in Isa::available() {
            let plan = GemmPlan::emulated_bf16(self.spec, isa, 0);
            self.compare(&self.run(&plan, false), &want, &format!("on {isa}"));
            self.compare(&self.run(&plan, true), &want, &format!("backwards on {isa}"));
            self.compare(&self.seen(&plan), &want, &format!("in the epilogue on {isa}"));
        }
        // Nothing here is subnormal: one chain over p, as of any product.
        self.compare(&self.run(&GemmPlan::new(self.spec, Isa::best()), false), &want, "as f32");
        if let Some(plan) = native(self.spec) {
            self.bound(&self.run(&plan, false), NATIVE_SLACK, "by the instruction");
            self.compare(&self.seen(&plan), &self.run(&plan, true), "in the epilogue and out of it");
        }
    }
}

/// The instruction may round between its two products otherwise than documented: at most one more unit for each step.
const NATIVE_SLACK: f64 = 2.0;

/// A plan for the CPU's instruction, whatever the size, where there is one.
fn native(spec: GemmSpec) -> Option<GemmPlan> {
    bf16::is_available().then(|| GemmPlan::make(spec, Isa::Avx512, 0, Products::Pairs))
}

const STORED: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

#[test]
fn small_products_are_the_definition_to_the_bit() {
    let sizes = [0, 1, 2, 3, 7, 15, 16, 17, 33];
    for m in sizes {
        for n in sizes {
            for k in [0, 1, 2, 5, 16, 19, 33] {
                for stored in STORED {
                    Case::new(m, n, k, stored, (m + n) % 2).check();
                }
            }
        }
    }
}

#[test]
fn products_of_networks_are_the_definition_to_the_bit() {
    let shapes = [
        (1, 300, 71, 3),
        (300, 1, 70, 0),
        (128, 10, 64, 0),
        (5, 200, 33, 1),
        (32, 512, 100, 0),
        (130, 130, 41, 2),
        (64, 48, 513, 0),
        (29, 97, 1024, 0),
        (70, 600, 31, 0),
        (600, 70, 31, 0),
        (100, 100, 2101, 0),
        (300, 20, 1601, 1),
        (31, 1000, 8, 0),
        (9, 90, 1300, 0),
        (150, 3, 1701, 0),
    ];
    for (m, n, k, gap) in shapes {
        for stored in STORED {
            Case::new(m, n, k, stored, gap).check();
        }
    }
}

#[test]
fn subnormal_numbers_count_as_zero() {
    for stored in STORED {
        let mut case = Case::new(9, 35, 23, stored, 1);
        // Magnitudes from subnormal operands to products that are subnormal, of both signs.
        let spread = |(i, x): (usize, &mut f32)| *x = rounded(*x * 2f32.powi([-20, -40, -60, -64, -126, -130][i % 6]) * 1.5);
        case.a.iter_mut().enumerate().for_each(spread);
        case.b.iter_mut().enumerate().for_each(spread);
        let want = case.want();
        assert!(want.iter().all(|x| x.is_nan() || !x.is_subnormal()));
        for isa in Isa::available() {
            case.compare(&case.run(&GemmPlan::emulated_bf16(case.spec, isa, 0), false), &want, &format!("subnormal on {isa}"));
        }
        if let Some(plan) = native(case.spec) {
            // Operands flushed: |x·y| of each such term may be lost, at most 2⁻¹²⁶·2⁻¹⁹.
            case.bound(&case.run(&plan, false), NATIVE_SLACK, "subnormal by the instruction");
        }
    }
}

#[test]
fn nan_and_infinity_pass() {
    // The last element of an odd sum among them.
    for (p, q) in [(7, 9), (8, 30), (30, 10), (0, 1)] {
        for stored in STORED {
            let mut case = Case::new(20, 40, 31, stored, 0);
            let (a, b) = (case.a_at(3, p), case.b_at(q, 9));
            case.a[a] = f32::INFINITY;
            case.b[b] = f32::NAN;
            let want = case.want();
            let finite = |c: &[f32], what: &str| {
                for (i, j) in case.each() {
                    assert_eq!(c[i * 40 + j].is_finite(), i != 3 && j != 9, "({i}, {j}) {what}");
                }
            };
            finite(&want, "by definition");
            for isa in Isa::available() {
                case.compare(&case.run(&GemmPlan::emulated_bf16(case.spec, isa, 0), false), &want, &format!("special on {isa}"));
            }
            if let Some(plan) = native(case.spec) {
                finite(&case.run(&plan, false), "by the instruction");
            }
        }
    }
}

#[test]
fn other_values_are_cut_off() {
    let mut case = Case::new(20, 40, 31, (false, true), 0);
    let want = case.want();
    for x in case.a.iter_mut().chain(&mut case.b) {
        *x = f32::from_bits(x.to_bits() | 0x7531);
    }
    for isa in Isa::available() {
        case.compare(&case.run(&GemmPlan::emulated_bf16(case.spec, isa, 0), false), &want, &format!("cut off on {isa}"));
    }
}

#[test]
fn only_large_products_are_made_of_pairs_and_only_where_the_cpu_can() {
    let large = GemmSpec::dense(128, 512, 784);
    assert_eq!(GemmPlan::bf16(large, Isa::Avx512, 0).is_some(), bf16::is_faster());
    for isa in [Isa::Portable, Isa::Neon, Isa::Avx2] {
        assert!(GemmPlan::bf16(large, isa, 0).is_none());
    }
    for small in [GemmSpec::dense(32, 32, 32), GemmSpec::dense(8, 512, 784), GemmSpec::dense(512, 10, 784), GemmSpec::dense(64, 64, 63)] {
        assert!(GemmPlan::bf16(small, Isa::Avx512, 0).is_none(), "{small:?}");
    }
    assert!(bf16::is_worth_packing(&GemmSpec::dense(64, 64, 64)) && bf16::is_worth_packing(&GemmSpec::dense(16, 128, 128)));
    assert!(GemmPlan::emulated_bf16(large, Isa::best(), 0).is_bf16() && !GemmPlan::new(large, Isa::best()).is_bf16());
}

/// `dot2` over arrays.
struct Dot2<'a>(&'a [f32], &'a [u32], &'a [u32], &'a mut [f32]);

impl WithSimd for Dot2<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self(acc, a, b, out) = self;
        for i in (0..acc.len()).step_by(S::LANES) {
            let bits = |x: &[u32]| s.to_bits(s.read(&x[i..].iter().map(|&x| f32::from_bits(x)).collect::<Vec<f32>>()));
            let y = s.dot2(s.read(&acc[i..]), bits(a), bits(b));
            s.write(&mut out[i..], y);
        }
    }
}

#[test]
fn the_first_element_of_a_pair_is_added_first() {
    // 2²⁴ + 1 is not an f32: whether the small product is lost tells the order.
    let pair = |x: f32, y: f32| x.to_bits() | (y.to_bits() >> 16);
    let acc = [0.0; 3];
    let a = [pair(16777216.0, 1.0), pair(1.0, 16777216.0), pair(1.0, -16777216.0)];
    let b = [pair(1.0, 1.0); 3];
    for isa in Isa::available() {
        let mut out = [f32::NAN; 3];
        dispatch(isa, Dot2(&acc, &a, &b, &mut out));
        assert_eq!(out, [16777216.0, 16777216.0, -16777215.0], "{isa}");
        // The upper product is added first: 2⁻³⁰ is lost to 1, which then is taken away, or the other way round.
        dispatch(isa, Dot2(&[1.0; 2], &[pair(9.313_226e-10, -1.0), pair(-1.0, 9.313_226e-10)], &[pair(1.0, 1.0); 2], &mut out[..2]));
        assert_eq!(out[..2], [0.0, 9.313_226e-10], "{isa}");
    }
}
