//! `load_model`: a model from a file, Keras' or ours.

use super::Model;
use super::Objective;
use super::optimizer_file::Variable;
use super::save::NOTES;
use super::take::Taking;
use super::weights_file::kind_of;
use crate::catalogue::{loss_from_json, metric_from_json, optimizer_from_json};
use crate::error::{Error, Result};
use crate::keras::ConfigError;
use crate::layers::kept::{Kept, floats};
use crate::legacy;
use crate::network::{Network, Seed};
use crate::optimizers::{self, LearningRate};
use crate::trace::Weights;
use adaline_formats::{KerasArchive, LegacyFile, ModelFile, NamedTensor, TensorBytes};
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
    /// Whether a `mixed_float16` model gets a `LossScaleOptimizer` around an optimizer that has none (true); see [`Model::auto_scale_loss`].
    pub auto_scale_loss: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { compile: true, seed: Seed(0), auto_scale_loss: true }
    }
}

/// Reads a model from a file of Keras or of ours: a `.keras` archive, or an HDF5 file (`.h5`) of Keras 1 to 3. The content tells which it is, not the
/// name. Old keys become today's (`nb_filter`, `batch_input_shape`, `lr`), also those that Keras 3 does not read.
///
/// # Errors
/// [`Error::Format`] for a file that is neither; [`Error::Load`], [`Error::Layer`], [`Error::Config`] for one whose model cannot be
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
    Model::from_file(backend, ModelFile::read(path)?, &path.display().to_string(), options)
}

impl Model {
    /// A model from the bytes of a file, of any kind that [`load_model_on`] reads.
    ///
    /// # Errors
    /// As [`load_model_on`].
    pub fn from_bytes(backend: Arc<dyn Backend>, bytes: &[u8], options: LoadOptions) -> Result<Self> {
        Self::from_file(backend, ModelFile::read_from_slice(bytes)?, "bytes in memory", options)
    }

    fn from_file(backend: Arc<dyn Backend>, content: ModelFile, file: &str, options: LoadOptions) -> Result<Self> {
        match content {
            ModelFile::Keras(archive) => Self::from_archive(backend, archive, file, options),
            ModelFile::Legacy(legacy) => Self::from_legacy(backend, &legacy, file, options),
            other => {
                let message = format!("it is {}, without the model: build that, and call load_weights", kind_of(&other));
                Err(Error::Load { file: file.into(), message })
            }
        }
    }

    fn from_archive(backend: Arc<dyn Backend>, mut archive: KerasArchive, file: &str, options: LoadOptions) -> Result<Self> {
        let wrong = |message: String| Error::Load { file: file.into(), message };
        let notes: Value =
            archive.assets.iter().find(|(p, _)| p == NOTES).and_then(|(_, c)| serde_json::from_slice(c).ok()).unwrap_or(Value::Null);
        let seed = notes["seed"].as_str().and_then(|s| s.parse().ok()).map_or(options.seed, Seed);
        if archive.metadata["keras_version"].as_str().is_some_and(|v| legacy::is_old(Some(v))) {
            let described = legacy::modern_model(&archive.config);
            archive.config["config"] = described["config"].clone();
        }
        let weights = limited(archive.weights.iter(), seed);
        let mut net = Network::from_file(&archive.config).map_err(|p| p.of_file(file))?;
        let tensors = by_path(&archive.weights);
        let kept = Kept { assets: &archive.assets, tensors: &tensors };
        net.take_all_kept("layers", &kept).map_err(|e| wrong(e.to_string()))?;
        let mut model = Self::of(net, backend, weights)?;
        model.build_as_described(&archive.config, file)?;
        model.take_weights(file, &tensors)?;
        let settings = &archive.config["compile_config"];
        // Keras writes an empty object for a model that was never compiled.
        if options.compile && settings.as_object().is_some_and(|s| !s.is_empty()) {
            // Ours say it where a loss is scaled; those of Keras leave that to `compile`.
            let ours = notes["adaline"].is_string();
            model.auto_scale_loss = options.auto_scale_loss && !ours;
            model.take_settings(settings, file)?;
            model.take_optimizer(file, &tensors, ours)?;
            let skipped = notes["skipped"].as_u64().and_then(|n| u32::try_from(n).ok());
            if let (Some(compiled), Some(skipped)) = (&mut model.compiled, skipped) {
                compiled.skipped = skipped;
            }
        }
        model.auto_scale_loss = options.auto_scale_loss;
        // What layers keep there is in their configurations now.
        let others = |(p, _): &(String, Vec<u8>)| p != NOTES && !(p.starts_with("layers/") && p.ends_with("/vocabulary.txt"));
        model.assets = archive.assets.into_iter().filter(others).collect();
        Ok(model)
    }

    /// As [`from_archive`](Self::from_archive), from an HDF5 file of Keras 1, 2 or 3.
    fn from_legacy(backend: Arc<dyn Backend>, legacy: &LegacyFile, file: &str, options: LoadOptions) -> Result<Self> {
        if legacy.model_config.is_null() {
            let message = "it holds weights alone, without the model: build that, and call load_weights".into();
            return Err(Error::Load { file: file.into(), message });
        }
        let config = legacy::modern_model(&legacy.model_config);
        let net = Network::from_file(&config).map_err(|p| p.of_file(file))?;
        let weights = limited(legacy.layers.iter().flat_map(|l| &l.weights), options.seed);
        let mut model = Self::of(net, backend, weights)?;
        model.build_as_described(&config, file)?;
        let mut taking = Taking::new(file);
        model.find_by_layer(&mut taking, legacy, false);
        let (found, _) = taking.finish(false)?;
        model.set_found(found);
        if options.compile && legacy.training_config.is_object() {
            model.auto_scale_loss = options.auto_scale_loss;
            model.take_settings(&legacy::modern_training(&legacy.training_config), file)?;
            model.take_legacy_optimizer(legacy);
        }
        model.auto_scale_loss = options.auto_scale_loss;
        Ok(model)
    }

    /// Gives weights to a network that does not say the shape of its input itself.
    fn build_as_described(&mut self, config: &Value, file: &str) -> Result<()> {
        if !self.is_built() {
            let shape = [&config["build_config"]["input_shape"], &config["config"]["build_input_shape"]];
            let row = shape.iter().find_map(|s| {
                let row = s.as_array()?.get(1..)?;
                row.iter().map(|d| d.as_u64().map(|d| d as usize)).collect::<Option<Vec<_>>>()
            });
            let row = row.ok_or_else(|| Error::Load {
                file: file.into(),
                message: "config.json does not say the shape of the input: build the model in Keras before saving it".into(),
            })?;
            self.build_for(&row)?;
        }
        self.weights.limit = Weights::new(0).limit;
        Ok(())
    }

    /// The optimizer's variables of an older file, which are in order. As in Keras, training begins anew where they are not those that the
    /// optimizer has here.
    fn take_legacy_optimizer(&mut self, legacy: &LegacyFile) {
        let weights = self.ordered_slots().len();
        let mut variables = legacy.optimizer.clone();
        // Before Keras 3 the learning rate was no variable, and all weights' first memory came before all second.
        let has_rate = variables.get(1).is_some_and(|v| v.shape.is_empty());
        if !has_rate && !variables.is_empty() {
            let slots = variables.split_off(1);
            if weights == 0 || !slots.len().is_multiple_of(weights) {
                return;
            }
            let each = slots.len() / weights;
            let fixed = self.compiled.as_ref().and_then(|c| match c.optimizer.common().learning_rate {
                LearningRate::Fixed(rate) => Some(rate as f32),
                LearningRate::Schedule(_) => None,
            });
            variables.extend(fixed.map(|rate| NamedTensor { path: String::new(), shape: vec![], data: TensorBytes::F32(vec![rate]) }));
            variables
                .extend((0..weights).flat_map(|w| (0..each).map(move |slot| slot * weights + w)).filter_map(|at| slots.get(at).cloned()));
        }
        for (number, variable) in variables.iter_mut().enumerate() {
            variable.path = format!("optimizer/vars/{number}");
        }
        let _ = self.take_optimizer("", &by_path(&variables), true);
    }

    /// Weights by their place in the file. All are checked before the first is changed.
    fn take_weights(&mut self, file: &str, tensors: &BTreeMap<&str, &NamedTensor>) -> Result<()> {
        let mut taking = Taking::new(file);
        self.find_by_place(&mut taking, tensors);
        self.set_found(taking.finish(false)?.0);
        Ok(())
    }

    /// As Keras' `load_weights`: the memory of the optimizer that the model is compiled with, where the file has that of the same one.
    pub(super) fn take_optimizer_if_it_fits(&mut self, tensors: &BTreeMap<&str, &NamedTensor>, first: bool) {
        if self.compiled.as_ref().is_some_and(|c| first || c.memory.is_some()) {
            // One that does not fit is that of another optimizer: Keras says so and goes on.
            let _ = self.take_optimizer("", tensors, true);
        }
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
            if of("loss").is_null() {
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

    /// Iteration, learning rate and slots of the optimizer. As in Keras, a file without them is no error: training begins anew. So it does
    /// where a file of Keras has several optimizers, whose memory Keras does not take back either.
    fn take_optimizer(&mut self, file: &str, tensors: &BTreeMap<&str, &NamedTensor>, ours: bool) -> Result<()> {
        let wrong = |message: String| Error::Load { file: file.into(), message };
        let at = |number: usize| tensors.get(format!("optimizer/vars/{number}").as_str()).copied();
        let order = self.ordered_slots();
        let Some(compiled) = &mut self.compiled else { return Ok(()) };
        let several = optimizers::part(compiled.optimizer.as_ref(), 1).is_some();
        if at(0).is_none() || (several && !ours) {
            return Ok(());
        }
        compiled.memory(&mut self.weights)?;
        let variables = |begun: bool| compiled.file_groups(&order, begun).into_iter().next().map_or(Vec::new(), |group| group.variables);
        let count = tensors.keys().filter(|k| k.strip_prefix("optimizer/vars/").is_some()).count();
        // Those of a file that was saved before its first step are few.
        let expected = variables(count != variables(false).len());
        let (mut steps, mut rates) = (None, Vec::new());
        for (number, variable) in expected.iter().enumerate() {
            match (variable, at(number).map(|t| &t.data)) {
                (Variable::Steps, data) if steps.is_none() => {
                    let first = match data {
                        Some(TensorBytes::I32(v)) => v.first().map(|&v| i64::from(v)),
                        Some(TensorBytes::I64(v)) => v.first().copied(),
                        Some(TensorBytes::F32(_)) | None => None,
                    };
                    steps = first.and_then(|s| i32::try_from(s).ok()).and_then(|s| u32::try_from(s).ok());
                    if steps.is_none() {
                        return Err(wrong(format!("optimizer/vars/{number}, the iteration, is not a whole number from 0 to 2147483647")));
                    }
                }
                (Variable::Rate(part), Some(TensorBytes::F32(v))) => {
                    rates.extend(v.first().filter(|v| v.is_finite() && **v >= 0.0).map(|v| (*part, f64::from(*v))));
                }
                _ => {}
            }
        }
        if count != expected.len() {
            let class = compiled.optimizer.class_name();
            return Err(wrong(format!(
                "the optimizer {class} needs {} variables for these weights, the file has {count}; load it with compile = false and compile anew",
                expected.len()
            )));
        }
        let mut found = Vec::new();
        for (number, variable) in expected.into_iter().enumerate() {
            let (Variable::Slot(slot) | Variable::Count(slot)) = variable else { continue };
            let shape = self.weights.store.layout().slot(slot).ty.shape;
            let tensor = at(number).filter(|t| t.shape == shape.dims()).ok_or_else(|| {
                let name = &self.weights.store.layout().slot(slot).name;
                wrong(format!(
                    "optimizer/vars/{number} ({name}) must have shape {shape}, but {}",
                    at(number).map_or("is missing".into(), |t| format!("has {:?}", t.shape))
                ))
            })?;
            // With another scale each step would be skipped, or each weight become NaN.
            if compiled.memory.as_ref().and_then(|m| m.scale).is_some_and(|[_, scale]| scale == slot)
                && !floats(&tensor.data).iter().all(|v| v.is_finite() && *v > 0.0)
            {
                let got = floats(&tensor.data);
                return Err(wrong(format!("the scale of the loss must be a finite number above 0, but is {got:?}")));
            }
            found.push((slot, &tensor.data));
        }
        compiled.steps = steps.unwrap_or(0);
        for (part, value) in rates {
            if let Some(common) = compiled.optimizer.common_of(part) {
                common.learning_rate = LearningRate::Fixed(value);
            }
        }
        for (slot, values) in found {
            self.weights.store.f32_mut(slot).copy_from_slice(&floats(values));
        }
        Ok(())
    }
}

/// Room for the weights of a file. A configuration may ask for more than the file holds; how much more decides between a good message and no memory.
fn limited<'t>(tensors: impl Iterator<Item = &'t NamedTensor>, seed: Seed) -> Weights {
    let values: usize = tensors.map(|t| t.data.len()).sum();
    Weights { limit: values.saturating_mul(4).max(LEAST_LIMIT), ..Weights::new(seed.0) }
}

fn by_path(tensors: &[NamedTensor]) -> BTreeMap<&str, &NamedTensor> {
    tensors.iter().map(|t| (t.path.as_str(), t)).collect()
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
