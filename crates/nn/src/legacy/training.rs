//! Optimizers, losses and metrics of old.

use serde_json::{Map, Value, json};

/// Losses with another name.
const LOSSES: &[(&str, &str)] = &[("cosine_proximity", "cosine_similarity"), ("cosine", "cosine_similarity")];

/// Keys of optimizers that mean nothing any more.
const DROPPED: &[&str] = &["schedule_decay", "is_legacy_optimizer", "jit_compile", "centered_", "initial_decay", "_name"];

/// A `training_config` as a `compile_config` of Keras 3.
pub(crate) fn modern_training(old: &Value) -> Value {
    if !old.is_object() {
        return Value::Null;
    }
    let metrics = |key: &str| each(&old[key], &metric);
    json!({
        "optimizer": optimizer(&old["optimizer_config"]),
        "loss": each(&old["loss"], &loss),
        "loss_weights": old["loss_weights"],
        "metrics": metrics("metrics"),
        "weighted_metrics": metrics("weighted_metrics"),
    })
}

/// Each of the objects in lists and maps by output.
fn each(value: &Value, change: &dyn Fn(&Value) -> Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(|v| each(v, change)).collect(),
        Value::Object(map) if !map.contains_key("class_name") => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), each(v, change))).collect::<Map<_, _>>())
        }
        one => change(one),
    }
}

fn loss(old: &Value) -> Value {
    if let Some(name) = old.as_str() {
        return json!(LOSSES.iter().find(|(from, _)| *from == name).map_or(name, |(_, to)| to));
    }
    let mut new = old.clone();
    if let Some(config) = new["config"].as_object_mut() {
        // `auto` was what the default is now, and how a loss is computed is no argument.
        if config.get("reduction").is_some_and(|r| r == "auto") {
            config.remove("reduction");
        }
        config.remove("fn");
    }
    if new["class_name"] == "CosineProximity" {
        new["class_name"] = json!("CosineSimilarity");
    }
    new
}

fn metric(old: &Value) -> Value {
    if old.is_string() {
        return loss(old);
    }
    let config = &old["config"];
    // A function by name, which `accuracy` had become by the shapes of labels: it does so again.
    match (old["class_name"].as_str(), config["fn"].as_str(), config["name"].as_str()) {
        (Some("MeanMetricWrapper"), Some(_), Some(name @ ("accuracy" | "acc"))) => json!(name),
        (Some("MeanMetricWrapper"), Some(function), _) => json!(function),
        _ => {
            let mut new = old.clone();
            if let Some(config) = new["config"].as_object_mut() {
                config.remove("fn");
            }
            new
        }
    }
}

fn optimizer(old: &Value) -> Value {
    let mut config = old["config"].as_object().cloned().unwrap_or_default();
    if let Some(rate) = config.remove("lr") {
        config.entry("learning_rate").or_insert(rate);
    }
    // The rate of old shrank by itself: lr / (1 + decay * steps).
    let decay = config.remove("decay").and_then(|d| d.as_f64()).filter(|d| *d > 0.0);
    if let (Some(decay), Some(rate)) = (decay, config.get("learning_rate").and_then(Value::as_f64)) {
        let schedule = json!({"class_name": "InverseTimeDecay", "config": {
            "initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay, "staircase": false,
        }});
        config.insert("learning_rate".into(), schedule);
    }
    if config.get("epsilon").is_some_and(Value::is_null) {
        config.remove("epsilon");
    }
    for key in DROPPED {
        config.remove(*key);
    }
    if let Some(rate) = config.get_mut("learning_rate").filter(|r| r["class_name"].is_string()) {
        rate["module"] = json!("keras.optimizers.schedules");
    }
    json!({"class_name": old["class_name"], "config": config})
}
