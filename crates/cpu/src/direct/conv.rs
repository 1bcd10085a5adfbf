//! A convolution and its gradients. Cell `k` of the kernel meets cell `o * stride + k * dilation - before` of the input.

use super::{Axes, each, index, pixel, spatial};
use adaline_graph::{ConvSpec, Shape};
use std::ops::Range;

/// Sizes of a convolution `(B, S.., C) * (K.., C / G, O) -> (B, S'.., O)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    batch: usize,
    groups: usize,
    /// Channels and filters of a group.
    channels: usize,
    filters: usize,
    input: Axes,
    kernel: Axes,
    output: Axes,
    strides: Axes,
    dilation: Axes,
    before: Axes,
}

impl Conv {
    pub(super) fn new(spec: &ConvSpec, x: Shape, kernel: Shape, y: Shape) -> Self {
        let n = x.rank() - 2;
        Self {
            batch: x.dims()[0],
            groups: spec.groups,
            channels: kernel.dims()[n],
            filters: kernel.dims()[n + 1] / spec.groups,
            input: spatial(&x.dims()[1..], n, 1),
            kernel: spatial(kernel.dims(), n, 1),
            output: spatial(&y.dims()[1..], n, 1),
            strides: spatial(&spec.strides, n, 1),
            dilation: spatial(&spec.dilation, n, 1),
            before: spatial(&spec.before, n, 0),
        }
    }
    /// Pixels of the result.
    pub(super) fn results(&self) -> usize {
        self.batch * self.output.iter().product::<usize>()
    }
    /// Pixels of the input.
    pub(super) fn cells(&self) -> usize {
        self.batch * self.input.iter().product::<usize>()
    }
    /// Rows of the kernel: one for each cell and channel, as long as there are filters.
    pub(super) fn rows(&self) -> usize {
        self.kernel.iter().product::<usize>() * self.channels
    }
    /// One filter for each channel: all channels of a pixel at a time.
    #[inline(always)]
    fn depthwise(&self) -> bool {
        (self.channels, self.filters) == (1, 1)
    }
    #[inline(always)]
    fn all_channels(&self) -> usize {
        self.groups * self.channels
    }
    #[inline(always)]
    fn all_filters(&self) -> usize {
        self.groups * self.filters
    }
    /// The cell that meets kernel cell `k` for result `o`, which must be a real one.
    #[inline(always)]
    fn cell(&self, o: Axes, k: Axes) -> Axes {
        std::array::from_fn(|a| o[a] * self.strides[a] + k[a] * self.dilation[a] - self.before[a])
    }

    /// `y[o] = Σ x[cell(o, k)] w[k]`, over the kernel, then its channels. Units are pixels of the result.
    #[inline(always)]
    pub(super) fn forward(&self, units: Range<usize>, x: &[f32], w: &[f32], out: &mut [f32]) {
        let (channels, filters) = (self.all_channels(), self.all_filters());
        for (at, y) in units.zip(out.chunks_exact_mut(filters)) {
            let (image, o) = pixel(at, self.output);
            y.fill(0.0);
            // The kernel's cells that meet a real one: before <= o s + k d < n + before.
            let met = std::array::from_fn(|a| {
                let (from, d) = (o[a] * self.strides[a], self.dilation[a]);
                let stop = (self.input[a] + self.before[a]).saturating_sub(from).div_ceil(d).min(self.kernel[a]);
                self.before[a].saturating_sub(from).div_ceil(d).min(stop)..stop
            });
            each(met, |k| {
                let x = &x[index(image, self.cell(o, k), self.input) * channels..][..channels];
                let w = &w[index(0, k, self.kernel) * self.channels * filters..][..self.channels * filters];
                if self.depthwise() {
                    return add_products(x, w, y);
                }
                for (c, w) in w.chunks_exact(filters).enumerate() {
                    for g in 0..self.groups {
                        let mine = g * self.filters..(g + 1) * self.filters;
                        add_scaled(x[g * self.channels + c], &w[mine.clone()], &mut y[mine]);
                    }
                }
            });
        }
    }

    /// `dx[i] = Σ dy[o] w[k]` over all that meet `i`, by the kernel, then its filters. Units are pixels of the input.
    #[inline(always)]
    pub(super) fn by_input(&self, units: Range<usize>, dy: &[f32], w: &[f32], out: &mut [f32]) {
        let (channels, filters) = (self.all_channels(), self.all_filters());
        for (at, dx) in units.zip(out.chunks_exact_mut(channels)) {
            let (image, i) = pixel(at, self.input);
            dx.fill(0.0);
            each(self.kernel.map(|n| 0..n), |k| {
                // The result that sees `i` through `k`: o s = i + before - k d.
                let from = |a: usize| {
                    let from = (i[a] + self.before[a]).checked_sub(k[a] * self.dilation[a])?;
                    (from % self.strides[a] == 0 && from / self.strides[a] < self.output[a]).then_some(from / self.strides[a])
                };
                let (Some(o0), Some(o1), Some(o2)) = (from(0), from(1), from(2)) else { return };
                let dy = &dy[index(image, [o0, o1, o2], self.output) * filters..][..filters];
                let w = &w[index(0, k, self.kernel) * self.channels * filters..][..self.channels * filters];
                if self.depthwise() {
                    return add_products(dy, w, dx);
                }
                for (f, &d) in dy.iter().enumerate() {
                    let g = f / self.filters;
                    for (v, w) in dx[g * self.channels..(g + 1) * self.channels].iter_mut().zip(w.iter().skip(f).step_by(filters)) {
                        *v = d.mul_add(*w, *v);
                    }
                }
            });
        }
    }

    /// `dw[k] = Σ x[cell(o, k)] dy[o]`, over the results in their order. Units are the kernel's rows.
    #[inline(always)]
    pub(super) fn by_kernel(&self, units: Range<usize>, x: &[f32], dy: &[f32], out: &mut [f32]) {
        let (channels, filters) = (self.all_channels(), self.all_filters());
        for (at, dw) in units.zip(out.chunks_exact_mut(filters)) {
            let (c, (_, k)) = (at % self.channels, pixel(at / self.channels, self.kernel));
            dw.fill(0.0);
            // The results for which this cell of the kernel meets a real one.
            let met: [Range<usize>; 3] = std::array::from_fn(|a| {
                let (from, s) = (k[a] * self.dilation[a], self.strides[a]);
                let stop = (self.input[a] + self.before[a]).saturating_sub(from).div_ceil(s).min(self.output[a]);
                self.before[a].saturating_sub(from).div_ceil(s).min(stop)..stop
            });
            for image in 0..self.batch {
                each(met.clone(), |o| {
                    let x = &x[index(image, self.cell(o, k), self.input) * channels..][..channels];
                    let dy = &dy[index(image, o, self.output) * filters..][..filters];
                    if self.depthwise() {
                        return add_products(x, dy, dw);
                    }
                    for g in 0..self.groups {
                        let mine = g * self.filters..(g + 1) * self.filters;
                        add_scaled(x[g * self.channels + c], &dy[mine.clone()], &mut dw[mine]);
                    }
                });
            }
        }
    }
}

/// `y += a b`.
#[inline(always)]
fn add_products(a: &[f32], b: &[f32], y: &mut [f32]) {
    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
        *y = a.mul_add(b, *y);
    }
}

/// `y += scale x`.
#[inline(always)]
fn add_scaled(scale: f32, x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = scale.mul_add(x, *y);
    }
}
