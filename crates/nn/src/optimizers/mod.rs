//! Optimizers write the update of one weight into the graph; clipping, decay and accumulation are done once, outside.

use crate::keras::KerasObject;
use adaline_graph::Var;
use std::fmt::Debug;

/// One optimizer.
pub trait Optimizer: KerasObject + Debug + Send + Sync {
    /// Learning rate, clipping, decay, accumulation: what every optimizer takes.
    fn common(&self) -> &Common;
    /// The same, writable (callbacks change the learning rate).
    fn common_mut(&mut self) -> &mut Common;
    /// Names of the memory kept for each weight, in Keras' file order (`momentum`, `velocity`); each has the weight's shape and begins at zero.
    fn slots(&self) -> Vec<&'static str>;
    /// The weight's new value; new values of the slots go through `slots[i].set`.
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g>;
    /// A copy.
    fn boxed(&self) -> Box<dyn Optimizer>;
}

impl<O: Optimizer + 'static> From<O> for Box<dyn Optimizer> {
    fn from(optimizer: O) -> Self {
        Box::new(optimizer)
    }
}

/// Scalars of one step.
#[derive(Clone, Copy)]
pub struct Step<'g> {
    /// Learning rate, `f32[]`.
    pub learning_rate: Var<'g>,
    /// Number of this update from 1, `f32[]`.
    pub t: Var<'g>,
}

/// Memory of the optimizer for one weight: the value at the beginning of the step and the one after it.
#[derive(Clone, Copy)]
pub struct Memory<'g> {
    /// Value before.
    pub old: Var<'g>,
    /// Value after, when set.
    pub new: Option<Var<'g>>,
}

impl<'g> Memory<'g> {
    /// Sets the value after the step and returns it.
    pub fn set(&mut self, value: Var<'g>) -> Var<'g> {
        self.new = Some(value);
        value
    }
}

/// A fixed learning rate or a schedule of the iteration.
#[derive(Clone, Debug, PartialEq)]
pub enum LearningRate {
    /// The same for all steps.
    Fixed(f64),
    /// A function of the iteration.
    Schedule(crate::schedules::Schedule),
}

/// What every Keras optimizer takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Common {
    /// Name (`adam`).
    pub name: String,
    /// Learning rate.
    pub learning_rate: LearningRate,
    /// `w -= lr * weight_decay * w` before the update.
    pub weight_decay: Option<f64>,
    /// Norm to which each gradient is clipped.
    pub clipnorm: Option<f64>,
    /// Norm to which all gradients together are clipped.
    pub global_clipnorm: Option<f64>,
    /// Bound of each element of the gradients.
    pub clipvalue: Option<f64>,
    /// Micro-batches averaged before an update (at least 2).
    pub gradient_accumulation_steps: Option<u32>,
}
