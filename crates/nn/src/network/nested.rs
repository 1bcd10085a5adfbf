//! A network as a layer of another.

use super::{Kind, Network};
use crate::{
    Layer, Masked, Trace,
    keras::{ConfigError, DTypePolicy, KerasObject},
    layers::Kept,
};
use adaline_graph::Var;
use serde_json::Value;

impl KerasObject for Network {
    fn module(&self) -> &'static str {
        match self.kind {
            Kind::Sequential => "keras",
            Kind::Functional => "keras.src.models.functional",
        }
    }
    fn class_name(&self) -> &'static str {
        match self.kind {
            Kind::Sequential => "Sequential",
            Kind::Functional => "Functional",
        }
    }
    fn config(&self) -> Value {
        self.to_config()
    }
    fn envelope(&self) -> Value {
        self.to_envelope()
    }
    fn writable(&self) -> Result<(), ConfigError> {
        self.layers.iter().try_for_each(|named| named.layer.writable())
    }
    fn validate(&self) -> Result<(), ConfigError> {
        for named in &self.layers {
            named.layer.validate().map_err(|source| ConfigError::Nested {
                class: self.class_name().into(),
                key: named.name.clone(),
                source: Box::new(source),
            })?;
        }
        Ok(())
    }
}

impl Layer for Network {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    fn set_name(&mut self, name: String) {
        self.name = Some(name);
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        self.call_all(cx, inputs).first().map_or_else(|| cx.builder().error("a network without outputs"), |r| r.value)
    }
    fn call_all<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Vec<Masked<'g>> {
        if inputs.len() != self.input_count() {
            let message = format!("{} takes {} inputs, got {}", self.class_name(), self.input_count(), inputs.len());
            return vec![cx.builder().error(message).into(); self.outputs.len()];
        }
        for (spec, x) in self.inputs.iter().flatten().zip(inputs) {
            let dims = x.shape();
            let fits = dims.dims().split_first().is_some_and(|(_, row)| spec.fits(row));
            if !fits && !cx.builder().failed() {
                let message = format!("input `{}` takes rows of shape {}, got a batch of shape {dims}", spec.name, spec.row_text());
                return vec![cx.builder().error(message).into(); self.outputs.len()];
            }
        }
        let masks = cx.masks().to_vec();
        let given: Vec<Masked<'g>> =
            inputs.iter().enumerate().map(|(i, &value)| Masked { value, mask: masks.get(i).copied().flatten() }).collect();
        let values = self.write(cx, &given);
        self.outputs.iter().filter_map(|&v| values.get(v).copied()).collect()
    }
    fn results(&self) -> usize {
        self.outputs.len()
    }
    fn supports_masking(&self) -> bool {
        true
    }
    /// Its layers convert what they take.
    fn autocast(&self) -> bool {
        false
    }
    fn table_rows(&self) -> Option<usize> {
        self.table_of(0).map(|(_, rows)| rows)
    }
    fn stateful(&self) -> bool {
        self.layers.iter().any(|l| l.layer.stateful())
    }
    fn mixes_samples(&self) -> bool {
        self.layers.iter().any(|l| l.layer.mixes_samples())
    }
    fn trainable(&self) -> bool {
        self.trainable
    }
    fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
        self.layers.iter_mut().for_each(|l| l.layer.set_trainable(trainable));
    }
    fn dtype_policy(&self) -> Option<DTypePolicy> {
        self.dtype
    }
    fn set_dtype_policy(&mut self, policy: DTypePolicy) {
        self.inherit(Some(policy));
    }
    fn take_kept(&mut self, place: &str, kept: &Kept<'_>) -> Result<(), ConfigError> {
        self.take_all_kept(&format!("{place}/layers"), kept)
    }
    fn file_path(&self, inner: &str) -> String {
        Network::file_path(self, inner).unwrap_or_else(|| inner.to_owned())
    }
    fn calls(&self) -> usize {
        self.layer_calls().saturating_add(1)
    }
    fn inner(&self) -> Option<&Network> {
        Some(self)
    }
    fn inner_mut(&mut self) -> Option<&mut Network> {
        Some(self)
    }
    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }
}
