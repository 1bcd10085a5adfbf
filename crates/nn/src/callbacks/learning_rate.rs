//! Callbacks that change the learning rate between epochs.

use super::monitor::Monitor;
use super::{Callback, CallbackState, Control, Mode};
use crate::error::{Error, Result};
use crate::model::Logs;
use serde_json::json;
use std::fmt;

/// Puts the learning rate into the logs, as Keras' callbacks of this file do.
fn log_rate(logs: &mut Logs, control: &Control<'_>) -> Result<()> {
    let rate = rate_of(control)?;
    match logs.iter_mut().find(|(n, _)| n == "learning_rate") {
        Some((_, v)) => *v = rate,
        None => logs.push(("learning_rate".into(), rate)),
    }
    Ok(())
}

/// The learning rate, which these callbacks set: as in Keras there must be one.
fn rate_of(control: &Control<'_>) -> Result<f64> {
    control.learning_rate().ok_or_else(|| {
        let expected = "that of one optimizer; give those within a MultiOptimizer schedules instead of a callback";
        Error::option("learning_rate", "one for each of several optimizers", expected)
    })
}

/// Multiplies the learning rate by `factor` when the watched value has not become better for `patience` epochs; as Keras'
/// `ReduceLROnPlateau`. Adds `learning_rate` to the logs.
#[derive(Clone, Debug)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    verbose: bool,
    best: Option<f64>,
    wait: usize,
    cooling: usize,
}

impl Default for ReduceLROnPlateau {
    fn default() -> Self {
        let monitor = Monitor { min_delta: 1e-4, ..Monitor::new("ReduceLROnPlateau", "val_loss") };
        Self { monitor, factor: 0.1, patience: 10, cooldown: 0, min_lr: 0.0, verbose: false, best: None, wait: 0, cooling: 0 }
    }
}

impl ReduceLROnPlateau {
    /// Watches `val_loss`: factor 0.1, patience 10.
    pub fn new() -> Self {
        Self::default()
    }
    /// Which value to watch (`val_loss`).
    pub fn monitor(mut self, name: impl Into<String>) -> Self {
        self.monitor.name = name.into();
        self
    }
    /// What the learning rate is multiplied by (0.1), below 1.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }
    /// Epochs without getting better after which it acts (10).
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }
    /// Whether smaller or larger is better (known from the metric).
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }
    /// Least change that counts as better (0.0001).
    pub fn min_delta(mut self, delta: f64) -> Self {
        self.monitor.min_delta = delta;
        self
    }
    /// Epochs to wait after a reduction before counting again (0).
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }
    /// Least learning rate (0).
    pub fn min_lr(mut self, rate: f64) -> Self {
        self.min_lr = rate;
        self
    }
    /// Whether to tell what happens.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }
}

impl Callback for ReduceLROnPlateau {
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        rate_of(control)?;
        if !(self.factor >= 0.0 && self.factor < 1.0) {
            return Err(Error::option("factor of ReduceLROnPlateau", self.factor, "at least 0 and below 1"));
        }
        (self.best, self.wait, self.cooling) = (None, 0, 0);
        Ok(())
    }
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        log_rate(logs, control)?;
        let Some(current) = self.monitor.value(logs, control)? else { return Ok(()) };
        if self.cooling > 0 {
            self.cooling -= 1;
            self.wait = 0;
        }
        if self.monitor.improves(current, self.best) {
            self.best = Some(current);
            self.wait = 0;
        } else if self.cooling == 0 {
            self.wait += 1;
            let old = rate_of(control)?;
            if self.wait >= self.patience && old > f64::from(self.min_lr as f32) {
                let new = (old * self.factor).max(self.min_lr);
                control.set_learning_rate(new)?;
                if self.verbose {
                    control.tell(&format!("Epoch {}: ReduceLROnPlateau reducing learning rate to {new}.", epoch + 1));
                }
                self.cooling = self.cooldown;
                self.wait = 0;
            }
        }
        Ok(())
    }
    fn state(&self) -> CallbackState {
        CallbackState::of(json!({"best": CallbackState::bits(self.best), "wait": self.wait, "cooling": self.cooling}))
    }
    fn restore(&mut self, state: CallbackState, _: &mut Control<'_>) -> Result<()> {
        (self.best, self.wait, self.cooling) = (state.number("best")?, state.count("wait")?, state.count("cooling")?);
        Ok(())
    }
}

/// Sets the learning rate before each epoch to what a function of (epoch from 0, learning rate) gives; as Keras'
/// `LearningRateScheduler`. Adds `learning_rate` to the logs.
pub struct LearningRateScheduler<F> {
    schedule: F,
}

impl<F> fmt::Debug for LearningRateScheduler<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearningRateScheduler").finish_non_exhaustive()
    }
}

impl<F: FnMut(usize, f64) -> f64> LearningRateScheduler<F> {
    /// Uses the function.
    pub fn new(schedule: F) -> Self {
        Self { schedule }
    }
}

impl<F: FnMut(usize, f64) -> f64> Callback for LearningRateScheduler<F> {
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control<'_>) -> Result<()> {
        let rate = (self.schedule)(epoch, rate_of(control)?);
        control.set_learning_rate(rate)
    }
    fn on_epoch_end(&mut self, _: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        log_rate(logs, control)
    }
}
