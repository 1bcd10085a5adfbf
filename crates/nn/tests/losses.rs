//! Losses, metrics and activations beyond Keras' numbers: one's own, what files hold, errors, several values.

mod support;

use adaline_data::Tensor;
use adaline_graph::{Builder, Shape, TensorType, Var, eval::Value, reference::Reference};
use adaline_nn::{
    Fit, Loss, Metric, Model, Seed, Sequential,
    activations::{self, Activation},
    catalogue,
    keras::KerasObject,
    layers::{ActivationLayer, Dense, Input, TimeDistributed},
    losses, metrics,
    optimizers::Sgd,
};
use serde_json::json;
use std::sync::Arc;
use support::Feed;

fn network(layers: Vec<Box<dyn adaline_nn::Layer>>) -> Model {
    let net = layers.into_iter().fold(Sequential::new().add(Input::new([2])), Sequential::add);
    net.build_on(Arc::new(Reference::default()), Seed(3)).unwrap()
}

fn dense(units: usize) -> Box<dyn adaline_nn::Layer> {
    Dense::new(units).into()
}

fn data() -> (Tensor, Tensor) {
    let x: Vec<f32> = (0..24).map(|i| (i as f32 * 1.7).sin()).collect();
    let y: Vec<f32> = x.chunks(2).map(|r| r[0] - 0.5 * r[1]).collect();
    (Tensor::f32([12, 2], x).unwrap(), Tensor::f32([12, 1], y).unwrap())
}

#[test]
fn a_loss_of_ones_own_trains_like_keras_own() {
    let (x, y) = data();
    let train_on = |y: &Tensor, loss: Box<dyn Loss>, metric: Box<dyn Metric>| {
        let mut model = network(vec![dense(3), dense(1)]);
        model.compile(Sgd::new(0.1), loss, vec![metric]).unwrap();
        let history = model.fit(&x, y, Fit::default().epochs(3).batch_size(5).validation_split(0.25)).unwrap();
        let values: Vec<Vec<f64>> = history.names().map(|n| history[n].to_vec()).collect();
        (values, model.get_weights())
    };
    let theirs = train_on(&y, losses::MeanSquaredError::new().into(), metrics::MeanAbsoluteError::new().into());
    // Labels (B) and predictions (B, 1) would broadcast.
    let flat = Tensor::f32([12], y.as_f32().unwrap().to_vec()).unwrap();
    let ours = train_on(
        &flat,
        losses::Custom::new("mine", |t, p| (t - p).square().mean(&[-1], false)).into(),
        metrics::Custom::new("mine", |t, p| (p - t).abs()).larger_is_better(false).into(),
    );
    assert_eq!(ours, theirs);
}

#[test]
fn labels_of_a_loss_of_ones_own_have_any_shape() {
    let (x, y) = data();
    // Two quantiles of one number.
    let pinball = losses::Custom::new("pinball", |t, p| {
        let e = t.broadcast_to(p.shape()) - p;
        (e * 0.75).maximum(e * -0.25).mean(&[-1], false)
    });
    let mut model = network(vec![dense(2)]);
    model.compile(Sgd::new(0.5), pinball.reduction(losses::Reduction::Sum), ()).unwrap();
    let first = model.train_on_batch(&x, &y, None).unwrap();
    for _ in 0..20 {
        model.train_on_batch(&x, &y, None).unwrap();
    }
    assert!(model.test_on_batch(&x, &y, None).unwrap()[0].1 < f64::from(first));
}

#[test]
fn files_hold_no_functions_and_say_so() {
    type Case<'a> = (Box<dyn Loss>, Box<dyn Metric>, &'a str);
    let (x, y) = data();
    let mut model = network(vec![dense(1)]);
    let mean = || -> Box<dyn Metric> { metrics::Mean::new().into() };
    let cases: [Case<'_>; 3] = [
        (losses::Custom::new("pinball", |t, p| t - p).into(), mean(), "the loss `pinball` is a function"),
        (losses::Poisson::new().into(), metrics::Custom::new("within", |t, p| t - p).into(), "the metric `within` is a function"),
        (
            losses::Poisson::new().into(),
            metrics::MeanMetricWrapper::new("wrapped", losses::Custom::new("inner", |t, p| t - p)).into(),
            "the loss `inner` is a function",
        ),
    ];
    for (loss, metric, expected) in cases {
        model.compile(Sgd::new(0.1), loss, vec![metric]).unwrap();
        let text = model.to_bytes().unwrap_err().to_string();
        assert!(text.starts_with(expected) && text.contains("save_weights"), "{text}");
        let path = std::env::temp_dir().join(format!("adaline-nn-losses-{}.keras", std::process::id()));
        assert!(model.save(&path).is_err() && !path.exists());
        model.save_weights(&path).unwrap();
        model.load_weights(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
    }
    let squared = || ActivationLayer::custom("squared_relu", |x| x.relu().square());
    let nested: Box<dyn adaline_nn::Layer> = TimeDistributed::new(squared()).name("squared_relu").into();
    for (input, layer) in [(Input::new([2]), squared().into()), (Input::new([4, 2]), nested)] {
        let model = Sequential::new().add(input).add(layer).build_on(Arc::new(Reference::default()), Seed(3)).unwrap();
        let text = model.to_bytes().unwrap_err().to_string();
        assert!(
            text.contains("layer `squared_relu`: the activation `squared_relu` is a function") && text.contains("get_weights"),
            "{text}"
        );
    }
    let mut model = network(vec![dense(1), squared().into()]);
    model.compile(Sgd::new(0.1), losses::MeanSquaredError::new(), ()).unwrap();
    let before = model.predict(&x).unwrap();
    assert!(before.as_f32().unwrap().iter().all(|&v| v >= 0.0) && before.as_f32().unwrap().iter().any(|&v| v > 0.0));
    model.train_on_batch(&x, &y, None).unwrap();
    assert_ne!(model.predict(&x).unwrap(), before);
}

#[test]
fn several_values_of_a_metric_follow_their_mean() {
    let x = Tensor::from([[1.0f32, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]);
    let y = Tensor::from([[1.0f32, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]);
    let mut model = network(vec![Dense::new(2).use_bias(false).into()]);
    model.set_weights(&[Tensor::from([[1.0f32, 0.0], [0.0, 1.0]])]).unwrap();
    model.compile(Sgd::new(0.1), losses::MeanSquaredError::new(), [metrics::F1Score::new().threshold(0.5)]).unwrap();
    let logs = model.test_on_batch(&x, &y, None).unwrap();
    let names: Vec<&str> = logs.iter().map(|l| l.0.as_str()).collect();
    assert_eq!(names, ["loss", "f1_score", "f1_score_0", "f1_score_1"]);
    // Class 0: 2 right of 3 predicted and 2 labelled; class 1 likewise.
    for (_, value) in &logs[1..] {
        assert!((value - 0.8).abs() < 1e-6, "{logs:?}");
    }
    assert_eq!(["f1_score", "f1_score_1", "f1_score_a"].map(|n| model.larger_is_better(n)), [Some(true), Some(true), None]);
}

#[test]
fn arguments_that_keras_loses_are_kept() {
    for (loss, key, value) in [
        (Box::new(losses::Huber::new().delta(2.0)) as Box<dyn Loss>, "delta", json!(2.0)),
        (Box::new(losses::CosineSimilarity::new().axis(1)), "axis", json!(1)),
    ] {
        assert_eq!(loss.config()[key], value);
        assert_eq!(catalogue::loss_from_json(&loss.envelope()).unwrap().envelope(), loss.envelope());
    }
    assert!(losses::Huber::new().config().get("delta").is_none());
    let cosine = metrics::CosineSimilarity::new().axis(1);
    assert_eq!(cosine.config()["axis"], 1);
    assert_eq!(catalogue::metric_from_json(&cosine.envelope()).unwrap().envelope(), cosine.envelope());
    let auc = metrics::AUC::new().multi_label(true).label_weights([1.0, 2.0]).thresholds([0.7, 0.2]);
    assert_eq!(auc.config()["thresholds"], json!([0.2, 0.7]));
    assert_eq!(catalogue::metric_from_json(&auc.envelope()).unwrap().envelope(), auc.envelope());
    // As Keras writes weights, and as a list.
    let theirs = json!({"class_name": "__tensor__", "config": {"value": [1.0, 2.0], "dtype": "float32"}});
    assert_eq!(
        metrics::AUC::from_config(&json!({"multi_label": true, "label_weights": theirs})).unwrap().config()["label_weights"],
        json!([1.0, 2.0])
    );
    let wrapper = metrics::MeanMetricWrapper::new("huber", losses::Huber::new().delta(0.5));
    let again = catalogue::metric_from_json(&wrapper.envelope()).unwrap();
    assert_eq!((again.envelope(), again.config()["delta"].clone()), (wrapper.envelope(), json!(0.5)));
}

#[test]
fn wrong_arguments_are_errors_that_name_them() {
    let nan = f64::NAN;
    let objects: Vec<(&str, Box<dyn KerasObject>)> = vec![
        ("delta", Box::new(losses::Huber::new().delta(0.0))),
        ("gamma", Box::new(losses::BinaryFocalCrossentropy::new().gamma(-1.0))),
        ("alpha", Box::new(losses::CategoricalFocalCrossentropy::new().alpha(nan))),
        ("alpha", Box::new(losses::CategoricalFocalCrossentropy::new().alpha(vec![]))),
        ("label_smoothing", Box::new(losses::BinaryFocalCrossentropy::new().label_smoothing(2.0))),
        ("q", Box::new(losses::CategoricalGeneralizedCrossEntropy::new().q(1.0))),
        ("margin", Box::new(losses::Circle::new().margin(nan))),
        ("beta", Box::new(losses::Tversky::new().beta(-0.5))),
        ("num_thresholds", Box::new(metrics::AUC::new().num_thresholds(1))),
        ("thresholds", Box::new(metrics::AUC::new().thresholds([0.5, 1.5]))),
        ("label_weights", Box::new(metrics::AUC::new().label_weights([nan]))),
        ("beta", Box::new(metrics::FBetaScore::new().beta(0.0))),
        ("threshold", Box::new(metrics::F1Score::new().threshold(0.0))),
        ("recall", Box::new(metrics::PrecisionAtRecall::new(1.5))),
        ("num_thresholds", Box::new(metrics::RecallAtPrecision::new(0.5).num_thresholds(0))),
        ("top_k", Box::new(metrics::Precision::new().top_k(0))),
        ("thresholds", Box::new(metrics::TruePositives::new().thresholds([0.5, -0.5]))),
        ("target_class_ids", Box::new(metrics::IoU::new(3, [3]))),
        ("target_class_ids", Box::new(metrics::OneHotIoU::new(3, []))),
        ("num_classes", Box::new(metrics::MeanIoU::new(0))),
        ("num_classes", Box::new(metrics::OneHotMeanIoU::new(1 << 20))),
        ("delta", Box::new(metrics::MeanMetricWrapper::new("w", losses::Huber::new().delta(-1.0)))),
    ];
    for (key, object) in objects {
        let message = object.validate().expect_err(&format!("{} with a bad `{key}`", object.class_name())).to_string();
        assert!(message.contains(&format!("`{key}`")), "{}: {message}", object.class_name());
    }
    let metric = |class: &str, config: serde_json::Value| {
        catalogue::metric_from_json(&json!({"class_name": class, "config": config})).err().map(|e| e.to_string()).unwrap_or_default()
    };
    for (class, config, expected) in [
        ("AUC", json!({"curve": "ROCK"}), "AUC: `curve` is \"ROCK\""),
        ("AUC", json!({"num_labels": 3}), "AUC: `num_labels` is 3, but must be null unless `multi_label` is true"),
        ("F1Score", json!({"beta": 2.0}), "F1Score has no argument `beta`"),
        ("F1Score", json!({"average": "mean"}), "F1Score: `average` is \"mean\""),
        ("PrecisionAtRecall", json!({"precision": 0.5}), "PrecisionAtRecall has no argument `precision`"),
        ("TruePositives", json!({"top_k": 2}), "TruePositives has no argument `top_k`"),
        (
            "OneHotIoU",
            json!({"num_classes": 3, "target_class_ids": [0], "sparse_y_true": true}),
            "OneHotIoU has no argument `sparse_y_true`",
        ),
        ("MeanMetricWrapper", json!({"fn": "hubert"}), "MeanMetricWrapper: `fn`: there is no loss `hubert`; did you mean `Huber`?"),
        ("MeanMetricWrapper", json!({"fn": "huber", "gamma": 1.0}), "MeanMetricWrapper: `fn`: Huber has no argument `gamma`"),
        ("MeanIoU", json!({"num_classes": 3, "dtype": "float16"}), "MeanIoU: `dtype` is \"float16\""),
    ] {
        let text = metric(class, config);
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors_that_name_them() {
    let input = |b: &'_ Builder, shape: &[usize]| b.input("x", TensorType::f32(Shape::new(shape))).id();
    let loss = |loss: &dyn Loss, t: &[usize], p: &[usize]| {
        let b = Builder::new();
        let (t, p) = (input(&b, t), input(&b, p));
        losses::total(loss, b.var(t), b.var(p), None, None);
        b.finish().unwrap_err().to_string()
    };
    assert!(loss(&losses::Circle::new(), &[4], &[4, 2, 2]).contains("embeddings (batch, features), got predictions [4, 2, 2]"));
    assert!(loss(&losses::CTC::new(), &[4, 2], &[4, 3]).contains("labels [4, 2] and predictions [4, 3]"));
    assert!(loss(&losses::CategoricalFocalCrossentropy::new().alpha(vec![1.0; 2]), &[4, 3], &[4, 3]).contains("2 values of alpha"));
    assert!(loss(&losses::Dice::new().axis([4]), &[4, 3], &[4, 3]).contains("axis 4"));
    let metric = |metric: Box<dyn Metric>, t: &[usize], p: &[usize]| {
        let b = Builder::new();
        let (t, p) = (input(&b, t), input(&b, p));
        let shape = Shape::new(&[4, 3]);
        assert_eq!(metric.update(b.var(t), b.var(p), None).len(), metric.sums(shape, shape).len());
        b.finish().unwrap_err().to_string()
    };
    assert!(
        metric(metrics::F1Score::new().into(), &[4, 3, 2], &[4, 3, 2]).contains("F1Score expects labels and predictions (batch, classes)")
    );
    assert!(metric(metrics::AUC::new().multi_label(true).into(), &[4, 3, 2], &[4, 3, 2]).contains("AUC with multi_label"));
    assert!(metric(metrics::AUC::new().label_weights([1.0]).into(), &[4, 3], &[4, 3]).contains("1 label_weights"));
    assert!(metric(metrics::Precision::new().class_id(3).into(), &[4, 3], &[4, 3]).contains("class_id 3"));
    assert!(metric(metrics::Recall::new().top_k(4).into(), &[4, 3], &[4, 3]).contains("top_k 4"));
    assert!(metric(metrics::MeanIoU::new(3).into(), &[4], &[4, 3]).contains("labels [4] and predictions [4, 3]"));
    let activation = |a: Activation, x: &[usize]| {
        let b = Builder::new();
        let x = input(&b, x);
        a.apply(b.var(x));
        b.finish().unwrap_err().to_string()
    };
    assert!(
        activation(Activation::Glu, &[4, 3]).contains("two halves") && activation(Activation::Sparsemax, &[1; 6]).contains("too many axes")
    );
}

#[test]
fn labels_of_ctc_are_checked_against_the_classes() {
    let mut model = Sequential::new().add(Input::new([5, 2])).add(Dense::new(3)).build_on(Arc::new(Reference::default()), Seed(3)).unwrap();
    model.compile(Sgd::new(0.1), losses::CTC::new(), ()).unwrap();
    let x = Tensor::f32([2, 5, 2], (0..20).map(|i| (i as f32).sin()).collect()).unwrap();
    model.train_on_batch(&x, &Tensor::from([[1, 2, 0], [2, 0, 0]]), None).unwrap();
    let text = model.train_on_batch(&x, &Tensor::from([[1, 3, 0], [2, 0, 0]]), None).unwrap_err().to_string();
    assert!(text.contains("row 0 of y has the label 3") && text.contains("ctc"), "{text}");
}

fn of(x: &Value, f: impl for<'g> Fn(Var<'g>) -> Var<'g>) -> Vec<f64> {
    let (b, mut feed) = (Builder::new(), Feed::default());
    let v = feed.input(&b, x);
    let y = f(v).id();
    feed.run(b, &[y])[0].data.clone()
}

/// Against the threshold found by halving, for rows of every support.
#[test]
fn sparsemax_is_the_nearest_distribution() {
    let rows: Vec<f32> = (0..60).map(|i| (i as f32 * 1.3).sin() * (0.1 + (i / 5) as f32 / 4.0)).collect();
    let y = of(&Value::f32([12, 5], &rows), |x| activations::sparsemax(x, -1));
    let mut supports = std::collections::BTreeSet::new();
    for (x, y) in rows.chunks(5).zip(y.chunks(5)) {
        let over = |t: f64| x.iter().map(|&v| (f64::from(v) - t).max(0.0)).sum::<f64>();
        let (mut low, mut high) = (-20.0, 20.0);
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if over(middle) > 1.0 { low = middle } else { high = middle }
        }
        for (&x, &y) in x.iter().zip(y) {
            assert!((y - (f64::from(x) - low).max(0.0)).abs() < 1e-6, "{x} {y} {low}");
        }
        supports.insert(y.iter().filter(|&&v| v > 0.0).count());
    }
    assert!(supports.len() >= 3, "{supports:?}");
    // Equal elements share, along any axis.
    assert_eq!(of(&Value::f32([2, 1], &[0.5, 0.5]), |x| activations::sparsemax(x, 0)), [0.5, 0.5]);
}

#[test]
fn activations_take_keras_arguments() {
    let x = Value::f32([5], &[-2.0, -0.25, 0.0, 0.25, 2.0]);
    assert_eq!(of(&x, |x| activations::leaky_relu(x, 0.5)), [-1.0, -0.125, 0.0, 0.25, 2.0]);
    assert_eq!(of(&x, |x| activations::hard_shrink(x, 0.25)), [-2.0, 0.0, 0.0, 0.0, 2.0]);
    assert_eq!(of(&x, |x| activations::soft_shrink(x, 0.25)), [-1.75, 0.0, 0.0, 0.0, 1.75]);
    assert_eq!(of(&x, |x| activations::threshold(x, -1.0, 7.0)), [7.0, -0.25, 0.0, 0.25, 2.0]);
    assert_eq!(of(&x, |x| activations::squareplus(x, 0.0)), [0.0, 0.0, 0.0, 0.25, 2.0]);
    for (f, expected) in [
        (of(&x, |x| activations::celu(x, 2.0)), 2.0 * ((-1.0f64).exp() - 1.0)),
        (of(&x, |x| activations::elu(x, 2.0)), 2.0 * ((-2.0f64).exp() - 1.0)),
    ] {
        assert!((f[0] - expected).abs() < 1e-6 && f[4] == 2.0, "{f:?}");
    }
    let halves = of(&Value::f32([2, 1], &[3.0, 0.0]), |x| activations::glu(x, 0));
    assert_eq!(halves, [1.5]);
    assert_eq!(Activation::from_name("hard_swish").unwrap(), Activation::HardSilu);
}
