//! One column of a table to one or more columns of numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::PrepError;
use super::levels::{Levels, Spelling};
use super::options::{Impute, PrepOptions, Scale, TextOptions};
use super::text;
use crate::table::infer::{Number, number};
use crate::table::overview::{mean_and_std, quantile};
use crate::{Column, ColumnKind, DataError, TextVectorization};

/// How one column is turned into numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Feature {
    pub(super) column: String,
    pub(super) encoding: Encoding,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Encoding {
    /// `(x - shift) / scale`, with `fill` for missing ones; then, if asked for, 1 where the value was missing.
    Number { fill: f64, shift: f64, scale: f64, indicator: bool },
    /// One-hot: the levels, then "other", then "missing".
    Category { levels: Levels, other: bool, missing: bool },
    /// Numbers of words, of one length.
    Text(Box<TextVectorization>),
}

/// A column that is of no use, and why.
pub(super) struct Unused(pub(super) String);

/// A column with its table's name, for errors.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) file: &'a str,
    pub(super) column: &'a Column,
}

impl Cells<'_> {
    /// The number in a row (from 0); `None` when missing.
    pub(super) fn number(&self, row: usize) -> Result<Option<f64>, PrepError> {
        if let Some(numbers) = self.column.numbers() {
            return Ok(numbers.get(row).copied().filter(|x| !x.is_nan()));
        }
        let Some(text) = self.column.get(row) else { return Ok(None) };
        match number(text) {
            Number::Finite(value) => Ok(Some(value)),
            _ => Err(PrepError::NotANumber { file: self.file.into(), column: self.column.name().into(), row: row + 1, value: text.into() }),
        }
    }

    fn too_large(&self, row: usize, value: f64) -> PrepError {
        PrepError::TooLarge { file: self.file.into(), column: self.column.name().into(), row: row + 1, value }
    }

    /// A value scaled to 32 bits.
    pub(super) fn scaled(&self, row: usize, value: f64, shift: f64, scale: f64) -> Result<f32, PrepError> {
        let scaled = ((value - shift) / scale) as f32;
        if scaled.is_finite() { Ok(scaled) } else { Err(self.too_large(row, value)) }
    }
}

impl Feature {
    /// Learns from the given rows only.
    pub(super) fn fit(
        cells: Cells<'_>,
        kind: ColumnKind,
        rows: &[usize],
        options: &PrepOptions,
    ) -> Result<Result<Self, Unused>, DataError> {
        let words = options.texts.iter().rev().find(|(column, _)| column == cells.column.name());
        let encoding = match kind {
            _ if words.is_some() => text::fit(cells.column, rows, words.map_or(&TextOptions::default(), |(_, options)| options))?
                .map(|vectorize| Encoding::Text(Box::new(vectorize))),
            _ if !options.texts.is_empty() && !options.beside_texts => Err(Unused("the text is read alone".into())),
            ColumnKind::Numeric => fit_number(cells, rows, options)?,
            ColumnKind::Boolean => fit_category(cells.column, Some(Spelling::Folded), rows, options),
            ColumnKind::Category => fit_category(cells.column, None, rows, options),
            ColumnKind::Text => Err(Unused("free text: most cells differ".into())),
            ColumnKind::Identifier => Err(Unused("identifier: it only tells rows apart".into())),
            ColumnKind::Constant => Err(Unused("the same value in every row".into())),
            ColumnKind::Empty => Err(Unused("no value at all".into())),
        };
        Ok(encoding.map(|encoding| Self { column: cells.column.name().to_owned(), encoding }))
    }

    /// How the column is read, when it is a text.
    pub(super) fn text(&self) -> Option<&TextVectorization> {
        if let Encoding::Text(vectorize) = &self.encoding { Some(vectorize) } else { None }
    }

    /// How many numbers come out for each row.
    pub(super) fn width(&self) -> usize {
        match &self.encoding {
            Encoding::Number { indicator, .. } => 1 + usize::from(*indicator),
            Encoding::Category { levels, other, missing } => levels.len() + usize::from(*other) + usize::from(*missing),
            Encoding::Text(vectorize) => text::length(vectorize),
        }
    }

    /// The names of what comes out.
    pub(super) fn names(&self) -> Vec<String> {
        let column = &self.column;
        match &self.encoding {
            Encoding::Number { indicator, .. } => {
                std::iter::once(column.clone()).chain(indicator.then(|| format!("{column} is missing"))).collect()
            }
            Encoding::Category { levels, other, missing } => {
                let levels = levels.names().iter().map(|level| format!("{column}={level}"));
                let other = other.then(|| format!("{column} is another"));
                levels.chain(other).chain(missing.then(|| format!("{column} is missing"))).collect()
            }
            Encoding::Text(_) => (1..=self.width()).map(|at| format!("{column} word {at}")).collect(),
        }
    }

    /// In words, for a report.
    pub(super) fn detail(&self) -> String {
        match &self.encoding {
            Encoding::Number { fill, shift, scale, indicator } => {
                let scaling = if (*shift, *scale) == (0.0, 1.0) {
                    "as it is".to_owned()
                } else {
                    format!("(x - {}) / {}", short(*shift), short(*scale))
                };
                let filled = if *indicator { format!("; missing: {} and a mark", short(*fill)) } else { String::new() };
                format!("{scaling}{filled}")
            }
            Encoding::Category { levels, other, missing } => {
                let other = if *other { ", one for all rarer ones" } else { "" };
                let missing = if *missing { ", one for missing" } else { "" };
                format!("one column for each of {} values{other}{missing}", levels.len())
            }
            Encoding::Text(vectorize) => {
                format!("numbers of its first {} words, from a vocabulary of {}", text::length(vectorize), vectorize.vocabulary_size())
            }
        }
    }

    /// Writes the numbers of the rows: `out[i * stride + offset..]` for the i-th.
    pub(super) fn transform(
        &self,
        cells: Cells<'_>,
        rows: &[usize],
        out: &mut [f32],
        stride: usize,
        offset: usize,
    ) -> Result<(), PrepError> {
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(stride)) {
            let out = &mut out[offset..offset + self.width()];
            match &self.encoding {
                Encoding::Number { fill, shift, scale, indicator } => {
                    let value = cells.number(row)?;
                    out[0] = cells.scaled(row, value.unwrap_or(*fill), *shift, *scale)?;
                    if *indicator {
                        out[1] = f32::from(u8::from(value.is_none()));
                    }
                }
                Encoding::Category { levels, other, missing } => {
                    let place = match cells.column.get(row) {
                        None => missing.then(|| levels.len() + usize::from(*other)),
                        // A value that was never seen cannot be told from a rare one.
                        Some(text) => levels.find(text).or(other.then_some(levels.len())),
                    };
                    if let Some(place) = place {
                        out[place] = 1.0;
                    }
                }
                Encoding::Text(vectorize) => {
                    let numbers = text::numbers(vectorize, cells.column.get(row).unwrap_or_default());
                    for (out, number) in out.iter_mut().zip(numbers) {
                        *out = number as f32;
                    }
                }
            }
        }
        Ok(())
    }
}

fn fit_number(cells: Cells<'_>, rows: &[usize], options: &PrepOptions) -> Result<Result<Encoding, Unused>, PrepError> {
    let mut values = Vec::with_capacity(rows.len());
    for &row in rows {
        values.extend(cells.number(row)?);
    }
    let indicator = values.len() < rows.len();
    values.sort_unstable_by(f64::total_cmp);
    let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
        return Ok(Err(Unused("no value in the training rows".into())));
    };
    if min == max && !indicator {
        return Ok(Err(Unused("the same value in all training rows".into())));
    }
    let (mean, std) = mean_and_std(&values).unwrap_or((0.0, 1.0));
    let fill = match options.impute {
        Impute::Median => quantile(&values, 0.5),
        Impute::Mean => mean,
        Impute::MostFrequent => most_frequent(&values),
        Impute::Constant(value) => value,
    };
    let (shift, scale) = match options.scale {
        Scale::Standard => (mean, std),
        Scale::MinMax => (min, max - min),
        Scale::None => (0.0, 1.0),
    };
    let scale = if scale == 0.0 { 1.0 } else { scale };
    if !(fill.is_finite() && shift.is_finite() && scale.is_finite()) {
        let value = if max.abs() > min.abs() { max } else { min };
        let worst = rows.iter().find(|&&row| matches!(cells.number(row), Ok(Some(x)) if x == value));
        return Err(cells.too_large(worst.copied().unwrap_or(0), value));
    }
    Ok(Ok(Encoding::Number { fill, shift, scale, indicator }))
}

/// The most frequent of sorted values, the smallest on a tie.
fn most_frequent(sorted: &[f64]) -> f64 {
    let mut best = (0, 0.0);
    for run in sorted.chunk_by(|a, b| a == b) {
        if run.len() > best.0 {
            best = (run.len(), run[0]);
        }
    }
    best.1
}

fn fit_category(column: &Column, spelling: Option<Spelling>, rows: &[usize], options: &PrepOptions) -> Result<Encoding, Unused> {
    let texts = || rows.iter().filter_map(|&row| column.get(row));
    let spelling = spelling.unwrap_or_else(|| Spelling::of(texts()));
    let mut counts = BTreeMap::<String, usize>::new();
    let mut present = 0;
    for text in texts() {
        present += 1;
        let key = spelling.key(text);
        match counts.get_mut(key.as_ref()) {
            Some(count) => *count += 1,
            None => _ = counts.insert(key.into_owned(), 1),
        }
    }
    let missing = present < rows.len();
    if counts.is_empty() {
        return Err(Unused("no value in the training rows".into()));
    }
    if counts.len() == 1 && !missing {
        return Err(Unused("the same value in all training rows".into()));
    }
    let mut kept: Vec<(String, usize)> = counts.into_iter().collect();
    let other = kept.len() > options.max_levels.max(1);
    // stable, so values of the same count stay in the order of their text
    kept.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    kept.truncate(options.max_levels.max(1));
    let levels = Levels::new(spelling, kept.into_iter().map(|(name, _)| name).collect());
    Ok(Encoding::Category { levels, other, missing })
}

/// A number with four significant digits, for reading.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 || (0.001..1e6).contains(&value.abs()) {
        let digits = if value == 0.0 { 0 } else { (3 - value.abs().log10().floor() as i32).clamp(0, 6) };
        let text = format!("{value:.*}", digits as usize);
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else {
        format!("{value:.3e}")
    }
}
