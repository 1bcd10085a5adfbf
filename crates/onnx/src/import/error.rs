//! What can go wrong with an ONNX model.

use adaline_graph::backend::{CompileError, RunError};
use std::path::PathBuf;

/// Why a model could not be read or run.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes are no ONNX model.
    #[error("this is no ONNX model: {message}; it may be cut off or of another format")]
    NotOnnx {
        /// What the reader of protocol buffers says.
        message: String,
    },
    /// It goes beyond a limit of [`super::Limits`].
    #[error("{what}: {got}, of which at most {limit} are allowed; raise `Limits::{field}` for a model that you trust")]
    Limit {
        /// Of what there are too many.
        what: String,
        /// The field of the limits.
        field: &'static str,
        /// Allowed.
        limit: usize,
        /// Found.
        got: usize,
    },
    /// It breaks a rule of the format.
    #[error("{place}: {message}")]
    Malformed {
        /// Where.
        place: String,
        /// What was expected and what came.
        message: String,
    },
    /// It uses what is not supported; everything that was found is listed.
    #[error("the model uses what is not supported:\n  {}\nthe operators are listed in docs/onnx.md", items.join("\n  "))]
    Unsupported {
        /// One line each.
        items: Vec<String>,
    },
    /// An operation cannot be done with what it is given.
    #[error("{node}: {message}")]
    Node {
        /// The operation.
        node: String,
        /// What was expected and what came.
        message: String,
    },
    /// What was given to the model does not fit.
    #[error("input `{name}`: {message}")]
    Input {
        /// Its name.
        name: String,
        /// What was expected and what came.
        message: String,
    },
    /// The backend cannot compile it.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The backend cannot run it.
    #[error(transparent)]
    Run(#[from] RunError),
}

pub(crate) fn malformed(place: &str, message: impl Into<String>) -> ImportError {
    ImportError::Malformed { place: place.into(), message: message.into() }
}
