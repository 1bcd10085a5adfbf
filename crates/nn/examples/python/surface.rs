//! Keras' arguments in Keras' order, from `tests/keras_signatures.json`, and those that are ours alone.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What Keras has in a module.
#[derive(Deserialize)]
pub(crate) struct Surface {
    pub(crate) classes: BTreeMap<String, Vec<Value>>,
    pub(crate) functions: BTreeMap<String, Vec<Value>>,
    /// Other names of classes and functions.
    pub(crate) aliases: BTreeMap<String, String>,
    /// Texts by which classes and functions are asked for.
    pub(crate) identifiers: BTreeMap<String, String>,
}

/// An argument.
#[derive(Clone)]
pub(crate) struct Argument {
    pub(crate) name: String,
    /// None: it must be given.
    pub(crate) default: Option<Value>,
    /// Whether we have it; one that Keras alone has stays in the signature, so that its default may be given.
    pub(crate) ours: bool,
}

/// What Keras writes into configurations though nobody gives it.
const WRITTEN: [&str; 1] = ["vocabulary_size"];

/// Arguments, and whether others are handed on.
#[derive(Clone)]
pub(crate) struct Signature {
    pub(crate) arguments: Vec<Argument>,
    pub(crate) more: bool,
}

impl Signature {
    /// From Keras'.
    pub(crate) fn keras(told: &[Value]) -> Self {
        let arguments = told.iter().filter_map(|argument| {
            let name = argument.get(0)?.as_str()?;
            Some(Argument { name: name.into(), default: argument.get(1).cloned(), ours: true })
        });
        Self { arguments: arguments.collect(), more: told.iter().any(Value::is_string) }
    }

    /// Keras' or, of a class that is ours alone, those that must be given and then the others by name. `config` are all that we have, save what is
    /// taken but not written.
    pub(crate) fn of_class(
        told: Option<&Vec<Value>>,
        required: &Map<String, Value>,
        config: &Map<String, Value>,
        common: &[&str],
        mut takes: impl FnMut(&str, Option<&Value>) -> bool,
    ) -> Self {
        let Some(told) = told else {
            let optional = config.iter().filter(|(key, _)| !required.contains_key(*key) && !common.contains(&key.as_str()));
            let optional = optional.map(|(key, value)| (key, Some(if value.is_object() { Value::Null } else { value.clone() })));
            let all = required.keys().map(|key| (key, None)).chain(optional);
            let arguments = all.map(|(name, default)| Argument { name: name.clone(), default, ours: true });
            return Self { arguments: arguments.collect(), more: true };
        };
        let mut signature = Self::keras(told);
        for argument in &mut signature.arguments {
            argument.ours = config.contains_key(&argument.name)
                || common.contains(&argument.name.as_str())
                || takes(&argument.name, argument.default.as_ref());
        }
        for key in config.keys() {
            let known = common.contains(&key.as_str()) || WRITTEN.contains(&key.as_str());
            if !known && signature.arguments.iter().all(|argument| argument.name != *key) {
                signature.arguments.push(Argument { name: key.clone(), default: Some(Value::Null), ours: true });
            }
        }
        signature
    }
}

/// All modules.
pub(crate) fn surfaces() -> serde_json::Result<BTreeMap<String, Surface>> {
    serde_json::from_str(include_str!("../../tests/keras_signatures.json"))
}
