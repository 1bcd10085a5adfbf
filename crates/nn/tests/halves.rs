//! The policies `mixed_bfloat16` and `mixed_float16`: layers against real Keras bit by bit, whose policy counts, files, errors.

mod support;

use adaline_data::Tensor;
use adaline_formats::KerasArchive;
use adaline_graph::backend::Backend;
use adaline_graph::eval::Value;
use adaline_graph::reference::Reference;
use adaline_graph::{Builder, DType, Shape, Var};
use adaline_nn::activations::Activation;
use adaline_nn::layers::{ActivationLayer, Dense, Dropout, Flatten, Input, Normalization, Rescaling, Reshape};
use adaline_nn::losses::SparseCategoricalCrossentropy;
use adaline_nn::model::{LoadOptions, Stage};
use adaline_nn::optimizers::Adam;
use adaline_nn::trace::Weights;
use adaline_nn::{DTypePolicy, Fit, Layer, Model, Seed, Sequential, Trace, catalogue};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;
use support::{Feed, gradients, tensor, tensors};

const MIXED: DTypePolicy = DTypePolicy::MixedBfloat16;
const POLICIES: [DTypePolicy; 2] = [MIXED, DTypePolicy::MixedFloat16];

fn backend() -> Arc<dyn Backend> {
    Arc::new(Reference::default())
}

fn goldens(policy: DTypePolicy) -> Json {
    let file = policy.name().trim_start_matches("mixed_");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/goldens/{file}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether a number is one of the policy's type: within the range of float16 the last 13 bits of a word are zero, below 2⁻¹⁴ it is a multiple
/// of 2⁻²⁴.
fn is_half(policy: DTypePolicy, v: f64) -> bool {
    let single = f64::from(v as f32) == v;
    let zeros = (v as f32).to_bits().trailing_zeros();
    single
        && match policy {
            DTypePolicy::MixedFloat16 if v.abs() < 2f64.powi(-14) => (v * 2f64.powi(24)).fract() == 0.0,
            DTypePolicy::MixedFloat16 => zeros >= 13 && v.abs() <= 65_504.0,
            _ => zeros >= 16,
        }
}

/// Fails unless all are the same numbers in single precision. In float16, whose units are an eighth, sums that differ in their last bits may
/// be rounded to the other side: one of fifty by one unit. XLA divides by a scalar as if it were a product with the rounded reciprocal, so that
/// of `Normalization` one of eight is.
#[track_caller]
fn same(policy: DTypePolicy, what: &str, ours: &Value, theirs: &Value) {
    assert_eq!(ours.ty, theirs.ty, "{what}");
    let mut others = 0;
    for (i, (a, b)) in ours.data.iter().zip(&theirs.data).enumerate() {
        let near = policy == DTypePolicy::MixedFloat16 && (a - b).abs() <= b.abs() / 1024.0;
        assert!(*a as f32 == *b as f32 || near, "{what}, element {i}: ours {a}, Keras' {b}");
        others += usize::from(*a as f32 != *b as f32);
    }
    let share = if what.starts_with("normalization") { 8 } else { 50 };
    assert!(others <= ours.data.len() / share, "{what}: {others} of {} differ", ours.data.len());
}

/// Output, gradient by the input and by the weights of a layer with the weights of a golden.
fn run(layer: &dyn Layer, case: &Json) -> Vec<Value> {
    let (b, mut feed) = (Builder::new(), Feed::default());
    let (x, c) = (feed.input(&b, &tensor(&case["x"])), feed.input(&b, &tensor(&case["cotangent"])));
    let (seed, step) = (feed.input(&b, &Value::i32([2], &[1, 2])), feed.input(&b, &Value::i32(Shape::SCALAR, &[0])));
    let mut weights = Weights::new(7);
    let mut cx = Trace::new(&b, &mut weights, false, seed, step);
    let y = cx.call("layer", layer, &[x]);
    for (ours, theirs) in weights.list.iter().zip(tensors(&case["weights"])) {
        weights.store.f32_mut(ours.slot).copy_from_slice(&theirs.to_f32());
    }
    let trained: Vec<Var<'_>> = weights.list.iter().map(|w| b.state(w.slot, &format!("{}/{}", w.layer, w.name), w.ty)).collect();
    let mut wanted = gradients(&b, (y * c).sum(&[], false), &[&[x][..], &trained].concat());
    wanted.insert(0, y.id());
    feed.run_with(b, &wanted, &|slot| {
        let w = weights.list.iter().find(|w| w.slot == slot)?;
        Some(Value::f32(w.ty.shape, weights.store.f32(slot)))
    })
}

#[test]
fn layers_round_where_keras_rounds() {
    for policy in POLICIES {
        layers_round_as_in_keras(policy);
    }
}

fn layers_round_as_in_keras(policy: DTypePolicy) {
    let goldens = goldens(policy);
    let cases = goldens["layers"].as_array().unwrap();
    assert!(cases.len() >= 7);
    for case in cases {
        let what = case["object"]["config"]["name"].as_str().unwrap();
        let layer = catalogue::layer_from_json(&case["object"]).unwrap();
        assert_eq!(layer.dtype_policy(), Some(policy));
        assert!(support::same_json(&layer.envelope(), &without_build(&case["object"])), "{}", layer.envelope());
        let ours = run(layer.as_ref(), case);
        same(policy, what, &ours[0], &tensor(&case["y"]));
        same(policy, &format!("{what}: gradient"), &ours[1], &tensor(&case["gradient"]));
        for (ours, theirs) in ours[2..].iter().zip(tensors(&case["weight_gradients"])) {
            // JAX on CPU sums the gradient of a bias in 16 bits: eight terms of at most 1, each sum rounded by up to 2^-8, or 2^-11.
            let unit = if policy == MIXED { 1.0 / 256.0 } else { 1.0 / 2048.0 };
            if ours.ty.shape.rank() == 1 {
                support::close(&format!("{what}: gradient of the bias"), ours, &theirs, 0.0, 8.0 * unit);
            } else {
                same(policy, &format!("{what}: gradient of the kernel"), ours, &theirs);
            }
            assert!(ours.data.iter().all(|&v| is_half(policy, v)), "{what}");
        }
        assert!(ours[0].data.iter().all(|&v| is_half(policy, v)), "{what}");
        // The same layer in single precision gives other numbers, so that the comparison means something.
        let mut single = layer.boxed();
        single.set_dtype_policy(DTypePolicy::Float32);
        assert_ne!(run(single.as_ref(), case)[0].data, ours[0].data, "{what}");
    }
}

fn without_build(envelope: &Json) -> Json {
    let mut envelope = envelope.clone();
    envelope.as_object_mut().unwrap().remove("build_config");
    envelope
}

/// One of each layer that takes a policy.
fn every_layer() -> Vec<Box<dyn Layer>> {
    vec![
        Dense::new(3).activation(Activation::Softmax).into(),
        ActivationLayer::new(Activation::Gelu).into(),
        Dropout::new(0.4).into(),
        Flatten::new().into(),
        Reshape::new([2, -1]).into(),
        Rescaling::new(0.1).offset(0.3).into(),
        Normalization::new().statistics([0.1], [0.7]).into(),
    ]
}

#[test]
fn every_layer_gives_16_bits_and_keeps_its_policy() {
    for policy in POLICIES {
        layers_keep(policy);
    }
}

fn layers_keep(policy: DTypePolicy) {
    let x: Vec<f32> = (0..5 * 8).map(|i| (i as f32 * 1.7).sin()).collect();
    for mut layer in every_layer() {
        let class = layer.class_name();
        assert_eq!(layer.dtype_policy(), None, "{class}");
        assert_eq!(layer.config()["dtype"]["config"], json!({"name": "float32"}), "{class}");
        layer.set_dtype_policy(policy);
        assert_eq!(layer.config()["dtype"]["config"], json!({"name": policy.name()}), "{class}");
        let again = catalogue::layer_from_json(&layer.envelope()).unwrap();
        assert_eq!((again.dtype_policy(), again.config()), (Some(policy), layer.config()), "{class}");
        for training in [false, true] {
            let (b, mut feed) = (Builder::new(), Feed::default());
            let v = feed.input(&b, &Value::f32([5, 8], &x));
            let (seed, step) = (feed.input(&b, &Value::i32([2], &[1, 2])), feed.input(&b, &Value::i32(Shape::SCALAR, &[0])));
            let mut weights = Weights::new(3);
            let mut cx = Trace::new(&b, &mut weights, training, seed, step);
            let y = cx.call("layer", layer.as_ref(), &[v]).id();
            assert!(weights.list.iter().all(|w| w.ty.dtype == DType::F32));
            let values = feed.run_with(b, &[y], &|slot| {
                let w = weights.list.iter().find(|w| w.slot == slot)?;
                Some(Value::f32(w.ty.shape, weights.store.f32(slot)))
            });
            assert!(values[0].data.iter().all(|&v| is_half(policy, v)), "{class}, training {training}: {:?}", values[0].data);
        }
    }
    // Integers are not converted by layers that only move them, as in Keras.
    let (b, mut feed) = (Builder::new(), Feed::default());
    let v = feed.input(&b, &Value::i32([2, 1, 2], &[1, 2, 16_777_217, 4]));
    let (seed, step) = (feed.input(&b, &Value::i32([2], &[1, 2])), feed.input(&b, &Value::i32(Shape::SCALAR, &[0])));
    let mut weights = Weights::new(3);
    let mut cx = Trace::new(&b, &mut weights, false, seed, step);
    let y = cx.call("flatten", &Flatten::new().dtype(policy), &[v]).id();
    let values = feed.run(b, &[y]);
    assert_eq!((values[0].ty.dtype, values[0].data[2]), (DType::I32, 16_777_217.0));
}

fn network() -> Sequential {
    Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(8).activation(Activation::Relu))
        .add(Dropout::new(0.1))
        .add(Dense::new(3).activation(Activation::Softmax).dtype(DTypePolicy::Float32))
}

fn policies(model: &Model) -> Vec<DTypePolicy> {
    model.layers().map(|l| l.dtype_policy().unwrap_or_default()).collect()
}

#[test]
fn the_models_policy_is_that_of_layers_without_one() {
    let build = |net: Sequential| net.build_on(backend(), Seed(3)).unwrap();
    let plain = build(network());
    assert_eq!((plain.dtype_policy(), policies(&plain)), (DTypePolicy::Float32, vec![DTypePolicy::Float32; 3]));
    let mixed = build(network().dtype_policy(MIXED));
    assert_eq!((mixed.dtype_policy(), policies(&mixed)), (MIXED, vec![MIXED, MIXED, DTypePolicy::Float32]));
    // Initial weights do not depend on it, nor are they rounded.
    assert_eq!(plain.get_weights(), mixed.get_weights());
    assert!(mixed.get_weights().iter().any(|w| w.as_f32().unwrap().iter().any(|v| v.to_bits() & 0xffff != 0)));
    // A policy of the layer's own wins also where the model has the other one.
    let own = build(Sequential::new().add(Input::new([4])).add(Dense::new(2).dtype(MIXED)).add(Dense::new(2)));
    assert_eq!((own.dtype_policy(), policies(&own)), (DTypePolicy::Float32, vec![MIXED, DTypePolicy::Float32]));
    // A network in single precision has no trace of it.
    let mut plain = plain;
    assert!(!plain.dump(Stage::Graph, 8).unwrap().contains("bf16"));
}

fn data() -> (Tensor, Tensor) {
    let x: Vec<f32> = (0..40 * 4).map(|i| (i as f32 * 1.7).sin()).collect();
    let y: Vec<i32> = x.chunks(4).map(|r| i32::from(r[0] > 0.0) + i32::from(r[1] > 0.0)).collect();
    (Tensor::f32([40, 4], x).unwrap(), Tensor::from(y))
}

#[test]
fn files_keep_the_policies_of_model_and_layers() {
    let (x, y) = data();
    let mut model = network().dtype_policy(MIXED).build_on(backend(), Seed(3)).unwrap();
    model.compile(Adam::new(0.01), SparseCategoricalCrossentropy::default(), ()).unwrap();
    model.fit(&x, &y, Fit::default().epochs(2)).unwrap();
    let archive = KerasArchive::read_from_slice(&model.to_bytes().unwrap()).unwrap();
    // As Keras 3.15.1 writes it under `set_dtype_policy("mixed_bfloat16")`.
    let config = &archive.config["config"];
    let policy = |name: &str| json!({"module": "keras", "class_name": "DTypePolicy", "config": {"name": name}, "registered_name": null});
    assert_eq!(config["dtype"], policy("mixed_bfloat16"));
    let layers: Vec<&Json> = config["layers"].as_array().unwrap().iter().map(|l| &l["config"]["dtype"]).collect();
    assert_eq!(layers, [&json!("float32"), &policy("mixed_bfloat16"), &policy("mixed_bfloat16"), &policy("float32")]);
    let load = |archive: &KerasArchive| Model::from_bytes(backend(), &archive.write_to_vec().unwrap(), LoadOptions::default());
    let mut loaded = load(&archive).unwrap();
    assert_eq!((loaded.dtype_policy(), policies(&loaded)), (MIXED, policies(&model)));
    assert_eq!(loaded.predict(&x).unwrap(), model.predict(&x).unwrap());
    for m in [&mut model, &mut loaded] {
        m.fit(&x, &y, Fit::default().initial_epoch(2).epochs(4)).unwrap();
    }
    assert_eq!(loaded.get_weights(), model.get_weights());
    // What is not there is refused, with the place.
    let mut other = archive.clone();
    other.config["config"]["dtype"] = json!("mixed_float8");
    let text = load(&other).unwrap_err().to_string();
    assert!(text.contains("dtype of the model") && text.contains("\"float32\", \"mixed_bfloat16\" or \"mixed_float16\""), "{text}");
}

#[test]
fn other_policies_are_refused_by_name() {
    let expected = "but must be \"float32\", \"mixed_bfloat16\" or \"mixed_float16\" (weights in float32, computation in 16 bits)";
    for (dtype, shown) in [
        (json!("mixed_float8"), "\"mixed_float8\""),
        (json!("bfloat16"), "\"bfloat16\""),
        (
            json!({"class_name": "DTypePolicy", "config": {"name": "float16"}}),
            "{\"class_name\":\"DTypePolicy\",\"config\":{\"name\":\"float16\"}}",
        ),
        (json!(16), "16"),
    ] {
        let error = Dense::from_config(&json!({"units": 1, "dtype": dtype})).unwrap_err().to_string();
        assert_eq!(error, format!("Dense: `dtype` is {shown}, {expected}"));
    }
    for dtype in [json!("mixed_bfloat16"), json!({"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}})] {
        assert_eq!(Dense::from_config(&json!({"units": 1, "dtype": dtype})).unwrap(), Dense::new(1).dtype(MIXED));
    }
    assert_eq!(Dense::from_config(&json!({"units": 1})).unwrap().dtype_policy(), None);
    let metric = json!({"class_name": "MeanAbsoluteError", "config": {"dtype": "mixed_bfloat16"}});
    let error = catalogue::metric_from_json(&metric).map(drop).unwrap_err().to_string();
    assert!(error.contains("`dtype`") && error.contains("float32: metrics are computed in it under every policy"), "{error}");
    assert_eq!(DTypePolicy::from_name("[model]", "mixed_bfloat16"), Ok(MIXED));
    let error = DTypePolicy::from_name("[model]", "float64").unwrap_err().to_string();
    assert_eq!(error, format!("[model]: `dtype` is \"float64\", {expected}"));
}
