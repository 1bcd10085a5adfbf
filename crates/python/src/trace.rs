//! What Python code sees while it writes a graph: the builder, and within a layer its trace.
//!
//! Python objects cannot hold borrowed values, so the graph at hand lies in a scoped variable of the thread. A [`Node`](crate::node::Node)
//! remembers the number of its builder, and is refused where another one is at hand.

use adaline::graph::{Builder, Distribution, NodeId, Shape, Var};
use adaline::nn::{CallSettings, Layer, Masked, Trace, WeightSpec};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::cell::RefCell;

/// A node with the mask of its steps.
pub(crate) type MaskedId = (NodeId, Option<NodeId>);

/// What a layer may do with its trace, told in numbers of nodes: the lifetime of handles stays within.
pub(crate) trait Host {
    fn builder(&self) -> &Builder;
    fn training(&self) -> bool;
    fn weight(&mut self, name: &str, shape: &[usize], spec: &WeightSpec) -> NodeId;
    fn assign(&mut self, name: &str, value: NodeId);
    fn apply(&mut self, name: &str, layer: &dyn Layer, inputs: &[MaskedId], settings: &CallSettings) -> Vec<MaskedId>;
    fn add_loss(&mut self, scalar: NodeId);
    fn random(&mut self, dist: Distribution, shape: Shape) -> NodeId;
}

impl Host for Trace<'_, '_> {
    fn builder(&self) -> &Builder {
        Trace::builder(self)
    }
    fn training(&self) -> bool {
        Trace::training(self)
    }
    fn weight(&mut self, name: &str, shape: &[usize], spec: &WeightSpec) -> NodeId {
        Trace::weight(self, name, shape, spec).id()
    }
    fn assign(&mut self, name: &str, value: NodeId) {
        let value = Trace::builder(self).var(value);
        self.update(name, value);
    }
    fn apply(&mut self, name: &str, layer: &dyn Layer, inputs: &[MaskedId], settings: &CallSettings) -> Vec<MaskedId> {
        let b = Trace::builder(self);
        let inputs: Vec<Masked<'_>> = inputs.iter().map(|&(v, m)| Masked { value: b.var(v), mask: m.map(|m| b.var(m)) }).collect();
        let results = settings.apply(self, name, layer, &inputs);
        results.into_iter().map(|r| (r.value.id(), r.mask.map(Var::id))).collect()
    }
    fn add_loss(&mut self, scalar: NodeId) {
        let scalar = Trace::builder(self).var(scalar);
        Trace::add_loss(self, scalar);
    }
    fn random(&mut self, dist: Distribution, shape: Shape) -> NodeId {
        let (stream, seed, step) = Trace::random(self);
        Trace::builder(self).random(dist, stream, shape, seed, step).id()
    }
}

scoped_tls_hkt::scoped_thread_local!(static BUILDER: Builder);
scoped_tls_hkt::scoped_thread_local!(static mut HOST: for<'a> &'a mut (dyn Host + 'a));

thread_local! {
    /// An exception of Python code that a graph was written by, until the call from Python that it belongs to returns.
    static PENDING: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Runs `f` with a builder at hand.
pub(crate) fn within<R>(b: &Builder, f: impl FnOnce() -> R) -> R {
    BUILDER.set(b, f)
}

/// Runs `f` with the trace of a layer at hand.
pub(crate) fn within_layer<R>(cx: &mut Trace<'_, '_>, f: impl FnOnce() -> R) -> R {
    let b = Trace::builder(cx);
    BUILDER.set(b, || HOST.set(cx, f))
}

/// Whether a graph is being written.
pub(crate) fn tracing() -> bool {
    BUILDER.is_set()
}

/// The builder at hand.
pub(crate) fn with_builder<R>(f: impl FnOnce(&Builder) -> PyResult<R>) -> PyResult<R> {
    if !BUILDER.is_set() {
        return Err(PyRuntimeError::new_err("no graph is being written here: symbolic values exist only within the call that is traced"));
    }
    BUILDER.with(f)
}

/// The trace of the layer that is being written.
pub(crate) fn with_host<R>(f: impl FnOnce(&mut dyn Host) -> PyResult<R>) -> PyResult<R> {
    if !HOST.is_set() {
        return Err(PyRuntimeError::new_err("this needs a layer that is being called: weights and dropout exist only within layers"));
    }
    HOST.with(f)
}

/// An error as Python sees it where a graph has latched one.
pub(crate) fn checked(v: Var<'_>) -> PyResult<Var<'_>> {
    match v.builder().latched() {
        Some(error) => Err(take_pending().unwrap_or_else(|| PyValueError::new_err(error.to_string()))),
        None => Ok(v),
    }
}

/// Keeps an exception for the call from Python that everything happens within; the text stands for it in Rust's errors.
pub(crate) fn keep(error: PyErr) -> String {
    let text = Python::attach(|py| error.value(py).to_string());
    PENDING.with_borrow_mut(|pending| {
        pending.get_or_insert(error);
    });
    text
}

/// The exception that was kept, if there is one.
pub(crate) fn take_pending() -> Option<PyErr> {
    PENDING.take()
}
