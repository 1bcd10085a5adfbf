//! Models: networks with weights, trained and run through compiled plans.

mod average;
mod buckets;
mod call;
mod compile;
mod cross;
mod data;
mod descent;
mod dump;
mod evaluate;
mod feed;
mod fit;
pub(crate) mod forward;
mod history;
mod inference;
mod inspect;
mod legacy_file;
mod load;
mod loader;
mod memory;
mod nan;
mod optimizer_file;
mod options;
mod predict;
mod predictor;
mod progress;
mod pulse;
mod resume;
mod save;
mod signature;
mod step;
mod stream;
mod summary;
mod take;
#[cfg(test)]
mod tests;
mod train_step;
mod training;
mod transfer;
mod weights;
mod weights_file;

pub use crate::network::{Seed, Sequential};
pub(crate) use compile::Trained;
pub use compile::{IntoMetrics, Objective};
pub use cross::{CrossValidation, FoldData, Score, cross_validate};
pub use dump::Stage;
pub use feed::{Inputs, Labels};
pub use history::{History, Logs, log_value};
pub use inspect::{InspectedLayer, InspectedWeight, Inspection, Taken};
pub use load::{LoadOptions, load_model_on, load_model_with};
pub use options::{Evaluate, Fit};
pub use predictor::Predictor;
pub use progress::{Progress, ProgressFactory, Silent};
pub(crate) use pulse::Pulse;
pub use stream::{Batches, DataBatch, Generator};
pub use summary::{Summary, SummaryRow};
pub use take::LoadWeights;
pub use train_step::TrainStep;

use crate::Layer;
use crate::error::{Error, Result};
use crate::keras::DTypePolicy;
use crate::network::{
    CallShapes, Named, Network, Shapes,
    input::{InputSpec, dims_text},
    open_sizes,
    shapes::{OPEN, ROWS, at_two_sizes, row_of, trace},
};
use crate::trace::{Weights, belongs};
use adaline_graph::backend::{Backend, CompileOptions};
use adaline_graph::{DType, Shape, StateStore, Var};
use compile::Compiled;
use forward::Forward;
use signature::PlanCache;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use train_step::CustomStep;

/// A network with weights.
///
/// Made by [`Sequential::build_on`](crate::Sequential::build_on) or [`Functional::build_on`](crate::Functional::build_on). The network is traced anew for each batch shape and purpose into one static graph, compiled by
/// the backend; the plans of the last eight are kept.
pub struct Model {
    pub(crate) name: String,
    pub(crate) net: Network,
    /// Shape of one row of each output, from when the weights exist.
    outputs: Option<Vec<Vec<usize>>>,
    /// Names of the outputs: those of the layers that give them.
    output_names: Vec<String>,
    pub(crate) weights: Weights,
    /// Values of the weights, where they are those of another model and `weights` has none.
    shared: Option<Arc<StateStore>>,
    pub(crate) compiled: Option<Compiled>,
    pub(crate) plans: PlanCache,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: CompileOptions,
    pub(crate) assets: Vec<(String, Vec<u8>)>,
    pub(crate) progress: Option<ProgressFactory>,
    trace_times: TraceTimes,
    /// Calls in training mode without learning, by which random numbers are drawn.
    calls: i32,
    train_step: Option<CustomStep>,
    /// Whether `compile` scales losses of float16 models.
    auto_scale_loss: bool,
}

/// How long the tracing of a model into graphs has taken, all its graphs together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TraceTimes {
    /// Layers, loss, metrics and the optimizer writing their parts of the graph.
    pub tracing: Duration,
    /// Gradients of the loss.
    pub gradients: Duration,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.name)
            .field("layers", &self.net.layers)
            .field("inputs", &self.net.inputs)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// A model of a network, on weights that are still empty but for seed and limit. They are made where the shapes of inputs are known.
    pub(crate) fn of(net: Network, backend: Arc<dyn Backend>, weights: Weights) -> Result<Self> {
        let class = if net.kind == crate::network::Kind::Sequential { "sequential" } else { "functional" };
        for Named { name, layer } in &net.layers {
            layer.validate().map_err(|e| Error::layer(name, e))?;
        }
        let mut model = Self {
            name: net.name.clone().unwrap_or_else(|| class.into()),
            output_names: net.output_names(),
            net,
            outputs: None,
            weights,
            shared: None,
            compiled: None,
            plans: PlanCache::default(),
            backend,
            options: CompileOptions::default(),
            assets: Vec::new(),
            progress: None,
            trace_times: TraceTimes::default(),
            calls: 0,
            train_step: None,
            auto_scale_loss: true,
        };
        if let Some(inputs) = model.net.inputs.clone() {
            model.build_inputs(inputs)?;
        }
        Ok(model)
    }

    /// How long tracing has taken since the model was made: for a table of where the time before the first step goes.
    pub fn trace_times(&self) -> TraceTimes {
        self.trace_times
    }

    /// Makes the weights for rows of the given shape, where no `Input` layer told it. Does nothing when they exist and fit.
    ///
    /// # Errors
    /// [`Error::InputShape`] when weights exist for rows of another shape; [`Error::Unfit`] when a layer does not fit.
    pub fn build_for(&mut self, row: &[usize]) -> Result<()> {
        self.build_from(row, false)
    }

    /// As [`Model::build_for`]; `open` leaves the first size open, the length of sequences.
    fn build_from(&mut self, row: &[usize], open: bool) -> Result<()> {
        if self.net.inputs.is_some() {
            return self.check_input("the given shape", 0, row);
        }
        let dtype = if self.net.table_of(0).is_some() { DType::I32 } else { DType::F32 };
        let mut input = InputSpec { dtype, ..InputSpec::from_row(row) };
        if let Some(length) = input.row.first_mut().filter(|_| open) {
            *length = None;
        }
        self.build_inputs(vec![input])
    }

    fn build_inputs(&mut self, inputs: Vec<InputSpec>) -> Result<()> {
        let rows = self.rows_to_trace(&inputs, ROWS)?;
        let mut weights = Weights { limit: self.weights.limit, ..Weights::new(self.weights.seed) };
        let samples: Vec<Vec<usize>> = inputs.iter().map(|i| i.sample(OPEN)).collect();
        let outputs: Vec<Shape> =
            self.trace_with(&inputs, rows, &samples, &mut weights, |pass| pass.outputs().map(Var::shape).collect())?;
        for output in &outputs {
            if output.rank() == 0 || output.dim(0) != rows {
                let message = format!("its output of shape {output} for {rows} rows does not have one entry per row");
                return Err(Error::Network { model: self.name.clone(), message });
            }
        }
        let outputs: Vec<Vec<usize>> = outputs.iter().map(|s| s.dims()[1..].to_vec()).collect();
        if let Some(compiled) = &self.compiled {
            compiled.check_outputs(&outputs)?;
        }
        self.weights = weights;
        self.outputs = Some(outputs);
        self.net.inputs = Some(inputs);
        Ok(())
    }

    /// Traces the forward pass of a batch of so many rows, each input's of the given shape, for what shapes tell; nothing is compiled.
    fn trace_with<R>(
        &self,
        inputs: &[InputSpec],
        rows: usize,
        samples: &[Vec<usize>],
        weights: &mut Weights,
        read: impl FnOnce(&Forward<'_>) -> R,
    ) -> Result<R> {
        trace(&self.net, &self.name, inputs, rows, samples, weights, read)
    }

    /// Rows to trace with where only shapes are asked for: as many as given, unless layers keep states from one batch to the next. Their
    /// batches have the size that the input layer names.
    fn rows_to_trace(&self, inputs: &[InputSpec], rows: usize) -> Result<usize> {
        let Some(named) = self.net.layers.iter().find(|n| n.layer.stateful()) else { return Ok(rows) };
        inputs.iter().find_map(|input| input.batch).ok_or_else(|| Error::Network {
            model: self.name.clone(),
            message: format!(
                "layer `{}` is stateful, and so needs batches of one size: begin with an input layer that names it, \
                 such as Input::new([steps, features]).batch_size(32), and take the same `batch_size` everywhere",
                named.name
            ),
        })
    }

    /// Makes stateful layers forget the states of the batch before (Keras' `reset_states`), as at the beginning of a new sequence.
    pub fn reset_states(&mut self) {
        self.weights.forget(None);
    }
    /// As [`Model::reset_states`], for the layer of a path and those within it; a path that no stateful layer has changes nothing.
    pub fn reset_states_of(&mut self, layer: &str) {
        self.weights.forget(Some(layer));
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The policy that layers take which have none of their own.
    pub fn dtype_policy(&self) -> DTypePolicy {
        self.net.dtype.unwrap_or_default()
    }
    /// The layers in Keras' order, each once, without input layers.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &dyn Layer> {
        self.net.layers.iter().map(|n| n.layer.as_ref())
    }
    /// Names of the layers in the same order.
    pub fn layer_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.net.layers.iter().map(|n| n.name.as_str())
    }
    /// The layer of a name (Keras' `get_layer`).
    ///
    /// # Errors
    /// [`Error::Network`] when there is none; the text names the one that looks most like it.
    pub fn get_layer(&self, name: &str) -> Result<&dyn Layer> {
        Ok(self.net.layers[self.layer_index(name)?].layer.as_ref())
    }
    pub(crate) fn layer_index(&self, name: &str) -> Result<usize> {
        self.net.layers.iter().position(|l| l.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.layer_names().collect();
            let advice = match adaline_data::nearest(name, names.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("its layers are {}", names.join(", ")),
            };
            Error::Network { model: self.name.clone(), message: format!("it has no layer `{name}`; {advice}") }
        })
    }
    /// Names of the inputs, in the order in which data for them is given; nothing before the model is built.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.net.inputs.iter().flatten().map(|i| i.name.as_str())
    }
    /// Names of the outputs, in the order in which labels for them are given.
    pub fn output_names(&self) -> &[String] {
        &self.output_names
    }
    /// Shape of one row of the first input, `None` where any size is right; nothing before the model is built.
    pub fn input_row(&self) -> Option<&[Option<usize>]> {
        self.net.inputs.as_ref().and_then(|i| i.first()).map(|i| &i.row[..])
    }
    /// Shape of one row of the first output; nothing before the model is built.
    pub fn output_row(&self) -> Option<&[usize]> {
        self.outputs.as_ref().and_then(|o| o.first()).map(Vec::as_slice)
    }
    /// Shape of one row of each input, in the order of [`Model::input_names`]; nothing before the model is built.
    pub fn input_rows(&self) -> impl Iterator<Item = &[Option<usize>]> {
        self.net.inputs.iter().flatten().map(|i| &i.row[..])
    }
    /// Shape of one row of each output, in the order of [`Model::output_names`]; nothing before the model is built.
    pub fn output_rows(&self) -> impl Iterator<Item = &[usize]> {
        self.outputs.iter().flatten().map(Vec::as_slice)
    }
    /// Size of the last axis of an output; nothing before the model is built.
    pub(crate) fn output_width(&self, at: usize) -> Option<usize> {
        self.outputs.as_ref().and_then(|o| o.get(at)).map(|row| row.last().copied().unwrap_or(1))
    }
    /// Whether the weights exist.
    pub fn is_built(&self) -> bool {
        self.outputs.is_some()
    }
    /// The seed.
    pub fn seed(&self) -> Seed {
        Seed(self.weights.seed)
    }
    /// The backend it runs on.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }
    /// Files that travel with the model when it is saved: path below `assets/`, content.
    pub fn assets(&self) -> &[(String, Vec<u8>)] {
        &self.assets
    }
    /// Adds or replaces a file that travels with the model, such as `adaline/preprocessing.json`.
    pub fn set_asset(&mut self, path: impl Into<String>, content: Vec<u8>) {
        let path = path.into();
        self.assets.retain(|(p, _)| *p != path);
        self.assets.push((path, content));
    }
    /// The content of a file that travels with the model.
    pub fn asset(&self, path: &str) -> Option<&[u8]> {
        self.assets.iter().find(|(p, _)| p == path).map(|(_, c)| &c[..])
    }
    /// How `fit` shows its progress when [`Fit::progress`] is not given.
    pub fn set_progress(&mut self, factory: Option<ProgressFactory>) {
        self.progress = factory;
    }
    /// Passes to leave out and the like; plans compiled so far are dropped.
    pub fn set_compile_options(&mut self, options: CompileOptions) {
        self.options = options;
        self.plans.clear();
    }

    /// Shapes of one row of the outputs for rows of given shapes, which decide them where sizes are open.
    pub(crate) fn outputs_for(&self, rows: &[&[usize]]) -> Result<Vec<Vec<usize>>> {
        let (Some(inputs), Some(outputs)) = (&self.net.inputs, &self.outputs) else {
            return Err(Error::NotBuilt { model: self.name.clone(), action: "run" });
        };
        if inputs.iter().flat_map(|i| &i.row).all(Option::is_some) {
            return Ok(outputs.clone());
        }
        let samples: Vec<Vec<usize>> = rows.iter().map(|r| r.to_vec()).collect();
        let rows = self.rows_to_trace(inputs, ROWS)?;
        self.trace_with(inputs, rows, &samples, &mut self.weights.declarations(), |pass| {
            pass.outputs().map(|v| row_of(v.shape())).collect()
        })
    }

    /// Shapes of one row of the first result of each call, for rows of given shapes.
    pub(crate) fn rows_of_calls(&self, rows: &[&[usize]]) -> Result<Vec<Vec<usize>>> {
        let Some(inputs) = &self.net.inputs else { return Ok(Vec::new()) };
        let samples: Vec<Vec<usize>> = rows.iter().map(|r| r.to_vec()).collect();
        let rows = self.rows_to_trace(inputs, ROWS)?;
        self.trace_with(inputs, rows, &samples, &mut self.weights.declarations(), |pass| {
            pass.calls(&self.net).map(|v| row_of(v.shape())).collect()
        })
    }

    /// Shapes of all calls, in networks within too. Open sizes are found as Keras does it: traced at two sizes, and what differs is open.
    pub(crate) fn call_shapes(&self) -> Result<Shapes> {
        let Some(inputs) = &self.net.inputs else { return Ok(Shapes::new()) };
        let (at_one, at_another) = at_two_sizes(|rows, size| {
            let samples: Vec<Vec<usize>> = inputs.iter().map(|i| i.sample(size)).collect();
            let rows = self.rows_to_trace(inputs, rows)?;
            self.trace_with(inputs, rows, &samples, &mut self.weights.declarations(), |pass| pass.recorded().fitting)
        })?;
        let open = |a: &[Shape], b: &[Shape]| a.iter().zip(b).map(|(a, b)| open_sizes(a, b)).collect();
        let mut shapes = Shapes::new();
        for (a, b) in at_one.iter().zip(&at_another) {
            let weights = self.weights.list.iter().any(|w| belongs(&w.layer, &a.path));
            let call = || CallShapes { weights, inputs: open(&a.inputs, &b.inputs), results: open(&a.results, &b.results) };
            shapes.entry((a.path.clone(), a.number)).or_insert_with(call);
        }
        Ok(shapes)
    }

    pub(crate) fn require_built(&self, action: &'static str) -> Result<()> {
        if self.is_built() { Ok(()) } else { Err(Error::NotBuilt { model: self.name.clone(), action }) }
    }

    /// Whether rows of this shape are what the network takes as an input.
    pub(crate) fn check_input(&self, what: &'static str, at: usize, row: &[usize]) -> Result<()> {
        let Some(input) = self.net.inputs.as_ref().and_then(|i| i.get(at)) else { return Ok(()) };
        if input.fits(row) {
            return Ok(());
        }
        let size = |r: &[usize]| r.iter().product::<usize>();
        let expected: Option<Vec<usize>> = input.row.iter().copied().collect();
        let advice = match expected {
            Some(e) if size(&e) == size(row) => format!("reshape it to rows of {}, or add Flatten or Reshape in front", input.row_text()),
            Some(e) if e.len() == row.len() && e.len() == 1 => {
                let n = row[0].abs_diff(e[0]);
                let columns = if n == 1 { "column is" } else { "columns are" };
                format!("{n} {columns} {}", if row[0] < e[0] { "missing" } else { "too many" })
            }
            _ => "check how the data was prepared, or change the input layer".into(),
        };
        let got = dims_text(row.iter().map(|&d| Some(d)));
        let several = self.net.input_count() > 1;
        let expected = if several { format!("{} for input `{}`", input.row_text(), input.name) } else { input.row_text() };
        Err(Error::InputShape { model: self.name.clone(), what, expected, got, advice })
    }

    /// Element type of an input.
    pub(crate) fn input_dtype(&self, at: usize) -> DType {
        self.net.inputs.as_ref().and_then(|i| i.get(at)).map_or(DType::F32, |i| i.dtype)
    }
}

/// What an input is called in graphs: `x`, and those after it `x_1`, `x_2`.
pub(crate) fn input_name(at: usize) -> String {
    if at == 0 { "x".into() } else { format!("x_{at}") }
}
