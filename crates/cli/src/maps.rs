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

/// Grad-CAM (R. R. Selvaraju et al., *Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization*, 2017): at each place
/// `max(0, sum over k of w_k A_k)`, `A_k` the maps and `w_k` the mean over all places of the gradient of the class' score by `A_k`. Where
/// the network goes on with `GlobalAveragePooling2D` and `Dense`, `w_k` is the dense weight divided by the number of places, so that this is the class
/// activation map of B. Zhou et al., *Learning Deep Features for Discriminative Localization*, 2016, without what speaks against the class.
pub(crate) fn class_activation(maps: &Maps, gradient: &Maps) -> Vec<f64> {
    let places = (maps.height * maps.width) as f64;
    let weight = |k| gradient.channel(k).map(f64::from).sum::<f64>() / places;
    let weights: Vec<f64> = (0..gradient.channels).map(weight).collect();
    let sum = |place: &[f32]| place.iter().zip(&weights).map(|(&a, w)| f64::from(a) * w).sum::<f64>();
    maps.values.chunks_exact(maps.channels).map(|place| sum(place).max(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaline::nn::activations::Activation;
    use adaline::nn::layers::{Conv2D, Dense, GlobalAveragePooling2D, Input};
    use adaline::nn::{Seed, Sequential};
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

    /// Where the mean of each map goes into a dense layer, Zhou's map follows from the dense weights and the maps alone.
    #[test]
    fn the_map_of_a_class_is_zhous_where_his_is_defined() {
        let net = Sequential::new().add(Input::new([5, 6, 1])).add(Conv2D::new(4, 3).activation(Activation::Relu));
        let net = net.add(GlobalAveragePooling2D::new()).add(Dense::new(3).activation(Activation::Softmax));
        let mut model = net.build(Seed(3)).unwrap();
        let x = Tensor::f32([2, 5, 6, 1], (0..60).map(|i| ((i * i) % 17) as f32 / 17.0).collect()).unwrap();
        let (kernel, classes) = (model.weight("dense/kernel").unwrap(), [2, 0]);
        let look = model.inspect_scores(&x, &classes).unwrap();
        let conv = model.layers().next().unwrap();
        let mut largest: f64 = 0.0;
        for (row, class) in classes.into_iter().enumerate() {
            let maps = Maps::of(conv, &look.layers[0].output, row).unwrap();
            let gradient = Maps::of(conv, look.layers[0].gradient.as_ref().unwrap(), row).unwrap();
            let dense = |k: usize| f64::from(kernel.f32_values()[k * 3 + class]);
            let expected = maps.values.chunks(4).map(|a| a.iter().enumerate().map(|(k, &a)| f64::from(a) * dense(k)).sum::<f64>().max(0.0));
            let got = class_activation(&maps, &gradient);
            assert_eq!(got.len(), 12);
            for (got, expected) in got.iter().zip(expected) {
                assert!((got * 12.0 - expected).abs() < 1e-5, "{got} {expected}");
                largest = largest.max(expected);
            }
        }
        assert!(largest > 0.01, "the maps are not empty: {largest}");
    }
}
