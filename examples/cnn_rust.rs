//! A convolutional network on MNIST, or on anything in its format: after each epoch how long it has been training and how many of the
//! 10,000 test pictures it reads.
//!
//! Training ends when it reads 99 of 100, or after EPOCHS (20). The seed is for first weights, dropout and the order of the rows.
//!
//!     cargo run --release -p adaline --example cnn_rust FOLDER [EPOCHS] [SEED]
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::data::{load_idx, load_idx_divided};
use adaline::nn::callbacks::LambdaCallback;
use adaline::prelude::*;
use std::cell::Cell;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Share of the test pictures at which training ends.
const GOAL: f64 = 0.99;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let folder = PathBuf::from(args.next().ok_or("which folder holds MNIST's four IDX files?")?);
    let mut number = |default| args.next().map_or(Ok(default), |text| text.to_string_lossy().parse::<u64>());
    let (epochs, seed) = (number(20)? as usize, number(1)?);
    let (train, test) = (read(&folder, "train")?, read(&folder, "t10k")?);
    let mut model = network(seed)?;
    println!("epoch  seconds  test accuracy");
    for (epoch, (time, accuracy)) in learn(&mut model, &train, &test, epochs)?.into_iter().enumerate() {
        println!("{:5}  {:7.2}  {accuracy:.4}", epoch + 1, time.as_secs_f64());
    }
    Ok(())
}

/// The network of Keras' own MNIST example, compiled: pictures `(B, 28, 28, 1)` to probabilities `(B, 10)`.
fn network(seed: u64) -> adaline::nn::Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Conv2D::new(32, 3).activation(Activation::Relu)) // (26, 26, 32)
        .add(MaxPooling2D::new(2)) // (13, 13, 32)
        .add(Conv2D::new(64, 3).activation(Activation::Relu)) // (11, 11, 64)
        .add(MaxPooling2D::new(2)) // (5, 5, 64)
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation(Activation::Softmax))
        .build(Seed(seed))?;
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), [Accuracy::default()])?;
    Ok(model)
}

type Pictures = (Tensor, Tensor);

/// Trains until the goal is reached; after each epoch the time of all training steps so far, without the tests, and the test accuracy.
fn learn(model: &mut Model, train: &Pictures, test: &Pictures, epochs: usize) -> adaline::nn::Result<Vec<(Duration, f64)>> {
    let (begun, trained) = (Cell::new(Instant::now()), Cell::new(Duration::ZERO));
    let mut course = Vec::new();
    let mut total = Duration::ZERO;
    let watch = LambdaCallback::new()
        .on_epoch_begin(|_, _| {
            begun.set(Instant::now());
            Ok(())
        })
        // The last of them is the end of the epoch's training; the test comes after it.
        .on_train_batch_end(|_, _, _| {
            trained.set(begun.get().elapsed());
            Ok(())
        })
        .on_epoch_end(|_, logs, control| {
            let accuracy = logs.iter().find(|(name, _)| name == "val_accuracy").map_or(0.0, |(_, value)| *value);
            total += trained.get();
            course.push((total, accuracy));
            if accuracy >= GOAL {
                control.stop();
            }
            Ok(())
        });
    let options = Fit::default().epochs(epochs).batch_size(128).verbose(0).validation_data(&test.0, &test.1).validation_batch_size(500);
    model.fit(&train.0, &train.1, options.callback(watch))?;
    Ok(course)
}

/// MNIST's pictures as `(N, 28, 28, 1)` with values from 0 to 1, and its labels `(N)`.
fn read(folder: &Path, part: &str) -> Result<Pictures, Box<dyn Error>> {
    let find = |name: &str| {
        let plain = folder.join(format!("{part}-{name}"));
        if plain.is_file() { plain } else { folder.join(format!("{part}-{name}.gz")) }
    };
    let pictures = load_idx_divided(find("images-idx3-ubyte"), 255.0)?; // bytes (N, 28, 28) in the file
    Ok((pictures.reshape(&[-1, 28, 28, 1])?, load_idx(find("labels-idx1-ubyte"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures with a bright square in one of ten places, which names the class.
    fn squares(rows: usize) -> Result<Pictures, Box<dyn Error>> {
        let mut x = vec![0.0f32; rows * 784];
        for (row, picture) in x.chunks_mut(784).enumerate() {
            let (top, left) = (3 + 12 * (row % 10 / 5), 1 + 5 * (row % 5));
            for y in top..top + 6 {
                picture[28 * y + left..28 * y + left + 5].fill(0.5 + (row % 7) as f32 / 14.0);
            }
        }
        let y: Vec<i32> = (0..rows).map(|row| (row % 10) as i32).collect();
        Ok((Tensor::f32([rows, 28, 28, 1], x)?, Tensor::from(y)))
    }

    #[test]
    fn it_stops_when_the_goal_is_reached() -> Result<(), Box<dyn Error>> {
        let (train, test) = (squares(640)?, squares(70)?);
        let course = learn(&mut network(1)?, &train, &test, 40)?;
        let (last, before) = course.split_last().ok_or("no epoch")?;
        assert!(last.1 >= GOAL && course.len() < 40 && before.iter().all(|(_, accuracy)| *accuracy < GOAL), "{course:?}");
        assert!(course.windows(2).all(|w| w[0].0 < w[1].0), "times add up: {course:?}");
        Ok(())
    }
}
