//! Runs the built program.
#![allow(dead_code)] // each test file uses its part

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The program with arguments.
pub(crate) fn adaline(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_adaline")).args(args).output().expect("the program starts")
}

/// Runs, and expects an exit code and phrases on standard error, without a panic; what it printed.
pub(crate) fn fails(args: &[&str], code: i32, phrases: &[&str]) -> Output {
    let out = adaline(args);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(!stderr.contains("panicked"), "{args:?}\n{stderr}");
    assert_eq!(out.status.code(), Some(code), "{args:?}\n{stderr}");
    for phrase in phrases {
        assert!(stderr.contains(phrase), "{args:?}: expected {phrase:?} in\n{stderr}");
    }
    out
}

/// Standard output of a run that must succeed.
pub(crate) fn succeeds(args: &[&str]) -> String {
    let out = adaline(args);
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{args:?}: {:?}\n{stdout}\n{stderr}", out.status);
    stdout.into_owned()
}

/// The one JSON object that a run prints.
pub(crate) fn json(args: &[&str]) -> Value {
    let text = succeeds(args);
    assert_eq!(text.lines().count(), 1, "{args:?} prints one line:\n{text}");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?}: {e}\n{text}"))
}

/// A committed data set.
pub(crate) fn dataset(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets").join(name).display().to_string()
}

/// A folder with what these tests share, made once per test program.
pub(crate) struct Shared {
    folder: TempDir,
    /// What the program printed when it made them.
    pub(crate) said: String,
}

impl Shared {
    /// A table `reviews.csv`, and in `out` what `fit` with more arguments makes of it.
    pub(crate) fn of_reviews(table: &str, args: &[&str]) -> Self {
        let mut shared = Self { folder: tempfile::tempdir().expect("a folder"), said: String::new() };
        let (data, out) = (shared.file("reviews.csv", table), shared.path("out"));
        shared.said = succeeds(&[&["fit", &data, "--out", &out][..], args].concat());
        shared
    }
    /// The model of [`Shared::of_reviews`].
    pub(crate) fn model(&self) -> String {
        self.path("out/model.keras")
    }
    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(&path, content).expect("the file can be written");
        path.display().to_string()
    }
}

/// A folder with `iris/model.keras` (3 classes, 4 inputs, 4 units between) and `mpg/model.keras` (a number, missing values, names).
pub(crate) fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let shared = Shared { folder: tempfile::tempdir().expect("a folder"), said: String::new() };
        let fit = |data: &str, target: &str, out: &str, hidden: &str| {
            succeeds(&[
                "fit",
                &dataset(data),
                "--target",
                target,
                "--epochs",
                "12",
                "--hidden",
                hidden,
                "--out",
                &shared.path(out),
                "--verbose",
                "0",
            ]);
        };
        fit("iris.csv", "species", "iris", "4");
        fit("auto_mpg.csv", "mpg", "mpg", "16");
        shared
    })
}
