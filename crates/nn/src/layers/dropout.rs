//! Dropout.

use super::{
    Layer,
    common::{LayerCommon, dropout_factor, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};

/// In training, sets each element to 0 with probability `rate` and scales the others by `1 / (1 - rate)` (Srivastava et al. 2014);
/// otherwise the identity.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Dropout {
    common: LayerCommon,
    rate: f64,
    seed: Option<i64>,
    noise_shape: Option<Vec<Option<usize>>>,
}

layer_builder!(Dropout, "Dropout", ["rate"]);

impl Dropout {
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

/// The shape of the mask for an input's; where it does not fit, none and an error.
pub(super) fn noise_shape(cx: &Trace<'_, '_>, noise: Option<&[Option<usize>]>, x: Shape) -> Option<Shape> {
    let Some(noise) = noise else { return Some(x) };
    if noise.len() == x.rank() && noise.iter().zip(x.dims()).all(|(n, &d)| n.is_none_or(|n| n == 1 || n == d)) {
        return Some(Shape::new(&noise.iter().zip(x.dims()).map(|(n, &d)| n.unwrap_or(d)).collect::<Vec<_>>()));
    }
    cx.builder().error(format!("noise_shape {:?} does not fit the input's shape {x}: each axis must be equal, 1 or null", Some(noise)));
    None
}

impl KerasObject for Dropout {
    layer_identity!("Dropout");
    fn validate(&self) -> Result<(), ConfigError> {
        check((0.0..1.0).contains(&self.rate), "Dropout", "rate", "at least 0 and below 1", self.rate)
    }
}

impl Layer for Dropout {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "Dropout", inputs));
        if !cx.training() || self.rate == 0.0 {
            return x;
        }
        let Some(shape) = noise_shape(cx, self.noise_shape.as_deref(), x.shape()) else { return x };
        x * dropout_factor(cx, self.rate, self.seed, shape)
    }
}
