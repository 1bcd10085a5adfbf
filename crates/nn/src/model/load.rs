//! `load_model`: a model from a `.keras` archive, Keras' or ours.

use super::Model;
use super::Objective;
use super::save::{NOTES, placed};
use crate::catalogue::{loss_from_json, metric_from_json, optimizer_from_json};
use crate::error::{Error, Result};
use crate::keras::ConfigError;
use crate::network::{Network, Seed};
use crate::optimizers::LearningRate;
use crate::trace::Weights;
use adaline_formats::{KerasArchive, NamedTensor, TensorBytes};
use adaline_graph::backend::Backend;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Values of weights that any file may ask for: 64 MiB.
const LEAST_LIMIT: usize = 1 << 24;

/// How to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Whether to take over optimizer, loss and metrics with the optimizer's memory (true). Without, the model only predicts.
    pub compile: bool,
    /// Seed of a model whose file does not say (a file of Keras); it orders rows and draws dropout masks.
    pub seed: Seed,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { compile: true, seed: Seed(0) }
    }
}

/// Reads a `.keras` file.
///
/// # Errors
/// [`Error::Format`] for a file that is no archive; [`Error::Load`], [`Error::Layer`], [`Error::Config`] for one whose model cannot be
/// built here, naming layer, weight and shapes.
pub fn load_model_on(backend: Arc<dyn Backend>, path: impl AsRef<Path>) -> Result<Model> {
    load_model_with(backend, path, LoadOptions::default())
}

/// As [`load_model_on`], with options.
///
/// # Errors
/// As [`load_model_on`].
pub fn load_model_with(backend: Arc<dyn Backend>, path: impl AsRef<Path>, options: LoadOptions) -> Result<Model> {
    let path = path.as_ref();
    Model::from_archive(backend, KerasArchive::read(path)?, &path.display().to_string(), options)
}

impl Model {
    /// A model from the bytes of a `.keras` file.
    ///
    /// # Errors
    /// As [`load_model_on`].
    pub fn from_bytes(backend: Arc<dyn Backend>, bytes: &[u8], options: LoadOptions) -> Result<Self> {
        Self::from_archive(backend, KerasArchive::read_from_slice(bytes)?, "bytes in memory", options)
    }

    /// Takes the weights of a `.keras` file whose layers have the same classes and shapes; names, optimizer and all else stay.
    ///
    /// # Errors
    /// As [`load_model_on`]; when a weight does not fit, none is changed.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.require_built("take weights")?;
        let path = path.as_ref();
        let archive = KerasArchive::read(path)?;
        self.take_weights(&path.display().to_string(), &by_path(&archive.weights))
    }

    fn from_archive(backend: Arc<dyn Backend>, archive: KerasArchive, file: &str, options: LoadOptions) -> Result<Self> {
        let wrong = |message: String| Error::Load { file: file.into(), message };
        let notes: Value =
            archive.assets.iter().find(|(p, _)| p == NOTES).and_then(|(_, c)| serde_json::from_slice(c).ok()).unwrap_or(Value::Null);
        let seed = notes["seed"].as_str().and_then(|s| s.parse().ok()).map_or(options.seed, Seed);
        // A configuration may ask for more weights than the file holds; how much more decides between a good message and no memory.
        let values: usize = archive.weights.iter().map(|t| t.data.len()).sum();
        let weights = Weights { limit: values.saturating_mul(4).max(LEAST_LIMIT), ..Weights::new(seed.0) };
        let net = Network::from_json(&archive.config).map_err(|p| p.of_file(file))?;
        let mut model = Self::of(net, backend, weights)?;
        if !model.is_built() {
            let shape = [&archive.config["build_config"]["input_shape"], &archive.config["config"]["build_input_shape"]];
            let row = shape.iter().find_map(|s| {
                let row = s.as_array()?.get(1..)?;
                row.iter().map(|d| d.as_u64().map(|d| d as usize)).collect::<Option<Vec<_>>>()
            });
            let row = row.ok_or_else(|| {
                wrong("config.json does not say the shape of the input: build the model in Keras before saving it".into())
            })?;
            model.build_for(&row)?;
        }
        model.weights.limit = Weights::new(0).limit;
        let tensors = by_path(&archive.weights);
        model.take_weights(file, &tensors)?;
        let settings = &archive.config["compile_config"];
        // Keras writes an empty object for a model that was never compiled.
        if options.compile && settings.as_object().is_some_and(|s| !s.is_empty()) {
            model.take_settings(settings, file)?;
            model.take_optimizer(file, &tensors)?;
        }
        model.assets = archive.assets.into_iter().filter(|(p, _)| p != NOTES).collect();
        Ok(model)
    }

    /// Weights by their place in the file. All are checked before the first is changed.
    fn take_weights(&mut self, file: &str, tensors: &BTreeMap<&str, &NamedTensor>) -> Result<()> {
        let mut found = Vec::new();
        for (leaf, own) in self.weights_by_leaf() {
            let placed = placed(&leaf, &own);
            for (place, weight) in &placed {
                let wrong = |message: String| Error::Load {
                    file: file.into(),
                    message: format!("layer `{}`, weight `{}` (at {place} in the file): {message}", leaf.path, weight.name),
                };
                let tensor = tensors.get(place.as_str()).ok_or_else(|| {
                    let prefix = place.trim_end_matches(|c: char| c.is_ascii_digit());
                    let there = tensors.keys().filter(|k| k.starts_with(prefix)).count();
                    let own = placed.iter().filter(|(p, _)| p.starts_with(prefix)).count();
                    wrong(format!("it is missing; the layer has {own} weights, the file has {there} for it"))
                })?;
                if tensor.shape != weight.ty.shape.dims() {
                    return Err(wrong(format!("the model needs shape {}, the file has {:?}", weight.ty.shape, tensor.shape)));
                }
                found.push((weight.slot, floats(&tensor.data)));
            }
        }
        for (slot, values) in found {
            self.weights.store.f32_mut(slot).copy_from_slice(&values);
        }
        Ok(())
    }

    fn take_settings(&mut self, settings: &Value, file: &str) -> Result<()> {
        let wrong = |what: &str, source: ConfigError| Error::Load {
            file: file.into(),
            message: format!("compile_config: {what}: {source}; load it with compile = false to predict only"),
        };
        let optimizer = optimizer_from_json(&settings["optimizer"]).map_err(|e| wrong("optimizer", e))?;
        let names = self.output_names.clone();
        let mut objectives = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let of = |key: &str| of_output(&settings[key], at, name, names.len());
            if names.len() > 1 && of("loss").is_null() {
                continue;
            }
            let loss = loss_from_json(of("loss")).map_err(|e| wrong("loss", e))?;
            let metrics = |key: &str| -> Result<Vec<Box<dyn crate::Metric>>> {
                flat(of(key)).into_iter().map(|m| metric_from_json(m).map_err(|e| wrong("metrics", e))).collect()
            };
            let weight = of("loss_weights").as_f64().unwrap_or(1.0);
            let objective = Objective::new(loss).weight(weight).metrics(metrics("metrics")?).weighted_metrics(metrics("weighted_metrics")?);
            objectives.push((name.clone(), objective));
        }
        self.compile_outputs(optimizer, objectives)
    }

    /// Iteration, learning rate and slots of the optimizer. As in Keras, a file without them is no error: training begins anew.
    fn take_optimizer(&mut self, file: &str, tensors: &BTreeMap<&str, &NamedTensor>) -> Result<()> {
        let wrong = |message: String| Error::Load { file: file.into(), message };
        let at = |number: usize| tensors.get(format!("optimizer/vars/{number}").as_str()).copied();
        let Some(iteration) = at(0) else { return Ok(()) };
        let order = self.ordered_slots();
        let Some(compiled) = &mut self.compiled else { return Ok(()) };
        compiled.memory(&mut self.weights);
        let steps = match &iteration.data {
            TensorBytes::I32(v) => v.first().map(|&v| i64::from(v)),
            TensorBytes::I64(v) => v.first().copied(),
            TensorBytes::F32(_) => None,
        };
        compiled.steps = steps
            .and_then(|s| u32::try_from(s).ok())
            .ok_or_else(|| wrong("optimizer/vars/0, the iteration, is not a whole number of at least 0".into()))?;
        let mut next = 1;
        if let LearningRate::Fixed(rate) = &mut compiled.optimizer.common_mut().learning_rate {
            if let Some(TensorBytes::F32(v)) = at(1).map(|t| &t.data)
                && let Some(v) = v.first().filter(|v| v.is_finite() && **v >= 0.0)
            {
                *rate = f64::from(*v);
            }
            next += 1;
        }
        let slots = compiled.slots_in_file_order(&order);
        let count = tensors.keys().filter(|k| k.starts_with("optimizer/vars/")).count();
        if count == next {
            return Ok(()); // saved before its first step
        }
        if count != next + slots.len() {
            let class = compiled.optimizer.class_name();
            return Err(wrong(format!(
                "the optimizer {class} needs {} variables for these weights, the file has {count}; load it with compile = false and compile anew",
                next + slots.len()
            )));
        }
        for (number, slot) in (next..).zip(slots) {
            let shape = self.weights.store.layout().slot(slot).ty.shape;
            let tensor = at(number).filter(|t| t.shape == shape.dims()).ok_or_else(|| {
                let name = &self.weights.store.layout().slot(slot).name;
                wrong(format!(
                    "optimizer/vars/{number} ({name}) must have shape {shape}, but {}",
                    at(number).map_or("is missing".into(), |t| format!("has {:?}", t.shape))
                ))
            })?;
            let values = floats(&tensor.data);
            self.weights.store.f32_mut(slot).copy_from_slice(&values);
        }
        Ok(())
    }
}

fn by_path(tensors: &[NamedTensor]) -> BTreeMap<&str, &NamedTensor> {
    tensors.iter().map(|t| (t.path.as_str(), t)).collect()
}

fn floats(data: &TensorBytes) -> Vec<f32> {
    match data {
        TensorBytes::F32(v) => v.clone(),
        TensorBytes::I32(v) => v.iter().map(|&v| v as f32).collect(),
        TensorBytes::I64(v) => v.iter().map(|&v| v as f32).collect(),
    }
}

/// What settings say of an output: by its name, by its place in a list, or of the only output as they stand.
fn of_output<'v>(value: &'v Value, at: usize, name: &str, outputs: usize) -> &'v Value {
    match value {
        Value::Object(map) if !map.contains_key("class_name") => map.get(name).unwrap_or(&Value::Null),
        Value::Array(list) if outputs > 1 => list.get(at).unwrap_or(&Value::Null),
        Value::Array(list) if list.len() == 1 => &list[0],
        one => one,
    }
}

/// Metrics as a flat list: Keras nests them by output.
fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().flat_map(flat).collect(),
        one => vec![one],
    }
}
