//! The graphs of a compiled model: one whole training step, one evaluation step, one prediction.
//!
//! Inputs are declared in one order: `x`, `y`, `sample_weight` (several of each for several inputs or outputs), `learning_rate`, `t`, `seed`,
//! `step`, those that the graph has.

use super::Model;
use super::compile::{Compiled, Trained, label_type};
use super::descent::Descent;
use super::forward::{Forward, Randomness, forward, forward_watched};
use super::loader::Source;
use super::signature::{BatchShapes, Mode, Phase, Plan, Signature};
use super::train_step::TrainStep;
use crate::error::{Error, Result};
use crate::losses::{self, Reduction, apply_mask};
use crate::network::input::batch_of;
use crate::optimizers;
use crate::trace::{Masked, Rectified, Weights};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, Graph, NodeId, Shape, SlotId, TensorType, Var};
use std::sync::Arc;
use std::time::Instant;

/// Fails unless the system gives so much memory: asked for and given back untouched, which costs nothing. A session would end the program.
pub(super) fn afford(bytes: u64) -> Result<()> {
    let given = usize::try_from(bytes).ok().and_then(|n| Vec::<u8>::new().try_reserve_exact(n).ok());
    given.ok_or(Error::NoMemory { bytes })
}

/// What a training or evaluation graph reads.
struct Batch<'g> {
    rows: usize,
    x: Vec<Var<'g>>,
    /// Labels of each output that is trained.
    y: Vec<Var<'g>>,
    /// Their sample weights.
    weights: Vec<Option<Var<'g>>>,
}

impl Model {
    /// The graph of a signature.
    pub(crate) fn graph(&mut self, signature: &Signature) -> Result<Graph> {
        match signature.mode {
            Mode::Predict | Mode::Probe | Mode::Active => self.predict_graph(signature),
            Mode::Test => self.test_graph(signature),
            Mode::Train(phase) => self.train_graph(signature, phase),
        }
    }

    /// Makes sure that there is a plan; compiles it when there is none.
    pub(crate) fn plan(&mut self, signature: &Signature) -> Result<()> {
        if self.plans.get(signature).is_some() {
            return Ok(());
        }
        let begin = Instant::now();
        let before = self.trace_times.gradients;
        let graph = self.graph(signature)?;
        self.trace_times.tracing += begin.elapsed().saturating_sub(self.trace_times.gradients.saturating_sub(before));
        let executable = self.backend.compile(&graph, self.weights.store.layout(), &self.options)?;
        afford(executable.report().arena_bytes)?;
        let session = executable.session();
        self.plans.insert(Plan { signature: signature.clone(), executable, session });
        Ok(())
    }

    fn predict_graph(&mut self, signature: &Signature) -> Result<Graph> {
        let b = Builder::new();
        let x = declare_inputs(&b, signature);
        let random = Randomness::declare(&b);
        let pass = forward(&b, &self.net, &mut self.weights, &x, &random, signature.mode == Mode::Active);
        if signature.mode == Mode::Probe {
            for (call, v) in self.net.calls.iter().zip(pass.calls(&self.net)) {
                b.output(&self.net.call_name(call), v);
            }
        } else {
            for (at, v) in pass.outputs().enumerate() {
                b.output(&if at == 0 { "prediction".into() } else { format!("prediction_{at}") }, v);
            }
            update(&b, &pass); // states that a layer keeps, and moving statistics; looking into a network changes none
        }
        Ok(b.finish()?)
    }

    fn test_graph(&mut self, signature: &Signature) -> Result<Graph> {
        let b = Builder::new();
        let batch = declare(&b, signature);
        let random = Randomness::declare(&b);
        let pass = forward(&b, &self.net, &mut self.weights, &batch.x, &random, false);
        let compiled = self.compiled.as_mut().ok_or_else(|| Error::NotCompiled { model: self.name.clone(), action: "evaluate" })?;
        let losses = Losses::of(&b, &compiled.trained, &batch.y, &batch.weights, &pass.predictions);
        let loss = penalised(&b, losses.data, &pass);
        b.output("loss", loss);
        add_to_metrics(&b, compiled, &mut self.weights.store, &batch, &pass, (&losses, loss))?;
        update(&b, &pass);
        Ok(b.finish()?)
    }

    fn train_graph(&mut self, signature: &Signature, phase: Phase) -> Result<Graph> {
        let b = Builder::new();
        let batch = declare(&b, signature);
        // One for each optimizer, where there are several.
        let parts = self.compiled.as_ref().map_or(1, |c| optimizers::parts(c.optimizer.as_ref()).count());
        let learning_rate = b.input("learning_rate", TensorType::f32(if parts == 1 { Shape::SCALAR } else { Shape::from([parts]) }));
        let t = b.input("t", TensorType::f32(Shape::SCALAR));
        let random = Randomness::declare(&b);
        let pass = forward(&b, &self.net, &mut self.weights, &batch.x, &random, true);
        let compiled = self.compiled.as_mut().ok_or_else(|| Error::NotCompiled { model: self.name.clone(), action: "train" })?;
        let losses = Losses::of(&b, &compiled.trained, &batch.y, &batch.weights, &pass.predictions);
        let data = match &self.train_step {
            None => losses.data,
            Some(custom) => custom.loss(&mut TrainStep {
                b: &b,
                net: &self.net,
                weights: &mut self.weights,
                random: &random,
                trained: &compiled.trained,
                x: &batch.x,
                y: &batch.y,
                sample_weights: &batch.weights,
                predictions: &pass.predictions,
                loss: losses.data,
            }),
        };
        if compiled.trained.is_empty() && pass.penalties.is_empty() && self.train_step.is_none() {
            let text =
                "no output has a loss and no layer adds one (add_loss, a regularizer), so there is nothing to train: give compile a loss";
            return Err(Error::Mismatch(text.into()));
        }
        let loss = penalised(&b, data, &pass);
        b.output("loss", loss);
        add_to_metrics(&b, compiled, &mut self.weights.store, &batch, &pass, (&losses, loss))?;
        update(&b, &pass);

        let memory = compiled.memory(&mut self.weights)?.clone();
        let undecayed = &compiled.undecayed;
        let end = Descent { b: &b, optimizer: compiled.optimizer.as_ref(), memory: &memory, weights: &self.weights, undecayed, phase };
        self.trace_times.gradients += end.add(loss, learning_rate, t)?;
        Ok(b.finish()?)
    }

    /// Forward pass of a training step with the first result of every call: what finds the origin of a NaN.
    pub(crate) fn probe_graph(&mut self, signature: &Signature) -> Result<Graph> {
        let b = Builder::new();
        let batch = declare(&b, signature);
        let random = Randomness::declare(&b);
        let pass: Forward<'_> = forward(&b, &self.net, &mut self.weights, &batch.x, &random, true);
        for (call, v) in self.net.calls.iter().zip(pass.calls(&self.net)) {
            b.output(&self.net.call_name(call), v);
        }
        Ok(b.finish()?)
    }

    /// A training step forward and back without its updates: of each layer that ends in relu, within networks and wrappers too, the largest value of
    /// each unit `(C)`; then the squared norm of the gradient by each kernel that training changes. With it the names of those layers.
    pub(crate) fn pulse_graph(&mut self, signature: &Signature) -> Result<(Graph, Vec<String>)> {
        let scale = self.loss_scale().unwrap_or(1.0) as f32;
        let b = Builder::new();
        let batch = declare(&b, signature);
        let random = Randomness::declare(&b);
        let pass = forward_watched(&b, &self.net, &mut self.weights, &batch.x, &random);
        let losses = Losses::of(&b, &self.compiled("train")?.trained, &batch.y, &batch.weights, &pass.predictions);
        let loss = penalised(&b, losses.data, &pass);
        for (at, rectified) in pass.rectified.iter().enumerate() {
            b.output(&format!("units_{at}"), rectified.largest());
        }
        let names = pass.rectified.iter().map(Rectified::name).collect();
        let Weights { list, store, .. } = &self.weights;
        let kernels = list.iter().filter(|w| w.spec.trainable && w.name.ends_with("kernel"));
        let wrt: Vec<NodeId> = kernels.map(|w| b.state(w.slot, &store.layout().slot(w.slot).name, w.ty).id()).collect();
        // Gradients in float16 are nothing without a scale.
        let scale = b.scalar(scale);
        let scaled = loss * scale;
        let grads = b.with_graph(|g| gradients(g, scaled.id(), &wrt))?;
        for (at, id) in grads.into_iter().enumerate() {
            b.output(&format!("gradient_{at}"), (b.var(id) / scale).square().sum(&[], false));
        }
        Ok((b.finish()?, names))
    }

    /// Types of the inputs for batches of so many of these rows.
    pub(crate) fn input_types(&self, rows: usize, x_rows: &[&[usize]]) -> Result<Vec<TensorType>> {
        let too_large = || Error::option("batch_size", rows, "a number of rows that memory can hold");
        let ty = |(at, row): (usize, &&[usize])| {
            batch_of(rows, row).map(|shape| TensorType::new(self.input_dtype(at), shape)).ok_or_else(too_large)
        };
        x_rows.iter().enumerate().map(ty).collect()
    }

    /// The signature of a batch for training or evaluation; `y_rows` and `weighted` are of the outputs that are trained.
    pub(crate) fn signature(
        &self,
        mode: Mode,
        what: &'static str,
        rows: usize,
        x_rows: &[&[usize]],
        y_rows: &[&[usize]],
        weighted: &[bool],
    ) -> Result<Signature> {
        let x = self.input_types(rows, x_rows)?;
        let compiled = self.compiled("train or evaluate")?;
        let outputs = self.outputs_for(x_rows)?;
        let label = |(trained, row): (&Trained, &&[usize])| label_type(trained.loss.as_ref(), what, rows, row, &outputs[trained.output]);
        let y = compiled.trained.iter().zip(y_rows).map(label).collect::<Result<Vec<_>>>()?;
        Ok(Signature { mode, batch: Arc::new(BatchShapes { rows, x, y, weighted: weighted.to_vec() }) })
    }

    /// As [`Model::signature`] for batches of so many rows of a bucket of a source.
    pub(crate) fn signature_of(
        &self,
        mode: Mode,
        what: &'static str,
        (bucket, rows): (usize, usize),
        source: &Source<'_>,
    ) -> Result<Signature> {
        let x = source.x_rows(bucket);
        let y: Vec<&[usize]> = source.y.iter().map(|(y, _)| y.row_shape()).collect();
        let weighted: Vec<bool> = source.weights.iter().map(Option::is_some).collect();
        self.signature(mode, what, rows, &x, &y, &weighted)
    }
}

/// An input in the graph for each of the network.
fn declare_inputs<'g>(b: &'g Builder, signature: &Signature) -> Vec<Var<'g>> {
    signature.batch.x.iter().enumerate().map(|(at, &ty)| b.input(&super::input_name(at), ty)).collect()
}

fn declare<'g>(b: &'g Builder, signature: &Signature) -> Batch<'g> {
    let x = declare_inputs(b, signature);
    let batch = &signature.batch;
    let numbered = |name: &str, at: usize| if at == 0 { name.to_owned() } else { format!("{name}_{at}") };
    let y = batch.y.iter().enumerate().map(|(at, &ty)| b.input(&numbered("y", at), ty)).collect();
    let weight = |(at, &weighted): (usize, &bool)| weighted.then(|| b.input(&numbered("sample_weight", at), TensorType::f32([batch.rows])));
    let weights = batch.weighted.iter().enumerate().map(weight).collect();
    Batch { rows: batch.rows, x, y, weights }
}

/// New values of moving statistics and of what layers remember.
pub(super) fn update(b: &Builder, pass: &Forward<'_>) {
    for &(slot, value) in &pass.updates {
        b.update(slot, value);
    }
}

/// Losses of a step.
pub(crate) struct Losses<'g> {
    /// Of each trained output, before its weight.
    each: Vec<Var<'g>>,
    /// Their weighted sum.
    pub(crate) data: Var<'g>,
}

impl<'g> Losses<'g> {
    /// Loss per sample -> weighted reduction, for each output -> weighted sum: scalars. `y` and `weights` are of the trained outputs,
    /// `predictions` of all.
    pub(crate) fn of(b: &'g Builder, trained: &[Trained], y: &[Var<'g>], weights: &[Option<Var<'g>>], predictions: &[Masked<'g>]) -> Self {
        b.scope("loss", || {
            let mut each = Vec::with_capacity(trained.len());
            let mut data: Option<Var<'g>> = None;
            for (at, trained) in trained.iter().enumerate() {
                let Some(prediction) = predictions.get(trained.output) else {
                    let error = b.error(format!("there is no prediction of the output `{}`", trained.name));
                    return Self { each: vec![error; y.len()], data: error };
                };
                let value = losses::total(trained.loss.as_ref(), y[at], prediction.value, weights[at], prediction.mask);
                each.push(value);
                let value = if trained.weight == 1.0 { value } else { value * trained.weight as f32 };
                data = Some(data.map_or(value, |sum| sum + value));
            }
            Self { each, data: data.unwrap_or_else(|| b.scalar(0.0)) }
        })
    }
}

/// A loss with the penalties of weights and activities.
pub(crate) fn penalised<'g>(b: &'g Builder, data: Var<'g>, pass: &Forward<'g>) -> Var<'g> {
    b.scope("loss", || pass.penalties.iter().fold(data, |sum, &p| sum + p))
}

/// Adds this batch to the sums of the losses and of the metrics.
fn add_to_metrics<'g>(
    b: &'g Builder,
    compiled: &mut Compiled,
    store: &mut adaline_graph::StateStore,
    batch: &Batch<'g>,
    pass: &Forward<'g>,
    (losses, loss): (&Losses<'g>, Var<'g>),
) -> Result<()> {
    let add = |b: &'g Builder, store: &adaline_graph::StateStore, slot: SlotId, value: Var<'g>| {
        let s = store.layout().slot(slot);
        b.update(slot, b.state(slot, &s.name, s.ty) + value);
    };
    let rows = batch.rows as f32;
    let (total, count) = compiled.loss_sums(store);
    b.scope("metrics/loss", || {
        add(b, store, total, loss * rows);
        add(b, store, count, b.scalar(rows));
        for (trained, &value) in compiled.trained.iter().zip(&losses.each) {
            if let Some(sum) = trained.sum {
                add(b, store, sum, value * rows);
            }
        }
    });
    for at in 0..compiled.metrics.len() {
        let of = compiled.metrics[at].of;
        let (y, prediction) = (batch.y[of], pass.predictions[compiled.trained[of].output]);
        let weight = batch.weights[of].filter(|_| compiled.metrics[at].weighted);
        let label = compiled.metrics[at].prefix.clone().map_or_else(String::new, |p| format!("{p}_"));
        let (metric, slots) = compiled.ready_metric(at, store, y.shape(), prediction.value.shape())?;
        let slots = slots.clone();
        let weight = if metric.heeds_mask() { apply_mask(weight, prediction.mask, Reduction::Sum) } else { weight };
        b.scope(&format!("metrics/{label}{}", metric.name()), || {
            for (slot, value) in slots.into_iter().zip(metric.update(y, prediction.value, weight)) {
                add(b, store, slot, value);
            }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_memory_than_there_is_is_an_error() {
        assert!(afford(0).is_ok() && afford(1 << 20).is_ok());
        // More than any processor of today addresses, and more than a vector may hold.
        for bytes in [1 << 60, u64::MAX] {
            let error = afford(bytes).unwrap_err();
            assert!(matches!(error, Error::NoMemory { bytes: b } if b == bytes));
            assert!(error.to_string().contains("GB of memory") && error.to_string().contains("smaller batches"), "{error}");
        }
    }
}
