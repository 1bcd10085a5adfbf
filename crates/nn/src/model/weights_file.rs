//! `save_weights` and `load_weights`: weights alone, in files of several kinds.

use super::Model;
use super::take::{LoadWeights, Taking};
use crate::error::{Error, Result};
use adaline_data::{FileKind, Tensor, TensorData, npz_to_vec, read_npz, sniff};
use adaline_formats::{ModelFile, NamedTensor, Safetensors, TensorBytes, WeightsFile, atomic_write};
use std::collections::BTreeMap;
use std::path::Path;

/// Kinds of files with weights, by the ends of their names.
const ENDS: &str = ".weights.h5 (Keras' weights), .keras, .safetensors or .npz (NumPy)";

impl Model {
    /// Writes the weights to a file; its name says how. What is there is replaced, at once or not at all.
    ///
    /// | the name ends in | what is written |
    /// |---|---|
    /// | `.weights.h5` | what Keras' `save_weights` writes: weights by place, and the optimizer's memory if the model is compiled |
    /// | `.keras` | the network and its weights, without the optimizer and the `compile` settings |
    /// | `.safetensors`, `.npz` | weights by their names: `dense/kernel` |
    ///
    /// # Errors
    /// [`Error::Option`] for other names; [`Error::NotBuilt`]; [`Error::Format`], [`Error::Data`] when the file cannot be written; for `.keras` also as
    /// [`Model::save`].
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        self.require_built("be saved")?;
        if name.ends_with(".weights.h5") {
            let (weights, group_names) = self.weight_tensors(true);
            return Ok(WeightsFile { weights, group_names }.write(path)?);
        }
        match Path::new(&name).extension().and_then(|e| e.to_str()) {
            Some("keras") => Ok(self.to_archive(false)?.write(path)?),
            Some("safetensors") => {
                let named = |(name, tensor): (String, Tensor)| NamedTensor {
                    path: name,
                    shape: tensor.shape().to_vec(),
                    data: TensorBytes::F32(tensor.f32_values().into_owned()),
                };
                let tensors = self.weight_names().into_iter().zip(self.get_weights()).map(named).collect();
                // What other programs look for.
                let metadata = BTreeMap::from([("format".to_owned(), "keras".to_owned())]);
                Ok(Safetensors { tensors, metadata }.write(path)?)
            }
            Some("npz") => {
                let (names, tensors) = (self.weight_names(), self.get_weights());
                let arrays: Vec<(&str, &Tensor)> = names.iter().map(String::as_str).zip(&tensors).collect();
                Ok(atomic_write(path, &npz_to_vec(&arrays)?)?)
            }
            _ => Err(Error::option("the name of a file of weights", format!("{name:?}"), format!("one that ends in {ENDS}"))),
        }
    }

    /// Takes the weights of a file: any that [`Model::save_weights`] or Keras writes, told by its content. Files of Keras go by the places of layers
    /// (`.keras`, `.weights.h5`, `.weights.json` with its parts) or by their order (older `.h5`), which have to have the same classes and shapes; others by
    /// the weights' names. As in Keras, the optimizer's memory comes along from files that hold it, where the model is compiled with the same
    /// optimizer and has made a step; all else stays.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Data`] for a file that cannot be read; [`Error::Load`] that names all weights which do not fit: then none is changed.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.load_weights_with(path, LoadWeights::default()).map(|_| ())
    }

    /// As [`Model::load_weights`], with options. Says which weights were left as they are, a line each.
    ///
    /// # Errors
    /// As [`Model::load_weights`]; [`Error::Option`] for `by_name` with a file whose weights have no layers' names or always go by names.
    pub fn load_weights_with(&mut self, path: impl AsRef<Path>, options: LoadWeights) -> Result<Vec<String>> {
        self.require_built("take weights")?;
        let path = path.as_ref();
        let file = path.display().to_string();
        let by_name = |kind: &str| -> Result<()> {
            if options.by_name {
                return Err(Error::option("by_name", format!("true for {file}, {kind}"), "false, but for older .h5 files"));
            }
            Ok(())
        };
        let mut taking = Taking::new(&file);
        if sniff(path).is_ok_and(|kind| kind == FileKind::Npz) {
            by_name("whose weights always go by their names")?;
            let arrays = read_npz(path)?.into_iter().map(|(name, tensor)| named(name, &tensor));
            self.find_by_name(&mut taking, &arrays.collect::<Vec<_>>());
            return self.take(taking, options);
        }
        match ModelFile::read(path)? {
            ModelFile::Legacy(legacy) => {
                self.find_by_layer(&mut taking, &legacy, options.by_name);
                self.take(taking, options)
            }
            ModelFile::Safetensors(Safetensors { tensors, .. }) => {
                by_name("whose weights always go by their names")?;
                self.find_by_name(&mut taking, &tensors);
                self.take(taking, options)
            }
            ModelFile::Keras(adaline_formats::KerasArchive { weights, .. }) | ModelFile::Weights(WeightsFile { weights, .. }) => {
                by_name("which does not know layers by their names")?;
                let tensors: BTreeMap<&str, &NamedTensor> = weights.iter().map(|t| (t.path.as_str(), t)).collect();
                self.find_by_place(&mut taking, &tensors);
                let skipped = self.take(taking, options)?;
                self.take_optimizer_if_it_fits(&tensors, options.optimizer);
                Ok(skipped)
            }
            other => Err(Error::Load { file, message: format!("it holds no weights that could be taken: {}", kind_of(&other)) }),
        }
    }

    fn take(&mut self, taking: Taking<'_>, options: LoadWeights) -> Result<Vec<String>> {
        let (found, skipped) = taking.finish(options.skip_mismatch)?;
        self.set_found(found);
        Ok(skipped)
    }
}

/// What a file is, for messages.
pub(super) fn kind_of(file: &ModelFile) -> &'static str {
    match file {
        ModelFile::Keras(_) => "a .keras archive",
        ModelFile::Weights(_) => "a file of weights alone (.weights.h5)",
        ModelFile::Legacy(_) => "an older .h5 file",
        ModelFile::Safetensors(_) => "a file of weights alone (.safetensors)",
        _ => "a file of another kind",
    }
}

fn named(name: String, tensor: &Tensor) -> NamedTensor {
    let data = match tensor.data() {
        TensorData::I32(values) => TensorBytes::I32(values.clone()),
        _ => TensorBytes::F32(tensor.f32_values().into_owned()),
    };
    NamedTensor { path: name, shape: tensor.shape().to_vec(), data }
}
