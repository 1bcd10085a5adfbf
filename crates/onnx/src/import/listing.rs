//! What a file holds, for people.

use super::check::{Attribute, Graph};
use super::model::OnnxModel;
use super::tensor::OnnxTensor;
use std::collections::BTreeMap;

/// A constant of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstantInfo {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub kind: super::Kind,
    /// Its sizes.
    pub dims: Vec<usize>,
    /// Bytes of its elements in the file.
    pub bytes: u64,
}

impl OnnxModel {
    /// How often each operator is there, graphs within graphs too, sorted by name.
    pub fn operator_counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        count(&self.graph, &mut counts);
        counts
    }
    /// Named constants of the model, in the order of the file.
    pub fn constants(&self) -> impl Iterator<Item = ConstantInfo> {
        self.graph.constants.iter().map(|(name, t)| ConstantInfo {
            name: name.clone(),
            kind: t.kind(),
            dims: t.dims().to_vec(),
            bytes: (t.len() * t.kind().bytes()) as u64,
        })
    }
    /// A named constant.
    pub fn constant(&self, name: &str) -> Option<&OnnxTensor> {
        self.graph.constants.iter().find(|c| c.0 == name).map(|c| c.1.as_ref())
    }
    /// What is worth knowing before the model is used: types that are computed as others, constants and inputs that nothing reads.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let wide = self.graph.constants.iter().filter(|(_, t)| t.kind().is_float() && t.kind() != super::Kind::F32).count();
        if wide > 0 {
            notes.push(format!("{wide} constants of other floats than float are computed as float"));
        }
        let mut read = std::collections::BTreeSet::new();
        readers(&self.graph, &mut read);
        for (what, names) in [
            ("constant", self.graph.constants.iter().map(|c| c.0.as_str()).collect::<Vec<_>>()),
            ("input", self.graph.inputs.iter().map(|i| i.name.as_str()).collect()),
        ] {
            let unread: Vec<&str> = names.into_iter().filter(|n| !read.contains(n)).collect();
            if !unread.is_empty() {
                notes.push(format!("nothing reads the {what}s {}", unread.join(", ")));
            }
        }
        for (domain, version) in &self.about.other_opsets {
            notes.push(format!("it names the operators of `{domain}` (version {version}) and uses none of them"));
        }
        notes
    }
}

fn count(graph: &Graph, counts: &mut BTreeMap<&'static str, usize>) {
    for node in &graph.nodes {
        *counts.entry(node.row.name).or_insert(0) += 1;
        for attribute in node.attributes.values() {
            if let Attribute::Graph(g) = attribute {
                count(g, counts);
            }
        }
    }
}
fn readers<'m>(graph: &'m Graph, read: &mut std::collections::BTreeSet<&'m str>) {
    read.extend(graph.outputs.iter().map(|o| o.name.as_str()));
    for node in &graph.nodes {
        read.extend(node.inputs.iter().map(String::as_str));
        for attribute in node.attributes.values() {
            if let Attribute::Graph(g) = attribute {
                readers(g, read);
            }
        }
    }
}
