//! A penalty on what flows through.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject},
    regularizers::Regularizer,
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// The identity; adds `(l1 · Σ|x| + l2 · Σx²) / B` to the loss of a batch of `B` rows.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct ActivityRegularization {
    common: LayerCommon,
    l1: f64,
    l2: f64,
}

layer_builder!(ActivityRegularization, "ActivityRegularization", []);

impl ActivityRegularization {
    /// With the factors of absolute values and of squares.
    pub fn new(l1: f64, l2: f64) -> Self {
        Self { common: LayerCommon::default(), l1, l2 }
    }
    fn penalty(&self) -> Regularizer {
        Regularizer::L1L2 { l1: self.l1, l2: self.l2 }
    }
}

impl KerasObject for ActivityRegularization {
    layer_identity!("ActivityRegularization");
    fn validate(&self) -> Result<(), ConfigError> {
        self.penalty().validate()
    }
}

impl Layer for ActivityRegularization {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "ActivityRegularization", inputs));
        cx.penalize(x, self.penalty());
        x
    }
}
