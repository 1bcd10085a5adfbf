//! A backend against the naive evaluator, with a running error bound.
//!
//! Every node gets the value that the evaluator finds in single precision, and a bound of how far a correct backend may be from it:
//! data movement, integers and comparisons of exact numbers are exact; an arithmetic operation adds a unit in the last place; a sum of
//! `n` terms in any order adds `n ε Σ|terms|`; elementary functions add a few units; errors of inputs are carried through. Where an
//! error crosses a comparison, either outcome is accepted. So a defect shows, and a rounding does not.

mod bound;

use adaline_graph::backend::{Backend, CompileOptions, TensorRef};
use adaline_graph::eval::{Precision, Value, evaluate_with};
use adaline_graph::{DType, Graph, NodeId, Role, Shape, SlotId, StateStore, TensorType};

pub use bound::bounds;

/// What rounding is allowed, in units of `f32::EPSILON` relative to the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// For each addition, multiplication, division, square root.
    pub arithmetic: f64,
    /// For each exponential, logarithm, tangent and the like.
    pub elementary: f64,
    /// For each term of a sum or product.
    pub term: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { arithmetic: 1.0, elementary: 8.0, term: 1.0 }
    }
}

/// A backend that errs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// An element is farther from the evaluator's than rounding explains.
    #[error("{what}, element {element} of {ty}: expected {expected:e} within {bound:e}, got {got:e} ({wrong} of {total} elements differ)")]
    Value {
        /// Which output or slot.
        what: String,
        /// Its type.
        ty: String,
        /// First element that differs.
        element: usize,
        /// From the evaluator.
        expected: f64,
        /// From the backend.
        got: f64,
        /// What was allowed.
        bound: f64,
        /// Number of elements that differ.
        wrong: usize,
        /// Number of elements.
        total: usize,
    },
    /// A result has another element type or length.
    #[error("{what} should be {expected}, got {got} elements of another type or number")]
    Type {
        /// Which output.
        what: String,
        /// Its type.
        expected: TensorType,
        /// Elements that came.
        got: usize,
    },
    /// A slot that the graph does not update has changed.
    #[error("slot {} has changed without an update", .0.0)]
    Changed(SlotId),
    /// The second run of one session gave other bits than the first.
    #[error("{0} differs between two runs on the same values")]
    Unrepeatable(String),
    /// The graph could not be evaluated, compiled or run.
    #[error("{0}")]
    Failed(String),
}

/// A store that holds the given slots, and zeros in those that the graph uses besides.
pub fn store_for(graph: &Graph, state: &[(SlotId, Value)]) -> StateStore {
    let updates = graph.outputs().updates.iter().map(|(s, n)| (*s, graph.ty(*n)));
    let used: Vec<(SlotId, TensorType)> =
        graph.slots().iter().map(|s| (s.slot, s.ty)).chain(updates).chain(state.iter().map(|(s, v)| (*s, v.ty))).collect();
    let mut store = StateStore::new();
    for i in 0..used.iter().map(|(s, _)| s.0 + 1).max().unwrap_or(0) {
        let ty = used.iter().find(|(s, _)| s.0 == i).map_or(TensorType::f32(Shape::SCALAR), |(_, t)| *t);
        let id = store.add(&format!("slot{i}"), Role::ALL[i as usize % 4], ty);
        if let Some((_, v)) = state.iter().find(|(s, _)| *s == id) {
            store.words_mut(id).copy_from_slice(&v.to_words());
        }
    }
    store
}

/// Runs a graph twice on a backend, from equal values, and compares outputs and updates with the evaluator and with each other.
pub fn compare(
    backend: &dyn Backend,
    graph: &Graph,
    inputs: &[Value],
    state: &[(SlotId, Value)],
    options: &CompileOptions,
    tolerance: &Tolerance,
) -> Result<(), Mismatch> {
    let mut store = store_for(graph, state);
    let start = store.clone();
    let read = |id: SlotId| (id.index() < start.layout().len()).then(|| Value::from_words(start.layout().slot(id).ty, start.words(id)));
    let expected = evaluate_with(graph, inputs, &read, Precision::F32).map_err(|e| Mismatch::Failed(e.to_string()))?;
    let bounds = bounds(graph, &expected.nodes, tolerance);

    let plan = backend.compile(graph, store.layout(), options).map_err(|e| Mismatch::Failed(format!("compile: {e}")))?;
    let mut session = plan.session();
    let buffers: Vec<Buffer> = inputs.iter().map(Buffer::new).collect();
    let refs: Vec<TensorRef<'_>> = buffers.iter().map(Buffer::borrow).collect();
    let mut first: Option<(Vec<Vec<u32>>, StateStore)> = None;
    for _ in 0..2 {
        store.copy_from(&start);
        session.run(&refs, &mut store).map_err(|e| Mismatch::Failed(format!("run: {e}")))?;
        let mut results = Vec::new();
        for (i, (name, node)) in graph.outputs().values.iter().enumerate() {
            let (what, ty) = (format!("output `{name}`"), graph.ty(*node));
            let got = session.output(i);
            if !got.fits(ty) {
                return Err(Mismatch::Type { what, expected: ty, got: got.len() });
            }
            close(what, expected.node(*node), &Value::from_words(ty, got.words()), &bounds[node.index()])?;
            results.push(got.words().to_vec());
        }
        for (slot, node) in &graph.outputs().updates {
            let got = Value::from_words(graph.ty(*node), store.words(*slot));
            close(format!("new value of slot {}", slot.0), expected.node(*node), &got, &bounds[node.index()])?;
        }
        unchanged(graph, &start, &store)?;
        match &first {
            None => first = Some((results, store.clone())),
            Some((before, stored)) => {
                if let Some(i) = (0..results.len()).find(|&i| before[i] != results[i]) {
                    return Err(Mismatch::Unrepeatable(format!("output `{}`", graph.outputs().values[i].0)));
                }
                if let Some((s, _)) = store.layout().iter().find(|(s, _)| stored.words(*s) != store.words(*s)) {
                    return Err(Mismatch::Unrepeatable(format!("slot {}", s.0)));
                }
            }
        }
    }
    Ok(())
}

/// Compares a graph with what passes made of it: outputs and updates agree within the bounds of the original.
pub fn compare_graphs(
    before: &Graph,
    after: &Graph,
    inputs: &[Value],
    state: &[(SlotId, Value)],
    tolerance: &Tolerance,
) -> Result<(), Mismatch> {
    let read = |id: SlotId| state.iter().find(|(s, _)| *s == id).map(|(_, v)| v.clone());
    let run = |g: &Graph| evaluate_with(g, inputs, &read, Precision::F32).map_err(|e| Mismatch::Failed(e.to_string()));
    let (expected, got) = (run(before)?, run(after)?);
    let bounds = bounds(before, &expected.nodes, tolerance);
    for ((name, n), g) in before.outputs().values.iter().zip(&got.outputs) {
        close(format!("output `{name}`"), expected.node(*n), g, &bounds[n.index()])?;
    }
    for ((slot, n), (_, g)) in before.outputs().updates.iter().zip(&got.updates) {
        close(format!("new value of slot {}", slot.0), expected.node(*n), g, &bounds[n.index()])?;
    }
    Ok(())
}

fn unchanged(graph: &Graph, before: &StateStore, after: &StateStore) -> Result<(), Mismatch> {
    let updated = |id: SlotId| graph.outputs().updates.iter().any(|(s, _)| *s == id);
    match before.layout().iter().find(|(id, _)| !updated(*id) && before.words(*id) != after.words(*id)) {
        Some((id, _)) => Err(Mismatch::Changed(id)),
        None => Ok(()),
    }
}

/// Compares element by element.
fn close(what: String, expected: &Value, got: &Value, bounds: &[f64]) -> Result<(), Mismatch> {
    let near = |e: f64, g: f64, bound: f64| e == g || e.is_nan() && g.is_nan() || (e - g).abs() <= bound || bound == f64::INFINITY;
    let wrong: Vec<usize> = (0..bounds.len()).filter(|&i| !near(expected.data[i], got.data[i], bounds[i])).collect();
    match wrong.first() {
        None => Ok(()),
        Some(&element) => Err(Mismatch::Value {
            what,
            ty: expected.ty.to_string(),
            element,
            expected: expected.data[element],
            got: got.data[element],
            bound: bounds[element],
            wrong: wrong.len(),
            total: bounds.len(),
        }),
    }
}

/// The bound of one node's elements, for tests that compare by other means.
pub fn bound_of(graph: &Graph, nodes: &[Value], node: NodeId, tolerance: &Tolerance) -> Vec<f64> {
    bounds(graph, nodes, tolerance).swap_remove(node.index())
}

/// A tensor as a backend takes it.
enum Buffer {
    F32(Vec<f32>),
    I32(Vec<i32>),
}

impl Buffer {
    fn new(v: &Value) -> Self {
        match v.ty.dtype {
            DType::F32 | DType::Bool => Self::F32(v.to_f32()),
            DType::I32 => Self::I32(v.to_i32()),
        }
    }
    fn borrow(&self) -> TensorRef<'_> {
        match self {
            Self::F32(v) => TensorRef::F32(v),
            Self::I32(v) => TensorRef::I32(v),
        }
    }
}
