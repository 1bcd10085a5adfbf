//! The conformance suite of ONNX for `crates/onnx/tests/node_tests.rs`: pip fetches the wheel that ships it (19 MB, its hash is committed), and its
//! data goes to `target/onnx-node-tests`.

use crate::tools::root;
use std::process::Command;

/// Unpacks the data of a wheel into a folder.
const UNPACK: &str = "import glob, sys, zipfile\nfor wheel in glob.glob(sys.argv[1] + '/*.whl'):\n    z = zipfile.ZipFile(wheel)\n    z.extractall(sys.argv[1], [n for n in z.namelist() if n.startswith('onnx/backend/test/data/')])";

/// Fetches the suite unless it is there, or is somewhere else (`ONNX_NODE_TESTS`).
pub(crate) fn fetch() -> Result<(), String> {
    let folder = root().join("target/onnx-node-tests");
    let done = folder.join("done");
    if done.exists() || std::env::var_os("ONNX_NODE_TESTS").is_some() {
        return Ok(());
    }
    let list = root().join("xtask/onnx-tests.txt");
    let (folder_text, list) = (folder.display().to_string(), list.display().to_string());
    println!("\nfetching the conformance suite of ONNX (19 MB) into {folder_text}");
    // The same file for every machine: only its data is used.
    let pip = ["-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version=3.11"];
    let platform = ["--platform=manylinux_2_28_x86_64", "-d", &folder_text, "-r", &list];
    python(&[&pip[..], &platform].concat())?;
    python(&["-c", UNPACK, &folder_text])?;
    std::fs::write(done, "").map_err(|e| e.to_string())
}

fn python(args: &[&str]) -> Result<(), String> {
    let status = Command::new("python3").args(args).status();
    let status = status.map_err(|e| format!("python3 does not start ({e}); it and pip fetch the conformance suite of ONNX"))?;
    if status.success() { Ok(()) } else { Err(format!("python3 {} failed", args[..args.len().min(3)].join(" "))) }
}
