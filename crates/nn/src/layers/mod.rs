//! Layers: a configuration plus one function from symbolic tensors to symbolic tensors.

mod activation;
mod common;
mod dense;
mod dropout;
pub mod image;
mod input;
mod normalization;
mod rescaling;
mod shaping;

pub use activation::ActivationLayer;
pub use common::LayerCommon;
pub use dense::Dense;
pub use dropout::Dropout;
pub use image::{
    CenterCrop, CutMix, MixUp, RandomBrightness, RandomContrast, RandomCrop, RandomErasing, RandomFlip, RandomGaussianBlur,
    RandomGrayscale, RandomHue, RandomRotation, RandomSaturation, RandomShear, RandomTranslation, RandomZoom, Resizing, Solarization,
};
pub use input::{Input, InputLayer};
pub use normalization::Normalization;
pub use rescaling::Rescaling;
pub use shaping::{DataFormat, Flatten, Reshape};

use crate::{
    Trace,
    keras::{DTypePolicy, KerasObject},
};
use adaline_graph::Var;
use std::fmt::Debug;

/// One layer. Its configuration's JSON is what Keras writes.
pub trait Layer: KerasObject + Debug + Send + Sync {
    /// The name the user gave, or none: the model then names it after its class (`dense`, `dense_1`).
    fn name(&self) -> Option<&str>;
    /// Sets the name.
    fn set_name(&mut self, name: String);
    /// Writes the layer into the graph. Shape errors latch in the builder. `inputs` has one tensor for every layer of today.
    ///
    /// [`Trace::call`] calls it, which sees to the policy: inputs and weights come in the layer's compute type, the result is rounded to
    /// it. Where Keras computes in several steps, [`Trace::compute`] rounds between them.
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g>;
    /// Whether training may change its weights.
    fn trainable(&self) -> bool {
        true
    }
    /// Freezes (`false`) or frees its weights.
    fn set_trainable(&mut self, trainable: bool);
    /// Types of its weights and its computation, or none: the model's.
    fn dtype_policy(&self) -> Option<DTypePolicy> {
        None
    }
    /// Sets them. A layer that does not keep them computes in `float32`.
    fn set_dtype_policy(&mut self, _: DTypePolicy) {}
    /// The batch shape it declares, when it is an input: none for axes known later, the first of which is the batch.
    fn batch_shape(&self) -> Option<&[Option<usize>]> {
        None
    }
    /// A copy.
    fn boxed(&self) -> Box<dyn Layer>;
}

impl<L: Layer + 'static> From<L> for Box<dyn Layer> {
    fn from(layer: L) -> Self {
        Box::new(layer)
    }
}
