//! Gradient accumulation: a large batch in small pieces.
//!
//! A batch that does not fit into memory can be cut into micro-batches: their gradients are summed, and only after the last one the weights
//! move, along the mean. Since the gradient of a mean is the mean of the gradients, this is the same step as with the whole batch,
//! up to the rounding of sums taken in another order.
//!
//!     cargo run --release -p adaline --example accumulation
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::data::{Table, TableOptions};
use adaline::prelude::*;
use std::error::Error;
use std::path::Path;

/// Rows of a micro-batch.
const MICRO: usize = 6;
/// Micro-batches in one step.
const PIECES: usize = 5;
/// Steps that move the weights: each takes `MICRO * PIECES` rows, so these see the 150 flowers four times.
const STEPS: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let (x, y) = flowers()?;
    println!("{STEPS} steps over batches of {} rows, whole or as {PIECES} micro-batches of {MICRO}", MICRO * PIECES);
    for momentum in [0.0, 0.9] {
        let (whole, pieces) = (train_whole(&x, &y, momentum)?, train_in_pieces(&x, &y, momentum)?);
        println!();
        println!("SGD with momentum {momentum}: {} and {} updates of the weights", whole.iterations(), pieces.iterations());
        for (name, difference, moved) in compare(&whole, &pieces)? {
            println!("  {name:<16} moved by up to {moved:.4}, largest difference {difference:.1e}");
        }
    }
    Ok(())
}

/// Iris: four measurements of each flower `(150, 4)`, and its species, one-hot `(150, 3)`.
fn flowers() -> Result<(Tensor, Tensor), Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/iris.csv");
    let table = Table::read(file, &TableOptions::default())?;
    let measured: Vec<&[f64]> = table.columns().iter().filter_map(|column| column.numbers()).collect();
    let rows = (0..table.rows()).flat_map(|row| measured.iter().map(move |column| column[row] as f32)).collect();
    let number = |name| ["setosa", "versicolor", "virginica"].iter().position(|s| Some(*s) == name).ok_or("a species");
    let species = table.column("species")?.iter().map(|name| Ok(number(name)? as i32)).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    // The table is sorted by species; 37 and 150 have no common divisor, so this takes each flower once, well mixed.
    let mixed: Vec<usize> = (0..150).map(|i| i * 37 % 150).collect();
    let x = Tensor::f32([150, 4], rows)?.take_rows(&mixed)?;
    let y = to_categorical(&Tensor::from(species), Some(3))?.take_rows(&mixed)?;
    Ok((x, y))
}

/// The network, always with the same first weights.
fn network(optimizer: SGD) -> Result<Model, Box<dyn Error>> {
    let mut model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(8).name("hidden").activation(Activation::Tanh))
        .add(Dense::new(3).name("species").activation(Activation::Softmax))
        .build(Seed(3))?;
    model.compile(optimizer, CategoricalCrossentropy::default(), ())?;
    Ok(model)
}

/// One update per batch of `MICRO * PIECES` rows.
fn train_whole(x: &Tensor, y: &Tensor, momentum: f64) -> Result<Model, Box<dyn Error>> {
    let mut model = network(SGD::new(0.1).momentum(momentum))?;
    walk(&mut model, x, y, MICRO * PIECES, STEPS)?;
    Ok(model)
}

/// The same rows in batches of `MICRO`; the optimizer waits until it has seen `PIECES` of them.
fn train_in_pieces(x: &Tensor, y: &Tensor, momentum: f64) -> Result<Model, Box<dyn Error>> {
    let mut model = network(SGD::new(0.1).momentum(momentum).gradient_accumulation_steps(PIECES as u32))?;
    walk(&mut model, x, y, MICRO, STEPS * PIECES)?;
    Ok(model)
}

/// Trains on batch after batch, in the order of the rows.
fn walk(model: &mut Model, x: &Tensor, y: &Tensor, batch: usize, batches: usize) -> Result<(), Box<dyn Error>> {
    for step in 0..batches {
        let from = step * batch % x.rows();
        model.train_on_batch(&x.slice_rows(from..from + batch)?, &y.slice_rows(from..from + batch)?, None)?;
    }
    Ok(())
}

/// A weight's name, the largest difference between two networks, and how far training moved it.
type Comparison = (String, f32, f32);

/// Compares two networks weight by weight.
fn compare(whole: &Model, pieces: &Model) -> Result<Vec<Comparison>, Box<dyn Error>> {
    let first = network(SGD::default())?;
    let largest = |a: &Tensor, b: &Tensor| a.f32_values().iter().zip(b.f32_values().iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let each = |name: String| {
        let (a, b) = (whole.weight(&name)?, pieces.weight(&name)?);
        let moved = largest(&a, &first.weight(&name)?);
        Ok((name, largest(&a, &b), moved))
    };
    whole.weight_names().into_iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_equal_the_whole() -> Result<(), Box<dyn Error>> {
        let (x, y) = flowers()?;
        for momentum in [0.0, 0.9] {
            let (whole, pieces) = (train_whole(&x, &y, momentum)?, train_in_pieces(&x, &y, momentum)?);
            assert_eq!((whole.iterations(), pieces.iterations()), (STEPS as u32, STEPS as u32));
            for (name, difference, moved) in compare(&whole, &pieces)? {
                assert!(difference < 2e-5, "{name} differs by {difference} with momentum {momentum}");
                assert!(moved > 1e-2, "{name} hardly moved ({moved}): the comparison would say nothing");
            }
        }
        Ok(())
    }

    #[test]
    fn between_updates_the_weights_rest() -> Result<(), Box<dyn Error>> {
        let (x, y) = flowers()?;
        let mut model = network(SGD::new(0.1).gradient_accumulation_steps(PIECES as u32))?;
        let before = model.get_weights();
        walk(&mut model, &x, &y, MICRO, PIECES - 1)?;
        assert_eq!(model.get_weights(), before);
        walk(&mut model, &x, &y, MICRO, 1)?;
        assert_ne!(model.get_weights(), before);
        Ok(())
    }

    #[test]
    fn small_steps_are_not_the_same_as_one_large_one() -> Result<(), Box<dyn Error>> {
        // Without accumulation, five small batches are five updates: the networks must differ visibly.
        let (x, y) = flowers()?;
        let whole = train_whole(&x, &y, 0.0)?;
        let mut small = network(SGD::new(0.1))?;
        walk(&mut small, &x, &y, MICRO, STEPS * PIECES)?;
        assert!(compare(&whole, &small)?.iter().any(|(_, difference, _)| *difference > 1e-2));
        Ok(())
    }
}
