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
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root());
    // Nobody compiles the same clone twice there.
    if std::env::var_os("CI").is_some() {
        command.env("CARGO_INCREMENTAL", "0");
    }
    let status = command.status().map_err(|e| format!("cargo does not start: {e}"))?;
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
