//! Convolutions of 3×3 by Winograd's algorithm: 36 products of matrices make 4×4 results from tiles of 6×6, a quarter of the multiplications.
//!
//! - Results: tiles of the input, transformed, `(36, tiles, C)` times the kernel transformed `(36, C, O)`, transformed back.
//! - The gradient by the input is the same with the kernel turned around and its channels exchanged; or, where that needs fewer tiles (no
//!   padding), tiles of 4×4 of the results' gradient send back 6×6 each, which are added up.
//! - The gradient by the kernel: transformed tiles, turned `(36, C, tiles)`, times tiles of the results' gradient `(36, tiles, O)`.
//!
//! A task takes some bands (the tiles of four rows of an image): what it transforms stays in L2. Every element of the 36 products is one
//! chain of additions in the order of the sum; long sums of a kernel's gradient are made in parts that depend on shapes alone. So the bits
//! are the same for any number of threads and any instruction set. They differ from those of the plain sums by about as much as those do
//! from the exact ones; an infinity or NaN spreads over its whole tile.
//!
//! `unsafe`: works on the places of the plan, several tasks at a time.

mod transform;

use super::To;
use crate::gemm::Tile;
use crate::gemm::tiles::{Heights, LINE, Micro, Right, micro};
use crate::par::Workers;
use crate::simd::{Isa, Simd, WithSimd, dispatch};
use adaline_graph::{ConvSpec, Op, TensorType};
use std::ops::Range;
use transform::{Kernel, KernelGradient, Results, ResultsGradient, Source, SourceGradient, Transform};

/// Results of a tile along an axis, cells of the kernel, and what they see of the input.
const OUT: usize = 4;
const CELLS: usize = 3;
const IN: usize = OUT + CELLS - 1;
/// Products for each tile.
const POINTS: usize = IN * IN;
/// Words of transformed tiles and products that a task aims at, and the most it may have.
const TASK_WORDS: usize = 96 * 1024;
const MOST_WORDS: usize = 256 * 1024;
/// Tasks that bands are cut into where there are as many.
const FEWEST_TASKS: usize = 16;
/// Most parts of a kernel's gradient, the fewest tiles of one, and the most words of all.
const MOST_PARTS: usize = 16;
const PART_TILES: usize = 96;
const PARTS_WORDS: usize = 1 << 20;
/// Tasks for what is done with the kernel alone.
const KERNEL_TASKS: usize = 16;

/// Which of the three.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Results,
    /// By tiles of the input's gradient.
    Input,
    /// By what tiles of the results send back.
    Sent,
    Kernel,
}

/// A convolution of 3×3, or one of its gradients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Winograd {
    side: Side,
    batch: usize,
    /// Rows and columns of what tiles are taken from, and of the results (for a kernel's gradient: of theirs).
    source: [usize; 2],
    grid: [usize; 2],
    /// Zeros before the source ([`Side::Sent`]: before the input, whose gradient this is).
    before: [usize; 2],
    /// Channels of the source and of the results.
    channels: usize,
    filters: usize,
}

impl Winograd {
    /// `None` where it does not fit or does not pay, by a rough count of operations: it depends on shapes alone.
    pub(super) fn new(op: Op, types: &[TensorType], ty: TensorType) -> Option<Self> {
        let &[a, b] = types else { return None };
        let (spec, side, x, kernel, y) = match op {
            Op::Conv { spec } => (spec, Side::Results, a.shape, b.shape, ty.shape),
            Op::ConvInput { spec, input } => (spec, Side::Input, input, b.shape, a.shape),
            Op::ConvKernel { spec, kernel } => (spec, Side::Kernel, a.shape, kernel, b.shape),
            _ => return None,
        };
        let ones = ConvSpec::default();
        if x.rank() != 4
            || kernel.dims()[..2] != [CELLS; 2]
            || (spec.strides, spec.dilation, spec.groups) != (ones.strides, ones.dilation, 1)
        {
            return None;
        }
        let axes = |s: adaline_graph::Shape| [s.dims()[1], s.dims()[2]];
        let before = [spec.before[0], spec.before[1]];
        let (c, o) = (kernel.dims()[2], kernel.dims()[3]);
        let found = match side {
            Side::Results | Side::Kernel => {
                Self { side, batch: x.dims()[0], source: axes(x), grid: axes(y), before, channels: c, filters: o }
            }
            Side::Input | Side::Sent => {
                let turned = before.map(|b| CELLS - 1 - b.min(CELLS - 1));
                let all = Self { side, batch: x.dims()[0], source: axes(y), grid: axes(x), before: turned, channels: o, filters: c };
                let sent = Self { side: Side::Sent, before, ..all };
                if sent.tiles() < all.tiles() && sent.bands_words(sent.unit()) <= MOST_WORDS { sent } else { all }
            }
        };
        (spec.before[..2].iter().all(|&b| b < CELLS) && found.pays(y.dims()[1] * y.dims()[2])).then_some(found)
    }

    /// Whether the products saved repay the transforms. `results`: of an image.
    fn pays(&self, results: usize) -> bool {
        let plain = self.batch * CELLS * CELLS * results * self.channels * self.filters;
        let (product, sum) = (self.channels * self.filters, self.channels + self.filters);
        let tiles = POINTS * self.tiles() * (product + 6 * sum) + 16 * POINTS * product;
        self.channels.min(self.filters) >= 8 && tiles + tiles / 4 < plain && self.bands_words(self.unit()) <= MOST_WORDS
    }

    /// Floating-point operations of the products.
    pub(super) fn flops(&self) -> u64 {
        2 * (POINTS * self.tiles() * self.channels * self.filters) as u64
    }
    /// Tiles along an axis.
    fn along(&self, axis: usize) -> usize {
        if self.side == Side::Sent { self.source[axis].div_ceil(OUT) } else { self.grid[axis].div_ceil(OUT) }
    }
    /// Bands that must not be in different tasks: one, or, where tiles are added up, those of an image.
    fn unit(&self) -> usize {
        if self.side == Side::Sent { self.along(0) } else { 1 }
    }
    fn bands(&self) -> usize {
        self.batch * self.along(0)
    }
    fn tiles(&self) -> usize {
        self.bands() * self.along(1)
    }
    /// Words of transformed source and products, or results' gradient, of some bands.
    fn bands_words(&self, bands: usize) -> usize {
        POINTS * bands * self.along(1) * (self.channels + self.filters)
    }
    /// Bands of a block.
    fn block(&self) -> usize {
        let units = self.bands() / self.unit();
        let most = (TASK_WORDS / self.bands_words(self.unit()).max(1)).clamp(1, units.div_ceil(FEWEST_TASKS).max(1));
        units.div_ceil(units.div_ceil(most)).max(1) * self.unit()
    }
    /// Parts of a kernel's gradient, the same on every instruction set: they show in the bits.
    fn parts(&self) -> usize {
        let words = PARTS_WORDS / (POINTS * self.channels * self.filters).max(1);
        (self.tiles() / PART_TILES).min(words).clamp(1, MOST_PARTS).min(self.bands().max(1))
    }
    /// Words that all tasks share: the transformed kernel, or the parts of its gradient.
    pub(super) fn shared_words(&self, isa: Isa) -> usize {
        let kernel = POINTS * self.channels * dispatch(isa, Whole(self.filters));
        if self.side == Side::Kernel { self.parts() * kernel } else { kernel }
    }
    /// Scratch words of a worker: transformed source (later the finished results), then products or the results' gradient.
    pub(super) fn scratch_words(&self, isa: Isa) -> usize {
        let (first, second) = self.buffers(dispatch(isa, Whole(self.channels)), dispatch(isa, Whole(self.filters)));
        LINE + first + second
    }
    fn buffers(&self, channels: usize, filters: usize) -> (usize, usize) {
        let tiles = self.block() * self.along(1);
        let results = match self.side {
            Side::Sent => self.block() / self.unit() * self.grid[0] * self.grid[1] * self.filters,
            _ => self.block() * OUT * self.grid[1] * self.filters,
        };
        ((POINTS * tiles * channels).max(results).next_multiple_of(LINE), POINTS * tiles * filters)
    }

    /// Runs it. `operands`: both, and room for [`Winograd::shared_words`]. `with` hands a worker the place of its results.
    pub(super) fn run(
        &self,
        workers: &Workers,
        operands: impl Fn() -> (*const f32, *const f32, *mut f32) + Sync,
        with: impl Fn(usize, &dyn Fn(To<'_>)) + Sync,
        inline: bool,
    ) {
        let each = |tasks: usize, one: &(dyn Fn(usize, usize) + Sync)| {
            if inline || tasks == 1 { (0..tasks).for_each(|task| one(task, 0)) } else { workers.run(tasks, one) }
        };
        let rows = |tasks: usize, task: usize| share(self.channels, tasks, task);
        let kernel_tasks = KERNEL_TASKS.min(self.channels);
        if self.side == Side::Kernel {
            let parts = self.parts();
            each(parts, &|part, worker| {
                let (x, dy, sums) = operands();
                let bands = share(self.bands(), parts, part);
                dispatch(workers.isa(), Part { of: self, bands, index: part, x, dy, sums, scratch: workers.scratch(worker) });
            });
            each(kernel_tasks, &|task, worker| {
                let (.., sums) = operands();
                with(worker, &|to| {
                    if let To::Memory(out) = to {
                        dispatch(workers.isa(), AddParts { of: self, rows: rows(kernel_tasks, task), sums, out });
                    }
                });
            });
            return;
        }
        each(kernel_tasks, &|task, _| {
            let (_, kernel, shared) = operands();
            dispatch(workers.isa(), Kernels { of: self, rows: rows(kernel_tasks, task), kernel, shared });
        });
        let block = self.block();
        each(self.bands().div_ceil(block), &|task, worker| {
            let (source, _, kernels) = operands();
            let bands = task * block..((task + 1) * block).min(self.bands());
            let scratch = workers.scratch(worker);
            let block = Block { of: self, bands, source, kernels, scratch };
            with(worker, &|to| dispatch(workers.isa(), Finished { block: &block, to }));
        });
    }

    /// Transforms the tiles of some bands of an image of `channels` channels: `to[point][tile][channel]`, whole vectors for each tile.
    /// `T` takes tiles of `N`×`N` at every fourth place from `before` places before the first on; outside there are zeros.
    ///
    /// # Safety
    /// `from` holds `(batch, size, channels)`, `to` has room.
    #[inline(always)]
    unsafe fn tiles_of<S: Simd, T: Transform<N, IN>, const N: usize>(
        &self,
        s: S,
        bands: Range<usize>,
        from: *const f32,
        (size, before, channels): ([usize; 2], [usize; 2], usize),
        to: *mut f32,
    ) {
        let (across, whole) = (self.along(1), channels.next_multiple_of(S::LANES));
        let tiles = bands.len() * across;
        for (at, band) in bands.enumerate() {
            let (image, row) = (band / self.along(0), band % self.along(0) * OUT);
            for tile in 0..across {
                let col = tile * OUT;
                let mut lines = [std::ptr::null(); N];
                for (i, line) in lines.iter_mut().enumerate() {
                    let y = (row + i).wrapping_sub(before[0]);
                    if y < size[0] {
                        *line = from.wrapping_add((image * size[0] + y) * size[1] * channels);
                    }
                }
                for c in (0..channels).step_by(S::LANES) {
                    let n = (channels - c).min(S::LANES);
                    let mut x = [[s.splat(0.0); N]; N];
                    for (x, line) in x.iter_mut().zip(lines).filter(|(_, line)| !line.is_null()) {
                        for (j, x) in x.iter_mut().enumerate() {
                            let at = (col + j).wrapping_sub(before[1]);
                            if at < size[1] {
                                let p = line.wrapping_add(at * channels + c);
                                // SAFETY: `n` channels of a pixel inside the image.
                                *x = unsafe { if n == S::LANES { s.load(p) } else { s.load_partial(p, n) } };
                            }
                        }
                    }
                    let x = T::square(s, x);
                    let to = to.wrapping_add((at * across + tile) * whole + c);
                    for (i, x) in x.iter().enumerate() {
                        for (j, &x) in x.iter().enumerate() {
                            // SAFETY: room for whole vectors of every tile at every point.
                            unsafe { s.store(to.add((i * IN + j) * tiles * whole), x) };
                        }
                    }
                }
            }
        }
    }
}

/// The `index`-th of `parts` nearly equal shares of `0 .. all`.
fn share(all: usize, parts: usize, index: usize) -> Range<usize> {
    all * index / parts..all * (index + 1) / parts
}

/// A number rounded up to whole vectors.
struct Whole(usize);

impl WithSimd for Whole {
    type Output = usize;
    fn run<S: Simd>(self, _: S) -> usize {
        self.0.next_multiple_of(S::LANES)
    }
}

/// Where a kernel's panel of columns begins within a point, and its width in whole vectors.
fn panel_of<S: Simd>(filters: usize, col: usize) -> (usize, usize) {
    let panel = S::GEMM_VECTORS * S::LANES;
    let start = col / panel * panel;
    (start, (filters - start).min(panel).next_multiple_of(S::LANES))
}

/// Transforms some rows (channels of the source) of the kernel, packed for the register tiles: point by point, panel after panel.
struct Kernels<'a> {
    of: &'a Winograd,
    rows: Range<usize>,
    kernel: *const f32,
    shared: *mut f32,
}

impl WithSimd for Kernels<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { of: w, rows, kernel, shared } = self;
        let (k, cols) = (w.channels, w.filters);
        let point_words = k * cols.next_multiple_of(S::LANES);
        for row in rows {
            for col in (0..cols).step_by(S::LANES) {
                let n = (cols - col).min(S::LANES);
                let mut g = [[s.splat(0.0); CELLS]; CELLS];
                for (i, line) in g.iter_mut().enumerate() {
                    for (j, x) in line.iter_mut().enumerate() {
                        // SAFETY: the kernel is `(3, 3, k, cols)`, or, turned, `(3, 3, cols, k)`.
                        *x = unsafe {
                            if w.side == Side::Results {
                                s.load_partial(kernel.add(((i * CELLS + j) * k + row) * cols + col), n)
                            } else {
                                let cell = i * CELLS + j;
                                let cell = if w.side == Side::Input { CELLS * CELLS - 1 - cell } else { cell };
                                let from = kernel.add((cell * cols + col) * k + row);
                                let mut lanes = [0.0f32; LINE];
                                for (l, x) in lanes.iter_mut().enumerate().take(n) {
                                    *x = *from.add(l * k);
                                }
                                s.read(&lanes)
                            }
                        };
                    }
                }
                let u = Kernel::square(s, g);
                let (start, width) = panel_of::<S>(cols, col);
                let to = shared.wrapping_add(k * start + row * width + col - start);
                for (i, line) in u.iter().enumerate() {
                    for (j, &x) in line.iter().enumerate() {
                        // SAFETY: whole vectors of this row at every point.
                        unsafe { s.store(to.add((i * IN + j) * point_words), x) };
                    }
                }
            }
        }
    }
}

/// Some bands.
struct Block<'a> {
    of: &'a Winograd,
    bands: Range<usize>,
    source: *const f32,
    kernels: *const f32,
    scratch: *mut f32,
}

/// The results of a block, where they belong.
struct Finished<'a> {
    block: &'a Block<'a>,
    to: To<'a>,
}

impl WithSimd for Finished<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { block, to } = self;
        let &Block { of: w, ref bands, source, scratch, .. } = block;
        let (k, cols) = (w.channels, w.filters);
        let skip = scratch.align_offset(LINE * size_of::<f32>()).min(LINE);
        let tiled = scratch.wrapping_add(skip);
        let products = tiled.wrapping_add(w.buffers(k.next_multiple_of(S::LANES), cols.next_multiple_of(S::LANES)).0);
        let first = w.pixel(bands.start);
        // What was transformed is not needed once it is multiplied: finished results wait for their epilogue in its place.
        let (out, end) = match to {
            To::Memory(out) => (out.wrapping_add(first * cols), None),
            To::Scratch(_, end) => (tiled, Some(end)),
        };
        // SAFETY: the scratch has room for a block's transformed tiles and products; the block's results are the task's.
        unsafe {
            if w.side == Side::Sent {
                w.tiles_of::<S, ResultsGradient, OUT>(s, bands.clone(), source, (w.source, [0, 0], k), tiled);
                block.multiply(s, tiled, products);
                block.send(s, products, out);
            } else {
                w.tiles_of::<S, Source, IN>(s, bands.clone(), source, (w.source, w.before, k), tiled);
                block.multiply(s, tiled, products);
                block.put(s, products, out);
            }
        }
        if let Some(end) = end {
            end(Tile { row0: first, rows: w.pixel(bands.end) - first, col0: 0, cols, ptr: out, ld: cols });
        }
    }
}

impl Block<'_> {
    fn tiles(&self) -> usize {
        self.bands.len() * self.of.along(1)
    }

    /// The products of all points.
    ///
    /// # Safety
    /// `tiled` holds the block's tiles, `products` has room.
    #[inline(always)]
    unsafe fn multiply<S: Simd>(&self, s: S, tiled: *const f32, products: *mut f32) {
        let (k, cols, tiles) = (self.of.channels, self.of.filters, self.tiles());
        let (k_whole, cols_whole) = (k.next_multiple_of(S::LANES), cols.next_multiple_of(S::LANES));
        for point in 0..POINTS {
            let (a, c) = (tiled.wrapping_add(point * tiles * k_whole), products.wrapping_add(point * tiles * cols_whole));
            let mut col = 0;
            while col < cols {
                let (_, width) = panel_of::<S>(cols, col);
                let b = self.kernels.wrapping_add(k * (point * cols_whole + col));
                for (row, height) in Heights::new(tiles, S::GEMM_ROWS) {
                    let tile = Micro {
                        k,
                        a: a.wrapping_add(row * k_whole),
                        a_row: k_whole,
                        a_step: 1,
                        b,
                        b_step: width,
                        c: c.wrapping_add(row * cols_whole + col),
                        c_row: cols_whole,
                        last: S::LANES,
                        resume: false,
                        packed: std::ptr::null_mut(),
                    };
                    // SAFETY: rows of this block, a panel of whole vectors, room for whole vectors of products.
                    unsafe { micro(s, height, width / S::LANES, Right::Whole, &tile) };
                }
                col += width;
            }
        }
    }

    /// The products of a tile at all points, a vector of channels from `c` on.
    ///
    /// # Safety
    /// `products` holds those of the block.
    #[inline(always)]
    unsafe fn product<S: Simd>(&self, s: S, products: *const f32, tile: usize, c: usize) -> [[S::F; IN]; IN] {
        let whole = self.of.filters.next_multiple_of(S::LANES);
        let from = products.wrapping_add(tile * whole + c);
        let mut m = [[s.splat(0.0); IN]; IN];
        for (i, line) in m.iter_mut().enumerate() {
            for (j, x) in line.iter_mut().enumerate() {
                // SAFETY: whole vectors of this tile at every point.
                *x = unsafe { s.load(from.add((i * IN + j) * self.tiles() * whole)) };
            }
        }
        m
    }

    /// Transforms products back to results.
    ///
    /// # Safety
    /// `products` holds those of the block, `out` has room for its pixels.
    #[inline(always)]
    unsafe fn put<S: Simd>(&self, s: S, products: *const f32, out: *mut f32) {
        let (w, cols) = (self.of, self.of.filters);
        for (at, band) in self.bands.clone().enumerate() {
            let height = OUT.min(w.grid[0] - band % w.along(0) * OUT);
            let out = out.wrapping_add((w.pixel(band) - w.pixel(self.bands.start)) * cols);
            for tile in 0..w.along(1) {
                let width = OUT.min(w.grid[1] - tile * OUT);
                for c in (0..cols).step_by(S::LANES) {
                    // SAFETY: the caller's promise.
                    let y = Results::square(s, unsafe { self.product(s, products, at * w.along(1) + tile, c) });
                    let n = (cols - c).min(S::LANES);
                    for (i, y) in y.iter().enumerate().take(height) {
                        for (j, &y) in y.iter().enumerate().take(width) {
                            let p = out.wrapping_add((i * w.grid[1] + tile * OUT + j) * cols + c);
                            // SAFETY: `n` channels of a pixel of this block.
                            unsafe { if n == S::LANES { s.store(p, y) } else { s.store_partial(p, n, y) } };
                        }
                    }
                }
            }
        }
    }

    /// Transforms products back to what tiles send to the input, and adds it there, tile after tile.
    ///
    /// # Safety
    /// As for [`Block::put`], of whole images.
    #[inline(always)]
    unsafe fn send<S: Simd>(&self, s: S, products: *const f32, out: *mut f32) {
        let (w, cols) = (self.of, self.of.filters);
        let words = (w.pixel(self.bands.end) - w.pixel(self.bands.start)) * cols;
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(out, words) }.fill(0.0);
        for (at, band) in self.bands.clone().enumerate() {
            let image = out.wrapping_add((w.pixel(band / w.along(0) * w.along(0)) - w.pixel(self.bands.start)) * cols);
            let top = (band % w.along(0) * OUT).wrapping_sub(w.before[0]);
            for tile in 0..w.along(1) {
                let left = (tile * OUT).wrapping_sub(w.before[1]);
                for c in (0..cols).step_by(S::LANES) {
                    // SAFETY: the caller's promise.
                    let x = SourceGradient::square(s, unsafe { self.product(s, products, at * w.along(1) + tile, c) });
                    let n = (cols - c).min(S::LANES);
                    for (i, x) in x.iter().enumerate() {
                        let row = top.wrapping_add(i);
                        if row >= w.grid[0] {
                            continue;
                        }
                        for (j, &x) in x.iter().enumerate() {
                            let col = left.wrapping_add(j);
                            if col >= w.grid[1] {
                                continue;
                            }
                            let p = image.wrapping_add((row * w.grid[1] + col) * cols + c);
                            // SAFETY: `n` channels of a pixel of this image.
                            unsafe {
                                if n == S::LANES {
                                    s.store(p, s.add(s.load(p), x));
                                } else {
                                    s.store_partial(p, n, s.add(s.load_partial(p, n), x));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Winograd {
    /// The first pixel of a band, or, where tiles are added up, of its image.
    fn pixel(&self, band: usize) -> usize {
        let (image, row) = (band / self.along(0), if self.side == Side::Sent { 0 } else { band % self.along(0) * OUT });
        (image * self.grid[0] + row) * self.grid[1]
    }
}

/// A part of the sums of a kernel's gradient.
struct Part<'a> {
    of: &'a Winograd,
    bands: Range<usize>,
    index: usize,
    x: *const f32,
    dy: *const f32,
    sums: *mut f32,
    scratch: *mut f32,
}

impl WithSimd for Part<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { of: w, bands, index, x, dy, sums, scratch } = self;
        let (rows, cols) = (w.channels, w.filters);
        let (rows_whole, cols_whole) = (rows.next_multiple_of(S::LANES), cols.next_multiple_of(S::LANES));
        let panel = S::GEMM_VECTORS * S::LANES;
        let sums = sums.wrapping_add(index * POINTS * rows * cols_whole);
        let skip = scratch.align_offset(LINE * size_of::<f32>()).min(LINE);
        let sources = scratch.wrapping_add(skip);
        let gradients = sources.wrapping_add(w.buffers(rows_whole, cols_whole).0);
        let mut at = bands.start;
        while at < bands.end {
            let block = at..(at + w.block()).min(bands.end);
            let tiles = block.len() * w.along(1);
            // SAFETY: the scratch has room for the transformed tiles of a block.
            unsafe {
                w.tiles_of::<S, Source, IN>(s, block.clone(), x, (w.source, w.before, rows), sources);
                w.tiles_of::<S, ResultsGradient, OUT>(s, block.clone(), dy, (w.grid, [0, 0], cols), gradients);
            }
            for point in 0..POINTS {
                let a = sources.wrapping_add(point * tiles * rows_whole);
                let b = gradients.wrapping_add(point * tiles * cols_whole);
                let c = sums.wrapping_add(point * rows * cols_whole);
                for col in (0..cols).step_by(panel) {
                    let (_, width) = panel_of::<S>(cols, col);
                    for (row, height) in Heights::new(rows, S::GEMM_ROWS) {
                        let tile = Micro {
                            k: tiles,
                            a: a.wrapping_add(row),
                            a_row: 1,
                            a_step: rows_whole,
                            b: b.wrapping_add(col),
                            b_step: cols_whole,
                            c: c.wrapping_add(row * cols_whole + col),
                            c_row: cols_whole,
                            last: S::LANES,
                            resume: at > bands.start,
                            packed: std::ptr::null_mut(),
                        };
                        // SAFETY: the block's tiles, whole vectors of gradients and of this part's sums.
                        unsafe { micro(s, height, width / S::LANES, Right::Whole, &tile) };
                    }
                }
            }
            at = block.end;
        }
    }
}

/// Adds the parts of some rows (channels of the source) of a kernel's gradient, and transforms them.
struct AddParts<'a> {
    of: &'a Winograd,
    rows: Range<usize>,
    sums: *const f32,
    out: *mut f32,
}

impl WithSimd for AddParts<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { of: w, rows, sums, out } = self;
        let (all, cols) = (w.channels, w.filters);
        let cols_whole = cols.next_multiple_of(S::LANES);
        for row in rows {
            for col in (0..cols).step_by(S::LANES) {
                let mut u = [[s.splat(0.0); IN]; IN];
                for part in 0..w.parts() {
                    for (i, line) in u.iter_mut().enumerate() {
                        for (j, x) in line.iter_mut().enumerate() {
                            let at = ((part * POINTS + i * IN + j) * all + row) * cols_whole + col;
                            // SAFETY: whole vectors of every part.
                            let more = unsafe { s.load(sums.add(at)) };
                            *x = if part == 0 { more } else { s.add(*x, more) };
                        }
                    }
                }
                let g = KernelGradient::square(s, u);
                let n = (cols - col).min(S::LANES);
                for (i, line) in g.iter().enumerate() {
                    for (j, &x) in line.iter().enumerate() {
                        // SAFETY: `n` filters of this row of the gradient `(3, 3, all, cols)`.
                        unsafe { s.store_partial(out.add(((i * CELLS + j) * all + row) * cols + col), n, x) };
                    }
                }
            }
        }
    }
}
