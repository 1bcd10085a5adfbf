//! Keras, compiled: train and ship neural networks from Rust.
