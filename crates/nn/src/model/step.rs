//! The graphs of a compiled model: one whole training step, one evaluation step, one prediction.
//!
//! Inputs are declared in one order: `x`, `y`, `sample_weight`, `learning_rate`, `t`, `seed`, `step`, those that the graph has.

use super::Model;
use super::compile::{Compiled, label_type};
use super::forward::{Forward, Randomness, forward};
use super::signature::{Mode, Phase, Plan, Signature};
use crate::Loss;
use crate::error::{Error, Result};
use crate::losses::{Reduction, apply_mask, reduce};
use crate::optimizers::{self, Applied, Step};
use crate::trace::Weights;
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, DType, Graph, NodeId, Shape, SlotId, TensorType, Var};
use std::time::Instant;

/// Fails unless the system gives so much memory: asked for and given back untouched, which costs nothing. A session would end the program.
fn afford(bytes: u64) -> Result<()> {
    let given = usize::try_from(bytes).ok().and_then(|n| Vec::<u8>::new().try_reserve_exact(n).ok());
    given.ok_or(Error::NoMemory { bytes })
}

/// What a training or evaluation graph reads.
struct Batch<'g> {
    x: Var<'g>,
    y: Var<'g>,
    weight: Option<Var<'g>>,
}

impl Model {
    /// Type of the batch that the network takes.
    pub(crate) fn input_type(&self, x: Shape) -> TensorType {
        TensorType::new(self.input.as_ref().map_or(DType::F32, |i| i.dtype), x)
    }

    /// The graph of a signature.
    pub(crate) fn graph(&mut self, signature: &Signature) -> Result<Graph> {
        match signature.mode {
            Mode::Predict | Mode::Probe => self.predict_graph(signature),
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
        self.plans.insert(Plan { signature: *signature, executable, session });
        Ok(())
    }

    fn predict_graph(&mut self, signature: &Signature) -> Result<Graph> {
        let b = Builder::new();
        let x = b.input("x", self.input_type(signature.x));
        let random = Randomness::declare(&b);
        let pass = forward(&b, &self.chain, &mut self.weights, x, &random, false);
        if signature.mode == Mode::Probe {
            for (named, &v) in self.chain.iter().zip(&pass.outputs) {
                b.output(&named.name, v);
            }
        } else {
            b.output("prediction", pass.prediction(x));
            update(&b, &pass); // states that a layer keeps; looking into a network changes none
        }
        Ok(b.finish()?)
    }

    fn test_graph(&mut self, signature: &Signature) -> Result<Graph> {
        let b = Builder::new();
        let batch = self.declare(&b, signature);
        let random = Randomness::declare(&b);
        let pass = forward(&b, &self.chain, &mut self.weights, batch.x, &random, false);
        let compiled = self.compiled.as_mut().ok_or_else(|| Error::NotCompiled { model: self.name.clone(), action: "evaluate" })?;
        let prediction = pass.prediction(batch.x);
        let loss = total_loss(&b, compiled.loss.as_ref(), &batch, prediction, &pass);
        b.output("loss", loss);
        add_to_metrics(&b, compiled, &mut self.weights.store, &batch, (prediction, pass.mask), loss)?;
        update(&b, &pass);
        Ok(b.finish()?)
    }

    fn train_graph(&mut self, signature: &Signature, phase: Phase) -> Result<Graph> {
        let b = Builder::new();
        let batch = self.declare(&b, signature);
        let learning_rate = b.input("learning_rate", TensorType::f32(Shape::SCALAR));
        let t = b.input("t", TensorType::f32(Shape::SCALAR));
        let random = Randomness::declare(&b);
        let pass = forward(&b, &self.chain, &mut self.weights, batch.x, &random, true);
        let compiled = self.compiled.as_mut().ok_or_else(|| Error::NotCompiled { model: self.name.clone(), action: "train" })?;
        let prediction = pass.prediction(batch.x);
        let loss = total_loss(&b, compiled.loss.as_ref(), &batch, prediction, &pass);
        b.output("loss", loss);
        add_to_metrics(&b, compiled, &mut self.weights.store, &batch, (prediction, pass.mask), loss)?;
        update(&b, &pass);

        let memory = compiled.memory(&mut self.weights).clone();
        let common = compiled.optimizer.common();
        let Weights { list, store, .. } = &self.weights;
        let read = |slot: SlotId| b.state(slot, &store.layout().slot(slot).name, store.layout().slot(slot).ty);
        let weights: Vec<Var<'_>> = memory.weights.iter().map(|&s| read(s)).collect();
        let wrt: Vec<NodeId> = weights.iter().map(|w| w.id()).collect();
        let begin = Instant::now();
        let scaled = common.loss_scale_factor.map_or(loss, |factor| loss * factor as f32);
        let grads = b.with_graph(|g| gradients(g, scaled.id(), &wrt))?;
        self.trace_times.gradients += begin.elapsed();
        let mut grads = optimizers::unscaled(common, grads.into_iter().map(|g| b.var(g)).collect());

        if phase != Phase::Single {
            let accumulators: Vec<Var<'_>> = memory.accumulators.iter().map(|&s| read(s)).collect();
            let sums = if phase == Phase::Accumulate {
                optimizers::accumulate(&accumulators, &grads)
            } else {
                let (mean, zeros) = optimizers::averaged(compiled.accumulation().unwrap_or(1), &accumulators, &grads);
                grads = mean;
                zeros
            };
            for (&slot, sum) in memory.accumulators.iter().zip(sums) {
                b.update(slot, sum);
            }
        }
        let step = Step { learning_rate, t, shared: memory.shared.map(&read) };
        let mut new = Applied { weights: weights.clone(), slots: Vec::new(), shared: None };
        if phase != Phase::Accumulate {
            let slots: Vec<Vec<Var<'_>>> = memory.memories.iter().map(|slots| slots.iter().map(|&s| read(s)).collect()).collect();
            new = b.scope("optimizer", || optimizers::apply_gradients(compiled.optimizer.as_ref(), &step, &weights, &grads, &slots));
        }
        let mut averages: Vec<Var<'_>> = memory.averages.iter().map(|&s| read(s)).collect();
        b.scope("optimizer", || {
            optimizers::follow_weights(common, &step, &mut new.weights, &mut averages);
            for (&slot, value) in memory.weights.iter().zip(&mut new.weights) {
                if let Some(constraint) = list.iter().find(|w| w.slot == slot).and_then(|w| w.spec.constraint.as_ref()) {
                    *value = constraint.apply(*value);
                }
            }
        });
        // While gradients are accumulated most weights stay as they are.
        let changed = memory.weights.iter().zip(&new.weights).zip(&weights).filter(|((_, new), old)| new.id() != old.id());
        let slots = memory.memories.iter().flatten().zip(new.slots.iter().flatten());
        let rest = memory.averages.iter().zip(&averages).chain(memory.shared.iter().zip(&new.shared));
        for (&slot, &value) in changed.map(|(pair, _)| pair).chain(slots).chain(rest) {
            b.update(slot, value);
        }
        Ok(b.finish()?)
    }

    /// Forward pass of a training step with the output of every layer, then the prediction's loss: what finds the origin of a NaN.
    pub(crate) fn probe_graph(&mut self, signature: &Signature) -> Result<Graph> {
        let b = Builder::new();
        let batch = self.declare(&b, signature);
        let random = Randomness::declare(&b);
        let pass: Forward<'_> = forward(&b, &self.chain, &mut self.weights, batch.x, &random, true);
        for (named, &v) in self.chain.iter().zip(&pass.outputs) {
            b.output(&named.name, v);
        }
        Ok(b.finish()?)
    }

    fn declare<'g>(&self, b: &'g Builder, signature: &Signature) -> Batch<'g> {
        let x = b.input("x", self.input_type(signature.x));
        let y = b.input("y", signature.y.unwrap_or(TensorType::f32(Shape::SCALAR)));
        let weight = signature.weighted.then(|| b.input("sample_weight", TensorType::f32([signature.batch()])));
        Batch { x, y, weight }
    }

    /// The signature of a batch for training or evaluation.
    pub(crate) fn signature(
        &self,
        mode: Mode,
        what: &'static str,
        rows: usize,
        x_row: &[usize],
        y_row: &[usize],
        weighted: bool,
    ) -> Result<Signature> {
        let too_large = || Error::option("batch_size", rows, "a number of rows that memory can hold");
        let x = super::input::batch_of(rows, x_row).ok_or_else(too_large)?;
        let compiled = self.compiled("train or evaluate")?;
        let output = self.output_for(x_row)?;
        let y = label_type(compiled.loss.as_ref(), what, rows, y_row, &output)?;
        Ok(Signature { mode, x, y: Some(y), weighted })
    }
}

/// New values of moving statistics and of what layers remember.
fn update(b: &Builder, pass: &Forward<'_>) {
    for &(slot, value) in &pass.updates {
        b.update(slot, value);
    }
}

/// Loss per sample -> weighted reduction -> plus penalties: a scalar.
fn total_loss<'g>(b: &'g Builder, loss: &dyn Loss, batch: &Batch<'g>, prediction: Var<'g>, pass: &Forward<'g>) -> Var<'g> {
    b.scope("loss", || {
        let values = loss.call(batch.y, prediction); // (B, ..)
        let weight = apply_mask(batch.weight, pass.mask, loss.reduction());
        pass.penalties.iter().fold(reduce(values, weight, loss.reduction()), |sum, &p| sum + p)
    })
}

/// Adds this batch to the sums of the loss and of the metrics.
fn add_to_metrics<'g>(
    b: &'g Builder,
    compiled: &mut Compiled,
    store: &mut adaline_graph::StateStore,
    batch: &Batch<'g>,
    (prediction, mask): (Var<'g>, Option<Var<'g>>),
    loss: Var<'g>,
) -> Result<()> {
    let add = |b: &'g Builder, store: &adaline_graph::StateStore, slot: SlotId, value: Var<'g>| {
        let s = store.layout().slot(slot);
        b.update(slot, b.state(slot, &s.name, s.ty) + value);
    };
    let rows = batch.x.dim(0) as f32;
    let (total, count) = compiled.loss_sums(store);
    b.scope("metrics/loss", || {
        add(b, store, total, loss * rows);
        add(b, store, count, b.scalar(rows));
    });
    for at in 0..compiled.metrics.len() {
        let weight = batch.weight.filter(|_| compiled.metrics[at].weighted);
        let (metric, slots) = compiled.ready_metric(at, store, batch.y.shape(), prediction.shape())?;
        let slots = slots.clone();
        let weight = if metric.heeds_mask() { apply_mask(weight, mask, Reduction::Sum) } else { weight };
        b.scope(&format!("metrics/{}", metric.name()), || {
            for (slot, value) in slots.into_iter().zip(metric.update(batch.y, prediction, weight)) {
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
