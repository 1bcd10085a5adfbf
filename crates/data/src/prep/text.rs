//! A column of texts as sequences of words' numbers.

use super::feature::Unused;
use super::options::TextOptions;
use crate::{Column, DataError, TextOutput, TextVectorization, VectorizeOptions};

/// Without a length of their own, so large a share of the training rows is read whole ...
const WHOLE: f64 = 0.95;
/// ... up to this many words.
const LONGEST: usize = 256;
/// More words than a file may ask for.
const MOST_WORDS: usize = 1 << 20;
/// The number of an unknown word.
const UNKNOWN: i32 = 1;

/// Learns the vocabulary and the length from the given rows only. A cell without a value is an empty text.
pub(super) fn fit(column: &Column, rows: &[usize], options: &TextOptions) -> Result<Result<TextVectorization, Unused>, DataError> {
    let texts = || rows.iter().map(|&row| column.get(row).unwrap_or_default());
    let mut vectorize = TextVectorization::new(VectorizeOptions {
        max_tokens: Some(options.max_tokens),
        output_sequence_length: Some(options.sequence_length.unwrap_or_else(|| usual_length(texts()))),
        ..VectorizeOptions::default()
    });
    vectorize.adapt(texts())?;
    if vectorize.vocabulary_size() == wordless() {
        return Ok(Err(Unused("no word in the training rows".into())));
    }
    Ok(Ok(vectorize))
}

/// Words of the longest of all but the longest texts.
fn usual_length<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    let plain = TextVectorization::default();
    let mut lengths: Vec<usize> = texts.map(|text| plain.tokens(text).len()).collect();
    lengths.sort_unstable();
    let at = (lengths.len() as f64 * WHOLE).ceil() as usize;
    lengths.get(at.saturating_sub(1)).copied().unwrap_or(1).clamp(1, LONGEST)
}

/// Entries of a vocabulary without words.
fn wordless() -> usize {
    TextVectorization::default().vocabulary_size()
}

/// How many numbers a text becomes.
pub(super) fn length(vectorize: &TextVectorization) -> usize {
    vectorize.options().output_sequence_length.unwrap_or(1)
}

/// The numbers of the first words of a text, without padding. A text without words is one unknown word: the mean over no word at all is not
/// a number.
pub(super) fn numbers(vectorize: &TextVectorization, text: &str) -> Vec<i32> {
    let mut numbers = vectorize.numbers(text);
    if numbers.is_empty() {
        numbers.push(UNKNOWN);
    }
    numbers.truncate(length(vectorize));
    numbers
}

/// Whether a stored one could have been made by [`fit`].
pub(super) fn check(vectorize: &TextVectorization) -> Result<(), String> {
    if vectorize.options().output_mode != TextOutput::Int
        || !vectorize.options().output_sequence_length.is_some_and(|n| (1..=MOST_WORDS).contains(&n))
    {
        return Err(format!("a text must be read as numbers of 1 to {MOST_WORDS} words"));
    }
    if vectorize.vocabulary_size() == wordless() {
        return Err("there is no word in the vocabulary".into());
    }
    Ok(())
}
