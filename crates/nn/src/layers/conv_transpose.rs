//! Transposed convolutions.

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

/// `activation(y + bias)` where `y` is the gradient of a convolution over `N` spatial axes: `(B, S.., C) -> (B, S'.., filters)` with
/// `S' = S strides` for `same` padding. [`Conv1DTranspose`], [`Conv2DTranspose`] and [`Conv3DTranspose`] are the layers.
///
/// Weights: `kernel (K.., filters, C)`, `bias (filters)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConvTranspose<const N: usize> {
    common: LayerCommon,
    filters: usize,
    kernel_size: PerAxis<N>,
    strides: PerAxis<N>,
    padding: Padding,
    output_padding: Option<PerAxis<N>>,
    data_format: DataFormat,
    dilation_rate: PerAxis<N>,
    activation: Activation,
    use_bias: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
    kernel_regularizer: Option<Regularizer>,
    bias_regularizer: Option<Regularizer>,
    kernel_constraint: Option<Constraint>,
    bias_constraint: Option<Constraint>,
}

/// A transposed convolution of sequences `(B, length, C)`.
pub type Conv1DTranspose = ConvTranspose<1>;
/// A transposed convolution of images `(B, height, width, C)`.
pub type Conv2DTranspose = ConvTranspose<2>;
/// A transposed convolution of volumes `(B, depth, height, width, C)`.
pub type Conv3DTranspose = ConvTranspose<3>;

impl<const N: usize> Default for ConvTranspose<N> {
    fn default() -> Self {
        Self::new(1, 1)
    }
}

impl<const N: usize> ConvTranspose<N> {
    /// `filters` kernels of the given size, linear, with a bias: `Conv2DTranspose::new(32, 3).strides(2).padding(Padding::Same)`.
    pub fn new(filters: usize, kernel_size: impl Into<PerAxis<N>>) -> Self {
        Self {
            common: LayerCommon::regularized(),
            filters,
            kernel_size: kernel_size.into(),
            strides: PerAxis([1; N]),
            padding: Padding::Valid,
            output_padding: None,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: PerAxis([1; N]),
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
    /// Cells that the result has more at the end, less than the strides. It then has `(n - 1) strides + kernel + output_padding` cells, with
    /// `same` padding `(n - 1) strides + kernel mod 2 + output_padding`.
    pub fn output_padding(mut self, output_padding: impl Into<PerAxis<N>>) -> Self {
        self.output_padding = Some(output_padding.into());
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
        self.dilation_rate.dilates(class, &self.strides)?;
        self.padding.without_causal(class)?;
        if let Some(p) = &self.output_padding {
            let less = p.0.iter().zip(&self.strides.0).all(|(p, s)| p < s);
            let expected = format!("less than the strides {:?} along each axis", self.strides.0);
            check(less, class, "output_padding", &expected, format!("{:?}", p.0))?;
        }
        weights_valid(&[&self.kernel_initializer, &self.bias_initializer], &[self.kernel_regularizer, self.bias_regularizer])?;
        constraints::valid(&[&self.kernel_constraint, &self.bias_constraint])
    }

    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(image::<N>(cx, class, inputs, self.data_format));
        if cx.builder().failed() {
            return x;
        }
        let shape = [&self.kernel_size.0[..], &[self.filters, x.dim(-1)]].concat();
        let kernel = cx.weight(
            "kernel",
            &shape,
            &self.common.weight(&self.kernel_initializer, self.kernel_regularizer).constrained(self.kernel_constraint.as_ref()),
        );
        let rule = if self.padding == Padding::Same { ConvSpec::transposed_same } else { ConvSpec::transposed_valid };
        let more = self.output_padding.as_ref().map(|p| &p.0[..]);
        let (spec, size) = rule(&sizes(x), &self.kernel_size.0, &self.strides.0, &self.dilation_rate.0, more);
        let y = x.conv_transpose(kernel, spec, &size);
        self.finish(cx, y, self.filters)
    }
}

convolution_builder!(ConvTranspose);
spatial_layer!(Conv1DTranspose, "Conv1DTranspose", ["filters", "kernel_size"]);
spatial_layer!(Conv2DTranspose, "Conv2DTranspose", ["filters", "kernel_size"]);
spatial_layer!(Conv3DTranspose, "Conv3DTranspose", ["filters", "kernel_size"]);
