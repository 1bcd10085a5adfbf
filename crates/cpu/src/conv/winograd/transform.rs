//! The transforms of F(4×4, 3×3): tiles of 6×6 become 36 numbers whose products with the kernel's 36 are, transformed back, 4×4 results.
//!
//! The polynomials are evaluated at 0, ±1/√2, ±√2 and infinity: with these points all factors are near 1, and rounding errors are about twice
//! those of the plain sums (with the usual 0, ±1, ±2 ten times). Formulas as in Lavin and Gray, "Fast Algorithms for Convolutional Neural
//! Networks" (2015), with Toom and Cook's construction for the points. A gradient's transform is the transpose of its value's.

use crate::simd::Simd;
use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Points, and the reciprocals of what the kernel's transform divides by.
const A: f32 = FRAC_1_SQRT_2;
const B: f32 = SQRT_2;
const BY_A: f32 = -2.0 / 3.0; // 2 A² (A² - B²)
const BY_B: f32 = 1.0 / 6.0; // 2 B² (B² - A²)

/// A transform of one line. A trait rather than a function pointer, so that it is inlined where the instruction set is known.
pub(super) trait Transform<const N: usize, const M: usize> {
    fn line<S: Simd>(s: S, x: [S::F; N]) -> [S::F; M];

    /// Rows first, then columns.
    #[inline(always)]
    fn square<S: Simd>(s: S, x: [[S::F; N]; N]) -> [[S::F; M]; M] {
        let zero = s.splat(0.0);
        let mut rows = [[zero; M]; N];
        for i in 0..N {
            rows[i] = Self::line(s, x[i]);
        }
        let mut out = [[zero; M]; M];
        for j in 0..M {
            let mut column = [zero; N];
            for i in 0..N {
                column[i] = rows[i][j];
            }
            let column = Self::line(s, column);
            for i in 0..M {
                out[i][j] = column[i];
            }
        }
        out
    }
}

/// Of the input.
pub(super) struct Source;
impl Transform<6, 6> for Source {
    #[inline(always)]
    fn line<S: Simd>(s: S, d: [S::F; 6]) -> [S::F; 6] {
        let (half, two, both) = (s.splat(A * A), s.splat(2.0), s.splat(2.5));
        let even_a = s.neg_mul_add(two, d[2], d[4]);
        let odd_a = s.mul(s.splat(A), s.neg_mul_add(two, d[1], d[3]));
        let even_b = s.neg_mul_add(half, d[2], d[4]);
        let odd_b = s.mul(s.splat(B), s.neg_mul_add(half, d[1], d[3]));
        [
            s.neg_mul_add(both, d[2], s.add(d[0], d[4])),
            s.add(even_a, odd_a),
            s.sub(even_a, odd_a),
            s.add(even_b, odd_b),
            s.sub(even_b, odd_b),
            s.neg_mul_add(both, d[3], s.add(d[1], d[5])),
        ]
    }
}

/// Of the products, to what tiles of results send back to the input: the transpose of [`Source`].
pub(super) struct SourceGradient;
impl Transform<6, 6> for SourceGradient {
    #[inline(always)]
    fn line<S: Simd>(s: S, m: [S::F; 6]) -> [S::F; 6] {
        let (half, two, both) = (s.splat(A * A), s.splat(2.0), s.splat(2.5));
        let (even_a, even_b) = (s.add(m[1], m[2]), s.add(m[3], m[4]));
        let odd_a = s.mul(s.splat(A), s.sub(m[1], m[2]));
        let odd_b = s.mul(s.splat(B), s.sub(m[3], m[4]));
        [
            m[0],
            s.neg_mul_add(two, odd_a, s.neg_mul_add(half, odd_b, m[5])),
            s.neg_mul_add(both, m[0], s.neg_mul_add(two, even_a, s.neg(s.mul(half, even_b)))),
            s.neg_mul_add(both, m[5], s.add(odd_a, odd_b)),
            s.add(m[0], s.add(even_a, even_b)),
            m[5],
        ]
    }
}

/// Of the products, to results.
pub(super) struct Results;
impl Transform<6, 4> for Results {
    #[inline(always)]
    fn line<S: Simd>(s: S, m: [S::F; 6]) -> [S::F; 4] {
        let (sum_a, sum_b) = (s.add(m[1], m[2]), s.add(m[3], m[4]));
        let (odd_a, odd_b) = (s.mul(s.splat(A), s.sub(m[1], m[2])), s.mul(s.splat(B), s.sub(m[3], m[4])));
        let (half, two) = (s.splat(A * A), s.splat(2.0));
        [
            s.add(s.add(m[0], sum_a), sum_b),
            s.add(odd_a, odd_b),
            s.mul_add(half, sum_a, s.mul(two, sum_b)),
            s.mul_add(half, odd_a, s.mul_add(two, odd_b, m[5])),
        ]
    }
}

/// Of the results' gradient: the transpose of [`Results`].
pub(super) struct ResultsGradient;
impl Transform<4, 6> for ResultsGradient {
    #[inline(always)]
    fn line<S: Simd>(s: S, y: [S::F; 4]) -> [S::F; 6] {
        let (half, two) = (s.splat(A * A), s.splat(2.0));
        let (even_a, odd_a) = (s.mul_add(half, y[2], y[0]), s.mul(s.splat(A), s.mul_add(half, y[3], y[1])));
        let (even_b, odd_b) = (s.mul_add(two, y[2], y[0]), s.mul(s.splat(B), s.mul_add(two, y[3], y[1])));
        [y[0], s.add(even_a, odd_a), s.sub(even_a, odd_a), s.add(even_b, odd_b), s.sub(even_b, odd_b), y[3]]
    }
}

/// Of the kernel.
pub(super) struct Kernel;
impl Transform<3, 6> for Kernel {
    #[inline(always)]
    fn line<S: Simd>(s: S, g: [S::F; 3]) -> [S::F; 6] {
        let (by_a, by_b) = (s.splat(BY_A), s.splat(BY_B));
        let (even_a, odd_a) = (s.mul_add(s.splat(A * A), g[2], g[0]), s.mul(s.splat(A), g[1]));
        let (even_b, odd_b) = (s.mul_add(s.splat(2.0), g[2], g[0]), s.mul(s.splat(B), g[1]));
        [
            g[0],
            s.mul(by_a, s.add(even_a, odd_a)),
            s.mul(by_a, s.sub(even_a, odd_a)),
            s.mul(by_b, s.add(even_b, odd_b)),
            s.mul(by_b, s.sub(even_b, odd_b)),
            g[2],
        ]
    }
}

/// Of the products with the results' gradient, to the kernel's: the transpose of [`Kernel`].
pub(super) struct KernelGradient;
impl Transform<6, 3> for KernelGradient {
    #[inline(always)]
    fn line<S: Simd>(s: S, u: [S::F; 6]) -> [S::F; 3] {
        let (by_a, by_b) = (s.splat(BY_A), s.splat(BY_B));
        let (sum_a, sum_b) = (s.mul(by_a, s.add(u[1], u[2])), s.mul(by_b, s.add(u[3], u[4])));
        let (odd_a, odd_b) = (s.mul(by_a, s.sub(u[1], u[2])), s.mul(by_b, s.sub(u[3], u[4])));
        [
            s.add(s.add(u[0], sum_a), sum_b),
            s.mul_add(s.splat(A), odd_a, s.mul(s.splat(B), odd_b)),
            s.mul_add(s.splat(A * A), sum_a, s.mul_add(s.splat(2.0), sum_b, u[5])),
        ]
    }
}
