//! Curves, histograms and the network for TensorBoard.

use super::{Callback, CallbackState, Control};
use crate::error::{Error, Result};
use crate::model::{Logs, Model};
use adaline_formats::{EventFile, EventValue};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Buckets of a histogram, as `tf.summary.histogram` has.
const BUCKETS: usize = 30;

/// How often values of steps are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UpdateFreq {
    /// Never: values of epochs alone.
    #[default]
    Epoch,
    /// After every step.
    Batch,
    /// After every so many steps.
    Steps(usize),
}

/// Writes event files that TensorBoard shows (`tensorboard --logdir logs`); as Keras' `TensorBoard`.
///
/// In `log_dir/train`: `epoch_loss`, `epoch_accuracy` and so on, `epoch_learning_rate`, and with [`TensorBoard::update_freq`] the running
/// values of the epoch so far as `batch_loss`; histograms of all weights (`dense/kernel/histogram`); the network as a graph of layers and
/// its summary as text. In `log_dir/validation`: the same names for the validation. Epochs count from 0, steps from 1.
///
/// Not written: `evaluation_loss_vs_iterations`, images of weights, embeddings, and profiles.
#[derive(Debug)]
pub struct TensorBoard {
    log_dir: PathBuf,
    histogram_freq: usize,
    write_graph: bool,
    update_freq: UpdateFreq,
    train: Option<EventFile>,
    validation: Option<EventFile>,
    /// Steps since the beginning of training.
    steps: u64,
}

impl TensorBoard {
    /// Writes to a folder (Keras' default is `logs`). Files of earlier trainings stay there and are shown, too: take a folder for each.
    pub fn new(log_dir: impl Into<PathBuf>) -> Self {
        Self {
            log_dir: log_dir.into(),
            histogram_freq: 0,
            write_graph: true,
            update_freq: UpdateFreq::Epoch,
            train: None,
            validation: None,
            steps: 0,
        }
    }
    /// Write histograms of the weights after every so many epochs; 0 for none (0).
    pub fn histogram_freq(mut self, epochs: usize) -> Self {
        self.histogram_freq = epochs;
        self
    }
    /// Whether to write the network (true).
    pub fn write_graph(mut self, yes: bool) -> Self {
        self.write_graph = yes;
        self
    }
    /// How often values of steps are written (only those of epochs).
    pub fn update_freq(mut self, freq: UpdateFreq) -> Self {
        self.update_freq = freq;
        self
    }

    /// Steps between two that are written, if any are.
    fn every(&self) -> Option<u64> {
        match self.update_freq {
            UpdateFreq::Epoch => None,
            UpdateFreq::Batch => Some(1),
            UpdateFreq::Steps(n) => Some(n as u64),
        }
    }
    fn write_training(&mut self, step: u64, values: &[(String, EventValue<'_>)]) -> Result<()> {
        Self::append(&mut self.train, &self.log_dir.join("train"), step, values)
    }
    fn append(file: &mut Option<EventFile>, folder: &Path, step: u64, values: &[(String, EventValue<'_>)]) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let file = match file {
            Some(file) => file,
            None => file.insert(EventFile::create(folder)?),
        };
        Ok(file.write(step, values)?)
    }
    fn describe(&mut self, model: &Model) -> Result<()> {
        let (config, summary) = (model.to_config()?.to_string(), format!("```\n{}\n```", model.summary()?));
        let values = [("keras".to_owned(), EventValue::KerasModel(&config)), ("summary".to_owned(), EventValue::Text(&summary))];
        self.write_training(0, &values)
    }
}

/// Counts in buckets of one width from the smallest value to the largest, as `tf.summary.histogram` makes them; values that are not finite
/// are left out.
fn histogram(values: &[f32]) -> Vec<[f64; 3]> {
    let finite = || values.iter().filter(|v| v.is_finite()).map(|&v| f64::from(v));
    let (least, most) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if least > most {
        return Vec::new();
    }
    if least == most {
        return vec![[least - 0.5, least + 0.5, finite().count() as f64]];
    }
    let width = (most - least) / BUCKETS as f64;
    let end = |i: usize| if i == BUCKETS { most } else { least + i as f64 * width };
    let mut buckets: Vec<[f64; 3]> = (0..BUCKETS).map(|i| [end(i), end(i + 1), 0.0]).collect();
    for v in finite() {
        buckets[(((v - least) / width) as usize).min(BUCKETS - 1)][2] += 1.0;
    }
    buckets
}

fn scalars<'a>(prefix: &str, logs: impl Iterator<Item = (&'a str, f64)>) -> Vec<(String, EventValue<'static>)> {
    logs.map(|(name, v)| (format!("{prefix}_{name}"), EventValue::Scalar(v as f32))).collect()
}

impl Callback for TensorBoard {
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        if self.update_freq == UpdateFreq::Steps(0) {
            return Err(Error::option("update_freq", 0, "at least 1 step"));
        }
        (self.train, self.validation, self.steps) = (None, None, 0);
        if self.write_graph && !control.resumes() {
            self.describe(control.model())?;
        }
        Ok(())
    }
    fn wants_batches(&self) -> bool {
        self.update_freq != UpdateFreq::Epoch
    }
    fn on_train_batch_end(&mut self, _: usize, _: f32, control: &mut Control<'_>) -> Result<()> {
        self.steps += 1;
        if self.every().is_some_and(|n| self.steps.is_multiple_of(n)) {
            let logs = control.model().running_logs();
            self.write_training(self.steps, &scalars("batch", logs.iter().map(|(n, v)| (n.as_str(), *v))))?;
        }
        Ok(())
    }
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        let pairs = || logs.iter().map(|(n, v)| (n.as_str(), *v));
        let training = pairs().filter(|(n, _)| !n.starts_with("val_") && *n != "learning_rate");
        let mut values = scalars("epoch", training.chain(control.learning_rate().map(|rate| ("learning_rate", rate))));
        if self.histogram_freq > 0 && epoch.is_multiple_of(self.histogram_freq) {
            let model = control.model();
            for (name, tensor) in model.weight_names().into_iter().zip(model.get_weights()) {
                values.push((format!("{name}/histogram"), EventValue::Histogram(histogram(&tensor.f32_values()))));
            }
        }
        self.write_training(epoch as u64, &values)?;
        let validation = scalars("epoch", pairs().filter_map(|(n, v)| Some((n.strip_prefix("val_")?, v))));
        Self::append(&mut self.validation, &self.log_dir.join("validation"), epoch as u64, &validation)
    }
    fn on_train_end(&mut self, _: &mut Control<'_>) -> Result<()> {
        (self.train, self.validation) = (None, None);
        Ok(())
    }
    fn state(&self) -> CallbackState {
        let place = |file: &Option<EventFile>| file.as_ref().map(|f| json!([f.path(), f.len()]));
        CallbackState::of(json!({"steps": self.steps, "train": place(&self.train), "validation": place(&self.validation)}))
    }
    /// Goes on in the same files; events that were written after the backup will be written again.
    fn restore(&mut self, state: CallbackState, _: &mut Control<'_>) -> Result<()> {
        self.steps = state.count("steps")? as u64;
        let open = |place: &Value| {
            let (path, bytes) = (place[0].as_str()?, place[1].as_u64()?);
            Some(EventFile::reopen(Path::new(path), bytes))
        };
        self.train = open(&state.values["train"]).transpose()?;
        self.validation = open(&state.values["validation"]).transpose()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bucket() {
        let values: Vec<f32> = (0..=90).map(|i| i as f32 / 3.0).collect();
        let buckets = histogram(&values);
        assert_eq!((buckets.len(), buckets[0], buckets[29]), (30, [0.0, 1.0, 3.0], [29.0, 30.0, 4.0]));
        assert_eq!(buckets.iter().map(|b| b[2]).sum::<f64>(), 91.0);
        assert_eq!(histogram(&[2.0, 2.0, f32::NAN]), [[1.5, 2.5, 2.0]]);
        assert!(histogram(&[f32::INFINITY]).is_empty() && histogram(&[]).is_empty());
    }
}
