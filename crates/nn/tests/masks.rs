//! Masks: which layers make, hand on, heed and drop them, and what losses and metrics make of them, against real Keras
//! (`scripts/goldens/masks.py` made the files); then what Keras leaves open.

mod support;

use adaline_data::Tensor;
use adaline_graph::{Builder, DType, NodeId, Shape, TensorType, Var, eval::Value, reference::Reference};
use adaline_nn::{
    DTypePolicy, Layer, Seed, Sequential, Trace,
    catalogue::layer_from_json,
    layers::{Dense, Embedding, Flatten, GlobalAveragePooling1D, Input, Masking, Softmax},
    losses::{Loss, MeanSquaredError, apply_mask, reduce},
    optimizers::Sgd,
    trace::Weights,
};
use serde_json::Value as Json;
use std::sync::Arc;
use support::{ABSOLUTE, Feed, RELATIVE, close, goldens, gradients, tensor, tensors};

fn layers(json: &Json) -> Vec<Box<dyn Layer>> {
    json.as_array().unwrap().iter().map(|l| layer_from_json(l).unwrap()).collect()
}

/// One graph with a chain of layers.
struct Run<'g> {
    y: Var<'g>,
    mask: Option<Var<'g>>,
    updates: Vec<Var<'g>>,
}

fn chain<'g>(b: &'g Builder, feed: &mut Feed, weights: &mut Weights, layers: &[Box<dyn Layer>], x: Var<'g>, training: bool) -> Run<'g> {
    let (seed, step) = (feed.input(b, &Value::i32([2], &[1, 2])), feed.input(b, &Value::i32(Shape::SCALAR, &[0])));
    let mut cx = Trace::new(b, weights, training, seed, step);
    let y = layers.iter().enumerate().fold(x, |x, (i, layer)| cx.call(&format!("layer_{i}"), layer.as_ref(), &[x]));
    let mask = cx.mask();
    Run { y, mask, updates: cx.finish().1.into_iter().map(|u| u.1).collect() }
}

#[test]
fn layers_treat_masks_as_keras_does() {
    for case in goldens("mask_layers") {
        let layers = layers(&case["layers"]);
        let what = format!("{} of {}, training {}", case["layers"], case["x"]["shape"], case["training"]);
        let training = case["training"] == true;
        let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
        let (x, c) = (feed.input(&b, &tensor(&case["x"])), feed.input(&b, &tensor(&case["cotangent"])));
        let run = chain(&b, &mut feed, &mut weights, &layers, x, training);
        assert!(!b.failed(), "{what}: {}", b.finish().unwrap_err());
        let theirs = case["weights"].as_array().unwrap();
        assert_eq!(weights.list.len(), theirs.len(), "{what}");
        for (ours, theirs) in weights.list.iter().zip(theirs) {
            assert_eq!((ours.name.as_str(), ours.ty), (theirs["name"].as_str().unwrap(), tensor(theirs).ty), "{what}");
            weights.store.f32_mut(ours.slot).copy_from_slice(&tensor(theirs).to_f32());
        }
        let trained: Vec<Var<'_>> =
            weights.list.iter().filter(|w| w.spec.trainable).map(|w| b.state(w.slot, &format!("{}/{}", w.layer, w.name), w.ty)).collect();
        let of_x = (x.ty().dtype == DType::F32).then_some(x);
        let wrt: Vec<Var<'_>> = trained.iter().copied().chain(of_x).collect();
        let mut wanted: Vec<NodeId> = vec![run.y.id()];
        wanted.extend(gradients(&b, (run.y * c).sum(&[], false), &wrt));
        wanted.extend(run.updates.iter().map(|u| u.id()));
        wanted.extend(run.mask.map(|m| m.cast(DType::I32).id()));
        let out = feed.run_with(b, &wanted, &|slot| {
            let w = weights.list.iter().find(|w| w.slot == slot)?;
            Some(Value::f32(w.ty.shape, weights.store.f32(slot)))
        });
        let mut expected = vec![tensor(&case["y"])];
        expected.extend(tensors(&case["weight_gradients"]));
        expected.extend((!case["gradient"].is_null()).then(|| tensor(&case["gradient"])));
        expected.extend(if training { tensors(&case["after"]) } else { Vec::new() });
        assert_eq!(run_has_mask(&case), wanted.len() - expected.len(), "{what}: whether there is a mask");
        expected.extend((!case["mask"].is_null()).then(|| tensor(&case["mask"])));
        for (i, (ours, theirs)) in out.iter().zip(&expected).enumerate() {
            close(&format!("{what}: result {i}"), ours, theirs, RELATIVE, if i == 0 { ABSOLUTE } else { 1e-5 });
        }
    }
}

fn run_has_mask(case: &Json) -> usize {
    usize::from(!case["mask"].is_null())
}

#[test]
fn losses_weigh_masked_places_as_keras_does() {
    for case in goldens("mask_losses") {
        let reduction = serde_json::from_value(case["reduction"].clone()).unwrap();
        let (b, mut feed) = (Builder::new(), Feed::default());
        let (t, p, m) =
            (feed.input(&b, &tensor(&case["y_true"])), feed.input(&b, &tensor(&case["y_pred"])), feed.input(&b, &tensor(&case["mask"])));
        let w = (!case["weight"].is_null()).then(|| feed.input(&b, &tensor(&case["weight"])));
        let weight = apply_mask(w, Some(m.cast(DType::Bool)), reduction);
        let result = reduce(MeanSquaredError::new().call(t, p), weight, reduction).id();
        let what = format!("{} with weights {} and mask {}", case["reduction"], case["weight"]["data"], case["mask"]["data"]);
        close(&what, &feed.run(b, &[result])[0], &tensor(&case["result"]), RELATIVE, ABSOLUTE);
    }
}

#[test]
fn a_sequence_without_a_step_has_no_mean() {
    let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
    let x = feed.input(&b, &Value::f32([2, 2, 1], &[0.0, 0.0, 3.0, 0.0]));
    let run = chain(&b, &mut feed, &mut weights, &[Masking::default().into(), GlobalAveragePooling1D::new().into()], x, false);
    assert!(run.mask.is_none());
    let y = run.y.id();
    let out = feed.run(b, &[y]);
    assert!(out[0].data[0].is_nan() && out[0].data[1] == 3.0, "{:?}", out[0].data);
}

#[test]
fn masks_that_do_not_fit_are_errors() {
    let error = |layer: Box<dyn Layer>, x: &Value| {
        let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
        let v = feed.input(&b, x);
        chain(&b, &mut feed, &mut weights, &[Masking::default().into(), layer], v, true);
        b.finish().unwrap_err().to_string()
    };
    let x = Value::f32([2, 3, 4], &[1.0; 24]);
    let text = error(Softmax::new().into(), &x);
    assert!(text.contains("[2, 3, 4]") && text.contains("[2, 3]") && text.contains("Activation::Softmax"), "{text}");
    let text = error(Dense::new(2).into(), &Value::f32([5], &[1.0; 5]));
    assert!(text.contains("layer_0") && text.contains("rank 2"), "{text}");
}

/// Numbers from 256 up have no neighbour in bfloat16.
#[test]
fn numbers_of_words_are_not_rounded() {
    let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
    let x = feed.input(&b, &Value::f32([1, 2], &[256.0, 257.0]));
    let layer: Box<dyn Layer> = Embedding::new(300, 1).mask_zero(true).dtype(DTypePolicy::MixedBfloat16).into();
    let y = chain(&b, &mut feed, &mut weights, &[layer], x, false).y.id();
    let slot = weights.list[0].slot;
    for (at, v) in weights.store.f32_mut(slot).iter_mut().enumerate() {
        *v = at as f32 - 256.0;
    }
    let out = feed.run_with(b, &[y], &|slot| Some(Value::f32([300, 1], weights.store.f32(slot))));
    assert_eq!(out[0].data, [0.0, 1.0]);
}

fn embedded(input: Option<Input>) -> adaline_nn::Model {
    let mut net = Sequential::new();
    if let Some(input) = input {
        net = net.add(input);
    }
    let net = net.add(Embedding::new(5, 2)).add(Flatten::new()).add(Dense::new(1));
    let mut model = net.build_on(Arc::new(Reference::default()), Seed(1)).unwrap();
    model.compile(Sgd::new(0.1), MeanSquaredError::new(), ()).unwrap();
    model
}

#[test]
fn numbers_that_are_not_in_the_table_are_errors_that_say_where() {
    let y = Tensor::from([[0.0f32], [1.0]]);
    let bad: [(Tensor, &str); 4] = [
        (Tensor::from([[0i32, 1], [5, 2]]), "x has 5 at row 1, column 0"),
        (Tensor::from([[0i32, -1], [4, 2]]), "x has -1 at row 0, column 1"),
        (Tensor::from([[0.0f32, 4.9], [4.0, 1e9]]), "x has 1000000000 at row 1, column 1"),
        (Tensor::from([[0u8, 9], [4, 2]]), "x has 9 at row 0, column 1"),
    ];
    for input in [None, Some(Input::new([2])), Some(Input::new([2]).dtype("int32"))] {
        let mut model = embedded(input);
        let (whole, cut) = (Tensor::from([[0i32, 1], [4, 2]]), Tensor::from([[0.0f32, 1.9], [4.5, 2.0]]));
        model.train_on_batch(&whole, &y, None).unwrap();
        assert_eq!(model.predict(&whole).unwrap(), model.predict(&cut).unwrap());
        for (x, expected) in &bad {
            for text in [
                model.predict(x).unwrap_err().to_string(),
                model.evaluate(x, &y, adaline_nn::Evaluate::default()).unwrap_err().to_string(),
                model.train_on_batch(x, &y, None).unwrap_err().to_string(),
            ] {
                assert!(text.starts_with(expected) && text.contains("`embedding`") && text.contains("from 0 to 4"), "{text}");
            }
        }
    }
}

/// Rows of the table that no number names have no gradient: they stay under plain descent, whatever the batch.
#[test]
fn only_rows_that_were_looked_up_change() {
    let mut model = embedded(None);
    let x = Tensor::from([[1i32, 3]]);
    model.build_for(&[2]).unwrap();
    let table = |m: &adaline_nn::Model| m.get_weights()[0].as_f32().unwrap().to_vec();
    let before = table(&model);
    model.train_on_batch(&x, &Tensor::from([[9.0f32]]), None).unwrap();
    for (row, (a, b)) in before.chunks(2).zip(table(&model).chunks(2)).enumerate() {
        assert_eq!(a != b, row == 1 || row == 3, "row {row}");
    }
}

#[test]
fn every_layer_says_whether_it_supports_masking() {
    // As real Keras says of its own.
    let support = [
        "Dense",
        "Activation",
        "Dropout",
        "Rescaling",
        "Normalization",
        "GlobalAveragePooling1D",
        "BatchNormalization",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "ReLU",
        "LeakyReLU",
        "ELU",
        "PReLU",
        "Softmax",
        "Masking",
    ];
    let made = [goldens("configs"), goldens("image_configs"), goldens("mask_configs")].concat();
    let mut seen = 0;
    for config in made.iter().filter(|c| c["module"] == "keras.layers") {
        let layer = layer_from_json(config).unwrap();
        let expected = support.contains(&layer.class_name()) || config["config"]["mask_zero"] == true;
        assert_eq!(layer.supports_masking(), expected, "{}", layer.class_name());
        seen += usize::from(expected);
    }
    assert!(seen >= support.len());
    let b = Builder::new();
    let (seed, step) = (b.input("seed", TensorType::i32([2])), b.input("step", TensorType::i32(Shape::SCALAR)));
    let mut weights = Weights::new(1);
    assert!(Trace::new(&b, &mut weights, false, seed, step).mask().is_none());
}
