//! Training against real Keras on the reference backend.

#[path = "support/training.rs"]
mod training;

use adaline_graph::eval::Precision;
use adaline_graph::reference::Reference;
use std::sync::Arc;

#[test]
fn the_reference_trains_as_keras() {
    training::train_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_updates_weights_as_keras() {
    training::update_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_trains_in_halves_as_keras() {
    training::train_in_halves_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_trains_with_masks_as_keras() {
    training::train_with_masks_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_trains_recurrent_networks_as_keras() {
    training::train_recurrent_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_trains_networks_for_images_as_keras() {
    training::train_images_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_trains_graphs_of_layers_as_keras() {
    training::train_graphs_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_trains_with_every_loss_as_keras() {
    training::train_with_losses_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_trains_other_layers_as_keras() {
    training::train_layers_as_keras(&(Arc::new(Reference::default()) as Arc<_>));
}

#[test]
fn the_reference_trains_with_wrapped_optimizers_as_keras() {
    // In single precision, where scaled gradients overflow.
    training::train_scaled_as_keras(&(Arc::new(Reference { precision: Precision::F32 }) as Arc<_>));
}
