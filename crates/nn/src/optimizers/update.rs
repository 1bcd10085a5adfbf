//! One update of weights by an optimizer, as a function of gradients and of what it keeps: within a training step, and for whoever has gradients of
//! their own (Keras' `optimizer.apply(gradients, variables)`).

use super::apply::{accumulate, apply_gradients, averaged, follow_weights, unscaled};
use super::{Applied, Optimizer, Slot, Step, Target};
use crate::constraints::Constraint;
use adaline_graph::Var;

/// What a step does with its gradients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Updates the weights with them.
    Single,
    /// Adds them to the accumulators.
    Accumulate,
    /// Updates the weights with the mean of the accumulators and them.
    Apply,
}

impl Phase {
    /// That of a call, counted from 1, of an optimizer that takes the mean of so many (`gradient_accumulation_steps`).
    pub fn of(call: u32, accumulation: Option<u32>) -> Self {
        match accumulation.filter(|&n| n > 1) {
            None => Self::Single,
            Some(n) if call.is_multiple_of(n) => Self::Apply,
            Some(_) => Self::Accumulate,
        }
    }
}

/// What an optimizer keeps of some weights: declarations, values, or what a graph makes of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept<T> {
    /// Moving averages, one for each weight; none without `use_ema`.
    pub averages: Vec<T>,
    /// Sums of gradients, one for each weight; none without `gradient_accumulation_steps`.
    pub accumulators: Vec<T>,
    /// Memory of each weight, in the order of [`Optimizer::slots`].
    pub slots: Vec<Vec<T>>,
    /// What all weights share, where the optimizer has [`Optimizer::shared`].
    pub shared: Option<T>,
}

impl<T> Kept<T> {
    /// All of it in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.averages.iter().chain(&self.accumulators).chain(self.slots.iter().flatten()).chain(&self.shared)
    }
    /// Each piece turned into another, in the order of [`Kept::iter`].
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Kept<U> {
        let averages = self.averages.iter().map(&mut f).collect();
        let accumulators = self.accumulators.iter().map(&mut f).collect();
        let slots = self.slots.iter().map(|of| of.iter().map(&mut f).collect()).collect();
        Kept { averages, accumulators, slots, shared: self.shared.as_ref().map(f) }
    }
}

impl Kept<Slot> {
    /// What an optimizer keeps of these weights, as it begins: [`Slot::fill`] gives its first values.
    pub fn of(optimizer: &dyn Optimizer, weights: &[Target<'_>]) -> Self {
        let common = optimizer.common();
        let each = |name, wanted: bool| weights.iter().filter(|_| wanted).map(|w| Slot::of(name, w.shape, 0.0)).collect();
        Self {
            averages: each("average", common.use_ema),
            accumulators: each("gradient_accumulator", common.gradient_accumulation_steps.is_some_and(|n| n > 1)),
            slots: weights.iter().map(|w| optimizer.slots(w)).collect(),
            shared: optimizer.shared(),
        }
    }
}

/// An update that is written into a graph.
///
/// ```
/// use adaline_graph::{Builder, Shape, TensorType};
/// use adaline_nn::Optimizer;
/// use adaline_nn::optimizers::{Adam, Kept, Phase, Target, Update};
///
/// let adam = Adam::new(0.001);
/// let kept = Kept::of(&adam, &[Target { path: "layer/kernel", shape: Shape::new(&[3, 2]) }]);
/// let b = Builder::new();
/// let scalar = |name: &str| b.input(name, TensorType::f32(Shape::SCALAR));
/// let (w, g) = (b.input("w", TensorType::f32([3, 2])), b.input("g", TensorType::f32([3, 2])));
/// let memory = kept.map(|slot| b.input(slot.name, TensorType::f32(slot.shape))); // momentum, velocity
/// let update = Update { optimizer: &adam, learning_rate: scalar("rate"), t: scalar("t"), constraints: &[], decays: &[], phase: Phase::Single };
/// let (weights, memory) = update.write(&[w], vec![g], &memory);
/// assert_eq!((weights.len(), memory.slots[0].len()), (1, 2));
/// ```
#[derive(Clone, Copy)]
pub struct Update<'a, 'g> {
    /// Whose. Not one that wraps others: those within update weights.
    pub optimizer: &'a dyn Optimizer,
    /// Learning rate, `f32[]`.
    pub learning_rate: Var<'g>,
    /// Number of this update from 1, `f32[]`; of a call that only accumulates that of the update it is part of.
    pub t: Var<'g>,
    /// What each weight is put back to; those beyond the end have none.
    pub constraints: &'a [Option<&'a Constraint>],
    /// Whether each weight decays (Keras' `exclude_from_weight_decay`); those beyond the end do.
    pub decays: &'a [bool],
    /// What to do with the gradients.
    pub phase: Phase,
}

impl<'g> Update<'_, 'g> {
    /// New weights, and what is kept after it: gradients (of a loss times `loss_scale_factor`) are unscaled, averaged over micro-batches and clipped,
    /// weights are decayed and updated, averages follow them, constraints come last. Shapes stay.
    pub fn write(&self, weights: &[Var<'g>], gradients: Vec<Var<'g>>, kept: &Kept<Var<'g>>) -> (Vec<Var<'g>>, Kept<Var<'g>>) {
        let common = self.optimizer.common();
        let step = Step { learning_rate: self.learning_rate, t: self.t, shared: kept.shared };
        let mut new = kept.clone();
        let mut gradients = unscaled(common, gradients);
        match self.phase {
            Phase::Single => {}
            Phase::Accumulate => new.accumulators = accumulate(&kept.accumulators, &gradients),
            Phase::Apply => {
                let steps = common.gradient_accumulation_steps.unwrap_or(1);
                (gradients, new.accumulators) = averaged(steps, &kept.accumulators, &gradients);
            }
        }
        let mut weights = weights.to_vec();
        let b = self.t.builder();
        b.scope("optimizer", || {
            if self.phase != Phase::Accumulate {
                let applied: Applied<'g> = apply_gradients(self.optimizer, &step, &weights, &gradients, &kept.slots, self.decays);
                (weights, new.slots, new.shared) = (applied.weights, applied.slots, applied.shared);
            }
            follow_weights(common, &step, &mut weights, &mut new.averages);
            for (weight, constraint) in weights.iter_mut().zip(self.constraints) {
                *weight = constraint.map_or(*weight, |c| c.apply(*weight));
            }
        });
        (weights, new)
    }
}
