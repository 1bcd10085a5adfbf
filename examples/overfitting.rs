//! Overfitting, shown and cured.
//!
//! 300 pictures of digits, a fifth of them with a wrong label, as in data that was labelled in a hurry. A large network learns them all by
//! heart, mistakes included: its loss on them falls to nothing, while its loss on pictures that it never saw falls at first and then
//! rises. Two cures together: dropout switches off half of the neurons at random in every step, so that none can rely on its
//! neighbours, and L2 makes large weights expensive. What is then left to learn is what many pictures have in common.
//!
//!     cargo run --release -p adaline --example overfitting [FOLDER FOR THE FIGURES]
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::data::{Table, TableOptions};
use adaline::nn::metrics;
use adaline::nn::model::log_value;
use adaline::prelude::*;
use adaline::report::figure::CurveChart;
use std::error::Error;
use std::path::{Path, PathBuf};

const EPOCHS: usize = 200;
/// Pictures to learn from.
const ROWS: usize = 300;
/// Every so many pictures to learn from has a wrong label.
const WRONG: usize = 5;

/// Pictures `(N, 64)` and labels `(N)`, to learn from and to judge by.
struct Data {
    x: Tensor,
    y: Tensor,
    x_unseen: Tensor,
    y_unseen: Tensor,
}

/// Cross-entropy over the epochs, and how the network ended.
struct Course {
    training: Vec<f64>,
    validation: Vec<f64>,
    /// Cross-entropy on the rows it learned from, with all neurons at work.
    seen: f64,
    /// The same on rows that it never saw.
    unseen: f64,
    /// Share of the rows it never saw that it gets right.
    accuracy: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = digits()?;
    println!("{} pictures to learn from, every {WRONG}th with a wrong label; {} to judge by", data.x.rows(), data.x_unseen.rows());
    let (ill, cured) = (train(&data, false, 1)?, train(&data, true, 1)?);

    println!();
    println!("cross-entropy      by heart                 with dropout and L2");
    println!("       epoch  training  validation      training  validation");
    for epoch in (0..EPOCHS).filter(|e| [1, 5, 10].contains(&(e + 1)) || (e + 1) % 25 == 0) {
        let row = [&ill.training, &ill.validation, &cured.training, &cured.validation].map(|curve| curve[epoch]);
        println!("       {:>5}  {:>8.4}  {:>10.4}      {:>8.4}  {:>10.4}", epoch + 1, row[0], row[1], row[2], row[3]);
    }
    println!();
    for (name, course) in [("by heart", &ill), ("cured", &cured)] {
        let Course { seen, unseen, accuracy, .. } = course;
        println!("{name:<9} seen {seen:.4}, unseen {unseen:.4}, gap {:.4}; {:.1} % of the unseen right", unseen - seen, 100.0 * accuracy);
    }

    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    for (name, course) in [("overfitting.svg", &ill), ("overfitting-cured.svg", &cured)] {
        let file = folder.join(name);
        std::fs::write(&file, CurveChart::new("cross-entropy", &course.training, Some(&course.validation)).figure().to_svg())?;
        println!("curves are drawn in {}", file.display());
    }
    Ok(())
}

/// Two hidden layers of 128, with or without the cures.
fn train(data: &Data, cure: bool, seed: u64) -> Result<Course, Box<dyn Error>> {
    let hidden = || {
        let layer = Dense::new(128).activation(Activation::Relu);
        if cure { layer.kernel_regularizer(L2(0.003)) } else { layer }
    };
    let dropout = || Dropout::new(if cure { 0.5 } else { 0.0 });
    let mut model = Sequential::new()
        .add(Input::new([64]))
        .add(hidden())
        .add(dropout())
        .add(hidden())
        .add(dropout())
        .add(Dense::new(10).activation(Activation::Softmax))
        .build(Seed(seed))?;
    // The loss that is trained on contains the price of the weights; the metric is the cross-entropy alone, so that both can be compared.
    let measured = metrics::SparseCategoricalCrossentropy::new().name("crossentropy");
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), (measured, Accuracy::default()))?;

    let Data { x, y, x_unseen, y_unseen } = data;
    let options = Fit::default().epochs(EPOCHS).batch_size(20).validation_data(x_unseen, y_unseen).validation_batch_size(500).verbose(0);
    let history = model.fit(x, y, options)?;
    let (seen, unseen) = (model.evaluate(x, y, Evaluate::default())?, model.evaluate(x_unseen, y_unseen, Evaluate::default())?);
    let value = |logs: &[(String, f64)], name| log_value(logs, name).ok_or("it is measured");
    Ok(Course {
        training: history["crossentropy"].to_vec(),
        validation: history["val_crossentropy"].to_vec(),
        seen: value(&seen, "crossentropy")?,
        unseen: value(&unseen, "crossentropy")?,
        accuracy: value(&unseen, "accuracy")?,
    })
}

/// `datasets/digits.csv`: 300 rows to learn from, every fifth with a wrong label, and the other 1,497, all with the right one.
fn digits() -> Result<Data, Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/digits.csv");
    let table = Table::read(file, &TableOptions::default())?;
    let columns = table.columns().iter().map(|c| c.numbers().ok_or("a column of numbers")).collect::<Result<Vec<_>, _>>()?;
    let (labels, pixels) = columns.split_last().ok_or("columns")?;

    // A step that has no divisor in common with 1,797 visits every row once, well mixed.
    let n = table.rows();
    let order: Vec<usize> = (0..n).map(|i| i * 1013 % n).collect();
    let x = Tensor::f32([n, 64], order.iter().flat_map(|&row| pixels.iter().map(move |p| p[row] as f32 / 16.0)).collect())?;
    let mut y: Vec<i32> = order.iter().map(|&row| labels[row] as i32).collect();
    for label in y[..ROWS].iter_mut().step_by(WRONG) {
        *label = (*label + 3) % 10;
    }
    let y = Tensor::from(y);
    Ok(Data { x: x.slice_rows(0..ROWS)?, y: y.slice_rows(0..ROWS)?, x_unseen: x.slice_rows(ROWS..n)?, y_unseen: y.slice_rows(ROWS..n)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cure_closes_the_gap() -> Result<(), Box<dyn Error>> {
        let data = digits()?;
        assert_eq!((data.x.shape(), data.x_unseen.shape()), (&[300, 64][..], &[1497, 64][..]));
        let (ill, cured) = (train(&data, false, 1)?, train(&data, true, 1)?);
        // The illness: training loss falls to nothing, validation loss falls and then rises.
        assert!(ill.seen < 0.02, "seen {}", ill.seen);
        let best = ill.validation.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(ill.unseen > 1.5 * best, "best {best}, at the end {}", ill.unseen);
        assert!(ill.validation[0] > best);
        // The cure.
        assert!(cured.unseen < 0.8 * ill.unseen, "{} and {}", cured.unseen, ill.unseen);
        assert!(cured.unseen - cured.seen < 0.5 * (ill.unseen - ill.seen));
        assert!(cured.accuracy > ill.accuracy + 0.02, "{} and {}", cured.accuracy, ill.accuracy);
        Ok(())
    }
}
