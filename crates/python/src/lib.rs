//! The extension module behind the Python package `adaline`: everything that is not Python's own (names, defaults, conversions) happens here.
//!
//! | module | what it does |
//! |---|---|
//! | `trace` | the graph that Python code is writing |
//! | `node`, `index` | its values, with operators; parts of them |
//! | `primitives` | the operations that `adaline.ops` is made of |
//! | `program` | functions of arrays, traced once and compiled |
//! | `layer`, `cell` | layers of the catalogue and of Python, symbolic tensors; cells of recurrent layers |
//! | `object` | losses, metrics, optimizers and their like by themselves |
//! | `model` | networks with weights: fit, evaluate, predict, save |
//! | `batches` | generators and `PyDataset` in the training loop |
//! | `tables` | vocabularies, bins and hashes outside of networks |
//! | `callback`, `builtin` | Python's and Rust's callbacks in the training loop |
//! | `onnx` | ONNX models |
//! | `array` | NumPy's arrays |
//! | `error` | Rust's errors as Python's exceptions |

#![expect(clippy::needless_pass_by_value, clippy::unused_self, reason = "PyO3 hands arguments over by value, and methods need a receiver")]

mod array;
mod batches;
mod builtin;
mod callback;
mod cell;
mod error;
mod index;
mod layer;
mod loss;
mod model;
mod node;
mod object;
mod onnx;
mod options;
mod primitives;
mod program;
mod shared;
mod tables;
mod trace;

use pyo3::prelude::*;

/// The module.
#[pymodule]
fn _adaline(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    node::register(m)?;
    primitives::register(m)?;
    program::register(m)?;
    layer::register(m)?;
    object::register(m)?;
    onnx::register(m)?;
    array::register(m)?;
    tables::register(m)?;
    model::register(m)
}
