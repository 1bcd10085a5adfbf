#![no_main]

#[path = "../../crates/nn/tests/readers/mod.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::npz(bytes));
