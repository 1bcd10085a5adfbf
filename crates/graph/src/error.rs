//! Errors of building graphs.

use crate::TensorType;

/// An operation whose inputs do not fit, with what was expected, what came, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {op}: {message}; got {}", place(.origin), list(.inputs))]
pub struct ShapeError {
    /// Layer path where the operation was written; empty outside of layers.
    pub origin: String,
    /// Name of the operation.
    pub op: String,
    /// What was expected and what to try.
    pub message: String,
    /// Types of the inputs that came.
    pub inputs: Vec<TensorType>,
}

fn place(origin: &str) -> String {
    if origin.is_empty() { "graph".into() } else { format!("layer `{origin}`") }
}

fn list(types: &[TensorType]) -> String {
    match types {
        [] => "no input".into(),
        _ => types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "),
    }
}

/// What can go wrong with a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Inputs that do not fit an operation.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A message latched by layer code (a wrong rank, a missing dimension), with its layer path.
    #[error("{}: {message}", place(.origin))]
    Layer {
        /// Layer path.
        origin: String,
        /// What was expected, what came, what to try.
        message: String,
    },
    /// A derivative was asked of something that is not a scalar `f32`.
    #[error("gradients need a scalar f32 loss; got {got}")]
    LossNotScalar {
        /// Its type.
        got: TensorType,
    },
    /// A derivative was asked with respect to something that is not `f32`.
    #[error("gradients exist with respect to f32 tensors only; got {got}")]
    NotDifferentiable {
        /// Its type.
        got: TensorType,
    },
    /// The graph breaks a rule that every graph keeps (a defect of a pass, not of a user's model).
    #[error("graph is not well formed at node {node}: {message}")]
    Malformed {
        /// Node index.
        node: usize,
        /// Broken rule.
        message: String,
    },
    /// A graph that cannot be a step of a scan.
    #[error("the body of a scan: {message}")]
    Body {
        /// What was expected and what came.
        message: String,
    },
    /// A textual graph that cannot be read.
    #[error("line {line}: {message}")]
    Text {
        /// Line, from 1.
        line: usize,
        /// What was expected.
        message: String,
    },
}
