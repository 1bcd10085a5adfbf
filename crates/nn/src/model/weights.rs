//! Weights by order and by name.

use super::Model;
use crate::error::{Error, Result};
use crate::network::Leaf;
use crate::trace::{Weight, belongs};
use adaline_data::Tensor;
use adaline_data::nearest;
use std::collections::BTreeMap;

impl Model {
    pub(super) fn weight_name(weight: &Weight) -> String {
        format!("{}/{}", weight.layer, weight.name)
    }
    /// Names (`dense/kernel`) of all weights: layer by layer, in each layer first those that training changes.
    pub fn weight_names(&self) -> Vec<String> {
        self.ordered_weights().into_iter().map(Self::weight_name).collect()
    }
    /// Name, shape and whether training changes it, of each weight in the order of [`Model::weight_names`].
    pub fn weight_table(&self) -> Vec<(String, Vec<usize>, bool)> {
        let row = |w: &Weight| (Self::weight_name(w), w.ty.shape.dims().to_vec(), w.spec.trainable);
        self.ordered_weights().into_iter().map(row).collect()
    }
    /// Values of all weights in the order of [`Model::weight_names`], which is Keras' order.
    pub fn get_weights(&self) -> Vec<Tensor> {
        self.ordered_weights().into_iter().map(|w| self.tensor_of(w)).collect()
    }
    /// The values of a weight (`dense/kernel`).
    ///
    /// # Errors
    /// [`Error::Weight`] when there is no such weight; the text names the one that looks most like it.
    pub fn weight(&self, name: &str) -> Result<Tensor> {
        Ok(self.tensor_of(self.find_weight(name)?))
    }
    /// Sets the values of a weight.
    ///
    /// # Errors
    /// [`Error::Weight`] when there is no such weight or its shape is another.
    pub fn set_weight(&mut self, name: &str, values: &Tensor) -> Result<()> {
        let weight = self.find_weight(name)?;
        check_shape(weight, values.shape())?;
        let slot = weight.slot;
        self.weights.store.f32_mut(slot).copy_from_slice(&values.f32_values());
        Ok(())
    }
    /// Sets all weights, given in the order of [`Model::get_weights`]. When one does not fit, none is changed.
    ///
    /// # Errors
    /// [`Error::NotBuilt`], [`Error::Weight`].
    pub fn set_weights(&mut self, values: &[Tensor]) -> Result<()> {
        self.require_built("take weights")?;
        let ordered = self.ordered_weights();
        if ordered.len() != values.len() {
            let message = format!("the model has {} weights ({}), got {}", ordered.len(), self.weight_names().join(", "), values.len());
            return Err(Error::Weight { name: "all".into(), message });
        }
        for (weight, value) in ordered.iter().zip(values) {
            check_shape(weight, value.shape())?;
        }
        let slots: Vec<_> = ordered.iter().map(|w| w.slot).collect();
        for (slot, value) in slots.into_iter().zip(values) {
            self.weights.store.f32_mut(slot).copy_from_slice(&value.f32_values());
        }
        Ok(())
    }
    /// Number of values that training changes, and of those that it does not.
    pub fn count_params(&self) -> (usize, usize) {
        let count = |trainable| self.weights.list.iter().filter(|w| w.spec.trainable == trainable).map(|w| w.ty.len()).sum();
        (count(true), count(false))
    }

    /// Hands out the values of each weight that training changes, in order, without copying them.
    pub(crate) fn for_trainable(&self, mut f: impl FnMut(&[f32])) {
        for w in self.weights.list.iter().filter(|w| w.spec.trainable) {
            f(self.weights.store.f32(w.slot));
        }
    }

    /// Layer by layer, those of networks within too, and within a layer as Keras has them (`Layer.weights`): its own trainable ones, its own that
    /// training does not change, then those of each layer within it, in the order of creation.
    pub(crate) fn ordered_weights(&self) -> Vec<&Weight> {
        self.weights_by_leaf().into_iter().flat_map(|(leaf, weights)| nested_order(&leaf.path, weights)).collect()
    }
    /// All weights of each layer and of what is within it, those first that training changes.
    pub(crate) fn weights_by_leaf(&self) -> Vec<(Leaf<'_>, Vec<&Weight>)> {
        let mut leaves = Vec::new();
        self.net.add_leaves("", "layers", &mut leaves);
        let places: BTreeMap<&str, usize> = leaves.iter().enumerate().map(|(at, leaf)| (leaf.path.as_str(), at)).collect();
        let mut of_leaf: Vec<Vec<&Weight>> = leaves.iter().map(|_| Vec::new()).collect();
        for weight in &self.weights.list {
            let mut around = std::iter::successors(Some(weight.layer.as_str()), |path| path.rsplit_once('/').map(|(above, _)| above));
            if let Some(&at) = around.find_map(|path| places.get(path)) {
                of_leaf[at].push(weight);
            }
        }
        for weights in &mut of_leaf {
            weights.sort_by_key(|w| !w.spec.trainable);
        }
        drop(places);
        leaves.into_iter().zip(of_leaf).collect()
    }
    /// Weights of a layer and what is inside it, in the order of creation.
    pub(crate) fn weights_of(&self, layer: &str) -> impl Iterator<Item = &Weight> {
        self.weights.list.iter().filter(move |w| belongs(&w.layer, layer))
    }
    pub(crate) fn tensor_of(&self, weight: &Weight) -> Tensor {
        let values = self.weights.store.f32(weight.slot).to_vec();
        // A slot holds as many values as its shape says.
        Tensor::f32(weight.ty.shape.dims().to_vec(), values).unwrap_or_else(|_| Tensor::from(Vec::<f32>::new()))
    }
    pub(crate) fn find_weight(&self, name: &str) -> Result<&Weight> {
        self.weights.list.iter().find(|w| Self::weight_name(w) == name).ok_or_else(|| {
            let names = self.weight_names();
            let nearest = nearest(name, names.iter().map(String::as_str));
            let message = match nearest {
                Some(n) => format!("there is none; did you mean `{n}`?"),
                None if names.is_empty() => "there is none: the model has no weights yet".into(),
                None => format!("there is none; the model has {}", names.join(", ")),
            };
            Error::Weight { name: name.into(), message }
        })
    }
}

/// The weights of a layer at `path`, its own before those of the layers within it, and the same in each of these. They come with those first that
/// training changes.
fn nested_order<'w>(path: &str, weights: Vec<&'w Weight>) -> Vec<&'w Weight> {
    let mut within: Vec<(&str, Vec<&Weight>)> = Vec::new();
    // Keras' SpectralNormalization keeps the kernel of the layer within it as a variable of its own.
    let spectral = weights.iter().any(|w| w.layer == path && w.name == "vector_u");
    let mut own = Vec::new();
    for weight in weights {
        let below = weight.layer.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
        let below = below.filter(|_| !(spectral && matches!(weight.name.as_str(), "kernel" | "embeddings")));
        let Some(child) = below.map(|rest| &weight.layer[..path.len() + 1 + rest.find('/').unwrap_or(rest.len())]) else {
            own.push(weight);
            continue;
        };
        match within.iter_mut().find(|(known, _)| *known == child) {
            Some((_, of_child)) => of_child.push(weight),
            None => within.push((child, vec![weight])),
        }
    }
    own.extend(within.into_iter().flat_map(|(child, weights)| nested_order(child, weights)));
    own
}

fn check_shape(weight: &Weight, got: &[usize]) -> Result<()> {
    if weight.ty.shape.dims() == got {
        return Ok(());
    }
    let message = format!("it has shape {}, got values of shape {got:?}", weight.ty.shape);
    Err(Error::Weight { name: Model::weight_name(weight), message })
}
