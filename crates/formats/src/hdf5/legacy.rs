//! Keras' older HDF5 files: a whole model (`model.save("m.h5")`), or weights alone by layer.
//!
//! Source: `keras/src/legacy/saving/legacy_h5_format.py` of Keras 3.15.1.

use std::collections::{BTreeMap, BTreeSet};

use hdf5_pure::AttrValue;
use serde_json::Value;

use super::{Tree, write_tree};
use crate::{FormatError, NamedTensor, ReadLimits};

/// Lists of names longer than this many bytes are written in pieces, as an object of HDF5 cannot have longer attributes.
const LONGEST_LIST: usize = 64_512;

const MODEL: &str = "model_weights";
const OPTIMIZER: &str = "optimizer_weights";
const TOP_LEVEL: &str = "top_level_model_weights";

/// A file as Keras 1 and 2 wrote it, and Keras 3 for names that end in `.h5` or `.hdf5`: configurations, and weights layer by layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LegacyFile {
    /// The Keras that wrote it; Keras 1 does not say.
    pub keras_version: Option<String>,
    /// The backend that wrote it: `tensorflow`, `theano`, `jax`, ...
    pub backend: Option<String>,
    /// The model: `class_name` and `config`. Null in a file of weights alone.
    pub model_config: Value,
    /// Loss, metrics, `optimizer_config`. Null where the model was not compiled.
    pub training_config: Value,
    /// The layers of the model, networks within it as one each, in its order; those without weights too.
    pub layers: Vec<LegacyLayer>,
    /// Variables of the optimizer in its order; `path` is their name.
    pub optimizer: Vec<NamedTensor>,
}

/// A layer of a [`LegacyFile`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LegacyLayer {
    /// Its name.
    pub name: String,
    /// Its weights in their order, trainable ones first; `path` is their name: `dense/kernel:0`, `dense_1_W`.
    pub weights: Vec<NamedTensor>,
}

/// Whether a file is one of these.
pub(crate) fn is_legacy(tree: &Tree) -> bool {
    let has = |name: &str| tree.attributes.contains_key(&(String::new(), name.to_owned()));
    has("model_config") || has("layer_names") || has("layer_names0") || tree.groups.iter().any(|g| g == MODEL)
}

/// What a tree of groups holds as such a file.
pub(crate) fn from_tree(tree: Tree, file: &str, limits: &ReadLimits) -> Result<LegacyFile, FormatError> {
    let Tree { tensors, attributes, groups } = tree;
    let mut names = Names { file, attributes };
    let whole = groups.iter().any(|g| g == MODEL);
    let root = if whole { MODEL } else { "" };
    let mut tensors = Tensors { file, by_path: tensors.into_iter().map(|t| (t.path.clone(), t)).collect(), used: BTreeSet::new() };
    let mut layers = Vec::new();
    for name in names.list(root, "layer_names") {
        let group = join(root, &name);
        let weights = names.list(&group, "weight_names").iter().map(|weight| tensors.take(&group, weight)).collect::<Result<_, _>>()?;
        layers.push(LegacyLayer { name, weights });
    }
    // Weights that a model has beside its layers; ours have none, so that they belong to a layer of this name that nobody has.
    let group = join(root, TOP_LEVEL);
    let top = names.list(&group, "weight_names").iter().map(|weight| tensors.take(&group, weight)).collect::<Result<Vec<_>, _>>()?;
    if !top.is_empty() {
        layers.push(LegacyLayer { name: TOP_LEVEL.into(), weights: top });
    }
    let optimizer = names.list(OPTIMIZER, "weight_names").iter().map(|name| tensors.take(OPTIMIZER, name)).collect::<Result<_, _>>()?;
    let text = |names: &mut Names<'_>, name: &str| names.text(root, name).or_else(|| names.text("", name));
    Ok(LegacyFile {
        keras_version: text(&mut names, "keras_version"),
        backend: text(&mut names, "backend"),
        model_config: names.json("model_config", limits)?,
        training_config: names.json("training_config", limits)?,
        layers,
        optimizer,
    })
}

/// Attributes of groups.
struct Names<'a> {
    file: &'a str,
    attributes: BTreeMap<(String, String), Vec<String>>,
}

impl Names<'_> {
    fn take(&mut self, group: &str, name: &str) -> Option<Vec<String>> {
        self.attributes.remove(&(group.to_owned(), name.to_owned()))
    }
    /// A list in one piece or several: `weight_names`, or `weight_names0`, `weight_names1`, ...
    fn list(&mut self, group: &str, name: &str) -> Vec<String> {
        if let Some(whole) = self.take(group, name) {
            return whole;
        }
        (0..).map_while(|piece| self.take(group, &format!("{name}{piece}"))).flatten().collect()
    }
    fn text(&mut self, group: &str, name: &str) -> Option<String> {
        self.take(group, name)?.into_iter().next()
    }
    fn json(&mut self, name: &str, limits: &ReadLimits) -> Result<Value, FormatError> {
        let Some(text) = self.text("", name) else { return Ok(Value::Null) };
        if text.len() as u64 > limits.json_bytes {
            let (size, limit) = (text.len() as u64, limits.json_bytes);
            return Err(FormatError::TooLarge { file: self.file.into(), what: format!("attribute {name:?}"), size, unit: "bytes", limit });
        }
        crate::json::parse(text.as_bytes(), self.file, &format!("attribute {name:?}"), crate::keras::JSON)
    }
}

/// Datasets, each handed out once.
struct Tensors<'a> {
    file: &'a str,
    by_path: BTreeMap<String, NamedTensor>,
    used: BTreeSet<String>,
}

impl Tensors<'_> {
    fn take(&mut self, group: &str, name: &str) -> Result<NamedTensor, FormatError> {
        // As HDF5 reads a path.
        let path: Vec<&str> = group.split('/').chain(name.split('/')).filter(|part| !part.is_empty()).collect();
        let path = path.join("/");
        match self.by_path.remove(&path) {
            Some(mut tensor) => {
                self.used.insert(path);
                name.clone_into(&mut tensor.path);
                Ok(tensor)
            }
            None => Err(FormatError::Dataset {
                file: self.file.into(),
                found: if self.used.contains(&path) { "named twice".into() } else { "missing, though the list of names has it".into() },
                object: path,
                expected: "each name in layer_names and weight_names to be that of one dataset (links, to this or other files, are not followed)",
            }),
        }
    }
}

fn join(group: &str, name: &str) -> String {
    let parts: Vec<&str> = group.split('/').chain(name.split('/')).filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

impl LegacyFile {
    /// Its bytes, as Keras 3 writes such a file; of weights alone where there is no `model_config`.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] for names and shapes that no file can hold.
    pub fn write_to_vec(&self) -> Result<Vec<u8>, FormatError> {
        let mut out = Out::default();
        let root = if self.model_config.is_null() { "" } else { MODEL };
        let text = |value: &Option<String>| value.clone().map(AttrValue::VarLenString);
        let version = [("keras_version", text(&self.keras_version)), ("backend", text(&self.backend))];
        for group in BTreeSet::from([root, ""]) {
            for (name, value) in &version {
                out.attributes.extend(value.clone().map(|value| (group.to_owned(), (*name).to_owned(), value)));
            }
        }
        for (name, value) in [("model_config", &self.model_config), ("training_config", &self.training_config)] {
            if !value.is_null() {
                out.attributes.push((String::new(), name.into(), AttrValue::VarLenString(value.to_string())));
            }
        }
        out.list(root, "layer_names", self.layers.iter().map(|l| l.name.clone()).collect());
        for layer in &self.layers {
            out.weights(&join(root, &layer.name), &layer.weights);
        }
        out.weights(&join(root, TOP_LEVEL), &[]);
        if !self.optimizer.is_empty() {
            out.weights(OPTIMIZER, &self.optimizer);
        }
        write_tree(&out.groups, &out.tensors, &out.attributes)
    }
}

#[derive(Default)]
struct Out {
    groups: Vec<String>,
    tensors: Vec<NamedTensor>,
    attributes: Vec<(String, String, AttrValue)>,
}

impl Out {
    fn weights(&mut self, group: &str, weights: &[NamedTensor]) {
        self.groups.push(group.to_owned());
        self.list(group, "weight_names", weights.iter().map(|w| w.path.clone()).collect());
        self.tensors.extend(weights.iter().map(|w| NamedTensor { path: join(group, &w.path), ..w.clone() }));
    }
    fn list(&mut self, group: &str, name: &str, texts: Vec<String>) {
        // Fixed-width texts, each as wide as the longest.
        let width = texts.iter().map(String::len).max().unwrap_or(0).max(1);
        let each = (LONGEST_LIST / width).max(1);
        let mut add = |name: String, value| self.attributes.push((group.to_owned(), name, value));
        if texts.is_empty() {
            // As numpy makes of an empty list.
            add(name.to_owned(), AttrValue::F64Array(Vec::new()));
        } else if texts.len() <= each {
            add(name.to_owned(), AttrValue::StringArray(texts));
        } else {
            for (piece, texts) in texts.chunks(each).enumerate() {
                add(format!("{name}{piece}"), AttrValue::StringArray(texts.to_vec()));
            }
        }
    }
}
