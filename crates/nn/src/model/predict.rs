//! `predict`: the network's output for rows, and the output of every layer.

use super::Model;
use super::feed::Inputs;
use super::fit::Given;
use super::loader::{Flow, check_batch_size, for_each_batch};
use super::signature::{Mode, Signature, Signatures};
use crate::error::{Error, Result};
use adaline_data::{Bucketing, Tensor};
use adaline_graph::backend::{RunError, TensorRef};
use std::sync::Arc;

impl Model {
    /// The output `(N, ..)` for `x (N, ..)`, in batches of 32 rows. The result of a row does not depend on the rows next to it,
    /// save that stateful layers go on from the batch before.
    ///
    /// # Errors
    /// [`Error::NotBuilt`], [`Error::NoRows`], [`Error::InputShape`], [`Error::NonFiniteData`].
    pub fn predict<'d>(&mut self, x: impl Into<Inputs<'d>>) -> Result<Tensor> {
        self.predict_batched(x, 32)
    }

    /// As [`Model::predict`] with all rows as one batch.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_on_batch<'d>(&mut self, x: impl Into<Inputs<'d>>) -> Result<Tensor> {
        let x = x.into();
        let rows = x.rows().max(1);
        self.predict_batched(x, rows)
    }

    /// As [`Model::predict`] in batches of a given size.
    ///
    /// # Errors
    /// As [`Model::predict`]; [`Error::Option`] for an empty batch; [`Error::Network`] for a model of several outputs, whose are all
    /// [`Model::predict_all`]'s.
    pub fn predict_batched<'d>(&mut self, x: impl Into<Inputs<'d>>, batch_size: usize) -> Result<Tensor> {
        self.predict_one(x.into(), batch_size, None)
    }

    /// As [`Model::predict_batched`] for sequences of several lengths (an [`adaline_data::Ragged`]), each batch of rows of about the same
    /// length and padded no further than they need: see [`crate::Fit::bucket_by_length`]. Results are in the order of the rows.
    ///
    /// # Errors
    /// As [`Model::predict_batched`]; [`Error::Option`] for inputs that have one length, or results whose shape depends on it.
    pub fn predict_bucketed<'d>(&mut self, x: impl Into<Inputs<'d>>, batch_size: usize, buckets: impl Into<Bucketing>) -> Result<Tensor> {
        self.predict_one(x.into(), batch_size, Some(&buckets.into()))
    }

    fn predict_one(&mut self, x: Inputs<'_>, batch_size: usize, buckets: Option<&Bucketing>) -> Result<Tensor> {
        if self.output_names.len() > 1 {
            let names = self.output_names.join(", ");
            return Err(self.wrong(format!("it has {} outputs ({names}): predict_all gives them all", self.output_names.len())));
        }
        let mut outputs = self.run_rows(Mode::Predict, "predict", x, batch_size, buckets)?;
        outputs.pop().ok_or(Error::NoRows { what: "x", action: "predict" })
    }

    /// As [`Model::predict_batched`] for a model of several outputs: each in the order of [`Model::output_names`].
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_all<'d>(&mut self, x: impl Into<Inputs<'d>>, batch_size: usize) -> Result<Vec<Tensor>> {
        self.run_rows(Mode::Predict, "predict", x.into(), batch_size, None)
    }

    /// The output of every layer for `x (N, ..)`, with the layers' names, in the order in which they run. A layer that is called several times
    /// is there several times: `encoder`, `encoder[1]`.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn activations<'d>(&mut self, x: impl Into<Inputs<'d>>) -> Result<Vec<(String, Tensor)>> {
        let outputs = self.run_rows(Mode::Probe, "look into", x.into(), 32, None)?;
        Ok(self.net.calls.iter().map(|c| self.net.call_name(c)).zip(outputs).collect())
    }

    /// All outputs of a graph, rows joined.
    pub(super) fn run_rows(
        &mut self,
        mode: Mode,
        action: &'static str,
        x: Inputs<'_>,
        batch_size: usize,
        buckets: Option<&Bucketing>,
    ) -> Result<Vec<Tensor>> {
        self.require_built("predict")?;
        check_batch_size(batch_size)?;
        let x = self.arrange_inputs(x)?;
        self.check_rows("x", action, &x)?;
        let backend = Arc::clone(&self.backend);
        let buckets = self.buckets(&x, buckets)?;
        let source = self.source(&*backend, &x, &[], Vec::new()).bucketed(buckets.as_ref());
        let x_rows: Vec<&[usize]> = x.iter().map(|x| x.row_shape()).collect();
        let count = source.rows();
        let mut order = source.order(0..count, batch_size, false, 0);
        let batches = order.shapes();
        let shapes = if mode == Mode::Probe { self.rows_of_calls(&x_rows)? } else { self.outputs_for(&x_rows)? };
        self.plans.expect(mode, batches.len());
        let signatures = Signatures::new(&batches, &mut |bucket, rows| {
            let x_rows = source.x_rows(bucket);
            if source.buckets.is_some() && self.outputs_for(&x_rows)? != shapes {
                let expected = "given for results of one shape for all rows; predict without buckets where each step has a result";
                return Err(Error::option("buckets", "given for results whose shape depends on the length of their sequence", expected));
            }
            let signature = Signature::unlabelled(mode, rows, self.input_types(rows, &x_rows)?);
            self.plan(&signature).map(|()| signature)
        })?;
        let mut values: Vec<Vec<f32>> = shapes.iter().map(|s| Vec::with_capacity(count * s.iter().product::<usize>())).collect();
        let mut buffers = Vec::with_capacity(2);
        let batches = order.batches() as u64;
        let (seed, step) = (self.seed_words(), [if mode == Mode::Active { self.next_call() } else { 0 }]);
        let remembers = mode == Mode::Active || mode == Mode::Predict && !self.weights.memories.is_empty();
        for_each_batch(&source, &mut order, &mut buffers, 0..batches, |_, batch| {
            let signature = signatures.of(batch);
            self.plan(signature)?;
            let mut inputs = Given::new(batch);
            inputs.push(TensorRef::I32(&seed));
            inputs.push(TensorRef::I32(&step));
            if let Some(plan) = self.plans.get(signature) {
                if remembers {
                    plan.session.run(inputs.as_slice(), &mut self.weights.store)?;
                } else {
                    match plan.session.run_frozen(inputs.as_slice(), self.shared.as_deref().unwrap_or(&self.weights.store)) {
                        // A layer may assign to a weight outside of training, too; then nothing has run yet.
                        Err(RunError::Updates) if self.shared.is_none() => plan.session.run(inputs.as_slice(), &mut self.weights.store)?,
                        other => other?,
                    }
                }
                for (at, values) in values.iter_mut().enumerate() {
                    match plan.session.output(at) {
                        TensorRef::F32(v) => values.extend_from_slice(v),
                        TensorRef::I32(v) => values.extend(v.iter().map(|&v| v as f32)),
                    }
                }
            }
            Ok(Flow::Go)
        })?;
        let joined = values.into_iter().zip(shapes).map(|(values, row)| {
            let values = match order.rows_out_of_order() {
                Some(rows) => in_order(&values, rows),
                None => values,
            };
            let shape: Vec<usize> = std::iter::once(count).chain(row).collect();
            Ok(Tensor::f32(shape, values)?)
        });
        joined.collect()
    }
}

/// Results of these rows in the order of the rows: each as many values, every row once.
fn in_order(values: &[f32], rows: &[usize]) -> Vec<f32> {
    let width = values.len() / rows.len().max(1);
    let mut sorted = vec![0.0; values.len()];
    for (&row, result) in rows.iter().zip(values.chunks_exact(width.max(1))) {
        sorted[row * width..(row + 1) * width].copy_from_slice(result);
    }
    sorted
}
