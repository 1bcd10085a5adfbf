//! What a file keeps of a layer beside its configuration and its weights.

use adaline_formats::{NamedTensor, TensorBytes};
use std::collections::BTreeMap;

/// Files and named values of a `.keras` file, by the place that a layer has there (`layers/sequential/layers/integer_lookup`).
pub struct Kept<'f> {
    pub(crate) assets: &'f [(String, Vec<u8>)],
    pub(crate) tensors: &'f BTreeMap<&'f str, &'f NamedTensor>,
}

impl<'f> Kept<'f> {
    /// The content of a file of the layer at a place.
    pub fn asset(&self, place: &str, name: &str) -> Option<&'f [u8]> {
        let path = format!("{place}/{name}");
        self.assets.iter().find(|(p, _)| *p == path).map(|(_, content)| &content[..])
    }
    /// Values that the layer at a place keeps under a name.
    pub fn floats(&self, place: &str, name: &str) -> Option<Vec<f32>> {
        self.tensors.get(format!("{place}/vars/{name}").as_str()).map(|tensor| floats(&tensor.data))
    }
}

/// Values of any type as floats.
pub(crate) fn floats(data: &TensorBytes) -> Vec<f32> {
    match data {
        TensorBytes::F32(v) => v.clone(),
        TensorBytes::I32(v) => v.iter().map(|&v| v as f32).collect(),
        TensorBytes::I64(v) => v.iter().map(|&v| v as f32).collect(),
    }
}
