//! `save` as an HDF5 file of Keras' older kind, which other programs read and Keras 3 still opens.

use super::Model;
use super::save::KERAS_VERSION;
use crate::error::Result;
use adaline_formats::{LegacyFile, LegacyLayer};
use serde_json::{Value, json};

impl Model {
    /// The model as such a file holds it: configurations, weights layer by layer, the optimizer's memory.
    pub(super) fn to_legacy(&self) -> Result<LegacyFile> {
        let config = self.writable_config()?;
        let layers = self.weights_by_layer().into_iter().map(|(name, layer, weights)| {
            let class = layer.map_or("", |l| l.class_name());
            let tensor = |w: &&crate::trace::Weight| self.tensor_for_file(w, class, Self::weight_name(w));
            LegacyLayer { name: name.to_owned(), weights: weights.iter().map(tensor).collect() }
        });
        // A graph of layers has its inputs among them, a chain has not.
        let inputs = self.net.inputs.iter().flatten().filter(|_| self.net.kind == crate::network::Kind::Functional);
        let inputs = inputs.map(|input| LegacyLayer { name: input.name.clone(), weights: Vec::new() });
        let layers = inputs.chain(layers).collect();
        let mut training_config = Value::Null;
        let mut optimizer = Vec::new();
        if let Some(compiled) = &self.compiled {
            training_config = self.settings_of(compiled)?;
            // Where these files have it, without the module.
            let envelope = training_config.as_object_mut().and_then(|c| c.remove("optimizer")).unwrap_or(Value::Null);
            training_config["optimizer_config"] = json!({"class_name": envelope["class_name"], "config": envelope["config"]});
            self.optimizer_tensors(compiled, &mut optimizer, &mut Vec::new());
            // Those of optimizers within are told there once more.
            optimizer.retain(|t| t.path.strip_prefix("optimizer/vars/").is_some());
            for (number, variable) in optimizer.iter_mut().enumerate() {
                variable.path = format!("optimizer/{number}");
            }
        }
        Ok(LegacyFile {
            keras_version: Some(KERAS_VERSION.into()),
            backend: Some("adaline".into()),
            model_config: json!({"class_name": config["class_name"], "config": config["config"]}),
            training_config,
            layers,
            optimizer,
        })
    }
}
