//! Texts: which column is read as text, and what there is to see of it.

use crate::args::TextArgs;
use crate::config::DataConfig;
use crate::error::{CliError, fail, misuse};
use adaline::data::{Bucketing, ColumnKind, DataError, PrepError, PrepOptions, Preprocessor, Table, TextOptions};
use adaline::report::figure::Histogram;
use adaline::report::number;
use std::collections::HashMap;

/// Bounds of the vocabulary: padding, unknown words and one word; whole numbers that single precision holds.
const VOCABULARY: (usize, usize) = (3, 1 << 24);
/// Most words of a text.
const LONGEST: usize = 1 << 20;
/// Most buckets: each has a compiled step of its own.
const MOST_BUCKETS: usize = 64;
/// Buckets that nobody asked for, from how many rows on ...
const BUCKETS: usize = 4;
const ROWS: usize = 200;
/// ... and the largest share of what would be read without them.
const SHARE: f64 = 2.0 / 3.0;
/// Words in the report, and bars of the lengths.
const WORDS: usize = 20;
const BARS: usize = 20;

/// What was asked on the command line wins over the TOML file.
pub(crate) fn merge(args: &TextArgs, config: &mut DataConfig) -> Result<(), CliError> {
    config.text = args.text.clone().or(config.text.take());
    config.vocabulary = args.vocabulary.or(config.vocabulary);
    config.text_alone |= args.text_alone;
    config.chain |= args.chain;
    config.sequence_length = args.sequence_length.or(config.sequence_length);
    config.buckets = args.buckets.or(config.buckets);
    if let Some(n) = config.vocabulary.filter(|n| !(VOCABULARY.0..=VOCABULARY.1).contains(n)) {
        return misuse(format!(
            "--vocabulary expects {} to {}, got {n}: one word at least, beside the entries for padding and unknown words",
            VOCABULARY.0, VOCABULARY.1
        ));
    }
    if let Some(n) = config.sequence_length.filter(|n| !(1..=LONGEST).contains(n)) {
        return misuse(format!("--sequence-length expects 1 to {LONGEST} words, got {n}"));
    }
    if let Some(n) = config.buckets.filter(|n| !(1..=MOST_BUCKETS).contains(n)) {
        return misuse(format!("--buckets expects 1 (all texts padded to one length) to {MOST_BUCKETS}, got {n}"));
    }
    Ok(())
}

/// The options that were given, each with its name: they are for texts.
fn given(config: &DataConfig) -> impl Iterator<Item = &'static str> {
    let all = [
        (config.text.is_some(), "--text"),
        (config.vocabulary.is_some(), "--vocabulary"),
        (config.sequence_length.is_some(), "--sequence-length"),
        (config.buckets.is_some(), "--buckets"),
        (config.text_alone, "--text-alone"),
    ];
    all.into_iter().filter(|(given, _)| *given).map(|(_, option)| option)
}

/// Options for texts have no meaning for other data than tables.
pub(crate) fn only_in_tables(config: &DataConfig) -> Result<(), CliError> {
    match given(config).next() {
        Some(option) => misuse(format!("{option} is for texts in a column of a table; this data has no columns")),
        None => Ok(()),
    }
}

/// The preprocessing of the whole table, and notes: on the columns beside the text, and when a column is read as text that nobody asked for,
/// because it is the only one of free text, and nothing else can be learned from. `options` say then which column it is.
pub(crate) fn fit(
    table: &Table,
    target: &str,
    rows: &[usize],
    options: &mut PrepOptions,
    config: &DataConfig,
) -> Result<(Preprocessor, Vec<String>), CliError> {
    let how =
        TextOptions { max_tokens: config.vocabulary.unwrap_or(TextOptions::default().max_tokens), sequence_length: config.sequence_length };
    if let Some(column) = &config.text {
        if column == target {
            return misuse(format!("--text {column}: the column to be predicted cannot be the text to predict it from"));
        }
        if config.ignore.contains(column) {
            return misuse(format!("--text {column}: [data] ignore leaves this column out"));
        }
        let texts = table.column(column)?;
        if rows.len() > 1 && rows.iter().all(|&row| texts.get(row) == texts.get(rows[0])) && texts.get(rows[0]).is_some() {
            return fail(format!(
                "{}: --text {column}: the text is the same in all {} rows, so nothing can be learned from it; name another column",
                table.source(),
                rows.len()
            ));
        }
        options.texts = vec![(column.clone(), how)];
        options.beside_texts = !config.text_alone;
        let whole = Preprocessor::fit(table, Some(target), rows, options)?;
        let others = whole.columns_beside_texts().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if others.is_empty() {
            options.beside_texts = false;
            return Ok((whole, Vec::new()));
        }
        if whole.text().is_none() {
            let unused = whole.report().into_iter().find(|c| c.name == *column).map_or_else(String::new, |c| c.detail);
            return fail(format!(
                "{}: --text {column} cannot be read as text: {unused}; leave --text out to learn from the other columns, {others}",
                table.source()
            ));
        }
        if config.chain {
            options.beside_texts = false;
            let note = format!(
                "a chain of layers, as [[model.layers]] and `search` have it, takes one input: the text of `{column}` alone is read, not {others}; \
                 `fit` without [[model.layers]] learns from all of them (--text-alone says so without this note)"
            );
            return Ok((Preprocessor::fit(table, Some(target), rows, options)?, vec![note]));
        }
        let note = format!("beside the text of `{column}` the network learns from {others} (--text-alone leaves them out)");
        return Ok((whole, vec![note]));
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
                    Ok((Preprocessor::fit(table, Some(target), rows, options)?, vec![note]))
                }
                _ => misuse(format!("{e}; to read one of {} as text, say --text COLUMN", free.join(", "))),
            }
        }
        Ok(whole) => {
            if let Some(option) = given(config).next() {
                return misuse(format!("{option} is for texts: name their column with --text"));
            }
            Ok((whole, Vec::new()))
        }
        Err(e) => Err(e.into()),
    }
}

/// How many buckets the texts are put into; `None` where all of them are padded to one length as they are prepared. Buckets that nobody asked for
/// come with a note.
pub(crate) fn buckets(
    table: &Table,
    prep: &Preprocessor,
    rows: &[usize],
    config: &DataConfig,
) -> Result<(Option<usize>, Option<String>), CliError> {
    // Beside other columns a text is an input of its own, of any length.
    let least = (prep.width_beside_texts() > 0).then_some(1);
    let Some(texts) = prep.transform_text(table, rows)? else { return Ok((None, None)) };
    if let Some(asked) = config.buckets {
        return Ok((if asked > 1 { Some(asked) } else { least }, None));
    }
    // Layers of the user's own may need one length.
    if config.chain || rows.len() < ROWS {
        return Ok((least, None));
    }
    let read = |buckets: usize| {
        let bounds = Bucketing::Count(buckets).bounds(texts.lengths());
        texts.lengths().map(|l| bounds.iter().copied().find(|&b| b >= l).unwrap_or(l)).sum::<usize>() as f64
    };
    let (padded, bucketed, words) = (read(1), read(BUCKETS), texts.values().rows() as f64);
    if bucketed > SHARE * padded {
        return Ok((least, None));
    }
    let note = format!(
        "texts have {} to {} words: batches take texts of about the same length, from {BUCKETS} buckets, so that {} of what is read is padding \
         instead of {} (--buckets 1 pads all texts to one length)",
        texts.lengths().min().unwrap_or(0),
        texts.longest(),
        number::percent(1.0 - words / bucketed),
        number::percent(1.0 - words / padded)
    );
    Ok((Some(BUCKETS), Some(note)))
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
