//! Images seen from another place.

use super::{
    affine::{FillMode, Sampling, sample},
    common::{Bounds, Factor, Interpolation, Random, augment, chosen, random_builder, uniform},
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};

/// In training, moves the corners of an image, as if it were seen from the side. Each image has a probability drawn from the bounds `factor` (a
/// number `f`: from 0 to `f`). A corner moves by at most `scale / 2` of its distance from the left and from the upper border, so that the left upper
/// one stays. What lies beyond the border has the `fill_value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomPerspective {
    common: LayerCommon,
    random: Random,
    factor: Bounds<0>,
    scale: f64,
    interpolation: Interpolation,
    fill_value: f64,
}

impl Default for RandomPerspective {
    fn default() -> Self {
        Self {
            common: LayerCommon::default(),
            random: Random::default(),
            factor: Bounds(0.0, 1.0),
            scale: 1.0,
            interpolation: Interpolation::default(),
            fill_value: 0.0,
        }
    }
}

layer_builder!(RandomPerspective, "RandomPerspective", []);
random_builder!(RandomPerspective);

/// The moves of the corners that matter, each a part of the width or height, `(B, 1, 1)`.
#[derive(Clone, Copy)]
struct Moves<'g> {
    /// Of the right upper corner along the width, and of the left lower one along the height.
    upper: Var<'g>,
    left: Var<'g>,
    /// Of the right lower one along both.
    right: Var<'g>,
    lower: Var<'g>,
}

impl RandomPerspective {
    /// Moves corners with a probability drawn from `factor`.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().into(), ..Self::default() }
    }
    /// How far corners may move, from 0 to 1.
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }
    /// `Nearest` or `Bilinear` (the default).
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }
    /// The value beyond the border.
    pub fn fill_value(mut self, fill_value: f64) -> Self {
        self.fill_value = fill_value;
        self
    }
    fn sampling(&self) -> Sampling {
        Sampling { fill_mode: FillMode::Constant, interpolation: self.interpolation, fill_value: self.fill_value }
    }
    /// Images `(B, H, W, C)` with moved corners. Keras solves eight equations for the map that takes the new corners to the old ones,
    ///
    /// `x' = (a x + b y + c) / (g x + h y + 1)`, `y' = (d x + e y + f) / (g x + h y + 1)`.
    ///
    /// The left upper corner stays in its place, 0, the right upper one on the upper border, the left lower one on the left border; so b, c, d and f
    /// are 0, and what is left is written out.
    fn moved<'g>(&self, images: Var<'g>, by: Moves<'g>) -> Var<'g> {
        let b = images.builder();
        let (h, w) = (images.dim(1), images.dim(2));
        // Of an image one pixel wide or high, any map along that axis will do.
        let (right, bottom) = (w.saturating_sub(1).max(1) as f32, h.saturating_sub(1).max(1) as f32);
        let [upper, left, right_most, lowest] = [by.upper, by.left, by.right, by.lower].map(|part| part + 1.0);
        let along_x = (lowest / left - 1.0) / (right_most * right); // g
        let along_y = (right_most / upper - 1.0) / (lowest * bottom); // h
        let by_x = along_x * right + 1.0 / upper; // a
        let by_y = along_y * bottom + 1.0 / left; // e
        let (x, y) = (b.iota([1, 1, w], 2).cast(DType::F32), b.iota([1, h, 1], 1).cast(DType::F32));
        let depth = x * along_x + y * along_y + 1.0;
        // Where it is 0, places are infinitely far away; so are those that no whole number can hold.
        let far = |place: Var<'g>| place.clip(-FAR, FAR);
        let depth = depth.equal(b.full(depth.shape(), 0.0)).select(b.full(depth.shape(), f32::MIN_POSITIVE), depth);
        sample(images, far(x * by_x / depth), far(y * by_y / depth), [h, w], &self.sampling())
    }
}

/// Beyond all pixels of any image.
const FAR: f32 = 1e7;

impl KerasObject for RandomPerspective {
    layer_identity!("RandomPerspective");
    fn validate(&self) -> Result<(), ConfigError> {
        self.factor.check("RandomPerspective", "factor")?;
        check((0.0..=1.0).contains(&self.scale), "RandomPerspective", "scale", "a number from 0 to 1", self.scale)?;
        self.sampling().check("RandomPerspective")
    }
}

impl Layer for RandomPerspective {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "RandomPerspective", self.random.data_format, inputs, |cx, x| {
            let (own, reach) = (self.random.seed, self.scale / 2.0);
            let which = chosen(cx, own, x, (self.factor.0, self.factor.1));
            let mut part = || uniform(cx, own, [x.dim(0), 1, 1], (-reach, reach));
            let by = Moves { upper: part(), left: part(), right: part(), lower: part() };
            which.select(self.moved(x, by), x)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::image::given::{cases, compare};

    #[test]
    fn corners_moved_by_given_numbers_are_keras() {
        let cases = cases("RandomPerspective");
        assert!(cases.len() >= 2);
        for case in cases {
            let layer = RandomPerspective::from_config(&case["object"]["config"]).unwrap();
            compare(&case, |x, given| {
                // (B, 4, 2): the corners left above, right above, left below, right below; of each x and y.
                let part = |corner: usize, axis: usize| {
                    let n = given[0].dim(0);
                    given[0].slice(&[(0, n, 1), (corner, corner + 1, 1), (axis, axis + 1, 1)])
                };
                layer.moved(x, Moves { upper: part(1, 0), left: part(2, 1), right: part(3, 0), lower: part(3, 1) })
            });
        }
    }
}
