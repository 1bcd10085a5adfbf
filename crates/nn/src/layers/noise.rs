//! Noise in training: `GaussianNoise`, `GaussianDropout`, `AlphaDropout`.

use super::{
    Layer,
    common::{LayerCommon, draw, layer_builder, layer_identity, layer_methods, one},
    dropout::noise_shape,
};
use crate::{
    Trace,
    activations::{SELU_ALPHA, SELU_SCALE},
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{Distribution, Var};
use serde::{Deserialize, Serialize};

/// In training, adds normal numbers of mean 0 and deviation `stddev`; otherwise the identity.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct GaussianNoise {
    common: LayerCommon,
    stddev: f64,
    seed: Option<i64>,
}

layer_builder!(GaussianNoise, "GaussianNoise", ["stddev"]);

impl GaussianNoise {
    /// Noise of this deviation, from 0 to 1.
    pub fn new(stddev: f64) -> Self {
        Self { stddev, ..Self::default() }
    }
    /// A seed of its own, mixed with the model's.
    pub fn seed(mut self, seed: i64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl KerasObject for GaussianNoise {
    layer_identity!("GaussianNoise");
    fn validate(&self) -> Result<(), ConfigError> {
        check((0.0..=1.0).contains(&self.stddev), "GaussianNoise", "stddev", "from 0 to 1", self.stddev)
    }
}

impl Layer for GaussianNoise {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "GaussianNoise", inputs));
        if !cx.training() || self.stddev == 0.0 {
            return x;
        }
        x + draw(cx, Distribution::Normal, self.seed, x.shape()) * self.stddev as f32
    }
}

/// In training, multiplies by normal numbers of mean 1 and deviation `sqrt(rate / (1 - rate))`, that of dropout (Srivastava et al. 2014); otherwise the
/// identity.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct GaussianDropout {
    common: LayerCommon,
    rate: f64,
    seed: Option<i64>,
}

layer_builder!(GaussianDropout, "GaussianDropout", ["rate"]);

impl GaussianDropout {
    /// Noise as of dropout with probability `rate`, from 0 to below 1.
    pub fn new(rate: f64) -> Self {
        Self { rate, ..Self::default() }
    }
    /// A seed of its own, mixed with the model's.
    pub fn seed(mut self, seed: i64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl KerasObject for GaussianDropout {
    layer_identity!("GaussianDropout");
    fn validate(&self) -> Result<(), ConfigError> {
        check((0.0..1.0).contains(&self.rate), "GaussianDropout", "rate", "at least 0 and below 1", self.rate)
    }
}

impl Layer for GaussianDropout {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "GaussianDropout", inputs));
        if !cx.training() || self.rate == 0.0 {
            return x;
        }
        let deviation = (self.rate / (1.0 - self.rate)).sqrt();
        x * (draw(cx, Distribution::Normal, self.seed, x.shape()) * deviation as f32 + 1.0)
    }
}

/// In training, sets each element with probability `rate` to the value that `selu` has far below 0, then scales and shifts all so that mean and
/// variance of what `selu` gives stay (Klambauer et al. 2017); otherwise the identity.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct AlphaDropout {
    common: LayerCommon,
    rate: f64,
    seed: Option<i64>,
    noise_shape: Option<Vec<Option<usize>>>,
}

layer_builder!(AlphaDropout, "AlphaDropout", ["rate"]);

impl AlphaDropout {
    /// Drops elements with probability `rate`, from 0 to below 1.
    pub fn new(rate: f64) -> Self {
        Self { rate, ..Self::default() }
    }
    /// A seed of its own, mixed with the model's.
    pub fn seed(mut self, seed: i64) -> Self {
        self.seed = Some(seed);
        self
    }
    /// Shape of the mask, batch included: none takes the input's size, 1 shares one draw along the axis.
    pub fn noise_shape(mut self, shape: impl Into<Vec<Option<usize>>>) -> Self {
        self.noise_shape = Some(shape.into());
        self
    }
}

impl KerasObject for AlphaDropout {
    layer_identity!("AlphaDropout");
    fn validate(&self) -> Result<(), ConfigError> {
        check((0.0..1.0).contains(&self.rate), "AlphaDropout", "rate", "at least 0 and below 1", self.rate)
    }
}

impl Layer for AlphaDropout {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "AlphaDropout", inputs));
        if !cx.training() || self.rate == 0.0 {
            return x;
        }
        let Some(shape) = noise_shape(cx, self.noise_shape.as_deref(), x.shape()) else { return x };
        let low = -f64::from(SELU_ALPHA) * f64::from(SELU_SCALE);
        let a = ((1.0 - self.rate) * (1.0 + self.rate * low * low)).powf(-0.5);
        let b = -a * low * self.rate;
        let kept = draw(cx, Distribution::Uniform, self.seed, shape).ge(cx.builder().full(shape, self.rate as f32));
        kept.select(x, cx.builder().scalar(low as f32)) * a as f32 + b as f32
    }
}
