//! Everything CI asks, in order of how soon it fails.

use crate::{docs, tools::cargo};

pub(crate) fn run() -> Result<(), String> {
    crate::onnx_tests::fetch()?;
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    docs::check()?;
    // Warnings of rustdoc are broken links.
    println!("\n$ RUSTDOCFLAGS=-Dwarnings cargo doc");
    let status = std::process::Command::new("cargo")
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .current_dir(crate::tools::root())
        .status()
        .map_err(|e| e.to_string())?;
    if !status.success() {
        return Err("the documentation has warnings".into());
    }
    crate::python::check()?;
    // Last, so that the test runner's closing lines end the output.
    cargo(&["test", "--workspace", "--locked"])
}
