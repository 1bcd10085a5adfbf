//! Grey images.

use super::{
    color::{channels, gray},
    common::{augment, each},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        shaping::DataFormat,
    },
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, makes each image grey with probability `factor`: `0.2989 r + 0.587 g + 0.114 b` in all three channels. Images with one
/// channel stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomGrayscale {
    common: LayerCommon,
    factor: f64,
    data_format: DataFormat,
    /// Keras does not write it either.
    #[serde(skip)]
    seed: Option<i64>,
}

impl Default for RandomGrayscale {
    fn default() -> Self {
        Self { common: LayerCommon::default(), factor: 0.5, data_format: DataFormat::default(), seed: None }
    }
}

layer_builder!(RandomGrayscale, "RandomGrayscale", []);

impl RandomGrayscale {
    /// Grey with probability `factor`.
    pub fn new(factor: f64) -> Self {
        Self { factor, ..Self::default() }
    }
    /// Where the channels are.
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
    /// A seed of its own, mixed with the model's. It is not kept in files, which have no place for it.
    pub fn seed(mut self, seed: i64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl KerasObject for RandomGrayscale {
    layer_identity!("RandomGrayscale");
    fn validate(&self) -> Result<(), ConfigError> {
        check((0.0..=1.0).contains(&self.factor), "RandomGrayscale", "factor", "from 0 to 1", self.factor)
    }
}

impl Layer for RandomGrayscale {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomGrayscale", self.data_format, inputs, |cx, x| {
            if x.dim(3) == 1 {
                return x;
            }
            let u = each(cx, self.seed, x, (0.0, 1.0));
            let grays = gray(channels("RandomGrayscale", x));
            u.lt(cx.builder().full(u.shape(), self.factor as f32)).select(grays, x)
        })
    }
}
