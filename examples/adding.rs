//! The adding problem: what a recurrent network remembers over 100 steps.
//!
//! A sequence has two numbers a step: one at random from 0 to 1, and a mark. Two steps are marked, one in the first half, one in the second, and
//! the answer is the sum of the two marked numbers, asked for at the end. Whoever forgets answers 1 each time and is off by 0.167 (mean of
//! squares). The task is that of Hochreiter and Schmidhuber, Long Short-Term Memory (1997), section 5.4.
//!
//!     cargo run --release -p adaline --example adding [STEPS]
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::graph::philox::Philox;
use adaline::prelude::*;
use std::error::Error;

/// Sequences to learn from, and sequences never seen.
const SEEN: usize = 20_000;
const UNSEEN: usize = 2_000;
/// Mean square of what is missing to the sum of two numbers from 0 to 1 if the answer is always 1: twice their variance of 1/12.
const FORGETFUL: f64 = 1.0 / 6.0;
/// When training may end.
const GOOD_ENOUGH: f64 = 0.001;

fn main() -> Result<(), Box<dyn Error>> {
    let steps = std::env::args().nth(1).map_or(Ok(100), |text| text.parse())?;
    if steps < 2 {
        return Err("a sequence needs two steps to mark".into());
    }
    let (train, test) = (sequences(SEEN, steps, 1)?, sequences(UNSEEN, steps, 2)?);
    println!("sums of two marked numbers among {steps}; always answering 1 is off by {FORGETFUL:.3} (mean of squares)");
    let mut model = network(steps, 1)?;
    println!("epoch  loss    unseen");
    for epoch in 1..=60 {
        let history = model.fit(&train.0, &train.1, Fit::default().epochs(1).verbose(0))?;
        let unseen = loss(&mut model, &test)?;
        println!("{epoch:5}  {:.4}  {unseen:.4}", history.get("loss").and_then(|l| l.last().copied()).unwrap_or(f64::NAN));
        if unseen < GOOD_ENOUGH {
            break;
        }
    }
    for row in 0..3 {
        let (x, y) = (test.0.slice_rows(row..row + 1)?, test.1.slice_rows(row..row + 1)?);
        println!("{} = {:.3}, it says {:.3}", marked(&x), numbers(&y)[0], numbers(&model.predict(&x)?)[0]);
    }
    Ok(())
}

/// `(B, steps, 2) -> (B, 1)`
fn network(steps: usize, seed: u64) -> adaline::nn::Result<Model> {
    let mut model = Sequential::new().add(Input::new([steps, 2])).add(LSTM::new(64)).add(Dense::new(1)).build(Seed(seed))?;
    model.compile(Adam::new(0.003).clipnorm(1.0), MeanSquaredError::default(), ())?;
    Ok(model)
}

/// Sequences `(rows, steps, 2)` of numbers and marks, and their answers `(rows, 1)`.
fn sequences(rows: usize, steps: usize, seed: u64) -> Result<(Tensor, Tensor), Box<dyn Error>> {
    let random = Philox::new(seed, 0, 0);
    let (mut x, mut y) = (vec![0.0; rows * steps * 2], vec![0.0; rows]);
    for (row, answer) in y.iter_mut().enumerate() {
        let at = |i: usize| random.uniform((row * (steps + 2) + i) as u64);
        let half = steps / 2;
        let marks = [(at(steps) * half as f32) as usize, half + (at(steps + 1) * (steps - half) as f32) as usize];
        for step in 0..steps {
            let place = (row * steps + step) * 2;
            x[place] = at(step);
            if marks.contains(&step) {
                x[place + 1] = 1.0;
                *answer += at(step);
            }
        }
    }
    Ok((Tensor::f32([rows, steps, 2], x)?, Tensor::f32([rows, 1], y)?))
}

/// Mean square of what is missing to the answers.
fn loss(model: &mut Model, (x, y): &(Tensor, Tensor)) -> adaline::nn::Result<f64> {
    let told = model.evaluate(x, y, Evaluate::default())?;
    Ok(told.first().map_or(f64::NAN, |(_, loss)| *loss))
}

fn numbers(x: &Tensor) -> &[f32] {
    x.as_f32().unwrap_or_default()
}

/// The marked numbers of one sequence: `0.123 + 0.456`.
fn marked(x: &Tensor) -> String {
    let numbers: Vec<String> = numbers(x).chunks(2).filter(|step| step[1] == 1.0).map(|step| format!("{:.3}", step[0])).collect();
    numbers.join(" + ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_sums_of_the_marked_numbers() {
        let (x, y) = sequences(50, 11, 3).unwrap();
        for (sequence, answer) in numbers(&x).chunks(22).zip(numbers(&y)) {
            let marks: Vec<usize> = (0..11).filter(|&t| sequence[2 * t + 1] == 1.0).collect();
            assert!(marks.len() == 2 && marks[0] < 5 && marks[1] >= 5, "{marks:?}");
            assert!((marks.iter().map(|&t| sequence[2 * t]).sum::<f32>() - answer).abs() < 1e-6);
        }
    }

    #[test]
    fn short_sequences_are_learned_better_than_by_the_forgetful() {
        let (x, y) = sequences(1000, 6, 4).unwrap();
        let mut model = network(6, 1).unwrap();
        model.fit(&x, &y, Fit::default().epochs(24).verbose(0)).unwrap();
        let off = loss(&mut model, &sequences(200, 6, 5).unwrap()).unwrap();
        assert!(off < FORGETFUL / 3.0, "{off}");
    }
}
