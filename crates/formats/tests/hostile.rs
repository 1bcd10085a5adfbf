//! Archives from strangers: every one ends in a value or an error that teaches, within bounded time and memory.

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use adaline_formats::{FormatError, KerasArchive, ReadLimits};
use adaline_testkit::alloc::{CountingAlloc, peak_of};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

const CONFIG: &[u8] = br#"{"class_name": "Sequential"}"#;

fn zip_of(members: &[(&str, &[u8], CompressionMethod)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, method) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(*method)).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An archive with `extra` beside a config and a Keras-written weights file.
fn with(extra: &[(&str, &[u8])]) -> Vec<u8> {
    let weights = weights();
    let mut members =
        vec![("config.json", CONFIG, CompressionMethod::Deflated), ("model.weights.h5", weights.as_slice(), CompressionMethod::Deflated)];
    members.extend(extra.iter().map(|(name, content)| (*name, *content, CompressionMethod::Stored)));
    zip_of(&members)
}

/// `model.weights.h5` as Keras wrote it.
fn weights() -> Vec<u8> {
    weights_of(include_bytes!("fixtures/sequential.keras"))
}

fn weights_of(archive: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut bytes = Vec::new();
    std::io::copy(&mut zip.by_name("model.weights.h5").unwrap(), &mut bytes).unwrap();
    bytes
}

/// Answered within 2 seconds and 200 MB.
fn answered(bytes: &[u8]) -> Result<KerasArchive, FormatError> {
    let start = Instant::now();
    let (read, peak) = peak_of(|| KerasArchive::read_from_slice(bytes));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(peak < 200_000_000, "{peak} bytes for a file of {}", bytes.len());
    read
}

fn refusal(bytes: &[u8]) -> FormatError {
    answered(bytes).expect_err("this must be refused")
}

#[test]
fn deflated_members_and_unknown_ones_are_fine() {
    let archive = KerasArchive::read_from_slice(&with(&[("README.txt", b"hello"), ("assets/a/b.txt", b"1")])).unwrap();
    assert_eq!(archive.weights.len(), 14);
    assert_eq!(archive.assets, [("a/b.txt".to_owned(), b"1".to_vec())]);
    assert!(archive.metadata.is_null(), "metadata.json is not needed");
}

#[test]
fn things_that_are_no_archive_are_named() {
    for (bytes, text) in [
        (&b""[..], "it is empty"),
        (b"{\"class_name\": 1}", "begins like JSON"),
        (b"  <!DOCTYPE html>", "HTML"),
        (b"\x89HDF\r\n\x1a\n and more", "legacy .h5"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\x80\x02}q\x00", "80 02 7d 71 00"),
        (b"PK\x03\x04 and nothing else", "truncated or damaged"),
    ] {
        let error = refusal(bytes).to_string();
        assert!(error.contains("bytes in memory") && error.contains(text), "{error}");
    }
}

#[test]
fn missing_members_and_bad_json() {
    let stored = CompressionMethod::Stored;
    let deep = "[".repeat(100_000);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (zip_of(&[("readme.txt", b"x", stored)]), "without \"config.json\""),
        (zip_of(&[("config.json", CONFIG, stored)]), "without \"model.weights.h5\""),
        (zip_of(&[]), "no member at all"),
        (zip_of(&[("config.json", b"{\"a\": ", stored), ("model.weights.h5", b"", stored)]), "line 1 column 6"),
        (zip_of(&[("config.json", b"[]", stored), ("model.weights.h5", b"", stored)]), "it is not an object"),
        (zip_of(&[("config.json", b"{\"a\": NaN}", stored), ("model.weights.h5", b"", stored)]), "NaN"),
        (zip_of(&[("config.json", deep.as_bytes(), stored), ("model.weights.h5", b"", stored)]), "recursion limit"),
        (zip_of(&[("config.json", CONFIG, stored), ("model.weights.h5", b"no hdf5", stored)]), "model.weights.h5 cannot be read"),
    ];
    for (bytes, text) in cases {
        let error = refusal(&bytes).to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn names_outside_the_archive() {
    for name in ["../evil", "/etc/evil", "assets/../../evil", "assets\\..\\evil", "C:evil", "assets//x", "assets/./x"] {
        let error = refusal(&with(&[(name, b"x")]));
        assert!(matches!(error, FormatError::UnsafeMember { .. }), "{name}: {error}");
    }
}

#[test]
fn links_and_duplicates() {
    let mut zip = ZipWriter::new_append(Cursor::new(with(&[]))).unwrap();
    zip.add_symlink("assets/link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let linked = zip.finish().unwrap().into_inner();
    let error = refusal(&linked);
    assert!(error.to_string().contains("symbolic link"), "{error}");

    // The library refuses to write one name twice, so rename a member in the finished bytes.
    let mut twice = with(&[("config.jsoX", b"{}")]);
    let places: Vec<usize> = twice.windows(11).enumerate().filter(|(_, w)| w == b"config.jsoX").map(|(at, _)| at).collect();
    assert_eq!(places.len(), 2, "local header and directory");
    for at in places {
        twice[at + 10] = b'n';
    }
    let error = refusal(&twice);
    assert!(matches!(error, FormatError::DuplicateMember { .. }), "{error}");
}

#[test]
fn bombs() {
    let zeros = vec![0; 3 << 20];
    let limits = ReadLimits { expansion_floor_bytes: 1 << 20, ..ReadLimits::default() };
    let weights = weights();
    let (deflated, stored) = (CompressionMethod::Deflated, CompressionMethod::Stored);
    let bomb = zip_of(&[("config.json", CONFIG, stored), ("model.weights.h5", &weights, stored), ("assets/zeros", &zeros, deflated)]);
    let error = KerasArchive::read_from_slice_with(&bomb, &limits).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { size: 3145728, .. }), "{error}");
    assert!(KerasArchive::read_from_slice(&bomb).is_ok(), "3 MiB are no bomb by default");

    // The directory says 10 bytes, the stream holds 3 MiB: the lie shows.
    let mut liar = bomb;
    let size = (zeros.len() as u32).to_le_bytes();
    let places: Vec<usize> = liar.windows(4).enumerate().filter(|(_, w)| *w == size).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        liar[at..at + 4].copy_from_slice(&10u32.to_le_bytes());
    }
    assert!(matches!(refusal(&liar), FormatError::Zip { .. }));

    let limits = ReadLimits { json_bytes: 10, ..ReadLimits::default() };
    let error = KerasArchive::read_from_slice_with(&with(&[]), &limits).unwrap_err();
    assert!(error.to_string().contains("\"config.json\" is 28 bytes, over the limit of 10"), "{error}");
    let limits = ReadLimits { members: 3, ..ReadLimits::default() };
    let many = with(&[("a", b""), ("b", b"")]);
    assert!(matches!(KerasArchive::read_from_slice_with(&many, &limits), Err(FormatError::TooLarge { unit: "members", .. })));
    let limits = ReadLimits { assets_bytes: 5, ..ReadLimits::default() };
    let many = with(&[("assets/a", b"123"), ("assets/b", b"456")]);
    assert!(matches!(KerasArchive::read_from_slice_with(&many, &limits), Err(FormatError::TooLarge { limit: 2, .. })));
    let limits = ReadLimits { objects: 5, ..ReadLimits::default() };
    let error = KerasArchive::read_from_slice_with(&with(&[]), &limits).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { unit: "groups and datasets", .. }), "{error}");
}

#[test]
fn bombs_take_little_memory_by_default() {
    let (deflated, stored) = (CompressionMethod::Deflated, CompressionMethod::Stored);
    // As much as is read without a question, and more than that.
    for (size, read) in [(32 << 20, true), (300 << 20, false)] {
        let zeros = vec![0; size];
        let bomb = zip_of(&[("config.json", CONFIG, stored), ("model.weights.h5", &weights(), stored), ("assets/zeros", &zeros, deflated)]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(answered(&bomb).is_ok(), read, "{size}");
    }
    // JSON takes many times its bytes: each of these would fill 200 MB.
    for unit in ["1,", "[],", "{},", "{\"\":1},", "\"\","] {
        let config = format!("{{\"class_name\": \"Sequential\", \"a\": [{}0]}}", unit.repeat((30 << 20) / unit.len()));
        let bomb = zip_of(&[("config.json", config.as_bytes(), deflated), ("model.weights.h5", &weights(), stored)]);
        let error = refusal(&bomb).to_string();
        assert!(error.contains("what config.json takes in memory is"), "{error}");
    }
    // And the most of them that are read.
    for (unit, cost) in [("1,", 97), ("[],", 226), ("{},", 738), ("{\"\":1},", 837), ("\"\",", 98)] {
        let config = format!("{{\"class_name\": \"Sequential\", \"a\": [{}0]}}", unit.repeat((127 << 20) / cost));
        let bomb = zip_of(&[("config.json", config.as_bytes(), stored), ("model.weights.h5", &weights(), stored)]);
        assert!(answered(&bomb).is_ok(), "{unit}");
    }
    // Words without end cost what they have.
    let config = format!("{{\"class_name\": \"{}\"}}", "x".repeat(31 << 20));
    answered(&zip_of(&[("config.json", config.as_bytes(), deflated), ("model.weights.h5", &weights(), stored)])).unwrap();
}

#[test]
fn truncations_end_well() {
    let whole = include_bytes!("fixtures/sequential.keras");
    for length in (0..whole.len()).step_by(13) {
        assert!(answered(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn damage_to_the_archive_ends_well() {
    // The sums over the members turn most damage into an error.
    let whole = include_bytes!("fixtures/sequential.keras");
    let mut damaged = whole.to_vec();
    for at in (0..whole.len()).step_by(11) {
        for change in [0xff, 0x01] {
            damaged[at] ^= change;
            let _ = answered(&damaged);
            damaged[at] ^= change;
        }
    }
}

/// Read an archive with this weights file, under correct checksums, where the HDF5 reader itself must cope. An error is
/// fine; a panic inside the library would be caught and reported as an error, but then we want to know.
fn read_damaged(weights: &[u8]) {
    let stored = CompressionMethod::Stored;
    let bytes = zip_of(&[("config.json", CONFIG, stored), ("model.weights.h5", weights, stored)]);
    if let Err(error) = answered(&bytes) {
        let text = error.to_string();
        assert!(!text.contains("the HDF5 reader stopped"), "the HDF5 library panicked");
    }
}

#[test]
fn every_damaged_byte_of_the_weights_ends_well() {
    let archive = KerasArchive::read_from_slice(include_bytes!("fixtures/sequential.keras")).unwrap();
    let ours = weights_of(&archive.write_to_vec().unwrap());
    // Ours has checksums over its metadata, so most damage meets the same end: a sample is enough.
    for (mut weights, step) in [(weights(), 1), (ours, 5)] {
        for at in (0..weights.len()).step_by(step) {
            let original = weights[at];
            // Runs of zeros are padding or values: one kind of damage is enough there.
            let values = if step == 1 && original == 0 && at % 16 != 0 { &[0xff][..] } else { &[0xff, original ^ 0x01] };
            for value in values {
                weights[at] = *value;
                read_damaged(&weights);
            }
            weights[at] = original;
        }
    }
}

/// Several bytes at once: numbers blown up, addresses sent elsewhere, words copied over others. Found in its day a chunk
/// said to be larger than the file, for which the library reserved the memory.
#[test]
fn random_damage_of_the_weights_ends_well() {
    let seeds = [
        weights(),
        weights_of(include_bytes!("fixtures/compressed.keras")),
        weights_of(include_bytes!("fixtures/shape_bomb.keras")),
        weights_of(include_bytes!("fixtures/hard_link_cycle.keras")),
        weights_of(include_bytes!("fixtures/soft_link_latest.keras")),
        weights_of(include_bytes!("fixtures/virtual.keras")),
    ];
    let mut state = 0x1234_5678_9abc_def1u64; // xorshift64
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for round in 0..6_000 {
        let mut weights = seeds[round % seeds.len()].clone();
        let words = weights.len() / 8;
        for _ in 0..=random(6) {
            // Most of a file is zeros that nobody reads; prefer the rest.
            let at = (0..20).map(|_| random(weights.len())).find(|at| weights[*at] != 0).unwrap_or(0);
            let word = at.min(weights.len() - 8) & !7;
            match random(5) {
                0 => weights[at] = random(256) as u8,
                1 => weights[at] = weights[at].wrapping_add(random(9) as u8).wrapping_sub(4),
                2 => {
                    let ones = random(9);
                    weights[word..word + ones].fill(0xff);
                }
                3 => {
                    let from = random(words) * 8;
                    weights.copy_within(from..from + 8, word);
                }
                _ => {
                    let address = (random(weights.len()) as u64).to_le_bytes();
                    weights[word..word + 8].copy_from_slice(&address);
                }
            }
        }
        read_damaged(&weights);
    }
}
