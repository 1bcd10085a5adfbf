//! Keras, compiled: train and ship neural networks from Rust.
//!
//! A network is described in Keras' words; `compile` really compiles: the whole training step (forward pass, loss, backpropagation,
//! gradient processing, optimizer update, metrics) becomes one static program on preallocated memory.
//!
//! ```
//! use adaline::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // XOR: four points, one hidden layer.
//! let x = Tensor::from([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
//! let y = Tensor::from([[0.0], [1.0], [1.0], [0.0]]);
//! let mut model = Sequential::new()
//!     .add(Input::new([2]))
//!     .add(Dense::new(8).activation(Activation::Tanh))
//!     .add(Dense::new(1).activation(Activation::Sigmoid))
//!     .build(Seed(7))?;
//! model.compile(Adam::new(0.05), BinaryCrossentropy::default(), [Accuracy::default()])?;
//! let history = model.fit(&x, &y, Fit::default().epochs(200).batch_size(4).verbose(0))?;
//! assert_eq!(history.last("accuracy"), Some(1.0));
//! # Ok(())
//! # }
//! ```
//!
//! This crate is the facade: it joins the layers and the training loop ([`nn`]) with the processor ([`cpu`]), and offers the readers
//! ([`data`]), the model files ([`formats`], [`onnx`]), the pictures ([`report`]) and the graphs below it all ([`graph`]).

pub use adaline_cpu as cpu;
pub use adaline_data as data;
pub use adaline_formats as formats;
pub use adaline_graph as graph;
pub use adaline_nn as nn;
pub use adaline_onnx as onnx;
pub use adaline_report as report;

mod backend;
mod progress;

pub mod prelude;

pub use backend::{Build, backend, load_model, set_threads};
pub use progress::Shown;
