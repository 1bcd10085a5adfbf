//! Running commands at the workspace root.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The workspace root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Runs `cargo` with arguments, its output shown.
pub(crate) fn cargo(args: &[&str]) -> Result<(), String> {
    println!("\n$ cargo {}", args.join(" "));
    let status = Command::new("cargo").args(args).current_dir(root()).status().map_err(|e| format!("cargo does not start: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`cargo {}` failed", args.join(" "))) }
}

/// Runs a program and returns what it printed.
pub(crate) fn output(program: &str, args: &[&str]) -> Result<Output, String> {
    Command::new(program)
        .args(args)
        .env_remove("COLUMNS")
        .current_dir(root())
        .output()
        .map_err(|e| format!("{program} does not start: {e}"))
}
