//! What a network does to its inputs first and to its outputs last, as far as its layers tell.

use crate::Layer;
use crate::model::Model;
use crate::network::Network;
use serde_json::Value;

/// The name of a layer's activation function (`softmax`), none where that cannot be told.
pub(crate) fn activation(layer: &dyn Layer) -> Option<String> {
    // A function of the program says nothing about itself.
    if layer.writable().is_err() || layer.as_recurrent().is_some() {
        return None;
    }
    let config = layer.config();
    match layer.class_name() {
        "Softmax" => Some("softmax".into()),
        "ReLU" => (config["negative_slope"].as_f64() == Some(0.0)).then(|| "relu".into()),
        _ => match &config["activation"] {
            Value::String(name) => Some(name.clone()),
            _ => None,
        },
    }
}

/// Name and activation function of the layer that makes a value; of layers that only put values into another shape the one before them.
pub(super) fn ending(net: &Network, value: usize) -> Option<(String, String)> {
    let call = net.calls.iter().find(|c| (c.first..c.first + c.results).contains(&value))?;
    let named = &net.layers[call.layer];
    if let Some(inner) = named.layer.inner() {
        let (name, activation) = ending(inner, *inner.outputs.get(value - call.first)?)?;
        return Some((format!("{}/{name}", named.name), activation));
    }
    match named.layer.class_name() {
        "Reshape" | "Flatten" | "Permute" | "Identity" => ending(net, *call.inputs.first()?),
        _ => Some((named.name.clone(), activation(named.layer.as_ref())?)),
    }
}

/// Classes that bring their input into a range, or whose input need be in none.
fn prepares(layer: &dyn Layer) -> bool {
    let class = layer.class_name();
    layer.table_rows().is_some()
        || class.ends_with("Normalization")
        || matches!(class, "Rescaling" | "Pipeline")
        || layer.writable().is_err()
}

/// Whether what is done first with an input, apart from layers without weights, is to bring it into a range. `weighty` says whether there are
/// weights at a path.
fn prepared(net: &Network, value: usize, above: &str, weighty: &dyn Fn(&str) -> bool) -> bool {
    net.calls.iter().filter(|c| c.inputs.contains(&value)).any(|call| {
        let named = &net.layers[call.layer];
        let path = if above.is_empty() { named.name.clone() } else { format!("{above}/{}", named.name) };
        if let Some(inner) = named.layer.inner() {
            let through = call.inputs.iter().enumerate().filter(|(_, v)| **v == value).any(|(at, _)| prepared(inner, at, &path, weighty));
            return through;
        }
        prepares(named.layer.as_ref()) || !weighty(&path) && (0..call.results).any(|r| prepared(net, call.first + r, above, weighty))
    })
}

impl Model {
    /// Whether the network brings an input into a range itself.
    pub(super) fn prepares_input(&self, at: usize) -> bool {
        let weighty = |path: &str| self.weights.list.iter().any(|w| crate::trace::belongs(&w.layer, path));
        prepared(&self.net, at, "", &weighty)
    }
}
