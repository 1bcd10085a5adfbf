//! The CPU backend with a memory of what it compiled: the graphs and their plans.

use adaline::cpu::Cpu;
use adaline::graph::backend::{Backend, CompileError, CompileOptions, Executable, PlanReport};
use adaline::graph::{Graph, StateLayout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The backend of `dump` and `bench`.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Cpu,
    compiled: Compiled,
    /// The graph seen last, whether or not it could be compiled.
    seen: Mutex<Option<Graph>>,
}

#[derive(Default)]
struct Compiled(Mutex<Vec<(Graph, Arc<dyn Executable>)>>);

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}

impl Watched {
    /// With so many threads, or all.
    pub(crate) fn new(threads: Option<u16>) -> Arc<Self> {
        let inner = match threads {
            Some(n) => Cpu::new().threads(usize::from(n)),
            None => Cpu::new(),
        };
        Arc::new(Self { inner, compiled: Compiled::default(), seen: Mutex::new(None) })
    }
    /// The instruction set in use.
    pub(crate) fn instruction_set(&self) -> String {
        format!("{:?}", self.inner.instruction_set()).to_lowercase()
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
        let fits =
            |g: &Graph| !g.outputs().updates.is_empty() && g.inputs().first().is_some_and(|x| x.ty.shape.dims().first() == Some(&rows));
        let trains = |g: &Graph| g.inputs().iter().any(|i| i.name == "learning_rate");
        self.list().iter().find(|(g, _)| fits(g) && trains(g)).map(|(_, plan)| plan.report())
    }
    fn list(&self) -> MutexGuard<'_, Vec<(Graph, Arc<dyn Executable>)>> {
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
    fn compile(&self, graph: &Graph, state: &StateLayout, options: &CompileOptions) -> Result<Arc<dyn Executable>, CompileError> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(graph.clone());
        let executable = self.inner.compile(graph, state, options)?;
        self.list().push((graph.clone(), executable.clone()));
        Ok(executable)
    }
}
