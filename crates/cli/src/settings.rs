//! What was asked, the command line winning over the TOML file, and both over the defaults.

use crate::args::{FitArgs, TaskArg};
use crate::config::Config;
use crate::error::{CliError, misuse};
use crate::pictures;
use crate::series;
use adaline::data::Task;
use adaline::graph::backend::Backend;
use std::path::PathBuf;
use std::sync::Arc;

/// Share of the training rows held out to watch for overfitting.
const VALIDATION_SPLIT: f64 = 0.15;
/// Share of the rows held out for the final measurement.
pub(crate) const TEST_SPLIT: f64 = 0.2;
const SEED: u64 = 1;
/// Row visits that a default training is worth: small tables get many epochs, large ones few.
const ROW_VISITS: usize = 600_000;
/// Bounds of the default number of epochs.
const EPOCHS: (usize, usize) = (20, 400);
/// Below this many rows, smaller batches learn better.
const SMALL: usize = 1000;
/// The same for pictures, whose rows are dearer.
const PICTURE_VISITS: usize = 100_000;
const PICTURE_EPOCHS: (usize, usize) = (10, 100);

/// All that `fit` needs to know.
#[derive(Clone)]
pub(crate) struct Settings {
    pub data: PathBuf,
    pub target: Option<String>,
    pub task: Task,
    pub epochs: usize,
    pub batch_size: usize,
    pub learning_rate: Option<f64>,
    pub hidden: Option<Vec<usize>>,
    pub dropout: Option<f64>,
    /// Penalty on the squares of the weights of hidden layers.
    pub l2: Option<f64>,
    pub pictures: pictures::Asked,
    /// The table is a series.
    pub series: Option<series::Asked>,
    pub validation_split: f64,
    /// `None`: nobody said.
    pub test_split: Option<f64>,
    pub kfold: Option<usize>,
    pub patience: usize,
    pub seed: u64,
    pub out: PathBuf,
    /// Take up what was interrupted.
    pub resume: bool,
    /// Folder for event files.
    pub tensorboard: Option<PathBuf>,
    /// Where networks are built; none for the backend of all others.
    pub backend: Option<Arc<dyn Backend>>,
    pub optimizer: serde_json::Value,
    pub config: Config,
    asked: Asked,
}

/// What was said of the length of training; the rest follows from the number of rows.
#[derive(Clone)]
struct Asked {
    epochs: Option<usize>,
    batch_size: Option<usize>,
    patience: Option<usize>,
}

impl Settings {
    /// Settles the length of training for so many rows: 400 epochs at most for small tables, 20 for large ones, and patience of a
    /// tenth of that; for pictures from 100 down to 10.
    pub(crate) fn settle(&mut self, rows: usize, pictures: bool) {
        let (visits, range) = if pictures { (PICTURE_VISITS, PICTURE_EPOCHS) } else { (ROW_VISITS, EPOCHS) };
        let epochs = (visits / rows.max(1)).clamp(range.0, range.1);
        self.epochs = self.asked.epochs.unwrap_or(epochs);
        self.batch_size = self.asked.batch_size.unwrap_or(if rows < SMALL { 16 } else { 32 });
        self.patience = self.asked.patience.unwrap_or((epochs / 10).max(5));
    }

    /// Merges and checks.
    pub(crate) fn new(args: &FitArgs) -> Result<Self, CliError> {
        let mut config = args.model.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
        crate::text::merge(&args.texts, &mut config.data)?;
        let (d, t) = (&config.data, &config.training);
        let Some(data) = args.data.clone().or_else(|| d.path.clone()) else {
            return misuse("which data? Say `adaline fit DATA --target COLUMN`, or put path = \"...\" under [data] of the --model file");
        };
        let task = match (args.task, d.task.as_deref()) {
            (Some(TaskArg::Classes), _) | (None, Some("classes")) => Task::Classification,
            (Some(TaskArg::Numbers), _) | (None, Some("numbers")) => Task::Regression,
            (None, None) => Task::Auto,
            (None, Some(other)) => return misuse(format!("[data] task expects \"classes\" or \"numbers\", got {other:?}")),
        };
        let optimizer = match (&args.optimizer, &t.optimizer) {
            (None, Some(toml::Value::Table(table))) => crate::config::envelope(table, "keras.optimizers", "[training] optimizer")?,
            (Some(name), _) | (None, Some(toml::Value::String(name))) => serde_json::Value::String(name.clone()),
            (None, Some(other)) => return misuse(format!("[training] optimizer expects a name or a table with class_name, got {other}")),
            (None, None) => "adam".into(),
        };
        let name = crate::source::name_of(&data);
        let settings = Self {
            out: args.out.clone().unwrap_or_else(|| PathBuf::from("out").join(&name)),
            target: args.target.clone().or_else(|| d.target.clone()),
            task,
            epochs: 0,
            batch_size: 0,
            asked: Asked {
                epochs: args.epochs.or(t.epochs),
                batch_size: args.batch_size.or(t.batch_size),
                patience: args.patience.or(t.patience),
            },
            learning_rate: args.learning_rate.or(t.learning_rate),
            hidden: args.hidden.clone(),
            dropout: args.dropout,
            l2: None,
            pictures: pictures::Asked::new(&args.pictures, d)?,
            series: series::Asked::new(&args.series, d)?,
            validation_split: args.validation_split.or(t.validation_split).unwrap_or(VALIDATION_SPLIT),
            test_split: args.test_split.or(d.test_split),
            kfold: args.kfold.or(t.kfold),
            patience: 0,
            seed: args.seed.or(t.seed).unwrap_or(SEED),
            resume: args.resume,
            tensorboard: args.tensorboard.clone(),
            backend: None,
            optimizer,
            data,
            config,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Share of the rows held out for the final measurement: with folds none, unless asked.
    pub(crate) fn test_share(&self) -> f64 {
        self.test_split.unwrap_or(if self.kfold.is_some() { 0.0 } else { TEST_SPLIT })
    }

    fn check(&self) -> Result<(), CliError> {
        if self.asked.epochs == Some(0) {
            return misuse("--epochs expects at least 1, got 0");
        }
        if self.asked.batch_size == Some(0) {
            return misuse("--batch-size expects at least 1, got 0");
        }
        for (name, share) in
            [("--validation-split", self.validation_split), ("--test-split", self.test_share()), ("--dropout", self.dropout.unwrap_or(0.0))]
        {
            if !(0.0..1.0).contains(&share) {
                return misuse(format!("{name} expects a share from 0 to below 1, got {share}"));
            }
        }
        if let Some(k) = self.kfold.filter(|k| *k < 2) {
            return misuse(format!("--kfold expects at least 2 folds, got {k}"));
        }
        if let Some(lr) = self.learning_rate.filter(|lr| !(lr.is_finite() && *lr > 0.0)) {
            return misuse(format!("--learning-rate expects a number above 0, got {lr}"));
        }
        if self.hidden.as_ref().is_some_and(|h| h.contains(&0)) {
            return misuse("--hidden expects numbers of units of at least 1, such as 64,32");
        }
        if self.hidden.is_some() && !self.config.model.layers.is_empty() {
            return misuse("--hidden and [[model.layers]] both describe the network; use one of them");
        }
        Ok(())
    }
}
