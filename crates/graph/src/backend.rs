//! The seam between graphs and machines.
//!
//! A [`Backend`] turns a whole [`Graph`] into an immutable, shareable [`Executable`]; a [`Session`] holds the mutable memory of one
//! run at a time (as a compiled regular expression and its cache are two things). Nothing here knows of the CPU.

use crate::{DType, Graph, GraphError, StateStore, TensorType};
use std::fmt;
use std::sync::Arc;

/// How to compile. The defaults are what users get; tests switch passes off in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    /// Names of passes to leave out (`simplify`, `fold`, `pool`: rectifiers behind maxima of windows, `fuse`, `epilogue`, `rows`, `columns`,
    /// `reuse`, `inplace`, `named`, `scan`: recurrences joined and rid of what nobody reads, `parts`: their batch in parts, each on one thread, `conv`: convolutions as products, `winograd`: those of 3×3 with fewer multiplications, `bf16`: products of bfloat16 values by instructions made for them, `sums`: sums by index with what follows them).
    pub disabled: Vec<String>,
    /// Elements per block of fused loops, when not the default.
    pub block: Option<usize>,
    /// Check the finished plan with the independent verifier (always on in debug builds).
    pub verify: bool,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self { disabled: Vec::new(), block: None, verify: cfg!(debug_assertions) }
    }
}

impl CompileOptions {
    /// Whether a pass runs.
    pub fn enabled(&self, pass: &str) -> bool {
        !self.disabled.iter().any(|d| d == pass)
    }
}

/// A borrowed tensor of a given element type, row-major.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TensorRef<'a> {
    /// `f32` values; truth values come as 0.0 and 1.0.
    F32(&'a [f32]),
    /// `i32` values.
    I32(&'a [i32]),
}

impl<'a> TensorRef<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::I32(v) => v.len(),
        }
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Whether it can stand for an input of this type.
    pub fn fits(&self, ty: TensorType) -> bool {
        self.len() == ty.len()
            && match self {
                Self::F32(_) => ty.dtype != DType::I32,
                Self::I32(_) => ty.dtype == DType::I32,
            }
    }
    /// The words.
    pub fn words(&self) -> &'a [u32] {
        match self {
            Self::F32(v) => bytemuck::cast_slice(v),
            Self::I32(v) => bytemuck::cast_slice(v),
        }
    }
    /// The values, when they are `f32`.
    pub fn f32(&self) -> Option<&'a [f32]> {
        match self {
            Self::F32(v) => Some(v),
            Self::I32(_) => None,
        }
    }
    /// The values, when they are `i32`.
    pub fn i32(&self) -> Option<&'a [i32]> {
        match self {
            Self::I32(v) => Some(v),
            Self::F32(_) => None,
        }
    }
}

/// Turns graphs into executables.
pub trait Backend: Send + Sync + fmt::Debug {
    /// Name for messages and reports (`cpu`, `reference`).
    fn name(&self) -> &'static str;
    /// Number of threads a run may use.
    fn threads(&self) -> usize;
    /// Compiles a whole graph. `store`'s layout gives the places of the slots; it may grow later, but offsets never move.
    fn compile(&self, graph: &Graph, state: &crate::StateLayout, options: &CompileOptions) -> Result<Arc<dyn Executable>, CompileError>;
    /// Work beside the graphs: fills `out` by chunks of `chunk` values (the last may be shorter), each by one call of `work(which, chunk)`, on
    /// the threads that run the graphs too. Allocates nothing. This one uses the caller's thread alone.
    fn fill(&self, out: &mut [f32], chunk: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        out.chunks_mut(chunk.max(1)).enumerate().for_each(|(which, chunk)| work(which, chunk));
    }
}

/// A compiled graph: immutable and shareable.
pub trait Executable: Send + Sync {
    /// Memory for one run at a time.
    fn session(&self) -> Box<dyn Session>;
    /// What the plan does, step by step.
    fn report(&self) -> PlanReport;
}

/// The mutable memory of a compiled graph.
pub trait Session: Send {
    /// Runs once: reads inputs and state, writes outputs and, in place, state updates. Inputs come in the order of the graph's
    /// declarations. Allocates nothing after the first call.
    fn run(&mut self, inputs: &[TensorRef<'_>], state: &mut StateStore) -> Result<(), RunError>;
    /// Runs a graph without updates on shared state.
    fn run_frozen(&mut self, inputs: &[TensorRef<'_>], state: &StateStore) -> Result<(), RunError>;
    /// A result of the last run, by its place in the graph's outputs.
    fn output(&self, index: usize) -> TensorRef<'_>;
}

/// Why a graph could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The graph itself is at fault.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The backend lacks something.
    #[error("the {backend} backend cannot compile {what}")]
    Unsupported {
        /// Backend name.
        backend: &'static str,
        /// What it cannot do.
        what: String,
    },
    /// The finished plan breaks a rule (a defect of the compiler).
    #[error("the plan failed its check: {0}")]
    Verify(String),
    /// More memory than there can be.
    #[error("the plan needs {words} words of memory, more than this machine can address")]
    TooLarge {
        /// Words of 4 bytes.
        words: usize,
    },
}

/// Why a run was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Wrong number of inputs.
    #[error("expected {expected} inputs, got {got}")]
    InputCount {
        /// Declared.
        expected: usize,
        /// Handed in.
        got: usize,
    },
    /// An input of another type or size.
    #[error("input `{name}` expects {expected}; got {got} elements of another type or number")]
    Input {
        /// Its name.
        name: String,
        /// Declared type.
        expected: TensorType,
        /// Elements handed in.
        got: usize,
    },
    /// The store is not the one the plan was compiled for.
    #[error("the state does not hold slot `{slot}` of type {ty}")]
    State {
        /// Slot name.
        slot: String,
        /// Its type.
        ty: TensorType,
    },
    /// `run_frozen` of a graph that updates state.
    #[error("this plan updates state (a layer assigns to a weight of its own) and cannot run on weights that others read at the same time")]
    Updates,
}

/// One step of a plan, for people and for benchmarks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepReport {
    /// Layer path.
    pub origin: String,
    /// Kernel and what it does, such as `gemm 128x512x784 +bias relu`.
    pub kernel: String,
    /// Shapes of what it reads and writes.
    pub shapes: String,
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
    /// Floating-point operations.
    pub flops: u64,
    /// Where results lie, such as `arena+4096` or `state dense/kernel`.
    pub place: String,
}

/// A plan, readable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanReport {
    /// The steps in order.
    pub steps: Vec<StepReport>,
    /// Bytes of the arena.
    pub arena_bytes: u64,
    /// Largest sum of live bytes at any step: no plan in this order can need less.
    pub live_bytes: u64,
    /// Bytes of weights, optimizer memory and metrics.
    pub state_bytes: u64,
    /// Bytes of inputs.
    pub input_bytes: u64,
    /// What optimisations were refused, and why.
    pub notes: Vec<String>,
}

impl PlanReport {
    /// Floating-point operations of one run.
    pub fn flops(&self) -> u64 {
        self.steps.iter().map(|s| s.flops).sum()
    }
}

impl fmt::Display for PlanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            |get: fn(&StepReport) -> &str, least: usize| self.steps.iter().map(|s| get(s).chars().count()).max().unwrap_or(0).max(least);
        let (o, k, p) = (width(|s| &s.origin, 5), width(|s| &s.kernel, 6), width(|s| &s.place, 5));
        writeln!(
            f,
            "{:>4}  {:o$}  {:k$}  {:p$}  {:>10}  {:>10}  {:>12}  shapes",
            "step", "layer", "kernel", "place", "read B", "written B", "flops"
        )?;
        for (i, s) in self.steps.iter().enumerate() {
            writeln!(
                f,
                "{i:>4}  {:o$}  {:k$}  {:p$}  {:>10}  {:>10}  {:>12}  {}",
                s.origin, s.kernel, s.place, s.read, s.written, s.flops, s.shapes
            )?;
        }
        writeln!(
            f,
            "{} steps, {} flops; arena {} B (live at most {} B), state {} B, inputs {} B",
            self.steps.len(),
            self.flops(),
            self.arena_bytes,
            self.live_bytes,
            self.state_bytes,
            self.input_bytes
        )?;
        for n in &self.notes {
            writeln!(f, "note: {n}")?;
        }
        Ok(())
    }
}
