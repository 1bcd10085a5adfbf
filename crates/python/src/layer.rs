//! Layers: those of the catalogue from their configurations, and those written in Python.

use crate::error::{of_config, raised, value_error};
use crate::node::{Node, dtype_name, dtype_of, operand};
use crate::trace::{MaskedId, keep, take_pending, with_builder, with_host, within_layer};
use adaline::graph::{Builder, Distribution, Shape, Var};
use adaline::nn::catalogue::{self, CustomObject, CustomObjects, custom_object_scope};
use adaline::nn::constraints::Constraint;
use adaline::nn::initializers::Initializer;
use adaline::nn::keras::{ConfigError, DTypePolicy, KerasObject};
use adaline::nn::layers::recurrent::RnnCell;
use adaline::nn::layers::{Arguments, InputLayer, output_shapes_with};
use adaline::nn::regularizers::Regularizer;
use adaline::nn::{Apply, CallSettings, KerasTensor, Layer, Masked, SharedLayer, Trace, WeightSpec};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// JSON from Python.
pub(crate) fn parse(text: &str) -> PyResult<Value> {
    serde_json::from_str(text).map_err(|e| PyValueError::new_err(format!("a configuration that is no JSON: {e}")))
}

/// Names of classes, each once: `KerasObject` wants them for ever, and there are as many as classes in a program.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|n| **n == name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.push(kept);
    kept
}

/// A layer whose call is Python code: traced once for each shape, then compiled like any other.
#[derive(Clone)]
pub(crate) struct PythonLayer {
    object: Arc<Py<PyAny>>,
    class: &'static str,
    name: Option<String>,
    trainable: bool,
    policy: Option<DTypePolicy>,
    stateless_mask: bool,
    /// Whether it is a cell of a recurrent layer.
    cell: bool,
    /// Which way of calling it is meant, of those that the object knows.
    call: Option<usize>,
    /// How many results its last call gave, in each way of calling it.
    results: Arc<Mutex<BTreeMap<Option<usize>, usize>>>,
}

impl fmt::Debug for PythonLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PythonLayer").field("class", &self.class).field("name", &self.name).finish_non_exhaustive()
    }
}

impl PythonLayer {
    /// The object of Python.
    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.object
    }
    /// Numbers of results by ways of calling it.
    fn known(&self) -> MutexGuard<'_, BTreeMap<Option<usize>, usize>> {
        // Entries are replaced as a whole.
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// What the object says its configuration is.
    fn told(&self) -> Result<Value, ConfigError> {
        let text = Python::attach(|py| self.object.bind(py).call_method0("_envelope_json")?.extract::<String>());
        let refused = || ConfigError::NotWritable { kind: "layer", name: self.name.clone().unwrap_or_default() };
        let text = text.map_err(|e| {
            keep(e);
            refused()
        })?;
        serde_json::from_str(&text).map_err(|_| refused())
    }
}

impl KerasObject for PythonLayer {
    fn module(&self) -> &'static str {
        "adaline"
    }
    fn class_name(&self) -> &'static str {
        self.class
    }
    fn config(&self) -> Value {
        let told = self.told().ok().and_then(|mut v| v.get_mut("config").map(Value::take));
        told.unwrap_or_else(|| json!({"name": self.name, "trainable": self.trainable}))
    }
    fn envelope(&self) -> Value {
        self.told().unwrap_or(Value::Null)
    }
    fn writable(&self) -> Result<(), ConfigError> {
        self.told().map(|_| ())
    }
}

impl Layer for PythonLayer {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    fn set_name(&mut self, name: String) {
        self.name = Some(name);
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        self.call_all(cx, inputs).first().map_or_else(|| cx.builder().error("a layer without results"), |r| r.value)
    }
    fn call_all<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Vec<Masked<'g>> {
        let b = cx.builder();
        let masks: Vec<Option<Var<'g>>> = cx.masks().to_vec();
        let given: Vec<Node> =
            inputs.iter().enumerate().map(|(i, &v)| Node::masked(v, masks.get(i).copied().flatten().map(Var::id))).collect();
        let called = within_layer(cx, || {
            Python::attach(|py| -> PyResult<Vec<MaskedId>> {
                let given: Vec<Bound<'_, Node>> = given.into_iter().map(|n| Bound::new(py, n)).collect::<PyResult<_>>()?;
                let results = self.object.bind(py).call_method1("_trace", (PyList::new(py, given)?, self.call))?;
                results
                    .try_iter()?
                    .map(|r| {
                        let r = r?;
                        match r.cast::<Node>() {
                            Ok(node) => with_builder(|b| node.get().var(b).map(|v| (v.id(), node.get().mask))),
                            Err(_) => with_builder(|b| operand(b, &r).map(|v| (v.id(), None))),
                        }
                    })
                    .collect()
            })
        });
        match called {
            Ok(results) => {
                self.known().insert(self.call, results.len());
                results.into_iter().map(|(v, m)| Masked { value: b.var(v), mask: m.map(|m| b.var(m)) }).collect()
            }
            Err(error) => {
                let text = keep(error);
                let failed: Masked<'g> = b.error(text).into();
                vec![failed; self.results()]
            }
        }
    }
    fn results(&self) -> usize {
        self.known().get(&self.call).copied().unwrap_or(1)
    }
    fn supports_masking(&self) -> bool {
        self.stateless_mask
    }
    /// The way of calling it, a number that no file holds.
    fn set_call_argument(&mut self, key: &str, value: &Value) -> Result<(), ConfigError> {
        let call = value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|_| key == CALL);
        self.call = Some(call.ok_or_else(|| ConfigError::value(self.class, key, "an argument of its call", value))?);
        Ok(())
    }
    fn written_call(&self, settings: &Map<String, Value>, tensors: &[Value]) -> Option<(Value, Value)> {
        let way = settings.get(CALL)?.as_u64()?;
        let tensors = Value::from(tensors.to_vec()).to_string();
        let told = Python::attach(|py| self.object.bind(py).call_method1("_written_call", (way, tensors))?.extract::<String>());
        let mut told: Value = serde_json::from_str(&told.map_err(keep).ok()?).ok()?;
        Some((told["args"].take(), told["kwargs"].take()))
    }
    fn takes_any_mask(&self) -> bool {
        true
    }
    fn as_cell(&self) -> Option<&dyn RnnCell> {
        self.cell.then_some(self)
    }
    fn file_path(&self, inner: &str) -> String {
        let told = Python::attach(|py| self.object.bind(py).call_method1("_file_path", (inner,))?.extract::<String>());
        told.unwrap_or_else(keep)
    }
    fn trainable(&self) -> bool {
        self.trainable
    }
    fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
    }
    fn dtype_policy(&self) -> Option<DTypePolicy> {
        self.policy
    }
    fn set_dtype_policy(&mut self, policy: DTypePolicy) {
        self.policy = Some(policy);
    }
    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }
}

/// The argument by which a layer of Python is told which of its ways of being called is meant.
const CALL: &str = "__call__";

/// Layers of Python within a configuration, each in the place of an envelope that names its number.
struct Within(Vec<Box<dyn Layer>>);

impl CustomObjects for Within {
    fn layer(&self, object: &CustomObject<'_>) -> Option<Result<Box<dyn Layer>, ConfigError>> {
        let at = object.config["at"].as_u64().filter(|_| object.class_name == "__within__")?;
        let layer = usize::try_from(at).ok().and_then(|at| self.0.get(at));
        Some(layer.map(|layer| layer.boxed()).ok_or_else(|| ConfigError::value("__within__", "at", "the number of a layer", at)))
    }
}

/// Settings of a call as Python writes them: which of the last tensors are masks of which inputs, or null for that of attention, whether it is in
/// training, and the layer's own arguments.
fn settings_of(text: Option<&str>) -> PyResult<CallSettings> {
    let mut settings = CallSettings::new();
    let Some(text) = text else { return Ok(settings) };
    let told = parse(text)?;
    for mask in told["masks"].as_array().into_iter().flatten() {
        settings = match mask.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(input) => settings.mask(input),
            None => settings.attention_mask(),
        };
    }
    if let Some(training) = told["training"].as_bool() {
        settings = settings.training(training);
    }
    Ok(told["others"].as_object().into_iter().flatten().fold(settings, |s, (key, value)| s.other(key, value.clone())))
}

/// Sizes of a batch, the first that of the batch itself; none where it is open.
pub(crate) type OpenShape = Vec<Option<usize>>;

/// A layer as networks share it.
#[pyclass(frozen, module = "adaline._adaline")]
pub(crate) struct LayerHandle {
    pub(crate) shared: SharedLayer,
}

impl LayerHandle {
    pub(crate) fn of(layer: Box<dyn Layer>) -> Self {
        Self { shared: layer.shared() }
    }
}

#[pymethods]
impl LayerHandle {
    /// A layer of the catalogue from its envelope. Layers of Python in it are `{"class_name": "__within__", "config": {"at": number}}`.
    #[staticmethod]
    #[pyo3(signature = (envelope, within=Vec::new()))]
    fn from_json(envelope: &str, within: Vec<PyRef<'_, Self>>) -> PyResult<Self> {
        let envelope = parse(envelope)?;
        let read = || catalogue::layer_from_json(&envelope).map_err(of_config);
        let layer = if within.is_empty() {
            read()?
        } else {
            let within: Vec<Box<dyn Layer>> = within.iter().map(|l| l.shared.layer().boxed()).collect();
            custom_object_scope(Arc::new(Within(within)), read)?
        };
        layer.validate().map_err(of_config)?;
        Ok(Self::of(layer))
    }
    /// A layer whose `_trace(values)` is Python code.
    #[staticmethod]
    #[pyo3(signature = (object, class_name, name, trainable, policy, supports_masking, cell=false))]
    fn custom(
        object: Py<PyAny>,
        class_name: &str,
        name: Option<String>,
        trainable: bool,
        policy: Option<&str>,
        supports_masking: bool,
        cell: bool,
    ) -> PyResult<Self> {
        let policy = policy.map(|p| DTypePolicy::from_name(class_name, p)).transpose().map_err(of_config)?;
        let layer = PythonLayer {
            object: Arc::new(object),
            class: interned(class_name),
            name,
            trainable,
            policy,
            stateless_mask: supports_masking,
            cell,
            call: None,
            results: Arc::default(),
        };
        Ok(Self::of(Box::new(layer)))
    }
    /// Its arguments as JSON, defaults included.
    #[getter]
    fn config(&self) -> String {
        self.shared.layer().config().to_string()
    }
    /// Where a file keeps what is at a path within it.
    fn file_path(&self, inner: &str) -> String {
        self.shared.layer().file_path(inner)
    }
    /// How many results it has.
    #[getter]
    fn results(&self) -> usize {
        self.shared.layer().results()
    }
    /// Whether it hands on masks.
    #[getter]
    fn supports_masking(&self) -> bool {
        self.shared.layer().supports_masking()
    }
    /// Names of the tensors that its call takes, where each has one of its own.
    #[getter]
    fn arguments(&self) -> Vec<&'static str> {
        match self.shared.layer().arguments() {
            Arguments::Named(needed, others) => needed.iter().chain(others).copied().collect(),
            Arguments::List | Arguments::WithStates => Vec::new(),
        }
    }
    /// Name of the class in snake case, as default names begin.
    #[getter]
    fn snake_name(&self) -> String {
        adaline::formats::snake_case(self.shared.layer().python_class())
    }
    /// The layer called on symbolic tensors: all results. `settings` are those of the call, whose masks are the last of the tensors.
    #[pyo3(signature = (inputs, settings=None))]
    fn apply(&self, inputs: Vec<PyRef<'_, Symbol>>, settings: Option<&str>) -> PyResult<Vec<Symbol>> {
        let settings = settings_of(settings)?;
        let shapes: Vec<(OpenShape, String)> = inputs.iter().map(|s| (s.shape.clone(), s.dtype.to_owned())).collect();
        let results = shapes_of(self.shared.layer(), &shapes, &settings)?;
        let given: Vec<KerasTensor> = inputs.iter().map(|s| s.tensor.clone()).collect();
        let made = self.shared.apply_with(given, settings).map_err(of_config)?;
        // A layer of Python has told its results by now.
        Ok(made.into_iter().zip(results).map(|(tensor, (shape, dtype))| Symbol { tensor, shape, dtype }).collect())
    }
    /// Shapes and types of its results for inputs of shapes and types.
    #[pyo3(signature = (inputs, settings=None))]
    fn output_shapes(&self, inputs: Vec<(OpenShape, String)>, settings: Option<&str>) -> PyResult<Vec<(OpenShape, &'static str)>> {
        shapes_of(self.shared.layer(), &inputs, &settings_of(settings)?)
    }
    fn __repr__(&self) -> String {
        format!("<LayerHandle {}>", self.shared.layer().class_name())
    }
}

/// Shapes of a layer's results.
fn shapes_of(layer: &dyn Layer, inputs: &[(OpenShape, String)], settings: &CallSettings) -> PyResult<Vec<(OpenShape, &'static str)>> {
    let given = inputs.iter().map(|(dims, dtype)| Ok((dims.clone(), dtype_of(dtype)?))).collect::<PyResult<Vec<_>>>()?;
    let traced = || {
        take_pending();
        output_shapes_with(layer, &given, settings)
    };
    let count = || settings.results(layer).unwrap_or(1);
    let before = count();
    let mut results = traced();
    // How many results a layer of Python has is known from its first trace on.
    if results.is_err() && count() != before {
        results = traced();
    }
    let results = results.map_err(|e| raised(&e))?;
    Ok(results.into_iter().map(|(dims, dtype)| (dims, dtype_name(dtype))).collect())
}

/// A tensor that does not exist yet: what layers are called on to describe a network.
#[pyclass(frozen, module = "adaline._adaline")]
pub(crate) struct Symbol {
    pub(crate) tensor: KerasTensor,
    shape: OpenShape,
    dtype: &'static str,
}

impl Symbol {
    /// The input layer of a chain of layers that begins here.
    pub(crate) fn layer(&self) -> Box<dyn Layer> {
        self.tensor.layer().boxed()
    }
}

#[pymethods]
impl Symbol {
    /// The beginning of a network.
    #[staticmethod]
    #[pyo3(signature = (batch_shape, dtype, name))]
    fn input(batch_shape: OpenShape, dtype: &str, name: Option<&str>) -> PyResult<Self> {
        let kind = dtype_name(dtype_of(dtype)?);
        let mut config = Map::new();
        config.insert("batch_shape".into(), json!(batch_shape));
        config.insert("dtype".into(), json!(kind));
        if let Some(name) = name {
            config.insert("name".into(), json!(name));
        }
        let layer = InputLayer::from_config(&Value::Object(config)).map_err(of_config)?;
        Ok(Self { tensor: layer.tensor(), shape: batch_shape, dtype: kind })
    }
    #[getter]
    fn shape(&self) -> OpenShape {
        self.shape.clone()
    }
    #[getter]
    fn dtype(&self) -> &'static str {
        self.dtype
    }
}

/// How a weight of a Python layer begins and what acts on it, from JSON.
pub(crate) fn weight_spec(initializer: &str, trainable: bool, regularizer: Option<&str>, constraint: Option<&str>) -> PyResult<WeightSpec> {
    let mut spec = WeightSpec::new(Initializer::from_json(&parse(initializer)?).map_err(of_config)?);
    spec.trainable = trainable;
    if let Some(regularizer) = regularizer {
        spec.regularizer = Some(Regularizer::from_json(&parse(regularizer)?).map_err(of_config)?);
    }
    if let Some(constraint) = constraint {
        spec.constraint = Some(Constraint::from_json(&parse(constraint)?).map_err(of_config)?);
    }
    Ok(spec)
}

/// The value of a weight of the layer that is being written.
#[pyfunction]
fn trace_weight(
    name: &str,
    shape: Vec<usize>,
    initializer: &str,
    trainable: bool,
    regularizer: Option<&str>,
    constraint: Option<&str>,
) -> PyResult<Node> {
    let spec = weight_spec(initializer, trainable, regularizer, constraint)?;
    with_host(|host| {
        let id = host.weight(name, &shape, &spec);
        crate::trace::checked(host.builder().var(id)).map(Node::of)
    })
}

/// The new value of a weight that training does not change, of the layer that is being written.
#[pyfunction]
fn trace_assign(name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let id = with_builder(|b| operand(b, value).map(Var::id))?;
    with_host(|host| {
        host.assign(name, id);
        Ok(())
    })
}

/// A layer within the layer that is being written, called on values.
#[pyfunction]
#[pyo3(signature = (handle, name, inputs, settings=None))]
fn trace_apply(handle: &LayerHandle, name: &str, inputs: Vec<Bound<'_, PyAny>>, settings: Option<&str>) -> PyResult<Vec<Node>> {
    let settings = settings_of(settings)?;
    let given = with_builder(|b| masked(b, &inputs))?;
    with_host(|host| {
        let results = host.apply(name, handle.shared.layer(), &given, &settings);
        nodes(host.builder(), results)
    })
}

/// Values with their masks.
fn masked(b: &Builder, inputs: &[Bound<'_, PyAny>]) -> PyResult<Vec<MaskedId>> {
    let of = |x: &Bound<'_, PyAny>| match x.cast::<Node>() {
        Ok(node) => node.get().var(b).map(|v| (v.id(), node.get().mask)),
        Err(_) => operand(b, x).map(|v| (v.id(), None)),
    };
    inputs.iter().map(of).collect()
}

/// Results as Python has them.
fn nodes(b: &Builder, results: Vec<MaskedId>) -> PyResult<Vec<Node>> {
    if let Some(error) = b.latched() {
        return Err(value_error(error));
    }
    Ok(results.into_iter().map(|(v, m)| Node::masked(b.var(v), m)).collect())
}

/// As `trace_apply`, in the place of the layer that is being written: the weights of one are those of the other.
#[pyfunction]
#[pyo3(signature = (handle, inputs, settings=None))]
fn trace_inline(handle: &LayerHandle, inputs: Vec<Bound<'_, PyAny>>, settings: Option<&str>) -> PyResult<Vec<Node>> {
    let settings = settings_of(settings)?;
    let given = with_builder(|b| masked(b, &inputs))?;
    with_host(|host| {
        let results = host.inline(handle.shared.layer(), &given, &settings);
        nodes(host.builder(), results)
    })
}

/// Whether the graph of a training step is being written.
#[pyfunction]
fn trace_training() -> PyResult<bool> {
    with_host(|host| Ok(host.training()))
}

/// Adds a scalar to the loss of the model.
#[pyfunction]
fn trace_add_loss(value: &Bound<'_, PyAny>) -> PyResult<()> {
    let id = with_builder(|b| operand(b, value).map(Var::id))?;
    with_host(|host| {
        host.add_loss(id);
        Ok(())
    })
}

/// Random numbers of the layer that is being written, others in each step: `uniform` in [0, 1) or standard `normal`.
#[pyfunction]
fn trace_random(distribution: &str, shape: Vec<usize>) -> PyResult<Node> {
    let dist = if distribution == "normal" { Distribution::Normal } else { Distribution::Uniform };
    let shape = Shape::try_new(&shape).ok_or_else(|| PyValueError::new_err(format!("shape {shape:?} is too large")))?;
    with_host(|host| {
        let id = host.random(dist, shape);
        crate::trace::checked(host.builder().var(id)).map(Node::of)
    })
}

/// A value with the mask of its steps.
#[pyfunction]
fn with_mask(value: &Bound<'_, Node>, mask: Option<&Bound<'_, PyAny>>) -> PyResult<Node> {
    with_builder(|b| {
        let mask = mask.map(|m| operand(b, m).map(Var::id)).transpose()?;
        value.get().var(b).map(|v| Node::masked(v, mask))
    })
}

/// Classes of the catalogue: `[(kind, class, module, aliases)]`.
#[pyfunction]
fn catalogue_rows() -> Vec<(&'static str, &'static str, &'static str, Vec<&'static str>)> {
    let mut rows = Vec::new();
    rows.extend(catalogue::LAYERS.iter().map(|r| ("layer", r.class, r.module, r.aliases.to_vec())));
    rows.extend(catalogue::LOSSES.iter().map(|r| ("loss", r.class, r.module, r.aliases.to_vec())));
    rows.extend(catalogue::METRICS.iter().map(|r| ("metric", r.class, r.module, r.aliases.to_vec())));
    rows.extend(catalogue::OPTIMIZERS.iter().map(|r| ("optimizer", r.class, r.module, r.aliases.to_vec())));
    rows
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<LayerHandle>()?;
    m.add_class::<Symbol>()?;
    for f in [
        wrap_pyfunction!(trace_weight, m)?,
        wrap_pyfunction!(trace_assign, m)?,
        wrap_pyfunction!(trace_apply, m)?,
        wrap_pyfunction!(trace_inline, m)?,
        wrap_pyfunction!(trace_training, m)?,
        wrap_pyfunction!(trace_add_loss, m)?,
        wrap_pyfunction!(trace_random, m)?,
        wrap_pyfunction!(with_mask, m)?,
        wrap_pyfunction!(catalogue_rows, m)?,
    ] {
        m.add_function(f)?;
    }
    Ok(())
}
