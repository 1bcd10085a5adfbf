//! Vectors of length 1.

use super::{
    Layer,
    common::{Axes, LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `x / |x|`, with the length taken over an axis or several, by default the last. Zeros stay zeros.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct UnitNormalization {
    common: LayerCommon,
    axis: Axes,
}

/// `x / max(|x|, epsilon)` over axes (all when empty), as Keras' `normalize`; its gradient is 0 where Keras has none, at zero.
pub(super) fn to_unit<'g>(x: Var<'g>, axes: &[isize], epsilon: f32) -> Var<'g> {
    x * x.square().sum(axes, true).max_scalar(epsilon * epsilon).rsqrt()
}

layer_builder!(UnitNormalization, "UnitNormalization", []);

impl UnitNormalization {
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

impl KerasObject for UnitNormalization {
    layer_identity!("UnitNormalization");
    fn validate(&self) -> Result<(), ConfigError> {
        check(!self.axis.as_slice().is_empty(), "UnitNormalization", "axis", "an axis or a list of at least one", "[]")
    }
}

impl Layer for UnitNormalization {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "UnitNormalization", inputs));
        match self.axis.of(x.shape()) {
            Some(axes) => to_unit(x, &axes.iter().map(|&a| a as isize).collect::<Vec<_>>(), 1e-12),
            None => cx.builder().error(format!(
                "UnitNormalization needs axes of the input, of shape {}, each once, but `axis` is {:?}; try -1, the last",
                x.shape(),
                self.axis.as_slice()
            )),
        }
    }
}
