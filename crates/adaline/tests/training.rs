//! Training against real Keras on the processor, and the promises of the whole: equal bits for any batching and number of threads,
//! exact resumption.

#[path = "../../nn/tests/support/training.rs"]
mod training;

use adaline::cpu::Cpu;
use adaline::graph::backend::Backend;
use adaline::graph::reference::Reference;
use adaline::nn::callbacks::EarlyStopping;
use adaline::nn::model::LoadOptions;
use adaline::prelude::*;
use std::sync::Arc;

#[test]
fn the_processor_trains_graphs_of_layers_as_keras() {
    training::train_graphs_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_trains_as_keras() {
    training::train_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_updates_weights_as_keras() {
    training::update_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_trains_in_halves_as_keras() {
    training::train_in_halves_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_trains_with_masks_as_keras() {
    training::train_with_masks_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_trains_recurrent_networks_as_keras() {
    training::train_recurrent_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_trains_networks_for_images_as_keras() {
    training::train_images_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_trains_with_every_loss_as_keras() {
    training::train_with_losses_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_measures_as_the_reference() {
    use adaline::nn::metrics::{self, Average, Curve};
    let rows = 37;
    let x: Vec<f32> = (0..rows * 4).map(|i| 2.0 * (i as f32 * 1.7).sin()).collect();
    let classes: Vec<i32> = (0..rows as i32).map(|i| (i * i + i / 3) % 3).collect();
    let (x, y) = (Tensor::f32([rows, 4], x).unwrap(), to_categorical(&Tensor::from(classes), None).unwrap());
    let weights: Vec<f32> = (0..rows).map(|i| (i % 5) as f32).collect();
    let evaluate = |backend: Arc<dyn Backend>| {
        let list: Vec<Box<dyn Metric>> = vec![
            AUC::new().into(),
            AUC::new().curve(Curve::Pr).thresholds([0.2, 0.35, 0.7]).name("pr").into(),
            AUC::new().multi_label(true).num_thresholds(30).name("each").into(),
            F1Score::new().into(),
            FBetaScore::new().beta(2.0).average(Average::Weighted).into(),
            Precision::new().top_k(2).into(),
            Recall::new().thresholds([0.3, 0.5]).class_id(1).into(),
            TruePositives::new().thresholds([0.0, 0.25, 0.5, 0.75, 1.0]).into(),
            SensitivityAtSpecificity::new(0.5).into(),
            OneHotMeanIoU::new(3).into(),
            PearsonCorrelation::new().into(),
            metrics::KLDivergence::new().into(),
            metrics::CosineSimilarity::new().into(),
            metrics::Hinge::new().into(),
            metrics::Sum::new().into(),
            MeanMetricWrapper::new("focal", CategoricalFocalCrossentropy::new()).into(),
        ];
        let mut model = Sequential::new()
            .add(Input::new([4]))
            .add(Dense::new(6).activation(Activation::Mish))
            .add(Dense::new(3).activation(Activation::Softmax))
            .build_on(backend, Seed(5))
            .unwrap();
        model.compile_weighted(Adam::new(0.01), CategoricalCrossentropy::new(), (), list).unwrap();
        model.fit(&x, &y, Fit::default().epochs(2).batch_size(8).sample_weight(weights.clone())).unwrap();
        model.evaluate(&x, &y, Evaluate::default().batch_size(10).sample_weight(weights.clone())).unwrap()
    };
    let (ours, reference) = (evaluate(Arc::new(Cpu::new())), evaluate(Arc::new(Reference::default())));
    // Nothing is above the highest thresholds; all else is something.
    assert!(ours.iter().filter(|v| v.1 != 0.0).count() >= 24, "{ours:?}");
    for (ours, theirs) in ours.iter().zip(&reference) {
        assert_eq!(ours.0, theirs.0);
        assert!((ours.1 - theirs.1).abs() <= 1e-5 * theirs.1.abs() + 1e-6, "{ours:?} {theirs:?}");
    }
}

/// Two interleaved moons, or something like them.
fn data(rows: usize) -> (Tensor, Tensor) {
    let x: Vec<f32> = (0..rows * 6).map(|i| (i as f32 * 1.7).sin()).collect();
    let y: Vec<i32> = x.chunks(6).map(|r| i32::from(r[0] * r[1] > 0.0) + i32::from(r[2] > 0.5)).collect();
    (Tensor::f32([rows, 6], x).unwrap(), Tensor::from(y))
}

fn model(backend: Arc<dyn Backend>) -> Model {
    let mut model = Sequential::new()
        .add(Input::new([6]))
        .add(Dense::new(64).activation(Activation::Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(32).activation(Activation::Tanh).kernel_regularizer(L2(0.001)))
        .add(Dense::new(3).activation(Activation::Softmax))
        .build_on(backend, Seed(7))
        .unwrap();
    model.compile(Adam::new(0.01), SparseCategoricalCrossentropy::default(), [Accuracy::default()]).unwrap();
    model
}

fn bits(tensors: &[Tensor]) -> Vec<u32> {
    tensors.iter().flat_map(|t| t.as_f32().unwrap().iter().map(|v| v.to_bits())).collect()
}

#[test]
fn threads_and_batches_change_no_bit() {
    let (x, y) = data(300);
    let mut runs = Vec::new();
    for threads in [1, 2, 7] {
        let mut m = model(Arc::new(Cpu::new().threads(threads)));
        let h = m.fit(&x, &y, Fit::default().epochs(3).validation_split(0.1).verbose(0)).unwrap();
        let whole = m.predict_on_batch(&x).unwrap();
        for size in [1, 5, 32, 100] {
            assert_eq!(
                bits(&[m.predict_batched(&x, size).unwrap()]),
                bits(std::slice::from_ref(&whole)),
                "{threads} threads, batches of {size}"
            );
        }
        runs.push((bits(&m.get_weights()), h));
    }
    assert!(runs.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn the_processor_agrees_with_the_reference() {
    let (x, y) = data(64);
    let run = |backend: Arc<dyn Backend>| {
        let mut m = model(backend);
        m.fit(&x, &y, Fit::default().epochs(2).verbose(0)).unwrap();
        m.get_weights()
    };
    for (ours, exact) in run(Arc::new(Cpu::new())).iter().zip(run(Arc::new(Reference::default()))) {
        for (a, b) in ours.as_f32().unwrap().iter().zip(exact.as_f32().unwrap()) {
            assert!((a - b).abs() < 2e-4, "{a} {b}");
        }
    }
}

#[test]
fn training_resumes_from_a_file_bit_for_bit() {
    let (x, y) = data(100);
    let cpu = || Arc::new(Cpu::new()) as Arc<dyn Backend>;
    let mut straight = model(cpu());
    straight.fit(&x, &y, Fit::default().epochs(4).verbose(0)).unwrap();
    let mut first = model(cpu());
    first.fit(&x, &y, Fit::default().epochs(2).verbose(0)).unwrap();
    let mut second = Model::from_bytes(cpu(), &first.to_bytes().unwrap(), LoadOptions::default()).unwrap();
    second.fit(&x, &y, Fit::default().epochs(4).initial_epoch(2).verbose(0)).unwrap();
    assert_eq!(bits(&straight.get_weights()), bits(&second.get_weights()));
}

#[test]
fn the_facade_builds_trains_saves_and_loads() {
    let (x, y) = data(96);
    let mut m = Sequential::new().add(Dense::new(8).activation(Activation::Relu)).add(Dense::new(3).activation(Activation::Softmax));
    m = m.name("moons");
    let mut m = m.build(Seed(1)).unwrap();
    m.compile(Adam::default(), SparseCategoricalCrossentropy::default(), (Accuracy::default(),)).unwrap();
    let stop = EarlyStopping::new().patience(3).restore_best_weights(true);
    m.fit(&x, &y, Fit::default().epochs(5).validation_split(0.25).verbose(0).callback(stop)).unwrap();
    let path = std::env::temp_dir().join(format!("adaline-facade-{}.keras", std::process::id()));
    m.save(&path).unwrap();
    let mut loaded = load_model(&path).unwrap();
    assert_eq!(bits(&[m.predict(&x).unwrap()]), bits(&[loaded.predict(&x).unwrap()]));
    std::fs::remove_file(&path).unwrap();
    let text = load_model(&path).unwrap_err().to_string();
    assert!(text.contains("check the spelling"), "{text}");
}

#[test]
fn states_go_from_batch_to_batch_as_on_the_reference() {
    let x = Tensor::f32([6, 5, 3], (0..90).map(|i| (i as f32 * 0.7).sin()).collect()).unwrap();
    let y = Tensor::f32([6, 1], (0..6).map(|i| (i as f32).cos()).collect()).unwrap();
    let make = |backend: Arc<dyn Backend>| {
        let mut model = Sequential::new()
            .add(Input::new([5, 3]).batch_size(3))
            .add(Bidirectional::new(LSTM::new(4).stateful(true).return_sequences(true)))
            .add(GRU::new(4).stateful(true))
            .add(Dense::new(1))
            .build_on(backend, Seed(7))
            .unwrap();
        model.compile(SGD::new(0.1), MeanSquaredError::default(), ()).unwrap();
        model
    };
    let run = |mut model: Model| {
        let first = model.predict_batched(&x, 3).unwrap();
        let second = model.predict_batched(&x, 3).unwrap();
        let options = || Fit::default().batch_size(3).shuffle(false).verbose(0);
        model.fit(&x, &y, options().epochs(2)).unwrap();
        let trained = model.predict_batched(&x, 3).unwrap();
        model.reset_states();
        let reset = model.predict_batched(&x, 3).unwrap();
        assert!(first != second && trained != reset);
        [first, second, trained, reset]
    };
    let (ours, exact) = (run(make(Arc::new(Cpu::new()))), run(make(Arc::new(Reference::default()))));
    for (a, b) in ours.iter().zip(&exact) {
        for (a, b) in a.as_f32().unwrap().iter().zip(b.as_f32().unwrap()) {
            assert!((a - b).abs() <= 1e-5, "{a} on the processor, {b} on the reference");
        }
    }
}

#[test]
fn the_processor_trains_other_layers_as_keras() {
    training::train_layers_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}

#[test]
fn the_processor_trains_with_wrapped_optimizers_as_keras() {
    training::train_scaled_as_keras(&(Arc::new(Cpu::new()) as Arc<_>));
}
