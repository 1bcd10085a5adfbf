//! What a pixel sees through a kernel, as a row of a matrix: the left-hand operand of a convolution, made a block at a time.

use super::super::direct::{Axes, spatial};
use crate::simd::Simd;
use adaline_graph::{ConvSpec, MAX_SPATIAL, Shape};
use std::ops::Range;

/// Along each axis pixel `q` of the grid and cell `k` of the kernel meet at `t = q mul + k step + base`, which is place `t / div` of the
/// source where that is whole and inside; elsewhere there is a zero. A row holds the cells in row-major order, each with its channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patches {
    pub(super) batch: usize,
    pub(super) grid: Axes,
    source: Axes,
    pub(super) channels: usize,
    pub(super) kernel: Axes,
    mul: [isize; MAX_SPATIAL],
    step: [isize; MAX_SPATIAL],
    base: [isize; MAX_SPATIAL],
    div: [isize; MAX_SPATIAL],
}

impl Patches {
    /// What the results of a convolution see of its input: `(B S'.., K.. C)`.
    pub(super) fn of_input(spec: &ConvSpec, x: Shape, kernel: Shape, y: Shape) -> Self {
        let n = x.rank() - 2;
        Self {
            batch: x.dims()[0],
            grid: spatial(&y.dims()[1..], n, 1),
            source: spatial(&x.dims()[1..], n, 1),
            channels: x.dims()[n + 1],
            kernel: spatial(kernel.dims(), n, 1),
            mul: spatial(&spec.strides, n, 1).map(|v| v as isize),
            step: spatial(&spec.dilation, n, 1).map(|v| v as isize),
            base: spatial(&spec.before, n, 0).map(|v| -(v as isize)),
            div: [1; MAX_SPATIAL],
        }
    }
    /// Which results see the cells of the input: `(B S.., K.. O)`.
    pub(super) fn of_results(spec: &ConvSpec, x: Shape, kernel: Shape, y: Shape) -> Self {
        let n = x.rank() - 2;
        Self {
            batch: x.dims()[0],
            grid: spatial(&x.dims()[1..], n, 1),
            source: spatial(&y.dims()[1..], n, 1),
            channels: y.dims()[n + 1],
            kernel: spatial(kernel.dims(), n, 1),
            mul: [1; MAX_SPATIAL],
            step: spatial(&spec.dilation, n, 1).map(|v| -(v as isize)),
            base: spatial(&spec.before, n, 0).map(|v| v as isize),
            div: spatial(&spec.strides, n, 1).map(|v| v as isize),
        }
    }
    /// Rows of the matrix.
    pub(super) fn pixels(&self) -> usize {
        self.batch * self.grid.iter().product::<usize>()
    }
    /// Words of a row.
    pub(super) fn words(&self) -> usize {
        self.kernel.iter().product::<usize>() * self.channels
    }

    /// Index along axis `a` of the source.
    #[inline(always)]
    fn place(&self, a: usize, q: usize, k: usize) -> Option<usize> {
        let t = q as isize * self.mul[a] + k as isize * self.step[a] + self.base[a];
        let at = if self.div[a] == 1 { t } else if t % self.div[a] == 0 { t / self.div[a] } else { return None };
        (at >= 0 && (at as usize) < self.source[a]).then_some(at as usize)
    }

    /// Writes words `words` of rows `pixels`, row after row at a distance of `ld`.
    ///
    /// # Safety
    /// `source` holds `(B, source.., C)`, `to` has room for the rows; the ranges lie within the matrix.
    #[inline(always)]
    pub(super) unsafe fn fill<S: Simd>(&self, s: S, source: *const f32, pixels: Range<usize>, words: Range<usize>, to: *mut f32, ld: usize) {
        let [_, g1, g2] = self.grid;
        let (mut q2, mut q1, mut q0) = (pixels.start % g2, pixels.start / g2 % g1, pixels.start / (g1 * g2) % self.grid[0]);
        let mut image = pixels.start / (g1 * g2 * self.grid[0]);
        let mut row = to;
        for _ in pixels {
            // SAFETY: one pixel of the grid, one row of room.
            unsafe { self.fill_row(s, source, (image, [q0, q1, q2]), words.clone(), row) };
            row = row.wrapping_add(ld);
            q2 += 1;
            if q2 == g2 {
                (q2, q1) = (0, q1 + 1);
            }
            if q1 == g1 {
                (q1, q0) = (0, q0 + 1);
            }
            if q0 == self.grid[0] {
                (q0, image) = (0, image + 1);
            }
        }
    }

    /// One row, a line of the kernel at a time.
    ///
    /// # Safety
    /// As for [`Patches::fill`].
    #[inline(always)]
    unsafe fn fill_row<S: Simd>(&self, s: S, source: *const f32, (image, q): (usize, Axes), words: Range<usize>, to: *mut f32) {
        let (line, [_, k1s, k2s]) = (self.kernel[2] * self.channels, self.kernel);
        let (mut at, mut to) = (words.start, to);
        let mut kernel_line = at / line;
        // Cells of a line lie side by side in the source, too.
        let dense = self.step[2] == 1 && self.div[2] == 1;
        let first2 = q[2] as isize * self.mul[2] + self.base[2];
        while at < words.end {
            let from = at - kernel_line * line;
            let stop = (words.end - kernel_line * line).min(line);
            let n = stop - from;
            let (k0, k1) = (kernel_line / k1s, kernel_line % k1s);
            // SAFETY: places inside the source; `n` words of room.
            unsafe {
                if let (Some(p0), Some(p1)) = (self.place(0, q[0], k0), self.place(1, q[1], k1)) {
                    let row = source.wrapping_add(((image * self.source[0] + p0) * self.source[1] + p1) * self.source[2] * self.channels);
                    let (c0, c1) = (from / self.channels, stop.div_ceil(self.channels));
                    if dense && first2 + c0 as isize >= 0 && first2 + c1 as isize <= self.source[2] as isize {
                        copy(s, row.wrapping_offset(first2 * self.channels as isize + from as isize), to, n);
                    } else {
                        let mut word = from;
                        while word < stop {
                            let (k2, c) = (word / self.channels, word % self.channels);
                            let some = (self.channels - c).min(stop - word);
                            let out = to.wrapping_add(word - from);
                            debug_assert!(k2 < k2s);
                            match self.place(2, q[2], k2) {
                                Some(p2) => copy(s, row.wrapping_add(p2 * self.channels + c), out, some),
                                None => zero(s, out, some),
                            }
                            word += some;
                        }
                    }
                } else {
                    zero(s, to, n);
                }
            }
            to = to.wrapping_add(n);
            at += n;
            kernel_line += 1;
        }
    }
}

/// # Safety
/// `n` words at both.
#[inline(always)]
unsafe fn copy<S: Simd>(s: S, from: *const f32, to: *mut f32, n: usize) {
    let mut i = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while i + S::LANES <= n {
            s.store(to.add(i), s.load(from.add(i)));
            i += S::LANES;
        }
        while i < n {
            *to.add(i) = *from.add(i);
            i += 1;
        }
    }
}

/// # Safety
/// `n` words of room.
#[inline(always)]
unsafe fn zero<S: Simd>(s: S, to: *mut f32, n: usize) {
    let mut i = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while i + S::LANES <= n {
            s.store(to.add(i), s.splat(0.0));
            i += S::LANES;
        }
        while i < n {
            *to.add(i) = 0.0;
            i += 1;
        }
    }
}
