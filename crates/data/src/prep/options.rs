//! How to turn a table into numbers.

use serde::{Deserialize, Serialize};

use crate::ColumnKind;

/// What is to be predicted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Found out from the target: texts are classes; whole numbers are classes when there are at most 20 different
    /// ones, these are at most 10 or at most 5 % of the rows, and some come more than once; all else is a number.
    #[default]
    Auto,
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

/// What stands in for a missing number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Impute {
    /// The middle value of the training rows.
    #[default]
    Median,
    /// Their mean.
    Mean,
    /// Their most frequent value, the smallest on a tie.
    MostFrequent,
    /// This value.
    Constant(f64),
}

/// How numbers are brought to a common size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Mean 0 and standard deviation 1 in the training rows.
    #[default]
    Standard,
    /// From 0 to 1 in the training rows.
    MinMax,
    /// Left as they are.
    None,
}

/// How a column of texts becomes sequences of words' numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextOptions {
    /// Most entries of the vocabulary, those for padding and unknown words included; at least 3.
    pub max_tokens: usize,
    /// Words of each text that are read; `None` takes so many that 95 % of the training rows are read whole, at most 256.
    pub sequence_length: Option<usize>,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { max_tokens: 10_000, sequence_length: None }
    }
}

/// How to turn a table into numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrepOptions {
    /// What is to be predicted.
    pub task: Task,
    /// What stands in for a missing number.
    pub impute: Impute,
    /// How numbers are scaled.
    pub scale: Scale,
    /// The most values of a category that get a column of their own; the rarer ones share one called "other".
    pub max_levels: usize,
    /// Columns to leave out.
    pub exclude: Vec<String>,
    /// Columns to take as another kind than the table says.
    pub kinds: Vec<(String, ColumnKind)>,
    /// Columns to read as texts, whatever their kind. When there are some, no other column is learned from, unless `beside_texts` says so.
    pub texts: Vec<(String, TextOptions)>,
    /// Whether other columns are learned from beside the texts.
    pub beside_texts: bool,
}

impl Default for PrepOptions {
    fn default() -> Self {
        Self {
            task: Task::Auto,
            impute: Impute::Median,
            scale: Scale::Standard,
            max_levels: 50,
            exclude: Vec::new(),
            kinds: Vec::new(),
            texts: Vec::new(),
            beside_texts: false,
        }
    }
}
