//! Merging, einsum, normalization, noise and attention layers against real Keras (`scripts/goldens/layers.py` made the files), with all their
//! inputs, masks and arguments of the call; then what Keras leaves open.

mod support;

use adaline_graph::{Builder, DType, Graph, NodeId, Shape, SlotId, Var, eval, eval::Value};
use adaline_nn::{
    Layer, Masked, Trace,
    catalogue::layer_from_json,
    initializers::Initializer,
    keras::KerasObject,
    layers::{
        ActivityRegularization, Add, AdditiveAttention, AlphaDropout, Attention, Concatenate, Dense, Dot, EinsumDense, GaussianDropout,
        GaussianNoise, GroupNormalization, GroupQueryAttention, LayerNormalization, Maximum, MultiHeadAttention, Multiply,
        RMSNormalization, RepeatVector, SpectralNormalization, Subtract, UnitNormalization,
    },
    trace::Weights,
};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use support::{ABSOLUTE, Feed, RELATIVE, close, goldens, gradients, same_json, tensor, tensors};

#[test]
fn configurations_are_what_keras_writes() {
    let cases = goldens("more_configs");
    assert!(cases.len() > 100);
    for theirs in cases {
        let layer = layer_from_json(&theirs).unwrap_or_else(|e| panic!("{theirs}: {e}"));
        assert_eq!(layer.name(), theirs["config"]["name"].as_str());
        assert!(same_json(&layer.envelope(), &theirs), "\nours   {}\nKeras' {theirs}", layer.envelope());
    }
}

/// What is made of a layer's call: its results, the mask of the first, and the penalties.
struct Call<'g> {
    results: Vec<Masked<'g>>,
    penalty: Var<'g>,
    updates: Vec<(SlotId, Var<'g>)>,
}

fn call<'g>(b: &'g Builder, feed: &mut Feed, weights: &mut Weights, layer: &dyn Layer, inputs: &[Masked<'g>], training: bool) -> Call<'g> {
    let (seed, step) = (feed.input(b, &Value::i32([2], &[1, 2])), feed.input(b, &Value::i32(Shape::SCALAR, &[0])));
    let mut cx = Trace::new(b, weights, training, seed, step);
    let results = cx.apply("layer", layer, inputs);
    let (penalties, updates) = cx.finish();
    let penalty = penalties.into_iter().fold(b.scalar(0.0), |sum, p| sum + p);
    Call { results, penalty, updates }
}

#[test]
fn calls_masks_gradients_and_twelve_steps_as_keras() {
    let cases = goldens("more_layers");
    assert!(cases.len() > 100);
    for case in &cases {
        as_keras(case);
    }
    for class in goldens("more_configs").iter().map(|c| c["class_name"].clone()) {
        assert!(cases.iter().any(|c| c["object"]["class_name"] == class), "{class} has no case");
    }
}

fn as_keras(case: &Json) {
    let mut layer = layer_from_json(&case["object"]).unwrap();
    for (key, value) in case["arguments"].as_object().unwrap() {
        layer.set_call_argument(key, value).unwrap();
    }
    let shapes: Vec<String> = case["inputs"].as_array().unwrap().iter().map(|x| x["shape"].to_string()).collect();
    let masks = case["masks"].as_array().unwrap();
    let masked: Vec<bool> = masks.iter().map(|m| !m.is_null()).collect();
    let training = case["training"] == true;
    let what = format!("{} {} of {shapes:?}, masks {masked:?}, training {training}", case["object"], case["arguments"]);
    let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
    let xs: Vec<Var<'_>> = tensors(&case["inputs"]).iter().map(|x| feed.input(&b, x)).collect();
    let inputs: Vec<Masked<'_>> = xs
        .iter()
        .zip(masks)
        .map(|(&value, mask)| Masked { value, mask: (!mask.is_null()).then(|| feed.input(&b, &tensor(mask)).cast(DType::Bool)) })
        .collect();
    let run = call(&b, &mut feed, &mut weights, layer.as_ref(), &inputs, training);
    assert!(!b.failed(), "{what}: {}", b.finish().unwrap_err());

    let theirs = case["weights"].as_array().unwrap();
    let names: Vec<&str> = theirs.iter().map(|w| w["name"].as_str().unwrap()).collect();
    assert_eq!(weights.list.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), names, "{what}");
    let mut state: HashMap<SlotId, Value> = HashMap::new();
    for (ours, theirs) in weights.list.iter().zip(theirs) {
        assert_eq!(ours.ty.shape, tensor(theirs).ty.shape, "{what}: {}", ours.name);
        state.insert(ours.slot, tensor(theirs));
    }
    let trained: Vec<SlotId> = weights.list.iter().filter(|w| w.spec.trainable).map(|w| w.slot).collect();
    let of_weights: Vec<Var<'_>> =
        weights.list.iter().filter(|w| w.spec.trainable).map(|w| b.state(w.slot, &format!("{}/{}", w.layer, w.name), w.ty)).collect();

    let cotangents: Vec<Var<'_>> = tensors(&case["cotangents"]).iter().map(|c| feed.input(&b, c)).collect();
    assert_eq!((run.results.len(), layer.results()), (cotangents.len(), cotangents.len()), "{what}");
    let loss = run.results.iter().zip(&cotangents).fold(run.penalty, |sum, (y, &c)| sum + (y.value * c).sum(&[], false));
    let wrt: Vec<Var<'_>> = xs.iter().chain(&of_weights).copied().collect();
    let mut wanted: Vec<NodeId> = run.results.iter().map(|y| y.value.id()).collect();
    wanted.push(run.penalty.id());
    wanted.extend(gradients(&b, loss, &wrt));
    wanted.extend(run.updates.iter().map(|u| u.1.id()));
    let mask = run.results[0].mask;
    assert_eq!(mask.is_some(), !case["mask"].is_null(), "{what}: whether there is a mask");
    wanted.extend(mask.map(|m| m.cast(DType::I32).id()));
    assert!(run.results[1..].iter().all(|y| y.mask.is_none()), "{what}");

    let mut expected: Vec<(Value, f64)> = tensors(&case["outputs"]).into_iter().map(|y| (y, ABSOLUTE)).collect();
    expected.push((Value::f32(Shape::SCALAR, &[case["penalty"].as_f64().unwrap() as f32]), ABSOLUTE));
    for gradient in tensors(&case["gradients"]).into_iter().chain(tensors(&case["weight_gradients"])) {
        expected.push((gradient, 1e-5));
    }
    if training {
        expected.extend(tensors(&case["after"]).into_iter().map(|v| (v, ABSOLUTE)));
    }
    expected.extend((!case["mask"].is_null()).then(|| (tensor(&case["mask"]), 0.0)));
    assert_eq!(wanted.len(), expected.len(), "{what}");

    wanted.iter().enumerate().for_each(|(i, &n)| b.output(&format!("wanted {i}"), b.var(n)));
    let first_gradient = run.results.len() + 1 + xs.len();
    let graph = b.finish().unwrap_or_else(|e| panic!("{what}: {e}"));
    let evaluate = |graph: &Graph, state: &HashMap<SlotId, Value>| {
        eval::evaluate(graph, feed.values(), &|slot| state.get(&slot).cloned()).unwrap_or_else(|e| panic!("{what}: {e}")).outputs
    };
    for (i, (ours, (theirs, absolute))) in evaluate(&graph, &state).iter().zip(&expected).enumerate() {
        close(&format!("{what}: result {i}"), ours, theirs, RELATIVE, *absolute);
    }
    if trained.is_empty() {
        return;
    }
    // As the script: plain descent with a rate of 0.02.
    for _ in 0..12 {
        let run = evaluate(&graph, &state);
        for (slot, gradient) in trained.iter().zip(&run[first_gradient..]) {
            let values = state.get_mut(slot).unwrap();
            values.data.iter_mut().zip(&gradient.data).for_each(|(w, g)| *w -= 0.02 * g);
        }
    }
    for (slot, theirs) in trained.iter().zip(tensors(&case["trained"])) {
        close(&format!("{what}: a weight after twelve steps"), &state[slot], &theirs, 1e-4, 1e-5);
    }
}

/// What a layer says of inputs that do not fit, or its results in training.
fn results(layer: &dyn Layer, inputs: &[Value], training: bool) -> Result<Vec<Value>, String> {
    let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
    let xs: Vec<Masked<'_>> = inputs.iter().map(|x| feed.input(&b, x).into()).collect();
    let run = call(&b, &mut feed, &mut weights, layer, &xs, training);
    let wanted: Vec<NodeId> = run.results.iter().map(|y| y.value.id()).collect();
    if b.failed() {
        return Err(b.finish().unwrap_err().to_string());
    }
    Ok(feed.run_with(b, &wanted, &|slot| {
        let w = weights.list.iter().find(|w| w.slot == slot)?;
        Some(Value::f32(w.ty.shape, weights.store.f32(slot)))
    }))
}

fn numbers(shape: &[usize]) -> Value {
    let shape = Shape::new(shape);
    Value::f32(shape, &(0..shape.len()).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>())
}

/// A layer, shapes that do not fit it, and parts of what it says.
type Misfit = (Box<dyn Layer>, &'static [&'static [usize]], &'static [&'static str]);

#[test]
fn inputs_that_do_not_fit_are_errors_that_say_what_would() {
    let cases: Vec<Misfit> = vec![
        (Add::new().into(), &[], &["one input or more", "none"]),
        (Add::new().into(), &[&[2, 3], &[2, 4]], &["[2, 3], [2, 4]", "Concatenate"]),
        (Add::new().into(), &[&[2, 3], &[3, 3]], &["one batch size", "[2, 3], [3, 3]"]),
        (Multiply::new().into(), &[&[], &[2]], &["one batch size"]),
        (Maximum::new().into(), &[&[2, 3, 2], &[2, 4, 2]], &["[2, 4, 2]"]),
        (Subtract::new().into(), &[&[2, 3]], &["two inputs, got 1"]),
        (Concatenate::new().axis(3).into(), &[&[2, 3], &[2, 3]], &["`axis` is 3", "try -1"]),
        (Concatenate::new().axis(0).into(), &[&[2, 3], &[2, 3]], &["after the batch axis"]),
        (Concatenate::new().into(), &[&[2, 3, 1], &[2, 4, 1]], &["along axis 2", "[2, 3, 1], [2, 4, 1]"]),
        (Concatenate::new().into(), &[], &["got none"]),
        (Dot::new(1).into(), &[&[2, 3]], &["two inputs, got 1"]),
        (Dot::new(1).into(), &[&[2, 3], &[2, 4]], &["axis 1 of the first", "[2, 3], [2, 4]"]),
        (Dot::new(2).into(), &[&[2, 3], &[2, 4, 3]], &["`axes` is [2, 2]"]),
        (Dot::new([1, 1]).into(), &[&[2, 3, 2, 2, 2], &[2, 3, 2, 2, 2]], &["more than 6 axes"]),
        (RepeatVector::new(2).into(), &[&[2, 3, 4]], &["rank 2", "[2, 3, 4]"]),
        (EinsumDense::new("abc,cd->abd", [None, Some(2)]).into(), &[&[2, 3]], &["\"abc,cd->abd\"", "[2, 3]", "3 axes"]),
        (EinsumDense::new("...bc,cd->...bd", [Some(4), Some(2)]).into(), &[&[2, 3, 4]], &["axis `b` has size 3", "4 in `output_shape`"]),
        (EinsumDense::new("ab,bc->ac", [None]).into(), &[&[2, 3]], &["must name the size of axis `c`"]),
        (EinsumDense::new("ab,bc->acd", [Some(2), Some(3)]).into(), &[&[2, 3]], &["axis `d` of the result"]),
        (EinsumDense::new("ab,bcd->ac", 2).into(), &[&[2, 3]], &["axis `d` of the kernel"]),
        (EinsumDense::new("ab,bc->ac", 2).bias_axes("x").into(), &[&[2, 3]], &["axis `x` of `bias_axes`"]),
        (EinsumDense::new("ab,bc->ac", [Some(2), Some(2)]).into(), &[&[2, 3]], &["has 2 sizes, and 1 are needed"]),
        (LayerNormalization::new().axis(3).into(), &[&[2, 3]], &["`axis` is [3]", "[2, 3]", "try -1"]),
        (LayerNormalization::new().axis(0).into(), &[&[2, 3]], &["after the batch axis"]),
        (LayerNormalization::new().axes([1, -1]).into(), &[&[2, 3]], &["each once"]),
        (RMSNormalization::new().axis(-3).into(), &[&[2, 3]], &["`axis` is [-3]"]),
        (UnitNormalization::new().axis(2).into(), &[&[2, 3]], &["`axis` is [2]"]),
        (GroupNormalization::new(2).into(), &[&[2, 3]], &["2 groups of the 3 channels", "-1"]),
        (GroupNormalization::new(32).axis(4).into(), &[&[2, 3]], &["`axis` is 4"]),
        (AlphaDropout::new(0.5).noise_shape([Some(7)]).into(), &[&[2, 3]], &["noise_shape", "[2, 3]"]),
        (Attention::new().into(), &[&[2, 3, 4]], &["two or three inputs", "got 1", "same tensor twice"]),
        (Attention::new().into(), &[&[2, 3], &[2, 3]], &["(batch, steps, features)", "[2, 3]"]),
        (Attention::new().into(), &[&[2, 3, 4], &[2, 3, 5]], &["same number of features", "Dense"]),
        (AdditiveAttention::new().into(), &[&[2, 3, 4], &[1, 3, 4]], &["[1, 3, 4]"]),
        (Attention::new().into(), &[&[2, 3, 4], &[2, 3, 4], &[2, 5, 4]], &["a key with the steps of the value"]),
        (MultiHeadAttention::new(2, 2).into(), &[&[2, 3, 4], &[2, 3, 4], &[2, 5, 4]], &["a key with the steps of the value"]),
        (MultiHeadAttention::new(2, 2).attention_axes([3]).into(), &[&[2, 3, 4], &[2, 3, 4]], &["`attention_axes` is Some([3])"]),
        (MultiHeadAttention::new(2, 2).into(), &[&[1, 2, 2, 2, 4], &[1, 2, 2, 2, 4]], &["at most 6 axes of scores"]),
        (MultiHeadAttention::new(2, 2).attention_axes([1]).into(), &[&[2, 3, 2, 4], &[2, 3, 5, 4]], &["that attention does not go over"]),
        (GroupQueryAttention::new(2, 4, 2).into(), &[&[2, 3, 4], &[2, 3, 5]], &["same number of features"]),
        (GroupQueryAttention::new(2, 4, 2).into(), &[&[2, 3, 4, 1], &[2, 3, 4, 1]], &["(batch, steps, features)"]),
    ];
    for (layer, shapes, parts) in cases {
        let inputs: Vec<Value> = shapes.iter().map(|s| numbers(s)).collect();
        let text = results(layer.as_ref(), &inputs, true).expect_err(layer.class_name());
        assert!(text.contains("layer") && parts.iter().all(|p| text.contains(p)), "{}: {text}", layer.class_name());
    }
}

#[test]
fn arguments_out_of_range_are_errors_that_name_them() {
    for (class, config, part) in [
        ("Dot", json!({"axes": 0}), "`axes`"),
        ("Dot", json!({"axes": [1, 2, 3]}), "an axis or a list of two axes"),
        ("Dot", json!({}), "needs the argument `axes`"),
        ("RepeatVector", json!({"n": 0}), "`n` is 0"),
        ("EinsumDense", json!({"equation": "ab,bc->", "output_shape": 3}), "`equation`"),
        ("EinsumDense", json!({"equation": "aab,bc->ac", "output_shape": 3}), "each letter once"),
        ("EinsumDense", json!({"equation": "...ab,bc->ac", "output_shape": 3}), "`equation`"),
        ("EinsumDense", json!({"equation": "ab,bc->ac", "output_shape": 0}), "`output_shape`"),
        ("LayerNormalization", json!({"epsilon": -1.0}), "`epsilon`"),
        ("LayerNormalization", json!({"axis": "last"}), "an axis or a list of axes"),
        ("LayerNormalization", json!({"axes": 1}), "did you mean `axis`?"),
        ("RMSNormalization", json!({"epsilon": -1.0}), "`epsilon`"),
        ("UnitNormalization", json!({"axis": []}), "`axis`"),
        ("GroupNormalization", json!({"groups": 0}), "`groups` is 0"),
        ("GaussianNoise", json!({"stddev": 1.5}), "`stddev` is 1.5"),
        ("GaussianDropout", json!({"rate": 1.0}), "`rate` is 1"),
        ("AlphaDropout", json!({"rate": -0.1}), "`rate`"),
        ("ActivityRegularization", json!({"l1": -1.0}), "`l1`"),
        ("Attention", json!({"score_mode": "sum"}), "`score_mode`"),
        ("Attention", json!({"dropout": 1.0}), "`dropout`"),
        ("AdditiveAttention", json!({"score_mode": "dot"}), "no argument `score_mode`"),
        ("MultiHeadAttention", json!({"num_heads": 2}), "needs the argument `key_dim`"),
        ("MultiHeadAttention", json!({"num_heads": 0, "key_dim": 2}), "`num_heads`"),
        ("MultiHeadAttention", json!({"num_heads": 1, "key_dim": 0}), "`key_dim`"),
        ("MultiHeadAttention", json!({"num_heads": 1, "key_dim": 2, "value_dim": 0}), "`value_dim`"),
        ("MultiHeadAttention", json!({"num_heads": 1, "key_dim": 2, "output_shape": [null]}), "`output_shape`"),
        ("MultiHeadAttention", json!({"num_heads": 1, "key_dim": 2, "sliding_window": 0}), "`sliding_window`"),
        (
            "GroupQueryAttention",
            json!({"head_dim": 1, "num_query_heads": 3, "num_key_value_heads": 2}),
            "a multiple of `num_key_value_heads`, 2",
        ),
    ] {
        let text = layer_from_json(&json!({"class_name": class, "config": config})).expect_err(class).to_string();
        assert!(text.contains(part), "{class}: {text}");
    }
    let mut layer = MultiHeadAttention::new(1, 1);
    let text = |e: adaline_nn::keras::ConfigError| e.to_string();
    assert!(text(layer.set_call_argument("use_causal_masks", &json!(true)).unwrap_err()).contains("did you mean `use_causal_mask`?"));
    assert!(text(layer.set_call_argument("use_causal_mask", &json!(3)).unwrap_err()).contains("true or false"));
    layer.set_call_argument("use_causal_mask", &json!(true)).unwrap();
    layer.set_call_argument("return_attention_scores", &Json::Null).unwrap();
    assert_eq!(json!(layer.call_arguments()), json!({"use_causal_mask": true, "return_attention_scores": false}));
    assert_eq!(layer, MultiHeadAttention::new(1, 1).use_causal_mask(true));
    // Not part of the configuration, as in Keras.
    assert_eq!(layer.config(), MultiHeadAttention::new(1, 1).config());
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

/// 40,000 draws: the mean of numbers with deviation s is off by s / 200, four times that is allowed.
#[test]
fn noise_has_its_mean_and_variance_and_acts_in_training_only() {
    let ones = Value::f32([200, 200], &[1.0].repeat(40_000));
    let noise = |layer: Box<dyn Layer>| {
        assert_eq!(results(layer.as_ref(), std::slice::from_ref(&ones), false).unwrap()[0], ones, "{}", layer.class_name());
        let y = results(layer.as_ref(), std::slice::from_ref(&ones), true).unwrap().remove(0);
        assert_eq!(results(layer.as_ref(), std::slice::from_ref(&ones), true).unwrap()[0], y);
        y.data
    };
    let (mean, variance) = moments(&noise(GaussianNoise::new(0.5).into()));
    assert!((mean - 1.0).abs() < 0.01 && (variance - 0.25).abs() < 0.01, "{mean} {variance}");
    let (mean, variance) = moments(&noise(GaussianDropout::new(0.2).into()));
    assert!((mean - 1.0).abs() < 0.01 && (variance - 0.25).abs() < 0.01, "{mean} {variance}");
    assert_ne!(noise(GaussianNoise::new(0.5).into()), noise(GaussianNoise::new(0.5).seed(3).into()));

    // Two values, of which the lower has its share; normal numbers keep mean and variance.
    let y = noise(AlphaDropout::new(0.3).into());
    let (low, a) = (-1.758_099_340_847_376_6f64, (0.7f64 * (1.0 + 0.3 * 1.758_099_340_847_376_6f64.powi(2))).powf(-0.5));
    let b = -a * low * 0.3;
    let dropped = y.iter().filter(|v| (*v - (a * low + b)).abs() < 1e-5).count();
    assert!(y.iter().all(|v| (v - (a * low + b)).abs() < 1e-5 || (v - (a + b)).abs() < 1e-5));
    // Deviation 92.
    assert!((dropped as f64 - 12_000.0).abs() < 400.0, "{dropped}");
    let normal = results(&GaussianNoise::new(1.0).seed(3), &[Value::f32([200, 200], &[0.0].repeat(40_000))], true).unwrap().remove(0);
    let (mean, variance) = moments(&results(&AlphaDropout::new(0.3), &[normal], true).unwrap()[0].data);
    assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    let rows = results(&AlphaDropout::new(0.3).noise_shape([None, Some(1)]), &[ones], true).unwrap().remove(0);
    assert!(rows.data.chunks(200).all(|r| r.iter().all(|v| *v == r[0])));
}

#[test]
fn dropout_of_attention_drops_its_share_in_training() {
    let inputs = [numbers(&[20, 40, 4]), numbers(&[20, 50, 4])];
    let layers: [Box<dyn Layer>; 4] = [
        Attention::new().dropout(0.4).return_attention_scores(true).into(),
        AdditiveAttention::new().dropout(0.4).return_attention_scores(true).into(),
        MultiHeadAttention::new(1, 2).dropout(0.4).into(),
        GroupQueryAttention::new(2, 2, 1).dropout(0.4).into(),
    ];
    for layer in layers {
        let (still, trained) = (results(layer.as_ref(), &inputs, false).unwrap(), results(layer.as_ref(), &inputs, true).unwrap());
        assert_ne!(still[0], trained[0], "{}", layer.class_name());
        assert_eq!(trained, results(layer.as_ref(), &inputs, true).unwrap());
        if let [_, scores] = &trained[..] {
            let dropped = scores.data.iter().filter(|v| **v == 0.0).count();
            // 40,000 draws: deviation 98.
            assert!((dropped as f64 - 16_000.0).abs() < 400.0, "{dropped}");
        }
    }
}

/// Keras multiplies the scale by the last axes whatever `axis` is, and fails where they do not fit.
#[test]
fn scales_lie_along_their_own_axes() {
    let x = numbers(&[2, 3, 4]);
    let y = results(&RMSNormalization::new().axis(1), std::slice::from_ref(&x), false).unwrap().remove(0);
    for (batch, column) in [(0, 0), (1, 3)] {
        let squares = (0..3).map(|t| x.data[batch * 12 + t * 4 + column].powi(2)).sum::<f64>() / 3.0;
        let at = batch * 12 + column;
        assert!((y.data[at] - x.data[at] / (squares + 1e-6).sqrt()).abs() < 1e-6);
    }
}

#[test]
fn zeros_have_no_direction_and_no_gradient() {
    let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
    let x = feed.input(&b, &Value::f32([1, 2], &[0.0, 0.0]));
    let run = call(&b, &mut feed, &mut weights, &UnitNormalization::new(), &[x.into()], false);
    let y = run.results[0].value;
    let dx = gradients(&b, y.sum(&[], false), &[x])[0];
    let y = y.id();
    let out = feed.run(b, &[y, dx]);
    assert_eq!(out[0].data, [0.0, 0.0]);
    assert!(out[1].data.iter().all(|v| v.is_finite()));
}

/// A wider network would penalise more, a larger batch would not.
#[test]
fn penalties_of_activities_are_for_each_row() {
    let penalty = |rows: usize| {
        let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
        let x = feed.input(&b, &Value::f32([rows, 2], &[2.0].repeat(2 * rows)));
        let run = call(&b, &mut feed, &mut weights, &ActivityRegularization::new(0.5, 0.25), &[x.into()], true);
        let id = run.penalty.id();
        drop(run);
        feed.run(b, &[id])[0].data[0]
    };
    assert_eq!([penalty(1), penalty(4)], [4.0, 4.0]);
}

/// Where Keras' files hold them.
#[test]
fn projections_have_the_names_of_keras_files() {
    let paths = |layer: &dyn Layer| -> Vec<String> {
        let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
        let x = feed.input(&b, &numbers(&[1, 2, 3]));
        call(&b, &mut feed, &mut weights, layer, &[x.into(), x.into()], false);
        weights.list.iter().map(|w| format!("{}/{}", w.layer, w.name)).collect()
    };
    let names = |prefix: &str| ["query", "key", "value", "output"].map(|n| format!("layer/{prefix}{n}_dense/kernel"));
    assert_eq!(paths(&MultiHeadAttention::new(1, 1).use_bias(false)), names(""));
    assert_eq!(paths(&GroupQueryAttention::new(1, 1, 1).use_bias(false)), names("_"));
    let gated = paths(&MultiHeadAttention::new(1, 1).use_bias(false).use_gate(true));
    assert_eq!(gated[2], "layer/_gate_dense/kernel");
    assert_eq!(GroupQueryAttention::new(1, 1, 1).python_class(), "GroupedQueryAttention");
}

#[test]
fn layers_without_a_kernel_are_refused() {
    let text = results(&SpectralNormalization::new(UnitNormalization::new()), &[numbers(&[2, 3])], true).unwrap_err();
    assert!(text.contains("UnitNormalization has none") && text.contains("Dense"), "{text}");
    // Zeros have no largest direction.
    let zeros = SpectralNormalization::new(Dense::new(2).kernel_initializer(Initializer::Zeros));
    assert_eq!(results(&zeros, &[numbers(&[2, 3])], true).unwrap()[0].data, [0.0; 4]);
}

#[test]
fn layers_in_a_row_are_one() {
    for case in goldens("more_pipelines") {
        let layer = layer_from_json(&case["object"]).unwrap();
        assert!(same_json(&layer.envelope(), &case["object"]), "\nours   {}\nKeras' {}", layer.envelope(), case["object"]);
        let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
        let x = feed.input(&b, &tensor(&case["x"]));
        let run = call(&b, &mut feed, &mut weights, layer.as_ref(), &[x.into()], false);
        let theirs = case["weights"].as_array().unwrap();
        let names: Vec<&str> = theirs.iter().map(|w| w["name"].as_str().unwrap()).collect();
        assert_eq!(weights.list.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), names);
        let y = run.results[0].value.id();
        let out = feed.run_with(b, &[y], &|slot| weights.list.iter().zip(theirs).find(|w| w.0.slot == slot).map(|w| tensor(w.1)));
        close("a pipeline", &out[0], &tensor(&case["y"]), RELATIVE, ABSOLUTE);
    }
    let text = layer_from_json(&json!({"class_name": "Pipeline", "config": {"layers": []}})).unwrap_err().to_string();
    assert!(text.contains("at least one layer"), "{text}");
    let text = layer_from_json(&json!({"class_name": "Pipeline", "config": {"layers": [{"class_name": "Dens"}]}})).unwrap_err().to_string();
    assert!(text.contains("Dense"), "{text}");
}
