//! `predict`: the network's output for rows, and the output of every layer.

use super::Model;
use super::fit::Inputs;
use super::input::batch_of;
use super::loader::{Flow, Order, check_batch_size, for_each_batch};
use super::signature::{Mode, Signature};
use crate::error::{Error, Result};
use adaline_data::{RowSource, Tensor};
use adaline_graph::backend::TensorRef;
use std::sync::Arc;

impl Model {
    /// The output `(N, ..)` for `x (N, ..)`, in batches of 32 rows. The result of a row does not depend on the rows next to it,
    /// save that stateful layers go on from the batch before.
    ///
    /// # Errors
    /// [`Error::NotBuilt`], [`Error::NoRows`], [`Error::InputShape`], [`Error::NonFiniteData`].
    pub fn predict(&mut self, x: &dyn RowSource) -> Result<Tensor> {
        self.predict_batched(x, 32)
    }

    /// As [`Model::predict`] with all rows as one batch.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_on_batch(&mut self, x: &dyn RowSource) -> Result<Tensor> {
        self.predict_batched(x, x.rows().max(1))
    }

    /// As [`Model::predict`] in batches of a given size.
    ///
    /// # Errors
    /// As [`Model::predict`]; [`Error::Option`] for an empty batch.
    pub fn predict_batched(&mut self, x: &dyn RowSource, batch_size: usize) -> Result<Tensor> {
        let mut outputs = self.run_rows(Mode::Predict, "predict", x, batch_size)?;
        outputs.pop().ok_or(Error::NoRows { what: "x", action: "predict" })
    }

    /// The output of every layer for `x (N, ..)`, with the layers' names, first layer first.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn activations(&mut self, x: &dyn RowSource) -> Result<Vec<(String, Tensor)>> {
        let outputs = self.run_rows(Mode::Probe, "look into", x, 32)?;
        Ok(self.layer_names().map(str::to_owned).zip(outputs).collect())
    }

    /// All outputs of a graph, rows joined.
    fn run_rows(&mut self, mode: Mode, action: &'static str, x: &dyn RowSource, batch_size: usize) -> Result<Vec<Tensor>> {
        self.require_built("predict")?;
        check_batch_size(batch_size)?;
        self.check_rows("x", action, x)?;
        let backend = Arc::clone(&self.backend);
        let source = self.source(&*backend, x, None, None);
        let mut order = Order::new(0..x.rows(), batch_size, false, 0);
        let (whole, rest) = order.sizes();
        let make = |model: &mut Self, rows| -> Result<Signature> {
            let shape =
                batch_of(rows, x.row_shape()).ok_or_else(|| Error::option("batch_size", rows, "a number of rows that memory can hold"))?;
            let signature = Signature { mode, x: shape, y: None, weighted: false };
            model.plan(&signature).map(|()| signature)
        };
        let whole = make(self, whole)?;
        let rest = rest.map(|rows| make(self, rows)).transpose()?;
        let shapes = match mode {
            Mode::Probe => self.shapes_for(2, x.row_shape())?.iter().map(|s| s.dims()[1..].to_vec()).collect(),
            _ => vec![self.output_for(x.row_shape())?],
        };
        let mut values: Vec<Vec<f32>> = shapes.iter().map(|s| Vec::with_capacity(x.rows() * s.iter().product::<usize>())).collect();
        let mut buffers = Vec::with_capacity(2);
        let batches = order.batches() as u64;
        let (seed, step) = (self.seed_words(), [0]);
        let remembers = mode == Mode::Predict && !self.weights.memories.is_empty();
        for_each_batch(&source, &mut order, &mut buffers, 0..batches, |_, batch| {
            let signature = if batch.rows == whole.batch() { whole } else { rest.unwrap_or(whole) };
            self.plan(&signature)?;
            let mut inputs = Inputs::new(batch);
            inputs.push(TensorRef::I32(&seed));
            inputs.push(TensorRef::I32(&step));
            if let Some(plan) = self.plans.get(&signature) {
                if remembers {
                    plan.session.run(inputs.as_slice(), &mut self.weights.store)?;
                } else {
                    plan.session.run_frozen(inputs.as_slice(), &self.weights.store)?;
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
            let shape: Vec<usize> = std::iter::once(x.rows()).chain(row).collect();
            Ok(Tensor::f32(shape, values)?)
        });
        joined.collect()
    }
}
