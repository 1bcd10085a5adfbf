//! What the fuzz target `onnx` does with bytes; the test `corpus` replays its seeds by the same function.

use adaline_graph::reference::Reference;
use adaline_onnx::OnnxModel;
use adaline_onnx::import::Limits;
use std::sync::Arc;

/// A model is read, listed, and traced for sizes of 2 where sizes are open.
pub(crate) fn onnx(bytes: &[u8]) {
    let Ok(model) = OnnxModel::read(bytes, Arc::new(Reference::default()), Limits::small()) else { return };
    let _ = (model.operator_counts(), model.notes(), model.constants().count());
    let dims: Vec<Vec<usize>> =
        model.inputs().iter().map(|input| input.dims.iter().flatten().map(|d| d.as_ref().map_or(2, |&n| n.min(64))).collect()).collect();
    let _ = model.trace_shapes(&dims);
}
