//! A table in order of time: its series, its usual step, and where the steps are broken.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::error::SeriesError;
use super::step::Step;
use super::time::{self, BadTime, Time, TimeFormat};
use crate::{ColumnKind, DataError, Table};

/// Which columns are what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesColumns {
    /// The column of times.
    pub time: String,
    /// The column to forecast.
    pub target: String,
    /// The column that tells several series apart.
    pub key: Option<String>,
}

/// One series of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesPart {
    /// What its key column says; empty for a single series.
    pub key: String,
    /// Its rows in the frame.
    pub rows: Range<usize>,
}

/// Rows that follow each other at the usual step, all with a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) series: usize,
    pub(super) rows: Range<usize>,
}

/// Something to know about a series that is not an error. Rows are those of the table, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeriesNote {
    /// Rows stand in another order than time.
    Unsorted {
        /// The first row that is earlier than the one before it.
        row: usize,
    },
    /// Steps are missing.
    Gaps {
        /// In how many places.
        places: usize,
        /// How many steps in all.
        steps: u64,
        /// The first places in words.
        first: Vec<String>,
    },
    /// Times that do not lie on the usual step.
    Irregular {
        /// In how many places.
        places: usize,
        /// The first places in words.
        first: Vec<String>,
    },
    /// Rows without a target.
    NoTarget {
        /// How many.
        rows: usize,
        /// The first.
        row: usize,
    },
}

impl fmt::Display for SeriesNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = |shown: usize, places: usize| if places > shown { format!(" and {} more", places - shown) } else { String::new() };
        let plural = |n: u64| if n == 1 { "" } else { "s" };
        match self {
            Self::Unsorted { row } => {
                write!(f, "the rows are not in order of time (row {row} is earlier than the one before it); they were sorted")
            }
            Self::Gaps { places, steps, first } => write!(
                f,
                "{steps} step{} missing in {places} place{}, which no window spans: {}{}",
                if *steps == 1 { " is" } else { "s are" },
                plural(*places as u64),
                first.join(", "),
                more(first.len(), *places)
            ),
            Self::Irregular { places, first } => write!(
                f,
                "{places} time{} off the usual step, which no window spans: {}{}",
                if *places == 1 { " is" } else { "s are" },
                first.join(", "),
                more(first.len(), *places)
            ),
            Self::NoTarget { rows: 1, row } => write!(f, "row {row} has no target; no window spans it"),
            Self::NoTarget { rows, row } => write!(f, "{rows} rows have no target (the first is row {row}); no window spans them"),
        }
    }
}

/// A table in order of time. Rows of the frame are sorted by series, in order of their first appearance, then by time.
#[derive(Debug, Clone)]
pub struct Frame {
    table: Table,
    columns: SeriesColumns,
    format: TimeFormat,
    step: Step,
    times: Vec<Time>,
    /// The table's row of each row, from 0.
    rows: Vec<usize>,
    /// The target; NaN where there is none.
    values: Vec<f64>,
    series: Vec<SeriesPart>,
    runs: Vec<Run>,
    gaps: usize,
    notes: Vec<SeriesNote>,
}

/// How many places a note names.
const NAMED: usize = 3;

impl Frame {
    /// Sorts a table by time and finds its usual step, or takes a given one.
    ///
    /// # Errors
    /// [`crate::TableError::UnknownColumn`]; [`crate::TableError::NotNumbers`] or [`crate::TableError::Infinite`] for the target;
    /// [`SeriesError`] for times that cannot be read, come twice, or keep no step.
    pub fn new(mut table: Table, columns: &SeriesColumns, step: Option<Step>) -> Result<Self, DataError> {
        let file = table.source().to_owned();
        check_columns(&table, columns)?;
        if table.column(&columns.target)?.numbers().is_none() {
            table.set_kind(&columns.target, ColumnKind::Numeric)?;
        }
        let times = read_times(&table, columns)?;
        let (keys, names) = read_keys(&table, columns)?;
        let mut rows: Vec<usize> = (0..table.rows()).collect();
        let unsorted = {
            let mut last: Vec<Option<Time>> = vec![None; names.len()];
            rows.iter()
                .position(|&row| last[keys[row]].replace(times.times[row]).is_some_and(|before| times.times[row].order(before).is_lt()))
        };
        rows.sort_by(|&a, &b| keys[a].cmp(&keys[b]).then(times.times[a].order(times.times[b])));
        let target = table.column(&columns.target)?.numbers().unwrap_or(&[]);
        let values: Vec<f64> = rows.iter().map(|&row| target[row]).collect();
        let mut frame = Self {
            columns: columns.clone(),
            format: times.format,
            step: Step::Number(1.0),
            times: rows.iter().map(|&row| times.times[row]).collect(),
            values,
            series: parts(&rows, &keys, names),
            runs: Vec::new(),
            gaps: 0,
            notes: unsorted.map(|row| SeriesNote::Unsorted { row: row + 1 }).into_iter().collect(),
            rows,
            table,
        };
        frame.check_repeats(&file)?;
        let found = Step::find(&frame.series.iter().map(|s| &frame.times[s.rows.clone()]));
        frame.step = step.or(found).ok_or(SeriesError::NoTimes { file })?;
        frame.find_runs(step.is_some(), found)?;
        Ok(frame)
    }

    fn check_repeats(&self, file: &str) -> Result<(), SeriesError> {
        for part in &self.series {
            let same = part.rows.clone().skip(1).find(|&at| self.times[at].order(self.times[at - 1]).is_eq());
            if let Some(at) = same {
                let (a, b) = (self.rows[at - 1] + 1, self.rows[at] + 1);
                return Err(SeriesError::RepeatedTime {
                    file: file.into(),
                    first: a.min(b),
                    second: a.max(b),
                    time: self.time_text(at),
                    key: self.key_of(part),
                });
            }
        }
        Ok(())
    }

    /// Cuts the series where a step is missing or odd, or a target is. `found`: the step that the table itself keeps.
    fn find_runs(&mut self, given: bool, found: Option<Step>) -> Result<(), SeriesError> {
        let (mut gaps, mut odd) = (Vec::new(), Vec::new());
        let (mut pairs, mut regular, mut missing_steps, mut first_odd) = (0, 0, 0u64, None);
        let mut runs = Vec::new();
        for (series, part) in self.series.iter().enumerate() {
            let mut start = part.rows.start;
            let mut end_run = |start: &mut usize, end: usize, next: usize| {
                if end > *start {
                    runs.push(Run { series, rows: *start..end });
                }
                *start = next;
            };
            for at in part.rows.clone() {
                if at > part.rows.start {
                    let steps = self.step.between(self.times[at - 1], self.times[at]);
                    pairs += 1;
                    regular += usize::from(steps == Some(1));
                    if steps != Some(1) {
                        first_odd = first_odd.or(Some(at));
                        let place = || {
                            let key = self.key_of(part).map_or_else(String::new, |k| format!(" of {k}"));
                            format!("after {}{key} (row {}) comes {}", self.time_text(at - 1), self.rows[at - 1] + 1, self.time_text(at))
                        };
                        match steps {
                            Some(steps) if steps > 1 => {
                                missing_steps = missing_steps.saturating_add(steps.unsigned_abs() - 1);
                                gaps.push(if gaps.len() < NAMED { place() } else { String::new() });
                            }
                            _ => odd.push(if odd.len() < NAMED { place() } else { String::new() }),
                        }
                        end_run(&mut start, at, at);
                    }
                }
                if self.values[at].is_nan() {
                    end_run(&mut start, at, at + 1);
                }
            }
            end_run(&mut start, part.rows.end, part.rows.end);
        }
        if let Some(at) = first_odd.filter(|_| regular * 2 < pairs) {
            let file = self.table.source().to_owned();
            return Err(match found.filter(|found| given && *found != self.step) {
                Some(found) => SeriesError::OtherStep { file, found: found.to_string(), expected: self.step.to_string() },
                None => SeriesError::NoStep {
                    file,
                    step: self.step.to_string(),
                    regular,
                    all: pairs,
                    row: self.rows[at] + 1,
                    time: self.time_text(at),
                },
            });
        }
        self.gaps = gaps.len() + odd.len();
        let without: Vec<usize> = (0..self.values.len()).filter(|&at| self.values[at].is_nan()).map(|at| self.rows[at] + 1).collect();
        let shown = |places: &[String]| places.iter().take(NAMED).cloned().collect();
        if !gaps.is_empty() {
            self.notes.push(SeriesNote::Gaps { places: gaps.len(), steps: missing_steps, first: shown(&gaps) });
        }
        if !odd.is_empty() {
            self.notes.push(SeriesNote::Irregular { places: odd.len(), first: shown(&odd) });
        }
        if let Some(&row) = without.iter().min() {
            self.notes.push(SeriesNote::NoTarget { rows: without.len(), row });
        }
        self.runs = runs;
        Ok(())
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Which columns are what.
    pub fn columns(&self) -> &SeriesColumns {
        &self.columns
    }

    /// How the table writes times.
    pub fn format(&self) -> TimeFormat {
        self.format
    }

    /// The usual step.
    pub fn step(&self) -> Step {
        self.step
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The time of each row.
    pub fn times(&self) -> &[Time] {
        &self.times
    }

    /// The target of each row; NaN where there is none.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The table's row of each row, both from 0.
    pub fn table_rows(&self) -> &[usize] {
        &self.rows
    }

    /// All series, in order of their first appearance.
    pub fn series(&self) -> &[SeriesPart] {
        &self.series
    }

    /// In how many places the usual step is broken.
    pub fn gaps(&self) -> usize {
        self.gaps
    }

    /// What a person should know.
    pub fn notes(&self) -> &[SeriesNote] {
        &self.notes
    }

    /// The time of a row as the table writes it.
    pub fn time_text(&self, row: usize) -> String {
        self.format.write(self.times[row])
    }

    /// The series that a row belongs to.
    pub fn series_of(&self, row: usize) -> &SeriesPart {
        &self.series[self.series.partition_point(|s| s.rows.end <= row).min(self.series.len() - 1)]
    }

    /// The rows that follow each other without a gap up to a row and beyond it; empty for a row without a target.
    pub fn stretch(&self, row: usize) -> Range<usize> {
        let at = self.runs.partition_point(|run| run.rows.end <= row);
        self.runs.get(at).filter(|run| run.rows.contains(&row)).map_or(row..row, |run| run.rows.clone())
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The key of a series where there are several.
    pub(super) fn key_of(&self, part: &SeriesPart) -> Option<String> {
        self.columns.key.is_some().then(|| part.key.clone())
    }

    /// The last row of a series that has a target, with at least `window` rows without a gap up to it.
    ///
    /// # Errors
    /// [`SeriesError::ShortPast`].
    pub fn last_origin(&self, part: &SeriesPart, window: usize) -> Result<usize, DataError> {
        let last = part.rows.clone().rev().find(|&row| !self.values[row].is_nan());
        let at = last.unwrap_or(part.rows.start);
        let rows = last.map_or(0, |last| last + 1 - self.stretch(last).start);
        if rows >= window {
            return Ok(at);
        }
        let (file, key) = (self.table.source().to_owned(), self.key_of(part));
        Err(SeriesError::ShortPast { file, key, rows, window, time: self.time_text(at) }.into())
    }
}

fn check_columns(table: &Table, columns: &SeriesColumns) -> Result<(), DataError> {
    let uses = [(Some(&columns.time), "the time"), (Some(&columns.target), "the target"), (columns.key.as_ref(), "the key")];
    for (i, &(name, first)) in uses.iter().enumerate() {
        let Some(name) = name else { continue };
        table.column(name)?;
        if let Some(&(_, second)) = uses[i + 1..].iter().find(|(other, _)| *other == Some(name)) {
            return Err(SeriesError::SameColumn { file: table.source().into(), column: name.clone(), first, second }.into());
        }
    }
    Ok(())
}

fn read_times(table: &Table, columns: &SeriesColumns) -> Result<time::Times, DataError> {
    let column = table.column(&columns.time)?;
    let cells = (0..table.rows()).map(|row| column.get(row));
    let (file, name) = (table.source().to_owned(), columns.time.clone());
    let text = |row: usize| column.get(row).unwrap_or_default().to_owned();
    Ok(time::parse(cells).map_err(|bad| match bad {
        BadTime::Missing { row } => SeriesError::MissingCell { file, what: "time", column: name, row: row + 1 },
        BadTime::Unknown { row } => SeriesError::NoTime { file, column: name, row: row + 1, value: text(row) },
        BadTime::Mixed { row } => SeriesError::MixedTimes { file, column: name, row: row + 1, value: text(row), first: text(0) },
    })?)
}

/// The number of each row's series, and their names.
fn read_keys(table: &Table, columns: &SeriesColumns) -> Result<(Vec<usize>, Vec<String>), DataError> {
    let Some(key) = &columns.key else { return Ok((vec![0; table.rows()], vec![String::new()])) };
    let column = table.column(key)?;
    let mut numbers = HashMap::<&str, usize>::new();
    let mut names = Vec::new();
    let mut keys = Vec::with_capacity(table.rows());
    for (row, cell) in column.iter().enumerate() {
        let missing = || SeriesError::MissingCell { file: table.source().into(), what: "key", column: key.clone(), row: row + 1 };
        let cell = cell.ok_or_else(missing)?;
        keys.push(*numbers.entry(cell).or_insert_with(|| {
            names.push(cell.to_owned());
            names.len() - 1
        }));
    }
    Ok((keys, names))
}

/// Where each series begins and ends in the sorted rows.
fn parts(rows: &[usize], keys: &[usize], names: Vec<String>) -> Vec<SeriesPart> {
    let mut start = 0;
    names
        .into_iter()
        .enumerate()
        .map(|(number, key)| {
            let end = start + rows[start..].partition_point(|&row| keys[row] <= number);
            SeriesPart { key, rows: std::mem::replace(&mut start, end)..end }
        })
        .collect()
}
