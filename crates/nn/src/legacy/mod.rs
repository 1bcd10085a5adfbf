//! Old keys to today's: configurations of Keras 1 and 2 as Keras 3 writes them, and weights of Keras 1 in the shapes of today.
//!
//! What is renamed, dropped or written otherwise is in [`tables`]; here is the way through networks within networks. Sources: Keras 2's own
//! conversions from Keras 1 (`keras/legacy/interfaces.py`, `keras/engine/saving.py`), Keras 3's from Keras 2
//! (`keras/src/legacy/saving/saving_utils.py`), and the documentation of those versions.

mod tables;
mod training;
mod values;
mod weights;

pub(crate) use training::modern_training;
pub(crate) use weights::Source;

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a version of Keras is one whose configurations have old keys.
pub(crate) fn is_old(version: Option<&str>) -> bool {
    version.is_none_or(|v| matches!(v.split('.').next(), Some("0" | "1" | "2")))
}

/// A layer's name as it can be one here and in Keras 3: others separate the parts of paths.
pub(crate) fn layer_name(name: &str) -> String {
    name.replace(['/', '\\', ':'], "_")
}

/// A model in words of today: `{"class_name": .., "config": ..}`.
pub(crate) fn modern_model(model: &Value) -> Value {
    let mut model = network(model);
    // Of Keras 1 without a name.
    if let Some(config) = model["config"].as_object_mut() {
        config.entry("name").or_insert_with(|| json!("model"));
    }
    model
}

/// A network, which may be a bare list of layers.
fn network(old: &Value) -> Value {
    let class = old["class_name"].as_str().unwrap_or_default();
    let mut config = match &old["config"] {
        // Keras 1 and early 2: the layers themselves.
        Value::Array(layers) => Map::from_iter([("layers".to_owned(), Value::Array(layers.clone()))]),
        Value::Object(config) => config.clone(),
        _ => return old.clone(),
    };
    let Some(Value::Array(old_layers)) = config.remove("layers") else { return old.clone() };
    let names = new_names(&old_layers);
    let mut layers: Vec<Value> = Vec::with_capacity(old_layers.len() + 1);
    let chain = class == "Sequential";
    for (at, layer) in old_layers.iter().enumerate() {
        let old_config = &layer["config"];
        let input = batch_shape(old_config).filter(|_| chain && at == 0 && layer["class_name"] != "InputLayer");
        layers.extend(input.map(|shape| {
            let name = old_config["name"].as_str().map_or_else(|| "input".into(), |n| format!("{}_input", layer_name(n)));
            json!({"class_name": "InputLayer", "config": {"batch_shape": shape, "dtype": "float32", "name": name}})
        }));
        let mut new = object(layer);
        if let Some(name) = new["config"].get_mut("name") {
            rename(name, &names);
        }
        // Keras 1 and 2 named the class of a layer's name only beside it, Keras 3 in the configuration, too.
        if let Some(name) = layer.get("name") {
            new["name"] = name.clone();
            rename(&mut new["name"], &names);
            let known = new["config"].as_object_mut().filter(|c| !c.contains_key("name") || c["name"].is_null());
            if let Some(config) = known {
                config.insert("name".into(), json!(names.get(name.as_str().unwrap_or_default())));
            }
        }
        if let Some(Value::Array(nodes)) = layer.get("inbound_nodes") {
            new["inbound_nodes"] = nodes.iter().map(|node| call(node, &names)).collect();
        }
        layers.push(new);
    }
    config.insert("layers".into(), Value::Array(layers));
    for key in ["input_layers", "output_layers"] {
        if let Some(places) = config.get_mut(key) {
            rename_places(places, &names);
        }
    }
    let mut new = old.as_object().cloned().unwrap_or_default();
    new.insert("config".into(), Value::Object(config));
    Value::Object(new)
}

/// New names of layers by the old ones, each once.
fn new_names(layers: &[Value]) -> BTreeMap<String, String> {
    let name_of = |layer: &Value| layer["name"].as_str().or_else(|| layer["config"]["name"].as_str()).map(str::to_owned);
    let old: BTreeSet<String> = layers.iter().filter_map(name_of).collect();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut used = BTreeSet::new();
    // Those that stay first, so that none of them gives way to another.
    let (stay, change): (Vec<&String>, Vec<&String>) = old.iter().partition(|name| layer_name(name) == **name);
    for name in stay.into_iter().chain(change) {
        let base = layer_name(name);
        let free = (0..=used.len()).map(|n| if n == 0 { base.clone() } else { format!("{base}_{n}") }).find(|new| !used.contains(new));
        let new = free.unwrap_or(base);
        used.insert(new.clone());
        names.insert(name.clone(), new);
    }
    names
}

fn rename(name: &mut Value, names: &BTreeMap<String, String>) {
    if let Some(new) = name.as_str().and_then(|old| names.get(old)) {
        *name = json!(new);
    }
}

/// The shape of the input that the first layer of a chain says: `batch_input_shape`, or in parts, as Keras 1 wrote it.
fn batch_shape(config: &Value) -> Option<Value> {
    if config["batch_input_shape"].is_array() {
        return Some(config["batch_input_shape"].clone());
    }
    match (config["input_shape"].as_array(), config["input_dim"].as_u64(), config["input_length"].as_u64()) {
        (Some(row), _, _) => Some(std::iter::once(Value::Null).chain(row.iter().cloned()).collect()),
        // An embedding's `input_dim` is the size of its table.
        (None, _, Some(steps)) if config.get("embeddings_initializer").or_else(|| config.get("output_dim")).is_some() => {
            Some(json!([null, steps]))
        }
        (None, Some(width), Some(steps)) => Some(json!([null, steps, width])),
        _ => None,
    }
}

/// A call of Keras 1 and 2, `[["dense", 0, 0, {}], ...]`, as Keras 3 writes it. Those of Keras 3 have their layers renamed.
fn call(node: &Value, names: &BTreeMap<String, String>) -> Value {
    let Value::Array(inputs) = node else {
        let mut node = node.clone();
        rename_tensors(&mut node, names);
        return node;
    };
    let mut kwargs = Map::new();
    let mut tensors: Vec<Value> = Vec::new();
    for input in inputs {
        tensors.extend(tensor(input, names));
        for (key, value) in input[3].as_object().into_iter().flatten() {
            kwargs.insert(key.clone(), argument(value, names));
        }
    }
    let args = if tensors.len() == 1 { tensors } else { vec![Value::Array(tensors)] };
    json!({"args": args, "kwargs": kwargs})
}

/// `["dense", 0, 0]` as a tensor.
fn tensor(place: &Value, names: &BTreeMap<String, String>) -> Option<Value> {
    let Some([Value::String(layer), node, result, ..]) = place.as_array().map(Vec::as_slice) else { return None };
    let (node, result) = (node.as_u64()?, result.as_u64()?);
    let layer = names.get(layer)?;
    Some(json!({"class_name": "__keras_tensor__", "config": {"shape": null, "dtype": "float32", "keras_history": [layer, node, result]}}))
}

/// An argument of a call by name: tensors among them as such.
fn argument(value: &Value, names: &BTreeMap<String, String>) -> Value {
    match (tensor(value, names), value) {
        (Some(tensor), _) => tensor,
        (None, Value::Array(list)) => list.iter().map(|v| argument(v, names)).collect(),
        (None, other) => other.clone(),
    }
}

fn rename_tensors(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|v| rename_tensors(v, names)),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if key == "keras_history" { rename(&mut value[0], names) } else { rename_tensors(value, names) }
            }
        }
        _ => {}
    }
}

fn rename_places(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Array(list) if list.first().is_some_and(Value::is_string) => rename(&mut list[0], names),
        Value::Array(list) => list.iter_mut().for_each(|v| rename_places(v, names)),
        Value::Object(map) => map.values_mut().for_each(|v| rename_places(v, names)),
        _ => {}
    }
}

/// A layer, or a network as one.
fn object(old: &Value) -> Value {
    let class = old["class_name"].as_str().unwrap_or_default();
    if matches!(class, "Sequential" | "Functional" | "Model") && (old["config"].is_array() || old["config"]["layers"].is_array()) {
        return network(old);
    }
    // Comparisons that Keras 3 makes masks with.
    if class == "NotEqual" {
        return json!({"module": "keras.src.ops.numpy", "class_name": class, "config": old["config"]});
    }
    let Some(config) = old["config"].as_object() else { return old.clone() };
    let (class, mut config) = tables::modern_layer(class, config.clone());
    // Layers and cells within.
    for key in ["layer", "backward_layer", "cell"] {
        if let Some(inner) = config.get_mut(key).filter(|inner| inner["class_name"].is_string()) {
            *inner = object(inner);
        }
    }
    for cell in config.get_mut("cells").and_then(Value::as_array_mut).into_iter().flatten() {
        *cell = object(cell);
    }
    let mut new = old.as_object().cloned().unwrap_or_default();
    new.insert("class_name".into(), json!(class));
    new.insert("config".into(), Value::Object(config));
    Value::Object(new)
}

#[cfg(test)]
mod tests;
