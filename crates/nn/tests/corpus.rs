//! The corpora of the fuzz targets, replayed, and each file cut off and changed by bits: neither a panic nor more than 2 seconds and 200 MB.

mod readers;
#[path = "readers/model.rs"]
mod whole;

use adaline_testkit::alloc::{CountingAlloc, peak_of};
use adaline_testkit::rng::Rng;
use std::path::Path;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

/// A file's reader answers soon and in little memory, whatever the answer is.
fn answers(what: &str, read: fn(&[u8]), bytes: &[u8]) {
    let start = Instant::now();
    let ((), peak) = peak_of(|| read(bytes));
    assert!(start.elapsed() < Duration::from_secs(2), "{what}: {:?}", start.elapsed());
    assert!(peak < 200_000_000, "{what}: {peak} bytes for a file of {}", bytes.len());
}

/// Each seed of a target as it is, cut off at `cuts` places, and with one to three bits changed `changes` times.
fn replay(name: &str, read: fn(&[u8]), cuts: usize, changes: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())).map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{} has {} files", folder.display(), files.len());
    let mut rng = Rng::new(7);
    for file in files {
        let what = file.display().to_string();
        let bytes = std::fs::read(&file).unwrap();
        answers(&what, read, &bytes);
        for cut in 0..cuts {
            let length = bytes.len() * cut / cuts;
            answers(&format!("{what} cut off at {length}"), read, &bytes[..length]);
        }
        for change in 0..changes {
            let mut changed = bytes.clone();
            for _ in 0..=change % 3 {
                let at = rng.below(changed.len());
                changed[at] ^= 1 << rng.below(8);
            }
            answers(&format!("{what}, change {change}"), read, &changed);
        }
    }
}

#[test]
fn readers_answer_all_seeds() {
    for (name, read) in readers::TARGETS {
        replay(name, *read, 40, 200);
    }
}

#[test]
fn models_of_all_seeds_are_built_or_refused() {
    replay("model", whole::model, 10, 40);
}
