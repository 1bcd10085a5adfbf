//! Taking networks over: copies, parts, weights from one model to another, layers frozen after the fact.

use super::Model;
use crate::error::{Error, Result};
use crate::network::Functional;
use crate::trace::{Weights, belongs};
use adaline_graph::SlotId;
use std::sync::Arc;

impl Model {
    /// The same network with weights of its own, made from the same seed; not compiled (Keras' `clone_model`).
    ///
    /// # Errors
    /// As [`Sequential::build_on`](crate::Sequential::build_on).
    pub fn clone_model(&self) -> Result<Self> {
        let mut copy = Self::of(self.net.clone(), Arc::clone(&self.backend), Weights::new(self.weights.seed))?;
        copy.set_progress(self.progress);
        Ok(copy)
    }

    /// The network as a description, to be a layer of another: without weights, which [`Model::take_weights_of`] brings.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    pub fn network(&self) -> Result<Functional> {
        self.require_built("be taken over")?;
        Ok(Functional(self.net.clone()))
    }

    /// The part of the network that ends with a layer, of one that is called several times with its last call: what makes features of a trained
    /// network. Its first result is the output.
    ///
    /// # Errors
    /// [`Error::NotBuilt`]; [`Error::Network`] when there is no such layer.
    pub fn until(&self, layer: &str) -> Result<Functional> {
        self.require_built("be taken apart")?;
        let at = self.layer_index(layer)?;
        let call = self.net.calls.iter().rfind(|c| c.layer == at);
        let part = call.and_then(|c| self.net.until(c.first));
        part.map(Functional).ok_or_else(|| self.wrong(format!("layer `{layer}` is never called")))
    }

    /// Takes the weights that a layer here, a network or not, shares by their paths with another model: `take_weights_of("trunk", &trained)` gives
    /// `trunk/dense/kernel` the values of `dense/kernel` there. With an empty name the paths are the same on both sides. Says how many it took.
    ///
    /// # Errors
    /// [`Error::NotBuilt`]; [`Error::Network`] when there is no such layer; [`Error::Weight`] when a weight is not there or has another shape: then
    /// none is changed.
    pub fn take_weights_of(&mut self, layer: &str, other: &Self) -> Result<usize> {
        self.require_built("take weights")?;
        other.require_built("give weights")?;
        if !layer.is_empty() {
            self.layer_index(layer)?;
        }
        let mut found: Vec<(SlotId, SlotId)> = Vec::new();
        for weight in self.weights.list.iter().filter(|w| layer.is_empty() || belongs(&w.layer, layer)) {
            let path = weight.layer[layer.len()..].trim_start_matches('/');
            let there = other.weights.list.iter().find(|w| w.layer == path && w.name == weight.name);
            let fits = there.filter(|w| w.ty == weight.ty).ok_or_else(|| {
                let name = if path.is_empty() { weight.name.clone() } else { format!("{path}/{}", weight.name) };
                let message = match there {
                    Some(w) => format!("it has shape {} there, {} is needed here", w.ty.shape, weight.ty.shape),
                    None => format!("model `{}` has none of this path; it has {}", other.name, other.weight_names().join(", ")),
                };
                Error::Weight { name, message }
            })?;
            found.push((weight.slot, fits.slot));
        }
        for &(to, from) in &found {
            self.weights.store.f32_mut(to).copy_from_slice(other.weights.store.f32(from));
        }
        Ok(found.len())
    }

    /// Freezes (`false`) or frees the weights of a layer (Keras' `layer.trainable`). As there, the model has to be compiled anew: what the optimizer
    /// remembers is of the weights that were trained.
    ///
    /// # Errors
    /// [`Error::Network`] when there is no such layer.
    pub fn set_trainable(&mut self, layer: &str, trainable: bool) -> Result<()> {
        self.set_all_trainable(&[(layer, trainable)])
    }

    /// As [`Model::set_trainable`] for several layers at once, in their order, those of networks within by their paths (`trunk/dense`): a network
    /// takes its layers along.
    ///
    /// # Errors
    /// As [`Model::set_trainable`]; layers before the one that is not there have then been changed.
    pub fn set_all_trainable(&mut self, layers: &[(&str, bool)]) -> Result<()> {
        for (path, trainable) in layers {
            let mut names = path.split('/');
            let at = self.layer_index(names.next().unwrap_or(path))?;
            let mut layer = &mut self.net.layers[at].layer;
            for name in names {
                let within = layer.inner_mut().and_then(|net| net.layers.iter_mut().find(|l| l.name == name));
                let Some(found) = within else { return Err(self.wrong(format!("it has no layer `{path}`"))) };
                layer = &mut found.layer;
            }
            layer.set_trainable(*trainable);
        }
        self.compiled = None;
        self.plans.clear();
        let Some(inputs) = self.net.inputs.clone().filter(|_| self.is_built()) else { return Ok(()) };
        // Weights have their places by whether they are trained.
        let seed = self.weights.seed;
        let old = std::mem::replace(&mut self.weights, Weights::new(seed));
        self.weights.limit = old.limit;
        self.build_inputs(inputs)?;
        for weight in &self.weights.list {
            if let Some(was) = old.list.iter().find(|w| w.layer == weight.layer && w.name == weight.name) {
                self.weights.store.f32_mut(weight.slot).copy_from_slice(old.store.f32(was.slot));
            }
        }
        Ok(())
    }
}
