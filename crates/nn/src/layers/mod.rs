//! Layers: a configuration plus one function from symbolic tensors to symbolic tensors.

mod activation;
mod activations;
mod activity_regularization;
mod adaptive_pooling;
mod attention;
mod batch_normalization;
mod borders;
mod common;
mod conv;
mod conv_transpose;
mod custom;
mod dense;
mod depthwise_conv;
mod dropout;
mod einsum;
mod einsum_dense;
mod embedding;
mod global_pooling;
mod group_normalization;
mod identity;
pub mod image;
mod input;
pub(crate) mod kept;
mod layer_normalization;
mod masking;
mod merging;
mod noise;
mod normalization;
mod permute;
mod pipeline;
mod pooling;
mod prelu;
pub mod recurrent;
mod repeat_vector;
mod rescaling;
mod reversible_embedding;
mod rms_normalization;
mod shaping;
mod spatial;
mod spatial_dropout;
mod spectral_normalization;
pub mod tables;
mod time_distributed;
mod unit_normalization;
mod up_sampling;
mod wrapped;

pub use activation::ActivationLayer;
pub use activations::{ELU, Elu, LeakyReLU, ReLU, Softmax};
pub use activity_regularization::ActivityRegularization;
pub use adaptive_pooling::{
    AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D, AdaptiveMaxPooling1D, AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D, AdaptivePooling,
};
pub use attention::{AdditiveAttention, Attention, GroupQueryAttention, MultiHeadAttention, ScoreMode};
pub use batch_normalization::BatchNormalization;
pub use borders::{Cropping, Cropping1D, Cropping2D, Cropping3D, ZeroPadding, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D};
pub use common::{Activity, LayerCommon};
pub use conv::{Conv, Conv1D, Conv2D, Conv3D};
pub use conv_transpose::{Conv1DTranspose, Conv2DTranspose, Conv3DTranspose, ConvTranspose};
pub use custom::CustomLayer;
pub use dense::Dense;
pub use depthwise_conv::{DepthwiseConv, DepthwiseConv1D, DepthwiseConv2D, SeparableConv, SeparableConv1D, SeparableConv2D};
pub use dropout::Dropout;
pub use einsum_dense::{EinsumDense, OutputShape};
pub use embedding::Embedding;
pub use global_pooling::{
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
    GlobalPooling,
};
pub use group_normalization::GroupNormalization;
pub use identity::Identity;
pub use image::{
    AugMix, AutoContrast, CenterCrop, ContrastLimitedAdaptiveHistogramEqualization, CutMix, Equalization, MixUp, RandAugment,
    RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomCrop, RandomElasticTransform, RandomErasing,
    RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective, RandomPosterization, RandomRotation,
    RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom, Resizing, Solarization,
};
pub use input::{Input, InputLayer};
pub use kept::Kept;
pub use layer_normalization::LayerNormalization;
pub use masking::Masking;
pub use merging::{Add, Average, Concatenate, Dot, DotAxes, Maximum, Minimum, Multiply, Subtract};
pub use noise::{AlphaDropout, GaussianDropout, GaussianNoise};
pub use normalization::Normalization;
pub use permute::Permute;
pub use pipeline::Pipeline;
pub use pooling::{AveragePooling1D, AveragePooling2D, AveragePooling3D, MaxPooling1D, MaxPooling2D, MaxPooling3D, Pooling};
pub use prelu::PReLU;
pub use recurrent::{
    Bidirectional, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, GRU, GRUCell, LSTM, LSTMCell, MergeMode, RNN, Recurrent, SimpleRNN, SimpleRNNCell,
    StackedRNNCells,
};
pub use repeat_vector::RepeatVector;
pub use rescaling::Rescaling;
pub use reversible_embedding::ReversibleEmbedding;
pub use rms_normalization::RMSNormalization;
pub use shaping::{DataFormat, Flatten, Reshape};
pub use spatial::{Borders, Padding, PerAxis};
pub use spatial_dropout::{SpatialDropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D};
pub(crate) use spectral_normalization::Spectral;
pub use spectral_normalization::SpectralNormalization;
pub use tables::{
    CategoryEncoding, Discretization, HashedCrossing, Hashing, IntegerLookup, MaskValue, OovMethod, OutputMode, StringLookup,
};
pub use time_distributed::TimeDistributed;
pub use unit_normalization::UnitNormalization;
pub use up_sampling::{Interpolation, UpSampling, UpSampling1D, UpSampling2D, UpSampling3D};

pub use crate::network::{OpenShape, output_shapes, output_shapes_with};

use crate::{
    Trace,
    keras::{ConfigError, DTypePolicy, KerasObject},
    network::Network,
    regularizers::Regularizer,
    trace::Masked,
};
use adaline_graph::Var;
use serde_json::{Map, Value};
use std::fmt::Debug;

/// One layer. Its configuration's JSON is what Keras writes.
pub trait Layer: KerasObject + Debug + Send + Sync {
    /// The name the user gave, or none: the model then names it after its class (`dense`, `dense_1`).
    fn name(&self) -> Option<&str>;
    /// Sets the name.
    fn set_name(&mut self, name: String);
    /// Writes the layer into the graph. Shape errors latch in the builder.
    ///
    /// [`Trace::apply`] calls it, which sees to the policy: inputs and weights come in the layer's compute type, the result is rounded to
    /// it. Where Keras computes in several steps, [`Trace::compute`] rounds between them.
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g>;
    /// Whether it heeds or hands on the mask of its input. Others drop it, as in Keras, which warns of it.
    fn supports_masking(&self) -> bool {
        false
    }
    /// Writes the layer into the graph: all its results, each with its mask. By default it is that of [`Layer::call`] alone.
    fn call_all<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Vec<Masked<'g>> {
        let masks = cx.masks().to_vec();
        let value = self.call(cx, inputs);
        // Layers within the layer may have left theirs.
        cx.set_masks(masks);
        let mask = self.mask(cx, inputs, cx.mask());
        vec![Masked { value, mask }]
    }
    /// The penalty that its results add to the loss.
    fn activity_regularizer(&self) -> Option<Regularizer> {
        None
    }
    /// The class by which Keras' files and default names call it, where that is not the public one.
    fn python_class(&self) -> &'static str {
        self.class_name()
    }
    /// How many results it has: as many as [`Layer::call_all`] gives.
    fn results(&self) -> usize {
        1
    }
    /// How Keras' call of it takes tensors.
    fn arguments(&self) -> Arguments {
        Arguments::List
    }
    /// Arguments of its call besides tensors, which Keras keeps with a node of the graph and not with the layer (`use_causal_mask`).
    fn call_arguments(&self) -> Map<String, Value> {
        Map::new()
    }
    /// Sets an argument of its call, as Keras writes it.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`], unless the layer has it.
    fn set_call_argument(&mut self, key: &str, _: &Value) -> Result<(), ConfigError> {
        let known: Vec<String> = self.call_arguments().into_iter().map(|(key, _)| key).collect();
        Err(ConfigError::UnknownKey { class: format!("the call of {}", self.class_name()), key: key.into(), nearest: None, known })
    }
    /// Positional and named arguments of one of its calls as Keras writes them, where it has ways of being called that are not told by
    /// [`Layer::arguments`]: for the settings of the call and what stands for its tensors.
    fn written_call(&self, _settings: &Map<String, Value>, _tensors: &[Value]) -> Option<(Value, Value)> {
        None
    }
    /// Whether it is given masks of any shape, of which it makes what it will: code of a program's own.
    fn takes_any_mask(&self) -> bool {
        false
    }
    /// Whether its call takes [`Trace::take_attention_mask`].
    fn takes_attention_mask(&self) -> bool {
        false
    }
    /// The mask of its output `(B, T)`, `bool`, false where a step is to be skipped: by default the input's, where it supports masking.
    /// `inputs` are those of `call`, `mask` that of the first; those of all are [`Trace::masks`].
    fn mask<'g>(&self, _: &mut Trace<'g, '_>, _inputs: &[Var<'g>], mask: Option<Var<'g>>) -> Option<Var<'g>> {
        mask.filter(|_| self.supports_masking())
    }
    /// Whether its inputs are converted to its compute type (Keras' `autocast`).
    fn autocast(&self) -> bool {
        true
    }
    /// How many different whole numbers from 0 up it takes as input, when it looks them up in a table.
    fn table_rows(&self) -> Option<usize> {
        None
    }
    /// It as a cell of a recurrent layer, when it is one.
    fn as_cell(&self) -> Option<&dyn recurrent::RnnCell> {
        None
    }
    /// It as a recurrent layer, when it is one.
    fn as_recurrent(&self) -> Option<&dyn Recurrent> {
        None
    }
    /// As [`Layer::as_recurrent`], to change it.
    fn as_recurrent_mut(&mut self) -> Option<&mut dyn Recurrent> {
        None
    }
    /// Whether it remembers states from one batch to the next ([`Trace::memory`]), so that batches need one size.
    fn stateful(&self) -> bool {
        false
    }
    /// Whether in training its result for a sample depends on the others of the batch.
    fn mixes_samples(&self) -> bool {
        false
    }
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
    /// Where a weights file keeps what is at the path `inner` within it.
    fn file_path(&self, inner: &str) -> String {
        inner.to_owned()
    }
    /// Takes what a file of Keras keeps of it beside configuration and weights, `place` being its own there: a vocabulary that was learned.
    ///
    /// # Errors
    /// [`ConfigError::Value`], where that is not sound.
    fn take_kept(&mut self, _place: &str, _kept: &Kept<'_>) -> Result<(), ConfigError> {
        Ok(())
    }
    /// Values that Keras keeps among its weights under a name, though they are none.
    fn kept(&self) -> Option<(&'static str, Vec<f32>)> {
        None
    }
    /// Calls of layers that a call of it makes, itself included: more than one where it has layers within.
    fn calls(&self) -> usize {
        1
    }
    /// It as a network, when it is one.
    fn inner(&self) -> Option<&Network> {
        None
    }
    /// As [`Layer::inner`], to change it.
    fn inner_mut(&mut self) -> Option<&mut Network> {
        None
    }
    /// The layers within it that its input goes through one after the other, with their names, the first of which takes the input and the last of
    /// which gives the result, when that is all it does apart from shapes.
    fn row(&self) -> Vec<(String, &dyn Layer)> {
        Vec::new()
    }
    /// A copy.
    fn boxed(&self) -> Box<dyn Layer>;
}

/// How the call of a layer takes tensors in Keras, as far as files tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arguments {
    /// One, or several as a list: `layer(x)`, `layer([a, b])`.
    List,
    /// Each by a name of its own: those that must be there, and others after them.
    Named(&'static [&'static str], &'static [&'static str]),
    /// A sequence, and first states as the list `initial_state`.
    WithStates,
}

impl<L: Layer + 'static> From<L> for Box<dyn Layer> {
    fn from(layer: L) -> Self {
        Box::new(layer)
    }
}
