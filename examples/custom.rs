//! A layer and a loss of one's own: a gated layer, and errors that cost more upwards than downwards.
//!
//!     cargo run --release -p adaline --example custom
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::nn::{WeightSpec, losses};
use adaline::prelude::*;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("share of predictions above the truth: {:.2}", trained()?);
    Ok(())
}

/// Learns what only one value in ten exceeds; gives the share of predictions that are too high.
fn trained() -> Result<f32, Box<dyn Error>> {
    let x = Tensor::f32([400, 2], (0..800).map(|i| (i as f32 * 1.7).sin()).collect())?;
    let y = Tensor::f32([400, 1], (0..400).map(|i| (i as f32 * 3.4).sin() + (i as f32 * 0.9).cos()).collect())?;
    let gate = CustomLayer::new("gate", |cx, inputs| {
        let w = cx.weight("kernel", &[inputs[0].dim(-1), 16], &WeightSpec::new(Initializer::glorot_uniform()));
        let h = inputs[0].matmul(w); // (B, 16)
        h * h.sigmoid()
    });
    let ninth_of_ten = losses::Custom::new("pinball", |y_true, y_pred| {
        let e = y_true - y_pred; // (B, 1)
        (e * 0.9).maximum(e * -0.1).mean(&[-1], false)
    });
    let mut model = Sequential::new().add(Input::new([2])).add(gate).add(Dense::new(1)).build(Seed(1))?;
    model.compile(Adam::new(0.01), ninth_of_ten, ())?;
    model.fit(&x, &y, Fit::default().epochs(60).verbose(0))?;
    let above = model.predict(&x)?.f32_values().iter().zip(y.f32_values().iter()).filter(|(p, y)| p > y).count();
    Ok(above as f32 / 400.0)
}

#[test]
fn nine_of_ten_predictions_are_above() -> Result<(), Box<dyn Error>> {
    let share = trained()?;
    assert!((0.85..=0.95).contains(&share), "{share}");
    Ok(())
}
