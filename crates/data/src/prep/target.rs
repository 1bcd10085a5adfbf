//! The column to be predicted.

use serde::{Deserialize, Serialize};

use super::error::PrepError;
use super::feature::{Cells, short};
use super::levels::{Levels, Spelling};
use super::options::Task;
use crate::table::overview::mean_and_std;
use crate::{ColumnKind, Tensor, TensorData};

/// At most this many different whole numbers can be classes.
const MAX_NUMBER_CLASSES: usize = 20;
/// So many different whole numbers are classes in a table of any length ...
const FEW_CLASSES: usize = 10;
/// ... and more only up to this share of the rows.
const CLASS_SHARE: f64 = 0.05;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) column: String,
    pub(super) values: Values,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Values {
    Classes(Levels),
    Number { shift: f64, scale: f64 },
}

/// Which task a target asks for. It looks at the whole column, so that all folds agree.
fn task_of(column: &crate::Column, kind: ColumnKind) -> Task {
    let Some(numbers) = column.numbers().filter(|_| matches!(kind, ColumnKind::Numeric | ColumnKind::Constant | ColumnKind::Identifier))
    else {
        return Task::Classification;
    };
    let whole = numbers.iter().all(|x| x.is_nan() || x.fract() == 0.0);
    let distinct = column.distinct();
    let rows = column.len() - column.missing();
    let few = distinct <= FEW_CLASSES || distinct as f64 <= CLASS_SHARE * rows as f64;
    // 10, 20, 30, 40 in a table of four rows are measurements
    let repeats = distinct < rows || distinct <= 2;
    if whole && distinct <= MAX_NUMBER_CLASSES && few && repeats { Task::Classification } else { Task::Regression }
}

impl Target {
    /// The classes are those of the whole column, so that all folds agree; scales are learned from the given rows only,
    /// which all have a value.
    pub(super) fn fit(cells: Cells<'_>, kind: ColumnKind, rows: &[usize], task: Task) -> Result<Self, PrepError> {
        let column = cells.column;
        let asked = if task == Task::Auto { task_of(column, kind) } else { task };
        let one_value = |value: &str| PrepError::OneValue {
            file: cells.file.into(),
            column: column.name().into(),
            value: value.into(),
            rows: rows.len(),
        };
        let values = if asked == Task::Regression {
            let mut values = Vec::with_capacity(rows.len());
            for &row in rows {
                values.extend(cells.number(row)?);
            }
            let (shift, scale) = mean_and_std(&values).unwrap_or((0.0, 0.0));
            if values.iter().all(|&x| x == values[0]) {
                return Err(one_value(&values.first().map_or(String::new(), f64::to_string)));
            }
            if !(scale > 0.0 && scale.is_finite() && shift.is_finite()) {
                let row = rows.first().copied().unwrap_or(0);
                let value = cells.number(row)?.unwrap_or(0.0);
                let (file, column) = (cells.file.into(), column.name().into());
                return Err(PrepError::TooLarge { file, column, row: row + 1, value });
            }
            Values::Number { shift, scale }
        } else {
            if task == Task::Auto && matches!(kind, ColumnKind::Text | ColumnKind::Identifier) {
                return Err(PrepError::TooManyClasses {
                    file: cells.file.into(),
                    column: column.name().into(),
                    classes: column.distinct(),
                    rows: column.len() - column.missing(),
                });
            }
            let spelling = match kind {
                ColumnKind::Boolean => Spelling::Folded,
                _ => Spelling::of(column.iter().flatten()),
            };
            let names: std::collections::BTreeSet<_> = column.iter().flatten().map(|text| spelling.key(text)).collect();
            let levels = Levels::new(spelling, names.into_iter().map(std::borrow::Cow::into_owned).collect());
            let mut seen = rows.iter().filter_map(|&row| levels.find(column.get(row)?));
            let first = seen.next();
            if seen.all(|class| Some(class) == first) {
                return Err(one_value(first.and_then(|c| levels.names().get(c)).map_or("", String::as_str)));
            }
            Values::Classes(levels)
        };
        Ok(Self { column: column.name().to_owned(), values })
    }

    pub(super) fn task(&self) -> Task {
        if matches!(self.values, Values::Classes(_)) { Task::Classification } else { Task::Regression }
    }

    pub(super) fn detail(&self) -> String {
        match &self.values {
            Values::Classes(levels) => format!("{} classes", levels.len()),
            Values::Number { shift, scale } => format!("a number, (y - {}) / {}", short(*shift), short(*scale)),
        }
    }

    /// `i32` class numbers or `f32` scaled values, shape (rows,).
    pub(super) fn transform(&self, cells: Cells<'_>, rows: &[usize]) -> Result<Tensor, PrepError> {
        let missing = |row: usize| PrepError::MissingTarget { file: cells.file.into(), column: self.column.clone(), row: row + 1 };
        Ok(Tensor::vector(match &self.values {
            Values::Classes(levels) => {
                let class = |&row: &usize| {
                    let text = cells.column.get(row).ok_or_else(|| missing(row))?;
                    levels.find(text).map(|class| class as i32).ok_or_else(|| PrepError::UnknownClass {
                        file: cells.file.into(),
                        column: self.column.clone(),
                        row: row + 1,
                        value: text.into(),
                        known: levels.names().to_vec(),
                    })
                };
                TensorData::I32(rows.iter().map(class).collect::<Result<_, PrepError>>()?)
            }
            Values::Number { shift, scale } => {
                let value = |&row: &usize| {
                    let value = cells.number(row)?.ok_or_else(|| missing(row))?;
                    cells.scaled(row, value, *shift, *scale)
                };
                TensorData::F32(rows.iter().map(value).collect::<Result<_, PrepError>>()?)
            }
        }))
    }
}
