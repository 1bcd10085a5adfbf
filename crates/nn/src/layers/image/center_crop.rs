//! The middle of images.

use super::{
    common::{Interpolation, check_size, on_images},
    resizing::{crop_to, cut, resize},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        shaping::DataFormat,
    },
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `height` rows and `width` columns from the middle, in training and outside of it. Images that are smaller along an axis are cut to the
/// proportions and resized.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct CenterCrop {
    common: LayerCommon,
    height: usize,
    width: usize,
    data_format: DataFormat,
}

layer_builder!(CenterCrop, "CenterCrop", ["height", "width"]);

impl CenterCrop {
    /// To `height` rows and `width` columns.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, ..Self::default() }
    }
    /// Where the channels are.
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
}

impl KerasObject for CenterCrop {
    layer_identity!("CenterCrop");
    fn validate(&self) -> Result<(), ConfigError> {
        check_size("CenterCrop", self.height, self.width)
    }
}

impl Layer for CenterCrop {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let size = [self.height, self.width];
        on_images(cx, "CenterCrop", self.data_format, inputs, |_, x| {
            match (x.dim(1).checked_sub(self.height), x.dim(2).checked_sub(self.width)) {
                (Some(over), Some(beside)) => cut(x, (over / 2, beside / 2), size),
                _ => resize(crop_to(x, size), size, Interpolation::Bilinear, false),
            }
        })
    }
}
