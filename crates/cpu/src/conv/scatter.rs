//! The gradient of a convolution with respect to its input, by what each result sends back.
//!
//! For each cell of the kernel, `(S'.., O)` times the cell turned `(O, C)` is what the results send to the cells of the input that they met
//! through it; it is added there, cell after cell of the kernel. Only what meets is computed: with strides, and where a kernel that is not
//! padded meets the border less often, that is fewer products than patches of the results would need.

use super::super::direct::{Axes, spatial};
use super::To;
use crate::gemm::Tile;
use crate::gemm::tiles::{Heights, LINE, Micro, Right, micro, transpose};
use crate::simd::{Simd, WithSimd};
use adaline_graph::{ConvSpec, MAX_SPATIAL, Shape};
use std::ops::Range;

/// Words of what one cell sends back at a time: they stay in L1.
const SENT_WORDS: usize = 4096;
/// Fewest results at a time: two register tiles of the highest.
const FEWEST_ROWS: usize = 28;

/// Sizes of `(B, S'.., O)` and `(K.., C, O)` that give `(B, S.., C)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scatter {
    pub(super) batch: usize,
    input: Axes,
    output: Axes,
    kernel: Axes,
    channels: usize,
    filters: usize,
    strides: Axes,
    dilation: Axes,
    before: Axes,
}

impl Scatter {
    pub(super) fn new(spec: &ConvSpec, x: Shape, kernel: Shape, y: Shape) -> Self {
        let n = x.rank() - 2;
        Self {
            batch: x.dims()[0],
            input: spatial(&x.dims()[1..], n, 1),
            output: spatial(&y.dims()[1..], n, 1),
            kernel: spatial(kernel.dims(), n, 1),
            channels: x.dims()[n + 1],
            filters: y.dims()[n + 1],
            strides: spatial(&spec.strides, n, 1),
            dilation: spatial(&spec.dilation, n, 1),
            before: spatial(&spec.before, n, 0),
        }
    }
    /// Words of an image's gradient.
    pub(super) fn image_words(&self) -> usize {
        self.input.iter().product::<usize>() * self.channels
    }
    /// Results of an image.
    fn pixels(&self) -> usize {
        self.output.iter().product()
    }
    fn cells(&self) -> usize {
        self.kernel.iter().product()
    }
    /// Whether it makes so many fewer products than patches would that adding up is repaid, and has sums long enough for the tiles.
    pub(super) fn pays(&self) -> bool {
        let patches = self.input.iter().product::<usize>();
        self.filters >= 32 && self.channels >= 8 && self.batch >= 4 && patches * 8 >= self.pixels() * 9
    }
    /// Words of the kernel, turned, as whole vectors for each cell.
    fn packed_words<S: Simd>(&self) -> usize {
        (self.cells() * self.filters * self.channels.next_multiple_of(S::LANES)).next_multiple_of(LINE)
    }
    /// Scratch words of a worker.
    pub(super) fn scratch_words<S: Simd>(&self) -> usize {
        self.packed_words::<S>() + self.rows_at_once() * self.channels + LINE
    }
    /// Results whose contributions are added before those of the next: the same on every instruction set, since it shows in the bits.
    fn rows_at_once(&self) -> usize {
        (SENT_WORDS / self.channels).max(FEWEST_ROWS).min(self.pixels())
    }
}

/// Some images.
pub(super) struct Images<'a> {
    pub(super) scatter: &'a Scatter,
    pub(super) range: Range<usize>,
    pub(super) dy: *const f32,
    pub(super) kernel: *const f32,
    /// Where the gradient goes, whole or image by image.
    pub(super) to: To<'a>,
    pub(super) scratch: *mut f32,
}

impl WithSimd for Images<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { scatter, range, dy, kernel, to, scratch } = self;
        let Scatter { channels, filters, .. } = *scatter;
        let (pixels, image_words) = (scatter.pixels(), scatter.image_words());
        let panel = S::GEMM_VECTORS * S::LANES;
        let skip = scratch.align_offset(LINE * size_of::<f32>()).min(LINE);
        let packed = scratch.wrapping_add(skip);
        let sent = packed.wrapping_add(scatter.packed_words::<S>());
        let cell_words = filters * channels.next_multiple_of(S::LANES);
        // The kernel, turned, panel after panel of each cell.
        for cell in 0..scatter.cells() {
            for col in (0..channels).step_by(panel) {
                let width = panel.min(channels - col);
                let from = kernel.wrapping_add((cell * channels + col) * filters);
                let to = packed.wrapping_add(cell * cell_words + filters * col);
                // SAFETY: `width` rows of the cell; room for whole vectors.
                unsafe { transpose(s, from, filters, (width, filters), to, width.next_multiple_of(S::LANES), true) };
            }
        }
        let at_once = scatter.rows_at_once();
        for image in range {
            let dx = match to {
                To::Memory(dx) => dx.wrapping_add(image * image_words),
                To::Scratch(dx, _) => dx,
            };
            // SAFETY: this image is the task's, or the scratch has room for one.
            unsafe { std::slice::from_raw_parts_mut(dx, image_words) }.fill(0.0);
            let dy = dy.wrapping_add(image * pixels * filters);
            let mut first = 0;
            while first < pixels {
                let rows = at_once.min(pixels - first);
                for cell in 0..scatter.cells() {
                    for col in (0..channels).step_by(panel) {
                        let width = panel.min(channels - col);
                        let vectors = width.div_ceil(S::LANES);
                        let last = width - (vectors - 1) * S::LANES;
                        let b = packed.wrapping_add(cell * cell_words + filters * col);
                        for (row, height) in Heights::new(rows, S::GEMM_ROWS) {
                            let a = dy.wrapping_add((first + row) * filters);
                            let c = sent.wrapping_add(row * channels + col);
                            let b_step = vectors * S::LANES;
                            let tile = Micro {
                                k: filters,
                                a,
                                a_row: filters,
                                a_step: 1,
                                b,
                                b_step,
                                c,
                                c_row: channels,
                                last,
                                resume: false,
                                packed,
                            };
                            // SAFETY: rows of this image, whole vectors of the kernel, room for the rows.
                            unsafe { micro(s, height, vectors, Right::Whole, &tile) };
                        }
                    }
                    // SAFETY: as above.
                    unsafe { scatter.add(s, sent, first..first + rows, cell, dx) };
                }
                first += rows;
            }
            if let To::Scratch(ptr, end) = to {
                let rows = image_words / channels;
                end(Tile { row0: image * rows, rows, col0: 0, cols: channels, ptr, ld: channels });
            }
        }
    }
}

impl Scatter {
    /// Adds what results send through a cell of the kernel where it belongs; what would fall into the padding is dropped.
    ///
    /// # Safety
    /// `sent` holds a line of channels for each result, `dx` an image.
    #[inline(always)]
    unsafe fn add<S: Simd>(&self, s: S, sent: *const f32, results: Range<usize>, cell: usize, dx: *mut f32) {
        let [_, k1s, k2s] = self.kernel;
        let k: Axes = [cell / (k1s * k2s), cell / k2s % k1s, cell % k2s];
        let [_, o1s, o2s] = self.output;
        let place = |a: usize, o: usize| {
            let at = (o * self.strides[a] + k[a] * self.dilation[a]).wrapping_sub(self.before[a]);
            (at < self.input[a]).then_some(at)
        };
        debug_assert_eq!(MAX_SPATIAL, 3);
        let mut at = results.start;
        while at < results.end {
            let (line, from) = (at / o2s, at % o2s);
            let run = from..(from + results.end - at).min(o2s);
            if let (Some(p0), Some(p1)) = (place(0, line / o1s), place(1, line % o1s)) {
                for o in run.clone() {
                    let Some(p2) = place(2, o) else { continue };
                    let to = dx.wrapping_add(((p0 * self.input[1] + p1) * self.input[2] + p2) * self.channels);
                    let from = sent.wrapping_add((line * o2s + o - results.start) * self.channels);
                    let mut c = 0;
                    // SAFETY: a line of channels at both.
                    unsafe {
                        while c + S::LANES <= self.channels {
                            s.store(to.add(c), s.add(s.load(to.add(c)), s.load(from.add(c))));
                            c += S::LANES;
                        }
                        while c < self.channels {
                            *to.add(c) += *from.add(c);
                            c += 1;
                        }
                    }
                }
            }
            at += run.len();
        }
    }
}
