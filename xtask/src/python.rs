//! The Python package: its wheel is built, installed into a fresh environment and tested there, beside real Keras.

use crate::tools::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the tests need besides the wheel.
const REQUIREMENTS: &str = "python/tests/requirements.txt";

/// Builds, installs and tests. The wheel is built without optimization of our own crates, as all tests are; `pip install ./python` builds the
/// fast one.
pub(crate) fn check() -> Result<(), String> {
    let tools = environment("python-tools", |python| run(python, &["-m", "pip", "install", "--quiet", "maturin>=1.9,<2"]))?;
    let wheels = root().join("target/wheels");
    // An older wheel would be installed in the place of a new one.
    let _ = std::fs::remove_dir_all(&wheels);
    let maturin = tools.with_file_name(format!("maturin{}", std::env::consts::EXE_SUFFIX));
    run_in(&maturin, &["build", "--locked", "--out", &text(&wheels), "--interpreter", &text(&tools)], &root().join("python"))?;
    let wheel = std::fs::read_dir(&wheels)
        .map_err(|e| e.to_string())?
        .flatten()
        .map(|f| f.path())
        .find(|f| f.extension().is_some_and(|e| e == "whl"));
    let wheel = wheel.ok_or("maturin built no wheel")?;
    let requirements = std::fs::read_to_string(root().join(REQUIREMENTS)).map_err(|e| format!("{REQUIREMENTS}: {e}"))?;
    let tests = environment(&format!("python-tests-{:x}", hash(&requirements)), |python| {
        run(python, &["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS])
    })?;
    run(&tests, &["-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", &text(&wheel)])?;
    // Away from the sources, so that what was installed is what is tested.
    let pytest = ["-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider"];
    // Names of scikit-learn's checks have addresses in them, and so are others in each process.
    run(&tests, &[&pytest[..], &["python/tests/test_sklearn.py"]].concat())?;
    run(&tests, &[&pytest[..], &["-n", "auto", "--ignore", "python/tests/test_sklearn.py", "python/tests"]].concat())
}

/// The interpreter of a virtual environment in `target`, which `fill` fills when it is new.
fn environment(name: &str, fill: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let folder = root().join("target").join(name);
    let python = if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") };
    let done = folder.join("done");
    if !done.exists() {
        let _ = std::fs::remove_dir_all(&folder);
        run(Path::new("python3"), &["-m", "venv", &text(&folder)])
            .map_err(|e| format!("{e}; Python 3.9 or later with its module venv makes the environment of the Python tests"))?;
        fill(&python)?;
        std::fs::write(done, "").map_err(|e| e.to_string())?;
    }
    Ok(python)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// FNV-1a: another list of requirements is another environment.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

fn run(program: &Path, args: &[&str]) -> Result<(), String> {
    run_in(program, args, &root())
}

fn run_in(program: &Path, args: &[&str], folder: &Path) -> Result<(), String> {
    println!("\n$ {} {}", program.display(), args.join(" "));
    let status = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("KERAS_BACKEND", "jax")
        // What a shell before had in mind is not what is tested.
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .status()
        .map_err(|e| format!("{} does not start: {e}", program.display()))?;
    if status.success() { Ok(()) } else { Err(format!("`{} {}` failed", program.display(), args.join(" "))) }
}
