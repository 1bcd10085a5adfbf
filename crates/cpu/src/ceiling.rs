//! What this machine can do at most: multiply-adds from registers and bytes from memory.
//!
//! Measured, not looked up, so that a report can say which share of it a program reaches.

use crate::pool::Pool;
use crate::simd::{Isa, Simd, WithSimd, dispatch};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Measured ceilings of some threads together. The best of several short runs, since other programs can only take away.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ceiling {
    /// Threads that ran.
    pub threads: usize,
    /// Instruction set that ran.
    pub isa: Isa,
    /// Fused multiply-adds on `f32` in registers, 10⁹ floating-point operations per second (two each).
    pub gflops_f32: f64,
    /// Triad `a = b + s·c` on arrays beyond the caches, 10⁹ bytes per second read and written (12 bytes per element).
    pub bandwidth_gbs: f64,
    /// The same on arrays of 96 KiB per thread in all, which the L2 cache holds.
    pub l2_gbs: f64,
}

/// Independent chains of multiply-adds: enough for the latency, few enough for 16 registers.
const CHAINS: usize = 12;
/// Multiply-adds of each chain in one run: about a millisecond.
const LENGTH: usize = 250_000;
/// Elements per array and thread beyond the caches (24 MiB) and within L2 (32 KiB).
const LARGE: usize = 6 << 20;
const SMALL: usize = 8 << 10;

struct Peak;
impl WithSimd for Peak {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        // Opaque factors, so that nothing is computed beforehand; the values stay near 1.
        let (a, b) = (s.splat(std::hint::black_box(0.999)), s.splat(std::hint::black_box(0.001)));
        let mut acc = [s.splat(1.0); CHAINS];
        for _ in 0..LENGTH {
            for x in &mut acc {
                *x = s.mul_add(*x, a, b);
            }
        }
        let sum = acc.into_iter().fold(s.splat(0.0), |sum, x| s.add(sum, x));
        let mut first = [0.0];
        s.write(&mut first, sum);
        first[0]
    }
}

struct Lanes;
impl WithSimd for Lanes {
    type Output = usize;
    fn run<S: Simd>(self, _: S) -> usize {
        S::LANES
    }
}

struct Triad<'a> {
    a: &'a mut [f32],
    b: &'a [f32],
    c: &'a [f32],
    repeats: usize,
}
impl WithSimd for Triad<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let factor = s.splat(std::hint::black_box(3.0));
        for _ in 0..self.repeats {
            for ((a, b), c) in self.a.chunks_exact_mut(S::LANES).zip(self.b.chunks_exact(S::LANES)).zip(self.c.chunks_exact(S::LANES)) {
                s.write(a, s.mul_add(s.read(c), factor, s.read(b)));
            }
            std::hint::black_box(&mut *self.a);
        }
    }
}

/// The shortest of the times that `f` takes within `limit` (at least two runs, after one to warm up).
fn fastest(limit: Duration, mut f: impl FnMut()) -> f64 {
    f();
    let start = Instant::now();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < 2 || start.elapsed() < limit {
        let run = Instant::now();
        f();
        best = best.min(run.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

/// Measures with `threads` threads for about half a second.
pub fn measure_ceiling(threads: usize) -> Ceiling {
    let isa = Isa::best();
    let pool = Pool::new(threads);
    let threads = pool.threads();
    let lanes = dispatch(isa, Lanes);

    // Twice as many tasks as threads would even out a late worker; one each is what a peak means.
    let seconds = fastest(Duration::from_millis(120), || {
        pool.run(threads, &|_, _| {
            std::hint::black_box(dispatch(isa, Peak));
        });
    });
    let gflops_f32 = (2 * CHAINS * LENGTH * lanes * threads) as f64 / seconds / 1e9;

    let triad = |elements: usize, repeats: usize, limit: u64| {
        let arrays: Vec<Mutex<[Vec<f32>; 3]>> =
            (0..threads).map(|_| Mutex::new([vec![0.0; elements], vec![1.0; elements], vec![2.0; elements]])).collect();
        let seconds = fastest(Duration::from_millis(limit), || {
            pool.run(threads, &|task, _| {
                let mut arrays = arrays[task].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let [a, b, c] = &mut *arrays;
                dispatch(isa, Triad { a, b, c, repeats });
            });
        });
        (12 * elements * repeats * threads) as f64 / seconds / 1e9
    };
    let bandwidth_gbs = triad(LARGE, 1, 150);
    let l2_gbs = triad(SMALL, 200, 60);
    Ceiling { threads, isa, gflops_f32, bandwidth_gbs, l2_gbs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_are_plausible() {
        let one = measure_ceiling(1);
        assert_eq!(one.threads, 1);
        assert!(one.gflops_f32.is_finite() && one.gflops_f32 > 0.01, "{one:?}");
        assert!(one.bandwidth_gbs.is_finite() && one.bandwidth_gbs > 0.05, "{one:?}");
        assert!(one.l2_gbs > one.bandwidth_gbs * 0.5, "{one:?}");
    }
}
