//! An activation as a layer.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{Trace, activations::Activation, keras::KerasObject};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// Keras' layer `Activation`: an activation function of each element (softmax: of each row). The shape stays.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct ActivationLayer {
    #[serde(flatten)]
    common: LayerCommon,
    activation: Activation,
}

layer_builder!(ActivationLayer, "Activation", ["activation"]);

impl ActivationLayer {
    /// A layer of the function.
    pub fn new(activation: Activation) -> Self {
        Self { common: LayerCommon::default(), activation }
    }
}

impl From<Activation> for ActivationLayer {
    fn from(activation: Activation) -> Self {
        Self::new(activation)
    }
}
impl From<Activation> for Box<dyn Layer> {
    fn from(activation: Activation) -> Self {
        Box::new(ActivationLayer::new(activation))
    }
}

impl KerasObject for ActivationLayer {
    layer_identity!("Activation");
}

impl Layer for ActivationLayer {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "Activation", inputs));
        self.activation.trace(cx, x)
    }
}
