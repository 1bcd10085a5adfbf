//! What the layers for images do beyond Keras' numbers: builders, round trips, errors, dropout, files.

mod support;

use adaline_graph::{Builder, Shape, eval::Value};
use adaline_nn::{
    DTypePolicy, Layer, Trace,
    activations::Activation,
    catalogue,
    initializers::Initializer,
    keras::KerasObject,
    layers::*,
    regularizers::{L1, L2},
    trace::Weights,
};
use serde_json::{Value as Json, json};
use support::Feed;

/// What a layer computes of `x`, or the error's text.
fn call(layer: &dyn Layer, x: &Value, training: bool) -> Result<Value, String> {
    let (b, mut feed) = (Builder::new(), Feed::default());
    let v = feed.input(&b, x);
    let (seed, t) = (feed.input(&b, &Value::i32([2], &[5, 0])), feed.input(&b, &Value::i32(Shape::SCALAR, &[3])));
    let mut weights = Weights::new(11);
    let mut cx = Trace::new(&b, &mut weights, training, seed, t);
    let y = cx.call("net", layer, &[v]);
    if b.failed() {
        return Err(b.finish().unwrap_err().to_string());
    }
    let y = y.id();
    let run = feed.run_with(b, &[y], &|slot| {
        let w = weights.list.iter().find(|w| w.slot == slot)?;
        Some(Value::f32(w.ty.shape, weights.store.f32(slot)))
    });
    Ok(run.into_iter().next().unwrap())
}

fn ones(shape: &[usize]) -> Value {
    let shape = Shape::new(shape);
    Value::f32(shape, &vec![1.0; shape.len()])
}

fn every_layer() -> Vec<Box<dyn Layer>> {
    vec![
        Conv1D::new(4, 3).padding(Padding::Causal).dilation_rate(2).groups(2).into(),
        Conv2D::new(8, (3, 5)).strides((2, 1)).padding(Padding::Same).activation(Activation::Relu).use_bias(false).into(),
        Conv2D::new(8, 3)
            .kernel_initializer(Initializer::he_normal())
            .bias_initializer(Initializer::Ones)
            .kernel_regularizer(L2(0.1))
            .bias_regularizer(L1(0.2))
            .trainable(false)
            .name("mine")
            .into(),
        Conv3D::new(2, (1, 2, 3)).data_format(DataFormat::ChannelsFirst).into(),
        MaxPooling1D::default().into(),
        MaxPooling2D::new((2, 3)).strides(1).padding(Padding::Same).into(),
        MaxPooling3D::new(2).into(),
        AveragePooling1D::new(3).into(),
        AveragePooling2D::new(2).data_format(DataFormat::ChannelsFirst).into(),
        AveragePooling3D::new((1, 2, 3)).into(),
        GlobalMaxPooling1D::new().into(),
        GlobalMaxPooling2D::new().keepdims(true).into(),
        GlobalMaxPooling3D::new().data_format(DataFormat::ChannelsFirst).into(),
        GlobalAveragePooling1D::new().into(),
        GlobalAveragePooling2D::new().into(),
        GlobalAveragePooling3D::new().into(),
        BatchNormalization::new().momentum(0.5).epsilon(0.1).scale(false).beta_initializer(Initializer::Ones).into(),
        BatchNormalization::new().axis(1).center(false).gamma_regularizer(L2(0.1)).into(),
        SpatialDropout1D::new(0.25).into(),
        SpatialDropout2D::new(0.5).seed(4).data_format(DataFormat::ChannelsFirst).into(),
        SpatialDropout3D::new(0.5).into(),
        AdaptiveMaxPooling1D::new(4).into(),
        AdaptiveMaxPooling2D::new((4, 3)).into(),
        AdaptiveMaxPooling3D::new(5).into(),
        AdaptiveAveragePooling1D::new(5).into(),
        AdaptiveAveragePooling2D::new((7, 1)).data_format(DataFormat::ChannelsFirst).into(),
        AdaptiveAveragePooling3D::new((1, 2, 4)).into(),
        ZeroPadding1D::new((1, 2)).into(),
        ZeroPadding2D::new([(1, 2), (0, 3)]).data_format(DataFormat::ChannelsFirst).into(),
        ZeroPadding3D::default().into(),
        Cropping1D::new((1, 2)).into(),
        Cropping2D::new([(1, 2), (0, 3)]).into(),
        Cropping3D::default().into(),
        UpSampling1D::new(3).into(),
        UpSampling2D::new((2, 3)).interpolation(Interpolation::Bicubic).into(),
        UpSampling3D::default().into(),
        Permute::new([3, 1, 2]).into(),
        ReLU::new().max_value(3.0).negative_slope(0.1).threshold(0.5).into(),
        LeakyReLU::default().into(),
        ELU::new(0.5).into(),
        PReLU::new().shared_axes([1]).alpha_initializer(Initializer::Ones).alpha_regularizer(L2(0.1)).into(),
        Softmax::new().axis(1).into(),
        Softmax::new().axes([1, 2]).into(),
        Conv1DTranspose::new(3, 4).strides(2).into(),
        Conv2DTranspose::new(3, (4, 2)).strides(2).output_padding(1).padding(Padding::Same).kernel_regularizer(L2(0.1)).into(),
        Conv3DTranspose::new(3, 2).use_bias(false).into(),
        DepthwiseConv1D::new(3).depth_multiplier(2).into(),
        DepthwiseConv2D::new((2, 3)).depthwise_initializer(Initializer::Ones).depthwise_regularizer(L2(0.1)).into(),
        SeparableConv1D::new(3, 2).padding(Padding::Same).into(),
        SeparableConv2D::new(3, 2).depth_multiplier(2).pointwise_initializer(Initializer::Ones).pointwise_regularizer(L1(0.1)).into(),
    ]
}

#[test]
fn builders_round_trip_through_keras_json() {
    for mut layer in every_layer() {
        layer.validate().unwrap();
        let again = catalogue::layer_from_json(&layer.envelope()).unwrap();
        assert_eq!(again.envelope(), layer.envelope());
        layer.set_dtype_policy(DTypePolicy::MixedBfloat16);
        let again = catalogue::layer_from_json(&layer.envelope()).unwrap();
        assert_eq!(again.dtype_policy(), Some(DTypePolicy::MixedBfloat16), "{}", layer.class_name());
    }
}

#[test]
fn numbers_lists_and_other_names_are_read() {
    let read = |class: &str, config: Json| catalogue::layer_from_json(&json!({"class_name": class, "config": config})).unwrap().config();
    assert_eq!(read("Convolution2D", json!({"filters": 3, "kernel_size": 3})), Conv2D::new(3, [3, 3]).config());
    assert_eq!(read("Conv1D", json!({"filters": 3, "kernel_size": [2]})), Conv1D::new(3, 2).config());
    assert_eq!(read("MaxPool2D", json!({"pool_size": 3, "strides": null})), MaxPooling2D::new(3).config());
    assert_eq!(read("AvgPool3D", json!({"pool_size": [1, 2, 3]}))["strides"], json!([1, 2, 3]));
    assert_eq!(read("GlobalAvgPool1D", json!({})), GlobalAveragePooling1D::new().config());
    assert_eq!(read("Convolution2DTranspose", json!({"filters": 3, "kernel_size": 3}))["output_padding"], Json::Null);
    assert_eq!(read("SeparableConvolution1D", json!({"filters": 3, "kernel_size": 3})), SeparableConv1D::new(3, 3).config());
    for (padding, written) in
        [(json!(1), json!([[1, 1], [1, 1]])), (json!([1, 2]), json!([[1, 1], [2, 2]])), (json!([[1, 2], 3]), json!([[1, 2], [3, 3]]))]
    {
        assert_eq!(read("ZeroPadding2D", json!({"padding": padding}))["padding"], written);
    }
    assert_eq!(read("PReLU", json!({"shared_axes": 2}))["shared_axes"], json!([2]));
    assert_eq!(read("Cropping1D", json!({"cropping": 2}))["cropping"], json!([2, 2]));
    assert_eq!(read("Cropping2D", json!({}))["cropping"], json!([[0, 0], [0, 0]]));
}

#[test]
fn arguments_out_of_range_are_errors_that_name_them() {
    let conv = |key: &str, value: Json| {
        let mut config = json!({"filters": 4, "kernel_size": 3});
        config[key] = value;
        ("Conv2D", key.to_owned(), config)
    };
    let mut dilated = conv("dilation_rate", json!(2));
    dilated.2["strides"] = json!(2);
    for (class, key, config) in [
        conv("filters", json!(0)),
        conv("kernel_size", json!([3, 0])),
        conv("kernel_size", json!([3, 3, 3])),
        conv("kernel_size", json!("3")),
        conv("strides", json!(0)),
        conv("strides", json!(-1)),
        conv("padding", json!("causal")),
        conv("padding", json!("full")),
        conv("data_format", json!("channels")),
        conv("groups", json!(3)),
        conv("groups", json!(0)),
        conv("kernel_constraint", json!("max_norn")),
        conv("activity_regularizer", json!("l3")),
        conv("kernel_regularizer", json!({"class_name": "L2", "config": {"l2": -1.0}})),
        dilated,
        ("MaxPooling2D", "pool_size".into(), json!({"pool_size": 0})),
        ("MaxPooling2D", "strides".into(), json!({"strides": [1, 0]})),
        ("AveragePooling1D", "padding".into(), json!({"pool_size": 2, "padding": "causal"})),
        ("AveragePooling2D", "pool_size".into(), json!({})),
        ("BatchNormalization", "momentum".into(), json!({"momentum": 1.5})),
        ("BatchNormalization", "epsilon".into(), json!({"epsilon": -1.0})),
        ("BatchNormalization", "renorm".into(), json!({"renorm": true})),
        ("BatchNormalization", "synchronized".into(), json!({"synchronized": true})),
        ("BatchNormalization", "axis".into(), json!({"axis": [1]})),
        ("SpatialDropout2D", "rate".into(), json!({"rate": 1.0})),
        ("AdaptiveMaxPooling2D", "output_size".into(), json!({"output_size": 0})),
        ("AdaptiveAveragePooling1D", "output_size".into(), json!({"output_size": 1 << 20})),
        ("ZeroPadding2D", "padding".into(), json!({"padding": [1, 2, 3]})),
        ("ZeroPadding2D", "padding".into(), json!({"padding": [[1, 2], [1, 2, 3]]})),
        ("ZeroPadding1D", "padding".into(), json!({"padding": [[1, 2]]})),
        ("ZeroPadding3D", "padding".into(), json!({"padding": -1})),
        ("ZeroPadding3D", "padding".into(), json!({"padding": u64::MAX})),
        ("Cropping1D", "cropping".into(), json!({"cropping": [1, 2, 3]})),
        ("Cropping2D", "cropping".into(), json!({"cropping": "1"})),
        ("UpSampling1D", "size".into(), json!({"size": 0})),
        ("UpSampling2D", "interpolation".into(), json!({"interpolation": "lanczos3"})),
        ("UpSampling3D", "interpolation".into(), json!({"interpolation": "bilinear"})),
        ("UpSampling1D", "data_format".into(), json!({"data_format": "channels_first"})),
        ("Permute", "dims".into(), json!({"dims": [0, 1]})),
        ("Permute", "dims".into(), json!({"dims": [1, 1]})),
        ("Permute", "dims".into(), json!({"dims": [1, 2, 3, 4, 5, 6]})),
        ("ReLU", "max_value".into(), json!({"max_value": -1.0})),
        ("ReLU", "threshold".into(), json!({"threshold": -1.0})),
        ("LeakyReLU", "negative_slope".into(), json!({"negative_slope": -0.1})),
        ("ELU", "alpha".into(), json!({"alpha": null})),
        ("Softmax", "axis".into(), json!({"axis": []})),
        ("Conv2DTranspose", "output_padding".into(), json!({"filters": 1, "kernel_size": 3, "output_padding": 1})),
        ("Conv1DTranspose", "dilation_rate".into(), json!({"filters": 1, "kernel_size": 3, "strides": 2, "dilation_rate": 2})),
        ("Conv1DTranspose", "padding".into(), json!({"filters": 1, "kernel_size": 3, "padding": "causal"})),
        ("DepthwiseConv2D", "depth_multiplier".into(), json!({"kernel_size": 3, "depth_multiplier": 0})),
        ("SeparableConv2D", "filters".into(), json!({"kernel_size": 3, "filters": 0})),
        ("SeparableConv1D", "padding".into(), json!({"kernel_size": 3, "filters": 1, "padding": "causal"})),
        ("PReLU", "shared_axes".into(), json!({"shared_axes": [0]})),
        ("PReLU", "shared_axes".into(), json!({"shared_axes": "all"})),
        ("PReLU", "alpha_constraint".into(), json!({"alpha_constraint": "non_negative"})),
        ("SpatialDropout1D", "data_format".into(), json!({"rate": 0.5, "data_format": "channels_first"})),
    ] {
        let envelope = json!({"class_name": class, "config": config});
        let text = catalogue::layer_from_json(&envelope).expect_err(&envelope.to_string()).to_string();
        assert!(text.contains(class) || text.contains("L2"), "{text}");
        let named = text.contains(&format!("`{key}`")) || text.contains("`l2`");
        assert!(named, "{envelope}: {text}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors_that_name_the_layer() {
    let cases: Vec<(Box<dyn Layer>, &[usize], &str)> = vec![
        (Conv2D::new(2, 3).into(), &[2, 8, 3], "(batch, height, width, channels) of rank 4, got shape [2, 8, 3]"),
        (Conv2D::new(2, 3).data_format(DataFormat::ChannelsFirst).into(), &[2, 8], "(batch, channels, height, width)"),
        (Conv2D::new(2, 9).into(), &[2, 8, 8, 3], "spans 9 cells of spatial axis 0, which has 8"),
        (Conv2D::new(4, 3).groups(2).into(), &[2, 8, 8, 3], "got 3 channels"),
        (Conv2D::new(4, usize::MAX).into(), &[2, 8, 8, 3], "too large"),
        (Conv1D::new(4, 3).dilation_rate(usize::MAX).into(), &[2, 8, 3], "overflows"),
        (Conv1D::new(4, 3).padding(Padding::Same).strides(usize::MAX).into(), &[2, 0, 3], ""),
        (MaxPooling1D::new(4).into(), &[2, 3, 1], "spans 4 cells"),
        (MaxPooling2D::new(4).into(), &[2, 3], "MaxPooling2D needs an input"),
        (AveragePooling3D::new(2).into(), &[2, 1, 2, 2, 1], "use a smaller window or `same` padding"),
        (GlobalAveragePooling1D::new().into(), &[2, 0, 3], "at least one cell"),
        (GlobalMaxPooling3D::new().into(), &[2, 3], "GlobalMaxPooling3D needs an input"),
        (BatchNormalization::new().axis(0).into(), &[2, 3], "`axis` is 0 and the input has shape [2, 3]"),
        (BatchNormalization::new().axis(2).into(), &[2, 3], "`axis` is 2"),
        (BatchNormalization::new().into(), &[0, 3], "empty batch"),
        (SpatialDropout3D::new(0.5).into(), &[2, 3], "SpatialDropout3D needs an input"),
        (AdaptiveMaxPooling1D::new(2).into(), &[2, 0, 3], "at least one cell"),
        (AdaptiveAveragePooling2D::new(2).into(), &[2, 3], "AdaptiveAveragePooling2D needs an input"),
        (ZeroPadding2D::new(1).into(), &[2, 3, 3], "ZeroPadding2D needs an input"),
        (ZeroPadding2D::new(1 << 40).into(), &[2, 3, 3, 1], "too large"),
        (Cropping1D::new((2, 1)).into(), &[2, 3, 3], "leaves nothing of an input of shape [2, 3, 3]"),
        (Cropping1D::new(usize::MAX).into(), &[2, 3, 3], "leaves nothing"),
        (UpSampling2D::new(usize::MAX).into(), &[2, 3, 3, 1], "too large"),
        (UpSampling2D::new(usize::MAX / 8).into(), &[2, 1, 1, 1], "too large"),
        (UpSampling3D::new(2).into(), &[2, 3, 3, 1], "UpSampling3D needs an input"),
        (Permute::new([2, 1]).into(), &[2, 3, 3, 1], "needs an input of rank 3, got shape [2, 3, 3, 1]"),
        (Softmax::new().axis(2).into(), &[2, 3], "Softmax needs axes of the input"),
        (PReLU::new().shared_axes([2]).into(), &[2, 3], "`shared_axes` is [2] and the input has shape [2, 3]"),
        (Conv2DTranspose::new(1, 2).into(), &[2, 3], "Conv2DTranspose needs an input"),
        (Conv2DTranspose::new(1, 2).strides(usize::MAX).into(), &[2, 3, 3, 1], "too large"),
        (DepthwiseConv1D::new(4).into(), &[2, 3, 1], "spans 4 cells"),
        (DepthwiseConv1D::new(2).depth_multiplier(usize::MAX).into(), &[2, 3, 1], "too large"),
        (SeparableConv2D::new(usize::MAX, 1).into(), &[2, 3, 3, 2], "too large"),
        (SeparableConv2D::new(1, 4).into(), &[2, 3, 3, 2], "spans 4 cells"),
    ];
    for (layer, shape, expected) in cases {
        match call(&*layer, &ones(shape), true) {
            Ok(y) => assert!(expected.is_empty(), "{}: {:?}", layer.class_name(), y.ty),
            Err(text) => assert!(text.contains("net") && text.contains(expected), "{text}"),
        }
    }
}

#[test]
fn under_mixed_bfloat16_every_result_is_a_bfloat16() {
    for mut layer in every_layer() {
        let class = layer.class_name();
        layer.set_dtype_policy(DTypePolicy::MixedBfloat16);
        let shape: &[usize] = if class.contains("1D") {
            &[2, 6, 4]
        } else if class.contains("3D") {
            &[1, 6, 6, 6, 4]
        } else {
            &[1, 6, 6, 4]
        };
        let n = shape.iter().product::<usize>();
        let x = Value::f32(Shape::new(shape), &(0..n).map(|i| (i as f32 * 1.7).sin()).collect::<Vec<_>>());
        for training in [false, true] {
            let y = call(&*layer, &x, training).unwrap();
            assert!(y.data.iter().all(|&v| (v as f32).to_bits().trailing_zeros() >= 16), "{class}");
        }
    }
}

#[test]
fn spatial_dropout_drops_whole_channels() {
    let x = ones(&[4, 3, 3, 50]);
    assert_eq!(call(&SpatialDropout2D::new(0.4), &x, false).unwrap(), x);
    let y = call(&SpatialDropout2D::new(0.4), &x, true).unwrap();
    let mut kept = 0;
    for sample in y.data.chunks(9 * 50) {
        for channel in 0..50 {
            let of_channel: Vec<f64> = sample.iter().skip(channel).step_by(50).copied().collect();
            assert!(of_channel.iter().all(|&v| v == of_channel[0] && (v == 0.0 || (v - 1.0 / 0.6).abs() < 1e-6)));
            kept += usize::from(of_channel[0] != 0.0);
        }
    }
    // 200 draws: deviation 7.
    assert!((90..150).contains(&kept), "{kept}");
    let first = call(&SpatialDropout2D::new(0.4).data_format(DataFormat::ChannelsFirst), &ones(&[4, 50, 3, 3]), true).unwrap();
    assert!(first.data.chunks(9).all(|c| c.iter().all(|v| *v == c[0])) && first.data.contains(&0.0));
}
