//! Models on the reference backend.

use super::*;
use crate::activations::Activation;
use crate::callbacks::{EarlyStopping, LambdaCallback, TerminateOnNaN};
use crate::error::NonFinite;
use crate::layers::{ActivationLayer, Dense, Dropout, Flatten, Input, Rescaling};
use crate::losses::{BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy};
use crate::metrics::{Accuracy, MeanAbsoluteError};
use crate::optimizers::{Adam, Sgd};
use crate::regularizers::L2;
use adaline_data::{KFold, Tensor};
use adaline_graph::philox::Philox;
use adaline_graph::reference::Reference;
use std::sync::atomic::{AtomicBool, Ordering};

fn reference() -> Arc<dyn Backend> {
    Arc::new(Reference::default())
}

/// Three classes by which of three sums of features is the largest.
fn data(rows: usize) -> (Tensor, Tensor) {
    let rng = Philox::new(3, 1, 0);
    let x: Vec<f32> = (0..rows * 4).map(|i| 2.0 * rng.uniform(i as u64) - 1.0).collect();
    let class = |r: &[f32]| {
        let s = [r[0] + r[1], r[2] - r[0], r[3]];
        (0..3).max_by(|&a, &b| s[a].total_cmp(&s[b])).unwrap() as i32
    };
    let y: Vec<i32> = x.chunks(4).map(class).collect();
    (Tensor::f32([rows, 4], x).unwrap(), Tensor::from(y))
}

fn network() -> Sequential {
    Sequential::new()
        .name("net")
        .add(Input::new([4]))
        .add(Dense::new(8).activation(Activation::Relu).kernel_regularizer(L2(0.001)))
        .add(Dropout::new(0.2))
        .add(Dense::new(3).activation(Activation::Softmax))
}

fn compiled() -> Model {
    let mut model = network().build_on(reference(), Seed(7)).unwrap();
    model.compile(Adam::default().learning_rate(0.02), SparseCategoricalCrossentropy::default(), [Accuracy::new()]).unwrap();
    model
}

fn regression(width: usize) -> Model {
    let mut model = Sequential::new().add(Input::new([width])).add(Dense::new(1)).build_on(reference(), Seed(1)).unwrap();
    model.compile(Sgd::default(), MeanSquaredError::default(), [MeanAbsoluteError::default()]).unwrap();
    model
}

fn bits(t: &[Tensor]) -> Vec<u32> {
    t.iter().flat_map(|t| t.as_f32().unwrap().iter().map(|v| v.to_bits())).collect()
}

#[test]
fn it_learns_and_keeps_the_history_in_keras_order() {
    let (x, y) = data(200);
    let mut model = compiled();
    let h = model.fit(&x, &y, Fit::default().epochs(15).validation_split(0.2)).unwrap();
    assert_eq!(h.names().collect::<Vec<_>>(), ["accuracy", "loss", "val_accuracy", "val_loss"]);
    assert_eq!(h.epoch, (0..15).collect::<Vec<_>>());
    assert!(h.last("loss").unwrap() < 0.6 * h["loss"][0], "{:?}", &h["loss"]);
    assert!(h.last("val_accuracy").unwrap() > 0.75, "{:?}", &h["val_accuracy"]);
    assert_eq!(model.iterations(), 15 * 5, "160 rows are 5 batches of 32");
    let logs = model.evaluate(&x.slice_rows(160..200).unwrap(), &y.slice_rows(160..200).unwrap(), Evaluate::default()).unwrap();
    assert_eq!(logs.iter().map(|l| l.0.as_str()).collect::<Vec<_>>(), ["loss", "accuracy"]);
    assert_eq!(logs[0].1, h.last("val_loss").unwrap());
    assert_eq!(log_value(&logs, "accuracy"), h.last("val_accuracy"));
}

#[test]
fn outputs_of_more_axes_than_the_labels_are_explained() {
    let mut model = Sequential::new()
        .add(Input::new([5, 4]))
        .add(Dense::new(3).activation(Activation::Softmax))
        .build_on(reference(), Seed(0))
        .unwrap();
    model.compile(Sgd::default(), SparseCategoricalCrossentropy::default(), ()).unwrap();
    let error = model.fit(&Tensor::zeros([2, 5, 4]).unwrap(), &Tensor::from([0, 1]), Fit::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SparseCategoricalCrossentropy takes labels of shape (None, 5) for predictions of shape (None, 5, 3), but y has shape (None,): the network \
         gives more than one row of outputs for each row; add Flatten or global pooling before its last layers, or leave out return_sequences in its \
         last recurrent layer"
    );
}

#[test]
fn names_are_counted_within_the_model() {
    let model = Sequential::new().add(Dense::new(2)).add(Dense::new(2).name("dense_1")).add(Dense::new(2)).add(Dense::new(2));
    let model = model.build_on(reference(), Seed(0)).unwrap();
    assert_eq!(model.layer_names().collect::<Vec<_>>(), ["dense", "dense_1", "dense_2", "dense_3"]);
    assert_eq!(model.name(), "sequential");
}

#[test]
fn networks_that_cannot_be() {
    let text = |s: Sequential| s.build_on(reference(), Seed(0)).unwrap_err().to_string();
    assert!(text(Sequential::new()).contains("it has no layer"));
    assert!(text(Sequential::new().add(Input::new([3]))).contains("it has no layer"));
    assert!(text(Sequential::new().add(Dense::new(1).name("a")).add(Dense::new(1).name("a"))).contains("two layers have the name `a`"));
    assert!(text(Sequential::new().add(Dense::new(1)).add(Input::new([3]))).contains("layer 2 is an input layer"));
    assert!(text(Sequential::new().add(Dense::new(1).name("a/b"))).contains("slash"));
    assert!(text(Sequential::new().add(Input::new([3])).add(Dense::new(0))).contains("layer `dense`: Dense: `units` is 0"));
    let deep = text(Sequential::new().add(Input::new([])).add(Dense::new(2)));
    assert!(deep.contains("layer `dense`"), "{deep}");
}

#[test]
fn without_input_layer_the_data_decides() {
    let (x, y) = data(40);
    let mut model = Sequential::new().add(Dense::new(3).activation(Activation::Softmax)).build_on(reference(), Seed(1)).unwrap();
    assert!(matches!(model.predict(&x), Err(Error::NotBuilt { .. })));
    assert!(matches!(model.fit(&x, &y, Fit::default()), Err(Error::NotCompiled { .. })));
    assert_eq!(model.summary().unwrap().rows[0].output_text(), "?");
    model.compile(Sgd::default(), SparseCategoricalCrossentropy::default(), ()).unwrap();
    model.fit(&x, &y, Fit::default()).unwrap();
    assert_eq!(model.weight("dense/kernel").unwrap().shape(), [4, 3]);
    let narrow = Tensor::zeros([40, 3]).unwrap();
    let text = model.fit(&narrow, &y, Fit::default()).unwrap_err().to_string();
    assert_eq!(text, "model `sequential` takes rows of shape (4,), but x has rows of shape (3,): 1 column is missing");
}

#[test]
fn data_that_does_not_fit() {
    let (x, y) = data(10);
    let mut model = compiled();
    let mut fit = |x: &Tensor, y: &Tensor, o: Fit<'_>| model.fit(x, y, o).unwrap_err().to_string();
    let d = Fit::default;
    assert!(fit(&x, &y.slice_rows(0..9).unwrap(), d()).contains("x has 10 rows, but y has 9"));
    assert!(fit(&x.slice_rows(0..0).unwrap(), &y.slice_rows(0..0).unwrap(), d()).contains("x has no rows"));
    assert!(fit(&x, &y, d().batch_size(0)).contains("batch_size is 0, but must be at least 1"));
    assert!(fit(&x, &y, d().validation_split(1.0)).contains("validation_split is 1"));
    assert!(fit(&x, &y, d().validation_split(0.95)).contains("validation_split"));
    assert!(fit(&x, &y, d().validation_freq(0)).contains("validation_freq is 0"));
    assert!(fit(&x, &y, d().sample_weight([1.0; 9])).contains("x has 10 rows, but sample_weight has 9"));
    assert!(fit(&x, &y, d().sample_weight([1.0; 10]).class_weight([(0, 1.0)])).contains("class_weight"));
    assert!(fit(&x, &y, d().class_weight([(0, f32::NAN)])).contains("class_weight is NaN for class 0"));
    assert!(fit(&x, &Tensor::from([0, 1, 2, 0, 1, 3, 0, 0, 0, 0]), d()).contains("row 5 of y has the label 3"));
    let one_hot = adaline_data::to_categorical(&y, Some(3)).unwrap();
    let text = fit(&x, &one_hot, d());
    assert!(text.contains("(None, 3)") && text.contains("CategoricalCrossentropy takes"), "{text}");
    let mut bad = x.as_f32().unwrap().to_vec();
    bad[6] = f32::INFINITY;
    assert!(fit(&Tensor::f32([10, 4], bad).unwrap(), &y, d()).contains("x has inf at row 1, column 2"));
    assert!(fit(&x, &y, d().validation_data(&x.slice_rows(0..4).unwrap(), &y)).contains("x has 4 rows, but validation y has 10"));
    let image = Tensor::zeros([10, 2, 2]).unwrap();
    assert!(fit(&image, &y, d()).contains("reshape it to rows of (4,)"));

    let mut model = regression(4);
    let text = model.fit(&x, &Tensor::zeros([10, 2]).unwrap(), d()).unwrap_err().to_string();
    assert!(text.contains("change the last layer to 2 outputs"), "{text}");
    let mut model = network().build_on(reference(), Seed(0)).unwrap();
    model.compile(Sgd::default(), CategoricalCrossentropy::default(), ()).unwrap();
    let text = model.fit(&x, &y, d()).unwrap_err().to_string();
    assert!(text.contains("for class numbers use SparseCategoricalCrossentropy"), "{text}");
}

#[test]
fn compile_checks_loss_metrics_and_network() {
    let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build_on(reference(), Seed(0)).unwrap();
    let text = model.compile(Sgd::default(), SparseCategoricalCrossentropy::default(), ()).unwrap_err().to_string();
    assert!(text.contains("needs one output per class") && text.contains("(None, 1)"), "{text}");
    let text = model.compile(Sgd::default(), BinaryCrossentropy::default(), [Accuracy::new(), Accuracy::new()]).unwrap_err().to_string();
    assert!(text.contains("two values would be called `accuracy`"), "{text}");
    assert!(model.compile(Sgd::default().learning_rate(-1.0), BinaryCrossentropy::default(), ()).is_err());
    model.compile(Sgd::default(), BinaryCrossentropy::default(), (Accuracy::new(), MeanAbsoluteError::default())).unwrap();
    assert_eq!(model.metrics().count(), 2);
    let boxed: Vec<Box<dyn crate::Metric>> = vec![Accuracy::new().into()];
    model.compile(Sgd::default(), BinaryCrossentropy::default(), boxed).unwrap();
}

#[test]
fn compiling_again_keeps_weights_and_forgets_the_optimizer() {
    let (x, y) = data(64);
    let mut model = compiled();
    model.fit(&x, &y, Fit::default()).unwrap();
    let before = bits(&model.get_weights());
    model.compile(Sgd::default(), SparseCategoricalCrossentropy::default(), ()).unwrap();
    assert_eq!(bits(&model.get_weights()), before);
    assert_eq!((model.iterations(), model.summary().unwrap().optimizer), (0, None));
    let h = model.fit(&x, &y, Fit::default()).unwrap();
    assert_eq!(h.names().collect::<Vec<_>>(), ["loss"]);
}

#[test]
fn prediction_does_not_depend_on_batches() {
    let (x, _) = data(50);
    let mut model = compiled();
    let whole = model.predict_on_batch(&x).unwrap();
    assert_eq!(whole.shape(), [50, 3]);
    for size in [1, 7, 32, 50, 64] {
        assert_eq!(bits(&[model.predict_batched(&x, size).unwrap()]), bits(std::slice::from_ref(&whole)), "batches of {size}");
    }
    assert!(whole.as_f32().unwrap().chunks(3).all(|r| (r.iter().sum::<f32>() - 1.0).abs() < 1e-6));
    assert!(model.predict_batched(&x, 0).is_err());
}

#[test]
fn bytes_are_inputs_too() {
    let images = Tensor::u8([4, 2, 2], (0..16).map(|v| v * 16).collect()).unwrap();
    let model = Sequential::new().add(Input::new([2, 2])).add(Rescaling::new(1.0 / 255.0)).add(Flatten::new()).add(Dense::new(2));
    let mut model = model.build_on(reference(), Seed(0)).unwrap();
    let as_floats = images.map(|v| v);
    assert_eq!(bits(&[model.predict(&images).unwrap()]), bits(&[model.predict(&as_floats).unwrap()]));
}

#[test]
fn class_weights_are_sample_weights() {
    let (x, y) = data(60);
    let weights: Vec<f32> = y.as_i32().unwrap().iter().map(|&c| if c == 1 { 4.0 } else { 1.0 }).collect();
    let run = |o: Fit<'_>| {
        let mut m = compiled();
        let h = m.fit(&x, &y, o.epochs(2)).unwrap();
        (bits(&m.get_weights()), h)
    };
    let by_class = run(Fit::default().class_weight([(1, 4.0)]));
    assert_eq!(by_class, run(Fit::default().sample_weight(weights)));
    assert_ne!(by_class.0, run(Fit::default()).0);
    assert_eq!(by_class.1["accuracy"].len(), 2);
}

#[test]
fn weighted_metrics_heed_weights_and_others_do_not() {
    let x = Tensor::from([[0.0f32], [0.0]]);
    let y = Tensor::from([[1.0f32], [3.0]]);
    let mut model = regression(1);
    let mut weighted = MeanAbsoluteError::default();
    crate::Metric::set_name(&mut weighted, "weighted".into());
    model.compile_weighted(Sgd::default(), MeanSquaredError::default(), [MeanAbsoluteError::default()], [weighted]).unwrap();
    let logs = model.evaluate(&x, &y, Evaluate::default().sample_weight([3.0, 1.0])).unwrap();
    // Prediction 0: squared errors 1 and 9, weighted (3 + 9) / 2.
    assert_eq!(logs.iter().map(|l| l.1).collect::<Vec<_>>(), [6.0, 2.0, 1.5]);
}

#[test]
fn accumulation_equals_the_large_batch_and_carries_over_epochs() {
    let (x, y) = data(48);
    let start = network().build_on(reference(), Seed(7)).unwrap().get_weights();
    let plain = || {
        Sequential::new()
            .add(Input::new([4]))
            .add(Dense::new(8).activation(Activation::Tanh))
            .add(Dense::new(3).activation(Activation::Softmax))
    };
    let run = |steps: Option<u32>, batch: usize, epochs: usize| {
        let mut m = plain().build_on(reference(), Seed(7)).unwrap();
        m.set_weights(&start).unwrap();
        let sgd = Sgd::default().learning_rate(0.5);
        let sgd = steps.map_or(sgd.clone(), |n| sgd.gradient_accumulation_steps(n));
        m.compile(sgd, SparseCategoricalCrossentropy::default(), ()).unwrap();
        m.fit(&x, &y, Fit::default().epochs(epochs).batch_size(batch).shuffle(false)).unwrap();
        (m.iterations(), m.get_weights())
    };
    let (updates, small) = run(Some(3), 16, 1);
    let (_, large) = run(None, 48, 1);
    assert_eq!(updates, 1);
    for (a, b) in small.iter().zip(&large) {
        assert!(a.as_f32().unwrap().iter().zip(b.as_f32().unwrap()).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    // 4 micro-batches per epoch, 3 per update: after 3 epochs 4 updates and nothing left over.
    assert_eq!(run(Some(3), 12, 3).0, 4);
}

#[test]
fn four_epochs_equal_two_saved_loaded_and_two_more() {
    let (x, y) = data(70);
    let mut straight = compiled();
    let whole = straight.fit(&x, &y, Fit::default().epochs(4)).unwrap();
    let mut first = compiled();
    first.set_asset("adaline/preprocessing.json", b"{}".to_vec());
    let begin = first.fit(&x, &y, Fit::default().epochs(2)).unwrap();
    let bytes = first.to_bytes().unwrap();
    let mut second = Model::from_bytes(reference(), &bytes, LoadOptions::default()).unwrap();
    assert_eq!(second.asset("adaline/preprocessing.json"), Some(&b"{}"[..]));
    assert_eq!(bits(&[first.predict(&x).unwrap()]), bits(&[second.predict(&x).unwrap()]));
    assert_eq!((second.iterations(), second.seed()), (6, Seed(7)));
    let end = second.fit(&x, &y, Fit::default().epochs(4).initial_epoch(2)).unwrap();
    assert_eq!(end.epoch, [2, 3]);
    assert_eq!(bits(&second.get_weights()), bits(&straight.get_weights()));
    let joined: Vec<f64> = begin["loss"].iter().chain(&end["loss"]).copied().collect();
    assert_eq!(joined, &whole["loss"]);
    assert_eq!(bytes, first.to_bytes().unwrap(), "equal models are equal files");
    let predictor = Model::from_bytes(reference(), &bytes, LoadOptions { compile: false, ..LoadOptions::default() }).unwrap();
    assert!(!predictor.is_compiled());
}

#[test]
fn weights_by_name_and_in_order() {
    let mut model = compiled();
    assert_eq!(model.weight_names(), ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]);
    assert_eq!(model.count_params(), (4 * 8 + 8 + 8 * 3 + 3, 0));
    let text = model.weight("dense/kernl").unwrap_err().to_string();
    assert!(text.contains("did you mean `dense/kernel`?"), "{text}");
    model.set_weight("dense_1/bias", &Tensor::from([1.0f32, 2.0, 3.0])).unwrap();
    assert_eq!(model.get_weights()[3].as_f32().unwrap(), [1.0, 2.0, 3.0]);
    let text = model.set_weight("dense_1/bias", &Tensor::from([1.0f32])).unwrap_err().to_string();
    assert!(text.contains("it has shape [3], got values of shape [1]"), "{text}");
    let mut all = model.get_weights();
    all[0] = Tensor::zeros([1, 1]).unwrap();
    let before = bits(&model.get_weights());
    assert!(model.set_weights(&all).is_err() && model.set_weights(&all[..2]).is_err());
    assert_eq!(bits(&model.get_weights()), before, "nothing changes when one does not fit");
}

#[test]
fn summary_has_open_batches_and_all_counts() {
    let (x, y) = data(32);
    let mut model = compiled();
    let s = model.summary().unwrap();
    let rows: Vec<_> = s.rows.iter().map(|r| (r.name.as_str(), r.class.as_str(), r.output_text(), r.params)).collect();
    assert_eq!(
        rows,
        [
            ("dense", "Dense", "(None, 8)".into(), 40),
            ("dropout", "Dropout", "(None, 8)".into(), 0),
            ("dense_1", "Dense", "(None, 3)".into(), 27)
        ]
    );
    assert_eq!((s.trainable, s.non_trainable, s.optimizer), (67, 0, None));
    model.fit(&x, &y, Fit::default()).unwrap();
    let s = model.summary().unwrap();
    // Adam: two slots per weight, iteration, learning rate; as Keras counts.
    assert_eq!(s.optimizer, Some(2 * 67 + 2));
    assert!(s.to_string().contains(" Total params: 203 (812.00 B)"), "{s}");
}

#[test]
fn the_layer_where_a_nan_begins_is_named() {
    let (x, _) = data(64);
    let y = Tensor::f32([64, 1], (0..64).map(|i| i as f32).collect()).unwrap();
    let mut model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(4).name("first"))
        .add(Dense::new(1).name("second"))
        .build_on(reference(), Seed(1))
        .unwrap();
    model.compile(Sgd::default().learning_rate(1e6), MeanSquaredError::default(), ()).unwrap();
    let start = bits(&model.get_weights());
    let error = model.fit(&x, &y, Fit::default().epochs(20).batch_size(16)).unwrap_err();
    let text = error.to_string();
    let Error::NonFiniteLoss { epoch, step, layer, .. } = error else { panic!("{text}") };
    assert!(layer.is_some(), "{text}");
    assert!(
        text.contains("the loss became") && text.contains(&format!("in epoch {}", epoch + 1)) && text.contains("back as it was"),
        "{text}"
    );
    assert!(step < 4);
    if epoch == 0 {
        assert_eq!(bits(&model.get_weights()), start, "the model is back where the epoch began");
        assert_eq!(model.iterations(), 0);
    }
    // Keras' ways.
    let h = model.fit(&x, &y, Fit::default().epochs(3).batch_size(16).allow_nan(true)).unwrap();
    assert_eq!(h.len(), 3);
    assert!(!h.last("loss").unwrap().is_finite());
    let mut terminate = TerminateOnNaN::new();
    let h = model.fit(&x, &y, Fit::default().epochs(3).batch_size(16).callback(&mut terminate)).unwrap();
    assert_eq!((h.len(), terminate.terminated()), (1, Some(0)));
}

#[test]
fn a_model_as_it_was_made_is_made_again_and_one_that_was_changed_is_kept() {
    let (x, _) = data(64);
    let y = Tensor::f32([64, 1], (0..64).map(|i| if i < 48 { i as f32 } else { 3e38 }).collect()).unwrap();
    let make = || {
        let net = Sequential::new().add(Input::new([4])).add(Dense::new(4)).add(Dense::new(1));
        let mut model = net.build_on(reference(), Seed(1)).unwrap();
        model.compile(Adam::default(), MeanSquaredError::default(), ()).unwrap();
        model
    };
    // The last batch of an epoch is the bad one: three steps have changed weights and the optimizer's memory.
    let fit = |model: &mut Model| match model.fit(&x, &y, Fit::default().batch_size(16).shuffle(false)).unwrap_err() {
        Error::NonFiniteLoss { epoch: 0, step, iteration, loss, layer, what } => format!("{step} {iteration} {loss} {layer:?} {what:?}"),
        other => panic!("{other}"),
    };
    let mut model = make();
    let start = bits(&model.get_weights());
    assert!(model.weights.as_made());
    let found = fit(&mut model);
    assert_eq!((bits(&model.get_weights()), model.iterations()), (start.clone(), 0), "{found}");
    // So it goes on as one that nobody has trained.
    assert!(model.weights.as_made());
    assert_eq!(fit(&mut model), found);
    let good = x.clone().first_rows(32);
    let labels = y.clone().first_rows(32);
    let mut fresh = make();
    for m in [&mut model, &mut fresh] {
        m.fit(&good, &labels, Fit::default().batch_size(16)).unwrap();
        assert!(!m.weights.as_made());
    }
    assert_eq!(bits(&model.get_weights()), bits(&fresh.get_weights()));
    // One that was trained is put back to where the epoch began, not to its first weights.
    let trained = bits(&model.get_weights());
    fit(&mut model);
    assert_eq!(bits(&model.get_weights()), trained);
    // The same weights, given by hand: nothing is known about them, and the diagnosis is the same.
    let mut given = make();
    let weights = given.get_weights();
    given.set_weights(&weights).unwrap();
    assert!(!given.weights.as_made());
    assert_eq!(fit(&mut given), found);
    assert_eq!(bits(&given.get_weights()), start);
}

#[test]
fn an_overflow_within_a_layer_is_told_from_bad_weights() {
    let x = Tensor::from([[1e30f32], [1.0]]);
    let y = Tensor::from([[0.0f32], [0.0]]);
    let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1).name("a")).add(Dense::new(1).name("b"));
    model = model.name("m");
    let mut model = model.build_on(reference(), Seed(1)).unwrap();
    model.compile(Sgd::default(), MeanSquaredError::default(), ()).unwrap();
    model.set_weight("a/kernel", &Tensor::from([[1e20f32]])).unwrap();
    match model.fit(&x, &y, Fit::default().batch_size(1).shuffle(false)).unwrap_err() {
        Error::NonFiniteLoss { what: NonFinite::Output, layer, epoch: 0, step: 0, .. } => assert_eq!(layer.as_deref(), Some("a")),
        other => panic!("{other}"),
    }
    model.set_weight("a/kernel", &Tensor::from([[1.0f32]])).unwrap();
    model.set_weight("b/kernel", &Tensor::from([[1.0f32]])).unwrap();
    match model.fit(&x, &y, Fit::default().batch_size(1).shuffle(false)).unwrap_err() {
        Error::NonFiniteLoss { what: NonFinite::Loss, layer: None, .. } => {}
        other => panic!("{other}"),
    }
}

#[test]
fn a_flag_ends_training_after_the_running_step() {
    let (x, y) = data(64);
    let flag = Arc::new(AtomicBool::new(false));
    let mut model = compiled();
    let raise = LambdaCallback::new().on_train_batch_end(|step, _, control| {
        if step == 1 && control.model().iterations() > 5 {
            flag.store(true, Ordering::Relaxed);
        }
        Ok(())
    });
    let h = model.fit(&x, &y, Fit::default().epochs(9).batch_size(16).stop_when(flag.clone()).callback(raise)).unwrap();
    assert!(h.interrupted);
    assert_eq!((h.epoch, model.iterations()), (vec![0], 6));
}

#[test]
fn steps_per_epoch_go_on_where_the_last_epoch_ended() {
    let (x, y) = data(64);
    let run = |o: Fit<'_>| {
        let mut m = compiled();
        m.fit(&x, &y, o.batch_size(16)).unwrap();
        bits(&m.get_weights())
    };
    assert_eq!(run(Fit::default().epochs(2)), run(Fit::default().epochs(4).steps_per_epoch(2)));
    assert_eq!(run(Fit::default().epochs(3)), run(Fit::default().epochs(1).steps_per_epoch(12)));
}

#[test]
fn single_steps_add_up_their_metrics() {
    let (x, y) = data(20);
    let mut model = compiled();
    model.reset_metrics();
    let a = model.train_on_batch(&x, &y, None).unwrap();
    let b = model.train_on_batch(&x, &y, None).unwrap();
    let mean = log_value(&model.running_logs(), "loss").unwrap();
    assert!((mean - f64::from(a + b) / 2.0).abs() < 1e-6);
    assert_eq!(model.test_on_batch(&x, &y, None).unwrap(), model.evaluate(&x, &y, Evaluate::default().batch_size(20)).unwrap());
}

#[test]
fn evaluation_includes_penalties_as_keras_does() {
    let x = Tensor::zeros([2, 1]).unwrap();
    let model = Sequential::new().add(Input::new([1])).add(Dense::new(1).kernel_regularizer(L2(0.5)));
    let mut model = model.build_on(reference(), Seed(1)).unwrap();
    model.compile(Sgd::default(), MeanSquaredError::default(), ()).unwrap();
    model.set_weight("dense/kernel", &Tensor::from([[2.0f32]])).unwrap();
    assert_eq!(model.evaluate(&x, &Tensor::zeros([2, 1]).unwrap(), Evaluate::default()).unwrap()[0].1, 2.0);
}

#[test]
fn inspection_follows_a_row_both_ways() {
    let mut model = Sequential::new()
        .add(Input::new([2]))
        .add(Dense::new(1).activation(Activation::Relu).name("h"))
        .add(Dense::new(1).name("o"))
        .build_on(reference(), Seed(1))
        .unwrap();
    model.compile(Sgd::default(), MeanSquaredError::default(), ()).unwrap();
    model
        .set_weights(&[Tensor::from([[1.0f32], [-3.0]]), Tensor::from([0.5f32]), Tensor::from([[2.0f32]]), Tensor::from([0.0f32])])
        .unwrap();
    let look = model.inspect(&Tensor::from([[2.0f32, 0.5]]), Some(&Tensor::from([[1.0f32]]))).unwrap();
    // h = relu(2 - 1.5 + 0.5) = 1, o = 2, loss = 1, dloss/do = 2, dloss/dh = 4.
    let one = |t: &Option<Tensor>| t.as_ref().unwrap().as_f32().unwrap().to_vec();
    assert_eq!(look.loss, Some(1.0));
    assert_eq!(one(&look.layers[0].weighted_sums), [1.0]);
    assert_eq!((look.layers[0].output.as_f32().unwrap(), one(&look.layers[0].gradient)), (&[1.0][..], vec![4.0]));
    assert_eq!(one(&look.layers[0].weights[0].gradient), [8.0, 2.0]);
    assert_eq!((look.layers[1].output.as_f32().unwrap(), one(&look.layers[1].gradient)), (&[2.0][..], vec![2.0]));
    let plain = model.inspect(&Tensor::from([[2.0f32, 2.0]]), None).unwrap();
    assert_eq!((one(&plain.layers[0].weighted_sums), plain.layers[0].output.as_f32().unwrap()), (vec![-3.5], &[0.0][..]));
    assert!(plain.loss.is_none() && plain.layers[0].gradient.is_none());
    let outputs = model.activations(&Tensor::from([[2.0f32, 2.0]])).unwrap();
    assert_eq!((outputs[1].0.as_str(), outputs[1].1.as_f32().unwrap()), ("o", &[0.0][..]));
}

#[test]
fn scores_are_what_the_last_activation_gets() {
    // Scores z = (2 h, -h), h = relu(x0 - 3 x1 + 0.5), under both ways to write softmax.
    for own_layer in [false, true] {
        let last = Dense::new(2).use_bias(false).name("o");
        let net = Sequential::new().add(Input::new([2])).add(Dense::new(1).activation(Activation::Relu).name("h"));
        let net = if own_layer {
            net.add(last).add(ActivationLayer::new(Activation::Softmax))
        } else {
            net.add(last.activation(Activation::Softmax))
        };
        let mut model = net.build_on(reference(), Seed(1)).unwrap();
        model.set_weights(&[Tensor::from([[1.0f32], [-3.0]]), Tensor::from([0.5f32]), Tensor::from([[2.0f32, -1.0]])]).unwrap();
        let look = model.inspect_scores(&Tensor::from([[2.0f32, 0.5], [1.0, 0.0], [0.0, 9.0]]), &[0, 1, 1]).unwrap();
        let of = |at: usize| look.layers[at].gradient.as_ref().unwrap().as_f32().unwrap().to_vec();
        assert_eq!((of(0), look.layers[0].output.as_f32().unwrap()), (vec![2.0, -1.0, -1.0], &[1.0, 1.5, 0.0][..]));
        assert!(look.loss.is_none() && look.layers[0].weights.iter().all(|w| w.gradient.is_none()));
        let wrong = |classes: &[usize], model: &mut Model| model.inspect_scores(&Tensor::from([[2.0f32, 0.5]]), classes).unwrap_err();
        assert!(matches!(wrong(&[], &mut model), Error::RowCount { x: 1, got: 0, .. }));
        assert!(wrong(&[2], &mut model).to_string().contains("below 2"));
    }
}

#[test]
fn folds_get_networks_of_their_own() {
    let (x, y) = data(60);
    let folds = KFold { k: 3, shuffle: true, seed: 1 }.plain(60).unwrap();
    let mut prepared = 0;
    let result = cross_validate(
        &folds,
        &x,
        &y,
        |fold| {
            let mut m = network().build_on(reference(), Seed(fold as u64))?;
            m.compile(Adam::default().learning_rate(0.05), SparseCategoricalCrossentropy::default(), [Accuracy::new()])?;
            Ok(m)
        },
        |_| Fit::default().epochs(5),
        |_, data| {
            assert_eq!((data.x_train.rows(), data.x_validation.rows()), (40, 20));
            prepared += 1;
            Ok(())
        },
    )
    .unwrap();
    assert_eq!((prepared, result.histories.len()), (3, 3));
    let s = result.score("accuracy").unwrap();
    assert_eq!(s.folds.len(), 3);
    assert!((s.mean - s.folds.iter().sum::<f64>() / 3.0).abs() < 1e-12 && s.std >= 0.0);
    assert!(cross_validate(&[], &x, &y, |_| Ok(compiled()), |_| Fit::default(), |_, _| Ok(())).is_err());
}

#[test]
fn every_stage_can_be_shown() {
    let mut model = compiled();
    let text = |m: &mut Model, s| m.dump(s, 32).unwrap();
    assert!(text(&mut model, Stage::Layers).starts_with("dense (Dense): {"));
    assert!(text(&mut model, Stage::Graph).contains("dense_1"));
    assert!(text(&mut model, Stage::Fused).contains("dense"));
    assert!(text(&mut model, Stage::Plan).contains("steps,"));
}

#[test]
fn the_best_weights_come_back_also_when_epochs_run_out() {
    let (x, y) = data(60);
    let mut model = compiled();
    let mut kept: Vec<(f64, Vec<u32>)> = Vec::new();
    let keep = LambdaCallback::new().on_epoch_end(|_, logs, control| {
        kept.push((log_value(logs, "val_loss").unwrap(), bits(&control.model().get_weights())));
        Ok(())
    });
    let mut stop = EarlyStopping::new().patience(50).restore_best_weights(true);
    model.fit(&x, &y, Fit::default().epochs(4).validation_split(0.3).callback(&mut stop).callback(keep)).unwrap();
    assert_eq!(stop.stopped_epoch(), None);
    let best = kept.iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    assert_eq!(bits(&model.get_weights()), best.1);
    assert_eq!(stop.best().unwrap().1, best.0);
}

/// As Keras' `compile(optimizer)` of a model whose layers add the loss: here the penalty of a kernel.
#[test]
fn what_layers_add_may_be_all_the_loss() {
    let (x, _) = data(40);
    let objectives: [(&str, Objective); 0] = [];
    let mut model = network().build_on(reference(), Seed(7)).unwrap();
    model.compile_outputs(Adam::default().learning_rate(0.02), objectives).unwrap();
    let h = model.fit(&x, Labels::default(), Fit::default().epochs(3)).unwrap();
    let loss = h.get("loss").unwrap();
    assert!(loss[2] < loss[0] && loss[2] > 0.0, "{loss:?}");
    let again = Model::from_bytes(reference(), &model.to_bytes().unwrap(), LoadOptions::default()).unwrap();
    assert_eq!(again.iterations(), model.iterations());

    let objectives: [(&str, Objective); 0] = [];
    let mut bare = Sequential::new().add(Input::new([4])).add(Dense::new(1)).build_on(reference(), Seed(1)).unwrap();
    bare.compile_outputs(Sgd::default(), objectives).unwrap();
    let text = bare.fit(&x, Labels::default(), Fit::default()).unwrap_err().to_string();
    assert!(text.contains("no output has a loss and no layer adds one (add_loss, a regularizer)"), "{text}");
}
