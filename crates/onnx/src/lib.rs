//! ONNX: networks written as ONNX models, and ONNX models as networks that predict.

pub mod import;
pub mod proto;

pub use import::{ImportError, OnnxModel, load};
