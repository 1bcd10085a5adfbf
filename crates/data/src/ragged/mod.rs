//! Sequences of several lengths, as they are: padded only into the batch that asks for them.

pub(crate) mod buckets;
pub(crate) mod error;

use crate::text::sequences::SequenceEnd;
use crate::{DType, DataError, RowSource, Tensor, TensorData};
use error::RaggedError;
use std::ops::Range;

/// Sequences of several lengths: all their steps one after the other, `(steps of all, features..)`, and how many belong to each.
///
/// As a [`RowSource`] its rows have the length of the longest, `(longest, features..)`: shorter ones are padded when they are copied into a
/// batch, with 0 at the end unless [`Ragged::padding`] and [`Ragged::value`] say otherwise. [`Ragged::padded_to`] sees them at another length.
/// What is padded counts as a step unless layers are told to leave it out: `Embedding` with `mask_zero` for whole numbers, `Masking` for others.
///
/// ```
/// use adaline_data::{Ragged, RowSource};
///
/// let words = Ragged::from_sequences(&[vec![5, 2, 9], vec![4]])?;
/// assert_eq!((words.rows(), words.row_shape(), words.length(1)), (2, &[3][..], 1));
/// let mut batch = [7; 6];
/// words.gather_i32_into(&[1, 0], &mut batch)?;
/// assert_eq!(batch, [4, 0, 0, 5, 2, 9]);
/// # Ok::<(), adaline_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ragged {
    /// `(steps of all, features..)`.
    values: Tensor,
    /// The first step of each sequence, and the end of the last.
    starts: Vec<usize>,
    /// `(longest, features..)`.
    shape: Vec<usize>,
    padding: SequenceEnd,
    value: f32,
}

/// Sequences at one length: rows of shape `(length, features..)`. Made by [`Ragged::padded_to`].
#[derive(Debug, Clone)]
pub struct Padded<'a> {
    of: &'a Ragged,
    shape: Vec<usize>,
}

impl Ragged {
    /// Sequences whose steps lie one after the other in `values (steps of all, features..)`; `lengths` says how many belong to each.
    ///
    /// # Errors
    /// [`RaggedError`]: a sequence without steps, lengths that do not sum up to the steps that are there; [`DataError::Empty`] without a
    /// sequence.
    pub fn new(values: Tensor, lengths: &[usize]) -> Result<Self, DataError> {
        if lengths.is_empty() {
            return Err(DataError::Empty { what: "the list of sequences".into() });
        }
        if let Some(row) = lengths.iter().position(|&l| l == 0) {
            return Err(RaggedError::NoSteps { row }.into());
        }
        let steps = if values.rank() == 0 { 0 } else { values.rows() };
        let mut starts = vec![0];
        let mut end = 0usize;
        for length in lengths {
            end = end.saturating_add(*length);
            starts.push(end);
        }
        if end != steps {
            return Err(RaggedError::Lengths { sum: end, steps }.into());
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let shape = std::iter::once(longest).chain(values.row_shape().iter().copied()).collect();
        Ok(Self { values, starts, shape, padding: SequenceEnd::Post, value: 0.0 })
    }

    /// From lists of whole numbers, such as [`crate::TextVectorization::numbers`] makes them of texts.
    ///
    /// # Errors
    /// As [`Ragged::new`].
    pub fn from_sequences(sequences: &[impl AsRef<[i32]>]) -> Result<Self, DataError> {
        let lengths: Vec<usize> = sequences.iter().map(|s| s.as_ref().len()).collect();
        let values: Vec<i32> = sequences.iter().flat_map(AsRef::as_ref).copied().collect();
        Self::new(Tensor::i32([values.len()], values)?, &lengths)
    }

    /// Which end is padded (the end, unlike [`crate::pad_sequences`]).
    pub fn padding(mut self, end: SequenceEnd) -> Self {
        self.padding = end;
        self
    }

    /// What is padded with (0): the `mask_value` of a `Masking` layer. Whole numbers take it without its fraction.
    pub fn value(mut self, value: f32) -> Self {
        self.value = value;
        self
    }

    /// All steps, `(steps of all, features..)`.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Steps of each sequence.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> {
        self.starts.windows(2).map(|w| w[1] - w[0])
    }

    /// Steps of one sequence; 0 for one that does not exist.
    pub fn length(&self, row: usize) -> usize {
        self.steps(row).map_or(0, |s| s.len())
    }

    /// Steps of the longest.
    pub fn longest(&self) -> usize {
        self.shape[0]
    }

    /// The sequence to which a step of [`Ragged::values`] belongs, and its place there.
    pub fn place(&self, step: usize) -> (usize, usize) {
        let row = self.starts.partition_point(|&s| s <= step).saturating_sub(1);
        (row, step - self.starts[row])
    }

    /// The same sequences at another length. Longer ones are cut at the end that is padded.
    pub fn padded_to(&self, length: usize) -> Padded<'_> {
        Padded { of: self, shape: std::iter::once(length).chain(self.shape[1..].iter().copied()).collect() }
    }

    /// The named sequences, in that order.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`], [`DataError::Empty`].
    pub fn take_rows(&self, rows: &[usize]) -> Result<Self, DataError> {
        let (mut steps, mut lengths) = (Vec::new(), Vec::with_capacity(rows.len()));
        for &row in rows {
            let range = self.steps(row).ok_or(DataError::RowOutOfRange { row, rows: self.rows() })?;
            lengths.push(range.len());
            steps.extend(range);
        }
        Ok(Self { padding: self.padding, value: self.value, ..Self::new(self.values.take_rows(&steps)?, &lengths)? })
    }

    /// All of them at the length of the longest, `(sequences, longest, features..)`.
    ///
    /// # Errors
    /// [`DataError::TooLarge`].
    pub fn to_tensor(&self) -> Result<Tensor, DataError> {
        let shape: Vec<usize> = std::iter::once(self.rows()).chain(self.shape.iter().copied()).collect();
        let (rows, count): (Vec<usize>, _) = ((0..self.rows()).collect(), crate::tensor::count_values(&shape)?);
        if self.dtype() == DType::I32 {
            let mut out = vec![0; count];
            self.gather_i32_into(&rows, &mut out)?;
            return Tensor::i32(shape, out);
        }
        let mut out = vec![0.0; count];
        self.gather_f32_into(&rows, &mut out)?;
        Tensor::f32(shape, out)
    }

    fn steps(&self, row: usize) -> Option<Range<usize>> {
        Some(*self.starts.get(row)?..*self.starts.get(row.checked_add(1)?)?)
    }

    /// Writes rows of `row_len` values, each padded or cut.
    fn gather<S: Copy, D: Copy>(&self, from: &[S], rows: &[usize], row_len: usize, to: (&mut [D], D), f: impl Fn(S) -> D) {
        let (out, fill) = to;
        let width = self.values.row_len();
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(row_len.max(1))) {
            let own = &from[self.starts[row] * width..self.starts[row + 1] * width];
            let kept = own.len().min(out.len());
            let pre = self.padding == SequenceEnd::Pre;
            let own = if pre { &own[own.len() - kept..] } else { &own[..kept] };
            let (padded, written) = if pre {
                out.split_at_mut(row_len - kept)
            } else {
                let (written, padded) = out.split_at_mut(kept);
                (padded, written)
            };
            padded.fill(fill);
            written.iter_mut().zip(own).for_each(|(out, &v)| *out = f(v));
        }
    }

    fn check(&self, rows: &[usize], row_len: usize, found: usize) -> Result<(), DataError> {
        let all = self.starts.len() - 1;
        if let Some(&row) = rows.iter().find(|&&row| row >= all) {
            return Err(DataError::RowOutOfRange { row, rows: all });
        }
        let expected = rows.len().saturating_mul(row_len);
        if expected == found { Ok(()) } else { Err(DataError::BufferSize { expected, found, rows: rows.len(), row_len }) }
    }

    fn gather_f32(&self, rows: &[usize], row_len: usize, out: &mut [f32]) -> Result<(), DataError> {
        self.check(rows, row_len, out.len())?;
        let to = (out, self.value);
        match self.values.data() {
            TensorData::F32(v) => self.gather(v, rows, row_len, to, |v| v),
            TensorData::I32(v) => self.gather(v, rows, row_len, to, |v| v as f32),
            TensorData::U8(v) => self.gather(v, rows, row_len, to, f32::from),
        }
        Ok(())
    }

    fn gather_i32(&self, rows: &[usize], row_len: usize, out: &mut [i32]) -> Result<(), DataError> {
        self.check(rows, row_len, out.len())?;
        let to = (out, self.value as i32);
        match self.values.data() {
            TensorData::F32(v) => self.gather(v, rows, row_len, to, |v| v as i32),
            TensorData::I32(v) => self.gather(v, rows, row_len, to, |v| v),
            TensorData::U8(v) => self.gather(v, rows, row_len, to, i32::from),
        }
        Ok(())
    }
}

impl RowSource for Ragged {
    fn rows(&self) -> usize {
        self.starts.len() - 1
    }
    fn row_shape(&self) -> &[usize] {
        &self.shape
    }
    fn dtype(&self) -> DType {
        self.values.dtype()
    }
    fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        self.gather_f32(rows, self.row_len(), out)
    }
    fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        self.gather_i32(rows, self.row_len(), out)
    }
    fn as_ragged(&self) -> Option<&Ragged> {
        Some(self)
    }
    fn in_memory(&self) -> bool {
        true
    }
}

impl RowSource for Padded<'_> {
    fn rows(&self) -> usize {
        self.of.rows()
    }
    fn row_shape(&self) -> &[usize] {
        &self.shape
    }
    fn dtype(&self) -> DType {
        self.of.dtype()
    }
    fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        self.of.gather_f32(rows, self.row_len(), out)
    }
    fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        self.of.gather_i32(rows, self.row_len(), out)
    }
    fn in_memory(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PadOptions, pad_sequences};

    #[test]
    fn rows_are_padded_and_cut_as_pad_sequences_does_it() {
        let sequences = [vec![1], vec![2, 3], vec![4, 5, 6], vec![7, 8, 9, 10]];
        for end in [SequenceEnd::Pre, SequenceEnd::Post] {
            let ragged = Ragged::from_sequences(&sequences).unwrap().padding(end).value(-1.0);
            assert_eq!(ragged.lengths().collect::<Vec<_>>(), [1, 2, 3, 4]);
            for length in 1..6 {
                let options = PadOptions { maxlen: Some(length), padding: end, truncating: end, value: -1 };
                let expected = pad_sequences(&sequences, &options).unwrap();
                let view = ragged.padded_to(length);
                let (mut whole, mut real) = (vec![0; 4 * length], vec![0.0; 4 * length]);
                view.gather_i32_into(&[0, 1, 2, 3], &mut whole).unwrap();
                view.gather_f32_into(&[0, 1, 2, 3], &mut real).unwrap();
                assert_eq!(expected.as_i32().unwrap(), whole, "{end:?} {length}");
                assert_eq!(expected.f32_values(), &real[..]);
            }
            let taken = ragged.take_rows(&[2, 0]).unwrap();
            assert_eq!(taken.to_tensor().unwrap().as_i32().unwrap()[..3], [4, 5, 6]);
            assert_eq!(taken.to_tensor().unwrap().shape(), [2, 3]);
        }
    }

    #[test]
    fn steps_of_several_numbers_stay_together() {
        let values = Tensor::f32([3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let ragged = Ragged::new(values, &[1, 2]).unwrap().value(9.0);
        assert_eq!(ragged.row_shape(), [2, 2]);
        assert_eq!(ragged.to_tensor().unwrap().as_f32().unwrap(), [1.0, 2.0, 9.0, 9.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!([0, 1, 2].map(|s| ragged.place(s)), [(0, 0), (1, 0), (1, 1)]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let text = |r: Result<Ragged, DataError>| r.unwrap_err().to_string();
        let values = || Tensor::zeros([3, 2]).unwrap();
        assert_eq!(
            text(Ragged::new(values(), &[1, 0, 2])),
            "sequence 1 (counted from 0) has no steps: leave it out, or give it one, such as the number for padding"
        );
        assert_eq!(
            text(Ragged::new(values(), &[1, 1])),
            "the lengths of the sequences sum up to 2, but there are 3 steps: the first axis of the values counts the steps of all sequences"
        );
        assert!(text(Ragged::new(values(), &[usize::MAX, 4])).contains("but there are 3 steps"));
        assert_eq!(text(Ragged::new(values(), &[])), "the list of sequences is empty");
        let ragged = Ragged::new(values(), &[1, 2]).unwrap();
        assert!(text(ragged.take_rows(&[2])).contains("row 2 does not exist"));
        assert!(ragged.gather_f32_into(&[0], &mut [0.0; 3]).is_err() && ragged.gather_i32_into(&[9], &mut [0; 4]).is_err());
        assert_eq!((ragged.length(1), ragged.length(2), ragged.length(usize::MAX)), (2, 0, 0));
    }
}
