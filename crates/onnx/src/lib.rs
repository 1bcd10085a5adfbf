//! ONNX: networks written as ONNX models, and ONNX models as networks that predict.

mod export;
pub mod import;
pub mod proto;

pub use export::{ExportError, ExportOptions, OPSET, export, save, to_bytes};
pub use import::{ImportError, OnnxModel, load};
