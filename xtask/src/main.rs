//! Project chores: `cargo xtask check` (everything CI asks), `cargo xtask docs` (generated pages), `cargo xtask size` (binary size and
//! clean build time), `cargo xtask callgrind` (instructions of a training step).
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line prints

mod callgrind;
mod check;
mod docs;
mod onnx_tests;
mod python;
mod size;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  check      formatting, lints, generated pages, tests, documentation: what CI runs
  docs       writes the generated pages (docs/cli.md, docs/reference.md, python/adaline/_catalogue)
  onnx-tests fetches the conformance suite of ONNX into target/ (python3 with pip; `check` does it too)
  python     builds the wheel of the Python package, installs it into an environment of its own and runs python/tests (`check` does it too)
  size       builds the release program from nothing, records size and time in docs/size.md
  callgrind  counts the instructions of a few training steps with valgrind, records them in docs/instructions.md;
             with --check compares with the recorded ones instead";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let done = match command.as_deref() {
        Some("check") => check::run(),
        Some("docs") => docs::write(),
        Some("onnx-tests") => onnx_tests::fetch(),
        Some("python") => python::check(),
        Some("size") => size::run(),
        Some("callgrind") => match std::env::args().nth(2).as_deref() {
            None => callgrind::run(false),
            Some("--check") => callgrind::run(true),
            Some(other) => Err(format!("callgrind takes --check or nothing, not {other}")),
        },
        Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(format!("unknown command {}\n\n{HELP}", other.unwrap_or("(none)"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
