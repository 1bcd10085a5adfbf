//! `inspect` and `convert`: what files hold, and files of one kind from those of another.

mod support;

use std::path::Path;
use support::{fails, json, shared, succeeds};

/// A path in the folder that all tests of this file share, and the model that every conversion begins with.
fn paths() -> (impl Fn(&str) -> String, String) {
    (|name: &str| shared().path(&format!("files-{name}")), shared().path("iris/model.keras"))
}

#[test]
fn a_model_goes_through_every_kind_of_file() {
    let (path, model) = paths();
    let sum = |file: &str| json(&["inspect", file, "--json"])["tensors"].clone();
    for (name, kind) in [
        ("a.keras", "Keras 3 model"),
        ("a.h5", "Keras 1 and 2"),
        ("a.weights.h5", ".weights.h5"),
        ("a.safetensors", ".safetensors"),
        ("a.npz", ".npz"),
        ("a.onnx", "ONNX"),
    ] {
        let to = path(name);
        assert!(succeeds(&["convert", &model, &to]).contains("parameters"), "{name}");
        let told = json(&["inspect", &to, "--json"]);
        assert!(told["kind"].as_str().unwrap().contains(kind), "{name}: {}", told["kind"]);
        assert_eq!(told["bytes"].as_u64().unwrap(), Path::new(&to).metadata().unwrap().len());
        assert_eq!(told["sha256"].as_str().unwrap().len(), 64);
        assert!(!told["tensors"].as_array().unwrap().is_empty(), "{name}");
    }
    // Weights come back to the same model: hashes of all tensors are the same.
    for weights in ["a.safetensors", "a.npz", "a.weights.h5"] {
        let back = path(&format!("back-{weights}.keras"));
        succeeds(&["convert", &path(weights), &back, "--model", &model]);
        assert_eq!(sum(&back), sum(&model), "{weights}");
    }
    // A file of Keras' older kind predicts; it does not know the table's columns.
    let rows = shared().file("four.csv", "a,b,c,d\n5.1,3.5,1.4,0.2\n6.2,2.9,4.3,1.3\n");
    assert_eq!(succeeds(&["predict", &path("a.h5"), &rows]).lines().count(), 3);
}

#[test]
fn inspect_tells_architecture_and_what_is_unusual() {
    let (path, model) = paths();
    let told = succeeds(&["inspect", &model]);
    for phrase in ["InputLayer", "Dense", "optimizer Adam", "sha256", "Unusual"] {
        assert!(told.contains(phrase), "{phrase} in\n{told}");
    }
    let broken = path("broken.keras");
    let bytes = std::fs::read(&model).unwrap();
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    fails(&["inspect", &broken], 1, &["broken.keras"]);
    fails(&["inspect", &path("nowhere.keras")], 1, &["nowhere.keras"]);
}

#[test]
fn what_cannot_be_converted_says_why() {
    let (path, model) = paths();
    let (weights, onnx) = (path("b.safetensors"), path("b.onnx"));
    succeeds(&["convert", &model, &weights]);
    succeeds(&["convert", &model, &onnx, "--batch", "1"]);
    fails(&["convert", &weights, &path("b.keras")], 2, &["--model"]);
    fails(&["convert", &model, &path("b.txt")], 2, &[".safetensors"]);
    fails(&["convert", &onnx, &path("b.keras")], 1, &["ONNX", "layers"]);
    fails(&["convert", &model, &path("c.keras"), "--batch", "2"], 2, &["--batch"]);
    fails(&["convert", &path("nowhere.keras"), &path("c.onnx")], 1, &["nowhere.keras"]);
}
