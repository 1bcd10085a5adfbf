//! Erased boxes.

use super::{
    boxes::boxes,
    common::{BYTES, Bounds, Factor, Random, augment, check_range, chosen, each, random_builder, value_range_builder},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, draw, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::{Distribution, Var, concat};
use serde::{Deserialize, Serialize};

/// In training, erases one box of an image (Zhong et al. 2017). Each image has a probability drawn from the bounds `factor` (a number `f`:
/// from 0 to `f`, so that with 1 half of the images are erased); the box is `sqrt(s)` of the width wide and, with another `s` of the
/// bounds `scale`, `sqrt(s)` of the height high.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomErasing {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
    scale: Bounds<0>,
    fill_value: Option<Fill>,
    value_range: [f64; 2],
}

/// What a box is filled with, where it is not noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "neither, expected null, a number or a list of three numbers")]
pub enum Fill {
    /// One value.
    Value(f64),
    /// One for each of three channels.
    Channels([f64; 3]),
}

impl From<f64> for Fill {
    fn from(v: f64) -> Self {
        Self::Value(v)
    }
}
impl From<[f64; 3]> for Fill {
    fn from(v: [f64; 3]) -> Self {
        Self::Channels(v)
    }
}

impl Default for RandomErasing {
    fn default() -> Self {
        let (common, random) = (LayerCommon::default(), Random::default());
        Self { common, random, factor: Bounds(0.0, 1.0), scale: Bounds(0.02, 0.33), fill_value: None, value_range: BYTES }
    }
}

layer_builder!(RandomErasing, "RandomErasing", []);
random_builder!(RandomErasing);
value_range_builder!(RandomErasing);

impl RandomErasing {
    /// Erases with a probability drawn from `factor`.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Parts of the image that a box takes, from 0 to 1.
    pub fn scale(mut self, scale: impl Into<Factor>) -> Self {
        self.scale = scale.into().into();
        self
    }
    /// The box's value: one number, or one for each of three channels. Without it, normal noise times the largest value of an image.
    pub fn fill_value(mut self, fill_value: impl Into<Fill>) -> Self {
        self.fill_value = Some(fill_value.into());
        self
    }
    /// What boxes are filled with, clipped to the range of values.
    fn filling<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>) -> Var<'g> {
        let fill = match self.fill_value {
            None => draw(cx, Distribution::Normal, self.random.seed, x.shape()) * self.value_range[1] as f32,
            Some(Fill::Value(v)) => cx.builder().full([1, 1, 1, 1], v as f32),
            Some(Fill::Channels(v)) => {
                let b = cx.builder();
                if x.dim(3) != 3 {
                    return b.error(format!("the fill_value {v:?} has 3 channels, the images {} have {}", x.shape(), x.dim(3)));
                }
                concat(b, &v.map(|v| b.full([1, 1, 1, 1], v as f32)), -1)
            }
        };
        fill.clip(self.value_range[0] as f32, self.value_range[1] as f32)
    }
}

impl KerasObject for RandomErasing {
    layer_identity!("RandomErasing");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomErasing", "factor")?;
        let Bounds(low, high) = self.scale;
        let fits = (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high);
        check(fits, "RandomErasing", "scale", "one or two numbers from 0 to 1", format!("[{low}, {high}]"))?;
        let finite = match self.fill_value {
            None => true,
            Some(Fill::Value(v)) => v.is_finite(),
            Some(Fill::Channels(v)) => v.iter().all(|v| v.is_finite()),
        };
        check(finite, "RandomErasing", "fill_value", "finite numbers", format!("{:?}", self.fill_value))?;
        check_range("RandomErasing", self.value_range)
    }
}

impl Layer for RandomErasing {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomErasing", self.random.data_format, inputs, |cx, x| {
            let own = self.random.seed;
            let mut part = || each(cx, own, x, (self.scale.0, self.scale.1)).sqrt();
            let parts = [part(), part()];
            let erased = boxes(cx, own, x, parts).and(chosen(cx, own, x, (self.factor.0, self.factor.1)));
            erased.select(self.filling(cx, x), x)
        })
    }
}
