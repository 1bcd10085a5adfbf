//! Arrays of NumPy as data, constants and results.

use crate::error::value_error;
use adaline::data::{Color, DType as DataType, DataError, ImageOptions, RowSource, Tensor, TensorData, read_whole_image};
use adaline::graph::backend::TensorRef;
use adaline::graph::{Builder, DType, Literal, Shape, TensorType, Var, concat};
use numpy::{IntoPyArray, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// Most values of a constant that differ from their neighbours: larger ones are weights or inputs.
const MOST_RUNS: usize = 4096;

/// An array whose memory is borrowed, row-major, of one of the three types that training reads. The array is not written to as long as this lives.
pub(crate) enum Given<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    I32(PyReadonlyArrayDyn<'py, i32>),
    U8(PyReadonlyArrayDyn<'py, u8>),
}

impl<'py> Given<'py> {
    /// Of an array that the Python side has made contiguous and of a known type.
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = object.cast::<PyArrayDyn<f32>>() {
            return Ok(Self::F32(array.try_readonly()?));
        }
        if let Ok(array) = object.cast::<PyArrayDyn<i32>>() {
            return Ok(Self::I32(array.try_readonly()?));
        }
        if let Ok(array) = object.cast::<PyArrayDyn<u8>>() {
            return Ok(Self::U8(array.try_readonly()?));
        }
        // Anything else that NumPy can make numbers of.
        let made = object.py().import("adaline._arrays")?.call_method1("as_data", (object,))?;
        match made.cast::<PyArrayDyn<f32>>() {
            Ok(array) => Ok(Self::F32(array.try_readonly()?)),
            Err(_) => match made.cast::<PyArrayDyn<i32>>() {
                Ok(array) => Ok(Self::I32(array.try_readonly()?)),
                Err(_) => Ok(Self::U8(made.cast::<PyArrayDyn<u8>>().map_err(|e| PyTypeError::new_err(e.to_string()))?.try_readonly()?)),
            },
        }
    }
    fn shape(&self) -> &[usize] {
        match self {
            Self::F32(a) => a.shape(),
            Self::I32(a) => a.shape(),
            Self::U8(a) => a.shape(),
        }
    }
    /// Its rows, without a copy where it lies row-major in memory.
    pub(crate) fn rows(&self) -> Rows<'_> {
        let shape = self.shape().to_vec();
        let values = match self {
            Self::F32(a) => row_major(a).map_or_else(|| Values::OwnedF32(owned(a)), Values::F32),
            Self::I32(a) => row_major(a).map_or_else(|| Values::OwnedI32(owned(a)), Values::I32),
            Self::U8(a) => row_major(a).map_or_else(|| Values::OwnedU8(owned(a)), Values::U8),
        };
        Rows { shape, values }
    }
    /// A tensor of its own.
    pub(crate) fn tensor(&self) -> PyResult<Tensor> {
        let rows = self.rows();
        let data = match &rows.values {
            Values::F32(v) => TensorData::F32(v.to_vec()),
            Values::I32(v) => TensorData::I32(v.to_vec()),
            Values::U8(v) => TensorData::U8(v.to_vec()),
            Values::OwnedF32(v) => TensorData::F32(v.clone()),
            Values::OwnedI32(v) => TensorData::I32(v.clone()),
            Values::OwnedU8(v) => TensorData::U8(v.clone()),
        };
        Tensor::new(rows.shape, data).map_err(|e| PyValueError::new_err(e.to_string()))
    }
}

/// Its memory where that is in the order of rows: `as_slice` gives that of an array in the order of columns, too.
fn row_major<'a, T: numpy::Element>(array: &'a PyReadonlyArrayDyn<'_, T>) -> Option<&'a [T]> {
    array.as_slice().ok().filter(|_| array.is_c_contiguous())
}

fn owned<T: numpy::Element + Copy>(array: &PyReadonlyArrayDyn<'_, T>) -> Vec<T> {
    array.as_array().iter().copied().collect()
}

enum Values<'a> {
    F32(&'a [f32]),
    I32(&'a [i32]),
    U8(&'a [u8]),
    OwnedF32(Vec<f32>),
    OwnedI32(Vec<i32>),
    OwnedU8(Vec<u8>),
}

/// Rows of a borrowed array.
pub(crate) struct Rows<'a> {
    shape: Vec<usize>,
    values: Values<'a>,
}

impl Rows<'_> {
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// Its values as a graph's input of a type takes them; converted where they are of another type.
    pub(crate) fn words(&self, dtype: DType) -> Words<'_> {
        match (&self.values, dtype) {
            (Values::F32(v), DType::F32 | DType::Bool) => Words::F32(v),
            (Values::OwnedF32(v), DType::F32 | DType::Bool) => Words::F32(v),
            (Values::I32(v), DType::I32) => Words::I32(v),
            (Values::OwnedI32(v), DType::I32) => Words::I32(v),
            (_, DType::I32) => Words::OwnedI32(self.each(|v| v as i32, |v| v, i32::from)),
            (_, _) => Words::OwnedF32(self.each(|v| v, |v| v as f32, f32::from)),
        }
    }
    fn each<T>(&self, f: impl Fn(f32) -> T, i: impl Fn(i32) -> T, u: impl Fn(u8) -> T) -> Vec<T> {
        match &self.values {
            Values::F32(v) => v.iter().map(|&v| f(v)).collect(),
            Values::OwnedF32(v) => v.iter().map(|&v| f(v)).collect(),
            Values::I32(v) => v.iter().map(|&v| i(v)).collect(),
            Values::OwnedI32(v) => v.iter().map(|&v| i(v)).collect(),
            Values::U8(v) => v.iter().map(|&v| u(v)).collect(),
            Values::OwnedU8(v) => v.iter().map(|&v| u(v)).collect(),
        }
    }
    fn gather<T: Copy>(&self, rows: &[usize], out: &mut [T], f: fn(f32) -> T, i: fn(i32) -> T, u: fn(u8) -> T) -> Result<(), DataError> {
        let len = self.row_len();
        if out.len() != rows.len() * len {
            return Err(DataError::BufferSize { expected: rows.len() * len, found: out.len(), rows: rows.len(), row_len: len });
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows()) {
            return Err(DataError::RowOutOfRange { row, rows: self.rows() });
        }
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(len.max(1))) {
            let range = row * len..(row + 1) * len;
            match &self.values {
                Values::F32(v) => copy(&v[range], out, f),
                Values::OwnedF32(v) => copy(&v[range], out, f),
                Values::I32(v) => copy(&v[range], out, i),
                Values::OwnedI32(v) => copy(&v[range], out, i),
                Values::U8(v) => copy(&v[range], out, u),
                Values::OwnedU8(v) => copy(&v[range], out, u),
            }
        }
        Ok(())
    }
    /// Place of the first value that is no finite number.
    pub(crate) fn first_non_finite(&self) -> Option<(usize, usize, f32)> {
        let values: &[f32] = match &self.values {
            Values::F32(v) => v,
            Values::OwnedF32(v) => v,
            _ => return None,
        };
        let row = self.row_len().max(1);
        adaline::data::first_non_finite(values).map(|at| (at / row, at % row, values[at]))
    }
}

fn copy<S: Copy, T>(from: &[S], to: &mut [T], f: fn(S) -> T) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = f(from);
    }
}

impl RowSource for Rows<'_> {
    fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }
    fn row_shape(&self) -> &[usize] {
        self.shape.get(1..).unwrap_or(&[])
    }
    fn dtype(&self) -> DataType {
        match &self.values {
            Values::F32(_) | Values::OwnedF32(_) => DataType::F32,
            Values::I32(_) | Values::OwnedI32(_) => DataType::I32,
            Values::U8(_) | Values::OwnedU8(_) => DataType::U8,
        }
    }
    fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        self.gather(rows, out, |v| v, |v| v as f32, f32::from)
    }
    fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        self.gather(rows, out, |v| v as i32, |v| v, i32::from)
    }
    fn in_memory(&self) -> bool {
        true
    }
}

/// Values for an input of a graph.
pub(crate) enum Words<'a> {
    F32(&'a [f32]),
    I32(&'a [i32]),
    OwnedF32(Vec<f32>),
    OwnedI32(Vec<i32>),
}

impl Words<'_> {
    pub(crate) fn tensor_ref(&self) -> TensorRef<'_> {
        match self {
            Self::F32(v) => TensorRef::F32(v),
            Self::I32(v) => TensorRef::I32(v),
            Self::OwnedF32(v) => TensorRef::F32(v),
            Self::OwnedI32(v) => TensorRef::I32(v),
        }
    }
}

/// An array of Python as constants of a graph: runs of equal values one after the other.
pub(crate) fn constant<'g>(b: &'g Builder, object: &Bound<'_, PyAny>) -> PyResult<Var<'g>> {
    let array = object.py().import("adaline._arrays")?.call_method1("as_constant", (object,))?;
    let given = Given::of(&array)?;
    let rows = given.rows();
    let shape =
        Shape::try_new(rows.shape()).ok_or_else(|| PyValueError::new_err(format!("an array of shape {:?} is too large", rows.shape())))?;
    let literals: Vec<Literal> = match &rows.values {
        Values::F32(_) | Values::OwnedF32(_) => rows.each(Literal::f32, Literal::I32, |v| Literal::Bool(v != 0)),
        Values::I32(_) | Values::OwnedI32(_) => rows.each(Literal::f32, Literal::I32, |v| Literal::Bool(v != 0)),
        // Truth values come as bytes.
        Values::U8(_) | Values::OwnedU8(_) => rows.each(Literal::f32, Literal::I32, |v| Literal::Bool(v != 0)),
    };
    if literals.is_empty() {
        return Err(PyValueError::new_err("an empty array cannot be a constant"));
    }
    let mut parts: Vec<(Literal, usize)> = Vec::new();
    for literal in literals {
        match parts.last_mut() {
            Some((last, count)) if *last == literal => *count += 1,
            _ => parts.push((literal, 1)),
        }
    }
    if parts.len() > MOST_RUNS {
        return Err(PyValueError::new_err(format!(
            "an array of shape {:?} is used as a constant within a layer, loss or metric, which is for at most {MOST_RUNS} different values in a \
             row: make it a weight that is not trained, with add_weight(.., trainable=False), or an input",
            rows.shape()
        )));
    }
    if let [(one, _)] = parts[..] {
        return Ok(b.constant(one, shape));
    }
    let parts: Vec<Var<'g>> = parts.into_iter().map(|(literal, count)| b.constant(literal, [count])).collect();
    Ok(concat(b, &parts, 0).reshape(shape))
}

/// A result of a graph as an array of NumPy.
pub(crate) fn to_python(py: Python<'_>, ty: TensorType, values: TensorRef<'_>) -> PyResult<Py<PyAny>> {
    let dims = ty.shape.dims().to_vec();
    Ok(match values {
        TensorRef::I32(v) => v.to_vec().into_pyarray(py).reshape(dims)?.into_any().unbind(),
        TensorRef::F32(v) if ty.dtype == DType::Bool => {
            v.iter().map(|&v| v != 0.0).collect::<Vec<bool>>().into_pyarray(py).reshape(dims)?.into_any().unbind()
        }
        TensorRef::F32(v) => v.to_vec().into_pyarray(py).reshape(dims)?.into_any().unbind(),
    })
}

/// A picture of a file as an array `(height, width, channels)` of bytes; `color` is `grayscale`, `rgb` or `rgba`.
#[pyfunction]
fn read_image(py: Python<'_>, path: &str, color: &str) -> PyResult<Py<PyAny>> {
    let color = match color {
        "grayscale" => Color::Gray,
        "rgb" => Color::Rgb,
        "rgba" => Color::Rgba,
        _ => return Err(PyValueError::new_err(format!("a picture is read as grayscale, rgb or rgba, not as {color:?}"))),
    };
    let read = py.detach(|| read_whole_image(path, &ImageOptions { color, ..ImageOptions::default() }));
    tensor_to_python(py, read.map_err(value_error)?)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(read_image, m)?)
}

/// A tensor as an array of NumPy.
pub(crate) fn tensor_to_python(py: Python<'_>, tensor: Tensor) -> PyResult<Py<PyAny>> {
    let (dims, data) = tensor.into_parts();
    Ok(match data {
        TensorData::F32(v) => v.into_pyarray(py).reshape(dims)?.into_any().unbind(),
        TensorData::I32(v) => v.into_pyarray(py).reshape(dims)?.into_any().unbind(),
        TensorData::U8(v) => v.into_pyarray(py).reshape(dims)?.into_any().unbind(),
    })
}
