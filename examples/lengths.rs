//! Sequences of several lengths: padded to the longest of all, or in buckets of about the same length.
//!
//! Made-up texts, lengths spread as those of reviews are: half of them have at most 90 words, the longest of 600 about seven times as many. Padded
//! to that one, nine tenths of what an LSTM reads is padding, which it skips, but must look at. In buckets a batch is as long as the longest
//! text of its bucket.
//!
//!     cargo run --release -p adaline --example lengths
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::data::{Bucketing, Ragged};
use adaline::prelude::*;
use std::error::Error;
use std::time::Instant;

/// Words of the vocabulary; 0 is padding.
const WORDS: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let (texts, labels) = texts(600, 90.0)?;
    for buckets in [None, Some(2), Some(4), Some(8)] {
        let steps = steps(&texts, buckets);
        let mut model = network(16)?;
        let options = |first: usize| {
            let options = Fit::default().initial_epoch(first).epochs(first + 1).verbose(0);
            if let Some(buckets) = buckets { options.bucket_by_length(buckets) } else { options }
        };
        model.fit(&texts, &labels, options(0))?; // compiles
        let begin = Instant::now();
        let history = model.fit(&texts, &labels, options(1))?;
        let seconds = begin.elapsed().as_secs_f64();
        let padding = 1.0 - texts.values().rows() as f64 / steps as f64;
        let name = buckets.map_or("without buckets".into(), |b| format!("{b} buckets"));
        println!(
            "{name:>15}: {seconds:6.2} s an epoch, {:4.1} % padding, loss {:.4}",
            100.0 * padding,
            history.last("loss").unwrap_or(f64::NAN)
        );
    }
    Ok(())
}

/// Steps of all texts with their padding.
fn steps(texts: &Ragged, buckets: Option<usize>) -> usize {
    let bounds = Bucketing::from(buckets.unwrap_or(1)).bounds(texts.lengths());
    texts.lengths().map(|l| bounds.iter().copied().find(|&b| b >= l).unwrap_or(l)).sum()
}

/// Texts whose lengths are spread around a median as a log-normal distribution is, and whether words of the first half of the vocabulary
/// are more frequent in them.
fn texts(rows: usize, median: f64) -> Result<(Ragged, Tensor), Box<dyn Error>> {
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64 + 0.5) / f64::from(1 << 24)
    };
    let (mut texts, mut labels) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for row in 0..rows {
        let normal = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
        let length = (median * (0.75 * normal).exp()).max(1.0) as usize;
        let positive = row % 2 == 0;
        let half = (WORDS - 1) / 2;
        let text: Vec<i32> = (0..length)
            .map(|_| {
                let first = (uniform() < 0.6) == positive;
                (1 + (uniform() * half as f64) as usize + if first { 0 } else { half }) as i32
            })
            .collect();
        texts.push(text);
        labels.push([f32::from(u8::from(positive))]);
    }
    Ok((Ragged::from_sequences(&texts)?, Tensor::from(labels)))
}

/// `(B, T) -> (B, 1)`.
fn network(units: usize) -> Result<Model, Box<dyn Error>> {
    let mut model = Sequential::new()
        .add(Embedding::new(WORDS, 16).mask_zero(true)) // (B, T, 16), and which steps are words
        .add(LSTM::new(units)) // (B, units)
        .add(Dense::new(1).activation(Activation::Sigmoid))
        .build(Seed(1))?;
    model.compile(Adam::new(0.003), BinaryCrossentropy::default(), [Accuracy::default()])?;
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaline::data::RowSource;

    #[test]
    fn buckets_pad_less_and_learn_as_well() {
        let (texts, labels) = texts(200, 12.0).unwrap();
        let padded = [None, Some(1), Some(4), Some(8)].map(|b| steps(&texts, b));
        assert!(padded[0] == texts.rows() * texts.longest() && padded[0] == padded[1]);
        assert!(padded[2] * 2 < padded[1] && padded[3] < padded[2]);
        let mut model = network(4).unwrap();
        let history = model.fit(&texts, &labels, Fit::default().epochs(12).verbose(0).bucket_by_length(4)).unwrap();
        assert!(history.last("accuracy").unwrap() > 0.7, "{:?}", history.get("accuracy"));
    }
}
