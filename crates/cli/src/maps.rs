//! Feature maps: what a layer over images gives for one row, and where in them a class comes from.

use adaline::data::Tensor;
use adaline::nn::Layer;
use serde_json::Value;

/// Maps `(H, W, C)` of one row, channels last whatever the layer's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Maps {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub values: Vec<f32>,
}

impl Maps {
    /// From one row of shape `(H, W)`, `(H, W, C)` or, where the channels come first, `(C, H, W)`. `None` for other shapes and without values.
    pub(crate) fn new(shape: &[usize], channels_first: bool, values: &[f32]) -> Option<Self> {
        let (height, width, channels) = match *shape {
            [h, w] => (h, w, 1),
            [c, h, w] if channels_first => (h, w, c),
            [h, w, c] => (h, w, c),
            _ => return None,
        };
        if values.is_empty() || height * width * channels != values.len() {
            return None;
        }
        let plane = height * width;
        let values = if channels_first && shape.len() == 3 {
            (0..values.len()).map(|at| values[at % channels * plane + at / channels]).collect()
        } else {
            values.to_vec()
        };
        Some(Self { height, width, channels, values })
    }

    /// One row of what a layer gives, or of its gradient.
    pub(crate) fn of(layer: &dyn Layer, output: &Tensor, row: usize) -> Option<Self> {
        Self::new(output.row_shape(), channels_first(&layer.config()), output.slice_rows(row..row + 1).ok()?.f32_values().as_ref())
    }

    /// One number.
    pub(crate) fn at(&self, row: usize, column: usize, channel: usize) -> f32 {
        self.values[(row * self.width + column) * self.channels + channel]
    }

    /// One map, row by row.
    pub(crate) fn channel(&self, channel: usize) -> impl Iterator<Item = f32> + '_ {
        self.values.iter().skip(channel).step_by(self.channels).copied()
    }

    /// The mean over the channels at each place.
    pub(crate) fn mean(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.chunks_exact(self.channels).map(|place| place.iter().map(|&v| f64::from(v)).sum::<f64>() / self.channels as f64)
    }

    /// Smallest and largest number.
    pub(crate) fn range(&self) -> (f32, f32) {
        self.values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
    }
}

/// Whether a layer with this configuration has its channels before its places.
pub(crate) fn channels_first(config: &Value) -> bool {
    config.get("data_format").and_then(Value::as_str) == Some("channels_first")
}

/// Layers that slide filters over images.
pub(crate) fn is_convolution(class: &str) -> bool {
    ["Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"].contains(&class)
}

/// Layers that keep the largest or mean of windows of images.
pub(crate) fn is_pooling(class: &str) -> bool {
    ["MaxPooling2D", "AveragePooling2D"].contains(&class)
}

/// `HiResCAM` (R. L. Draelos, L. Carin, *Use `HiResCAM` instead of Grad-CAM for faithful explanations of convolutional neural networks*, 2020):
/// at each place the sum over all maps of the number there times the gradient of the class' score by it, where it is above 0.
///
/// What follows the maps decides what that is. Before `GlobalAveragePooling2D` and `Dense` the gradient is the dense weight divided by the number of
/// places, and this is the class activation map of B. Zhou et al., *Learning Deep Features for Discriminative Localization*, 2016. Before
/// `Flatten` and `Dense` the sums of all places and the bias make the score. Grad-CAM (R. R. Selvaraju et al., 2017), which first takes the mean of
/// the gradient over all places, is neither there: on digits it left most pictures empty, or warm where nothing is.
pub(crate) fn class_activation(maps: &Maps, gradient: &Maps) -> Vec<f64> {
    let sum = |(a, g): (&[f32], &[f32])| a.iter().zip(g).map(|(&a, &g)| f64::from(a) * f64::from(g)).sum::<f64>();
    let places = maps.values.chunks_exact(maps.channels).zip(gradient.values.chunks_exact(gradient.channels));
    places.map(|place| sum(place).max(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaline::nn::activations::Activation;
    use adaline::nn::layers::{Conv2D, Dense, Flatten, GlobalAveragePooling2D, Input};
    use adaline::nn::model::Inspection;
    use adaline::nn::{Model, Seed, Sequential};
    use adaline::prelude::Build;

    #[test]
    fn channels_are_last_however_they_came() {
        let last = Maps::new(&[1, 2, 3], false, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let first = Maps::new(&[3, 1, 2], true, &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]).unwrap();
        assert_eq!(last, first);
        assert_eq!((last.at(0, 1, 2), last.channel(1).collect::<Vec<_>>()), (5.0, vec![1.0, 4.0]));
        assert_eq!((last.mean().collect::<Vec<_>>(), last.range()), (vec![1.0, 4.0], (0.0, 5.0)));
        assert_eq!(Maps::new(&[2, 1], true, &[7.0, 8.0]).unwrap().at(1, 0, 0), 8.0);
        assert!(Maps::new(&[2, 2], false, &[0.0; 3]).is_none() && Maps::new(&[4], false, &[0.0; 4]).is_none());
        assert!(Maps::new(&[0, 2, 1], false, &[]).is_none());
    }

    const CLASSES: [usize; 2] = [2, 0];

    /// The network of a convolution and these layers on two pictures: its model, what it saw on the way back from the classes, its maps and their gradients.
    fn looked(after: Vec<Box<dyn Layer>>) -> (Model, Inspection, Vec<(Maps, Maps)>) {
        let net = Sequential::new().add(Input::new([5, 6, 1])).add(Conv2D::new(4, 3).activation(Activation::Relu));
        let mut model = after.into_iter().fold(net, Sequential::add).build(Seed(3)).unwrap();
        let x = Tensor::f32([2, 5, 6, 1], (0..60).map(|i| ((i * i) % 17) as f32 / 17.0).collect()).unwrap();
        let look = model.inspect_scores(&x, &CLASSES).unwrap();
        let conv = model.layers().next().unwrap();
        let of = |t: &Tensor, row| Maps::of(conv, t, row).unwrap();
        let maps = (0..2).map(|row| (of(&look.layers[0].output, row), of(look.layers[0].gradient.as_ref().unwrap(), row))).collect();
        (model, look, maps)
    }

    /// Where the mean of each map goes into a dense layer, Zhou's map follows from the dense weights and the maps alone.
    #[test]
    fn the_map_of_a_class_is_zhous_where_his_is_defined() {
        let dense = Dense::new(3).activation(Activation::Softmax);
        let (model, _, looked) = looked(vec![Box::new(GlobalAveragePooling2D::new()), Box::new(dense)]);
        let kernel = model.weight("dense/kernel").unwrap();
        let mut largest: f64 = 0.0;
        for ((maps, gradient), class) in looked.iter().zip(CLASSES) {
            let dense = |k: usize| f64::from(kernel.f32_values()[k * 3 + class]);
            let expected = maps.values.chunks(4).map(|a| a.iter().enumerate().map(|(k, &a)| f64::from(a) * dense(k)).sum::<f64>().max(0.0));
            let got = class_activation(maps, gradient);
            assert_eq!(got.len(), 12);
            for (got, expected) in got.iter().zip(expected) {
                assert!((got * 12.0 - expected).abs() < 1e-5, "{got} {expected}");
                largest = largest.max(expected);
            }
        }
        assert!(largest > 0.01, "the maps are not empty: {largest}");
    }

    /// What speaks for a class and what speaks against it, taken together, is its score.
    #[test]
    fn the_places_add_up_to_the_score() {
        let dense = Dense::new(3).activation(Activation::Softmax);
        let (_, look, looked) = looked(vec![Box::new(Flatten::new()), Box::new(dense)]);
        let scores = look.layers[2].weighted_sums.as_ref().unwrap();
        for (row, ((maps, gradient), class)) in looked.iter().zip(CLASSES).enumerate() {
            let against = Maps { values: gradient.values.iter().map(|g| -g).collect(), ..gradient.clone() };
            let [fore, against] = [gradient, &against].map(|g| class_activation(maps, g).iter().sum::<f64>());
            let score = f64::from(scores.f32_values()[row * 3 + class]); // the bias is 0
            assert!((fore - against - score).abs() < 1e-5 && fore > 0.01 && against > 0.01, "{fore} {against} {score}");
        }
    }
}
