//! From messages to a checked graph: names resolved, operators known, constants read. All that is not supported is found at once.

use super::error::{ImportError, malformed};
use super::kind::{Kind, type_name};
use super::table::{self, Row};
use super::tensor::OnnxTensor;
use crate::proto::{self, attribute_type as t};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An input or output as a file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueSpec {
    /// Its name.
    pub name: String,
    /// Type of its elements, where it is given.
    pub kind: Option<Kind>,
    /// Its sizes, where their number is given; each a number, or open with a name that may be empty.
    pub dims: Option<Vec<Result<usize, String>>>,
}

/// A graph whose nodes stand after what they read.
#[derive(Debug)]
pub(crate) struct Graph {
    /// What is given when it runs, initializers left out.
    pub(crate) inputs: Vec<ValueSpec>,
    pub(crate) outputs: Vec<ValueSpec>,
    pub(crate) constants: Vec<(String, Arc<OnnxTensor>)>,
    pub(crate) nodes: Vec<Node>,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: String,
    pub(crate) row: &'static Row,
    /// Names of what it reads; empty where left out.
    pub(crate) inputs: Vec<String>,
    /// Names of its results; empty where not asked for.
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// Version of the set of operators.
    pub(crate) opset: i64,
}

#[derive(Debug)]
pub(crate) enum Attribute {
    Int(i64),
    Float(f32),
    Text(String),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Texts(Vec<String>),
    Tensor(Arc<OnnxTensor>),
    Graph(Box<Graph>),
}

/// Names that nodes may read: those of a graph, and of the graphs around it.
pub(crate) struct Names<'a> {
    own: BTreeSet<&'a str>,
    outer: Option<&'a Names<'a>>,
}

impl Names<'_> {
    fn contains(&self, name: &str) -> bool {
        self.own.contains(name) || self.outer.is_some_and(|o| o.contains(name))
    }
}

/// Reads a graph; what is not supported goes to `unsupported`, and is an error of the whole.
pub(crate) struct Checker {
    pub(crate) opset: i64,
    /// Names (domain, operator) of functions that the file defines.
    pub(crate) functions: BTreeSet<(String, String)>,
    pub(crate) unsupported: BTreeSet<String>,
}

impl Checker {
    /// `outer` are the names that the graph may use of those around it.
    pub(crate) fn graph(&mut self, graph: &mut proto::Graph, outer: Option<&Names<'_>>) -> Result<Graph, ImportError> {
        let mut constants = Vec::with_capacity(graph.initializer.len());
        let mut names = Vec::with_capacity(graph.initializer.len());
        for (i, tensor) in graph.initializer.iter_mut().enumerate() {
            let place = if tensor.name.is_empty() { format!("initializer {i}") } else { format!("initializer `{}`", tensor.name) };
            let name = std::mem::take(&mut tensor.name);
            if let Some(read) = self.tensor(tensor, &place)? {
                constants.push((name.clone(), Arc::new(read)));
            }
            names.push(name);
        }
        // In files of old versions initializers are inputs as well.
        let named: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let inputs: Vec<ValueSpec> =
            graph.input.iter().filter(|v| !named.contains(v.name.as_str())).map(|v| self.value(v)).collect::<Result<_, _>>()?;
        let outputs: Vec<ValueSpec> = graph.output.iter().map(|v| self.value(v)).collect::<Result<_, _>>()?;
        if named.len() < names.len() {
            return Err(malformed("the initializers", "two of them have the same name"));
        }
        let mut known = Names { own: named, outer };
        for input in &inputs {
            if !known.own.insert(&input.name) {
                return Err(malformed(&format!("input `{}`", input.name), "it is defined twice"));
            }
        }
        let mut nodes = Vec::with_capacity(graph.node.len());
        let mut protos = std::mem::take(&mut graph.node);
        let values: Vec<(Vec<String>, Vec<String>)> =
            protos.iter_mut().map(|n| (std::mem::take(&mut n.input), std::mem::take(&mut n.output))).collect();
        for (i, (node, (reads, makes))) in protos.iter_mut().zip(&values).enumerate() {
            let place = if node.name.is_empty() {
                format!("node {i} ({})", node.op_type)
            } else {
                format!("node `{}` ({})", node.name, node.op_type)
            };
            for name in reads.iter().filter(|n| !n.is_empty()) {
                if !known.contains(name) {
                    let made = values.iter().any(|(_, makes)| makes.contains(name));
                    let why =
                        if made { "is read before it is made: the nodes are in a wrong order or form a circle" } else { "is nowhere made" };
                    return Err(malformed(&place, format!("its input `{name}` {why}")));
                }
            }
            if let Some(node) = self.node(node, &place, reads, makes, &known)? {
                nodes.push(node);
            }
            for name in makes.iter().filter(|n| !n.is_empty()) {
                if !known.own.insert(name) {
                    return Err(malformed(&place, format!("its output `{name}` is made a second time")));
                }
            }
        }
        if let Some(missing) = outputs.iter().find(|o| !known.contains(&o.name)) {
            return Err(malformed(&format!("output `{}`", missing.name), "it is nowhere made"));
        }
        Ok(Graph { inputs, outputs, constants, nodes })
    }

    /// Types and places that are not supported are noted, and nothing is returned for them.
    fn tensor(&mut self, tensor: &mut proto::Tensor, place: &str) -> Result<Option<OnnxTensor>, ImportError> {
        if Kind::of(tensor.data_type).is_none() {
            self.unsupported.insert(format!("tensors of {} ({place})", type_name(tensor.data_type)));
            return Ok(None);
        }
        if tensor.data_location == 1 || !tensor.external_data.is_empty() {
            self.unsupported.insert(format!("values in another file ({place}): save the model in one file"));
            return Ok(None);
        }
        OnnxTensor::read(tensor, place).map(Some)
    }

    fn value(&mut self, value: &proto::ValueInfo) -> Result<ValueSpec, ImportError> {
        let name = value.name.clone();
        let mut spec = ValueSpec { name, kind: None, dims: None };
        let Some(ty) = &value.r#type else { return Ok(spec) };
        let Some(tensor) = &ty.tensor_type else {
            let what = if ty.sequence_type.is_some() { "sequences" } else { "values that are no tensors" };
            self.unsupported.insert(format!("{what} (value `{}`)", spec.name));
            return Ok(spec);
        };
        spec.kind = Kind::of(tensor.elem_type);
        if spec.kind.is_none() && tensor.elem_type != 0 {
            self.unsupported.insert(format!("tensors of {} (value `{}`)", type_name(tensor.elem_type), spec.name));
        }
        if let Some(shape) = &tensor.shape {
            let size = |d: &proto::Dimension| match d.dim_value {
                Some(v) if v > 0 || d.dim_param.is_none() && v == 0 => usize::try_from(v).map(Ok).ok(),
                Some(v) if v < -1 => None,
                _ => Some(Err(d.dim_param.clone().unwrap_or_default())),
            };
            let dims: Option<Vec<_>> = shape.dim.iter().map(size).collect();
            spec.dims = Some(dims.ok_or_else(|| malformed(&format!("value `{}`", spec.name), "one of its sizes is negative"))?);
        }
        Ok(spec)
    }

    fn node(
        &mut self,
        node: &mut proto::Node,
        place: &str,
        reads: &[String],
        makes: &[String],
        known: &Names<'_>,
    ) -> Result<Option<Node>, ImportError> {
        let domain = if node.domain == "ai.onnx" { "" } else { node.domain.as_str() };
        if self.functions.contains(&(domain.to_owned(), node.op_type.clone())) {
            self.unsupported.insert(format!("operator {} of domain `{domain}`, a function of the file", node.op_type));
            return Ok(None);
        }
        if !domain.is_empty() {
            self.unsupported.insert(format!("operator {} of domain `{domain}`", node.op_type));
            return Ok(None);
        }
        let Some(row) = table::find(&node.op_type) else {
            self.unsupported.insert(format!("operator {}", node.op_type));
            return Ok(None);
        };
        let mut attributes = BTreeMap::new();
        for attribute in &mut node.attribute {
            let name = std::mem::take(&mut attribute.name);
            if !row.attributes.contains(&name.as_str()) {
                self.unsupported.insert(format!("attribute `{name}` of operator {}", row.name));
                continue;
            }
            if let Some(value) = self.attribute(attribute, &format!("{place}, attribute `{name}`"), known)? {
                attributes.insert(name, value);
            }
        }
        if reads.len() > row.inputs.1 || reads.iter().take(row.inputs.0).filter(|n| !n.is_empty()).count() < row.inputs.0 {
            let (least, most) = row.inputs;
            let most = if most == usize::MAX { "any number".into() } else { most.to_string() };
            return Err(malformed(place, format!("it takes {least} to {most} inputs, and has {}", reads.len())));
        }
        if makes.is_empty() {
            return Err(malformed(place, "it has no output"));
        }
        let (inputs, outputs) = (reads.to_vec(), makes.to_vec());
        Ok(Some(Node { place: place.into(), row, inputs, outputs, attributes, opset: self.opset }))
    }

    fn attribute(&mut self, a: &mut proto::Attribute, place: &str, known: &Names<'_>) -> Result<Option<Attribute>, ImportError> {
        if !a.ref_attr_name.is_empty() {
            return Err(malformed(place, "it refers to a function around it, and there is none"));
        }
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| malformed(place, "its text is not UTF-8"));
        // Files of the first versions do not say which of the values it is.
        let kind = match a.r#type {
            0 if a.f.is_some() => t::FLOAT,
            0 if a.i.is_some() => t::INT,
            0 if a.s.is_some() => t::STRING,
            0 if a.t.is_some() => t::TENSOR,
            0 if a.g.is_some() => t::GRAPH,
            0 if !a.floats.is_empty() => t::FLOATS,
            0 if !a.strings.is_empty() => t::STRINGS,
            0 => t::INTS,
            other => other,
        };
        Ok(Some(match kind {
            t::FLOAT => Attribute::Float(a.f.unwrap_or_default()),
            t::INT => Attribute::Int(a.i.unwrap_or_default()),
            t::STRING => Attribute::Text(text(a.s.take().unwrap_or_default())?),
            t::FLOATS => Attribute::Floats(std::mem::take(&mut a.floats)),
            t::INTS => Attribute::Ints(std::mem::take(&mut a.ints)),
            t::STRINGS => Attribute::Texts(std::mem::take(&mut a.strings).into_iter().map(text).collect::<Result<_, _>>()?),
            t::TENSOR => {
                let tensor = a.t.as_mut().ok_or_else(|| malformed(place, "it is said to hold a tensor and does not"))?;
                return Ok(self.tensor(tensor, place)?.map(|t| Attribute::Tensor(Arc::new(t))));
            }
            t::GRAPH => {
                let graph = a.g.as_mut().ok_or_else(|| malformed(place, "it is said to hold a graph and does not"))?;
                Attribute::Graph(Box::new(self.graph(graph, Some(known))?))
            }
            _ => {
                self.unsupported.insert(format!("attributes of type {kind} ({place})"));
                return Ok(None);
            }
        }))
    }
}
