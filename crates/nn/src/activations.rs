//! Activations: elementwise functions, and softmax over the last axis.

use crate::{Trace, keras::ConfigError};
use adaline_graph::{DType, Var};
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
    /// The perceptron's: 1 above 0, else 0. Its gradient is 0 everywhere, so it is for inference only. Not in Keras; our files say `step`.
    Step,
}

/// Klambauer et al. 2017, with the digits Keras has.
pub(crate) const SELU_SCALE: f32 = 1.050_701;
pub(crate) const SELU_ALPHA: f32 = 1.673_263_2;

impl Activation {
    /// All activations with the names of Keras' files.
    pub const ALL: [(Self, &'static str); 17] = [
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
            _ => match Self::ALL.iter().find(|a| a.1 == name) {
                Some(a) => Ok(a.0),
                None => Err(ConfigError::unknown_class("activation", name, &Self::ALL.map(|a| a.1))),
            },
        }
    }
    /// The function of `x`, of the same shape.
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
            Self::HardSigmoid => (x + 3.0).clip(0.0, 6.0) / 6.0,
            Self::Tanh => x.tanh(),
            Self::Softplus => x.softplus(),
            Self::Softsign => x / (x.abs() + 1.0),
            Self::Silu => x * x.sigmoid(),
            Self::Exponential => x.exp(),
            Self::Softmax => x.softmax(-1),
            Self::LogSoftmax => x.log_softmax(-1),
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
        if matches!(self, Self::Softmax | Self::LogSoftmax) && x.rank() == 0 {
            return cx.builder().error(format!("activation `{}` needs an axis, got a scalar", self.name()));
        }
        self.apply(x)
    }
}

/// `x` at and above 0, `slope · x` below.
pub(crate) fn leaky_relu(x: Var<'_>, slope: f32) -> Var<'_> {
    let zero = x.builder().full(x.shape(), 0.0);
    x.ge(zero).select(x, x * slope)
}

/// `x` above 0, `alpha (e^x - 1)` at and below.
pub(crate) fn elu(x: Var<'_>, alpha: f32) -> Var<'_> {
    let zero = x.builder().full(x.shape(), 0.0);
    let above = x.gt(zero);
    // The branch not taken must stay finite, or its gradient would be 0 · inf.
    above.select(x, above.select(zero, x).expm1() * alpha)
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
