//! Largest or mean cell of a whole image.

use super::{
    common::{LayerCommon, layer_identity},
    shaping::DataFormat,
    spatial::{image, restored, spatial_layer},
};
use crate::{Trace, keras::ConfigError};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};

/// The largest (`MAX`) or mean cell over all `N` spatial axes, channel by channel: `(B, S.., C) -> (B, C)`, or `(B, 1.., C)` with
/// `keepdims`. [`GlobalMaxPooling2D`], [`GlobalAveragePooling2D`] and their siblings are the layers.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct GlobalPooling<const N: usize, const MAX: bool> {
    common: LayerCommon,
    data_format: DataFormat,
    keepdims: bool,
}

/// The largest of a sequence `(B, length, C)`.
pub type GlobalMaxPooling1D = GlobalPooling<1, true>;
/// The largest of an image `(B, height, width, C)`.
pub type GlobalMaxPooling2D = GlobalPooling<2, true>;
/// The largest of a volume `(B, depth, height, width, C)`.
pub type GlobalMaxPooling3D = GlobalPooling<3, true>;
/// The mean of a sequence `(B, length, C)`, over those steps only that are not masked.
pub type GlobalAveragePooling1D = GlobalPooling<1, false>;
/// The mean of an image `(B, height, width, C)`.
pub type GlobalAveragePooling2D = GlobalPooling<2, false>;
/// The mean of a volume `(B, depth, height, width, C)`.
pub type GlobalAveragePooling3D = GlobalPooling<3, false>;

impl<const N: usize, const MAX: bool> GlobalPooling<N, MAX> {
    /// A new layer.
    pub fn new() -> Self {
        Self::default()
    }
    /// Where the channels are (default last).
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
    /// Whether the spatial axes stay, with size 1.
    pub fn keepdims(mut self, keepdims: bool) -> Self {
        self.keepdims = keepdims;
        self
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "every layer has its checks")]
    fn check(&self, _: &str) -> Result<(), ConfigError> {
        Ok(())
    }
    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(image::<N>(cx, class, inputs, self.data_format));
        let axes: Vec<isize> = (1..=N as isize).collect();
        let empty = x.shape().dims().get(1..=N).is_some_and(|d| d.contains(&0));
        if empty {
            return cx.builder().error(format!("{class} needs at least one cell along each spatial axis, got shape {}", x.shape()));
        }
        let y = match cx.mask() {
            Some(mask) if N == 1 && !MAX => {
                // As Keras: 0 / 0, which is not a number, where all steps are masked.
                let (mask, zero) = (mask.expand_dims(-1), cx.builder().scalar(0.0)); // (B, T, 1)
                mask.select(x, zero).sum(&axes, self.keepdims) / mask.cast(DType::F32).sum(&axes, self.keepdims)
            }
            _ if MAX => x.max(&axes, self.keepdims),
            _ => x.mean(&axes, self.keepdims),
        };
        if self.keepdims { restored(y, self.data_format) } else { y }
    }
}

spatial_layer!(GlobalMaxPooling1D, "GlobalMaxPooling1D", []);
spatial_layer!(GlobalMaxPooling2D, "GlobalMaxPooling2D", []);
spatial_layer!(GlobalMaxPooling3D, "GlobalMaxPooling3D", []);
spatial_layer!(GlobalAveragePooling1D, "GlobalAveragePooling1D", [], unmasking);
spatial_layer!(GlobalAveragePooling2D, "GlobalAveragePooling2D", []);
spatial_layer!(GlobalAveragePooling3D, "GlobalAveragePooling3D", []);
