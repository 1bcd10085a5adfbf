//! What the catalogue's objects do beyond Keras' numbers: arguments, errors, initial values, dropout.

mod support;

use adaline_graph::{Builder, Shape, TensorType, eval::Value, philox};
use adaline_nn::{
    DTypePolicy, Layer, Loss, Metric, Optimizer, Trace,
    activations::Activation,
    catalogue,
    initializers::{FanMode, Initializer, Spread},
    keras::{ConfigError, KerasObject},
    layers::{ActivationLayer, Dense, Dropout, Flatten, Input, Normalization, Rescaling, Reshape},
    losses::{self, BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy},
    metrics,
    optimizers::{Adam, AdamW, RMSprop, SGD, Sgd, Step, apply_gradients},
    regularizers::{L1, L1L2, L2, Regularizer},
    schedules::{ExponentialDecay, InverseTimeDecay, Schedule},
    trace::Weights,
};
use serde_json::{Value as Json, json};
use support::Feed;

/// What a layer computes of `x`, or the error's text, with the weights it made.
fn call(layer: &dyn Layer, x: &Value, training: bool, step: i32) -> (Result<Value, String>, Weights, usize) {
    let (b, mut feed) = (Builder::new(), Feed::default());
    let v = feed.input(&b, x);
    let (seed, t) = (feed.input(&b, &Value::i32([2], &[5, 0])), feed.input(&b, &Value::i32(Shape::SCALAR, &[step])));
    let mut weights = Weights::new(11);
    let mut cx = Trace::new(&b, &mut weights, training, seed, t);
    let y = cx.scope("net", |cx| cx.scope("layer", |cx| layer.call(cx, &[v])));
    let penalties = cx.finish().0.len();
    if b.failed() {
        return (Err(b.finish().unwrap_err().to_string()), weights, penalties);
    }
    let y = y.id();
    let run = feed.run_with(b, &[y], &|slot| {
        let w = weights.list.iter().find(|w| w.slot == slot)?;
        Some(Value::f32(w.ty.shape, weights.store.f32(slot)))
    });
    (Ok(run.into_iter().next().unwrap()), weights, penalties)
}

fn ones(shape: &[usize]) -> Value {
    let shape = Shape::new(shape);
    Value::f32(shape, &vec![1.0; shape.len()])
}

#[test]
fn builders_read_like_keras_and_round_trip() {
    let layers: Vec<Box<dyn Layer>> = vec![
        Input::new([784]).into(),
        Dense::new(512)
            .activation(Activation::Relu)
            .kernel_regularizer(L2(0.01))
            .bias_regularizer(L1L2(0.1, 0.2))
            .use_bias(false)
            .kernel_initializer(Initializer::he_normal().seed(4))
            .trainable(false)
            .name("hidden")
            .into(),
        ActivationLayer::new(Activation::GeluApproximate).into(),
        Dropout::new(0.3).seed(2).noise_shape([None, Some(1)]).into(),
        Flatten::new().into(),
        Reshape::new([2, -1]).into(),
        Rescaling::new(1.0 / 255.0).offset(-0.5).into(),
        Normalization::new().axis([1, 2]).invert(true).into(),
        Normalization::new().statistics([1.0, 2.0], [3.0, 4.0]).into(),
    ];
    for mut layer in layers {
        layer.validate().unwrap();
        let again = catalogue::layer_from_json(&layer.envelope()).unwrap();
        layer.set_dtype_policy(DTypePolicy::Float32); // what is written always names one
        assert_eq!(format!("{again:?}"), format!("{layer:?}"));
    }
    let optimizers: Vec<Box<dyn Optimizer>> = vec![
        Adam::default().into(),
        Adam::new(1e-3).clipnorm(1.0).amsgrad(true).into(),
        AdamW::new(1e-3).weight_decay(0.1).into(),
        Sgd::new(0.1).momentum(0.9).nesterov(true).gradient_accumulation_steps(4).into(),
        SGD::new(ExponentialDecay::new(0.1, 1000, 0.96).staircase(true)).into(),
        RMSprop::new(InverseTimeDecay::new(0.1, 10, 0.5)).centered(true).momentum(0.5).into(),
    ];
    for optimizer in optimizers {
        optimizer.validate().unwrap();
        let again = catalogue::optimizer_from_json(&optimizer.envelope()).unwrap();
        assert_eq!(again.envelope(), optimizer.envelope());
    }
    assert!(catalogue::optimizer_from_json(&json!("rmsprop")).is_ok() && catalogue::optimizer_from_json(&json!("RMSprop")).is_ok());
    assert_eq!(catalogue::loss_from_json(&json!("mse")).unwrap().name(), "mean_squared_error");
    assert_eq!(catalogue::metric_from_json(&json!("mse")).unwrap().name(), "mse");
    let function = json!({"module": "builtins", "class_name": "function", "config": "mean_absolute_error", "registered_name": null});
    assert_eq!(catalogue::loss_from_json(&function).unwrap().class_name(), "MeanAbsoluteError");
}

#[test]
fn missing_keys_take_defaults_and_older_spellings_are_read() {
    let dense =
        catalogue::layer_from_json(&json!({"class_name": "Dense", "config": {"name": "d", "units": 1, "activation": "relu"}})).unwrap();
    assert_eq!(dense.config(), Dense::new(1).activation(Activation::Relu).name("d").config());
    for dtype in [json!("float32"), Json::Null, json!({"class_name": "DTypePolicy", "config": {"name": "float32"}})] {
        assert!(Dense::from_config(&json!({"units": 1, "dtype": dtype})).is_ok(), "{dtype}");
    }
    let relu = json!({"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"});
    assert_eq!(Dense::from_config(&json!({"units": 2, "activation": relu})).unwrap(), Dense::new(2).activation(Activation::Relu));
    assert_eq!(Dense::from_config(&json!({"units": 2, "activation": null})).unwrap(), Dense::new(2));
    for r in ["l1", "l2", "l1_l2"] {
        let read = Dense::from_config(&json!({"units": 2, "kernel_regularizer": r})).unwrap().config();
        let factors: Vec<f64> = read["kernel_regularizer"]["config"].as_object().unwrap().values().map(|v| v.as_f64().unwrap()).collect();
        assert!(factors.iter().all(|&f| f == 0.01), "{r}: {factors:?}");
    }
    for name in ["he_normal", "HeNormal", "heNormal"] {
        assert_eq!(Initializer::from_json(&json!(name)).unwrap(), Initializer::he_normal());
    }
    let input = Input::new([3]);
    for config in [json!({"batch_input_shape": [null, 3]}), json!({"shape": [3]}), json!({"batch_shape": [null, 3]})] {
        assert_eq!(Input::from_config(&config).unwrap(), input);
    }
    assert_eq!(Sgd::from_config(&json!({"lr": 0.5, "decay": 0.0})).unwrap(), Sgd::new(0.5));
    assert_eq!(Sgd::from_config(&json!({})).unwrap().config(), Sgd::default().config());
}

#[test]
fn wrong_json_is_an_error_that_names_the_place() {
    let layer =
        |class: &str, config: Json| catalogue::layer_from_json(&json!({"class_name": class, "config": config})).unwrap_err().to_string();
    for (class, config, expected) in [
        ("Dense", json!({"unit": 3}), "Dense has no argument `unit`; did you mean `units`?"),
        ("Dense", json!({}), "Dense needs the argument `units`"),
        ("Dense", json!({"units": "three"}), "Dense: `units` is \"three\", but must be a positive integer"),
        ("Dense", json!({"units": -3}), "Dense: `units` is -3, but must be a positive integer"),
        ("Dense", json!({"units": 0}), "Dense: `units` is 0, but must be a positive integer"),
        (
            "Dense",
            json!({"units": 3, "kernel_constraint": "max_norn"}),
            "Dense: `kernel_constraint` is \"max_norn\", but must be something else (there is no constraint `max_norn`; did you mean `max_norm`?)",
        ),
        ("Dens", json!({}), "there is no layer `Dens`; did you mean `Dense`?"),
        ("Dropout", json!({"rate": 1.0}), "Dropout: `rate` is 1, but must be at least 0 and below 1"),
        (
            "Reshape",
            json!({"target_shape": [-1, -1]}),
            "Reshape: `target_shape` is [-1, -1], but must be sizes of at least 1, of which one may be -1",
        ),
    ] {
        assert_eq!(layer(class, config), expected);
    }
    let message = layer("Dense", json!({"units": 3, "activation": "rely"}));
    assert!(message.contains("`activation`") && message.contains("did you mean `relu`?"), "{message}");
    let message = layer("Dense", json!({"units": 3, "dtype": "float64"}));
    assert!(message.contains("`dtype`") && message.contains("float32"), "{message}");
    let message = layer("Dense", json!({"units": 3, "kernel_initializer": {"class_name": "HeNormal", "config": {"sed": 1}}}));
    assert!(message.contains("HeNormal has no argument `sed`; did you mean `seed`?"), "{message}");
    for value in
        [json!(3), json!(null), json!([]), json!({"class": "Dense"}), json!({"class_name": 3}), json!({"class_name": "Dense", "config": 7})]
    {
        assert!(catalogue::layer_from_json(&value).is_err(), "{value}");
        assert!(catalogue::loss_from_json(&value).is_err(), "{value}");
        assert!(catalogue::metric_from_json(&value).is_err(), "{value}");
        assert!(catalogue::optimizer_from_json(&value).is_err(), "{value}");
    }
    let error = |r: Result<(), ConfigError>| r.unwrap_err().to_string();
    assert_eq!(error(catalogue::loss_from_json(&json!("msee")).map(drop)), "there is no loss `msee`; did you mean `mse`?");
    assert_eq!(error(catalogue::metric_from_json(&json!("acuracy")).map(drop)), "there is no metric `acuracy`; did you mean `accuracy`?");
    assert!(error(catalogue::optimizer_from_json(&json!("newton")).map(drop)).contains("known are SGD, RMSprop, Adam, AdamW, Adamax"));
    let long = "x".repeat(10_000);
    assert!(error(catalogue::loss_from_json(&json!(long)).map(drop)).len() < 600);
}

#[test]
fn arguments_out_of_range_are_errors_at_validation() {
    let nan = f64::NAN;
    let objects: Vec<(&str, Box<dyn KerasObject>)> = vec![
        ("units", Box::new(Dense::new(0))),
        ("l2", Box::new(Dense::new(1).kernel_regularizer(L2(-1.0)))),
        ("l1", Box::new(Dense::new(1).bias_regularizer(L1(nan)))),
        ("stddev", Box::new(Dense::new(1).kernel_initializer(Initializer::random_normal(0.0, -1.0)))),
        ("maxval", Box::new(Dense::new(1).bias_initializer(Initializer::random_uniform(1.0, 0.0)))),
        ("scale", Box::new(Initializer::variance_scaling(0.0, FanMode::FanIn, Spread::Uniform))),
        ("rate", Box::new(Dropout::new(1.0))),
        ("rate", Box::new(Dropout::new(-0.1))),
        ("rate", Box::new(Dropout::new(nan))),
        ("target_shape", Box::new(Reshape::new([0]))),
        ("scale", Box::new(Rescaling::new(nan))),
        ("variance", Box::new(Normalization::new().statistics([0.0], [-1.0]))),
        ("batch_shape", Box::new(Input::with_batch_shape([]))),
        ("batch_shape", Box::new(Input::new([usize::MAX, usize::MAX]))),
        ("dtype", Box::new(Input::new([1]).dtype("string"))),
        ("learning_rate", Box::new(Sgd::new(-0.1))),
        ("learning_rate", Box::new(Adam::new(-1.0))),
        ("learning_rate", Box::new(Adam::new(nan))),
        ("learning_rate", Box::new(Adam::new(f64::INFINITY))),
        ("learning_rate", Box::new(Adam::new(1e-60))),
        ("decay_steps", Box::new(Sgd::new(ExponentialDecay::new(0.1, 0, 0.5)))),
        ("decay_rate", Box::new(Schedule::from(InverseTimeDecay::new(0.1, 1, nan)))),
        ("momentum", Box::new(Sgd::new(0.1).momentum(1.1))),
        ("beta_1", Box::new(Adam::new(0.1).beta_1(1.0))),
        ("beta_2", Box::new(AdamW::new(0.1).beta_2(-0.1))),
        ("epsilon", Box::new(RMSprop::new(0.1).epsilon(nan))),
        ("rho", Box::new(RMSprop::new(0.1).rho(1.5))),
        ("clipvalue", Box::new(Sgd::new(0.1).clipnorm(1.0).clipvalue(1.0))),
        ("global_clipnorm", Box::new(Sgd::new(0.1).clipnorm(1.0).global_clipnorm(1.0))),
        ("clipnorm", Box::new(Sgd::new(0.1).clipnorm(0.0))),
        ("weight_decay", Box::new(Sgd::new(0.1).weight_decay(-1.0))),
        ("gradient_accumulation_steps", Box::new(Sgd::new(0.1).gradient_accumulation_steps(1))),
        ("label_smoothing", Box::new(BinaryCrossentropy::new().label_smoothing(1.5))),
        ("label_smoothing", Box::new(CategoricalCrossentropy::new().label_smoothing(nan))),
        ("threshold", Box::new(metrics::BinaryAccuracy::new().threshold(0.0))),
        ("thresholds", Box::new(metrics::Precision::new().threshold(1.5))),
        ("k", Box::new(metrics::TopKCategoricalAccuracy::new().k(0))),
    ];
    for (key, object) in objects {
        let message = object.validate().expect_err(&format!("{} with a bad `{key}`", object.class_name())).to_string();
        assert!(message.contains(&format!("`{key}`")), "{}: {message}", object.class_name());
    }
    for (key, config) in [
        ("loss_scale_factor", json!({"loss_scale_factor": 0.0})),
        ("ema_momentum", json!({"use_ema": true, "ema_momentum": 1.1})),
        ("ema_overwrite_frequency", json!({"use_ema": true, "ema_overwrite_frequency": 0})),
    ] {
        assert!(Adam::from_config(&config).unwrap_err().to_string().contains(&format!("`{key}`")), "{config}");
    }
    assert_eq!(SparseCategoricalCrossentropy::from_config(&json!({"ignore_class": -1})).unwrap().config()["ignore_class"], -1);
    assert!(AdamW::from_config(&json!({"weight_decay": null})).is_err());
    assert!(metrics::Precision::from_config(&json!({"thresholds": [0.1, 0.2]})).is_ok());
    for thresholds in [json!([0.1, 1.2]), json!([]), json!("half"), json!([0.1, null])] {
        let message = metrics::Precision::from_config(&json!({"thresholds": thresholds})).unwrap_err().to_string();
        assert!(message.contains("`thresholds`"), "{message}");
    }
}

#[test]
fn shape_errors_name_the_layer_and_both_shapes() {
    let message = |layer: &dyn Layer, x: &[usize]| call(layer, &ones(x), false, 0).0.unwrap_err();
    for (layer, x, parts) in [
        (Box::new(Dense::new(2)) as Box<dyn Layer>, &[4][..], ["net/layer", "rank 2 or more", "[4]"]),
        (Box::new(Flatten::new()), &[], ["net/layer", "batch axis", "scalar"]),
        (Box::new(Reshape::new([5, -1])), &[2, 12], ["net/layer", "[12]", "[5, -1]"]),
        (Box::new(Reshape::new([5])), &[2, 12], ["net/layer", "12 elements", "[5]"]),
        (Box::new(Input::new([3])), &[2, 4], ["net/layer", "[?, 3]", "[2, 4]"]),
        (Box::new(Dropout::new(0.5).noise_shape([Some(7)])), &[2, 4], ["net/layer", "noise_shape", "[2, 4]"]),
        (Box::new(Normalization::new().axis([3])), &[2, 4], ["net/layer", "axis [3]", "[2, 4]"]),
        (Box::new(Normalization::new().axis([0])), &[2, 4], ["net/layer", "after the batch axis", "[2, 4]"]),
        (Box::new(Normalization::new().statistics([1.0; 3], [1.0; 3])), &[2, 4], ["net/layer", "3 given", "the 4"]),
        (Box::new(Dense::new(usize::MAX / 2)), &[2, 4], ["net/layer", "too large", ""]),
    ] {
        // Dropout acts in training only.
        let text = if layer.class_name() == "Dropout" { call(&*layer, &ones(x), true, 0).0.unwrap_err() } else { message(&*layer, x) };
        assert!(parts.iter().all(|p| text.contains(p)), "{text}");
    }
    let sums = |loss: &dyn Loss, t: &[usize], p: &[usize]| {
        let b = Builder::new();
        loss.call(b.input("t", TensorType::f32(Shape::new(t))), b.input("p", TensorType::f32(Shape::new(p))));
        b.finish().unwrap_err().to_string()
    };
    assert!(sums(&MeanSquaredError::new(), &[8, 1], &[8, 3]).contains("labels [8, 1] and predictions [8, 3]"));
    assert!(sums(&CategoricalCrossentropy::new(), &[8], &[8, 3]).contains("use the sparse form"));
    assert!(sums(&SparseCategoricalCrossentropy::new(), &[8, 3], &[8, 3]).contains("for one-hot labels use the form without `Sparse`"));
    assert!(sums(&SparseCategoricalCrossentropy::new(), &[7], &[8, 3]).contains("labels [7] and predictions [8, 3]"));
    let b = Builder::new();
    let t = b.input("t", TensorType::f32([8, 3, 2]));
    assert_eq!(metrics::R2Score::new().update(t, t, None).len(), 5);
    assert!(b.finish().unwrap_err().to_string().contains("(batch, outputs)"));
}

#[test]
fn step_is_for_inference_only() {
    let x = Value::f32([1, 3], &[-1.0, 0.0, 2.0]);
    let layer = ActivationLayer::new(Activation::Step);
    assert_eq!(call(&layer, &x, false, 0).0.unwrap().data, [0.0, 0.0, 1.0]);
    let message = call(&layer, &x, true, 0).0.unwrap_err();
    assert!(message.contains("net/layer") && message.contains("gradient 0"), "{message}");
    assert!(call(&Dense::new(2).activation(Activation::Step), &x, true, 0).0.is_err());
}

#[test]
fn dropout_drops_its_share_and_follows_seed_and_step() {
    let x = ones(&[100, 100]);
    let layer = Dropout::new(0.3);
    assert_eq!(call(&layer, &x, false, 0).0.unwrap(), x);
    let y = call(&layer, &x, true, 0).0.unwrap();
    let kept = y.data.iter().filter(|v| **v != 0.0).count() as f64;
    // 10,000 draws: deviation 46.
    assert!((kept - 7000.0).abs() < 250.0, "{kept}");
    assert!(y.data.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.7).abs() < 1e-6));
    assert_eq!(call(&layer, &x, true, 0).0.unwrap(), y);
    assert_ne!(call(&layer, &x, true, 1).0.unwrap(), y);
    assert_ne!(call(&layer.clone().seed(3), &x, true, 0).0.unwrap(), y);
    // One draw for each row.
    let rows = call(&layer.noise_shape([None, Some(1)]), &x, true, 0).0.unwrap();
    assert!(rows.data.chunks(100).all(|r| r.iter().all(|v| *v == r[0])) && rows.data.contains(&0.0));
}

#[test]
fn frozen_layers_keep_their_weights_and_pay_no_penalty() {
    let dense = Dense::new(2).kernel_regularizer(L2(0.1)).bias_regularizer(L1(0.1));
    let (_, weights, penalties) = call(&dense, &ones(&[1, 3]), true, 0);
    assert_eq!((weights.list.len(), penalties), (2, 2));
    assert!(weights.list.iter().all(|w| w.spec.trainable));
    let (_, weights, penalties) = call(&dense.trainable(false), &ones(&[1, 3]), true, 0);
    assert_eq!(penalties, 0);
    assert!(weights.list.iter().all(|w| !w.spec.trainable));
}

#[test]
fn l1_has_gradient_zero_at_zero() {
    let (b, mut feed) = (Builder::new(), Feed::default());
    let w = feed.input(&b, &Value::f32([3], &[-2.0, 0.0, 3.0]));
    let penalty = Regularizer::from(L1(0.5)).penalty(w);
    let dw = support::gradients(&b, penalty, &[w])[0];
    assert_eq!(feed.run(b, &[dw])[0].data, [-0.5, 0.0, 0.5]);
}

#[test]
fn clipping_never_hides_a_gradient_that_is_not_finite() {
    let clipped = |optimizer: &dyn Optimizer, gradient: [f32; 2]| {
        let (b, mut feed) = (Builder::new(), Feed::default());
        let scalar = |v: f32| Value::f32(Shape::SCALAR, &[v]);
        let step = Step { learning_rate: feed.input(&b, &scalar(1.0)), t: feed.input(&b, &scalar(1.0)), shared: None };
        let w = feed.input(&b, &Value::f32([2], &[0.0, 0.0]));
        let g = feed.input(&b, &Value::f32([2], &gradient));
        let new = apply_gradients(optimizer, &step, &[w], &[g], &[vec![]], &[]).weights[0].id();
        feed.run(b, &[new])[0].data.clone()
    };
    let by_all = Sgd::new(1.0).global_clipnorm(1.0);
    for bad in [f32::NAN, f32::INFINITY] {
        assert!(clipped(&by_all, [bad, 1.0]).iter().all(|v| v.is_nan()), "{bad}");
        assert!(clipped(&Sgd::new(1.0).clipnorm(1.0), [bad, 1.0])[0].is_nan(), "{bad}");
    }
    assert!(clipped(&Sgd::new(1.0).clipvalue(1.0), [f32::NAN, 1.0])[0].is_nan());
    // Zero gradients stay zero, and short ones as they are.
    for optimizer in [by_all, Sgd::new(1.0).clipnorm(1.0), Sgd::new(1.0).clipvalue(1.0)] {
        assert_eq!(clipped(&optimizer, [0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(clipped(&optimizer, [-0.25, 0.5]), [0.25, -0.5]);
    }
}

#[test]
fn reduction_of_no_sample_is_zero() {
    for reduction in [losses::Reduction::SumOverBatchSize, losses::Reduction::Sum, losses::Reduction::MeanWithSampleWeight] {
        let (b, mut feed) = (Builder::new(), Feed::default());
        let v = feed.input(&b, &Value::f32([0], &[]));
        let w = feed.input(&b, &Value::f32([0], &[]));
        let r = losses::reduce(v, Some(w), reduction).id();
        assert_eq!(feed.run(b, &[r])[0].data, [0.0], "{reduction:?}");
    }
    // Weights of each sample count for all of its values.
    let (b, mut feed) = (Builder::new(), Feed::default());
    let v = feed.input(&b, &Value::f32([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let w = feed.input(&b, &Value::f32([2], &[1.0, 10.0]));
    let r = losses::reduce(v, Some(w), losses::Reduction::SumOverBatchSize).id();
    assert_eq!(feed.run(b, &[r])[0].data, [156.0 / 6.0]);
}

#[test]
fn adapt_refuses_what_it_cannot_learn_from() {
    let tensor = |shape: &[usize], v: Vec<f32>| adaline_data::Tensor::f32(shape, v).unwrap();
    assert!(Normalization::new().adapt(&tensor(&[0, 3], vec![])).is_err());
    assert!(Normalization::new().adapt(&tensor(&[], vec![1.0])).is_err());
    assert!(Normalization::new().axis([2]).adapt(&tensor(&[1, 3], vec![1.0; 3])).is_err());
    assert!(Normalization::new().adapt(&tensor(&[1, 2], vec![1.0, f32::NAN])).unwrap_err().to_string().contains("position 1"));
    assert!(Normalization::new().statistics([0.0], [1.0]).adapt(&tensor(&[1, 1], vec![1.0])).is_err());
    let mut layer = Normalization::new();
    layer.adapt(&adaline_data::Tensor::u8([2, 2], vec![0, 10, 4, 10]).unwrap()).unwrap();
    let y = call(&layer, &Value::f32([1, 2], &[4.0, 10.0]), false, 0).0.unwrap();
    assert_eq!(y.data, [1.0, 0.0]);
}

fn filled(initializer: &Initializer, shape: &[usize], seed: u64, path: &str) -> Vec<f32> {
    let shape = Shape::new(shape);
    let mut out = vec![f32::NAN; shape.len()];
    initializer.fill(shape, seed, philox::stream_of(path), &mut out).unwrap();
    out
}

#[test]
fn initializers_have_their_mean_variance_and_bounds() {
    let uniform = |v: f64| (v, (3.0 * v).sqrt());
    let cut = |v: f64| (v, 2.0 * v.sqrt() / 0.879_625_661_034_239_8);
    let free = |v: f64| (v, f64::INFINITY);
    use FanMode::{FanAvg, FanOut};
    let scaling = Initializer::variance_scaling;
    // 120 inputs, 80 outputs
    for (initializer, mean, (variance, bound)) in [
        (Initializer::random_normal(1.0, 0.5), 1.0, free(0.25)),
        (Initializer::random_uniform(-0.05, 0.05), 0.0, uniform(0.01 / 12.0)),
        (Initializer::truncated_normal(0.5, 0.1), 0.5, (0.01 * 0.879_625_661_034_239_8_f64.powi(2), 0.2)),
        (Initializer::glorot_uniform(), 0.0, uniform(2.0 / 200.0)),
        (Initializer::glorot_normal(), 0.0, cut(2.0 / 200.0)),
        (Initializer::he_uniform(), 0.0, uniform(2.0 / 120.0)),
        (Initializer::he_normal(), 0.0, cut(2.0 / 120.0)),
        (Initializer::lecun_uniform(), 0.0, uniform(1.0 / 120.0)),
        (Initializer::lecun_normal(), 0.0, cut(1.0 / 120.0)),
        (scaling(3.0, FanOut, Spread::UntruncatedNormal), 0.0, free(3.0 / 80.0)),
        (scaling(3.0, FanAvg, Spread::Uniform), 0.0, uniform(3.0 / 100.0)),
    ] {
        let v = filled(&initializer, &[120, 80], 3, "dense/kernel");
        let n = v.len() as f64;
        let m = v.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let var = v.iter().map(|&x| (f64::from(x) - m).powi(2)).sum::<f64>() / n;
        let sigma = variance.sqrt();
        assert!((m - mean).abs() < 4.0 * sigma / n.sqrt(), "{initializer:?}: mean {m}");
        assert!((var / variance - 1.0).abs() < 0.06, "{initializer:?}: variance {var} for {variance}");
        let largest = v.iter().map(|&x| (f64::from(x) - mean).abs()).fold(0.0, f64::max);
        assert!(largest <= bound * 1.000_001, "{initializer:?}: {largest} beyond {bound}");
        assert!(!bound.is_finite() || largest > 0.95 * bound, "{initializer:?}: {largest} far from {bound}");
        // A pure function of seed and path.
        assert_eq!(v, filled(&initializer, &[120, 80], 3, "dense/kernel"));
        assert_ne!(v, filled(&initializer, &[120, 80], 4, "dense/kernel"));
        assert_ne!(v, filled(&initializer, &[120, 80], 3, "dense_1/kernel"));
        // With a seed of its own, of that only.
        let own = initializer.seed(9);
        assert_eq!(filled(&own, &[120, 80], 3, "a"), filled(&own, &[120, 80], 4, "b"));
    }
    assert_eq!(filled(&Initializer::Zeros, &[3], 0, "a"), [0.0; 3]);
    assert_eq!(filled(&Initializer::Ones, &[3], 0, "a"), [1.0; 3]);
    assert_eq!(filled(&Initializer::constant(0.25), &[2], 0, "a"), [0.25; 2]);
    // Fans of a kernel count its field, those of a vector its length, those of a scalar 1.
    for (shape, limit) in [(&[3, 3, 4, 8][..], (6.0 / (36.0 + 72.0_f64)).sqrt()), (&[50], (6.0 / 100.0_f64).sqrt()), (&[], 3.0_f64.sqrt())]
    {
        let v = filled(&Initializer::glorot_uniform(), shape, 1, "k");
        assert!(v.iter().all(|&x| f64::from(x).abs() <= limit) && (v.len() < 10 || v.iter().any(|&x| f64::from(x).abs() > 0.8 * limit)));
    }
}

#[test]
fn initial_values_stay_the_same_on_every_machine_and_in_every_release() {
    // Bits, so that a change of the generator or of its use is seen.
    let bits = |i: &Initializer| filled(i, &[2, 2], 7, "dense/kernel").iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let shown = [Initializer::glorot_uniform(), Initializer::he_normal(), Initializer::orthogonal(1.0)].map(|i| bits(&i));
    assert_eq!(shown, INITIAL_BITS);
}

const INITIAL_BITS: [[u32; 4]; 3] = [
    [3194168941, 1065604365, 3213150863, 1054533088],
    [1068150857, 3208272954, 3214321147, 3201127241],
    [1063301841, 3203748922, 3203748922, 3210785489],
];

#[test]
fn orthogonal_is_orthogonal_and_scaled() {
    for (shape, gain) in [(&[20, 8][..], 1.0), (&[8, 20], 2.0), (&[3, 4, 5], 0.5), (&[6, 6], 1.0), (&[1, 1], 1.0)] {
        let v = filled(&Initializer::orthogonal(gain), shape, 5, "k");
        let cols = *shape.last().unwrap();
        let rows = v.len() / cols;
        let at = |i: usize, j: usize| f64::from(if rows >= cols { v[j * cols + i] } else { v[i * cols + j] });
        let (short, long) = (rows.min(cols), rows.max(cols));
        for a in 0..short {
            for b in 0..short {
                let dot: f64 = (0..long).map(|j| at(a, j) * at(b, j)).sum();
                let wanted = if a == b { gain * gain } else { 0.0 };
                assert!((dot - wanted).abs() < 1e-6 * gain * gain, "{shape:?}: {a} · {b} = {dot}");
            }
        }
    }
    let shape = Shape::new(&[4]);
    let message = Initializer::orthogonal(1.0).fill(shape, 1, 1, &mut [0.0; 4]).unwrap_err();
    assert!(message.contains("two axes") && message.contains("[4]"), "{message}");
    assert!(Initializer::Zeros.fill(shape, 1, 1, &mut [0.0; 3]).is_err());
    assert!(Initializer::Values([1.0, 2.0].into()).fill(shape, 1, 1, &mut [0.0; 4]).is_err());
}

#[test]
fn metrics_know_their_direction_and_labels() {
    // As real Keras says of its own.
    let down = [
        "MeanSquaredError",
        "MeanAbsoluteError",
        "RootMeanSquaredError",
        "BinaryCrossentropy",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
        "KLDivergence",
        "Poisson",
        "MeanAbsolutePercentageError",
        "MeanSquaredLogarithmicError",
        "LogCoshError",
        "Hinge",
        "SquaredHinge",
        "CategoricalHinge",
        "MeanMetricWrapper",
    ];
    let neither = ["TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives", "Mean", "Sum"];
    for row in catalogue::METRICS {
        let arguments = match row.class {
            "IoU" | "OneHotIoU" => json!({"num_classes": 3, "target_class_ids": [0]}),
            "MeanIoU" | "OneHotMeanIoU" => json!({"num_classes": 3}),
            "PrecisionAtRecall" => json!({"recall": 0.5}),
            "RecallAtPrecision" => json!({"precision": 0.5}),
            "SensitivityAtSpecificity" => json!({"specificity": 0.5}),
            "SpecificityAtSensitivity" => json!({"sensitivity": 0.5}),
            "MeanMetricWrapper" => json!({"fn": "mse"}),
            _ => json!({}),
        };
        if arguments != json!({}) {
            let message = (row.from_config)(&json!({})).err().unwrap_or_else(|| panic!("{}", row.class)).to_string();
            assert!(message.starts_with(&format!("{} needs the argument", row.class)), "{message}");
        }
        let metric = (row.from_config)(&arguments).unwrap();
        let up = (!neither.contains(&row.class)).then(|| !down.contains(&row.class));
        assert_eq!(metric.larger_is_better(), up, "{}", row.class);
        assert_eq!(metric.sparse(), row.class.starts_with("Sparse"), "{}", row.class);
        assert_eq!((metric.class_name(), metric.module()), (row.class, row.module));
    }
    assert_eq!(metrics::Accuracy::default().larger_is_better(), Some(true));
}
