//! What Python says to `compile` and `fit`.

use crate::error::{of_config, value_error};
use crate::layer::parse;
use adaline::nn::optimizers::{MultiOptimizer, OptimizerMap};
use adaline::nn::{Fit, Optimizer, catalogue};
use pyo3::prelude::*;
use std::collections::HashMap;

/// The optimizers within a `MultiOptimizer`, which of them has the weight of each name, and its own arguments.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Several {
    pub(crate) optimizers: Vec<String>,
    pub(crate) owners: HashMap<String, usize>,
    pub(crate) loss_scale_factor: Option<f64>,
    pub(crate) name: String,
}

impl Several {
    pub(crate) fn optimizer(self) -> PyResult<Box<dyn Optimizer>> {
        let read = |text: &String| catalogue::optimizer_from_json(&parse(text)?).map_err(of_config);
        let mut optimizers = self.optimizers.iter().map(read).collect::<PyResult<Vec<_>>>()?.into_iter();
        let first = optimizers.next().ok_or_else(|| value_error("a MultiOptimizer needs at least one optimizer that has weights"))?;
        let owners = self.owners;
        // Before a weight's name the path has that of a chain of layers.
        let owner = move |path: &str| {
            let within = path.split_once('/').and_then(|(_, rest)| owners.get(rest));
            owners.get(path).or(within).copied().unwrap_or(usize::MAX)
        };
        let multi = MultiOptimizer::new(OptimizerMap::choosing(first, optimizers, owner)).name(self.name);
        let multi = self.loss_scale_factor.map_or(multi.clone(), |factor| multi.loss_scale_factor(factor));
        Ok(multi.into())
    }
}

/// Of an output: its name, loss, the loss' weight, metrics, weighted metrics.
#[derive(FromPyObject)]
pub(crate) struct Target<'py>(
    pub(crate) String,
    pub(crate) Bound<'py, PyAny>,
    pub(crate) f64,
    pub(crate) Vec<Bound<'py, PyAny>>,
    pub(crate) Vec<Bound<'py, PyAny>>,
);

/// What Python's `fit` was given besides data and callbacks, under Keras' names.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
#[expect(clippy::struct_excessive_bools, reason = "Keras' arguments")]
pub(crate) struct Options<'py> {
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) shuffle: bool,
    pub(crate) verbose: u8,
    pub(crate) interactive: bool,
    pub(crate) validation_split: f64,
    pub(crate) validation_freq: usize,
    pub(crate) validation_batch_size: Option<usize>,
    pub(crate) validation_x: Vec<Bound<'py, PyAny>>,
    pub(crate) validation_y: Vec<Bound<'py, PyAny>>,
    pub(crate) validation_weights: Option<Bound<'py, PyAny>>,
    pub(crate) validation_batches: Option<Bound<'py, PyAny>>,
    pub(crate) validation_steps: Option<usize>,
    pub(crate) batches: Option<Bound<'py, PyAny>>,
    pub(crate) initial_epoch: usize,
    pub(crate) steps_per_epoch: Option<usize>,
    pub(crate) class_weight: Option<Vec<(i32, f32)>>,
    pub(crate) sample_weight: Option<Bound<'py, PyAny>>,
    pub(crate) sample_weights: Vec<(String, Bound<'py, PyAny>)>,
    pub(crate) allow_nan: bool,
    pub(crate) advice: bool,
    pub(crate) display: Option<Bound<'py, PyAny>>,
}

/// Those of them that are no objects of Python.
pub(crate) struct Plain {
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) shuffle: bool,
    pub(crate) verbose: u8,
    pub(crate) validation_split: f64,
    pub(crate) validation_freq: usize,
    pub(crate) validation_batch_size: Option<usize>,
    pub(crate) initial_epoch: usize,
    pub(crate) steps_per_epoch: Option<usize>,
    pub(crate) class_weight: Option<Vec<(i32, f32)>>,
    pub(crate) allow_nan: bool,
    pub(crate) advice: bool,
}

impl Options<'_> {
    pub(crate) fn plain(self) -> Plain {
        Plain {
            epochs: self.epochs,
            batch_size: self.batch_size,
            shuffle: self.shuffle,
            verbose: self.verbose,
            validation_split: self.validation_split,
            validation_freq: self.validation_freq,
            validation_batch_size: self.validation_batch_size,
            initial_epoch: self.initial_epoch,
            steps_per_epoch: self.steps_per_epoch,
            class_weight: self.class_weight,
            allow_nan: self.allow_nan,
            advice: self.advice,
        }
    }
}

impl Plain {
    pub(crate) fn fit<'a>(self) -> Fit<'a> {
        let mut fit = Fit::default()
            .epochs(self.epochs)
            .batch_size(self.batch_size)
            .shuffle(self.shuffle)
            .verbose(self.verbose)
            .validation_split(self.validation_split)
            .validation_freq(self.validation_freq)
            .initial_epoch(self.initial_epoch)
            .allow_nan(self.allow_nan)
            .advice(self.advice);
        if let Some(rows) = self.validation_batch_size {
            fit = fit.validation_batch_size(rows);
        }
        if let Some(steps) = self.steps_per_epoch {
            fit = fit.steps_per_epoch(steps);
        }
        if let Some(weights) = self.class_weight {
            fit = fit.class_weight(weights);
        }
        fit
    }
}
