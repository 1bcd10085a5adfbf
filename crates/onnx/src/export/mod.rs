//! Networks as ONNX models.
//!
//! What is translated is the graph of a prediction, operation by operation, so every layer can be exported, those of one's own too. Sizes that a
//! network leaves open, the batch and the length of sequences, stay open in the file.

mod elementwise;
mod held;
mod scan;
mod shape;
mod sizes;
mod spatial;
mod traces;
mod translate;
mod writer;

use crate::proto;
use adaline_graph::{DType, GraphError, NodeId};
use adaline_nn::Model;
use held::Held;
use prost::Message;
use sizes::Size;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use traces::{Together, Variable};
use translate::Walk;
use writer::{Writer, element};

/// Version of ONNX' operators that files use.
pub const OPSET: i64 = 17;
/// Version of the format of files.
const IR_VERSION: i64 = 8;

/// What to fix in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Rows of each batch; any number when it is none.
    pub batch: Option<usize>,
    /// The size of whatever the network's inputs leave open besides, such as the length of sequences; any size when it is none.
    pub size: Option<usize>,
}

/// Why a model could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The model is not built, or does not take the sizes.
    #[error(transparent)]
    Model(#[from] adaline_nn::Error),
    /// The graph is not sound.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An operation that predictions do not have.
    #[error(
        "layer `{layer}` uses `{op}`, which is for training alone and has no counterpart in ONNX; write the layer without it for prediction"
    )]
    Operation {
        /// Name of the operation.
        op: &'static str,
        /// Path of the layer.
        layer: String,
    },
    /// A layer whose graph is another one for other sizes of inputs.
    #[error(
        "layer `{layer}` computes in different ways for inputs of different sizes, which one file cannot hold: fix the size of inputs or of the batch \
         when exporting, or give the input layer a shape without None"
    )]
    Varies {
        /// Path of the layer.
        layer: String,
    },
    /// A size for which no formula is known.
    #[error(
        "layer `{layer}` needs a size that follows from the sizes of inputs in no way that is known here: fix the size of inputs or of the batch when \
         exporting, or give the input layer a shape without None"
    )]
    Size {
        /// Path of the layer.
        layer: String,
    },
    /// The model takes none of the sizes that were tried.
    #[error("the model takes none of the sizes that were tried for its open axes: fix the size of inputs when exporting")]
    Sizes,
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] adaline_formats::FormatError),
}

/// The model as an ONNX model that predicts. Inputs and outputs have their names, weights those of their Keras paths (`dense/kernel`).
///
/// What is translated is the graph of a prediction, operation by operation, so every layer can be exported, those of one's own too. Sizes that the network
/// leaves open, the batch and the length of sequences, stay open in the file.
///
/// What stateful layers remember is an input and an output more for each state: the input's default is the state that the model has now.
///
/// ```
/// use adaline_nn::{Seed, Sequential, layers::{Dense, Input}};
/// use adaline_onnx::{ExportOptions, export};
/// # use std::sync::Arc;
///
/// let network = Sequential::new().add(Input::new([4])).add(Dense::new(2));
/// let model = network.build_on(Arc::new(adaline_graph::reference::Reference::default()), Seed(0)).unwrap();
/// let onnx = export(&model, &ExportOptions::default()).unwrap();
/// assert_eq!(onnx.graph.unwrap().node[0].op_type, "Gemm");
/// ```
///
/// # Errors
/// See [`ExportError`].
pub fn export(model: &Model, options: &ExportOptions) -> Result<proto::Model, ExportError> {
    let traces = traces::traces(model, options)?;
    let graphs = Together(traces.graphs.iter().collect());
    let graph = graphs.first();
    let mut w = Writer::new(model, &traces.variables, graphs.len());
    let names: Vec<&str> = model.input_names().collect();
    let of_inputs = |(name, dims): (&&str, &Vec<Size>)| Held::plain((*name).to_owned(), dims.clone());
    let held = names.iter().zip(&traces.inputs).map(of_inputs).collect();
    let mut walk = Walk::new(graphs.clone(), held);
    walk.write(&mut w)?;
    w.set_layer("");

    let types = names.iter().zip(&traces.inputs).enumerate();
    let mut inputs: Vec<proto::ValueInfo> =
        types.map(|(at, (name, dims))| value_info(name, element(graph.inputs()[at].ty.dtype), dims, &traces.variables)).collect();
    let mut outputs = Vec::new();
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut keep = Vec::new();
    // A network may give what it takes, or the same twice.
    let mut taken: BTreeSet<&str> = names.iter().copied().collect();
    let values = graph.outputs().values.iter();
    let mut wanted: Vec<(String, NodeId)> =
        values.map(|(name, value)| (if taken.insert(name) { name.clone() } else { w.fresh(name) }, *value)).collect();
    for (slot, value) in &graph.outputs().updates {
        let name = graph.slots().iter().find(|s| s.slot == *slot).map_or("state", |s| &s.name).to_owned();
        let dims = graphs.dims(*value);
        let held = w.slot(*slot, &name, dims.clone());
        inputs.push(value_info(&held.name, element(DType::F32), &dims, &traces.variables));
        keep.push(held.name);
        wanted.push((w.fresh(&format!("{name}/next")), *value));
    }
    for (name, value) in wanted {
        let dims = graphs.dims(value);
        let mut made = w.full(walk.value(value), &dims)?.name;
        // An output is the result of a node and nothing else.
        if w.node_giving(&made).is_none() || renamed.contains_key(&made) {
            made = w.node("Identity", &[&made], vec![]);
        }
        outputs.push(value_info(&name, element(graph.ty(value).dtype), &dims, &traces.variables));
        keep.push(made.clone());
        renamed.insert(made, name);
    }
    let keep: Vec<&str> = keep.iter().map(String::as_str).collect();
    let (mut nodes, initializer) = w.finish(&keep);
    for node in &mut nodes {
        writer::rename(node, &renamed);
        if let Some(first) = node.output.first() {
            node.name.clone_from(first);
        }
    }
    let graph =
        proto::Graph { node: nodes, name: model.name().into(), initializer, input: inputs, output: outputs, ..proto::Graph::default() };
    Ok(proto::Model {
        ir_version: IR_VERSION,
        producer_name: "adaline".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph),
        opset_import: vec![proto::OperatorSet { domain: String::new(), version: OPSET }],
        ..proto::Model::default()
    })
}

/// The bytes of an `.onnx` file of the model. Equal models give equal bytes.
///
/// # Errors
/// As [`export`].
pub fn to_bytes(model: &Model, options: &ExportOptions) -> Result<Vec<u8>, ExportError> {
    Ok(export(model, options)?.encode_to_vec())
}

/// Writes the model to an `.onnx` file. What is there is replaced, at once or not at all.
///
/// # Errors
/// As [`export`]; [`ExportError::Write`].
pub fn save(model: &Model, path: impl AsRef<Path>, options: &ExportOptions) -> Result<(), ExportError> {
    Ok(adaline_formats::atomic_write(path.as_ref(), &to_bytes(model, options)?)?)
}

/// The type of a named value; open sizes have the names of variables, or none.
fn value_info(name: &str, element: i32, dims: &[Size], variables: &[Variable]) -> proto::ValueInfo {
    let dimension = |size: &Size| proto::Dimension {
        dim_value: size.fixed(),
        dim_param: variables.iter().find(|v| v.size == *size).map(|v| v.name.clone()),
    };
    let shape = proto::Shape { dim: dims.iter().map(dimension).collect() };
    let tensor = proto::TensorType { elem_type: element, shape: Some(shape) };
    proto::ValueInfo { name: name.into(), r#type: Some(proto::Type { tensor_type: Some(tensor), ..proto::Type::default() }) }
}
