//! The ONNX model under construction: names, nodes, constants, computed sizes.

use super::ExportError;
use super::held::Held;
use super::sizes::{Formula, Size, formula};
use super::traces::Variable;
use crate::proto::{self, attribute_type, data_type};
use adaline_graph::{DType, Literal, SlotId};
use adaline_nn::Model;
use std::collections::{BTreeMap, BTreeSet};

/// Values of an initializer.
enum Data {
    /// Of a slot: its values as a tensor of these sizes, then with its axes in this order.
    Slot(SlotId, Vec<usize>, Vec<usize>),
    /// Little-endian.
    Raw(Vec<u8>),
}

/// A constant of the model. Those that nothing reads are left out in the end.
struct Constant {
    name: String,
    element: i32,
    dims: Vec<usize>,
    data: Data,
}

/// The model under construction.
pub(super) struct Writer<'m> {
    model: &'m Model,
    variables: &'m [Variable],
    /// How many traces tell sizes.
    traces: usize,
    /// Names of inputs.
    inputs: Vec<String>,
    /// Where nodes are added now.
    nodes: Vec<proto::Node>,
    /// Nodes that compute sizes, which depend on inputs alone.
    sizes: Vec<proto::Node>,
    constants: Vec<Constant>,
    /// Which constants are weights, by name.
    weights: BTreeMap<String, usize>,
    /// Names of slots' own constants.
    slot_names: BTreeMap<SlotId, String>,
    names: BTreeSet<String>,
    /// Sizes, shapes, counts and the like that exist already, by what they are.
    known: BTreeMap<String, String>,
    /// Layer whose nodes are added now.
    layer: String,
}

impl<'m> Writer<'m> {
    pub(super) fn new(model: &'m Model, variables: &'m [Variable], traces: usize) -> Self {
        let inputs: Vec<String> = model.input_names().map(str::to_owned).collect();
        let names = inputs.iter().chain(model.output_names()).cloned().collect();
        Self {
            model,
            variables,
            traces,
            inputs,
            nodes: Vec::new(),
            sizes: Vec::new(),
            constants: Vec::new(),
            weights: BTreeMap::new(),
            slot_names: BTreeMap::new(),
            names,
            known: BTreeMap::new(),
            layer: String::new(),
        }
    }
    /// Sets the layer whose nodes come next.
    pub(super) fn set_layer(&mut self, path: &str) {
        path.clone_into(&mut self.layer);
    }
    /// Its path.
    pub(super) fn layer(&self) -> &str {
        &self.layer
    }
    /// How many traces tell sizes.
    pub(super) fn traces(&self) -> usize {
        self.traces
    }
    /// A name that nothing has yet.
    pub(super) fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 0;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        name
    }

    /// Adds a node with one result; its name.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<proto::Attribute>) -> String {
        let path = if self.layer.is_empty() { op.to_owned() } else { format!("{}/{op}", self.layer) };
        let name = self.fresh(&path);
        self.nodes.push(node(op, inputs, &[&name], attributes));
        name
    }
    /// Adds a node with results of given names.
    pub(super) fn node_of(&mut self, node: proto::Node) {
        self.nodes.push(node);
    }
    /// Takes out the node that gives a value, for another one in its place.
    pub(super) fn take_node(&mut self, result: &str) -> Option<proto::Node> {
        let at = self.nodes.iter().rposition(|n| n.output.iter().any(|o| o == result))?;
        self.names.remove(result);
        Some(self.nodes.remove(at))
    }
    /// The node that gives a value, where it is added in the present graph.
    pub(super) fn node_giving(&self, result: &str) -> Option<&proto::Node> {
        self.nodes.iter().rev().find(|n| n.output.iter().any(|o| o == result))
    }
    /// Begins another list of nodes; the one so far.
    pub(super) fn exchange_nodes(&mut self, nodes: Vec<proto::Node>) -> Vec<proto::Node> {
        std::mem::replace(&mut self.nodes, nodes)
    }
    fn size_node(&mut self, op: &str, inputs: &[&str], attributes: Vec<proto::Attribute>) -> String {
        let name = self.fresh(&format!("sizes/{op}"));
        self.sizes.push(node(op, inputs, &[&name], attributes));
        name
    }

    /// Whole numbers as a constant of one axis.
    pub(super) fn numbers(&mut self, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(data_type::INT64, vec![values.len()], bytes)
    }
    /// `i32` numbers along the first of some axes.
    pub(super) fn integers(&mut self, values: impl IntoIterator<Item = i32>, dims: Vec<usize>) -> String {
        let bytes = values.into_iter().flat_map(i32::to_le_bytes).collect();
        self.constant(data_type::INT32, dims, bytes)
    }
    /// A value without axes.
    pub(super) fn literal(&mut self, value: Literal) -> String {
        let bytes = match value {
            Literal::F32(bits) => bits.to_le_bytes().to_vec(),
            Literal::I32(v) => v.to_le_bytes().to_vec(),
            Literal::Bool(v) => vec![u8::from(v)],
        };
        self.constant(element(value.dtype()), vec![], bytes)
    }
    /// A number without axes.
    pub(super) fn scalar(&mut self, value: f32) -> String {
        self.literal(Literal::f32(value))
    }
    fn constant(&mut self, element: i32, dims: Vec<usize>, bytes: Vec<u8>) -> String {
        let key = format!("constant {element} {dims:?} {bytes:?}");
        if let Some(name) = self.known.get(&key) {
            return name.clone();
        }
        let name = self.fresh("constant");
        self.known.insert(key, name.clone());
        self.constants.push(Constant { name: name.clone(), element, dims, data: Data::Raw(bytes) });
        name
    }
    /// The values of a slot.
    pub(super) fn slot(&mut self, slot: SlotId, name: &str, dims: Vec<Size>) -> Held {
        let sizes: Vec<usize> = dims.iter().map(|d| d.fixed().unwrap_or(0) as usize).collect();
        let order = (0..sizes.len()).collect();
        let name = self.weight(slot, name, (sizes.clone(), order), sizes);
        self.slot_names.insert(slot, name.clone());
        Held::plain(name, dims)
    }
    fn weight(&mut self, slot: SlotId, name: &str, (before, order): (Vec<usize>, Vec<usize>), dims: Vec<usize>) -> String {
        let key = format!("slot {} {before:?} {order:?} {dims:?}", slot.0);
        if let Some(name) = self.known.get(&key) {
            return name.clone();
        }
        let name = self.fresh(name);
        self.known.insert(key, name.clone());
        self.weights.insert(name.clone(), self.constants.len());
        self.constants.push(Constant { name: name.clone(), element: data_type::FLOAT, dims, data: Data::Slot(slot, before, order) });
        name
    }
    /// Whether a value is a weight as it is kept.
    pub(super) fn is_weight(&self, name: &str) -> bool {
        self.weights.contains_key(name)
    }
    /// A weight `(1, N, C)` as `(N, C)`.
    pub(super) fn weight_without_groups(&mut self, held: &Held) -> Option<String> {
        self.weight_reshaped(&held.name, &held.dims[1..])
    }
    /// A weight in another shape, as a constant of its own; nothing for other values.
    fn weight_reshaped(&mut self, name: &str, dims: &[Size]) -> Option<String> {
        let Data::Slot(slot, before, order) = &self.constants[*self.weights.get(name)?].data else { return None };
        let (slot, from) = (*slot, (before.clone(), order.clone()));
        let dims = dims.iter().map(|d| d.fixed().map(|n| n as usize)).collect::<Option<Vec<_>>>()?;
        Some(self.weight(slot, name, from, dims))
    }
    /// A weight with axes in another order, as a constant of its own; nothing for other values, and for weights whose axes were moved before.
    fn weight_transposed(&mut self, name: &str, moves: &[usize]) -> Option<String> {
        let Constant { dims, data: Data::Slot(slot, _, order), .. } = &self.constants[*self.weights.get(name)?] else { return None };
        if !order.is_sorted() {
            return None;
        }
        let (slot, before) = (*slot, dims.clone());
        let dims = moves.iter().map(|&at| before[at]).collect();
        Some(self.weight(slot, name, (before, moves.to_vec()), dims))
    }

    /// A size as a constant or computed value of one element.
    pub(super) fn size(&mut self, size: &Size) -> Result<String, ExportError> {
        let key = format!("size {:?}", size.values());
        if let Some(name) = self.known.get(&key) {
            return Ok(name.clone());
        }
        let variables: Vec<Size> = self.variables.iter().map(|v| v.size.clone()).collect();
        let layer = self.layer.clone();
        let name = match formula(size, &variables).ok_or(ExportError::Size { layer })? {
            Formula::Fixed(n) => self.numbers(&[n]),
            Formula::Variable(at) => {
                let (input, axis) = self.variables[at].place;
                let input = self.inputs[input].clone();
                self.size_node("Shape", &[&input], vec![int("start", axis as i64), int("end", axis as i64 + 1)])
            }
            Formula::Product(at, rest) => {
                let (a, b) = (self.size(&variables[at])?, self.size(&rest)?);
                self.size_node("Mul", &[&a, &b], vec![])
            }
            Formula::Line { of, factor, shift, divisor } => {
                let mut value = self.size(&variables[of])?;
                for (op, by, none) in [("Mul", factor, 1), ("Add", shift, 0), ("Div", divisor, 1)] {
                    if by != none {
                        let by = self.numbers(&[by]);
                        value = self.size_node(op, &[&value, &by], vec![]);
                    }
                }
                value
            }
        };
        self.known.insert(key, name.clone());
        Ok(name)
    }
    /// Sizes as one value of one axis.
    pub(super) fn shape(&mut self, sizes: &[Size]) -> Result<String, ExportError> {
        if let Some(fixed) = sizes.iter().map(Size::fixed).collect::<Option<Vec<_>>>() {
            return Ok(self.numbers(&fixed));
        }
        if let [one] = sizes {
            return self.size(one);
        }
        let key = format!("shape {sizes:?}");
        if let Some(name) = self.known.get(&key) {
            return Ok(name.clone());
        }
        let parts = sizes.iter().map(|s| self.size(s)).collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let name = self.size_node("Concat", &parts, vec![int("axis", 0)]);
        self.known.insert(key, name.clone());
        Ok(name)
    }
    /// A size as an element of this type, of one axis.
    pub(super) fn size_as(&mut self, size: &Size, element: i32) -> Result<String, ExportError> {
        let key = format!("size as {element} {:?}", size.values());
        if let Some(name) = self.known.get(&key) {
            return Ok(name.clone());
        }
        let value = self.size(size)?;
        let name = self.size_node("Cast", &[&value], vec![int("to", i64::from(element))]);
        self.known.insert(key, name.clone());
        Ok(name)
    }
    /// One less than a size, as an `i32` without axes.
    pub(super) fn last_place(&mut self, size: &Size) -> Result<String, ExportError> {
        if let Some(n) = size.fixed() {
            return Ok(self.literal(Literal::I32(n as i32 - 1)));
        }
        let key = format!("last {:?}", size.values());
        if let Some(name) = self.known.get(&key) {
            return Ok(name.clone());
        }
        let (count, one) = (self.size_as(size, data_type::INT32)?, self.literal(Literal::I32(1)));
        let count = self.size_node("Squeeze", &[&count], vec![]);
        let name = self.size_node("Sub", &[&count, &one], vec![]);
        self.known.insert(key, name.clone());
        Ok(name)
    }
    /// `0, 1, ..` below a size, as `i32` of one axis.
    pub(super) fn range(&mut self, size: &Size) -> Result<String, ExportError> {
        if let Some(n) = size.fixed() {
            return Ok(self.integers((0..n).map(|i| i as i32), vec![n as usize]));
        }
        let key = format!("range {:?}", size.values());
        if let Some(name) = self.known.get(&key) {
            return Ok(name.clone());
        }
        let count = self.size_as(size, data_type::INT32)?;
        let end = self.size_node("Squeeze", &[&count], vec![]);
        let (start, step) = (self.literal(Literal::I32(0)), self.literal(Literal::I32(1)));
        let name = self.size_node("Range", &[&start, &end, &step], vec![]);
        self.known.insert(key, name.clone());
        Ok(name)
    }
    /// A number that depends on sizes: one of them, a variable times or divided by a number, or such a number's inverse.
    pub(super) fn number(&mut self, values: &[f32]) -> Result<String, ExportError> {
        let whole = |values: &[f64]| {
            let fits = values.iter().all(|v| v.round() == *v && v.abs() < 1e15);
            fits.then(|| Size::of_numbers(values.iter().map(|v| *v as i64)))
        };
        let wide: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        if let Some(size) = whole(&wide) {
            return self.size_as(&size, data_type::FLOAT);
        }
        let inverse: Vec<f64> = wide.iter().map(|v| (1.0 / v).round()).collect();
        if inverse.iter().zip(values).all(|(i, v)| 1.0 / *i as f32 == *v)
            && let Some(size) = whole(&inverse)
        {
            let size = self.size_as(&size, data_type::FLOAT)?;
            return Ok(self.size_node("Reciprocal", &[&size], vec![]));
        }
        for at in 0..self.variables.len() {
            let sizes: Vec<f64> = self.variables[at].size.values().iter().map(|v| *v as f64).collect();
            for (op, f) in [("Mul", (|v, n| v / n) as fn(f64, f64) -> f64), ("Div", |v, n| v * n)] {
                let factors: Vec<f64> = wide.iter().zip(&sizes).map(|(v, n)| f(*v, *n)).collect();
                let middle = factors.iter().sum::<f64>() / factors.len() as f64;
                // What single precision leaves.
                if factors.iter().all(|c| (c / middle - 1.0).abs() < 5e-7) {
                    let variable = self.variables[at].size.clone();
                    let (factor, size) = (self.scalar(middle as f32), self.size_as(&variable, data_type::FLOAT)?);
                    return Ok(self.size_node(op, &[&factor, &size], vec![]));
                }
            }
        }
        Err(ExportError::Size { layer: self.layer.clone() })
    }

    /// The value with all axes that the node has, in their order; some may still be repeated.
    pub(super) fn plain(&mut self, held: &Held, rank: usize) -> Held {
        let held = self.ranked(held, rank);
        let Some(order) = &held.order else { return held };
        let mut back = vec![0; rank];
        for (at, &axis) in order.iter().enumerate() {
            back[axis] = at;
        }
        let dims = back.iter().map(|&at| held.dims[at].clone()).collect();
        Held::plain(self.transposed(&held, &back), dims)
    }
    /// The value with as many axes as the node.
    pub(super) fn ranked(&mut self, held: &Held, rank: usize) -> Held {
        let missing = rank.saturating_sub(held.rank());
        if missing == 0 {
            return held.clone();
        }
        let dims: Vec<Size> = (0..missing).map(|_| Size::always(1, self.traces)).chain(held.dims.iter().cloned()).collect();
        let name = self.weight_reshaped(&held.name, &dims).unwrap_or_else(|| {
            let axes = self.numbers(&(0..missing as i64).collect::<Vec<_>>());
            self.node("Unsqueeze", &[&held.name, &axes], vec![])
        });
        Held::plain(name, dims)
    }
    /// The node's value itself, with all axes in full and in order.
    pub(super) fn full(&mut self, held: &Held, dims: &[Size]) -> Result<Held, ExportError> {
        let held = if held.rank() == dims.len() { self.plain(held, dims.len()) } else { held.clone() };
        if held.dims == dims {
            return Ok(held);
        }
        let shape = self.shape(dims)?;
        Ok(Held::plain(self.node("Expand", &[&held.name, &shape], vec![]), dims.to_vec()))
    }
    /// The value with its axes in a given order, all of them in full.
    pub(super) fn in_order(&mut self, held: &Held, dims: &[Size], order: &[usize]) -> Result<Held, ExportError> {
        let held = if held.is_whole(dims) { held.clone() } else { self.full(held, dims)? };
        Ok(self.reordered(&held, order))
    }
    /// The value, which has all axes, with them in a given order.
    pub(super) fn reordered(&mut self, held: &Held, order: &[usize]) -> Held {
        let rank = order.len();
        let moves: Vec<usize> = order.iter().map(|&axis| held.axis(axis, rank).unwrap_or(0)).collect();
        if moves.is_sorted() {
            return held.clone();
        }
        let dims = moves.iter().map(|&at| held.dims[at].clone()).collect();
        Held::ordered(self.transposed(held, &moves), order.to_vec(), dims)
    }
    /// A transpose of a value as it is held.
    pub(super) fn transposed(&mut self, held: &Held, moves: &[usize]) -> String {
        if let Some(name) = self.weight_transposed(&held.name, moves) {
            return name;
        }
        let perm = moves.iter().map(|&m| m as i64).collect();
        self.node("Transpose", &[&held.name], vec![ints("perm", perm)])
    }
    /// A value as it lies, in another shape: ONNX' numbers, of which 0 is the size that the axis has and -1 what is left.
    pub(super) fn reshaped(&mut self, held: &Held, shape: &[i64], dims: &[Size]) -> String {
        if let Some(name) = self.weight_reshaped(&held.name, dims) {
            return name;
        }
        let shape = self.numbers(shape);
        self.node("Reshape", &[&held.name, &shape], vec![])
    }

    /// The finished list of nodes and constants. A constant that is the only one of its weight takes its name.
    pub(super) fn finish(mut self, keep: &[&str]) -> (Vec<proto::Node>, Vec<proto::Tensor>) {
        let mut nodes = std::mem::take(&mut self.sizes);
        nodes.append(&mut self.nodes);
        loop {
            let mut read: BTreeSet<&str> = keep.iter().copied().collect();
            for n in &nodes {
                names_read(n, &mut read);
            }
            let unread: Vec<bool> = nodes.iter().map(|n| !n.output.iter().any(|o| read.contains(o.as_str()))).collect();
            if !unread.contains(&true) {
                break;
            }
            let mut unread = unread.into_iter();
            nodes.retain(|_| unread.next() != Some(true));
        }
        let mut read: BTreeSet<&str> = keep.iter().copied().collect();
        for n in &nodes {
            names_read(n, &mut read);
        }
        let constants: Vec<Constant> = self.constants.into_iter().filter(|c| read.contains(c.name.as_str())).collect();
        let mut of_slot: BTreeMap<SlotId, Vec<&str>> = BTreeMap::new();
        for c in &constants {
            if let Data::Slot(slot, ..) = c.data {
                of_slot.entry(slot).or_default().push(&c.name);
            }
        }
        let only = of_slot.iter().filter_map(|(slot, names)| match names[..] {
            [name] => Some((name.to_owned(), self.slot_names.get(slot)?.clone())),
            _ => None,
        });
        let renamed: BTreeMap<String, String> = only.filter(|(from, to)| from != to).collect();
        for n in &mut nodes {
            rename(n, &renamed);
        }
        let tensors = constants.into_iter().map(|c| {
            let raw = match c.data {
                Data::Raw(bytes) => bytes,
                Data::Slot(slot, before, order) => moved(self.model.state_values(slot), &before, &order),
            };
            proto::Tensor {
                dims: c.dims.iter().map(|&d| d as i64).collect(),
                data_type: c.element,
                name: renamed.get(&c.name).cloned().unwrap_or(c.name),
                raw_data: Some(raw),
                ..proto::Tensor::default()
            }
        });
        (nodes, tensors.collect())
    }
}

/// A tensor's values with its axes in another order, as bytes.
fn moved(values: &[f32], dims: &[usize], order: &[usize]) -> Vec<u8> {
    let mut strides = vec![1; dims.len()];
    for axis in (0..dims.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * dims[axis + 1];
    }
    let mut bytes = Vec::with_capacity(4 * values.len());
    for flat in 0..values.len() {
        let (mut rest, mut from) = (flat, 0);
        for &axis in order.iter().rev() {
            from += rest % dims[axis] * strides[axis];
            rest /= dims[axis];
        }
        bytes.extend_from_slice(&values[from].to_le_bytes());
    }
    bytes
}

/// Names of values that a node reads, graphs within it too.
fn names_read<'n>(node: &'n proto::Node, read: &mut BTreeSet<&'n str>) {
    read.extend(node.input.iter().map(String::as_str));
    for graph in node.attribute.iter().filter_map(|a| a.g.as_ref()) {
        for n in &graph.node {
            names_read(n, read);
        }
        read.extend(graph.output.iter().map(|o| o.name.as_str()));
    }
}

/// Gives values that a node reads or gives other names, in graphs within it too.
pub(super) fn rename(node: &mut proto::Node, names: &BTreeMap<String, String>) {
    for name in node.input.iter_mut().chain(&mut node.output) {
        if let Some(new) = names.get(name) {
            name.clone_from(new);
        }
    }
    for graph in node.attribute.iter_mut().filter_map(|a| a.g.as_mut()) {
        for n in &mut graph.node {
            rename(n, names);
        }
    }
}

/// A node, named after its first result.
pub(super) fn node(op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<proto::Attribute>) -> proto::Node {
    let owned = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
    proto::Node {
        input: owned(inputs),
        output: owned(outputs),
        name: outputs.first().map_or_else(String::new, |&n| n.to_owned()),
        op_type: op.into(),
        attribute,
        ..proto::Node::default()
    }
}

/// An attribute with a whole number.
pub(super) fn int(name: &str, value: i64) -> proto::Attribute {
    proto::Attribute { name: name.into(), i: Some(value), r#type: attribute_type::INT, ..proto::Attribute::default() }
}
/// An attribute with whole numbers.
pub(super) fn ints(name: &str, values: Vec<i64>) -> proto::Attribute {
    proto::Attribute { name: name.into(), ints: values, r#type: attribute_type::INTS, ..proto::Attribute::default() }
}
/// An attribute with a text.
pub(super) fn text(name: &str, value: &str) -> proto::Attribute {
    proto::Attribute {
        name: name.into(),
        s: Some(value.as_bytes().to_vec()),
        r#type: attribute_type::STRING,
        ..proto::Attribute::default()
    }
}
/// An attribute with a graph.
pub(super) fn graph(name: &str, value: proto::Graph) -> proto::Attribute {
    proto::Attribute { name: name.into(), g: Some(value), r#type: attribute_type::GRAPH, ..proto::Attribute::default() }
}

/// ONNX' number of an element type.
pub(super) fn element(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => data_type::FLOAT,
        DType::I32 => data_type::INT32,
        DType::Bool => data_type::BOOL,
    }
}
