//! Writes trained models as `.keras` files with what they must do in Keras: `cargo run -p adaline --example keras_file -- FOLDER`,
//! then `python scripts/goldens/check_keras_file.py FOLDER`.

use adaline::data::RowSource;
use adaline::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let x: Vec<f32> = (0..96 * 4).map(|i| (i as f32 * 1.7).sin()).collect();
    let classes: Vec<i32> = x.chunks(4).map(|r| i32::from(r[0] > r[1]) + i32::from(r[2] > 0.0)).collect();
    let real: Vec<f32> = x.chunks(4).map(|r| r[0] - 2.0 * r[1] + 0.5).collect();
    let (x, classes, real) = (Tensor::f32([96, 4], x)?, Tensor::from(classes), Tensor::f32([96, 1], real)?);

    let classifier = || {
        Sequential::new()
            .add(Input::new([4]))
            .add(Dense::new(8).activation(Activation::Relu).kernel_regularizer(L2(0.001)).bias_constraint(Constraint::max_norm(0.5)))
            .add(Dropout::new(0.0))
            .add(Dense::new(3).activation(Activation::Softmax))
    };
    let scc = SparseCategoricalCrossentropy::default;
    for (name, optimizer) in [
        ("adam", Box::<dyn Optimizer>::from(Adam::new(0.01))),
        ("amsgrad", Adam::new(0.01).amsgrad(true).into()),
        ("sgd", SGD::new(0.1).momentum(0.9).nesterov(true).into()),
        ("rmsprop", RMSprop::new(0.01).momentum(0.5).centered(true).into()),
        ("accumulation", AdamW::new(0.01).gradient_accumulation_steps(4).into()),
        ("nadam", Nadam::new(0.01).use_ema(true).gradient_accumulation_steps(2).into()),
        ("adafactor", Adafactor::new(0.01).use_ema(true).ema_overwrite_frequency(3).into()),
        ("muon", Muon::new(0.01).exclude_layers(vec!["dense_1".into()]).into()),
        ("schedule_free", ScheduleFreeAdamW::new(0.01).loss_scale_factor(8.0).into()),
        ("cosine", Ftrl::new(CosineDecay::new(0.0, 20).warmup_target(Some(0.1)).warmup_steps(5.0)).into()),
        ("schedule", SGD::default().learning_rate(ExponentialDecay::new(0.1, 5, 0.9)).into()),
    ] {
        let mut model = classifier().name(name).build(Seed(7))?;
        model.compile(optimizer, scc(), (Accuracy::default(), SparseTopKCategoricalAccuracy::default()))?;
        write(folder, name, &mut model, &x, &classes)?;
    }

    // Without biases, whose gradient JAX on CPU sums in bfloat16.
    let mut model = Sequential::new()
        .name("mixed_bfloat16")
        .dtype_policy(DTypePolicy::MixedBfloat16)
        .add(Input::new([4]))
        .add(Dense::new(8).activation(Activation::Relu).use_bias(false))
        .add(Dense::new(8).use_bias(false))
        .add(Dense::new(3).use_bias(false).dtype(DTypePolicy::Float32))
        .build(Seed(7))?;
    model.compile(Adam::new(0.01), scc().from_logits(true), [Accuracy::default()])?;
    write(folder, "mixed_bfloat16", &mut model, &x, &classes)?;

    // No input layer, other layers, another loss.
    let mut normalize = Normalization::new();
    normalize.adapt(&x)?;
    let mut model = Sequential::new()
        .name("layers")
        .add(normalize)
        .add(Reshape::new([2, 2]))
        .add(Flatten::new())
        .add(Rescaling::new(0.5))
        .add(Dense::new(6).use_bias(false).name("hidden"))
        .add(ActivationLayer::new(Activation::Tanh))
        .add(Dense::new(1))
        .build(Seed(3))?;
    model.compile(Adam::new(0.02), MeanSquaredError::default(), [RootMeanSquaredError::default()])?;
    write(folder, "layers", &mut model, &x, &real)?;

    // Layers for images, of each kind that has weights.
    let pictures = Tensor::f32([96, 6, 6, 2], (0..96 * 72).map(|i| (i as f32 * 1.3).sin()).collect())?;
    let mut model = Sequential::new()
        .name("images")
        .add(Input::new([6, 6, 2]))
        .add(Conv2D::new(4, 3).padding(Padding::Same).activation(Activation::Relu))
        .add(BatchNormalization::new())
        .add(SeparableConv2D::new(4, (2, 3)).depth_multiplier(2))
        .add(LeakyReLU::new(0.1))
        .add(DepthwiseConv2D::new(2))
        .add(Conv2DTranspose::new(3, 3).strides(2).padding(Padding::Same))
        .add(BatchNormalization::new().momentum(0.9))
        .add(MaxPooling2D::new(2))
        .add(SpatialDropout2D::new(0.0))
        .add(ZeroPadding2D::new([(0, 1), (1, 0)]))
        .add(Conv2D::new(4, 2))
        .add(GlobalAveragePooling2D::new())
        .add(Dense::new(3).activation(Activation::Softmax))
        .build(Seed(5))?;
    model.compile(SGD::new(0.05).momentum(0.9), scc(), [Accuracy::default()])?;
    write(folder, "images", &mut model, &pictures, &classes)?;

    let sequences = Tensor::f32([96, 8, 2], (0..96 * 16).map(|i| (i as f32 * 1.3).sin()).collect())?;
    let mut model = Sequential::new()
        .name("sequences")
        .add(Input::new([8, 2]))
        .add(Conv1D::new(4, 3).padding(Padding::Causal).dilation_rate(2).activation(Activation::Tanh))
        .add(UpSampling1D::new(2))
        .add(SeparableConv1D::new(4, 2))
        .add(Cropping1D::new(1))
        .add(DepthwiseConv1D::new(2))
        .add(Conv1DTranspose::new(2, 2))
        .add(AdaptiveAveragePooling1D::new(4))
        .add(Flatten::new())
        .add(Dense::new(3).activation(Activation::Softmax))
        .build(Seed(5))?;
    model.compile(SGD::new(0.1), scc(), [Accuracy::default()])?;
    write(folder, "sequences", &mut model, &sequences, &classes)?;

    // Cells within layers within layers, each with its place in the file; a frozen one, and one that skips steps.
    let stack = StackedRNNCells::new([LSTMCell::new(3).into(), LSTMCell::new(2).into(), GRUCell::new(2).into()]);
    let mut model = Sequential::new()
        .name("recurrent")
        .add(Input::new([8, 2]))
        .add(Masking::default())
        .add(Bidirectional::new(RNN::new(stack).return_sequences(true)))
        .add(TimeDistributed::new(Dense::new(3).activation(Activation::Relu)).trainable(false))
        .add(Bidirectional::new(SimpleRNN::new(3).return_sequences(true)).merge_mode(MergeMode::Sum))
        .add(GRU::new(4).reset_after(false).recurrent_regularizer(L2(0.01)).go_backwards(true).return_sequences(true))
        .add(LSTM::new(4))
        .add(Dense::new(3).activation(Activation::Softmax))
        .build(Seed(5))?;
    model.compile(Adam::new(0.01), scc(), [Accuracy::default()])?;
    write(folder, "recurrent", &mut model, &sequences, &classes)?;

    let films = Tensor::f32([96, 3, 4, 4, 2], (0..96 * 96).map(|i| (i as f32 * 1.3).sin()).collect())?;
    let mut model = Sequential::new()
        .name("films")
        .add(Input::new([3, 4, 4, 2]))
        .add(ConvLSTM2D::new(3, (2, 3)).padding(Padding::Same).return_sequences(true))
        .add(TimeDistributed::new(MaxPooling2D::new(2)))
        .add(Bidirectional::new(ConvLSTM2D::new(2, 2)))
        .add(Flatten::new())
        .add(Dense::new(3).activation(Activation::Softmax))
        .build(Seed(5))?;
    model.compile(Adam::new(0.01), scc(), [Accuracy::default()])?;
    write(folder, "films", &mut model, &films, &classes)?;

    // A graph: two inputs and outputs, a trunk within that is called twice, one layer in both branches, a frozen one, a chain within.
    let inside = Input::new([4]).tensor();
    let norm = BatchNormalization::new().shared();
    let h = Dense::new(4).activation(Activation::Tanh).apply(&norm.apply(&inside));
    let h = norm.apply(&Add::new().apply([&inside, &h]));
    let trunk = Functional::new(&inside, &h)?.name("trunk").shared();
    let (a, b) = (Input::new([4]).name("a").tensor(), Input::new([4]).name("b").tensor());
    let chain = Sequential::new().add(Dense::new(3).activation(Activation::Relu)).add(Dense::new(2).trainable(false));
    let joined = Concatenate::new().apply([&trunk.apply(&a), &chain.apply(&trunk.apply(&b))]);
    let (price, kind) = (Dense::new(1).name("price").apply(&joined), Dense::new(3).name("kind").apply(&joined));
    let mut model = Functional::new([&a, &b], [&price, &kind])?.name("graph").build(Seed(5))?;
    let of_price = Objective::new(MeanSquaredError::default()).weight(0.5).metrics([RootMeanSquaredError::default()]);
    let of_kind = Objective::new(scc().from_logits(true)).metrics([Accuracy::default()]);
    model.compile_outputs(Adam::new(0.01), [("price", of_price), ("kind", of_kind)])?;
    let other = Tensor::f32([96, 4], (0..96 * 4).map(|i| (i as f32 * 0.7).cos()).collect())?;
    write_all(folder, "graph", &mut model, &[&x, &other], &[&real, &classes])?;

    // States from layer to layer, attention over a sequence that is masked.
    let words = Input::new([5]).dtype("int32").name("words").tensor();
    let embedded = Embedding::new(10, 4).mask_zero(true).apply(&words);
    let encoded = LSTM::new(3).return_sequences(true).return_state(true).apply_all(&embedded);
    let series = Input::new([8, 2]).name("series").tensor();
    let decoded = LSTM::new(3).return_sequences(true).apply([&series, &encoded[1], &encoded[2]]);
    let seen = MultiHeadAttention::new(2, 3).apply([&decoded, &encoded[0]]);
    let attended = Attention::new().use_causal_mask(true).apply([&seen, &decoded]);
    let y = Dense::new(3).apply(&GlobalAveragePooling1D::new().apply(&LayerNormalization::new().apply(&attended)));
    let mut model = Functional::new([&words, &series], &y)?.name("attention").build(Seed(6))?;
    model.compile(Adam::new(0.01), scc().from_logits(true), [Accuracy::default()])?;
    let sentences = Tensor::i32([96, 5], (0..96 * 5).map(|i| (i * 7 + i / 5) % 10).collect())?;
    write_all(folder, "attention", &mut model, &[&sentences, &sequences], &[&classes])
}

fn write(folder: &Path, name: &str, model: &mut Model, x: &Tensor, y: &Tensor) -> Outcome<()> {
    write_all(folder, name, model, &[x], &[y])
}

/// Trains a little, saves, notes the predictions, trains on and notes where that leads.
fn write_all(folder: &Path, name: &str, model: &mut Model, x: &[&Tensor], y: &[&Tensor]) -> Outcome<()> {
    let options = || Fit::default().batch_size(16).shuffle(false).verbose(0);
    let inputs = || -> Vec<&dyn RowSource> { x.iter().map(|x| *x as &dyn RowSource).collect() };
    model.fit(inputs(), y.to_vec(), options().epochs(3))?;
    model.set_asset("adaline/note.json", b"{}".to_vec());
    model.save(folder.join(format!("{name}.keras")))?;
    let (predictions, iterations) = (model.predict_all(inputs(), 32)?, model.iterations());
    let history = model.fit(inputs(), y.to_vec(), options().epochs(2))?;
    let weights: Vec<Value> = model.get_weights().iter().map(note).collect();
    let layers: Vec<&str> = model.layers().map(|l| l.dtype_policy().unwrap_or_default().name()).collect();
    let notes = json!({
        "policies": layers,
        "x": notes_of(x), "y": notes_of(y), "predictions": notes_of(&predictions.iter().collect::<Vec<_>>()), "iterations": iterations, "batch_size": 16, "epochs": 2,
        "loss": history["loss"], "weights": weights,
    });
    Ok(std::fs::write(folder.join(format!("{name}.json")), notes.to_string())?)
}

fn notes_of(tensors: &[&Tensor]) -> Vec<Value> {
    tensors.iter().map(|t| note(t)).collect()
}

fn note(t: &Tensor) -> Value {
    let data: Value = t.as_i32().map_or_else(|| json!(t.f32_values()), |v| json!(v));
    json!({"dtype": t.dtype().to_string(), "shape": t.shape(), "data": data})
}
