//! Layers that learn tables from data, and look them up outside of networks: texts and hashes, which no graph has.

use crate::array::{Given, tensor_to_python};
use crate::error::of_config;
use crate::layer::parse;
use adaline::data::{Tensor, TensorData};
use adaline::nn::keras::{ConfigError, KerasObject};
use adaline::nn::layers::{Discretization, HashedCrossing, Hashing, IntegerLookup, StringLookup};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use serde_json::{Value, json};

/// Such a layer, with what it has learned.
#[pyclass(frozen, module = "adaline._adaline")]
pub(crate) struct Table {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Numbers(IntegerLookup),
    Texts(StringLookup),
    Bins(Discretization),
    Hash(Hashing),
    Cross(HashedCrossing),
}

/// Texts or numbers in row-major order of a shape.
#[derive(FromPyObject)]
enum Column<'py> {
    Texts(Vec<String>, Vec<usize>),
    Numbers(Bound<'py, PyAny>),
}

impl Column<'_> {
    fn numbers(&self) -> PyResult<Tensor> {
        match self {
            Self::Numbers(array) => Given::of(array)?.tensor(),
            Self::Texts(..) => Err(PyTypeError::new_err("expected numbers, got texts")),
        }
    }
    fn texts(self) -> PyResult<(Vec<String>, Vec<usize>)> {
        match self {
            Self::Texts(texts, shape) => Ok((texts, shape)),
            Self::Numbers(_) => Err(PyTypeError::new_err("expected texts, got numbers")),
        }
    }
}

/// Whole numbers of a tensor; fractions are cut off.
fn whole(tensor: &Tensor) -> Vec<i32> {
    tensor.as_i32().map_or_else(|| tensor.f32_values().iter().map(|&v| v as i32).collect(), <[i32]>::to_vec)
}

impl Table {
    fn config(&self) -> Value {
        match &self.kind {
            Kind::Numbers(l) => l.config(),
            Kind::Texts(l) => l.config(),
            Kind::Bins(l) => l.config(),
            Kind::Hash(l) => l.config(),
            Kind::Cross(l) => l.config(),
        }
    }
    fn refused(&self, what: &str) -> PyErr {
        PyTypeError::new_err(format!("{} {what}", self.config()["name"].as_str().unwrap_or("this layer")))
    }
}

#[pymethods]
impl Table {
    /// From a class and its arguments as JSON.
    #[new]
    fn new(class: &str, config: &str) -> PyResult<Self> {
        let config = parse(config)?;
        let made = |kind: Result<Kind, ConfigError>| kind.map(|kind| Self { kind }).map_err(of_config);
        made(match class {
            "IntegerLookup" => IntegerLookup::from_config(&config).map(Kind::Numbers),
            "StringLookup" => StringLookup::from_config(&config).map(Kind::Texts),
            "Discretization" => Discretization::from_config(&config).map(Kind::Bins),
            "Hashing" => Hashing::from_config(&config).map(Kind::Hash),
            "HashedCrossing" => HashedCrossing::from_config(&config).map(Kind::Cross),
            other => return Err(PyTypeError::new_err(format!("{other} has no table"))),
        })
    }
    /// Its arguments as JSON, with what it has learned.
    #[getter(config)]
    fn config_text(&self) -> String {
        self.config().to_string()
    }
    /// The same layer, having learned from arrays: of lookups each row is a document, of bins each array a batch.
    fn adapted_to_numbers(&self, py: Python<'_>, data: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let tensors = data.iter().map(|x| Given::of(x)?.tensor()).collect::<PyResult<Vec<Tensor>>>()?;
        let mut kind = self.kind.clone();
        py.detach(|| match &mut kind {
            Kind::Bins(layer) => layer.adapt_batches(&tensors),
            Kind::Numbers(layer) => {
                let numbers: Vec<(Vec<i32>, usize)> = tensors.iter().map(|t| (whole(t), t.shape()[0].max(1))).collect();
                layer.adapt_documents(numbers.iter().flat_map(|(n, rows)| n.chunks((n.len() / rows).max(1))))
            }
            _ => Ok(()),
        })
        .map_err(of_config)?;
        Ok(Self { kind })
    }
    /// The same layer, having learned from documents of texts.
    fn adapted_to_texts(&self, py: Python<'_>, documents: Vec<Vec<String>>) -> PyResult<Self> {
        let Kind::Texts(layer) = &self.kind else { return Err(self.refused("learns from numbers, got texts")) };
        let mut layer = layer.clone();
        py.detach(|| layer.adapt_documents(documents.iter().map(Vec::as_slice))).map_err(of_config)?;
        Ok(Self { kind: Kind::Texts(layer) })
    }
    /// The terms by their places as JSON, with those for masked and unknown ones.
    #[getter]
    fn vocabulary(&self) -> PyResult<String> {
        match &self.kind {
            Kind::Numbers(l) => Ok(json!(l.vocabulary()).to_string()),
            Kind::Texts(l) => Ok(json!(l.vocabulary()).to_string()),
            _ => Err(self.refused("has no vocabulary")),
        }
    }
    /// What becomes of columns, outside of a network.
    fn look_up(&self, py: Python<'_>, mut columns: Vec<Column<'_>>) -> PyResult<Py<PyAny>> {
        if let Kind::Cross(layer) = &self.kind {
            let columns = columns.iter().map(Column::numbers).collect::<PyResult<Vec<Tensor>>>()?;
            let crossed = py.detach(|| layer.cross(&columns.iter().collect::<Vec<_>>()));
            return tensor_to_python(py, crossed.map_err(of_config)?);
        }
        let Some(column) = columns.pop() else { return Err(self.refused("is called on nothing")) };
        let made = match &self.kind {
            Kind::Numbers(layer) => {
                let given = column.numbers()?;
                let numbers = whole(&given);
                py.detach(|| if layer.inverts() { back(layer, &numbers, given.shape()) } else { layer.lookup_all(&numbers, given.shape()) })
            }
            Kind::Texts(layer) => {
                let (texts, shape) = column.texts()?;
                py.detach(|| layer.lookup_all(&texts, &shape))
            }
            Kind::Hash(layer) => match column {
                Column::Texts(texts, shape) => py.detach(|| layer.hash_texts_all(&texts, &shape)),
                Column::Numbers(array) => {
                    let numbers = Given::of(&array)?.tensor()?;
                    py.detach(|| layer.hash(&numbers))
                }
            },
            Kind::Bins(_) | Kind::Cross(_) => return Err(self.refused("is called within a network")),
        };
        tensor_to_python(py, made.map_err(of_config)?)
    }
    /// The texts at places.
    fn texts_at(&self, places: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        let Kind::Texts(layer) = &self.kind else { return Err(self.refused("has no texts")) };
        layer.terms_at(&whole(&Given::of(places)?.tensor()?)).map_err(of_config)
    }
}

/// The numbers at places of a shape.
fn back(layer: &IntegerLookup, places: &[i32], shape: &[usize]) -> Result<Tensor, ConfigError> {
    let terms = layer.terms_at(places)?;
    Tensor::new(shape, TensorData::I32(terms)).map_err(|e| ConfigError::value("IntegerLookup", "input", "places of a usable shape", e))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Table>()
}
