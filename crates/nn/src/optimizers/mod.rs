//! Optimizers write the update of one weight into the graph; clipping, decay, accumulation and averages are done once, outside.

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod apply;
mod common;
mod ftrl;
mod kind;
mod lamb;
mod lion;
mod loss_scale;
mod multi;
mod muon;
mod nadam;
mod pattern;
mod rmsprop;
mod schedule_free;
mod sgd;
mod slots;
mod update;

pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use apply::{Applied, accumulate, apply_gradients, averaged, follow_weights, unscaled};
pub use common::{Common, LearningRate};
pub use ftrl::Ftrl;
pub use kind::{Kind, part_of, parts};
pub(crate) use kind::{own_name, part, scaling, set_loss_scale_factor};
pub use lamb::Lamb;
pub use lion::Lion;
pub use loss_scale::LossScaleOptimizer;
pub use multi::{MultiOptimizer, OptimizerMap};
pub use muon::Muon;
pub use nadam::Nadam;
pub use rmsprop::{RMSprop, RmsProp};
pub use schedule_free::ScheduleFreeAdamW;
pub use sgd::{SGD, Sgd};
pub use slots::{Initial, Memory, Slot, Target};
pub use update::{Kept, Phase, Update};

use crate::keras::KerasObject;
use adaline_graph::Var;
use std::fmt::Debug;

/// One optimizer.
pub trait Optimizer: KerasObject + Debug + Send + Sync {
    /// Learning rate, clipping, decay, accumulation: what every optimizer takes.
    fn common(&self) -> &Common;
    /// The same, writable (callbacks change the learning rate).
    fn common_mut(&mut self) -> &mut Common;
    /// Whether it updates weights itself or has others do so.
    fn kind(&self) -> Kind<'_> {
        Kind::Rule
    }
    /// As [`common_mut`](Self::common_mut), of one of the optimizers that update weights, by number.
    fn common_of(&mut self, part: usize) -> Option<&mut Common> {
        (part == 0).then(|| self.common_mut())
    }
    /// The memory kept for a weight, in Keras' file order (`momentum`, `velocity`).
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot>;
    /// How a Keras file orders the memory: for each group, for each weight, the slots of the group (indices into [`slots`](Self::slots),
    /// of which a weight has at most `most`).
    fn file_groups(&self, most: usize) -> Vec<Vec<usize>> {
        vec![(0..most).collect()]
    }
    /// A number that all weights share, last in a Keras file (Nadam's product of momenta).
    fn shared(&self) -> Option<Slot> {
        None
    }
    /// Its value after this update, of that before in [`Step::shared`]; [`update`](Self::update) sees the new one.
    fn share<'g>(&self, step: &Step<'g>) -> Option<Var<'g>> {
        step.shared
    }
    /// Share of a weight with so many slots that is taken off it, times the learning rate, before its update.
    fn decay(&self, slots: usize) -> Option<f64> {
        let _ = slots;
        self.common().weight_decay
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
    /// What all weights share, where the optimizer has [`shared`](Optimizer::shared).
    pub shared: Option<Var<'g>>,
}

impl<'g> Step<'g> {
    /// `1 - keep^t`, `f32[]`: what a mean that began with zero has taken up after `t` updates.
    fn taken_up(&self, keep: f64) -> Var<'g> {
        1.0 - self.t.builder().scalar(keep as f32).pow(self.t)
    }
}
