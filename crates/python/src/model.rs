//! Networks with weights: what Python's `Model` asks.

use crate::array::{Given, Rows, tensor_to_python};
use crate::batches::PythonBatches;
use crate::builtin::Builtin;
use crate::callback::{PythonCallback, PythonProgress};
use crate::error::{of_config, raised, value_error};
use crate::layer::{LayerHandle, OpenShape, Symbol, parse};
use crate::object::{loss_of, metric_of};
use crate::options::{Options, Several, Target};
use crate::shared::{Busy, Cell, Loan, Reader, busy};
use crate::trace::take_pending;
use adaline::data::{RowSource, Tensor};
use adaline::nn::model::{Inputs, Labels, LoadOptions, LoadWeights, Logs, Objective};
use adaline::nn::optimizers::LearningRate;
use adaline::nn::{DTypePolicy, Error, Evaluate, Functional, Metric, Model, Seed, Sequential, catalogue};
use adaline::onnx::ExportOptions;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A network with weights.
#[pyclass(frozen, module = "adaline._adaline")]
pub(crate) struct Core {
    cell: Cell,
}

type Named<T> = Vec<(String, T)>;

impl Core {
    fn of(model: Model) -> Self {
        Self { cell: Cell::of(model) }
    }
    /// Runs `f` on the model with the interpreter released.
    fn with<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&mut Model) -> R + Send) -> PyResult<R> {
        take_pending();
        let result = py.detach(|| {
            let mut loan = Loan { cell: &self.cell, model: Some(self.cell.take()?) };
            loan.model.as_mut().map(f).ok_or(Busy)
        });
        result.map_err(|Busy| busy())
    }
    /// As [`Core::with`], of what can fail.
    fn tried<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&mut Model) -> Result<R, Error> + Send) -> PyResult<R> {
        let result = self.with(py, f)?;
        match (result, take_pending()) {
            (_, Some(pending)) => Err(pending),
            (Ok(value), None) => Ok(value),
            (Err(error), None) => Err(raised(&error)),
        }
    }
    /// A callback: a configuration of one of Rust's, or an object.
    fn told(&self, object: &Bound<'_, PyAny>, batches: bool) -> PyResult<Told<'_>> {
        Ok(match object.cast::<PyString>() {
            Ok(text) => Told::Rust(Builtin::from_json(&parse(text.to_cow()?.as_ref())?)?),
            Err(_) => Told::Python(Box::new(PythonCallback { object: object.clone().unbind(), cell: &self.cell, batches, stand_in: None })),
        })
    }
    /// All outputs for rows, in batches; of several threads at once.
    fn predicted(&self, py: Python<'_>, rows: &[Rows<'_>], batch: usize) -> PyResult<Vec<Tensor>> {
        take_pending();
        let result = py.detach(|| {
            Ok(match self.cell.reader()? {
                Reader::Shared(shared) => shared.predict_batched(inputs(rows), batch),
                Reader::Alone(model) => {
                    let mut loan = Loan { cell: &self.cell, model: Some(*model) };
                    loan.model.as_mut().map(|m| m.predict_all(inputs(rows), batch)).ok_or(Busy)?
                }
            })
        });
        match (result.map_err(|Busy| busy())?, take_pending()) {
            (_, Some(pending)) => Err(pending),
            (Ok(outputs), None) => Ok(outputs),
            (Err(error), None) => Err(raised(&error)),
        }
    }
    /// As [`Core::with`], holding the interpreter: for what takes a moment.
    fn held<R>(&self, f: impl FnOnce(&mut Model) -> R) -> PyResult<R> {
        // Within, where no other thread makes one of the old weights.
        self.seen(|model| {
            self.cell.lock().predictor = None;
            f(model)
        })
    }
    /// As [`Core::held`], of what changes nothing that predictions depend on.
    fn seen<R>(&self, f: impl FnOnce(&mut Model) -> R) -> PyResult<R> {
        // Who waits must not hold the interpreter, which the one that has the model may need.
        let taken = match self.cell.take_at_once() {
            Some(model) => Ok(model),
            None => Python::attach(|py| py.detach(|| self.cell.take_as_it_is())),
        };
        let mut loan = Loan { cell: &self.cell, model: Some(taken.map_err(|Busy| busy())?) };
        loan.model.as_mut().map(f).ok_or_else(busy)
    }
}

/// A callback of a `fit`.
enum Told<'a> {
    Python(Box<PythonCallback<'a>>),
    Rust(Builtin),
}

/// Data of Python, borrowed.
struct Data<'py>(Vec<Given<'py>>);

impl<'py> Data<'py> {
    fn of(arrays: &[Bound<'py, PyAny>]) -> PyResult<Self> {
        arrays.iter().map(Given::of).collect::<PyResult<_>>().map(Self)
    }
    fn rows(&self) -> Vec<Rows<'_>> {
        self.0.iter().map(Given::rows).collect()
    }
    fn tensors(&self) -> PyResult<Vec<Tensor>> {
        self.0.iter().map(Given::tensor).collect()
    }
}

/// What is no number in data is told before a step is made, as for tensors.
fn check_finite(rows: &[Rows<'_>], what: &'static str) -> PyResult<()> {
    for x in rows {
        if let Some((row, column, value)) = x.first_non_finite() {
            return Err(raised(&Error::NonFiniteData { what, row, column, value }));
        }
    }
    Ok(())
}

fn inputs<'a>(rows: &'a [Rows<'a>]) -> Inputs<'a> {
    rows.iter().map(|r| r as &dyn RowSource).collect::<Vec<_>>().into()
}

fn labels(tensors: &[Tensor]) -> Labels<'_> {
    tensors.iter().collect::<Vec<_>>().into()
}

/// Weights of samples, one list.
pub(crate) fn weights_of(object: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<f32>>> {
    object.filter(|o| !o.is_none()).map(|o| Ok(Given::of(o)?.tensor()?.f32_values().into_owned())).transpose()
}

/// What training left behind.
struct FitResult {
    epochs: Vec<usize>,
    columns: Named<Vec<f64>>,
}

#[pymethods]
impl Core {
    /// Layers one after the other; `input` is the open shape and type of a batch, where it is known.
    #[staticmethod]
    #[pyo3(signature = (layers, input, name, seed, policy))]
    fn sequential(
        py: Python<'_>,
        layers: Vec<PyRef<'_, LayerHandle>>,
        input: Option<PyRef<'_, Symbol>>,
        name: &str,
        seed: u64,
        policy: Option<&str>,
    ) -> PyResult<Self> {
        take_pending();
        let mut boxed: Vec<Box<dyn adaline::nn::Layer>> = Vec::with_capacity(layers.len() + 1);
        if let Some(input) = &input {
            boxed.push(input.layer());
        }
        boxed.extend(layers.iter().map(|l| l.shared.layer().boxed()));
        let mut network = Sequential::of(boxed).name(name);
        if let Some(policy) = policy {
            network = network.dtype_policy(DTypePolicy::from_name(name, policy).map_err(of_config)?);
        }
        let built = py.detach(|| network.build_on(adaline::backend(), Seed(seed)));
        built.map(Self::of).map_err(|e| raised(&e))
    }
    /// The network between symbolic tensors.
    #[staticmethod]
    fn functional(
        py: Python<'_>,
        inputs: Vec<PyRef<'_, Symbol>>,
        outputs: Vec<PyRef<'_, Symbol>>,
        name: &str,
        seed: u64,
        policy: Option<&str>,
    ) -> PyResult<Self> {
        take_pending();
        let inputs: Vec<_> = inputs.iter().map(|s| s.tensor.clone()).collect();
        let outputs: Vec<_> = outputs.iter().map(|s| s.tensor.clone()).collect();
        let mut network = Functional::new(inputs, outputs).map_err(|e| raised(&e))?.name(name);
        if let Some(policy) = policy {
            network = network.dtype_policy(DTypePolicy::from_name(name, policy).map_err(of_config)?);
        }
        let built = py.detach(|| network.build_on(adaline::backend(), Seed(seed)));
        built.map(Self::of).map_err(|e| raised(&e))
    }
    /// A model from a file of any format that holds one.
    #[staticmethod]
    fn load(py: Python<'_>, path: &str, compile: bool) -> PyResult<Self> {
        take_pending();
        let options = LoadOptions { compile, ..LoadOptions::default() };
        let loaded = py.detach(|| adaline::nn::model::load_model_with(adaline::backend(), path, options));
        loaded.map(Self::of).map_err(|e| raised(&e))
    }
    /// A model from the bytes of a `.keras` file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &Bound<'_, PyBytes>, compile: bool) -> PyResult<Self> {
        take_pending();
        let (bytes, options) = (bytes.as_bytes(), LoadOptions { compile, ..LoadOptions::default() });
        let loaded = py.detach(|| Model::from_bytes(adaline::backend(), bytes, options));
        loaded.map(Self::of).map_err(|e| raised(&e))
    }
    fn save(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        self.tried(py, |m| m.save(path))
    }
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.tried(py, |m| m.to_bytes())?))
    }
    /// Writes the prediction as an ONNX model; `batch` and `size` fix sizes that are open.
    fn export_onnx(&self, py: Python<'_>, path: &str, batch: Option<usize>, size: Option<usize>) -> PyResult<()> {
        let done = self.with(py, |m| adaline::onnx::save(m, path, &ExportOptions { batch, size }))?;
        done.map_err(value_error)
    }
    fn save_weights(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        self.tried(py, |m| m.save_weights(path))
    }
    /// Takes weights of a file; `optimizer`: with the optimizer's memory, though no step was made.
    #[pyo3(signature = (path, skip_mismatch = false, optimizer = false))]
    fn load_weights(&self, py: Python<'_>, path: &str, skip_mismatch: bool, optimizer: bool) -> PyResult<Vec<String>> {
        let options = LoadWeights { skip_mismatch, optimizer, ..LoadWeights::default() };
        self.tried(py, |m| m.load_weights_with(path, options))
    }
    /// The model as Keras writes it, without `compile` settings.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        self.tried(py, |m| m.to_config()).map(|v| v.to_string())
    }
    /// It as a layer of other networks, without weights.
    fn as_layer(&self) -> PyResult<LayerHandle> {
        let network = self.seen(|m| m.network())?.map_err(|e| raised(&e))?;
        Ok(LayerHandle::of(network.into()))
    }

    #[getter]
    fn is_built(&self) -> PyResult<bool> {
        self.seen(|m| m.is_built())
    }
    #[getter]
    fn is_compiled(&self) -> PyResult<bool> {
        self.seen(|m| m.is_compiled())
    }
    /// Makes the weights for rows of a shape.
    fn build(&self, py: Python<'_>, row: Vec<usize>) -> PyResult<()> {
        self.tried(py, |m| m.build_for(&row))
    }
    #[getter]
    fn layer_names(&self) -> PyResult<Vec<String>> {
        self.seen(|m| m.layer_names().map(str::to_owned).collect())
    }
    #[getter]
    fn input_names(&self) -> PyResult<Vec<String>> {
        self.seen(|m| m.input_names().map(str::to_owned).collect())
    }
    #[getter]
    fn output_names(&self) -> PyResult<Vec<String>> {
        self.seen(|m| m.output_names().to_vec())
    }
    /// Shapes of one row of each input, none where a size is open.
    #[getter]
    fn input_rows(&self) -> PyResult<Vec<OpenShape>> {
        self.seen(|m| m.input_rows().map(<[_]>::to_vec).collect())
    }
    /// Shapes of one row of each output.
    #[getter]
    fn output_rows(&self) -> PyResult<Vec<Vec<usize>>> {
        self.seen(|m| m.output_rows().map(<[_]>::to_vec).collect())
    }
    /// Names, shapes and whether training changes them, of all weights in Keras' order.
    #[getter]
    fn weights(&self) -> PyResult<Vec<(String, Vec<usize>, bool)>> {
        self.seen(|m| m.weight_table())
    }
    fn get_weight(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        let tensor = self.seen(|m| m.weight(name))?.map_err(|e| raised(&e))?;
        tensor_to_python(py, tensor)
    }
    fn set_weight(&self, name: &str, values: &Bound<'_, PyAny>) -> PyResult<()> {
        let tensor = Given::of(values)?.tensor()?;
        self.held(|m| m.set_weight(name, &tensor))?.map_err(|e| raised(&e))
    }
    /// Freezes and frees layers by their paths, in order.
    fn set_trainable(&self, py: Python<'_>, layers: Vec<(String, bool)>) -> PyResult<()> {
        let layers: Vec<(&str, bool)> = layers.iter().map(|(path, on)| (path.as_str(), *on)).collect();
        self.tried(py, |m| m.set_all_trainable(&layers))
    }
    /// Makes stateful layers forget: those of a path, or all.
    #[pyo3(signature = (layer = None))]
    fn reset_states(&self, layer: Option<&str>) -> PyResult<()> {
        self.held(|m| match layer {
            Some(path) => m.reset_states_of(path),
            None => m.reset_states(),
        })
    }

    /// All outputs for arrays of one batch.
    fn call(&self, py: Python<'_>, x: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<Py<PyAny>>> {
        let data = Data::of(&x)?;
        let rows = data.rows();
        let batch = rows.first().map_or(1, |r| r.rows().max(1));
        let outputs = self.predicted(py, &rows, batch)?;
        outputs.into_iter().map(|t| tensor_to_python(py, t)).collect()
    }
    /// As `call`, as in a training step: dropout acts, batch normalization uses and learns the batch's statistics.
    fn call_training(&self, py: Python<'_>, x: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<Py<PyAny>>> {
        let data = Data::of(&x)?;
        let rows = data.rows();
        let outputs = self.tried(py, |m| m.call_on_batch(inputs(&rows), true))?;
        outputs.into_iter().map(|t| tensor_to_python(py, t)).collect()
    }
    /// As `call` for one input and one output: the fast way.
    fn call_one(&self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let given = Given::of(x)?;
        let rows = given.rows();
        let batch = rows.rows().max(1);
        let outputs = self.predicted(py, &[rows], batch)?;
        let output = outputs.into_iter().next().ok_or_else(|| PyRuntimeError::new_err("a model without an output"))?;
        tensor_to_python(py, output)
    }
    /// All outputs for arrays, in batches.
    fn predict(&self, py: Python<'_>, x: Vec<Bound<'_, PyAny>>, batch_size: usize) -> PyResult<Vec<Py<PyAny>>> {
        let data = Data::of(&x)?;
        let rows = data.rows();
        let outputs = self.predicted(py, &rows, batch_size)?;
        outputs.into_iter().map(|t| tensor_to_python(py, t)).collect()
    }

    /// Chooses optimizer, losses and metrics: for each output its name, loss, the loss' weight, metrics and weighted metrics. `several` are the optimizers
    /// of a `MultiOptimizer` whose weights Python chooses, in place of `optimizer`.
    #[pyo3(signature = (optimizer, objectives, auto_scale_loss, several=None))]
    fn compile(
        &self,
        py: Python<'_>,
        optimizer: &str,
        objectives: Vec<Target<'_>>,
        auto_scale_loss: bool,
        several: Option<Several>,
    ) -> PyResult<()> {
        let optimizer = match several {
            Some(several) => several.optimizer()?,
            None => catalogue::optimizer_from_json(&parse(optimizer)?).map_err(of_config)?,
        };
        let mut made = Vec::with_capacity(objectives.len());
        for Target(name, loss, weight, metrics, weighted) in &objectives {
            let each = |list: &[Bound<'_, PyAny>]| list.iter().map(metric_of).collect::<PyResult<Vec<Box<dyn Metric>>>>();
            let objective = Objective::new(loss_of(loss)?).weight(*weight).metrics(each(metrics)?).weighted_metrics(each(weighted)?);
            made.push((name.clone(), objective));
        }
        self.tried(py, |m| {
            m.auto_scale_loss(auto_scale_loss);
            m.compile_outputs(optimizer, made)
        })
    }
    /// Trains, on arrays or on the batches of a source. Callbacks are objects with Keras' methods, each with whether it wants to be told of batches.
    fn fit(
        &self,
        py: Python<'_>,
        x: Vec<Bound<'_, PyAny>>,
        y: Vec<Bound<'_, PyAny>>,
        options: Options<'_>,
        callbacks: Vec<(Bound<'_, PyAny>, bool)>,
    ) -> PyResult<Trained> {
        take_pending();
        let (x, y) = (Data::of(&x)?, Data::of(&y)?);
        let (rows, y) = (x.rows(), y.tensors()?);
        check_finite(&rows, "x")?;
        let (vx, vy) = (Data::of(&options.validation_x)?, Data::of(&options.validation_y)?);
        let (vx, vy) = (vx.rows(), vy.tensors()?);
        check_finite(&vx, "validation x")?;
        let validation_weights = weights_of(options.validation_weights.as_ref())?;
        let sample_weight = weights_of(options.sample_weight.as_ref())?;
        let named = |(name, weights): &(String, Bound<'_, PyAny>)| Ok((name.clone(), weights_of(Some(weights))?.unwrap_or_default()));
        let sample_weights = options.sample_weights.iter().map(named).collect::<PyResult<Named<Vec<f32>>>>()?;
        let source = |object: &Bound<'_, PyAny>| PythonBatches::of(object, &self.cell);
        let mut batches = options.batches.as_ref().map(source).transpose()?;
        let validation = options.validation_batches.as_ref().map(source).transpose()?;
        let validation_steps = options.validation_steps;
        let stop = Arc::new(AtomicBool::new(false));
        let display = options.display.as_ref().map(|d| d.clone().unbind());
        let progress = PythonProgress::new(options.verbose, options.epochs, options.interactive, display, Arc::clone(&stop));
        let mut callbacks = callbacks.iter().map(|(object, batches)| self.told(object, *batches)).collect::<PyResult<Vec<Told<'_>>>>()?;
        let given = &mut callbacks;
        let plain = options.plain();
        let mut loan = Loan { cell: &self.cell, model: None };
        let result = py.detach(|| -> Result<Result<FitResult, Error>, Busy> {
            let mut fit = plain.fit().stop_when(stop).progress(progress);
            if let Some(weights) = sample_weight {
                fit = fit.sample_weight(weights);
            }
            for (name, weights) in sample_weights {
                fit = fit.sample_weight_of(name, weights);
            }
            if !vx.is_empty() {
                fit = match validation_weights {
                    Some(weights) => fit.validation_data_weighted(inputs(&vx), labels(&vy), weights),
                    None => fit.validation_data(inputs(&vx), labels(&vy)),
                };
            }
            if let Some(validation) = validation {
                fit = fit.validation_batches(validation, validation_steps);
            }
            for callback in given {
                fit = match callback {
                    Told::Python(callback) => fit.callback(&mut **callback),
                    Told::Rust(callback) => fit.callback(callback.callback()),
                };
            }
            // This thread has the model from here to the end, save while callbacks run.
            let mut model = self.cell.take()?;
            let result = match &mut batches {
                Some(batches) => model.fit_batches(batches, fit),
                None => model.fit(inputs(&rows), labels(&y), fit),
            };
            let result = result.map(|history| FitResult {
                epochs: history.epoch.clone(),
                columns: history.columns().map(|(name, values)| (name.to_owned(), values.to_vec())).collect(),
            });
            loan.model = Some(model);
            Ok(result)
        });
        drop(loan);
        let result = result.map_err(|Busy| busy())?;
        if let Some(pending) = take_pending() {
            return Err(pending);
        }
        let after = callbacks.iter().map(|c| if let Told::Rust(c) = c { c.told() } else { Vec::new() }).collect();
        result.map(|r| (r.epochs, r.columns, after)).map_err(|e| raised(&e))
    }
    /// Loss and metrics on arrays.
    fn evaluate(
        &self,
        py: Python<'_>,
        x: Vec<Bound<'_, PyAny>>,
        y: Vec<Bound<'_, PyAny>>,
        batch_size: usize,
        sample_weight: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Logs> {
        let (x, y) = (Data::of(&x)?, Data::of(&y)?);
        let (rows, y) = (x.rows(), y.tensors()?);
        check_finite(&rows, "x")?;
        let mut options = Evaluate::default().batch_size(batch_size);
        if let Some(weights) = weights_of(sample_weight)? {
            options = options.sample_weight(weights);
        }
        self.tried(py, |m| m.evaluate(inputs(&rows), labels(&y), options))
    }
    /// As `evaluate`, on the batches of a source.
    fn evaluate_batches(&self, py: Python<'_>, batches: &Bound<'_, PyAny>, steps: Option<usize>) -> PyResult<Logs> {
        let batches = PythonBatches::of(batches, &self.cell)?;
        self.tried(py, |m| m.evaluate_batches(batches, steps))
    }
    /// As `predict`, on the batches of a source.
    fn predict_batches(&self, py: Python<'_>, batches: &Bound<'_, PyAny>, steps: Option<usize>) -> PyResult<Vec<Py<PyAny>>> {
        let batches = PythonBatches::of(batches, &self.cell)?;
        let outputs = self.tried(py, |m| m.predict_batches(batches, steps))?;
        outputs.into_iter().map(|t| tensor_to_python(py, t)).collect()
    }
    /// One training step on one batch: the running values of loss and metrics.
    fn train_on_batch(
        &self,
        py: Python<'_>,
        x: Vec<Bound<'_, PyAny>>,
        y: Vec<Bound<'_, PyAny>>,
        sample_weight: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Logs> {
        let (x, y) = (Data::of(&x)?, Data::of(&y)?);
        let (rows, y) = (x.rows(), y.tensors()?);
        let weights = weights_of(sample_weight)?;
        self.tried(py, |m| {
            m.train_on_batch(inputs(&rows), labels(&y), weights.as_deref())?;
            Ok(m.running_logs())
        })
    }
    /// Loss and metrics of one batch.
    fn test_on_batch(
        &self,
        py: Python<'_>,
        x: Vec<Bound<'_, PyAny>>,
        y: Vec<Bound<'_, PyAny>>,
        sample_weight: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Logs> {
        let (x, y) = (Data::of(&x)?, Data::of(&y)?);
        let (rows, y) = (x.rows(), y.tensors()?);
        let weights = weights_of(sample_weight)?;
        self.tried(py, |m| m.test_on_batch(inputs(&rows), labels(&y), weights.as_deref()))
    }
    fn reset_metrics(&self) -> PyResult<()> {
        self.held(Model::reset_metrics)
    }
    /// The learning rate of the next step.
    #[getter]
    fn learning_rate(&self) -> PyResult<Option<f64>> {
        self.seen(|m| m.learning_rate())
    }
    #[setter]
    fn set_learning_rate(&self, value: f64) -> PyResult<()> {
        self.held(|m| m.set_learning_rate(value))?.map_err(|e| raised(&e))
    }
    /// Updates made.
    #[getter]
    fn iterations(&self) -> PyResult<u32> {
        self.seen(|m| m.iterations())
    }
    /// Lets a schedule decide the learning rate from the next step on.
    fn set_learning_rate_schedule(&self, schedule: &str) -> PyResult<()> {
        let LearningRate::Schedule(schedule) = serde_json::from_value(parse(schedule)?).map_err(value_error)? else {
            return Err(value_error("a learning rate that is a schedule was expected, got a number"));
        };
        self.held(|m| m.set_learning_rate_schedule(schedule))?.map_err(|e| raised(&e))
    }
    /// Training steps made, of which with accumulation several make an update.
    #[getter]
    fn training_steps(&self) -> PyResult<u32> {
        self.held(|m| m.training_steps())
    }
    #[setter]
    fn set_training_steps(&self, steps: u32) -> PyResult<()> {
        self.held(|m| m.set_training_steps(steps))?.map_err(|e| raised(&e))
    }
    /// Names of the optimizer's variables, in Keras' order.
    fn optimizer_variables(&self) -> PyResult<Vec<String>> {
        self.held(Model::optimizer_variables)?.map_err(|e| raised(&e))
    }
    fn optimizer_variable(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        tensor_to_python(py, self.held(|m| m.optimizer_variable(name))?.map_err(|e| raised(&e))?)
    }
    fn set_optimizer_variable(&self, name: &str, values: &Bound<'_, PyAny>) -> PyResult<()> {
        let values = Given::of(values)?.tensor()?;
        self.held(|m| m.set_optimizer_variable(name, &values))?.map_err(|e| raised(&e))
    }
    /// Takes weights, by name, out of weight decay.
    fn exclude_from_weight_decay(&self, weights: Vec<String>) -> PyResult<()> {
        let names: Vec<&str> = weights.iter().map(String::as_str).collect();
        self.held(|m| m.exclude_from_weight_decay(&names))?.map_err(|e| raised(&e))
    }
    /// Envelopes of the optimizer and of the losses and metrics, where the model is compiled.
    #[getter]
    fn compile_config(&self) -> PyResult<Option<String>> {
        let told = self.seen(|m| m.compile_config())?;
        told.map(|v| v.map(|v| v.to_string())).map_err(|e| raised(&e))
    }
    /// Rows of Keras' table: name, class, level, open output shape, parameters, whether trainable, what it is called on.
    fn summary(&self, expand_nested: bool) -> PyResult<Vec<SummaryRow>> {
        let told = self.seen(|m| if expand_nested { m.summary_expanded() } else { m.summary() })?.map_err(|e| raised(&e))?;
        Ok(told.rows.into_iter().map(|r| (r.name, r.class, r.level, r.output_shape, r.params, r.trainable, r.connected_to)).collect())
    }
    /// Values that training changes, that it does not, and that the optimizer keeps.
    #[getter]
    fn counts(&self) -> PyResult<(usize, usize, Option<usize>)> {
        let told = self.seen(|m| m.summary())?.map_err(|e| raised(&e))?;
        Ok((told.trainable, told.non_trainable, told.optimizer))
    }
}

/// Numbers of the epochs, values by name, and for each callback what it tells afterwards.
type Trained = (Vec<usize>, Named<Vec<f64>>, Vec<Named<f64>>);

/// Name, class, level, open output shape, parameters, whether trainable, what it is called on.
type SummaryRow = (String, String, usize, Option<OpenShape>, usize, Option<bool>, Vec<String>);

/// Sets the number of threads of models made from now on; results do not depend on it.
#[pyfunction]
fn set_threads(threads: usize) {
    adaline::set_threads(threads);
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Core>()?;
    m.add_function(wrap_pyfunction!(set_threads, m)?)
}
