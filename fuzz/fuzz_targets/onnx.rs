#![no_main]

#[path = "../../crates/onnx/tests/readers/mod.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::onnx(bytes));
