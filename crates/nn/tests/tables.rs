//! Layers for columns of tables against real Keras (`scripts/goldens/preprocessing.py` made the files): what they compute within a network and
//! before it, what they learn, what they refuse.

mod support;

use adaline_data::Tensor;
use adaline_formats::{KerasArchive, NamedTensor, TensorBytes};
use adaline_graph::{Builder, DType, Shape, Var, eval::Value, reference::Reference};
use adaline_nn::{
    Apply, Fit, Functional, Layer, Model, Seed, Trace,
    catalogue::layer_from_json,
    keras::KerasObject,
    layers::{
        CategoryEncoding, Concatenate, Dense, Discretization, Embedding, Flatten, HashedCrossing, Hashing, Input, IntegerLookup,
        OutputMode, StringLookup,
    },
    losses::MeanSquaredError,
    metrics::MeanAbsoluteError,
    model::LoadOptions,
    optimizers::Adam,
    trace::Weights,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::{Feed, close, goldens, same_json, tensor, tensors};

#[test]
fn configurations_are_what_keras_writes() {
    let cases = goldens("table_configs");
    assert!(cases.len() > 60);
    for theirs in cases {
        let layer = layer_from_json(&theirs).unwrap_or_else(|e| panic!("{theirs}: {e}"));
        assert_eq!(layer.name(), theirs["config"]["name"].as_str());
        assert!(same_json(&layer.envelope(), &theirs), "\nours   {}\nKeras' {theirs}", layer.envelope());
    }
}

/// What a layer makes of its inputs, or the error's text.
fn call(layer: &dyn Layer, inputs: &[Value]) -> Result<Value, String> {
    let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
    let xs: Vec<Var<'_>> = inputs.iter().map(|x| feed.input(&b, x)).collect();
    let (seed, step) = (feed.input(&b, &Value::i32([2], &[1, 2])), feed.input(&b, &Value::i32(Shape::SCALAR, &[0])));
    let mut cx = Trace::new(&b, &mut weights, false, seed, step);
    let y = cx.scope("layer", |cx| layer.call(cx, &xs)).id();
    cx.finish();
    if b.failed() {
        return Err(b.finish().unwrap_err().to_string());
    }
    assert!(weights.list.is_empty());
    Ok(feed.run(b, &[y]).remove(0))
}

/// Places are whole numbers; Keras' vectors of them have the type that its backend prefers, ours are floats.
fn same(what: &str, ours: &Value, theirs: &Json, mode: &Json) {
    assert_eq!(ours.ty.dtype, if mode == "int" { DType::I32 } else { DType::F32 }, "{what}");
    let theirs = tensor(theirs);
    close(what, &Value::of(theirs.ty, ours.data.clone()), &theirs, 0.0, 0.0);
    assert_eq!(ours.ty.shape, theirs.ty.shape, "{what}");
}

#[test]
fn networks_compute_what_keras_computes() {
    let cases = goldens("table_layers");
    assert!(cases.len() > 25);
    for case in cases {
        let layer = layer_from_json(&case["object"]).unwrap();
        let what = case["object"].to_string();
        let ours = call(layer.as_ref(), &tensors(&case["x"])).unwrap_or_else(|e| panic!("{what}: {e}"));
        same(&what, &ours, &case["y"], &case["object"]["config"]["output_mode"]);
    }
}

fn data(json: &Json) -> Tensor {
    let value = tensor(json);
    let shape = value.ty.shape.dims().to_vec();
    match value.ty.dtype {
        DType::I32 => Tensor::i32(shape, value.data.iter().map(|&v| v as i32).collect()).unwrap(),
        _ => Tensor::f32(shape, value.to_f32()).unwrap(),
    }
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect()
}

/// A tensor of data as the evaluator has it.
fn value(t: &Tensor) -> Value {
    match t.as_i32() {
        Some(v) => Value::i32(Shape::new(t.shape()), v),
        None => Value::f32(Shape::new(t.shape()), &t.f32_values()),
    }
}

#[test]
fn what_is_learned_is_what_keras_learns() {
    let mut seen = Vec::new();
    for case in goldens("table_adapted") {
        let (object, config) = (&case["object"], &case["object"]["config"]);
        let what = object.to_string();
        match object["class_name"].as_str().unwrap() {
            "Discretization" => {
                let mut layer = Discretization::from_config(config).unwrap();
                layer.adapt(&data(&case["x"])).unwrap();
                let theirs: Vec<f64> = case["boundaries"].as_array().unwrap().iter().map(|b| b.as_f64().unwrap()).collect();
                let ours = layer.bin_boundaries().unwrap();
                assert_eq!(ours.len(), theirs.len(), "{what}");
                for (a, b) in ours.iter().zip(&theirs) {
                    assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{what}: ours {ours:?}, Keras' {theirs:?}");
                }
                // What was learned is read again from a file.
                assert_eq!(Discretization::from_config(&layer.config()).unwrap().bin_boundaries(), layer.bin_boundaries(), "{what}");
            }
            "IntegerLookup" => {
                let (mut layer, x) = (IntegerLookup::from_config(config).unwrap(), data(&case["x"]));
                layer.adapt_all(x.as_i32().unwrap(), x.shape()).unwrap();
                if config["output_mode"] == "tf_idf" {
                    let documents = [5, 7, 7, -1, 3, 3, 3, 0, 9, 5, 11, 3];
                    let ours = layer.lookup_all(&documents, &[4, 3]).unwrap();
                    close(&what, &value(&ours), &tensor(&case["y"]), 1e-6, 0.0);
                    let within = call(&layer, &[Value::i32([4, 3], &documents)]).unwrap();
                    assert_eq!(within.to_f32(), *ours.f32_values(), "{what}");
                }
                assert_eq!(json!(layer.vocabulary()), case["vocabulary"], "{what}");
                assert_eq!(IntegerLookup::from_config(&layer.config()).unwrap().vocabulary(), layer.vocabulary(), "{what}");
            }
            _ => {
                let mut layer = StringLookup::from_config(config).unwrap();
                layer.adapt(&texts(&case["texts"])).unwrap();
                assert_eq!(json!(layer.vocabulary()), case["vocabulary"], "{what}");
                assert_eq!(layer.config()["vocabulary_size"], json!(layer.vocabulary().len()), "{what}");
            }
        }
        seen.push(object["class_name"].clone());
    }
    for class in ["Discretization", "IntegerLookup", "StringLookup"] {
        assert!(seen.iter().filter(|c| *c == class).count() >= 4, "{class}");
    }
}

#[test]
fn hashes_and_look_ups_before_a_network_are_keras() {
    let cases = goldens("table_hashes");
    assert!(cases.len() > 20);
    for case in cases {
        let (object, config) = (&case["object"], &case["object"]["config"]);
        let what = object.to_string();
        let xs: Vec<Tensor> = case["x"].as_array().map(|xs| xs.iter().map(data).collect()).unwrap_or_default();
        if let Some(places) = case["places"].as_array() {
            let places: Vec<i32> = places.iter().map(|p| p.as_i64().unwrap() as i32).collect();
            let layer = StringLookup::from_config(config).unwrap();
            assert_eq!(layer.terms_at(&places).unwrap(), texts(&case["terms"]), "{what}");
            let text = call(&layer, &[Value::i32([2, 1], &[1, 2])]).unwrap_err();
            assert!(text.contains("call `terms_at`"), "{text}");
            continue;
        }
        let ours = match (object["class_name"].as_str().unwrap(), &xs[..]) {
            ("Hashing", []) => Hashing::from_config(config).unwrap().hash_texts(&texts(&case["texts"])),
            ("Hashing", [x, ..]) => Hashing::from_config(config).unwrap().hash(x),
            ("HashedCrossing", xs) => HashedCrossing::from_config(config).unwrap().cross(&xs.iter().collect::<Vec<_>>()),
            ("StringLookup", _) => StringLookup::from_config(config).unwrap().lookup(&texts(&case["texts"])),
            (_, xs) => IntegerLookup::from_config(config).unwrap().lookup_all(xs[0].as_i32().unwrap(), xs[0].shape()),
        };
        same(&what, &value(&ours.unwrap_or_else(|e| panic!("{what}: {e}"))), &case["y"], &config["output_mode"]);
        // Within a network they are refused.
        let x = Value::i32([2, 1], &[1, 2]);
        let text = call(layer_from_json(object).unwrap().as_ref(), &[x]).unwrap_err();
        assert!(text.contains("call `"), "{what}: {text}");
    }
}

#[test]
fn numbers_before_a_network_are_those_within() {
    for case in goldens("table_layers").iter().filter(|c| c["object"]["class_name"] == "IntegerLookup") {
        let (x, layer) = (data(&case["x"][0]), IntegerLookup::from_config(&case["object"]["config"]).unwrap());
        if case["object"]["config"]["invert"] == true {
            let terms = layer.terms_at(x.as_i32().unwrap()).unwrap();
            same(&case["object"].to_string(), &Value::i32(Shape::new(x.shape()), &terms), &case["y"], &json!("int"));
            continue;
        }
        let before = layer.lookup_all(x.as_i32().unwrap(), x.shape()).unwrap();
        same(&case["object"].to_string(), &value(&before), &case["y"], &case["object"]["config"]["output_mode"]);
    }
}

#[test]
fn not_a_number_falls_into_the_last_bin() {
    let x = Value::f32([1, 3], &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    assert_eq!(call(&Discretization::new([0.0, 1.0]), &[x]).unwrap().data, [2.0, 2.0, 0.0]);
}

#[test]
fn numbers_outside_of_the_tokens_count_nowhere() {
    let x = Value::i32([2, 2], &[-1, 1, 3, 7]);
    assert_eq!(call(&CategoryEncoding::new(3), &[x]).unwrap().data, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let refused = |class: &str, config: Json| layer_from_json(&json!({"class_name": class, "config": config})).unwrap_err().to_string();
    for (class, config, part) in [
        ("Discretization", json!({}), "`bin_boundaries` is neither, but must be given, or num_bins and then adapt"),
        ("Discretization", json!({"bin_boundaries": [1.0, 0.0]}), "finite numbers in increasing order"),
        ("Discretization", json!({"bin_boundaries": [1.0], "sparse": true}), "`sparse` = true is not supported"),
        ("Discretization", json!({"num_bins": 3, "epsilon": 0.0}), "`epsilon` is 0, but must be above 0"),
        ("CategoryEncoding", json!({}), "CategoryEncoding needs the argument `num_tokens`"),
        ("CategoryEncoding", json!({"num_tokens": 3, "output_mode": "int"}), "one_hot, multi_hot or count"),
        // Sizes that no memory has are refused before anything is made of them.
        ("CategoryEncoding", json!({"num_tokens": 1u64 << 60}), "from 1 to 16777216"),
        (
            "IntegerLookup",
            json!({"vocabulary": [1], "idf_weights": [1.0], "output_mode": "tf_idf", "pad_to_max_tokens": true, "max_tokens": 4_000_000_000_000_000_000u64}),
            "`max_tokens` is 4000000000000000000, but must be from 2 to 16777216",
        ),
        (
            "IntegerLookup",
            json!({"vocabulary": [1], "idf_weights": [1.0], "output_mode": "tf_idf", "num_oov_indices": 16_000_000}),
            "at most 4096 with invert or output_mode tf_idf",
        ),
        ("RandomElasticTransform", json!({"scale": [0.1, 1e30]}), "`scale` is (0.1, 1"),
        ("Hashing", json!({"num_bins": 0}), "`num_bins` is 0, but must be at least 1"),
        ("Hashing", json!({"num_bins": 2, "salt": [1, 2, 3]}), "Hashing: `salt` is [1,2,3]"),
        ("HashedCrossing", json!({"num_bins": 2, "output_mode": "count"}), "int or one_hot"),
        ("IntegerLookup", json!({"vocabulary": [1, 2, 1]}), "each term once"),
        ("IntegerLookup", json!({"vocabulary": []}), "at least one term"),
        ("IntegerLookup", json!({"vocabulary": [1, 2], "mask_token": 2}), "2 at 1"),
        ("IntegerLookup", json!({"vocabulary": [1, 2], "max_tokens": 2}), "at least 3, the size of the vocabulary"),
        ("IntegerLookup", json!({"invert": true, "output_mode": "count"}), "int, since invert is set"),
        ("IntegerLookup", json!({"invert": true, "oov_token": null}), "`oov_token` is none, but must be given, since invert is set"),
        ("IntegerLookup", json!({"invert": true, "vocabulary": [3, -1]}), "-1 at 1"),
        ("IntegerLookup", json!({"sparse": true}), "`sparse` = true is not supported"),
        ("StringLookup", json!({"idf_weights": [1.0]}), "none unless output_mode is tf_idf"),
        ("IntegerLookup", json!({"salt": 3}), "none unless oov_method is farmhash"),
        ("IntegerLookup", json!({"encoding": "utf-8"}), "IntegerLookup has no argument `encoding`"),
        ("IntegerLookup", json!({"output_mode": "tf-idf", "vocabulary": [1, 2]}), "2 finite numbers, one for each term of the vocabulary"),
        ("IntegerLookup", json!({"output_mode": "tf_idf", "vocabulary": [1, 2], "idf_weights": [1.0, null]}), "`idf_weights`"),
        ("CategoryEncoding", json!({"num_tokens": 3, "output_mode": "tf_idf"}), "IntegerLookup and StringLookup have it"),
        ("CategoryEncoding", json!({"num_tokens": 3, "sparse": true}), "`sparse` = true is not supported"),
        ("Discretization", json!({"num_bins": 3, "output_mode": "tf_idf"}), "IntegerLookup and StringLookup have it"),
        ("Hashing", json!({"num_bins": 3, "output_mode": "tf_idf"}), "IntegerLookup and StringLookup have it"),
        ("StringLookup", json!({"pad_to_max_tokens": true}), "given, since pad_to_max_tokens is set"),
        ("StringLookup", json!({"encoding": "latin-1"}), "`encoding` is latin-1, but must be utf-8"),
    ] {
        let text = refused(class, config.clone());
        assert!(text.contains(part), "{class} {config}: {text}");
    }
    let x = Value::i32([2, 2, 2], &[0; 8]);
    let text = call(&CategoryEncoding::new(3), std::slice::from_ref(&x)).unwrap_err();
    assert!(text.contains("int or one_hot, or the input (rows, values)"), "{text}");
    let text = call(&CategoryEncoding::new(3), &[x.clone(), x.clone()]).unwrap_err();
    assert!(text.contains("with output_mode count weights of their shape"), "{text}");
    let text = call(&IntegerLookup::new(), std::slice::from_ref(&x)).unwrap_err();
    assert!(text.contains("`vocabulary` is none") && text.contains("adapt"), "{text}");
    let text = call(&Discretization::with_bins(3), std::slice::from_ref(&x)).unwrap_err();
    assert!(text.contains("call adapt before the model is built"), "{text}");
    let text = call(&IntegerLookup::new().with_vocabulary([4]).num_oov_indices(0), std::slice::from_ref(&x)).unwrap_err();
    assert!(text.contains("num_oov_indices 0"), "{text}");
    let none = IntegerLookup::new().with_vocabulary([4]).num_oov_indices(0);
    assert!(none.lookup(&[4, 5]).unwrap_err().to_string().contains("`input` is 5"));
    assert_eq!(none.lookup(&[4, 4]).unwrap().as_i32(), Some(&[0, 0][..]));
    assert!(Discretization::new([1.0]).adapt(&Tensor::f32([1], vec![1.0]).unwrap()).unwrap_err().to_string().contains("num_bins"));
    assert!(Discretization::with_bins(2).adapt(&Tensor::f32([1], vec![f32::NAN]).unwrap()).unwrap_err().to_string().contains("finite"));
    assert!(StringLookup::new().adapt(&["[UNK]".to_owned()]).is_err());
    let column = Tensor::i32([2, 1], vec![1, 2]).unwrap();
    assert!(HashedCrossing::new(3).cross(&[&column]).unwrap_err().to_string().contains("two or more columns"));
    let text = Hashing::new(3).output_mode(OutputMode::Count).hash(&Tensor::i32([2], vec![1, 2]).unwrap()).unwrap_err().to_string();
    assert!(text.contains("the input (rows, values)"), "{text}");
}

/// An archive as Keras writes it.
fn archive(case: &Json) -> KerasArchive {
    let assets = case["assets"].as_object().unwrap().iter().map(|(p, c)| (p.clone(), c.as_str().unwrap().as_bytes().to_vec()));
    let weights = case["weights"].as_object().unwrap().iter().map(|(path, value)| {
        let value = tensor(value);
        NamedTensor { path: path.clone(), shape: value.ty.shape.dims().to_vec(), data: TensorBytes::F32(value.to_f32()) }
    });
    KerasArchive {
        metadata: json!({"keras_version": "3.15.1", "date_saved": "1980-01-01@00:00:00"}),
        config: case["config"].clone(),
        weights: weights.collect(),
        group_names: Vec::new(),
        assets: assets.collect(),
    }
}

fn load(archive: &KerasArchive) -> Result<Model, String> {
    let bytes = archive.write_to_vec().unwrap();
    Model::from_bytes(Arc::new(Reference::default()), &bytes, LoadOptions::default()).map_err(|e| e.to_string())
}

#[test]
fn what_keras_learned_is_read_from_its_files() {
    let cases = goldens("table_files");
    assert!(cases.len() >= 10);
    for case in &cases {
        let (file, what) = (archive(case), case["config"].to_string());
        let mut model = load(&file).unwrap_or_else(|e| panic!("{what}: {e}"));
        let (x, y) = (data(&case["x"]), tensor(&case["y"]));
        close(&what, &value(&model.predict(&x).unwrap()), &y, 1e-6, 1e-6);
        // Then it is in the configuration, and weights where Keras looks for them.
        let ours = KerasArchive::read_from_slice(&model.to_bytes().unwrap()).unwrap();
        assert!(ours.assets.iter().all(|(p, _)| p == "adaline/model.json"));
        let idf =
            |a: &KerasArchive| a.weights.iter().find(|w| w.path.ends_with("/vars/idf_weights")).map(|w| (w.path.clone(), w.shape.clone()));
        assert_eq!(idf(&ours), idf(&file), "{what}");
        let mut again = load(&ours).unwrap();
        assert_eq!(again.predict(&x).unwrap(), model.predict(&x).unwrap(), "{what}");
    }
    let wrong = |path: &str, content: &[u8]| {
        let mut file = archive(&cases[0]);
        file.assets = vec![(path.into(), content.to_vec())];
        load(&file).unwrap_err()
    };
    let place = "layers/integer_lookup/vocabulary.txt";
    for (path, content, part) in [
        (place, &b"-1\n2\nx"[..], "`vocabulary.txt` is x, but must be a whole number in each line"),
        (place, b"-1\n2\n2", "each term once"),
        (place, b"\xff", "UTF-8"),
        (place, b"", "a whole number in each line"),
        ("layers/other/vocabulary.txt", b"-1\n2", "adapt"),
    ] {
        let text = wrong(path, content);
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn texts_and_places_go_both_ways() {
    let words = ["ham", "spam", "eggs"];
    let there = StringLookup::new().with_vocabulary(words).mask_token("");
    let back = there.clone().invert(true);
    let places = there.lookup(&["eggs", "", "beans", "ham"]).unwrap();
    assert_eq!(back.terms_at(places.as_i32().unwrap()).unwrap(), ["eggs", "", "[UNK]", "ham"]);
    let text = back.lookup(&["ham"]).unwrap_err().to_string();
    assert!(text.contains("places for `terms_at`, since invert is set"), "{text}");
    // Nothing stands for places of none.
    let config = json!({"vocabulary": ["a"], "oov_token": null, "num_oov_indices": 0});
    let none = StringLookup::from_config(&config).unwrap();
    assert_eq!(none.terms_at(&[0]).unwrap(), ["a"]);
    assert!(none.terms_at(&[1]).unwrap_err().to_string().contains("there is no oov_token"));
}

#[test]
fn a_model_keeps_its_preprocessing() {
    let rows = 24;
    let age = Tensor::f32([rows, 1], (0..rows).map(|i| (i as f32 * 1.7).sin() * 40.0).collect()).unwrap();
    let town = Tensor::i32([rows, 1], (0..rows).map(|i| [700, -3, 41, 5][i % 4]).collect()).unwrap();
    let price = Tensor::f32([rows, 1], (0..rows).map(|i| (i % 4) as f32).collect()).unwrap();
    let (mut bins, mut towns) = (Discretization::with_bins(4).output_mode(OutputMode::OneHot), IntegerLookup::new());
    bins.adapt(&age).unwrap();
    towns.adapt(&town.as_i32().unwrap()[..20]).unwrap();
    let (a, t) = (Input::new([1]).name("age").tensor(), Input::new([1]).dtype("int32").name("town").tensor());
    let place = Flatten::new().apply(&Embedding::new(towns.vocabulary().len(), 3).apply(&towns.apply(&t)));
    let y = Dense::new(1).apply(&Concatenate::new().apply([&bins.apply(&a), &place]));
    let mut model = Functional::new([&a, &t], &y).unwrap().build_on(Arc::new(Reference::default()), Seed(3)).unwrap();
    model.compile(Adam::new(0.05), MeanSquaredError::default(), [MeanAbsoluteError::default()]).unwrap();
    let history = model.fit([&age, &town], &price, Fit::default().epochs(6).batch_size(8)).unwrap();
    assert!(history["loss"][5] < history["loss"][0]);
    // A town that was never seen is unknown, not an error; the file knows the others by their numbers.
    let new = Tensor::i32([2, 1], vec![123_456, 41]).unwrap();
    let some = Tensor::f32([2, 1], vec![0.5, -100.0]).unwrap();
    let mut loaded = Model::from_bytes(Arc::new(Reference::default()), &model.to_bytes().unwrap(), LoadOptions::default()).unwrap();
    assert_eq!(loaded.predict_all([&some, &new], 2).unwrap(), model.predict_all([&some, &new], 2).unwrap());
    assert_eq!(loaded.weight_names(), model.weight_names());
}
