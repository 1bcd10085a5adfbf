//! Recurrent layers against real Keras (`scripts/goldens/recurrent.py` made the files): values, states, gradients, masks, states kept from batch to
//! batch; then dropout, errors, files, and what Keras leaves open.

mod support;

use adaline_data::Tensor;
use adaline_graph::{Builder, DType, NodeId, Shape, SlotId, Var, backend::Backend, eval::Value, reference::Reference};
use adaline_nn::{
    DTypePolicy, Evaluate, Fit, Layer, Model, Seed, Sequential, Trace, activations::Activation, catalogue, initializers::Initializer,
    keras::KerasObject, layers::*, losses::MeanSquaredError, model::LoadOptions, optimizers::Adam, regularizers::L2, trace::Weights,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::{ABSOLUTE, Feed, RELATIVE, close, goldens, gradients, same_json, tensor, tensors};

fn reference() -> Arc<dyn Backend> {
    Arc::new(Reference::default())
}

/// Values of the weights and of what layers remember.
fn held(weights: &Weights) -> impl Fn(SlotId) -> Option<Value> + '_ {
    |slot| {
        let list = weights.list.iter().map(|w| (w.slot, w.ty)).chain(weights.memories.iter().map(|m| (m.slot, m.ty)));
        list.into_iter().find(|l| l.0 == slot).map(|(_, ty)| Value::f32(ty.shape, weights.store.f32(slot)))
    }
}

/// Keras' weights, in the order in which ours were declared.
fn take_weights(what: &str, weights: &mut Weights, theirs: &Json) {
    let theirs = theirs.as_array().unwrap();
    assert_eq!(weights.list.len(), theirs.len(), "{what}");
    let slots: Vec<_> = weights.list.iter().map(|w| (w.slot, w.name.clone(), w.ty)).collect();
    for ((slot, name, ty), theirs) in slots.into_iter().zip(theirs) {
        let value = tensor(theirs);
        assert_eq!((name.as_str(), ty), (theirs["name"].as_str().unwrap(), value.ty), "{what}");
        weights.store.f32_mut(slot).copy_from_slice(&value.to_f32());
    }
}

/// Output, then states, as Keras gives them with `return_state`.
fn results<'g>(layer: &dyn Layer, cx: &mut Trace<'g, '_>, x: Var<'g>, initial: Option<&[Var<'g>]>) -> Vec<Var<'g>> {
    if let Some(recurrent) = layer.as_recurrent() {
        let r = cx.within("layer", layer, |cx| recurrent.call_with_states(cx, x, initial));
        return [vec![r.output], r.states].concat();
    }
    if layer.class_name() == "Bidirectional" {
        let both = Bidirectional::from_config(&layer.config()).unwrap();
        let r = cx.within("layer", layer, |cx| both.call_with_states(cx, x, initial));
        let outputs = r.output.map_or_else(|| vec![r.forward.output, r.backward.output], |y| vec![y]);
        return [outputs, r.forward.states, r.backward.states].concat();
    }
    vec![cx.call("layer", layer, &[x])]
}

#[test]
fn values_states_and_gradients_are_keras() {
    let cases = goldens("recurrent_layers");
    assert!(cases.len() > 60);
    for case in cases {
        let what = format!("{} masked {} begun {}", case["object"], !case["mask"].is_null(), case["initial"].as_array().unwrap().len());
        let layer = catalogue::layer_from_json(&case["object"]).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(same_json(&layer.envelope(), &case["object"]), "\nours   {}\nKeras' {}", layer.envelope(), case["object"]);
        let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(7));
        let x = feed.input(&b, &tensor(&case["x"]));
        let initial: Vec<Var<'_>> = tensors(&case["initial"]).iter().map(|s| feed.input(&b, s)).collect();
        let cotangents: Vec<Var<'_>> = tensors(&case["cotangents"]).iter().map(|c| feed.input(&b, c)).collect();
        let (seed, step) = (feed.input(&b, &Value::i32([2], &[1, 2])), feed.input(&b, &Value::i32(Shape::SCALAR, &[0])));
        let mut cx = Trace::new(&b, &mut weights, false, seed, step);
        if !case["mask"].is_null() {
            cx.set_mask(Some(feed.input(&b, &tensor(&case["mask"])).cast(DType::Bool)));
        }
        let outputs = results(layer.as_ref(), &mut cx, x, (!initial.is_empty()).then_some(&initial));
        drop(cx);
        assert!(!b.failed(), "{what}: {}", b.finish().unwrap_err());
        assert_eq!(outputs.len(), cotangents.len(), "{what}");
        take_weights(&what, &mut weights, &case["weights"]);
        let trained = weights.list.iter().map(|w| b.state(w.slot, &format!("{}/{}", w.layer, w.name), w.ty));
        let wrt: Vec<Var<'_>> = std::iter::once(x).chain(initial.iter().copied()).chain(trained).collect();
        let loss = outputs.iter().zip(&cotangents).map(|(&y, &c)| (y * c).sum(&[], false)).reduce(|a, b| a + b).unwrap();
        let mut wanted: Vec<NodeId> = outputs.iter().map(|y| y.id()).collect();
        let gradients_from = wanted.len();
        wanted.extend(gradients(&b, loss, &wrt));
        let run = feed.run_with(b, &wanted, &held(&weights));
        let mut expected = tensors(&case["outputs"]);
        expected.push(tensor(&case["gradient"]));
        expected.extend(tensors(&case["initial_gradients"]));
        expected.extend(tensors(&case["weight_gradients"]));
        assert_eq!(run.len(), expected.len(), "{what}");
        for (i, (ours, theirs)) in run.iter().zip(&expected).enumerate() {
            let absolute = if i < gradients_from { ABSOLUTE } else { 1e-5 };
            close(&format!("{what}: result {i}"), ours, theirs, RELATIVE, absolute);
        }
    }
}

#[test]
fn states_kept_from_batch_to_batch_are_keras() {
    for case in goldens("recurrent_stateful") {
        let what = case["object"].to_string();
        let layer = catalogue::layer_from_json(&case["object"]).unwrap();
        let (xs, ys) = (tensors(&case["x"]), tensors(&case["y"]));
        let (batch, rows) = (xs[0].ty.shape.dim(0), xs[0].ty.shape.dims()[1..].to_vec());
        let net = Sequential::new().add(Input::new(&rows).batch_size(batch)).add(layer.boxed());
        let mut model = net.build_on(reference(), Seed(1)).unwrap();
        let values: Vec<Tensor> = case["weights"].as_array().unwrap().iter().map(data).collect();
        model.set_weights(&values).unwrap();
        for (i, (x, y)) in xs.iter().zip(&ys).enumerate() {
            if i == 3 {
                model.reset_states();
            }
            let x = Tensor::f32(x.ty.shape.dims(), x.to_f32()).unwrap();
            // Looking does not count as a step.
            let looked = model.activations(&x).unwrap();
            let ours = model.predict_batched(&x, batch).unwrap();
            assert_eq!(looked.last().unwrap().1, ours, "{what}");
            close(&format!("{what}, batch {i}"), &Value::f32(Shape::new(ours.shape()), ours.as_f32().unwrap()), y, RELATIVE, ABSOLUTE);
        }
        // Two batches at once are two steps; without a reset the first differs from before.
        let two = Tensor::f32([&[2 * batch], &rows[..]].concat(), [xs[0].to_f32(), xs[1].to_f32()].concat()).unwrap();
        model.reset_states();
        let again = model.predict_batched(&two, batch).unwrap();
        let theirs = [ys[0].to_f32(), ys[1].to_f32()].concat();
        assert!(again.as_f32().unwrap().iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-5), "{what}");
        assert_ne!(model.predict_batched(&two, batch).unwrap(), again);
    }
}

fn data(json: &Json) -> Tensor {
    let value = tensor(json);
    Tensor::f32(value.ty.shape.dims(), value.to_f32()).unwrap()
}

fn stateful(return_sequences: bool) -> Model {
    let lstm = LSTM::new(3).stateful(true).return_sequences(return_sequences);
    let mut model =
        Sequential::new().add(Input::new([4, 2]).batch_size(5)).add(lstm).add(Dense::new(1)).build_on(reference(), Seed(3)).unwrap();
    model.compile(Adam::new(0.01), MeanSquaredError::default(), ()).unwrap();
    model
}

fn wave(shape: &[usize], rate: f32) -> Tensor {
    Tensor::f32(shape, (0..shape.iter().product::<usize>()).map(|i| (i as f32 * rate).sin()).collect()).unwrap()
}

#[test]
fn training_and_evaluation_go_on_from_the_batch_before() {
    let (x, y) = (wave(&[5, 4, 2], 0.7), wave(&[5, 1], 0.3));
    let mut model = stateful(false);
    let evaluate = |model: &mut Model| model.evaluate(&x, &y, Evaluate::default().batch_size(5)).unwrap()[0].1;
    let first = evaluate(&mut model);
    let second = evaluate(&mut model);
    assert!(first != second);
    model.reset_states();
    assert_eq!(evaluate(&mut model), first);
    // A step of training sees the states as they are, and leaves those that it made.
    model.reset_states();
    assert!((f64::from(model.train_on_batch(&x, &y, None).unwrap()) - first).abs() < 1e-6);
    let trained = evaluate(&mut model);
    model.reset_states();
    assert!(evaluate(&mut model) != trained);
    // A file has the weights and no states, and what is made anew has none either.
    let bytes = model.to_bytes().unwrap();
    let mut again = Model::from_bytes(reference(), &bytes, LoadOptions::default()).unwrap();
    assert_eq!(again.weight_names(), ["lstm/cell/kernel", "lstm/cell/recurrent_kernel", "lstm/cell/bias", "dense/kernel", "dense/bias"]);
    model.reset_states();
    assert_eq!(again.predict_batched(&x, 5).unwrap(), model.predict_batched(&x, 5).unwrap());
    assert_eq!(again.to_config().unwrap()["config"]["layers"][0]["config"]["batch_shape"], json!([5, 4, 2]));
    assert_eq!(again.summary().unwrap().rows[0].output_text(), "(5, 3)");
}

#[test]
fn another_batch_size_is_an_error_that_says_so() {
    let mut model = stateful(true);
    let text = model.predict_batched(&wave(&[6, 4, 2], 0.7), 3).unwrap_err().to_string();
    assert!(text.contains("lstm") && text.contains("of shape [5, 3]") && text.contains("[3, 3]") && text.contains("batch_size"), "{text}");
    // The last batch is smaller.
    let text = model.predict_batched(&wave(&[7, 4, 2], 0.7), 5).unwrap_err().to_string();
    assert!(text.contains("must divide the number of rows"), "{text}");
    let fit = Fit::default().batch_size(4).epochs(1).verbose(0);
    let text = model.fit(&wave(&[8, 4, 2], 0.7), &wave(&[8, 4, 1], 0.3), fit).unwrap_err().to_string();
    assert!(text.contains("one size"), "{text}");
    for net in [Sequential::new().add(Input::new([4, 2])), Sequential::new()] {
        let model = net.add(Bidirectional::new(LSTM::new(3).stateful(true))).build_on(reference(), Seed(3));
        let text = model.and_then(|mut m| m.build_for(&[4, 2])).unwrap_err().to_string();
        assert!(text.contains("layer `bidirectional` is stateful") && text.contains("batch_size(32)"), "{text}");
    }
}

/// What a layer computes of `x` with a mask, or the error's text.
fn call(layer: &dyn Layer, x: &Value, mask: Option<&Value>, training: bool) -> Result<Value, String> {
    layer.validate().map_err(|e| e.to_string())?;
    let (b, mut feed, mut weights) = (Builder::new(), Feed::default(), Weights::new(11));
    let v = feed.input(&b, x);
    let (seed, t) = (feed.input(&b, &Value::i32([2], &[5, 0])), feed.input(&b, &Value::i32(Shape::SCALAR, &[3])));
    let mut cx = Trace::new(&b, &mut weights, training, seed, t);
    cx.set_mask(mask.map(|m| feed.input(&b, m).cast(DType::Bool)));
    let y = cx.call("net", layer, &[v]);
    drop(cx);
    if b.failed() {
        return Err(b.finish().unwrap_err().to_string());
    }
    let y = y.id();
    Ok(feed.run_with(b, &[y], &held(&weights)).into_iter().next().unwrap())
}

fn ones(shape: &[usize]) -> Value {
    let shape = Shape::new(shape);
    Value::f32(shape, &vec![1.0; shape.len()])
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_layer() {
    let l = |layer: Box<dyn Layer>| layer;
    let cases: Vec<(Box<dyn Layer>, &[usize], &str)> = vec![
        (l(LSTM::new(3).into()), &[2, 3], "of rank 3"),
        (l(LSTM::new(3).into()), &[2], "of rank 3"),
        (l(GRU::new(3).into()), &[2, 0, 3], "at least one step, got shape [2, 0, 3]"),
        (l(SimpleRNN::new(3).into()), &[2, 4, 3, 3], "needs an input (batch, steps, features) of rank 3"),
        (l(RNN::new(LSTMCell::new(3)).into()), &[2, 4, 3, 3], "needs an input (batch, steps, features)"),
        (l(LSTM::new(3).return_state(true).into()), &[2, 4, 3], "LSTM gives 3 tensors, and here one is handed on"),
        (l(Bidirectional::new(LSTM::new(3).return_state(true)).into()), &[2, 4, 3], "Bidirectional gives 5 tensors"),
        (l(Bidirectional::new(LSTM::new(3)).merge_mode(None).into()), &[2, 4, 3], "Bidirectional gives 2 tensors"),
        (l(Bidirectional::new(Dense::new(3)).into()), &[2, 4, 3], "`layer` is Dense, but must be a recurrent layer"),
        (l(Bidirectional::new(LSTM::new(3).go_backwards(true)).into()), &[2, 4, 3], "whose `go_backwards` is not that of `layer`"),
        (
            l(Bidirectional::new(GRU::new(3)).backward_layer(GRU::new(3).go_backwards(true).return_sequences(true)).into()),
            &[2, 4, 3],
            "`return_sequences` of `layer`",
        ),
        (l(LSTM::new(0).into()), &[2, 4, 3], "`units` is 0"),
        (l(LSTM::new(usize::MAX / 2).into()), &[2, 4, 3], "too large"),
        (l(GRU::new(1 << 40).into()), &[2, 4, 3], "values of weights"),
        (l(GRU::new(3).dropout(1.0).into()), &[2, 4, 3], "`dropout` is 1"),
        (l(SimpleRNN::new(3).recurrent_dropout(-0.5).into()), &[2, 4, 3], "`recurrent_dropout` is -0.5"),
        (l(RNN::new(Dense::new(3)).into()), &[2, 4, 3], "`cell` is Dense, but must be a cell"),
        (l(RNN::new(LSTMCell::new(0)).into()), &[2, 4, 3], "RNN: `cell`: LSTMCell: `units` is 0"),
        (l(RNN::new(StackedRNNCells::new([])).into()), &[2, 4, 3], "at least one cell"),
        (l(StackedRNNCells::new([LSTMCell::new(2).into(), LSTM::new(2).into()]).into()), &[2, 4, 3], "`cells` is LSTM"),
        (l(LSTMCell::new(3).into()), &[2, 4, 3], "put it into an RNN layer"),
        (l(StackedRNNCells::new([LSTMCell::new(2).into()]).into()), &[2, 4, 3], "put it into an RNN layer"),
        (l(LSTM::new(3).activation(Activation::Step).into()), &[2, 4, 3], "gradient 0 everywhere"),
        (l(TimeDistributed::new(Dense::new(3)).into()), &[2, 4], "of rank 3"),
        (l(TimeDistributed::new(Dense::new(3)).into()), &[2, 0, 4], "at least one step"),
        (l(TimeDistributed::new(BatchNormalization::new()).into()), &[2, 3, 4], "BatchNormalization would see them one after the other"),
        (l(TimeDistributed::new(TimeDistributed::new(MixUp::new(0.2))).into()), &[2, 3, 3, 4, 4, 1], "one after the other"),
        (l(TimeDistributed::new(LSTM::new(2).stateful(true)).into()), &[2, 3, 4, 2], "LSTM would see them"),
        (l(TimeDistributed::new(Dense::new(0)).into()), &[2, 3, 4], "TimeDistributed: `layer`: Dense"),
        (l(TimeDistributed::new(Conv2D::new(2, 3)).into()), &[2, 3, 4], "net/layer"),
        (l(ConvLSTM2D::new(2, 3).into()), &[2, 3, 4, 4], "of rank 5"),
        (l(ConvLSTM1D::new(2, 5).into()), &[2, 3, 4, 1], "spans 5 cells"),
        (l(ConvLSTM1D::new(usize::MAX, 2).into()), &[2, 3, 4, 1], "too large"),
        (l(ConvLSTM1D::new(2, usize::MAX).into()), &[2, 3, 4, 1], ""),
        (l(ConvLSTM1D::new(2, 0).into()), &[2, 3, 4, 1], "`kernel_size`"),
        (l(ConvLSTM1D::new(2, 2).padding(Padding::Causal).into()), &[2, 3, 4, 1], "`padding`"),
        (l(ConvLSTM1D::new(2, 2).strides(2).dilation_rate(2).into()), &[2, 3, 4, 1], "`dilation_rate`"),
    ];
    for (layer, shape, expected) in cases {
        let text = call(layer.as_ref(), &ones(shape), None, true).expect_err(&format!("{layer:?}"));
        assert!(text.contains(expected), "{layer:?}: {text}");
    }
    let text = call(&LSTM::new(3), &ones(&[2, 4, 3]), Some(&ones(&[2, 3])), false).unwrap_err();
    assert!(text.contains("a mask of shape [2, 4], got [2, 3]"), "{text}");
    let (b, mut weights) = (Builder::new(), Weights::new(1));
    let zero = b.full(Shape::SCALAR, 0.0);
    let mut cx = Trace::new(&b, &mut weights, false, zero, zero);
    LSTM::new(3).call_with_states(&mut cx, b.full([2, 4, 3], 0.0), Some(&[b.full([2, 3], 0.0)]));
    let text = b.finish().unwrap_err().to_string();
    assert!(text.contains("first states of shapes [2, 3], [2, 3], got [2, 3]"), "{text}");
    // No samples are no error.
    assert_eq!(call(&LSTM::new(3), &ones(&[0, 4, 3]), None, false).unwrap().ty.shape, Shape::new(&[0, 3]));
}

#[test]
fn dropout_keeps_its_choice_along_a_sequence() {
    // With nothing but the input: y = x · factor.
    let (batch, steps, units) = (8, 3, 20);
    let identity = |n: usize| Initializer::Values((0..n * n).map(|i| f32::from(u8::from(i % (n + 1) == 0))).collect());
    let rnn = SimpleRNN::new(units)
        .activation(Activation::Linear)
        .kernel_initializer(identity(units))
        .recurrent_initializer(Initializer::Zeros)
        .return_sequences(true)
        .dropout(0.4);
    let x = ones(&[batch, steps, units]);
    assert_eq!(call(&rnn, &x, None, false).unwrap(), x);
    let y = call(&rnn, &x, None, true).unwrap();
    let kept = y.data.iter().filter(|&&v| (v - 1.0 / 0.6).abs() < 1e-6).count();
    assert_eq!(kept + y.data.iter().filter(|&&v| v == 0.0).count(), y.data.len());
    // 160 draws of probability 0.6, three times each: deviation 6.2.
    assert!(kept % steps == 0 && (70..122).contains(&(kept / steps)), "{kept}");
    for sample in y.data.chunks(steps * units) {
        assert!(sample.chunks(units).all(|step| step == &sample[..units]));
    }
    assert!(y.data.chunks(steps * units).any(|sample| sample != &y.data[..steps * units]));
    assert_ne!(call(&rnn.clone().seed(3), &x, None, true).unwrap(), y);

    // With states handed on as they are: after each step m + m² + .. more.
    let rnn = rnn.dropout(0.0).recurrent_initializer(identity(units)).recurrent_dropout(0.5);
    let y = call(&rnn, &x, None, true).unwrap();
    let mut dropped = 0;
    for sample in y.data.chunks(steps * units) {
        for unit in 0..units {
            let of_unit: Vec<f64> = sample.iter().skip(unit).step_by(units).copied().collect();
            assert!(of_unit == [1.0, 1.0, 1.0] || of_unit == [1.0, 3.0, 7.0], "{of_unit:?}");
            dropped += usize::from(of_unit[1] == 1.0);
        }
    }
    assert!((50..110).contains(&dropped), "{dropped}");

    // Each gate drops units of its own: the same numbers as one product where nothing is dropped, others where something is.
    for layer in [r#"{"class_name": "LSTM"}"#, r#"{"class_name": "GRU"}"#, r#"{"class_name": "GRU", "reset": false}"#] {
        let given: Json = serde_json::from_str(layer).unwrap();
        let build = |rate: f64, recurrent: f64| {
            let mut config = json!({"units": 4, "dropout": rate, "recurrent_dropout": recurrent});
            if given["reset"] == false {
                config["reset_after"] = json!(false);
            }
            catalogue::layer_from_json(&json!({"class_name": given["class_name"], "config": config})).unwrap()
        };
        let x = Value::f32(Shape::new(&[3, 4, 2]), wave(&[3, 4, 2], 0.7).as_f32().unwrap());
        let plain = call(build(0.0, 0.0).as_ref(), &x, None, true).unwrap();
        // So seldom that nothing is dropped, but by the way that drops.
        let seldom = call(build(1e-7, 1e-7).as_ref(), &x, None, true).unwrap();
        close("seldom", &seldom, &plain, 1e-5, 1e-6);
        let often = call(build(0.3, 0.3).as_ref(), &x, None, true).unwrap();
        assert!(often != plain && often == call(build(0.3, 0.3).as_ref(), &x, None, true).unwrap());
    }
    let x = Value::f32(Shape::new(&[2, 3, 5, 2]), wave(&[2, 3, 5, 2], 0.7).as_f32().unwrap());
    let plain = call(&ConvLSTM1D::new(2, 2), &x, None, true).unwrap();
    close("conv", &call(&ConvLSTM1D::new(2, 2).dropout(1e-7).recurrent_dropout(1e-7), &x, None, true).unwrap(), &plain, 1e-5, 1e-6);
    assert_ne!(call(&ConvLSTM1D::new(2, 2).dropout(0.5).recurrent_dropout(0.5), &x, None, true).unwrap(), plain);
}

#[test]
fn masks_of_convolutional_cells_skip_samples() {
    // Keras on JAX cannot broadcast the mask to images; here a masked step is as if it were not there.
    let x = wave(&[2, 4, 5, 2], 0.7);
    let whole = Value::f32(Shape::new(&[2, 4, 5, 2]), x.as_f32().unwrap());
    let mask = Value::i32([2, 4], &[1, 1, 0, 0, 1, 1, 1, 1]);
    let y = call(&ConvLSTM1D::new(3, 2), &whole, Some(&mask), false).unwrap();
    let unmasked = call(&ConvLSTM1D::new(3, 2), &whole, None, false).unwrap();
    let first = Value::f32(Shape::new(&[1, 2, 5, 2]), &x.as_f32().unwrap()[..20]);
    let short = call(&ConvLSTM1D::new(3, 2), &first, None, false).unwrap();
    assert_eq!(y.data[..12], short.data[..]);
    assert_eq!(y.data[12..], unmasked.data[12..]);
}

fn every_layer() -> Vec<(Box<dyn Layer>, &'static [usize])> {
    let sequence: &[usize] = &[2, 3, 4];
    vec![
        (SimpleRNN::new(3).activation(Activation::Relu).seed(0).go_backwards(true).into(), sequence),
        (LSTM::new(3).recurrent_activation(Activation::HardSigmoid).unit_forget_bias(false).kernel_regularizer(L2(0.1)).into(), sequence),
        (GRU::new(3).reset_after(false).recurrent_activation(Activation::HardSigmoid).return_sequences(true).unroll(true).into(), sequence),
        (GRU::new(3).dropout(0.5).recurrent_dropout(0.5).use_bias(false).zero_output_for_mask(true).into(), sequence),
        (RNN::new(LSTMCell::new(3).unit_forget_bias(false)).return_sequences(true).into(), sequence),
        (
            RNN::new(StackedRNNCells::default().add(GRUCell::new(2).reset_after(false)).add(SimpleRNNCell::new(3))).trainable(false).into(),
            sequence,
        ),
        (Bidirectional::new(LSTM::new(3).return_sequences(true)).merge_mode(MergeMode::Ave).name("both").into(), sequence),
        (Bidirectional::new(GRU::new(3)).backward_layer(LSTM::new(3).go_backwards(true)).into(), sequence),
        (TimeDistributed::new(Dense::new(3).activation(Activation::Tanh)).into(), sequence),
        (
            ConvLSTM1D::new(3, 2).padding(Padding::Same).recurrent_activation(Activation::HardSigmoid).return_sequences(true).into(),
            &[2, 3, 4, 2],
        ),
        (ConvLSTM2D::new(3, (2, 1)).data_format(DataFormat::ChannelsFirst).use_bias(false).into(), &[1, 3, 2, 4, 4]),
        (ConvLSTM3D::new(1, 2).strides(2).kernel_regularizer(L2(0.1)).into(), &[1, 2, 3, 3, 3, 1]),
    ]
}

#[test]
fn builders_round_trip_through_keras_json() {
    for (mut layer, shape) in every_layer() {
        layer.validate().unwrap();
        let again = catalogue::layer_from_json(&layer.envelope()).unwrap();
        assert_eq!(again.envelope(), layer.envelope());
        // The policy reaches what is within, and every result is a bfloat16.
        layer.set_dtype_policy(DTypePolicy::MixedBfloat16);
        let again = catalogue::layer_from_json(&layer.envelope()).unwrap();
        assert_eq!(again.envelope(), layer.envelope());
        let text = layer.envelope().to_string();
        assert!(text.contains("mixed_bfloat16") && !text.contains(r#""name":"float32""#), "{text}");
        let x = Value::f32(Shape::new(shape), wave(shape, 1.7).as_f32().unwrap());
        for training in [false, true] {
            let y = call(layer.as_ref(), &x, None, training).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert!(y.data.iter().all(|&v| (v as f32).to_bits().trailing_zeros() >= 16), "{text}");
        }
    }
}

#[test]
fn arguments_are_read_as_people_write_them() {
    let read = |class: &str, config: Json| catalogue::layer_from_json(&json!({"class_name": class, "config": config})).unwrap();
    // A list of cells, arguments beside the class, a layer for the way back that is the other one turned around.
    let stack = read("RNN", json!({"cell": [{"class_name": "LSTMCell", "units": 2}, {"class_name": "GRUCell", "config": {"units": 3}}]}));
    let built = RNN::new(StackedRNNCells::new([LSTMCell::new(2).into(), GRUCell::new(3).into()]));
    assert_eq!(stack.config(), built.config());
    let both = read("Bidirectional", json!({"layer": {"class_name": "GRU", "units": 2, "return_sequences": true}}));
    assert_eq!(both.config(), Bidirectional::new(GRU::new(2).return_sequences(true)).config());
    let config = both.config();
    assert_eq!(
        (&config["layer"]["config"]["name"], &config["backward_layer"]["config"]["name"]),
        (&json!("forward_gru"), &json!("backward_gru"))
    );
    assert_eq!(config["backward_layer"]["config"]["go_backwards"], true);
    assert_eq!(config["layer"]["config"]["zero_output_for_mask"], true);
    assert_eq!(read("SimpleRNN", json!({"units": 2, "seed": 4})).config(), SimpleRNN::new(2).config());
    for (class, config, expected) in [
        ("LSTM", json!({}), "LSTM needs the argument `units`"),
        ("GRU", json!({"units": 2, "unit_forget_bias": true}), "GRU has no argument `unit_forget_bias`"),
        ("LSTM", json!({"units": 2, "kernel_constraint": {"class_name": "MaxNorm", "config": {"max": 1}}}), "`kernel_constraint`"),
        ("LSTM", json!({"units": "2"}), "`units`"),
        ("RNN", json!({}), "RNN needs the argument `cell`"),
        ("RNN", json!({"cell": {"class_name": "LSTMCel"}}), "did you mean `LSTMCell`"),
        ("RNN", json!({"cell": {"class_name": "LSTM", "units": 2}}), "must be a cell"),
        ("RNN", json!({"cell": 3}), "`cell`"),
        ("Bidirectional", json!({"layer": {"class_name": "LSTM", "units": 2}, "merge_mode": "max"}), "`merge_mode`"),
        ("TimeDistributed", json!({"layer": {"class_name": "Dense"}}), "`units`"),
    ] {
        let text = catalogue::layer_from_json(&json!({"class_name": class, "config": config})).err().unwrap().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn weights_have_keras_places_and_survive_a_file() {
    let net = || {
        Sequential::new()
            .add(Input::new([4, 2]))
            .add(Masking::default())
            .add(Bidirectional::new(
                RNN::new(StackedRNNCells::new([LSTMCell::new(2).into(), LSTMCell::new(3).into(), GRUCell::new(2).into()]))
                    .return_sequences(true),
            ))
            .add(TimeDistributed::new(Dense::new(3)).trainable(false))
            .add(GRU::new(2))
            .add(Dense::new(1))
    };
    let model = net().build_on(reference(), Seed(5)).unwrap();
    let names = model.weight_names();
    for expected in [
        "bidirectional/forward_layer/cell/cells/lstm_cell/kernel",
        "bidirectional/forward_layer/cell/cells/lstm_cell_1/recurrent_kernel",
        "bidirectional/backward_layer/cell/cells/gru_cell/bias",
        "time_distributed/layer/kernel",
        "gru/cell/kernel",
    ] {
        assert!(names.iter().any(|n| n == expected), "{expected} is not among {names:?}");
    }
    // What is within a frozen layer is frozen.
    assert_eq!(model.count_params().1, 4 * 3 + 3);
    // The forget gate's bias begins as 1.
    let bias = model.weight("bidirectional/forward_layer/cell/cells/lstm_cell/bias").unwrap();
    assert_eq!(bias.as_f32().unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let mut again = Model::from_bytes(reference(), &model.to_bytes().unwrap(), LoadOptions::default()).unwrap();
    let mut model = model;
    let x = wave(&[3, 4, 2], 0.9);
    assert_eq!(again.predict(&x).unwrap(), model.predict(&x).unwrap());
    assert_eq!(again.to_config().unwrap(), model.to_config().unwrap());
}

#[test]
fn a_recurrent_network_learns_to_remember() {
    // The sign of the first step, seen through steps of noise.
    let (rows, steps) = (48, 5);
    let x = wave(&[rows, steps, 1], 1.7);
    let first: Vec<f32> = x.as_f32().unwrap().chunks(steps).map(|s| s[0].signum()).collect();
    let y = Tensor::f32([rows, 1], first).unwrap();
    for layer in [Box::<dyn Layer>::from(LSTM::new(6)), GRU::new(6).into(), Bidirectional::new(SimpleRNN::new(4)).into()] {
        let class = layer.class_name();
        let net = Sequential::new().add(Input::new([steps, 1])).add(layer).add(Dense::new(1).activation(Activation::Tanh));
        let mut model = net.build_on(reference(), Seed(2)).unwrap();
        model.compile(Adam::new(0.05), MeanSquaredError::default(), ()).unwrap();
        let history = model.fit(&x, &y, Fit::default().epochs(40).batch_size(16).verbose(0)).unwrap();
        let losses = &history["loss"];
        assert!(losses[0] > 0.5 && losses[39] < 0.15, "{class}: {losses:?}");
    }
}
