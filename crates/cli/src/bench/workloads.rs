//! What `bench` trains: small standard networks with their data, or any network of a TOML file on random data.

use crate::args::{BenchArgs, DTypeArg};
use crate::error::{CliError, misuse};
use crate::source::idx_training;
use crate::untrained;
use adaline::data::{Tensor, nearest};
use adaline::graph::backend::Backend;
use adaline::graph::philox::{Philox, stream_of, uniform};
use adaline::nn::activations::Activation;
use adaline::nn::keras::{DTypePolicy, KerasObject};
use adaline::nn::layers::{Dense, Input};
use adaline::nn::losses::{MeanSquaredError, SparseCategoricalCrossentropy};
use adaline::nn::metrics::Accuracy;
use adaline::nn::optimizers::{Adam, RmsProp, Sgd};
use adaline::nn::{Loss, Model, Seed, Sequential};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Names of the workloads; each but linreg also with `infer-` in front.
const NAMES: [&str; 8] = ["tiny", "mlp128", "mlp512", "linreg", "infer-tiny", "infer-mlp128", "infer-mlp512", "ceiling"];
const SEED: u64 = 0;
/// Pixels of an MNIST image, its classes.
const PIXELS: usize = 784;
const DIGITS: usize = 10;
/// Rows for networks of a TOML file, in batches.
const BATCHES: usize = 100;

/// Random data of at most so many numbers (4 GiB).
const MOST_VALUES: usize = 1 << 30;

/// How the timing goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// 20 epochs cold, 20 warm, then steps.
    Tiny,
    /// All rows in each step, unshuffled.
    Whole,
    /// One epoch, then steps.
    Epoch,
    /// Predictions only.
    Infer,
}

/// A network with its data.
pub(super) struct Workload {
    pub name: String,
    pub model: Model,
    pub x: Tensor,
    pub y: Tensor,
    pub batch: usize,
    pub course: Course,
    /// `mnist` or `synthetic`.
    pub data: &'static str,
    /// Time to read or make the data.
    pub reading: Duration,
    /// Time to make the network and its first weights.
    pub building: Duration,
}

impl Workload {
    /// Bytes of the data.
    pub(super) fn data_bytes(&self) -> usize {
        [&self.x, &self.y].map(|t| t.len() * if t.as_u8().is_some() { 1 } else { 4 }).iter().sum()
    }
}

/// The workload that was asked for.
pub(super) fn make(args: &BenchArgs, backend: Arc<dyn Backend>) -> Result<Workload, CliError> {
    if let Some(path) = &args.model {
        if args.dtype.is_some() {
            return misuse(format!("--dtype is for the built-in workloads; write dtype under [model] in {}", path.display()));
        }
        return from_toml(path, args, backend);
    }
    let name = args.workload.as_deref().unwrap_or_default();
    let (base, infer) = name.strip_prefix("infer-").map_or((name, false), |base| (base, true));
    if !NAMES.contains(&name) || name == "ceiling" {
        let guess = nearest(name, &NAMES.map(str::to_owned)).map_or_else(String::new, |n| format!("; did you mean {n}?"));
        return misuse(format!("there is no workload {name:?}{guess} Known are {}", NAMES.join(", ")));
    }
    let (widths, batch, rows): (&[usize], usize, usize) = match base {
        "tiny" => (&[10, 32, 2], 10, 2000),
        "mlp128" => (&[PIXELS, 128, DIGITS], 32, 60_000),
        "mlp512" => (&[PIXELS, 512, 512, DIGITS], 32, 60_000),
        _ => (&[1, 1], 1_000_000, 1_000_000),
    };
    let rows = args.rows.unwrap_or(if infer { 4096 } else { rows });
    let most = MOST_VALUES / widths.first().copied().unwrap_or(1);
    if rows > most {
        return misuse(format!("--rows {rows} of {name} are too many; at most {most}"));
    }
    let begin = Instant::now();
    let (x, y, data) = match base {
        "tiny" => tiny(rows)?,
        "linreg" => line(rows)?,
        _ => digits(args.data.as_deref(), rows)?,
    };
    let course = match base {
        _ if infer => Course::Infer,
        "tiny" => Course::Tiny,
        "linreg" => Course::Whole,
        _ => Course::Epoch,
    };
    let reading = begin.elapsed();
    let begin = Instant::now();
    let policy = match args.dtype {
        None | Some(DTypeArg::Float32) => DTypePolicy::Float32,
        Some(DTypeArg::MixedBfloat16) => DTypePolicy::MixedBfloat16,
    };
    let model = network(base, widths, policy, backend)?;
    let building = begin.elapsed();
    let batch = args.batch.unwrap_or(batch).min(x.rows());
    Ok(Workload { name: name.to_owned(), model, x, y, batch, course, data, reading, building })
}

/// Dense layers with relu, the last with softmax; one linear unit for the regression line.
fn network(base: &str, widths: &[usize], policy: DTypePolicy, backend: Arc<dyn Backend>) -> Result<Model, CliError> {
    let Some((&inputs, layers)) = widths.split_first() else { return misuse("a network needs widths") };
    let mut net = Sequential::new().name(base).dtype_policy(policy).add(Input::new([inputs]));
    for (at, &units) in layers.iter().enumerate() {
        let activation = match (base, at + 1 == layers.len()) {
            ("linreg", _) => Activation::Linear,
            (_, true) => Activation::Softmax,
            (_, false) => Activation::Relu,
        };
        net = net.add(Dense::new(units).activation(activation));
    }
    let mut model = net.build_on(backend, Seed(SEED))?;
    match base {
        "linreg" => model.compile(Sgd::new(0.1), MeanSquaredError::new(), ())?,
        "mlp512" => model.compile(RmsProp::default(), SparseCategoricalCrossentropy::new(), [Accuracy::new()])?,
        _ => model.compile(Adam::default(), SparseCategoricalCrossentropy::new(), [Accuracy::new()])?,
    }
    Ok(model)
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

type Data = (Tensor, Tensor, &'static str);

/// Ten normal inputs; the class is the sign of a weighted sum with noise.
fn tiny(rows: usize) -> Result<Data, CliError> {
    let x = normals("x", rows * 10);
    let (w, noise) = (normals("w", 10), normals("noise", rows));
    let class = |(row, noise): (&[f32], &f32)| i32::from(row.iter().zip(&w).map(|(x, w)| x * w).sum::<f32>() + 0.3 * noise > 0.0);
    let y = x.chunks(10).zip(&noise).map(class).collect();
    Ok((Tensor::f32([rows, 10], x)?, Tensor::i32([rows], y)?, "synthetic"))
}

/// `y = 3 x + 2` with noise, `x` from -1 to 1.
fn line(rows: usize) -> Result<Data, CliError> {
    let x: Vec<f32> = uniforms("x", rows).into_iter().map(|u| 2.0 * u - 1.0).collect();
    let y = x.iter().zip(normals("noise", rows)).map(|(x, n)| 3.0 * x + 2.0 + 0.1 * n).collect();
    Ok((Tensor::f32([rows, 1], x)?, Tensor::f32([rows, 1], y)?, "synthetic"))
}

/// MNIST from its files, scaled to 0..1, or random numbers of the same shape.
fn digits(folder: Option<&Path>, rows: usize) -> Result<Data, CliError> {
    let Some(folder) = folder else {
        let x = Tensor::f32([rows, PIXELS], uniforms("x", rows * PIXELS))?;
        return Ok((x, Tensor::i32([rows], classes("y", rows, DIGITS))?, "synthetic"));
    };
    let (x, y) = idx_training(folder, 255.0)?;
    if x.row_len() != PIXELS {
        return misuse(format!("{}: expected images of 28 x 28 pixels, found rows of {} numbers", folder.display(), x.row_len()));
    }
    let rows = rows.min(x.rows()).min(y.rows());
    let x = x.first_rows(rows).reshape(&[rows as isize, PIXELS as isize])?;
    Ok((x, y.first_rows(rows), "mnist"))
}

/// Any network: normal inputs, labels that its loss takes.
fn from_toml(path: &Path, args: &BenchArgs, backend: Arc<dyn Backend>) -> Result<Workload, CliError> {
    let begin = Instant::now();
    let model = untrained::from_toml(path, backend, true)?;
    let building = begin.elapsed();
    let begin = Instant::now();
    let batch = args.batch.unwrap_or(32);
    let rows = args.rows.unwrap_or(batch.saturating_mul(BATCHES));
    let row: Option<Vec<usize>> = model.input_row().and_then(|r| r.iter().copied().collect());
    let (Some(row), Some(output)) = (row, model.output_row()) else {
        return misuse(format!("{}: the InputLayer leaves a size open; bench needs all of them", path.display()));
    };
    let sized = |row: &[usize]| -> Result<Vec<usize>, CliError> {
        let shape: Vec<usize> = std::iter::once(rows).chain(row.iter().copied()).collect();
        let values = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MOST_VALUES);
        if values.is_some() {
            Ok(shape)
        } else {
            misuse(format!("{rows} rows of shape {row:?} are too many: use a smaller --batch or --rows"))
        }
    };
    let shape = sized(&row)?;
    let x = Tensor::f32(shape.clone(), normals("x", shape.iter().product()))?;
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
    let name = model.name().to_owned();
    let reading = begin.elapsed();
    Ok(Workload { name, model, x, y, batch: batch.min(rows), course: Course::Epoch, data: "synthetic", reading, building })
}
