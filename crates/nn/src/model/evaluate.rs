//! `evaluate`: loss and metrics on data, without learning.

use super::data::EVALUATION;
use super::fit::Inputs;
use super::loader::{Batch, Flow, Order, Source, check_batch_size, for_each_batch};
use super::options::Evaluate;
use super::signature::{Mode, Signature};
use super::{Logs, Model};
use crate::error::Result;
use adaline_data::{RowSource, Tensor};
use adaline_graph::Role;
use adaline_graph::backend::TensorRef;
use std::ops::Range;
use std::sync::Arc;

impl Model {
    /// The loss, then the metrics in the order of `compile`, over `x (N, ..)` and `y (N, ..)`; as Keras' `evaluate`.
    ///
    /// # Errors
    /// As [`Model::fit`].
    #[expect(clippy::needless_pass_by_value, reason = "options are written where they are used, as for fit")]
    pub fn evaluate(&mut self, x: &dyn RowSource, y: &Tensor, options: Evaluate) -> Result<Logs> {
        self.compiled("evaluate")?;
        self.require_built("evaluate")?;
        check_batch_size(options.batch_size)?;
        self.check_data(EVALUATION, x, y, options.sample_weight.as_deref())?;
        let backend = Arc::clone(&self.backend);
        let source = self.source(&*backend, x, Some(y), options.sample_weight.as_deref());
        self.evaluate_rows(EVALUATION.y, &source, 0..x.rows(), options.batch_size)
    }

    /// Loss and metrics of one batch.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn test_on_batch(&mut self, x: &Tensor, y: &Tensor, sample_weight: Option<&[f32]>) -> Result<Logs> {
        let mut options = Evaluate::default().batch_size(x.rows().max(1));
        options.sample_weight = sample_weight.map(<[f32]>::to_vec);
        self.evaluate(x, y, options)
    }

    /// Evaluates a range of rows that have been checked. Begins the sums of the metrics anew.
    pub(crate) fn evaluate_rows(&mut self, what: &'static str, source: &Source<'_>, rows: Range<usize>, batch_size: usize) -> Result<Logs> {
        let mut order = Order::new(rows, batch_size, false, 0);
        let (x_row, y_row) = (source.x.row_shape(), source.y.map_or(&[][..], |(y, _)| y.row_shape()));
        let weighted = source.weights.is_some();
        // Plans first: they make the sums of metrics that training has not made.
        let (whole, rest) = order.sizes();
        let make = |model: &mut Self, rows| {
            let signature = model.signature(Mode::Test, what, rows, x_row, y_row, weighted)?;
            model.plan(&signature).map(|()| signature)
        };
        let whole = make(self, whole)?;
        let rest = rest.map(|rows| make(self, rows)).transpose()?;
        self.weights.store.zero(Role::Metric);
        let mut buffers = Vec::with_capacity(2);
        let batches = order.batches() as u64;
        for_each_batch(source, &mut order, &mut buffers, 0..batches, |_, batch| {
            let signature = if batch.rows == whole.batch() { whole } else { rest.unwrap_or(whole) };
            self.test_step(&signature, batch)?;
            Ok(Flow::Go)
        })?;
        Ok(self.compiled("evaluate")?.results(&self.weights.store))
    }

    fn test_step(&mut self, signature: &Signature, batch: &Batch<'_>) -> Result<()> {
        let (seed, step) = (self.seed_words(), [0]);
        self.plan(signature)?;
        let mut inputs = Inputs::new(batch);
        inputs.push(TensorRef::I32(&seed));
        inputs.push(TensorRef::I32(&step));
        if let Some(plan) = self.plans.get(signature) {
            plan.session.run(inputs.as_slice(), &mut self.weights.store)?;
        }
        Ok(())
    }
}
