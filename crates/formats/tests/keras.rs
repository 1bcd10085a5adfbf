//! Files that Keras 3.15.1 wrote (`fixtures/make.py`) read back exactly; what we write, we and Keras' layout agree on.

use std::path::{Path, PathBuf};

use adaline_formats::{FormatError, KerasArchive, NamedTensor, TensorBytes};
use serde_json::json;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn read(name: &str) -> KerasArchive {
    KerasArchive::read(&fixture(name)).unwrap()
}

/// What `make.py` puts into variable number `start`: `start + index / 64`.
fn ramp(path: &str, start: usize, shape: &[usize]) -> NamedTensor {
    let count: usize = shape.iter().product();
    NamedTensor {
        path: path.into(),
        shape: shape.to_vec(),
        data: TensorBytes::F32((0..count).map(|i| start as f32 + i as f32 / 64.0).collect()),
    }
}

fn names(archive: &KerasArchive) -> Vec<(&str, &str)> {
    archive.group_names.iter().map(|(path, name)| (path.as_str(), name.as_str())).collect()
}

#[test]
fn sequential_with_optimizer() {
    let archive = read("sequential.keras");
    assert_eq!(archive.metadata["keras_version"], "3.15.1");
    assert_eq!(archive.config["class_name"], "Sequential");
    assert_eq!(archive.config["config"]["layers"][1]["config"]["units"], 3);
    assert_eq!(archive.config["compile_config"]["loss"], "mse");
    assert_eq!(
        names(&archive),
        [("", "small"), ("layers/dense", "hidden"), ("layers/dense_1", "out"), ("layers/dropout", "dropout"), ("optimizer", "adam")]
    );
    let mut expected = vec![
        ramp("layers/dense/vars/0", 0, &[4, 3]),
        ramp("layers/dense/vars/1", 1, &[3]),
        ramp("layers/dense_1/vars/0", 2, &[3, 2]),
        ramp("layers/dense_1/vars/1", 3, &[2]),
        NamedTensor { path: "optimizer/vars/0".into(), shape: vec![], data: TensorBytes::I32(vec![0]) },
        ramp("optimizer/vars/1", 1, &[]),
    ];
    let slots: [&[usize]; 8] = [&[4, 3], &[4, 3], &[3], &[3], &[3, 2], &[3, 2], &[2], &[2]];
    for (i, shape) in (2..).zip(slots) {
        expected.push(ramp(&format!("optimizer/vars/{i}"), i, shape));
    }
    assert_eq!(archive.weights, expected);
    assert!(archive.assets.is_empty());
}

#[test]
fn nested_paths_and_integer_scalars() {
    let archive = read("layers.keras");
    let shapes: Vec<(&str, &[usize], &str)> =
        archive.weights.iter().map(|t| (t.path.as_str(), t.shape.as_slice(), t.data.dtype())).collect();
    let cell = |which: &str, i: usize| format!("layers/bidirectional/{which}_layer/cell/vars/{i}");
    let (backward, forward) = ([0, 1, 2].map(|i| cell("backward", i)), [0, 1, 2].map(|i| cell("forward", i)));
    let mut expected: Vec<(&str, &[usize], &str)> = vec![
        ("layers/batch_normalization/vars/0", &[4], "float32"),
        ("layers/batch_normalization/vars/1", &[4], "float32"),
        ("layers/batch_normalization/vars/2", &[4], "float32"),
        ("layers/batch_normalization/vars/3", &[4], "float32"),
    ];
    for direction in [&backward, &forward] {
        for (path, shape) in direction.iter().zip([[3, 6], [2, 6], [2, 6]].iter()) {
            expected.push((path, shape, "float32"));
        }
    }
    expected.extend([
        ("layers/dense/vars/0", &[4, 1][..], "float32"),
        ("layers/dense/vars/1", &[1], "float32"),
        ("layers/normalization/vars/0", &[3], "float32"),
        ("layers/normalization/vars/1", &[3], "float32"),
        ("layers/normalization/vars/2", &[], "int32"),
    ]);
    assert_eq!(shapes, expected);
    assert!(names(&archive).contains(&("layers/bidirectional/forward_layer/cell", "gru_cell")));
    assert!(names(&archive).contains(&("layers/input_layer", "number")));
}

#[test]
fn half_precisions_become_float32() {
    for name in ["bfloat16.keras", "float16.keras"] {
        let expected = [ramp("layers/dense/vars/0", 0, &[2, 2]), ramp("layers/dense/vars/1", 1, &[2])];
        assert_eq!(read(name).weights, expected, "{name}");
    }
}

#[test]
fn compressed_big_endian_and_odd_types() {
    let weights = read("compressed.keras").weights;
    let tensor = |i: usize, shape: &[usize], data| NamedTensor { path: format!("layers/dense/vars/{i}"), shape: shape.to_vec(), data };
    let expected = [
        ramp("layers/dense/vars/0", 0, &[8, 8]),
        tensor(1, &[3], TensorBytes::I64(vec![0, 1, 2])),
        tensor(2, &[2], TensorBytes::I32(vec![1, 0])),
        tensor(3, &[2], TensorBytes::F32(vec![0.5, -2.0])),
        tensor(4, &[2], TensorBytes::I32(vec![-3, 7])),
        tensor(5, &[0, 4], TensorBytes::F32(vec![])),
    ];
    assert_eq!(weights, expected);
}

#[test]
fn files_that_must_be_refused() {
    for (name, object, text) in [
        ("soft_link.keras", "layers/dense/vars", "soft links are not followed"),
        ("external_link.keras", "layers/dense/vars/0", "missing"),
        ("external_data.keras", "layers/dense/vars/0", "kept in other files"),
        ("virtual.keras", "layers/dense/vars/0", "virtual"),
        ("shape_bomb.keras", "layers/dense/vars/0", "4398046511104 bytes, over the limit of 33554432"),
        ("hard_link_cycle.keras", "", "it may contain itself"),
        ("nested_type.keras", "layers/dense/vars/0", "lists of varying length"),
        ("legacy.h5", "", "legacy .h5"),
    ] {
        let error = KerasArchive::read(&fixture(name)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(object) && error.contains(text), "{name}: {error}");
    }
}

#[test]
fn a_link_in_a_new_style_group_is_never_followed() {
    // The link `layers/dense/vars/0` -> `secret/0` is passed over; only the real dataset is there.
    let paths: Vec<String> = read("soft_link_latest.keras").weights.into_iter().map(|t| t.path).collect();
    assert_eq!(paths, ["secret/0"]);
}

#[test]
fn what_keras_wrote_survives_a_round_trip() {
    for name in ["sequential.keras", "layers.keras", "compressed.keras"] {
        let archive = read(name);
        let bytes = archive.write_to_vec().unwrap();
        assert_eq!(KerasArchive::read_from_slice(&bytes).unwrap(), archive, "{name}");
        assert_eq!(archive.write_to_vec().unwrap(), bytes, "{name}: equal archives give equal bytes");
    }
}

#[test]
fn order_of_input_does_not_change_the_bytes() {
    let archive = read("sequential.keras");
    let mut shuffled = archive.clone();
    shuffled.weights.reverse();
    shuffled.group_names.reverse();
    assert_eq!(shuffled.write_to_vec().unwrap(), archive.write_to_vec().unwrap());
}

#[test]
fn every_bit_of_a_float_survives() {
    let patterns = [0x0000_0001, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_1234, 0x3f80_0001, 0x7f7f_ffff];
    let values: Vec<f32> = patterns.iter().map(|bits| f32::from_bits(*bits)).collect();
    let archive = KerasArchive {
        config: json!({"class_name": "Sequential", "config": {"rate": 0.1, "tiny": 5e-324, "big": 1e308}}),
        weights: vec![
            NamedTensor { path: "layers/dense/vars/0".into(), shape: vec![7], data: TensorBytes::F32(values) },
            NamedTensor { path: "layers/dense/vars/1".into(), shape: vec![], data: TensorBytes::I64(vec![i64::MIN]) },
            NamedTensor { path: "layers/dense/vars/2".into(), shape: vec![0, 3], data: TensorBytes::I32(vec![]) },
        ],
        ..KerasArchive::default()
    };
    let back = KerasArchive::read_from_slice(&archive.write_to_vec().unwrap()).unwrap();
    let TensorBytes::F32(values) = &back.weights[0].data else { panic!("not float32") };
    assert_eq!(values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), patterns);
    assert_eq!(back.weights[1..], archive.weights[1..]);
    assert_eq!(back.config, archive.config);
}

#[test]
fn hundreds_of_layers_and_unicode_names() {
    let mut archive = KerasArchive { config: json!({}), ..KerasArchive::default() };
    let mut namer = adaline_formats::PathNamer::new("layers");
    let paths: Vec<String> = (0..400).map(|_| namer.path("Dense")).collect();
    for (i, path) in paths.iter().enumerate() {
        for (v, shape) in [&[2, 3][..], &[3]].iter().enumerate() {
            archive.weights.push(ramp(&format!("{path}/vars/{v}"), i, shape));
        }
        archive.group_names.push((path.clone(), format!("Schicht {i} – größer")));
    }
    archive.assets = vec![("adaline/größe.txt".into(), "ü".into()), ("b".into(), vec![])];
    let back = KerasArchive::read_from_slice(&archive.write_to_vec().unwrap()).unwrap();
    let sorted = |mut archive: KerasArchive| {
        archive.weights.sort_by(|a, b| a.path.cmp(&b.path));
        archive.group_names.sort();
        archive
    };
    assert_eq!(sorted(back), sorted(archive));
}

#[test]
fn written_members_are_keras_members_in_keras_order() {
    let mut archive = read("sequential.keras");
    archive.assets.push(("adaline/preprocessing.json".into(), b"{}".to_vec()));
    let bytes = archive.write_to_vec().unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    let mut members = Vec::new();
    for at in 0..zip.len() {
        let member = zip.by_index(at).unwrap();
        assert_eq!(member.compression(), zip::CompressionMethod::Stored);
        members.push(member.name().unwrap().into_owned());
    }
    assert_eq!(members, ["metadata.json", "config.json", "model.weights.h5", "assets/adaline/preprocessing.json"]);
}

#[test]
fn writes_that_make_no_sense_are_refused() {
    let tensor =
        |path: &str, shape: &[usize]| NamedTensor { path: path.into(), shape: shape.to_vec(), data: TensorBytes::F32(vec![0.0; 2]) };
    let cases: Vec<(Vec<NamedTensor>, &str)> = vec![
        (vec![tensor("a/vars/0", &[3])], "does not hold 2 elements"),
        (vec![tensor("a/vars/0", &[usize::MAX, 2])], "does not hold 2 elements"),
        (vec![tensor("", &[2])], "cannot be a part of a path"),
        (vec![tensor("/a", &[2])], "cannot be a part of a path"),
        (vec![tensor("a//b", &[2])], "cannot be a part of a path"),
        (vec![tensor("a/../b", &[2])], "cannot be a part of a path"),
        (vec![tensor("a/b", &[2]), tensor("a/b", &[2])], "two tensors have this path"),
        (vec![tensor("a", &[2]), tensor("a/b", &[2])], "both a tensor and a group"),
        (vec![tensor("a/b", &[2]), tensor("a", &[2])], "both a tensor and a group"),
    ];
    for (weights, text) in cases {
        let archive = KerasArchive { config: json!({}), weights, ..KerasArchive::default() };
        let error = archive.write_to_vec().unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    for (path, text) in
        [("../x", "climbs out"), ("/etc/x", "absolute"), ("a\\b", "backslash"), ("a/", "folder"), ("", "empty"), ("a//b", "empty")]
    {
        let archive = KerasArchive { config: json!({}), assets: vec![(path.into(), vec![])], ..KerasArchive::default() };
        let error = archive.write_to_vec().unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let error = KerasArchive::default().write_to_vec().unwrap_err().to_string();
    assert!(error.contains("JSON object"), "{error}");
}

#[test]
fn writing_to_a_file_and_failing_to() {
    let folder = std::env::temp_dir().join(format!("adaline-formats-keras-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("model.keras");
    let archive = read("sequential.keras");
    archive.write(&path).unwrap();
    assert_eq!(KerasArchive::read(&path).unwrap(), archive);
    assert_eq!(std::fs::read(&path).unwrap(), archive.write_to_vec().unwrap());

    let mut wrong = archive.clone();
    wrong.weights[0].shape = vec![1];
    assert!(matches!(wrong.write(&path), Err(FormatError::Invalid { .. })));
    assert_eq!(KerasArchive::read(&path).unwrap(), archive, "the old file is whole");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");

    let error = archive.write(&folder.join("missing/model.keras")).unwrap_err().to_string();
    assert!(error.contains("missing") && error.contains("exists"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
    let error = KerasArchive::read(&path).unwrap_err().to_string();
    assert!(error.contains("model.keras") && error.contains("spelling"), "{error}");
}
