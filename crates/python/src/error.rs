//! Errors of Rust as exceptions of Python.

use crate::trace::take_pending;
use adaline::nn::Error;
use adaline::nn::keras::ConfigError;
use pyo3::PyErr;
use pyo3::exceptions::{PyFileNotFoundError, PyFloatingPointError, PyMemoryError, PyRuntimeError, PyValueError};

/// An error of a model: the exception of Python code that it came of, or one of the same text.
pub(crate) fn raised(error: &Error) -> PyErr {
    if let Some(pending) = take_pending() {
        return pending;
    }
    let text = error.to_string();
    match error {
        Error::NotCompiled { .. } => PyRuntimeError::new_err(text),
        Error::NoMemory { .. } => PyMemoryError::new_err(text),
        Error::NonFiniteLoss { .. } => PyFloatingPointError::new_err(text),
        Error::Format(_) if text.contains("No such file") => PyFileNotFoundError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}

/// An error of a configuration.
#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
pub(crate) fn of_config(error: ConfigError) -> PyErr {
    take_pending().unwrap_or_else(|| PyValueError::new_err(error.to_string()))
}

/// Any other error.
#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
pub(crate) fn value_error(error: impl ToString) -> PyErr {
    take_pending().unwrap_or_else(|| PyValueError::new_err(error.to_string()))
}
