//! From symbolic tensors to layers and calls in Keras' order: as `map_graph` of keras/src/ops/function.py, by which files and summaries go.

use super::symbolic::{KerasTensor, Node};
use super::{Call, INPUT_LAYER};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What is reached from the outputs.
pub(super) struct Reached {
    /// Each layer once, deepest first; of one depth in the order in which they are met from the outputs. By index of a node that calls it.
    pub(super) layers: Vec<Arc<Node>>,
    pub(super) calls: Vec<Call>,
    pub(super) outputs: Vec<usize>,
}

/// Addresses decide nothing here but which is which.
fn place(node: &Arc<Node>) -> usize {
    Arc::as_ptr(node).addr()
}

/// Finds layers and calls between inputs and outputs, or says what is wrong.
pub(super) fn reach(inputs: &[KerasTensor], outputs: &[KerasTensor]) -> Result<Reached, String> {
    let input_nodes: HashMap<usize, usize> = inputs.iter().enumerate().map(|(i, t)| (place(&t.node), i)).collect();
    // Nodes after those that they need, and layers in the order in which they are met.
    let mut finished: HashMap<usize, usize> = HashMap::new();
    let mut nodes: Vec<Arc<Node>> = Vec::new();
    let mut met: HashMap<usize, usize> = HashMap::new();
    for output in outputs {
        // A path from the output down, with the next input to look at.
        let mut path: Vec<(Arc<Node>, usize)> = vec![(Arc::clone(&output.node), 0)];
        while let Some((node, next)) = path.last_mut() {
            let is_input = input_nodes.contains_key(&place(node));
            if *next == 0 {
                if finished.contains_key(&place(node)) {
                    path.pop();
                    continue;
                }
                let count = met.len();
                met.entry(node.layer.place()).or_insert(count);
                if !is_input && node.layer.layer().class_name() == INPUT_LAYER {
                    let name = node.layer.layer().name().map_or_else(String::new, |n| format!(" `{n}`"));
                    return Err(format!("the outputs depend on an input{name} that is not among the inputs of the model: add it to them"));
                }
            }
            if let Some(input) = node.inputs.get(*next).filter(|_| !is_input) {
                *next += 1;
                let below = Arc::clone(&input.node);
                path.push((below, 0));
            } else {
                finished.insert(place(node), nodes.len());
                nodes.push(Arc::clone(node));
                path.pop();
            }
        }
    }
    if let Some(unused) = inputs.iter().position(|t| !finished.contains_key(&place(&t.node))) {
        let name = inputs[unused].node.layer.layer().name().map_or_else(String::new, |n| format!(" (`{n}`)"));
        return Err(format!("input {}{name} leads to none of the outputs: leave it out, or use it", unused + 1));
    }

    // How far from the outputs a node is at most, and a layer.
    let mut depths = vec![0usize; nodes.len()];
    let mut layer_depths: HashMap<usize, usize> = HashMap::new();
    for (at, node) in nodes.iter().enumerate().rev() {
        let of_layer = layer_depths.entry(node.layer.place()).or_insert(0);
        let depth = depths[at].max(*of_layer);
        (*of_layer, depths[at]) = (depth, depth);
        if input_nodes.contains_key(&place(node)) {
            continue;
        }
        for input in &node.inputs {
            let below = finished[&place(&input.node)];
            depths[below] = depths[below].max(depth + 1);
        }
    }

    let mut layers: Vec<Arc<Node>> = Vec::new();
    let mut seen: HashSet<usize> = HashSet::new();
    for node in nodes.iter().filter(|n| !input_nodes.contains_key(&place(n))) {
        if seen.insert(node.layer.place()) {
            layers.push(Arc::clone(node));
        }
    }
    layers.sort_by_key(|n| (std::cmp::Reverse(layer_depths[&n.layer.place()]), met[&n.layer.place()]));
    let layer_index: HashMap<usize, usize> = layers.iter().enumerate().map(|(i, n)| (n.layer.place(), i)).collect();

    // Values: inputs, then results.
    let mut first: HashMap<usize, usize> = input_nodes;
    let mut next = inputs.len();
    let mut calls = Vec::new();
    for node in &nodes {
        if first.contains_key(&place(node)) {
            continue;
        }
        let results = node.results;
        let values = node.inputs.iter().map(|t| first[&place(&t.node)] + t.result).collect();
        let settings = node.settings.clone();
        calls.push((
            node.number,
            Call { layer: layer_index[&node.layer.place()], number: 0, inputs: values, first: next, results, settings },
        ));
        first.insert(place(node), next);
        next += results;
    }
    let values = outputs.iter().map(|t| first[&place(&t.node)] + t.result).collect();
    // The calls of a layer are numbered in the order in which they were written.
    let written: Vec<(usize, usize)> = calls.iter().map(|(number, call)| (call.layer, *number)).collect();
    for (at, (_, call)) in calls.iter_mut().enumerate() {
        call.number = written.iter().filter(|&&(layer, number)| layer == written[at].0 && number < written[at].1).count();
    }
    Ok(Reached { layers, calls: calls.into_iter().map(|c| c.1).collect(), outputs: values })
}
