//! Root mean square normalization.

use super::{
    Layer,
    common::{Axes, LayerCommon, layer_builder, layer_identity, layer_methods, one},
    layer_normalization::{along, epsilon_valid},
};
use crate::{
    Trace,
    initializers::Initializer,
    keras::{ConfigError, KerasObject},
};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};

/// `scale · x / sqrt(mean(x²) + epsilon)` of each sample over an axis or several, by default the last (Zhang and Sennrich 2019). Computed in
/// single precision under every policy, as in Keras.
///
/// Weight, of the sizes of those axes: `scale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RMSNormalization {
    common: LayerCommon,
    axis: Axes,
    epsilon: f64,
}

impl Default for RMSNormalization {
    fn default() -> Self {
        Self { common: LayerCommon::default(), axis: Axes::default(), epsilon: 1e-6 }
    }
}

layer_builder!(RMSNormalization, "RMSNormalization", []);

impl RMSNormalization {
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
    /// Added to the mean square.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl KerasObject for RMSNormalization {
    layer_identity!("RMSNormalization");
    fn validate(&self) -> Result<(), ConfigError> {
        epsilon_valid("RMSNormalization", self.epsilon)
    }
}

impl Layer for RMSNormalization {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "RMSNormalization", inputs).cast(DType::F32);
        let (axes, dims, spread) = match along(cx, "RMSNormalization", &self.axis, x.shape()) {
            Ok(along) => along,
            Err(error) => return error,
        };
        let scale = cx.weight("scale", &dims, &self.common.weight(&Initializer::Ones, None));
        x * (x.square().mean(&axes, true) + self.epsilon as f32).rsqrt() * scale.reshape(spread)
    }
}
