//! Sequences of several lengths: in buckets, padded no further than they need, a model learns and says the same as with all of them padded to
//! the longest.

use adaline::cpu::Cpu;
use adaline::data::{Ragged, SequenceEnd};
use adaline::graph::backend::Backend;
use adaline::nn::layers::InputLayer;
use adaline::prelude::*;
use std::sync::Arc;

/// Numbers of tokens of texts with lengths from 1 to `longest`, most of them short; and whether there are more of the one half of the
/// vocabulary than of the other.
fn texts(rows: usize, longest: usize) -> (Vec<Vec<i32>>, Vec<f32>) {
    let noise = |i: usize| ((i as f64 * 12.9898).sin() * 43758.5453).rem_euclid(1.0);
    let length = |row: usize| 1 + (noise(row + 1).powi(3) * longest as f64) as usize;
    let text = |row: usize| (0..length(row).min(longest)).map(|at| 1 + (noise(row * 1000 + at) * 19.0) as i32).collect();
    let texts: Vec<Vec<i32>> = (0..rows).map(text).collect();
    let label = |text: &Vec<i32>| f32::from(u8::from(text.iter().filter(|t| **t > 10).count() * 2 > text.len()));
    let labels = texts.iter().map(label).collect();
    (texts, labels)
}

fn column(labels: &[f32]) -> Tensor {
    Tensor::f32([labels.len(), 1], labels.to_vec()).unwrap()
}

fn compiled(net: Sequential, threads: usize) -> Model {
    let backend: Arc<dyn Backend> = Arc::new(Cpu::new().threads(threads));
    let mut model = net.build_on(backend, Seed(3)).unwrap();
    model.compile(Adam::new(0.01), BinaryCrossentropy::default(), [Accuracy::default()]).unwrap();
    model
}

/// Of tokens: no input layer, so the first data says how long sequences are, or that they may have any length.
fn of_tokens(threads: usize) -> Model {
    let net = Sequential::new().add(Embedding::new(20, 6).mask_zero(true)).add(Bidirectional::new(LSTM::new(5)));
    compiled(net.add(Dense::new(1).activation(Activation::Sigmoid)), threads)
}

/// Of numbers, two in each step.
fn of_numbers(threads: usize) -> Model {
    let net = Sequential::new()
        .add(InputLayer::with_batch_shape([None, None, Some(2)]))
        .add(Masking::new(-9.0))
        .add(GRU::new(4).return_sequences(true))
        .add(GlobalAveragePooling1D::new());
    compiled(net.add(Dense::new(1).activation(Activation::Sigmoid)), threads)
}

fn numbers(texts: &[Vec<i32>]) -> Ragged {
    let steps = texts.iter().flatten().flat_map(|&t| [t as f32 * 0.1, (t as f32).sin()]).collect::<Vec<_>>();
    let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
    Ragged::new(Tensor::f32([steps.len() / 2, 2], steps).unwrap(), &lengths).unwrap().value(-9.0)
}

#[track_caller]
fn close(ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() <= 1e-5 * b.abs() + 1e-6, "{ours:?} {theirs:?}");
    }
}

fn weights(model: &Model) -> Vec<f64> {
    model.get_weights().iter().flat_map(|t| t.as_f32().unwrap().iter().map(|&v| f64::from(v)).collect::<Vec<_>>()).collect()
}

fn bits(tensors: &[Tensor]) -> Vec<u32> {
    tensors.iter().flat_map(|t| t.as_f32().unwrap().iter().map(|v| v.to_bits())).collect()
}

/// Trains on sequences in the order of their lengths, cut so that buckets end where batches do: then the batches are the same, padded or not.
#[expect(clippy::needless_pass_by_value, reason = "boundaries are written where they are used")]
fn learns_the_same(make: fn(usize) -> Model, x: &Ragged, y: &Tensor, bounds: Vec<usize>, batch: usize) {
    let padded = x.to_tensor().unwrap();
    let fit = || Fit::default().epochs(2).batch_size(batch).shuffle(false).verbose(0);
    let (mut ours, mut theirs) = (make(2), make(2));
    let a = ours.fit(x, y, fit().validation_data(x, y).bucket_by_length(bounds.clone())).unwrap();
    let b = theirs.fit(&padded, y, fit().validation_data(&padded, y)).unwrap();
    for name in ["loss", "accuracy", "val_loss", "val_accuracy"] {
        close(a.get(name).unwrap(), b.get(name).unwrap());
    }
    close(&weights(&ours), &weights(&theirs));
    // Without buckets sequences are as long as the longest.
    let mut third = make(2);
    third.fit(x, y, fit().validation_data(x, y)).unwrap();
    assert_eq!(bits(&third.get_weights()), bits(&theirs.get_weights()));

    // In another order results still belong to their rows.
    let mixed: Vec<usize> = (0..y.rows()).map(|i| i * 37 % y.rows()).collect();
    let (x, y) = (x.take_rows(&mixed).unwrap(), y.take_rows(&mixed).unwrap());
    let padded = x.to_tensor().unwrap();
    let whole = ours.predict(&padded).unwrap();
    for size in [1, 7, 100] {
        let bucketed = ours.predict_bucketed(&x, size, bounds.clone()).unwrap();
        assert_eq!(bucketed.shape(), whole.shape());
        let values = |t: &Tensor| t.as_f32().unwrap().iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        close(&values(&bucketed), &values(&whole));
        let options = Evaluate::default().batch_size(size);
        let plain = ours.evaluate(&padded, &y, options.clone()).unwrap();
        for (ours, theirs) in ours.evaluate(&x, &y, options.bucket_by_length(3)).unwrap().iter().zip(&plain) {
            assert_eq!(ours.0, theirs.0);
            close(&[ours.1], &[theirs.1]);
        }
    }
}

#[test]
fn in_buckets_a_model_learns_the_same_as_padded_to_the_longest() {
    let (mut texts, labels) = texts(120, 20);
    let mut by_length: Vec<(Vec<i32>, f32)> = texts.drain(..).zip(labels).collect();
    by_length.sort_by_key(|t| t.0.len());
    let (texts, labels): (Vec<Vec<i32>>, Vec<f32>) = by_length.into_iter().unzip();
    // Boundaries where a whole number of batches of 8 ends and the length changes.
    let batch = 8;
    let changes = |at: &usize| texts[at - 1].len() < texts[*at].len();
    let bounds: Vec<usize> = (batch..texts.len()).step_by(batch).filter(changes).map(|at| texts[at - 1].len()).collect();
    assert!(bounds.len() >= 2, "{bounds:?}");
    let y = column(&labels);
    for end in [SequenceEnd::Post, SequenceEnd::Pre] {
        let tokens = Ragged::from_sequences(&texts).unwrap().padding(end);
        learns_the_same(of_tokens, &tokens, &y, bounds.clone(), batch);
        learns_the_same(of_numbers, &numbers(&texts).padding(end), &y, bounds.clone(), batch);
    }
}

#[test]
fn threads_change_no_bit_and_epochs_follow_from_their_numbers() {
    let (texts, labels) = texts(150, 30);
    let (x, y) = (Ragged::from_sequences(&texts).unwrap(), column(&labels));
    let fit = || Fit::default().batch_size(16).validation_split(0.2).bucket_by_length(4).verbose(0);
    let mut runs = Vec::new();
    for threads in [1, 2, 7] {
        let mut model = of_tokens(threads);
        let history = model.fit(&x, &y, fit().epochs(3)).unwrap();
        runs.push((bits(&model.get_weights()), history));
    }
    assert!(runs.windows(2).all(|w| w[0] == w[1]));
    let losses = runs[0].1.get("loss").unwrap();
    assert!(losses[2] < losses[0], "{losses:?}");
    let mut parts = of_tokens(1);
    parts.fit(&x, &y, fit().epochs(1)).unwrap();
    parts.fit(&x, &y, fit().epochs(3).initial_epoch(1)).unwrap();
    assert_eq!(bits(&parts.get_weights()), runs[0].0);
}

#[test]
fn plans_of_all_buckets_are_kept() {
    let (texts, labels) = texts(300, 40);
    let (x, y) = (Ragged::from_sequences(&texts).unwrap(), column(&labels));
    let mut model = of_tokens(1);
    // Six buckets with two sizes of batches each, for training and for validation.
    let fit = || Fit::default().epochs(1).batch_size(7).validation_data(&x, &y).bucket_by_length(6).verbose(0);
    model.fit(&x, &y, fit()).unwrap();
    let traced = model.trace_times().tracing;
    model.fit(&x, &y, fit()).unwrap();
    assert_eq!(model.trace_times().tracing, traced, "nothing is compiled anew");
}

#[test]
fn what_cannot_be_bucketed_is_told() {
    let (texts, labels) = texts(20, 9);
    let (x, y) = (Ragged::from_sequences(&texts).unwrap(), column(&labels));
    let fit = || Fit::default().verbose(0).bucket_by_length(2);
    let mut model = of_tokens(1);
    let text = model.fit(&x.to_tensor().unwrap(), &y, fit()).unwrap_err().to_string();
    assert!(text.contains("bucket_by_length") && text.contains("Ragged"), "{text}");
    let text = model.fit(&x, &y, Fit::default().verbose(0).bucket_by_length(0)).unwrap_err().to_string();
    assert!(text.contains("at least 1 bucket"), "{text}");

    // Weights for one length, from data without buckets.
    let mut closed = of_tokens(1);
    closed.fit(&x, &y, Fit::default().verbose(0)).unwrap();
    let text = closed.fit(&x, &y, fit()).unwrap_err().to_string();
    assert!(text.contains("steps") && text.contains("with_batch_shape"), "{text}");

    // A number that the table of words does not have, and one that is none, are found in their sequences.
    let mut wrong = texts.clone();
    wrong[3] = vec![1, 2, 99];
    let text = of_tokens(1).fit(&Ragged::from_sequences(&wrong).unwrap(), &y, fit()).unwrap_err().to_string();
    assert!(text.contains("row 3") && text.contains("column 2"), "{text}");
    let bad = Ragged::new(Tensor::f32([3, 2], vec![0.0, 1.0, 2.0, 3.0, f32::NAN, 5.0]).unwrap(), &[1, 2]).unwrap();
    let text = of_numbers(1).fit(&bad, &column(&[0.0, 1.0]), fit()).unwrap_err().to_string();
    assert!(text.contains("NaN at row 1, column 2"), "{text}");

    // A result for each step has as many shapes as there are lengths.
    let steps = Sequential::new().add(InputLayer::with_batch_shape([None, None])).add(Embedding::new(20, 6));
    let mut steps = compiled(steps.add(Dense::new(1)), 1);
    let text = steps.predict_bucketed(&x, 4, 2).unwrap_err().to_string();
    assert!(text.contains("results of one shape"), "{text}");
    assert_eq!(steps.predict(&x).unwrap().shape(), [20, x.longest(), 1]);
}

/// Bytes that a training step of a plan needs beside weights and data.
fn arena(model: &mut Model, rows: usize) -> u64 {
    let plan = model.dump(adaline::nn::model::Stage::Plan, rows).unwrap();
    let told = plan.split("arena ").nth(1).and_then(|rest| rest.split(' ').next()).expect("the plan tells its arena");
    told.parse().unwrap()
}

#[test]
fn stretches_need_less_memory_and_learn_the_same() {
    const STEPS: usize = 240;
    let (texts, labels) = texts(32, STEPS);
    let x = adaline::data::pad_sequences(&texts, &adaline::data::PadOptions { maxlen: Some(STEPS), ..Default::default() }).unwrap();
    let y = column(&labels);
    let lstm = |every: Option<usize>| match every {
        Some(every) => LSTM::new(12).stretches(every),
        None => LSTM::new(12),
    };
    let nets: [fn(Box<dyn Layer>) -> Sequential; 2] = [
        |layer| Sequential::new().add(Input::new([STEPS])).add(Embedding::new(20, 6).mask_zero(true)).add(layer),
        |layer| Sequential::new().add(Input::new([STEPS])).add(Embedding::new(20, 6)).add(layer),
    ];
    for (at, net) in nets.into_iter().enumerate() {
        let train = |every: Option<usize>, threads: usize| {
            let net = net(Box::new(Bidirectional::new(lstm(every)))).add(Dense::new(1).activation(Activation::Sigmoid));
            let mut model = compiled(net, threads);
            let bytes = arena(&mut model, 16);
            let history = model.fit(&x, &y, Fit::default().epochs(3).batch_size(16).verbose(0)).unwrap();
            let predicted = model.predict(&x).unwrap();
            (bytes, history.get("loss").unwrap().to_vec(), weights(&model), predicted, bits(&model.get_weights()))
        };
        let all = train(None, 2);
        for every in [16, 13] {
            let few = train(Some(every), 2);
            assert!(few.0 * 2 < all.0, "net {at}, every {every} steps: {} bytes of {}", few.0, all.0);
            close(&few.1, &all.1);
            close(&few.2, &all.2);
            assert_eq!(few.4, train(Some(every), 1).4, "threads change no bit");
        }
        // One stretch is the whole sequence.
        assert_eq!(train(Some(STEPS), 2).4, all.4);
    }
}
