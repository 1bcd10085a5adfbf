//! Steps to be skipped, told by a value.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};

/// Masks the steps all of whose features equal `mask_value`: `(B, T, F)` with them set to 0, and the mask `(B, T)` for the layers behind.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Masking {
    common: LayerCommon,
    mask_value: f64,
}

layer_builder!(Masking, "Masking", []);

impl Masking {
    /// Masks steps of this value (Keras' default is 0).
    pub fn new(mask_value: f64) -> Self {
        Self { common: LayerCommon::default(), mask_value }
    }
    /// Where any feature is another value: `(B, T, 1)`.
    fn kept<'g>(&self, x: Var<'g>) -> Var<'g> {
        let other = x.not_equal(x.builder().full(x.shape(), self.mask_value as f32));
        other.cast(DType::F32).max(&[-1], true).cast(DType::Bool)
    }
}

impl KerasObject for Masking {
    layer_identity!("Masking");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.mask_value.is_finite(), "Masking", "mask_value", "a finite number", self.mask_value)
    }
}

impl Layer for Masking {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "Masking", inputs));
        let s = x.shape();
        if s.rank() < 2 || s.dim(-1) == 0 {
            return cx.builder().error(format!("Masking needs an input of rank 2 or more, (batch, .., features), got shape {s}"));
        }
        self.kept(x).select(x, cx.builder().full(s, 0.0))
    }
    fn mask<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>], _: Option<Var<'g>>) -> Option<Var<'g>> {
        let x = cx.compute(one(cx, "Masking", inputs));
        let (s, kept) = (x.shape(), self.kept(x));
        (!cx.builder().failed()).then(|| kept.reshape(adaline_graph::Shape::new(&s.dims()[..s.rank() - 1])))
    }
}
