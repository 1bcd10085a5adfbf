//! Everything that can go wrong with a model, as values.

use crate::keras::ConfigError;
use crate::network::Unfit;
use adaline_data::DataError;
use adaline_formats::FormatError;
use adaline_graph::GraphError;
use adaline_graph::backend::{CompileError, RunError};
use std::fmt;

/// What went wrong, with what was expected, what came, where, and what to try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer that does not fit what it is called on, with the layers before it and the shapes of what they give.
    #[error("{0}")]
    Unfit(Box<Unfit>),
    /// Another defect of a graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The backend cannot compile the network.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The backend refused to run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A step that needs more memory than the system gives.
    #[error(
        "one step needs {:.1} GB of memory at once, more than the system gives; try smaller batches, smaller inputs or a smaller network",
        *bytes as f64 / 1e9
    )]
    NoMemory {
        /// Bytes of what lives between the operations of the step.
        bytes: u64,
    },
    /// A configuration that is not sound.
    #[error(transparent)]
    Config(Box<ConfigError>),
    /// A configuration of a named layer that is not sound.
    #[error("layer `{layer}`: {source}")]
    Layer {
        /// Name of the layer.
        layer: String,
        /// What is wrong with it.
        source: Box<ConfigError>,
    },
    /// A file that cannot be read or written.
    #[error(transparent)]
    Format(Box<FormatError>),
    /// Data that is not sound in itself.
    #[error(transparent)]
    Data(Box<DataError>),

    /// The network is not sound (no layer, two layers of one name, an input layer in the middle).
    #[error("model `{model}`: {message}")]
    Network {
        /// Name of the model.
        model: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// Weights do not exist yet, because the width of the input is not known.
    #[error(
        "model `{model}` has no weights yet, so it cannot {action}: it does not know the shape of its input. \
         Begin it with Input::new([features]), or call fit or build_for first"
    )]
    NotBuilt {
        /// Name of the model.
        model: String,
        /// What was asked.
        action: &'static str,
    },
    /// No loss and no optimizer yet.
    #[error("model `{model}` is not compiled, so it cannot {action}: call compile(optimizer, loss, metrics) first")]
    NotCompiled {
        /// Name of the model.
        model: String,
        /// What was asked.
        action: &'static str,
    },
    /// The loss, the metrics and the network do not fit each other.
    #[error("compile: {0}")]
    Mismatch(String),

    /// An option of fit, evaluate, predict or a callback out of its range.
    #[error("{option} is {got}, but must be {expected}")]
    Option {
        /// Which option.
        option: &'static str,
        /// Its value.
        got: String,
        /// What it must be.
        expected: String,
    },
    /// Inputs and labels (or weights) of different numbers of rows.
    #[error("x has {x} rows, but {what} has {got}: each row of x needs exactly one of {what}")]
    RowCount {
        /// Rows of x.
        x: usize,
        /// `y`, `sample_weight` or `validation y`.
        what: &'static str,
        /// Its rows.
        got: usize,
    },
    /// No rows.
    #[error("{what} has no rows: there is nothing to {action}")]
    NoRows {
        /// Which tensor.
        what: &'static str,
        /// What was to be done with it.
        action: &'static str,
    },
    /// Rows of another shape than the network takes.
    #[error("model `{model}` takes rows of shape {expected}, but {what} has rows of shape {got}: {advice}")]
    InputShape {
        /// Name of the model.
        model: String,
        /// `x` or `validation x`.
        what: &'static str,
        /// Shape of a row, `None` where any size is right.
        expected: String,
        /// Shape of a row that came.
        got: String,
        /// What to try.
        advice: String,
    },
    /// Labels of another shape than the loss takes.
    #[error("{loss} takes labels of shape {expected} for predictions of shape {prediction}, but {what} has shape {got}{advice}")]
    LabelShape {
        /// Class of the loss.
        loss: &'static str,
        /// `y` or `validation y`.
        what: &'static str,
        /// Shapes that would fit.
        expected: String,
        /// Shape of the network's output.
        prediction: String,
        /// Shape that came.
        got: Box<str>,
        /// What to try, beginning with a colon; may be empty.
        advice: Box<str>,
    },
    /// A class label that is not one.
    #[error(
        "row {row} of {what} has the label {value}, but {loss} takes whole class numbers from 0 to {} \
         (the network has {classes} outputs)",
        classes.saturating_sub(1)
    )]
    Label {
        /// `y` or `validation y`.
        what: &'static str,
        /// Row, counted from 0.
        row: usize,
        /// The value.
        value: f64,
        /// Name of the loss.
        loss: String,
        /// Number of classes: the width of the network's output.
        classes: usize,
    },
    /// A number that is not in the table in which a layer looks it up.
    #[error(
        "{what} has {value} at row {row}, column {column} (both counted from 0), but layer `{layer}` takes whole numbers from 0 to {}: \
         give it an input_dim of more than the largest number, or check how the data was prepared",
        rows.saturating_sub(1)
    )]
    NotInTable {
        /// Which tensor.
        what: &'static str,
        /// Row, counted from 0.
        row: usize,
        /// Column within the row, counted from 0, row-major.
        column: usize,
        /// The value.
        value: f32,
        /// Name of the layer.
        layer: String,
        /// Rows of its table.
        rows: usize,
    },
    /// NaN or infinity in the data.
    #[error("{what} has {value} at row {row}, column {column} (both counted from 0): remove the row or fill the gap before training")]
    NonFiniteData {
        /// Which tensor.
        what: &'static str,
        /// Row, counted from 0.
        row: usize,
        /// Column within the row, counted from 0, row-major.
        column: usize,
        /// The value.
        value: f32,
    },

    /// The loss became NaN or infinite while training.
    #[error(
        "the loss became {loss} in epoch {} at step {} (batch {} of the epoch): {what}{}. \
         The model is back as it was when this epoch began. {}",
        epoch + 1, iteration + 1, step + 1, of_layer(layer.as_deref()), remedy(*what)
    )]
    NonFiniteLoss {
        /// Epoch, counted from 0.
        epoch: usize,
        /// Step within the epoch, counted from 0.
        step: usize,
        /// Training steps made before this one since `compile`.
        iteration: u32,
        /// The loss.
        loss: f32,
        /// The first layer whose values are not finite, when it is a layer.
        layer: Option<String>,
        /// Where non-finite values begin.
        what: NonFinite,
    },

    /// A monitored value that is not measured.
    #[error(
        "{callback} watches `{monitor}`, but the values of an epoch are {}{}",
        available.join(", "),
        if monitor.starts_with("val_") && !available.iter().any(|a| a.starts_with("val_")) {
            ": give fit a validation_split or validation_data"
        } else { "" }
    )]
    Monitor {
        /// Class of the callback.
        callback: &'static str,
        /// The name.
        monitor: String,
        /// What exists.
        available: Vec<String>,
    },
    /// It is not known whether larger or smaller is better.
    #[error("{callback}: it is not known whether a larger or a smaller `{monitor}` is better: set mode to Mode::Max or Mode::Min")]
    Direction {
        /// Class of the callback.
        callback: &'static str,
        /// The monitored name.
        monitor: String,
    },
    /// A space of settings that cannot be searched.
    #[error("the search{}: {message}", if setting.is_empty() { String::new() } else { format!("'s setting `{setting}`") })]
    Space {
        /// The setting, where it is one.
        setting: String,
        /// What is wrong and what to try.
        message: String,
    },
    /// A callback failed on its own account.
    #[error("{callback}: {message}")]
    Callback {
        /// Class of the callback.
        callback: &'static str,
        /// What happened and what to try.
        message: String,
    },

    /// A file whose content is not a model of ours.
    #[error("{file}: {message}")]
    Load {
        /// The file.
        file: String,
        /// What is wrong, and where.
        message: String,
    },
    /// A weight that does not exist or has another shape.
    #[error("weight `{name}`: {message}")]
    Weight {
        /// Layer path and name.
        name: String,
        /// What is wrong.
        message: String,
    },
}

/// Where non-finite values begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NonFinite {
    /// In the batch: inputs, labels or sample weights.
    Data,
    /// In the weights, made so by the given update (counted from 1).
    Weights {
        /// Number of the update.
        update: u32,
    },
    /// In what the layer computed from finite inputs and finite weights.
    Output,
    /// In the loss function: predictions are finite, the loss is not.
    Loss,
    /// It did not happen again when the epoch was replayed (a callback changed the model within the epoch).
    NotReproduced,
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data => f.write_str("the batch holds values that are not finite"),
            Self::Weights { update } => write!(f, "update {update} made weights that are not finite, first those"),
            Self::Output => f.write_str("values that are not finite begin in the output"),
            Self::Loss => f.write_str("the predictions are finite, but the loss function overflows on them"),
            Self::NotReproduced => f.write_str("replaying the epoch did not show where"),
        }
    }
}

fn of_layer(layer: Option<&str>) -> String {
    layer.map_or_else(String::new, |l| format!(" of layer `{l}`"))
}

fn remedy(what: NonFinite) -> &'static str {
    match what {
        NonFinite::Data => "Check how the data was prepared.",
        NonFinite::Weights { .. } => "Try a smaller learning rate or clipnorm, and bring the inputs to a range around 0 to 1.",
        NonFinite::Output | NonFinite::Loss | NonFinite::NotReproduced => {
            "Bring the inputs to a range around 0 to 1, or try a smaller learning rate. Fit::allow_nan(true) goes on as Keras does."
        }
    }
}

macro_rules! boxed {
    ($($source:ident => $variant:ident),*) => {$(
        impl From<$source> for Error {
            fn from(e: $source) -> Self {
                Self::$variant(Box::new(e))
            }
        }
    )*};
}
// Rare and large: an error must not make every result large.
boxed!(ConfigError => Config, FormatError => Format, DataError => Data);

impl Error {
    pub(crate) fn layer(layer: impl Into<String>, source: ConfigError) -> Self {
        Self::Layer { layer: layer.into(), source: Box::new(source) }
    }
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, without a mark at each call")]
    pub(crate) fn option(option: &'static str, got: impl ToString, expected: impl Into<String>) -> Self {
        Self::Option { option, got: got.to_string(), expected: expected.into() }
    }
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
