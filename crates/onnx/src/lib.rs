//! ONNX: networks written as ONNX models, and ONNX models as networks that predict.

pub mod proto;
