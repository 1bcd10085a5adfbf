//! What a network does to its inputs first and to its outputs last, as far as its layers tell.

use crate::Layer;
use crate::model::Model;
use crate::network::Network;
use serde_json::Value;

/// The name of a layer's activation function (`softmax`), none where that cannot be told.
pub(crate) fn activation(layer: &dyn Layer) -> Option<String> {
    // A function of the program says nothing about itself.
    if layer.writable().is_err() || layer.as_recurrent().is_some() || layer.inner().is_some() {
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

/// What makes a value.
enum Maker {
    /// An input, through layers that only put values into another shape.
    Input(usize),
    /// A layer with a path and an activation function.
    Layer(String, String),
}

/// Path and activation function of the layer that makes a value; of layers that only put values into another shape the one before them.
pub(super) fn ending(net: &Network, value: usize) -> Option<(String, String)> {
    match maker(net, value, "")? {
        Maker::Layer(path, activation) => Some((path, activation)),
        Maker::Input(_) => None,
    }
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") }
}

fn maker(net: &Network, value: usize, above: &str) -> Option<Maker> {
    if value < net.input_count() {
        return Some(Maker::Input(value));
    }
    let call = net.calls.iter().find(|c| (c.first..c.first + c.results).contains(&value))?;
    let named = &net.layers[call.layer];
    match maker_within(named.layer.as_ref(), value - call.first, join(above, &named.name))? {
        Maker::Input(at) => maker(net, *call.inputs.get(at)?, above),
        found @ Maker::Layer(..) => Some(found),
    }
}

/// Of a layer's result: an input of the layer, or a layer within it.
fn maker_within(layer: &dyn Layer, result: usize, path: String) -> Option<Maker> {
    if let Some(inner) = layer.inner() {
        return maker(inner, *inner.outputs.get(result)?, &path);
    }
    if matches!(layer.class_name(), "Reshape" | "Flatten" | "Permute" | "Identity") {
        return Some(Maker::Input(0));
    }
    let row = layer.row();
    if row.is_empty() {
        return Some(Maker::Layer(path, activation(layer)?));
    }
    for (name, layer) in row.into_iter().rev() {
        if let found @ Maker::Layer(..) = maker_within(layer, 0, join(&path, &name))? {
            return Some(found);
        }
    }
    Some(Maker::Input(0))
}

/// Classes that bring their input into a range, or whose input need be in none.
fn prepares(layer: &dyn Layer) -> bool {
    let class = layer.class_name();
    layer.table_rows().is_some() || class.ends_with("Normalization") || class == "Rescaling" || layer.writable().is_err()
}

/// Whether what is done first with an input, apart from layers without weights, is to bring it into a range. `weighty` says whether there are
/// weights at a path.
fn prepared(net: &Network, value: usize, above: &str, weighty: &dyn Fn(&str) -> bool) -> bool {
    net.calls.iter().filter(|c| c.inputs.contains(&value)).any(|call| {
        let named = &net.layers[call.layer];
        let inputs = call.inputs.iter().enumerate().filter(|(_, v)| **v == value).map(|(at, _)| at);
        match first_within(named.layer.as_ref(), inputs.collect(), &join(above, &named.name), weighty) {
            Some(found) => found,
            None => (0..call.results).any(|r| prepared(net, call.first + r, above, weighty)),
        }
    })
}

/// Whether a layer brings inputs of it into a range; none when it does nothing of weight to them.
fn first_within(layer: &dyn Layer, inputs: Vec<usize>, path: &str, weighty: &dyn Fn(&str) -> bool) -> Option<bool> {
    if let Some(inner) = layer.inner() {
        return if inputs.into_iter().any(|at| prepared(inner, at, path, weighty)) { Some(true) } else { weighty(path).then_some(false) };
    }
    let within = layer.row();
    if within.is_empty() {
        return if prepares(layer) { Some(true) } else { weighty(path).then_some(false) };
    }
    within.into_iter().find_map(|(name, layer)| first_within(layer, vec![0], &join(path, &name), weighty))
}

impl Model {
    /// Whether the network brings an input into a range itself.
    pub(super) fn prepares_input(&self, at: usize) -> bool {
        let weighty = |path: &str| self.weights.list.iter().any(|w| crate::trace::belongs(&w.layer, path));
        prepared(&self.net, at, "", &weighty)
    }
}
