//! Tensors that do not exist yet: what layers are called on to describe a network.

use super::CallSettings;
use super::shapes::{OpenShape, output_shapes_with};
use crate::Layer;
use crate::error::{Error, Result};
use crate::keras::ConfigError;
use crate::layers::InputLayer;
use adaline_graph::DType;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The result of a layer called on others, as long as there are no numbers: Keras' symbolic tensor. A copy stands for the same.
#[derive(Clone, Debug)]
pub struct KerasTensor {
    pub(super) node: Arc<Node>,
    /// Which result of the call.
    pub(super) result: usize,
}

/// A call of a layer.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) layer: SharedLayer,
    pub(super) inputs: Vec<KerasTensor>,
    /// How many calls of the same layer were written before this one.
    pub(super) number: usize,
    /// What the layer is told besides; masks are the last of the inputs.
    pub(super) settings: CallSettings,
    /// How many results it has.
    pub(super) results: usize,
    /// Shapes of the results, from when somebody has asked for them.
    shapes: OnceLock<Vec<OpenShape>>,
}

impl KerasTensor {
    /// Its shape, the batch first, `None` where a size is open: of `Dense::new(16)` on rows of any number `(None, 16)`.
    ///
    /// # Errors
    /// As [`crate::layers::output_shapes`], when a layer on the way to it does not fit.
    pub fn shape(&self) -> Result<Vec<Option<usize>>> {
        Ok(self.open_shape()?.0)
    }
    /// Type of its elements.
    ///
    /// # Errors
    /// As [`KerasTensor::shape`].
    pub fn dtype(&self) -> Result<DType> {
        Ok(self.open_shape()?.1)
    }
    /// Both. What is found is kept, so that each call of a layer is traced once.
    fn open_shape(&self) -> Result<OpenShape> {
        let known = |tensor: &Self| tensor.node.shapes.get().and_then(|s| s.get(tensor.result)).cloned();
        let mut path = vec![Arc::clone(&self.node)];
        while let Some(node) = path.last() {
            if let Some(below) = node.inputs.iter().find(|input| input.node.shapes.get().is_none()) {
                let below = Arc::clone(&below.node);
                path.push(below);
                continue;
            }
            let inputs: Vec<OpenShape> = node.inputs.iter().filter_map(known).collect();
            let shapes = output_shapes_with(node.layer.layer(), &inputs, &node.settings)?;
            let _ = node.shapes.set(shapes);
            path.pop();
        }
        known(self).ok_or_else(|| Error::Network { model: "functional".into(), message: "a layer gave fewer results than it names".into() })
    }
}

impl KerasTensor {
    /// The layer that it is a result of.
    pub fn layer(&self) -> &dyn Layer {
        self.node.layer.layer()
    }
}

impl Drop for Node {
    /// As long as a network is deep, the nodes would else be dropped one within the other.
    fn drop(&mut self) {
        let mut left = std::mem::take(&mut self.inputs);
        while let Some(tensor) = left.pop() {
            if let Some(mut node) = Arc::into_inner(tensor.node) {
                left.append(&mut node.inputs);
            }
        }
    }
}

/// A layer that can be called several times, with the same weights each time.
///
/// ```
/// use adaline_nn::{Apply, Functional, layers::{Dense, Input, Subtract}};
/// let (a, b) = (Input::new([4]).tensor(), Input::new([4]).tensor());
/// let encoder = Dense::new(8).shared();
/// let difference = Subtract::new().apply([&encoder.apply(&a), &encoder.apply(&b)]);
/// let network = Functional::new([&a, &b], &difference).unwrap();
/// assert_eq!(network.layers().count(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct SharedLayer(pub(super) Arc<Handle>);

#[derive(Debug)]
pub(super) struct Handle {
    pub(super) layer: Box<dyn Layer>,
    calls: AtomicUsize,
}

impl SharedLayer {
    pub(super) fn new(layer: Box<dyn Layer>) -> Self {
        Self(Arc::new(Handle { layer, calls: AtomicUsize::new(0) }))
    }
    /// The layer.
    pub fn layer(&self) -> &dyn Layer {
        self.0.layer.as_ref()
    }
    /// Calls it. Of several results this is the first; [`SharedLayer::apply_all`] gives all.
    pub fn apply(&self, inputs: impl IntoTensors) -> KerasTensor {
        KerasTensor { node: self.call(inputs.into_tensors(), CallSettings::new(), self.0.layer.results()), result: 0 }
    }
    /// Calls it: all its results, such as output and last states of an `LSTM` with `return_state`.
    pub fn apply_all(&self, inputs: impl IntoTensors) -> Vec<KerasTensor> {
        self.results_of(inputs.into_tensors(), CallSettings::new(), self.0.layer.results())
    }
    /// As [`SharedLayer::apply_all`], with settings of this call, whose masks are the last of the tensors.
    ///
    /// # Errors
    /// [`ConfigError`] for settings that the layer does not have.
    pub fn apply_with(&self, inputs: impl IntoTensors, settings: CallSettings) -> Result<Vec<KerasTensor>, ConfigError> {
        let (inputs, layer) = (inputs.into_tensors(), self.layer());
        settings.check(layer, inputs.len())?;
        let results = settings.results(layer)?;
        Ok(self.results_of(inputs, settings, results))
    }
    fn results_of(&self, inputs: Vec<KerasTensor>, settings: CallSettings, results: usize) -> Vec<KerasTensor> {
        let node = self.call(inputs, settings, results);
        (0..results).map(|result| KerasTensor { node: Arc::clone(&node), result }).collect()
    }
    fn call(&self, inputs: Vec<KerasTensor>, settings: CallSettings, results: usize) -> Arc<Node> {
        let number = self.0.calls.fetch_add(1, Ordering::Relaxed);
        Arc::new(Node { layer: self.clone(), inputs, number, settings, results, shapes: OnceLock::new() })
    }
    /// Where it is in memory, which tells layers apart.
    pub(super) fn place(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// Calling layers and networks on symbolic tensors.
pub trait Apply: Into<Box<dyn Layer>> {
    /// It as a layer that can be called several times.
    fn shared(self) -> SharedLayer {
        SharedLayer::new(self.into())
    }
    /// Calls it once, on one tensor or several: `layer.apply(&x)`, `layer.apply([&a, &b])`. To call it again, with the same weights, make it
    /// [`shared`](Apply::shared).
    fn apply(self, inputs: impl IntoTensors) -> KerasTensor {
        self.shared().apply(inputs)
    }
    /// As [`Apply::apply`]: all results of a layer that has several.
    fn apply_all(self, inputs: impl IntoTensors) -> Vec<KerasTensor> {
        self.shared().apply_all(inputs)
    }
}

impl<L: Into<Box<dyn Layer>>> Apply for L {}

/// What a layer can be called on.
pub trait IntoTensors {
    /// The tensors.
    fn into_tensors(self) -> Vec<KerasTensor>;
}

impl IntoTensors for &KerasTensor {
    fn into_tensors(self) -> Vec<KerasTensor> {
        vec![self.clone()]
    }
}
impl<const N: usize> IntoTensors for [&KerasTensor; N] {
    fn into_tensors(self) -> Vec<KerasTensor> {
        self.into_iter().cloned().collect()
    }
}
impl IntoTensors for &[KerasTensor] {
    fn into_tensors(self) -> Vec<KerasTensor> {
        self.to_vec()
    }
}
impl IntoTensors for &Vec<KerasTensor> {
    fn into_tensors(self) -> Vec<KerasTensor> {
        self.clone()
    }
}
impl IntoTensors for Vec<KerasTensor> {
    fn into_tensors(self) -> Vec<KerasTensor> {
        self
    }
}

impl InputLayer {
    /// The input as a symbolic tensor, where a network begins: what Keras' function `Input` gives.
    pub fn tensor(self) -> KerasTensor {
        self.apply(Vec::new())
    }
}
