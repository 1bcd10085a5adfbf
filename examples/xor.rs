//! Exclusive or: the problem that one neuron cannot solve and three can (mostly).
//!
//! One neuron draws one straight line between yes and no, but no line parts (0, 1) and (1, 0) from (0, 0) and (1, 1). A hidden layer in
//! front bends the plane first. Softplus, ln(1 + eˣ), is a smooth bend, so every neuron gets a gradient everywhere.
//!
//!     cargo run --release -p adaline --example xor [HIDDEN UNITS]
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::prelude::*;
use std::error::Error;

const INPUTS: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
const LABELS: [[f32; 1]; 4] = [[0.0], [1.0], [1.0], [0.0]];

/// With 2 hidden units 15 of 20 random beginnings find the way and the others get stuck, with 3 it is 19, from 4 on all 20.
const HIDDEN: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let hidden = std::env::args().nth(1).map_or(Ok(HIDDEN), |n| n.parse())?;
    println!("two inputs -> {hidden} softplus -> one sigmoid");
    let (predictions, losses) = train(hidden, 7)?;
    for (epoch, loss) in losses.iter().enumerate().filter(|(e, _)| e % 100 == 0 || e + 1 == losses.len()) {
        println!("epoch {:>4}: loss {loss:.4}", epoch + 1);
    }
    for ((input, label), p) in INPUTS.iter().zip(LABELS).zip(&predictions) {
        println!("{} xor {} = {}   predicted {p:.3}", input[0], input[1], label[0]);
    }

    // Which beginning is lucky? Each seed gives other first weights.
    let mut solved = 0;
    for seed in 1..=20 {
        solved += u32::from(right(&train(hidden, seed)?.0) == 4);
    }
    println!("{solved} of 20 seeds get all four right");
    Ok(())
}

/// Trains from the first weights of a seed. Gives the four predictions and the losses of the epochs.
fn train(hidden: usize, seed: u64) -> Result<(Vec<f32>, Vec<f64>), Box<dyn Error>> {
    let mut model = Sequential::new()
        .add(Input::new([2]))
        .add(Dense::new(hidden).activation(Activation::Softplus))
        .add(Dense::new(1).activation(Activation::Sigmoid)) // the probability of a yes
        .build(Seed(seed))?;
    model.compile(Adam::new(0.05), BinaryCrossentropy::default(), ())?;
    let (x, y) = (Tensor::from(INPUTS), Tensor::from(LABELS));
    let history = model.fit(&x, &y, Fit::default().epochs(500).batch_size(4).verbose(0))?;
    Ok((model.predict(&x)?.f32_values().into_owned(), history["loss"].to_vec()))
}

/// How many predictions are on the right side of one half.
fn right(predictions: &[f32]) -> usize {
    predictions.iter().zip(LABELS).filter(|(p, label)| (**p > 0.5) == (label[0] > 0.5)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_gets_all_four_right() -> Result<(), Box<dyn Error>> {
        for seed in 1..=20 {
            let (predictions, losses) = train(HIDDEN, seed)?;
            assert_eq!(right(&predictions), 4, "seed {seed}: {predictions:?}");
            assert!(losses.last() < losses.first(), "seed {seed}");
        }
        Ok(())
    }

    #[test]
    fn the_same_seed_gives_the_same_bits() -> Result<(), Box<dyn Error>> {
        let bits = |predictions: Vec<f32>| predictions.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(train(HIDDEN, 3)?.0), bits(train(HIDDEN, 3)?.0));
        Ok(())
    }

    #[test]
    fn no_single_neuron_can() -> Result<(), Box<dyn Error>> {
        let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1).activation(Activation::Sigmoid)).build(Seed(1))?;
        model.compile(Adam::new(0.05), BinaryCrossentropy::default(), ())?;
        let (x, y) = (Tensor::from(INPUTS), Tensor::from(LABELS));
        model.fit(&x, &y, Fit::default().epochs(500).batch_size(4).verbose(0))?;
        assert!(right(&model.predict(&x)?.f32_values()) < 4);
        Ok(())
    }
}
