//! From layers to graphs: the forward pass of one signature.

use crate::network::{Calls, Network};
use crate::trace::{Masked, Rectified, Trace, Weights};
use adaline_graph::{Builder, Shape, SlotId, TensorType, Var};
use std::cell::RefCell;

/// Inputs that every graph has, declared in this order after batch and scalars of training.
pub(crate) struct Randomness<'g> {
    pub(crate) seed: Var<'g>,
    pub(crate) step: Var<'g>,
}

impl<'g> Randomness<'g> {
    pub(crate) fn declare(b: &'g Builder) -> Self {
        Self { seed: b.input("seed", TensorType::i32([2])), step: b.input("step", TensorType::i32(Shape::SCALAR)) }
    }
}

/// What the layers wrote.
pub(crate) struct Forward<'g> {
    /// All values, by their numbers in the network.
    pub(crate) values: Vec<Masked<'g>>,
    /// The network's outputs.
    pub(crate) predictions: Vec<Masked<'g>>,
    /// Scalars to add to the loss.
    pub(crate) penalties: Vec<Var<'g>>,
    /// New values of non-trainable weights.
    pub(crate) updates: Vec<(SlotId, Var<'g>)>,
    /// What layers that end in relu gave, where it was asked for.
    pub(crate) rectified: Vec<Rectified<'g>>,
    recorded: RefCell<Calls>,
}

impl<'g> Forward<'g> {
    /// The network's outputs without their masks.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = Var<'g>> {
        self.predictions.iter().map(|p| p.value)
    }
    /// The first result of each call.
    pub(crate) fn calls(&self, net: &Network) -> impl Iterator<Item = Var<'g>> {
        net.calls.iter().filter_map(|c| self.values.get(c.first)).map(|v| v.value)
    }
    /// Shapes of all calls, in networks within too.
    pub(crate) fn recorded(&self) -> Calls {
        self.recorded.take()
    }
}

/// Runs all layers symbolically.
pub(crate) fn forward<'g>(
    b: &'g Builder,
    net: &Network,
    weights: &mut Weights,
    x: &[Var<'g>],
    random: &Randomness<'g>,
    training: bool,
) -> Forward<'g> {
    run(Trace::new(b, weights, training, random.seed, random.step), net, x)
}

/// As [`forward`] for training, with what layers that end in relu gave.
pub(crate) fn forward_watched<'g>(
    b: &'g Builder,
    net: &Network,
    weights: &mut Weights,
    x: &[Var<'g>],
    random: &Randomness<'g>,
) -> Forward<'g> {
    let mut cx = Trace::new(b, weights, true, random.seed, random.step);
    cx.rectified = Some(Vec::new());
    run(cx, net, x)
}

/// As [`forward`] for prediction, with the shapes of all calls.
pub(crate) fn forward_recorded<'g>(
    b: &'g Builder,
    net: &Network,
    weights: &mut Weights,
    x: &[Var<'g>],
    random: &Randomness<'g>,
) -> Forward<'g> {
    let mut cx = Trace::new(b, weights, false, random.seed, random.step);
    cx.recorded = Some(Calls::default());
    run(cx, net, x)
}

fn run<'g>(mut cx: Trace<'g, '_>, net: &Network, x: &[Var<'g>]) -> Forward<'g> {
    let inputs: Vec<Masked<'g>> = x.iter().copied().map(Masked::from).collect();
    let values = net.write(&mut cx, &inputs);
    let predictions = net.outputs.iter().filter_map(|&v| values.get(v).copied()).collect();
    let recorded = cx.recorded.take().unwrap_or_default();
    let rectified = cx.rectified.take().unwrap_or_default();
    let (penalties, updates) = cx.finish();
    Forward { values, predictions, penalties, updates, rectified, recorded: RefCell::new(recorded) }
}
