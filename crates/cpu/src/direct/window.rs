//! Windows, and the gradients of their sums and extremes.

use super::{Axes, each, index, pixel, spatial};
use crate::simd::Simd;
use adaline_graph::{Shape, WindowSpec};
use std::ops::Range;

/// Sizes of windows over `(B, S.., C)` with results `(B, S'.., C)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    batch: usize,
    channels: usize,
    input: Axes,
    output: Axes,
    size: Axes,
    strides: Axes,
    before: Axes,
}

impl Window {
    pub(super) fn new(spec: &WindowSpec, x: Shape, y: Shape) -> Self {
        let n = x.rank() - 2;
        Self {
            batch: x.dims()[0],
            channels: x.dims()[n + 1],
            input: spatial(&x.dims()[1..], n, 1),
            output: spatial(&y.dims()[1..], n, 1),
            size: spatial(&spec.size, n, 1),
            strides: spatial(&spec.strides, n, 1),
            before: spatial(&spec.before, n, 0),
        }
    }
    /// Images.
    pub(super) fn images(&self) -> usize {
        self.batch
    }
    /// Pixels of the result.
    pub(super) fn results(&self) -> usize {
        self.batch * self.output.iter().product::<usize>()
    }
    /// Pixels of the input.
    pub(super) fn cells(&self) -> usize {
        self.batch * self.input.iter().product::<usize>()
    }

    /// The real cells of a window.
    #[inline(always)]
    fn real(&self, o: Axes) -> [Range<usize>; 3] {
        std::array::from_fn(|a| {
            let from = o[a] * self.strides[a];
            from.saturating_sub(self.before[a])..(from + self.size[a] - self.before[a]).min(self.input[a])
        })
    }
    /// Channels of a pixel.
    #[inline(always)]
    fn line<'a>(&self, of: &'a [f32], image: usize, place: Axes, sizes: Axes) -> &'a [f32] {
        &of[index(image, place, sizes) * self.channels..][..self.channels]
    }

    /// Units are pixels of the result.
    #[inline(always)]
    pub(super) fn sum(&self, units: Range<usize>, x: &[f32], out: &mut [f32]) {
        for (at, y) in units.zip(out.chunks_exact_mut(self.channels)) {
            let (image, o) = pixel(at, self.output);
            y.fill(0.0);
            each(self.real(o), |i| {
                for (y, &v) in y.iter_mut().zip(self.line(x, image, i, self.input)) {
                    *y += v;
                }
            });
        }
    }

    /// Units are pixels of the result.
    #[inline(always)]
    pub(super) fn max<S: Simd>(&self, s: S, units: Range<usize>, x: &[f32], out: &mut [f32]) {
        for (at, y) in units.zip(out.chunks_exact_mut(self.channels)) {
            let (image, o) = pixel(at, self.output);
            let x = &x[image * self.image()..][..self.image()];
            let real = self.real(o);
            for c in (0..self.channels).step_by(S::LANES) {
                let mut most = s.splat(f32::NEG_INFINITY);
                self.each_cell(&real, c, |at| most = s.max_nan(most, s.read(&x[at..])));
                s.write(&mut y[c..], most);
            }
        }
    }

    /// `dx[i] = Σ dy[o]` over the windows that see `i`. Units are pixels of the input.
    #[inline(always)]
    pub(super) fn spread(&self, units: Range<usize>, dy: &[f32], out: &mut [f32]) {
        for (at, dx) in units.zip(out.chunks_exact_mut(self.channels)) {
            let (image, i) = pixel(at, self.input);
            dx.fill(0.0);
            // i + before - size < o s <= i + before
            let seen = std::array::from_fn(|a| {
                let (last, s) = (i[a] + self.before[a], self.strides[a]);
                let stop = (last / s + 1).min(self.output[a]);
                (last + 1).saturating_sub(self.size[a]).div_ceil(s).min(stop)..stop
            });
            each(seen, |o| {
                for (dx, &d) in dx.iter_mut().zip(self.line(dy, image, o, self.output)) {
                    *dx += d;
                }
            });
        }
    }

    /// The first cell of a window whose channel equals the result, as an index into an image.
    #[inline(always)]
    fn chosen(&self, x: &[f32], o: Axes, channel: usize, extreme: f32) -> Option<usize> {
        let [r0, r1, r2] = self.real(o);
        for i in r0 {
            for j in r1.clone() {
                for k in r2.clone() {
                    let at = index(0, [i, j, k], self.input) * self.channels + channel;
                    if x[at] == extreme || x[at].is_nan() && extreme.is_nan() {
                        return Some(at);
                    }
                }
            }
        }
        None
    }
    /// Words of one image of the input.
    #[inline(always)]
    fn image(&self) -> usize {
        self.input.iter().product::<usize>() * self.channels
    }

    /// Places of the cells of a window in an image, from a channel on.
    #[inline(always)]
    fn each_cell(&self, [r0, r1, r2]: &[Range<usize>; 3], channel: usize, mut visit: impl FnMut(usize)) {
        for i in r0.clone() {
            for j in r1.clone() {
                let mut at = index(0, [i, j, r2.start], self.input) * self.channels + channel;
                for _ in r2.clone() {
                    visit(at);
                    at += self.channels;
                }
            }
        }
    }

    /// `dy` to the first cell of each window that equals its extreme. Units are images.
    #[inline(always)]
    pub(super) fn max_grad<S: Simd>(&self, s: S, units: Range<usize>, x: &[f32], y: &[f32], dy: &[f32], out: &mut [f32]) {
        for (image, dx) in units.zip(out.chunks_exact_mut(self.image())) {
            let x = &x[image * dx.len()..][..dx.len()];
            dx.fill(0.0);
            each(self.output.map(|n| 0..n), |o| {
                let (y, dy) = (self.line(y, image, o, self.output), self.line(dy, image, o, self.output));
                let real = self.real(o);
                for c in (0..self.channels).step_by(S::LANES) {
                    let (y, d, n) = (s.read(&y[c..]), s.read(&dy[c..]), S::LANES.min(self.channels - c));
                    let (nan, mut open) = (s.ne(y, y), s.eq(s.splat(0.0), s.splat(0.0)));
                    self.each_cell(&real, c, |at| {
                        let v = s.read(&x[at..]);
                        let found = s.or_m(s.eq(v, y), s.and_m(s.ne(v, v), nan));
                        let to = &mut dx[at..at + n];
                        let sum = s.add(s.read(to), s.select_or_zero(s.and_m(found, open), d));
                        s.write(to, sum);
                        open = s.and_m(open, s.not_m(found));
                    });
                }
            });
        }
    }

    /// Units are pixels of the result.
    #[inline(always)]
    pub(super) fn max_pick(&self, units: Range<usize>, x: &[f32], y: &[f32], v: &[f32], out: &mut [f32]) {
        for (at, out) in units.zip(out.chunks_exact_mut(self.channels)) {
            let (image, o) = pixel(at, self.output);
            let [x, v] = [x, v].map(|of| &of[image * self.image()..][..self.image()]);
            let y = self.line(y, image, o, self.output);
            for (channel, (out, &y)) in out.iter_mut().zip(y).enumerate() {
                *out = self.chosen(x, o, channel, y).map_or(0.0, |at| v[at]);
            }
        }
    }
}
