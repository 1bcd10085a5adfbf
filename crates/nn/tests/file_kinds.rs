//! Files of all kinds that real Keras wrote (`scripts/goldens/files.py`), and files with the keys of Keras 1 and 2: predictions and further
//! training are those of real Keras. What is written here is read again, and checked in real Keras by `scripts/goldens/check_files.py`.

use adaline_data::{RowSource, Tensor, TensorData};
use adaline_formats::{LegacyFile, ModelFile, NamedTensor, Safetensors, TensorBytes, WeightsFile};
use adaline_graph::backend::Backend;
use adaline_graph::reference::Reference;
use adaline_nn::activations::Activation;
use adaline_nn::layers::{BatchNormalization, Dense, Input};
use adaline_nn::losses::MeanSquaredError;
use adaline_nn::model::{LoadWeights, load_model_on};
use adaline_nn::optimizers::{Adam, Sgd};
use adaline_nn::{Error, Fit, Model, Seed, Sequential};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn backend() -> Arc<dyn Backend> {
    Arc::new(Reference::default())
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

fn expected() -> serde_json::Map<String, Value> {
    serde_json::from_str(&std::fs::read_to_string(file("expected.json")).unwrap()).unwrap()
}

fn tensors(list: &Value) -> Vec<Tensor> {
    let tensor = |t: &Value| {
        let shape: Vec<usize> = serde_json::from_value(t["shape"].clone()).unwrap();
        let data = match t["dtype"].as_str() {
            Some("i32") => TensorData::I32(serde_json::from_value(t["data"].clone()).unwrap()),
            _ => TensorData::F32(serde_json::from_value(t["data"].clone()).unwrap()),
        };
        Tensor::new(shape, data).unwrap()
    };
    list.as_array().unwrap().iter().map(tensor).collect()
}

fn close(what: &str, ours: &Tensor, keras: &Tensor, tolerance: f32) {
    assert_eq!(ours.shape(), keras.shape(), "{what}");
    let scale = keras.f32_values().iter().fold(1f32, |m, v| m.max(v.abs()));
    for (at, (a, b)) in ours.f32_values().iter().zip(keras.f32_values().iter()).enumerate() {
        assert!((a - b).abs() <= tolerance * scale.max(b.abs()), "{what}, value {at}: {a}, Keras has {b}");
    }
}

fn predictions_agree(what: &str, model: &mut Model, case: &Value) {
    let x = tensors(&case["x"]);
    let rows: Vec<&dyn RowSource> = x.iter().map(|t| t as &dyn RowSource).collect();
    let ours = model.predict_all(rows, 32).unwrap();
    let theirs = tensors(&case["predictions"]);
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (at, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        close(&format!("{what}, output {at} ({})", model.output_names()[at]), a, b, 1e-5);
    }
}

/// One epoch on from where the file was saved.
fn training_agrees(what: &str, model: &mut Model, case: &Value) {
    assert_eq!(u64::from(model.iterations()), case["iterations"].as_u64().unwrap(), "{what}");
    let (x, y) = (tensors(&case["x"]), tensors(&case["y"]));
    let x: Vec<&dyn RowSource> = x.iter().map(|t| t as &dyn RowSource).collect();
    let y: Vec<&Tensor> = y.iter().collect();
    let history = model.fit(x, y, Fit::default().batch_size(2).shuffle(false)).unwrap();
    let (ours, theirs) = (history["loss"][0], case["loss"].as_f64().unwrap());
    assert!((ours - theirs).abs() <= 1e-4 * theirs.abs(), "{what}: loss {ours}, Keras has {theirs}");
    for ((name, ours), theirs) in model.weight_names().iter().zip(model.get_weights()).zip(tensors(&case["after"])) {
        close(&format!("{what}: {name} after another epoch"), &ours, &theirs, 1e-4);
    }
}

fn load(name: &str) -> Model {
    load_model_on(backend(), file(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("adaline-nn-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const WHOLE: [&str; 4] = ["chain", "graph", "sequences", "images"];

#[test]
fn whole_models_of_keras_3() {
    let expected = expected();
    for name in WHOLE {
        let case = &expected[name];
        for kind in ["keras", "h5"] {
            let what = format!("{name}.{kind}");
            let mut model = load(&what);
            predictions_agree(&what, &mut model, case);
            if case["y"].is_array() {
                training_agrees(&what, &mut model, case);
            }
        }
    }
}

/// Each layer of the catalogue that Keras can put into a graph, in files that real Keras wrote.
#[test]
fn every_layer_in_a_file_of_keras() {
    let expected = expected();
    let cases: Vec<&String> = expected.keys().filter(|name| name.starts_with("all_")).collect();
    assert!(cases.len() >= 7, "{cases:?}");
    for name in cases {
        let mut model = load(&format!("{name}.keras"));
        predictions_agree(name, &mut model, &expected[name]);
    }
}

#[test]
fn weights_of_keras_come_by_place_and_by_order() {
    let expected = expected();
    for name in WHOLE {
        for weights in [format!("{name}.weights.h5"), format!("{name}.h5"), format!("{name}.keras")] {
            // The same network with other weights.
            let mut model = load(&format!("{name}.keras")).clone_model().unwrap();
            model.load_weights(file(&weights)).unwrap();
            predictions_agree(&weights, &mut model, &expected[name]);
        }
    }
    let mut model = load("chain.keras").clone_model().unwrap();
    model.load_weights(file("chain.weights.json")).unwrap();
    predictions_agree("chain.weights.json", &mut model, &expected["chain"]);
}

#[test]
fn models_of_keras_1_and_2() {
    let expected = expected();
    for name in ["keras_1", "keras_1_th", "keras_2_theano", "keras_1_graph", "keras_2"] {
        let mut model = load(&format!("{name}.h5"));
        predictions_agree(name, &mut model, &expected[name]);
    }
    let model = load("keras_1.h5");
    assert!(model.is_compiled());
    // A learning rate that shrinks by itself, as `decay` made it.
    let settings = &model.to_bytes().unwrap();
    let ModelFile::Keras(archive) = ModelFile::read_from_slice(settings).unwrap() else { panic!("no archive") };
    assert_eq!(archive.config["compile_config"]["optimizer"]["config"]["learning_rate"]["class_name"], "InverseTimeDecay");
    let mut model = load("keras_2.h5");
    assert!(model.weight_names()[1].starts_with("both_ways/"), "{:?}", model.weight_names());
    training_agrees("keras_2", &mut model, &expected["keras_2"]);
}

fn two_layers() -> Model {
    let network = Sequential::new().add(Input::new([3])).add(Dense::new(2).name("one")).add(Dense::new(2).name("two"));
    network.build_on(backend(), Seed(1)).unwrap()
}

#[test]
fn old_weights_alone_by_order_and_by_name() {
    let case = &expected()["weights_only"];
    let mut model = two_layers();
    model.load_weights(file("weights_only.h5")).unwrap();
    predictions_agree("by order", &mut model, case);
    // Another layer between: only names tell.
    let network =
        Sequential::new().add(Input::new([3])).add(Dense::new(2).name("one")).add(Dense::new(2).name("new")).add(Dense::new(2).name("two"));
    let mut longer = network.build_on(backend(), Seed(1)).unwrap();
    let before = longer.weight("new/kernel").unwrap();
    let error = longer.load_weights(file("weights_only.h5")).unwrap_err().to_string();
    assert!(error.contains("3 layers with weights (one, new, two), the file has 2 (one, two)"), "{error}");
    longer.load_weights_with(file("weights_only.h5"), LoadWeights { by_name: true, ..LoadWeights::default() }).unwrap();
    assert_eq!(longer.weight("new/kernel").unwrap(), before);
    assert_eq!(longer.weight("two/kernel").unwrap(), model.weight("two/kernel").unwrap());
    let error = load_model_on(backend(), file("weights_only.h5")).unwrap_err().to_string();
    assert!(error.contains("weights alone") && error.contains("load_weights"), "{error}");
    let error = model.load_weights_with(file("chain.weights.h5"), LoadWeights { by_name: true, ..LoadWeights::default() }).unwrap_err();
    assert!(matches!(error, Error::Option { option: "by_name", .. }), "{error}");
}

#[test]
fn all_weights_that_do_not_fit_are_named_at_once() {
    let network = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(5).activation(Activation::Relu))
        .add(BatchNormalization::new())
        .add(Dense::new(2))
        .add(Dense::new(1));
    let mut model = network.build_on(backend(), Seed(3)).unwrap();
    let before = model.get_weights();
    let error = model.load_weights(file("chain.weights.h5")).unwrap_err().to_string();
    for part in [
        "4 weights do not fit the model",
        "layer `dense_1`, weight `kernel` (at layers/dense_1/vars/0 in the file): the model needs shape [5, 2], the file has [5, 3]",
        "layer `dense_1`, weight `bias` (at layers/dense_1/vars/1 in the file): the model needs shape [2], the file has [3]",
        "layer `dense_2`, weight `kernel` (at layers/dense_2/vars/0 in the file): it is missing; the layer has 2 weights, the file has 0 for it; \
         it needs kernel [2, 1], bias [1]",
        "layer `dense_2`, weight `bias`",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
    assert_eq!(model.get_weights(), before, "none is changed");
    let skip = LoadWeights { skip_mismatch: true, ..LoadWeights::default() };
    let skipped = model.load_weights_with(file("chain.weights.h5"), skip).unwrap();
    assert_eq!(skipped.len(), 4);
    assert_eq!(model.weight("dense/kernel").unwrap(), load("chain.keras").weight("hidden/kernel").unwrap());
    assert_eq!(model.weight("dense_2/kernel").unwrap(), before[8]);
}

fn trained() -> (Model, Tensor, Tensor) {
    let x: Vec<f32> = (0..8 * 4).map(|i| (i as f32 * 1.7).sin()).collect();
    let (x, y) = (Tensor::f32([8, 4], x).unwrap(), Tensor::f32([8, 1], vec![0.5; 8]).unwrap());
    let network = Sequential::new().name("net").add(Input::new([4])).add(Dense::new(3)).add(BatchNormalization::new()).add(Dense::new(1));
    let mut model = network.build_on(backend(), Seed(7)).unwrap();
    model.compile(Adam::new(0.01), MeanSquaredError::default(), ()).unwrap();
    model.fit(&x, &y, Fit::default().epochs(2).batch_size(4)).unwrap();
    (model, x, y)
}

#[test]
fn weights_go_into_files_of_all_kinds_and_back() {
    let folder = Folder::new("weights");
    let (mut model, x, y) = trained();
    for name in ["w.weights.h5", "w.keras", "w.safetensors", "w.npz"] {
        let path = folder.0.join(name);
        model.save_weights(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        model.save_weights(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}: equal models give equal files");
        let mut other = model.clone_model().unwrap();
        assert_ne!(other.get_weights(), model.get_weights());
        other.load_weights(&path).unwrap();
        assert_eq!(other.get_weights(), model.get_weights(), "{name}");
    }
    for name in ["w.h5", "w.txt", "w"] {
        let error = model.save_weights(folder.0.join(name)).unwrap_err().to_string();
        assert!(error.contains(".weights.h5") && error.contains(".safetensors"), "{error}");
    }
    // The optimizer's memory comes along where it is that of the same optimizer.
    let mut same = model.clone_model().unwrap();
    same.compile(Adam::new(0.01), MeanSquaredError::default(), ()).unwrap();
    same.fit(&x, &y, Fit::default()).unwrap();
    same.load_weights(folder.0.join("w.weights.h5")).unwrap();
    let mut fresh = model.clone_model().unwrap();
    fresh.compile(Sgd::new(0.01), MeanSquaredError::default(), ()).unwrap();
    fresh.fit(&x, &y, Fit::default()).unwrap();
    fresh.load_weights(folder.0.join("w.weights.h5")).unwrap();
    assert_eq!((same.iterations(), fresh.iterations()), (model.iterations(), 1));
    for m in [&mut model, &mut same] {
        m.fit(&x, &y, Fit::default().shuffle(false)).unwrap();
    }
    assert_eq!(model.get_weights(), same.get_weights());
}

#[test]
fn names_that_do_not_fit_are_told_with_those_that_are_there() {
    let folder = Folder::new("names");
    let path = folder.0.join("w.safetensors");
    let tensor = |path: &str, shape: &[usize]| NamedTensor {
        path: path.into(),
        shape: shape.to_vec(),
        data: TensorBytes::F32(vec![0.5; shape.iter().product()]),
    };
    let tensors = vec![tensor("one/kernel", &[3, 2]), tensor("one/bias", &[3]), tensor("2/kernel", &[2, 2])];
    Safetensors { tensors, ..Safetensors::default() }.write(&path).unwrap();
    let error = two_layers().load_weights(&path).unwrap_err().to_string();
    for part in [
        "3 weights do not fit",
        "weight `one/bias` of shape [2]: the model needs shape [2], the file has [3]",
        "weight `two/kernel` of shape [2, 2]: the file has none of this name; what it has that the model has not: 2/kernel",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
}

#[test]
fn models_go_into_older_files_and_back() {
    let folder = Folder::new("older");
    let path = folder.0.join("m.h5");
    let (mut model, x, y) = trained();
    model.save(&path).unwrap();
    assert!(matches!(ModelFile::read(&path).unwrap(), ModelFile::Legacy(LegacyFile { .. })));
    let mut again = load_model_on(backend(), &path).unwrap();
    assert_eq!(again.get_weights(), model.get_weights());
    assert_eq!(again.iterations(), model.iterations());
    for m in [&mut model, &mut again] {
        m.fit(&x, &y, Fit::default().shuffle(false)).unwrap();
    }
    assert_eq!(again.get_weights(), model.get_weights(), "with the optimizer's memory");
    let expected = expected();
    for name in WHOLE {
        load(&format!("{name}.keras")).save(&path).unwrap();
        let mut again = load_model_on(backend(), &path).unwrap();
        predictions_agree(name, &mut again, &expected[name]);
    }
}

#[test]
fn what_a_file_is_counts_and_not_its_name() {
    let folder = Folder::new("content");
    for (from, to) in [("chain.h5", "a.keras"), ("chain.keras", "b.h5"), ("chain.weights.h5", "c.npz")] {
        std::fs::copy(file(from), folder.0.join(to)).unwrap();
    }
    load_model_on(backend(), folder.0.join("a.keras")).unwrap();
    let mut model = load_model_on(backend(), folder.0.join("b.h5")).unwrap();
    model.load_weights(folder.0.join("c.npz")).unwrap();
    let error = load_model_on(backend(), folder.0.join("c.npz")).unwrap_err().to_string();
    assert!(error.contains("a file of weights alone (.weights.h5)") && error.contains("load_weights"), "{error}");
    assert!(matches!(ModelFile::read(&file("chain.weights.json")).unwrap(), ModelFile::Weights(WeightsFile { .. })));
}
