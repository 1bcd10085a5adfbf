//! Activations: functions of each element, and some of the last axis. Those of Keras that take arguments are functions here too.

use crate::{Trace, keras::ConfigError};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An activation function. Formulas are those of Keras 3, gradients those of its JAX backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Activation {
    /// `x`
    #[default]
    Linear,
    /// `max(x, 0)`; gradient 0 at 0
    Relu,
    /// `x` above 0, `0.2 x` below
    LeakyRelu,
    /// `x` above 0, `e^x - 1` below
    Elu,
    /// `1.0507 x` above 0, `1.7581 (e^x - 1)` below (Klambauer et al. 2017)
    Selu,
    /// `x Φ(x)` with the normal distribution function
    Gelu,
    /// `x Φ(x)` through the hyperbolic tangent. Keras has no name for it: its files cannot hold it, ours say `gelu_approximate`.
    GeluApproximate,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `clip(x / 6 + 1/2, 0, 1)`
    HardSigmoid,
    /// Hyperbolic tangent
    Tanh,
    /// `ln(1 + e^x)`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// `x · sigmoid(x)`
    Silu,
    /// `e^x`
    Exponential,
    /// `e^x / Σ e^x` over the last axis
    Softmax,
    /// `ln softmax(x)` over the last axis
    LogSoftmax,
    /// `x` above 0, `alpha (e^(x / alpha) - 1)` below, with `alpha` 1 (Barron 2017); [`celu`] takes another
    Celu,
    /// The first half of the last axis times the sigmoid of the second (Dauphin et al. 2017): the axis becomes half as long
    Glu,
    /// `x` where `|x| > 0.5`, else 0; [`hard_shrink`] takes another threshold
    HardShrink,
    /// `x · hard_sigmoid(x)`; also called `hard_swish`
    HardSilu,
    /// `clip(x, -1, 1)`
    HardTanh,
    /// `ln sigmoid(x)`
    LogSigmoid,
    /// `x · tanh(softplus(x))` (Misra 2019)
    Mish,
    /// `clip(x, 0, 6)`
    Relu6,
    /// `x` brought nearer to 0 by 0.5, and 0 within; [`soft_shrink`] takes another threshold
    SoftShrink,
    /// 0 up to -1, `(x + 1)² / 4`, from 1 on `x`
    SparsePlus,
    /// `clip((x + 1) / 2, 0, 1)`
    SparseSigmoid,
    /// The distribution over the last axis that is nearest to `x`; most of it is 0 (Martins and Astudillo 2016)
    Sparsemax,
    /// `(x + sqrt(x² + 4)) / 2` (Barron 2021); [`squareplus`] takes another number than 4
    Squareplus,
    /// `x - tanh(x)`
    TanhShrink,
    /// The perceptron's: 1 above 0, else 0. Its gradient is 0 everywhere, so it is for inference only. Not in Keras; our files say `step`.
    Step,
}

/// Klambauer et al. 2017, with the digits Keras has.
pub(crate) const SELU_SCALE: f32 = 1.050_701;
pub(crate) const SELU_ALPHA: f32 = 1.673_263_2;

impl Activation {
    /// All activations with the names of Keras' files.
    pub const ALL: [(Self, &'static str); 31] = [
        (Self::Linear, "linear"),
        (Self::Relu, "relu"),
        (Self::LeakyRelu, "leaky_relu"),
        (Self::Elu, "elu"),
        (Self::Selu, "selu"),
        (Self::Gelu, "gelu"),
        (Self::GeluApproximate, "gelu_approximate"),
        (Self::Sigmoid, "sigmoid"),
        (Self::HardSigmoid, "hard_sigmoid"),
        (Self::Tanh, "tanh"),
        (Self::Softplus, "softplus"),
        (Self::Softsign, "softsign"),
        (Self::Silu, "silu"),
        (Self::Exponential, "exponential"),
        (Self::Softmax, "softmax"),
        (Self::LogSoftmax, "log_softmax"),
        (Self::Celu, "celu"),
        (Self::Glu, "glu"),
        (Self::HardShrink, "hard_shrink"),
        (Self::HardSilu, "hard_silu"),
        (Self::HardTanh, "hard_tanh"),
        (Self::LogSigmoid, "log_sigmoid"),
        (Self::Mish, "mish"),
        (Self::Relu6, "relu6"),
        (Self::SoftShrink, "soft_shrink"),
        (Self::SparsePlus, "sparse_plus"),
        (Self::SparseSigmoid, "sparse_sigmoid"),
        (Self::Sparsemax, "sparsemax"),
        (Self::Squareplus, "squareplus"),
        (Self::TanhShrink, "tanh_shrink"),
        (Self::Step, "step"),
    ];

    /// Keras' name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|a| a.0 == self).map_or("linear", |a| a.1)
    }
    /// The activation of a name.
    pub fn from_name(name: &str) -> Result<Self, ConfigError> {
        match name {
            "swish" => Ok(Self::Silu),
            "hard_swish" => Ok(Self::HardSilu),
            _ => match Self::ALL.iter().find(|a| a.1 == name) {
                Some(a) => Ok(a.0),
                None => Err(ConfigError::unknown_class("activation", name, &Self::ALL.map(|a| a.1))),
            },
        }
    }
    /// The function of `x`, of the same shape ([`Glu`](Self::Glu) halves the last axis).
    pub fn apply(self, x: Var<'_>) -> Var<'_> {
        let b = x.builder();
        match self {
            Self::Linear => x,
            Self::Relu => x.relu(),
            Self::LeakyRelu => leaky_relu(x, 0.2),
            Self::Elu => elu(x, 1.0),
            Self::Selu => elu(x, SELU_ALPHA) * SELU_SCALE,
            Self::Gelu => x * ((x * std::f32::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5,
            Self::GeluApproximate => {
                // Hendrycks and Gimpel 2016: sqrt(2 / π) (x + 0.044715 x³)
                let inner = (x + x * x * x * 0.044_715) * 0.797_884_6;
                x * (inner.tanh() + 1.0) * 0.5
            }
            Self::Sigmoid => x.sigmoid(),
            Self::HardSigmoid => hard_sigmoid(x),
            Self::Tanh => x.tanh(),
            Self::Softplus => x.softplus(),
            Self::Softsign => x / (x.abs() + 1.0),
            Self::Silu => x * x.sigmoid(),
            Self::Exponential => x.exp(),
            Self::Softmax => x.softmax(-1),
            Self::LogSoftmax => x.log_softmax(-1),
            Self::Celu => celu(x, 1.0),
            Self::Glu => glu(x, -1),
            Self::HardShrink => hard_shrink(x, 0.5),
            Self::HardSilu => x * hard_sigmoid(x),
            Self::HardTanh => {
                let (low, high) = (b.full(x.shape(), -1.0), b.full(x.shape(), 1.0));
                x.gt(high).select(high, x.lt(low).select(low, x))
            }
            Self::LogSigmoid => -(-x).softplus(),
            Self::Mish => x * x.softplus().tanh(),
            Self::Relu6 => x.clip(0.0, 6.0),
            Self::SoftShrink => soft_shrink(x, 0.5),
            Self::SparsePlus => {
                let above = x.ge(b.full(x.shape(), 1.0)).select(x, (x + 1.0).square() / 4.0);
                x.gt_scalar(-1.0).select(above, b.full(x.shape(), 0.0))
            }
            Self::SparseSigmoid => (x + 1.0).clip(0.0, 2.0) * 0.5,
            Self::Sparsemax => sparsemax(x, -1),
            Self::Squareplus => squareplus(x, 4.0),
            Self::TanhShrink => x - x.tanh(),
            Self::Step => x.gt(b.full(x.shape(), 0.0)).cast(DType::F32).stop_gradient(),
        }
    }
    /// The function of `x` within a layer: refuses in training what cannot be trained, and softmax of a scalar.
    pub fn trace<'g>(self, cx: &Trace<'g, '_>, x: Var<'g>) -> Var<'g> {
        if self == Self::Step && cx.training() {
            return cx.builder().error(
                "activation `step` has gradient 0 everywhere, so gradient descent cannot train through it: \
                 train with `sigmoid` or use the perceptron rule, and set `step` for inference",
            );
        }
        if matches!(self, Self::Softmax | Self::LogSoftmax | Self::Glu | Self::Sparsemax) && x.rank() == 0 {
            return cx.builder().error(format!("activation `{}` needs an axis, got a scalar", self.name()));
        }
        self.apply(x)
    }
}

/// `x` at and above 0, `slope · x` below.
pub fn leaky_relu(x: Var<'_>, slope: f32) -> Var<'_> {
    let zero = x.builder().full(x.shape(), 0.0);
    x.ge(zero).select(x, x * slope)
}

/// `x` above 0, `alpha (e^x - 1)` at and below.
pub fn elu(x: Var<'_>, alpha: f32) -> Var<'_> {
    bent(x, alpha, Var::expm1)
}

/// `x` above 0, `alpha (e^(x / alpha) - 1)` at and below.
pub fn celu(x: Var<'_>, alpha: f32) -> Var<'_> {
    bent(x, alpha, |below| (below / alpha).expm1())
}

/// `x` above 0, `alpha f(x)` at and below.
fn bent<'g>(x: Var<'g>, alpha: f32, f: impl FnOnce(Var<'g>) -> Var<'g>) -> Var<'g> {
    let zero = x.builder().full(x.shape(), 0.0);
    let above = x.gt(zero);
    // The branch not taken must stay finite, or its gradient would be 0 · inf.
    above.select(x, f(above.select(zero, x)) * alpha)
}

/// `clip(x / 6 + 1/2, 0, 1)`
fn hard_sigmoid(x: Var<'_>) -> Var<'_> {
    (x + 3.0).clip(0.0, 6.0) / 6.0
}

/// `x` above the threshold, `value` elsewhere: Keras' `threshold`, which has no default and so is no name in a file.
pub fn threshold(x: Var<'_>, threshold: f32, value: f32) -> Var<'_> {
    x.gt_scalar(threshold).select(x, x.builder().full(x.shape(), value))
}

/// `x` where `|x| > threshold`, else 0.
pub fn hard_shrink(x: Var<'_>, threshold: f32) -> Var<'_> {
    x.abs().gt_scalar(threshold).select(x, x.builder().full(x.shape(), 0.0))
}

/// `x` brought nearer to 0 by the threshold, and 0 within.
pub fn soft_shrink(x: Var<'_>, threshold: f32) -> Var<'_> {
    let below = x.builder().full(x.shape(), -threshold);
    let within = x.lt(below).select(x + threshold, x.builder().full(x.shape(), 0.0));
    x.gt_scalar(threshold).select(x - threshold, within)
}

/// `(x + sqrt(x² + b)) / 2`
pub fn squareplus(x: Var<'_>, b: f32) -> Var<'_> {
    (x + (x.square() + b).sqrt()) * 0.5
}

/// The first half of an axis times the sigmoid of the second.
pub fn glu(x: Var<'_>, axis: isize) -> Var<'_> {
    let s = x.shape();
    let Some((at, n)) = s.axis(axis).map(|a| (a, s.dims()[a])).filter(|(_, n)| n % 2 == 0) else {
        return x.builder().error(format!("activation `glu` splits axis {axis} into two halves, which shape {s} does not have"));
    };
    let half = |from: usize| {
        let mut ranges: Vec<(usize, usize, usize)> = s.dims().iter().map(|&d| (0, d, 1)).collect();
        ranges[at] = (from, from + n / 2, 1);
        x.slice(&ranges)
    };
    half(0) * half(n / 2).sigmoid()
}

/// The distribution along an axis that is nearest to `x`: `max(x - t, 0)` with the `t` for which it sums to 1 (Martins and Astudillo 2016).
///
/// Keras 3.15 adds up cumulative sums where it needs the last one, so that its rows sum to 1 only where one element is left; this one is the paper's.
pub fn sparsemax(x: Var<'_>, axis: isize) -> Var<'_> {
    let (b, s) = (x.builder(), x.shape());
    let Some(at) = s.axis(axis) else {
        return b.error(format!("activation `sparsemax` needs an axis of its input, of shape {s}, but `axis` is {axis}"));
    };
    // An element stays if 1 + k x > the sum of the k elements that are as large or larger. Each is compared with each, (.., C, C).
    let (each, mut pairs) = (s.dims()[at], s.dims().to_vec());
    pairs.insert(at + 1, each);
    let Some(pairs) = Shape::try_new(&pairs) else {
        return b.error(format!(
            "activation `sparsemax` compares all pairs along axis {axis}, for which shape {s} is too large or has too many axes"
        ));
    };
    let (own, others) = (x.expand_dims(at as isize + 1).broadcast_to(pairs), x.expand_dims(at as isize).broadcast_to(pairs));
    let larger = others.ge(own).cast(DType::F32);
    let over = [at as isize + 1];
    let (k, sum) = (larger.sum(&over, false), (larger * others).sum(&over, false));
    let stays = (k * x + 1.0).gt(sum).cast(DType::F32).stop_gradient();
    let t = ((x * stays).sum(&[axis], true) - 1.0) / stays.sum(&[axis], true);
    (x - t).relu()
}

impl From<Activation> for Value {
    fn from(a: Activation) -> Self {
        Self::String(a.name().into())
    }
}
impl TryFrom<Value> for Activation {
    type Error = ConfigError;
    fn try_from(value: Value) -> Result<Self, ConfigError> {
        match &value {
            Value::Null => Ok(Self::Linear),
            Value::String(s) => Self::from_name(s),
            // A function's envelope: {"module": "builtins", "class_name": "function", "config": "relu"}
            Value::Object(o) if o.get("class_name").and_then(Value::as_str) == Some("function") => match o.get("config") {
                Some(Value::String(s)) => Self::from_name(s),
                _ => Err(ConfigError::Shape { expected: "the name of an activation function".into(), got: value.to_string() }),
            },
            _ => Err(ConfigError::Shape { expected: "the name of an activation function".into(), got: value.to_string() }),
        }
    }
}
