//! Which network: the TOML file's layers, `--hidden`, or a sensible one for the data.

use crate::error::CliError;
use crate::problem::Kind;
use crate::settings::Settings;
use adaline::nn::activations::Activation;
use adaline::nn::layers::{Dense, Dropout, Flatten, Input, Rescaling};
use adaline::nn::{Layer, Sequential, catalogue};

/// The network for inputs of the given row shape.
pub(crate) fn describe(settings: &Settings, row_shape: &[usize], kind: &Kind, bytes: bool, name: &str) -> Result<Sequential, CliError> {
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
    let mut net = Sequential::new().name(name).dtype_policy(config.policy()?).add(Input::new(row_shape));
    if bytes {
        net = net.add(Rescaling::new(1.0 / 255.0));
    }
    if row_shape.len() > 1 {
        net = net.add(Flatten::new());
    }
    for &units in settings.hidden.as_deref().unwrap_or(default_hidden(row_shape)) {
        net = net.add(Dense::new(units).activation(Activation::Relu));
        if settings.dropout > 0.0 {
            net = net.add(Dropout::new(settings.dropout));
        }
    }
    Ok(match kind {
        Kind::Classes(names) => net.add(Dense::new(names.len()).activation(Activation::Softmax)),
        Kind::Numbers(outputs) => net.add(Dense::new(*outputs)),
    })
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

/// Two layers that fit most tables; one wide layer for pictures.
fn default_hidden(row_shape: &[usize]) -> &'static [usize] {
    if row_shape.len() > 1 || row_shape.first().is_some_and(|&f| f >= 256) { &[128] } else { &[64, 32] }
}
