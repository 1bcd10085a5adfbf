//! Stop when nothing becomes better.

use super::monitor::Monitor;
use super::{Callback, CallbackState, Control, Mode};
use crate::error::Result;
use crate::model::Logs;
use adaline_data::Tensor;
use serde_json::json;

/// Ends training when the watched value has not become better for `patience` epochs; as Keras' `EarlyStopping`.
///
/// With `restore_best_weights` the weights of the best epoch come back at the end of training, also when the epochs ran out before
/// the patience did (so does Keras 3).
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    verbose: bool,
    wait: usize,
    stopped_epoch: Option<usize>,
    best: Option<f64>,
    best_epoch: usize,
    best_weights: Option<Vec<Tensor>>,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self {
            monitor: Monitor::new("EarlyStopping", "val_loss"),
            patience: 0,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            verbose: false,
            wait: 0,
            stopped_epoch: None,
            best: None,
            best_epoch: 0,
            best_weights: None,
        }
    }
}

impl EarlyStopping {
    /// Watches `val_loss` with a patience of 0.
    pub fn new() -> Self {
        Self::default()
    }
    /// Which value to watch (`val_loss`).
    pub fn monitor(mut self, name: impl Into<String>) -> Self {
        self.monitor.name = name.into();
        self
    }
    /// Least change that counts as better (0).
    pub fn min_delta(mut self, delta: f64) -> Self {
        self.monitor.min_delta = delta;
        self
    }
    /// Epochs without getting better after which training ends (0).
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }
    /// Whether smaller or larger is better (known from the metric).
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }
    /// A value that must be beaten for the patience to begin anew.
    pub fn baseline(mut self, value: f64) -> Self {
        self.baseline = Some(value);
        self
    }
    /// Whether the weights of the best epoch come back at the end (false).
    pub fn restore_best_weights(mut self, restore: bool) -> Self {
        self.restore_best_weights = restore;
        self
    }
    /// Epochs before this one are not looked at (0).
    pub fn start_from_epoch(mut self, epoch: usize) -> Self {
        self.start_from_epoch = epoch;
        self
    }
    /// Whether to tell what happens.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }
    /// The epoch after which it stopped training, from 0; none when it did not.
    pub fn stopped_epoch(&self) -> Option<usize> {
        self.stopped_epoch
    }
    /// The best epoch, from 0, and its value.
    pub fn best(&self) -> Option<(usize, f64)> {
        self.best.map(|v| (self.best_epoch, v))
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, _: &mut Control<'_>) -> Result<()> {
        (self.wait, self.stopped_epoch, self.best, self.best_weights, self.best_epoch) = (0, None, None, None, 0);
        Ok(())
    }
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        let Some(current) = self.monitor.value(logs, control)? else { return Ok(()) };
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        if self.restore_best_weights && self.best_weights.is_none() {
            // A first value that is NaN is never beaten: these weights are then the best there are.
            self.best_weights = Some(control.model().get_weights());
            self.best_epoch = epoch;
        }
        self.wait += 1;
        if self.monitor.improves(current, self.best) {
            self.best = Some(current);
            self.best_epoch = epoch;
            if self.restore_best_weights {
                self.best_weights = Some(control.model().get_weights());
            }
            if self.baseline.is_none_or(|b| self.monitor.improves(current, Some(b))) {
                self.wait = 0;
            }
            return Ok(());
        }
        if self.wait >= self.patience && epoch > 0 {
            self.stopped_epoch = Some(epoch);
            control.stop();
        }
        Ok(())
    }
    fn state(&self) -> CallbackState {
        CallbackState {
            values: json!({
                "wait": self.wait, "stopped_epoch": self.stopped_epoch, "best": CallbackState::bits(self.best),
                "best_epoch": self.best_epoch, "kept": self.best_weights.is_some(),
            }),
            tensors: self.best_weights.clone().unwrap_or_default(),
        }
    }
    fn restore(&mut self, state: CallbackState, _: &mut Control<'_>) -> Result<()> {
        (self.wait, self.stopped_epoch) = (state.count("wait")?, state.optional_count("stopped_epoch")?);
        (self.best, self.best_epoch) = (state.number("best")?, state.count("best_epoch")?);
        self.best_weights = (state.values["kept"] == true).then_some(state.tensors);
        Ok(())
    }
    fn on_train_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        if let (Some(epoch), true) = (self.stopped_epoch, self.verbose) {
            control.tell(&format!("Epoch {}: early stopping", epoch + 1));
        }
        if let Some(weights) = self.best_weights.take() {
            if self.verbose {
                control.tell(&format!("Restoring model weights from the end of the best epoch: {}.", self.best_epoch + 1));
            }
            control.model().set_weights(&weights)?;
        }
        Ok(())
    }
}
