//! The CPU backend with a memory of what it compiled: the graphs, their plans, and how long each part of that took.

use adaline::cpu::{CompileTimes, Cpu, CpuPlan, CpuSession};
use adaline::graph::backend::{Backend, CompileError, CompileOptions, Executable, PlanReport, RunError, Session, TensorRef};
use adaline::graph::{Graph, StateLayout, StateStore};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The backend of `dump` and `bench`.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Cpu,
    compiled: Compiled,
    /// The graph seen last, whether or not it could be compiled; none where nobody asks for it.
    seen: Mutex<Option<Graph>>,
    keeps_graphs: bool,
    times: Shared,
}

/// How long compilations and what followed them took, all of them together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Inside the compiler.
    pub compile: CompileTimes,
    /// Making the memory of sessions.
    pub sessions: Duration,
    /// The first run of each session.
    pub first_runs: Duration,
}

type Shared = Arc<Mutex<Times>>;

fn lock(times: &Shared) -> MutexGuard<'_, Times> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Compiled(Mutex<Vec<(Purpose, Arc<dyn Executable>)>>);

/// What a graph is for.
struct Purpose {
    /// Rows of its first input.
    rows: Option<usize>,
    /// Whether it is a training step.
    trains: bool,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}

impl Watched {
    /// With so many threads, or all. Graphs are copied where they are to be kept.
    pub(crate) fn new(threads: Option<u16>, keeps_graphs: bool) -> Arc<Self> {
        let inner = match threads {
            Some(n) => Cpu::new().threads(usize::from(n)),
            None => Cpu::new(),
        };
        Arc::new(Self { inner, compiled: Compiled::default(), seen: Mutex::new(None), keeps_graphs, times: Shared::default() })
    }
    /// The instruction set in use.
    pub(crate) fn instruction_set(&self) -> String {
        format!("{:?}", self.inner.instruction_set()).to_lowercase()
    }
    /// How long everything took so far.
    pub(crate) fn times(&self) -> Times {
        *lock(&self.times)
    }
    /// The graph handed in last, as traced: also one that could not be compiled, which is when one wants to see it.
    pub(crate) fn last_graph(&self) -> Option<Graph> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// The plan compiled last.
    pub(crate) fn last_plan(&self) -> Option<PlanReport> {
        self.list().last().map(|(_, plan)| plan.report())
    }
    /// The plan of the training step of so many rows.
    pub(crate) fn training(&self, rows: usize) -> Option<PlanReport> {
        self.list().iter().find(|(g, _)| g.trains && g.rows == Some(rows)).map(|(_, plan)| plan.report())
    }
    fn list(&self) -> MutexGuard<'_, Vec<(Purpose, Arc<dyn Executable>)>> {
        self.compiled.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Watched {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn threads(&self) -> usize {
        Backend::threads(&self.inner)
    }
    fn fill(&self, out: &mut [f32], chunk: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        self.inner.fill(out, chunk, work);
    }
    fn compile(&self, graph: &Graph, state: &StateLayout, options: &CompileOptions) -> Result<Arc<dyn Executable>, CompileError> {
        if self.keeps_graphs {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(graph.clone());
        }
        let plan = self.inner.compile_plan(graph, state, options)?;
        let took = plan.times();
        {
            let all = &mut lock(&self.times).compile;
            all.passes += took.passes;
            all.fusion += took.fusion;
            all.lowering += took.lowering;
            all.verification += took.verification;
        }
        let executable: Arc<dyn Executable> = Arc::new(TimedPlan { plan, times: self.times.clone() });
        let purpose = Purpose {
            rows: graph.inputs().first().and_then(|x| x.ty.shape.dims().first().copied()),
            trains: !graph.outputs().updates.is_empty() && graph.inputs().iter().any(|i| i.name == "learning_rate"),
        };
        self.list().push((purpose, executable.clone()));
        Ok(executable)
    }
}

/// A plan whose sessions tell how long they take to begin.
struct TimedPlan {
    plan: CpuPlan,
    times: Shared,
}

impl Executable for TimedPlan {
    fn session(&self) -> Box<dyn Session> {
        let begin = Instant::now();
        let session = self.plan.cpu_session();
        lock(&self.times).sessions += begin.elapsed();
        Box::new(TimedSession { session, first: Some(self.times.clone()) })
    }
    fn report(&self) -> PlanReport {
        self.plan.report()
    }
}

/// A session whose first run is timed.
struct TimedSession {
    session: CpuSession,
    /// Until the first run is over.
    first: Option<Shared>,
}

impl Session for TimedSession {
    fn run(&mut self, inputs: &[TensorRef<'_>], state: &mut StateStore) -> Result<(), RunError> {
        let Some(times) = self.first.take() else { return self.session.run(inputs, state) };
        let begin = Instant::now();
        let ran = self.session.run(inputs, state);
        lock(&times).first_runs += begin.elapsed();
        ran
    }
    fn run_frozen(&mut self, inputs: &[TensorRef<'_>], state: &StateStore) -> Result<(), RunError> {
        self.session.run_frozen(inputs, state)
    }
    fn output(&self, index: usize) -> TensorRef<'_> {
        self.session.output(index)
    }
}
