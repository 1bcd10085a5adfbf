#![no_main]

#[path = "../../crates/nn/tests/readers/model.rs"]
mod model;
#[path = "../../crates/nn/tests/readers/mod.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| model::model(bytes));
