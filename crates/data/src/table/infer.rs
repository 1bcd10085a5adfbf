//! What kind of column is this?

use std::collections::HashSet;

use super::{Cells, Column};
use crate::{BadCell, ColumnKind, TableError};

/// A column in which at least this share of the values are numbers must hold numbers only: the others are taken
/// for mistakes and refused, rather than the whole column being turned into text unseen.
pub const NUMERIC_SHARE: f64 = 0.95;
/// [`NUMERIC_SHARE`] only counts in columns of at least this many values.
pub const NUMERIC_MINIMUM: usize = 20;

/// How many wrong cells an error names.
const NAMED_CELLS: usize = 5;
/// From this many values on, a text column can be told to be free text or an identifier.
const TEXT_MINIMUM: usize = 20;
/// A text column with more different values than this share of its rows is no category.
const CATEGORY_SHARE: f64 = 0.5;
/// A text column of single words with more different values than this share is an identifier.
const IDENTIFIER_SHARE: f64 = 0.95;
/// Texts longer than this on average are free text.
const LONG_TEXT: usize = 100;

/// What a text is as a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Finite(f64),
    /// Infinite, or too large for 64 bits.
    Infinite,
    Not,
}

pub(crate) fn number(text: &str) -> Number {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Number::Finite(value),
        Ok(value) if value.is_infinite() => Number::Infinite,
        _ => Number::Not,
    }
}

/// What was found out about a column.
pub(super) struct Facts {
    kind: ColumnKind,
    missing: usize,
    distinct: usize,
    numbers: Option<Vec<f64>>,
}

impl Facts {
    pub(super) fn with(self, name: String, cells: Cells) -> Column {
        let Self { kind, missing, distinct, numbers } = self;
        Column { name, cells, kind, missing, distinct, numbers }
    }
}

/// Finds the kind of a column, unless it is declared.
pub(super) fn column(source: &str, name: &str, cells: &Cells, declared: Option<ColumnKind>) -> Result<Facts, TableError> {
    let rows = cells.ends.len();
    let mut numbers = Vec::with_capacity(rows);
    let (mut missing, mut finite) = (0, 0);
    let mut infinite = None;
    let mut bad = Vec::new();
    for (row, cell) in cells.iter().enumerate() {
        let Some(text) = cell else {
            missing += 1;
            numbers.push(f64::NAN);
            continue;
        };
        let as_number = number(text);
        numbers.push(if let Number::Finite(value) = as_number { value } else { f64::NAN });
        match as_number {
            Number::Finite(_) => finite += 1,
            Number::Infinite => _ = infinite.get_or_insert((row + 1, text)),
            Number::Not if bad.len() < NAMED_CELLS => bad.push(BadCell { row: row + 1, value: text.into() }),
            Number::Not => {}
        }
    }
    let present = rows - missing;
    let mostly = present >= NUMERIC_MINIMUM && finite as f64 >= NUMERIC_SHARE * present as f64;
    let numeric = match declared {
        Some(kind) => kind == ColumnKind::Numeric,
        None => present > 0 && (bad.is_empty() || mostly),
    };
    if numeric && !bad.is_empty() {
        return Err(TableError::NotNumbers {
            file: source.into(),
            column: name.into(),
            declared: declared.is_some(),
            numbers: finite,
            present,
            cells: bad,
        });
    }
    if let (true, Some((row, value))) = (numeric, infinite) {
        let (file, column) = (source.into(), name.into());
        return Err(TableError::Infinite { file, column, row, value: value.into() });
    }
    let numbers = numeric.then_some(numbers);
    let distinct = match &numbers {
        Some(numbers) => distinct_numbers(numbers),
        None => cells.iter().flatten().collect::<HashSet<_>>().len(),
    };
    let kind = declared.unwrap_or_else(|| {
        if present == 0 {
            ColumnKind::Empty
        } else if distinct == 1 && missing == 0 && rows > 1 {
            ColumnKind::Constant
        } else if let Some(numbers) = &numbers {
            let identifies = is_id_name(name) && distinct == rows && rows > 2;
            let whole = || numbers.iter().all(|x| x.fract() == 0.0);
            if identifies && whole() { ColumnKind::Identifier } else { ColumnKind::Numeric }
        } else {
            text_kind(name, cells, present, distinct, finite)
        }
    });
    Ok(Facts { kind, missing, distinct, numbers })
}

fn distinct_numbers(numbers: &[f64]) -> usize {
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).map(|x| x + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.dedup();
    sorted.len()
}

fn text_kind(name: &str, cells: &Cells, present: usize, distinct: usize, numbers: usize) -> ColumnKind {
    const PAIRS: [[&str; 2]; 5] = [["true", "false"], ["yes", "no"], ["t", "f"], ["y", "n"], ["on", "off"]];
    let share = distinct as f64 / present as f64;
    let many = present >= TEXT_MINIMUM;
    // several spellings of a word may occur: True, TRUE, true
    if distinct <= 6 && PAIRS.iter().any(|pair| cells.iter().flatten().all(|c| pair.iter().any(|w| c.eq_ignore_ascii_case(w)))) {
        ColumnKind::Boolean
    } else if is_id_name(name) && many {
        ColumnKind::Identifier
    } else if cells.text.len() / present > LONG_TEXT {
        ColumnKind::Text
    } else if many && share > CATEGORY_SHARE {
        let phrases = cells.iter().flatten().filter(|c| c.contains(char::is_whitespace)).count();
        let identifies = share > IDENTIFIER_SHARE && phrases * 2 < present && numbers * 2 < present;
        if identifies { ColumnKind::Identifier } else { ColumnKind::Text }
    } else {
        ColumnKind::Category
    }
}

/// `id`, `patient_id`, `PassengerId`, `index`: names that people give to what only tells rows apart. Values alone do not
/// decide it for numbers: 1, 2, 3, ... may well be what the target depends on.
fn is_id_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    let camel = name.strip_suffix("Id").or(name.strip_suffix("ID"));
    matches!(lower.as_str(), "id" | "index" | "uuid" | "guid" | "row" | "#")
        || ["_id", "-id", " id", ".id"].iter().any(|end| lower.ends_with(end))
        || camel.is_some_and(|stem| stem.ends_with(char::is_lowercase))
        || lower.starts_with("unnamed")
}
