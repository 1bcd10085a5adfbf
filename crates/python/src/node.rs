//! Values of a graph that is being written, with Python's operators, and the operations that `adaline.ops` is made of.

use crate::array;
use crate::trace::{checked, with_builder};
use adaline::graph::grad::gradients as gradients_of;
use adaline::graph::{
    ArgOp, BinaryOp, Builder, ConvSpec, DType, Literal, NodeId, Op, ReduceOp, Shape, UnaryOp, Var, WindowSpec, concat as joined,
};
use pyo3::IntoPyObjectExt;
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PyFloat, PyInt, PySlice, PyTuple};

/// A value of a graph that is being written: what a layer's `call`, a loss or a metric of one's own is given. It has a shape and a type, and no
/// numbers yet.
#[pyclass(frozen, module = "adaline", weakref)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) mask: Option<NodeId>,
    builder: u64,
    shape: Shape,
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
fn common(a: &Operand<'_>, b: &Operand<'_>) -> DType {
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

fn shape_of(dims: &[usize]) -> PyResult<Shape> {
    Shape::try_new(dims).ok_or_else(|| PyValueError::new_err(format!("shape {dims:?} is too large: at most 6 axes")))
}

/// Runs `f` on a value and makes a value of what it gives.
fn map(x: &Bound<'_, PyAny>, f: impl for<'g> FnOnce(Var<'g>) -> PyResult<Var<'g>>) -> PyResult<Node> {
    with_builder(|b| {
        let x = operand(b, x)?;
        checked(f(x)?).map(Node::of)
    })
}

/// The value itself.
#[expect(clippy::unnecessary_wraps, reason = "handed to map")]
fn same(v: Var<'_>) -> PyResult<Var<'_>> {
    Ok(v)
}

/// A value by itself.
pub(crate) fn operand<'g>(b: &'g Builder, x: &Bound<'_, PyAny>) -> PyResult<Var<'g>> {
    let x = Operand::of(b, x)?;
    let own = x.own();
    Ok(x.cast(b, own))
}

fn binary_of(op: BinaryOp, a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<Node> {
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

/// NumPy's basic indexing: numbers, slices, `...`, `None`.
fn item(node: &Bound<'_, Node>, index: &Bound<'_, PyAny>) -> PyResult<Node> {
    let parts: Vec<Bound<'_, PyAny>> = match index.cast::<PyTuple>() {
        Ok(tuple) => tuple.iter().collect(),
        Err(_) => vec![index.clone()],
    };
    let shape = node.get().shape;
    let is_ellipsis = |p: &Bound<'_, PyAny>| p.cast::<PyEllipsis>().is_ok();
    let used = parts.iter().filter(|p| !p.is_none() && !is_ellipsis(p)).count();
    if used > shape.rank() {
        return Err(PyIndexError::new_err(format!("{used} indices for a value of shape {shape}")));
    }
    let (mut ranges, mut dims, mut reversed) = (Vec::new(), Vec::new(), Vec::new());
    let mut axis = 0;
    let whole = |ranges: &mut Vec<_>, dims: &mut Vec<usize>, axis: &mut usize| {
        let n = shape.dims()[*axis];
        ranges.push((0, n, 1));
        dims.push(n);
        *axis += 1;
    };
    let mut ellipsis = false;
    for part in &parts {
        if part.is_none() {
            dims.push(1);
        } else if is_ellipsis(part) {
            if std::mem::replace(&mut ellipsis, true) {
                return Err(PyIndexError::new_err("an index has at most one `...`"));
            }
            (0..shape.rank() - used).for_each(|_| whole(&mut ranges, &mut dims, &mut axis));
        } else if let Ok(slice) = part.cast::<PySlice>() {
            let n = shape.dims()[axis];
            let i = slice.indices(n as isize)?;
            let (len, step) = (i.slicelength, i.step);
            if step > 0 {
                let start = i.start as usize;
                ranges.push((start, if len == 0 { start } else { start + (len - 1) * step as usize + 1 }, step as usize));
            } else {
                // The same elements forwards, then reversed.
                let last = i.start as usize;
                let back = step.unsigned_abs();
                let first = if len == 0 { last } else { last - (len - 1) * back };
                ranges.push((first, if len == 0 { first } else { last + 1 }, back));
                reversed.push(axis as isize);
            }
            dims.push(len);
            axis += 1;
        } else if let Ok(i) = part.extract::<isize>() {
            let n = shape.dims()[axis];
            let at = if i < 0 { i + n as isize } else { i };
            let at = usize::try_from(at).ok().filter(|&at| at < n);
            let at = at.ok_or_else(|| PyIndexError::new_err(format!("index {i} is out of range for axis {axis} of size {n}")))?;
            ranges.push((at, at + 1, 1));
            axis += 1;
        } else {
            return Err(PyTypeError::new_err(
                "a symbolic value is indexed by numbers, slices, `...` and None; for an array of indices use ops.take",
            ));
        }
    }
    while axis < shape.rank() {
        whole(&mut ranges, &mut dims, &mut axis);
    }
    let dims = shape_of(&dims)?;
    map(node.as_any(), |v| {
        let mut v = v.slice(&ranges);
        if !reversed.is_empty() {
            v = v.reverse(&reversed);
        }
        Ok(v.reshape(dims))
    })
}

/// Values that are the same in each run.
#[pyfunction]
fn constant(value: &Bound<'_, PyAny>) -> PyResult<Node> {
    map(value, same)
}

/// One of the functions of one number.
#[pyfunction]
fn unary(op: &str, x: &Bound<'_, PyAny>) -> PyResult<Node> {
    let op = UnaryOp::ALL.into_iter().find(|o| o.name() == op).ok_or_else(|| PyValueError::new_err(format!("no function `{op}`")))?;
    map(x, |v| {
        let keeps = matches!(op, UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign) && v.ty().dtype == DType::I32;
        let v = match op {
            UnaryOp::Not => v.cast(DType::Bool),
            _ if keeps => v,
            _ => v.cast(DType::F32),
        };
        Ok(v.unary(op))
    })
}

/// One of the functions of two.
#[pyfunction]
fn binary(op: &str, a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<Node> {
    let op = BinaryOp::ALL.into_iter().find(|o| o.name() == op).ok_or_else(|| PyValueError::new_err(format!("no function `{op}`")))?;
    binary_of(op, a, b)
}

/// `a` where the condition holds, `b` elsewhere.
#[pyfunction]
fn select(condition: &Bound<'_, PyAny>, a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<Node> {
    with_builder(|g| {
        let condition = Operand::of(g, condition)?.cast(g, DType::Bool);
        let (a, b) = (Operand::of(g, a)?, Operand::of(g, b)?);
        let ty = common(&a, &b);
        let (a, b) = (a.cast(g, ty), b.cast(g, ty));
        let shape = Shape::broadcast(&a.shape(), &b.shape()).and_then(|s| Shape::broadcast(&s, &condition.shape()));
        let shape = shape.ok_or_else(|| {
            PyValueError::new_err(format!("shapes {}, {} and {} do not broadcast", condition.shape(), a.shape(), b.shape()))
        })?;
        checked(condition.broadcast_to(shape).select(a.broadcast_to(shape), b.broadcast_to(shape))).map(Node::of)
    })
}

/// Converted to another type.
#[pyfunction]
fn cast(x: &Bound<'_, PyAny>, dtype: &str) -> PyResult<Node> {
    let to = dtype_of(dtype)?;
    with_builder(|b| checked(Operand::of(b, x)?.cast(b, to)).map(Node::of))
}

/// `sum`, `max`, `min`, `prod` or `mean` over axes (all when none is given).
#[pyfunction]
fn reduce(op: &str, x: &Bound<'_, PyAny>, axes: Vec<isize>, keepdims: bool) -> PyResult<Node> {
    let reduced = match op {
        "sum" => Some(ReduceOp::Sum),
        "max" => Some(ReduceOp::Max),
        "min" => Some(ReduceOp::Min),
        "prod" => Some(ReduceOp::Prod),
        "mean" => None,
        other => return Err(PyValueError::new_err(format!("no reduction `{other}`"))),
    };
    map(x, |v| {
        let kept = v.ty().dtype == DType::I32;
        let f = v.cast(DType::F32);
        Ok(match reduced {
            Some(op) if kept => f.reduce(op, &axes, keepdims).cast(DType::I32),
            Some(op) => f.reduce(op, &axes, keepdims),
            None => f.mean(&axes, keepdims),
        })
    })
}

/// Index of the largest (`max`) or smallest along an axis; the axis goes.
#[pyfunction]
fn arg_reduce(op: &str, x: &Bound<'_, PyAny>, axis: isize) -> PyResult<Node> {
    let op = if op == "max" { ArgOp::Max } else { ArgOp::Min };
    map(x, |v| {
        let shape = v.shape();
        let Some(at) = shape.axis(axis) else {
            return Err(PyValueError::new_err(format!("axis {axis} does not exist in a value of shape {shape}")));
        };
        let dims: Vec<usize> = shape.dims().iter().enumerate().filter(|(a, _)| *a != at).map(|(_, &d)| d).collect();
        Ok(v.builder().op(Op::ArgReduce { op, axis: at as u8 }, &[v.cast(DType::F32)]).reshape(Shape::new(&dims)))
    })
}

/// Another shape; one size may be -1.
#[pyfunction]
fn reshape(x: &Bound<'_, PyAny>, shape: Vec<isize>) -> PyResult<Node> {
    map(x, |v| {
        let known: usize = shape.iter().filter(|&&d| d >= 0).map(|&d| d as usize).product();
        let dims: Vec<usize> =
            shape.iter().map(|&d| if d >= 0 { d as usize } else { v.shape().len().checked_div(known).unwrap_or(0) }).collect();
        let to = shape_of(&dims)?;
        if to.len() != v.shape().len() || shape.iter().filter(|&&d| d < 0).count() > 1 {
            return Err(PyValueError::new_err(format!("a value of shape {} cannot take the shape {shape:?}", v.shape())));
        }
        Ok(v.reshape(to))
    })
}

/// Axes permuted.
#[pyfunction]
fn transpose(x: &Bound<'_, PyAny>, axes: Vec<usize>) -> PyResult<Node> {
    map(x, |v| Ok(v.transpose(&axes)))
}

/// NumPy's `broadcast_to`.
#[pyfunction]
fn broadcast_to(x: &Bound<'_, PyAny>, shape: Vec<usize>) -> PyResult<Node> {
    let shape = shape_of(&shape)?;
    map(x, |v| Ok(v.broadcast_to(shape)))
}

/// One after the other along an axis, in one type.
#[pyfunction]
fn concatenate(parts: Vec<Bound<'_, PyAny>>, axis: isize) -> PyResult<Node> {
    with_builder(|b| {
        let parts: Vec<Var<'_>> = parts.iter().map(|p| operand(b, p)).collect::<PyResult<_>>()?;
        let ty =
            if parts.iter().any(|p| p.ty().dtype == DType::F32) { DType::F32 } else { parts.first().map_or(DType::F32, |p| p.ty().dtype) };
        let parts: Vec<Var<'_>> = parts.into_iter().map(|p| if p.ty().dtype == ty { p } else { p.cast(ty) }).collect();
        if parts.is_empty() {
            return Err(PyValueError::new_err("nothing to concatenate"));
        }
        checked(joined(b, &parts, axis)).map(Node::of)
    })
}

/// Zeros around: `(before, after)` for each axis.
#[pyfunction]
fn pad(x: &Bound<'_, PyAny>, pads: Vec<(usize, usize)>) -> PyResult<Node> {
    map(x, |v| Ok(v.pad(&pads)))
}

/// Reversed along axes.
#[pyfunction]
fn reverse(x: &Bound<'_, PyAny>, axes: Vec<isize>) -> PyResult<Node> {
    map(x, |v| Ok(if axes.is_empty() { v } else { v.reverse(&axes) }))
}

/// NumPy's `matmul`: leading axes broadcast; vectors count as one row or column, which is dropped again.
#[pyfunction]
fn matmul(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<Node> {
    with_builder(|g| {
        let (a, b) = (Operand::of(g, a)?.cast(g, DType::F32), Operand::of(g, b)?.cast(g, DType::F32));
        let (ra, rb) = (a.rank(), b.rank());
        if ra == 0 || rb == 0 {
            return Err(PyValueError::new_err("a matrix product of a scalar: multiply with *"));
        }
        let a = if ra == 1 { a.expand_dims(0) } else { a };
        let b = if rb == 1 { b.expand_dims(-1) } else { b };
        let (sa, sb) = (a.shape(), b.shape());
        if sa.dim(-1) != sb.dim(-2) {
            return Err(PyValueError::new_err(format!(
                "shapes {sa} and {sb} do not fit in a matrix product: {} is not {}",
                sa.dim(-1),
                sb.dim(-2)
            )));
        }
        let lead = |s: &Shape| shape_of(&s.dims()[..s.rank() - 2]);
        let (la, lb) = (lead(&sa)?, lead(&sb)?);
        let together =
            Shape::broadcast(&la, &lb).ok_or_else(|| PyValueError::new_err(format!("leading axes of {sa} and {sb} do not broadcast")))?;
        let full = |lead: &Shape, s: &Shape| {
            let mut dims = lead.dims().to_vec();
            dims.extend_from_slice(&s.dims()[s.rank() - 2..]);
            shape_of(&dims)
        };
        // (.., M, K) by one matrix (K, N): all rows at once.
        let mut y = if lb.rank() == 0 && la.rank() > 0 {
            let (k, n) = (sa.dim(-1), sb.dim(-1));
            let rows = sa.len().checked_div(k).unwrap_or(0);
            let mut dims = sa.dims().to_vec();
            dims[sa.rank() - 1] = n;
            a.reshape(shape_of(&[rows, k])?).matmul(b).reshape(shape_of(&dims)?)
        } else {
            a.broadcast_to(full(&together, &sa)?).matmul(b.broadcast_to(full(&together, &sb)?))
        };
        let mut dims = y.shape().dims().to_vec();
        if rb == 1 {
            dims.pop();
        }
        if ra == 1 {
            dims.remove(dims.len() - usize::from(rb != 1) - 1);
        }
        y = y.reshape(shape_of(&dims)?);
        checked(y).map(Node::of)
    })
}

/// Rows of a table `(N, C)` by indices of any shape: `(.., C)`.
#[pyfunction]
fn take_rows(table: &Bound<'_, PyAny>, indices: &Bound<'_, PyAny>) -> PyResult<Node> {
    with_builder(|b| {
        let (table, at) = (operand(b, table)?, Operand::of(b, indices)?.cast(b, DType::I32));
        checked(table.take(at)).map(Node::of)
    })
}

/// Rows of a stack of tables `(G, N, C)` by indices `(G, M)`: `(G, M, C)`.
#[pyfunction]
fn gather(tables: &Bound<'_, PyAny>, indices: &Bound<'_, PyAny>) -> PyResult<Node> {
    with_builder(|b| {
        let (tables, at) = (operand(b, tables)?, Operand::of(b, indices)?.cast(b, DType::I32));
        checked(tables.gather(at)).map(Node::of)
    })
}

/// Rows `(G, M, C)` added up by indices `(G, M)`: `(G, rows, C)`.
#[pyfunction]
fn scatter_add(values: &Bound<'_, PyAny>, indices: &Bound<'_, PyAny>, rows: usize) -> PyResult<Node> {
    with_builder(|b| {
        let (values, at) = (Operand::of(b, values)?.cast(b, DType::F32), Operand::of(b, indices)?.cast(b, DType::I32));
        checked(values.scatter_add(at, rows)).map(Node::of)
    })
}

/// Whole numbers from 0 up along an axis.
#[pyfunction]
fn iota(shape: Vec<usize>, axis: usize) -> PyResult<Node> {
    let shape = shape_of(&shape)?;
    with_builder(|b| checked(b.iota(shape, axis)).map(Node::of))
}

/// One value everywhere.
#[pyfunction]
fn full(shape: Vec<usize>, value: f64, dtype: &str) -> PyResult<Node> {
    let (shape, to) = (shape_of(&shape)?, dtype_of(dtype)?);
    with_builder(|b| checked(Operand::Float(value).cast(b, to).broadcast_to(shape)).map(Node::of))
}

/// The value, through which no gradient flows.
#[pyfunction]
fn stop_gradient(x: &Bound<'_, PyAny>) -> PyResult<Node> {
    map(x, |v| Ok(v.stop_gradient()))
}

/// Cross-correlation of `(B, S.., C)` with a kernel `(K.., C / groups, O)`.
#[pyfunction]
fn conv(
    x: &Bound<'_, PyAny>,
    kernel: &Bound<'_, PyAny>,
    strides: Vec<usize>,
    same: bool,
    dilation: Vec<usize>,
    groups: usize,
) -> PyResult<Node> {
    with_builder(|b| {
        let (x, kernel) = (Operand::of(b, x)?.cast(b, DType::F32), Operand::of(b, kernel)?.cast(b, DType::F32));
        let (spatial, k) = spatial(x.shape(), kernel.shape())?;
        let spec = if same { ConvSpec::same(&spatial, &k, &strides, &dilation) } else { ConvSpec::valid(&strides, &dilation) };
        checked(x.conv(kernel, spec.with_groups(groups))).map(Node::of)
    })
}

/// Keras' transposed convolution of `(B, S.., O)` with a kernel `(K.., C, O)`.
#[pyfunction]
fn conv_transpose(
    x: &Bound<'_, PyAny>,
    kernel: &Bound<'_, PyAny>,
    strides: Vec<usize>,
    same: bool,
    output_padding: Option<Vec<usize>>,
    dilation: Vec<usize>,
) -> PyResult<Node> {
    with_builder(|b| {
        let (x, kernel) = (Operand::of(b, x)?.cast(b, DType::F32), Operand::of(b, kernel)?.cast(b, DType::F32));
        let (spatial, k) = spatial(x.shape(), kernel.shape())?;
        let rule = if same { ConvSpec::transposed_same } else { ConvSpec::transposed_valid };
        let (spec, sizes) = rule(&spatial, &k, &strides, &dilation, output_padding.as_deref());
        checked(x.conv_transpose(kernel, spec, &sizes)).map(Node::of)
    })
}

/// Sizes of the spatial axes of data and kernel.
fn spatial(x: Shape, kernel: Shape) -> PyResult<(Vec<usize>, Vec<usize>)> {
    if x.rank() < 3 || x.rank() != kernel.rank() {
        return Err(PyValueError::new_err(format!(
            "a convolution of data of shape {x} with a kernel of shape {kernel}: expected (batch, space.., channels) and (size.., channels, filters)"
        )));
    }
    Ok((x.dims()[1..x.rank() - 1].to_vec(), kernel.dims()[..kernel.rank() - 2].to_vec()))
}

/// `max` or `average` of windows of `(B, S.., C)`.
#[pyfunction]
fn pool(op: &str, x: &Bound<'_, PyAny>, size: Vec<usize>, strides: Vec<usize>, same: bool) -> PyResult<Node> {
    map(x, |v| {
        let v = v.cast(DType::F32);
        let shape = v.shape();
        if shape.rank() < 3 {
            return Err(PyValueError::new_err(format!("pooling of shape {shape}: expected (batch, space.., channels)")));
        }
        let spec =
            if same { WindowSpec::same(&shape.dims()[1..shape.rank() - 1], &size, &strides) } else { WindowSpec::valid(&size, &strides) };
        Ok(if op == "max" { v.max_pool(spec) } else { v.average_pool(spec) })
    })
}

/// 1 in the place of each whole number, 0 elsewhere: a new last axis.
#[pyfunction]
fn one_hot(x: &Bound<'_, PyAny>, classes: usize) -> PyResult<Node> {
    map(x, |v| Ok(v.cast(DType::I32).one_hot(classes)))
}

/// Gradients of a scalar by values that it was computed from.
#[pyfunction]
fn gradients(loss: &Bound<'_, PyAny>, by: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<Node>> {
    with_builder(|b| {
        let loss = operand(b, loss)?;
        let by: Vec<Var<'_>> = by.iter().map(|v| operand(b, v)).collect::<PyResult<_>>()?;
        let ids: Vec<NodeId> = by.iter().map(|v| v.id()).collect();
        let found = b.with_graph(|g| gradients_of(g, loss.id(), &ids)).map_err(|e| PyValueError::new_err(e.to_string()))?;
        Ok(found.into_iter().map(|id| Node::of(b.var(id))).collect())
    })
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Node>()?;
    for f in [
        wrap_pyfunction!(constant, m)?,
        wrap_pyfunction!(unary, m)?,
        wrap_pyfunction!(binary, m)?,
        wrap_pyfunction!(select, m)?,
        wrap_pyfunction!(cast, m)?,
        wrap_pyfunction!(reduce, m)?,
        wrap_pyfunction!(arg_reduce, m)?,
        wrap_pyfunction!(reshape, m)?,
        wrap_pyfunction!(transpose, m)?,
        wrap_pyfunction!(broadcast_to, m)?,
        wrap_pyfunction!(concatenate, m)?,
        wrap_pyfunction!(pad, m)?,
        wrap_pyfunction!(reverse, m)?,
        wrap_pyfunction!(matmul, m)?,
        wrap_pyfunction!(take_rows, m)?,
        wrap_pyfunction!(gather, m)?,
        wrap_pyfunction!(scatter_add, m)?,
        wrap_pyfunction!(iota, m)?,
        wrap_pyfunction!(full, m)?,
        wrap_pyfunction!(stop_gradient, m)?,
        wrap_pyfunction!(conv, m)?,
        wrap_pyfunction!(conv_transpose, m)?,
        wrap_pyfunction!(pool, m)?,
        wrap_pyfunction!(one_hot, m)?,
        wrap_pyfunction!(gradients, m)?,
    ] {
        m.add_function(f)?;
    }
    Ok(())
}
