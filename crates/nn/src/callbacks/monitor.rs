//! A value that is watched: whether it became better.

use super::Control;
use crate::error::{Error, Result};
use crate::model::{Logs, log_value};

/// Whether smaller or larger is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Known from the metric; the loss is better when smaller.
    #[default]
    Auto,
    /// Smaller is better.
    Min,
    /// Larger is better.
    Max,
}

/// A watched value.
#[derive(Clone, Debug)]
pub(crate) struct Monitor {
    pub(crate) callback: &'static str,
    pub(crate) name: String,
    pub(crate) mode: Mode,
    /// Least change that counts.
    pub(crate) min_delta: f64,
    pub(super) larger: Option<bool>,
}

impl Monitor {
    pub(crate) fn new(callback: &'static str, name: &str) -> Self {
        Self { callback, name: name.into(), mode: Mode::Auto, min_delta: 0.0, larger: None }
    }
    /// The value of this epoch; none in an epoch without validation. A name that nothing measures is an error.
    pub(crate) fn value(&mut self, logs: &Logs, control: &mut Control<'_>) -> Result<Option<f64>> {
        if let Some(value) = log_value(logs, &self.name) {
            if self.larger.is_none() {
                self.larger = Some(self.direction(control)?);
            }
            return Ok(Some(value));
        }
        let not_validated = !logs.iter().any(|(n, _)| n.starts_with("val_"));
        if control.validates() && not_validated && self.name.starts_with("val_") {
            let measured = logs.iter().any(|(n, _)| Some(n.as_str()) == self.name.strip_prefix("val_"));
            if measured {
                return Ok(None);
            }
        }
        Err(Error::Monitor {
            callback: self.callback,
            monitor: self.name.clone(),
            available: logs.iter().map(|(n, _)| n.clone()).collect(),
        })
    }
    fn direction(&self, control: &mut Control<'_>) -> Result<bool> {
        let metric = self.name.strip_prefix("val_").unwrap_or(&self.name);
        let known = match self.mode {
            Mode::Min => Some(false),
            Mode::Max => Some(true),
            Mode::Auto if metric == "loss" => Some(false),
            Mode::Auto => control.model().larger_is_better(metric),
        };
        known.ok_or_else(|| Error::Direction { callback: self.callback, monitor: self.name.clone() })
    }
    /// Whether `value` is better than `reference` by more than the least change.
    pub(crate) fn improves(&self, value: f64, reference: Option<f64>) -> bool {
        let Some(reference) = reference else { return true };
        let delta = self.min_delta.abs();
        if self.larger == Some(true) { value - delta > reference } else { value + delta < reference }
    }
}
