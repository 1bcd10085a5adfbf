//! Networks as Keras writes and reads them: `Sequential` with its list of layers, `Functional` with the calls of each layer (`inbound_nodes`).

use super::foreign::foreign_layers;
use super::symbolic::{Apply, KerasTensor, SharedLayer};
use super::{Call, CallSettings, Functional, INPUT_LAYER, Kind, Network};
use crate::Layer;
use crate::catalogue::layer_from_json;
use crate::error::Error;
use crate::keras::{ConfigError, DTypePolicy, KerasObject};
use crate::layers::Arguments;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Shapes of a call's inputs and results, the batch first, none where a size is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallShapes {
    /// Whether the layer has weights.
    pub(crate) weights: bool,
    pub(crate) inputs: Vec<Vec<Option<usize>>>,
    pub(crate) results: Vec<Vec<Option<usize>>>,
}

/// Shapes of the calls in a network, by the layer's path and the call's number.
pub(crate) type Shapes = BTreeMap<(String, usize), CallShapes>;

/// What is wrong with the configuration of a network.
#[derive(Debug)]
pub(crate) enum Problem {
    /// Of a layer, by name.
    Layer(String, Box<ConfigError>),
    /// Of the network as a whole.
    Whole(String),
}

impl Problem {
    /// As an error of a model.
    pub(crate) fn of_model(self, model: &str) -> Error {
        match self {
            Self::Layer(name, source) => Error::Layer { layer: name, source },
            Self::Whole(message) => Error::Network { model: model.into(), message },
        }
    }
    /// As an error of a file.
    pub(crate) fn of_file(self, file: &str) -> Error {
        match self {
            Self::Layer(name, source) => Error::Layer { layer: name, source },
            Self::Whole(message) => Error::Load { file: file.into(), message },
        }
    }
    pub(super) fn of_class(self, class: &str) -> ConfigError {
        match self {
            Self::Layer(key, source) => ConfigError::Nested { class: class.into(), key, source },
            Self::Whole(message) => ConfigError::Network { class: class.into(), message },
        }
    }
}

fn sizes(shape: &[Option<usize>]) -> Value {
    shape.iter().map(|d| d.map_or(Value::Null, Value::from)).collect()
}

impl Network {
    pub(super) fn to_config(&self) -> Value {
        self.config_with(&Shapes::new(), "")
    }
    pub(super) fn to_envelope(&self) -> Value {
        self.envelope_with(&Shapes::new(), "")
    }
    /// With shapes of the calls, where `path` is that of the network within the one they are of.
    pub(crate) fn envelope_with(&self, shapes: &Shapes, path: &str) -> Value {
        let registered = if self.kind == Kind::Functional { Value::from("Functional") } else { Value::Null };
        let mut envelope = json!({
            "module": self.module(), "class_name": self.class_name(), "config": self.config_with(shapes, path), "registered_name": registered,
        });
        match (self.kind, &self.inputs) {
            (Kind::Functional, _) => envelope["build_config"] = json!({"input_shape": null}),
            (Kind::Sequential, Some(inputs)) => {
                envelope["build_config"] = json!({"input_shape": inputs.first().map(super::InputSpec::batch_shape)});
            }
            (Kind::Sequential, None) => {}
        }
        envelope
    }
    fn config_with(&self, shapes: &Shapes, path: &str) -> Value {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let base = adaline_formats::snake_case(self.class_name());
        let mut config = json!({"name": self.name.as_deref().unwrap_or(&base), "trainable": self.trainable});
        let inputs = self.inputs.iter().flatten().map(super::InputSpec::envelope);
        let mut layers: Vec<Value> = inputs.collect();
        let own = layers.len();
        for named in &self.layers {
            let here = below(&named.name);
            let mut envelope = match named.layer.inner() {
                Some(network) => network.envelope_with(shapes, &here),
                None => named.layer.envelope(),
            };
            // As Keras: layers without weights need no building.
            if let Some(call) = shapes.get(&(here, 0)).filter(|c| c.weights && named.layer.inner().is_none())
                && let [shape] = &call.inputs[..]
            {
                envelope["build_config"] = json!({"input_shape": sizes(shape)});
            }
            layers.push(envelope);
        }
        if self.kind == Kind::Sequential {
            config["dtype"] = json!(self.dtype.unwrap_or_default());
            config["build_input_shape"] = self.inputs.iter().flatten().next().map_or(Value::Null, super::InputSpec::batch_shape);
            config["layers"] = layers.into();
            return config;
        }
        for (at, layer) in layers.iter_mut().enumerate() {
            (layer["name"], layer["inbound_nodes"]) = match at.checked_sub(own) {
                None => (layer["config"]["name"].clone(), json!([])),
                Some(at) => (self.layers[at].name.as_str().into(), self.nodes_of(at, shapes, &below).into()),
            };
        }
        config["layers"] = layers.into();
        // Keras counts the calls of a graph of layers from 1 here, since such a network has been called once when it was made.
        let place = |value: usize| {
            let (name, call, result) = self.origin(value);
            let graph = self.layers.iter().any(|l| l.name == name && is_graph(l.layer.as_ref()));
            json!([name, call + usize::from(graph), result])
        };
        let places = |values: Vec<Value>| match <[Value; 1]>::try_from(values) {
            Ok([one]) => one,
            Err(several) => several.into(),
        };
        config["input_layers"] = places((0..self.input_count()).map(place).collect());
        config["output_layers"] = places(self.outputs.iter().map(|&v| place(v)).collect());
        config
    }
    /// The calls of a layer in their order.
    fn nodes_of(&self, layer: usize, shapes: &Shapes, below: &dyn Fn(&str) -> String) -> Vec<Value> {
        let mut calls: Vec<&Call> = self.calls.iter().filter(|c| c.layer == layer).collect();
        calls.sort_by_key(|c| c.number);
        let named = &self.layers[layer];
        calls
            .into_iter()
            .map(|call| {
                let known = shapes.get(&(below(&named.name), call.number));
                let tensors = call.inputs.iter().enumerate().map(|(i, &value)| {
                    let (name, node, result) = self.origin(value);
                    let shape = known.and_then(|k| k.inputs.get(i)).map_or_else(|| json!([null]), |s| sizes(s));
                    let whole = self.inputs.iter().flatten().nth(value).filter(|_| value < self.input_count());
                    let dtype = whole.map_or("float32", super::InputSpec::dtype_name);
                    json!({"class_name": "__keras_tensor__", "config": {"shape": shape, "dtype": dtype, "keras_history": [name, node, result]}})
                });
                let mut tensors: Vec<Value> = tensors.collect();
                if let Some((args, kwargs)) = named.layer.written_call(call.settings.others(), &tensors) {
                    return json!({"args": args, "kwargs": kwargs});
                }
                let mut kwargs = named.layer.call_arguments();
                let masks = tensors.split_off(tensors.len().saturating_sub(call.settings.mask_count()));
                kwargs.extend(call.settings.written(named.layer.as_ref(), masks));
                let args = match named.layer.arguments() {
                    Arguments::List if tensors.len() == 1 => tensors,
                    Arguments::List => vec![Value::Array(tensors)],
                    Arguments::Named(needed, rest) => {
                        let optional = tensors.split_off(tensors.len().min(needed.len()));
                        // Those beyond the ones that must be there go by their names.
                        kwargs.extend(rest.iter().map(|k| (*k).to_owned()).zip(optional));
                        tensors
                    }
                    Arguments::WithStates => {
                        let states = tensors.split_off(tensors.len().min(1));
                        if !states.is_empty() {
                            kwargs.insert("initial_state".into(), states.into());
                        }
                        tensors
                    }
                };
                json!({"args": args, "kwargs": kwargs})
            })
            .collect()
    }

    /// Reads the network of a file. Layers that cannot be read are told of all at once.
    pub(crate) fn from_file(envelope: &Value) -> Result<Self, Problem> {
        match foreign_layers(envelope) {
            Some(message) => Err(Problem::Whole(message)),
            None => Self::from_json(envelope),
        }
    }

    /// Reads a network from its envelope, `Sequential` or `Functional`.
    pub(crate) fn from_json(envelope: &Value) -> Result<Self, Problem> {
        let config = &envelope["config"];
        let mut network = match envelope["class_name"].as_str() {
            Some("Sequential") => sequential(config)?,
            Some("Functional" | "Model") => functional(config)?,
            other => {
                let class = other.unwrap_or("nothing");
                return Err(Problem::Whole(format!("the model is of class {class}; Sequential and Functional models can be loaded")));
            }
        };
        // Networks that are called within networks that are called: a few lines can ask for more than any machine can do.
        let calls = network.layer_calls();
        if calls > MOST_LAYERS {
            let count = if calls == usize::MAX { "endlessly many".to_owned() } else { calls.to_string() };
            let message = format!(
                "a network that makes {count} calls of layers, those of networks within too, is more than the {MOST_LAYERS} that are read"
            );
            return Err(Problem::Whole(message));
        }
        if config["trainable"] == Value::Bool(false) {
            // A frozen model's file has frozen layers too.
            network.trainable = false;
        }
        Ok(network)
    }
    /// As a layer of another network.
    pub(crate) fn layer_from_config(class: &'static str, config: &Value) -> Result<Box<dyn Layer>, ConfigError> {
        let network = Self::from_json(&json!({"class_name": class, "config": config})).map_err(|p| p.of_class(class))?;
        network.validate()?;
        Ok(Box::new(network))
    }
}

/// Most layers of one network in a file, and most calls of layers in it and in networks within: four times as many as the deepest that people use.
const MOST_LAYERS: usize = 4_096;

fn layers_of(config: &Value) -> Result<&Vec<Value>, Problem> {
    let layers = config["layers"].as_array().ok_or_else(|| Problem::Whole("config.json has no list of layers".into()))?;
    let nodes: usize = layers.iter().map(|l| l["inbound_nodes"].as_array().map_or(0, Vec::len)).sum();
    if layers.len().max(nodes) > MOST_LAYERS {
        let count = layers.len().max(nodes);
        return Err(Problem::Whole(format!("a network of {count} layers or calls is more than the {MOST_LAYERS} that are read")));
    }
    Ok(layers)
}

fn read_layer(at: usize, layer: &Value) -> Result<Box<dyn Layer>, Problem> {
    layer_from_json(layer).map_err(|source| {
        let name = layer["config"]["name"].as_str().map_or_else(|| format!("number {}", at + 1), str::to_owned);
        Problem::Layer(name, Box::new(source))
    })
}

fn sequential(config: &Value) -> Result<Network, Problem> {
    let name = config["name"].as_str().map(str::to_owned);
    let dtype = match &config["dtype"] {
        Value::Null => None,
        dtype => Some(DTypePolicy::try_from(dtype.clone()).map_err(|e| Problem::Whole(format!("dtype of the model: {e}")))?),
    };
    let layers = layers_of(config)?.iter().enumerate().map(|(at, layer)| read_layer(at, layer));
    Network::chain(name, dtype, layers.collect::<Result<_, _>>()?)
}

/// Whether a layer is a network of the kind that Keras calls `Functional`.
fn is_graph(layer: &dyn Layer) -> bool {
    layer.inner().is_some_and(|network| network.kind == Kind::Functional)
}

/// A value's history: layer, call, result.
type History = (String, usize, usize);

/// A call that is read but not yet made.
struct Pending {
    layer: String,
    number: usize,
    /// In the order in which the layer takes them, and masks after them.
    inputs: Vec<History>,
    settings: CallSettings,
}

fn functional(config: &Value) -> Result<Network, Problem> {
    let wrong = |message: String| Problem::Whole(message);
    let mut layers: BTreeMap<String, SharedLayer> = BTreeMap::new();
    let mut made: BTreeMap<(String, usize), Vec<KerasTensor>> = BTreeMap::new();
    let mut pending: Vec<Pending> = Vec::new();
    let (mut order, mut operations): (Vec<&str>, BTreeSet<&str>) = (Vec::new(), BTreeSet::new());
    for (at, value) in layers_of(config)?.iter().enumerate() {
        // What Keras computes masks with. Here layers hand masks on by themselves; whatever else depends on it finds it missing.
        if value["module"].as_str().is_some_and(|module| module.starts_with("keras.src.ops")) {
            operations.extend(value["name"].as_str());
            continue;
        }
        let mut layer = read_layer(at, value)?;
        order.extend(value["name"].as_str().or_else(|| value["config"]["name"].as_str()));
        let name = value["name"].as_str().or_else(|| value["config"]["name"].as_str());
        let name = name.ok_or_else(|| wrong(format!("layer {} has no name, by which others call for it", at + 1)))?.to_owned();
        layer.set_name(name.clone());
        if layers.contains_key(&name) {
            return Err(wrong(format!("two layers have the name `{name}`")));
        }
        if layer.class_name() == INPUT_LAYER {
            let shared = layer.shared();
            made.insert((name.clone(), 0), vec![shared.apply(Vec::new())]);
            layers.insert(name, shared);
            continue;
        }
        let nodes = value["inbound_nodes"].as_array().ok_or_else(|| wrong(format!("layer `{name}` has no list of inbound_nodes")))?;
        for (number, node) in nodes.iter().enumerate() {
            let (inputs, settings) =
                read_node(layer.as_ref(), node, &operations).map_err(|m| wrong(format!("call {number} of layer `{name}`: {m}")))?;
            settings.check(layer.as_ref(), inputs.len()).map_err(|e| Problem::Layer(name.clone(), Box::new(e)))?;
            settings.told(layer.as_ref()).map_err(|e| Problem::Layer(name.clone(), Box::new(e)))?;
            pending.push(Pending { layer: name.clone(), number, inputs, settings });
        }
        layers.insert(name, layer.shared());
    }
    call_all(&layers, &operations, &mut made, &pending).map_err(wrong)?;
    let tensors = |key: &str| -> Result<Vec<KerasTensor>, Problem> {
        let mut places = Vec::new();
        histories(&config[key], &mut places);
        if places.is_empty() {
            return Err(wrong(format!("config.json has no `{key}`")));
        }
        let find = |(layer, call, result): History| {
            let graph = layers.get(&layer).is_some_and(|l| is_graph(l.layer()));
            let call = if graph { call.saturating_sub(1) } else { call };
            let tensor = made.get(&(layer.clone(), call)).and_then(|t| t.get(result)).cloned();
            tensor.ok_or_else(|| wrong(format!("`{key}` names result {result} of call {call} of layer `{layer}`, which does not exist")))
        };
        places.into_iter().map(find).collect()
    };
    let read = Functional::new(tensors("input_layers")?, tensors("output_layers")?);
    let mut network = read.map_err(|e| wrong(e.to_string()))?.0;
    network.name = config["name"].as_str().map(str::to_owned);
    // By this order weights are numbered in the file; operations on masks, which are left out here, take part in how Keras finds it.
    network.reorder(&order);
    Ok(network)
}

/// Makes the calls, each when the values that it takes and the calls of the same layer before it are there.
fn call_all(
    layers: &BTreeMap<String, SharedLayer>,
    operations: &BTreeSet<&str>,
    made: &mut BTreeMap<(String, usize), Vec<KerasTensor>>,
    pending: &[Pending],
) -> Result<(), String> {
    let mut waiting: BTreeMap<(String, usize), Vec<usize>> = BTreeMap::new();
    let mut missing = vec![0usize; pending.len()];
    let mut ready: Vec<usize> = Vec::new();
    for (at, call) in pending.iter().enumerate() {
        let before = call.number.checked_sub(1).map(|n| (call.layer.clone(), n));
        for needed in call.inputs.iter().map(|h| (h.0.clone(), h.1)).chain(before) {
            if !made.contains_key(&needed) {
                waiting.entry(needed).or_default().push(at);
                missing[at] += 1;
            }
        }
        if missing[at] == 0 {
            ready.push(at);
        }
    }
    let mut done = 0;
    while let Some(at) = ready.pop() {
        let call = &pending[at];
        let find = |(layer, number, result): &History| {
            let tensor = made.get(&(layer.clone(), *number)).and_then(|t| t.get(*result)).cloned();
            tensor.ok_or_else(|| format!("layer `{}` is called on result {result} of layer `{layer}`, which has fewer", call.layer))
        };
        let inputs: Vec<KerasTensor> = call.inputs.iter().map(find).collect::<Result<_, _>>()?;
        let key = (call.layer.clone(), call.number);
        let results = layers[&call.layer].apply_with(inputs, call.settings.clone()).map_err(|e| e.to_string())?;
        made.insert(key.clone(), results);
        done += 1;
        for other in waiting.remove(&key).unwrap_or_default() {
            missing[other] -= 1;
            if missing[other] == 0 {
                ready.push(other);
            }
        }
    }
    if done == pending.len() {
        return Ok(());
    }
    // The first that waits for an operation that was left out says most.
    if let Some((operation, _)) = waiting.keys().find(|(layer, _)| operations.contains(layer.as_str())) {
        return Err(format!(
            "layers are called on `{operation}`, which is no layer here: operations of keras.ops cannot be read, write them as layers \
             (Add for +, Multiply for *)"
        ));
    }
    let mut stuck: Vec<&str> = pending.iter().enumerate().filter(|(at, _)| missing[*at] > 0).map(|(_, c)| c.layer.as_str()).collect();
    stuck.dedup();
    stuck.truncate(5);
    Err(format!("layers are called on what does not exist, or in a circle: {}", stuck.join(", ")))
}

/// The tensors of a call in the order in which the layer takes them, masks after them, and its other arguments. `operations` are those that are left out.
fn read_node(layer: &dyn Layer, node: &Value, operations: &BTreeSet<&str>) -> Result<(Vec<History>, CallSettings), String> {
    let (Some(args), Some(kwargs)) = (node["args"].as_array(), node["kwargs"].as_object()) else {
        return Err("it is not written as Keras 3 does, with args and kwargs".into());
    };
    let mut inputs = Vec::new();
    for arg in args {
        let before = inputs.len();
        tensors(arg, &mut inputs);
        if inputs.len() == before && !arg.is_null() {
            return Err(format!("its argument {arg} is no tensor"));
        }
    }
    let mut settings = CallSettings::new();
    // Tensors by name follow those without in the layer's order.
    let (needed, rest): (&[&str], &[&str]) = match layer.arguments() {
        Arguments::List => (&["inputs"], &[]),
        Arguments::Named(needed, rest) => (needed, rest),
        Arguments::WithStates => (&["sequences"], &["initial_state"]),
    };
    let names: Vec<&str> = needed.iter().chain(rest).copied().collect();
    for &name in names.iter().skip(args.len()) {
        match kwargs.get(name).filter(|v| !v.is_null()) {
            Some(value) => tensors(value, &mut inputs),
            None if needed.contains(&name) => return Err(format!("the argument `{name}` is missing")),
            None => {}
        }
    }
    if inputs.is_empty() {
        return Err("it has no tensor as input".into());
    }
    for (key, value) in kwargs {
        if names.contains(&key.as_str()) || value.is_null() || (key == "training" && value.is_boolean()) {
            continue;
        }
        let mut found = Vec::new();
        tensors(value, &mut found);
        if found.is_empty() {
            settings = settings.other(key, value.clone());
            continue;
        }
        // Masks that Keras computes of the inputs come here by themselves.
        let computed = found.iter().any(|(layer, ..)| operations.contains(layer.as_str()));
        let of = key.strip_suffix("_mask").and_then(|of| names.iter().position(|name| *name == of));
        match (key.as_str(), of) {
            ("mask", _) | (_, Some(_)) if computed => {}
            // Keras takes it from the tensor, whatever the call says.
            ("query_mask", _) if layer.class_name() == "MultiHeadAttention" => {}
            ("mask", _) => {
                let each = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
                for (input, mask) in each.into_iter().enumerate() {
                    let before = inputs.len();
                    tensors(mask, &mut inputs);
                    if inputs.len() > before {
                        settings = settings.mask(input);
                    }
                }
            }
            ("attention_mask", _) if layer.takes_attention_mask() => {
                inputs.append(&mut found);
                settings = settings.attention_mask();
            }
            (_, Some(input)) => {
                inputs.append(&mut found);
                settings = settings.mask(input);
            }
            _ => return Err(format!("the tensor `{key}` is none that {} takes here", layer.class_name())),
        }
    }
    Ok((inputs, settings))
}

/// Histories of the tensors in an argument, which may be lists of them.
fn tensors(value: &Value, found: &mut Vec<History>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| tensors(v, found)),
        Value::Object(_) if value["class_name"] == "__keras_tensor__" => histories(&value["config"]["keras_history"], found),
        Value::Object(map) if !map.contains_key("class_name") => map.values().for_each(|v| tensors(v, found)),
        _ => {}
    }
}

/// Histories written as `["dense", 0, 0]`, one or a list or map of them.
fn histories(value: &Value, found: &mut Vec<History>) {
    let number = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
    match value {
        Value::Array(list) => match &list[..] {
            [Value::String(layer), call, result] => {
                if let (Some(call), Some(result)) = (number(call), number(result)) {
                    found.push((layer.clone(), call, result));
                }
            }
            _ => list.iter().for_each(|v| histories(v, found)),
        },
        Value::Object(map) => map.values().for_each(|v| histories(v, found)),
        _ => {}
    }
}
