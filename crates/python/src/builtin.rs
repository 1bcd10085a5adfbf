//! The callbacks of Rust from what Python was told of them.

use adaline::nn::Callback;
use adaline::nn::callbacks::{
    BackupAndRestore, CsvLogger, EarlyStopping, GradientDescentStop, Mode, ModelCheckpoint, ReduceLROnPlateau, SaveFreq, SwapEMAWeights,
    TensorBoard, TerminateOnNaN, UpdateFreq,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::Value;

/// A callback of Rust.
pub(crate) enum Builtin {
    EarlyStopping(EarlyStopping),
    ModelCheckpoint(ModelCheckpoint),
    ReduceLROnPlateau(ReduceLROnPlateau),
    CsvLogger(CsvLogger),
    TerminateOnNaN(TerminateOnNaN),
    SwapEMAWeights(SwapEMAWeights),
    TensorBoard(TensorBoard),
    BackupAndRestore(BackupAndRestore),
    GradientDescentStop(GradientDescentStop),
}

/// Arguments of a callback by name.
struct Arguments<'v> {
    class: &'v str,
    config: &'v Value,
}

impl Arguments<'_> {
    fn wrong(&self, key: &str, expected: &str) -> PyErr {
        PyValueError::new_err(format!("{}: `{key}` must be {expected}, got {}", self.class, self.config[key]))
    }
    fn text(&self, key: &str) -> PyResult<String> {
        self.config[key].as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, "a text"))
    }
    fn flag(&self, key: &str, default: bool) -> bool {
        match &self.config[key] {
            Value::Bool(v) => *v,
            Value::Number(n) => n.as_f64() != Some(0.0),
            _ => default,
        }
    }
    fn number(&self, key: &str, default: f64) -> PyResult<f64> {
        match &self.config[key] {
            Value::Null => Ok(default),
            v => v.as_f64().ok_or_else(|| self.wrong(key, "a number")),
        }
    }
    fn count(&self, key: &str, default: usize) -> PyResult<usize> {
        let value = self.number(key, default as f64)?;
        if value >= 0.0 && value.fract() == 0.0 { Ok(value as usize) } else { Err(self.wrong(key, "a whole number of at least 0")) }
    }
    fn mode(&self) -> PyResult<Mode> {
        match self.config["mode"].as_str() {
            None | Some("auto") => Ok(Mode::Auto),
            Some("min") => Ok(Mode::Min),
            Some("max") => Ok(Mode::Max),
            Some(_) => Err(self.wrong("mode", "auto, min or max")),
        }
    }
    fn freq(&self) -> PyResult<SaveFreq> {
        match &self.config["save_freq"] {
            Value::Null => Ok(SaveFreq::Epoch),
            Value::String(s) if s == "epoch" => Ok(SaveFreq::Epoch),
            v => v
                .as_u64()
                .filter(|&n| n > 0)
                .map(|n| SaveFreq::Steps(n as usize))
                .ok_or_else(|| self.wrong("save_freq", "epoch or a number of steps")),
        }
    }
}

impl Builtin {
    /// From `{"class_name": .., "config": {..}}`.
    pub(crate) fn from_json(value: &Value) -> PyResult<Self> {
        let class = value["class_name"].as_str().unwrap_or_default();
        let a = Arguments { class, config: &value["config"] };
        Ok(match class {
            "EarlyStopping" => {
                let mut made = EarlyStopping::new()
                    .min_delta(a.number("min_delta", 0.0)?.abs())
                    .patience(a.count("patience", 0)?)
                    .mode(a.mode()?)
                    .restore_best_weights(a.flag("restore_best_weights", false))
                    .start_from_epoch(a.count("start_from_epoch", 0)?)
                    .verbose(a.flag("verbose", false))
                    .monitor(a.text("monitor").unwrap_or_else(|_| "val_loss".into()));
                if !a.config["baseline"].is_null() {
                    made = made.baseline(a.number("baseline", 0.0)?);
                }
                Self::EarlyStopping(made)
            }
            "ModelCheckpoint" => {
                let mut made = ModelCheckpoint::new(a.text("filepath")?)
                    .monitor(a.text("monitor").unwrap_or_else(|_| "val_loss".into()))
                    .save_best_only(a.flag("save_best_only", false))
                    .save_weights_only(a.flag("save_weights_only", false))
                    .mode(a.mode()?)
                    .save_freq(a.freq()?)
                    .verbose(a.flag("verbose", false));
                if !a.config["initial_value_threshold"].is_null() {
                    made = made.initial_value_threshold(a.number("initial_value_threshold", 0.0)?);
                }
                Self::ModelCheckpoint(made)
            }
            "ReduceLROnPlateau" => Self::ReduceLROnPlateau(
                ReduceLROnPlateau::new()
                    .monitor(a.text("monitor").unwrap_or_else(|_| "val_loss".into()))
                    .factor(a.number("factor", 0.1)?)
                    .patience(a.count("patience", 10)?)
                    .mode(a.mode()?)
                    .min_delta(a.number("min_delta", 1e-4)?)
                    .cooldown(a.count("cooldown", 0)?)
                    .min_lr(a.number("min_lr", 0.0)?)
                    .verbose(a.flag("verbose", false)),
            ),
            "CSVLogger" => {
                let separator = a.text("separator").unwrap_or_else(|_| ",".into());
                let mut letters = separator.chars();
                let (Some(separator), None) = (letters.next(), letters.next()) else { return Err(a.wrong("separator", "one character")) };
                Self::CsvLogger(CsvLogger::new(a.text("filename")?).separator(separator).append(a.flag("append", false)))
            }
            "TerminateOnNaN" => Self::TerminateOnNaN(TerminateOnNaN::new()),
            "SwapEMAWeights" => Self::SwapEMAWeights(SwapEMAWeights::new().swap_on_epoch(a.flag("swap_on_epoch", false))),
            "TensorBoard" => {
                let freq = match &a.config["update_freq"] {
                    Value::String(s) if s == "batch" => UpdateFreq::Batch,
                    Value::Number(n) => UpdateFreq::Steps(n.as_u64().unwrap_or(1).max(1) as usize),
                    _ => UpdateFreq::Epoch,
                };
                Self::TensorBoard(
                    TensorBoard::new(a.text("log_dir").unwrap_or_else(|_| "logs".into()))
                        .histogram_freq(a.count("histogram_freq", 0)?)
                        .write_graph(a.flag("write_graph", true))
                        .update_freq(freq),
                )
            }
            "BackupAndRestore" => Self::BackupAndRestore(
                BackupAndRestore::new(a.text("backup_dir")?)
                    .save_freq(a.freq()?)
                    .double_checkpoint(a.flag("double_checkpoint", false))
                    .delete_checkpoint(a.flag("delete_checkpoint", true)),
            ),
            "GradientDescentStop" => {
                Self::GradientDescentStop(GradientDescentStop::new(a.number("step_size", 1e-3)? as f32, a.count("max_steps", 1000)?))
            }
            other => return Err(PyValueError::new_err(format!("there is no callback `{other}`"))),
        })
    }
    /// It, to be told of the training.
    pub(crate) fn callback(&mut self) -> &mut dyn Callback {
        match self {
            Self::EarlyStopping(c) => c,
            Self::ModelCheckpoint(c) => c,
            Self::ReduceLROnPlateau(c) => c,
            Self::CsvLogger(c) => c,
            Self::TerminateOnNaN(c) => c,
            Self::SwapEMAWeights(c) => c,
            Self::TensorBoard(c) => c,
            Self::BackupAndRestore(c) => c,
            Self::GradientDescentStop(c) => c,
        }
    }
    /// What Python's object has as attributes afterwards.
    pub(crate) fn told(&self) -> Vec<(String, f64)> {
        match self {
            Self::EarlyStopping(c) => {
                let mut told = vec![("stopped_epoch".to_owned(), c.stopped_epoch().unwrap_or(0) as f64)];
                if let Some((epoch, best)) = c.best() {
                    told.push(("best_epoch".into(), epoch as f64));
                    told.push(("best".into(), best));
                }
                told
            }
            Self::ModelCheckpoint(c) => c.best().map(|best| ("best".to_owned(), best)).into_iter().collect(),
            Self::GradientDescentStop(c) => {
                vec![("steps".into(), c.steps() as f64), ("converged".into(), f64::from(u8::from(c.converged())))]
            }
            _ => Vec::new(),
        }
    }
}
