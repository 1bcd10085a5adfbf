//! Sequences of several lengths brought to one.

use serde::{Deserialize, Serialize};

use crate::{DataError, Tensor, tensor::count_values};

/// Which end of a sequence is padded or cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SequenceEnd {
    /// The beginning: the last steps are kept, and stand at the end.
    #[default]
    Pre,
    /// The end.
    Post,
}

/// How [`pad_sequences`] works; the defaults are Keras'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PadOptions {
    /// Length of the result; `None` takes that of the longest sequence.
    pub maxlen: Option<usize>,
    /// Where shorter ones are padded.
    pub padding: SequenceEnd,
    /// Where longer ones are cut.
    pub truncating: SequenceEnd,
    /// What they are padded with.
    pub value: i32,
}

/// Sequences of several lengths as one tensor `(sequences, length)` of `i32`, as Keras' `pad_sequences`.
///
/// ```
/// use adaline_data::{PadOptions, SequenceEnd, pad_sequences};
///
/// let sequences = [vec![1], vec![2, 3], vec![4, 5, 6]];
/// let padded = pad_sequences(&sequences, &PadOptions::default())?;
/// assert_eq!(padded.as_i32(), Some(&[0, 0, 1, 0, 2, 3, 4, 5, 6][..]));
/// let options = PadOptions { maxlen: Some(2), padding: SequenceEnd::Post, ..PadOptions::default() };
/// assert_eq!(pad_sequences(&sequences, &options)?.as_i32(), Some(&[1, 0, 2, 3, 5, 6][..]));
/// # Ok::<(), adaline_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::TooLarge`].
pub fn pad_sequences(sequences: &[impl AsRef<[i32]>], options: &PadOptions) -> Result<Tensor, DataError> {
    let longest = sequences.iter().map(|s| s.as_ref().len()).max().unwrap_or(0);
    let length = options.maxlen.unwrap_or(longest);
    let shape = [sequences.len(), length];
    let mut out = vec![options.value; count_values(&shape)?];
    if length > 0 {
        for (sequence, row) in sequences.iter().zip(out.chunks_exact_mut(length)) {
            let own = cut(sequence.as_ref(), length, options.truncating);
            let at = if options.padding == SequenceEnd::Pre { length - own.len() } else { 0 };
            row[at..at + own.len()].copy_from_slice(own);
        }
    }
    Tensor::i32(shape, out)
}

/// At most so many steps.
fn cut(sequence: &[i32], length: usize, end: SequenceEnd) -> &[i32] {
    match (sequence.len().checked_sub(length), end) {
        (Some(over), SequenceEnd::Pre) => &sequence[over..],
        (Some(_), SequenceEnd::Post) => &sequence[..length],
        (None, _) => sequence,
    }
}
