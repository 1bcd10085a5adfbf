//! A straight line, learned by gradient descent: the smallest network there is.
//!
//! One neuron with one input and no activation computes `y = m x + b`. Training looks for the slope `m` and the intercept `b` that
//! make the mean squared error over all cars as small as possible. For a line there is also a formula that gives the answer at once;
//! it stands beside, so that we can see how close gradient descent comes.
//!
//!     cargo run --release -p adaline --example line [FOLDER FOR THE FIGURE]
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::data::{Table, TableOptions};
use adaline::prelude::*;
use adaline::report::figure::CurveChart;
use std::error::Error;
use std::path::{Path, PathBuf};

/// The road that gradient descent took, and where it ended.
struct Line {
    slope: f32,
    intercept: f32,
    /// Mean squared error before each step.
    losses: Vec<f64>,
    steps: usize,
    last_step_size: f32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (x, y) = cars()?;
    println!("{} cars: x is the weight in 1,000 pounds, less 3; y is miles per gallon", x.len());

    let learned = descend(&x, &y)?;
    let (m, b) = least_squares(&x, &y);
    println!();
    println!("                    m          b       RMSE");
    for (name, m, b) in [("descent", learned.slope.into(), learned.intercept.into()), ("formula", m, b)] {
        println!("{name:<10} {m:>10.4} {b:>10.4} {:>10.4}", rmse(&x, &y, m, b));
    }
    println!();
    println!("stopped after {} steps, when the largest step was {:.6}", learned.steps, learned.last_step_size);
    println!("1,000 pounds more cost {:.1} miles per gallon; a car of 3,000 pounds gets {:.1}", -learned.slope, learned.intercept);

    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("line-loss.svg");
    std::fs::write(&file, CurveChart::new("loss", &learned.losses, None).figure().to_svg())?;
    println!("the loss over the steps is drawn in {}", file.display());
    Ok(())
}

/// Weight and mileage of every car whose mileage is known.
///
/// The weight counts from 3,000 pounds, near the mean. So `m` and `b` hardly depend on each other, and one learning rate suits both: with
/// raw pounds the error would be a long narrow valley, along which gradient descent creeps.
fn cars() -> Result<(Vec<f32>, Vec<f32>), Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/auto_mpg.csv");
    let table = Table::read(file, &TableOptions::default())?;
    let numbers = |name| -> Result<&[f64], Box<dyn Error>> { Ok(table.column(name)?.numbers().ok_or("a column of numbers")?) };
    let pairs = numbers("weight")?.iter().zip(numbers("mpg")?);
    // a mileage that is not known reads as NaN
    Ok(pairs.filter(|(_, mpg)| mpg.is_finite()).map(|(pounds, mpg)| ((pounds / 1000.0 - 3.0) as f32, *mpg as f32)).unzip())
}

/// Full-batch gradient descent from m = 0, b = 0, until no parameter moves by more than 0.001 in a step, for 1,000 steps at most.
fn descend(x: &[f32], y: &[f32]) -> Result<Line, Box<dyn Error>> {
    let (step_size, max_steps) = (0.001, 1000);
    let mut model =
        Sequential::new().add(Input::new([1])).add(Dense::new(1).name("line").kernel_initializer(Initializer::Zeros)).build(Seed(1))?;
    // step = learning rate × gradient
    model.compile(SGD::new(0.1), MeanSquaredError::default(), ())?;

    let n = x.len();
    let inputs = Tensor::f32([n, 1], x.to_vec())?; // (B, 1)
    let targets = Tensor::f32([n, 1], y.to_vec())?;
    let mut stop = GradientDescentStop::new(step_size, max_steps);
    // All rows in one batch: every epoch is exactly one step, along the gradient of the whole data.
    let history = model.fit(&inputs, &targets, Fit::default().epochs(max_steps).batch_size(n).callback(&mut stop).verbose(0))?;

    Ok(Line {
        slope: model.weight("line/kernel")?.f32_values()[0],
        intercept: model.weight("line/bias")?.f32_values()[0],
        losses: history["loss"].to_vec(),
        steps: stop.steps(),
        last_step_size: stop.last_step_size(),
    })
}

/// The line with the least squared error, from the formula: m = cov(x, y) / var(x), and the line runs through the mean of both.
fn least_squares(x: &[f32], y: &[f32]) -> (f64, f64) {
    let mean = |v: &[f32]| v.iter().map(|v| f64::from(*v)).sum::<f64>() / v.len() as f64;
    let (x_mean, y_mean) = (mean(x), mean(y));
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let dx = f64::from(*x) - x_mean;
        covariance += dx * (f64::from(*y) - y_mean);
        variance += dx * dx;
    }
    let m = covariance / variance;
    (m, y_mean - m * x_mean)
}

/// Root of the mean squared error of a line: how far it is off, in miles per gallon.
fn rmse(x: &[f32], y: &[f32], m: f64, b: f64) -> f64 {
    let squares = x.iter().zip(y).map(|(x, y)| (f64::from(*y) - (m * f64::from(*x) + b)).powi(2));
    (squares.sum::<f64>() / x.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descent_ends_next_to_the_formula() -> Result<(), Box<dyn Error>> {
        let (x, y) = cars()?;
        assert_eq!(x.len(), 398);
        let learned = descend(&x, &y)?;
        let (m, b) = least_squares(&x, &y);
        assert!((f64::from(learned.slope) - m).abs() < 0.02, "m {} and {m}", learned.slope);
        assert!((f64::from(learned.intercept) - b).abs() < 0.02, "b {} and {b}", learned.intercept);
        // Nothing can be better than the formula, and descent is not much worse.
        let (descent, formula) = (rmse(&x, &y, learned.slope.into(), learned.intercept.into()), rmse(&x, &y, m, b));
        assert!(formula <= descent + 1e-6 && descent < formula + 1e-3, "{descent} and {formula}");
        Ok(())
    }

    #[test]
    fn it_stops_when_the_steps_are_small() -> Result<(), Box<dyn Error>> {
        let (x, y) = cars()?;
        let learned = descend(&x, &y)?;
        assert!(learned.steps < 1000 && learned.last_step_size <= 0.001, "{} steps, the last {}", learned.steps, learned.last_step_size);
        assert_eq!(learned.losses.len(), learned.steps);
        assert!(learned.losses.windows(2).all(|w| w[1] <= w[0]), "with a learning rate this small the loss never rises");
        Ok(())
    }

    #[test]
    fn points_on_a_line_are_found_exactly() {
        let x = [0.0, 1.0, 2.0, 3.0];
        let (m, b) = least_squares(&x, &x.map(|x| 2.0 * x - 1.0));
        assert!((m - 2.0).abs() < 1e-12 && (b + 1.0).abs() < 1e-12);
    }
}
