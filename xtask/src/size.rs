//! Size of the release program and time of its clean build: tracked numbers.

use crate::tools::{cargo, output, root};
use std::time::Instant;

/// What the release must keep.
const MOST_BYTES: u64 = 10_000_000;
const MOST_SECONDS: f64 = 180.0;

/// Builds the release from nothing in a folder of its own, prints and records both figures.
pub(crate) fn run() -> Result<(), String> {
    let dir = root().join("target/size");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    cargo(&["fetch", "--locked"])?;
    let target = dir.display().to_string();
    let start = Instant::now();
    cargo(&["build", "--release", "--locked", "--package", "adaline-cli", "--target-dir", &target])?;
    let seconds = start.elapsed().as_secs_f64();
    let program = dir.join("release").join(format!("adaline{}", std::env::consts::EXE_SUFFIX));
    let bytes = std::fs::metadata(&program).map_err(|e| format!("{}: {e}", program.display()))?.len();
    let crates =
        String::from_utf8_lossy(&output("cargo", &["tree", "--package", "adaline-cli", "--edges", "normal", "--prefix", "none"])?.stdout)
            .lines()
            .map(|l| l.trim_end_matches(" (*)").to_owned())
            .collect::<std::collections::BTreeSet<_>>()
            .len();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let version = String::from_utf8_lossy(&output("rustc", &["--version"])?.stdout).trim().to_owned();
    let page = format!(
        "# Size and build time\n\nWritten by `cargo xtask size`.\n\n| what | measured | at most |\n|---|---|---|\n\
         | release program | {:.2} MB | {:.0} MB |\n| clean release build on {threads} cores | {seconds:.0} s | {MOST_SECONDS:.0} s |\n\
         | crates in the program, ours included | {crates} | |\n\n{version}, {}-{}.\n",
        bytes as f64 / 1e6,
        MOST_BYTES as f64 / 1e6,
        std::env::consts::ARCH,
        std::env::consts::OS,
    );
    println!("\n{page}");
    std::fs::write(root().join("docs/size.md"), page).map_err(|e| format!("docs/size.md: {e}"))?;
    if bytes > MOST_BYTES {
        return Err(format!("the program has {bytes} bytes, more than {MOST_BYTES}"));
    }
    if seconds > MOST_SECONDS {
        return Err(format!("the build took {seconds:.0} s, more than {MOST_SECONDS:.0} s"));
    }
    Ok(())
}
