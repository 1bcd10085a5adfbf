//! Values of a graph that is being written, with Python's operators.

use crate::array;
use crate::index::item;
use crate::primitives::{cast, matmul, reshape};
use crate::trace::{checked, with_builder};
use adaline::graph::{BinaryOp, Builder, DType, Literal, NodeId, Shape, Var};
use pyo3::IntoPyObjectExt;
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyTuple};

/// A value of a graph that is being written: what a layer's `call`, a loss or a metric of one's own is given. It has a shape and a type, and no
/// numbers yet.
#[pyclass(frozen, module = "adaline", weakref)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) mask: Option<NodeId>,
    builder: u64,
    pub(crate) shape: Shape,
    dtype: DType,
}

impl Node {
    pub(crate) fn of(v: Var<'_>) -> Self {
        Self::masked(v, None)
    }
    pub(crate) fn masked(v: Var<'_>, mask: Option<NodeId>) -> Self {
        let ty = v.ty();
        Self { id: v.id(), mask, builder: v.builder().number(), shape: ty.shape, dtype: ty.dtype }
    }
    /// The handle, where its graph is the one at hand.
    pub(crate) fn var<'g>(&self, b: &'g Builder) -> PyResult<Var<'g>> {
        if self.builder == b.number() {
            return Ok(b.var(self.id));
        }
        Err(PyValueError::new_err(
            "this symbolic value is of another call: values do not outlive the call that they are made in, so do not keep them in attributes",
        ))
    }
}

/// What can stand beside a value of a graph.
pub(crate) enum Operand<'g> {
    Var(Var<'g>),
    /// A number of Python, which takes the type of what it meets.
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl<'g> Operand<'g> {
    pub(crate) fn of(b: &'g Builder, object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(node) = object.cast::<Node>() {
            return node.get().var(b).map(Self::Var);
        }
        if let Ok(value) = object.cast::<PyBool>() {
            return Ok(Self::Bool(value.is_true()));
        }
        if object.cast::<PyInt>().is_ok() {
            return object.extract().map(Self::Int);
        }
        if object.cast::<PyFloat>().is_ok() {
            return object.extract().map(Self::Float);
        }
        // Variables and the like.
        if let Ok(method) = object.getattr("_as_node") {
            let node = method.call0()?;
            return Self::of(b, &node);
        }
        array::constant(b, object).map(Self::Var)
    }
    fn dtype(&self) -> Option<DType> {
        match self {
            Self::Var(v) => Some(v.ty().dtype),
            _ => None,
        }
    }
    /// It as a value of a type.
    pub(crate) fn cast(self, b: &'g Builder, to: DType) -> Var<'g> {
        let constant = |value: f64| {
            let literal = match to {
                DType::F32 => Literal::f32(value as f32),
                DType::I32 => Literal::I32(value as i32),
                DType::Bool => Literal::Bool(value != 0.0),
            };
            b.constant(literal, Shape::SCALAR)
        };
        match self {
            Self::Var(v) if v.ty().dtype == to => v,
            Self::Var(v) => v.cast(to),
            Self::Int(v) => constant(v as f64),
            Self::Float(v) => constant(v),
            Self::Bool(v) => constant(f64::from(u8::from(v))),
        }
    }
    /// The type it has by itself.
    fn own(&self) -> DType {
        match self {
            Self::Var(v) => v.ty().dtype,
            Self::Int(_) => DType::I32,
            Self::Float(_) => DType::F32,
            Self::Bool(_) => DType::Bool,
        }
    }
}

/// The type in which two operands meet: numbers of Python follow tensors, save that a float makes integers floats.
pub(crate) fn common(a: &Operand<'_>, b: &Operand<'_>) -> DType {
    let rank = |d: DType| match d {
        DType::Bool => 0,
        DType::I32 => 1,
        DType::F32 => 2,
    };
    match (a.dtype(), b.dtype()) {
        (Some(x), Some(y)) => {
            if rank(x) >= rank(y) {
                x
            } else {
                y
            }
        }
        (Some(x), None) | (None, Some(x)) => {
            let other = if a.dtype().is_some() { b.own() } else { a.own() };
            if rank(x) >= rank(other) { x } else { other }
        }
        (None, None) => DType::F32,
    }
}

pub(crate) fn dtype_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "float32",
        DType::I32 => "int32",
        DType::Bool => "bool",
    }
}

/// The type of a graph's values that stands for a type of NumPy.
pub(crate) fn dtype_of(name: &str) -> PyResult<DType> {
    match name {
        "float32" | "float64" | "float16" | "bfloat16" | "float" => Ok(DType::F32),
        "int32" | "int64" | "int16" | "int8" | "uint8" | "uint16" | "uint32" | "uint64" | "int" => Ok(DType::I32),
        "bool" => Ok(DType::Bool),
        other => Err(PyTypeError::new_err(format!("dtype {other:?} is not one of float32, int32 and bool, in which values are computed"))),
    }
}

pub(crate) fn shape_of(dims: &[usize]) -> PyResult<Shape> {
    Shape::try_new(dims).ok_or_else(|| PyValueError::new_err(format!("shape {dims:?} is too large: at most 6 axes")))
}

/// Runs `f` on a value and makes a value of what it gives.
pub(crate) fn map(x: &Bound<'_, PyAny>, f: impl for<'g> FnOnce(Var<'g>) -> PyResult<Var<'g>>) -> PyResult<Node> {
    with_builder(|b| {
        let x = operand(b, x)?;
        checked(f(x)?).map(Node::of)
    })
}

/// The value itself.
#[expect(clippy::unnecessary_wraps, reason = "handed to map")]
pub(crate) fn same(v: Var<'_>) -> PyResult<Var<'_>> {
    Ok(v)
}

/// A value by itself.
pub(crate) fn operand<'g>(b: &'g Builder, x: &Bound<'_, PyAny>) -> PyResult<Var<'g>> {
    let x = Operand::of(b, x)?;
    let own = x.own();
    Ok(x.cast(b, own))
}

pub(crate) fn binary_of(op: BinaryOp, a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<Node> {
    with_builder(|g| {
        let (a, b) = (Operand::of(g, a)?, Operand::of(g, b)?);
        let mut ty = common(&a, &b);
        match op {
            BinaryOp::Div | BinaryOp::Pow => ty = DType::F32,
            BinaryOp::And | BinaryOp::Or => ty = DType::Bool,
            BinaryOp::Eq | BinaryOp::Ne => {}
            // Truth values are counted.
            _ if ty == DType::Bool => ty = DType::I32,
            _ => {}
        }
        checked(a.cast(g, ty).binary(op, b.cast(g, ty))).map(Node::of)
    })
}

#[pymethods]
impl Node {
    /// Sizes of the axes.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.shape.dims())
    }
    /// `float32`, `int32` or `bool`.
    #[getter]
    fn dtype(&self) -> &'static str {
        dtype_name(self.dtype)
    }
    /// Number of axes.
    #[getter]
    fn ndim(&self) -> usize {
        self.shape.rank()
    }
    /// Number of elements.
    #[getter]
    fn size(&self) -> usize {
        self.shape.len()
    }
    /// The mask of its steps, or none.
    #[getter]
    fn _keras_mask(&self) -> PyResult<Option<Self>> {
        self.mask.map(|m| with_builder(|b| Ok(Self::of(b.var(m))))).transpose()
    }
    #[getter(T)]
    fn transposed(slf: Bound<'_, Self>) -> PyResult<Self> {
        let axes: Vec<usize> = (0..slf.get().shape.rank()).rev().collect();
        map(slf.as_any(), |v| Ok(v.transpose(&axes)))
    }
    fn __repr__(&self) -> String {
        format!("<Node shape={}, dtype={}>", self.shape, dtype_name(self.dtype))
    }
    fn __len__(&self) -> PyResult<usize> {
        self.shape.dims().first().copied().ok_or_else(|| PyTypeError::new_err("a scalar has no length"))
    }
    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err(
            "a symbolic value has no truth value: its numbers do not exist while the graph is written. Use ops.where(condition, a, b) \
             instead of `if`",
        ))
    }
    fn __float__(&self) -> PyResult<f64> {
        Err(PyTypeError::new_err("a symbolic value is no number: its numbers do not exist while the graph is written"))
    }
    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__(&self, dtype: Option<Py<PyAny>>, copy: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let _ = (dtype, copy);
        Err(PyTypeError::new_err("a symbolic value is no NumPy array: use functions of adaline.ops instead of numpy's"))
    }
    /// NumPy's arrays leave operators to this class.
    #[classattr]
    fn __array_priority__() -> f64 {
        100.0
    }
    #[classattr]
    fn __array_ufunc__() -> Option<Py<PyAny>> {
        None
    }
    #[classattr]
    fn __hash__() -> Option<Py<PyAny>> {
        None
    }

    fn __add__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Add, slf.as_any(), other)
    }
    fn __radd__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Add, other, slf.as_any())
    }
    fn __sub__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Sub, slf.as_any(), other)
    }
    fn __rsub__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Sub, other, slf.as_any())
    }
    fn __mul__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Mul, slf.as_any(), other)
    }
    fn __rmul__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Mul, other, slf.as_any())
    }
    fn __truediv__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Div, slf.as_any(), other)
    }
    fn __rtruediv__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Div, other, slf.as_any())
    }
    fn __pow__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>, _modulo: Option<Py<PyAny>>) -> PyResult<Self> {
        match other.extract::<f64>() {
            // Exact for negative bases too.
            Ok(2.0) => map(slf.as_any(), |v| Ok(v.binary(BinaryOp::Mul, v))),
            Ok(0.5) => map(slf.as_any(), |v| Ok(v.cast(DType::F32).sqrt())),
            _ => binary_of(BinaryOp::Pow, slf.as_any(), other),
        }
    }
    fn __rpow__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>, _modulo: Option<Py<PyAny>>) -> PyResult<Self> {
        binary_of(BinaryOp::Pow, other, slf.as_any())
    }
    fn __and__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::And, slf.as_any(), other)
    }
    fn __or__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary_of(BinaryOp::Or, slf.as_any(), other)
    }
    fn __invert__(slf: Bound<'_, Self>) -> PyResult<Self> {
        map(slf.as_any(), |v| Ok(v.cast(DType::Bool).logical_not()))
    }
    fn __neg__(slf: Bound<'_, Self>) -> PyResult<Self> {
        map(slf.as_any(), |v| Ok(-v))
    }
    fn __pos__(slf: Bound<'_, Self>) -> PyResult<Self> {
        map(slf.as_any(), same)
    }
    fn __abs__(slf: Bound<'_, Self>) -> PyResult<Self> {
        map(slf.as_any(), |v| Ok(v.abs()))
    }
    fn __matmul__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        matmul(slf.as_any(), other)
    }
    fn __rmatmul__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        matmul(other, slf.as_any())
    }
    fn __richcmp__(slf: Bound<'_, Self>, other: &Bound<'_, PyAny>, op: CompareOp) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if other.is_none() {
            return matches!(op, CompareOp::Ne).into_py_any(py);
        }
        let (a, b) = (slf.as_any(), other);
        let node = match op {
            CompareOp::Lt => binary_of(BinaryOp::Lt, a, b),
            CompareOp::Le => binary_of(BinaryOp::Le, a, b),
            CompareOp::Eq => binary_of(BinaryOp::Eq, a, b),
            CompareOp::Ne => binary_of(BinaryOp::Ne, a, b),
            CompareOp::Gt => binary_of(BinaryOp::Lt, b, a),
            CompareOp::Ge => binary_of(BinaryOp::Le, b, a),
        };
        node?.into_py_any(py)
    }
    fn __getitem__(slf: Bound<'_, Self>, index: &Bound<'_, PyAny>) -> PyResult<Self> {
        item(&slf, index)
    }
    /// Converted to another type.
    fn astype(slf: Bound<'_, Self>, dtype: &str) -> PyResult<Self> {
        cast(slf.as_any(), dtype)
    }
    /// Another shape, as NumPy's.
    #[pyo3(signature = (*dims))]
    fn reshape(slf: Bound<'_, Self>, dims: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let dims: Vec<isize> =
            if dims.len() == 1 && dims.get_item(0)?.cast::<PyInt>().is_err() { dims.get_item(0)?.extract()? } else { dims.extract()? };
        reshape(slf.as_any(), dims)
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Node>()
}
