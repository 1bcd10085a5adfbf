//! What a person sees: lines and the progress bar on standard output, or on standard error when machines read standard output.
#![allow(clippy::print_stdout, clippy::print_stderr)] // this is where the command line prints

use crate::error::CliError;
use adaline::Shown as Drawn;
use adaline::data::{ColumnKind, Table};
use adaline::nn::model::{Progress, Silent};
use adaline::report::progress::{Progress as Bar, ProgressKind};
use adaline::report::tables::{Align, TextTable};
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Columns listed before the run; more are counted only.
const COLUMNS: usize = 20;

/// Where words go.
pub(crate) struct Terminal {
    json: bool,
    verbose: u8,
}

/// Showing things.
pub(crate) trait Shown {
    /// A line for people.
    fn line(&self, text: &str);
    /// The one JSON object for machines, when asked for.
    fn json(&self, value: &Value) -> Result<(), CliError>;
    /// A result for people, shown even where `verbose` is 0.
    fn result(&self, text: &str) -> Result<(), CliError>;
}

impl Terminal {
    /// `json`: machines read standard output. `verbose`: 0 silent, 1 bar, 2 a line per epoch.
    pub(crate) fn new(json: bool, verbose: u8) -> Self {
        Self { json, verbose }
    }

    /// The progress of a training of so many epochs.
    pub(crate) fn progress(&self, epochs: usize) -> Box<dyn Progress> {
        let kind = ProgressKind::from_verbose(self.verbose);
        if self.verbose == 0 {
            return Box::new(Silent);
        }
        if self.json {
            let terminal = std::io::stderr().is_terminal();
            return Box::new(Drawn(Bar::new(kind, epochs, std::io::stderr()).interactive(terminal)));
        }
        Box::new(Drawn(Bar::stdout(kind, epochs)))
    }

    /// No progress: the folds print one line each.
    pub(crate) fn quiet() -> Box<dyn Progress> {
        Box::new(Silent)
    }

    /// A count that goes up in place, on standard error where that is a terminal.
    pub(crate) fn counter(&self, what: &'static str) -> Counter {
        Counter { what, shown: self.verbose > 0 && std::io::stderr().is_terminal(), last: None }
    }

    /// The columns of a table, as they were understood.
    pub(crate) fn columns(&self, table: &Table, target: &str) {
        if self.verbose == 0 {
            return;
        }
        let mut text =
            TextTable::new([("column", Align::Left), ("kind", Align::Left), ("missing", Align::Right), ("distinct", Align::Right)]);
        for c in table.columns().iter().take(COLUMNS) {
            let mark = if c.name() == target { " (target)" } else { "" };
            text.row([format!("{}{mark}", c.name()), kind_word(c.kind()), c.missing().to_string(), c.distinct().to_string()]);
        }
        self.line(&format!("\n{text}"));
        if table.columns().len() > COLUMNS {
            self.line(&format!("and {} more columns\n", table.columns().len() - COLUMNS));
        }
    }
}

/// How far something is; its line is gone at the end.
pub(crate) struct Counter {
    what: &'static str,
    shown: bool,
    last: Option<Instant>,
}

impl Counter {
    /// `done` of `total` are done.
    pub(crate) fn at(&mut self, done: usize, total: usize) {
        const PAUSE: Duration = Duration::from_millis(100);
        if !self.shown || self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        self.last = Some(Instant::now());
        let _ = write!(std::io::stderr(), "\r{}: {done} of {total}", self.what);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if self.last.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn kind_word(kind: ColumnKind) -> String {
    kind.to_string()
}

impl Shown for Terminal {
    fn line(&self, text: &str) {
        if self.verbose == 0 && !self.json {
            return;
        }
        // A closed pipe is the reader's business, not an error of ours.
        if self.json {
            if self.verbose > 0 {
                let _ = writeln!(std::io::stderr(), "{text}");
            }
        } else {
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }
    fn json(&self, value: &Value) -> Result<(), CliError> {
        if self.json { print(&format!("{value}\n")) } else { Ok(()) }
    }
    fn result(&self, text: &str) -> Result<(), CliError> {
        if self.json {
            self.line(text);
            return Ok(());
        }
        print(&format!("{text}\n"))
    }
}

/// Now, as text in UTC.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()
}

/// The command line that was given, quoted where a shell needs it.
pub(crate) fn command_line() -> String {
    let quote = |a: String| {
        let plain = !a.is_empty() && a.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c));
        if plain { a } else { format!("'{}'", a.replace('\'', "'\\''")) }
    };
    std::iter::once("adaline".to_owned())
        .chain(std::env::args_os().skip(1).map(|a| quote(a.to_string_lossy().into_owned())))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Writes to standard output. A closed pipe is the reader's business; a full disk is not.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::io(std::path::Path::new("standard output"), "cannot write", e))
        }
        _ => Ok(()),
    }
}

/// Prints an error on standard error.
pub(crate) fn complain(error: &CliError) {
    let _ = writeln!(std::io::stderr(), "adaline: {error}");
}
