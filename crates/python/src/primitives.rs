//! The operations on values of a graph that `adaline.ops` is made of.

use crate::node::{Node, Operand, binary_of, common, dtype_of, map, operand, same, shape_of};
use crate::trace::{checked, with_builder};
use adaline::graph::grad::gradients as gradients_of;
use adaline::graph::{ArgOp, BinaryOp, ConvSpec, DType, NodeId, Op, ReduceOp, Shape, UnaryOp, Var, WindowSpec, concat as joined};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

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
pub(crate) fn cast(x: &Bound<'_, PyAny>, dtype: &str) -> PyResult<Node> {
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
pub(crate) fn reshape(x: &Bound<'_, PyAny>, shape: Vec<isize>) -> PyResult<Node> {
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
pub(crate) fn matmul(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<Node> {
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
