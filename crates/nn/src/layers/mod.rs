//! Layers: a configuration plus one function from symbolic tensors to symbolic tensors.

use crate::{Trace, keras::KerasObject};
use adaline_graph::Var;
use std::fmt::Debug;

/// One layer. Its configuration's JSON is what Keras writes.
pub trait Layer: KerasObject + Debug + Send + Sync {
    /// The name the user gave, or none: the model then names it after its class (`dense`, `dense_1`).
    fn name(&self) -> Option<&str>;
    /// Sets the name.
    fn set_name(&mut self, name: String);
    /// Writes the layer into the graph. Shape errors latch in the builder. `inputs` has one tensor for every layer of today.
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g>;
    /// A copy.
    fn boxed(&self) -> Box<dyn Layer>;
}

impl<L: Layer + 'static> From<L> for Box<dyn Layer> {
    fn from(layer: L) -> Self {
        Box::new(layer)
    }
}
