//! Images drawn like rubber.

use super::{
    affine::{Sampling, sample, sampling_builder},
    common::{BYTES, Bounds, Factor, Random, augment, check_range, chosen, random_builder, uniform, value_range_builder},
    random_gaussian_blur::{blur, gaussian},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, draw, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::{DType, Distribution, Var};
use serde::{Deserialize, Serialize};

/// In training, moves each pixel of an image by smooth noise (Simard et al. 2003), and clips all to `value_range`. Each image has a probability drawn
/// from the bounds `factor` (a number `f`: from 0 to `f`). For the whole batch one number `s` is drawn from the bounds `scale`: noise of the deviation
/// `0.05 s` times the shorter side, in pixels, is blurred by a Gaussian of the same deviation and multiplied by `0.1 s` times the longer side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomElasticTransform {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
    scale: Bounds<0>,
    sampling: Sampling,
    value_range: [f64; 2],
}

impl Default for RandomElasticTransform {
    fn default() -> Self {
        let (common, random, sampling) = (LayerCommon::default(), Random::default(), Sampling::default());
        Self { common, random, factor: Bounds(0.0, 1.0), scale: Bounds(0.0, 1.0), sampling, value_range: BYTES }
    }
}

layer_builder!(RandomElasticTransform, "RandomElasticTransform", []);
random_builder!(RandomElasticTransform);
sampling_builder!(RandomElasticTransform);
value_range_builder!(RandomElasticTransform);

/// How far noise is spread, in pixels for each pixel of the shorter side, and how much it is magnified, for each of the longer one.
const SPREAD: f32 = 0.05;
const MAGNIFIED: f32 = 0.1;

impl RandomElasticTransform {
    /// Moves pixels with a probability drawn from `factor`.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// Bounds of the strength, from 0 to 1.
    pub fn scale(mut self, scale: impl Into<Factor>) -> Self {
        self.scale = scale.into().into();
        self
    }
    /// Images `(B, H, W, C)` whose pixels are moved with a strength `(1, 1, 1, 1)` by normal noise `(B, H, W)` along width and height.
    fn moved<'g>(&self, images: Var<'g>, strength: Var<'g>, noise: [Var<'g>; 2]) -> Var<'g> {
        let b = images.builder();
        let &[n, h, w, _] = images.shape().dims() else { return images };
        let (shorter, longer) = (h.min(w) as f32, h.max(w) as f32);
        let deviation = (strength * (shorter * SPREAD)).max_scalar(f32::MIN_POSITIVE);
        // Keras' kernel has the odd size that is six deviations or just above it. Here it has the largest that may be drawn, and zeros at its ends.
        let most = 3.0 * self.scale.1 as f32 * shorter * SPREAD;
        let reach = (0..=most.ceil() as usize).zip(gaussian(deviation, most.ceil() as usize));
        let within = |distance: usize| (deviation * 6.0).floor().ge(b.full(deviation.shape(), 2.0 * distance as f32));
        let terms: Vec<Var<'g>> = reach.map(|(d, term)| within(d).select(term, b.full(term.shape(), 0.0))).collect();
        let moves = noise.map(|noise| {
            let noise = noise.reshape([n, h, w, 1]) * deviation;
            (blur(blur(noise, 2, &terms), 1, &terms) * (strength * (longer * MAGNIFIED))).reshape([n, h, w])
        });
        let (x, y) = (b.iota([1, 1, w], 2).cast(DType::F32), b.iota([1, h, 1], 1).cast(DType::F32));
        sample(images, x + moves[0], y + moves[1], [h, w], &self.sampling)
    }
}

impl KerasObject for RandomElasticTransform {
    layer_identity!("RandomElasticTransform");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "RandomElasticTransform";
        self.factor.check(class, "factor")?;
        self.scale.check(class, "scale")?;
        let Bounds(least, most) = self.scale;
        check(least >= 0.0 && most <= 1.0, class, "scale", "from 0 to 1", format!("({least}, {most})"))?;
        self.sampling.check_values(class)?;
        check_range(class, self.value_range)
    }
}

impl Layer for RandomElasticTransform {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomElasticTransform", self.random.data_format, inputs, |cx, x| {
            // As in Keras, not even clipped then.
            if self.scale.1 == 0.0 || self.factor.1 == 0.0 {
                return x;
            }
            let (own, s) = (self.random.seed, x.shape());
            let which = chosen(cx, own, x, (self.factor.0, self.factor.1));
            let strength = uniform(cx, own, [1, 1, 1, 1], (self.scale.0, self.scale.1));
            let mut noise = || draw(cx, Distribution::Normal, own, [s.dim(0), s.dim(1), s.dim(2)]);
            let noise = [noise(), noise()];
            which.select(self.moved(x, strength, noise), x).clip(self.value_range[0] as f32, self.value_range[1] as f32)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::image::given::{cases, compare};

    #[test]
    fn pixels_moved_by_given_noise_are_keras() {
        let cases = cases("RandomElasticTransform");
        assert!(cases.len() >= 20);
        for case in cases {
            let layer = RandomElasticTransform::from_config(&case["object"]["config"]).unwrap();
            compare(&case, |x, given| {
                let strength = x.builder().full([1, 1, 1, 1], layer.scale.1 as f32);
                layer.moved(x, strength, [given[0], given[1]]).clip(0.0, 255.0)
            });
        }
    }

    /// The kernel is as long as the strongest that may be drawn needs it.
    #[test]
    fn a_weaker_draw_is_the_same_whatever_could_have_been_drawn() {
        let case = &cases("RandomElasticTransform")[0];
        let strong = RandomElasticTransform::from_config(&case["object"]["config"]).unwrap();
        let weak = strong.clone().scale((0.3, 0.3));
        let of = |layer: &RandomElasticTransform| {
            crate::layers::image::given::run(case, |x, given| layer.moved(x, x.builder().full([1, 1, 1, 1], 0.3), [given[0], given[1]]))
        };
        assert_eq!(of(&strong), of(&weak));
    }
}
