//! Largest or mean cell of windows.

use super::{
    common::LayerCommon,
    shaping::DataFormat,
    spatial::{Padding, PerAxis, image, restored, sizes, spatial_layer},
};
use crate::{
    Trace,
    keras::{ConfigError, to_config},
};
use adaline_graph::{Var, WindowSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The largest (`MAX`) or mean cell of each window over `N` spatial axes, channel by channel: `(B, S.., C) -> (B, S'.., C)`. Padding
/// counts for neither. [`MaxPooling2D`], [`AveragePooling2D`] and their siblings are the layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pooling<const N: usize, const MAX: bool> {
    common: LayerCommon,
    pool_size: PerAxis<N>,
    /// None: those of the windows.
    strides: Option<PerAxis<N>>,
    padding: Padding,
    data_format: DataFormat,
}

/// The largest of windows of a sequence `(B, length, C)`.
pub type MaxPooling1D = Pooling<1, true>;
/// The largest of windows of an image `(B, height, width, C)`.
pub type MaxPooling2D = Pooling<2, true>;
/// The largest of windows of a volume `(B, depth, height, width, C)`.
pub type MaxPooling3D = Pooling<3, true>;
/// The mean of windows of a sequence `(B, length, C)`.
pub type AveragePooling1D = Pooling<1, false>;
/// The mean of windows of an image `(B, height, width, C)`.
pub type AveragePooling2D = Pooling<2, false>;
/// The mean of windows of a volume `(B, depth, height, width, C)`.
pub type AveragePooling3D = Pooling<3, false>;

impl<const N: usize, const MAX: bool> Default for Pooling<N, MAX> {
    fn default() -> Self {
        Self::new(2)
    }
}

impl<const N: usize, const MAX: bool> Pooling<N, MAX> {
    /// Windows of the given size, side by side: `MaxPooling2D::new(2)` or `MaxPooling2D::new((2, 3))`.
    pub fn new(pool_size: impl Into<PerAxis<N>>) -> Self {
        Self {
            common: LayerCommon::default(),
            pool_size: pool_size.into(),
            strides: None,
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
        }
    }
    /// Cells between neighbouring windows (default: their size).
    pub fn strides(mut self, strides: impl Into<PerAxis<N>>) -> Self {
        self.strides = Some(strides.into());
        self
    }
    /// Whether windows may reach beyond the border (`Padding::Same`).
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }
    /// Where the channels are (default last).
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    fn stepped(&self) -> PerAxis<N> {
        self.strides.unwrap_or(self.pool_size)
    }
    /// Keras writes the strides that it uses.
    fn written(&self) -> Value {
        let mut config = to_config(self);
        config["strides"] = json!(self.stepped());
        config
    }
    fn check(&self, class: &str) -> Result<(), ConfigError> {
        self.pool_size.positive(class, "pool_size")?;
        self.stepped().positive(class, "strides")?;
        self.padding.without_causal(class)
    }
    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(image::<N>(cx, class, inputs, self.data_format));
        let (size, strides) = (&self.pool_size.0, &self.stepped().0);
        let spec = match self.padding {
            Padding::Same => WindowSpec::same(&sizes(x), size, strides),
            Padding::Valid | Padding::Causal => WindowSpec::valid(size, strides),
        };
        let y = if MAX { x.max_pool(spec) } else { x.average_pool(spec) };
        restored(y, self.data_format)
    }
}

spatial_layer!(MaxPooling1D, "MaxPooling1D", [], written);
spatial_layer!(MaxPooling2D, "MaxPooling2D", [], written);
spatial_layer!(MaxPooling3D, "MaxPooling3D", [], written);
spatial_layer!(AveragePooling1D, "AveragePooling1D", ["pool_size"], written);
spatial_layer!(AveragePooling2D, "AveragePooling2D", ["pool_size"], written);
spatial_layer!(AveragePooling3D, "AveragePooling3D", ["pool_size"], written);
