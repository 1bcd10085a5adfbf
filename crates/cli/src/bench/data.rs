//! What `bench` trains on: MNIST from its files, or random numbers of the right shapes.

use super::networks::{DIGITS, Network, PIXELS};
use crate::error::{CliError, misuse};
use crate::source::idx_training;
use adaline::data::Tensor;
use adaline::graph::philox::{Philox, stream_of, uniform};
use adaline::nn::keras::KerasObject;
use adaline::nn::{Layer, Loss, Model};
use std::path::Path;

/// Seed of all random numbers.
const SEED: u64 = 0;
/// Random data of at most so many numbers (4 GiB).
pub(super) const MOST_VALUES: usize = 1 << 30;

/// Inputs, labels, and `mnist` or `synthetic`.
pub(super) type Data = (Tensor, Tensor, &'static str);

/// The data of a built-in network.
pub(super) fn of(network: Network, folder: Option<&Path>, rows: usize) -> Result<Data, CliError> {
    match network {
        Network::Tiny => tiny(rows),
        Network::Linreg => line(rows),
        Network::Mlp128 | Network::Mlp512 | Network::Cnn | Network::DliCnn => digits(folder, rows, network.row()),
        Network::Lstm | Network::Gru | Network::SimpleRnn | Network::BigLstm => sequences(rows, network.row()),
    }
}

/// Normal inputs for any network, or numbers of its table where it begins with one, and labels that its loss takes.
pub(super) fn random_for(model: &Model, row: &[usize], output: &[usize], rows: usize) -> Result<(Tensor, Tensor), CliError> {
    let sized = |row: &[usize]| -> Result<Vec<usize>, CliError> {
        let shape: Vec<usize> = std::iter::once(rows).chain(row.iter().copied()).collect();
        let values = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MOST_VALUES);
        if values.is_some() {
            Ok(shape)
        } else {
            misuse(format!("{rows} rows of shape {row:?} are too many: use a smaller --batch or --rows"))
        }
    };
    let shape = sized(row)?;
    let count = shape.iter().product();
    let x = match model.layers().next().and_then(Layer::table_rows) {
        Some(rows) => Tensor::i32(shape, classes("x", count, rows))?,
        None => Tensor::f32(shape, normals("x", count))?,
    };
    let loss = model.loss();
    let last = output.last().copied().unwrap_or(1).max(1);
    let y = if loss.is_some_and(Loss::sparse) {
        let shape = sized(output.split_last().map_or(&[][..], |(_, lead)| lead))?;
        Tensor::i32(shape.clone(), classes("y", shape.iter().product(), last))?
    } else {
        let shape = sized(output)?;
        let count = shape.iter().product();
        let values = match loss.map(KerasObject::class_name) {
            Some("CategoricalCrossentropy") => {
                classes("y", count / last, last).into_iter().flat_map(|c| (0..last).map(move |i| f32::from(i == c as usize))).collect()
            }
            Some("BinaryCrossentropy") => classes("y", count, 2).into_iter().map(|c| c as f32).collect(),
            _ => normals("y", count),
        };
        Tensor::f32(shape, values)?
    };
    Ok((x, y))
}

/// Ten normal inputs; the class is the sign of a weighted sum with noise.
fn tiny(rows: usize) -> Result<Data, CliError> {
    let x = normals("x", rows * 10);
    let (w, noise) = (normals("w", 10), normals("noise", rows));
    let class = |(row, noise): (&[f32], &f32)| i32::from(row.iter().zip(&w).map(|(x, w)| x * w).sum::<f32>() + 0.3 * noise > 0.0);
    let y = x.chunks(10).zip(&noise).map(class).collect();
    Ok((Tensor::f32([rows, 10], x)?, Tensor::i32([rows], y)?, "synthetic"))
}

/// Normal sequences; the value is the sum of the first feature over the last five steps.
fn sequences(rows: usize, row: &[usize]) -> Result<Data, CliError> {
    let (steps, features) = (row[0], row[1]);
    let x = normals("x", rows * steps * features);
    let sum = |sequence: &[f32]| sequence.chunks(features).rev().take(5).map(|step| step[0]).sum();
    let y = x.chunks(steps * features).map(sum).collect();
    Ok((Tensor::f32([rows, steps, features], x)?, Tensor::f32([rows, 1], y)?, "synthetic"))
}

/// `y = 3 x + 2` with noise, `x` from -1 to 1.
fn line(rows: usize) -> Result<Data, CliError> {
    let x: Vec<f32> = uniforms("x", rows).into_iter().map(|u| 2.0 * u - 1.0).collect();
    let y = x.iter().zip(normals("noise", rows)).map(|(x, n)| 3.0 * x + 2.0 + 0.1 * n).collect();
    Ok((Tensor::f32([rows, 1], x)?, Tensor::f32([rows, 1], y)?, "synthetic"))
}

/// MNIST from its files, scaled to 0..1, or random numbers of the same shape; `row` are the sizes of an image.
fn digits(folder: Option<&Path>, rows: usize, row: &[usize]) -> Result<Data, CliError> {
    let shape = |rows: usize| -> Vec<usize> { std::iter::once(rows).chain(row.iter().copied()).collect() };
    let Some(folder) = folder else {
        let x = Tensor::f32(shape(rows), uniforms("x", rows * PIXELS))?;
        return Ok((x, Tensor::i32([rows], classes("y", rows, DIGITS))?, "synthetic"));
    };
    let (x, y) = idx_training(folder, 255.0, rows)?;
    if x.row_len() != PIXELS {
        return misuse(format!("{}: expected images of 28 x 28 pixels, found rows of {} numbers", folder.display(), x.row_len()));
    }
    let shape: Vec<isize> = shape(x.rows()).into_iter().map(usize::cast_signed).collect();
    Ok((x.reshape(&shape)?, y, "mnist"))
}

/// Random numbers of one purpose.
fn draw(what: &str) -> Philox {
    Philox::new(SEED, stream_of(what), 0)
}

fn normals(what: &str, count: usize) -> Vec<f32> {
    let r = draw(what);
    (0..count as u64).map(|i| r.normal(i)).collect()
}

fn uniforms(what: &str, count: usize) -> Vec<f32> {
    let r = draw(what);
    let mut out = Vec::with_capacity(count.next_multiple_of(4));
    for block in 0..count.div_ceil(4) as u32 {
        out.extend(r.block(block).map(uniform));
    }
    out.truncate(count);
    out
}

fn classes(what: &str, count: usize, classes: usize) -> Vec<i32> {
    uniforms(what, count).into_iter().map(|u| ((u * classes as f32) as usize).min(classes.saturating_sub(1)) as i32).collect()
}
