//! Which network: the TOML file's layers, `--hidden`, or a sensible one for the data.

use crate::error::CliError;
use crate::problem::{Kind, TaskInfo};
use crate::settings::Settings;
use adaline::nn::activations::Activation;
use adaline::nn::layers::{Dense, Dropout, Embedding, Flatten, GlobalAveragePooling1D, Input, Rescaling};
use adaline::nn::regularizers::L2;
use adaline::nn::{Layer, Sequential, catalogue};
use serde_json::{Value, json};

/// The network for inputs of the given row shape; for texts with the size of their vocabulary.
pub(crate) fn describe(
    settings: &Settings,
    row_shape: &[usize],
    vocabulary: Option<usize>,
    info: &TaskInfo,
    bytes: bool,
    name: &str,
) -> Result<Sequential, CliError> {
    let kind = &info.kind;
    let config = &settings.config.model;
    if !config.layers.is_empty() {
        let layers = from_config(config)?;
        // The data tells the input's shape when the file does not.
        let known = layers.first().is_some_and(|l| l.class_name() == "InputLayer");
        let mut net = Sequential::new().name(config.name.clone().unwrap_or_else(|| name.into())).dtype_policy(config.policy()?);
        if !known {
            net = net.add(Input::new(row_shape));
        }
        for layer in layers {
            net = net.add(layer);
        }
        return Ok(net);
    }
    let input = Input::new(row_shape).dtype(if vocabulary.is_some() { "int32" } else { "float32" });
    let mut net = Sequential::new().name(name).dtype_policy(config.policy()?).add(input);
    if let (Some(_), Kind::Classes(names), &[height, width, channels], None) = (&info.pictures, kind, row_shape, &settings.hidden) {
        for mut layer in default_picture_network([height, width], channels, names.len()) {
            if let Some(rate) = settings.dropout.filter(|_| layer["class_name"] == "Dropout") {
                layer["config"]["rate"] = rate.into();
            }
            net = net.add(catalogue::layer_from_json(&layer).map_err(|e| CliError::Misuse(e.to_string()))?);
        }
        return Ok(net);
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
        return Ok(last.into_iter().fold(net, Sequential::add));
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
    for &units in settings.hidden.as_deref().unwrap_or(hidden) {
        let dense = Dense::new(units).activation(Activation::Relu);
        net = net.add(match settings.l2.filter(|&l2| l2 > 0.0) {
            Some(l2) => dense.kernel_regularizer(L2(l2)),
            None => dense,
        });
        if let Some(rate) = settings.dropout.filter(|&rate| rate > 0.0) {
            net = net.add(Dropout::new(rate));
        }
    }
    Ok(match kind {
        Kind::Classes(names) => net.add(Dense::new(names.len()).activation(Activation::Softmax)),
        Kind::Numbers(outputs) => net.add(Dense::new(*outputs)),
    })
}

/// Numbers that stand for a word, and units behind their mean.
const WORD_NUMBERS: usize = 32;
const WORD_HIDDEN: [usize; 1] = [32];
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
    use adaline::nn::Seed;
    use adaline::prelude::Build;

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
