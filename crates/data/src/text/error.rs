//! What can be wrong with texts and sequences.

/// What went wrong, with what was expected and what came.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Neither learned from texts nor given.
    #[error("there is no vocabulary yet: call adapt with texts, or set one with vocabulary")]
    NoVocabulary,
    /// An argument out of its range.
    #[error("TextVectorization: `{key}` is {got}, but must be {expected}")]
    Argument {
        /// Keras' name of the argument.
        key: &'static str,
        /// Its value.
        got: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A word that is in the vocabulary twice.
    #[error("the vocabulary has {word:?} at {first} and at {second} (counted from 0); each word must be there once")]
    Twice {
        /// The word.
        word: String,
        /// Its first place.
        first: usize,
        /// Its second.
        second: usize,
    },
    /// A vocabulary that does not keep the places for padding and unknown words, or has them elsewhere.
    #[error(
        "the vocabulary has {word:?} at {at} (counted from 0): \
         without numbers for padding and unknown words it holds neither \"\" nor \"[UNK]\", with them it begins with {expected}"
    )]
    Special {
        /// What is there.
        word: String,
        /// Where.
        at: usize,
        /// How it should begin.
        expected: &'static str,
    },
    /// More words than `max_tokens`.
    #[error("the vocabulary has {words} entries with those for padding and unknown words, more than the {max} of max_tokens")]
    TooManyWords {
        /// How many.
        words: usize,
        /// The limit.
        max: usize,
    },
    /// As many weights as words are needed.
    #[error("there are {weights} weights for {words} words: tf_idf needs one for each, and the other outputs none")]
    Weights {
        /// How many weights.
        weights: usize,
        /// How many words.
        words: usize,
    },
}
