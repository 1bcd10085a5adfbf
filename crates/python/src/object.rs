//! Losses, metrics and the small functions of Keras by themselves, and those written in Python.

use crate::array::{Given, tensor_to_python};
use crate::error::{of_config, value_error};
use crate::layer::parse;
use crate::loss::WholeLoss;
use crate::node::{Node, Operand, operand};
use crate::trace::{checked, keep, with_builder, within};
use adaline::data::Tensor;
use adaline::graph::{DType, Shape, Var};
use adaline::nn::activations::Activation;
use adaline::nn::constraints::Constraint;
use adaline::nn::initializers::Initializer;
use adaline::nn::keras::{ConfigError, KerasObject};
use adaline::nn::losses::{Custom as CustomLoss, Reduction, apply_mask, reduce, total};
use adaline::nn::metrics::{Custom as CustomMetric, resolve};
use adaline::nn::regularizers::Regularizer;
use adaline::nn::{Loss, Metric, catalogue, optimizers::LearningRate};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// A function of labels and predictions written in Python.
fn of_both(object: Py<PyAny>, method: &'static str) -> impl for<'g> Fn(Var<'g>, Var<'g>) -> Var<'g> + Send + Sync + 'static {
    move |y_true, y_pred| {
        let b = y_true.builder();
        let called = within(b, || {
            Python::attach(|py| {
                let (t, p) = (Bound::new(py, Node::of(y_true))?, Bound::new(py, Node::of(y_pred))?);
                let result = object.bind(py).call_method1(method, (t, p))?;
                with_builder(|b| operand(b, &result).map(|v| v.cast(DType::F32).id()))
            })
        });
        match called {
            Ok(id) => b.var(id),
            Err(error) => b.error(keep(error)),
        }
    }
}

pub(crate) fn reduction_of(name: &str) -> PyResult<Reduction> {
    Reduction::try_from(Value::from(name)).map_err(of_config)
}

/// What a file says of an object of Python, where it can say it.
fn told(object: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    object.call_method0("_file_json")?.extract::<Option<String>>()?.map(|text| parse(&text)).transpose()
}

/// A loss from JSON, or from an object with `name`, `reduction`, and `_trace_call(y_true, y_pred)` or, where `_is_whole`,
/// `__call__(y_true, y_pred, sample_weight)`.
pub(crate) fn loss_of(object: &Bound<'_, PyAny>) -> PyResult<Box<dyn Loss>> {
    if let Ok(text) = object.cast::<PyString>() {
        return catalogue::loss_from_json(&parse(text.to_cow()?.as_ref())?).map_err(of_config);
    }
    if object.getattr("_is_whole")?.extract::<bool>()? {
        return Ok(Box::new(WholeLoss::new(object)?));
    }
    let (name, reduction) = (object.getattr("name")?.extract::<String>()?, object.getattr("reduction")?.extract::<String>()?);
    let mut loss = CustomLoss::new(name, of_both(object.clone().unbind(), "_trace_call")).reduction(reduction_of(&reduction)?);
    if let Some(envelope) = told(object)? {
        loss = loss.told(envelope);
    }
    Ok(loss.into())
}

/// A metric from JSON, or from an object of Python: one with `_sums()`, else a mean of `_trace_call(y_true, y_pred)`.
pub(crate) fn metric_of(object: &Bound<'_, PyAny>) -> PyResult<Box<dyn Metric>> {
    if let Ok(text) = object.cast::<PyString>() {
        return catalogue::metric_from_json(&parse(text.to_cow()?.as_ref())?).map_err(of_config);
    }
    let name = object.getattr("name")?.extract::<String>()?;
    if object.hasattr("_sums")? {
        return Ok(Box::new(PythonMetric { object: Arc::new(object.clone().unbind()), name, told: told(object)? }));
    }
    Ok(CustomMetric::new(&name, of_both(object.clone().unbind(), "_trace_call")).into())
}

/// A metric whose sums and result are Python code.
#[derive(Clone)]
struct PythonMetric {
    object: Arc<Py<PyAny>>,
    name: String,
    /// What a file says of it.
    told: Option<Value>,
}

impl fmt::Debug for PythonMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PythonMetric").field("name", &self.name).finish_non_exhaustive()
    }
}

impl KerasObject for PythonMetric {
    fn module(&self) -> &'static str {
        "adaline"
    }
    fn class_name(&self) -> &'static str {
        "PythonMetric"
    }
    fn config(&self) -> Value {
        json!({"name": self.name})
    }
    fn envelope(&self) -> Value {
        self.told
            .clone()
            .unwrap_or_else(|| json!({"module": "adaline", "class_name": "PythonMetric", "config": self.config(), "registered_name": null}))
    }
    fn writable(&self) -> Result<(), ConfigError> {
        if self.told.is_some() {
            return Ok(());
        }
        Err(ConfigError::NotWritable { kind: "metric", name: self.name.clone() })
    }
}

impl Metric for PythonMetric {
    fn name(&self) -> &str {
        &self.name
    }
    fn set_name(&mut self, name: String) {
        self.name = name;
    }
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        const NAMES: [&str; 8] = ["sum_0", "sum_1", "sum_2", "sum_3", "sum_4", "sum_5", "sum_6", "sum_7"];
        let shapes = Python::attach(|py| self.object.bind(py).call_method0("_sums")?.extract::<Vec<Vec<usize>>>());
        match shapes {
            Ok(shapes) => NAMES.into_iter().zip(shapes.iter().filter_map(|dims| Shape::try_new(dims))).collect(),
            Err(error) => {
                keep(error);
                Vec::new()
            }
        }
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let b = y_true.builder();
        let called = within(b, || {
            Python::attach(|py| {
                let node = |v: Var<'_>| Bound::new(py, Node::of(v));
                let weight = weight.map(node).transpose()?;
                let results = self.object.bind(py).call_method1("_trace_update", (node(y_true)?, node(y_pred)?, weight))?;
                results
                    .try_iter()?
                    .map(|r| with_builder(|b| operand(b, &r?).map(|v| v.cast(DType::F32).id())))
                    .collect::<PyResult<Vec<_>>>()
            })
        });
        match called {
            Ok(ids) => ids.into_iter().map(|id| b.var(id)).collect(),
            Err(error) => vec![b.error(keep(error))],
        }
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        let told = Python::attach(|py| {
            let sums: Vec<Vec<f32>> = sums.iter().map(|s| s.to_vec()).collect();
            self.object.bind(py).call_method1("_result_of", (sums,))?.extract::<Vec<f64>>()
        });
        told.unwrap_or_else(|error| {
            keep(error);
            vec![f64::NAN]
        })
    }
    fn larger_is_better(&self) -> Option<bool> {
        None
    }
    fn boxed(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }
}

/// A loss of the catalogue.
#[pyclass(frozen, module = "adaline._adaline")]
pub(crate) struct LossHandle(Box<dyn Loss>);

#[pymethods]
impl LossHandle {
    #[new]
    fn new(envelope: &str) -> PyResult<Self> {
        let loss = catalogue::loss_from_json(&parse(envelope)?).map_err(of_config)?;
        loss.validate().map_err(of_config)?;
        Ok(Self(loss))
    }
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }
    #[getter]
    fn config(&self) -> String {
        self.0.config().to_string()
    }
    /// Values per sample.
    fn values(&self, y_true: &Bound<'_, PyAny>, y_pred: &Bound<'_, PyAny>) -> PyResult<Node> {
        with_builder(|b| {
            let (t, p) = (Operand::of(b, y_true)?.cast(b, self.0.labels().dtype()), Operand::of(b, y_pred)?.cast(b, DType::F32));
            checked(self.0.call(t, p)).map(Node::of)
        })
    }
    /// The loss: values per sample, weighted, masked and reduced.
    fn total(
        &self,
        y_true: &Bound<'_, PyAny>,
        y_pred: &Bound<'_, PyAny>,
        weight: Option<&Bound<'_, PyAny>>,
        mask: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Node> {
        with_builder(|b| {
            let (t, p) = (Operand::of(b, y_true)?.cast(b, self.0.labels().dtype()), Operand::of(b, y_pred)?.cast(b, DType::F32));
            let weight = weight.map(|w| Operand::of(b, w).map(|w| w.cast(b, DType::F32))).transpose()?;
            let mask = mask.map(|m| Operand::of(b, m).map(|m| m.cast(b, DType::Bool))).transpose()?;
            checked(total(self.0.as_ref(), t, p, weight, mask)).map(Node::of)
        })
    }
}

/// Values per sample of a loss written in Python, weighted and reduced as Keras does it.
#[pyfunction]
fn reduce_values(
    values: &Bound<'_, PyAny>,
    weight: Option<&Bound<'_, PyAny>>,
    mask: Option<&Bound<'_, PyAny>>,
    reduction: &str,
) -> PyResult<Node> {
    let reduction = reduction_of(reduction)?;
    with_builder(|b| {
        let values = Operand::of(b, values)?.cast(b, DType::F32);
        let weight = weight.map(|w| Operand::of(b, w).map(|w| w.cast(b, DType::F32))).transpose()?;
        let mask = mask.map(|m| Operand::of(b, m).map(|m| m.cast(b, DType::Bool))).transpose()?;
        checked(reduce(values, apply_mask(weight, mask, reduction), reduction)).map(Node::of)
    })
}

/// A metric of the catalogue.
#[pyclass(frozen, module = "adaline._adaline")]
pub(crate) struct MetricHandle(Box<dyn Metric>);

#[pymethods]
impl MetricHandle {
    #[new]
    fn new(envelope: &str) -> PyResult<Self> {
        let metric = catalogue::metric_from_json(&parse(envelope)?).map_err(of_config)?;
        metric.validate().map_err(of_config)?;
        Ok(Self(metric))
    }
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }
    #[getter]
    fn config(&self) -> String {
        self.0.config().to_string()
    }
    /// Names and shapes of its sums for labels and predictions of shapes.
    fn sums(&self, y_true: Vec<usize>, y_pred: Vec<usize>) -> PyResult<Vec<(&'static str, Vec<usize>)>> {
        let (t, p) = shapes(&y_true, &y_pred)?;
        Ok(resolve(self.0.as_ref(), t, p).sums(t, p).into_iter().map(|(name, shape)| (name, shape.dims().to_vec())).collect())
    }
    /// What a batch adds to each sum.
    fn update(&self, y_true: &Bound<'_, PyAny>, y_pred: &Bound<'_, PyAny>, weight: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Node>> {
        with_builder(|b| {
            let (t, p) = (operand(b, y_true)?, Operand::of(b, y_pred)?.cast(b, DType::F32));
            let metric = resolve(self.0.as_ref(), t.shape(), p.shape());
            let t = t.cast(if metric.sparse() { DType::I32 } else { DType::F32 });
            let weight = weight.map(|w| Operand::of(b, w).map(|w| w.cast(b, DType::F32))).transpose()?;
            metric.update(t, p, weight).into_iter().map(|v| checked(v).map(Node::of)).collect()
        })
    }
    /// Its values from its sums.
    fn results(&self, sums: Vec<Bound<'_, PyAny>>, y_true: Vec<usize>, y_pred: Vec<usize>) -> PyResult<Vec<f64>> {
        let (t, p) = shapes(&y_true, &y_pred)?;
        with_values(&sums, |values| resolve(self.0.as_ref(), t, p).results(values))
    }
    /// Names and values of Keras' variables, where those are not the sums themselves.
    fn variables(&self, py: Python<'_>, sums: Vec<Bound<'_, PyAny>>) -> PyResult<Option<Vec<Named>>> {
        let Some(variables) = with_values(&sums, |values| self.0.variables(values))? else { return Ok(None) };
        let array = |(name, shape, values): (&'static str, Shape, Vec<f32>)| {
            Ok((name, tensor_to_python(py, Tensor::f32(shape.dims().to_vec(), values).map_err(value_error)?)?))
        };
        variables.into_iter().map(array).collect::<PyResult<_>>().map(Some)
    }
    /// Values of the sums of which these are the variables.
    fn sums_of(&self, variables: Vec<Bound<'_, PyAny>>) -> PyResult<Option<Vec<Vec<f32>>>> {
        with_values(&variables, |values| self.0.sums_of(values))
    }
}

/// A variable of a metric: its name and its values.
type Named = (&'static str, Py<PyAny>);

/// Hands values of arrays to a function.
fn with_values<R>(arrays: &[Bound<'_, PyAny>], f: impl FnOnce(&[&[f32]]) -> R) -> PyResult<R> {
    let tensors = arrays.iter().map(|a| Given::of(a)?.tensor()).collect::<PyResult<Vec<Tensor>>>()?;
    let values: Vec<_> = tensors.iter().map(Tensor::f32_values).collect();
    Ok(f(&values.iter().map(|v| &v[..]).collect::<Vec<&[f32]>>()))
}

fn shapes(y_true: &[usize], y_pred: &[usize]) -> PyResult<(Shape, Shape)> {
    let of = |dims: &[usize]| Shape::try_new(dims).ok_or_else(|| PyValueError::new_err(format!("shape {dims:?} is too large")));
    Ok((of(y_true)?, of(y_pred)?))
}

/// An activation by name, with its default arguments.
#[pyfunction]
fn activation(name: &str, x: &Bound<'_, PyAny>) -> PyResult<Node> {
    let activation = Activation::from_name(name).map_err(of_config)?;
    with_builder(|b| checked(activation.apply(Operand::of(b, x)?.cast(b, DType::F32))).map(Node::of))
}

/// The penalty of a regularizer for values.
#[pyfunction]
fn regularizer(config: &str, x: &Bound<'_, PyAny>) -> PyResult<Node> {
    let regularizer = Regularizer::from_json(&parse(config)?).map_err(of_config)?;
    with_builder(|b| checked(regularizer.penalty(Operand::of(b, x)?.cast(b, DType::F32))).map(Node::of))
}

/// Values put back by a constraint.
#[pyfunction]
fn constraint(config: &str, x: &Bound<'_, PyAny>) -> PyResult<Node> {
    let constraint = Constraint::from_json(&parse(config)?).map_err(of_config)?;
    with_builder(|b| checked(constraint.apply(Operand::of(b, x)?.cast(b, DType::F32))).map(Node::of))
}

/// First values of a weight.
#[pyfunction]
fn initial_values(py: Python<'_>, config: &str, shape: Vec<usize>, seed: u64) -> PyResult<Py<PyAny>> {
    let initializer = Initializer::from_json(&parse(config)?).map_err(of_config)?;
    let checked = Shape::try_new(&shape).ok_or_else(|| PyValueError::new_err(format!("shape {shape:?} is too large")))?;
    let mut values = vec![0.0; checked.len()];
    initializer.fill(checked, seed, 0, &mut values).map_err(value_error)?;
    tensor_to_python(py, Tensor::f32(shape, values).map_err(value_error)?)
}

/// The learning rate of a schedule at an iteration.
#[pyfunction]
fn schedule_at(config: &str, iteration: u64) -> PyResult<f64> {
    let rate: LearningRate = serde_json::from_value(parse(config)?).map_err(value_error)?;
    Ok(match rate {
        LearningRate::Fixed(value) => value,
        LearningRate::Schedule(schedule) => schedule.at(iteration),
    })
}

/// Checks the configuration of an object of a kind, and gives it with all defaults.
#[pyfunction]
fn checked_config(kind: &str, envelope: &str) -> PyResult<String> {
    let value = parse(envelope)?;
    let config = match kind {
        "optimizer" => {
            let optimizer = catalogue::optimizer_from_json(&value).map_err(of_config)?;
            optimizer.validate().map_err(of_config)?;
            optimizer.config()
        }
        "initializer" => serde_json::to_value(Initializer::from_json(&value).map_err(of_config)?).map_err(value_error)?,
        "regularizer" => serde_json::to_value(Regularizer::from_json(&value).map_err(of_config)?).map_err(value_error)?,
        "constraint" => serde_json::to_value(Constraint::from_json(&value).map_err(of_config)?).map_err(value_error)?,
        "schedule" => serde_json::to_value(serde_json::from_value::<LearningRate>(value).map_err(value_error)?).map_err(value_error)?,
        other => return Err(PyValueError::new_err(format!("no kind of object `{other}`"))),
    };
    Ok(config.to_string())
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<LossHandle>()?;
    m.add_class::<MetricHandle>()?;
    for f in [
        wrap_pyfunction!(reduce_values, m)?,
        wrap_pyfunction!(activation, m)?,
        wrap_pyfunction!(regularizer, m)?,
        wrap_pyfunction!(constraint, m)?,
        wrap_pyfunction!(initial_values, m)?,
        wrap_pyfunction!(schedule_at, m)?,
        wrap_pyfunction!(checked_config, m)?,
    ] {
        m.add_function(f)?;
    }
    Ok(())
}
