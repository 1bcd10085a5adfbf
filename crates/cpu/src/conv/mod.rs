//! Convolutions and their gradients as products of matrices whose left operand, the patches that pixels see, is never whole in memory.
//!
//! - `Conv`: patches of the input `(B S'.., K.. C)` times the kernel `(K.. C, O)`.
//! - `ConvInput`: patches of the results `(B S.., K.. O)` times the kernel turned `(K.. O, C)`; or ([`scatter`]) what the results send back.
//! - `ConvKernel`: patches of the input, turned `(K.. C, B S'..)`, times the results `(B S'.., O)`.
//! - All three of 3×3 with a quarter of the multiplications, where that pays ([`winograd`]).
//!
//! Each task makes the patches of its rows for a block of the sums, a few ten kilobytes that stay in L2, and gives them to the register
//! tiles of the products. Every element is one chain of additions in the order of the sum, as in [`crate::direct`]; the two differ only
//! where a kernel reaches into padding, whose zeros are multiplied here (0 times infinity is NaN) and left out there. What results send back is
//! one such chain for each cell of the kernel, and the sum of these; long sums of a kernel's gradient are made in parts, each a chain.
//!
//! `unsafe`: works on the places of the plan, several tasks at a time.
#![allow(unsafe_code)]

mod patches;
mod scatter;
#[cfg(test)]
mod tests;
mod winograd;

use crate::dot::Epilogue;
use crate::fused::interp::{Bases, Frame};
use crate::fused::program::{BufRef, Program};
use crate::gemm::Tile;
use crate::gemm::tiles::{Heights, LINE, Micro, PANEL_WORDS, Right, TASK_FLOPS, micro, pack_right, transpose};
use crate::par::Workers;
use crate::simd::{Isa, Simd, WithSimd, dispatch};
use adaline_graph::cost::conv_flops;
use adaline_graph::{Op, TensorType};
use patches::Patches;
use scatter::{Images, Scatter};
use winograd::Winograd;

/// Most tasks that are made so that threads have some.
const MOST_TASKS: usize = 256;
/// Tasks that images are cut into where there are as many.
const MANY_TASKS: usize = 16;
/// Most images of a task of [`Scatter`], which turns the kernel for itself.
const IMAGES: usize = 8;
/// Rows of a task: patches of 256 words for so many pixels are half of a small L2 cache.
const PIXELS: usize = 120;
const FEWEST_PIXELS: usize = 24;
/// Rows of a kernel's gradient in a task.
const KERNEL_ROWS: usize = 72;
/// Shortest part of the sums of a kernel's gradient.
const SHORTEST_PART: usize = 2048;
/// Columns of a task.
const COLUMNS: usize = 128;
/// Most words of an image that waits in a worker's scratch for its epilogue.
const RESULT_WORDS: usize = 64 * 1024;

/// What is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    /// Results, or with a turned kernel the gradient with respect to the input: rows are pixels.
    Pixels { turned: bool },
    /// The gradient with respect to the kernel: rows are its cells and channels.
    Kernel,
}

/// Sizes of the tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Partition {
    rows_per_task: usize,
    cols_per_task: usize,
    row_tasks: usize,
    col_tasks: usize,
    /// Parts of the sums, each with tasks of its own, and the length of one.
    parts: usize,
    part_length: usize,
    /// Length of the blocks of the sums.
    block: usize,
    /// Words of the packed right operand, and of the patches at a distance of `left_ld`.
    packed_words: usize,
    left_words: usize,
    left_ld: usize,
}

/// A convolution or one of its gradients, on places in memory.
#[derive(Clone, Debug)]
pub(crate) struct Conv {
    patches: Patches,
    side: Side,
    rows: usize,
    cols: usize,
    /// Length of the sums.
    k: usize,
    part: Partition,
    /// Instead of patches.
    scatter: Option<Scatter>,
    winograd: Option<Winograd>,
    scratch_words: usize,
    /// What the patches are of, and the other operand.
    source: BufRef,
    right: BufRef,
    /// Words that tasks share: partial sums, a kernel as it is multiplied.
    shared: Option<BufRef>,
    finish: Finish,
    /// Words of a finished part that the epilogue takes.
    result_words: usize,
    /// Operations as defined, and those that are made.
    flops: u64,
    made: u64,
}

/// What becomes of the result.
#[derive(Clone, Debug)]
pub(crate) enum Finish {
    /// It is copied from the first place to the others.
    Store(Vec<BufRef>),
    /// It is handed over part by part while it is in a cache, and stored only by the program.
    Epilogue(Box<Program>),
}

/// What an operation is as a product.
struct Product {
    side: Side,
    patches: Patches,
    scatter: Option<Scatter>,
    winograd: Option<Winograd>,
    rows: usize,
    cols: usize,
    /// Length of the sums.
    k: usize,
    /// Operations as defined.
    flops: u64,
}

impl Product {
    /// `None` for other operations and for convolutions in groups.
    fn of(op: Op, types: &[TensorType], ty: TensorType, fewer: bool) -> Option<Self> {
        let &[a, b] = types else { return None };
        let (spec, side, patches, flops) = match op {
            Op::Conv { spec } => {
                let patches = Patches::of_input(&spec, a.shape, b.shape, ty.shape);
                (spec, Side::Pixels { turned: false }, patches, conv_flops(ty.shape, b.shape))
            }
            Op::ConvInput { spec, input } => {
                let patches = Patches::of_results(&spec, input, b.shape, a.shape);
                (spec, Side::Pixels { turned: true }, patches, conv_flops(a.shape, b.shape))
            }
            Op::ConvKernel { spec, kernel } => {
                (spec, Side::Kernel, Patches::of_input(&spec, a.shape, kernel, b.shape), conv_flops(b.shape, kernel))
            }
            _ => return None,
        };
        let scatter = match op {
            Op::ConvInput { spec, input } => Some(Scatter::new(&spec, input, b.shape, a.shape)).filter(Scatter::pays),
            _ => None,
        };
        let (rows, k) = match side {
            Side::Pixels { .. } => (patches.pixels(), patches.words()),
            Side::Kernel => (patches.words(), patches.pixels()),
        };
        let cols = ty.shape.dims()[ty.shape.rank() - 1];
        let winograd = if fewer { Winograd::new(op, types, ty) } else { None };
        (spec.groups == 1 && !ty.is_empty() && k > 0).then_some(Self { side, patches, scatter, winograd, rows, cols, k, flops })
    }
    fn partition(&self, isa: Isa) -> Partition {
        dispatch(isa, Choose { side: self.side, rows: self.rows, cols: self.cols, k: self.k })
    }
}

/// Words that the tasks of an operation share. `fewer`: whether it may be computed with fewer multiplications and other roundings.
pub(crate) fn shared_words(op: Op, types: &[TensorType], ty: TensorType, isa: Isa, fewer: bool) -> usize {
    let Some(product) = Product::of(op, types, ty, fewer) else { return 0 };
    if let Some(w) = product.winograd {
        return w.shared_words(isa);
    }
    let parts = product.partition(isa).parts;
    if parts > 1 { parts * ty.len() } else { 0 }
}

impl Conv {
    /// The kernel of an operation on operands of the given types, which lie whole at the given places; `shared` has room for
    /// [`shared_words`]. `None` for other operations and for convolutions in groups.
    pub(crate) fn new(
        op: Op,
        types: &[TensorType],
        ty: TensorType,
        inputs: &[BufRef],
        finish: Finish,
        shared: Option<BufRef>,
        (isa, fewer): (Isa, bool),
    ) -> Option<Self> {
        let &[source, right] = inputs else { return None };
        let product = Product::of(op, types, ty, fewer)?;
        let part = product.partition(isa);
        let Product { side, patches, scatter, winograd, rows, cols, k, flops } = product;
        let ends = matches!(finish, Finish::Epilogue(_));
        let scatter = scatter.filter(|s| winograd.is_none() && (!ends || s.image_words() <= RESULT_WORDS));
        let product_flops = 2 * rows as u64 * cols as u64 * k as u64;
        let (made, own_words, result_words) = match (winograd, scatter) {
            (Some(w), _) => (w.flops(), w.scratch_words(isa), 0),
            (_, Some(s)) => (flops, dispatch(isa, ScratchOf(s)), s.image_words()),
            _ => (product_flops, LINE + part.packed_words + part.left_words, part.rows_per_task * part.cols_per_task),
        };
        let result_words = if ends { result_words } else { 0 };
        let scratch_words = own_words.next_multiple_of(LINE);
        let shared = shared.filter(|_| part.parts > 1 || winograd.is_some());
        let part = if winograd.is_some() { Partition { parts: 1, ..part } } else { part };
        Some(Self {
            patches,
            side,
            rows,
            cols,
            k,
            part,
            scatter,
            winograd,
            scratch_words,
            source,
            right,
            shared,
            finish,
            result_words,
            flops,
            made,
        })
    }
    /// Estimated work.
    pub(crate) fn cost(&self) -> usize {
        (self.made / 16) as usize
    }
    /// Floating-point operations as the convolution is defined, whatever is made instead.
    pub(crate) fn flops(&self) -> u64 {
        self.flops
    }
    /// Every place it touches.
    pub(crate) fn places(&self) -> impl Iterator<Item = BufRef> {
        let outs = if let Finish::Store(outs) = &self.finish { &outs[..] } else { &[] };
        [self.source, self.right].into_iter().chain(self.shared).chain(outs.iter().copied())
    }
    /// What is done to the result.
    pub(crate) fn epilogue(&self) -> Option<&Program> {
        if let Finish::Epilogue(p) = &self.finish { Some(p) } else { None }
    }
    /// Elements of the result.
    pub(crate) fn results(&self) -> usize {
        self.rows * self.cols
    }
    /// Scratch words that each worker needs: its own, the result's, the epilogue's.
    pub(crate) fn scratch_words(&self) -> usize {
        self.scratch_words + self.result_words.next_multiple_of(LINE) + self.epilogue().map_or(0, Program::scratch_words)
    }

    /// Runs it.
    ///
    /// # Safety
    /// The plan's promise: operands and results lie within their buffers, and no result overlaps an operand or another result.
    pub(crate) unsafe fn run(&self, workers: &Workers, bases: Bases, inline: bool) {
        let outs = if let Finish::Store(outs) = &self.finish { &outs[..] } else { &[] };
        let partials = self.shared.filter(|_| self.winograd.is_none());
        let memory = partials.or(outs.first().copied());
        // Hands a worker the place of its results.
        let with = |worker: usize, task: &dyn Fn(To<'_>)| {
            if let Some(to) = memory {
                // SAFETY: the caller's promise.
                return task(To::Memory(unsafe { bases.at(to) }));
            }
            let Some(program) = self.epilogue() else { return };
            let result = workers.scratch(worker).wrapping_add(self.scratch_words);
            let own = result.wrapping_add(self.result_words.next_multiple_of(LINE));
            let frame = Frame { program, bases, scratch: own, cols: own, ones: own, raw: (own, 0, 0) };
            // SAFETY: the scratch has room for the epilogue's words.
            unsafe { frame.begin() };
            task(To::Scratch(result, &|tile| dispatch(workers.isa(), Epilogue { frame, tile, base: 0, n: self.cols })));
        };
        // SAFETY: the caller's promise.
        let operands = || unsafe { (bases.at(self.source).cast_const(), bases.at(self.right).cast_const()) };
        if let (Some(w), Some(shared)) = (&self.winograd, self.shared) {
            // SAFETY: the caller's promise.
            let all = || (operands().0, operands().1, unsafe { bases.at(shared) });
            w.run(workers, all, with, inline);
        } else {
            self.products(workers, operands, with, inline);
        }
        let Some((&first, others)) = outs.split_first() else { return };
        if let Some(partials) = partials {
            // SAFETY: the caller's promise; every task is done.
            let (sums, out) = unsafe {
                let words = self.rows * self.cols;
                let sums = std::slice::from_raw_parts(bases.at(partials), words * self.part.parts);
                (sums, std::slice::from_raw_parts_mut(bases.at(first), words))
            };
            dispatch(workers.isa(), AddParts { sums, out });
        }
        for &other in others {
            // SAFETY: the caller's promise; every task is done.
            unsafe { std::ptr::copy_nonoverlapping(bases.at(first), bases.at(other), self.rows * self.cols) };
        }
    }

    /// Runs all tasks of patches or images.
    fn products(
        &self,
        workers: &Workers,
        operands: impl Fn() -> (*const f32, *const f32) + Sync,
        with: impl Fn(usize, &dyn Fn(To<'_>)) + Sync,
        inline: bool,
    ) {
        let images = |s: &Scatter| s.batch.div_ceil(s.batch.div_ceil(IMAGES).max(MANY_TASKS).min(s.batch));
        let tasks =
            self.scatter.as_ref().map_or(self.part.row_tasks * self.part.col_tasks * self.part.parts, |s| s.batch.div_ceil(images(s)));
        let one = |index: usize, worker: usize| {
            let scratch = workers.scratch(worker);
            let (source, right) = operands();
            with(worker, &|to| {
                if let Some(scatter) = &self.scatter {
                    let images = index * images(scatter)..((index + 1) * images(scatter)).min(scatter.batch);
                    return dispatch(workers.isa(), Images { scatter, range: images, dy: source, kernel: right, to, scratch });
                }
                dispatch(workers.isa(), Task { conv: self, index, source, right, to, scratch });
            });
        };
        if inline || tasks == 1 {
            (0..tasks).for_each(|index| one(index, 0));
        } else {
            workers.run(tasks, &one);
        }
    }
}

/// The scratch that [`Scatter`] needs.
struct ScratchOf(Scatter);

impl WithSimd for ScratchOf {
    type Output = usize;
    fn run<S: Simd>(self, _: S) -> usize {
        LINE + self.0.scratch_words::<S>()
    }
}

struct Choose {
    side: Side,
    rows: usize,
    cols: usize,
    k: usize,
}

impl WithSimd for Choose {
    type Output = Partition;
    fn run<S: Simd>(self, _: S) -> Partition {
        let Self { side, rows, cols, k } = self;
        let panel = S::GEMM_VECTORS * S::LANES;
        let flops = (2 * k).saturating_mul(rows).saturating_mul(cols);
        let want = (flops / TASK_FLOPS).clamp(1, MOST_TASKS);
        let wide = |most: usize| cols.div_ceil(cols.div_ceil(most)).next_multiple_of(panel).min(cols.next_multiple_of(S::LANES));
        let (most_rows, cols_per_task) = match side {
            Side::Pixels { .. } => (rows.div_ceil(want).clamp(FEWEST_PIXELS, PIXELS), wide(COLUMNS)),
            Side::Kernel => (KERNEL_ROWS, wide(COLUMNS)),
        };
        let rows_per_task = rows.div_ceil(rows.div_ceil(most_rows)).next_multiple_of(S::GEMM_ROWS).min(rows);
        let (row_tasks, col_tasks) = (rows.div_ceil(rows_per_task), cols.div_ceil(cols_per_task));
        // Few rows and columns: then tasks are made of parts of the sums. How many must not depend on the instruction set: it shows in the bits.
        let parts = match side {
            Side::Pixels { .. } => 1,
            Side::Kernel => {
                let tasks = rows.div_ceil(KERNEL_ROWS) * cols.div_ceil(COLUMNS);
                (MANY_TASKS / tasks).min(k / SHORTEST_PART).min(want).max(1)
            }
        };
        let part_length = k.div_ceil(parts);
        // Blocks of equal length; a sum just over one block is not cut.
        let longest = PANEL_WORDS / panel;
        let block = if part_length <= longest + longest / 4 { part_length } else { part_length.div_ceil(part_length.div_ceil(longest)) };
        // An odd number of lines, so that neither rows nor columns fall on the same cache sets.
        let (lines, long) = match side {
            Side::Pixels { .. } => (rows_per_task, block),
            Side::Kernel => (block, rows_per_task),
        };
        let left_ld = long.next_multiple_of(2 * LINE) + LINE;
        Partition {
            rows_per_task,
            cols_per_task,
            row_tasks,
            col_tasks,
            parts,
            part_length,
            block,
            packed_words: (block * cols_per_task.next_multiple_of(S::LANES)).next_multiple_of(LINE),
            left_words: lines * left_ld,
            left_ld,
        }
    }
}

/// The parts of all sums, one after the other.
struct AddParts<'a> {
    sums: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for AddParts<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { sums, out } = self;
        let mut parts = sums.chunks_exact(out.len());
        out.copy_from_slice(parts.next().unwrap_or(&[]));
        for part in parts {
            for (to, part) in out.chunks_mut(S::LANES).zip(part.chunks(S::LANES)) {
                let sum = s.add(s.read(to), s.read(part));
                s.write(to, sum);
            }
        }
    }
}

/// Where a task puts its results.
#[derive(Clone, Copy)]
enum To<'a> {
    /// Their place in memory.
    Memory(*mut f32),
    /// Scratch, whence the epilogue takes them.
    Scratch(*mut f32, &'a dyn Fn(Tile)),
}

/// One rectangle of the result.
struct Task<'a> {
    conv: &'a Conv,
    index: usize,
    source: *const f32,
    right: *const f32,
    to: To<'a>,
    scratch: *mut f32,
}

impl WithSimd for Task<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { conv, index, source, right, to, scratch } = self;
        let Conv { patches, side, part, k, .. } = conv;
        let (row_task, col_task) = (index % part.row_tasks, index / part.row_tasks % part.col_tasks);
        // Which part of the sums.
        let of = index / (part.row_tasks * part.col_tasks);
        let (start, end) = ((of * part.part_length).min(*k), ((of + 1) * part.part_length).min(*k));
        let (row0, col0) = (row_task * part.rows_per_task, col_task * part.cols_per_task);
        let (rows, cols) = ((conv.rows - row0).min(part.rows_per_task), (conv.cols - col0).min(part.cols_per_task));
        let (out, ld) = match to {
            To::Memory(out) => (out.wrapping_add((of * conv.rows + row0) * conv.cols + col0), conv.cols),
            To::Scratch(out, _) => (out, cols),
        };
        let panel = S::GEMM_VECTORS * S::LANES;
        let skip = scratch.align_offset(LINE * size_of::<f32>()).min(LINE);
        let packed = scratch.wrapping_add(skip);
        let left = packed.wrapping_add(part.packed_words);
        let turned = *side == Side::Pixels { turned: true };
        let pack = rows > S::GEMM_ROWS || turned;
        // Results are read from memory once: whole rows in order, rather than a panel by the first tile.
        let by_rows = pack && *side == Side::Kernel && cols > panel;
        let mut done = start;
        while done < end {
            let length = (end - done).min(part.block);
            // SAFETY: the task's part of the patches; the scratch has room for it and for the packed right operand.
            let (a_row, a_step) = unsafe {
                match side {
                    Side::Pixels { .. } => {
                        patches.fill(s, source, row0..row0 + rows, done..done + length, left, part.left_ld);
                        (part.left_ld, 1)
                    }
                    Side::Kernel => {
                        patches.fill(s, source, done..done + length, row0..row0 + rows, left, part.left_ld);
                        (1, part.left_ld)
                    }
                }
            };
            if by_rows {
                let from = right.wrapping_add(done * conv.cols + col0);
                // SAFETY: the rows of the block; room for them as whole vectors.
                unsafe { pack_right(s, from, conv.cols, false, (length, cols), S::GEMM_VECTORS, packed) };
            }
            let heights = Heights::new(rows, S::GEMM_ROWS);
            let mut col = 0;
            while col < cols {
                let width = (cols - col).min(panel);
                let vectors = width.div_ceil(S::LANES);
                let last = width - (vectors - 1) * S::LANES;
                let packed = packed.wrapping_add(length * col);
                if turned {
                    // SAFETY: room for `length` rows of whole vectors.
                    unsafe { conv.pack_turned(s, right, (done, length), (col0 + col, width), packed) };
                }
                let here = (right.wrapping_add(done * conv.cols + col0 + col), conv.cols);
                for (row, height) in heights.clone() {
                    let ((b, b_step), right) = match () {
                        // The first tile packs on its way what the others read.
                        () if pack && !turned && !by_rows && row == 0 => (here, Right::Pack),
                        () if pack => ((packed.cast_const(), vectors * S::LANES), Right::Whole),
                        () if last < S::LANES || height == 1 => (here, Right::Edge),
                        () => (here, Right::Whole),
                    };
                    let a = left.wrapping_add(row * a_row).cast_const();
                    let c = out.wrapping_add(row * ld + col);
                    let tile = Micro { k: length, a, a_row, a_step, b, b_step, c, c_row: ld, last, resume: done > start, packed };
                    // SAFETY: the tile lies inside the task; packed panels are whole vectors, rows of the right operand contiguous.
                    unsafe { micro(s, height, vectors, right, &tile) };
                }
                col += width;
            }
            done += length;
        }
        if let To::Scratch(ptr, end) = to {
            end(Tile { row0, rows, col0, cols, ptr, ld });
        }
    }
}

impl Conv {
    /// Rows `done .. done + length` of the turned kernel `(K.. O, C)`, columns `col .. col + width`, as whole vectors.
    ///
    /// # Safety
    /// `kernel` holds `(K.., C, O)`, `to` has room.
    #[inline(always)]
    unsafe fn pack_turned<S: Simd>(
        &self,
        s: S,
        kernel: *const f32,
        (done, length): (usize, usize),
        (col, width): (usize, usize),
        to: *mut f32,
    ) {
        let (filters, whole) = (self.patches.channels, width.next_multiple_of(S::LANES));
        let mut at = done;
        while at < done + length {
            let (cell, f) = (at / filters, at % filters);
            let some = (filters - f).min(done + length - at);
            let from = kernel.wrapping_add((cell * self.cols + col) * filters + f);
            // SAFETY: `width` rows of the cell, `some` filters of each.
            unsafe { transpose(s, from, filters, (width, some), to.wrapping_add((at - done) * whole), whole, true) };
            at += some;
        }
    }
}
