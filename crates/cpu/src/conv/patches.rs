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
        let at = if self.div[a] == 1 {
            t
        } else if t % self.div[a] == 0 {
            t / self.div[a]
        } else {
            return None;
        };
        (at >= 0 && (at as usize) < self.source[a]).then_some(at as usize)
    }

    /// Words of the source.
    fn source_words(&self) -> usize {
        self.batch * self.source.iter().product::<usize>() * self.channels
    }

    /// Writes words `words` of rows `pixels`, row after row at a distance of `ld`. What lies up to a vector behind a row is overwritten.
    ///
    /// # Safety
    /// `source` holds `(B, source.., C)`, `to` has room for the rows and for a vector behind each; the ranges lie within the matrix.
    #[inline(always)]
    pub(super) unsafe fn fill<S: Simd>(
        &self,
        s: S,
        source: *const f32,
        pixels: Range<usize>,
        words: Range<usize>,
        to: *mut f32,
        ld: usize,
    ) {
        let [g0, g1, g2] = self.grid;
        let (mut pixel, mut row) = (pixels.start, to);
        while pixel < pixels.end {
            let (line, from) = (pixel / g2, pixel % g2);
            let run = from..(from + pixels.end - pixel).min(g2);
            let place = (line / (g0 * g1), line / g1 % g0, line % g1);
            // SAFETY: pixels of one line of the grid, as many rows of room.
            unsafe { self.fill_run(s, source, place, run.clone(), words.clone(), row, ld) };
            pixel += run.len();
            row = row.wrapping_add(run.len() * ld);
        }
    }

    /// Neighbouring pixels, a line of the kernel at a time: what only depends on the line is found once.
    ///
    /// # Safety
    /// As for [`Patches::fill`].
    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // a loop nest, cut from its caller for readability
    unsafe fn fill_run<S: Simd>(
        &self,
        s: S,
        source: *const f32,
        (image, q0, q1): (usize, usize, usize),
        run: Range<usize>,
        words: Range<usize>,
        to: *mut f32,
        ld: usize,
    ) {
        let (line, k1s) = (self.kernel[2] * self.channels, self.kernel[1]);
        // Cells of a line lie side by side in the source, too.
        let dense = self.step[2] == 1 && self.div[2] == 1;
        let all = self.source_words();
        let (mut at, mut to) = (words.start, to);
        while at < words.end {
            let (kernel_line, from) = (at / line, at % line);
            // A whole line, or the channels of one cell.
            let stop = if dense { line } else { (from / self.channels + 1) * self.channels };
            let n = stop.min(from + words.end - at) - from;
            let row = match (self.place(0, q0, kernel_line / k1s), self.place(1, q1, kernel_line % k1s)) {
                (Some(p0), Some(p1)) => Some(((image * self.source[0] + p0) * self.source[1] + p1) * self.source[2] * self.channels),
                _ => None,
            };
            let (first, last) = (from / self.channels, (from + n - 1) / self.channels);
            let mut out = to;
            for q in run.clone() {
                // SAFETY: places inside the source; room for the words and a vector behind them.
                unsafe {
                    match row {
                        None => zero(s, out, n),
                        Some(row) => match (self.place(2, q, first), self.place(2, q, last)) {
                            (Some(p), Some(_)) => {
                                let start = row + p * self.channels + from % self.channels;
                                copy(s, source.wrapping_add(start), out, n, start + S::LANES <= all);
                            }
                            _ => self.fill_cells(s, source.wrapping_add(row), q, from..from + n, out),
                        },
                    }
                }
                out = out.wrapping_add(ld);
            }
            to = to.wrapping_add(n);
            at += n;
        }
    }

    /// Words of a line of the kernel of which some cells meet nothing.
    ///
    /// # Safety
    /// As for [`Patches::fill`]; `row` is a line of the source.
    #[inline(always)]
    unsafe fn fill_cells<S: Simd>(&self, s: S, row: *const f32, q: usize, words: Range<usize>, to: *mut f32) {
        let mut word = words.start;
        while word < words.end {
            let (k2, c) = (word / self.channels, word % self.channels);
            let n = (self.channels - c).min(words.end - word);
            let out = to.wrapping_add(word - words.start);
            // SAFETY: a place inside the source; room for the words and a vector behind them.
            unsafe {
                match self.place(2, q, k2) {
                    Some(p) => copy(s, row.wrapping_add(p * self.channels + c), out, n, false),
                    None => zero(s, out, n),
                }
            }
            word += n;
        }
    }
}

/// Copies `n` words; with `beyond`, a whole vector may be read even where there are fewer.
///
/// # Safety
/// `n` words at both, with `beyond` a vector; room for a vector behind the words written.
#[inline(always)]
unsafe fn copy<S: Simd>(s: S, from: *const f32, to: *mut f32, n: usize, beyond: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        if n < S::LANES {
            if beyond {
                s.store(to, s.load(from));
            } else {
                for i in 0..n {
                    *to.add(i) = *from.add(i);
                }
            }
            return;
        }
        let mut i = 0;
        while i + S::LANES <= n {
            s.store(to.add(i), s.load(from.add(i)));
            i += S::LANES;
        }
        if i < n {
            // Some words twice.
            s.store(to.add(n - S::LANES), s.load(from.add(n - S::LANES)));
        }
    }
}

/// Writes `n` zeros.
///
/// # Safety
/// Room for a vector behind the words written.
#[inline(always)]
unsafe fn zero<S: Simd>(s: S, to: *mut f32, n: usize) {
    for i in (0..n).step_by(S::LANES) {
        // SAFETY: the caller's promise.
        unsafe { s.store(to.add(i), s.splat(0.0)) };
    }
}
