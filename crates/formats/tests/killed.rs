//! A process that is killed while it saves: whatever was saved last before is there, whole.

use adaline_formats::{KerasArchive, LegacyFile, LegacyLayer, ModelFile, NamedTensor, Safetensors, TensorBytes, WeightsFile};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the child shall write.
const TARGET: &str = "ADALINE_TEST_WRITE_TO";
/// Of the weight in a file; all are the number of the file, so that a mixture of two shows.
const SIZE: usize = 60_000;

fn tensor(path: &str, number: f32) -> NamedTensor {
    NamedTensor { path: path.into(), shape: vec![SIZE], data: TensorBytes::F32(vec![number; SIZE]) }
}

fn write(path: &Path, number: f32) {
    let config = json!({"class_name": "Sequential", "config": {}});
    let name = path.file_name().unwrap().to_str().unwrap();
    let weights = vec![tensor("layers/dense/vars/0", number)];
    match name.split_once('.').unwrap().1 {
        "keras" => KerasArchive { config, weights, ..KerasArchive::default() }.write(path),
        "weights.h5" => WeightsFile { weights, ..WeightsFile::default() }.write(path),
        "h5" => {
            let layers = vec![LegacyLayer { name: "dense".into(), weights: vec![tensor("dense/kernel", number)] }];
            LegacyFile { model_config: config, layers, ..LegacyFile::default() }.write(path)
        }
        _ => Safetensors { tensors: weights, ..Safetensors::default() }.write(path),
    }
    .unwrap();
}

fn weight(path: &Path) -> NamedTensor {
    let one = |weights: Vec<NamedTensor>| <[NamedTensor; 1]>::try_from(weights).unwrap()[0].clone();
    match ModelFile::read(path).unwrap() {
        ModelFile::Keras(KerasArchive { weights, .. }) | ModelFile::Weights(WeightsFile { weights, .. }) => one(weights),
        ModelFile::Legacy(mut file) => one(file.layers.swap_remove(0).weights),
        ModelFile::Safetensors(Safetensors { tensors, .. }) => one(tensors),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_killed_process_leaves_a_whole_file() {
    let folder = std::env::temp_dir().join(format!("adaline-formats-killed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut numbers = std::collections::BTreeSet::new();
    for name in ["m.keras", "m.weights.h5", "m.h5", "m.safetensors"] {
        let path = folder.join(name);
        write(&path, 0.0);
        for kill in 0..15u64 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "writes_without_end", "--ignored"])
                .env(TARGET, &path)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // Some files show that it runs; then it lives for a time that is another for each.
            let begun = Instant::now();
            for _ in 0..=kill % 4 {
                let old = std::fs::metadata(&path).unwrap().modified().unwrap();
                while std::fs::metadata(&path).unwrap().modified().unwrap() == old {
                    assert!(begun.elapsed() < Duration::from_mins(1), "the child writes nothing");
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
            std::thread::sleep(Duration::from_micros(kill * 977 % 9_000));
            child.kill().unwrap();
            child.wait().unwrap();
            let weight = weight(&path);
            let TensorBytes::F32(values) = &weight.data else { panic!("{weight:?}") };
            assert_eq!(values.len(), SIZE, "{name}");
            assert!(values.iter().all(|v| *v == values[0]), "{name}: two files in one");
            numbers.insert(values[0] as u64);
        }
    }
    assert!(numbers.len() > 3, "the child was killed at several places: {numbers:?}");
    // What is left beside are temporary files, which have names of their own.
    let left: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect();
    let temporary = |p: &&PathBuf| p.file_name().unwrap().to_str().unwrap().starts_with('.') && p.extension().is_some_and(|e| e == "tmp");
    assert_eq!(left.iter().filter(|p| !temporary(p)).count(), 4, "{left:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
#[ignore = "the process that the test above starts and kills"]
fn writes_without_end() {
    let Some(path) = std::env::var_os(TARGET).map(PathBuf::from) else { return };
    for number in 1..1_000_000 {
        write(&path, number as f32);
    }
}
