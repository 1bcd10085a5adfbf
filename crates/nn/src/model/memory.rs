//! The memory of an optimizer: which slots of the model's state it has.

use crate::keras::ConfigError;
use crate::optimizers::{self, Initial, Optimizer, Slot, Target};
use crate::trace::{Weight, Weights};
use adaline_graph::{Role, Shape, SlotId, StateStore, TensorType};

/// Memory of the optimizer.
#[derive(Clone, Debug, Default)]
pub(crate) struct OptimizerMemory {
    /// Of each of the rules that update weights: one for most optimizers.
    pub(crate) parts: Vec<OptimizerSlots>,
    /// Of a scale of the loss: steps since it last changed, and the scale.
    pub(crate) scale: Option<[SlotId; 2]>,
}

impl OptimizerMemory {
    /// Memory for the trainable weights, as it begins. `prefix` is what stands before the layers in a weight's path.
    ///
    /// # Errors
    /// For a weight that several optimizers are meant to have.
    pub(crate) fn new(optimizer: &dyn Optimizer, prefix: &str, weights: &mut Weights) -> Result<Self, ConfigError> {
        let path = |w: &Weight| format!("{prefix}{}/{}", w.layer, w.name);
        let trainable: Vec<&Weight> = weights.list.iter().filter(|w| w.spec.trainable).collect();
        let owners = trainable.iter().map(|w| optimizers::part_of(optimizer, &path(w))).collect::<Result<Vec<usize>, _>>()?;
        let mut memory = Self::default();
        let mut prefixes: Vec<String> = Vec::new();
        for (at, part) in optimizers::parts(optimizer).enumerate() {
            let own = trainable.iter().zip(&owners).filter(|(_, owner)| **owner == at).map(|(w, _)| *w).collect::<Vec<_>>();
            let name = &part.common().name;
            prefixes.push(if prefixes.contains(name) { format!("{name}_{at}") } else { name.clone() });
            memory.parts.push(OptimizerSlots::new(part, &prefixes[at], &own, &mut weights.store));
        }
        if let Some(scaling) = optimizers::scaling(optimizer) {
            let name = optimizers::own_name(optimizer);
            let slots = ["step_counter", "dynamic_scale"]
                .map(|what| weights.store.add(&format!("{name}/{what}"), Role::Optimizer, TensorType::f32(Shape::SCALAR)));
            weights.store.f32_mut(slots[1]).fill(scaling.first_scale());
            memory.scale = Some(slots);
        }
        Ok(memory)
    }
    /// All of it.
    pub(crate) fn all(&self) -> impl Iterator<Item = SlotId> {
        self.scale.iter().flatten().copied().chain(self.parts.iter().flat_map(OptimizerSlots::all))
    }
}

/// Memory of one rule that updates weights.
#[derive(Clone, Debug, Default)]
pub(crate) struct OptimizerSlots {
    /// Its trainable weights, in order.
    pub(crate) weights: Vec<SlotId>,
    /// Moving averages of the weights, one per weight; empty without `use_ema`.
    pub(crate) averages: Vec<SlotId>,
    /// Sums of gradients over micro-batches, one per weight; empty without accumulation.
    pub(crate) accumulators: Vec<SlotId>,
    /// Slots of each weight in the order of [`Optimizer::slots`].
    pub(crate) memories: Vec<Vec<SlotId>>,
    /// What all weights share.
    pub(crate) shared: Option<SlotId>,
}

impl OptimizerSlots {
    /// All of it.
    pub(crate) fn all(&self) -> impl Iterator<Item = SlotId> {
        let one_each = self.averages.iter().chain(&self.accumulators);
        one_each.chain(self.memories.iter().flatten()).chain(&self.shared).copied()
    }

    /// Memory of a rule for its weights, as it begins.
    fn new(optimizer: &dyn Optimizer, prefix: &str, own: &[&Weight], store: &mut StateStore) -> Self {
        let common = optimizer.common();
        let mut slots = Self { weights: own.iter().map(|w| w.slot).collect(), ..Self::default() };
        let mut add = |w: &Weight, what: &str, shape: Shape| {
            store.add(&format!("{prefix}/{}/{}/{what}", w.layer, w.name), Role::Optimizer, TensorType::f32(shape))
        };
        if common.use_ema {
            slots.averages = own.iter().map(|w| add(w, "average", w.ty.shape)).collect();
        }
        if common.gradient_accumulation_steps.is_some_and(|n| n > 1) {
            slots.accumulators = own.iter().map(|w| add(w, "gradient_accumulator", w.ty.shape)).collect();
        }
        let mut begin: Vec<(SlotId, Slot, Option<SlotId>)> = Vec::new();
        for w in own {
            let (mut of_weight, path) = (Vec::new(), format!("{}/{}", w.layer, w.name));
            for slot in optimizer.slots(&Target { path: &path, shape: w.ty.shape }) {
                of_weight.push(add(w, slot.name, slot.shape));
                begin.extend(of_weight.last().map(|&id| (id, slot, Some(w.slot))));
            }
            slots.memories.push(of_weight);
        }
        if let Some(slot) = optimizer.shared() {
            let id = store.add(&format!("{prefix}/{}", slot.name), Role::Optimizer, TensorType::f32(slot.shape));
            slots.shared = Some(id);
            begin.push((id, slot, None));
        }
        // Zeros are there already; not to write them lets values count as those that were made.
        for (id, slot, weight) in begin.into_iter().filter(|(_, slot, _)| slot.initial != Initial::Value(0.0)) {
            let weight = weight.map_or(Vec::new(), |w| store.f32(w).to_vec());
            slot.fill(&weight, store.f32_mut(id));
        }
        slots
    }
}
