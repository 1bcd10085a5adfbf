//! What `bench` trains: built-in networks with their data, or any network of a TOML file on random data.

use super::data::{self, MOST_VALUES};
use super::networks::Network;
use crate::args::{BenchArgs, DTypeArg};
use crate::error::{CliError, misuse};
use crate::untrained;
use adaline::data::{Tensor, nearest};
use adaline::graph::backend::Backend;
use adaline::nn::Model;
use adaline::nn::keras::DTypePolicy;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of data of workloads that only predict.
const INFER_ROWS: usize = 4096;
/// Rows for networks of a TOML file, in batches.
const BATCHES: usize = 100;

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

/// All names: training, then predictions, then the machine itself.
fn names() -> Vec<String> {
    let all = Network::ALL.map(Network::name);
    let infer = Network::ALL.into_iter().filter(|&n| n != Network::Linreg).map(|n| format!("infer-{}", n.name()));
    all.into_iter().map(str::to_owned).chain(infer).chain(["ceiling".to_owned()]).collect()
}

/// A network by its name, and whether it only predicts.
fn named(name: &str) -> Option<(Network, bool)> {
    let (base, infer) = name.strip_prefix("infer-").map_or((name, false), |base| (base, true));
    let network = Network::ALL.into_iter().find(|n| n.name() == base)?;
    (!infer || network != Network::Linreg).then_some((network, infer))
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
    let Some((network, infer)) = named(name) else {
        let known = names();
        let guess = nearest(name, &known).map_or_else(String::new, |n| format!("; did you mean {n}?"));
        return misuse(format!("there is no workload {name:?}{guess} Known are {}", known.join(", ")));
    };
    let (batch, rows) = network.sizes();
    let rows = args.rows.unwrap_or(if infer { INFER_ROWS } else { rows });
    let most = MOST_VALUES / network.row().iter().product::<usize>();
    if rows > most {
        return misuse(format!("--rows {rows} of {name} are too many; at most {most}"));
    }
    let begin = Instant::now();
    let (x, y, data) = data::of(network, args.data.as_deref(), rows)?;
    let reading = begin.elapsed();
    let course = match network {
        _ if infer => Course::Infer,
        Network::Tiny => Course::Tiny,
        Network::Linreg => Course::Whole,
        _ => Course::Epoch,
    };
    let policy = match args.dtype {
        None | Some(DTypeArg::Float32) => DTypePolicy::Float32,
        Some(DTypeArg::MixedBfloat16) => DTypePolicy::MixedBfloat16,
    };
    let begin = Instant::now();
    let model = network.build(policy, backend)?;
    let building = begin.elapsed();
    let batch = args.batch.unwrap_or(batch).min(x.rows());
    Ok(Workload { name: name.to_owned(), model, x, y, batch, course, data, reading, building })
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
    let (x, y) = data::random_for(&model, &row, output, rows)?;
    let name = model.name().to_owned();
    let reading = begin.elapsed();
    Ok(Workload { name, model, x, y, batch: batch.min(rows), course: Course::Epoch, data: "synthetic", reading, building })
}
