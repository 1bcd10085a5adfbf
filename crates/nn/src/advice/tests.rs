//! Advice on the reference backend, word for word.

use super::*;
use crate::activations::Activation;
use crate::initializers::Initializer;
use crate::layers::{
    ActivationLayer, BatchNormalization, Dense, Dropout, Embedding, Flatten, Input, Pipeline, Rescaling, Softmax, SpectralNormalization,
    TimeDistributed,
};
use crate::losses::{BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanSquaredError, SparseCategoricalCrossentropy};
use crate::model::Progress;
use crate::optimizers::{Optimizer, Sgd};
use crate::{Apply, Fit, Functional, Layer, Model, Seed, Sequential};
use adaline_data::Tensor;
use adaline_graph::philox::Philox;
use adaline_graph::reference::Reference;
use std::sync::Arc;

fn model(layers: Vec<Box<dyn Layer>>, optimizer: impl Into<Box<dyn Optimizer>>, loss: impl Into<Box<dyn Loss>>) -> Model {
    let mut model = Sequential::of(layers).build_on(Arc::new(Reference::default()), Seed(1)).unwrap();
    model.compile(optimizer, loss, ()).unwrap();
    model
}

/// Values between -1 and 1.
fn noise(rows: usize, columns: usize) -> Vec<f32> {
    let rng = Philox::new(9, 2, 0);
    (0..rows * columns).map(|i| 2.0 * rng.uniform(i as u64) - 1.0).collect()
}

fn inputs(rows: usize, columns: usize) -> Tensor {
    Tensor::f32([rows, columns], noise(rows, columns)).unwrap()
}

fn column(values: impl Iterator<Item = f32>) -> Tensor {
    let values: Vec<f32> = values.collect();
    Tensor::f32([values.len(), 1], values).unwrap()
}

/// Advice on a network that ends in a layer, with inputs and labels that need none.
fn of_end(units: usize, end: Activation, loss: impl Into<Box<dyn Loss>>, y: &Tensor) -> Vec<String> {
    let m = model(vec![Input::new([2]).into(), Dense::new(units).activation(end).into()], Sgd::default(), loss);
    texts(&m.advice_for(&inputs(60, 2), y).unwrap())
}

fn texts(advice: &[Advice]) -> Vec<String> {
    advice.iter().map(ToString::to_string).collect()
}

fn classes(n: usize) -> Tensor {
    Tensor::from((0..60).map(|i| i % n as i32).collect::<Vec<i32>>())
}

#[test]
fn the_last_activation_and_the_loss_must_go_together() {
    let sparse = SparseCategoricalCrossentropy::default;
    assert!(of_end(3, Activation::Softmax, sparse(), &classes(3)).is_empty());
    assert!(of_end(3, Activation::Linear, sparse().from_logits(true), &classes(3)).is_empty());
    assert_eq!(
        of_end(3, Activation::Softmax, sparse().from_logits(true), &classes(3)),
        [
            "Advice: layer `dense` ends in softmax, so its values are probabilities already, but SparseCategoricalCrossentropy with from_logits \
          true makes probabilities of them once more: leave from_logits out, or the softmax"
        ]
    );
    assert_eq!(
        of_end(3, Activation::Linear, sparse(), &classes(3)),
        [
            "Advice: layer `dense` ends in linear, whose values need not be probabilities, which SparseCategoricalCrossentropy takes: end it in \
          softmax, or give the loss from_logits true"
        ]
    );
    assert_eq!(
        of_end(3, Activation::Sigmoid, sparse(), &classes(3)),
        [
            "Advice: layer `dense` ends in sigmoid, which judges each class by itself, but SparseCategoricalCrossentropy is of one class out of \
          several: end it in softmax, or, where a row may have several classes, use BinaryCrossentropy"
        ]
    );
    let zero_or_one = column((0..60).map(|i| (i % 2) as f32));
    assert!(of_end(1, Activation::Sigmoid, BinaryCrossentropy::default(), &zero_or_one).is_empty());
    assert_eq!(
        of_end(1, Activation::Tanh, BinaryCrossentropy::default(), &zero_or_one),
        [
            "Advice: layer `dense` ends in tanh, whose values need not be probabilities, which BinaryCrossentropy takes: end it in sigmoid, or \
          give the loss from_logits true"
        ]
    );
    assert_eq!(
        of_end(1, Activation::Softmax, BinaryCrossentropy::default(), &zero_or_one),
        ["Advice: layer `dense` is a softmax over one output, which is always 1, so nothing can be learned: use sigmoid"]
    );
}

#[test]
fn the_last_activation_is_found_in_layers_of_its_own_and_networks_within() {
    let logits = || CategoricalCrossentropy::default().from_logits(true);
    let y = Tensor::f32([60, 3], (0..180).map(|i| f32::from(u8::from(i % 3 == i / 3 % 3))).collect()).unwrap();
    let layers = |ends: Vec<Box<dyn Layer>>| {
        let begin: Vec<Box<dyn Layer>> = vec![Input::new([2]).into(), Dense::new(3).into()];
        model(begin.into_iter().chain(ends).collect(), Sgd::default(), logits()).advice_for(&inputs(60, 2), &y).unwrap()
    };
    let at = |ends| layers(ends).iter().map(|a| (a.kind, a.layer.clone().unwrap())).collect::<Vec<_>>();
    assert_eq!(at(vec![Softmax::default().into(), Flatten::new().into()]), [(AdviceKind::Logits, "softmax".to_owned())]);
    assert_eq!(at(vec![Activation::Softmax.into()]), [(AdviceKind::Logits, "activation".to_owned())]);
    let head = Sequential::new().name("head").add(Dense::new(3).activation(Activation::Softmax));
    assert_eq!(at(vec![head.into()]), [(AdviceKind::Logits, "head/dense".to_owned())]);
    // An outer network's last layer is that before a network which only reshapes.
    let reshape = Sequential::new().add(Flatten::new());
    assert_eq!(at(vec![Softmax::default().into(), reshape.into()]), [(AdviceKind::Logits, "softmax".to_owned())]);
    let inner = Sequential::new().name("inner").add(Dense::new(3).activation(Activation::Softmax)).add(Flatten::new());
    let spectral = SpectralNormalization::new(Dense::new(3).activation(Activation::Softmax));
    assert_eq!(at(vec![spectral.into()]), [(AdviceKind::Logits, "spectral_normalization/layer".to_owned())]);
    let pipeline = Pipeline::new([Softmax::default().into(), Flatten::new().into()]).name("ends");
    assert_eq!(at(vec![pipeline.into()]), [(AdviceKind::Logits, "ends/_pipeline_layers/softmax".to_owned())]);
    let deep = Sequential::new().name("deep").add(Dropout::new(0.1)).add(inner);
    assert_eq!(at(vec![deep.into()]), [(AdviceKind::Logits, "deep/inner/dense".to_owned())]);
    assert!(at(vec![]).is_empty());
    // What a function of the program does is its own business.
    assert!(at(vec![ActivationLayer::custom("mine", |x| x.softmax(-1)).into()]).is_empty());
}

#[test]
fn outputs_are_compared_with_the_classes_that_there_are() {
    let of = |width, y: &Tensor| of_end(width, Activation::Softmax, SparseCategoricalCrossentropy::default(), y);
    assert_eq!(
        of(3, &classes(2)),
        ["Advice: layer `dense` has 3 outputs, but the labels are class numbers from 0 to 1: 2 outputs are enough"]
    );
    let from_one = Tensor::from((0..60).map(|i| 1 + i % 2).collect::<Vec<i32>>());
    assert_eq!(
        of(3, &from_one),
        [
            "Advice: layer `dense` has 3 outputs, but the labels are class numbers from 1 to 2: classes are counted from 0, so take 1 from each label"
        ]
    );
    // Too few labels to say that there are no others.
    assert!(of(4, &classes(3)).is_empty());
}

#[test]
fn inputs_that_are_not_scaled_are_named_unless_the_network_does_it() {
    let x: Vec<f32> = noise(40, 3).chunks(3).flat_map(|r| [r[0], 100.0 + 2.0 * r[1], 7.0]).collect();
    let (x, y) = (Tensor::f32([40, 3], x).unwrap(), column(noise(40, 1).into_iter()));
    let of = |first: Vec<Box<dyn Layer>>| {
        let begin: Vec<Box<dyn Layer>> = vec![Input::new([3]).into()];
        let layers = begin.into_iter().chain(first).chain([Dense::new(1).into()]).collect();
        texts(&model(layers, Sgd::default(), MeanSquaredError::default()).advice_for(&x, &y).unwrap())
    };
    let far = "Advice: column 1 of x (counted from 0) has the mean 100 and the standard deviation 1.29, but networks learn best from values \
               around 0 to 1: begin with Normalization, adapted to the training rows, or Rescaling, or scale the data";
    let constant = "Advice: column 2 of x (counted from 0) has the value 7 in all rows, which tells nothing: leave it out";
    assert_eq!(of(vec![]), [far, constant]);
    assert_eq!(of(vec![Dropout::new(0.1).into(), Flatten::new().into()]), [far, constant]);
    assert!(of(vec![Rescaling::new(0.01).into()]).is_empty());
    assert!(of(vec![Dropout::new(0.1).into(), BatchNormalization::new().into()]).is_empty());
    let inner = Sequential::new().add(Dropout::new(0.1)).add(BatchNormalization::new());
    assert!(of(vec![inner.into()]).is_empty());
    // Networks and wrappers that do nothing to the inputs do not hide what follows, nor what does not.
    let idle = || Sequential::new().add(Dropout::new(0.1));
    assert_eq!(of(vec![idle().into()]), [far, constant]);
    assert!(of(vec![idle().into(), Rescaling::new(0.01).into()]).is_empty());
    assert!(of(vec![Pipeline::new([Dropout::new(0.1).into(), Rescaling::new(0.01).into()]).into()]).is_empty());
    assert_eq!(of(vec![Pipeline::new([Box::from(Dropout::new(0.1))]).into()]), [far, constant]);
    assert_eq!(of(vec![SpectralNormalization::new(Dense::new(3)).into()]), [far, constant]);
    assert!(of(vec![Embedding::new(200, 2).into(), Flatten::new().into()]).is_empty());
}

#[test]
fn labels_far_from_where_predictions_begin_are_named() {
    let of = |scale: f32| {
        let y = column((0..60).map(|i| scale * (i % 5) as f32));
        of_end(1, Activation::Linear, MeanSquaredError::default(), &y)
    };
    assert!(of(1.0).is_empty());
    assert_eq!(
        of(50_000.0),
        [
            "Advice: the labels have the mean 100000 and the standard deviation 70711, and predictions begin near 0, so MeanSquaredError begins \
          large and its gradients with it: take the mean off and divide by the deviation, and undo that in predictions"
        ]
    );
}

/// Keeps what it is told.
struct Told<'a>(&'a mut Vec<String>);

impl Progress for Told<'_> {
    fn epoch_begin(&mut self, _: usize, _: usize) {}
    fn step(&mut self, _: usize, _: &[(&str, f64)]) {}
    fn epoch_end(&mut self, _: usize, _: &[(&str, f64)]) {}
    fn message(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }
}

fn told(model: &mut Model, x: &Tensor, y: &Tensor, options: Fit<'_>) -> Vec<String> {
    let mut told = Vec::new();
    model.fit(x, y, options.progress(Told(&mut told))).unwrap();
    told
}

#[test]
fn units_that_died_are_counted() {
    let dead = |bias| {
        let bias = Initializer::constant(bias);
        let first = Dense::new(6).activation(Activation::Relu).bias_initializer(bias).name("first");
        let layers: Vec<Box<dyn Layer>> = vec![Input::new([3]).into(), first.into(), Dense::new(1).into()];
        let mut m = model(layers, Sgd::default(), MeanSquaredError::default());
        let (x, y) = (inputs(64, 3), column(noise(64, 1).into_iter()));
        told(&mut m, &x, &y, Fit::default().epochs(3))
    };
    // Once, though it is seen after the first epoch and at the end.
    assert_eq!(
        dead(-9.0),
        [
            "Advice: 6 of the 6 units of layer `first` give 0 for all 32 rows that were looked at, so they do not learn any more (dead ReLU): try \
          a smaller learning rate, inputs around 0 to 1, kernel_initializer he_normal, or leaky_relu"
        ]
    );
    assert!(dead(0.1).is_empty());
}

#[test]
fn units_that_died_within_networks_and_wrappers_are_named_by_their_path() {
    let dead = || Dense::new(6).activation(Activation::Relu).bias_initializer(Initializer::constant(-9.0)).name("hidden");
    let heard = |layers: Vec<Box<dyn Layer>>| {
        let begin: Vec<Box<dyn Layer>> = vec![Input::new([2, 3]).into()];
        let end: Vec<Box<dyn Layer>> = vec![Flatten::new().into(), Dense::new(1).into()];
        let layers = begin.into_iter().chain(layers).chain(end).collect();
        let mut m = model(layers, Sgd::default(), MeanSquaredError::default());
        let x = Tensor::f32([64, 2, 3], noise(64, 6)).unwrap();
        let told = told(&mut m, &x, &column(noise(64, 1).into_iter()), Fit::default());
        told.iter().map(|t| t.split('`').nth(1).unwrap_or(t).to_owned()).collect::<Vec<_>>()
    };
    let trunk = || Sequential::new().name("trunk").add(dead());
    assert_eq!(heard(vec![trunk().into()]), ["trunk/hidden"]);
    assert_eq!(heard(vec![Sequential::new().name("outer").add(Dense::new(3)).add(trunk()).into()]), ["outer/trunk/hidden"]);
    assert_eq!(heard(vec![TimeDistributed::new(dead()).into()]), ["time_distributed/layer"]);
    assert_eq!(heard(vec![TimeDistributed::new(trunk()).into()]), ["time_distributed/layer/hidden"]);
    // Nobody would have frozen units learn.
    let mut frozen = Box::<dyn Layer>::from(trunk());
    frozen.set_trainable(false);
    assert!(heard(vec![frozen]).is_empty());
}

#[test]
fn units_of_a_shared_network_are_counted_for_each_call() {
    let x = Input::new([3]).tensor();
    let inner = Sequential::new().name("inner").add(Input::new([3])).add(
        Dense::new(3).activation(Activation::Relu).kernel_initializer(Initializer::Ones).bias_initializer(Initializer::Zeros).name("d"),
    );
    let shared = Box::<dyn Layer>::from(inner).shared();
    // The first call sees positive values, the second one those less 100.
    let first = shared.apply(&x);
    let shifted = Rescaling::new(1.0).offset(-100.0).apply(&first);
    let y = Dense::new(1).apply(&shared.apply(&shifted));
    let mut m = Functional::new(&x, &y).unwrap().build_on(Arc::new(Reference::default()), Seed(1)).unwrap();
    m.compile(Sgd::default().learning_rate(1e-9), MeanSquaredError::default(), ()).unwrap();
    let x = Tensor::f32([64, 3], noise(64, 3).iter().map(|v| v.abs()).collect::<Vec<f32>>()).unwrap();
    let told = told(&mut m, &x, &column(noise(64, 1).into_iter()), Fit::default());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("Advice: 3 of the 3 units of layer `inner/d[1]` give 0"), "{told:?}");
}

#[test]
fn gradients_that_vanish_within_networks_are_measured() {
    let block = |name: &str| {
        let layer = || Dense::new(4).activation(Activation::Sigmoid).kernel_initializer(Initializer::random_normal(0.0, 0.5));
        Sequential::new().name(name).add(layer()).add(layer()).add(layer()).add(layer())
    };
    let layers: Vec<Box<dyn Layer>> = vec![Input::new([4]).into(), block("a").into(), block("b").into(), Dense::new(1).name("end").into()];
    let mut m = model(layers, Sgd::default().learning_rate(1e-9), MeanSquaredError::default());
    let vanished = told(&mut m, &inputs(64, 4), &column(noise(64, 1).into_iter()), Fit::default());
    assert_eq!(vanished.len(), 1, "{vanished:?}");
    assert!(vanished[0].starts_with("Advice: the gradient by the kernel of layer `a/dense`, the first, has the norm "), "{vanished:?}");
    assert!(vanished[0].contains("that of `end`, the last, "), "{vanished:?}");
}

#[test]
fn gradients_that_vanish_or_explode_are_measured() {
    let deep = |activation, deviation: f64| {
        let mut layers: Vec<Box<dyn Layer>> = vec![Input::new([4]).into()];
        let hidden = || Dense::new(4).activation(activation).kernel_initializer(Initializer::random_normal(0.0, deviation));
        layers.extend((0..7).map(|_| Box::from(hidden())));
        layers.push(Dense::new(1).into());
        let mut m = model(layers, Sgd::default().learning_rate(1e-9), MeanSquaredError::default());
        let (x, y) = (inputs(64, 4), column(noise(64, 1).into_iter()));
        told(&mut m, &x, &y, Fit::default())
    };
    let vanished = deep(Activation::Sigmoid, 0.5);
    assert_eq!(vanished.len(), 1, "{vanished:?}");
    assert!(vanished[0].starts_with("Advice: the gradient by the kernel of layer `dense`, the first, has the norm "), "{vanished:?}");
    assert!(
        vanished[0].ends_with(
            ": it vanishes on its way back, so that the first layers hardly learn; try relu in the place of sigmoid or tanh, \
             BatchNormalization between the layers, Add around some of them, or fewer layers"
        ),
        "{vanished:?}"
    );
    assert!(deep(Activation::Linear, 0.5).is_empty());
    let pulse =
        crate::model::Pulse { rows: 32, gradients: vec![("a".into(), 5e4), ("b".into(), 80.0), ("c".into(), 2.0)], ..Default::default() };
    assert_eq!(
        texts(&of_pulse(&pulse)),
        [
            "Advice: the gradient by the kernel of layer `a`, the first, has the norm 50000, that of `c`, the last, 2: it explodes on its way back; \
          try clipnorm 1 in the optimizer, BatchNormalization between the layers, smaller initial kernels, or a smaller learning rate"
        ]
    );
}

#[test]
fn a_learning_rate_that_is_far_too_high_is_told_once() {
    let at = |rate, options: Fit<'_>| {
        let layers: Vec<Box<dyn Layer>> = vec![Input::new([3]).into(), Dense::new(1).into()];
        let mut m = model(layers, Sgd::default().learning_rate(rate), MeanSquaredError::default());
        let (x, y) = (inputs(128, 3), column(noise(128, 1).into_iter()));
        told(&mut m, &x, &y, options.batch_size(16))
    };
    assert!(at(0.05, Fit::default().epochs(2)).is_empty());
    let high = at(2.0, Fit::default().epochs(2));
    assert_eq!(high.len(), 1, "{high:?}");
    assert!(high[0].starts_with("Advice: the loss was ") && high[0].contains(" on average over the first epoch: "), "{high:?}");
    assert!(high[0].ends_with("the learning rate, 2, is likely to be far too high; try 0.2"), "{high:?}");
    assert!(at(2.0, Fit::default().epochs(2).silence(AdviceKind::LearningRate)).is_empty());
    assert!(at(2.0, Fit::default().epochs(2).advice(false)).is_empty());
    assert!(at(2.0, Fit::default().epochs(2).advice(false).silence(AdviceKind::Scale)).is_empty());
}

#[test]
fn losses_that_rise_or_swing_are_seen_at_the_end() {
    let text = |losses: &[f64]| of_losses(losses, 0.1).map(|a| a.to_string());
    assert_eq!(text(&[3.0, 2.0, 1.0, 0.5, 0.4, 0.3]), None);
    assert_eq!(text(&[1.0, 9.0, 1.0]), None, "too few");
    assert_eq!(
        text(&[1.0, 1.2, 1.3, 1.4, 1.6, 2.0]).unwrap(),
        "Advice: the loss rose from 1 in the first epoch to 2 in the last: the learning rate, 0.1, is likely to be far too high; try 0.01"
    );
    assert_eq!(
        text(&[1.0, 0.8, 1.1, 0.7, 1.2, 0.9]).unwrap(),
        "Advice: the loss goes up and down, by more than a tenth upwards after 2 of 6 epochs: the learning rate, 0.1, is likely to be far too \
         high; try 0.01"
    );
    // Near its end it may.
    assert_eq!(text(&[10.0, 0.1, 0.2, 0.1, 0.2, 0.1]), None);
}

#[test]
fn looking_changes_nothing() {
    let layers = || -> Vec<Box<dyn Layer>> {
        vec![
            Input::new([3]).into(),
            Dense::new(6).activation(Activation::Relu).into(),
            BatchNormalization::new().into(),
            Dropout::new(0.3).into(),
            Dense::new(1).into(),
        ]
    };
    let (x, y) = (inputs(40, 3), column(noise(40, 1).into_iter()));
    let train = |advice| {
        let mut m = model(layers(), Sgd::default(), MeanSquaredError::default());
        let mut heard = Vec::new();
        let history = m.fit(&x, &y, Fit::default().epochs(3).advice(advice).progress(Told(&mut heard))).unwrap();
        let weights = m.get_weights();
        (history["loss"].to_vec(), weights.iter().map(|w| w.f32_values().into_owned()).collect::<Vec<_>>())
    };
    assert_eq!(train(true), train(false));
}

#[test]
fn numbers_are_short() {
    let cases = [(0.0, "0"), (2.0, "2"), (-0.021_34, "-0.0213"), (81_200.4, "81200"), (5.3e-9, "5.3e-9"), (99.96, "100"), (3e12, "3.0e12")];
    for (value, text) in cases {
        assert_eq!(short(value), text);
    }
}
