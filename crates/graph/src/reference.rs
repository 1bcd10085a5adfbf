//! A backend made of the naive evaluator: slow, obvious, and right. It trains small models where no fast backend is at hand, and
//! tests compare against it.

use crate::backend::{Backend, CompileError, CompileOptions, Executable, PlanReport, RunError, Session, StepReport, TensorRef};
use crate::eval::{EvalError, Precision, Value, run};
use crate::verify::{Stage, verify};
use crate::{DType, Graph, GraphError, StateLayout, StateStore};
use std::sync::Arc;

/// The backend of the evaluator. Inputs and state are `f32`; in between it computes with its precision.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference {
    /// Precision between inputs and results.
    pub precision: Precision,
}

impl Backend for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }
    fn threads(&self) -> usize {
        1
    }
    fn compile(&self, graph: &Graph, state: &StateLayout, options: &CompileOptions) -> Result<Arc<dyn Executable>, CompileError> {
        for s in graph.slots() {
            let found = state.iter().find(|(id, _)| *id == s.slot).map(|(_, slot)| slot.ty);
            if found != Some(s.ty) {
                let got = found.map_or("nothing".into(), |t| t.to_string());
                return Err(CompileError::Verify(format!("slot `{}` of type {} is {got} in the state", s.name, s.ty)));
            }
        }
        for (slot, node) in &graph.outputs().updates {
            let expected = state.iter().find(|(id, _)| id == slot).map(|(_, s)| s.ty);
            if expected != Some(graph.ty(*node)) {
                let message = format!("updates slot {} with {}, which does not fit", slot.0, graph.ty(*node));
                return Err(GraphError::Malformed { node: node.index(), message }.into());
            }
        }
        if options.verify {
            verify(graph, Stage::Built)?;
        }
        Ok(Arc::new(Program { graph: Arc::new(graph.clone()), precision: self.precision }))
    }
}

struct Program {
    graph: Arc<Graph>,
    precision: Precision,
}

impl Executable for Program {
    fn session(&self) -> Box<dyn Session> {
        let outputs = self.graph.outputs().values.iter().map(|(_, n)| Buffer::zeros(&self.graph, *n)).collect();
        Box::new(Run { graph: self.graph.clone(), precision: self.precision, outputs })
    }
    fn report(&self) -> PlanReport {
        let steps = self.graph.nodes().iter().map(|n| StepReport {
            origin: self.graph.origin_path(n.origin).into(),
            kernel: n.op.name().into(),
            shapes: n.ty.to_string(),
            read: n.inputs.iter().map(|&i| 4 * self.graph.ty(i).len() as u64).sum(),
            written: 4 * n.ty.len() as u64,
            ..StepReport::default()
        });
        PlanReport { steps: steps.collect(), ..PlanReport::default() }
    }
}

/// A result in the element type that callers see.
enum Buffer {
    F32(Vec<f32>),
    I32(Vec<i32>),
}

impl Buffer {
    fn zeros(graph: &Graph, node: crate::NodeId) -> Self {
        Self::new(&Value::zeros(graph.ty(node)))
    }
    fn new(v: &Value) -> Self {
        match v.ty.dtype {
            DType::F32 | DType::Bool => Self::F32(v.to_f32()),
            DType::I32 => Self::I32(v.to_i32()),
        }
    }
}

struct Run {
    graph: Arc<Graph>,
    precision: Precision,
    outputs: Vec<Buffer>,
}

impl Run {
    /// Runs and returns the new values of slots as words.
    fn step(&mut self, inputs: &[TensorRef<'_>], state: &StateStore) -> Result<Vec<(crate::SlotId, Vec<u32>)>, RunError> {
        let graph = &self.graph;
        if inputs.len() != graph.inputs().len() {
            return Err(RunError::InputCount { expected: graph.inputs().len(), got: inputs.len() });
        }
        let mut values = Vec::with_capacity(inputs.len());
        for (decl, given) in graph.inputs().iter().zip(inputs) {
            if !given.fits(decl.ty) {
                return Err(RunError::Input { name: decl.name.clone(), expected: decl.ty, got: given.len() });
            }
            values.push(Value::from_words(decl.ty, given.words()));
        }
        // A slot that is only written must exist as well.
        let exists = |slot: crate::SlotId, ty| slot.index() < state.layout().len() && state.layout().slot(slot).ty == ty;
        for (slot, n) in &graph.outputs().updates {
            if !exists(*slot, graph.ty(*n)) {
                return Err(RunError::State { slot: slot.0.to_string(), ty: graph.ty(*n) });
            }
        }
        let read = |slot: crate::SlotId| {
            let ty = graph.slots().iter().find(|s| s.slot == slot)?.ty;
            exists(slot, ty).then(|| Value::from_words(ty, state.words(slot)))
        };
        let mut nodes = Vec::new();
        run(graph, &values, &read, self.precision, &mut nodes, true).map_err(|e| match e {
            EvalError::State { name, expected, .. } => RunError::State { slot: name, ty: expected },
            EvalError::InputCount { expected, got } => RunError::InputCount { expected, got },
            EvalError::Input { name, expected, .. } => RunError::Input { name, expected, got: expected.len() },
        })?;
        self.outputs = graph.outputs().values.iter().map(|(_, n)| Buffer::new(&nodes[n.index()])).collect();
        Ok(graph.outputs().updates.iter().map(|(s, n)| (*s, nodes[n.index()].to_words())).collect())
    }
}

impl Session for Run {
    /// Unlike fast backends, this one allocates at every run.
    fn run(&mut self, inputs: &[TensorRef<'_>], state: &mut StateStore) -> Result<(), RunError> {
        for (slot, words) in self.step(inputs, state)? {
            state.words_mut(slot).copy_from_slice(&words);
        }
        Ok(())
    }
    fn run_frozen(&mut self, inputs: &[TensorRef<'_>], state: &StateStore) -> Result<(), RunError> {
        if !self.graph.outputs().updates.is_empty() {
            return Err(RunError::Updates);
        }
        self.step(inputs, state).map(|_| ())
    }
    fn output(&self, index: usize) -> TensorRef<'_> {
        match &self.outputs[index] {
            Buffer::F32(v) => TensorRef::F32(v),
            Buffer::I32(v) => TensorRef::I32(v),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, Role, Shape, TensorType};

    #[test]
    fn a_step_reads_old_values_and_writes_new_ones_in_place() {
        let mut store = StateStore::new();
        let w = store.add("w", Role::Trainable, TensorType::f32([2]));
        let n = store.add("n", Role::Metric, TensorType::i32(Shape::SCALAR));
        store.f32_mut(w).copy_from_slice(&[1.0, 2.0]);
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([2]));
        let (wv, nv) = (b.state(w, "w", TensorType::f32([2])), b.state(n, "n", TensorType::i32(Shape::SCALAR)));
        b.update(w, wv + x);
        b.update(n, nv + b.constant(crate::Literal::I32(1), Shape::SCALAR));
        b.output("old", wv);
        b.output("positive", wv.gt_scalar(1.5));
        let graph = b.finish().unwrap();
        let plan = Reference::default().compile(&graph, store.layout(), &CompileOptions::default()).unwrap();
        let mut session = plan.session();
        for _ in 0..3 {
            session.run(&[TensorRef::F32(&[10.0, 20.0])], &mut store).unwrap();
        }
        assert_eq!((store.f32(w), store.i32(n)), (&[31.0, 62.0][..], &[3][..]));
        assert_eq!(session.output(0), TensorRef::F32(&[21.0, 42.0]));
        assert_eq!(session.output(1), TensorRef::F32(&[1.0, 1.0]));
        assert_eq!(session.run_frozen(&[TensorRef::F32(&[1.0, 2.0])], &store), Err(RunError::Updates));
        let text = |r: Result<(), RunError>| r.unwrap_err().to_string();
        assert_eq!(text(session.run(&[], &mut store)), "expected 1 inputs, got 0");
        assert_eq!(
            text(session.run(&[TensorRef::F32(&[1.0])], &mut store)),
            "input `x` expects f32[2]; got 1 elements of another type or number"
        );
        assert_eq!(
            text(session.run(&[TensorRef::F32(&[1.0, 2.0])], &mut StateStore::new())),
            "the state does not hold slot `0` of type f32[2]"
        );
        let error = Reference::default().compile(&graph, &StateLayout::new(), &CompileOptions::default()).err().unwrap();
        assert_eq!(error.to_string(), "the plan failed its check: slot `w` of type f32[2] is nothing in the state");
    }
}
