//! Layers told by a function of the program.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_methods},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, to_config},
};
use adaline_graph::Var;
use serde_json::Value;
use std::{fmt, sync::Arc};

/// What a custom layer does with its inputs.
type Body = dyn for<'g> Fn(&mut Trace<'g, '_>, &[Var<'g>]) -> Var<'g> + Send + Sync;

/// A layer of one's own: a function from symbolic tensors to a symbolic tensor. Weights are declared where they are used, by name and shape;
/// gradients and errors with the layer's path come by themselves.
///
/// It is traced once for each shape of batches, and compiled with the network. A file cannot hold the function: saving the model is an error that
/// names the layer; [`Model::get_weights`](crate::Model::get_weights) gives its weights.
///
/// ```
/// use adaline_nn::{WeightSpec, initializers::Initializer, layers::CustomLayer};
///
/// // x · sigmoid(x · w), with a gate for each column.
/// let gate = CustomLayer::new("gate", |cx, inputs| {
///     let x = inputs[0]; // (B, K)
///     let w = cx.weight("gate", &[x.dim(-1)], &WeightSpec::new(Initializer::Ones)); // (K)
///     x * (x * w.broadcast_to(x.shape())).sigmoid()
/// });
/// ```
#[derive(Clone)]
pub struct CustomLayer {
    common: LayerCommon,
    body: Arc<Body>,
}

layer_builder!(@ CustomLayer);

impl CustomLayer {
    /// A layer of a name and a function `(trace, inputs) -> result`.
    pub fn new(name: impl Into<String>, body: impl for<'g> Fn(&mut Trace<'g, '_>, &[Var<'g>]) -> Var<'g> + Send + Sync + 'static) -> Self {
        Self { common: LayerCommon { name: Some(name.into()), ..LayerCommon::default() }, body: Arc::new(body) }
    }
}

impl fmt::Debug for CustomLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomLayer").field("common", &self.common).finish_non_exhaustive()
    }
}

impl KerasObject for CustomLayer {
    fn module(&self) -> &'static str {
        "adaline"
    }
    fn class_name(&self) -> &'static str {
        "CustomLayer"
    }
    fn config(&self) -> Value {
        to_config(&self.common)
    }
    fn writable(&self) -> Result<(), ConfigError> {
        Err(ConfigError::NotWritable { kind: "layer", name: self.common.name.clone().unwrap_or_default() })
    }
}

impl Layer for CustomLayer {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        if inputs.is_empty() {
            return cx.builder().error("a custom layer needs at least one input");
        }
        (self.body)(cx, inputs)
    }
}
