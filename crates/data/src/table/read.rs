//! From bytes to columns: encoding, delimiter, header, cells.

use std::borrow::Cow;
use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::infer::{self, Number};
use super::{Cells, Table};
use crate::array::kind::is_text;
use crate::{ColumnKind, DataError, MAX_COLUMNS, TableError, TableOptions, nearest};

/// How much of a text is looked at to find the delimiter.
const SAMPLE: usize = 1 << 16;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Bytes to text; borrowed when they are UTF-8 already.
pub(super) fn decode<'a>(source: &str, bytes: &'a [u8], options: &TableOptions) -> Result<Cow<'a, str>, TableError> {
    let start = &bytes[..bytes.len().min(4096)];
    let (encoding, skip) = match (&options.encoding, Encoding::for_bom(bytes)) {
        (Some(label), bom) => {
            let encoding = Encoding::for_label(label.as_bytes());
            let encoding = encoding.ok_or_else(|| TableError::UnknownEncoding { label: label.clone() })?;
            (encoding, bom.filter(|&(found, _)| found == encoding).map_or(0, |(_, length)| length))
        }
        (None, Some(found)) => found,
        (None, None) if !is_text(start) => {
            return Err(TableError::Binary { file: source.into(), start: start[..start.len().min(16)].to_vec() });
        }
        (None, None) if std::str::from_utf8(bytes).is_ok() => (UTF_8, 0),
        (None, None) => (WINDOWS_1252, 0),
    };
    encoding
        .decode_without_bom_handling_and_without_replacement(&bytes[skip..])
        .ok_or_else(|| TableError::WrongEncoding { file: source.into(), encoding: encoding.name().to_owned() })
}

/// Text to table.
pub(super) fn parse(source: String, text: &str, options: &TableOptions) -> Result<Table, DataError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(TableError::Empty { file: source }.into());
    }
    let quote = usable("the quote", options.quote)?;
    let delimiter = match options.delimiter {
        Some(delimiter) => usable("the delimiter", delimiter)?,
        None => sniff_delimiter(text, quote),
    };
    if let Some(line) = unclosed_quote(text, delimiter, quote) {
        return Err(TableError::UnclosedQuote { file: source, line }.into());
    }
    let mut reader = reader(text, delimiter, quote);
    let mut record = StringRecord::new();
    let fail = |e: csv::Error| DataError::File(crate::FileError::Io { path: source.clone().into(), source: e.into() });
    reader.read_record(&mut record).map_err(fail)?;
    if record.len() > MAX_COLUMNS {
        return Err(TableError::TooManyColumns { file: source, found: record.len(), limit: MAX_COLUMNS }.into());
    }
    let is_number = |cell: &str| !matches!(infer::number(cell.trim()), Number::Not);
    let header = options.header.unwrap_or_else(|| !record.iter().any(is_number));
    let names = if header {
        record.iter().enumerate().map(|(i, name)| column_name(i, name.trim())).collect()
    } else {
        (1..=record.len()).map(|i| format!("column_{i}")).collect()
    };
    let mut builder = Builder::new(source.clone(), names, options)?;
    if !header {
        builder.push((record.len(), record.iter()), 1, delimiter)?;
    }
    while reader.read_record(&mut record).map_err(fail)? {
        let line = record.position().map_or(0, |at| first_line(text, at));
        builder.push((record.len(), record.iter()), line, delimiter)?;
    }
    builder.finish(options)
}

/// The line of a record; its position counts from the empty lines before it, which the reader skips.
fn first_line(text: &str, at: &csv::Position) -> u64 {
    let rest = text.as_bytes().get(at.byte() as usize..).unwrap_or(&[]);
    at.line() + rest.iter().take_while(|c| matches!(c, b'\n' | b'\r')).filter(|&&c| c == b'\n').count() as u64
}

/// pandas writes its index under an empty name.
fn column_name(index: usize, name: &str) -> String {
    if name.is_empty() { format!("unnamed_{}", index + 1) } else { name.to_owned() }
}

fn usable(what: &'static str, found: u8) -> Result<u8, TableError> {
    let bad = !found.is_ascii() || found.is_ascii_alphanumeric() || matches!(found, b'\n' | b'\r' | 0);
    if bad { Err(TableError::BadOption { what, found }) } else { Ok(found) }
}

fn reader(text: &str, delimiter: u8, quote: u8) -> csv::Reader<&[u8]> {
    // `flexible`: we count the fields ourselves, to say row and line
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).quote(quote).from_reader(text.as_bytes())
}

/// The line in which a quote opens that nothing closes. The csv reader would take all the rest for one cell.
fn unclosed_quote(text: &str, delimiter: u8, quote: u8) -> Option<usize> {
    let (mut line, mut opened, mut at_start) = (1, None, true);
    for &c in text.as_bytes() {
        if c == quote && (at_start || opened.is_some()) {
            // a doubled quote closes and opens again
            opened = if opened.is_some() { None } else { Some(line) };
            at_start = opened.is_none();
            continue;
        }
        line += usize::from(c == b'\n');
        at_start = opened.is_none() && (c == b'\n' || c == b'\r' || c == delimiter);
    }
    opened
}

/// The delimiter that cuts the first rows into the most even, then the most fields.
fn sniff_delimiter(text: &str, quote: u8) -> u8 {
    let mut end = text.len().min(SAMPLE);
    if end < text.len() {
        end = text.as_bytes()[..end].iter().rposition(|&c| c == b'\n').map_or(end, |at| at + 1);
    }
    let sample = text.get(..end).unwrap_or(text);
    let mut best = (0, 1, DELIMITERS[0]);
    for delimiter in DELIMITERS {
        let mut counts = BTreeMap::<usize, usize>::new();
        for record in reader(sample, delimiter, quote).records().take(100).flatten() {
            *counts.entry(record.len()).or_default() += 1;
        }
        // a delimiter that most rows do not have is a letter like others
        if let Some((&fields, &even)) = counts.iter().max_by_key(|&(fields, even)| (*even, *fields))
            && fields > 1
            && (even, fields) > (best.0, best.1)
        {
            best = (even, fields, delimiter);
        }
    }
    best.2
}

/// Collects rows into columns.
pub(super) struct Builder<'a> {
    source: String,
    names: Vec<String>,
    cells: Vec<Cells>,
    missing: &'a [String],
    longest_missing: usize,
    rows: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: String, names: Vec<String>, options: &'a TableOptions) -> Result<Self, DataError> {
        if names.is_empty() {
            return Err(TableError::Empty { file: source }.into());
        }
        if names.len() > MAX_COLUMNS {
            return Err(TableError::TooManyColumns { file: source, found: names.len(), limit: MAX_COLUMNS }.into());
        }
        let mut seen = BTreeMap::new();
        for (i, name) in names.iter().enumerate() {
            if let Some(first) = seen.insert(name, i) {
                let (name, first, second) = (name.clone(), first + 1, i + 1);
                return Err(TableError::DuplicateColumn { file: source, name, first, second }.into());
            }
        }
        for (name, _) in &options.kinds {
            if !names.contains(name) && !options.ignore_unknown_kinds {
                let nearest = nearest(name, &names).map(str::to_owned);
                let error = TableError::UnknownColumn { file: source, name: name.clone(), nearest, known: names };
                return Err(error.into());
            }
        }
        let longest_missing = options.missing.iter().map(String::len).max().unwrap_or(0);
        let cells = vec![Cells::default(); names.len()];
        Ok(Self { source, names, cells, missing: &options.missing, longest_missing, rows: 0 })
    }

    /// Adds a row: how many cells, and the cells.
    pub(super) fn push<'c>(
        &mut self,
        (found, record): (usize, impl Iterator<Item = &'c str>),
        line: u64,
        delimiter: u8,
    ) -> Result<(), TableError> {
        self.rows += 1;
        if found != self.names.len() {
            return Err(TableError::Ragged {
                file: self.source.clone(),
                row: self.rows,
                line,
                expected: self.names.len(),
                found,
                delimiter,
            });
        }
        for (i, cell) in record.enumerate() {
            let cell = cell.trim();
            let missing = cell.len() <= self.longest_missing && self.missing.iter().any(|token| token == cell);
            self.cells[i]
                .push(if missing { "" } else { cell })
                .ok_or_else(|| TableError::ColumnTooLong { file: self.source.clone(), column: self.names[i].clone() })?;
        }
        Ok(())
    }

    pub(super) fn finish(self, options: &TableOptions) -> Result<Table, DataError> {
        if self.rows == 0 {
            return Err(TableError::HeaderOnly { file: self.source, columns: self.names.len() }.into());
        }
        let declared =
            |name: &str| -> Option<ColumnKind> { options.kinds.iter().rev().find(|(column, _)| column == name).map(|&(_, kind)| kind) };
        let mut columns = Vec::with_capacity(self.names.len());
        for (name, cells) in self.names.into_iter().zip(self.cells) {
            let facts = infer::column(&self.source, &name, &cells, declared(&name))?;
            columns.push(facts.with(name, cells));
        }
        Ok(Table { source: self.source, columns, rows: self.rows, missing: self.missing.to_vec() })
    }
}
