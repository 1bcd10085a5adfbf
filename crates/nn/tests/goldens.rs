//! Values, gradients and configurations against real Keras (`scripts/goldens/catalogue.py`, `images.py`, `masks.py`,
//! `recurrent.py`, `losses.py`, `layers.py` and `updates.py` made the files).

mod support;

use adaline_graph::{Builder, NodeId, Shape, Var};
use adaline_nn::{
    Layer, Metric,
    activations::Activation,
    catalogue,
    constraints::Constraint,
    initializers::Initializer,
    keras::KerasObject,
    layers::{Dense, Normalization},
    losses, metrics,
    regularizers::Regularizer,
    schedules::Schedule,
};
use serde_json::Value as Json;
use support::{ABSOLUTE, Feed, RELATIVE, close, goldens, gradients, same_json, tensor};

#[test]
fn configurations_are_what_keras_writes() {
    let cases = configs();
    assert!(cases.len() > 200);
    for theirs in cases {
        let read: Box<dyn KerasObject> = match theirs["module"].as_str().unwrap() {
            "keras.layers" => {
                let layer = catalogue::layer_from_json(&theirs).unwrap_or_else(|e| panic!("{theirs}: {e}"));
                assert_eq!(layer.name(), theirs["config"]["name"].as_str());
                Box::new(Shown(layer.envelope()))
            }
            "keras.losses" => Box::new(Shown(catalogue::loss_from_json(&theirs).unwrap().envelope())),
            "keras.metrics" => Box::new(Shown(catalogue::metric_from_json(&theirs).unwrap().envelope())),
            "keras.optimizers" => Box::new(Shown(catalogue::optimizer_from_json(&theirs).unwrap().envelope())),
            "keras.optimizers.schedules" => Box::new(Schedule::from_json(&theirs).unwrap()),
            "keras.initializers" => Box::new(Initializer::from_json(&theirs).unwrap()),
            "keras.constraints" => Box::new(Constraint::from_json(&theirs).unwrap()),
            "keras.regularizers" => Box::new(Regularizer::from_json(&theirs).unwrap()),
            other => panic!("{other}"),
        };
        assert!(same_json(&read.envelope(), &theirs), "\nours   {}\nKeras' {theirs}", read.envelope());
    }
}

/// All configurations that Keras wrote.
fn configs() -> Vec<Json> {
    [
        "configs",
        "image_configs",
        "mask_configs",
        "recurrent_configs",
        "loss_configs",
        "more_configs",
        "update_configs",
        "table_configs",
        "scaled_configs",
    ]
    .map(goldens)
    .concat()
}

/// An envelope already made.
struct Shown(Json);
impl KerasObject for Shown {
    fn module(&self) -> &'static str {
        ""
    }
    fn class_name(&self) -> &'static str {
        ""
    }
    fn config(&self) -> Json {
        Json::Null
    }
    fn envelope(&self) -> Json {
        self.0.clone()
    }
}

#[test]
fn every_class_of_the_catalogue_is_compared() {
    let pipelines: Vec<Json> = goldens("more_pipelines").iter().map(|c| c["object"].clone()).collect();
    let configs = [configs(), pipelines].concat();
    let seen: Vec<(String, String)> =
        configs.iter().map(|c| (c["module"].as_str().unwrap().into(), c["class_name"].as_str().unwrap().into())).collect();
    let rows = (catalogue::LAYERS.iter().map(|r| (r.module, r.class)))
        .chain(catalogue::LOSSES.iter().map(|r| (r.module, r.class)))
        .chain(catalogue::METRICS.iter().map(|r| (r.module, r.class)))
        .chain(catalogue::OPTIMIZERS.iter().map(|r| (r.module, r.class)));
    for (module, class) in rows {
        assert!(seen.iter().any(|s| s.0 == module && s.1 == class), "{module}.{class} has no golden");
    }
}

#[test]
fn activations_and_their_gradients() {
    let cases = goldens("activations");
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let (b, mut feed) = (Builder::new(), Feed::default());
        let (x, c) = (feed.input(&b, &tensor(&case["x"])), feed.input(&b, &tensor(&case["cotangent"])));
        let y = Activation::from_name(name).unwrap().apply(x);
        let dx = gradients(&b, (y * c).sum(&[], false), &[x])[0];
        let y = y.id();
        let run = feed.run(b, &[y, dx]);
        close(name, &run[0], &tensor(&case["y"]), RELATIVE, ABSOLUTE);
        close(&format!("{name}'s gradient"), &run[1], &tensor(&case["gradient"]), RELATIVE, ABSOLUTE);
    }
    let all = Activation::ALL.iter().filter(|a| a.0 != Activation::Step);
    assert!(all.clone().all(|a| cases.iter().any(|c| c["name"] == a.1)), "an activation has no golden");
}

#[test]
fn losses_reductions_and_their_gradients() {
    let cases = ["losses", "loss_values"].map(goldens).concat();
    assert!(catalogue::LOSSES.iter().all(|r| cases.iter().any(|c| c["object"]["class_name"] == r.class)), "a loss has no golden");
    for case in cases {
        let loss = catalogue::loss_from_json(&case["object"]).unwrap();
        let what = format!("{} of {} {}", case["object"]["config"], case["y_true"]["shape"], case["y_pred"]["shape"]);
        let (b, mut feed) = (Builder::new(), Feed::default());
        let (t, p) = (feed.input(&b, &tensor(&case["y_true"])), feed.input(&b, &tensor(&case["y_pred"])));
        let w = (!case["weight"].is_null()).then(|| feed.input(&b, &tensor(&case["weight"])));
        let result = losses::total(&*loss, t, p, w, None);
        let scalar = if result.rank() == 0 { result } else { result.sum(&[], false) };
        let dp = gradients(&b, scalar, &[p])[0];
        let result = result.id();
        let run = feed.run(b, &[result, dp]);
        close(&what, &run[0], &tensor(&case["result"]), RELATIVE, ABSOLUTE);
        // 1 / p amplifies what single precision loses of 1 - p.
        close(&format!("gradient: {what}"), &run[1], &tensor(&case["gradient"]), 1e-4, 1e-5);
    }
}

fn evaluate_metric(metric: &dyn Metric, batches: &[Json], weighted: bool) -> Vec<f64> {
    let mut sums: Vec<Vec<f32>> = Vec::new();
    for batch in batches {
        let (b, mut feed) = (Builder::new(), Feed::default());
        let (t, p) = (feed.input(&b, &tensor(&batch["y_true"])), feed.input(&b, &tensor(&batch["y_pred"])));
        let w = (weighted && !batch["weight"].is_null()).then(|| feed.input(&b, &tensor(&batch["weight"])));
        let added: Vec<Var<'_>> = metric.update(t, p, w);
        let shapes: Vec<Shape> = metric.sums(t.shape(), p.shape()).iter().map(|s| s.1).collect();
        assert_eq!(added.iter().map(|v| v.shape()).collect::<Vec<_>>(), shapes, "{}", metric.name());
        let ids: Vec<NodeId> = added.iter().map(|v| v.id()).collect();
        let run = feed.run(b, &ids);
        sums.resize_with(run.len(), Vec::new);
        for (sum, add) in sums.iter_mut().zip(&run) {
            sum.resize(add.data.len(), 0.0);
            sum.iter_mut().zip(&add.data).for_each(|(s, a)| *s += *a as f32);
        }
    }
    metric.results(&sums.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn metrics_over_two_batches_with_and_without_weights() {
    let cases = ["metrics", "metric_values"].map(goldens).concat();
    assert!(catalogue::METRICS.iter().all(|r| cases.iter().any(|c| c["object"]["class_name"] == r.class)), "a metric has no golden");
    for case in cases {
        let metric = catalogue::metric_from_json(&case["object"]).unwrap();
        let batches = case["batches"].as_array().unwrap();
        for (key, weighted) in [("plain", false), ("weighted", true)] {
            let ours = evaluate_metric(&*metric, batches, weighted);
            let theirs: Vec<f64> = match &case[key] {
                Json::Array(several) => several.iter().map(|v| v.as_f64().unwrap()).collect(),
                one => vec![one.as_f64().unwrap()],
            };
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-5 + 1e-5 * b.abs();
            let fits = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(near);
            assert!(fits, "{} {key}: ours {ours:?}, Keras' {theirs:?}", case["object"]);
        }
    }
}

#[test]
fn accuracy_is_chosen_by_shapes() {
    let shape = |v: &Json| Shape::new(&v.as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect::<Vec<_>>());
    for case in goldens("accuracy") {
        let (t, p) = (shape(&case["y_true"]), shape(&case["y_pred"]));
        let chosen = metrics::resolve(&metrics::Accuracy::default(), t, p);
        assert_eq!((chosen.class_name(), chosen.name()), (case["class"].as_str().unwrap(), "accuracy"), "{t} {p}");
        assert_eq!(case["name"], "accuracy");
    }
    for name in ["accuracy", "acc"] {
        let metric = catalogue::metric_from_json(&Json::from(name)).unwrap();
        assert_eq!((metric.name(), metric.envelope()), (name, Json::from(name)));
    }
}

#[test]
fn layers_weights_values_and_gradients() {
    for case in goldens("layers") {
        let mut layer: Box<dyn Layer> = catalogue::layer_from_json(&case["object"]).unwrap();
        if !case["data"].is_null() {
            let data = tensor(&case["data"]);
            let mut normalization = Normalization::from_config(&case["object"]["config"]).unwrap();
            normalization.adapt(&adaline_data::Tensor::f32(data.ty.shape.dims(), data.to_f32()).unwrap()).unwrap();
            layer = normalization.into();
        }
        support::layer_as_keras(&*layer, &case);
    }
    for case in goldens("image_layers") {
        support::layer_as_keras(&*catalogue::layer_from_json(&case["object"]).unwrap(), &case);
    }
    assert_eq!(Dense::new(3).class_name(), "Dense");
}
