//! As the other readers, of whole models. In a file of its own, since it needs most of the crates.

use crate::readers::{answered, limits};
use adaline_formats::ModelFile;
use adaline_graph::reference::Reference;
use adaline_nn::Model;
use adaline_nn::model::LoadOptions;
use std::sync::Arc;

/// Whole models: configurations of layers, losses and optimizers, and how weights find their places.
pub(crate) fn model(bytes: &[u8]) {
    if answered(ModelFile::read_from_slice_with(bytes, &limits())).is_none() {
        return;
    }
    let _ = Model::from_bytes(Arc::new(Reference::default()), bytes, LoadOptions::default());
}
