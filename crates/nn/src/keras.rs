//! Keras' object envelope: `{"module": .., "class_name": .., "config": {..}, "registered_name": null}`, and how configurations are read.

use adaline_data::nearest;
use adaline_graph::UnaryOp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// An object as Keras serializes it.
pub trait KerasObject {
    /// Public module, such as `keras.layers`.
    fn module(&self) -> &'static str;
    /// Class, such as `Dense`.
    fn class_name(&self) -> &'static str;
    /// Constructor arguments: exactly the keys Keras writes.
    fn config(&self) -> Value;
    /// The envelope. A class of a program's own may write its module and registered name here, by which
    /// [`custom_object_scope`](crate::catalogue::custom_object_scope) finds it again.
    fn envelope(&self) -> Value {
        json!({"module": self.module(), "class_name": self.class_name(), "config": self.config(), "registered_name": null})
    }
    /// Whether a file can hold it; asked before a model is written.
    fn writable(&self) -> Result<(), ConfigError> {
        Ok(())
    }
    /// Whether all arguments are within their ranges; called by `build` and `compile`.
    fn validate(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// No such class.
    #[error("there is no {kind} `{name}`{}", did_you_mean(.nearest.as_deref(), .known))]
    UnknownClass {
        /// `layer`, `loss`, ...
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// The known name that looks most like it.
        nearest: Option<String>,
        /// All known names.
        known: Vec<String>,
    },
    /// A key the class does not have.
    #[error("{class} has no argument `{key}`{}", did_you_mean(.nearest.as_deref(), .known))]
    UnknownKey {
        /// Class.
        class: String,
        /// The key.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
        /// All known keys.
        known: Vec<String>,
    },
    /// A key the class cannot do without.
    #[error("{class} needs the argument `{key}`")]
    MissingKey {
        /// Class.
        class: String,
        /// The key.
        key: &'static str,
    },
    /// A value of the wrong type, or out of its range.
    #[error("{class}: `{key}` is {got}, but must be {expected}")]
    Value {
        /// Class.
        class: String,
        /// The key.
        key: String,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// Something inside a key's value is wrong.
    #[error("{class}: `{key}`: {source}")]
    Nested {
        /// Class.
        class: String,
        /// The key.
        key: String,
        /// What.
        source: Box<ConfigError>,
    },
    /// Keras has it, Adaline does not (yet).
    #[error("{class}: `{key}` = {got} is not supported: {advice}")]
    Unsupported {
        /// Class.
        class: String,
        /// The key.
        key: String,
        /// Its value.
        got: String,
        /// What to do instead.
        advice: String,
    },
    /// A network within a network that is not sound.
    #[error("{class}: {message}")]
    Network {
        /// Class.
        class: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// A function of the program that uses this crate.
    #[error(
        "the {kind} `{name}` is a function of this program, which a file cannot hold: {}",
        if matches!(*kind, "activation" | "layer") { "save a network without it, or take the weights alone with get_weights" }
        else { "compile with one of Keras' before saving, or call save_weights, which leaves it out" }
    )]
    NotWritable {
        /// `loss`, `metric`, ...
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Not an object at all.
    #[error("expected {expected}, got {got}")]
    Shape {
        /// What was expected.
        expected: String,
        /// What came.
        got: String,
    },
}

fn did_you_mean(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(n) => format!("; did you mean `{n}`?"),
        None if known.is_empty() => "; it takes none".into(),
        None => {
            // A line or two of names; nobody reads more.
            const MOST: usize = 300;
            let mut shown = String::new();
            for (at, name) in known.iter().enumerate() {
                if shown.len() > MOST {
                    return format!("; known are {shown} and {} more", known.len() - at);
                }
                shown.push_str(if at == 0 { "" } else { ", " });
                shown.push_str(name);
            }
            format!("; known are {shown}")
        }
    }
}

impl ConfigError {
    /// An unknown class among the known ones.
    pub fn unknown_class(kind: &'static str, name: &str, known: &[&str]) -> Self {
        Self::UnknownClass {
            kind,
            name: shorten(name),
            nearest: nearest(name, known.iter().copied()).map(Into::into),
            known: known.iter().map(|&s| s.into()).collect(),
        }
    }
    /// An argument that is not among the known ones.
    pub(crate) fn unknown_key(class: &str, key: &str, known: &mut dyn Iterator<Item = &String>) -> Self {
        let known: Vec<String> = known.cloned().collect();
        let nearest = nearest(key, known.iter().map(String::as_str)).map(Into::into);
        Self::UnknownKey { class: class.into(), key: shorten(key), nearest, known }
    }
    /// A value that does not fit.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in temporaries")]
    pub fn value(class: &str, key: &str, expected: impl Into<String>, got: impl ToString) -> Self {
        Self::Value { class: class.into(), key: key.into(), expected: expected.into(), got: shorten(&got.to_string()) }
    }
    /// A value that Keras accepts and we do not.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in temporaries")]
    pub fn unsupported(class: &str, key: &str, got: impl ToString, advice: &str) -> Self {
        Self::Unsupported { class: class.into(), key: key.into(), got: shorten(&got.to_string()), advice: advice.into() }
    }
}

/// Text from outside, short enough for a message.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 120;
    if text.chars().count() <= LONGEST { text.into() } else { format!("{}...", text.chars().take(LONGEST).collect::<String>()) }
}

/// Checks a range: `Ok` when `ok`, else [`ConfigError::Value`].
pub(crate) fn check(ok: bool, class: &str, key: &str, expected: &str, got: impl ToString) -> Result<(), ConfigError> {
    if ok { Ok(()) } else { Err(ConfigError::value(class, key, expected, got)) }
}

/// A serializable object's constructor arguments. Numbers that JSON cannot hold (NaN) become `null`; `validate` refuses them before.
pub(crate) fn to_config<T: Serialize>(object: &T) -> Value {
    lifted(serde_json::to_value(object).unwrap_or(Value::Null))
}

/// Fields of structs whose own fields are arguments beside the others. Done here once for all classes: serde's `flatten` writes several kilobytes
/// of code for each.
const WITHIN: &[&str] = &["common", "options", "arguments", "affine", "heads", "kind", "random", "sampling"];

/// Arguments beside each other, out of the fields that hold some of them.
fn lifted(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let mut flat = Map::new();
    for (key, value) in map {
        match value {
            Value::Object(_) if WITHIN.contains(&key.as_str()) => {
                if let Value::Object(inner) = lifted(value) {
                    flat.extend(inner);
                }
            }
            value => {
                flat.insert(key, value);
            }
        }
    }
    Value::Object(flat)
}

/// Takes the arguments of the fields that hold some of them, as `shape` has them, out of those beside each other.
fn within(shape: &Map<String, Value>, flat: &mut Map<String, Value>) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in shape {
        let inner = value.as_object().filter(|_| WITHIN.contains(&key.as_str()));
        let taken = inner.map(|inner| Value::Object(within(inner, flat))).or_else(|| flat.remove(key));
        map.extend(taken.map(|taken| (key.clone(), taken)));
    }
    map
}

/// The other way round: arguments in the fields of a struct like `shape`. What `shape` does not show, since it is not written by default, is one
/// of those that all classes share.
fn nested(shape: &Value, arguments: Value) -> Value {
    let (Value::Object(shape), Value::Object(mut flat)) = (shape, arguments) else { return Value::Null };
    let mut map = within(shape, &mut flat);
    match map.get_mut("common").and_then(Value::as_object_mut) {
        Some(common) => common.extend(flat),
        None => map.extend(flat),
    }
    Value::Object(map)
}

/// Arguments without one that Keras leaves out, where it has its default: what others than the default do is then not lost in a file.
pub(crate) fn omit(mut config: Value, key: &str, default: &Value) -> Value {
    if let Value::Object(arguments) = &mut config
        && arguments.get(key) == Some(default)
    {
        arguments.remove(key);
    }
    config
}

/// The arguments of one class of a family that shares a struct.
pub(crate) fn only(mut config: Value, keys: &[&str]) -> Value {
    if let Value::Object(arguments) = &mut config {
        arguments.retain(|key, _| keys.contains(&key.as_str()));
    }
    config
}

/// Reads constructor arguments into a serde struct: missing keys take the default's values, unknown keys are errors that name the
/// nearest known one, wrong types are errors that name the key. `T::default()` must serialize every key it knows.
pub(crate) fn read_config<T: Serialize + DeserializeOwned + Default>(
    class: &str,
    required: &[&'static str],
    config: &Value,
) -> Result<T, ConfigError> {
    let shape = serde_json::to_value(T::default()).unwrap_or(Value::Null);
    let mut read = None;
    read_value(class, required, config, lifted(shape.clone()), &mut |arguments| {
        read = Some(serde_json::from_value(nested(&shape, arguments))?);
        Ok(())
    })?;
    read.ok_or_else(|| ConfigError::Shape { expected: format!("the arguments of {class}"), got: "nothing".into() })
}

/// As [`read_config`] over given defaults, which hold every key that the class knows, for a struct that serde flattens itself.
pub(crate) fn read_over<T: DeserializeOwned>(
    class: &str,
    required: &[&'static str],
    defaults: Value,
    config: &Value,
) -> Result<T, ConfigError> {
    let mut read = None;
    read_value(class, required, config, defaults, &mut |arguments| {
        read = Some(serde_json::from_value(arguments)?);
        Ok(())
    })?;
    read.ok_or_else(|| ConfigError::Shape { expected: format!("the arguments of {class}"), got: "nothing".into() })
}

/// What is the same for all structs: the code exists once. `read` takes all arguments.
fn read_value(
    class: &str,
    required: &[&'static str],
    config: &Value,
    defaults: Value,
    read: &mut dyn FnMut(Value) -> Result<(), serde_json::Error>,
) -> Result<(), ConfigError> {
    let Value::Object(given) = config else {
        return Err(ConfigError::Shape { expected: format!("the arguments of {class} as an object"), got: shorten(&config.to_string()) });
    };
    let Value::Object(mut defaults) = defaults else {
        return Err(ConfigError::Shape { expected: format!("{class} to have arguments"), got: "none".into() });
    };
    // A layer without a policy of its own takes the model's, though it writes float32 until then.
    if let Some(policy @ Value::Object(_)) = defaults.get_mut("dtype") {
        *policy = Value::Null;
    }
    // Every layer takes one, and few write that they have none.
    let every_layers = |k: &str| k == "activity_regularizer" && defaults.contains_key("trainable");
    if let Some(key) = given.keys().find(|k| !defaults.contains_key(*k) && !every_layers(k)) {
        return Err(ConfigError::unknown_key(class, key, &mut defaults.keys()));
    }
    if let Some(&key) = required.iter().find(|k| !given.contains_key(**k)) {
        return Err(ConfigError::MissingKey { class: class.into(), key });
    }
    overlay(class, required, &defaults, given, read)
}

/// Reads arguments whose names are known over their defaults; an error names the key.
pub(crate) fn read_known<T: DeserializeOwned>(
    class: &str,
    defaults: &Map<String, Value>,
    given: &Map<String, Value>,
) -> Result<T, ConfigError> {
    let mut read = None;
    overlay(class, &[], defaults, given, &mut |arguments| {
        read = Some(serde_json::from_value(arguments)?);
        Ok(())
    })?;
    read.ok_or_else(|| ConfigError::Shape { expected: format!("the arguments of {class}"), got: "nothing".into() })
}

/// What is the same for all structs, again.
fn overlay(
    class: &str,
    required: &[&str],
    defaults: &Map<String, Value>,
    given: &Map<String, Value>,
    read: &mut dyn FnMut(Value) -> Result<(), serde_json::Error>,
) -> Result<(), ConfigError> {
    let mut overlay = |keys: &mut dyn Iterator<Item = (&String, &Value)>| {
        let mut all: Map<String, Value> = defaults.clone();
        for (k, v) in keys {
            all.insert(k.clone(), v.clone());
        }
        read(Value::Object(all))
    };
    match overlay(&mut given.iter()) {
        Ok(()) => Ok(()),
        // Which key was it? Each alone over the defaults tells.
        Err(whole) => {
            for (k, v) in given {
                if let Err(e) = overlay(&mut std::iter::once((k, v))) {
                    let expected = of_serde(&e);
                    // Sizes that must be given are at least 1.
                    let size = expected == WHOLE && required.contains(&k.as_str());
                    return Err(ConfigError::value(class, k, if size { "a positive integer" } else { &expected }, v));
                }
            }
            Err(ConfigError::Shape { expected: format!("the arguments of {class}"), got: whole.to_string() })
        }
    }
}

/// An axis or several, written as they were given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "neither, expected an axis or a list of axes")]
pub(crate) enum Axes {
    One(isize),
    Many(Vec<isize>),
}

impl Default for Axes {
    fn default() -> Self {
        Self::One(-1)
    }
}

impl Axes {
    pub(crate) fn as_slice(&self) -> &[isize] {
        match self {
            Self::One(axis) => std::slice::from_ref(axis),
            Self::Many(axes) => axes,
        }
    }
}

/// One of an object's arguments; an error names it.
pub(crate) fn argument<T: DeserializeOwned>(class: &str, key: &str, arguments: &Map<String, Value>) -> Result<T, ConfigError> {
    let value = arguments.get(key).unwrap_or(&Value::Null);
    serde_json::from_value(value.clone()).map_err(|e| ConfigError::value(class, key, of_serde(&e), value))
}

/// What is expected where whole numbers count something.
const WHOLE: &str = "an integer of at least 0";

/// What serde expected, without its own words for what came and for types.
fn of_serde(e: &serde_json::Error) -> String {
    let text = e.to_string();
    match text.split_once(", expected ") {
        Some((_, "usize" | "u64" | "u32" | "u8")) => WHOLE.into(),
        Some((_, "isize" | "i64" | "i32")) => "an integer".into(),
        Some((_, "f64" | "f32")) => "a number".into(),
        Some((_, "a boolean")) => "true or false".into(),
        Some((_, "a sequence")) => "a list".into(),
        Some((_, expected)) => expected.into(),
        None => format!("something else ({text})"),
    }
}

/// The class name and arguments of an envelope, or of a plain name with default arguments.
pub(crate) fn open<'v>(kind: &'static str, value: &'v Value) -> Result<(&'v str, Option<&'v Value>), ConfigError> {
    match value {
        Value::String(name) => Ok((name, None)),
        Value::Object(o) => match o.get("class_name") {
            Some(Value::String(class)) => Ok((class, o.get("config"))),
            _ => Err(ConfigError::Shape { expected: format!("a {kind} with a `class_name`"), got: shorten(&value.to_string()) }),
        },
        _ => Err(ConfigError::Shape { expected: format!("a {kind}"), got: shorten(&value.to_string()) }),
    }
}

/// Types of a layer's weights and of its computation, as Keras writes them: a policy object. A plain string is accepted.
///
/// Under [`MixedBfloat16`](Self::MixedBfloat16) a layer rounds its floating-point inputs and weights to bfloat16 on entry, sums products
/// of them in `float32`, and rounds what it returns; under [`MixedFloat16`](Self::MixedFloat16) likewise to float16. Weights, the optimizer,
/// the loss and metrics stay in `float32`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum DTypePolicy {
    /// `float32`: all in single precision.
    #[default]
    Float32,
    /// `mixed_bfloat16`: weights in single precision, computation in bfloat16 (8 significant bits, the range of single precision).
    MixedBfloat16,
    /// `mixed_float16`: weights in single precision, computation in float16 (11 significant bits, at most 65504). As in Keras, a model of this
    /// policy is compiled with a [`LossScaleOptimizer`](crate::optimizers::LossScaleOptimizer) around the optimizer that it is given.
    MixedFloat16,
}

impl DTypePolicy {
    /// What [`from_name`](Self::from_name) takes, for messages.
    const EXPECTED: &str = "\"float32\", \"mixed_bfloat16\" or \"mixed_float16\" (weights in float32, computation in 16 bits)";

    /// Keras' name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::MixedBfloat16 => "mixed_bfloat16",
            Self::MixedFloat16 => "mixed_float16",
        }
    }
    /// The rounding to its compute type, where that is not single precision.
    pub fn rounding(self) -> Option<UnaryOp> {
        match self {
            Self::Float32 => None,
            Self::MixedBfloat16 => Some(UnaryOp::Bf16),
            Self::MixedFloat16 => Some(UnaryOp::F16),
        }
    }
    /// The policy of a name; `owner` is whose `dtype` it is, for the message.
    pub fn from_name(owner: &str, name: &str) -> Result<Self, ConfigError> {
        [Self::Float32, Self::MixedBfloat16, Self::MixedFloat16]
            .into_iter()
            .find(|p| p.name() == name)
            .ok_or_else(|| ConfigError::value(owner, "dtype", Self::EXPECTED, format!("{name:?}")))
    }
}

impl From<DTypePolicy> for Value {
    fn from(policy: DTypePolicy) -> Self {
        json!({"module": "keras", "class_name": "DTypePolicy", "config": {"name": policy.name()}, "registered_name": null})
    }
}
impl TryFrom<Value> for DTypePolicy {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        let name = match &value {
            Value::String(s) => Some(s.as_str()),
            Value::Object(_) => value.pointer("/config/name").and_then(Value::as_str),
            _ => None,
        };
        let known = name.and_then(|name| Self::from_name("", name).ok());
        known.ok_or_else(|| format!("{} given, expected {}", shorten(&value.to_string()), Self::EXPECTED))
    }
}
