//! The network of the README: pictures of 28 × 28 pixels, ten classes, one screen of Rust.
//!
//! With a folder of MNIST's four IDX files (plain or gzipped) it learns to read digits. Without one it gets random pictures with random
//! labels: it learns most of them by heart, and since there is nothing to understand, the validation accuracy stays near a tenth.
//!
//!     cargo run --release -p adaline --example mlp_rust [FOLDER]
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::data::load_idx;
use adaline::prelude::*;
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let (x_train, y_train) = folder.as_deref().map_or_else(|| random(2048, 1), |folder| read(folder, "train"))?;
    let (x_test, y_test) = folder.as_deref().map_or_else(|| random(512, 2), |folder| read(folder, "t10k"))?;
    let epochs = if folder.is_some() { 10 } else { 40 };

    let mut model = network()?;
    println!("{}", model.summary()?);
    let history = model.fit(&x_train, &y_train, Fit::default().epochs(epochs).batch_size(128).validation_split(0.1))?;
    let best = history["val_accuracy"].iter().copied().fold(0.0, f64::max);
    println!("best validation accuracy {best:.4}");

    for (name, value) in model.evaluate(&x_test, &y_test, Evaluate::default())? {
        println!("test {name} {value:.4}");
    }
    let file = std::env::temp_dir().join("mlp_rust.keras");
    model.save(&file)?; // Keras 3 opens it
    println!("saved as {}", file.display());
    Ok(())
}

/// The network, compiled: pictures `(B, 784)` to probabilities `(B, 10)`.
fn network() -> adaline::nn::Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(512).activation(Activation::Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(10).activation(Activation::Softmax))
        .build(Seed(7))?;
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), [Accuracy::default()])?;
    Ok(model)
}

/// MNIST's pictures as `(N, 784)` with values from 0 to 1, and its labels `(N)`.
fn read(folder: &Path, part: &str) -> Result<(Tensor, Tensor), Box<dyn Error>> {
    let find = |name: &str| {
        let plain = folder.join(format!("{part}-{name}"));
        if plain.is_file() { plain } else { folder.join(format!("{part}-{name}.gz")) }
    };
    let images = load_idx(find("images-idx3-ubyte"))?; // bytes (N, 28, 28)
    let labels = load_idx(find("labels-idx1-ubyte"))?; // bytes (N)
    Ok((images.reshape(&[-1, 784])?.divide(255.0), labels))
}

/// Random pictures with random labels.
fn random(rows: usize, seed: u64) -> Result<(Tensor, Tensor), Box<dyn Error>> {
    // SplitMix64 (Steele, Lea and Flood 2014): a few lines that give the same numbers everywhere.
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let x = (0..rows * 784).map(|_| (next() >> 40) as f32 / (1 << 24) as f32).collect();
    let y: Vec<i32> = (0..rows).map(|_| (next() % 10) as i32).collect();
    Ok((Tensor::f32([rows, 784], x)?, Tensor::from(y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_learns_random_pictures_by_heart() -> Result<(), Box<dyn Error>> {
        let (x, y) = random(256, 1)?;
        let mut model = network()?;
        let before = model.evaluate(&x, &y, Evaluate::default())?;
        model.fit(&x, &y, Fit::default().epochs(60).batch_size(32).verbose(0))?;
        let after = model.evaluate(&x, &y, Evaluate::default())?;
        assert_eq!((before[1].0.as_str(), after[1].0.as_str()), ("accuracy", "accuracy"));
        assert!(before[1].1 < 0.3 && after[1].1 > 0.9, "{before:?} {after:?}");
        Ok(())
    }

    #[test]
    fn idx_files_become_rows_from_0_to_1() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        // big-endian sizes: 2 pictures of 28 × 28, 2 labels
        let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28][..], &[255; 784], &[51; 784]].concat();
        std::fs::write(folder.path().join("train-images-idx3-ubyte"), images)?;
        std::fs::write(folder.path().join("train-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 2, 7, 3])?;
        let (x, y) = read(folder.path(), "train")?;
        assert_eq!((x.shape(), y.shape()), (&[2, 784][..], &[2][..]));
        assert_eq!((x.f32_values()[0], x.f32_values()[784]), (1.0, 0.2));
        assert_eq!(y.f32_values()[..], [7.0, 3.0]);
        let error = read(folder.path(), "t10k").err().ok_or("there are no test files")?;
        assert!(error.to_string().contains("t10k-images-idx3-ubyte"), "{error}");
        Ok(())
    }
}
