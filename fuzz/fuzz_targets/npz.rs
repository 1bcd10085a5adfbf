#![no_main]

#[allow(dead_code, reason = "each target is of one of the readers")]
#[path = "../../crates/nn/tests/readers/mod.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::npz(bytes));
