//! The backend: graphs in, plans out.

use crate::plan::Plan;
use crate::pool::Pool;
use crate::session::CpuSession;
use crate::simd::{Isa, UnknownIsa};
use crate::{lower, par, verify};
use adaline_graph::backend::{Backend, CompileError, CompileOptions, Executable, PlanReport, Session};
use adaline_graph::{Graph, StateLayout, fuse, pass};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Compiles graphs for the processor it runs on. Cheap to clone; clones share one pool of threads.
///
/// ```
/// use adaline_cpu::Cpu;
/// use adaline_graph::backend::{Backend, CompileOptions, TensorRef};
/// use adaline_graph::{Builder, StateStore, TensorType};
///
/// let b = Builder::new();
/// let x = b.input("x", TensorType::f32([2, 2]));
/// b.output("y", x.matmul(x).relu());
/// let state = StateStore::new();
/// let plan = Cpu::new().threads(1).compile(&b.finish().unwrap(), state.layout(), &CompileOptions::default()).unwrap();
/// let mut session = plan.session();
/// session.run_frozen(&[TensorRef::F32(&[1.0, -1.0, 0.0, 2.0])], &state).unwrap();
/// assert_eq!(session.output(0).f32().unwrap(), [1.0, 0.0, 0.0, 4.0]);
/// ```
#[derive(Clone)]
pub struct Cpu {
    threads: usize,
    isa: Isa,
    pool: Arc<OnceLock<Arc<Pool>>>,
}

impl Cpu {
    /// All threads the machine offers and the best instruction set it has, or the one that the environment variable `ADALINE_ISA`
    /// names (ignored when unknown here; [`Cpu::from_env`] reports that).
    pub fn new() -> Self {
        Self::from_env().unwrap_or_else(|_| Self::with(Isa::best()))
    }
    /// As [`Cpu::new`], but an unknown or missing instruction set in `ADALINE_ISA` is an error.
    pub fn from_env() -> Result<Self, UnknownIsa> {
        Isa::from_env().map(Self::with)
    }
    fn with(isa: Isa) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, isa, pool: Arc::default() }
    }
    /// With a number of threads (at least 1). Results do not depend on it.
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), pool: Arc::default(), ..self }
    }
    /// With an instruction set. Results do not depend on it, except those of larger products of bfloat16 values under [`Isa::Avx512`] on a
    /// processor with AVX512-BF16 (the pass `bf16`); one that the machine lacks is replaced by portable code.
    pub fn isa(self, isa: Isa) -> Self {
        Self { isa: if isa.is_available() { isa } else { Isa::Portable }, ..self }
    }
    /// The instruction set in use.
    pub fn instruction_set(&self) -> Isa {
        self.isa
    }

    /// As [`Backend::compile`], with the concrete plan: for profiles.
    pub fn compile_plan(&self, graph: &Graph, state: &StateLayout, options: &CompileOptions) -> Result<CpuPlan, CompileError> {
        for slot in graph.slots() {
            if slot.slot.index() >= state.len() || state.slot(slot.slot).ty != slot.ty {
                return Err(CompileError::Unsupported {
                    backend: "cpu",
                    what: format!("slot `{}` of type {}, which the state lacks", slot.name, slot.ty),
                });
            }
        }
        let mut clock = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            now.duration_since(std::mem::replace(&mut clock, now))
        };
        let graph = pass::pipeline(graph, options)?;
        let passes = lap();
        let fused = fuse::fuse(&graph, options)?;
        let fusion = lap();
        let plan = lower::lower(fused, state, options, self.isa)?;
        let lowering = lap();
        if options.verify {
            verify::verify(&plan, state).map_err(CompileError::Verify)?;
        }
        let times = CompileTimes { passes, fusion, lowering, verification: lap() };
        Ok(CpuPlan { plan: Arc::new(plan), pool: Arc::clone(self.pool()), isa: self.isa, times })
    }
}

impl Cpu {
    fn pool(&self) -> &Arc<Pool> {
        self.pool.get_or_init(|| Arc::new(Pool::new(self.threads)))
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Cpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cpu").field("threads", &self.threads).field("isa", &self.isa).finish_non_exhaustive()
    }
}

impl Backend for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }
    fn threads(&self) -> usize {
        self.threads
    }
    fn compile(&self, graph: &Graph, state: &StateLayout, options: &CompileOptions) -> Result<Arc<dyn Executable>, CompileError> {
        Ok(Arc::new(self.compile_plan(graph, state, options)?))
    }
    fn fill(&self, out: &mut [f32], chunk: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        par::fill(self.pool(), out, chunk, work);
    }
}

/// The regions of a graph as text: what `dump --stage fused` shows.
pub fn dump_fused(graph: &Graph, options: &CompileOptions) -> Result<String, CompileError> {
    Ok(fuse::fuse(&pass::pipeline(graph, options)?, options)?.to_string())
}

/// How long the parts of one compilation took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CompileTimes {
    /// Simplification, constant folding, removal of what nobody reads.
    pub passes: Duration,
    /// Dividing the graph into regions.
    pub fusion: Duration,
    /// Kernels and the memory plan.
    pub lowering: Duration,
    /// The independent check of the plan, where the options ask for it.
    pub verification: Duration,
}

/// A graph compiled for the processor.
#[derive(Clone)]
pub struct CpuPlan {
    pub(crate) plan: Arc<Plan>,
    pool: Arc<Pool>,
    isa: Isa,
    times: CompileTimes,
}

impl CpuPlan {
    /// How long its compilation took.
    pub fn times(&self) -> CompileTimes {
        self.times
    }
    /// A session with its profile at hand.
    pub fn cpu_session(&self) -> CpuSession {
        CpuSession::new(Arc::clone(&self.plan), Arc::clone(&self.pool), self.isa)
    }
}

impl Executable for CpuPlan {
    fn session(&self) -> Box<dyn Session> {
        Box::new(self.cpu_session())
    }
    fn report(&self) -> PlanReport {
        self.plan.report().clone()
    }
}

impl std::fmt::Debug for CpuPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuPlan").field("steps", &self.plan.steps.len()).field("isa", &self.isa).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod bf16_tests;
