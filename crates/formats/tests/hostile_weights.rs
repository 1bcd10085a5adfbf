//! Weights files, older HDF5 files and safetensors from strangers: a value or an error that says what is wrong, soon and in little memory.

use adaline_formats::{
    FormatError, KerasArchive, LegacyFile, LegacyLayer, ModelFile, NamedTensor, ReadLimits, Safetensors, TensorBytes, WeightsFile,
};
use adaline_testkit::alloc::{CountingAlloc, peak_of};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

fn tensor(path: &str, shape: &[usize]) -> NamedTensor {
    let count: usize = shape.iter().product();
    NamedTensor { path: path.into(), shape: shape.to_vec(), data: TensorBytes::F32((0..count).map(|i| i as f32).collect()) }
}

fn legacy() -> LegacyFile {
    LegacyFile {
        keras_version: Some("2.9.0".into()),
        backend: Some("tensorflow".into()),
        model_config: json!({"class_name": "Sequential", "config": {"name": "m", "layers": []}}),
        training_config: json!({"loss": "mse"}),
        layers: vec![
            LegacyLayer { name: "in".into(), weights: vec![] },
            LegacyLayer { name: "a/b".into(), weights: vec![tensor("a/b/kernel:0", &[2, 3]), tensor("a/b/bias:0", &[3])] },
        ],
        optimizer: vec![tensor("Adam/m:0", &[2, 3])],
    }
}

fn weights() -> WeightsFile {
    WeightsFile {
        weights: vec![tensor("layers/dense/vars/0", &[4, 3]), tensor("layers/dense/vars/1", &[3])],
        group_names: vec![(String::new(), "net".into()), ("layers/dense".into(), "dense".into())],
    }
}

fn safetensors() -> Safetensors {
    Safetensors {
        tensors: vec![tensor("dense/bias", &[3]), tensor("dense/kernel", &[4, 3])],
        metadata: [("a".to_owned(), "b".to_owned())].into(),
    }
}

/// Answered within 2 seconds and 200 MB, and not by a panic of the library.
fn answered(bytes: &[u8]) -> Result<ModelFile, FormatError> {
    let start = Instant::now();
    let (read, peak) = peak_of(|| ModelFile::read_from_slice(bytes));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(peak < 200_000_000, "{peak} bytes for a file of {}", bytes.len());
    if let Err(error) = &read {
        assert!(!error.to_string().contains("the HDF5 reader stopped"), "the HDF5 library panicked");
    }
    read
}

#[test]
fn what_is_written_is_read() {
    let (l, w, s) = (legacy(), weights(), safetensors());
    assert_eq!(answered(&l.write_to_vec().unwrap()).unwrap(), ModelFile::Legacy(l));
    assert_eq!(answered(&w.write_to_vec().unwrap()).unwrap(), ModelFile::Weights(w));
    assert_eq!(answered(&s.write_to_vec().unwrap()).unwrap(), ModelFile::Safetensors(s));
}

#[test]
fn lists_of_names_longer_than_an_attribute_come_in_pieces() {
    let layers = (0..3_000).map(|i| LegacyLayer { name: format!("a_layer_with_a_long_name_{i}"), weights: vec![] });
    let long = "x".repeat(300_000);
    let file =
        LegacyFile { layers: layers.collect(), model_config: json!({"class_name": "Sequential", "config": long}), ..LegacyFile::default() };
    assert_eq!(answered(&file.write_to_vec().unwrap()).unwrap(), ModelFile::Legacy(file));
}

#[test]
fn truncations_and_damage_end_well() {
    for whole in [legacy().write_to_vec().unwrap(), weights().write_to_vec().unwrap(), safetensors().write_to_vec().unwrap()] {
        for length in 0..whole.len() {
            if length < 200 || length % 61 == 0 || length + 50 > whole.len() {
                assert!(answered(&whole[..length]).is_err(), "{length} of {}", whole.len());
            }
        }
        let mut damaged = whole.clone();
        for at in (0..whole.len()).step_by(3) {
            if whole[at] == 0 && at % 32 != 0 {
                continue;
            }
            for value in [0xff, whole[at] ^ 1] {
                damaged[at] = value;
                let _ = answered(&damaged);
            }
            damaged[at] = whole[at];
        }
    }
}

#[test]
fn files_that_older_readers_would_be_fooled_by() {
    // A name without its dataset, a dataset that is named twice, and no JSON.
    let whole = legacy().write_to_vec().unwrap();
    let replace = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let mut bytes = whole.clone();
        let places: Vec<usize> = bytes.windows(from.len()).enumerate().filter(|(_, w)| *w == from.as_bytes()).map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "{from}");
        (places, from.len(), std::mem::take(&mut bytes), to.to_owned())
    };
    let change = |from: &str, to: &str| {
        let (places, length, mut bytes, to) = replace(from, to);
        for at in places {
            bytes[at..at + length].copy_from_slice(to.as_bytes());
        }
        bytes
    };
    // Checksums guard these; what an attacker writes has right ones, so the texts are made by the writer.
    assert!(answered(&change("kernel:0", "kernel:1")).is_err());
    for (config, text) in [(json!("[".repeat(1_000)), ""), (Value::Null, "")] {
        let file = LegacyFile { model_config: config, ..legacy() };
        let read = answered(&file.write_to_vec().unwrap());
        assert!(read.is_ok(), "{text} a text is JSON, too; what it means is not decided here");
    }
    let error = KerasArchive::read_from_slice(&whole).unwrap_err();
    assert!(matches!(error, FormatError::LegacyHdf5 { .. }), "{error}");
    let file = LegacyFile { layers: vec![LegacyLayer { name: "..".into(), weights: vec![tensor("x", &[1])] }], ..legacy() };
    assert!(file.write_to_vec().is_err(), "a name that climbs");
}

fn header(text: &str, elements: usize) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes.extend(vec![0; elements]);
    bytes
}

#[test]
fn safetensors_whose_header_lies() {
    let one = |entry: &str, elements: usize| header(&format!("{{\"a\": {entry}}}"), elements);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (u64::MAX.to_le_bytes().to_vec(), "said to have 18446744073709551615 bytes"),
        ((1u64 << 23).to_le_bytes().to_vec(), "said to have 8388608 bytes; at most 4194304"),
        (100u64.to_le_bytes().iter().copied().chain(*b"{}").collect(), "should have 100 bytes, but the file has 2 more"),
        (vec![1, 2, 3], "ends within the length"),
        (header("{", 0), "is not valid JSON"),
        (header("[]", 0), "is not valid JSON"),
        (header(&"[".repeat(100_000), 0), "is not valid JSON"),
        (one(r#"{"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}"#, 8), "needs 4 bytes, but lies from 0 to 8"),
        (one(r#"{"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}"#, 8), "leaves a gap"),
        (one(r#"{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}"#, 8), "take 4 bytes, but 8 follow"),
        (one(r#"{"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}"#, 4), "take 8 bytes, but 4 follow"),
        (one(r#"{"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}"#, 0), "more than 2^64"),
        (one(r#"{"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}"#, 4), "no list of sizes"),
        (one(r#"{"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}"#, 4), "lies from 4 to 0"),
        (one(r#"{"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}"#, 1), "elements of type \"F8_E4M3\""),
        (one(r#"{"shape": [1], "data_offsets": [0, 1]}"#, 1), "has no dtype"),
        (
            header(
                r#"{"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, "b": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}"#,
                2,
            ),
            "overlaps the tensor before it",
        ),
        (header(r#"{"__metadata__": {"a": 1}}"#, 0), "which is no text"),
    ];
    for (bytes, text) in cases {
        let error = Safetensors::read_from_slice(&bytes).unwrap_err().to_string();
        assert!(error.contains(text), "{text}\n{error}");
    }
    // All element types, and values that fit none of ours.
    let f16 = header(
        r#"{"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}, "b": {"dtype": "BF16", "shape": [1], "data_offsets": [2, 4]}}"#,
        4,
    );
    let mut f16 = f16;
    let at = f16.len() - 4;
    f16[at..].copy_from_slice(&[0x00, 0x3c, 0x80, 0xbf]);
    let read = Safetensors::read_from_slice(&f16).unwrap();
    assert_eq!(read.tensors[0].data, TensorBytes::F32(vec![1.0]));
    assert_eq!(read.tensors[1].data, TensorBytes::F32(vec![-1.0]));
    let mut large = one(r#"{"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}"#, 8);
    let at = large.len() - 8;
    large[at..].copy_from_slice(&1e300f64.to_le_bytes());
    let error = Safetensors::read_from_slice(&large).unwrap_err().to_string();
    assert!(error.contains("tensor \"a\" holds 1e300, too large for float32"), "{error}");
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn lists_of_files_stay_in_their_folder() {
    let folder = Folder(std::env::temp_dir().join(format!("adaline-formats-shards-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    let list = folder.0.join("w.weights.json");
    let read = |text: &str| {
        std::fs::write(&list, text).unwrap();
        ModelFile::read(&list)
    };
    for name in ["../w.h5", "/etc/passwd", "a/b.h5", "..", "C:x", ""] {
        let error = read(&format!("{{\"weight_map\": {{\"/layers/a/vars\": [{name:?}]}}}}")).unwrap_err();
        assert!(matches!(error, FormatError::UnsafeMember { .. }), "{name}: {error}");
    }
    for (text, part) in [
        ("{\"weight_map\": 1}", "no weight_map"),
        ("{\"weight_map\": {\"a\": 1}}", "no name of a file"),
        ("{\"weight_map\": ", "not valid JSON"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(matches!(read("{\"weight_map\": {\"a\": \"missing.h5\"}}"), Err(FormatError::Io { .. })));
    // One variable in two files, or none where it should be.
    let part = |number: &str, name: &str| {
        let tensors = vec![tensor(&format!("layers/dense/vars/{number}"), &[2])];
        WeightsFile { weights: tensors, ..WeightsFile::default() }.write(&folder.0.join(name)).unwrap();
    };
    part("0", "one.h5");
    part("1", "two.h5");
    let both = "{\"weight_map\": {\"/layers/dense/vars\": [\"one.h5\", \"two.h5\"]}}";
    let ModelFile::Weights(weights) = read(both).unwrap() else { panic!("not weights") };
    assert_eq!(weights.weights.len(), 2);
    part("0", "two.h5");
    let error = read(both).unwrap_err().to_string();
    assert!(error.contains("two of its files have this dataset"), "{error}");
    part("3", "two.h5");
    let error = read(both).unwrap_err().to_string();
    assert!(error.contains("layers/dense/vars/1") && error.contains("without gaps"), "{error}");
}

#[test]
fn limits_hold_for_all_kinds() {
    let limits = ReadLimits { weights_bytes: 10, ..ReadLimits::default() };
    for bytes in [legacy().write_to_vec().unwrap(), weights().write_to_vec().unwrap(), safetensors().write_to_vec().unwrap()] {
        let error = ModelFile::read_from_slice_with(&bytes, &limits).unwrap_err();
        assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
    }
    let limits = ReadLimits { json_bytes: 10, ..ReadLimits::default() };
    let error = ModelFile::read_from_slice_with(&legacy().write_to_vec().unwrap(), &limits).unwrap_err();
    assert!(error.to_string().contains("attribute \"model_config\""), "{error}");
    let device = ModelFile::read(Path::new("/dev/null"));
    assert!(device.is_err());
}
