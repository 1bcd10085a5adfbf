//! Layers of a file that cannot be read here, found all at once before the first is made.

use crate::Layer;
use crate::catalogue::{LAYERS, NETWORKS};
use crate::custom;
use crate::keras::{ConfigError, shorten};
use serde_json::Value;

/// Most that one message lists.
const MOST_TOLD: usize = 50;

/// Classes of Keras that stand for something of the program which made the model, and what to do about them.
const BY_REASON: &[(&[&str], &str)] = &[
    (
        &["Lambda"],
        "holds a function of Python, and a file's code is never run: write it with layers of Keras, or as a layer of your program \
         (CustomLayer)",
    ),
    (
        &["TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceProperty"],
        "is an operation of TensorFlow written between layers: write it as a layer (Add for +, Rescaling, Reshape)",
    ),
    (
        &["TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "StableHLOLayer"],
        "wraps a program of another framework, which a file does not hold: convert that model itself, for example through ONNX",
    ),
    (
        &["CuDNNLSTM", "CuDNNGRU"],
        "keeps its weights as the library of a graphics card does: load the file in Keras 2 as an LSTM or GRU and save it again",
    ),
];

/// A layer that cannot be read: where, its class, why.
struct Foreign {
    path: String,
    class: String,
    reason: String,
    /// Whether it is a name that nobody knows, which the reader of layers answers best when it is the only one.
    unknown: bool,
}

/// The message about all layers of a model that cannot be read, if there is more to say than of one unknown name.
pub(super) fn foreign_layers(model: &Value) -> Option<String> {
    let mut found = Vec::new();
    of_network("", &model["config"], &mut found);
    if found.iter().all(|f| f.unknown) && found.len() < 2 {
        return None;
    }
    let mut lines: Vec<String> =
        found.iter().take(MOST_TOLD).map(|f| format!("\n  `{}` ({}) {}", f.path, shorten(&f.class), f.reason)).collect();
    if found.len() > MOST_TOLD {
        lines.push(format!("\n  and {} more", found.len() - MOST_TOLD));
    }
    let count = if found.len() == 1 { "one layer".into() } else { format!("{} layers", found.len()) };
    Some(format!("{count} of the model cannot be read here:{}", lines.concat()))
}

fn of_network(above: &str, config: &Value, found: &mut Vec<Foreign>) {
    for (at, layer) in config["layers"].as_array().into_iter().flatten().enumerate() {
        let name = layer["config"]["name"].as_str().or_else(|| layer["name"].as_str());
        let name = name.map_or_else(|| format!("number {}", at + 1), shorten);
        let path = if above.is_empty() { name } else { format!("{above}/{name}") };
        of_layer(&path, layer, found);
    }
}

fn of_layer(path: &str, layer: &Value, found: &mut Vec<Foreign>) {
    // Operations have an answer of their own.
    if layer["module"].as_str().is_some_and(|module| module.starts_with("keras.src.ops")) {
        return;
    }
    // A program may know classes of its own.
    if custom::find::<dyn Layer>(layer, |objects, object| objects.layer(object)).is_some() {
        return;
    }
    let Some(class) = layer["class_name"].as_str() else { return };
    let mut tell = |reason: String, unknown| found.push(Foreign { path: path.to_owned(), class: class.to_owned(), reason, unknown });
    if let Some(registered) = layer["registered_name"].as_str().filter(|name| name.contains('>')) {
        let registered = shorten(registered);
        return tell(
            format!(
                "is a layer of the program that made the model, registered as {registered:?}: a file holds no code; write the network here, with a \
                 layer of your own in its place, and take the weights by load_weights"
            ),
            false,
        );
    }
    if let Some((_, reason)) = BY_REASON.iter().find(|(classes, _)| classes.contains(&class)) {
        return tell((*reason).to_owned(), false);
    }
    let known = |name: &str| LAYERS.iter().chain(NETWORKS).any(|row| row.class == name || row.aliases.contains(&name));
    if !known(class) {
        let names: Vec<&str> = LAYERS.iter().map(|row| row.class).collect();
        let nearest = match ConfigError::unknown_class("layer", class, &names) {
            ConfigError::UnknownClass { nearest: Some(nearest), .. } => format!("; did you mean `{nearest}`?"),
            _ => String::new(),
        };
        return tell(format!("is no layer that is known here{nearest}"), true);
    }
    let config = &layer["config"];
    of_network(path, config, found);
    for key in ["layer", "backward_layer", "cell"] {
        if config[key]["class_name"].is_string() {
            of_layer(&format!("{path}/{key}"), &config[key], found);
        }
    }
    for (at, cell) in config["cells"].as_array().into_iter().flatten().enumerate() {
        of_layer(&format!("{path}/cells/{at}"), cell, found);
    }
}
