//! A layer that does nothing.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{Trace, keras::KerasObject};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// Its input.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Identity {
    common: LayerCommon,
}

layer_builder!(Identity, "Identity", []);

impl Identity {
    /// A new layer.
    pub fn new() -> Self {
        Self::default()
    }
}

impl KerasObject for Identity {
    layer_identity!("Identity");
}

impl Layer for Identity {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        one(cx, "Identity", inputs)
    }
}
