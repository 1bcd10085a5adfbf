//! Convolutions.

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
use adaline_graph::{ConvSpec, Var};
use serde::{Deserialize, Serialize};

/// `activation(x * kernel + bias)` with the cross-correlation `*` over `N` spatial axes: `(B, S.., C) -> (B, S'.., filters)`.
/// [`Conv1D`], [`Conv2D`] and [`Conv3D`] are the layers.
///
/// Weights: `kernel (K.., C / groups, filters)`, `bias (filters)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv<const N: usize> {
    common: LayerCommon,
    filters: usize,
    kernel_size: PerAxis<N>,
    strides: PerAxis<N>,
    padding: Padding,
    data_format: DataFormat,
    dilation_rate: PerAxis<N>,
    groups: usize,
    activation: Activation,
    use_bias: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
    kernel_regularizer: Option<Regularizer>,
    bias_regularizer: Option<Regularizer>,
    kernel_constraint: Option<Constraint>,
    bias_constraint: Option<Constraint>,
}

/// A convolution of sequences `(B, length, C)`.
pub type Conv1D = Conv<1>;
/// A convolution of images `(B, height, width, C)`.
pub type Conv2D = Conv<2>;
/// A convolution of volumes `(B, depth, height, width, C)`.
pub type Conv3D = Conv<3>;

impl<const N: usize> Default for Conv<N> {
    fn default() -> Self {
        Self::new(1, 1)
    }
}

impl<const N: usize> Conv<N> {
    /// `filters` kernels of the given size, linear, with a bias: `Conv2D::new(32, 3)` or `Conv2D::new(32, (3, 5))`.
    pub fn new(filters: usize, kernel_size: impl Into<PerAxis<N>>) -> Self {
        Self {
            common: LayerCommon::regularized(),
            filters,
            kernel_size: kernel_size.into(),
            strides: PerAxis([1; N]),
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: PerAxis([1; N]),
            groups: 1,
            activation: Activation::Linear,
            use_bias: true,
            kernel_initializer: Initializer::glorot_uniform(),
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: None,
            bias_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
        }
    }
    /// Divides channels and filters into groups that do not see each other.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }
    /// How the kernel begins.
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
        self.kernel_initializer = initializer;
        self
    }
    /// Penalty on the kernel.
    pub fn kernel_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.kernel_regularizer = Some(regularizer.into());
        self
    }
    /// What the kernel is put back to after each update.
    pub fn kernel_constraint(mut self, constraint: Constraint) -> Self {
        self.kernel_constraint = Some(constraint);
        self
    }

    fn check(&self, class: &str) -> Result<(), ConfigError> {
        check(self.filters >= 1, class, "filters", "a positive integer", self.filters)?;
        self.check_shape(class)?;
        if N > 1 {
            self.padding.without_causal(class)?;
        }
        check(self.groups >= 1, class, "groups", "a positive integer", self.groups)?;
        let divides = self.filters.is_multiple_of(self.groups);
        check(divides, class, "groups", &format!("a divisor of the {} filters", self.filters), self.groups)?;
        self.dilation_rate.dilates(class, &self.strides)?;
        weights_valid(&[&self.kernel_initializer, &self.bias_initializer], &[self.kernel_regularizer, self.bias_regularizer])?;
        constraints::valid(&[&self.kernel_constraint, &self.bias_constraint])
    }

    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(image::<N>(cx, class, inputs, self.data_format));
        if cx.builder().failed() {
            return x;
        }
        let channels = x.dim(-1);
        if !channels.is_multiple_of(self.groups) {
            let message = format!(
                "{class} in {} groups needs a number of channels that they divide, got {channels} channels in an input of shape {}; \
                 try other groups",
                self.groups,
                x.shape()
            );
            return cx.builder().error(message);
        }
        let (strides, dilation) = (&self.strides.0, &self.dilation_rate.0);
        let spec = match self.padding {
            Padding::Valid => ConvSpec::valid(strides, dilation),
            Padding::Same => ConvSpec::same(&sizes(x), &self.kernel_size.0, strides, dilation),
            Padding::Causal => ConvSpec::causal(self.kernel_size.0[0], strides[0], dilation[0]),
        };
        let shape = [&self.kernel_size.0[..], &[channels / self.groups, self.filters]].concat();
        let kernel = cx.weight(
            "kernel",
            &shape,
            &self.common.weight(&self.kernel_initializer, self.kernel_regularizer).constrained(self.kernel_constraint.as_ref()),
        );
        let y = x.conv(kernel, spec.with_groups(self.groups));
        self.finish(cx, y, self.filters)
    }
}

convolution_builder!(Conv);
spatial_layer!(Conv1D, "Conv1D", ["filters", "kernel_size"]);
spatial_layer!(Conv2D, "Conv2D", ["filters", "kernel_size"]);
spatial_layer!(Conv3D, "Conv3D", ["filters", "kernel_size"]);
