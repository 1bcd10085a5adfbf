//! Graphs of layers beyond Keras' numbers: names, what is refused, data by name, files.

use adaline_data::Tensor;
use adaline_formats::KerasArchive;
use adaline_graph::backend::Backend;
use adaline_graph::reference::Reference;
use adaline_nn::activations::Activation;
use adaline_nn::initializers::Initializer;
use adaline_nn::layers::{Add, BatchNormalization, Concatenate, CustomLayer, Dense, Dropout, Embedding, Input, LSTM, Subtract};
use adaline_nn::losses::{MeanSquaredError, SparseCategoricalCrossentropy};
use adaline_nn::metrics::{Accuracy, MeanAbsoluteError};
use adaline_nn::model::{Evaluate, Inputs, Labels, LoadOptions, Objective};
use adaline_nn::optimizers::{Adam, Sgd};
use adaline_nn::{Apply, Fit, Functional, Layer, Model, Seed, Sequential, WeightSpec};
use serde_json::{Value, json};
use std::sync::Arc;

fn backend() -> Arc<dyn Backend> {
    Arc::new(Reference::default())
}

fn wave(rows: usize, columns: usize, speed: f32) -> Tensor {
    Tensor::f32([rows, columns], (0..rows * columns).map(|i| (i as f32 * speed).sin()).collect()).unwrap()
}

/// Two inputs and two outputs, a residual trunk that is called twice, a layer in both branches, a chain within.
fn network() -> Functional {
    let x = Input::new([4]).tensor();
    let norm = BatchNormalization::new().shared();
    let h = Dense::new(4).activation(Activation::Tanh).apply(&norm.apply(&x));
    let y = Add::new().apply([&x, &h]);
    let again = Dense::new(4).activation(Activation::Tanh).apply(&norm.apply(&y));
    let trunk = Functional::new(&x, &Add::new().apply([&y, &again])).unwrap().name("trunk").shared();
    let head = Sequential::new().add(Dense::new(3).activation(Activation::Relu)).add(Dropout::new(0.2)).add(Dense::new(2));

    let (a, b) = (Input::new([4]).name("a").tensor(), Input::new([4]).name("b").tensor());
    let joined = Concatenate::new().apply([&trunk.apply(&a), &head.apply(&trunk.apply(&b))]);
    let price = Dense::new(1).name("price").apply(&joined);
    let kind = Dense::new(3).activation(Activation::Softmax).name("kind").apply(&joined);
    Functional::new([&a, &b], [&price, &kind]).unwrap()
}

fn compiled() -> Model {
    let mut model = network().build_on(backend(), Seed(3)).unwrap();
    let price = Objective::new(MeanSquaredError::default()).weight(0.5).metrics([MeanAbsoluteError::default()]);
    let kind = Objective::new(SparseCategoricalCrossentropy::default()).metrics([Accuracy::default()]);
    model.compile_outputs(Adam::new(0.01), [("kind", kind), ("price", price)]).unwrap();
    model
}

fn data() -> (Tensor, Tensor, Tensor, Tensor) {
    let kinds: Vec<i32> = (0..20).map(|i| i % 3).collect();
    (wave(20, 4, 1.7), wave(20, 4, 0.9), wave(20, 1, 0.3), Tensor::from(kinds))
}

#[test]
fn two_inputs_and_outputs_train_save_load_and_predict_the_same_bits() {
    let (a, b, price, kind) = data();
    let mut model = compiled();
    let history = model.fit([&a, &b], [&price, &kind], Fit::default().epochs(3).batch_size(8).validation_split(0.2)).unwrap();
    let names: Vec<&str> = history.names().collect();
    let expected = ["kind_accuracy", "kind_loss", "loss", "price_loss", "price_mean_absolute_error"];
    assert_eq!(names, [&expected[..], &expected.map(|n| format!("val_{n}")).each_ref().map(String::as_str)].concat());
    for epoch in 0..3 {
        let sum = 0.5 * history["price_loss"][epoch] + history["kind_loss"][epoch];
        assert!((history["loss"][epoch] - sum).abs() < 1e-6);
    }
    let mut loaded = Model::from_bytes(backend(), &model.to_bytes().unwrap(), LoadOptions::default()).unwrap();
    assert_eq!(loaded.predict_all([&a, &b], 7).unwrap(), model.predict_all([&a, &b], 32).unwrap());
    assert_eq!(loaded.weight_names(), model.weight_names());
    let options = || Fit::default().initial_epoch(3).epochs(5).batch_size(8);
    let [first, second] = [&mut model, &mut loaded].map(|m| m.fit([&a, &b], [&price, &kind], options()).unwrap());
    assert_eq!(first["loss"], second["loss"], "training goes on with the same bits");
    assert_eq!(loaded.get_weights(), model.get_weights());
    // By name, in any order.
    let by_name = Inputs::new().with("b", &b).with("a", &a);
    let labels = Labels::new().with("kind", &kind).with("price", &price);
    let values = model.evaluate(by_name, labels, Evaluate::default()).unwrap();
    assert_eq!(values, model.evaluate([&a, &b], [&price, &kind], Evaluate::default()).unwrap());
    assert_eq!(values[0].0, "loss");
}

#[test]
fn a_shared_layer_has_its_weights_once() {
    let model = compiled();
    // trunk: two Dense (20 each), BatchNormalization 16; head: 15 + 8; outputs over 6: 7 and 21.
    assert_eq!(model.count_params(), (2 * 20 + 8 + 15 + 8 + 7 + 21, 8));
    let text = model.summary().unwrap().to_string();
    assert!(text.contains("trunk (Functional)") && text.contains("a[0][0], b[0][0]"), "{text}");
    assert!(text.contains("sequential (Sequential)    (None, 2)") && text.contains("trunk[1][0]"), "{text}");
    let expanded = model.summary_expanded().unwrap().to_string();
    assert!(expanded.contains("   └ batch_normalization (BatchNormalization)"), "{expanded}");
}

#[test]
fn layers_that_are_called_twice_are_seen_twice() {
    let (a, b) = (wave(3, 2, 1.1), wave(3, 2, 0.4));
    let (x, y) = (Input::new([2]).tensor(), Input::new([2]).tensor());
    let twin = Dense::new(2).name("twin").shared();
    let difference = Subtract::new().apply([&twin.apply(&x), &twin.apply(&y)]);
    let mut model = Functional::new([&x, &y], &difference).unwrap().build_on(backend(), Seed(0)).unwrap();
    let seen = model.activations([&a, &b]).unwrap();
    let names: Vec<&str> = seen.iter().map(|s| s.0.as_str()).collect();
    assert_eq!(names, ["twin", "twin[1]", "subtract"]);
    let swapped = model.activations([&b, &a]).unwrap();
    assert_eq!((&seen[0].1, &seen[1].1), (&swapped[1].1, &swapped[0].1));
    let looked = model.inspect([&a, &b], None).unwrap();
    assert_eq!(looked.layers.len(), 3);
    assert_eq!(looked.layers[1].output, seen[1].1);
}

#[test]
fn what_is_no_network_is_refused() {
    let text = |r: Result<Functional, adaline_nn::Error>| r.unwrap_err().to_string();
    let (a, b) = (Input::new([4]).name("a").tensor(), Input::new([4]).name("b").tensor());
    let h = Dense::new(2).apply(&a);
    let both = Add::new().apply([&h, &Dense::new(2).apply(&b)]);
    assert!(text(Functional::new(&a, &both)).contains("depend on an input `b` that is not among the inputs"));
    assert!(text(Functional::new([&a, &b], &h)).contains("input 2 (`b`) leads to none of the outputs"));
    assert!(text(Functional::new(&h, &both)).contains("input 1 is a result of Dense, not an input"));
    assert!(text(Functional::new([&a, &a], &h)).contains("input 2 is there twice"));
    assert!(text(Functional::new(Vec::new(), &h)).contains("at least one input"));
    let same = Dense::new(1).name("x").apply(&Dense::new(1).name("x").apply(&a));
    assert!(text(Functional::new(&a, &same)).contains("two layers have the name `x`"));
    let twin = Input::new([4]).name("a").tensor();
    assert!(text(Functional::new([&a, &twin], &Add::new().apply([&a, &twin]))).contains("two inputs have the name `a`"));

    let build = |y| Functional::new(&a, &y).unwrap().build_on(backend(), Seed(0)).unwrap_err().to_string();
    let wide = build(Add::new().apply([&a, &Dense::new(3).name("three").apply(&a)]));
    assert!(wide.contains("`add`") && wide.contains("[2, 4]") && wide.contains("[2, 3]"), "{wide}");
    let nested = Sequential::new().add(Dense::new(1).name("t")).add(Dense::new(1).name("t"));
    assert!(build(nested.apply(&a)).contains("two layers have the name `t`"));
    let states = LSTM::new(2).return_state(true);
    let chain = Sequential::new().add(Input::new([3, 2])).add(states).add(Dense::new(1)).build_on(backend(), Seed(0)).unwrap_err();
    assert!(chain.to_string().contains("layer 1 (LSTM) gives 3 tensors"), "{chain}");
    // A layer that is called on other shapes cannot share its weights.
    let shared = Dense::new(2).name("shared").shared();
    let (p, q) = (Input::new([3]).tensor(), Input::new([5]).tensor());
    let sum = Add::new().apply([&shared.apply(&p), &shared.apply(&q)]);
    let other = Functional::new([&p, &q], &sum).unwrap().build_on(backend(), Seed(0)).unwrap_err().to_string();
    assert!(other.contains("shared") && other.contains("built with shape [3, 2] and cannot become [5, 2]"), "{other}");
}

#[test]
fn data_and_settings_that_do_not_fit_are_refused() {
    let (a, b, price, kind) = data();
    let mut model = compiled();
    let text = |r: Result<_, adaline_nn::Error>| -> String { r.map(|_: adaline_nn::History| ()).unwrap_err().to_string() };
    assert!(text(model.fit(&a, [&price, &kind], Fit::default())).contains("it has 2 inputs (a, b), got data for 1"));
    assert!(text(model.fit([&a, &b], &price, Fit::default())).contains("it has 2 outputs (price, kind), got data for 1"));
    let misnamed = Inputs::new().with("a", &a).with("bb", &b);
    assert!(text(model.fit(misnamed, [&price, &kind], Fit::default())).contains("no input `bb`; did you mean `b`?"));
    let twice = Inputs::new().with("a", &a).with("a", &b);
    assert!(text(model.fit(twice, [&price, &kind], Fit::default())).contains("data for input `a` is there twice"));
    let short = wave(19, 4, 1.0);
    assert!(text(model.fit([&a, &short], [&price, &kind], Fit::default())).contains("x has 20 rows, but another input has 19"));
    let wide = wave(20, 5, 1.0);
    assert!(text(model.fit([&a, &wide], [&price, &kind], Fit::default())).contains("(4,) for input `b`"));
    assert!(text(model.fit([&a, &b], [&price, &kind], Fit::default().class_weight([(0, 2.0)]))).contains("class_weight"));
    let weighted = Fit::default().sample_weight_of("kin", vec![1.0; 20]);
    assert!(text(model.fit([&a, &b], [&price, &kind], weighted)).contains("sample weights are given for `kin`"));
    assert!(model.predict([&a, &b]).unwrap_err().to_string().contains("predict_all"));

    let objective = || Objective::new(MeanSquaredError::default());
    let mut compile = |list: Vec<(&str, Objective)>| model.compile_outputs(Sgd::default(), list).unwrap_err().to_string();
    assert!(compile(vec![("prise", objective())]).contains("no output `prise`; did you mean `price`?"));
    assert!(compile(vec![("price", objective()), ("price", objective())]).contains("is there twice"));
    assert!(compile(vec![("price", objective().weight(-1.0))]).contains("loss_weights is -1"));
    let single = model.compile(Sgd::default(), MeanSquaredError::default(), ()).unwrap_err().to_string();
    assert!(single.contains("2 outputs (price, kind)") && single.contains("compile_outputs"), "{single}");
    let none: [(&str, Objective); 0] = [];
    model.compile_outputs(Sgd::default(), none).unwrap();
    assert!(text(model.fit([&a, &b], Labels::default(), Fit::default())).contains("nothing to train"));
}

#[test]
fn an_output_without_a_loss_is_left_alone() {
    let (a, b, price, _) = data();
    let mut model = network().build_on(backend(), Seed(3)).unwrap();
    model.compile_outputs(Sgd::new(0.1), [("price", Objective::new(MeanSquaredError::default()))]).unwrap();
    let kind = model.weight("kind/kernel").unwrap();
    let history = model.fit([&a, &b], &price, Fit::default().epochs(2)).unwrap();
    assert_eq!(history.names().collect::<Vec<_>>(), ["loss"]);
    assert_eq!(model.weight("kind/kernel").unwrap(), kind);
    // Its metrics are named after it all the same, as Keras names them.
    let price_alone = Objective::new(MeanSquaredError::default()).metrics([MeanAbsoluteError::new().name("mae")]);
    model.compile_outputs(Sgd::new(0.1), [("price", price_alone)]).unwrap();
    let history = model.fit([&a, &b], &price, Fit::default()).unwrap();
    assert_eq!(history.names().collect::<Vec<_>>(), ["loss", "price_mae"]);
}

#[test]
fn sample_weights_count_for_the_output_they_are_of() {
    let (a, b, price, kind) = data();
    let mut weights = vec![0.0; 20];
    weights[4] = 1.0;
    let run = |options: Fit<'_>| {
        let mut model = compiled();
        let history = model.fit([&a, &b], [&price, &kind], options.shuffle(false).batch_size(20)).unwrap();
        (history["price_loss"][0], history["kind_loss"][0])
    };
    let plain = run(Fit::default());
    let of_price = run(Fit::default().sample_weight_of("price", weights.clone()));
    let of_both = run(Fit::default().sample_weight(weights));
    assert!(of_price.0 != plain.0 && of_price.1 == plain.1, "{of_price:?} {plain:?}");
    assert!(of_both.0 == of_price.0 && of_both.1 != plain.1);
}

fn load(archive: &KerasArchive) -> Result<Model, String> {
    Model::from_bytes(backend(), &archive.write_to_vec().unwrap(), LoadOptions::default()).map_err(|e| e.to_string())
}

#[test]
fn unsound_graphs_in_files_are_named() {
    let sound = KerasArchive::read_from_slice(&compiled().to_bytes().unwrap()).unwrap();
    load(&sound).unwrap();
    let at = |config: &Value, name: &str| -> usize {
        config["config"]["layers"].as_array().unwrap().iter().position(|l| l["name"] == name).unwrap()
    };
    type Change<'c> = Box<dyn Fn(&mut Value) + 'c>;
    let node = |layer: &'static str, value: Value| -> Change<'_> {
        Box::new(move |c| {
            let at = at(c, layer);
            c["config"]["layers"][at]["inbound_nodes"][0]["args"] = value.clone();
        })
    };
    let tensor =
        |name: &str, call: u64, result: u64| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, result]}});
    let cases: Vec<(Change<'_>, &str)> = vec![
        (node("price", json!([tensor("nowhere", 0, 0)])), "what does not exist, or in a circle"),
        (node("price", json!([tensor("concatenate", 0, 3)])), "result 3 of layer `concatenate`, which has fewer"),
        (node("trunk", json!([tensor("trunk", 1, 0)])), "in a circle: trunk"),
        (node("price", json!([7])), "its argument 7 is no tensor"),
        (node("price", json!([])), "the argument `inputs` is missing"),
        (Box::new(|c| c["config"]["output_layers"] = json!([["price", 0, 9]])), "result 9 of call 0 of layer `price`"),
        (Box::new(|c| c["config"]["input_layers"] = Value::Null), "no `input_layers`"),
        (Box::new(|c| c["config"]["layers"][4]["name"] = json!("a")), "two layers have the name `a`"),
        (Box::new(|c| c["config"]["layers"][2]["inbound_nodes"] = json!([[["a", 0, 0, {}]]])), "not written as Keras 3 does"),
        (Box::new(|c| c["config"]["layers"][2]["inbound_nodes"] = vec![json!({}); 20_000].into()), "more than the 4096"),
        (
            Box::new(|c| {
                let layers = c["config"]["layers"].as_array_mut().unwrap();
                layers.push(json!({"module": "keras.src.ops.numpy", "class_name": "Multiply", "name": "multiply", "config": {}, "inbound_nodes": []}));
                let price = layers.iter_mut().find(|l| l["name"] == "price").unwrap();
                price["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = json!(["multiply", 0, 0]);
            }),
            "operations of keras.ops cannot be read",
        ),
    ];
    for (change, expected) in cases {
        let mut bad = sound.clone();
        change(&mut bad.config);
        let text = load(&bad).err().unwrap_or_else(|| panic!("loaded, though {expected}"));
        assert!(text.contains(expected), "expected {expected:?}\n in {text}");
    }
}

#[test]
fn words_are_checked_for_the_input_that_looks_them_up() {
    let (words, facts) = (Input::new([3]).dtype("int32").name("words").tensor(), Input::new([2]).name("facts").tensor());
    let embedded = LSTM::new(2).apply(&Embedding::new(5, 2).mask_zero(true).apply(&words));
    let y = Dense::new(1).apply(&Concatenate::new().apply([&embedded, &facts]));
    let mut model = Functional::new([&words, &facts], &y).unwrap().build_on(backend(), Seed(0)).unwrap();
    let (good, bad, facts) = (Tensor::from([[1, 4, 0]]), Tensor::from([[1, 5, 0]]), Tensor::from([[9.0f32, 9.0]]));
    model.predict([&good, &facts]).unwrap();
    let text = model.predict([&bad, &facts]).unwrap_err().to_string();
    assert!(text.contains("layer `embedding` takes whole numbers from 0 to 4"), "{text}");
}

#[test]
fn a_very_deep_network_is_built_and_dropped() {
    let x = Input::new([1]).tensor();
    let mut y = x.clone();
    for _ in 0..20_000 {
        y = Add::new().apply([&y, &x]);
    }
    drop(y);
    let layer: Box<dyn Layer> = Functional::new(&x, &Dense::new(1).apply(&x)).unwrap().into();
    assert_eq!(layer.results(), 1);
}

#[test]
fn layers_of_ones_own_train_and_are_refused_by_name_when_saved() {
    let gate = CustomLayer::new("gate", |cx, inputs| {
        let x = inputs[0];
        let w = cx.weight("w", &[x.dim(-1)], &WeightSpec::new(Initializer::Ones));
        x * (x * w.broadcast_to(x.shape())).sigmoid()
    });
    let mut model = Sequential::new().add(Input::new([4])).add(gate).add(Dense::new(1)).build_on(backend(), Seed(1)).unwrap();
    model.compile(Sgd::new(0.1), MeanSquaredError::default(), ()).unwrap();
    let (a, _, price, _) = data();
    let history = model.fit(&a, &price, Fit::default().epochs(20)).unwrap();
    assert!(history["loss"][19] < 0.7 * history["loss"][0], "{:?}", &history["loss"]);
    assert_ne!(model.weight("gate/w").unwrap().as_f32().unwrap(), [1.0; 4]);
    let text = model.to_bytes().unwrap_err().to_string();
    assert!(text.contains("the layer `gate` is a function of this program"), "{text}");
    // Within another layer, too.
    let inner = Functional::new(&x4(), &x4()).err();
    assert!(inner.is_some());
    let x = x4();
    let nested = Functional::new(&x, &CustomLayer::new("double", |_, x| x[0] + x[0]).apply(&x)).unwrap();
    let model = Sequential::new().add(Input::new([4])).add(nested).build_on(backend(), Seed(1)).unwrap();
    assert!(model.to_bytes().unwrap_err().to_string().contains("`double`"));
    // Errors name the layer.
    let bad = CustomLayer::new("bad", |cx, x| x[0] + cx.weight("w", &[3], &WeightSpec::new(Initializer::Ones)));
    let text = Sequential::new().add(Input::new([4])).add(bad).build_on(backend(), Seed(1)).unwrap_err().to_string();
    assert!(text.contains("bad"), "{text}");
}

fn x4() -> adaline_nn::KerasTensor {
    Input::new([4]).tensor()
}

#[test]
fn a_step_of_ones_own_is_what_is_minimised() {
    let (a, _, price, _) = data();
    let make = || {
        let mut model = Sequential::new().add(Input::new([4])).add(Dense::new(1).use_bias(false)).build_on(backend(), Seed(1)).unwrap();
        model.compile(Sgd::new(0.1), MeanSquaredError::default(), [MeanAbsoluteError::default()]).unwrap();
        model
    };
    let train = |model: &mut Model| model.fit(&a, &price, Fit::default().epochs(2).shuffle(false).batch_size(20)).unwrap();
    let (mut plain, mut same, mut half, mut penalised) = (make(), make(), make(), make());
    same.set_train_step(|step| step.loss());
    half.set_train_step(|step| step.loss() * 0.5);
    // The gradient of the loss by the inputs, squared: a gradient of a gradient.
    penalised.set_train_step(|step| {
        let by_x = step.gradient(step.loss(), step.x()[0]);
        let again = step.forward(&[step.x()[0]]);
        step.loss_of(&again) + by_x.square().sum(&[], false)
    });
    let [first, second, third] = [&mut plain, &mut same, &mut half].map(train);
    assert_eq!(first["loss"], second["loss"]);
    assert_eq!(plain.get_weights(), same.get_weights());
    assert_eq!(third["loss"][0], 0.5 * first["loss"][0]);
    assert_eq!(third["mean_absolute_error"][0], first["mean_absolute_error"][0]);
    assert!(train(&mut penalised)["loss"][0] > first["loss"][0]);
    half.clear_train_step();
    train(&mut half);
    half.set_train_step(|step| step.predictions()[0].value);
    let text = half.fit(&a, &price, Fit::default()).unwrap_err().to_string();
    assert!(text.contains("must give a scalar to minimise, got shape [20, 1]"), "{text}");
}

#[test]
fn trunks_are_taken_over_and_frozen() {
    let (a, b, price, kind) = data();
    let mut trained = compiled();
    trained.fit([&a, &b], [&price, &kind], Fit::default()).unwrap();
    // Features: the sum within reach of both inputs needs both, the trunk's first call one.
    let mut features = trained.until("sequential").unwrap().build_on(backend(), Seed(9)).unwrap();
    assert_eq!(features.input_names().collect::<Vec<_>>(), ["b"]);
    assert_eq!(features.take_weights_of("", &trained).unwrap(), features.weight_names().len());
    let seen = trained.activations([&a, &b]).unwrap();
    let expected = &seen.iter().find(|s| s.0 == "sequential").unwrap().1;
    assert_eq!(&features.predict(&b).unwrap(), expected);

    // As a frozen layer of another network.
    let x = Input::new([4]).tensor();
    let y = Dense::new(1).apply(&features.network().unwrap().name("features").trainable(false).apply(&x));
    let mut head = Functional::new(&x, &y).unwrap().build_on(backend(), Seed(2)).unwrap();
    head.take_weights_of("features", &features).unwrap();
    head.compile(Sgd::new(0.1), MeanSquaredError::default(), ()).unwrap();
    head.fit(&b, &price, Fit::default().epochs(2)).unwrap();
    for (name, value) in features.weight_names().iter().zip(features.get_weights()) {
        assert_eq!(head.weight(&format!("features/{name}")).unwrap(), value, "{name}");
    }
    assert_eq!(head.count_params().0, 3);
    // Freed again: values stay, training changes them, and it must be compiled anew.
    head.set_trainable("features", true).unwrap();
    assert!(head.count_params().0 > 3 && !head.is_compiled());
    assert_eq!(head.weight("features/trunk/dense/kernel").unwrap(), features.weight("trunk/dense/kernel").unwrap());
    head.compile(Sgd::new(0.1), MeanSquaredError::default(), ()).unwrap();
    head.fit(&b, &price, Fit::default()).unwrap();
    assert_ne!(head.weight("features/trunk/dense/kernel").unwrap(), features.weight("trunk/dense/kernel").unwrap());

    // One layer of the network within, by its path; a path that leads nowhere is told.
    let (all, fixed) = head.count_params();
    head.set_trainable("features/trunk/dense", false).unwrap();
    let frozen: usize = head.weight("features/trunk/dense/kernel").unwrap().len() + head.weight("features/trunk/dense/bias").unwrap().len();
    assert_eq!(head.count_params(), (all - frozen, fixed + frozen));
    assert!(head.set_trainable("features/trunk/dens", true).unwrap_err().to_string().contains("no layer `features/trunk/dens`"));

    let copy = trained.clone_model().unwrap();
    assert_eq!(copy.weight_names(), trained.weight_names());
    assert_ne!(copy.get_weights(), trained.get_weights());
    assert!(trained.until("trunkk").unwrap_err().to_string().contains("no layer `trunkk`; did you mean `trunk`?"));
    let text = head.take_weights_of("dense", &trained).unwrap_err().to_string();
    assert!(text.contains("weight `kernel`") && text.contains("none of this path"), "{text}");
    assert_eq!(trained.get_layer("price").unwrap().class_name(), "Dense");
}

#[test]
fn a_second_forward_has_the_masks_of_its_inputs() {
    let words = Tensor::i32([4, 3], vec![1, 2, 0, 3, 0, 0, 4, 1, 2, 2, 0, 0]).unwrap();
    let labels = Tensor::f32([4, 3, 1], (0..12).map(|i| i as f32 / 12.0).collect()).unwrap();
    let train = |custom: bool| {
        let embedded = Embedding::new(5, 2).mask_zero(true);
        let network = Sequential::new().add(Input::new([3]).dtype("int32")).add(embedded).add(Dense::new(1));
        let mut model = network.build_on(backend(), Seed(4)).unwrap();
        model.compile(Sgd::new(0.1), MeanSquaredError::default(), ()).unwrap();
        if custom {
            model.set_train_step(|step| {
                let again = step.forward(&[step.x()[0]]);
                assert!(step.predictions()[0].mask.is_some() && again[0].mask.is_some());
                step.loss_of(&again)
            });
        }
        model.fit(&words, &labels, Fit::default().epochs(2).shuffle(false)).unwrap()["loss"].to_vec()
    };
    assert_eq!(train(true), train(false));
}

/// Each network calls the one within it eight times: a few kilobytes of text for more calls than there is time for.
#[test]
fn networks_that_multiply_are_refused_in_files() {
    let level = |inner: Value| {
        let tensor = |name: &str, call: usize| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, 0]}});
        let node = |name: &str, call: usize| json!({"args": [tensor(name, call)], "kwargs": {}});
        let mut inner = inner;
        inner["name"] = json!("inner");
        inner["config"]["name"] = json!("inner");
        inner["inbound_nodes"] = (0..8).map(|n| if n == 0 { node("x", 0) } else { node("inner", n - 1) }).collect();
        let input =
            json!({"class_name": "InputLayer", "name": "x", "config": {"batch_shape": [null, 4], "name": "x"}, "inbound_nodes": []});
        let config = json!({"name": "outer", "layers": [input, inner], "input_layers": ["x", 0, 0], "output_layers": ["inner", 7, 0]});
        json!({"class_name": "Functional", "config": config})
    };
    let wrapped = |inner: Value| json!({"class_name": "TimeDistributed", "config": {"name": "steps", "layer": inner}});
    let identity = json!({"class_name": "Identity", "config": {}});
    let mut sound = KerasArchive::read_from_slice(&compiled().to_bytes().unwrap()).unwrap();
    for levels in [3, 20] {
        sound.config = (0..levels).fold(identity.clone(), |inner, _| level(inner));
        let (few, text) = (levels == 3, load(&sound).err());
        assert_eq!(text.is_none(), few, "{text:?}");
        assert!(few || text.is_some_and(|t| t.contains("is more than the 4096 that are read")));
        // The same through layers that have one within.
        sound.config = (0..levels).fold(identity.clone(), |inner, _| level(wrapped(inner)));
        assert!(few || load(&sound).unwrap_err().contains("is more than the 4096 that are read"));
    }
}
