//! The description of a network: layers one after the other.

use super::Model;
use super::input::{INPUT_LAYER, InputSpec};
use crate::Layer;
use crate::error::{Error, Result};
use crate::keras::DTypePolicy;
use crate::trace::Weights;
use adaline_formats::snake_case;
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

/// A layer and its name within the model.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) layer: Box<dyn Layer>,
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
    /// [`Error::Network`], [`Error::Layer`], and [`Error::Graph`] when a layer does not fit the one before it.
    pub fn build_on(self, backend: Arc<dyn Backend>, seed: Seed) -> Result<Model> {
        self.build_with(backend, Weights::new(seed.0))
    }

    /// Builds on weights that are still empty but for seed and limit.
    pub(crate) fn build_with(self, backend: Arc<dyn Backend>, weights: Weights) -> Result<Model> {
        let model = self.name.unwrap_or_else(|| "sequential".into());
        let wrong = |message: String| Error::Network { model: model.clone(), message };
        let mut layers = self.layers;
        let input = match layers.first() {
            Some(first) if first.class_name() == INPUT_LAYER => {
                let spec = InputSpec::from_layer(first.as_ref())?;
                layers.remove(0);
                Some(spec)
            }
            _ => None,
        };
        if layers.is_empty() {
            return Err(wrong("it has no layer: add at least one, such as Dense::new(1)".into()));
        }
        if let Some(at) = layers.iter().position(|l| l.class_name() == INPUT_LAYER) {
            return Err(wrong(format!("layer {} is an input layer; only the first layer can be one", at + 1)));
        }
        if let Some(policy) = self.dtype {
            layers.iter_mut().filter(|l| l.dtype_policy().is_none()).for_each(|l| l.set_dtype_policy(policy));
        }
        let chain = name_layers(layers).map_err(wrong)?;
        for Named { name, layer } in &chain {
            layer.validate().map_err(|e| Error::layer(name, e))?;
        }
        Model::new(model, self.dtype.unwrap_or_default(), chain, input, backend, weights)
    }
}

/// Gives names to the layers that have none: the class in snake case, with a counter from the second of its kind on.
fn name_layers(layers: Vec<Box<dyn Layer>>) -> Result<Vec<Named>, String> {
    let mut used: Vec<String> = Vec::new();
    for layer in &layers {
        let Some(name) = layer.name() else { continue };
        if name.is_empty() || name.contains(['/', '\\', ':']) {
            return Err(format!(
                "the layer name {name:?} is empty or has a slash or colon in it, which separate the parts of a weight's path"
            ));
        }
        if used.iter().any(|u| u == name) {
            return Err(format!("two layers have the name `{name}`: give them different ones, or none"));
        }
        used.push(name.into());
    }
    let mut chain = Vec::with_capacity(layers.len());
    for mut layer in layers {
        let name = if let Some(name) = layer.name() {
            name.to_owned()
        } else {
            let base = snake_case(layer.python_class());
            let free = |name: &String| !used.contains(name);
            let name = std::iter::once(base.clone()).chain((1..=used.len()).map(|n| format!("{base}_{n}"))).find(free).unwrap_or(base);
            used.push(name.clone());
            layer.set_name(name.clone());
            name
        };
        chain.push(Named { name, layer });
    }
    Ok(chain)
}
