//! Texts: which column is read as text, and what there is to see of it.

use crate::args::TextArgs;
use crate::config::DataConfig;
use crate::error::{CliError, misuse};
use adaline::data::{ColumnKind, DataError, PrepError, PrepOptions, Preprocessor, Table, TextOptions};
use adaline::report::figure::Histogram;
use std::collections::HashMap;

/// Bounds of the vocabulary: padding, unknown words and one word; whole numbers that single precision holds.
const VOCABULARY: (usize, usize) = (3, 1 << 24);
/// Most words of a text.
const LONGEST: usize = 1 << 20;
/// Words in the report, and bars of the lengths.
const WORDS: usize = 20;
const BARS: usize = 20;

/// What was asked on the command line wins over the TOML file.
pub(crate) fn merge(args: &TextArgs, config: &mut DataConfig) -> Result<(), CliError> {
    config.text = args.text.clone().or(config.text.take());
    config.vocabulary = args.vocabulary.or(config.vocabulary);
    config.sequence_length = args.sequence_length.or(config.sequence_length);
    if let Some(n) = config.vocabulary.filter(|n| !(VOCABULARY.0..=VOCABULARY.1).contains(n)) {
        return misuse(format!(
            "--vocabulary expects {} to {}, got {n}: one word at least, beside the entries for padding and unknown words",
            VOCABULARY.0, VOCABULARY.1
        ));
    }
    if let Some(n) = config.sequence_length.filter(|n| !(1..=LONGEST).contains(n)) {
        return misuse(format!("--sequence-length expects 1 to {LONGEST} words, got {n}"));
    }
    Ok(())
}

/// Options for texts have no meaning for other data than tables.
pub(crate) fn only_in_tables(config: &DataConfig) -> Result<(), CliError> {
    let given = [
        (config.text.is_some(), "--text"),
        (config.vocabulary.is_some(), "--vocabulary"),
        (config.sequence_length.is_some(), "--sequence-length"),
    ];
    match given.into_iter().find(|(given, _)| *given) {
        Some((_, option)) => misuse(format!("{option} is for texts in a column of a table; this data has no columns")),
        None => Ok(()),
    }
}

/// The preprocessing of the whole table, and a note when a column is read as text that nobody asked for: it is the only one of free text, and
/// nothing else can be learned from. `options` say then which column it is.
pub(crate) fn fit(
    table: &Table,
    target: &str,
    rows: &[usize],
    options: &mut PrepOptions,
    config: &DataConfig,
) -> Result<(Preprocessor, Option<String>), CliError> {
    let how =
        TextOptions { max_tokens: config.vocabulary.unwrap_or(TextOptions::default().max_tokens), sequence_length: config.sequence_length };
    if let Some(column) = &config.text {
        if column == target {
            return misuse(format!("--text {column}: the column to be predicted cannot be the text to predict it from"));
        }
        if config.ignore.contains(column) {
            return misuse(format!("--text {column}: [data] ignore leaves this column out"));
        }
        options.texts = vec![(column.clone(), how)];
        return Ok((Preprocessor::fit(table, Some(target), rows, options)?, None));
    }
    match Preprocessor::fit(table, Some(target), rows, options) {
        Err(DataError::Prep(e @ PrepError::NoFeatures { .. })) => {
            let free = table.columns().iter().filter(|c| c.kind() == ColumnKind::Text && c.name() != target);
            let free: Vec<&str> = free.map(adaline::data::Column::name).filter(|name| !config.ignore.iter().any(|i| i == name)).collect();
            match free[..] {
                [] => Err(DataError::from(e).into()),
                [column] => {
                    options.texts = vec![(column.to_owned(), how)];
                    let note = format!(
                        "column `{column}` is read as text, since no other column can be learned from (--text {column} says so without this note)"
                    );
                    Ok((Preprocessor::fit(table, Some(target), rows, options)?, Some(note)))
                }
                _ => misuse(format!("{e}; to read one of {} as text, say --text COLUMN", free.join(", "))),
            }
        }
        Ok(_) if config.vocabulary.or(config.sequence_length).is_some() => {
            let option = if config.vocabulary.is_some() { "--vocabulary" } else { "--sequence-length" };
            misuse(format!("{option} is for texts: name their column with --text"))
        }
        fitted => Ok((fitted?, None)),
    }
}

/// The most frequent words of the texts in `rows` with their counts, and how many words texts have.
pub(crate) fn overview(table: &Table, prep: &Preprocessor, rows: &[usize]) -> Option<(Vec<(String, u64)>, Histogram)> {
    let (name, vectorize) = prep.text()?;
    let column = table.column(name).ok()?;
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut lengths = Vec::with_capacity(rows.len());
    for &row in rows {
        let words = vectorize.tokens(column.get(row).unwrap_or_default());
        lengths.push(words.len());
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
    }
    let mut words: Vec<(String, u64)> = counts.into_iter().collect();
    words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.truncate(WORDS);
    let longest = lengths.iter().copied().max().unwrap_or(0).max(1);
    let mut bars = vec![0u64; BARS.min(longest)];
    let count = bars.len();
    for length in lengths {
        bars[(length * count / longest).min(count - 1)] += 1;
    }
    Some((words, Histogram { name: format!("words of {name}"), low: 0.0, high: longest as f64, counts: bars }))
}
