//! Plans: a flat list of kernel calls with resolved places. Immutable, shareable.
//!
//! `unsafe`: calls the kernels with pointers that the plan vouches for.
#![allow(unsafe_code)]

use crate::conv::Conv;
use crate::direct::Direct;
use crate::dot::Dot;
use crate::fused::interp::Bases;
use crate::fused::kernel::Tile;
use crate::fused::program::BufRef;
use crate::moves::Move;
use crate::par::Workers;
use crate::report;
use crate::scan::Scan;
use crate::sums::Sums;
use adaline_graph::backend::PlanReport;
use adaline_graph::fuse::Fused;
use adaline_graph::{DType, InputDecl, Role, TensorType};
use std::sync::OnceLock;

/// One kernel call.
#[derive(Debug)]
pub(crate) enum Kernel {
    /// A fused region.
    Tile(Box<Tile>),
    /// A matrix product with its epilogue.
    Dot(Box<Dot>),
    /// Data movement.
    Move(Move),
    /// A convolution as a product.
    Conv(Box<Conv>),
    /// A convolution in groups, windows, a table look-up.
    Direct(Box<Direct>),
    /// Steps of a recurrence.
    Scan(Box<Scan>),
    /// Sums by index with what follows them.
    Sums(Box<Sums>),
}

impl Kernel {
    /// Scratch words that each worker needs.
    pub(crate) fn scratch_words(&self) -> usize {
        match self {
            Self::Tile(t) => t.scratch_words(),
            Self::Dot(d) => d.scratch_words(),
            Self::Conv(c) => c.scratch_words(),
            Self::Scan(s) => s.body.scratch_words(),
            Self::Sums(s) => s.scratch_words(),
            Self::Move(_) | Self::Direct(_) => 0,
        }
    }

    /// Runs it.
    ///
    /// # Safety
    /// The plan's promise: every place lies within its space, and the bases point to those.
    unsafe fn run(&self, workers: &Workers, bases: Bases, inline: bool) {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Tile(t) => t.run(workers, bases, inline),
                Self::Dot(d) => d.run(workers, bases, inline),
                Self::Move(m) => m.run(bases),
                Self::Conv(c) => c.run(workers, bases, inline),
                Self::Direct(d) => d.run(workers, bases, inline),
                Self::Scan(s) => s.run(workers, bases, inline),
                Self::Sums(s) => s.run(workers, bases, inline),
            }
        }
    }
}

/// Identity of what a stretch of memory holds, for the verifier: a value, or a step's temporary words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) enum Holds {
    /// What was there when the run began (inputs and old state).
    Initial,
    /// The value of a node.
    Value(u32),
    /// Temporary words of a step.
    Temp(u32),
}

/// A stretch of memory that a step touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Touch {
    pub(crate) at: BufRef,
    pub(crate) words: usize,
    pub(crate) holds: Holds,
    pub(crate) write: bool,
    /// Read at the place where it is written, so that it may coincide with a result.
    pub(crate) same_place: bool,
}

/// A step: a kernel and what it touches.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) kernel: Kernel,
    /// Too little work for threads.
    pub(crate) inline: bool,
    /// The last step on one thread before one for several: time for the others to wake up.
    pub(crate) wake: bool,
    pub(crate) touches: Vec<Touch>,
}

/// A result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) at: BufRef,
    pub(crate) words: usize,
    pub(crate) dtype: DType,
}

/// A slot as a run must find it.
#[derive(Clone, Debug)]
pub(crate) struct SlotCheck {
    pub(crate) name: String,
    pub(crate) slot: adaline_graph::SlotId,
    pub(crate) role: Role,
    pub(crate) offset: usize,
    pub(crate) ty: TensorType,
}

/// A compiled graph.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) arena_words: usize,
    /// Scratch words of each worker.
    pub(crate) scratch_words: usize,
    pub(crate) inputs: Vec<InputDecl>,
    pub(crate) slots: Vec<SlotCheck>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) updates: bool,
    /// Results lie in spaces of their own, behind those of the inputs, rather than in the arena.
    pub(crate) own_results: bool,
    /// Largest sum of live words of the arena at any step.
    pub(crate) live_words: usize,
    /// What it was made of, for whoever wants to read it.
    pub(crate) fused: Fused,
    pub(crate) report: OnceLock<PlanReport>,
}

impl Plan {
    /// Runs all steps, on the calling thread alone if `inline`. `done` is told of each.
    ///
    /// # Safety
    /// The bases must point to spaces of the sizes that the plan was made for.
    pub(crate) unsafe fn run(&self, workers: &Workers, bases: Bases, inline: bool, mut done: impl FnMut(usize)) {
        for (i, step) in self.steps.iter().enumerate() {
            if step.wake && !inline {
                workers.wake();
            }
            // SAFETY: the caller's promise; the plan keeps every place within its space.
            unsafe { step.kernel.run(workers, bases, inline || step.inline) };
            done(i);
        }
    }
    /// The plan for people; its texts are written when somebody asks first.
    pub(crate) fn report(&self) -> &PlanReport {
        self.report.get_or_init(|| report::plan(self))
    }
}
