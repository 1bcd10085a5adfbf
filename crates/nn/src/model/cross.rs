//! Cross-validation: a fresh network for every fold.

use super::options::{Evaluate, Fit};
use super::{History, Logs, Model, log_value};
use crate::error::{Error, Result};
use adaline_data::{Fold, Tensor};

/// The data of one fold, copied, for the hook that prepares it.
#[derive(Clone, Debug)]
pub struct FoldData {
    /// Inputs to train on.
    pub x_train: Tensor,
    /// Labels to train on.
    pub y_train: Tensor,
    /// Inputs to judge by.
    pub x_validation: Tensor,
    /// Labels to judge by.
    pub y_validation: Tensor,
}

/// Mean and spread of one value over the folds.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Name, such as `accuracy`.
    pub name: String,
    /// Value of each fold.
    pub folds: Vec<f64>,
    /// Mean over the folds.
    pub mean: f64,
    /// Standard deviation over the folds (divided by their number, as numpy does).
    pub std: f64,
}

/// Results of a cross-validation.
#[derive(Clone, Debug, Default)]
pub struct CrossValidation {
    /// Loss and metrics on the rows that each fold held back, the loss first.
    pub scores: Vec<Score>,
    /// What training looked like in each fold.
    pub histories: Vec<History>,
}

impl CrossValidation {
    /// The score of a name.
    pub fn score(&self, name: &str) -> Option<&Score> {
        self.scores.iter().find(|s| s.name == name)
    }
}

/// Trains and judges a fresh network for each fold.
///
/// `make(fold)` gives a compiled model, `options(fold)` how to train it. `prepare(fold, data)` may change the data of the fold, such as
/// scaling all of it by what the training rows alone say, so that nothing leaks from the rows that are judged by.
///
/// ```
/// # use adaline_nn::model::{FoldData, cross_validate};
/// # use adaline_data::KFold;
/// let folds = KFold { k: 5, shuffle: true, seed: 1 }.plain(150)?;
/// # Ok::<(), adaline_data::DataError>(())
/// ```
///
/// # Errors
/// [`Error::Option`] without folds, and whatever training says.
pub fn cross_validate(
    folds: &[Fold],
    x: &Tensor,
    y: &Tensor,
    mut make: impl FnMut(usize) -> Result<Model>,
    mut options: impl FnMut(usize) -> Fit<'static>,
    mut prepare: impl FnMut(usize, &mut FoldData) -> Result<()>,
) -> Result<CrossValidation> {
    if folds.is_empty() {
        return Err(Error::option("folds", 0, "at least 2: make them with KFold"));
    }
    if x.rows() != y.rows() {
        return Err(Error::RowCount { x: x.rows(), what: "y", got: y.rows() });
    }
    let mut results: Vec<Logs> = Vec::with_capacity(folds.len());
    let mut histories = Vec::with_capacity(folds.len());
    for (at, fold) in folds.iter().enumerate() {
        let mut data = FoldData {
            x_train: x.take_rows(&fold.train)?,
            y_train: y.take_rows(&fold.train)?,
            x_validation: x.take_rows(&fold.validation)?,
            y_validation: y.take_rows(&fold.validation)?,
        };
        prepare(at, &mut data)?;
        let mut model = make(at)?;
        histories.push(model.fit(&data.x_train, &data.y_train, options(at))?);
        results.push(model.evaluate(&data.x_validation, &data.y_validation, Evaluate::default())?);
    }
    let names: Vec<String> = results.first().map_or_else(Vec::new, |r| r.iter().map(|(n, _)| n.clone()).collect());
    let scores = names.into_iter().map(|name| {
        let folds: Vec<f64> = results.iter().filter_map(|r| log_value(r, &name)).collect();
        let mean = folds.iter().sum::<f64>() / folds.len() as f64;
        let std = (folds.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / folds.len() as f64).sqrt();
        Score { name, folds, mean, std }
    });
    Ok(CrossValidation { scores: scores.collect(), histories })
}
