//! `TextVectorization`: texts to numbers by a vocabulary.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::error::TextError;
use super::tokens::{NGrams, SplitBy, Standardize, tokens};
use crate::tensor::count_values;
use crate::{DataError, PadOptions, Ragged, SequenceEnd, Tensor, pad_sequences};

/// What stands for padding.
const PADDING: &str = "";
/// What stands for words that are not in the vocabulary.
const UNKNOWN: &str = "[UNK]";

/// What a text becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextOutput {
    /// The number of each token in the vocabulary: 0 is padding, 1 an unknown token.
    #[default]
    Int,
    /// For each entry of the vocabulary whether the text has it; the first is for unknown tokens.
    #[serde(alias = "binary")]
    MultiHot,
    /// How often the text has it.
    Count,
    /// That number times the inverse document frequency `ln(1 + texts / (1 + texts that have it))`.
    #[serde(alias = "tf-idf")]
    TfIdf,
}

/// The arguments of [`TextVectorization`], with Keras' names and defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorizeOptions {
    /// Most entries of the vocabulary, those for padding and unknown tokens included.
    pub max_tokens: Option<usize>,
    /// The spelling; `None` leaves texts as they are.
    pub standardize: Option<Standardize>,
    /// Where texts are split; `None` takes each as one token.
    pub split: Option<SplitBy>,
    /// Runs of tokens in place of single ones.
    pub ngrams: Option<NGrams>,
    /// What a text becomes.
    pub output_mode: TextOutput,
    /// Length of sequences of numbers, padded and cut at the end; `None` takes that of the longest.
    pub output_sequence_length: Option<usize>,
    /// Whether all outputs but numbers have `max_tokens` columns, however many tokens there are.
    pub pad_to_max_tokens: bool,
}

impl Default for VectorizeOptions {
    fn default() -> Self {
        Self {
            max_tokens: None,
            standardize: Some(Standardize::default()),
            split: Some(SplitBy::default()),
            ngrams: None,
            output_mode: TextOutput::default(),
            output_sequence_length: None,
            pad_to_max_tokens: false,
        }
    }
}

/// Keras' `TextVectorization`, before the network: spelling, splitting, n-grams, then numbers by a vocabulary that is learned by
/// [`adapt`](Self::adapt) or given. Its JSON is Keras' configuration, with the vocabulary in it.
///
/// ```
/// use adaline_data::{TextVectorization, VectorizeOptions};
///
/// let mut vectorize = TextVectorization::new(VectorizeOptions { output_sequence_length: Some(4), ..VectorizeOptions::default() });
/// vectorize.adapt(["The cat sat.", "The dog sat!", "The end"])?;
/// assert_eq!(vectorize.vocabulary(), ["", "[UNK]", "the", "sat", "end", "dog", "cat"]);
/// let x = vectorize.transform(&["the cat ran"])?; // (1, 4)
/// assert_eq!(x.as_i32(), Some(&[2, 6, 1, 0][..]));
/// # Ok::<(), adaline_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct TextVectorization {
    options: VectorizeOptions,
    /// The tokens, the most frequent first, without padding and unknown.
    words: Vec<String>,
    /// Number of each token, from 0.
    index: HashMap<String, usize>,
    /// Weight of unknown tokens, then of each token, for `tf_idf`.
    idf: Vec<f32>,
}

impl TextVectorization {
    /// Without a vocabulary yet.
    pub fn new(options: VectorizeOptions) -> Self {
        Self { options, ..Self::default() }
    }
    /// The arguments.
    pub fn options(&self) -> &VectorizeOptions {
        &self.options
    }

    /// Entries before the first token: one for unknown tokens, and in sequences one for padding.
    fn special(&self) -> usize {
        if self.options.output_mode == TextOutput::Int { 2 } else { 1 }
    }

    /// Whether the arguments are within their ranges.
    ///
    /// # Errors
    /// [`TextError::Argument`].
    pub fn validate(&self) -> Result<(), DataError> {
        let check = |ok: bool, key, got: String, expected| if ok { Ok(()) } else { Err(TextError::Argument { key, got, expected }) };
        let shown = |v: Option<usize>| v.map_or("none".to_owned(), |v| v.to_string());
        let max = self.options.max_tokens;
        check(max.is_none_or(|m| m > self.special()), "max_tokens", shown(max), "more than the entries for padding and unknown tokens")?;
        check(!self.options.pad_to_max_tokens || max.is_some(), "max_tokens", shown(max), "given, since pad_to_max_tokens is set")?;
        let length = self.options.output_sequence_length;
        check(length != Some(0), "output_sequence_length", shown(length), "at least 1")?;
        let sequence = self.options.output_mode == TextOutput::Int || length.is_none();
        check(sequence, "output_sequence_length", shown(length), "none unless output_mode is int")?;
        let widths = self.options.ngrams.as_ref().map(NGrams::widths);
        let fits = widths.as_ref().is_none_or(|w| !w.is_empty() && !w.contains(&0));
        check(fits, "ngrams", format!("{:?}", widths.unwrap_or_default()), "widths of at least 1")?;
        Ok(())
    }

    /// The tokens of a text as they are looked up.
    pub fn tokens(&self, text: &str) -> Vec<String> {
        tokens(text, self.options.standardize, self.options.split, self.options.ngrams.as_ref())
    }

    /// Learns the vocabulary from texts: the most frequent tokens, at equal frequency those that come later in the order of bytes, as Keras
    /// sorts them. What was learned before is forgotten.
    ///
    /// # Errors
    /// [`TextError::Argument`].
    pub fn adapt<T: AsRef<str>>(&mut self, texts: impl IntoIterator<Item = T>) -> Result<(), DataError> {
        self.validate()?;
        // Occurrences, texts that have it, the last of those.
        let mut counts: HashMap<String, (u64, u64, usize)> = HashMap::new();
        let mut documents = 0;
        for (at, text) in texts.into_iter().enumerate() {
            documents += 1;
            for token in self.tokens(text.as_ref()) {
                let entry = counts.entry(token).or_insert((0, 0, usize::MAX));
                entry.0 += 1;
                if entry.2 != at {
                    (entry.1, entry.2) = (entry.1 + 1, at);
                }
            }
        }
        counts.remove(PADDING);
        counts.remove(UNKNOWN);
        let mut sorted: Vec<(String, (u64, u64, usize))> = counts.into_iter().collect();
        sorted.sort_unstable_by(|a, b| (b.1.0, &b.0).cmp(&(a.1.0, &a.0)));
        sorted.truncate(self.options.max_tokens.map_or(usize::MAX, |most| most - self.special()));
        self.idf.clear();
        if self.options.output_mode == TextOutput::TfIdf {
            let weights: Vec<f32> = sorted.iter().map(|(_, c)| (1.0 + documents as f64 / (1.0 + c.1 as f64)).ln() as f32).collect();
            // Keras gives unknown tokens the mean of the others.
            let mean = weights.iter().sum::<f32>() / weights.len().max(1) as f32;
            self.idf = std::iter::once(mean).chain(weights).collect();
        }
        self.set_words(sorted.into_iter().map(|(word, _)| word).collect());
        Ok(())
    }

    /// Takes a vocabulary as it is, the first token first, with or without the entries for padding and unknown tokens; for `tf_idf` the
    /// inverse document frequencies too, one for each token.
    ///
    /// # Errors
    /// [`TextError::Twice`], [`TextError::Special`], [`TextError::TooManyWords`], [`TextError::Weights`], [`TextError::Argument`].
    pub fn set_vocabulary(&mut self, words: Vec<String>, idf: &[f32]) -> Result<(), DataError> {
        self.validate()?;
        let (begin, expected): (&[&str], &str) =
            if self.special() == 2 { (&[PADDING, UNKNOWN], "\"\", \"[UNK]\"") } else { (&[UNKNOWN], "\"[UNK]\"") };
        let mut words = words;
        if words.len() >= begin.len() && words.iter().zip(begin).all(|(w, b)| w == b) {
            words.drain(..begin.len());
        }
        if let Some(at) = words.iter().position(|w| w == PADDING || w == UNKNOWN) {
            return Err(TextError::Special { word: words[at].clone(), at, expected }.into());
        }
        let entries = words.len() + self.special();
        if let Some(max) = self.options.max_tokens.filter(|&max| entries > max) {
            return Err(TextError::TooManyWords { words: entries, max }.into());
        }
        let mut seen = HashMap::with_capacity(words.len());
        for (second, word) in words.iter().enumerate() {
            if let Some(first) = seen.insert(word.as_str(), second) {
                return Err(TextError::Twice { word: word.clone(), first, second }.into());
            }
        }
        let weighted = self.options.output_mode == TextOutput::TfIdf;
        if idf.len() != if weighted { words.len() } else { 0 } {
            return Err(TextError::Weights { weights: idf.len(), words: words.len() }.into());
        }
        // As after learning: unknown tokens count as the mean.
        let mean = idf.iter().sum::<f32>() / idf.len().max(1) as f32;
        self.idf = if weighted { std::iter::once(mean).chain(idf.iter().copied()).collect() } else { Vec::new() };
        self.set_words(words);
        Ok(())
    }

    fn set_words(&mut self, words: Vec<String>) {
        self.index = words.iter().enumerate().map(|(at, word)| (word.clone(), at)).collect();
        self.words = words;
    }

    /// All entries in order: padding (for sequences of numbers), unknown, then the tokens, the most frequent first.
    pub fn vocabulary(&self) -> Vec<&str> {
        let special = if self.special() == 2 { &[PADDING, UNKNOWN][..] } else { &[UNKNOWN] };
        special.iter().copied().chain(self.words.iter().map(String::as_str)).collect()
    }

    /// How many entries there are: what an `Embedding` behind it needs as `input_dim`.
    pub fn vocabulary_size(&self) -> usize {
        self.words.len() + self.special()
    }

    /// The numbers of a text's tokens, however many there are.
    pub fn numbers(&self, text: &str) -> Vec<i32> {
        let special = self.special();
        let number = |token: &String| match self.index.get(token) {
            Some(at) => at + special,
            // Only in sequences is padding a token of its own; elsewhere it is dropped before it gets here.
            None if token == PADDING => 0,
            None => special - 1,
        };
        self.tokens(text).iter().map(|token| number(token) as i32).collect()
    }

    /// The numbers of each text's tokens, as many as there are, and at most `output_sequence_length`. A text without tokens is one step of
    /// padding.
    ///
    /// # Errors
    /// [`TextError::NoVocabulary`], [`TextError::Argument`] unless the output is sequences; [`DataError::Empty`] without a text.
    pub fn transform_ragged(&self, texts: &[impl AsRef<str>]) -> Result<Ragged, DataError> {
        self.validate()?;
        if self.words.is_empty() {
            return Err(TextError::NoVocabulary.into());
        }
        if self.options.output_mode != TextOutput::Int {
            let got = format!("{:?}", self.options.output_mode);
            return Err(
                TextError::Argument { key: "output_mode", got, expected: "int: other outputs have one length for all texts" }.into()
            );
        }
        let longest = self.options.output_sequence_length.unwrap_or(usize::MAX);
        let numbers = |text: &str| {
            let mut numbers = self.numbers(text);
            numbers.truncate(longest);
            if numbers.is_empty() { vec![0] } else { numbers }
        };
        Ragged::from_sequences(&texts.iter().map(|text| numbers(text.as_ref())).collect::<Vec<_>>())
    }

    /// Texts as numbers: `i32 (texts, length)` for sequences, else `f32 (texts, entries)`.
    ///
    /// # Errors
    /// [`TextError::NoVocabulary`], [`TextError::Argument`]; [`DataError::TooLarge`].
    pub fn transform(&self, texts: &[impl AsRef<str>]) -> Result<Tensor, DataError> {
        self.validate()?;
        if self.words.is_empty() {
            return Err(TextError::NoVocabulary.into());
        }
        if self.options.output_mode == TextOutput::Int {
            let sequences: Vec<Vec<i32>> = texts.iter().map(|text| self.numbers(text.as_ref())).collect();
            let end = SequenceEnd::Post;
            return pad_sequences(
                &sequences,
                &PadOptions { maxlen: self.options.output_sequence_length, padding: end, truncating: end, value: 0 },
            );
        }
        let width = self.options.max_tokens.filter(|_| self.options.pad_to_max_tokens).unwrap_or(self.vocabulary_size());
        let shape = [texts.len(), width];
        let mut out = vec![0.0f32; count_values(&shape)?];
        for (text, row) in texts.iter().zip(out.chunks_exact_mut(width.max(1))) {
            for token in self.tokens(text.as_ref()).iter().filter(|token| *token != PADDING) {
                let entry = self.index.get(token).map_or(0, |at| at + 1);
                row[entry] = if self.options.output_mode == TextOutput::MultiHot { 1.0 } else { row[entry] + 1.0 };
            }
            for (value, weight) in row.iter_mut().zip(&self.idf) {
                *value *= weight;
            }
        }
        Tensor::f32(shape, out)
    }
}

/// Keras' configuration: what files say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Stored {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing)]
    trainable: serde::de::IgnoredAny,
    #[serde(skip_serializing)]
    dtype: serde::de::IgnoredAny,
    max_tokens: Option<usize>,
    standardize: Option<Standardize>,
    split: Option<SplitBy>,
    ngrams: Option<NGrams>,
    output_mode: TextOutput,
    output_sequence_length: Option<usize>,
    pad_to_max_tokens: bool,
    sparse: bool,
    ragged: bool,
    vocabulary: Option<Vec<String>>,
    idf_weights: Option<Vec<f32>>,
    encoding: String,
    vocabulary_size: Option<usize>,
}

impl Default for Stored {
    fn default() -> Self {
        TextVectorization::default().into()
    }
}

impl From<TextVectorization> for Stored {
    fn from(t: TextVectorization) -> Self {
        let vocabulary_size = Some(t.vocabulary_size());
        Self {
            name: None,
            trainable: serde::de::IgnoredAny,
            dtype: serde::de::IgnoredAny,
            max_tokens: t.options.max_tokens,
            standardize: t.options.standardize,
            split: t.options.split,
            ngrams: t.options.ngrams,
            output_mode: t.options.output_mode,
            output_sequence_length: t.options.output_sequence_length,
            pad_to_max_tokens: t.options.pad_to_max_tokens,
            sparse: false,
            ragged: false,
            idf_weights: (!t.idf.is_empty()).then(|| t.idf[1..].to_vec()),
            vocabulary: (!t.words.is_empty()).then_some(t.words),
            encoding: "utf-8".into(),
            vocabulary_size,
        }
    }
}

impl TryFrom<Stored> for TextVectorization {
    type Error = String;
    fn try_from(s: Stored) -> Result<Self, String> {
        if s.sparse || s.ragged {
            return Err("TextVectorization: `sparse` and `ragged` must be false (dense tensors only)".into());
        }
        if !s.encoding.eq_ignore_ascii_case("utf-8") {
            return Err(format!("TextVectorization: `encoding` is {:?}, but must be \"utf-8\"", s.encoding));
        }
        let mut read = Self::new(VectorizeOptions {
            max_tokens: s.max_tokens,
            standardize: s.standardize,
            split: s.split,
            ngrams: s.ngrams,
            output_mode: s.output_mode,
            output_sequence_length: s.output_sequence_length,
            pad_to_max_tokens: s.pad_to_max_tokens,
        });
        match s.vocabulary {
            Some(words) => read.set_vocabulary(words, s.idf_weights.as_deref().unwrap_or(&[])).map_err(|e| e.to_string())?,
            None => read.validate().map_err(|e| e.to_string())?,
        }
        Ok(read)
    }
}
