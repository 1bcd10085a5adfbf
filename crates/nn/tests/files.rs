//! `.keras` files: what is written, and what foreign or damaged ones are answered with.

use adaline_data::Tensor;
use adaline_formats::{KerasArchive, TensorBytes};
use adaline_graph::backend::Backend;
use adaline_graph::reference::Reference;
use adaline_nn::activations::Activation;
use adaline_nn::layers::{Dense, Dropout, Input, Normalization, SpectralNormalization};
use adaline_nn::losses::{MeanSquaredError, SparseCategoricalCrossentropy};
use adaline_nn::metrics::Accuracy;
use adaline_nn::model::{Evaluate, LoadOptions};
use adaline_nn::optimizers::{Adafactor, Adam, Ftrl, Muon, Nadam, RmsProp, ScheduleFreeAdamW, Sgd};
use adaline_nn::regularizers::Regularizer;
use adaline_nn::{Error, Fit, Model, Optimizer, Seed, Sequential};
use serde_json::{Value, json};
use std::sync::Arc;

fn backend() -> Arc<dyn Backend> {
    Arc::new(Reference::default())
}

fn data() -> (Tensor, Tensor) {
    let x: Vec<f32> = (0..40 * 4).map(|i| (i as f32 * 1.7).sin()).collect();
    let y: Vec<i32> = x.chunks(4).map(|r| i32::from(r[0] > 0.0) + i32::from(r[1] > 0.0)).collect();
    (Tensor::f32([40, 4], x).unwrap(), Tensor::from(y))
}

fn trained(optimizer: impl Into<Box<dyn Optimizer>>) -> Model {
    let network = Sequential::new()
        .name("net")
        .add(Input::new([4]))
        .add(Dense::new(5).activation(Activation::Relu).name("hidden"))
        .add(Dropout::new(0.1))
        .add(Dense::new(3).activation(Activation::Softmax));
    let mut model = network.build_on(backend(), Seed(7)).unwrap();
    model.compile(optimizer, SparseCategoricalCrossentropy::default(), [Accuracy::new()]).unwrap();
    let (x, y) = data();
    model.fit(&x, &y, Fit::default().epochs(2)).unwrap();
    model
}

fn archive(model: &Model) -> KerasArchive {
    KerasArchive::read_from_slice(&model.to_bytes().unwrap()).unwrap()
}

fn load(archive: &KerasArchive) -> Result<Model, Error> {
    Model::from_bytes(backend(), &archive.write_to_vec().unwrap(), LoadOptions::default())
}

#[test]
fn files_have_keras_layout() {
    let model = trained(Adam::default());
    let a = archive(&model);
    let paths: Vec<(&str, &[usize])> = a.weights.iter().map(|t| (t.path.as_str(), &t.shape[..])).collect();
    // As Keras 3.15.1 writes this network: paths by class, optimizer slots interleaved by weight.
    let expected: [(&str, &[usize]); 14] = [
        ("layers/dense/vars/0", &[4, 5]),
        ("layers/dense/vars/1", &[5]),
        ("layers/dense_1/vars/0", &[5, 3]),
        ("layers/dense_1/vars/1", &[3]),
        ("optimizer/vars/0", &[]),
        ("optimizer/vars/1", &[]),
        ("optimizer/vars/2", &[4, 5]),
        ("optimizer/vars/3", &[4, 5]),
        ("optimizer/vars/4", &[5]),
        ("optimizer/vars/5", &[5]),
        ("optimizer/vars/6", &[5, 3]),
        ("optimizer/vars/7", &[5, 3]),
        ("optimizer/vars/8", &[3]),
        ("optimizer/vars/9", &[3]),
    ];
    assert_eq!(paths, expected);
    let iteration = a.weights.iter().find(|t| t.path == "optimizer/vars/0").unwrap();
    assert_eq!(iteration.data, TensorBytes::I32(vec![4]));
    assert_eq!(a.config["config"]["name"], "net");
    assert_eq!(a.config["config"]["layers"][0]["class_name"], "InputLayer");
    assert_eq!(a.config["config"]["layers"][1]["config"]["name"], "hidden");
    assert_eq!(a.config["config"]["layers"][3]["build_config"], json!({"input_shape": [null, 5]}));
    assert_eq!(a.config["config"]["layers"][2].get("build_config"), None, "dropout has no weights");
    assert_eq!(a.config["build_config"], json!({"input_shape": [null, 4]}));
    assert_eq!(a.config["compile_config"]["metrics"], json!(["accuracy"]));
}

#[test]
fn every_optimizer_comes_back_with_its_memory() {
    let (x, y) = data();
    let optimizers: [Box<dyn Optimizer>; 11] = [
        Sgd::default().into(),
        Sgd::default().momentum(0.9).into(),
        RmsProp::default().momentum(0.5).centered(true).into(),
        Adam::default().amsgrad(true).into(),
        Adam::default().gradient_accumulation_steps(3).into(),
        Adam::default().use_ema(true).gradient_accumulation_steps(3).into(),
        Nadam::default().use_ema(true).ema_overwrite_frequency(3).into(),
        Adafactor::default().into(),
        Ftrl::new(0.1).into(),
        Muon::default().into(),
        ScheduleFreeAdamW::default().into(),
    ];
    for optimizer in optimizers {
        let class = optimizer.class_name();
        let mut one = trained(optimizer);
        let mut other = load(&archive(&one)).unwrap();
        assert_eq!(one.iterations(), other.iterations(), "{class}");
        for m in [&mut one, &mut other] {
            m.fit(&x, &y, Fit::default().initial_epoch(2).epochs(4)).unwrap();
        }
        assert_eq!(one.get_weights(), other.get_weights(), "{class}");
    }
}

#[test]
fn averages_come_first_and_what_is_shared_last() {
    let model = trained(Nadam::default().use_ema(true).gradient_accumulation_steps(2));
    let archive = archive(&model);
    let shapes: Vec<&[usize]> = archive.weights.iter().filter(|t| t.path.starts_with("optimizer/")).map(|t| &t.shape[..]).collect();
    let of_each: [&[usize]; 4] = [&[4, 5], &[5], &[5, 3], &[3]];
    let twice = of_each.iter().flat_map(|&s| [s, s]).collect();
    // Iteration, learning rate; averages; accumulators; momentum and velocity of each weight; the product of momenta.
    let expected: Vec<&[usize]> = [vec![&[][..], &[]], of_each.to_vec(), of_each.to_vec(), twice, vec![&[]]].concat();
    assert_eq!(shapes, expected);
    let values = |number: usize| match &archive.weights.iter().find(|t| t.path == format!("optimizer/vars/{number}")).unwrap().data {
        TensorBytes::F32(v) => v.clone(),
        other => panic!("{other:?}"),
    };
    // At the end of `fit` weights are their averages.
    assert_eq!(Tensor::f32([4, 5], values(2)).unwrap(), model.weight("hidden/kernel").unwrap());
    assert!(values(18)[0] > 0.0 && values(18)[0] < 1.0, "a product of momenta");
}

#[test]
fn a_function_as_regularizer_cannot_be_saved() {
    let penalty = Regularizer::custom("fourth_powers", |w| w.square().square().sum(&[], false));
    let network = Sequential::new().add(Input::new([4])).add(Dense::new(3).kernel_regularizer(penalty).name("hidden"));
    let mut model = network.build_on(backend(), Seed(7)).unwrap();
    let (x, _) = data();
    let y = Tensor::f32([40, 3], vec![0.5; 120]).unwrap();
    model.compile(Sgd::default(), MeanSquaredError::default(), ()).unwrap();
    let error = model.to_bytes().unwrap_err().to_string();
    assert!(error.contains("`hidden/kernel`") && error.contains("`fourth_powers`"), "{error}");
    // The penalty is part of the loss.
    let powers: f32 = model.weight("hidden/kernel").unwrap().as_f32().unwrap().iter().map(|w| w.powi(4)).sum();
    let with = model.evaluate(&x, &y, Evaluate::default().batch_size(40)).unwrap()[0].1;
    let plain = Sequential::new().add(Input::new([4])).add(Dense::new(3).name("hidden"));
    let mut plain = plain.build_on(backend(), Seed(7)).unwrap();
    plain.compile(Sgd::default(), MeanSquaredError::default(), ()).unwrap();
    let without = plain.evaluate(&x, &y, Evaluate::default().batch_size(40)).unwrap()[0].1;
    assert!((with - without - f64::from(powers)).abs() < 1e-5 && powers > 0.01, "{with} {without} {powers}");
}

#[test]
fn learnt_normalization_comes_back() {
    let (x, _) = data();
    let mut normalize = Normalization::new();
    normalize.adapt(&x).unwrap();
    let mut model = Sequential::new().add(normalize).add(Dense::new(2)).build_on(backend(), Seed(1)).unwrap();
    model.build_for(&[4]).unwrap();
    let mut loaded = load(&archive(&model)).unwrap();
    assert_eq!(model.predict(&x).unwrap(), loaded.predict(&x).unwrap());
}

#[test]
fn unsound_files_are_answered_with_layer_weight_and_shape() {
    type Change = fn(&mut KerasArchive);
    let cases: &[(Change, &str)] = &[
        (|a| a.config["class_name"] = json!("Subclass"), "the model is of class Subclass; Sequential and Functional models can be loaded"),
        (|a| a.config["class_name"] = json!("Functional"), "layer `hidden` has no list of inbound_nodes"),
        (|a| a.config["config"]["layers"] = Value::Null, "config.json has no list of layers"),
        (
            |a| a.config["config"]["layers"][1]["class_name"] = json!("Densee"),
            "layer `hidden`: there is no layer `Densee`; did you mean `Dense`?",
        ),
        (
            |a| a.config["config"]["layers"][1]["config"]["unit"] = json!(3),
            "layer `hidden`: Dense has no argument `unit`; did you mean `units`?",
        ),
        (|a| a.config["config"]["layers"][1]["config"]["units"] = json!(-1), "layer `hidden`: Dense: `units` is -1"),
        (
            |a| a.config["config"]["layers"][1]["config"]["units"] = json!(6),
            "layer `hidden`, weight `kernel` (at layers/dense/vars/0 in the file): the model needs shape [4, 6], the file has [4, 5]",
        ),
        (
            |a| a.weights.retain(|t| t.path != "layers/dense_1/vars/1"),
            "layer `dense`, weight `bias` (at layers/dense_1/vars/1 in the file): it is missing; the layer has 2 weights, the file has 1 for it",
        ),
        (|a| a.weights.retain(|t| t.path != "optimizer/vars/9"), "the optimizer Adam needs 10 variables for these weights, the file has 9"),
        (
            |a| a.config["compile_config"]["loss"] = json!("mean_squred_error"),
            "compile_config: loss: there is no loss `mean_squred_error`; did you mean `mean_squared_error`?",
        ),
        (
            |a| a.config["compile_config"]["optimizer"] = json!({"class_name": "Adamm"}),
            "compile_config: optimizer: there is no optimizer `Adamm`",
        ),
        (|a| a.config["compile_config"]["metrics"] = json!(["acuracy"]), "did you mean `accuracy`?"),
        (|a| a.config["config"]["layers"][0]["config"]["batch_shape"] = json!([null, 0]), "batch_shape"),
        (|a| a.config["config"]["layers"][0]["config"]["batch_shape"] = json!([null, 1u64 << 60]), "batch_shape"),
        (|a| a.config["config"]["layers"][1]["config"]["units"] = json!(1u64 << 40), "would make more than 16777216 values of weights"),
    ];
    let sound = archive(&trained(Adam::default()));
    load(&sound).unwrap();
    for (change, expected) in cases {
        let mut bad = sound.clone();
        change(&mut bad);
        match load(&bad) {
            Ok(_) => panic!("loaded, though {expected}"),
            Err(e) => assert!(e.to_string().contains(expected), "expected {expected:?}\n in {e}"),
        }
    }
    // A network without `Input` layer and without its shape.
    let mut bad = sound.clone();
    bad.config["config"]["layers"].as_array_mut().unwrap().remove(0);
    load(&bad).unwrap();
    bad.config["build_config"] = Value::Null;
    bad.config["config"]["build_input_shape"] = Value::Null;
    assert!(load(&bad).unwrap_err().to_string().contains("does not say the shape of the input"));
    // Optimizer variables that Keras itself leaves out when there are none yet.
    let mut fresh = sound.clone();
    fresh.weights.retain(|t| !t.path.starts_with("optimizer/"));
    assert_eq!(load(&fresh).unwrap().iterations(), 0);
}

/// What cannot be read is named at once, with its place and what to do.
#[test]
fn foreign_layers_are_named_all_at_once() {
    let sound = archive(&trained(Adam::default()));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut bad = sound.clone();
        change(&mut bad.config["config"]["layers"]);
        load(&bad).unwrap_err().to_string()
    };
    let text = changed(&|layers| {
        layers[1]["class_name"] = json!("Densee");
        layers[2] = json!({"class_name": "Lambda", "module": "keras.layers", "registered_name": null, "config": {
            "name": "twice", "function": {"class_name": "__lambda__", "config": {"code": "4wE=", "defaults": null, "closure": null}}}});
        layers[3] = json!({"class_name": "Sequential", "config": {"name": "inner", "layers": [
            {"class_name": "Dense", "module": "my.module", "registered_name": "my>Dense", "config": {"name": "mine", "units": 3}},
            {"class_name": "TimeDistributed", "config": {"name": "steps", "layer": {"class_name": "TorchModuleWrapper", "config": {"name": "t"}}}}]}});
    });
    for part in [
        "4 layers of the model cannot be read here",
        "`hidden` (Densee) is no layer that is known here; did you mean `Dense`?",
        "`twice` (Lambda) holds a function of Python, and a file's code is never run",
        "`inner/mine` (Dense) is a layer of the program that made the model, registered as \"my>Dense\"",
        "`inner/steps/layer` (TorchModuleWrapper) wraps a program of another framework",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let text = changed(&|layers| layers[2]["class_name"] = json!("TFSMLayer"));
    assert!(text.contains("one layer of the model cannot be read here") && text.contains("`dropout` (TFSMLayer)"), "{text}");
}

#[test]
fn truncated_files_are_refused() {
    let bytes = trained(Sgd::default()).to_bytes().unwrap();
    for cut in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(Model::from_bytes(backend(), &bytes[..cut], LoadOptions::default()).is_err(), "{cut} bytes");
    }
}

#[test]
fn weights_are_taken_from_files_of_the_same_shape() {
    let dir = std::env::temp_dir().join(format!("adaline-nn-files-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("w.keras");
    let source = trained(Adam::default());
    source.save_weights(&path).unwrap();
    let mut target = trained(Sgd::default());
    target.load_weights(&path).unwrap();
    assert_eq!(target.get_weights(), source.get_weights());
    let mut other = Sequential::new().add(Input::new([4])).add(Dense::new(2)).build_on(backend(), Seed(0)).unwrap();
    let text = other.load_weights(&path).unwrap_err().to_string();
    assert!(text.contains("layer `dense`, weight `kernel`") && text.contains("needs shape [4, 2], the file has [4, 5]"), "{text}");
    std::fs::remove_dir_all(dir).unwrap();
}

/// Keras tracks a normalized kernel in the wrapper and in the layer, and writes it for both.
#[test]
fn a_normalized_kernel_is_in_the_file_twice() {
    let layer = SpectralNormalization::new(Dense::new(3).activation(Activation::Softmax));
    let mut model = Sequential::new().add(Input::new([4])).add(layer).build_on(backend(), Seed(7)).unwrap();
    model.compile(Sgd::new(0.1), SparseCategoricalCrossentropy::default(), ()).unwrap();
    let (x, y) = data();
    let before = model.get_weights();
    model.fit(&x, &y, Fit::default().epochs(2)).unwrap();
    assert!(model.get_weights().iter().zip(&before).all(|(a, b)| a != b));
    let a = archive(&model);
    let paths: Vec<(&str, &[usize])> =
        a.weights.iter().map(|t| (t.path.as_str(), &t.shape[..])).filter(|p| p.0.starts_with("layers")).collect();
    let expected: [(&str, &[usize]); 4] = [
        ("layers/spectral_normalization/layer/vars/0", &[4, 3]),
        ("layers/spectral_normalization/layer/vars/1", &[3]),
        ("layers/spectral_normalization/vars/0", &[4, 3]),
        ("layers/spectral_normalization/vars/1", &[1, 3]),
    ];
    assert_eq!(paths, expected);
    let again = load(&a).unwrap();
    assert_eq!(again.get_weights(), model.get_weights());
    assert_eq!(again.to_bytes().unwrap(), model.to_bytes().unwrap());
}
