//! Every path against the definition (one chain of fused multiply-adds per element), bit for bit, and against `f64`.

use super::*;
use std::cell::RefCell;

fn noise(seed: u32, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(12345);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / 8388608.0 - 1.0
        })
        .collect()
}

struct Case {
    spec: GemmSpec,
    a: Vec<f32>,
    b: Vec<f32>,
    want: Vec<f32>,
}

impl Case {
    /// Strides exceed the rows by `gap`.
    fn new(m: usize, n: usize, k: usize, ta: bool, tb: bool, gap: usize) -> Self {
        let mut spec = GemmSpec::transposed(m, n, k, ta, tb);
        spec.lda += gap;
        spec.ldb += 2 * gap;
        spec.ldc += gap;
        let a = noise(1, spec.lda * if ta { k } else { m });
        let b = noise(2, spec.ldb * if tb { n } else { k });
        let mut want = vec![f32::NAN; spec.ldc * m];
        for i in 0..m {
            for j in 0..n {
                let (mut acc, mut exact, mut size) = (0.0f32, 0.0f64, 0.0f64);
                for p in 0..k {
                    let x = a[if ta { p * spec.lda + i } else { i * spec.lda + p }];
                    let y = b[if tb { j * spec.ldb + p } else { p * spec.ldb + j }];
                    acc = x.mul_add(y, acc);
                    exact += f64::from(x) * f64::from(y);
                    size += (f64::from(x) * f64::from(y)).abs();
                }
                // The definition itself is a sound way to sum: error at most k·ε·Σ|terms|.
                assert!((f64::from(acc) - exact).abs() <= (k as f64) * 6e-8 * size + 1e-12);
                want[i * spec.ldc + j] = acc;
            }
        }
        Self { spec, a, b, want }
    }

    /// Computes the product with tasks in the given order; checks that all is written and nothing else.
    fn check(&self, isa: Isa, backwards: bool) {
        let plan = GemmPlan::new(self.spec, isa);
        // What lies in C and in the scratch before does not matter; what lies between the rows stays.
        let mut c = vec![f32::NAN; self.want.len()];
        let mut scratch = vec![f32::NAN; plan.scratch_words_per_worker() + 1];
        let guard = scratch.len() - 1;
        scratch[guard] = 77.0;
        let mut order: Vec<usize> = (0..plan.tasks()).collect();
        if backwards {
            order.reverse();
        }
        for task in order {
            // SAFETY: matrices of the spec's sizes, scratch of the plan's.
            unsafe { plan.run_task(task, self.a.as_ptr(), self.b.as_ptr(), c.as_mut_ptr(), scratch.as_mut_ptr(), None) };
        }
        self.compare(&c, &format!("on {isa}, backwards {backwards}"));
        assert_eq!(scratch[guard], 77.0, "scratch overrun by {:?} on {isa}", self.spec);
    }

    fn compare(&self, c: &[f32], what: &str) {
        for (at, (got, want)) in c.iter().zip(&self.want).enumerate() {
            let (i, j) = (at / self.spec.ldc, at % self.spec.ldc);
            assert!(
                got.to_bits() == want.to_bits() || (j >= self.spec.n && got.is_nan()),
                "element ({i}, {j}) of {:?} is {got}, not {want}, {what}",
                self.spec
            );
        }
    }

    /// As `check`, with an epilogue that doubles, with C or without.
    fn check_epilogue(&self, isa: Isa, keep: bool) {
        let plan = GemmPlan::new(self.spec, isa);
        let mut c = vec![f32::NAN; self.want.len()];
        let seen = RefCell::new(vec![f32::NAN; self.want.len()]);
        let mut scratch = vec![f32::NAN; plan.scratch_words_per_worker() + 1];
        let guard = scratch.len() - 1;
        scratch[guard] = 77.0;
        let epilogue = |tile: Tile| {
            let (rows, cols) = plan.largest_tile();
            assert!(tile.rows <= rows && tile.cols <= cols && tile.rows * tile.cols > 0);
            for i in 0..tile.rows {
                // SAFETY: a row of the tile at hand.
                let row = unsafe { tile.row_mut(i) };
                for (j, x) in row.iter_mut().enumerate() {
                    let at = (tile.row0 + i) * self.spec.ldc + tile.col0 + j;
                    assert!(seen.borrow()[at].is_nan(), "a block twice");
                    seen.borrow_mut()[at] = *x;
                    *x *= 2.0;
                }
            }
        };
        let out = if keep { c.as_mut_ptr() } else { std::ptr::null_mut() };
        for task in 0..plan.tasks() {
            // SAFETY: matrices of the spec's sizes (or no C), scratch of the plan's.
            unsafe {
                plan.run_task(
                    task,
                    self.a.as_ptr(),
                    self.b.as_ptr(),
                    out,
                    scratch.as_mut_ptr(),
                    Some(Epilogue { run: &epilogue, reads: &[] }),
                );
            };
        }
        self.compare(&seen.borrow(), &format!("in the epilogue on {isa}, C kept {keep}"));
        assert_eq!(scratch[guard], 77.0, "scratch overrun by {:?} on {isa}", self.spec);
        if keep {
            for (c, w) in c.iter().zip(&self.want) {
                assert!(c.to_bits() == (w * 2.0).to_bits() || (c.is_nan() && w.is_nan()));
            }
        }
    }

    /// Computes the product twice with a kept right operand: packed by the first run, of which the second sees nothing else.
    fn check_keeping(&self, isa: Isa) {
        let Some(plan) = GemmPlan::new(self.spec, isa).keeping() else { return };
        assert_eq!(plan.tasks(), 1);
        let mut kept = vec![f32::NAN; plan.kept_words() + 1];
        let mut scratch = vec![f32::NAN; plan.scratch_words_per_worker() + 1];
        let (last, guard) = (kept.len() - 1, scratch.len() - 1);
        (kept[last], scratch[guard]) = (78.0, 77.0);
        let lost = vec![f32::NAN; self.b.len()];
        for (filled, b) in [(false, &self.b), (true, &lost)] {
            let mut c = vec![f32::NAN; self.want.len()];
            let memory = Some(Kept { at: kept.as_mut_ptr(), filled });
            // SAFETY: matrices of the spec's sizes, scratch and memory of the plan's.
            unsafe { plan.run_task_with(0, self.a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), scratch.as_mut_ptr(), memory, None) };
            self.compare(&c, &format!("kept on {isa}, filled {filled}"));
        }
        assert_eq!((kept[last], scratch[guard]), (78.0, 77.0), "memory overrun by {:?} on {isa}", self.spec);
    }

    fn check_all(&self) {
        for isa in Isa::available() {
            self.check_keeping(isa);
            self.check(isa, false);
            self.check(isa, true);
            self.check_epilogue(isa, true);
            self.check_epilogue(isa, false);
        }
    }
}

const STORED: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

#[test]
fn small_shapes_are_exact() {
    let sizes = [0, 1, 2, 3, 7, 15, 16, 17, 33];
    for m in sizes {
        for n in sizes {
            for k in [0, 1, 2, 5, 16, 19] {
                for (ta, tb) in STORED {
                    Case::new(m, n, k, ta, tb, (m + n) % 2).check_all();
                }
            }
        }
    }
}

#[test]
fn shapes_of_networks_are_exact() {
    let shapes = [
        (10, 32, 10, 0),
        (1, 300, 70, 3),
        (300, 1, 70, 0),
        (128, 10, 64, 0),
        (200, 5, 33, 1),
        (5, 200, 33, 1),
        (32, 512, 100, 0),
        (130, 130, 40, 2),
        (64, 48, 512, 0),
        (29, 97, 1024, 0),
        (70, 600, 31, 0),
        (600, 70, 31, 0),
        (100, 100, 2100, 0),
        (300, 20, 1600, 1),
        (31, 1000, 8, 0),
        (2, 150, 700, 1),
        (9, 90, 300, 0),
        (150, 3, 1700, 0),
        (784, 128, 32, 0),
        (260, 520, 40, 1),
        (1, 1000, 300, 0),
        (1, 128, 784, 2),
        (48, 70, 300, 0),
    ];
    for (m, n, k, gap) in shapes {
        for (ta, tb) in STORED {
            Case::new(m, n, k, ta, tb, gap).check_all();
        }
    }
}

/// Right operands from beyond the caches: read in pieces of rows, and asked for ahead of time; with few rows in place, with more of them packed.
#[test]
fn long_sums_over_large_operands_are_exact() {
    for (m, n, k) in [(8, 330, 1000), (20, 150, 1900), (9, 750, 1500), (20, 700, 1600), (1, 400, 3000)] {
        for (ta, tb) in STORED {
            let case = Case::new(m, n, k, ta, tb, 0);
            for isa in Isa::available() {
                case.check(isa, false);
                case.check_epilogue(isa, false);
            }
        }
    }
}

#[test]
fn empty_products_have_no_tasks_and_empty_sums_are_zero() {
    assert_eq!(GemmPlan::new(GemmSpec::dense(0, 5, 5), Isa::best()).tasks(), 0);
    assert_eq!(GemmPlan::new(GemmSpec::dense(5, 0, 5), Isa::best()).tasks(), 0);
    let case = Case::new(3, 4, 0, false, false, 0);
    assert!(case.want.iter().all(|x| x.to_bits() == 0));
    case.check_all();
}

#[test]
fn nan_and_infinity_pass() {
    let mut case = Case::new(20, 40, 30, false, false, 0);
    case.a[3 * 30 + 7] = f32::INFINITY;
    case.b[5 * 40 + 9] = f32::NAN;
    for isa in Isa::available() {
        let plan = GemmPlan::new(case.spec, isa);
        let mut c = vec![0.0; 800];
        let mut scratch = vec![0.0; plan.scratch_words_per_worker()];
        for task in 0..plan.tasks() {
            // SAFETY: matrices of the spec's sizes, scratch of the plan's.
            unsafe { plan.run_task(task, case.a.as_ptr(), case.b.as_ptr(), c.as_mut_ptr(), scratch.as_mut_ptr(), None) };
        }
        for i in 0..20 {
            for j in 0..40 {
                assert_eq!(c[i * 40 + j].is_finite(), i != 3 && j != 9, "({i}, {j})");
            }
        }
    }
}

#[test]
fn the_partition_is_independent_of_everything_but_the_shape() {
    let plan = GemmPlan::new(GemmSpec::dense(128, 512, 784), Isa::best());
    assert!(plan.tasks() >= 4, "{plan:?}");
    assert_eq!(GemmPlan::new(GemmSpec::dense(10, 32, 10), Isa::best()).tasks(), 1);
    assert_eq!(plan.flops(), 2 * 128 * 512 * 784);
}

#[test]
#[should_panic(expected = "ldb")]
fn overlapping_rows_are_refused() {
    GemmPlan::new(GemmSpec { ldb: 3, ..GemmSpec::dense(4, 4, 4) }, Isa::best());
}
