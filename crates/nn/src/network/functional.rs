//! The description of a network as a graph of layers.

use super::symbolic::IntoTensors;
use super::{INPUT_LAYER, InputSpec, Kind, Network, check_name, free_name, name_layers, order};
use crate::Layer;
use crate::error::{Error, Result};
use crate::keras::DTypePolicy;
use adaline_graph::backend::Backend;
use std::sync::Arc;

/// A network from inputs to outputs, not yet built: Keras' `Model(inputs, outputs)`.
///
/// ```
/// use adaline_nn::{Apply, Functional, layers::{Add, Dense, Input}};
/// let x = Input::new([16]).tensor();
/// let h = Dense::new(16).apply(&x);
/// let y = Dense::new(1).apply(&Add::new().apply([&x, &h])); // a residual connection
/// let network = Functional::new(&x, &y).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Functional(pub(crate) Network);

impl Functional {
    /// The network between inputs, which come of [`Input`](crate::layers::Input), and outputs. Layers without a name are named after their
    /// class, counted within this network.
    ///
    /// # Errors
    /// [`Error::Network`]: an output that depends on an input that is not given, an input that is not used, an input that is none, two layers of
    /// one name.
    pub fn new(inputs: impl IntoTensors, outputs: impl IntoTensors) -> Result<Self> {
        let wrong = |message: String| Error::Network { model: "functional".into(), message };
        let (inputs, outputs) = (inputs.into_tensors(), outputs.into_tensors());
        if inputs.is_empty() || outputs.is_empty() {
            return Err(wrong("it needs at least one input and one output".into()));
        }
        let mut names = Vec::with_capacity(inputs.len());
        for (at, input) in inputs.iter().enumerate() {
            let layer = input.node.layer.layer();
            if layer.class_name() != INPUT_LAYER {
                let class = layer.class_name();
                return Err(wrong(format!("input {} is a result of {class}, not an input: begin with Input::new(..).tensor()", at + 1)));
            }
            if inputs[..at].iter().any(|other| Arc::ptr_eq(&other.node, &input.node)) {
                return Err(wrong(format!("input {} is there twice", at + 1)));
            }
            if let Some(name) = layer.name() {
                check_name(name).map_err(wrong)?;
                if names.iter().any(|n| n == name) {
                    return Err(wrong(format!("two inputs have the name `{name}`: give them different ones, or none")));
                }
                names.push(name.to_owned());
            }
        }
        let reached = order::reach(&inputs, &outputs).map_err(wrong)?;
        let mut specs = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let layer = input.node.layer.layer();
            layer.validate().map_err(|e| Error::layer(layer.name().unwrap_or("input_layer"), e))?;
            let mut spec = InputSpec::from_layer(layer).map_err(|p| p.of_model("functional"))?;
            if layer.name().is_none() {
                spec.name = free_name("input_layer", &names);
                names.push(spec.name.clone());
            }
            specs.push(spec);
        }
        let layers = reached.layers.iter().map(|node| node.layer.layer().boxed()).collect();
        let layers = name_layers(layers, names).map_err(wrong)?;
        Ok(Self(Network {
            kind: Kind::Functional,
            name: None,
            trainable: true,
            dtype: None,
            inputs: Some(specs),
            layers,
            calls: reached.calls,
            outputs: reached.outputs,
        }))
    }
    /// Sets the name (`functional` when none is given).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into());
        self
    }
    /// The policy of the layers that have none of their own.
    pub fn dtype_policy(mut self, policy: DTypePolicy) -> Self {
        self.0.inherit(Some(policy));
        self
    }
    /// Freezes (`false`) or frees the weights, where it is a layer of another network.
    pub fn trainable(mut self, trainable: bool) -> Self {
        self.0.set_trainable(trainable);
        self
    }
    /// The layers in Keras' order, the inputs left out.
    pub fn layers(&self) -> impl Iterator<Item = &dyn Layer> {
        self.0.layers.iter().map(|n| n.layer.as_ref())
    }
    /// Checks the layers and makes the weights.
    ///
    /// # Errors
    /// [`Error::Network`], [`Error::Layer`], and [`Error::Unfit`] when a layer does not fit what it is called on.
    pub fn build_on(self, backend: Arc<dyn Backend>, seed: super::Seed) -> Result<crate::Model> {
        crate::Model::of(self.0, backend, crate::trace::Weights::new(seed.0))
    }
}

impl From<Functional> for Box<dyn Layer> {
    fn from(functional: Functional) -> Self {
        Box::new(functional.0)
    }
}
