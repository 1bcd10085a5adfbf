//! `fit --resume`: nothing is lost when a run is killed.
#![cfg(unix)] // processes are ended by signals

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{dataset, shared, succeeds};

fn words(out: &Path) -> Vec<String> {
    let data = dataset("iris.csv");
    // Some seconds of work on a fast machine, too, in which backups fall due.
    let asked = ["--target", "species", "--epochs", "1200", "--patience", "0", "--hidden", "160,160", "--dropout", "0.2", "--verbose", "2"];
    ["fit", &data].into_iter().chain(asked).chain(["--out", out.to_str().unwrap()]).map(str::to_owned).collect()
}

fn start(words: &[String]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_adaline")).args(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Ends a program when it has said something; all that it said.
fn end(mut child: Child, after: &str, signal: &str) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut told = String::new();
    for line in lines.by_ref() {
        told.push_str(&line);
        told.push('\n');
        if line.contains(after) {
            break;
        }
    }
    assert!(child.try_wait().unwrap().is_none(), "it has come to its end already: {told}");
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    told.extend(lines);
    child.wait().unwrap();
    told
}

fn wait_for(what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < Duration::from_mins(2), "it takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_and_a_stopped_fit_go_on_and_end_the_same() {
    let out = |name: &str| PathBuf::from(shared().path(name));
    let (whole, kept) = (out("whole"), out("kept"));
    let run = |words: &[String]| succeeds(&words.iter().map(String::as_str).collect::<Vec<_>>());
    run(&words(&whole));
    assert!(!whole.join("backup").exists(), "nothing is left to take up");

    let again = [words(&kept), vec!["--resume".into()]].concat();
    let latest = kept.join("backup/network/latest.backup");
    let child = start(&again);
    wait_for(|| latest.exists());
    let told = end(child, "Epoch", "-KILL");
    assert!(told.contains("Note: --resume finds no interrupted run"), "{told}");
    assert!(!kept.join("model.keras").exists());

    let child = start(&again);
    let told = end(child, "Epoch", "-INT");
    assert!(
        told.contains("Going on with the interrupted run in") && told.contains("To go on, run the same command with --resume."),
        "{told}"
    );
    assert!(latest.exists());

    let told = run(&again);
    assert!(told.contains("Going on with") && !told.contains("Epoch 1/"), "{told}");
    for file in ["model.keras", "history.csv"] {
        assert!(fs::read(kept.join(file)).unwrap() == fs::read(whole.join(file)).unwrap(), "{file}");
    }
    assert!(!kept.join("backup").exists());
}

#[test]
fn without_the_word_an_interrupted_run_is_given_up_and_a_damaged_backup_is_told() {
    let kept = PathBuf::from(shared().path("given-up"));
    let folder = kept.join("backup/network");
    fs::create_dir_all(&folder).unwrap();
    fs::write(kept.join("backup/mine.txt"), "stays").unwrap();
    fs::write(folder.join("latest.backup"), "no backup").unwrap();
    let data = dataset("iris.csv");
    let words = ["fit", &data, "--target", "species", "--epochs", "2", "--out", kept.to_str().unwrap()];
    support::fails(&[&words[..], &["--resume"]].concat(), 1, &["latest.backup is damaged", "delete it to begin anew"]);
    let told = succeeds(&words);
    assert!(told.contains("the backup of an interrupted run in") && told.contains("is given up"), "{told}");
    assert!(!folder.exists() && kept.join("backup/mine.txt").exists());
}
