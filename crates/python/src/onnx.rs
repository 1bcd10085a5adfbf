//! ONNX models, and models as ONNX models.

use crate::array::Given;
use crate::error::value_error;
use adaline::data::TensorData;
use adaline::onnx::OnnxModel;
use adaline::onnx::import::{Elements, Kind, OnnxTensor};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

/// An ONNX model that predicts.
#[pyclass(frozen, module = "adaline._adaline")]
pub(crate) struct Onnx {
    model: Mutex<OnnxModel>,
}

#[pymethods]
impl Onnx {
    /// The model in a file. Nothing in it is executed but the operations of its graph; values in other files are refused.
    #[new]
    fn new(py: Python<'_>, path: &str) -> PyResult<Self> {
        let model =
            py.detach(|| adaline::onnx::load(path, adaline::backend())).map_err(|e| PyValueError::new_err(format!("{path}: {e}")))?;
        Ok(Self { model: Mutex::new(model) })
    }
    /// Names and shapes of the inputs.
    #[getter]
    fn inputs(&self) -> Vec<(String, String)> {
        let model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        model.inputs().iter().map(|v| (v.name.clone(), v.shape_text())).collect()
    }
    /// Names and shapes of the outputs.
    #[getter]
    fn outputs(&self) -> Vec<(String, String)> {
        let model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        model.outputs().iter().map(|v| (v.name.clone(), v.shape_text())).collect()
    }
    /// All outputs for arrays by name.
    fn run(&self, py: Python<'_>, arrays: Vec<(String, Bound<'_, PyAny>)>) -> PyResult<Vec<Py<PyAny>>> {
        let mut given = Vec::with_capacity(arrays.len());
        for (name, array) in &arrays {
            given.push((name.as_str(), self.tensor(name, array)?));
        }
        let outputs = py.detach(|| {
            let by_name: Vec<(&str, &OnnxTensor)> = given.iter().map(|(name, t)| (*name, t)).collect();
            self.model.lock().unwrap_or_else(PoisonError::into_inner).run(&by_name)
        });
        outputs.map_err(value_error)?.into_iter().map(|t| to_python(py, &t)).collect()
    }
}

impl Onnx {
    /// An array in the type that an input has.
    fn tensor(&self, name: &str, array: &Bound<'_, PyAny>) -> PyResult<OnnxTensor> {
        let kind = {
            let model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
            model.inputs().iter().find(|v| v.name == name).and_then(|v| v.kind).unwrap_or(Kind::F32)
        };
        let tensor = Given::of(array)?.tensor()?;
        let dims = tensor.shape().to_vec();
        let elements = match tensor.data() {
            data if kind.is_integer() => Elements::Int(match data {
                TensorData::F32(v) => v.iter().map(|&v| v as i64).collect(),
                TensorData::I32(v) => v.iter().map(|&v| i64::from(v)).collect(),
                TensorData::U8(v) => v.iter().map(|&v| i64::from(v)).collect(),
            }),
            _ if kind.is_float() => Elements::F32(tensor.f32_values().into_owned()),
            _ => Elements::Bool(tensor.f32_values().iter().map(|&v| v != 0.0).collect()),
        };
        OnnxTensor::new(kind, &dims, elements)
            .ok_or_else(|| PyValueError::new_err(format!("input `{name}` takes {kind:?}, which an array of shape {dims:?} cannot hold")))
    }
}

fn to_python(py: Python<'_>, tensor: &OnnxTensor) -> PyResult<Py<PyAny>> {
    let dims = tensor.dims().to_vec();
    Ok(match tensor.elements() {
        Elements::F32(v) => v.clone().into_pyarray(py).reshape(dims)?.into_any().unbind(),
        Elements::Int(v) => v.clone().into_pyarray(py).reshape(dims)?.into_any().unbind(),
        Elements::Bool(v) => v.clone().into_pyarray(py).reshape(dims)?.into_any().unbind(),
    })
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Onnx>()
}
