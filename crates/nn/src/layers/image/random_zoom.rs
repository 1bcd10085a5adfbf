//! Zoomed images.

use super::{
    affine::{Row, Sampling, affine, sampling_builder},
    common::{Factor, Random, augment, random_builder, uniform},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, shows each image from farther away (positive factors) or nearer (negative ones), around its middle: 0.2 puts 120 % of the
/// height into the picture. One number `f` is drawn from `-f` to `f`. Without `width_factor` the proportions stay.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct RandomZoom {
    common: LayerCommon,
    random: Random,
    sampling: Sampling,
    height_factor: Factor,
    width_factor: Option<Factor>,
}

layer_builder!(RandomZoom, "RandomZoom", ["height_factor"]);
random_builder!(RandomZoom);
sampling_builder!(RandomZoom);

impl RandomZoom {
    /// By `height_factor` along both axes.
    pub fn new(height_factor: impl Into<Factor>) -> Self {
        Self { height_factor: height_factor.into(), ..Self::default() }
    }
    /// Along the width, drawn apart.
    pub fn width_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.width_factor = Some(factor.into());
        self
    }
}

impl KerasObject for RandomZoom {
    layer_identity!("RandomZoom");
    fn validate(&self) -> Result<(), ConfigError> {
        for (key, factor) in [("height_factor", Some(self.height_factor)), ("width_factor", self.width_factor)] {
            let fits = factor.is_none_or(|f| f.all(|f| f > -1.0 && f <= 1.0));
            check(fits, "RandomZoom", key, "one or two numbers above -1 and at most 1", format!("{factor:?}"))?;
        }
        self.sampling.check("RandomZoom")
    }
}

impl Layer for RandomZoom {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomZoom", self.random.data_format, inputs, |cx, x| {
            let mut zoom = |factor: Factor| {
                let (low, high) = factor.symmetric();
                uniform(cx, self.random.seed, [x.dim(0), 1, 1], (1.0 + low, 1.0 + high))
            };
            let tall = zoom(self.height_factor);
            let wide = self.width_factor.map_or(tall, zoom);
            let offset = |zoom: Var<'g>, n: usize| (1.0 - zoom) * ((n as f32 - 1.0) / 2.0);
            let to_x = Row { x: Some(wide), y: None, offset: offset(wide, x.dim(2)) };
            let to_y = Row { x: None, y: Some(tall), offset: offset(tall, x.dim(1)) };
            affine(x, to_x, to_y, &self.sampling)
        })
    }
}
