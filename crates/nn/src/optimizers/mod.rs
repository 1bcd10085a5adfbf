//! Optimizers write the update of one weight into the graph; clipping, decay and accumulation are done once, outside.

mod adam;
mod apply;
mod common;
mod rmsprop;
mod sgd;

pub use adam::{Adam, AdamW};
pub use apply::{Applied, accumulate, apply_gradients, averaged};
pub use common::{Common, LearningRate};
pub use rmsprop::{RMSprop, RmsProp};
pub use sgd::{SGD, Sgd};

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
    /// How a Keras file orders the memory: for each group, for each weight, the slots of the group (indices into [`slots`](Self::slots)).
    fn file_groups(&self) -> Vec<Vec<usize>> {
        vec![(0..self.slots().len()).collect()]
    }
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
