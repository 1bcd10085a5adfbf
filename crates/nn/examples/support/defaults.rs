//! What a class asks for and what it has by default, found out by making it.

use adaline_nn::keras::ConfigError;
use serde_json::{Map, Value, json};

/// Goes through values for the arguments that it asks for.
fn search(given: &mut Map<String, Value>, tries: &[Value], make: &mut dyn FnMut(&Value) -> Result<Value, ConfigError>) -> Option<Value> {
    let key = match make(&Value::Object(given.clone())) {
        Ok(config) => return Some(config),
        Err(ConfigError::MissingKey { key, .. }) => key.to_owned(),
        // One of two must be there.
        Err(ConfigError::Value { key, .. }) if !given.contains_key(&key) => key,
        Err(_) => return None,
    };
    let found = tries.iter().find_map(|value| {
        given.insert(key.clone(), value.clone());
        search(given, tries, make)
    });
    if found.is_none() {
        given.remove(&key);
    }
    found
}

/// The fewest arguments that make an object, with values that do, and all arguments as that object tells them.
pub(crate) fn least(make: &mut dyn FnMut(&Value) -> Result<Value, ConfigError>) -> Option<(Map<String, Value>, Value)> {
    let layer = |class: &str, units: &str| json!({"class_name": class, "config": {units: 1}});
    let tries = [
        json!(1),
        json!(0.5),
        json!([1]),
        json!([0]),
        json!([1, 1]),
        json!([0.5]),
        json!([0.5, 0.5]),
        json!("linear"),
        json!("ab,bc->ac"),
        json!("mean_squared_error"),
        layer("Dense", "units"),
        layer("LSTM", "units"),
        layer("LSTMCell", "units"),
        json!([layer("LSTMCell", "units")]),
        json!([layer("Dense", "units")]),
        json!([]),
        json!("sgd"),
        json!({"class_name": "OptimizerMap", "config": {"default_optimizer": "sgd"}}),
    ];
    let mut given = Map::new();
    let config = search(&mut given, &tries, make)?;
    Some((given, config))
}
