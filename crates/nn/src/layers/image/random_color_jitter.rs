//! Brightness, contrast, saturation and hue, one after the other.

use super::{
    RandomBrightness, RandomContrast, RandomHue, RandomSaturation,
    common::{BYTES, Bounds, Factor, Random, augment, check_range, random_builder, seeded, value_range_builder},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, [`RandomBrightness`], [`RandomContrast`], [`RandomSaturation`] and [`RandomHue`] in this order, those whose factor is given.
///
/// All four take the channels where `data_format` says. (Keras 3.15 does not hand it to them.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomColorJitter {
    common: LayerCommon,
    random: Random,
    value_range: [f64; 2],
    brightness_factor: Option<Factor>,
    contrast_factor: Option<Factor>,
    saturation_factor: Option<Factor>,
    hue_factor: Option<Factor>,
}

impl Default for RandomColorJitter {
    fn default() -> Self {
        Self {
            common: LayerCommon::default(),
            random: Random::default(),
            value_range: BYTES,
            brightness_factor: None,
            contrast_factor: None,
            saturation_factor: None,
            hue_factor: None,
        }
    }
}

layer_builder!(RandomColorJitter, "RandomColorJitter", []);
random_builder!(RandomColorJitter);
value_range_builder!(RandomColorJitter);

impl RandomColorJitter {
    /// Without a factor: changes nothing.
    pub fn new() -> Self {
        Self::default()
    }
    /// As [`RandomBrightness::new`].
    pub fn brightness_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.brightness_factor = Some(factor.into());
        self
    }
    /// As [`RandomContrast::new`].
    pub fn contrast_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.contrast_factor = Some(factor.into());
        self
    }
    /// As [`RandomSaturation::new`].
    pub fn saturation_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.saturation_factor = Some(factor.into());
        self
    }
    /// As [`RandomHue::new`].
    pub fn hue_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.hue_factor = Some(factor.into());
        self
    }
    /// The steps, in order, for images with their channels last.
    fn steps(&self) -> Vec<Box<dyn Layer>> {
        let [low, high] = self.value_range;
        let mut steps: Vec<Box<dyn Layer>> = Vec::new();
        // Each class has the same three arguments and no trait for them.
        macro_rules! step {
            ($factor:ident, $class:ident) => {
                if let Some(factor) = self.$factor {
                    steps.push(seeded($class::new(factor).value_range(low, high), self.random.seed, $class::seed).into());
                }
            };
        }
        step!(brightness_factor, RandomBrightness);
        step!(contrast_factor, RandomContrast);
        step!(saturation_factor, RandomSaturation);
        step!(hue_factor, RandomHue);
        steps
    }
}

impl KerasObject for RandomColorJitter {
    layer_identity!("RandomColorJitter");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "RandomColorJitter";
        let symmetric = [("brightness_factor", self.brightness_factor), ("saturation_factor", self.saturation_factor)];
        for (key, factor) in symmetric {
            factor.map_or(Ok(()), |f| Bounds::<-1>::from(f).check(class, key))?;
        }
        for (key, factor) in [("contrast_factor", self.contrast_factor), ("hue_factor", self.hue_factor)] {
            factor.map_or(Ok(()), |f| Bounds::<0>::from(f).check(class, key))?;
        }
        check_range(class, self.value_range)
    }
}

impl Layer for RandomColorJitter {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomColorJitter", self.random.data_format, inputs, |cx, x| {
            self.steps().iter().fold(x, |x, step| step.call(cx, &[x]))
        })
    }
}
