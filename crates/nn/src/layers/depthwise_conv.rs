//! Convolutions that keep channels apart, alone and followed by a mixture of the channels.

use super::{
    common::{LayerCommon, layer_identity},
    shaping::DataFormat,
    spatial::{Padding, PerAxis, convolution_builder, image, restored, sizes, spatial_layer, weights_valid},
};
use crate::{
    Trace,
    activations::Activation,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, check},
    regularizers::Regularizer,
};
use adaline_graph::{ConvSpec, Shape, Var};
use serde::{Deserialize, Serialize};

/// `activation(y + bias)` where each channel is convolved with `depth_multiplier` kernels of its own, over `N` spatial axes:
/// `(B, S.., C) -> (B, S'.., C depth_multiplier)`. [`DepthwiseConv1D`] and [`DepthwiseConv2D`] are the layers.
///
/// Weights: `kernel (K.., C, depth_multiplier)`, `bias (C depth_multiplier)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthwiseConv<const N: usize> {
    common: LayerCommon,
    depth_multiplier: usize,
    kernel_size: PerAxis<N>,
    strides: PerAxis<N>,
    padding: Padding,
    data_format: DataFormat,
    dilation_rate: PerAxis<N>,
    activation: Activation,
    use_bias: bool,
    depthwise_initializer: Initializer,
    bias_initializer: Initializer,
    depthwise_regularizer: Option<Regularizer>,
    bias_regularizer: Option<Regularizer>,
    depthwise_constraint: Option<Constraint>,
    bias_constraint: Option<Constraint>,
}

/// A convolution of each channel of sequences `(B, length, C)`.
pub type DepthwiseConv1D = DepthwiseConv<1>;
/// A convolution of each channel of images `(B, height, width, C)`.
pub type DepthwiseConv2D = DepthwiseConv<2>;

impl<const N: usize> Default for DepthwiseConv<N> {
    fn default() -> Self {
        Self::new(1)
    }
}

impl<const N: usize> DepthwiseConv<N> {
    /// One kernel of the given size for each channel, linear, with a bias.
    pub fn new(kernel_size: impl Into<PerAxis<N>>) -> Self {
        Self {
            common: LayerCommon::regularized(),
            depth_multiplier: 1,
            kernel_size: kernel_size.into(),
            strides: PerAxis([1; N]),
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: PerAxis([1; N]),
            activation: Activation::Linear,
            use_bias: true,
            depthwise_initializer: Initializer::glorot_uniform(),
            bias_initializer: Initializer::Zeros,
            depthwise_regularizer: None,
            bias_regularizer: None,
            depthwise_constraint: None,
            bias_constraint: None,
        }
    }
    /// Kernels for each channel.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.depth_multiplier = depth_multiplier;
        self
    }
    /// How the kernel begins.
    pub fn depthwise_initializer(mut self, initializer: Initializer) -> Self {
        self.depthwise_initializer = initializer;
        self
    }
    /// Penalty on the kernel.
    pub fn depthwise_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.depthwise_regularizer = Some(regularizer.into());
        self
    }
    /// What the kernel is put back to after each update.
    pub fn depthwise_constraint(mut self, constraint: Constraint) -> Self {
        self.depthwise_constraint = Some(constraint);
        self
    }

    fn check(&self, class: &str) -> Result<(), ConfigError> {
        check(self.depth_multiplier >= 1, class, "depth_multiplier", "a positive integer", self.depth_multiplier)?;
        self.check_shape(class)?;
        self.padding.without_causal(class)?;
        weights_valid(&[&self.depthwise_initializer, &self.bias_initializer], &[self.depthwise_regularizer, self.bias_regularizer])?;
        constraints::valid(&[&self.depthwise_constraint, &self.bias_constraint])
    }

    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(image::<N>(cx, class, inputs, self.data_format));
        if cx.builder().failed() {
            return x;
        }
        let shape = [&self.kernel_size.0[..], &[x.dim(-1), self.depth_multiplier]].concat();
        let kernel = cx.weight(
            "kernel",
            &shape,
            &self.common.weight(&self.depthwise_initializer, self.depthwise_regularizer).constrained(self.depthwise_constraint.as_ref()),
        );
        let (y, channels) = each_channel(x, kernel, &self.strides.0, &self.dilation_rate.0, self.padding);
        self.finish(cx, y, channels)
    }
}

/// Each channel of `x (B, S.., C)` with its kernels `(K.., C, m)`: `(B, S'.., C m)`, and `C m`.
fn each_channel<'g>(x: Var<'g>, kernel: Var<'g>, strides: &[usize], dilation: &[usize], padding: Padding) -> (Var<'g>, usize) {
    let (mut dims, r) = (kernel.shape().dims().to_vec(), kernel.rank());
    if r < 3 {
        return (kernel, 1); // an error has been latched
    }
    let channels = dims[r - 2];
    (dims[r - 2], dims[r - 1]) = (1, channels * dims[r - 1]);
    let size = &dims[..r - 2];
    let spec = match padding {
        Padding::Same => ConvSpec::same(&sizes(x), size, strides, dilation),
        Padding::Valid | Padding::Causal => ConvSpec::valid(strides, dilation),
    };
    (x.conv(kernel.reshape(Shape::new(&dims)), spec.with_groups(channels)), dims[r - 1])
}

/// A convolution of each channel by itself, whose results are then mixed: `activation(pointwise · depthwise(x) + bias)`,
/// `(B, S.., C) -> (B, S'.., filters)`. [`SeparableConv1D`] and [`SeparableConv2D`] are the layers.
///
/// Weights: `depthwise_kernel (K.., C, depth_multiplier)`, `pointwise_kernel (1.., C depth_multiplier, filters)`, `bias (filters)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeparableConv<const N: usize> {
    common: LayerCommon,
    depth_multiplier: usize,
    filters: usize,
    kernel_size: PerAxis<N>,
    strides: PerAxis<N>,
    padding: Padding,
    data_format: DataFormat,
    dilation_rate: PerAxis<N>,
    activation: Activation,
    use_bias: bool,
    depthwise_initializer: Initializer,
    pointwise_initializer: Initializer,
    bias_initializer: Initializer,
    depthwise_regularizer: Option<Regularizer>,
    pointwise_regularizer: Option<Regularizer>,
    bias_regularizer: Option<Regularizer>,
    depthwise_constraint: Option<Constraint>,
    pointwise_constraint: Option<Constraint>,
    bias_constraint: Option<Constraint>,
}

/// A separable convolution of sequences `(B, length, C)`.
pub type SeparableConv1D = SeparableConv<1>;
/// A separable convolution of images `(B, height, width, C)`.
pub type SeparableConv2D = SeparableConv<2>;

impl<const N: usize> Default for SeparableConv<N> {
    fn default() -> Self {
        Self::new(1, 1)
    }
}

impl<const N: usize> SeparableConv<N> {
    /// One kernel of the given size for each channel and `filters` mixtures of them, linear, with a bias.
    pub fn new(filters: usize, kernel_size: impl Into<PerAxis<N>>) -> Self {
        Self {
            common: LayerCommon::regularized(),
            depth_multiplier: 1,
            filters,
            kernel_size: kernel_size.into(),
            strides: PerAxis([1; N]),
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: PerAxis([1; N]),
            activation: Activation::Linear,
            use_bias: true,
            depthwise_initializer: Initializer::glorot_uniform(),
            pointwise_initializer: Initializer::glorot_uniform(),
            bias_initializer: Initializer::Zeros,
            depthwise_regularizer: None,
            pointwise_regularizer: None,
            bias_regularizer: None,
            depthwise_constraint: None,
            pointwise_constraint: None,
            bias_constraint: None,
        }
    }
    /// Kernels for each channel.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.depth_multiplier = depth_multiplier;
        self
    }
    /// How the kernels of the channels begin.
    pub fn depthwise_initializer(mut self, initializer: Initializer) -> Self {
        self.depthwise_initializer = initializer;
        self
    }
    /// How the mixtures begin.
    pub fn pointwise_initializer(mut self, initializer: Initializer) -> Self {
        self.pointwise_initializer = initializer;
        self
    }
    /// Penalty on the kernels of the channels.
    pub fn depthwise_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.depthwise_regularizer = Some(regularizer.into());
        self
    }
    /// What the kernels of the channels are put back to after each update.
    pub fn depthwise_constraint(mut self, constraint: Constraint) -> Self {
        self.depthwise_constraint = Some(constraint);
        self
    }
    /// Penalty on the mixtures.
    pub fn pointwise_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.pointwise_regularizer = Some(regularizer.into());
        self
    }
    /// What the mixtures are put back to after each update.
    pub fn pointwise_constraint(mut self, constraint: Constraint) -> Self {
        self.pointwise_constraint = Some(constraint);
        self
    }

    fn check(&self, class: &str) -> Result<(), ConfigError> {
        check(self.depth_multiplier >= 1, class, "depth_multiplier", "a positive integer", self.depth_multiplier)?;
        check(self.filters >= 1, class, "filters", "a positive integer", self.filters)?;
        self.check_shape(class)?;
        self.padding.without_causal(class)?;
        let initializers = [&self.depthwise_initializer, &self.pointwise_initializer, &self.bias_initializer];
        weights_valid(&initializers, &[self.depthwise_regularizer, self.pointwise_regularizer, self.bias_regularizer])?;
        constraints::valid(&[&self.depthwise_constraint, &self.pointwise_constraint, &self.bias_constraint])
    }

    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(image::<N>(cx, class, inputs, self.data_format));
        if cx.builder().failed() {
            return x;
        }
        let shape = [&self.kernel_size.0[..], &[x.dim(-1), self.depth_multiplier]].concat();
        let kernel = cx.weight(
            "depthwise_kernel",
            &shape,
            &self.common.weight(&self.depthwise_initializer, self.depthwise_regularizer).constrained(self.depthwise_constraint.as_ref()),
        );
        let (y, channels) = each_channel(x, kernel, &self.strides.0, &self.dilation_rate.0, self.padding);
        let y = cx.compute(y);
        let shape = [&[1; N][..], &[channels, self.filters]].concat();
        let pointwise = cx.weight(
            "pointwise_kernel",
            &shape,
            &self.common.weight(&self.pointwise_initializer, self.pointwise_regularizer).constrained(self.pointwise_constraint.as_ref()),
        );
        let s = y.shape();
        if cx.builder().failed() {
            return y;
        }
        // (B, S'.., C m) as one matrix times (C m, filters)
        let Some(to) = Shape::try_new(s.with_dim(N + 1, self.filters).dims()) else {
            return cx.builder().error(format!("{class} of {} filters is too large for an input of shape {}", self.filters, x.shape()));
        };
        let rows = s.dims()[..=N].iter().product::<usize>();
        let mixed = y.reshape([rows, channels]).matmul(pointwise.reshape([channels, self.filters])).reshape(to);
        self.finish(cx, mixed, self.filters)
    }
}

convolution_builder!(DepthwiseConv);
convolution_builder!(SeparableConv);
spatial_layer!(DepthwiseConv1D, "DepthwiseConv1D", ["kernel_size"]);
spatial_layer!(DepthwiseConv2D, "DepthwiseConv2D", ["kernel_size"]);
spatial_layer!(SeparableConv1D, "SeparableConv1D", ["filters", "kernel_size"]);
spatial_layer!(SeparableConv2D, "SeparableConv2D", ["filters", "kernel_size"]);
