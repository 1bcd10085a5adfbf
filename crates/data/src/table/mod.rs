//! `Table`: named columns of text cells, each with a kind.

pub(crate) mod error;
pub(crate) mod infer;
pub(crate) mod options;
pub(crate) mod overview;
mod read;

use std::path::Path;

use crate::{ColumnKind, DataError, Overview, TableError, TableOptions, file, nearest};

/// The cells of one column, in one string. A missing cell is kept as the empty text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cells {
    text: String,
    ends: Vec<u32>,
}

impl Cells {
    /// Adds a cell; `None` when the text grows past 4 GiB.
    fn push(&mut self, cell: &str) -> Option<()> {
        self.text.push_str(cell);
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        Some(())
    }

    fn get(&self, row: usize) -> Option<&str> {
        let end = *self.ends.get(row)? as usize;
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        Some(&self.text[start..end]).filter(|cell| !cell.is_empty())
    }

    fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.ends.len()).map(|row| self.get(row))
    }
}

/// One column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    name: String,
    cells: Cells,
    kind: ColumnKind,
    missing: usize,
    distinct: usize,
    /// The values of a column whose cells are all numbers; NaN where missing.
    numbers: Option<Vec<f64>>,
}

impl Column {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the cells are.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.cells.ends.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.cells.ends.is_empty()
    }

    /// How many cells have no value.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// How many different values there are.
    pub fn distinct(&self) -> usize {
        self.distinct
    }

    /// The text of a cell without white space at its ends; `None` when it has no value, or there is no such row
    /// (counted from 0).
    pub fn get(&self, row: usize) -> Option<&str> {
        self.cells.get(row)
    }

    /// All cells in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        self.cells.iter()
    }

    /// The values, when all cells that have one are numbers and the column was not declared to be something else;
    /// NaN where there is none.
    pub fn numbers(&self) -> Option<&[f64]> {
        self.numbers.as_deref()
    }

    /// What there is to know about the column at a glance.
    pub fn overview(&self) -> Overview {
        Overview::of(self)
    }
}

/// Rows of named columns, as read from a text file.
///
/// ```
/// use adaline_data::{ColumnKind, Table, TableOptions};
///
/// let table = Table::parse("size;colour\n1.5;red\n2.5;blue\n?;red\n", &TableOptions::default())?;
/// assert_eq!(table.rows(), 3);
/// assert_eq!(table.column("size")?.kind(), ColumnKind::Numeric);
/// assert_eq!(table.column("size")?.missing(), 1);
/// assert_eq!(table.column("colour")?.get(1), Some("blue"));
/// assert!(table.column("color").unwrap_err().to_string().contains("did you mean \"colour\"?"));
/// # Ok::<(), adaline_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    source: String,
    columns: Vec<Column>,
    rows: usize,
    missing: Vec<String>,
}

impl Table {
    /// Reads a file of separated text, plain or gzip.
    ///
    /// # Errors
    /// [`crate::FileError`] when the file cannot be read, [`TableError`] when it is not a table, with row and column.
    pub fn read(path: impl AsRef<Path>, options: &TableOptions) -> Result<Self, DataError> {
        let path = path.as_ref();
        let source = path.display().to_string();
        let bytes = file::read(path)?;
        let text = read::decode(&source, &bytes, options)?;
        read::parse(source, &text, options)
    }

    /// Reads a table from a text.
    ///
    /// # Errors
    /// [`TableError`], with row and column.
    pub fn parse(text: &str, options: &TableOptions) -> Result<Self, DataError> {
        read::parse("the table".into(), text, options)
    }

    /// Makes a table from rows of cells, as they may come from a form or another program. Only the options that
    /// concern cells count.
    ///
    /// # Errors
    /// [`TableError`], with row and column.
    pub fn from_records<R, C>(
        names: &[impl AsRef<str>],
        records: impl IntoIterator<Item = R>,
        options: &TableOptions,
    ) -> Result<Self, DataError>
    where
        R: IntoIterator<Item = C>,
        C: AsRef<str>,
    {
        let names = names.iter().map(|n| n.as_ref().to_owned()).collect();
        let mut builder = read::Builder::new("the table".into(), names, options)?;
        for (row, record) in records.into_iter().enumerate() {
            let cells: Vec<C> = record.into_iter().collect();
            builder.push((cells.len(), cells.iter().map(AsRef::as_ref)), row as u64 + 1, b',')?;
        }
        builder.finish(options)
    }

    /// Where the table came from: a path, or "the table".
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The texts that were taken to mean "no value".
    pub fn missing_tokens(&self) -> &[String] {
        &self.missing
    }

    /// The number of rows, without the header.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All columns in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The names of all columns.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// Whether there is a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// A column by its name.
    ///
    /// # Errors
    /// [`TableError::UnknownColumn`], with the most similar name.
    pub fn column(&self, name: &str) -> Result<&Column, DataError> {
        self.find(name).map(|at| &self.columns[at]).ok_or_else(|| self.unknown(name).into())
    }

    /// Changes the kind of a column.
    ///
    /// # Errors
    /// [`TableError::UnknownColumn`]; [`TableError::NotNumbers`] or [`TableError::Infinite`] for text declared numeric.
    pub fn set_kind(&mut self, name: &str, kind: ColumnKind) -> Result<(), DataError> {
        let at = self.find(name).ok_or_else(|| self.unknown(name))?;
        let column = std::mem::take(&mut self.columns[at].cells);
        let name = self.columns[at].name.clone();
        match infer::column(&self.source, &name, &column, Some(kind)) {
            Ok(facts) => self.columns[at] = facts.with(name, column),
            Err(error) => {
                self.columns[at].cells = column;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// The rows in which a column has a value: those that can be learned from when it is the target.
    ///
    /// # Errors
    /// [`TableError::UnknownColumn`].
    pub fn rows_with(&self, name: &str) -> Result<Vec<usize>, DataError> {
        let column = self.column(name)?;
        Ok((0..self.rows).filter(|&row| column.get(row).is_some()).collect())
    }

    /// What there is to know about each column at a glance.
    pub fn overview(&self) -> Vec<Overview> {
        self.columns.iter().map(Column::overview).collect()
    }

    pub(crate) fn unknown(&self, name: &str) -> TableError {
        let known = self.names();
        TableError::UnknownColumn {
            file: self.source.clone(),
            name: name.to_owned(),
            nearest: nearest(name, &known).map(str::to_owned),
            known,
        }
    }
}

#[cfg(test)]
mod tests;
