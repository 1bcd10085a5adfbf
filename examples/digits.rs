//! Handwritten digits, end to end: load, look, prepare, build, train, measure, save, load again.
//!
//! Each row of `datasets/digits.csv` is a picture of 8 × 8 pixels from 0 (paper) to 16 (ink), followed by the digit it shows.
//!
//!     cargo run --release -p adaline --example digits [FOLDER FOR THE MODEL]
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::data::{KFold, Table, TableOptions, stratified_split};
use adaline::nn::model::cross_validate;
use adaline::prelude::*;
use std::error::Error;
use std::path::{Path, PathBuf};

const SIDE: usize = 8;
const CLASSES: usize = 10;
const EPOCHS: usize = 30;
const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    // 1. Load: pixels (N, 64), labels (N).
    let (pixels, labels) = load()?;
    println!("{} pictures of {} pixels", pixels.rows(), pixels.row_len());

    // 2. Look: always look at the data before training on it.
    println!("the first shows a {}:\n{}", labels[0], draw(&pixels.row(0)?));
    for (digit, count) in counts(&labels).iter().enumerate() {
        println!("  {digit}: {count:>3} {}", "#".repeat(count / 10));
    }

    // 3. Reshape, normalize, encode: pictures (N, 8, 8) with values from 0 to 1, labels as rows with a single 1 (N, 10).
    let (x, y) = prepare(pixels, &labels)?;
    println!("x {:?} from {:?} to {:?}, y {:?}", x.shape(), x.min().unwrap_or(0.0), x.max().unwrap_or(0.0), y.shape());

    // 4. Put a fifth aside for the end. Neither training nor any choice of ours may look at it.
    let (split, _) = stratified_split(&labels, 0.2, SEED)?;
    let (x_train, y_train) = (x.take_rows(&split.train)?, y.take_rows(&split.train)?);
    let (x_test, y_test) = (x.take_rows(&split.test)?, y.take_rows(&split.test)?);

    // 5. Is this a good network? Five folds of the training rows tell, each judged by rows that it was not trained on.
    let labels_train: Vec<i32> = split.train.iter().map(|&row| labels[row]).collect();
    let scores = fold_scores(&x_train, &y_train, &labels_train)?;
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    println!("accuracy of 5 folds: {} -> mean {mean:.4}", scores.iter().map(|s| format!("{s:.4}")).collect::<Vec<_>>().join(" "));

    // 6. Yes. Train it on all training rows.
    let mut model = network(SEED)?;
    println!("{}", model.summary()?);
    let history = model.fit(&x_train, &y_train, options())?;
    for epoch in [0, 4, 9, 19, EPOCHS - 1] {
        println!("epoch {:>2}: loss {:.4}, accuracy {:.4}", epoch + 1, history["loss"][epoch], history["accuracy"][epoch]);
    }

    // 7. Measure, once.
    let result = model.evaluate(&x_test, &y_test, Evaluate::default())?;
    println!("test: loss {:.4}, accuracy {:.4}", result[0].1, result[1].1);

    // 8. Save, load, predict: the loaded network is the same network, to the last bit.
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("digits.keras");
    model.save(&file)?;
    let mut loaded = load_model(&file)?;
    let (before, after) = (model.predict(&x_test)?, loaded.predict(&x_test)?);
    println!("saved as {}; predictions after loading are {}", file.display(), if before == after { "the same" } else { "different" });
    let first = after.row(0)?;
    let (digit, probability) = most_probable(&first.f32_values());
    println!("the first test picture shows a {digit}, with probability {probability:.3}:\n{}", draw(&x_test.row(0)?.scale(16.0)));
    Ok(())
}

/// Pixels `(N, 64)` and labels `(N)`.
fn load() -> Result<(Tensor, Vec<i32>), Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/digits.csv");
    let table = Table::read(file, &TableOptions::default())?;
    let numbers = |name: &str| -> Result<&[f64], Box<dyn Error>> { Ok(table.column(name)?.numbers().ok_or("a column of numbers")?) };
    let columns = (0..SIDE * SIDE).map(|p| numbers(&format!("p{p}"))).collect::<Result<Vec<_>, _>>()?;
    let pixels = (0..table.rows()).flat_map(|row| columns.iter().map(move |column| column[row] as f32));
    let labels = numbers("digit")?.iter().map(|&digit| digit as i32).collect();
    Ok((Tensor::f32([table.rows(), SIDE * SIDE], pixels.collect())?, labels))
}

/// A picture as text: the more ink, the darker the sign.
fn draw(picture: &Tensor) -> String {
    let shade = |ink: &f32| [' ', '.', ':', '+', '#'][(ink / 3.5) as usize % 5];
    let line = |row: &[f32]| row.iter().flat_map(|ink| [shade(ink); 2]).collect::<String>();
    picture.f32_values().chunks(SIDE).map(line).collect::<Vec<_>>().join("\n")
}

/// How many pictures there are of each digit.
fn counts(labels: &[i32]) -> [usize; CLASSES] {
    let mut counts = [0; CLASSES];
    for &label in labels {
        counts[label as usize] += 1;
    }
    counts
}

/// Pictures `(N, 8, 8)` with values from 0 to 1, and one-hot labels `(N, 10)`.
fn prepare(pixels: Tensor, labels: &[i32]) -> Result<(Tensor, Tensor), Box<dyn Error>> {
    let x = pixels.reshape(&[-1, SIDE as isize, SIDE as isize])?.divide(16.0);
    let y = to_categorical(&Tensor::from(labels), Some(CLASSES))?;
    Ok((x, y))
}

/// The network, compiled, with first weights that follow from the seed.
fn network(seed: u64) -> adaline::nn::Result<Model> {
    let mut model = Sequential::new()
        .name("digits")
        .add(Input::new([SIDE, SIDE]))
        .add(Flatten::new()) // (B, 8, 8) -> (B, 64)
        .add(Dense::new(128).activation(Activation::Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(CLASSES).activation(Activation::Softmax))
        .build(Seed(seed))?;
    model.compile(Adam::new(0.002), CategoricalCrossentropy::default(), [Accuracy::default()])?;
    Ok(model)
}

fn options() -> Fit<'static> {
    Fit::default().epochs(EPOCHS).batch_size(32).verbose(0)
}

/// The accuracy of five fresh networks, each trained on four fifths of the rows and judged by the other fifth.
fn fold_scores(x: &Tensor, y: &Tensor, labels: &[i32]) -> Result<Vec<f64>, Box<dyn Error>> {
    let (folds, _) = KFold { k: 5, shuffle: true, seed: SEED }.stratified(labels)?;
    let results = cross_validate(&folds, x, y, |_| network(SEED), |_| options(), |_, _| Ok(()))?;
    Ok(results.score("accuracy").ok_or("accuracy is measured")?.folds.clone())
}

/// The class with the largest probability.
fn most_probable(probabilities: &[f32]) -> (usize, f32) {
    probabilities.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaline::nn::model::log_value;

    #[test]
    fn the_data_is_what_the_story_says() -> Result<(), Box<dyn Error>> {
        let (pixels, labels) = load()?;
        assert_eq!(pixels.shape(), [1797, 64]);
        assert_eq!((pixels.min(), pixels.max()), (Some(0.0), Some(16.0)));
        assert_eq!(counts(&labels), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        let picture = draw(&pixels.row(0)?);
        assert_eq!(picture.lines().count(), 8);
        assert!(picture.lines().all(|l| l.chars().count() == 16));
        let (x, y) = prepare(pixels, &labels)?;
        assert_eq!((x.shape(), y.shape()), (&[1797, 8, 8][..], &[1797, 10][..]));
        assert_eq!((x.min(), x.max()), (Some(0.0), Some(1.0)));
        Ok(())
    }

    #[test]
    fn it_learns_measures_saves_and_loads() -> Result<(), Box<dyn Error>> {
        let (pixels, labels) = load()?;
        let (x, y) = prepare(pixels, &labels)?;
        let (split, _) = stratified_split(&labels, 0.2, SEED)?;
        let (x_test, y_test) = (x.take_rows(&split.test)?, y.take_rows(&split.test)?);
        let mut model = network(SEED)?;
        model.fit(&x.take_rows(&split.train)?, &y.take_rows(&split.train)?, options())?;
        let result = model.evaluate(&x_test, &y_test, Evaluate::default())?;
        let accuracy = log_value(&result, "accuracy").ok_or("accuracy is measured")?;
        assert!(accuracy >= 0.97, "test accuracy {accuracy}");

        let folder = tempfile::tempdir()?;
        let file = folder.path().join("digits.keras");
        model.save(&file)?;
        let mut loaded = load_model(&file)?;
        let bits = |t: Tensor| t.f32_values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(model.predict(&x_test)?), bits(loaded.predict(&x_test)?));
        assert_eq!(loaded.evaluate(&x_test, &y_test, Evaluate::default())?, result);
        Ok(())
    }
}
