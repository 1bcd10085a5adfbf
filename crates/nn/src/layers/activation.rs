//! An activation as a layer.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    activations::Activation,
    keras::{ConfigError, KerasObject},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Keras' layer `Activation`: an activation function of each element (softmax: of each row). The shape stays, save for `Glu`, which halves the last axis.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct ActivationLayer {
    common: LayerCommon,
    activation: Activation,
    #[serde(skip)]
    custom: Option<Function>,
}

/// A function of the program; equal to itself alone.
#[derive(Clone)]
struct Function(Arc<dyn for<'g> Fn(Var<'g>) -> Var<'g> + Send + Sync>);

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

layer_builder!(ActivationLayer, "Activation", ["activation"]);

impl ActivationLayer {
    /// A layer of the function.
    pub fn new(activation: Activation) -> Self {
        Self { common: LayerCommon::default(), activation, custom: None }
    }
    /// A layer of a function of one's own: of symbolic tensors, differentiated like every other. The name is the layer's, which must differ from those
    /// of its neighbours. A file cannot hold it: saving a model that has one is an error.
    ///
    /// ```
    /// use adaline_nn::layers::ActivationLayer;
    ///
    /// let squared = ActivationLayer::custom("squared_relu", |x| x.relu().square());
    /// # let _ = squared;
    /// ```
    pub fn custom(name: impl Into<String>, f: impl for<'g> Fn(Var<'g>) -> Var<'g> + Send + Sync + 'static) -> Self {
        Self { custom: Some(Function(Arc::new(f))), ..Self::default() }.name(name)
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
    fn writable(&self) -> Result<(), ConfigError> {
        match &self.custom {
            Some(_) => Err(ConfigError::NotWritable { kind: "activation", name: self.common.name.clone().unwrap_or_default() }),
            None => Ok(()),
        }
    }
}

impl Layer for ActivationLayer {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "Activation", inputs));
        match &self.custom {
            Some(f) => (f.0)(x),
            None => self.activation.trace(cx, x),
        }
    }
}
