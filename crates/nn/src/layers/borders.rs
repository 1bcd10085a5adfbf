//! Zeros around images, and images without their borders.

use super::{
    common::{LayerCommon, one},
    shaping::DataFormat,
    spatial::{Borders, rank_error, spatial_layer},
};
use crate::{
    Trace,
    keras::{ConfigError, check, to_config},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Zeros before and after each of `N` spatial axes: `(B, S.., C) -> (B, S + before + after.., C)`. [`ZeroPadding1D`], [`ZeroPadding2D`]
/// and [`ZeroPadding3D`] are the layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZeroPadding<const N: usize> {
    common: LayerCommon,
    padding: Borders<N>,
    data_format: DataFormat,
}

/// Zeros around sequences `(B, length, C)`.
pub type ZeroPadding1D = ZeroPadding<1>;
/// Zeros around images `(B, height, width, C)`.
pub type ZeroPadding2D = ZeroPadding<2>;
/// Zeros around volumes `(B, depth, height, width, C)`.
pub type ZeroPadding3D = ZeroPadding<3>;

impl<const N: usize> Default for ZeroPadding<N> {
    fn default() -> Self {
        Self::new(1)
    }
}

impl<const N: usize> ZeroPadding<N> {
    /// So many zeros on each side: `ZeroPadding2D::new(1)`, or for each axis `[(top, bottom), (left, right)]`.
    pub fn new(padding: impl Into<Borders<N>>) -> Self {
        Self { common: LayerCommon::default(), padding: padding.into(), data_format: DataFormat::ChannelsLast }
    }
    /// Where the channels are (default last).
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    fn written(&self) -> Value {
        to_config(self)
    }
    fn check(&self, class: &str) -> Result<(), ConfigError> {
        let fits = self.padding.0.iter().all(|&(a, b)| a.max(b) <= MOST);
        check(fits, class, "padding", "a number of zeros that fits into memory", format!("{:?}", self.padding.0))
    }
    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, class, inputs);
        let s = x.shape();
        let Some(first) = self.data_format.first_axis::<N>(s) else { return rank_error::<N>(cx, class, s, self.data_format) };
        let mut pads = vec![(0, 0); s.rank()];
        pads[first..first + N].copy_from_slice(&self.padding.0);
        let dims: Option<Vec<usize>> = s.dims().iter().zip(&pads).map(|(d, p)| d.checked_add(p.0)?.checked_add(p.1)).collect();
        if dims.and_then(|d| Shape::try_new(&d)).is_none() {
            return cx.builder().error(format!("an input of shape {s} with zeros {:?} around is too large", self.padding.0));
        }
        x.pad(&pads)
    }
}

/// More zeros in a row than anybody has memory for.
const MOST: usize = 1 << 40;

/// Leaves out cells at the beginning and the end of each of `N` spatial axes: `(B, S.., C) -> (B, S - before - after.., C)`.
/// [`Cropping1D`], [`Cropping2D`] and [`Cropping3D`] are the layers.
#[expect(clippy::struct_field_names, reason = "Keras' arguments")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cropping<const N: usize> {
    common: LayerCommon,
    cropping: Borders<N>,
    data_format: DataFormat,
}

/// Sequences `(B, length, C)` without their ends.
pub type Cropping1D = Cropping<1>;
/// Images `(B, height, width, C)` without their borders.
pub type Cropping2D = Cropping<2>;
/// Volumes `(B, depth, height, width, C)` without their borders.
pub type Cropping3D = Cropping<3>;

impl<const N: usize> Default for Cropping<N> {
    /// As Keras: one cell on each side, of images none.
    fn default() -> Self {
        Self::new(usize::from(N != 2))
    }
}

impl<const N: usize> Cropping<N> {
    /// So many cells less on each side: `Cropping2D::new(1)`, or for each axis `[(top, bottom), (left, right)]`.
    pub fn new(cropping: impl Into<Borders<N>>) -> Self {
        Self { common: LayerCommon::default(), cropping: cropping.into(), data_format: DataFormat::ChannelsLast }
    }
    /// Where the channels are (default last; in sequences always).
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    /// Keras writes no data format for sequences.
    fn written(&self) -> Value {
        let mut config = to_config(self);
        if let Value::Object(map) = &mut config
            && N == 1
        {
            map.remove("data_format");
        }
        config
    }
    fn check(&self, class: &str) -> Result<(), ConfigError> {
        self.data_format.known::<N>(class)
    }
    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, class, inputs);
        let s = x.shape();
        let Some(first) = self.data_format.first_axis::<N>(s) else { return rank_error::<N>(cx, class, s, self.data_format) };
        let mut ranges: Vec<(usize, usize, usize)> = s.dims().iter().map(|&d| (0, d, 1)).collect();
        for (range, &(before, after)) in ranges[first..].iter_mut().zip(&self.cropping.0) {
            let Some(stop) = range.1.checked_sub(after).filter(|&stop| before < stop) else {
                return cx.builder().error(format!(
                    "{class} leaves nothing of an input of shape {s}: `cropping` {:?} must be smaller than the spatial axes",
                    self.cropping.0
                ));
            };
            *range = (before, stop, 1);
        }
        x.slice(&ranges)
    }
}

spatial_layer!(ZeroPadding1D, "ZeroPadding1D", [], written);
spatial_layer!(ZeroPadding2D, "ZeroPadding2D", [], written);
spatial_layer!(ZeroPadding3D, "ZeroPadding3D", [], written);
spatial_layer!(Cropping1D, "Cropping1D", [], written);
spatial_layer!(Cropping2D, "Cropping2D", [], written);
spatial_layer!(Cropping3D, "Cropping3D", [], written);
