//! What layers over images, sequences and volumes share: numbers for each spatial axis, padding, where the channels are.

use super::shaping::DataFormat;
use crate::{
    Trace,
    initializers::Initializer,
    keras::{ConfigError, check},
    regularizers::Regularizer,
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// One number for each of `N` spatial axes. `3` and `(3, 3)` become one; in files it is a list, and one number is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerAxis<const N: usize>(pub [usize; N]);

impl<const N: usize> From<usize> for PerAxis<N> {
    fn from(n: usize) -> Self {
        Self([n; N])
    }
}
impl<const N: usize> From<[usize; N]> for PerAxis<N> {
    fn from(numbers: [usize; N]) -> Self {
        Self(numbers)
    }
}
impl From<(usize, usize)> for PerAxis<2> {
    fn from((a, b): (usize, usize)) -> Self {
        Self([a, b])
    }
}
impl From<(usize, usize, usize)> for PerAxis<3> {
    fn from((a, b, c): (usize, usize, usize)) -> Self {
        Self([a, b, c])
    }
}

impl<const N: usize> Serialize for PerAxis<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0)
    }
}

/// A number for all axes, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(usize),
    Many(Vec<usize>),
}

impl<'de, const N: usize> Deserialize<'de> for PerAxis<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let numbers = match OneOrMany::deserialize(d) {
            Ok(OneOrMany::One(n)) => Some([n; N]),
            Ok(OneOrMany::Many(v)) => v.try_into().ok(),
            Err(_) => None,
        };
        numbers.map(Self).ok_or_else(|| D::Error::custom(format!("other, expected a whole number or a list of {N}")))
    }
}

impl<const N: usize> PerAxis<N> {
    /// Fails unless all are at least 1.
    pub(super) fn positive(&self, class: &str, key: &str) -> Result<(), ConfigError> {
        check(self.0.iter().all(|&n| n >= 1), class, key, "at least 1 along each axis", format!("{:?}", self.0))
    }
    /// Fails where dilation and strides above 1 come together, which Keras has for single channels only.
    pub(super) fn dilates(&self, class: &str, strides: &Self) -> Result<(), ConfigError> {
        let one = |numbers: &Self| numbers.0.iter().all(|&n| n == 1);
        let shown = || format!("{:?} with strides {:?}", self.0, strides.0);
        check(one(self) || one(strides), class, "dilation_rate", "1 where strides are above 1", shown())
    }
}

/// Cells before and after each of `N` spatial axes. `1` and `[(1, 2), (0, 3)]` become one; for a sequence `(1, 2)` too. Files may hold one
/// number, one for each axis, or a pair for each axis, which is what is written (for a sequence the pair alone).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Borders<const N: usize>(pub [(usize, usize); N]);

impl<const N: usize> From<usize> for Borders<N> {
    fn from(n: usize) -> Self {
        Self([(n, n); N])
    }
}
impl<const N: usize> From<[(usize, usize); N]> for Borders<N> {
    fn from(pairs: [(usize, usize); N]) -> Self {
        Self(pairs)
    }
}
impl From<(usize, usize)> for Borders<1> {
    fn from(pair: (usize, usize)) -> Self {
        Self([pair])
    }
}

impl<const N: usize> Serialize for Borders<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if N == 1 { self.0[0].serialize(s) } else { s.collect_seq(self.0) }
    }
}

/// A number for all borders, or a list with one or two for each axis.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrPairs {
    One(usize),
    Many(Vec<usize>),
    Mixed(Vec<OneOrMany>),
}

impl<'de, const N: usize> Deserialize<'de> for Borders<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let pair = |of_axis: &OneOrMany| match of_axis {
            OneOrMany::One(n) => Some((*n, *n)),
            OneOrMany::Many(v) => <[usize; 2]>::try_from(v.as_slice()).ok().map(|[a, b]| (a, b)),
        };
        let pairs: Option<Vec<(usize, usize)>> = match OneOrPairs::deserialize(d) {
            Ok(OneOrPairs::One(n)) => Some(vec![(n, n); N]),
            Ok(OneOrPairs::Many(v)) if N == 1 => pair(&OneOrMany::Many(v)).map(|p| vec![p]),
            Ok(OneOrPairs::Many(v)) => Some(v.into_iter().map(|n| (n, n)).collect()),
            Ok(OneOrPairs::Mixed(v)) if N > 1 => v.iter().map(pair).collect(),
            Ok(OneOrPairs::Mixed(_)) | Err(_) => None,
        };
        let lists = if N == 1 { "a list of 2".into() } else { format!("a list of {N} numbers or pairs") };
        pairs
            .and_then(|p| p.try_into().ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("other, expected a whole number or {lists}")))
    }
}

/// What surrounds an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: kernels and windows lie within.
    #[default]
    Valid,
    /// As much that a layer with strides of 1 keeps the size.
    Same,
    /// Zeros before the beginning of a sequence, so that no result sees what comes later (`Conv1D` only).
    Causal,
}

impl Padding {
    /// Fails for `causal` where there is no order.
    pub(super) fn without_causal(self, class: &str) -> Result<(), ConfigError> {
        check(self != Self::Causal, class, "padding", "valid or same (causal is for Conv1D)", "causal")
    }
}

/// The one input `(B, S.., C)` of a layer over `N` spatial axes, its channels moved last.
pub(super) fn image<'g, const N: usize>(cx: &Trace<'g, '_>, class: &str, inputs: &[Var<'g>], format: DataFormat) -> Var<'g> {
    let x = super::common::one(cx, class, inputs);
    match format.first_axis::<N>(x.shape()) {
        Some(_) => channels_last(x, format),
        None => rank_error::<N>(cx, class, x.shape(), format),
    }
}

/// The error of an input that has not `N` spatial axes.
pub(super) fn rank_error<'g, const N: usize>(cx: &Trace<'g, '_>, class: &str, got: Shape, format: DataFormat) -> Var<'g> {
    let axes = ["length", "height, width", "depth, height, width"][N.clamp(1, 3) - 1];
    let expected = match format {
        DataFormat::ChannelsLast => format!("(batch, {axes}, channels)"),
        DataFormat::ChannelsFirst => format!("(batch, channels, {axes})"),
    };
    cx.builder().error(format!("{class} needs an input {expected} of rank {}, got shape {got}; try a Reshape before it", N + 2))
}

impl DataFormat {
    /// The first of `N` spatial axes, when the shape has as many.
    pub(super) fn first_axis<const N: usize>(self, shape: Shape) -> Option<usize> {
        (shape.rank() == N + 2).then_some(if self == Self::ChannelsLast { 1 } else { 2 })
    }
    /// Fails for `channels_first` where Keras has no such argument, in sequences.
    pub(super) fn known<const N: usize>(self, class: &str) -> Result<(), ConfigError> {
        let last = N > 1 || self == Self::ChannelsLast;
        check(last, class, "data_format", "channels_last (Keras has no other here)", "channels_first")
    }
}

/// `(B, C, S..)` as `(B, S.., C)`; what already is stays.
pub(super) fn channels_last(x: Var<'_>, format: DataFormat) -> Var<'_> {
    let r = x.rank();
    if format == DataFormat::ChannelsLast || r < 3 {
        return x;
    }
    x.transpose(&std::iter::once(0).chain(2..r).chain([1]).collect::<Vec<_>>())
}

/// `(B, S.., C)` as the format wants it.
pub(super) fn restored(x: Var<'_>, format: DataFormat) -> Var<'_> {
    let r = x.rank();
    if format == DataFormat::ChannelsLast || r < 3 {
        return x;
    }
    x.transpose(&[0, r - 1].into_iter().chain(1..r - 1).collect::<Vec<_>>())
}

/// Sizes of the spatial axes of `(B, S.., C)`.
pub(super) fn sizes(x: Var<'_>) -> Vec<usize> {
    let s = x.shape();
    s.dims().get(1..s.rank().saturating_sub(1)).unwrap_or_default().to_vec()
}

/// Checks of initializers and regularizers.
pub(super) fn weights_valid(initializers: &[&Initializer], regularizers: &[Option<Regularizer>]) -> Result<(), ConfigError> {
    use crate::keras::KerasObject;
    initializers.iter().try_for_each(|i| i.validate())?;
    regularizers.iter().flatten().try_for_each(KerasObject::validate)
}

/// A layer for one number of axes: reader, name, checks (`self.check(class)`), graph (`self.trace(cx, class, inputs)`); where Keras writes
/// other arguments than serde would, `self.written()` with the word `written`; then what it does with masks, a word of `layer_methods!`.
macro_rules! spatial_layer {
    ($ty:ident, $class:literal, $required:tt, written $($masks:ident)?) => {
        $crate::layers::spatial::spatial_layer!(@ $ty, $class, $required, [$($masks)?],
            fn module(&self) -> &'static str {
                "keras.layers"
            }
            fn class_name(&self) -> &'static str {
                $class
            }
            fn config(&self) -> serde_json::Value {
                self.written()
            }
        );
    };
    ($ty:ident, $class:literal, $required:tt $(, $masks:ident)?) => {
        $crate::layers::spatial::spatial_layer!(@ $ty, $class, $required, [$($masks)?], layer_identity!($class););
    };
    (@ $ty:ident, $class:literal, [$($required:literal),*], [$($masks:ident)?], $($identity:tt)*) => {
        $crate::layers::common::layer_builder!($ty, $class, [$($required),*]);
        impl $crate::keras::KerasObject for $ty {
            $($identity)*
            fn validate(&self) -> Result<(), $crate::keras::ConfigError> {
                self.check($class)
            }
        }
        impl $crate::Layer for $ty {
            $crate::layers::common::layer_methods!($($masks)?);
            fn call<'g>(&self, cx: &mut $crate::Trace<'g, '_>, inputs: &[adaline_graph::Var<'g>]) -> adaline_graph::Var<'g> {
                self.trace(cx, $class, inputs)
            }
        }
    };
}
pub(crate) use spatial_layer;

/// The builder methods that all convolutions share, and what they do with their sums; with `@` the methods alone.
macro_rules! convolution_builder {
    ($ty:ident) => {
        $crate::layers::spatial::convolution_builder!(@ $ty);
        impl<const N: usize> $ty<N> {
            /// `activation(y + bias)` of the sums `y: (B, S.., filters)`, the channels where they belong. Rounded as in `Dense`.
            fn finish<'g>(&self, cx: &mut Trace<'g, '_>, mut y: Var<'g>, filters: usize) -> Var<'g> {
                if self.use_bias {
                    let bias = cx.weight("bias", &[filters], &self.common.weight(&self.bias_initializer, self.bias_regularizer).constrained(self.bias_constraint.as_ref()));
                    y = cx.compute(y) + bias;
                }
                let y = cx.compute(restored(y, self.data_format));
                self.activation.trace(cx, y)
            }
        }
    };
    (@ $ty:ident) => {
        impl<const N: usize> $ty<N> {
            /// Cells between neighbouring results (default 1).
            pub fn strides(mut self, strides: impl Into<PerAxis<N>>) -> Self {
                self.strides = strides.into();
                self
            }
            /// What surrounds the input (default nothing).
            pub fn padding(mut self, padding: Padding) -> Self {
                self.padding = padding;
                self
            }
            /// Cells between neighbours of the kernel (default 1).
            pub fn dilation_rate(mut self, dilation_rate: impl Into<PerAxis<N>>) -> Self {
                self.dilation_rate = dilation_rate.into();
                self
            }
            /// Where the channels are (default last).
            pub fn data_format(mut self, data_format: DataFormat) -> Self {
                self.data_format = data_format;
                self
            }
            /// What is applied to the sums.
            pub fn activation(mut self, activation: Activation) -> Self {
                self.activation = activation;
                self
            }
            /// Whether a bias is added.
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.use_bias = use_bias;
                self
            }
            /// How the bias begins.
            pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
                self.bias_initializer = initializer;
                self
            }
            /// Penalty on the bias.
            pub fn bias_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
                self.bias_regularizer = Some(regularizer.into());
                self
            }
            /// What the bias is put back to after each update.
            pub fn bias_constraint(mut self, constraint: Constraint) -> Self {
                self.bias_constraint = Some(constraint);
                self
            }
            /// Checks that all convolutions share.
            fn check_shape(&self, class: &str) -> Result<(), ConfigError> {
                self.kernel_size.positive(class, "kernel_size")?;
                self.strides.positive(class, "strides")?;
                self.dilation_rate.positive(class, "dilation_rate")
            }
        }
    };
}
pub(crate) use convolution_builder;
