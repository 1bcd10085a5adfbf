//! Rescaling of inputs.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `x · scale + offset`, such as `Rescaling::new(1.0 / 255.0)` for image bytes. The shape stays.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Rescaling {
    common: LayerCommon,
    scale: f64,
    offset: f64,
}

layer_builder!(Rescaling, "Rescaling", ["scale"]);

impl Rescaling {
    /// Multiplies by `scale`.
    pub fn new(scale: f64) -> Self {
        Self { scale, ..Self::default() }
    }
    /// Adds `offset` after that.
    pub fn offset(mut self, offset: f64) -> Self {
        self.offset = offset;
        self
    }
}

impl KerasObject for Rescaling {
    layer_identity!("Rescaling");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.scale.is_finite(), "Rescaling", "scale", "a finite number", self.scale)?;
        check(self.offset.is_finite(), "Rescaling", "offset", "a finite number", self.offset)
    }
}

impl Layer for Rescaling {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "Rescaling", inputs));
        let full = |v: f64| cx.compute(cx.builder().full(x.shape(), v as f32));
        let y = x * full(self.scale);
        if self.offset == 0.0 { y } else { cx.compute(y) + full(self.offset) }
    }
}
