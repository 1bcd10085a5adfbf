//! Larger images.

use super::{
    common::LayerCommon,
    shaping::DataFormat,
    spatial::{PerAxis, image, restored, sizes, spatial_layer},
};
use crate::{
    Trace,
    keras::{ConfigError, to_config},
};
use adaline_graph::{Interpolation as By, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How to find values between pixels. Without a word, bilinear, except in [`UpSampling`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Linear between two pixels along each axis.
    #[default]
    Bilinear,
    /// Keys' cubic between four pixels along each axis.
    Bicubic,
}

/// Makes each of `N` spatial axes `size` times as long: `(B, S.., C) -> (B, S size.., C)`, by repeating cells; images also by
/// interpolation. [`UpSampling1D`], [`UpSampling2D`] and [`UpSampling3D`] are the layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpSampling<const N: usize> {
    common: LayerCommon,
    size: PerAxis<N>,
    data_format: DataFormat,
    interpolation: Interpolation,
}

/// Longer sequences `(B, length, C)`.
pub type UpSampling1D = UpSampling<1>;
/// Larger images `(B, height, width, C)`.
pub type UpSampling2D = UpSampling<2>;
/// Larger volumes `(B, depth, height, width, C)`.
pub type UpSampling3D = UpSampling<3>;

impl<const N: usize> Default for UpSampling<N> {
    fn default() -> Self {
        Self::new(2)
    }
}

impl UpSampling<2> {
    /// How to find values between pixels (default: the nearest).
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }
}

impl<const N: usize> UpSampling<N> {
    /// So many times as long along each axis.
    pub fn new(size: impl Into<PerAxis<N>>) -> Self {
        Self {
            common: LayerCommon::default(),
            size: size.into(),
            data_format: DataFormat::ChannelsLast,
            interpolation: Interpolation::Nearest,
        }
    }
    /// Where the channels are (default last; in sequences always).
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    /// As Keras writes it: for sequences a number and no data format, interpolation for images alone.
    fn written(&self) -> Value {
        let mut config = to_config(self);
        if let Value::Object(map) = &mut config {
            if N != 2 {
                map.remove("interpolation");
            }
            if N == 1 {
                map.remove("data_format");
                map.insert("size".into(), json!(self.size.0[0]));
            }
        }
        config
    }
    fn check(&self, class: &str) -> Result<(), ConfigError> {
        self.size.positive(class, "size")?;
        let nearest = N == 2 || self.interpolation == Interpolation::Nearest;
        crate::keras::check(nearest, class, "interpolation", "nearest (others are for UpSampling2D)", format!("{:?}", self.interpolation))?;
        self.data_format.known::<N>(class)
    }
    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let mut x = image::<N>(cx, class, inputs, self.data_format);
        if cx.builder().failed() {
            return x;
        }
        let larger: Option<Vec<usize>> = sizes(x).iter().zip(&self.size.0).map(|(n, k)| n.checked_mul(*k)).collect();
        let fits = larger.filter(|to| {
            let dims = to.iter().enumerate().try_fold(x.shape().dims().to_vec(), |mut dims, (a, &n)| {
                dims[a + 1] = n;
                Shape::try_new(&dims).map(|_| dims)
            });
            dims.is_some()
        });
        let Some(to) = fits else {
            return cx.builder().error(format!("an input of shape {} is too large to become {:?} times as long", x.shape(), self.size.0));
        };
        x = match self.interpolation {
            Interpolation::Nearest => self.size.0.iter().enumerate().fold(x, |x, (a, &k)| repeated(x, a + 1, k)),
            Interpolation::Bilinear => cx.compute(x).resize(&to, By::Bilinear),
            Interpolation::Bicubic => cx.compute(x).resize(&to, By::Bicubic),
        };
        restored(x, self.data_format)
    }
}

/// Each cell along an axis `k` times.
fn repeated(x: Var<'_>, axis: usize, k: usize) -> Var<'_> {
    let s = x.shape();
    let (outer, inner) = (s.dims()[..=axis].iter().product::<usize>(), s.dims()[axis + 1..].iter().product::<usize>());
    x.reshape([outer, 1, inner]).broadcast_to([outer, k, inner]).reshape(s.with_dim(axis, s.dims()[axis] * k))
}

spatial_layer!(UpSampling1D, "UpSampling1D", [], written);
spatial_layer!(UpSampling2D, "UpSampling2D", [], written);
spatial_layer!(UpSampling3D, "UpSampling3D", [], written);
