//! The network for a series when nobody describes one.

use adaline::nn::Layer;
use adaline::nn::activations::Activation;
use adaline::nn::layers::{Dense, Flatten};

/// Units of the hidden layer.
const UNITS: usize = 64;

/// Layers for windows `(window, features)` that forecast `horizon` steps.
pub(crate) fn default_network(horizon: usize) -> Vec<Box<dyn Layer>> {
    vec![Box::new(Flatten::new()), Box::new(Dense::new(UNITS).activation(Activation::Relu)), Box::new(Dense::new(horizon))]
}
