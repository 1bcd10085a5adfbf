//! Long short-term memory whose products are convolutions.

use super::{
    gates::{columns, dropout_masks, rates_valid},
    lstm::{forgetting_little, lstm_states},
    options::{Recurrent, RnnOptions, RnnResult, cell_builder, options_builder, recurrent_methods},
    pass::{Pass, Passed, RnnCell, StepCell},
};
use crate::{
    Layer, Trace,
    activations::Activation,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        shaping::DataFormat,
        spatial::{Padding, PerAxis, channels_last, convolution_builder, restored, sizes, weights_valid},
    },
    regularizers::Regularizer,
};
use adaline_graph::{ConvSpec, Shape, Var, concat};
use serde::{Deserialize, Serialize};

/// Long short-term memory with convolutions over `N` spatial axes in place of products (Shi et al. 2015):
/// `(B, T, S.., C) -> (B, S'.., filters)`, or `(B, T, S'.., filters)` with `return_sequences`. The states are convolved with `same` padding.
/// [`ConvLSTM1D`], [`ConvLSTM2D`] and [`ConvLSTM3D`] are the layers.
///
/// Weights, of its cell: `kernel (K.., C, 4 · filters)`, `recurrent_kernel (K.., filters, 4 · filters)`, `bias (4 · filters)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConvLSTM<const N: usize> {
    common: LayerCommon,
    options: RnnOptions,
    filters: usize,
    kernel_size: PerAxis<N>,
    strides: PerAxis<N>,
    padding: Padding,
    data_format: DataFormat,
    dilation_rate: PerAxis<N>,
    activation: Activation,
    recurrent_activation: Activation,
    use_bias: bool,
    kernel_initializer: Initializer,
    recurrent_initializer: Initializer,
    bias_initializer: Initializer,
    unit_forget_bias: bool,
    kernel_regularizer: Option<Regularizer>,
    recurrent_regularizer: Option<Regularizer>,
    bias_regularizer: Option<Regularizer>,
    kernel_constraint: Option<Constraint>,
    recurrent_constraint: Option<Constraint>,
    bias_constraint: Option<Constraint>,
    dropout: f64,
    recurrent_dropout: f64,
    seed: Option<i64>,
}

/// Over sequences of sequences `(B, T, length, C)`.
pub type ConvLSTM1D = ConvLSTM<1>;
/// Over sequences of images `(B, T, height, width, C)`.
pub type ConvLSTM2D = ConvLSTM<2>;
/// Over sequences of volumes `(B, T, depth, height, width, C)`.
pub type ConvLSTM3D = ConvLSTM<3>;

impl<const N: usize> Default for ConvLSTM<N> {
    fn default() -> Self {
        Self::new(1, 1)
    }
}

impl<const N: usize> ConvLSTM<N> {
    options_builder!();
    cell_builder!();

    /// So many kernels of the given size, with Keras' defaults.
    pub fn new(filters: usize, kernel_size: impl Into<PerAxis<N>>) -> Self {
        Self {
            common: LayerCommon::regularized(),
            options: RnnOptions::default(),
            filters,
            kernel_size: kernel_size.into(),
            strides: PerAxis([1; N]),
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: PerAxis([1; N]),
            activation: Activation::Tanh,
            recurrent_activation: Activation::Sigmoid,
            use_bias: true,
            kernel_initializer: Initializer::glorot_uniform(),
            recurrent_initializer: Initializer::orthogonal(1.0),
            bias_initializer: Initializer::Zeros,
            unit_forget_bias: true,
            kernel_regularizer: None,
            recurrent_regularizer: None,
            bias_regularizer: None,
            kernel_constraint: None,
            recurrent_constraint: None,
            bias_constraint: None,
            dropout: 0.0,
            recurrent_dropout: 0.0,
            seed: None,
        }
    }
    /// What is applied to the gates (default the logistic function).
    pub fn recurrent_activation(mut self, activation: Activation) -> Self {
        self.recurrent_activation = activation;
        self
    }
    /// Whether the bias of the forget gate begins as 1 (default).
    pub fn unit_forget_bias(mut self, unit_forget_bias: bool) -> Self {
        self.unit_forget_bias = unit_forget_bias;
        self
    }

    fn check(&self, class: &str) -> Result<(), ConfigError> {
        check(self.filters >= 1, class, "filters", "a positive integer", self.filters)?;
        self.check_shape(class)?;
        self.padding.without_causal(class)?;
        self.dilation_rate.dilates(class, &self.strides)?;
        rates_valid(class, self.dropout, self.recurrent_dropout)?;
        let initializers = [&self.kernel_initializer, &self.recurrent_initializer, &self.bias_initializer];
        weights_valid(&initializers, &[self.kernel_regularizer, self.recurrent_regularizer, self.bias_regularizer])?;
        constraints::valid(&[&self.kernel_constraint, &self.recurrent_constraint, &self.bias_constraint])
    }
    /// Sizes of the spatial axes of a state; 0 where the kernel does not fit, which its convolution says.
    fn result_sizes(&self, input: &[usize]) -> Vec<usize> {
        let of_axis = |(axis, &size): (usize, &usize)| {
            let (kernel, stride) = (self.kernel_size.0[axis], self.strides.0[axis].max(1));
            let span = kernel.saturating_sub(1).saturating_mul(self.dilation_rate.0[axis]).saturating_add(1);
            if self.padding == Padding::Same { size.div_ceil(stride) } else { (size + 1).saturating_sub(span).div_ceil(stride) }
        };
        input.iter().enumerate().take(N).map(of_axis).collect()
    }
    /// `(B, S'.., filters)` and what else has the batch first, as the data format wants it.
    fn shown<'g>(&self, y: Var<'g>) -> Var<'g> {
        restored(y, self.data_format)
    }
    fn call_states<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, x: Var<'g>, initial: Option<&[Var<'g>]>) -> RnnResult<'g> {
        if x.rank() != N + 3 && !cx.builder().failed() {
            let error = cx.builder().error(format!(
                "{class} needs an input (batch, steps, {N} spatial axes and channels) of rank {}, got shape {}",
                N + 3,
                x.shape()
            ));
            return RnnResult { output: error, states: Vec::new() };
        }
        self.options.run(cx, class, self, x, initial, |cx, pass, xs, initial| cx.scope("cell", |cx| self.run(cx, pass, xs, initial)))
    }
}

/// What all steps of a [`ConvLSTM`] see alike.
pub struct Kernel<'g> {
    /// `(K.., filters, 4 · filters)`
    kernel: Var<'g>,
    /// Factors of dropout for each gate, `(B, S'.., filters)`; none where nothing is dropped.
    dropout: Vec<Var<'g>>,
}

/// First two axes as one.
fn flat(x: Var<'_>) -> Var<'_> {
    let s = x.shape();
    match s.dims() {
        [a, b, rest @ ..] => x.reshape(Shape::new(&[&[a * b], rest].concat())),
        _ => x,
    }
}

/// First axis as two.
fn split(x: Var<'_>, first: usize) -> Var<'_> {
    let s = x.shape();
    match s.dims() {
        [both, rest @ ..] if first > 0 => x.reshape(Shape::new(&[&[first, both / first], rest].concat())),
        _ => x,
    }
}

impl<const N: usize> RnnCell for ConvLSTM<N> {
    fn states(&self, row: &[usize]) -> Vec<Vec<usize>> {
        let spatial = if self.data_format == DataFormat::ChannelsLast { row } else { row.get(1..).unwrap_or_default() };
        let mut state = self.result_sizes(spatial);
        state.insert(if self.data_format == DataFormat::ChannelsLast { state.len() } else { 0 }, self.filters);
        vec![state; 2]
    }
    fn run<'g>(&self, cx: &mut Trace<'g, '_>, pass: &Pass<'g>, xs: Var<'g>, initial: &[Var<'g>]) -> Passed<'g> {
        let initial: Vec<Var<'g>> = initial.iter().map(|&s| channels_last(s, self.data_format)).collect();
        let steps = xs.dim(0);
        let xs = split(channels_last(flat(xs), self.data_format), steps);
        let passed = self.repeat(cx, pass, xs, &initial);
        Passed {
            outputs: passed.outputs.map(|ys| split(self.shown(flat(ys)), steps)),
            states: passed.states.into_iter().map(|s| self.shown(s)).collect(),
        }
    }
}

impl<const N: usize> StepCell for ConvLSTM<N> {
    type Held<'g> = Kernel<'g>;

    fn prepare<'g>(&self, cx: &mut Trace<'g, '_>, xs: Var<'g>) -> (Var<'g>, Kernel<'g>) {
        let (steps, batch, channels) = (xs.dim(0), xs.dim(1), xs.dim(-1));
        let (filters, all) = (self.filters, self.filters.saturating_mul(4));
        let shape = |inputs: usize| [&self.kernel_size.0[..], &[inputs, all]].concat();
        let kernel = cx.weight(
            "kernel",
            &shape(channels),
            &self.common.weight(&self.kernel_initializer, self.kernel_regularizer).constrained(self.kernel_constraint.as_ref()),
        );
        let spec =
            self.common.weight(&self.recurrent_initializer, self.recurrent_regularizer).constrained(self.recurrent_constraint.as_ref());
        let recurrent = cx.weight("recurrent_kernel", &shape(filters), &spec);
        let bias = self.use_bias.then(|| {
            let plain = &self.bias_initializer;
            let initializer = if self.unit_forget_bias { forgetting_little(filters, plain) } else { plain.clone() };
            cx.weight("bias", &[all], &self.common.weight(&initializer, self.bias_regularizer).constrained(self.bias_constraint.as_ref()))
        });
        let none = Kernel { kernel: recurrent, dropout: Vec::new() };
        if cx.builder().failed() {
            return (xs, none);
        }
        let x = flat(xs);
        let (strides, dilation) = (&self.strides.0, &self.dilation_rate.0);
        let spec = match self.padding {
            Padding::Same => ConvSpec::same(&sizes(x), &self.kernel_size.0, strides, dilation),
            Padding::Valid | Padding::Causal => ConvSpec::valid(strides, dilation),
        };
        let row = Shape::new(&xs.shape().dims()[1..]); // (B, S.., C)
        let dropped = dropout_masks(cx, self.dropout, self.seed, row, 4);
        let of_gate =
            |(g, mask): (usize, &Var<'g>)| flat(xs * mask.expand_dims(0)).conv(columns(kernel, g * filters..(g + 1) * filters), spec);
        let sums = match &dropped[..] {
            [] => x.conv(kernel, spec),
            each => concat(cx.builder(), &each.iter().enumerate().map(of_gate).collect::<Vec<_>>(), -1),
        };
        let mut sums = cx.compute(sums);
        if let Some(bias) = bias {
            sums = cx.compute(sums + bias);
        }
        if cx.builder().failed() {
            return (sums, none);
        }
        let seen = split(sums, steps); // (T, B, S'.., 4 · filters)
        let state = seen.shape().dims()[1..].to_vec();
        let Some(state) = Shape::try_new(&[&state[..state.len() - 1], &[filters]].concat()) else {
            return (cx.builder().error(format!("states of {filters} filters for {batch} samples are too large")), none);
        };
        let dropout = dropout_masks(cx, self.recurrent_dropout, self.seed, state, 4);
        (seen, Kernel { dropout, ..none })
    }

    fn step<'g>(&self, cx: &Trace<'g, '_>, held: &Kernel<'g>, x: Var<'g>, states: &[Var<'g>]) -> Vec<Var<'g>> {
        let (h, filters) = (states[0], self.filters);
        let of = |v: Var<'g>, g: usize| columns(v, g * filters..(g + 1) * filters);
        let spec = ConvSpec::same(&sizes(h), &self.kernel_size.0, &[1; N], &[1; N]);
        let products: Vec<Var<'g>> = if held.dropout.is_empty() {
            let all = cx.compute(h.conv(held.kernel, spec));
            (0..4).map(|g| of(all, g)).collect()
        } else {
            held.dropout.iter().enumerate().map(|(g, &mask)| cx.compute((h * mask).conv(of(held.kernel, g), spec))).collect()
        };
        let gates: Vec<Var<'g>> = products.iter().enumerate().map(|(g, &h)| cx.compute(of(x, g) + h)).collect();
        lstm_states(cx, &gates, states[1], self.recurrent_activation, self.activation)
    }
}

convolution_builder!(@ ConvLSTM);

macro_rules! conv_lstm {
    ($ty:ident, $class:literal) => {
        layer_builder!($ty, $class, ["filters", "kernel_size"]);
        impl KerasObject for $ty {
            layer_identity!($class);
            fn validate(&self) -> Result<(), ConfigError> {
                self.check($class)
            }
        }
        impl Layer for $ty {
            layer_methods!();
            recurrent_methods!();
        }
        impl Recurrent for $ty {
            fn options(&self) -> &RnnOptions {
                &self.options
            }
            fn options_mut(&mut self) -> &mut RnnOptions {
                &mut self.options
            }
            fn state_count(&self) -> usize {
                2
            }
            fn call_with_states<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>, initial: Option<&[Var<'g>]>) -> RnnResult<'g> {
                self.call_states(cx, $class, x, initial)
            }
        }
    };
}
conv_lstm!(ConvLSTM1D, "ConvLSTM1D");
conv_lstm!(ConvLSTM2D, "ConvLSTM2D");
conv_lstm!(ConvLSTM3D, "ConvLSTM3D");
