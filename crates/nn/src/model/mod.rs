//! Models: a chain of layers with weights, trained and run through compiled plans.

mod compile;
mod cross;
mod data;
mod dump;
mod evaluate;
mod fit;
mod forward;
mod history;
mod input;
mod inspect;
mod load;
mod loader;
mod nan;
mod options;
mod predict;
mod progress;
mod resume;
mod save;
mod sequential;
mod signature;
mod step;
mod summary;
#[cfg(test)]
mod tests;
mod weights;

pub use compile::IntoMetrics;
pub use cross::{CrossValidation, FoldData, Score, cross_validate};
pub use dump::Stage;
pub use history::{History, Logs, log_value};
pub use inspect::{InspectedLayer, InspectedWeight, Inspection};
pub use load::{LoadOptions, load_model_on, load_model_with};
pub use options::{Evaluate, Fit};
pub use progress::{Progress, ProgressFactory, Silent};
pub use sequential::{Seed, Sequential};
pub use summary::{Summary, SummaryRow};

use crate::Layer;
use crate::error::{Error, Result};
use crate::keras::DTypePolicy;
use crate::trace::Weights;
use adaline_graph::backend::{Backend, CompileOptions};
use adaline_graph::{Builder, DType};
use compile::Compiled;
use forward::{Randomness, forward};
use input::{InputSpec, batch_of};
use sequential::Named;
use signature::PlanCache;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Size taken for open dimensions where one is needed only to make weights.
const OPEN: usize = 8;

/// A network with weights.
///
/// Made by [`Sequential::build_on`]. The network is traced anew for each batch shape and purpose into one static graph, compiled by
/// the backend; the plans of the last eight are kept.
pub struct Model {
    pub(crate) name: String,
    dtype: DTypePolicy,
    pub(crate) chain: Vec<Named>,
    pub(crate) input: Option<InputSpec>,
    /// Shape of one row of the output, from when the weights exist.
    output: Option<Vec<usize>>,
    pub(crate) weights: Weights,
    pub(crate) compiled: Option<Compiled>,
    pub(crate) plans: PlanCache,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: CompileOptions,
    pub(crate) assets: Vec<(String, Vec<u8>)>,
    pub(crate) progress: Option<ProgressFactory>,
    trace_times: TraceTimes,
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
        f.debug_struct("Model").field("name", &self.name).field("layers", &self.chain).field("input", &self.input).finish_non_exhaustive()
    }
}

impl Model {
    pub(crate) fn new(
        name: String,
        dtype: DTypePolicy,
        chain: Vec<Named>,
        input: Option<InputSpec>,
        backend: Arc<dyn Backend>,
        weights: Weights,
    ) -> Result<Self> {
        let mut model = Self {
            name,
            dtype,
            chain,
            input: None,
            output: None,
            weights,
            compiled: None,
            plans: PlanCache::default(),
            backend,
            options: CompileOptions::default(),
            assets: Vec::new(),
            progress: None,
            trace_times: TraceTimes::default(),
        };
        if let Some(input) = input {
            model.build_input(input)?;
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
    /// [`Error::InputShape`] when weights exist for rows of another shape; [`Error::Graph`] when a layer does not fit.
    pub fn build_for(&mut self, row: &[usize]) -> Result<()> {
        if self.input.is_some() {
            return self.check_input("the given shape", row);
        }
        let looked_up = self.chain.first().is_some_and(|l| l.layer.table_rows().is_some());
        let dtype = if looked_up { DType::I32 } else { DType::F32 };
        self.build_input(InputSpec { dtype, ..InputSpec::from_row(row) })
    }

    fn build_input(&mut self, input: InputSpec) -> Result<()> {
        let row = input.sample(OPEN);
        let rows = self.rows_to_trace(&input, 2)?;
        let b = Builder::new();
        let Some(shape) = batch_of(rows, &row) else {
            let message = format!("rows of shape {} are too large", input.row_text());
            return Err(Error::Network { model: self.name.clone(), message });
        };
        let x = b.input("x", adaline_graph::TensorType::new(input.dtype, shape));
        let random = Randomness::declare(&b);
        let mut weights = Weights { limit: self.weights.limit, ..Weights::new(self.weights.seed) };
        let pass = forward(&b, &self.chain, &mut weights, x, &random, false);
        let output = pass.prediction(x).shape();
        b.finish()?;
        if output.rank() == 0 || output.dim(0) != rows {
            let message = format!("its output of shape {output} for {rows} rows does not have one entry per row");
            return Err(Error::Network { model: self.name.clone(), message });
        }
        if let Some(compiled) = &self.compiled {
            compile::check_output(compiled.loss.as_ref(), &output.dims()[1..])?;
        }
        self.weights = weights;
        self.output = Some(output.dims()[1..].to_vec());
        self.input = Some(input);
        Ok(())
    }

    /// Rows to trace with where only shapes are asked for: as many as given, unless layers keep states from one batch to the next. Their
    /// batches have the size that the input layer names.
    fn rows_to_trace(&self, input: &InputSpec, rows: usize) -> Result<usize> {
        let Some(named) = self.chain.iter().find(|n| n.layer.stateful()) else { return Ok(rows) };
        input.batch.ok_or_else(|| Error::Network {
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
        self.weights.forget();
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The policy that layers take which have none of their own.
    pub fn dtype_policy(&self) -> DTypePolicy {
        self.dtype
    }
    /// The layers in order, without the input layer.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &dyn Layer> {
        self.chain.iter().map(|n| n.layer.as_ref())
    }
    /// Names of the layers in order.
    pub fn layer_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.chain.iter().map(|n| n.name.as_str())
    }
    /// Shape of one row of the input, `None` where any size is right; nothing before the model is built.
    pub fn input_row(&self) -> Option<&[Option<usize>]> {
        self.input.as_ref().map(|i| &i.row[..])
    }
    /// Shape of one row of the output; nothing before the model is built.
    pub fn output_row(&self) -> Option<&[usize]> {
        self.output.as_deref()
    }
    /// Whether the weights exist.
    pub fn is_built(&self) -> bool {
        self.output.is_some()
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

    /// Shape of one row of the output for rows of a given shape, which decides it where sizes are open.
    pub(crate) fn output_for(&self, row: &[usize]) -> Result<Vec<usize>> {
        let (Some(input), Some(output)) = (&self.input, &self.output) else {
            return Err(Error::NotBuilt { model: self.name.clone(), action: "run" });
        };
        if input.row.iter().all(Option::is_some) {
            return Ok(output.clone());
        }
        Ok(self.shapes_for(2, row)?.pop().map_or_else(Vec::new, |s| s.dims().get(1..).unwrap_or(&[]).to_vec()))
    }

    /// Output shape of every layer for a batch, found by tracing; nothing is compiled.
    pub(crate) fn shapes_for(&self, rows: usize, row: &[usize]) -> Result<Vec<adaline_graph::Shape>> {
        let rows = self.input.as_ref().map_or(Ok(rows), |input| self.rows_to_trace(input, rows))?;
        let Some(shape) = batch_of(rows, row) else {
            return Err(Error::Network { model: self.name.clone(), message: "a batch of this shape is too large".into() });
        };
        let b = Builder::new();
        let x = b.input("x", self.input_type(shape));
        let random = Randomness::declare(&b);
        let mut weights = self.weights.declarations();
        let pass = forward(&b, &self.chain, &mut weights, x, &random, false);
        let shapes = pass.outputs.iter().map(|v| v.shape()).collect();
        b.finish()?;
        Ok(shapes)
    }

    pub(crate) fn require_built(&self, action: &'static str) -> Result<()> {
        if self.is_built() { Ok(()) } else { Err(Error::NotBuilt { model: self.name.clone(), action }) }
    }

    /// Whether rows of this shape are what the network takes.
    pub(crate) fn check_input(&self, what: &'static str, row: &[usize]) -> Result<()> {
        let Some(input) = &self.input else { return Ok(()) };
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
        let got = input::dims_text(row.iter().map(|&d| Some(d)));
        Err(Error::InputShape { model: self.name.clone(), what, expected: input.row_text(), got, advice })
    }

    /// Element type of the input.
    pub(crate) fn input_dtype(&self) -> DType {
        self.input.as_ref().map_or(DType::F32, |i| i.dtype)
    }
}
