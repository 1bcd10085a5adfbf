//! Layers one after the other, as one.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_methods, one},
    wrapped::Wrapped,
};
use crate::{
    Masked, Trace,
    keras::{ConfigError, KerasObject, check, to_config},
};
use adaline_formats::PathNamer;
use adaline_graph::Var;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Applies layers one after the other, such as a row of augmentations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    common: LayerCommon,
    layers: Vec<Wrapped>,
}

layer_builder!(Pipeline, "Pipeline", ["layers"]);

impl Pipeline {
    /// The given layers, the first first.
    pub fn new(layers: impl IntoIterator<Item = Box<dyn Layer>>) -> Self {
        Self { common: LayerCommon::default(), layers: layers.into_iter().map(Wrapped).collect() }
    }
    /// Puts a layer at the end.
    #[expect(clippy::should_implement_trait, reason = "as `Sequential::add`: it adds a layer, not a number")]
    pub fn add(mut self, layer: impl Into<Box<dyn Layer>>) -> Self {
        self.layers.push(Wrapped(layer.into()));
        self
    }
    fn nested_mut(&mut self) -> impl Iterator<Item = &mut Wrapped> {
        self.layers.iter_mut()
    }
}

impl KerasObject for Pipeline {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        "Pipeline"
    }
    /// As Keras writes it: its layers and its name alone.
    fn config(&self) -> Value {
        let mut config = to_config(self);
        if let Value::Object(map) = &mut config {
            map.retain(|key, _| matches!(key.as_str(), "layers" | "name"));
        }
        config
    }
    fn validate(&self) -> Result<(), ConfigError> {
        check(!self.layers.is_empty(), "Pipeline", "layers", "a list of at least one layer", "[]")?;
        let single = self.layers.iter().find(|l| l.0.results() != 1 || l.0.batch_shape().is_some());
        let expected = "layers that make one tensor of one";
        check(single.is_none(), "Pipeline", "layers", expected, single.map_or("", |l| l.0.class_name()))?;
        self.layers.iter().try_for_each(|layer| layer.validate("Pipeline", "layers"))
    }
}

impl Layer for Pipeline {
    layer_methods!(nested);
    fn supports_masking(&self) -> bool {
        self.layers.iter().all(|layer| layer.0.supports_masking())
    }
    fn mixes_samples(&self) -> bool {
        self.layers.iter().any(|layer| layer.0.mixes_samples())
    }
    fn stateful(&self) -> bool {
        self.layers.iter().any(|layer| layer.0.stateful())
    }
    fn table_rows(&self) -> Option<usize> {
        self.layers.first().and_then(|layer| layer.0.table_rows())
    }
    fn autocast(&self) -> bool {
        self.layers.first().is_none_or(|layer| layer.0.autocast())
    }
    fn row(&self) -> Vec<(String, &dyn Layer)> {
        let mut namer = PathNamer::new("_pipeline_layers");
        self.layers.iter().map(|layer| (namer.path(layer.0.python_class()), layer.0.as_ref())).collect()
    }
    fn calls(&self) -> usize {
        self.layers.iter().map(|l| l.0.calls()).fold(1, usize::saturating_add)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "Pipeline", inputs);
        self.row().into_iter().fold(x, |x, (name, layer)| cx.call(&name, layer, &[x]))
    }
    /// The last layer's result, with its mask.
    fn call_all<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Vec<Masked<'g>> {
        let value = self.call(cx, inputs);
        vec![Masked { value, mask: cx.mask() }]
    }
}
