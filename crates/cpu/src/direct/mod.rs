//! Convolutions, windows and table look-ups computed as they are defined: plain loops over what meets what.
//!
//! A result is a line of units (pixels, rows of a kernel, rows of a table) that lie one after the other. Each unit is computed alone, every
//! element by one chain of operations, so that neither the cut into tasks, which comes from shapes, nor the number of threads shows in it.
//! The kernels themselves work on slices; they are written for one instruction set at a time only in that [`dispatch`] compiles them for it.
//!
//! `unsafe`: makes slices of the places of the plan.
#![allow(unsafe_code)]

mod conv;
mod gather;
mod window;

use crate::fused::interp::Bases;
use crate::fused::program::BufRef;
use crate::par::Workers;
use crate::simd::{Simd, WithSimd, dispatch};
use adaline_graph::{MAX_SPATIAL, Op, TensorType, WindowOp};
use conv::Conv;
pub(crate) use gather::Table;
use std::ops::Range;
use window::Window;

/// Work of a task, in the units of a step's work, and the most tasks.
const TASK_WORK: usize = 20_000;
const MOST_TASKS: usize = 64;

/// Sizes along the spatial axes; missing axes come first, with size 1.
pub(crate) type Axes = [usize; MAX_SPATIAL];

/// What is computed.
#[derive(Clone, Copy, Debug)]
enum Work {
    Conv(Conv),
    ConvInput(Conv),
    ConvKernel(Conv),
    Sum(Window),
    Max(Window),
    Spread(Window),
    MaxGrad(Window),
    MaxPick(Window),
    Gather(Table),
    ScatterAdd(Table),
}

/// One operation on places in memory.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    work: Work,
    /// Place and words of each operand.
    inputs: Vec<(BufRef, usize)>,
    /// Where the result goes; it is copied from the first place to the others.
    outs: Vec<BufRef>,
    units: usize,
    unit_words: usize,
    tasks: usize,
    cost: usize,
    flops: u64,
}

impl Direct {
    /// The kernel of an operation on inputs of the given types, which lie whole at the given places. `None` for other operations.
    pub(crate) fn new(op: Op, types: &[TensorType], ty: TensorType, inputs: &[BufRef], outs: Vec<BufRef>, flops: u64) -> Option<Self> {
        let shape = |i: usize| types.get(i).map(|t| t.shape);
        let work = match op {
            Op::Conv { spec } => Work::Conv(Conv::new(&spec, shape(0)?, shape(1)?, ty.shape)),
            Op::ConvInput { spec, input } => Work::ConvInput(Conv::new(&spec, input, shape(1)?, shape(0)?)),
            Op::ConvKernel { spec, kernel } => Work::ConvKernel(Conv::new(&spec, shape(0)?, kernel, shape(1)?)),
            Op::Window { op: WindowOp::Sum, spec } => Work::Sum(Window::new(&spec, shape(0)?, ty.shape)),
            Op::Window { op: WindowOp::Max, spec } => Work::Max(Window::new(&spec, shape(0)?, ty.shape)),
            Op::WindowSpread { spec, input } => Work::Spread(Window::new(&spec, input, shape(0)?)),
            Op::WindowMaxGrad { spec } => Work::MaxGrad(Window::new(&spec, shape(0)?, shape(1)?)),
            Op::WindowMaxPick { spec } => Work::MaxPick(Window::new(&spec, shape(0)?, shape(1)?)),
            Op::Gather => Work::Gather(Table::new(shape(0)?, shape(1)?)),
            Op::ScatterAdd { .. } => Work::ScatterAdd(Table::new(ty.shape, shape(1)?)),
            Op::Input { .. }
            | Op::State { .. }
            | Op::Const { .. }
            | Op::Iota { .. }
            | Op::Random { .. }
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Select
            | Op::Cast(_)
            | Op::StopGradient
            | Op::Reduce { .. }
            | Op::ArgReduce { .. }
            | Op::Reshape(_)
            | Op::Transpose(_)
            | Op::Broadcast(_)
            | Op::Slice(_)
            | Op::Pad(_)
            | Op::Concat { .. }
            | Op::Reverse(_)
            | Op::Dot { .. }
            | Op::Scan { .. } => return None,
        };
        // Sixteen multiplications and additions count as one, as in products; whatever moves words counts those.
        let cost = (flops / 16) as usize + ty.len();
        let units = match work {
            Work::Conv(c) => c.results(),
            Work::ConvInput(c) => c.cells(),
            Work::ConvKernel(c) => c.rows(),
            Work::Sum(w) | Work::Max(w) | Work::MaxPick(w) => w.results(),
            Work::Spread(w) => w.cells(),
            Work::MaxGrad(w) => w.images(),
            Work::Gather(t) => t.lookups(),
            Work::ScatterAdd(t) => t.rows(),
        };
        let unit_words = ty.len().checked_div(units).unwrap_or(0);
        Some(Self {
            work,
            inputs: inputs.iter().zip(types).map(|(&at, t)| (at, t.len())).collect(),
            outs,
            units: if unit_words == 0 { 0 } else { units },
            unit_words,
            tasks: units.min((cost / TASK_WORK).clamp(1, MOST_TASKS)),
            cost,
            flops,
        })
    }

    /// Estimated work.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }
    /// How many words of a place with so many are read or written at most.
    pub(crate) fn used(&self, words: usize) -> usize {
        match self.work {
            Work::Gather(t) if words == t.rows() * t.columns() => words.min(t.lookups() * t.columns()),
            _ => words,
        }
    }
    /// Floating-point operations.
    pub(crate) fn flops(&self) -> u64 {
        self.flops
    }
    /// Every place it touches.
    pub(crate) fn places(&self) -> impl Iterator<Item = BufRef> {
        self.inputs.iter().map(|i| i.0).chain(self.outs.iter().copied())
    }

    /// Runs it.
    ///
    /// # Safety
    /// The plan's promise: operands and results lie within their buffers, and no result overlaps an operand or another result.
    pub(crate) unsafe fn run(&self, workers: &Workers, bases: Bases, inline: bool) {
        let (Some((&first, others)), true) = (self.outs.split_first(), self.units > 0) else { return };
        // SAFETY: the caller's promise.
        let read = |i: usize| self.inputs.get(i).map_or(&[][..], |&(at, n)| unsafe { std::slice::from_raw_parts(bases.at(at), n) });
        let inputs = [read(0), read(1), read(2)];
        let per_task = self.units.div_ceil(self.tasks);
        let one = |task: usize, _: usize| {
            let units = (task * per_task).min(self.units)..((task + 1) * per_task).min(self.units);
            // SAFETY: the caller's promise; the units of different tasks do not overlap.
            let out = unsafe {
                let words = units.len() * self.unit_words;
                std::slice::from_raw_parts_mut(bases.at(first).add(units.start * self.unit_words), words)
            };
            dispatch(workers.isa(), Task { work: self.work, units, inputs, out });
        };
        if inline || self.tasks == 1 {
            (0..self.tasks).for_each(|task| one(task, 0));
        } else {
            workers.run(self.tasks, &one);
        }
        for &other in others {
            // SAFETY: the caller's promise; every task is done.
            unsafe { std::ptr::copy_nonoverlapping(bases.at(first), bases.at(other), self.units * self.unit_words) };
        }
    }
}

/// Some units of a result.
struct Task<'a> {
    work: Work,
    units: Range<usize>,
    inputs: [&'a [f32]; 3],
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { work, units, inputs: [a, b, c], out } = self;
        match work {
            Work::Conv(w) => w.forward(units, a, b, out),
            Work::ConvInput(w) => w.by_input(units, a, b, out),
            Work::ConvKernel(w) => w.by_kernel(units, a, b, out),
            Work::Sum(w) => w.sum(units, a, out),
            Work::Max(w) => w.max(s, units, a, out),
            Work::Spread(w) => w.spread(units, a, out),
            Work::MaxGrad(w) => w.max_grad(s, units, a, b, c, out),
            Work::MaxPick(w) => w.max_pick(units, a, b, c, out),
            Work::Gather(t) => t.gather(units, a, b, out),
            Work::ScatterAdd(t) => t.scatter_add(units, a, b, out),
        }
    }
}

/// Entries of the spatial axes of `(B, S.., C)`, missing ones in front with `rest`.
pub(crate) fn spatial(of: &[usize], axes: usize, rest: usize) -> Axes {
    let missing = MAX_SPATIAL - axes;
    std::array::from_fn(|a| if a < missing { rest } else { of[a - missing] })
}

/// Image and coordinates of a pixel.
#[inline(always)]
fn pixel(mut at: usize, sizes: Axes) -> (usize, Axes) {
    let mut place = [0; MAX_SPATIAL];
    for a in (0..MAX_SPATIAL).rev() {
        (at, place[a]) = (at / sizes[a], at % sizes[a]);
    }
    (at, place)
}

/// Index of a pixel.
#[inline(always)]
fn index(image: usize, place: Axes, sizes: Axes) -> usize {
    ((image * sizes[0] + place[0]) * sizes[1] + place[1]) * sizes[2] + place[2]
}

/// Calls `visit` for each point of a box, row by row.
#[inline(always)]
fn each(ranges: [Range<usize>; MAX_SPATIAL], mut visit: impl FnMut(Axes)) {
    let [r0, r1, r2] = ranges;
    for i in r0 {
        for j in r1.clone() {
            for k in r2.clone() {
                visit([i, j, k]);
            }
        }
    }
}
