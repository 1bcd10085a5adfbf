//! Which network: the TOML file's layers, `--hidden`, or a sensible one for the data.

use crate::error::CliError;
use crate::problem::{Given, Kind, TaskInfo};
use crate::settings::Settings;
use adaline::data::DType;
use adaline::graph::backend::Backend;
use adaline::nn::activations::Activation;
use adaline::nn::layers::{Concatenate, Dense, Dropout, Embedding, Flatten, GlobalAveragePooling1D, Input, Rescaling};
use adaline::nn::regularizers::L2;
use adaline::nn::{Apply, Functional, Layer, Model, Seed, Sequential, catalogue};
use adaline::prelude::Build;
use serde_json::{Value, json};
use std::sync::Arc;

/// A network that is not built yet.
pub(crate) enum Net {
    /// Layers one after the other.
    Chain(Sequential),
    /// Of a text and of the columns beside it.
    Joined(Functional),
}

impl Net {
    /// Builds it on the backend of all others, where none is given.
    pub(crate) fn build(self, backend: Option<Arc<dyn Backend>>, seed: Seed) -> Result<Model, CliError> {
        Ok(match (self, backend) {
            (Self::Chain(net), Some(backend)) => net.build_on(backend, seed)?,
            (Self::Chain(net), None) => net.build(seed)?,
            (Self::Joined(net), Some(backend)) => net.build_on(backend, seed)?,
            (Self::Joined(net), None) => net.build(seed)?,
        })
    }
}

/// The network for inputs like `x`; for texts with the size of their vocabulary.
pub(crate) fn describe(settings: &Settings, x: &Given, vocabulary: Option<usize>, info: &TaskInfo, name: &str) -> Result<Net, CliError> {
    let kind = &info.kind;
    let config = &settings.config.model;
    let (row_shape, bytes) = (x.x.row_shape(), x.x.dtype() == DType::U8);
    // Texts of several lengths.
    let input = if x.x.as_ragged().is_some() { Input::with_batch_shape([None, None]) } else { Input::new(row_shape) };
    if !config.layers.is_empty() {
        let layers = from_config(config)?;
        // The data tells the input's shape when the file does not.
        let known = layers.first().is_some_and(|l| l.class_name() == "InputLayer");
        let mut net = Sequential::new().name(config.name.clone().unwrap_or_else(|| name.into())).dtype_policy(config.policy()?);
        if !known {
            net = net.add(input);
        }
        for layer in layers {
            net = net.add(layer);
        }
        return Ok(Net::Chain(net));
    }
    let input = input.dtype(if vocabulary.is_some() { "int32" } else { "float32" });
    if let (Some(words), Some(columns)) = (vocabulary, &x.beside) {
        return joined(settings, input, words, columns.row_len(), kind, name);
    }
    let mut net = Sequential::new().name(name).dtype_policy(config.policy()?).add(input);
    if let (Some(_), Kind::Classes(names), &[height, width, channels], None) = (&info.pictures, kind, row_shape, &settings.hidden) {
        for mut layer in default_picture_network([height, width], channels, names.len()) {
            if let Some(rate) = settings.dropout.filter(|_| layer["class_name"] == "Dropout") {
                layer["config"]["rate"] = rate.into();
            }
            net = net.add(catalogue::layer_from_json(&layer).map_err(|e| CliError::Misuse(e.to_string()))?);
        }
        return Ok(Net::Chain(net));
    }
    if settings.series.is_some() && settings.hidden.is_none() {
        let mut layers = crate::series::default_network(outputs(kind));
        let last = layers.pop();
        for layer in layers {
            net = net.add(layer);
        }
        if let Some(rate) = settings.dropout.filter(|&rate| rate > 0.0) {
            net = net.add(Dropout::new(rate));
        }
        return Ok(Net::Chain(last.into_iter().fold(net, Sequential::add)));
    }
    if bytes {
        net = net.add(Rescaling::new(1.0 / 255.0));
    }
    if row_shape.len() > 1 {
        net = net.add(Flatten::new());
    }
    let mut hidden = default_hidden(row_shape);
    if let Some(words) = vocabulary {
        net = net.add(Embedding::new(words, WORD_NUMBERS).mask_zero(true)).add(GlobalAveragePooling1D::new());
        hidden = &WORD_HIDDEN;
    }
    Ok(Net::Chain(dense_layers(settings, hidden, kind).into_iter().fold(net, Sequential::add)))
}

/// A network of two inputs, `text (words)` and `columns (numbers)`: the mean of the words' vectors beside a dense layer of the columns.
fn joined(settings: &Settings, text: Input, words: usize, columns: usize, kind: &Kind, name: &str) -> Result<Net, CliError> {
    let (text, columns) = (text.name("text").tensor(), Input::new([columns]).name("columns").tensor());
    let words = Embedding::new(words, WORD_NUMBERS).mask_zero(true).apply(&text); // (B, words, WORD_NUMBERS)
    let words = GlobalAveragePooling1D::new().apply(&words);
    let others = Dense::new(COLUMN_UNITS).activation(Activation::Relu).apply(&columns);
    let both = Concatenate::new().apply([&words, &others]); // (B, WORD_NUMBERS + COLUMN_UNITS)
    let output = dense_layers(settings, &WORD_HIDDEN, kind).into_iter().fold(both, |x, layer| layer.apply(&x));
    let net = Functional::new([&text, &columns], &output)?.name(name).dtype_policy(settings.config.model.policy()?);
    Ok(Net::Joined(net))
}

/// Hidden layers, those asked for or the given ones, and the layer of the output.
fn dense_layers(settings: &Settings, hidden: &[usize], kind: &Kind) -> Vec<Box<dyn Layer>> {
    let mut layers: Vec<Box<dyn Layer>> = Vec::new();
    for &units in settings.hidden.as_deref().unwrap_or(hidden) {
        let dense = Dense::new(units).activation(Activation::Relu);
        layers.push(match settings.l2.filter(|&l2| l2 > 0.0) {
            Some(l2) => dense.kernel_regularizer(L2(l2)).into(),
            None => dense.into(),
        });
        if let Some(rate) = settings.dropout.filter(|&rate| rate > 0.0) {
            layers.push(Dropout::new(rate).into());
        }
    }
    layers.push(match kind {
        Kind::Classes(names) => Dense::new(names.len()).activation(Activation::Softmax).into(),
        Kind::Numbers(outputs) => Dense::new(*outputs).into(),
    });
    layers
}

/// Numbers that stand for a word, and units behind their mean.
const WORD_NUMBERS: usize = 32;
const WORD_HIDDEN: [usize; 1] = [32];
/// Units of the layer of the columns beside a text.
const COLUMN_UNITS: usize = 32;
/// Filters of the two convolutions of each block.
const FILTERS: [usize; 2] = [32, 64];
/// Shorter sides are not halved any more.
const HALVED: usize = 8;
/// Pictures with a longer side are averaged at the end, so that the dense layer's size does not grow with theirs.
const FLATTENED: usize = 64;

/// Layers for pictures of bytes, as Keras' envelopes: two blocks of convolutions, or a dense network where the catalogue has none.
pub(crate) fn default_picture_network(size: [usize; 2], channels: usize, classes: usize) -> Vec<Value> {
    let layer =
        |class: &str, config: Value| json!({"module": "keras.layers", "class_name": class, "config": config, "registered_name": null});
    let has = |class: &str| catalogue::LAYERS.iter().any(|row| row.class == class);
    let mut net = vec![layer("Rescaling", json!({"scale": 1.0 / 255.0}))];
    let [mut height, mut width] = size;
    if ["Conv2D", "MaxPooling2D", "GlobalAveragePooling2D"].into_iter().all(has) && channels > 0 {
        for filters in FILTERS {
            for _ in 0..2 {
                let config = json!({"filters": filters, "kernel_size": [3, 3], "padding": "same", "activation": "relu"});
                net.push(layer("Conv2D", config));
            }
            if height.min(width) >= HALVED {
                net.push(layer("MaxPooling2D", json!({"pool_size": [2, 2]})));
                (height, width) = (height / 2, width / 2);
            }
            net.push(layer("Dropout", json!({"rate": 0.25})));
        }
        let large = size[0].max(size[1]) > FLATTENED;
        net.push(layer(if large { "GlobalAveragePooling2D" } else { "Flatten" }, json!({})));
    } else {
        net.push(layer("Flatten", json!({})));
    }
    net.push(layer("Dense", json!({"units": 128, "activation": "relu"})));
    net.push(layer("Dropout", json!({"rate": 0.5})));
    net.push(layer("Dense", json!({"units": classes, "activation": "softmax"})));
    net
}

/// The layers of a TOML file.
pub(crate) fn from_config(config: &crate::config::ModelConfig) -> Result<Vec<Box<dyn Layer>>, CliError> {
    let envelopes = config.envelopes()?;
    envelopes
        .iter()
        .enumerate()
        .map(|(i, e)| catalogue::layer_from_json(e).map_err(|e| CliError::Misuse(format!("[[model.layers]] number {}: {e}", i + 1))))
        .collect()
}

/// How many numbers come out.
fn outputs(kind: &Kind) -> usize {
    match kind {
        Kind::Classes(names) => names.len(),
        Kind::Numbers(outputs) => *outputs,
    }
}

/// Two layers that fit most tables; one wide layer for pictures.
fn default_hidden(row_shape: &[usize]) -> &'static [usize] {
    if row_shape.len() > 1 || row_shape.first().is_some_and(|&f| f >= 256) { &[128] } else { &[64, 32] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_any_size_have_a_network() {
        for (size, channels) in [([1, 1], 1), ([7, 30], 3), ([8, 8], 1), ([65, 20], 3)] {
            let layers = default_picture_network(size, channels, 5);
            let net = Sequential::new().add(Input::new([size[0], size[1], channels]));
            let net = layers.iter().fold(net, |net, layer| net.add(catalogue::layer_from_json(layer).unwrap()));
            assert_eq!(net.build(Seed(1)).unwrap().output_row(), Some(&[5][..]), "{size:?}");
        }
    }
}
