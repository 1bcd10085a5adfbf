//! Functions of Python that are traced once for given shapes and then run compiled: how `adaline.ops`, losses and metrics work on arrays.

use crate::array::{Given, to_python};
use crate::error::value_error;
use crate::node::{Node, dtype_of, operand};
use crate::trace::{checked, take_pending, within};
use adaline::graph::backend::{CompileOptions, Session};
use adaline::graph::{Builder, Shape, StateLayout, StateStore, TensorType, Var};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use std::sync::Mutex;

/// A compiled function of arrays.
#[pyclass(frozen, module = "adaline._adaline")]
pub(crate) struct Program {
    inputs: Vec<TensorType>,
    outputs: Vec<TensorType>,
    session: Mutex<Box<dyn Session>>,
}

#[pymethods]
impl Program {
    /// Traces `function(*values)`, which gives a value or a list of them, for inputs of types and shapes.
    #[new]
    fn new(py: Python<'_>, function: &Bound<'_, PyAny>, inputs: Vec<(String, Vec<usize>)>) -> PyResult<Self> {
        let b = Builder::new();
        let mut types = Vec::with_capacity(inputs.len());
        for (dtype, dims) in &inputs {
            let shape =
                Shape::try_new(dims).ok_or_else(|| PyValueError::new_err(format!("shape {dims:?} is too large: at most 6 axes")))?;
            types.push(TensorType::new(dtype_of(dtype)?, shape));
        }
        take_pending();
        let given: Vec<Node> = types.iter().enumerate().map(|(at, &ty)| Node::of(b.input(&format!("x_{at}"), ty))).collect();
        let outputs = within(&b, || -> PyResult<Vec<TensorType>> {
            let given: Vec<Bound<'_, Node>> = given.into_iter().map(|n| Bound::new(py, n)).collect::<PyResult<_>>()?;
            let result = function.call1(PyTuple::new(py, given)?)?;
            let results: Vec<Bound<'_, PyAny>> = match result.cast::<PyList>() {
                Ok(list) => list.iter().collect(),
                Err(_) => match result.cast::<PyTuple>() {
                    Ok(tuple) => tuple.iter().collect(),
                    Err(_) => vec![result],
                },
            };
            let results: Vec<Var<'_>> = results.iter().map(|r| checked(operand(&b, r)?)).collect::<PyResult<_>>()?;
            for (at, result) in results.iter().enumerate() {
                b.output(&format!("y_{at}"), *result);
            }
            Ok(results.iter().map(|r| r.ty()).collect())
        })?;
        let graph = b.finish().map_err(value_error)?;
        let executable = adaline::backend().compile(&graph, &StateLayout::new(), &CompileOptions::default()).map_err(value_error)?;
        Ok(Self { inputs: types, outputs, session: Mutex::new(executable.session()) })
    }
    /// Runs on arrays of the types and shapes that it was traced for.
    #[pyo3(signature = (*arrays))]
    fn __call__(&self, py: Python<'_>, arrays: &Bound<'_, PyTuple>) -> PyResult<Vec<Py<PyAny>>> {
        if arrays.len() != self.inputs.len() {
            return Err(PyValueError::new_err(format!("expected {} arrays, got {}", self.inputs.len(), arrays.len())));
        }
        let given: Vec<Given<'_>> = arrays.iter().map(|a| Given::of(&a)).collect::<PyResult<_>>()?;
        let rows: Vec<_> = given.iter().map(Given::rows).collect();
        for (ty, rows) in self.inputs.iter().zip(&rows) {
            if ty.shape.dims() != rows.shape() {
                return Err(PyValueError::new_err(format!("expected an array of shape {}, got {:?}", ty.shape, rows.shape())));
            }
        }
        let words: Vec<_> = self.inputs.iter().zip(&rows).map(|(ty, rows)| rows.words(ty.dtype)).collect();
        let inputs: Vec<_> = words.iter().map(super::array::Words::tensor_ref).collect();
        // A panic of another thread cannot leave a session half-written: it is written anew in each run.
        let mut session = self.session.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        session.run_frozen(&inputs, &StateStore::new()).map_err(value_error)?;
        self.outputs.iter().enumerate().map(|(at, &ty)| to_python(py, ty, session.output(at))).collect()
    }
    /// Shapes and types of the results.
    #[getter]
    fn outputs(&self) -> Vec<(Vec<usize>, &'static str)> {
        self.outputs.iter().map(|ty| (ty.shape.dims().to_vec(), crate::node::dtype_name(ty.dtype))).collect()
    }
}

/// Whether a graph is being written on this thread.
#[pyfunction]
fn is_tracing() -> bool {
    crate::trace::tracing()
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Program>()?;
    m.add_function(wrap_pyfunction!(is_tracing, m)?)
}
