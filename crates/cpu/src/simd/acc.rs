//! Reductions whose bits do not depend on the vector width: 16 virtual lanes and one combine tree.

use super::Simd;

/// Virtual lanes of a reduction: element `i` always goes to lane `i % 16`.
pub const VIRTUAL_LANES: usize = 16;

/// 16 partial results, held in as many real vectors as the instruction set needs.
///
/// Feed it whole blocks; only the last block may have a length that is no multiple of 16. The partial results are then combined by the tree
/// of [`combine16`]. The result depends on the elements and their order only.
#[derive(Clone, Copy)]
pub struct Acc16<S: Simd> {
    // 16 / LANES of them are used: 1 with AVX-512, 2 with AVX2, 4 with NEON.
    parts: [S::F; 4],
}

/// Combines 16 lanes: lane `i` with `i + 8`, then `i + 4`, `i + 2`, `i + 1`.
#[inline(always)]
pub fn combine16(mut lanes: [f32; VIRTUAL_LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = VIRTUAL_LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = f(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

impl<S: Simd> Acc16<S> {
    /// Real vectors in use.
    pub const PARTS: usize = VIRTUAL_LANES / S::LANES;

    /// All lanes `start`: 0 for sums, 1 for products, ∓∞ for extrema.
    #[inline(always)]
    pub fn new(s: S, start: f32) -> Self {
        Self { parts: [s.splat(start); 4] }
    }
    /// With the 16 lanes that a slice holds.
    #[inline(always)]
    pub fn read(s: S, lanes: &[f32]) -> Self {
        let mut acc = Self::new(s, 0.0);
        for part in 0..Self::PARTS {
            acc.parts[part] = s.read(lanes.get(part * S::LANES..).unwrap_or(&[]));
        }
        acc
    }
    /// Puts the 16 lanes into a slice.
    #[inline(always)]
    pub fn write(&self, s: S, lanes: &mut [f32]) {
        for part in 0..Self::PARTS {
            s.write(&mut lanes[part * S::LANES..], self.parts[part]);
        }
    }
    /// The vector of lanes `part·LANES ..`.
    #[inline(always)]
    pub fn part(&self, part: usize) -> S::F {
        self.parts[part]
    }
    /// Replaces the vector of lanes `part·LANES ..`.
    #[inline(always)]
    pub fn set_part(&mut self, part: usize, x: S::F) {
        self.parts[part] = x;
    }

    /// Folds a block into the lanes. `fill` stands for the missing elements of the last group of 16 and must be neutral to `f`.
    #[inline(always)]
    fn fold(&mut self, s: S, xs: &[f32], fill: f32, f: impl Fn(S::F, S::F) -> S::F) {
        let mut groups = xs.chunks_exact(VIRTUAL_LANES);
        for group in &mut groups {
            for part in 0..Self::PARTS {
                self.parts[part] = f(self.parts[part], s.read(&group[part * S::LANES..]));
            }
        }
        let tail = groups.remainder();
        if !tail.is_empty() {
            for part in 0..Self::PARTS {
                let rest = tail.get(part * S::LANES..).unwrap_or(&[]);
                let x = s.select(s.first_n(rest.len()), s.read(rest), s.splat(fill));
                self.parts[part] = f(self.parts[part], x);
            }
        }
    }
    /// Adds a block.
    #[inline(always)]
    pub fn add(&mut self, s: S, xs: &[f32]) {
        self.fold(s, xs, 0.0, |acc, x| s.add(acc, x));
    }
    /// Multiplies by a block.
    #[inline(always)]
    pub fn mul(&mut self, s: S, xs: &[f32]) {
        self.fold(s, xs, 1.0, |acc, x| s.mul(acc, x));
    }
    /// Maximum with a block; NaN wins.
    #[inline(always)]
    pub fn max(&mut self, s: S, xs: &[f32]) {
        self.fold(s, xs, f32::NEG_INFINITY, |acc, x| s.max_nan(acc, x));
    }
    /// Minimum with a block; NaN wins.
    #[inline(always)]
    pub fn min(&mut self, s: S, xs: &[f32]) {
        self.fold(s, xs, f32::INFINITY, |acc, x| s.min_nan(acc, x));
    }
    /// Adds the products of two blocks of equal length, each product fused with its sum.
    #[inline(always)]
    pub fn mul_add(&mut self, s: S, xs: &[f32], ys: &[f32]) {
        assert_eq!(xs.len(), ys.len(), "two blocks of equal length");
        for (x, y) in xs.chunks(VIRTUAL_LANES).zip(ys.chunks(VIRTUAL_LANES)) {
            for part in 0..Self::PARTS {
                let x = s.read(x.get(part * S::LANES..).unwrap_or(&[]));
                let y = s.read(y.get(part * S::LANES..).unwrap_or(&[]));
                self.parts[part] = s.mul_add(x, y, self.parts[part]);
            }
        }
    }
    /// The 16 lanes.
    #[inline(always)]
    pub fn lanes(&self, s: S) -> [f32; VIRTUAL_LANES] {
        let mut lanes = [0.0; VIRTUAL_LANES];
        for part in 0..Self::PARTS {
            s.write(&mut lanes[part * S::LANES..], self.parts[part]);
        }
        lanes
    }
    /// Sum of the lanes.
    #[inline(always)]
    pub fn reduce_sum(&self, s: S) -> f32 {
        combine16(self.lanes(s), |a, b| a + b)
    }
    /// Product of the lanes.
    #[inline(always)]
    pub fn reduce_prod(&self, s: S) -> f32 {
        combine16(self.lanes(s), |a, b| a * b)
    }
    /// Largest lane; NaN wins.
    #[inline(always)]
    pub fn reduce_max(&self, s: S) -> f32 {
        combine16(self.lanes(s), |a, b| if a.is_nan() || a > b { a } else { b })
    }
    /// Smallest lane; NaN wins.
    #[inline(always)]
    pub fn reduce_min(&self, s: S) -> f32 {
        combine16(self.lanes(s), |a, b| if a.is_nan() || a < b { a } else { b })
    }
}
