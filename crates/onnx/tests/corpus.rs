//! The corpus of the fuzz target, replayed: neither a panic nor more time than a file deserves.

mod readers;

use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn the_reader_answers_all_seeds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/onnx");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{} has {} files", folder.display(), files.len());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let start = Instant::now();
        readers::onnx(&bytes);
        assert!(start.elapsed() < Duration::from_secs(10), "{}: {:?}", file.display(), start.elapsed());
    }
}
