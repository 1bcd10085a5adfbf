//! The end of a training step: gradients, what is done to them, and the optimizers' updates.

use super::memory::{OptimizerMemory, OptimizerSlots};
use super::signature::Phase;
use crate::error::Result;
use crate::optimizers::{self, Applied, LossScaleOptimizer, Optimizer, Step};
use crate::trace::Weights;
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, DType, NodeId, Shape, SlotId, Var};
use std::time::{Duration, Instant};

/// What the end of a step is made of.
pub(super) struct Descent<'g, 'm> {
    pub(super) b: &'g Builder,
    pub(super) optimizer: &'m dyn Optimizer,
    pub(super) memory: &'m OptimizerMemory,
    pub(super) weights: &'m Weights,
    pub(super) phase: Phase,
}

/// New values of slots.
type Updates<'g> = Vec<(SlotId, Var<'g>)>;

impl<'g> Descent<'g, '_> {
    /// Adds it to the graph. `loss` is a scalar; `learning_rate` that of each rule `(R)`, a scalar where there is one; `t` the number of the update,
    /// from 1. Returns what taking gradients took.
    pub(super) fn add(&self, loss: Var<'g>, learning_rate: Var<'g>, t: Var<'g>) -> Result<Duration> {
        let b = self.b;
        let owned: Vec<NodeId> = self.memory.parts.iter().flat_map(|part| &part.weights).map(|&slot| self.read(slot).id()).collect();
        let scale = self.memory.scale.map(|slots| slots.map(|slot| self.read(slot)));
        let scaled = match (scale, self.optimizer.common().loss_scale_factor) {
            (Some([_, scale]), _) => loss * scale,
            (None, Some(factor)) => loss * factor as f32,
            (None, None) => loss,
        };
        let begin = Instant::now();
        let grads = b.with_graph(|g| gradients(g, scaled.id(), &owned))?;
        let took = begin.elapsed();
        let mut grads: Vec<Var<'_>> = grads.into_iter().map(|g| b.var(g)).collect();
        let finite = scale.and_then(|scale| b.scope("optimizer", || self.unscale(&mut grads, scale)));

        let parts = self.memory.parts.len();
        let mut grads = grads.into_iter();
        let mut updates = Vec::new();
        for (at, (memory, rule)) in self.memory.parts.iter().zip(optimizers::parts(self.optimizer)).enumerate() {
            let own: Vec<Var<'_>> = grads.by_ref().take(memory.weights.len()).collect();
            if own.is_empty() {
                continue;
            }
            let learning_rate = if parts == 1 { learning_rate } else { learning_rate.slice(&[(at, at + 1, 1)]).reshape(Shape::SCALAR) };
            let step = Step { learning_rate, t, shared: memory.shared.map(|slot| self.read(slot)) };
            self.part(rule, memory, &step, own, &mut updates);
        }
        for (slot, value) in updates {
            let value = finite.map_or(value, |finite| b.scope("optimizer", || finite.select(value, self.read(slot))));
            b.update(slot, value);
        }
        Ok(took)
    }

    fn read(&self, slot: SlotId) -> Var<'g> {
        let declared = self.weights.store.layout().slot(slot);
        self.b.state(slot, &declared.name, declared.ty)
    }

    /// Gradients without the scale of the loss, which moves on; whether all of them are finite.
    fn unscale(&self, grads: &mut [Var<'g>], [count, scale]: [Var<'g>; 2]) -> Option<Var<'g>> {
        let (b, scaling, slots) = (self.b, optimizers::scaling(self.optimizer)?, self.memory.scale?);
        let all = LossScaleOptimizer::finite(grads).unwrap_or_else(|| b.scalar(0.0).equal(b.scalar(0.0)));
        let (count, next) = scaling.after(all, count, scale);
        b.update(slots[0], count);
        b.update(slots[1], next);
        b.output("finite", all.cast(DType::F32));
        for g in grads {
            *g = *g / scale;
        }
        Some(all)
    }

    /// What one rule makes of the gradients of its weights.
    fn part(&self, rule: &dyn Optimizer, memory: &OptimizerSlots, step: &Step<'g>, grads: Vec<Var<'g>>, updates: &mut Updates<'g>) {
        let (b, common, phase) = (self.b, rule.common(), self.phase);
        let read_all = |slots: &[SlotId]| slots.iter().map(|&slot| self.read(slot)).collect::<Vec<_>>();
        let mut grads = optimizers::unscaled(common, grads);
        let weights = read_all(&memory.weights);
        if phase != Phase::Single {
            let accumulators = read_all(&memory.accumulators);
            let sums = if phase == Phase::Accumulate {
                optimizers::accumulate(&accumulators, &grads)
            } else {
                let (mean, zeros) = optimizers::averaged(common.gradient_accumulation_steps.unwrap_or(1), &accumulators, &grads);
                grads = mean;
                zeros
            };
            updates.extend(memory.accumulators.iter().copied().zip(sums));
        }
        let mut new = Applied { weights: weights.clone(), slots: Vec::new(), shared: None };
        if phase != Phase::Accumulate {
            let slots: Vec<Vec<Var<'_>>> = memory.memories.iter().map(|slots| read_all(slots)).collect();
            new = b.scope("optimizer", || optimizers::apply_gradients(rule, step, &weights, &grads, &slots));
        }
        let mut averages = read_all(&memory.averages);
        b.scope("optimizer", || {
            optimizers::follow_weights(common, step, &mut new.weights, &mut averages);
            for (&slot, value) in memory.weights.iter().zip(&mut new.weights) {
                let weight = self.weights.list.iter().find(|w| w.slot == slot);
                if let Some(constraint) = weight.and_then(|w| w.spec.constraint.as_ref()) {
                    *value = constraint.apply(*value);
                }
            }
        });
        // While gradients are accumulated most weights stay as they are.
        let changed = memory.weights.iter().zip(&new.weights).zip(&weights).filter(|((_, new), old)| new.id() != old.id());
        let slots = memory.memories.iter().flatten().zip(new.slots.iter().flatten());
        let rest = memory.averages.iter().zip(&averages).chain(memory.shared.iter().zip(&new.shared));
        updates.extend(changed.map(|(pair, _)| pair).chain(slots).chain(rest).map(|(&slot, &value)| (slot, value)));
    }
}
