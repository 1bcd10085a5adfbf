//! `evaluate`: loss and metrics on data, without learning.

use super::data::EVALUATION;
use super::feed::{Inputs, Labels};
use super::fit::Given;
use super::loader::{Batch, Flow, Source, check_batch_size, for_each_batch};
use super::options::Evaluate;
use super::signature::{Mode, Signature, Signatures};
use super::{Logs, Model};
use crate::error::Result;
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
    pub fn evaluate<'d>(&mut self, x: impl Into<Inputs<'d>>, y: impl Into<Labels<'d>>, options: Evaluate) -> Result<Logs> {
        self.evaluate_all(x.into(), y.into(), &options)
    }

    fn evaluate_all(&mut self, x: Inputs<'_>, y: Labels<'_>, options: &Evaluate) -> Result<Logs> {
        self.compiled("evaluate")?;
        self.require_built("evaluate")?;
        check_batch_size(options.batch_size)?;
        let (x, y) = (self.arrange_inputs(x)?, self.arrange_labels(y)?);
        let weights = self.arrange_weights(options.sample_weight.as_deref(), &[])?;
        self.check_data(EVALUATION, &x, &y, &weights)?;
        let backend = Arc::clone(&self.backend);
        let buckets = self.buckets(&x, options.bucketing.as_ref())?;
        let source = self.source(&*backend, &x, &y, weights).bucketed(buckets.as_ref());
        self.evaluate_rows(EVALUATION.y, &source, 0..source.rows(), options.batch_size)
    }

    /// Loss and metrics of one batch.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn test_on_batch<'d>(&mut self, x: impl Into<Inputs<'d>>, y: impl Into<Labels<'d>>, sample_weight: Option<&[f32]>) -> Result<Logs> {
        let x = x.into();
        let mut options = Evaluate::default().batch_size(x.rows().max(1));
        options.sample_weight = sample_weight.map(<[f32]>::to_vec);
        self.evaluate_all(x, y.into(), &options)
    }

    /// Evaluates a range of rows that have been checked. Begins the sums of the metrics anew.
    pub(crate) fn evaluate_rows(&mut self, what: &'static str, source: &Source<'_>, rows: Range<usize>, batch_size: usize) -> Result<Logs> {
        let mut order = source.order(rows, batch_size, false, 0);
        // Plans first: they make the sums of metrics that training has not made.
        let shapes = order.shapes();
        self.plans.expect(Mode::Test, shapes.len());
        let signatures = Signatures::new(&shapes, &mut |bucket, rows| {
            let signature = self.signature_of(Mode::Test, what, (bucket, rows), source)?;
            self.plan(&signature).map(|()| signature)
        })?;
        self.weights.store.zero(Role::Metric);
        let mut buffers = Vec::with_capacity(2);
        let batches = order.batches() as u64;
        for_each_batch(source, &mut order, &mut buffers, 0..batches, |_, batch| {
            self.test_step(signatures.of(batch), batch)?;
            Ok(Flow::Go)
        })?;
        Ok(self.compiled("evaluate")?.results(&self.weights.store))
    }

    pub(super) fn test_step(&mut self, signature: &Signature, batch: &Batch<'_>) -> Result<()> {
        let (seed, step) = (self.seed_words(), [0]);
        self.plan(signature)?;
        let mut inputs = Given::new(batch);
        inputs.push(TensorRef::I32(&seed));
        inputs.push(TensorRef::I32(&step));
        if let Some(plan) = self.plans.get(signature) {
            plan.session.run(inputs.as_slice(), &mut self.weights.store)?;
        }
        Ok(())
    }
}
