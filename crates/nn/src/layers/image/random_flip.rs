//! Mirrored images.

use super::common::{Random, augment, each, random_builder};
use crate::{
    Layer, Trace,
    keras::KerasObject,
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, mirrors each image with probability 1/2.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct RandomFlip {
    common: LayerCommon,
    random: Random,
    mode: FlipMode,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlipMode {
    /// Left to right.
    Horizontal,
    /// Top to bottom.
    Vertical,
    /// Both at once, by one draw, as Keras 3 does: a half turn.
    #[default]
    HorizontalAndVertical,
}

layer_builder!(RandomFlip, "RandomFlip", []);
random_builder!(RandomFlip);

impl RandomFlip {
    /// Flips the given way.
    pub fn new(mode: FlipMode) -> Self {
        Self { mode, ..Self::default() }
    }
}

impl KerasObject for RandomFlip {
    layer_identity!("RandomFlip");
}

impl Layer for RandomFlip {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomFlip", self.random.data_format, inputs, |cx, x| {
            let axes: &[isize] = match self.mode {
                FlipMode::Horizontal => &[2],
                FlipMode::Vertical => &[1],
                FlipMode::HorizontalAndVertical => &[1, 2],
            };
            let flips = each(cx, self.random.seed, x, (0.0, 1.0));
            flips.le(cx.builder().full(flips.shape(), 0.5)).select(x.reverse(axes), x)
        })
    }
}
