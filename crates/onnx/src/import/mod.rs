//! ONNX models as networks that predict.
//!
//! | module | what it does |
//! |---|---|
//! | `wire`, `limits` | whether the messages of a file are of a reasonable size, before they are read |
//! | `check` | names resolved, operators and attributes known, constants read: all that is not supported is found at once |
//! | `table` | the operators, each with the function that writes it |
//! | `trace` | for given shapes, the graph of operations; what is known before it runs is computed on the way |
//! | `ops` | the functions, by families |
//! | `model`, `predict` | plans by shapes, running, predictions in batches |
//! | `listing` | what a file holds, for people |

mod call;
mod check;
mod error;
mod kind;
mod limits;
mod listing;
mod model;
mod ops;
mod predict;
mod table;
mod tensor;
mod trace;
mod wire;

pub use check::ValueSpec;
pub use error::ImportError;
pub use kind::Kind;
pub use limits::Limits;
pub use listing::ConstantInfo;
pub use model::{About, OnnxModel};
pub use table::operators;
pub use tensor::{Elements, OnnxTensor};

use adaline_graph::backend::Backend;
use std::path::Path;
use std::sync::Arc;

/// The model in a file, to run on `backend`.
///
/// # Errors
/// [`ImportError::Io`]; else as [`OnnxModel::read`].
pub fn load(path: impl AsRef<Path>, backend: Arc<dyn Backend>) -> Result<OnnxModel, ImportError> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| ImportError::Io { path: path.into(), source })?;
    OnnxModel::read(&bytes, backend, Limits::default())
}
