//! What the peers share: arguments, data, the clock and the JSON line, so that each binary holds its framework's code alone.

mod clock;
mod data;

pub use data::{Labels, Network};

use std::path::PathBuf;
use std::process::ExitCode;

/// A framework with the network of a workload, its first weights and its optimizer.
pub trait Peer {
    /// Rows as the framework's tensors.
    type Batch;
    /// Makes them of `rows` rows, one after the other in `x`.
    fn batch(&self, x: &[f32], y: Labels<'_>, rows: usize) -> Self::Batch;
    /// One training step; gives the loss before it.
    fn step(&mut self, batch: &Self::Batch) -> f32;
    /// Makes the network ready to predict only.
    fn freeze(&mut self) {}
    /// Probabilities or values of all rows as plain numbers.
    fn predict(&self, x: &[f32], rows: usize) -> Vec<f32>;
}

/// What to do.
pub struct Task {
    pub workload: String,
    pub network: Network,
    pub infer: bool,
    pub batch: usize,
    pub threads: usize,
    pub rows: usize,
    pub data: Option<PathBuf>,
    /// Only so many steps; the loss printed is their mean.
    pub run: Option<usize>,
}

const USAGE: &str = "WORKLOAD [--batch N] [--threads N] [--rows N] [--data MNIST_FOLDER] [--run STEPS]
WORKLOAD: tiny, mlp128, mlp512, linreg, cnn; infer-tiny, infer-mlp128, infer-mlp512, infer-cnn";

/// The program: reads the arguments, lets `make` build the network, times it.
pub fn run<P: Peer>(framework: &str, version: &str, make: impl FnOnce(Network) -> P) -> ExitCode {
    let done = Task::read(std::env::args().skip(1)).and_then(|task| {
        // SAFETY: no other thread runs yet. Both frameworks ask for this variable when they first compute.
        unsafe { std::env::set_var("RAYON_NUM_THREADS", task.threads.to_string()) };
        clock::time(framework, version, &task, || make(task.network))
    });
    match done {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

impl Task {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let workload = args.next().ok_or(USAGE)?;
        let (base, infer) = workload.strip_prefix("infer-").map_or((&*workload, false), |base| (base, true));
        let network = Network::named(base).filter(|&n| !infer || n != Network::Linreg).ok_or_else(|| format!("no workload {workload}\n{USAGE}"))?;
        let (batch, rows) = network.sizes();
        let rows = if infer { 4096 } else { rows };
        let mut task = Self { workload: workload.clone(), network, infer, batch, threads: 2, rows, data: None, run: None };
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value\n{USAGE}"))?;
            let number = || value.parse().ok().filter(|&n: &usize| n > 0).ok_or_else(|| format!("{name} expects a number from 1, got {value}"));
            match &*name {
                "--batch" => task.batch = number()?,
                "--threads" => task.threads = number()?,
                "--rows" => task.rows = number()?,
                "--run" => task.run = Some(number()?),
                "--data" => task.data = Some(value.into()),
                _ => return Err(format!("unknown {name}\n{USAGE}")),
            }
        }
        Ok(task)
    }
}
