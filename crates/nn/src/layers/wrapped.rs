//! A layer as an argument of another.

use super::Layer;
use crate::{
    catalogue::layer_from_json,
    keras::{ConfigError, DTypePolicy},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A layer within another layer's configuration, where it is Keras' envelope.
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub(crate) struct Wrapped(pub(crate) Box<dyn Layer>);

impl Clone for Wrapped {
    fn clone(&self) -> Self {
        Self(self.0.boxed())
    }
}
impl PartialEq for Wrapped {
    fn eq(&self, other: &Self) -> bool {
        self.0.envelope() == other.0.envelope()
    }
}
impl From<Wrapped> for Value {
    fn from(wrapped: Wrapped) -> Self {
        wrapped.0.envelope()
    }
}
impl TryFrom<Value> for Wrapped {
    type Error = ConfigError;
    /// Where people write, in TOML, arguments may stand beside the class: `{ class_name = "LSTM", units = 8 }`.
    fn try_from(mut value: Value) -> Result<Self, ConfigError> {
        if let Value::Object(map) = &mut value
            && map.contains_key("class_name")
            && !map.contains_key("config")
        {
            let beside = |key: &String| !matches!(key.as_str(), "class_name" | "module" | "registered_name" | "build_config");
            let arguments: Map<String, Value> = map.iter().filter(|(k, _)| beside(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
            map.insert("config".into(), Value::Object(arguments));
        }
        layer_from_json(&value).map(Self)
    }
}

impl Wrapped {
    /// Takes the policy of the layer around it, unless it has one of its own.
    pub(crate) fn inherit(&mut self, policy: DTypePolicy) {
        if self.0.dtype_policy().is_none() {
            self.0.set_dtype_policy(policy);
        }
    }
    /// Whether it is sound in itself, as the argument `key` of a layer of class `class`.
    pub(crate) fn validate(&self, class: &str, key: &str) -> Result<(), ConfigError> {
        self.0.validate().map_err(|source| ConfigError::Nested { class: class.into(), key: key.into(), source: Box::new(source) })
    }
}

/// [`Layer::file_path`] of a layer with others within it, each under a name.
pub(crate) fn file_path(layers: &[(&str, &Wrapped)], inner: &str) -> String {
    for (name, layer) in layers {
        if let Some(rest) = inner.strip_prefix(name).and_then(|rest| rest.strip_prefix('/')) {
            return format!("{name}/{}", layer.0.file_path(rest));
        }
    }
    inner.to_owned()
}
