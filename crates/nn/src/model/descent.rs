//! The end of a training step: gradients, what is done to them, and the optimizers' updates.

use super::memory::{OptimizerMemory, OptimizerSlots};
use super::signature::Phase;
use crate::constraints::Constraint;
use crate::error::Result;
use crate::optimizers::{self, Kept, LossScaleOptimizer, Optimizer, Update};
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
    /// Weights that do not decay.
    pub(super) undecayed: &'m [SlotId],
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
            self.part(rule, memory, (learning_rate, t), own, &mut updates);
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
    fn part(
        &self,
        rule: &dyn Optimizer,
        memory: &OptimizerSlots,
        update: (Var<'g>, Var<'g>),
        grads: Vec<Var<'g>>,
        updates: &mut Updates<'g>,
    ) {
        let read_all = |slots: &[SlotId]| slots.iter().map(|&slot| self.read(slot)).collect::<Vec<_>>();
        let weights = read_all(&memory.weights);
        let kept = Kept {
            averages: read_all(&memory.averages),
            accumulators: read_all(&memory.accumulators),
            slots: memory.memories.iter().map(|slots| read_all(slots)).collect(),
            shared: memory.shared.map(|slot| self.read(slot)),
        };
        let constraint = |slot: &SlotId| self.weights.list.iter().find(|w| w.slot == *slot).and_then(|w| w.spec.constraint.as_ref());
        let constraints: Vec<Option<&Constraint>> = memory.weights.iter().map(constraint).collect();
        let (learning_rate, t) = update;
        let decays: Vec<bool> = memory.weights.iter().map(|slot| !self.undecayed.contains(slot)).collect();
        let update = Update { optimizer: rule, learning_rate, t, constraints: &constraints, decays: &decays, phase: self.phase };
        let (new_weights, new) = update.write(&weights, grads, &kept);
        let mut set = |slots: &[SlotId], values: &[Var<'g>]| updates.extend(slots.iter().copied().zip(values.iter().copied()));
        if self.phase != Phase::Single {
            set(&memory.accumulators, &new.accumulators);
        }
        // While gradients are accumulated most weights stay as they are.
        for ((&slot, &new), old) in memory.weights.iter().zip(&new_weights).zip(&weights) {
            if new.id() != old.id() {
                set(&[slot], &[new]);
            }
        }
        if self.phase != Phase::Accumulate {
            memory.memories.iter().zip(&new.slots).for_each(|(slots, values)| set(slots, values));
            set(memory.shared.as_slice(), new.shared.as_slice());
        }
        set(&memory.averages, &new.averages);
    }
}
