//! From a text to its tokens: spelling, splitting, n-grams. Byte for byte what TensorFlow's operations do for Keras.

use serde::{Deserialize, Serialize};

/// How a text is spelled before it is split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standardize {
    /// Small letters, no punctuation. As in Keras this is of ASCII alone: `Ä` and `„` stay.
    #[default]
    LowerAndStripPunctuation,
    /// Small letters.
    Lower,
    /// No punctuation.
    StripPunctuation,
}

/// Where a text is split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// At ASCII white space.
    #[default]
    Whitespace,
    /// Between characters.
    Character,
}

/// Keras' `ngrams`: a number stands for all widths up to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "neither, expected the longest width or a list of widths")]
pub enum NGrams {
    /// Runs of 1, 2, ... so many tokens.
    UpTo(usize),
    /// Runs of these widths, width by width.
    Widths(Vec<usize>),
}

impl NGrams {
    /// Widths in order.
    pub(super) fn widths(&self) -> Vec<usize> {
        match self {
            Self::UpTo(most) => (1..=*most).collect(),
            Self::Widths(widths) => widths.clone(),
        }
    }
}

/// What is white space between words: C's `isspace`, which has the vertical tab.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}

/// The text in its spelling.
pub(super) fn standardized(text: &str, standardize: Option<Standardize>) -> String {
    let lower = |c: char| c.to_ascii_lowercase();
    let kept = |c: &char| !c.is_ascii_punctuation();
    match standardize {
        Some(Standardize::LowerAndStripPunctuation) => text.chars().filter(kept).map(lower).collect(),
        Some(Standardize::Lower) => text.chars().map(lower).collect(),
        Some(Standardize::StripPunctuation) => text.chars().filter(kept).collect(),
        None => text.into(),
    }
}

/// The tokens of a text, n-grams in place of single ones where they are asked for.
pub(super) fn tokens(text: &str, standardize: Option<Standardize>, split: Option<SplitBy>, ngrams: Option<&NGrams>) -> Vec<String> {
    let text = standardized(text, standardize);
    let single: Vec<String> = match split {
        Some(SplitBy::Whitespace) => text.split(is_space).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        Some(SplitBy::Character) => text.chars().map(String::from).collect(),
        None => vec![text],
    };
    match ngrams {
        // A width of 0 is refused before.
        Some(n) => n.widths().into_iter().flat_map(|width| single.windows(width.max(1)).map(|run| run.join(" "))).collect(),
        None => single,
    }
}
