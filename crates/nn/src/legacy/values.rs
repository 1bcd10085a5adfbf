//! Initializers, regularizers and constraints as values of keys.

use serde_json::{Map, Value, json};

/// Initializers with another name.
const INITIALIZERS: &[(&str, &str)] = &[
    ("zero", "zeros"),
    ("one", "ones"),
    ("uniform", "random_uniform"),
    ("normal", "random_normal"),
    ("random_uniform_initializer", "random_uniform"),
    ("glorot_uniform_initializer", "glorot_uniform"),
    ("zeros_initializer", "zeros"),
    ("ones_initializer", "ones"),
];

/// Splits an envelope or a plain name into class and arguments.
fn open(value: &Value) -> Option<(String, Map<String, Value>)> {
    let class = value["class_name"].as_str().or_else(|| value.as_str())?;
    Some((class.to_owned(), value["config"].as_object().cloned().unwrap_or_default()))
}

pub(super) fn initializer(value: &Value) -> Value {
    let Some((class, mut config)) = open(value) else { return value.clone() };
    let class = INITIALIZERS.iter().find(|(old, _)| *old == class).map_or(class.as_str(), |(_, new)| new);
    // TensorFlow's had a type of their own.
    config.remove("dtype");
    config.remove("partition_info");
    if config.get("distribution").is_some_and(|d| d == "normal") {
        config.insert("distribution".into(), json!("truncated_normal"));
    }
    if value.is_string() { json!(class) } else { json!({"class_name": class, "config": config}) }
}

/// Of Keras 1: `{"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}`.
pub(super) fn regularizer(value: &Value) -> Value {
    let Some(name) = value["name"].as_str().filter(|_| value.get("class_name").is_none()) else { return value.clone() };
    match name {
        "WeightRegularizer" | "ActivityRegularizer" | "L1L2Regularizer" => {
            let weight = |key: &str| value[key].as_f64().unwrap_or(0.0);
            json!({"class_name": "L1L2", "config": {"l1": weight("l1"), "l2": weight("l2")}})
        }
        other => json!({"class_name": other, "config": {}}),
    }
}

/// Of Keras 1: `{"name": "MaxNorm", "m": 2, "axis": 0}`. Some of Keras 2 wrote `m`, too.
pub(super) fn constraint(value: &Value) -> Value {
    let (name, mut config) = match (value["class_name"].as_str(), value["name"].as_str()) {
        (Some(class), _) => (class, value["config"].as_object().cloned().unwrap_or_default()),
        (None, Some(name)) => (name, value.as_object().cloned().unwrap_or_default()),
        (None, None) => return value.clone(),
    };
    config.remove("name");
    if let Some(most) = config.remove("m") {
        config.insert("max_value".into(), most);
    }
    json!({"class_name": name, "config": config})
}
