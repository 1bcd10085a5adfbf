//! Activations with arguments, as layers: `ReLU`, `LeakyReLU`, `ELU`, `Softmax`.

use super::{
    Layer,
    common::{Axes, LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    activations::{elu, leaky_relu},
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};

/// `max(x, 0)`, and with arguments: `x` from `threshold` to `max_value`, `max_value` above, `negative_slope · (x - threshold)` below.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct ReLU {
    common: LayerCommon,
    max_value: Option<f64>,
    negative_slope: f64,
    threshold: f64,
}

layer_builder!(ReLU, "ReLU", []);

impl ReLU {
    /// `max(x, 0)`.
    pub fn new() -> Self {
        Self::default()
    }
    /// The largest result.
    pub fn max_value(mut self, max_value: f64) -> Self {
        self.max_value = Some(max_value);
        self
    }
    /// Slope below the threshold.
    pub fn negative_slope(mut self, slope: f64) -> Self {
        self.negative_slope = slope;
        self
    }
    /// Where it begins to let values through.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }
}

/// Fails unless a number is finite and at least 0.
fn not_negative(class: &str, key: &str, value: f64) -> Result<(), ConfigError> {
    check(value.is_finite() && value >= 0.0, class, key, "a finite number of at least 0", value)
}

impl KerasObject for ReLU {
    layer_identity!("ReLU");
    fn validate(&self) -> Result<(), ConfigError> {
        self.max_value.map_or(Ok(()), |m| not_negative("ReLU", "max_value", m))?;
        not_negative("ReLU", "negative_slope", self.negative_slope)?;
        not_negative("ReLU", "threshold", self.threshold)
    }
}

impl Layer for ReLU {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "ReLU", inputs));
        let (slope, threshold) = (self.negative_slope as f32, self.threshold as f32);
        if slope != 0.0 && threshold == 0.0 && self.max_value.is_none() {
            return leaky_relu(x, slope);
        }
        // As Keras: above minus slope · below.
        let mut y = if threshold == 0.0 { x.relu() } else { x.gt_scalar(threshold).select(x, cx.builder().full(x.shape(), 0.0)) };
        if let Some(max) = self.max_value {
            y = if threshold == 0.0 { y.min_scalar(max as f32) } else { y.clip(0.0, max as f32) };
        }
        if slope == 0.0 { y } else { y - (-x + threshold).relu() * slope }
    }
}

/// `x` above 0, `negative_slope · x` below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakyReLU {
    common: LayerCommon,
    negative_slope: f64,
}

impl Default for LeakyReLU {
    fn default() -> Self {
        Self::new(0.3)
    }
}

layer_builder!(LeakyReLU, "LeakyReLU", []);

impl LeakyReLU {
    /// With a slope (Keras' default is 0.3, that of the activation `leaky_relu` 0.2).
    pub fn new(negative_slope: f64) -> Self {
        Self { common: LayerCommon::default(), negative_slope }
    }
}

impl KerasObject for LeakyReLU {
    layer_identity!("LeakyReLU");
    fn validate(&self) -> Result<(), ConfigError> {
        not_negative("LeakyReLU", "negative_slope", self.negative_slope)
    }
}

impl Layer for LeakyReLU {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "LeakyReLU", inputs));
        leaky_relu(x, self.negative_slope as f32)
    }
}

/// `x` above 0, `alpha (e^x - 1)` below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Elu {
    common: LayerCommon,
    alpha: f64,
}

/// Keras' name.
pub type ELU = Elu;

impl Default for Elu {
    fn default() -> Self {
        Self::new(1.0)
    }
}

layer_builder!(Elu, "ELU", []);

impl Elu {
    /// With the limit `-alpha` far below 0 (Keras' default is 1).
    pub fn new(alpha: f64) -> Self {
        Self { common: LayerCommon::default(), alpha }
    }
}

impl KerasObject for Elu {
    layer_identity!("ELU");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.alpha.is_finite(), "ELU", "alpha", "a finite number", self.alpha)
    }
}

impl Layer for Elu {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "ELU", inputs));
        elu(x, self.alpha as f32)
    }
}

/// `e^x / Σ e^x` over an axis or several.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Softmax {
    common: LayerCommon,
    axis: Axes,
}

layer_builder!(Softmax, "Softmax", []);

impl Softmax {
    /// Over the last axis.
    pub fn new() -> Self {
        Self::default()
    }
    /// Over this axis.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = Axes::One(axis);
        self
    }
    /// Over several axes at once.
    pub fn axes(mut self, axes: impl Into<Vec<isize>>) -> Self {
        self.axis = Axes::Many(axes.into());
        self
    }
}

impl KerasObject for Softmax {
    layer_identity!("Softmax");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.axis != Axes::Many(Vec::new()), "Softmax", "axis", "an axis or a list of at least one", "[]")
    }
}

impl Layer for Softmax {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "Softmax", inputs));
        let axes = self.axis.as_slice();
        let s = x.shape();
        if s.is_empty() {
            return x;
        }
        if axes.is_empty() || axes.iter().any(|&a| s.axis(a).is_none()) {
            return cx.builder().error(format!("Softmax needs axes of the input, of shape {s}, but `axis` is {axes:?}; try -1, the last"));
        }
        let softmax = |x: Var<'g>| {
            let e = (x - x.max(axes, true).stop_gradient()).exp();
            e / e.sum(axes, true)
        };
        let Some(mask) = cx.mask() else { return softmax(x) };
        if Shape::broadcast(&mask.shape(), &s) != Some(s) {
            return cx.builder().error(format!(
                "Softmax takes a mask that broadcasts to its input, as in Keras, but the input has shape {s} and the mask {}; \
                 Activation::Softmax leaves masks alone",
                mask.shape()
            ));
        }
        let full = |v: f32| cx.builder().full(s, v);
        mask.select(softmax(mask.select(x, full(-1e9))), full(0.0))
    }
}
