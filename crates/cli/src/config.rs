//! The TOML file: `[data]`, `[[model.layers]]` with Keras' class names and arguments, `[training]`.

use crate::error::CliError;
use adaline::nn::DTypePolicy;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A whole file. Every part may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the data is and how to read it.
    #[serde(default)]
    pub data: DataConfig,
    /// The layers.
    #[serde(default)]
    pub model: ModelConfig,
    /// How to train.
    #[serde(default)]
    pub training: TrainingConfig,
    /// What `search` varies.
    pub search: Option<toml::Table>,
}

/// `[data]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// File or folder, relative to the TOML file.
    pub path: Option<PathBuf>,
    /// Column to predict.
    pub target: Option<String>,
    /// Column of times: the table is a series.
    pub time: Option<String>,
    /// Column that tells several series apart.
    pub key: Option<String>,
    /// Past steps that a forecast is made from.
    pub window: Option<usize>,
    /// Future steps that are forecast at once.
    pub horizon: Option<usize>,
    /// Steps after which a season repeats.
    pub season: Option<usize>,
    /// Whether a network sees a series as differences from the last value of each window; decided by the data when not given.
    pub relative: Option<bool>,
    /// `classes` or `numbers`.
    pub task: Option<String>,
    /// `standard` (default), `minmax` or `none`.
    pub scaling: Option<String>,
    /// Columns to leave out.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// Columns to read as categories.
    #[serde(default)]
    pub category: Vec<String>,
    /// More texts that mean "no value".
    #[serde(default)]
    pub missing: Vec<String>,
    /// Column to read as text.
    pub text: Option<String>,
    /// Most entries of its vocabulary.
    pub vocabulary: Option<usize>,
    /// Whether it is read alone, all other columns left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub text_alone: bool,
    /// Words of each text that are read.
    pub sequence_length: Option<usize>,
    /// Buckets of texts of about the same length.
    pub buckets: Option<usize>,
    /// The file has layers: a chain, which takes one input.
    #[serde(skip)]
    pub chain: bool,
    /// Height and width when each row of the table is a picture.
    pub image: Option<[usize; 2]>,
    /// The table names pictures (column `path`) and their classes (column `label`).
    #[serde(default)]
    pub pictures: bool,
    /// Size that pictures are brought to: `64`, `[64, 48]` (height, width) or `"64x48"`.
    pub image_size: Option<toml::Value>,
    /// `rgb` (default) or `grayscale`.
    pub color: Option<String>,
    /// Memory for decoded pictures, in MiB.
    pub cache_mb: Option<u64>,
    /// `refuse` (default) or `skip`.
    pub on_bad_file: Option<String>,
    /// Share of the rows held out for the final measurement.
    pub test_split: Option<f64>,
    /// Column separator.
    pub delimiter: Option<char>,
    /// Encoding.
    pub encoding: Option<String>,
}

/// `[model]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelConfig {
    /// Name of the model.
    pub name: Option<String>,
    /// Policy of the layers without a `dtype`: `float32` (default), `mixed_bfloat16` or `mixed_float16`.
    pub dtype: Option<String>,
    /// Layers: `class_name` and the arguments Keras gives them.
    #[serde(default)]
    pub layers: Vec<toml::Table>,
}

/// `[training]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainingConfig {
    /// A name, or a table with `class_name` and arguments.
    pub optimizer: Option<toml::Value>,
    /// A name, or a table with `class_name` and arguments.
    pub loss: Option<toml::Value>,
    /// Names or tables.
    pub metrics: Option<Vec<toml::Value>>,
    /// Learning rate.
    pub learning_rate: Option<f64>,
    /// Most epochs.
    pub epochs: Option<usize>,
    /// Rows per step.
    pub batch_size: Option<usize>,
    /// Share of the training rows held out.
    pub validation_split: Option<f64>,
    /// Epochs without improvement before training stops; 0 for never.
    pub patience: Option<usize>,
    /// Folds.
    pub kfold: Option<usize>,
    /// Seed.
    pub seed: Option<u64>,
    /// Weight by class name.
    #[serde(default)]
    pub class_weight: std::collections::BTreeMap<String, f64>,
}

impl Config {
    /// Reads a file. Paths in it become relative to its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|e| CliError::io(path, "cannot read the configuration", e))?;
        let mut config: Self =
            toml::from_str(&text).map_err(|e| CliError::Misuse(format!("{}: {}", path.display(), e.to_string().trim_end())))?;
        config.data.chain = !config.model.layers.is_empty();
        if let (Some(data), Some(folder)) = (&config.data.path, path.parent()) {
            config.data.path = Some(folder.join(data));
        }
        Ok(config)
    }
}

impl ModelConfig {
    /// The policy of the layers without one.
    pub(crate) fn policy(&self) -> Result<DTypePolicy, CliError> {
        let named = |name| DTypePolicy::from_name("[model]", name).map_err(|e| CliError::Misuse(e.to_string()));
        self.dtype.as_deref().map_or(Ok(DTypePolicy::default()), named)
    }
    /// The layers as Keras envelopes.
    pub(crate) fn envelopes(&self) -> Result<Vec<serde_json::Value>, CliError> {
        self.layers.iter().enumerate().map(|(i, t)| envelope(t, "keras.layers", &format!("[[model.layers]] number {}", i + 1))).collect()
    }
}

/// A table with `class_name` and arguments as a Keras envelope.
pub(crate) fn envelope(table: &toml::Table, module: &str, place: &str) -> Result<serde_json::Value, CliError> {
    let mut config = serde_json::to_value(table).map_err(|e| CliError::Misuse(format!("{place}: {e}")))?;
    let class = config.as_object_mut().and_then(|c| c.remove("class_name"));
    let Some(serde_json::Value::String(class)) = class else {
        return Err(CliError::Misuse(format!("{place}: expected class_name = \"Dense\" or another of Keras' class names")));
    };
    Ok(serde_json::json!({"module": module, "class_name": class, "config": config, "registered_name": null}))
}
