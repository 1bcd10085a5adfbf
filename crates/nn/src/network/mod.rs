//! Networks: layers, and which is called on what. A network is a description; with weights it becomes a [`Model`](crate::Model), and as a
//! layer it becomes part of another network.

mod chain;
mod config;
mod foreign;
mod functional;
pub(crate) mod input;
mod nested;
mod order;
mod part;
mod sequential;
mod settings;
pub(crate) mod shapes;
mod symbolic;

pub use chain::Unfit;
pub(crate) use chain::{Calls, open_sizes};
pub(crate) use config::{CallShapes, Problem, Shapes};
pub use functional::Functional;
pub use sequential::{Seed, Sequential};
pub use settings::CallSettings;
pub use shapes::{OpenShape, output_shapes, output_shapes_with};
pub use symbolic::{Apply, IntoTensors, KerasTensor, SharedLayer};

use crate::{
    Layer, Masked, Trace,
    keras::{ConfigError, DTypePolicy},
    layers::Kept,
    trace::belongs,
};
use adaline_formats::{PathNamer, snake_case};
use input::{INPUT_LAYER, InputSpec};
use std::collections::BTreeMap;

/// A layer and its name within the network.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) layer: Box<dyn Layer>,
}

impl Clone for Named {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), layer: self.layer.boxed() }
    }
}

/// A layer called on values. Values are numbered: the inputs of the network first, then the results of the calls in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Which layer.
    pub(crate) layer: usize,
    /// Which call of that layer, from 0 (Keras' `node_index`).
    pub(crate) number: usize,
    /// The values it is called on, each there before.
    pub(crate) inputs: Vec<usize>,
    /// The value that its first result becomes.
    pub(crate) first: usize,
    /// How many results it has.
    pub(crate) results: usize,
    /// What the layer is told besides; masks are the last of the inputs.
    pub(crate) settings: CallSettings,
}

/// A layer that is no network itself.
pub(crate) struct Leaf<'n> {
    /// Its path: `trunk/dense`.
    pub(crate) path: String,
    /// Where a weights file keeps it: `layers/functional/layers/dense`.
    pub(crate) file: String,
    pub(crate) layer: &'n dyn Layer,
}

/// How a network is written: as a list of layers or as a graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Sequential,
    Functional,
}

/// Layers and their calls: what a [`Sequential`] or a [`Functional`] describes.
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) kind: Kind,
    /// Its name, or none: as a layer it is then named after its class.
    pub(crate) name: Option<String>,
    /// Whether training may change weights, as a layer.
    pub(crate) trainable: bool,
    /// The policy that layers take which have none of their own.
    pub(crate) dtype: Option<DTypePolicy>,
    /// What it takes; nothing for a chain of layers without an input layer.
    pub(crate) inputs: Option<Vec<InputSpec>>,
    /// Each layer once, in Keras' order, input layers left out.
    pub(crate) layers: Vec<Named>,
    /// Calls in an order in which they can be made.
    pub(crate) calls: Vec<Call>,
    /// Values that are its outputs.
    pub(crate) outputs: Vec<usize>,
}

impl Network {
    /// Layers one after the other, the first of which may be an input layer. They get names and, where they have none, the policy.
    pub(crate) fn chain(name: Option<String>, dtype: Option<DTypePolicy>, mut layers: Vec<Box<dyn Layer>>) -> Result<Self, Problem> {
        let wrong = Problem::Whole;
        let inputs = match layers.first() {
            Some(first) if first.class_name() == INPUT_LAYER => Some(vec![InputSpec::from_layer(layers.remove(0).as_ref())?]),
            _ => None,
        };
        if layers.is_empty() {
            return Err(wrong("it has no layer: add at least one, such as Dense::new(1)".into()));
        }
        if let Some(at) = layers.iter().position(|l| l.class_name() == INPUT_LAYER) {
            return Err(wrong(format!("layer {} is an input layer; only the first layer can be one", at + 1)));
        }
        if let Some(at) = layers.iter().position(|l| l.results() != 1) {
            let class = layers[at].class_name();
            return Err(wrong(format!(
                "layer {} ({class}) gives {} tensors, and a chain of layers hands on one: choose arguments with which it gives one, \
                 or make the model with Functional::new",
                at + 1,
                layers[at].results()
            )));
        }
        let layers = name_layers(layers, Vec::new()).map_err(wrong)?;
        let calls = (0..layers.len())
            .map(|at| Call { layer: at, number: 0, inputs: vec![at], first: at + 1, results: 1, settings: CallSettings::new() })
            .collect();
        let outputs = vec![layers.len()];
        let mut network = Self { kind: Kind::Sequential, name, trainable: true, dtype: None, inputs, layers, calls, outputs };
        network.inherit(dtype);
        Ok(network)
    }
    /// Gives the policy to layers that have none.
    fn inherit(&mut self, dtype: Option<DTypePolicy>) {
        if let Some(policy) = dtype {
            self.dtype = dtype;
            self.layers.iter_mut().filter(|l| l.layer.dtype_policy().is_none()).for_each(|l| l.layer.set_dtype_policy(policy));
        }
    }
    /// Puts the layers into the order of the names.
    fn reorder(&mut self, names: &[&str]) {
        let places: BTreeMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let mut order: Vec<usize> = (0..self.layers.len()).collect();
        order.sort_by_key(|&at| places.get(self.layers[at].name.as_str()));
        let mut new = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| new[from] = to);
        self.calls.iter_mut().for_each(|call| call.layer = new[call.layer]);
        let mut left: Vec<Option<Named>> = std::mem::take(&mut self.layers).into_iter().map(Some).collect();
        self.layers = order.into_iter().filter_map(|at| left[at].take()).collect();
    }
    /// Calls of layers that one call of it makes, those of networks within too.
    fn layer_calls(&self) -> usize {
        self.calls.iter().map(|c| self.layers[c.layer].layer.calls()).fold(0, usize::saturating_add)
    }
    /// How many inputs it has.
    pub(crate) fn input_count(&self) -> usize {
        self.inputs.as_ref().map_or(1, Vec::len)
    }
    /// Keras' names of the outputs: those of the layers that give them.
    pub(crate) fn output_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.outputs.len());
        for &value in &self.outputs {
            let base = self.origin(value).0;
            let mut name = base.to_owned();
            for n in 1.. {
                if !names.contains(&name) {
                    break;
                }
                name = format!("{base}_{n}");
            }
            names.push(name);
        }
        names
    }
    /// Where a value comes from: name of the layer, number of its call, number of the result (Keras' history of a tensor).
    pub(crate) fn origin(&self, value: usize) -> (&str, usize, usize) {
        if let (Some(inputs), true) = (&self.inputs, value < self.input_count()) {
            return (&inputs[value].name, 0, 0);
        }
        let call = self.calls.iter().find(|c| (c.first..c.first + c.results).contains(&value));
        call.map_or(("input_layer", 0, 0), |c| (&self.layers[c.layer].name, c.number, value - c.first))
    }
    /// A name for each call: that of the layer, and for a further call of the same one its number too.
    pub(crate) fn call_name(&self, call: &Call) -> String {
        let name = &self.layers[call.layer].name;
        if call.number == 0 { name.clone() } else { format!("{name}[{}]", call.number) }
    }
    /// Rows of the table in which the values of an input are looked up, and by which layer, where one does that.
    pub(crate) fn table_of(&self, input: usize) -> Option<(&str, usize)> {
        let mut called = self.calls.iter().filter(|c| c.inputs.first() == Some(&input)).map(|c| (&self.layers[c.layer], &c.settings));
        called.find_map(|(l, settings)| {
            let told = settings.told(l.layer.as_ref()).ok().flatten();
            told.as_deref().unwrap_or(l.layer.as_ref()).table_rows().map(|rows| (l.name.as_str(), rows))
        })
    }
    /// Writes all calls into the graph: all values.
    pub(crate) fn write<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Masked<'g>]) -> Vec<Masked<'g>> {
        let mut values = inputs.to_vec();
        for call in &self.calls {
            let Named { name, layer } = &self.layers[call.layer];
            let given: Vec<Masked<'g>> = call.inputs.iter().filter_map(|&v| values.get(v).copied()).collect();
            let results = call.settings.apply_in_network(cx, name, layer.as_ref(), &given);
            cx.record(self, call, &given, &results);
            let count = results.len();
            values.extend(results);
            if count != call.results || cx.builder().failed() {
                // An error has been latched; what follows only needs values to be there.
                let filler =
                    Masked::from(cx.builder().error(format!("layer `{name}` gave {count} results, {} were expected", call.results)));
                values.resize(call.first + call.results, filler);
            }
        }
        values
    }
    /// Path of each layer in a weights file below `parent`.
    fn layer_paths(&self, parent: &str) -> Vec<String> {
        let mut namer = PathNamer::new(parent);
        self.layers.iter().map(|n| namer.path(n.layer.python_class())).collect()
    }
    /// Adds its layers to a list, in the place of a network within that one's: those of the path `above`, which a weights file keeps at `place`.
    pub(crate) fn add_leaves<'n>(&'n self, above: &str, place: &str, leaves: &mut Vec<Leaf<'n>>) {
        for (named, file) in self.layers.iter().zip(self.layer_paths(place)) {
            let path = if above.is_empty() { named.name.clone() } else { format!("{above}/{}", named.name) };
            match named.layer.inner() {
                Some(network) => network.add_leaves(&path, &format!("{file}/layers"), leaves),
                None => leaves.push(Leaf { path, file, layer: named.layer.as_ref() }),
            }
        }
    }
    /// Hands its layers, whose places begin with `parent`, what a file keeps of them beside configuration and weights.
    pub(crate) fn take_all_kept(&mut self, parent: &str, kept: &Kept<'_>) -> Result<(), ConfigError> {
        let places = self.layer_paths(parent);
        self.layers.iter_mut().zip(places).try_for_each(|(named, place)| {
            let nested = |source| ConfigError::Nested { class: "the file".into(), key: named.name.clone(), source: Box::new(source) };
            named.layer.take_kept(&place, kept).map_err(nested)
        })
    }
    /// Where a weights file keeps what is at a path here: `lstm/cell` at `layers/lstm/cell`, `trunk/dense` at `layers/functional/layers/dense`.
    pub(crate) fn file_path(&self, path: &str) -> Option<String> {
        let at = self.layers.iter().position(|l| belongs(path, &l.name))?;
        let (named, place) = (&self.layers[at], self.layer_paths("layers").swap_remove(at));
        let inner = path.strip_prefix(named.name.as_str())?.trim_start_matches('/');
        if inner.is_empty() { Some(place) } else { Some(format!("{place}/{}", named.layer.file_path(inner))) }
    }
}

/// Gives names to the layers that have none: the class in snake case, with a counter from the second of its kind on. `used` are names that
/// others have already.
pub(crate) fn name_layers(layers: Vec<Box<dyn Layer>>, mut used: Vec<String>) -> Result<Vec<Named>, String> {
    for layer in &layers {
        let Some(name) = layer.name() else { continue };
        check_name(name)?;
        if used.iter().any(|u| u == name) {
            return Err(format!("two layers have the name `{name}`: give them different ones, or none"));
        }
        used.push(name.into());
    }
    let mut named = Vec::with_capacity(layers.len());
    for mut layer in layers {
        let name = if let Some(name) = layer.name() {
            name.to_owned()
        } else {
            let name = free_name(&snake_case(layer.python_class()), &used);
            used.push(name.clone());
            layer.set_name(name.clone());
            name
        };
        named.push(Named { name, layer });
    }
    Ok(named)
}

/// The name, or the first with a counter behind it that is not used.
fn free_name(base: &str, used: &[String]) -> String {
    let free = |name: &String| !used.contains(name);
    std::iter::once(base.to_owned()).chain((1..=used.len()).map(|n| format!("{base}_{n}"))).find(free).unwrap_or_else(|| base.to_owned())
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(['/', '\\', ':']) {
        return Err(format!("the layer name {name:?} is empty or has a slash or colon in it, which separate the parts of a weight's path"));
    }
    Ok(())
}
