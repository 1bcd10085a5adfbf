//! Plans: a flat list of kernel calls with resolved places. Immutable, shareable.

use crate::conv::Conv;
use crate::direct::Direct;
use crate::dot::Dot;
use crate::fused::kernel::Tile;
use crate::fused::program::BufRef;
use crate::moves::Move;
use crate::report;
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
}

impl Kernel {
    /// Scratch words that each worker needs.
    pub(crate) fn scratch_words(&self) -> usize {
        match self {
            Self::Tile(t) => t.scratch_words(),
            Self::Dot(d) => d.scratch_words(),
            Self::Conv(c) => c.scratch_words(),
            Self::Move(_) | Self::Direct(_) => 0,
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
    /// Largest sum of live words of the arena at any step.
    pub(crate) live_words: usize,
    /// What it was made of, for whoever wants to read it.
    pub(crate) fused: Fused,
    pub(crate) report: OnceLock<PlanReport>,
}

impl Plan {
    /// The plan for people; its texts are written when somebody asks first.
    pub(crate) fn report(&self) -> &PlanReport {
        self.report.get_or_init(|| report::plan(self))
    }
}
