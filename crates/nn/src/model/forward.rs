//! From layers to graphs: the forward pass of one signature.

use super::sequential::Named;
use crate::trace::{Trace, Weights};
use adaline_graph::{Builder, Shape, SlotId, TensorType, Var};

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
    /// Output of each layer.
    pub(crate) outputs: Vec<Var<'g>>,
    /// Scalars to add to the loss.
    pub(crate) penalties: Vec<Var<'g>>,
    /// New values of non-trainable weights.
    pub(crate) updates: Vec<(SlotId, Var<'g>)>,
    /// Which steps of the network's output count, where not all do.
    pub(crate) mask: Option<Var<'g>>,
}

impl<'g> Forward<'g> {
    /// The network's output.
    pub(crate) fn prediction(&self, x: Var<'g>) -> Var<'g> {
        self.outputs.last().copied().unwrap_or(x)
    }
}

/// Runs all layers symbolically.
pub(crate) fn forward<'g>(
    b: &'g Builder,
    chain: &[Named],
    weights: &mut Weights,
    x: Var<'g>,
    random: &Randomness<'g>,
    training: bool,
) -> Forward<'g> {
    let mut cx = Trace::new(b, weights, training, random.seed, random.step);
    let mut outputs = Vec::with_capacity(chain.len());
    let mut at = x;
    for Named { name, layer } in chain {
        at = cx.call(name, layer.as_ref(), &[at]);
        outputs.push(at);
    }
    let mask = cx.mask();
    let (penalties, updates) = cx.finish();
    Forward { outputs, penalties, updates, mask }
}
