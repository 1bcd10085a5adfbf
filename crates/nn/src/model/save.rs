//! `save`: the model as a `.keras` archive that Keras opens and goes on training.

use super::Model;
use super::compile::Compiled;
use super::optimizer_file::Variable;
use crate::error::{Error, Result};
use crate::keras::KerasObject;
use crate::network::Leaf;
use crate::optimizers::{self, LearningRate};
use crate::regularizers::Regularizer;
use crate::trace::Weight;
use adaline_formats::{KerasArchive, NamedTensor, TensorBytes};
use adaline_graph::SlotId;
use serde_json::{Value, json};
use std::path::Path;

/// Our own notes in a file: what Keras does not keep.
pub(crate) const NOTES: &str = "adaline/model.json";
/// The Keras whose files these are.
pub(super) const KERAS_VERSION: &str = "3.15.1";

impl Model {
    /// Writes the model with its weights, optimizer memory and assets to a `.keras` file. What is there is replaced, at once or not at all.
    /// To a name that ends in `.h5` or `.hdf5` it writes the older HDF5 file of Keras, as Keras 3 does; that holds no assets (how a table was
    /// prepared), no seed, and nothing that layers such as `StringLookup` learnt.
    ///
    /// # Errors
    /// [`Error::NotBuilt`]; [`Error::Format`] when the file cannot be written; [`Error::Config`] and [`Error::Layer`] for a loss, metric or layer
    /// that is a function of the program.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("h5") || e.eq_ignore_ascii_case("hdf5")) {
            return Ok(self.to_legacy()?.write(path)?);
        }
        Ok(self.to_archive(true)?.write(path)?)
    }
    /// The bytes that [`Model::save`] would write.
    ///
    /// # Errors
    /// As [`Model::save`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.to_archive(true)?.write_to_vec()?)
    }

    /// The model as Keras writes it, without `compile` settings: the content of `config.json`.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    pub fn to_config(&self) -> Result<Value> {
        self.require_built("be saved")?;
        for named in &self.net.layers {
            named.layer.writable().map_err(|e| Error::layer(&named.name, e))?;
        }
        let mut config = self.net.envelope_with(&self.call_shapes()?, "");
        config["config"]["name"] = Value::from(self.name.as_str());
        Ok(config)
    }

    /// Optimizer, losses and metrics as Keras writes them (`compile_config`); nothing where the model is not compiled.
    ///
    /// # Errors
    /// [`Error::Config`] for those that are functions of the program.
    pub fn compile_config(&self) -> Result<Option<Value>> {
        self.compiled.as_ref().map(|compiled| self.settings_of(compiled)).transpose()
    }

    /// The network for a file, if one can hold it.
    pub(super) fn writable_config(&self) -> Result<Value> {
        let custom = |w: &Weight| match w.spec.regularizer {
            Some(r @ Regularizer::Custom(_)) => Some((w.layer.clone(), w.name.clone(), r.class_name())),
            _ => None,
        };
        if let Some((layer, weight, regularizer)) = self.weights.list.iter().find_map(custom) {
            return Err(Error::Mismatch(format!(
                "`{layer}/{weight}` has the regularizer `{regularizer}`, a function, which a file cannot hold: make the same model without it \
                 and save that, with the weights of this one (get_weights, set_weights)"
            )));
        }
        self.to_config()
    }

    pub(super) fn to_archive(&self, with_optimizer: bool) -> Result<KerasArchive> {
        let mut config = self.writable_config()?;
        let (weights, group_names) = self.weight_tensors(with_optimizer);
        if let Some(compiled) = self.compiled.as_ref().filter(|_| with_optimizer) {
            config["compile_config"] = self.settings_of(compiled)?;
        }
        let steps = self.compiled.as_ref().map_or(0, |c| c.steps);
        let mut notes = json!({"adaline": env!("CARGO_PKG_VERSION"), "seed": self.weights.seed.to_string(), "steps": steps});
        if let Some(skipped) = self.compiled.as_ref().map(|c| c.skipped).filter(|&n| n > 0) {
            notes["skipped"] = skipped.into();
        }
        let mut assets: Vec<_> = self.assets.iter().filter(|(p, _)| p != NOTES).cloned().collect();
        assets.push((NOTES.into(), notes.to_string().into_bytes()));
        assets.sort();
        // No date of today: equal models shall be equal files.
        let metadata = json!({"keras_version": KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"});
        Ok(KerasArchive { metadata, config, weights, group_names, assets })
    }

    /// Optimizer, losses and metrics as Keras writes them.
    pub(super) fn settings_of(&self, compiled: &Compiled) -> Result<Value> {
        compiled.optimizer.writable()?;
        compiled.trained.iter().try_for_each(|t| t.loss.writable())?;
        compiled.metrics.iter().try_for_each(|m| m.given.writable())?;
        let envelopes = |of: usize, weighted: bool| -> Value {
            let chosen = compiled.metrics.iter().filter(|m| m.of == of && m.weighted == weighted).map(|m| m.given.envelope());
            let chosen: Vec<Value> = chosen.collect();
            if chosen.is_empty() { Value::Null } else { chosen.into() }
        };
        // Of several outputs by name, as Keras.
        let each = |f: &dyn Fn(usize) -> Value| -> Value {
            if self.output_names.len() == 1 {
                return if compiled.trained.is_empty() { Value::Null } else { f(0) };
            }
            let of = compiled.trained.iter().enumerate().map(|(at, t)| (t.name.clone(), f(at)));
            let map: serde_json::Map<String, Value> = of.filter(|(_, v)| !v.is_null()).collect();
            if map.is_empty() { Value::Null } else { map.into() }
        };
        let counts = |at: usize| Value::from(compiled.trained[at].weight);
        let plain = compiled.trained.iter().all(|t| t.weight == 1.0);
        Ok(json!({
            "optimizer": compiled.optimizer.envelope(),
            "loss": each(&|at| compiled.trained[at].loss.envelope()),
            "loss_weights": if plain { Value::Null } else { each(&counts) },
            "metrics": each(&|at| envelopes(at, false)), "weighted_metrics": each(&|at| envelopes(at, true)),
            "run_eagerly": false, "steps_per_execution": 1, "jit_compile": false,
        }))
    }

    /// All weights, each at its place in a file of Keras 3, and if wanted those of the optimizer; and the names of what they are of.
    pub(super) fn weight_tensors(&self, with_optimizer: bool) -> (Vec<NamedTensor>, Vec<(String, String)>) {
        let mut weights = Vec::new();
        let mut group_names = vec![(String::new(), self.name.clone())];
        for (leaf, own) in self.weights_by_leaf() {
            let name = leaf.path.rsplit('/').next().unwrap_or(&leaf.path);
            group_names.push((leaf.file.clone(), name.to_owned()));
            for (place, weight) in placed(&leaf, &own) {
                weights.push(self.tensor_for_file(weight, leaf.layer.class_name(), place));
            }
            if let Some((key, values)) = leaf.layer.kept() {
                let (path, shape) = (format!("{}/vars/{key}", leaf.file), vec![values.len()]);
                weights.push(NamedTensor { path, shape, data: TensorBytes::F32(values) });
            }
        }
        if let Some(compiled) = self.compiled.as_ref().filter(|_| with_optimizer) {
            self.optimizer_tensors(compiled, &mut weights, &mut group_names);
        }
        (weights, group_names)
    }

    /// A weight's values under a name; `class` is that of its layer.
    pub(super) fn tensor_for_file(&self, weight: &Weight, class: &str, path: String) -> NamedTensor {
        let values = self.weights.store.f32(weight.slot).to_vec();
        // Keras counts in integers.
        let count = class == "Normalization" && weight.name == "count";
        let data = if count { TensorBytes::I32(values.iter().map(|&v| v as i32).collect()) } else { TensorBytes::F32(values) };
        NamedTensor { path, shape: weight.ty.shape.dims().to_vec(), data }
    }

    /// The optimizer's variables, in all the places in which Keras writes them.
    pub(super) fn optimizer_tensors(&self, compiled: &Compiled, weights: &mut Vec<NamedTensor>, group_names: &mut Vec<(String, String)>) {
        let rate = |at: usize| match optimizers::part(compiled.optimizer.as_ref(), at).map(|o| &o.common().learning_rate) {
            Some(LearningRate::Fixed(rate)) => *rate as f32,
            _ => 0.0,
        };
        let store = &self.weights.store;
        for group in compiled.file_groups(&self.ordered_slots(), true) {
            for (number, variable) in group.variables.into_iter().enumerate() {
                let (shape, data) = match variable {
                    Variable::Steps => (vec![], TensorBytes::I32(vec![compiled.steps as i32])),
                    Variable::NoSteps => (vec![], TensorBytes::I32(vec![0])),
                    Variable::Rate(at) => (vec![], TensorBytes::F32(vec![rate(at)])),
                    Variable::NoRate => (vec![], TensorBytes::F32(vec![0.0])),
                    Variable::Count(slot) => (vec![], TensorBytes::I32(store.f32(slot).iter().map(|&v| v as i32).collect())),
                    Variable::Slot(slot) => {
                        (store.layout().slot(slot).ty.shape.dims().to_vec(), TensorBytes::F32(store.f32(slot).to_vec()))
                    }
                };
                weights.push(NamedTensor { path: format!("{}/vars/{number}", group.path), shape, data });
            }
            group_names.push((group.path, group.name));
        }
    }

    /// Slots of the trainable weights in Keras' order.
    pub(crate) fn ordered_slots(&self) -> Vec<SlotId> {
        self.ordered_weights().into_iter().filter(|w| w.spec.trainable).map(|w| w.slot).collect()
    }
}

/// Weights of a layer and of what is within it, in a file's order, each with its place there: `layers/lstm/cell/vars/0`. Some have two.
pub(crate) fn placed<'w>(leaf: &Leaf<'_>, weights: &[&'w Weight]) -> Vec<(String, &'w Weight)> {
    let mut holders: Vec<&str> = Vec::new();
    for weight in weights {
        if !holders.contains(&weight.layer.as_str()) {
            holders.push(&weight.layer);
        }
    }
    let of = |holder: &str| -> Vec<(String, &'w Weight)> {
        let object = match holder.strip_prefix(leaf.path.as_str()).map(|inner| inner.trim_start_matches('/')) {
            Some(inner) if !inner.is_empty() => format!("{}/{}", leaf.file, leaf.layer.file_path(inner)),
            _ => leaf.file.clone(),
        };
        let own = weights.iter().filter(|w| w.layer == *holder || w.copied_to.as_deref() == Some(holder));
        own.enumerate().map(|(number, weight)| (format!("{object}/vars/{number}"), *weight)).collect()
    };
    holders.into_iter().flat_map(of).collect()
}
