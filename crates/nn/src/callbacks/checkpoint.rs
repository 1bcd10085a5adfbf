//! Save the model while it is trained.

use super::monitor::Monitor;
use super::{Callback, CallbackState, Control, Mode};
use crate::error::{Error, Result};
use crate::model::{Logs, log_value};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// When to save.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SaveFreq {
    /// After every epoch.
    #[default]
    Epoch,
    /// After so many steps.
    Steps(usize),
}

/// Saves the model after each epoch, or only when the watched value became better; as Keras' `ModelCheckpoint`.
///
/// The path may hold `{epoch:02d}` (counted from 1), `{batch}` and any name of the logs, such as `{val_loss:.2f}`. With
/// `save_weights_only` the file is Keras' `.weights.h5`, or a `.keras` archive without the optimizer's memory and the `compile` settings.
#[derive(Clone, Debug)]
pub struct ModelCheckpoint {
    filepath: String,
    monitor: Monitor,
    save_best_only: bool,
    save_weights_only: bool,
    save_freq: SaveFreq,
    initial_value_threshold: Option<f64>,
    verbose: bool,
    best: Option<f64>,
    epoch: usize,
    since: usize,
    last_saved: Option<PathBuf>,
}

impl ModelCheckpoint {
    /// Saves to `filepath` after each epoch.
    pub fn new(filepath: impl Into<String>) -> Self {
        Self {
            filepath: filepath.into(),
            monitor: Monitor::new("ModelCheckpoint", "val_loss"),
            save_best_only: false,
            save_weights_only: false,
            save_freq: SaveFreq::Epoch,
            initial_value_threshold: None,
            verbose: false,
            best: None,
            epoch: 0,
            since: 0,
            last_saved: None,
        }
    }
    /// Which value to watch (`val_loss`).
    pub fn monitor(mut self, name: impl Into<String>) -> Self {
        self.monitor.name = name.into();
        self
    }
    /// Whether to save only when the watched value became better (false).
    pub fn save_best_only(mut self, yes: bool) -> Self {
        self.save_best_only = yes;
        self
    }
    /// Whether to leave out optimizer and `compile` settings (false).
    pub fn save_weights_only(mut self, yes: bool) -> Self {
        self.save_weights_only = yes;
        self
    }
    /// Whether smaller or larger is better (known from the metric).
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }
    /// When to save (after every epoch).
    pub fn save_freq(mut self, freq: SaveFreq) -> Self {
        self.save_freq = freq;
        self
    }
    /// A value that the first saved model must already beat.
    pub fn initial_value_threshold(mut self, value: f64) -> Self {
        self.initial_value_threshold = Some(value);
        self
    }
    /// Whether to tell what happens.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }
    /// The file written last.
    pub fn last_saved(&self) -> Option<&Path> {
        self.last_saved.as_deref()
    }
    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    fn fail(message: String) -> Error {
        Error::Callback { callback: "ModelCheckpoint", message }
    }

    fn save(&mut self, step: Option<usize>, logs: &Logs, control: &mut Control<'_>) -> Result<()> {
        let path = PathBuf::from(format_path(&self.filepath, self.epoch, step, logs).map_err(Self::fail)?);
        if self.save_best_only {
            let Some(current) = self.monitor.value(logs, control)? else { return Ok(()) };
            let name = &self.monitor.name;
            if !self.monitor.improves(current, self.best) {
                if self.verbose {
                    control.tell(&format!("Epoch {}: {name} did not improve from {:.5}", self.epoch + 1, self.best.unwrap_or(f64::NAN)));
                }
                return Ok(());
            }
            if self.verbose {
                let from = self.best.map_or_else(|| "None".into(), |b| format!("{b:.5}"));
                control.tell(&format!(
                    "Epoch {}: {name} improved from {from} to {current:.5}, saving model to {}",
                    self.epoch + 1,
                    path.display()
                ));
            }
            self.best = Some(current);
        } else if self.verbose {
            control.tell(&format!("Epoch {}: saving model to {}", self.epoch + 1, path.display()));
        }
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| Self::fail(format!("cannot create the folder {}: {e}", folder.display())))?;
        }
        if self.save_weights_only {
            control.model().save_weights(&path)?;
        } else {
            control.model().save(&path)?;
        }
        self.last_saved = Some(path);
        Ok(())
    }
}

impl Callback for ModelCheckpoint {
    fn on_train_begin(&mut self, _: &mut Control<'_>) -> Result<()> {
        let weights = self.save_weights_only && self.filepath.ends_with(".weights.h5");
        if !weights && Path::new(&self.filepath).extension().is_none_or(|e| e != "keras") {
            let only = if self.save_weights_only { " or .weights.h5" } else { "" };
            return Err(Self::fail(format!("the file path {:?} must end in .keras{only}", self.filepath)));
        }
        if self.save_freq == SaveFreq::Steps(0) {
            return Err(Error::option("save_freq", 0, "at least 1 step"));
        }
        self.best = self.best.or(self.initial_value_threshold);
        Ok(())
    }
    fn on_epoch_begin(&mut self, epoch: usize, _: &mut Control<'_>) -> Result<()> {
        self.epoch = epoch;
        Ok(())
    }
    fn on_epoch_end(&mut self, _: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        if self.save_freq == SaveFreq::Epoch { self.save(None, logs, control) } else { Ok(()) }
    }
    fn wants_batches(&self) -> bool {
        self.save_freq != SaveFreq::Epoch
    }
    fn on_train_batch_end(&mut self, step: usize, _: f32, control: &mut Control<'_>) -> Result<()> {
        let SaveFreq::Steps(freq) = self.save_freq else { return Ok(()) };
        self.since += 1;
        if self.since >= freq {
            self.since = 0;
            let logs = control.model().running_logs();
            return self.save(Some(step), &logs, control);
        }
        Ok(())
    }
    fn state(&self) -> CallbackState {
        CallbackState::of(json!({
            "best": CallbackState::bits(self.best), "epoch": self.epoch, "since": self.since, "last_saved": self.last_saved,
        }))
    }
    fn restore(&mut self, state: CallbackState, _: &mut Control<'_>) -> Result<()> {
        (self.best, self.epoch, self.since) = (state.number("best")?, state.count("epoch")?, state.count("since")?);
        self.last_saved = state.values["last_saved"].as_str().map(PathBuf::from);
        Ok(())
    }
}

/// Fills in `{epoch:02d}`, `{val_loss:.2f}` and the like, as Python's `str.format` does for numbers.
fn format_path(pattern: &str, epoch: usize, step: Option<usize>, logs: &Logs) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        out.push_str(before);
        if brace.starts_with("{{") || brace.starts_with("}}") {
            out.push_str(&brace[..1]);
            rest = &brace[2..];
            continue;
        }
        let Some((field, after)) = brace.strip_prefix('{').and_then(|b| b.split_once('}')) else {
            return Err(format!("the file path {pattern:?} has a brace without its partner; write {{{{ or }}}} for the character itself"));
        };
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let count = match name {
            "epoch" => Some(epoch + 1),
            "batch" => step.map(|s| s + 1),
            _ => None,
        };
        let value = count.map(|c| c as f64).or_else(|| log_value(logs, name));
        let Some(value) = value else {
            let known: Vec<&str> = logs.iter().map(|(n, _)| n.as_str()).collect();
            return Err(format!("the file path {pattern:?} asks for {name:?}, but there are epoch, {}", known.join(", ")));
        };
        write_number(&mut out, value, count.is_some(), spec).ok_or_else(|| {
            format!("the file path {pattern:?} has the format {spec:?}; use one such as 02d for epochs and .4f for values")
        })?;
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// `[0][width][.digits][d|f|e|g]`
fn write_number(out: &mut String, value: f64, whole: bool, spec: &str) -> Option<()> {
    let zero = spec.starts_with('0');
    let (spec, kind) = match spec.chars().last() {
        Some(c) if c.is_ascii_alphabetic() => (&spec[..spec.len() - 1], Some(c)),
        _ => (spec, None),
    };
    let (width, digits) = spec.split_once('.').map_or((spec, None), |(w, d)| (w, Some(d)));
    let number = |s: &str| if s.is_empty() { Some(0) } else { s.parse::<usize>().ok().filter(|&n| n <= 64) };
    let width = number(width)?;
    let digits = match digits {
        Some(d) => Some(number(d)?),
        None => None,
    };
    let text = match (kind, whole) {
        (Some('d') | None, true) if digits.is_none() => format!("{value:.0}"),
        (Some('f'), _) => format!("{value:.*}", digits.unwrap_or(6)),
        (Some('e'), _) => {
            let text = format!("{value:.*e}", digits.unwrap_or(6));
            let (mantissa, exponent) = text.split_once('e')?;
            let exponent: i32 = exponent.parse().ok()?;
            format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        (None | Some('g'), _) => match digits {
            Some(d) => format!("{:.*}", d.saturating_sub(1 + value.abs().max(1.0).log10() as usize), value),
            None => format!("{value}"),
        },
        _ => return None,
    };
    let missing = width.saturating_sub(text.len());
    let (sign, body) = text.strip_prefix('-').map_or(("", &text[..]), |b| ("-", b));
    let fill = if zero { '0' } else { ' ' };
    if zero {
        out.push_str(sign);
    }
    for _ in 0..missing {
        out.push(fill);
    }
    write!(out, "{}{body}", if zero { "" } else { sign }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_filled_in_as_python_does() {
        let logs = vec![("val_loss".to_owned(), 0.123_456), ("loss".to_owned(), 12.0)];
        let f = |p: &str| format_path(p, 4, None, &logs);
        assert_eq!(f("m.keras").unwrap(), "m.keras");
        assert_eq!(f("{epoch:02d}-{val_loss:.2f}.keras").unwrap(), "05-0.12.keras");
        assert_eq!(f("{epoch}-{loss:08.3f}.keras").unwrap(), "5-0012.000.keras");
        assert_eq!(f("{{x}}{val_loss:.3e}").unwrap(), "{x}1.235e-01");
        assert_eq!(f("{val_loss}").unwrap(), "0.123456");
        assert_eq!(format_path("{epoch:03d}_{batch:d}", 0, Some(9), &logs).unwrap(), "001_10");
        assert!(f("{acc:.2f}").unwrap_err().contains("asks for \"acc\", but there are epoch, val_loss, loss"));
        for bad in ["{epoch", "epoch}", "{loss:.2x}", "{loss:d}", "{epoch:999d}"] {
            assert!(f(bad).is_err(), "{bad}");
        }
    }
}
