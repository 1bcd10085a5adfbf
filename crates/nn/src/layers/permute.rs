//! Axes in another order.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{MAX_RANK, Var};
use serde::{Deserialize, Serialize};

/// Axes of each row in another order, counted from 1: `Permute::new([2, 1])` makes `(B, x, y)` of `(B, y, x)`.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Permute {
    common: LayerCommon,
    dims: Vec<usize>,
}

layer_builder!(Permute, "Permute", ["dims"]);

impl Permute {
    /// Which axis of the input each axis of the result is.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Self { common: LayerCommon::default(), dims: dims.into() }
    }
}

impl KerasObject for Permute {
    layer_identity!("Permute");
    fn validate(&self) -> Result<(), ConfigError> {
        let n = self.dims.len();
        let fits = n < MAX_RANK && (1..=n).all(|a| self.dims.contains(&a));
        let expected = format!("each of 1 to the number of axes once, of which there are at most {}", MAX_RANK - 1);
        check(fits, "Permute", "dims", &expected, format!("{:?}", self.dims))
    }
}

impl Layer for Permute {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "Permute", inputs);
        let s = x.shape();
        if s.rank() != self.dims.len() + 1 {
            return cx.builder().error(format!(
                "Permute with `dims` {:?} needs an input of rank {}, got shape {s}; the batch axis is not counted",
                self.dims,
                self.dims.len() + 1
            ));
        }
        x.transpose(&std::iter::once(0).chain(self.dims.iter().copied()).collect::<Vec<_>>())
    }
}
