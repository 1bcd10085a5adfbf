//! A graph of layers: two inputs, a residual trunk that both go through, two outputs with a loss each.
//!
//! The trunk is a network of its own and is called twice with the same weights. One output says how far two points are apart, the other in which of
//! four directions the second lies.
//!
//!     cargo run --release -p adaline --example functional
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::nn::model::Logs;
use adaline::prelude::*;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let (model, scores) = trained(30)?;
    println!("{}", model.summary_expanded()?);
    for (name, value) in scores {
        println!("{name}: {value:.4}");
    }
    Ok(())
}

fn network() -> Result<Functional, Box<dyn Error>> {
    // x -> x + dense(x), twice, in one width.
    let x = Input::new([16]).tensor();
    let mut y = x.clone();
    for _ in 0..2 {
        let h = Dense::new(16).activation(Activation::Relu).apply(&LayerNormalization::new().apply(&y));
        y = Add::new().apply([&y, &h]);
    }
    let trunk = Functional::new(&x, &y)?.name("trunk").shared();
    let lift = Dense::new(16).name("lift").shared();

    let (a, b) = (Input::new([2]).name("from").tensor(), Input::new([2]).name("to").tensor());
    let [from, to] = [&a, &b].map(|point| trunk.apply(&lift.apply(point)));
    let both = Dense::new(32).activation(Activation::Relu).apply(&Concatenate::new().apply([&from, &to]));
    let distance = Dense::new(1).name("distance").apply(&both);
    let direction = Dense::new(4).activation(Activation::Softmax).name("direction").apply(&both);
    Ok(Functional::new([&a, &b], [&distance, &direction])?)
}

fn trained(epochs: usize) -> Result<(Model, Logs), Box<dyn Error>> {
    const ROWS: usize = 1_000;
    let points = |speed: f32| -> Vec<f32> { (0..2 * ROWS).map(|i| (i as f32 * speed).sin()).collect() };
    let (from, to) = (points(1.7), points(2.9));
    let apart: Vec<[f32; 2]> = from.chunks(2).zip(to.chunks(2)).map(|(a, b)| [b[0] - a[0], b[1] - a[1]]).collect();
    let distance = Tensor::f32([ROWS, 1], apart.iter().map(|d| d[0].hypot(d[1])).collect())?;
    let direction: Vec<i32> = apart.iter().map(|d| i32::from(d[0] > 0.0) + 2 * i32::from(d[1] > 0.0)).collect();
    let (from, to, direction) = (Tensor::f32([ROWS, 2], from)?, Tensor::f32([ROWS, 2], to)?, Tensor::from(direction));

    let mut model = network()?.build(Seed(3))?;
    model.compile_outputs(
        Adam::new(0.005),
        [
            ("distance", Objective::new(MeanSquaredError::default()).weight(0.5)),
            ("direction", Objective::new(SparseCategoricalCrossentropy::default()).metrics([Accuracy::default()])),
        ],
    )?;
    let (train, test) = (0..800, 800..ROWS);
    let [x1, x2, y1, y2] = [&from, &to, &distance, &direction].map(|t| t.slice_rows(train.clone()));
    model.fit([&x1?, &x2?], [&y1?, &y2?], Fit::default().epochs(epochs).verbose(0))?;
    let [x1, x2, y1, y2] = [&from, &to, &distance, &direction].map(|t| t.slice_rows(test.clone()));
    // By name, where an order would have to be remembered.
    let (x1, x2, y1, y2) = (x1?, x2?, y1?, y2?);
    let inputs = Inputs::new().with("from", &x1).with("to", &x2);
    let labels = Labels::new().with("distance", &y1).with("direction", &y2);
    let scores = model.evaluate(inputs, labels, Evaluate::default())?;
    Ok((model, scores))
}

#[test]
fn both_outputs_are_learned_and_a_file_brings_the_same_bits() -> Result<(), Box<dyn Error>> {
    let (mut model, scores) = trained(20)?;
    let score = |name: &str| scores.iter().find(|s| s.0 == name).map_or(f64::NAN, |s| s.1);
    assert!(score("direction_accuracy") > 0.9 && score("distance_loss") < 0.05, "{scores:?}");
    let path = std::env::temp_dir().join(format!("adaline-functional-{}.keras", std::process::id()));
    model.save(&path)?;
    let mut loaded = load_model(&path)?;
    std::fs::remove_file(&path)?;
    let (a, b) = (Tensor::from([[0.1f32, 0.2]]), Tensor::from([[0.9f32, -0.4]]));
    assert_eq!(model.predict_all([&a, &b], 1)?, loaded.predict_all([&a, &b], 1)?);
    Ok(())
}
