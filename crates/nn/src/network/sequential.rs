//! The description of a network: layers one after the other.

use super::Network;
use crate::error::Result;
use crate::keras::{ConfigError, DTypePolicy, KerasObject};
use crate::trace::{Trace, Weights};
use crate::{Layer, Model};
use adaline_graph::Var;
use adaline_graph::backend::Backend;
use std::sync::Arc;

/// The number from which initial weights, dropout masks and the order of rows follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seed(pub u64);

/// A network of layers one after the other, not yet built.
///
/// With an `Input` layer in front its weights exist as soon as it is built; without one they are made by the first `fit`, whose data
/// tells the width. Layers without a name are named after their class, counted within this model: `dense`, `dense_1`.
#[derive(Debug, Default)]
pub struct Sequential {
    name: Option<String>,
    dtype: Option<DTypePolicy>,
    layers: Vec<Box<dyn Layer>>,
}

impl Sequential {
    /// A network without layers.
    pub fn new() -> Self {
        Self::default()
    }
    /// A network of the given layers.
    pub fn of(layers: impl IntoIterator<Item = Box<dyn Layer>>) -> Self {
        Self { name: None, dtype: None, layers: layers.into_iter().collect() }
    }
    /// Sets the name (`sequential` when none is given).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
    /// The policy of the layers that have none of their own, now or added later: what Keras' `set_dtype_policy` sets for all models, here
    /// for one.
    pub fn dtype_policy(mut self, policy: DTypePolicy) -> Self {
        self.dtype = Some(policy);
        self
    }
    /// Appends a layer.
    #[expect(clippy::should_implement_trait, reason = "Keras' word, and it adds a layer, not a number")]
    pub fn add(mut self, layer: impl Into<Box<dyn Layer>>) -> Self {
        self.layers.push(layer.into());
        self
    }
    /// The layers in order.
    pub fn layers(&self) -> impl Iterator<Item = &dyn Layer> {
        self.layers.iter().map(AsRef::as_ref)
    }

    /// Names the layers, checks them, and makes the weights when the input is known.
    ///
    /// # Errors
    /// [`crate::Error::Network`], [`crate::Error::Layer`], and [`crate::Error::Unfit`] when a layer does not fit the one before it.
    pub fn build_on(self, backend: Arc<dyn Backend>, seed: Seed) -> Result<Model> {
        self.build_with(backend, Weights::new(seed.0))
    }

    /// Builds on weights that are still empty but for seed and limit.
    pub(crate) fn build_with(self, backend: Arc<dyn Backend>, weights: Weights) -> Result<Model> {
        let name = self.name.clone().unwrap_or_else(|| "sequential".into());
        Model::of(Network::chain(self.name, self.dtype, self.layers).map_err(|p| p.of_model(&name))?, backend, weights)
    }
}

impl From<Sequential> for Box<dyn Layer> {
    /// As a layer of another network.
    fn from(sequential: Sequential) -> Self {
        let Sequential { name, dtype, layers } = sequential;
        match Network::chain(name, dtype, layers) {
            Ok(network) => Box::new(network),
            Err(problem) => Box::new(Unsound(problem.of_class("Sequential"))),
        }
    }
}

/// A network that cannot be a layer, and why: said when the model around it is built.
#[derive(Clone, Debug)]
struct Unsound(ConfigError);

impl KerasObject for Unsound {
    fn module(&self) -> &'static str {
        "keras"
    }
    fn class_name(&self) -> &'static str {
        "Sequential"
    }
    fn config(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn validate(&self) -> Result<(), ConfigError> {
        Err(self.0.clone())
    }
}

impl Layer for Unsound {
    fn name(&self) -> Option<&str> {
        None
    }
    fn set_name(&mut self, _: String) {}
    fn set_trainable(&mut self, _: bool) {}
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, _: &[Var<'g>]) -> Var<'g> {
        cx.builder().error(self.0.to_string())
    }
    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }
}
