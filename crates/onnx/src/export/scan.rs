//! Recurrences: ONNX' `Scan`, whose body is a graph within the model.

use super::ExportError;
use super::held::Held;
use super::sizes::Size;
use super::traces::Together;
use super::translate::{Part, Walk};
use super::writer::{Writer, element, graph, int, ints, node};
use super::{shape::flat, value_info};
use crate::proto;
use adaline_graph::{DType, NodeId, Op};
use std::collections::BTreeSet;

impl Walk<'_> {
    /// A scan: what it hands on and its stacked results are values of their own, which its line of results puts one behind the other.
    pub(super) fn scan(&mut self, w: &mut Writer<'_>, id: NodeId, reverse: bool) -> Result<Held, ExportError> {
        let bodies = self.graphs.body(id);
        let (carries, xs) = (bodies[0].carries(), bodies[0].xs());
        let inside = Together(bodies.iter().map(|b| b.graph()).collect());
        let steps = self.graphs.attribute(id, |op| if let Op::Scan { steps, .. } = op { steps } else { 0 });
        let layer = w.layer().to_owned();

        let mut taken = Vec::new(); // what the node takes
        let mut seen = Vec::new(); // what a step sees
        let mut declared = Vec::new();
        for (at, &operand) in self.takes(id).iter().enumerate() {
            let input = inside.first().inputs()[at].ty;
            if at >= carries + xs {
                // All steps see it where it is.
                seen.push(self.value(operand).clone());
                continue;
            }
            let dims: Vec<Size> = (0..input.shape.rank()).map(|a| inside.size(|g| g.inputs()[at].ty.shape.dims()[a])).collect();
            taken.push(w.full(self.value(operand), &self.dims(operand))?.name);
            let name = w.fresh(&format!("{layer}/{}", inside.first().inputs()[at].name));
            declared.push(value_info(&name, element(input.dtype), &dims, &[]));
            seen.push(Held::plain(name, dims));
        }
        if xs == 0 {
            // It goes through a sequence all the same: as many numbers as there are steps.
            taken.push(w.range(&steps)?);
            let name = w.fresh(&format!("{layer}/step"));
            declared.push(value_info(&name, element(DType::I32), &[], &[]));
        }

        let around = w.exchange_nodes(Vec::new());
        let mut walk = Walk::new(inside.clone(), seen);
        walk.write(w)?;
        w.set_layer(&layer);
        let mut results = Vec::new();
        let mut given: BTreeSet<String> = BTreeSet::new();
        for (_, value) in &inside.first().outputs().values {
            let dims = inside.dims(*value);
            let mut name = w.full(walk.value(*value), &dims)?.name;
            // Each result is one of the body's own nodes'.
            if w.node_giving(&name).is_none() || given.contains(&name) {
                name = w.node("Identity", &[&name], vec![]);
            }
            given.insert(name.clone());
            results.push(value_info(&name, element(inside.first().ty(*value).dtype), &dims, &[]));
        }
        let nodes = w.exchange_nodes(around);
        let body = proto::Graph {
            node: nodes,
            name: w.fresh(&format!("{layer}/body")),
            input: declared,
            output: results,
            ..proto::Graph::default()
        };

        let count = inside.first().outputs().values.len();
        let names: Vec<String> = (0..count).map(|i| w.fresh(&format!("{layer}/Scan/{i}"))).collect();
        let sequences = xs.max(1);
        let mut attributes = vec![graph("body", body), int("num_scan_inputs", sequences as i64)];
        if reverse {
            attributes.push(ints("scan_input_directions", vec![1; sequences]));
            attributes.push(ints("scan_output_directions", vec![1; count - carries]));
        }
        let refs: Vec<&str> = names.iter().map(String::as_str).collect();
        let inputs: Vec<&str> = taken.iter().map(String::as_str).collect();
        w.node_of(node("Scan", &inputs, &refs, attributes));

        let mut parts = Vec::with_capacity(count);
        let mut start = Size::always(0, self.graphs.len());
        for (at, name) in names.into_iter().enumerate() {
            let mut dims = inside.dims(inside.first().outputs().values[at].1);
            if at >= carries {
                dims.insert(0, steps.clone());
            }
            let len = dims.iter().fold(Size::always(1, self.graphs.len()), |n, d| &n * d);
            let next = &start + &len;
            parts.push(Part { start: std::mem::replace(&mut start, next), len, held: Held::plain(name, dims) });
        }
        let cut = self.users(id).iter().all(|&user| self.cuts_a_part(user, &parts));
        let read = self.graphs.first().outputs().values.iter().any(|v| v.1 == id);
        if cut && !read {
            let stands_in = parts.first().map(|p| p.held.clone());
            self.parts.insert(id, parts);
            return Ok(stands_in.unwrap_or_else(|| Held::plain(String::new(), vec![])));
        }
        let lines: Vec<String> = parts.iter().map(|p| flat(w, &p.held)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        Ok(Held::plain(w.node("Concat", &lines, vec![int("axis", 0)]), self.dims(id)))
    }

    /// Whether a node cuts one result out of the line of all.
    fn cuts_a_part(&self, user: NodeId, parts: &[Part]) -> bool {
        let range = |op: Op| if let Op::Slice(s) = op { (s.start[0], s.stop[0], s.stride[0]) } else { (0, 0, 0) };
        let (start, stop) = (self.graphs.attribute(user, |op| range(op).0), self.graphs.attribute(user, |op| range(op).1));
        range(self.op(user)).2 == 1 && parts.iter().any(|p| p.start == start && &stop - &start == p.len)
    }
}
