//! Instructions of a training step, counted by valgrind: a number that needs no quiet machine, so that a later regression shows.

use crate::tools::{cargo, output, root};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Where the counts are kept.
const PAGE: &str = "docs/instructions.md";
/// Largest relative change that `--check` lets pass.
const TOLERANCE: f64 = 0.03;

/// A workload of `adaline bench` and two numbers of steps within one pass over its rows; their difference is what counts, so that
/// neither the start nor the data does.
struct Case {
    workload: &'static str,
    batch: u64,
    rows: u64,
    steps: [u64; 2],
}

const CASES: [Case; 3] = [
    Case { workload: "tiny", batch: 10, rows: 2000, steps: [20, 120] },
    Case { workload: "mlp128", batch: 32, rows: 2048, steps: [4, 24] },
    Case { workload: "linreg", batch: 10_000, rows: 10_000, steps: [4, 24] },
];

/// Counts; then writes the page, or compares with it.
pub(crate) fn run(check: bool) -> Result<(), String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("instructions are counted for AVX2: this needs an x86-64 machine".into());
    }
    if !output("valgrind", &["--version"]).is_ok_and(|o| o.status.success()) {
        return Err("valgrind is not installed, which counts the instructions; on Debian and Ubuntu: apt install valgrind".into());
    }
    cargo(&["build", "--release", "--package", "adaline-cli"])?;
    let program = root().join("target/release").join(format!("adaline{}", std::env::consts::EXE_SUFFIX));
    let mut counts = Vec::new();
    for case in &CASES {
        let [few, many] = case.steps;
        let (first, last) = (instructions(&program, case, few)?, instructions(&program, case, many)?);
        let per_step = last.saturating_sub(first) / (many - few);
        println!("{} b{}: {per_step} instructions per step", case.workload, case.batch);
        counts.push(per_step);
    }
    let path = root().join(PAGE);
    if !check {
        let told = String::from_utf8_lossy(&output("rustc", &["--version"])?.stdout).into_owned();
        let version = told.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        return std::fs::write(&path, page(&counts, &version)).map_err(|e| format!("{PAGE}: {e}"));
    }
    let kept = std::fs::read_to_string(&path).map_err(|e| format!("{PAGE}: {e}; run `cargo xtask callgrind` first"))?;
    compare(&kept, &counts)
}

/// All instructions of a run of so many steps.
fn instructions(program: &Path, case: &Case, steps: u64) -> Result<u64, String> {
    let (batch, rows, steps) = (case.batch.to_string(), case.rows.to_string(), steps.to_string());
    let bench = ["bench", case.workload, "--batch", &batch, "--rows", &rows, "--run", &steps, "--threads", "1", "--json"];
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(bench)
        .env("ADALINE_ISA", "avx2")
        .current_dir(root())
        .output()
        .map_err(|e| format!("valgrind does not start: {e}"))?;
    let (told, report) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if !out.status.success() {
        return Err(format!("`adaline {}` under valgrind failed:\n{report}", bench.join(" ")));
    }
    if !told.contains("\"isa\":\"avx2\"") {
        return Err(format!("this machine does not run AVX2 under valgrind: {told}"));
    }
    collected(&report).ok_or_else(|| format!("valgrind told no count:\n{report}"))
}

/// The number after `Collected :` in valgrind's report.
fn collected(report: &str) -> Option<u64> {
    report.lines().find_map(|l| l.split_once("Collected :"))?.1.split_whitespace().next()?.parse().ok()
}

fn page(counts: &[u64], version: &str) -> String {
    let mut page = String::from(
        "# Instructions of a training step\n\nWritten by `cargo xtask callgrind`; `cargo xtask callgrind --check` compares.\n\n\
         Counted by valgrind with AVX2 on one thread: the copy of the rows into a batch, forward pass, loss, gradients, optimizer, metrics.\n\
         The difference of two runs, divided by the difference of their steps. Counts say nothing of memory, and little of time.\n\n\
         | workload | rows per step | instructions per step |\n|---|---|---|\n",
    );
    for (case, count) in CASES.iter().zip(counts) {
        let _ = writeln!(page, "| {} | {} | {count} |", case.workload, case.batch);
    }
    let _ = write!(page, "\n{version}.\n");
    page
}

/// The kept count of a workload.
fn kept_count(page: &str, workload: &str) -> Option<u64> {
    page.lines().find_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        (cells.next()? == workload).then(|| cells.nth(1)?.parse().ok()).flatten()
    })
}

fn compare(page: &str, counts: &[u64]) -> Result<(), String> {
    let mut changed = Vec::new();
    for (case, &count) in CASES.iter().zip(counts) {
        let Some(kept) = kept_count(page, case.workload) else {
            return Err(format!("{PAGE} has no line for {}; run `cargo xtask callgrind`", case.workload));
        };
        let change = count as f64 / kept.max(1) as f64 - 1.0;
        println!("{}: {kept} kept, {count} now, {:+.2} %", case.workload, change * 100.0);
        if change.abs() > TOLERANCE {
            changed.push(format!("{} {:+.1} %", case.workload, change * 100.0));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "instructions per step changed by more than {:.0} %: {}; if that is meant, run `cargo xtask callgrind` and commit {PAGE}",
        TOLERANCE * 100.0,
        changed.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let page = page(&[1000, 2_000_000, 30], "rustc 1.0.0");
        assert_eq!(["tiny", "mlp128", "linreg", "other"].map(|w| kept_count(&page, w)), [Some(1000), Some(2_000_000), Some(30), None]);
        assert!(compare(&page, &[1020, 1_950_000, 30]).is_ok());
        assert!(compare(&page, &[1040, 2_000_000, 30]).unwrap_err().contains("tiny +4.0 %"));
        assert!(compare(&page, &[1000, 1_000_000, 30]).unwrap_err().contains("mlp128 -50.0 %"));
        assert!(compare("", &[1, 2, 3]).unwrap_err().contains("no line"));
    }

    #[test]
    fn the_count_is_found_in_the_report() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 1234567\n==7==\n"), Some(1_234_567));
        assert_eq!(collected("==7== nothing"), None);
    }
}
