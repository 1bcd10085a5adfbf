//! What can be wrong with sequences of several lengths.

/// What went wrong, with what was expected and what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RaggedError {
    /// A sequence of length 0: masked as a whole, layers such as means make NaN of it.
    #[error("sequence {row} (counted from 0) has no steps: leave it out, or give it one, such as the number for padding")]
    NoSteps {
        /// Which.
        row: usize,
    },
    /// Lengths and values that do not belong together.
    #[error(
        "the lengths of the sequences sum up to {sum}, but there are {steps} steps: \
         the first axis of the values counts the steps of all sequences"
    )]
    Lengths {
        /// Sum of the lengths.
        sum: usize,
        /// Steps in the values.
        steps: usize,
    },
}
