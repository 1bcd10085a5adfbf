//! The values of each epoch as a line of a CSV file.

use super::{Callback, CallbackState, Control};
use crate::error::{Error, Result};
use crate::model::{Logs, log_value};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

/// Writes `epoch` (from 0) and the values of each epoch, sorted by name, to a CSV file; as Keras' `CSVLogger`.
///
/// A value that is missing in an epoch (no validation) is `NA`.
#[derive(Debug)]
pub struct CsvLogger {
    path: PathBuf,
    separator: char,
    append: bool,
    file: Option<File>,
    header: bool,
    keys: Option<Vec<String>>,
}

impl CsvLogger {
    /// Writes to `path`, replacing what is there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), separator: ',', append: false, file: None, header: true, keys: None }
    }
    /// What stands between values (a comma).
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }
    /// Whether to go on at the end of an existing file (false).
    pub fn append(mut self, append: bool) -> Self {
        self.append = append;
        self
    }
    fn fail(&self, action: &str, e: &std::io::Error) -> Error {
        Error::Callback {
            callback: "CSVLogger",
            message: format!("cannot {action} {}: {e}; check the folder and its permissions", self.path.display()),
        }
    }
    /// Bytes that are written.
    fn written(&self) -> u64 {
        self.file.as_ref().and_then(|f| f.metadata().ok()).map_or(0, |m| m.len())
    }
    fn cell(&self, text: &str) -> String {
        if text.contains([self.separator, '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
    }
}

fn number(v: f64) -> String {
    if v.is_finite() { v.to_string() } else { v.to_string().to_lowercase() }
}

impl Callback for CsvLogger {
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.header = true;
        if let Some(old) = self.append.then(|| File::open(&self.path).ok()).flatten() {
            let mut first = String::new();
            // A line is enough to know that there is a header; a huge one need not be read.
            let _ = BufReader::new(std::io::Read::take(old, 1 << 16)).read_line(&mut first);
            self.header = first.is_empty();
        }
        let mut options = OpenOptions::new();
        if self.append || control.resumes() {
            options.append(true).create(true)
        } else {
            options.write(true).create(true).truncate(true)
        };
        self.file = Some(options.open(&self.path).map_err(|e| self.fail("open", &e))?);
        self.keys = None;
        Ok(())
    }
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        let mut text = String::new();
        if self.keys.is_none() {
            let mut keys: Vec<String> = logs.iter().map(|(n, _)| n.clone()).collect();
            keys.sort();
            if control.validates() && !keys.iter().any(|k| k.starts_with("val_")) {
                // The first epoch was not validated; later ones will be.
                keys.extend(keys.clone().iter().map(|k| format!("val_{k}")));
            }
            if self.header {
                let names = std::iter::once("epoch".to_owned()).chain(keys.iter().map(|k| self.cell(k)));
                text += &names.collect::<Vec<_>>().join(&self.separator.to_string());
                text.push('\n');
            }
            self.keys = Some(keys);
        }
        let keys = self.keys.as_deref().unwrap_or(&[]);
        let values = keys.iter().map(|k| log_value(logs, k).map_or_else(|| "NA".into(), number));
        text += &std::iter::once(epoch.to_string()).chain(values).collect::<Vec<_>>().join(&self.separator.to_string());
        text.push('\n');
        match &mut self.file {
            Some(file) => file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(|e| self.fail("write", &e)),
            None => Ok(()),
        }
    }
    fn state(&self) -> CallbackState {
        CallbackState::of(json!({"bytes": self.written(), "header": self.header, "keys": self.keys}))
    }
    /// Lines that were written after the backup will be written again.
    fn restore(&mut self, state: CallbackState, _: &mut Control<'_>) -> Result<()> {
        let (bytes, there) = (state.count("bytes")? as u64, self.written());
        if there < bytes {
            return Err(Error::Callback {
                callback: "CSVLogger",
                message: format!(
                    "{} had {bytes} bytes when training was interrupted and has {there} now: put it back, or delete the backup to begin anew",
                    self.path.display()
                ),
            });
        }
        if let Some(file) = &self.file {
            file.set_len(bytes).map_err(|e| self.fail("shorten", &e))?;
        }
        self.header = state.values["header"] == true;
        let keys = state.values["keys"].as_array();
        self.keys = keys.map(|k| k.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        Ok(())
    }
    fn on_train_end(&mut self, _: &mut Control<'_>) -> Result<()> {
        self.file = None;
        Ok(())
    }
}
