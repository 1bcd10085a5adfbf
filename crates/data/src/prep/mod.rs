//! From a table to the numbers a network learns from, and the way back.

pub(crate) mod error;
mod feature;
pub(crate) mod levels;
pub(crate) mod options;
pub(crate) mod scale;
mod stored;
mod target;
mod text;

use serde::{Deserialize, Serialize};

use crate::{ColumnKind, DataError, PrepError, PrepOptions, Ragged, Table, TableOptions, Task, Tensor};
use feature::{Cells, Encoding, Feature};
use target::{Target, Values};

/// What became of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It is learned from.
    Feature,
    /// It is to be predicted.
    Target,
    /// It is left out; the detail says why.
    Dropped,
}

/// What became of a column, for a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnUse {
    /// The name of the column.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnKind,
    /// What it is used for.
    pub role: Role,
    /// How it is turned into numbers, or why it is left out.
    pub detail: String,
    /// How many numbers it becomes.
    pub width: usize,
}

/// Turns rows of a table into numbers, always in the same way. Everything that is learned (means, medians, the values
/// of categories) is learned from the training rows alone. Only the list of classes, and whether the target is
/// a class or a number, comes from the whole target column, so that the folds of a cross-validation agree.
///
/// ```
/// use adaline_data::{PrepOptions, Preprocessor, Table, TableOptions};
///
/// let cars = "power,origin,mpg\n130,USA,18\n95,Japan,24.5\n,Europe,26\n46,Europe,26.5\n";
/// let cars = Table::parse(cars, &TableOptions::default())?;
/// let train: Vec<usize> = (0..4).collect();
/// let prep = Preprocessor::fit(&cars, Some("mpg"), &train, &PrepOptions::default())?;
/// assert_eq!(prep.feature_names(), ["power", "power is missing", "origin=Europe", "origin=Japan", "origin=USA"]);
/// assert_eq!(prep.transform_features(&cars, &train)?.shape(), [4, 5]);
/// let y = prep.transform_target(&cars, &train)?;
/// assert!((prep.inverse_target(y.as_f32().unwrap()[1]) - 24.5).abs() < 1e-5);
/// # Ok::<(), adaline_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessor {
    format: String,
    version: u64,
    /// The texts that mean "no value".
    missing: Vec<String>,
    features: Vec<Feature>,
    target: Option<Target>,
    /// How many of the given rows had no target and were not learned from.
    rows_without_target: usize,
    report: Vec<ColumnUse>,
}

impl Preprocessor {
    /// Learns from the given rows of a table, counted from 0. Rows without a target are passed over.
    ///
    /// # Errors
    /// [`crate::TableError::UnknownColumn`] for a target or excluded column that is not there;
    /// [`PrepError::NoRows`], [`PrepError::OneValue`], [`PrepError::TooManyClasses`], [`PrepError::NoFeatures`];
    /// [`PrepError::NotANumber`] for text in a column declared numeric.
    pub fn fit(table: &Table, target: Option<&str>, rows: &[usize], options: &PrepOptions) -> Result<Self, DataError> {
        check_rows(table, rows)?;
        for name in
            options.exclude.iter().chain(options.kinds.iter().map(|(name, _)| name)).chain(options.texts.iter().map(|(name, _)| name))
        {
            table.column(name)?;
        }
        let target_column = target.map(|name| table.column(name)).transpose()?;
        let used: Vec<usize> = match target_column {
            Some(column) => rows.iter().copied().filter(|&row| column.get(row).is_some()).collect(),
            None => rows.to_vec(),
        };
        let rows_without_target = rows.len() - used.len();
        let file = table.source();
        if used.is_empty() {
            let error = PrepError::NoRows { file: file.into(), rows: rows.len(), without_target: rows_without_target };
            return Err(error.into());
        }
        let mut prep = Self {
            format: stored::FORMAT.into(),
            version: stored::VERSION,
            missing: table.missing_tokens().to_vec(),
            features: Vec::new(),
            target: None,
            rows_without_target,
            report: Vec::new(),
        };
        for column in table.columns() {
            let name = column.name();
            let cells = Cells { file, column };
            let declared = options.kinds.iter().rev().find(|(declared, _)| declared == name);
            let kind = declared.map_or(column.kind(), |&(_, kind)| kind);
            let (role, detail, width) = if Some(name) == target {
                let fitted = Target::fit(cells, kind, &used, options.task)?;
                let detail = fitted.detail();
                prep.target = Some(fitted);
                (Role::Target, detail, 1)
            } else if options.exclude.iter().any(|excluded| excluded == name) {
                (Role::Dropped, "left out as asked".into(), 0)
            } else {
                match Feature::fit(cells, kind, &used, options)? {
                    Ok(feature) => {
                        let (detail, width) = (feature.detail(), feature.width());
                        prep.features.push(feature);
                        (Role::Feature, detail, width)
                    }
                    Err(unused) => (Role::Dropped, unused.0, 0),
                }
            };
            prep.report.push(ColumnUse { name: name.to_owned(), kind, role, detail, width });
        }
        if prep.features.is_empty() {
            let dropped = prep.report.into_iter().filter(|c| c.role == Role::Dropped).map(|c| (c.name, c.detail));
            return Err(PrepError::NoFeatures { file: file.into(), dropped: dropped.collect() }.into());
        }
        Ok(prep)
    }

    /// The numbers of the given rows (counted from 0), shape (rows, features). Columns are found by their names; others are
    /// ignored, the target need not be there. A value of a category that was never seen becomes "other" where rare
    /// values were put together, otherwise zeros.
    ///
    /// # Errors
    /// [`PrepError::MissingColumns`], [`PrepError::NotANumber`], [`PrepError::TooLarge`].
    pub fn transform_features(&self, table: &Table, rows: &[usize]) -> Result<Tensor, DataError> {
        self.transform(table, rows, &self.features.iter().collect::<Vec<_>>())
    }

    /// As [`Preprocessor::transform_features`], of the columns beside the texts alone: shape (rows, [`Preprocessor::width_beside_texts`]).
    ///
    /// # Errors
    /// As [`Preprocessor::transform_features`].
    pub fn transform_beside_texts(&self, table: &Table, rows: &[usize]) -> Result<Tensor, DataError> {
        self.transform(table, rows, &self.beside_texts().collect::<Vec<_>>())
    }

    /// The text of each of the given rows as the numbers of its words, `i32`, as many as are read of it: what
    /// [`Preprocessor::transform_features`] pads to one length. `None` unless there is one column of texts.
    ///
    /// # Errors
    /// [`PrepError::MissingColumns`]; [`DataError::Empty`] without a row.
    pub fn transform_text(&self, table: &Table, rows: &[usize]) -> Result<Option<Ragged>, DataError> {
        let Some((name, vectorize)) = self.text() else { return Ok(None) };
        check_rows(table, rows)?;
        self.check_columns(table)?;
        let column = table.column(name)?;
        let numbers: Vec<Vec<i32>> = rows.iter().map(|&row| text::numbers(vectorize, column.get(row).unwrap_or_default())).collect();
        Ragged::from_sequences(&numbers).map(Some)
    }

    /// The numbers of some features, one after the other.
    fn transform(&self, table: &Table, rows: &[usize], features: &[&Feature]) -> Result<Tensor, DataError> {
        check_rows(table, rows)?;
        self.check_columns(table)?;
        let width = features.iter().map(|f| f.width()).sum();
        let shape = [rows.len(), width];
        let mut out = vec![0.0; crate::tensor::count_values(&shape)?];
        let mut offset = 0;
        for feature in features {
            let cells = Cells { file: table.source(), column: table.column(&feature.column)? };
            feature.transform(cells, rows, &mut out, width, offset)?;
            offset += feature.width();
        }
        Tensor::f32(shape, out)
    }

    /// All columns that are needed must be there.
    fn check_columns(&self, table: &Table) -> Result<(), DataError> {
        let absent: Vec<String> = self.input_columns().filter(|name| !table.has(name)).map(str::to_owned).collect();
        if absent.is_empty() {
            return Ok(());
        }
        Err(PrepError::MissingColumns { file: table.source().into(), columns: absent, found: table.names() }.into())
    }

    /// The target of the given rows, shape (rows,): `i32` class numbers, or `f32` values with mean 0 and standard
    /// deviation 1 in the training rows.
    ///
    /// # Errors
    /// [`PrepError::NoTarget`], [`crate::TableError::UnknownColumn`], [`PrepError::MissingTarget`],
    /// [`PrepError::UnknownClass`], [`PrepError::NotANumber`].
    pub fn transform_target(&self, table: &Table, rows: &[usize]) -> Result<Tensor, DataError> {
        check_rows(table, rows)?;
        let target = self.target.as_ref().ok_or(PrepError::NoTarget)?;
        let cells = Cells { file: table.source(), column: table.column(&target.column)? };
        Ok(target.transform(cells, rows)?)
    }

    /// A predicted number in the units of the table. Class numbers and the like come back unchanged.
    pub fn inverse_target(&self, value: f32) -> f64 {
        let (shift, scale) = self.target_scale().unwrap_or((0.0, 1.0));
        f64::from(value) * scale + shift
    }

    /// Mean and standard deviation of a number target in the training rows; an error of a scaled prediction times the
    /// standard deviation is the error in the units of the table.
    pub fn target_scale(&self) -> Option<(f64, f64)> {
        match self.target.as_ref()?.values {
            Values::Number { shift, scale } => Some((shift, scale)),
            Values::Classes(_) => None,
        }
    }

    /// What is to be predicted; `None` without a target. Never [`Task::Auto`].
    pub fn task(&self) -> Option<Task> {
        self.target.as_ref().map(Target::task)
    }

    /// The name of the target.
    pub fn target(&self) -> Option<&str> {
        self.target.as_ref().map(|t| t.column.as_str())
    }

    /// The classes in sorted order (by number when all are numbers); empty for numbers.
    pub fn classes(&self) -> &[String] {
        match &self.target {
            Some(Target { values: Values::Classes(levels), .. }) => levels.names(),
            _ => &[],
        }
    }

    /// The number of features: the width of what [`Preprocessor::transform_features`] returns.
    pub fn width(&self) -> usize {
        self.features.iter().map(Feature::width).sum()
    }

    /// A name for each feature.
    pub fn feature_names(&self) -> Vec<String> {
        self.features.iter().flat_map(Feature::names).collect()
    }

    /// The column that is read as text and how, when there is one such column. Others may stand beside it
    /// ([`Preprocessor::width_beside_texts`]).
    pub fn text(&self) -> Option<(&str, &crate::TextVectorization)> {
        let mut texts = self.features.iter().filter_map(|f| Some((f.column.as_str(), f.text()?)));
        let first = texts.next();
        first.filter(|_| texts.next().is_none())
    }

    fn beside_texts(&self) -> impl Iterator<Item = &Feature> {
        self.features.iter().filter(|f| f.text().is_none())
    }

    /// The number of features that are not of texts: the width of what [`Preprocessor::transform_beside_texts`] returns.
    pub fn width_beside_texts(&self) -> usize {
        self.beside_texts().map(Feature::width).sum()
    }

    /// A name for each of them.
    pub fn names_beside_texts(&self) -> Vec<String> {
        self.beside_texts().flat_map(Feature::names).collect()
    }

    /// The columns that they come of.
    pub fn columns_beside_texts(&self) -> impl Iterator<Item = &str> {
        self.beside_texts().map(|f| f.column.as_str())
    }

    /// The columns that a table must have to predict from it.
    pub fn input_columns(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|f| f.column.as_str())
    }

    /// What became of each column, in the order of the table.
    pub fn report(&self) -> Vec<ColumnUse> {
        self.report.clone()
    }

    /// How many of the rows given to `fit` had no target, and so were not learned from.
    pub fn rows_without_target(&self) -> usize {
        self.rows_without_target
    }

    /// Options to read a table to predict from: the kinds of the columns are declared as they were when this was fitted,
    /// and the same texts mean "no value". All else is taken from `base`.
    pub fn table_options(&self, base: &TableOptions) -> TableOptions {
        let kind = |feature: &Feature| match feature.encoding {
            Encoding::Number { .. } => ColumnKind::Numeric,
            Encoding::Category { .. } => ColumnKind::Category,
            Encoding::Text(_) => ColumnKind::Text,
        };
        let mut options = base.clone();
        options.kinds.extend(self.features.iter().map(|feature| (feature.column.clone(), kind(feature))));
        options.missing.clone_from(&self.missing);
        options.ignore_unknown_kinds = true;
        options
    }
}

fn check_rows(table: &Table, rows: &[usize]) -> Result<(), DataError> {
    match rows.iter().find(|&&row| row >= table.rows()) {
        Some(&row) => Err(DataError::RowOutOfRange { row, rows: table.rows() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
