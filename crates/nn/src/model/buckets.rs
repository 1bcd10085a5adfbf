//! Sequences in buckets of about the same length: what a batch is padded to, and which rows are in it.

use super::Model;
use super::loader::Pick;
use crate::error::{Error, Result};
use adaline_data::{Bucketing, Padded, RowSource};
use adaline_graph::philox;
use std::ops::Range;

/// Stream of the numbers that order the batches.
const ORDER_OF_BATCHES: &str = "adaline/order-of-batches";
/// The option's name, for messages.
const OPTION: &str = "bucket_by_length";

/// The inputs of a model in buckets. A row's length is that of its longest sequence.
pub(crate) struct Buckets<'a> {
    /// The inputs of each bucket.
    inputs: Vec<Vec<Input<'a>>>,
    /// The longest row of each.
    bounds: Vec<usize>,
    /// The bucket of each row.
    of: Vec<usize>,
}

/// An input as the rows of a bucket have it.
enum Input<'a> {
    /// Its rows have one shape everywhere.
    Whole(&'a dyn RowSource),
    /// Sequences, padded to the longest of the bucket.
    Padded(Padded<'a>),
}

impl Buckets<'_> {
    /// An input, padded to the lengths of a bucket.
    pub(crate) fn input(&self, bucket: usize, at: usize) -> &dyn RowSource {
        match &self.inputs[bucket][at] {
            Input::Whole(x) => *x,
            Input::Padded(x) => x,
        }
    }
    /// The longest row of each bucket.
    pub(crate) fn bounds(&self) -> &[usize] {
        &self.bounds
    }
    /// What makes batches of a range of rows.
    pub(crate) fn cuts(&self, rows: Range<usize>, batch: usize) -> Cuts {
        Cuts::new(rows.start, self.of[rows].to_vec(), self.inputs.len(), batch)
    }
}

impl Model {
    /// The inputs in buckets, where buckets are asked for.
    pub(crate) fn buckets<'a>(&self, x: &[&'a dyn RowSource], by: Option<&Bucketing>) -> Result<Option<Buckets<'a>>> {
        let Some(by) = by else { return Ok(None) };
        if *by == Bucketing::Count(0) {
            return Err(Error::option(OPTION, 0, "at least 1 bucket"));
        }
        let sequences = || x.iter().filter_map(|x| x.as_ragged());
        if sequences().next().is_none() {
            let got = "given for inputs whose rows all have one shape";
            return Err(Error::option(OPTION, got, "given with sequences of several lengths: an input that is a Ragged"));
        }
        for (input, x) in self.net.inputs.iter().flatten().zip(x) {
            if let (Some(Some(length)), true) = (input.row.first(), x.as_ragged().is_some()) {
                let got = format!("given for a model whose input `{}` has {length} steps", input.name);
                let expected = "given for a model whose sequences may have any length: InputLayer::with_batch_shape([None, None, ..])";
                return Err(Error::option(OPTION, got, expected));
            }
        }
        let mut lengths = vec![0; x.first().map_or(0, |x| x.rows())];
        for ragged in sequences() {
            lengths.iter_mut().zip(ragged.lengths()).for_each(|(l, own)| *l = own.max(*l));
        }
        let bounds = by.bounds(lengths.iter().copied());
        let of: Vec<usize> = lengths.iter().map(|&l| bounds.partition_point(|&b| b < l)).collect();
        let padded = |x: &'a dyn RowSource, bucket: usize| match x.as_ragged() {
            Some(ragged) => {
                let own = ragged.lengths().zip(&of).filter(|(_, of)| **of == bucket).map(|(l, _)| l);
                Input::Padded(ragged.padded_to(own.max().unwrap_or(0)))
            }
            None => Input::Whole(x),
        };
        let inputs = (0..bounds.len()).map(|bucket| x.iter().map(|&x| padded(x, bucket)).collect()).collect();
        Ok(Some(Buckets { inputs, bounds, of }))
    }
}

/// How rows in some order become batches of one bucket each.
#[derive(Clone, Debug)]
pub(crate) struct Cuts {
    /// The first row.
    first: usize,
    /// The bucket of each row from there on.
    of: Vec<usize>,
    /// Where the rows of each bucket begin.
    starts: Vec<usize>,
    /// Bucket and places of each batch, those of short rows first.
    batches: Vec<(usize, Range<usize>)>,
    /// The order of the batches.
    turns: Vec<u32>,
}

impl Cuts {
    fn new(first: usize, of: Vec<usize>, buckets: usize, batch: usize) -> Self {
        let mut counts = vec![0; buckets];
        for &b in &of {
            counts[b] += 1;
        }
        let (mut starts, mut batches, mut start) = (Vec::with_capacity(buckets), Vec::new(), 0usize);
        for (bucket, count) in counts.into_iter().enumerate() {
            starts.push(start);
            let end = start + count;
            batches.extend((start..end).step_by(batch).map(|at| (bucket, at..at.saturating_add(batch).min(end))));
            start = end;
        }
        let turns = (0..batches.len() as u32).collect();
        Self { first, of, starts, batches, turns }
    }
    /// Batches per pass.
    pub(crate) fn batches(&self) -> usize {
        self.batches.len()
    }
    /// Bucket and rows of the batches that differ in one of them.
    pub(crate) fn shapes(&self) -> Vec<(usize, usize)> {
        let mut shapes: Vec<(usize, usize)> = self.batches.iter().map(|(bucket, rows)| (*bucket, rows.len())).collect();
        shapes.dedup(); // batches of a bucket follow each other, the smaller one last
        shapes
    }
    /// Brings rows to their buckets; within each they keep their order.
    pub(crate) fn arrange(&self, rows: &mut [usize]) {
        let given = rows.to_vec();
        let mut next = self.starts.clone();
        for row in given {
            let place = &mut next[self.of[row - self.first]];
            rows[*place] = row;
            *place += 1;
        }
    }
    /// Shuffles the batches: a pure function of (seed, pass).
    pub(crate) fn shuffle(&mut self, seed: u64, pass: u64) {
        self.turns = philox::permutation(self.batches.len(), seed, philox::stream_of(ORDER_OF_BATCHES), pass as u32);
    }
    /// A batch, by its turn within the pass, of arranged rows.
    pub(crate) fn batch<'r>(&self, turn: usize, rows: &'r [usize]) -> Pick<'r> {
        let (bucket, places) = self.batches[self.turns[turn] as usize].clone();
        Pick::of_bucket(bucket, &rows[places])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::loader::Order;

    /// The bucket of a row.
    fn of(row: usize) -> usize {
        row * 7 % 11 % 3
    }

    fn order(shuffle: bool) -> Order {
        let rows = 10..57;
        let cuts = Cuts::new(10, rows.clone().map(of).collect(), 4, 8);
        Order::new(rows, 8, shuffle, 3).cut(Some(cuts))
    }

    #[test]
    fn a_pass_has_every_row_once_in_batches_of_one_bucket() {
        for shuffle in [false, true] {
            let mut order = order(shuffle);
            let batches = order.batches() as u64;
            let mut passes = Vec::new();
            for pass in 0..2 {
                let mut seen = Vec::new();
                for index in 0..batches {
                    let (bucket, rows) = order.batch(pass * batches + index).rows();
                    assert!(rows.iter().all(|&row| of(row) == bucket) && (1..=8).contains(&rows.len()), "{bucket} {rows:?}");
                    seen.push(rows.to_vec());
                }
                let mut all = seen.concat();
                all.sort_unstable();
                assert_eq!(all, (10..57).collect::<Vec<_>>());
                passes.push(seen);
            }
            assert_eq!(passes[0] == passes[1], !shuffle, "each pass has its own order");
            if shuffle {
                let first: Vec<usize> = passes[0].iter().map(|rows| of(rows[0])).collect();
                assert!(!first.is_sorted(), "batches are shuffled, too: {first:?}");
            } else {
                assert_eq!(order.rows_out_of_order().unwrap(), passes[0].concat());
                assert!(passes[0].iter().all(|rows| rows.is_sorted()));
            }
        }
    }

    #[test]
    fn a_batch_follows_from_its_number() {
        let all: Vec<Vec<usize>> = {
            let mut order = order(true);
            (0..20).map(|index| order.batch(index).rows().1.to_vec()).collect()
        };
        for index in [19, 3, 11, 0] {
            assert_eq!(order(true).batch(index).rows().1, all[index as usize]);
        }
    }

    #[test]
    fn shapes_are_those_of_the_batches() {
        let order = order(false);
        let shapes = order.shapes();
        // 17, 18 and 12 rows in three buckets; the fourth is empty.
        let counts: Vec<usize> = (0..3).map(|b| (10..57).filter(|&r| of(r) == b).count()).collect();
        let expected = counts.iter().enumerate().flat_map(|(b, &n)| [(b, 8.min(n)), (b, n % 8)]).filter(|s| s.1 > 0);
        assert_eq!(shapes, expected.collect::<Vec<_>>());
    }
}
