//! Values for weights out of a file: by their place in it, by the order of layers, by their names. All are checked, and told of at once,
//! before the first weight changes.

use super::Model;
use super::save::placed;
use crate::Layer;
use crate::error::{Error, Result};
use crate::layers::kept::floats;
use crate::legacy;
use crate::network::Leaf;
use crate::trace::Weight;
use adaline_formats::{LegacyFile, LegacyLayer, NamedTensor};
use adaline_graph::SlotId;
use std::collections::{BTreeMap, BTreeSet};

/// Most weights that one message lists.
const MOST_TOLD: usize = 100;

/// How weights are taken from a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadWeights {
    /// Whether a weight that the file does not have, or has in another shape, stays as it is (false: it is an error, and no weight changes).
    pub skip_mismatch: bool,
    /// Whether layers of an old `.h5` file give their weights to those of the same name (false: by their order). Layers that only one side has are
    /// left alone. Keras has it for such files alone.
    pub by_name: bool,
    /// Whether the memory of the optimizer is taken, too, by a model that is compiled with the same one and has made no step yet. One that has
    /// takes it in any case, as in Keras.
    pub optimizer: bool,
}

/// Weights that found their values, and those that did not.
pub(super) struct Taking<'f> {
    file: &'f str,
    found: Vec<(SlotId, Vec<f32>)>,
    problems: Vec<String>,
}

/// Values of slots, and what was left out, a line each.
pub(super) type Found = (Vec<(SlotId, Vec<f32>)>, Vec<String>);

impl<'f> Taking<'f> {
    pub(super) fn new(file: &'f str) -> Self {
        Self { file, found: Vec::new(), problems: Vec::new() }
    }
    /// A weight gets the values of a tensor; `whose` says which weight it is and where the file should have it.
    fn take(&mut self, weight: &Weight, tensor: Option<&NamedTensor>, whose: &str, missing: impl FnOnce() -> String) {
        match tensor {
            None => self.problems.push(format!("{whose}: {}", missing())),
            Some(tensor) if tensor.shape != weight.ty.shape.dims() => {
                self.problems.push(format!("{whose}: the model needs shape {}, the file has {:?}", weight.ty.shape, tensor.shape));
            }
            Some(tensor) => self.found.push((weight.slot, floats(&tensor.data))),
        }
    }
    /// What was left out; an error, unless that is wanted.
    pub(super) fn finish(self, skip: bool) -> Result<Found> {
        if self.problems.is_empty() || skip {
            return Ok((self.found, self.problems));
        }
        let message = match &self.problems[..] {
            [one] => one.clone(),
            several => {
                let more = several.len().saturating_sub(MOST_TOLD);
                let mut lines: Vec<String> = several.iter().take(MOST_TOLD).map(|line| format!("\n  {line}")).collect();
                lines.extend((more > 0).then(|| format!("\n  and {more} more")));
                format!("{} weights do not fit the model:{}", several.len(), lines.concat())
            }
        };
        Err(Error::Load { file: self.file.into(), message })
    }
}

/// Names and shapes of weights, for messages.
fn shapes<'w>(weights: impl Iterator<Item = &'w Weight>) -> String {
    weights.map(|w| format!("{} {}", w.name, w.ty.shape)).collect::<Vec<_>>().join(", ")
}

impl Model {
    pub(super) fn set_found(&mut self, found: Vec<(SlotId, Vec<f32>)>) {
        for (slot, values) in found {
            self.weights.store.f32_mut(slot).copy_from_slice(&values);
        }
    }

    /// By place in a file of Keras 3: `layers/dense/vars/0`.
    pub(super) fn find_by_place(&self, taking: &mut Taking<'_>, tensors: &BTreeMap<&str, &NamedTensor>) {
        for (leaf, own) in self.weights_by_leaf() {
            let placed = placed(&leaf, &own);
            for (place, weight) in &placed {
                let whose = format!("layer `{}`, weight `{}` (at {place} in the file)", leaf.path, weight.name);
                taking.take(weight, tensors.get(place.as_str()).copied(), &whose, || {
                    let prefix = place.trim_end_matches(|c: char| c.is_ascii_digit());
                    let there = tensors.keys().filter(|k| k.starts_with(prefix)).count();
                    let own = placed.iter().filter(|(p, _)| p.starts_with(prefix));
                    format!(
                        "it is missing; the layer has {} weights, the file has {there} for it; it needs {}",
                        own.clone().count(),
                        shapes(own.map(|(_, w)| *w))
                    )
                });
            }
        }
    }

    /// By name: `dense/kernel`. What the file has beside them is told where a weight is missing.
    pub(super) fn find_by_name(&self, taking: &mut Taking<'_>, tensors: &[NamedTensor]) {
        let by_name: BTreeMap<&str, &NamedTensor> = tensors.iter().map(|t| (t.path.as_str(), t)).collect();
        let names: BTreeSet<String> = self.weight_names().into_iter().collect();
        let unused: Vec<&str> = by_name.keys().copied().filter(|name| !names.contains(*name)).take(8).collect();
        for weight in self.ordered_weights() {
            let name = Self::weight_name(weight);
            taking.take(weight, by_name.get(name.as_str()).copied(), &format!("weight `{name}` of shape {}", weight.ty.shape), || {
                let beside = if unused.is_empty() { "nothing".into() } else { unused.join(", ") };
                format!("the file has none of this name; what it has that the model has not: {beside}")
            });
        }
    }

    /// Layer by layer, as Keras' older files keep weights: by the order of those layers that have any, or by the names of layers.
    pub(super) fn find_by_layer(&self, taking: &mut Taking<'_>, legacy: &LegacyFile, by_name: bool) {
        let ours = self.weights_by_layer();
        let source = legacy::Source::of(legacy);
        if by_name {
            for (name, layer, weights) in &ours {
                let theirs = legacy.layers.iter().find(|l| l.name == *name || legacy::layer_name(&l.name) == *name);
                if let Some(theirs) = theirs.filter(|l| !l.weights.is_empty()) {
                    find_in_layer(taking, &source, (name, *layer), weights, theirs);
                }
            }
            return;
        }
        let ours: Vec<_> = ours.into_iter().filter(|(_, _, weights)| !weights.is_empty()).collect();
        let theirs: Vec<&LegacyLayer> = legacy.layers.iter().filter(|l| !l.weights.is_empty()).collect();
        if ours.len() != theirs.len() {
            let list = |names: Vec<&str>| names.join(", ");
            taking.problems.push(format!(
                "the model has {} layers with weights ({}), the file has {} ({}); by_name takes those of the same name alone",
                ours.len(),
                list(ours.iter().map(|(name, ..)| *name).collect()),
                theirs.len(),
                list(theirs.iter().map(|l| l.name.as_str()).collect()),
            ));
            return;
        }
        for ((name, layer, weights), theirs) in ours.iter().zip(theirs) {
            find_in_layer(taking, &source, (name, *layer), weights, theirs);
        }
    }

    /// The layers of the network, each with its weights and those within it in the order of the older files: trainable ones first, then the others.
    pub(super) fn weights_by_layer(&self) -> Vec<(&str, Option<&dyn Layer>, Vec<&Weight>)> {
        let mut layers: Vec<(&str, Option<&dyn Layer>, Vec<&Weight>)> = Vec::with_capacity(self.net.layers.len());
        layers.extend(self.net.layers.iter().map(|named| {
            let layer = named.layer.inner().is_none().then_some(named.layer.as_ref());
            (named.name.as_str(), layer, Vec::new())
        }));
        for (Leaf { path, .. }, weights) in self.weights_by_leaf() {
            let top = path.split('/').next().unwrap_or_default();
            if let Some((.., own)) = layers.iter_mut().find(|(name, ..)| *name == top) {
                own.extend(weights);
            }
        }
        for (.., weights) in &mut layers {
            weights.sort_by_key(|w| !w.spec.trainable);
        }
        layers
    }
}

/// The weights of one layer, in order.
fn find_in_layer(
    taking: &mut Taking<'_>,
    source: &legacy::Source,
    (name, layer): (&str, Option<&dyn Layer>),
    weights: &[&Weight],
    theirs: &LegacyLayer,
) {
    let tensors = source.weights(layer, &theirs.weights);
    if weights.len() != tensors.len() {
        let got: Vec<String> = theirs.weights.iter().map(|t| format!("{} {:?}", t.path, t.shape)).collect();
        taking.problems.push(format!(
            "layer `{name}` has {} weights ({}), layer `{}` of the file has {} ({})",
            weights.len(),
            shapes(weights.iter().copied()),
            theirs.name,
            tensors.len(),
            got.join(", ")
        ));
        return;
    }
    for (weight, tensor) in weights.iter().zip(tensors.iter()) {
        let whose = format!("layer `{name}`, weight `{}` (`{}` of layer `{}` in the file)", weight.name, tensor.path, theirs.name);
        taking.take(weight, Some(tensor), &whose, String::new);
    }
}
