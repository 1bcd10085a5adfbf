//! The corpora of the fuzz targets, replayed: neither a panic nor more time and memory than a file deserves.

mod readers;
#[path = "readers/model.rs"]
mod whole;

use std::path::Path;
use std::time::{Duration, Instant};

fn replay(name: &str, read: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())).map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{} has {} files", folder.display(), files.len());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let start = Instant::now();
        read(&bytes);
        assert!(start.elapsed() < Duration::from_secs(10), "{}: {:?}", file.display(), start.elapsed());
    }
}

#[test]
fn readers_answer_all_seeds() {
    for (name, read) in readers::TARGETS {
        replay(name, *read);
    }
}

#[test]
fn models_of_all_seeds_are_built_or_refused() {
    replay("model", whole::model);
}
