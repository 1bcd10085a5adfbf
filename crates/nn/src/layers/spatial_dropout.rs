//! Dropout of whole channels.

use super::{
    common::{LayerCommon, dropout_factor},
    shaping::DataFormat,
    spatial::{image, restored, spatial_layer},
};
use crate::{
    Trace,
    keras::{ConfigError, check, to_config},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// In training, sets each channel of each sample to 0 with probability `rate` and scales the others by `1 / (1 - rate)` (Tompson et al.
/// 2014); otherwise the identity. [`SpatialDropout1D`], [`SpatialDropout2D`] and [`SpatialDropout3D`] are the layers.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct SpatialDropout<const N: usize> {
    common: LayerCommon,
    rate: f64,
    seed: Option<i64>,
    data_format: DataFormat,
}

/// Drops channels of sequences `(B, length, C)`.
pub type SpatialDropout1D = SpatialDropout<1>;
/// Drops channels of images `(B, height, width, C)`.
pub type SpatialDropout2D = SpatialDropout<2>;
/// Drops channels of volumes `(B, depth, height, width, C)`.
pub type SpatialDropout3D = SpatialDropout<3>;

impl<const N: usize> SpatialDropout<N> {
    /// Drops channels with probability `rate`, from 0 to below 1.
    pub fn new(rate: f64) -> Self {
        Self { rate, ..Self::default() }
    }
    /// A seed of its own, mixed with the model's.
    pub fn seed(mut self, seed: i64) -> Self {
        self.seed = Some(seed);
        self
    }
    /// Where the channels are (default last; in sequences always).
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    /// As Keras writes it: the policy as a word, no `trainable`, no data format for sequences.
    fn written(&self) -> Value {
        let mut config = to_config(self);
        if let Value::Object(map) = &mut config {
            map.insert("dtype".into(), json!(self.common.dtype.unwrap_or_default().name()));
            map.remove("trainable");
            if N == 1 {
                map.remove("data_format");
            }
        }
        config
    }
    fn check(&self, class: &str) -> Result<(), ConfigError> {
        check((0.0..1.0).contains(&self.rate), class, "rate", "at least 0 and below 1", self.rate)?;
        self.data_format.known::<N>(class)
    }
    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(image::<N>(cx, class, inputs, self.data_format));
        if cx.training() && self.rate > 0.0 && !cx.builder().failed() {
            let mask = (1..=N).fold(x.shape(), |s, a| s.with_dim(a, 1)); // (B, 1.., C)
            return restored(x * dropout_factor(cx, self.rate, self.seed, mask), self.data_format);
        }
        restored(x, self.data_format)
    }
}

spatial_layer!(SpatialDropout1D, "SpatialDropout1D", ["rate"], written masking);
spatial_layer!(SpatialDropout2D, "SpatialDropout2D", ["rate"], written masking);
spatial_layer!(SpatialDropout3D, "SpatialDropout3D", ["rate"], written masking);
