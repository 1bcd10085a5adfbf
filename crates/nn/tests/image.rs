//! Image layers: values and gradients against real Keras (`scripts/goldens/image.py`), and what their random numbers do.

mod support;

use adaline_data::Tensor;
use adaline_graph::{Builder, Shape, backend::Backend, eval::Value, reference::Reference};
use adaline_nn::{
    Fit, Layer, Metric, Model, Seed, Sequential, Trace, catalogue,
    keras::KerasObject,
    layers::{
        AugMix, AutoContrast, CenterCrop, ContrastLimitedAdaptiveHistogramEqualization, CutMix, DataFormat, Dense, Equalization, Flatten,
        Input, MixUp, RandAugment, RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomCrop,
        RandomElasticTransform, RandomErasing, RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective,
        RandomPosterization, RandomRotation, RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom, Rescaling,
        Resizing, Solarization,
        image::{FillMode, FlipMode, Interpolation},
    },
    losses::MeanSquaredError,
    model::LoadOptions,
    optimizers::Sgd,
    trace::Weights,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::{Feed, close, goldens, gradients, tensor, tensors};

/// What a layer makes of `x`, or the error's text; with a cotangent its gradient too.
fn run(layer: &dyn Layer, x: &Value, cotangent: Option<&Value>, training: bool, step: i32) -> Result<Vec<Value>, String> {
    let (b, mut feed) = (Builder::new(), Feed::default());
    let v = feed.input(&b, x);
    let (seed, t) = (feed.input(&b, &Value::i32([2], &[5, 0])), feed.input(&b, &Value::i32(Shape::SCALAR, &[step])));
    let mut weights = Weights::new(11);
    let mut cx = Trace::new(&b, &mut weights, training, seed, t);
    let y = cx.call("layer", layer, &[v]);
    if b.failed() {
        return Err(b.finish().unwrap_err().to_string());
    }
    let mut wanted = vec![y.id()];
    if let Some(c) = cotangent {
        let c = feed.input(&b, c);
        wanted.extend(gradients(&b, (y * c).sum(&[], false), &[v]));
    }
    Ok(feed.run(b, &wanted))
}

fn call(layer: &dyn Layer, x: &Value, step: i32) -> Value {
    run(layer, x, None, true, step).unwrap_or_else(|e| panic!("{}: {e}", layer.class_name())).remove(0)
}

/// `batch` times the same image without a pattern.
fn alike(batch: usize, [h, w, c]: [usize; 3]) -> Value {
    let image: Vec<f32> = (0..h * w * c).map(|i| ((i * i * 7 + i * 13 + 5) % 256) as f32).collect();
    Value::f32(Shape::new(&[batch, h, w, c]), &image.repeat(batch))
}

fn rows(v: &Value) -> std::slice::Chunks<'_, f64> {
    v.data.chunks(v.data.len() / v.ty.shape.dims()[0])
}

/// All layers that draw numbers.
fn random() -> Vec<Box<dyn Layer>> {
    vec![
        RandomFlip::new(FlipMode::Horizontal).into(),
        RandomRotation::new(0.2).into(),
        RandomZoom::new(0.3).width_factor(0.2).into(),
        RandomTranslation::new(0.3, 0.3).into(),
        RandomShear::new(0.3, 0.3).into(),
        RandomCrop::new(3, 4).into(),
        RandomContrast::new(0.5).into(),
        RandomBrightness::new(0.5).into(),
        RandomHue::new(0.5).into(),
        RandomSaturation::new((0.1, 0.9)).into(),
        RandomGrayscale::new(0.5).into(),
        RandomErasing::new(1.0).into(),
        RandomPerspective::new(1.0).into(),
        RandomElasticTransform::new((1.0, 1.0)).scale((0.5, 1.0)).into(),
        RandomGaussianBlur::new(1.0).into(),
        Solarization::new().addition_factor(0.5).threshold_factor(0.5).into(),
        RandomPosterization::new(8.0).into(),
        RandomSharpness::new(1.0).into(),
        RandomColorDegeneration::new(0.5).into(),
        RandomInvert::new(1.0).into(),
        RandomColorJitter::new().brightness_factor(0.3).contrast_factor(0.3).saturation_factor((0.3, 0.7)).hue_factor(0.3).into(),
    ]
}

/// Those that mix images of a batch.
fn mixing() -> Vec<Box<dyn Layer>> {
    vec![MixUp::new(0.5).into(), CutMix::new(1.0).into()]
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let cases = goldens("image");
    assert!(cases.len() > 120);
    for case in &cases {
        let what = case["object"]["config"].to_string();
        let layer = catalogue::layer_from_json(&case["object"]).unwrap_or_else(|e| panic!("{what}: {e}"));
        let x = tensor(&case["x"]);
        let cotangent = case.get("cotangent").map(tensor);
        let ours = run(&*layer, &x, cotangent.as_ref(), true, 0).unwrap_or_else(|e| panic!("{what}: {e}"));
        let outputs = tensors(&case["outputs"]);
        if let [theirs] = &outputs[..] {
            close(&what, &ours[0], theirs, 1e-5, 2e-3);
            if let Some(gradient) = case.get("gradient") {
                close(&format!("gradient: {what}"), &ours[1], &tensor(gradient), 1e-4, 2e-4);
            }
            continue;
        }
        for (at, image) in rows(&ours[0]).enumerate() {
            let fits = |theirs: &Value| rows(theirs).nth(at).unwrap().iter().zip(image).all(|(a, b)| (a - b).abs() < 2e-3 + 1e-5 * a.abs());
            assert_eq!(ours[0].ty, outputs[0].ty, "{what}");
            assert!(outputs.iter().any(fits), "image {at} is neither: {what}");
        }
    }
    let compared = |class: &str| cases.iter().any(|c| c["object"]["class_name"] == class);
    let fixed = ["Resizing", "CenterCrop", "AutoContrast", "Equalization", "AugMix", "ContrastLimitedAdaptiveHistogramEqualization"];
    let missing: Vec<&str> = random().iter().map(|l| l.class_name()).chain(fixed).filter(|c| !compared(c)).collect();
    assert!(missing.is_empty(), "no golden of {missing:?}");
}

#[test]
fn outside_of_training_images_stay_as_they_are() {
    let x = alike(2, [6, 8, 3]);
    let batchwise: [Box<dyn Layer>; 3] = [RandAugment::new().into(), AugMix::new().into(), Equalization::new().into()];
    for layer in random().iter().chain(&mixing()).chain(&batchwise) {
        assert_eq!(run(&**layer, &x, None, false, 0).unwrap()[0], x, "{}", layer.class_name());
    }
    let always: [Box<dyn Layer>; 2] = [AutoContrast::new().into(), ContrastLimitedAdaptiveHistogramEqualization::new().into()];
    for layer in always {
        assert_ne!(run(&*layer, &x, None, false, 0).unwrap()[0], x);
        assert_eq!(run(&*layer, &x, None, false, 0), run(&*layer, &x, None, true, 0));
    }
    for layer in [Box::new(Resizing::new(3, 4)) as Box<dyn Layer>, Box::new(CenterCrop::new(3, 4))] {
        assert_eq!(run(&*layer, &x, None, false, 0).unwrap()[0].ty.shape, Shape::new(&[2, 3, 4, 3]));
        assert_eq!(run(&*layer, &x, None, false, 0), run(&*layer, &x, None, true, 0));
    }
}

#[test]
fn same_seed_same_bits_and_each_image_draws_its_own() {
    let x = alike(8, [6, 8, 3]);
    for layer in random() {
        let y = call(&*layer, &x, 3);
        let class = layer.class_name();
        assert_eq!(call(&*layer, &x, 3), y, "{class}");
        assert_ne!(call(&*layer, &x, 4), y, "{class}: another step");
        assert!(rows(&y).any(|r| r != rows(&y).next().unwrap()), "{class}: all images alike");
        let config = |seed: i64| {
            let mut envelope = layer.envelope();
            envelope["config"]["seed"] = json!(seed);
            catalogue::layer_from_json(&envelope).map(|l| call(&*l, &x, 3))
        };
        if class != "RandomGrayscale" {
            assert_ne!(config(7).unwrap(), y, "{class}: a seed of its own");
            assert_eq!(config(7).unwrap(), config(7).unwrap(), "{class}");
        }
        assert!(y.data.iter().all(|v| v.is_finite()), "{class}");
    }
    assert_ne!(call(&RandomGrayscale::new(0.5).seed(3), &x, 3), call(&RandomGrayscale::new(0.5).seed(4), &x, 3));
}

#[test]
fn channels_first_is_the_same_turned() {
    let x = alike(3, [6, 8, 3]);
    let turn = |v: &Value, perm: [usize; 4]| {
        let (b, mut feed) = (Builder::new(), Feed::default());
        let y = feed.input(&b, v).transpose(&perm).id();
        feed.run(b, &[y]).remove(0)
    };
    for layer in random().into_iter().chain(mixing()) {
        let mut envelope = layer.envelope();
        envelope["config"]["data_format"] = json!("channels_first");
        let first = catalogue::layer_from_json(&envelope).unwrap();
        // Noise is drawn in the order of the turned image.
        let y = call(&*first, &turn(&x, [0, 3, 1, 2]), 2);
        assert_eq!(turn(&y, [0, 2, 3, 1]), call(&*layer, &x, 2), "{}", layer.class_name());
    }
}

#[test]
fn wrong_inputs_are_errors_that_say_so() {
    let error = |layer: &dyn Layer, shape: &[usize]| {
        let shape = Shape::new(shape);
        run(layer, &Value::f32(shape, &vec![1.0; shape.len()]), None, true, 0).unwrap_err()
    };
    let fixed: Vec<Box<dyn Layer>> = vec![
        Resizing::new(2, 2).into(),
        CenterCrop::new(2, 2).into(),
        AutoContrast::new().into(),
        Equalization::new().into(),
        AugMix::new().into(),
        ContrastLimitedAdaptiveHistogramEqualization::new().into(),
        RandAugment::new().into(),
    ];
    for layer in random().iter().chain(&mixing()).chain(&fixed) {
        let text = error(&**layer, &[4, 5, 3]);
        let parts = ["layer", layer.class_name(), "(batch, height, width, channels)", "[4, 5, 3]", "batch axis"];
        assert!(parts.iter().all(|p| text.contains(p)), "{text}");
        assert!(run(&**layer, &Value::f32(Shape::new(&[4, 5, 3]), &[1.0; 60]), None, false, 0).is_err());
        // A batch without images.
        assert!(run(&**layer, &Value::f32(Shape::new(&[0, 5, 4, 3]), &[]), None, true, 0).is_ok(), "{}", layer.class_name());
    }
    let colored: [Box<dyn Layer>; 4] = [
        RandomHue::new(0.1).into(),
        RandomSaturation::new(0.1).into(),
        RandomGrayscale::new(0.1).into(),
        RandomColorDegeneration::new(0.1).into(),
    ];
    for layer in colored {
        let text = error(&*layer, &[1, 4, 5, 2]);
        assert!(text.contains("3 channels") && text.contains("got 2") && text.contains(layer.class_name()), "{text}");
    }
    let text = error(&RandomErasing::new(1.0).fill_value([1.0, 2.0, 3.0]), &[1, 4, 5, 2]);
    assert!(text.contains("3 channels") && text.contains("have 2"), "{text}");
    let text = error(&Resizing::new(usize::MAX / 2, usize::MAX / 2), &[1, 4, 5, 2]);
    assert!(text.contains("resize"), "{text}");
    assert!(run(&CenterCrop::new(usize::MAX, 7), &alike(1, [2, 2, 1]), None, true, 0).is_err());
    assert!(run(&RandomCrop::new(usize::MAX, usize::MAX), &alike(1, [2, 2, 1]), None, true, 0).is_err());
}

#[test]
fn arguments_out_of_range_are_refused() {
    let nan = f64::NAN;
    let objects: Vec<(&str, Box<dyn KerasObject>)> = vec![
        ("height", Box::new(Resizing::new(0, 2))),
        ("width", Box::new(CenterCrop::new(2, 0))),
        ("height", Box::new(RandomCrop::new(0, 0))),
        ("pad_to_aspect_ratio", Box::new(Resizing::new(2, 2).crop_to_aspect_ratio(true).pad_to_aspect_ratio(true))),
        ("fill_value", Box::new(Resizing::new(2, 2).fill_value(nan))),
        ("addition_factor", Box::new(Solarization::new().addition_factor(1.5))),
        ("value_range", Box::new(Solarization::new().value_range(1.0, 1.0))),
        ("factor", Box::new(RandomRotation::new(1.5))),
        ("factor", Box::new(RandomRotation::new(nan))),
        ("interpolation", Box::new(RandomRotation::new(0.1).interpolation(Interpolation::Bicubic))),
        ("height_factor", Box::new(RandomZoom::new(-1.0))),
        ("width_factor", Box::new(RandomZoom::new(0.1).width_factor((0.0, 1.5)))),
        ("width_factor", Box::new(RandomTranslation::new(0.1, 1.1))),
        ("fill_value", Box::new(RandomTranslation::new(0.1, 0.1).fill_value(f64::INFINITY))),
        ("x_factor", Box::new(RandomShear::new(-0.1, 0.0))),
        ("y_factor", Box::new(RandomShear::new(0.0, (0.1, 1.2)))),
        ("factor", Box::new(RandomContrast::new(1.5))),
        ("factor", Box::new(RandomBrightness::new((1.5, 2.0)))),
        ("value_range", Box::new(RandomBrightness::new(0.5).value_range(0.0, nan))),
        ("factor", Box::new(RandomHue::new((-0.5, -0.1)))),
        ("factor", Box::new(RandomSaturation::new(-3.0))),
        ("factor", Box::new(RandomGrayscale::new(1.1))),
        ("scale", Box::new(RandomErasing::new(1.0).scale((0.1, 1.2)))),
        ("fill_value", Box::new(RandomErasing::new(1.0).fill_value(nan))),
        ("kernel_size", Box::new(RandomGaussianBlur::new(1.0).kernel_size(3, 4))),
        ("kernel_size", Box::new(RandomGaussianBlur::new(1.0).kernel_size(1_000_001, 1))),
        ("sigma", Box::new(RandomGaussianBlur::new(1.0).sigma((-0.5, 0.5)))),
        ("alpha", Box::new(MixUp::new(0.0))),
        ("factor", Box::new(CutMix::new((-0.5, 0.5)))),
        ("value_range", Box::new(AutoContrast::new().value_range(0.0, 0.0))),
        ("bins", Box::new(Equalization::new().bins(0))),
        ("bins", Box::new(Equalization::new().bins(usize::MAX))),
        ("value_range", Box::new(Equalization::new().value_range(nan, 1.0))),
        ("factor", Box::new(RandomPosterization::new(9.0))),
        ("factor", Box::new(RandomPosterization::new((0.0, 4.0)))),
        ("factor", Box::new(RandomPosterization::new((2.5, 4.0)))),
        ("factor", Box::new(RandomPosterization::new(nan))),
        ("factor", Box::new(RandomSharpness::new(1.5))),
        ("factor", Box::new(RandomColorDegeneration::new(-1.5))),
        ("factor", Box::new(RandomInvert::new(nan))),
        ("brightness_factor", Box::new(RandomColorJitter::new().brightness_factor(2.0))),
        ("contrast_factor", Box::new(RandomColorJitter::new().contrast_factor(2.0))),
        ("saturation_factor", Box::new(RandomColorJitter::new().saturation_factor(nan))),
        ("hue_factor", Box::new(RandomColorJitter::new().hue_factor((-0.5, -0.1)))),
        ("factor", Box::new(RandomPerspective::new(1.5))),
        ("scale", Box::new(RandomPerspective::new(0.5).scale(1.5))),
        ("interpolation", Box::new(RandomPerspective::new(0.5).interpolation(Interpolation::Bicubic))),
        ("scale", Box::new(RandomElasticTransform::new(0.5).scale(nan))),
        ("value_range", Box::new(RandomElasticTransform::new(0.5).value_range(1.0, 0.0))),
        ("fill_mode", Box::new(RandomRotation::new(0.5).fill_mode(FillMode::Mirror))),
        ("num_chains", Box::new(AugMix::new().num_chains(0))),
        ("chain_depth", Box::new(AugMix::new().chain_depth(usize::MAX))),
        ("alpha", Box::new(AugMix::new().alpha(0.0))),
        ("factor", Box::new(AugMix::new().factor((0.5, 1.1)))),
        ("interpolation", Box::new(AugMix::new().interpolation(Interpolation::Bicubic))),
        ("tile_grid_size", Box::new(ContrastLimitedAdaptiveHistogramEqualization::new().tile_grid_size(8, 0))),
        ("clip_limit", Box::new(ContrastLimitedAdaptiveHistogramEqualization::new().clip_limit(nan))),
        ("factor", Box::new(RandAugment::new().factor(1.5))),
        ("num_ops", Box::new(RandAugment::new().num_ops(1000))),
        ("interpolation", Box::new(RandAugment::new().interpolation(Interpolation::Bicubic))),
    ];
    for (key, object) in objects {
        let message = object.validate().expect_err(&format!("{} with a bad `{key}`", object.class_name())).to_string();
        assert!(message.contains(&format!("`{key}`")), "{}: {message}", object.class_name());
    }
    let error =
        |class: &str, config: Json| catalogue::layer_from_json(&json!({"class_name": class, "config": config})).unwrap_err().to_string();
    for (class, config, parts) in [
        ("RandomRotation", json!({"factor": "much"}), ["`factor`", "a number or a list of two numbers"]),
        ("RandomRotation", json!({"factor": 0.1, "fill_mode": "mirror"}), ["`fill_mode`", "`reflect`"]),
        ("RandomFlip", json!({"mode": "diagonal"}), ["`mode`", "`horizontal`"]),
        ("Resizing", json!({"height": 2, "width": 2, "interpolation": "lanczos3"}), ["`interpolation`", "`bicubic`"]),
        ("Resizing", json!({"height": 2, "width": 2, "antialias": 3}), ["`antialias`", "true or false"]),
        ("RandAugment", json!({"num_ops": -1}), ["`num_ops`", "RandAugment"]),
        ("RandomColorJitter", json!({"hue_factor": [0.1]}), ["`hue_factor`", "a list of two numbers"]),
        ("Resizing", json!({"height": 2}), ["Resizing", "`width`"]),
        ("RandomErasing", json!({"fill_value": [1.0, 2.0]}), ["`fill_value`", "a list of three numbers"]),
        ("RandomZoom", json!({}), ["RandomZoom", "`height_factor`"]),
    ] {
        let text = error(class, config);
        assert!(parts.iter().all(|p| text.contains(p)), "{text}");
    }
}

#[test]
fn configurations_are_read_in_all_of_keras_forms() {
    let read = |class: &str, config: Json| catalogue::layer_from_json(&json!({"class_name": class, "config": config})).unwrap().config();
    assert_eq!(read("RandomContrast", json!({"factor": 0.25}))["factor"], json!([0.0, 0.25]));
    assert_eq!(read("RandomBrightness", json!({"factor": 0.25}))["factor"], json!([-0.25, 0.25]));
    assert_eq!(read("RandomRotation", json!({"factor": [0.3, -0.25]}))["factor"], json!([-0.25, 0.3]));
    assert_eq!(read("RandomGaussianBlur", json!({"kernel_size": 5}))["kernel_size"], json!([5, 5]));
    // Keras writes what it cannot read; we read it, and write what it can.
    assert_eq!(read("RandomPosterization", json!({"factor": 4}))["factor"], json!([1.0, 4.0]));
    assert_eq!(read("RandAugment", json!({"factor": 0.3}))["factor"], json!([0.0, 0.3]));
    let shear = read("RandomShear", json!({"x_factor": [-0.2, 0.2], "y_factor": [-0.0, 0.0]}));
    assert_eq!((&shear["x_factor"], shear["y_factor"].as_f64()), (&json!(0.2), Some(0.0)));
    let layers: Vec<Box<dyn Layer>> = vec![
        Resizing::new(3, 4).interpolation(Interpolation::Nearest).pad_to_aspect_ratio(true).fill_value(2.0).into(),
        CenterCrop::new(3, 4).data_format(DataFormat::ChannelsFirst).into(),
        RandomErasing::new(0.3).fill_value([1.0, 2.0, 3.0]).scale(0.2).seed(4).into(),
        RandomRotation::new(0.1).fill_mode(FillMode::Wrap).seed(8).name("turned").into(),
        Resizing::new(3, 4).antialias(true).into(),
        AutoContrast::new().value_range(-1.0, 1.0).data_format(DataFormat::ChannelsFirst).into(),
        Equalization::new().bins(33).value_range(0.0, 1.0).into(),
        RandAugment::new().num_ops(3).factor((0.1, 0.3)).seed(4).interpolation(Interpolation::Nearest).into(),
        RandomColorJitter::new().contrast_factor((0.1, 0.2)).seed(6).into(),
        RandomPerspective::new(0.4).scale(0.3).interpolation(Interpolation::Nearest).fill_value(2.5).seed(2).into(),
        RandomElasticTransform::new(0.4).scale((0.1, 0.3)).fill_mode(FillMode::Mirror).into(),
        AugMix::new().num_chains(2).chain_depth(1).factor(0.2).alpha(0.5).all_ops(false).seed(3).into(),
        ContrastLimitedAdaptiveHistogramEqualization::new().clip_limit(2.0).tile_grid_size(4, 3).value_range(0.0, 1.0).into(),
    ];
    for mut layer in layers.into_iter().chain(random()).chain(mixing()) {
        layer.validate().unwrap();
        let again = catalogue::layer_from_json(&layer.envelope()).unwrap();
        layer.set_dtype_policy(adaline_nn::DTypePolicy::Float32);
        assert_eq!(format!("{again:?}"), format!("{layer:?}"));
    }
}

/// Values of one pixel of each of many images, which tell what was drawn.
fn drawn(layer: &dyn Layer, value: f32) -> Vec<f64> {
    call(layer, &Value::f32([4000, 1, 1, 1], &[value; 4000]), 0).data
}

/// Fails unless the numbers are spread evenly over the bounds, as far as 4,000 of them tell.
#[track_caller]
fn uniform_within(what: &str, numbers: &[f64], low: f64, high: f64) {
    let (n, width) = (numbers.len() as f64, high - low);
    let mean = numbers.iter().sum::<f64>() / n;
    let variance = numbers.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    assert!(numbers.iter().all(|v| (low - 1e-4..=high + 1e-4).contains(v)), "{what}: out of {low}..{high}");
    assert!((mean - f64::midpoint(low, high)).abs() < 4.0 * width / (12.0 * n).sqrt(), "{what}: mean {mean}");
    assert!((variance / (width * width / 12.0) - 1.0).abs() < 0.07, "{what}: variance {variance}");
    let (least, most) = numbers.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    assert!(least < low + 0.01 * width && most > high - 0.01 * width, "{what}: {least} to {most}");
}

#[track_caller]
fn share(what: &str, hits: usize, of: usize, probability: f64) {
    let (n, hits) = (of as f64, hits as f64);
    assert!((hits - n * probability).abs() < 4.0 * (n * probability * (1.0 - probability)).sqrt() + 1e-9, "{what}: {hits} of {n}");
}

#[test]
fn draws_are_spread_as_keras_spreads_them() {
    uniform_within("brightness", &drawn(&RandomBrightness::new(0.2), 100.0), 100.0 - 51.0, 100.0 + 51.0);
    let solar = Solarization::new().addition_factor((0.0, 0.4));
    uniform_within("solarization", &drawn(&solar, 20.0), 255.0 - 20.0 - 102.0, 255.0 - 20.0);
    // Two pixels at 100 ± 10: contrast is half of their difference by 10.
    let pairs = Value::f32([4000, 1, 2, 1], &[90.0, 110.0].repeat(4000));
    let contrast = call(&RandomContrast::new((0.25, 0.5)), &pairs, 0);
    uniform_within("contrast", &rows(&contrast).map(|r| (r[1] - r[0]) / 20.0).collect::<Vec<_>>(), 0.75, 1.5);
    // A bright pixel in the dark: sharpness moves its neighbours from 0 by (1 - 2 f) / 13 of it.
    let spot = Value::f32([4000, 1, 2, 1], &[0.0, 130.0].repeat(4000));
    let sharp = call(&RandomSharpness::new((0.1, 0.4)), &spot, 0);
    uniform_within("sharpness", &rows(&sharp).map(|r| (1.0 - r[0] / 10.0) / 2.0).collect::<Vec<_>>(), 0.1, 0.4);
    let red = Value::f32([4000, 1, 1, 3], &[100.0, 0.0, 0.0].repeat(4000));
    let grayer = call(&RandomColorDegeneration::new((0.2, 0.6)), &red, 0);
    uniform_within("degeneration", &rows(&grayer).map(|r| r[1] / 29.89).collect::<Vec<_>>(), 0.2, 0.6);
    // All bits set show how many are kept: 2 to 4 of (2, 5), as often each.
    let bits = drawn(&RandomPosterization::new((2.0, 5.0)), 255.0);
    for kept in [192.0, 224.0, 240.0] {
        share("posterization", bits.iter().filter(|v| **v == kept).count(), 4000, 1.0 / 3.0);
    }
    // A ramp along one axis shows where pixels come from: column 5 of 11 is the middle.
    let ramp = |axis: usize| {
        let image: Vec<f32> = (0..121).map(|i| [i / 11, i % 11][axis] as f32).collect();
        Value::f32([2000, 11, 11, 1], &image.repeat(2000))
    };
    let pixel = |y: &Value, row: usize, column: usize| rows(y).map(|r| r[row * 11 + column]).collect::<Vec<_>>();
    let shifted = call(&RandomTranslation::new(0.0, (-0.1, 0.3)), &ramp(1), 0);
    uniform_within("translation", &pixel(&shifted, 2, 5), 5.0 - 3.3, 5.0 + 1.1);
    let zoomed = call(&RandomZoom::new(0.5), &ramp(0), 0);
    uniform_within("zoom", &pixel(&zoomed, 8, 3), 5.0 + 3.0 * 0.5, 5.0 + 3.0 * 1.5);
    let sheared = call(&RandomShear::new((0.0, 0.5), 0.0), &ramp(1), 0);
    uniform_within("shear", &pixel(&sheared, 4, 5), 5.0 - 2.0, 5.0 + 2.0);
    // Two columns right of the middle, turned by t: 5 + 2 sin t rows, 5 + 2 cos t columns.
    let turned = call(&RandomRotation::new((-0.1, 0.2)), &ramp(0), 0);
    let angles: Vec<f64> = pixel(&turned, 5, 7).iter().map(|v| ((v - 5.0) / 2.0).clamp(-1.0, 1.0).asin() / std::f64::consts::TAU).collect();
    assert!(angles.iter().all(|a| *a > -0.1001 && *a < 0.2001));
    uniform_within("rotation", &angles, -0.1, 0.2);
    // Cropped rows and columns: all places equally often.
    let cropped = call(&RandomCrop::new(8, 9), &ramp(0), 0);
    for start in 0..4 {
        share("crop", rows(&cropped).filter(|r| r[0] == f64::from(start)).count(), 2000, 0.25);
    }
    let x = alike(2000, [2, 3, 3]);
    let untouched = |layer: &dyn Layer| rows(&call(layer, &x, 1)).zip(rows(&x)).filter(|(a, b)| a == b).count();
    for mode in [FlipMode::Horizontal, FlipMode::Vertical, FlipMode::HorizontalAndVertical] {
        share("flip", untouched(&RandomFlip::new(mode)), 2000, 0.5);
    }
    share("grayscale", untouched(&RandomGrayscale::new(0.3)), 2000, 0.7);
    share("erasing", untouched(&RandomErasing::new((0.4, 0.4)).scale(1.0)), 2000, 0.6 + 0.4 * 0.08);
    share("negatives", untouched(&RandomInvert::new((0.3, 0.3))), 2000, 0.7);
    share("negatives of half", untouched(&RandomInvert::new(1.0)), 2000, 0.5);
    share("perspective", untouched(&RandomPerspective::new((0.3, 0.3))), 2000, 0.7);
    share("elastic", untouched(&RandomElasticTransform::new((0.3, 0.3)).scale((1.0, 1.0))), 2000, 0.7);
    share("blur", untouched(&RandomGaussianBlur::new((0.3, 0.3)).sigma((0.9, 0.9))), 2000, 0.7);
}

/// Whether each value became `v + a` or 255 minus that, for some `a`.
fn is_solarized(old: &[f64], new: &[f64]) -> bool {
    [new[0] - old[0], 255.0 - new[0] - old[0]].into_iter().any(|a| {
        old.iter().zip(new).all(|(v, y)| {
            let t = (v + a).clamp(0.0, 255.0);
            (y - t).abs() < 2e-3 || (y - (255.0 - t)).abs() < 2e-3
        })
    })
}

/// Whether each value became `(v - mean) c + mean` with its channel's mean, for a `c` from 0.8 to 1.2.
fn has_other_contrast(old: &[f64], new: &[f64]) -> bool {
    let means = [0, 1, 2].map(|c| old.iter().skip(c).step_by(3).sum::<f64>() / (old.len() / 3) as f64);
    let away = |i: usize| old[i] - means[i % 3];
    // Of a value in the middle, which is not clipped.
    let Some(i) = (0..old.len()).find(|&i| (20.0..50.0).contains(&away(i).abs())) else { return false };
    let c = (new[i] - means[i % 3]) / away(i);
    let fits = |(i, y): (usize, &f64)| ((away(i) * c + means[i % 3]).clamp(0.0, 255.0) - y).abs() < 1e-2;
    (0.8..=1.2).contains(&c) && new.iter().enumerate().all(fits)
}

#[test]
fn rand_augment_does_one_of_eleven() {
    let [case] = &goldens("rand_augment")[..] else { panic!("one case") };
    let layer = catalogue::layer_from_json(&case["object"]).unwrap();
    let x = tensor(&case["x"]);
    let theirs: Vec<(&String, Vec<Value>)> = case["outputs"].as_object().unwrap().iter().map(|(k, v)| (k, tensors(v))).collect();
    assert_eq!(theirs.len(), 11);
    let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-3);
    let mut counts = vec![0; 11];
    for step in 0..330 {
        let y = call(&*layer, &x, step);
        // The same augmentation for all images, though each draws its own sign of a shear.
        let fits = |outputs: &[Value]| {
            !outputs.is_empty() && rows(&y).enumerate().all(|(i, image)| outputs.iter().any(|o| near(rows(o).nth(i).unwrap(), image)))
        };
        let which = theirs.iter().position(|(_, outputs)| fits(outputs));
        let which = which.unwrap_or_else(|| {
            let all = |fits: &dyn Fn(&[f64], &[f64]) -> bool| rows(&x).zip(rows(&y)).all(|(old, new)| fits(old, new));
            let name = if all(&is_solarized) { "solarization" } else { "random_contrast" };
            assert!(name == "solarization" || all(&has_other_contrast), "step {step}: {:?}", y.data);
            theirs.iter().position(|(n, _)| *n == name).unwrap()
        });
        counts[which] += 1;
    }
    for ((name, _), count) in theirs.iter().zip(counts) {
        share(name, count, 330, 1.0 / 11.0);
    }
}

#[test]
fn rand_augment_chains_what_it_chooses() {
    let x = alike(4, [5, 6, 3]);
    assert_eq!(call(&RandAugment::new().num_ops(0), &x, 0), x);
    // Of factor 0 all but four change nothing: sharpness smooths, posterization keeps a bit, contrast and histogram are stretched.
    let plain = |ops: usize| RandAugment::new().factor(0.0).num_ops(ops);
    let unchanged = |ops: usize| (0..200).filter(|&step| call(&plain(ops), &x, step) == x).count();
    let solarized = Solarization::new().addition_factor((0.0, 0.0)).threshold_factor((0.0, 0.0));
    assert_ne!(call(&solarized, &x, 0), x, "solarization of threshold 0 is a negative");
    share("one step", unchanged(1), 200, 6.0 / 11.0);
    // Two negatives are none: (6² + 1) of 11².
    share("two steps", unchanged(2), 200, 37.0 / 121.0);
    for step in 0..50 {
        let y = call(&RandAugment::new().num_ops(3).seed(2), &x, step);
        assert!(y.data.iter().all(|v| v.is_finite() && (-1e-3..=255.001).contains(v)), "step {step}");
        assert_eq!(call(&RandAugment::new().num_ops(3).seed(2), &x, step), y);
    }
    let other = (0..20).filter(|&step| call(&RandAugment::new(), &x, step) != call(&RandAugment::new().seed(1), &x, step)).count();
    assert!(other > 10, "a seed of its own");
}

#[test]
fn equalization_spreads_values_and_auto_contrast_stretches_them() {
    // 0, 1, 2, .. 99 once each become 0 .. 255 in even steps.
    let ramp = Value::f32([1, 10, 10, 1], &(0..100).map(|i| i as f32).collect::<Vec<_>>());
    let even = call(&Equalization::new(), &ramp, 0).data;
    assert!((even[0], even[99]) == (0.0, 255.0) && even.windows(2).all(|w| w[1] >= w[0] && w[1] - w[0] < 6.0), "{even:?}");
    let stretched = call(&AutoContrast::new(), &ramp, 0).data;
    assert!(stretched.iter().enumerate().all(|(i, v)| (v - i as f64 * 255.0 / 99.0).abs() < 1e-3));
    // What no histogram can hold is clipped, not a panic.
    let wild = Value::f32([1, 2, 2, 1], &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30]);
    for layer in [Box::new(Equalization::new()) as Box<dyn Layer>, AutoContrast::new().into(), RandomPosterization::new(3.0).into()] {
        assert_eq!(call(&*layer, &wild, 0).data.len(), 4);
    }
}

#[test]
fn erased_boxes_have_their_size() {
    let x = Value::f32([500, 20, 30, 1], &vec![100.0; 500 * 600]);
    let y = call(&RandomErasing::new((1.0, 1.0)).scale((0.04, 0.25)).fill_value(0.0), &x, 0);
    for r in rows(&y) {
        let erased: Vec<usize> = (0..600).filter(|i| r[*i] == 0.0).collect();
        let columns = erased.iter().map(|i| i % 30).max().unwrap() - erased.iter().map(|i| i % 30).min().unwrap() + 1;
        let lines = erased[erased.len() - 1] / 30 - erased[0] / 30 + 1;
        assert_eq!(erased.len(), columns * lines, "a box");
        // From 0.2 to 0.5 of each side, to a pixel.
        assert!((5..=16).contains(&columns) && (3..=11).contains(&lines), "{columns} by {lines}");
    }
    // Noise: half of it is below 0, which is clipped.
    let noise = call(&RandomErasing::new((1.0, 1.0)).scale((1.0, 1.0)), &x, 0).data;
    assert!(noise.iter().all(|v| (0.0..=255.0).contains(v)));
    share("clipped noise", noise.iter().filter(|v| **v == 0.0).count(), noise.len(), 0.5);
}

#[test]
fn mixed_images_are_of_the_batch() {
    // Image i is i everywhere: a mixture's value tells its share once its partner is known to be whole.
    let n = 400;
    let values: Vec<f32> = (0..n).flat_map(|i| [if i % 2 == 0 { 0.0 } else { 1.0 }; 4]).collect();
    let x = Value::f32([n, 2, 2, 1], &values);
    for alpha in [0.05, 0.2, 1.0, 4.0] {
        let y = call(&MixUp::new(alpha), &x, 2);
        assert!(rows(&y).all(|r| r.iter().all(|v| *v == r[0]) && (0.0..=1.0).contains(&r[0])), "{alpha}");
        // Half have a partner of the other kind; its share then has the variance 1 / (4 (2 α + 1)).
        let shares: Vec<f64> =
            (0..20).flat_map(|s| call(&MixUp::new(alpha), &x, s).data).step_by(4).filter(|v| *v != 0.0 && *v != 1.0).collect();
        let variance = shares.iter().map(|v| (v - 0.5).powi(2)).sum::<f64>() / shares.len() as f64;
        if alpha >= 1.0 {
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((variance / expected - 1.0).abs() < 0.1, "{alpha}: {variance} for {expected}");
        }
    }
    // A permutation: every image is somewhere, whole where the box is the whole image.
    let marked = Value::f32([50, 1, 1, 1], &(0..50).map(|i| i as f32).collect::<Vec<_>>());
    let y = call(&MixUp::new(1e-3), &marked, 0);
    assert!(y.data.iter().all(|v| v.is_finite() && (0.0..50.0).contains(v)));
    let marked = Value::f32([50, 8, 8, 1], &(0..50).flat_map(|i| [i as f32; 64]).collect::<Vec<_>>());
    let y = call(&CutMix::new(1.0), &marked, 0);
    let mut pasted = 0;
    for (i, r) in rows(&y).enumerate() {
        let others: Vec<f64> = r.iter().copied().filter(|v| *v != i as f64).collect();
        assert!(others.iter().all(|v| *v == others[0] && v.fract() == 0.0 && (0.0..50.0).contains(v)), "one partner");
        pasted += others.len();
    }
    assert!(pasted > 50 * 64 / 10 && pasted < 50 * 64 * 9 / 10, "{pasted}");
}

#[test]
fn a_network_of_all_of_them_trains_and_comes_back_from_its_file() {
    let backend = || -> Arc<dyn Backend> { Arc::new(Reference::default()) };
    let mut network = Sequential::new().add(Input::new([8, 9, 3])).add(Resizing::new(7, 7));
    // RandomCrop comes first of those that draw: it needs the CenterCrop after it.
    network = network.add(RandomCrop::new(5, 6)).add(CenterCrop::new(5, 6));
    for layer in random().into_iter().filter(|l| l.class_name() != "RandomCrop").chain(mixing()) {
        network = network.add(layer);
    }
    network = network.add(RandAugment::new()).add(Equalization::new()).add(AutoContrast::new());
    let mut model = network.add(Rescaling::new(1.0 / 255.0)).add(Flatten::new()).add(Dense::new(1)).build_on(backend(), Seed(3)).unwrap();
    model.compile(Sgd::new(0.01), MeanSquaredError::new(), Vec::<Box<dyn Metric>>::new()).unwrap();
    let pixels = alike(6, [8, 9, 3]).to_f32();
    let (x, y) = (Tensor::f32([6, 8, 9, 3], pixels).unwrap(), Tensor::f32([6, 1], vec![0.0, 1.0, 0.0, 1.0, 0.0, 1.0]).unwrap());
    let history = model.fit(&x, &y, Fit::default().epochs(2).batch_size(4).verbose(0)).unwrap();
    assert!(history["loss"].iter().all(|l| l.is_finite()));
    let mut again =
        Model::from_bytes(backend(), &model.to_bytes().unwrap(), LoadOptions { seed: Seed(3), ..LoadOptions::default() }).unwrap();
    assert_eq!(again.predict(&x).unwrap(), model.predict(&x).unwrap());
    // The same draws go on.
    for m in [&mut model, &mut again] {
        m.reset_metrics();
        m.train_on_batch(&x, &y, None).unwrap();
    }
    assert_eq!(again.get_weights(), model.get_weights());
}

#[test]
fn mixed_augmentations_are_shares_of_one_that_is_keras() {
    let golden = goldens("rand_augment").remove(0);
    let x = tensor(&golden["x"]);
    let outputs: Vec<Value> = golden["outputs"].as_object().unwrap().values().flat_map(tensors).collect();
    let layer = |all: bool| AugMix::new().num_chains(1).chain_depth(1).factor((0.2, 0.2)).all_ops(all);
    let clipped = |v: f64| v.clamp(0.0, 255.0);
    let (mut shares, mut untouched, mut found) = (Vec::new(), 0, 0);
    for step in 0..80 {
        let y = call(&layer(step % 2 == 0), &x, step);
        if y.data.iter().zip(&x.data).all(|(a, b)| (a - b).abs() < 1e-3) {
            untouched += 1;
            continue;
        }
        // Of all pixels the same share is the augmentation's. Each image has a sign of its own where there is one, so the first is looked at.
        let (mixed, plain) = (rows(&y).next().unwrap(), rows(&x).next().unwrap());
        let share = outputs.iter().find_map(|theirs| {
            let augmented = rows(theirs).next().unwrap();
            let pixel = (0..plain.len()).max_by(|&a, &b| (augmented[a] - plain[a]).abs().total_cmp(&(augmented[b] - plain[b]).abs()))?;
            let share = (mixed[pixel] - plain[pixel]) / (augmented[pixel] - plain[pixel]);
            let fits = (0..plain.len()).all(|i| (clipped(plain[i] + share * (augmented[i] - plain[i])) - mixed[i]).abs() < 2e-2);
            (fits && (0.0..=1.0001).contains(&share)).then_some(share)
        });
        found += usize::from(share.is_some());
        shares.extend(share);
    }
    // None is one of 12 or of 8; solarization and contrast draw numbers that the golden does not have.
    assert!((1..30).contains(&untouched), "{untouched}");
    assert!(found >= 40 && found + untouched < 80, "{found}");
    // With alpha 1 shares are spread evenly.
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!((mean - 0.5).abs() < 4.0 / (12.0 * shares.len() as f64).sqrt(), "{mean}");
    assert!(shares.iter().any(|s| *s < 0.25) && shares.iter().any(|s| *s > 0.75));
}

#[test]
fn chains_are_mixed_by_shares_that_add_up_to_one() {
    // A grey image that no augmentation but brightness and its like changes stays as it is where they are left out: all shares together are one.
    let x = Value::f32([2, 4, 4, 1], &[128.0; 32]);
    for step in 0..12 {
        let layer = AugMix::new().all_ops(false).factor(0.0).num_chains(4).chain_depth(0);
        let y = call(&layer, &x, step);
        assert!(y.data.iter().all(|v| (v - 128.0).abs() < 1e-3), "{y:?}");
    }
}

#[test]
fn perspective_leaves_the_left_upper_corner_and_no_image_is_too_small() {
    let x = alike(40, [9, 7, 2]);
    let y = call(&RandomPerspective::new((1.0, 1.0)), &x, 5);
    for (new, old) in rows(&y).zip(rows(&x)) {
        assert!((new[0] - old[0]).abs() < 1e-3 && (new[1] - old[1]).abs() < 1e-3);
    }
    for size in [[1, 1, 1], [1, 5, 1], [5, 1, 2]] {
        let x = alike(8, size);
        for layer in [
            Box::<dyn Layer>::from(RandomPerspective::new((1.0, 1.0))),
            RandomElasticTransform::new((1.0, 1.0)).fill_mode(FillMode::Mirror).into(),
            ContrastLimitedAdaptiveHistogramEqualization::new().into(),
        ] {
            assert!(call(&*layer, &x, 0).data.iter().all(|v| v.is_finite()), "{}", layer.class_name());
        }
    }
}
