//! Rows as sequences of themselves.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};

/// Each row `n` times: `(B, F) -> (B, n, F)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepeatVector {
    common: LayerCommon,
    n: usize,
}

impl Default for RepeatVector {
    fn default() -> Self {
        Self::new(1)
    }
}

layer_builder!(RepeatVector, "RepeatVector", ["n"]);

impl RepeatVector {
    /// Rows `n` times.
    pub fn new(n: usize) -> Self {
        Self { common: LayerCommon::default(), n }
    }
}

impl KerasObject for RepeatVector {
    layer_identity!("RepeatVector");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.n >= 1, "RepeatVector", "n", "a positive integer", self.n)
    }
}

impl Layer for RepeatVector {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "RepeatVector", inputs);
        let s = x.shape();
        match *s.dims() {
            [batch, features] => match Shape::try_new(&[batch, self.n, features]) {
                Some(shape) => x.expand_dims(1).broadcast_to(shape),
                None => cx.builder().error(format!("an input of shape {s}, {} times, is too large", self.n)),
            },
            _ => cx.builder().error(format!("RepeatVector needs an input (batch, features) of rank 2, got shape {s}; Flatten makes one")),
        }
    }
}
