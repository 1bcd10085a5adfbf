//! A network that writes: letter after letter, in the manner of the book it has read.
//!
//! It reads Alice's Adventures in Wonderland in pieces of 100 characters and learns to tell, at each place, which one comes next. To write, a second
//! network with the same weights is handed one character at a time; its LSTM is *stateful*, so that it goes on from where it was. The next
//! character is drawn from what it expects, sharpened by a temperature below 1.
//!
//!     cargo run --release -p adaline --example characters [EPOCHS] [TEMPERATURE]
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::graph::philox::Philox;
use adaline::prelude::*;
use std::error::Error;
use std::path::Path;

/// Characters of a piece, and between the beginnings of two pieces.
const PIECE: usize = 100;
const STRIDE: usize = 30;
const UNITS: usize = 160;
/// Share of the book, its end, that is not learned from.
const UNSEEN: f64 = 0.1;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let epochs = args.next().map_or(Ok(12), |text| text.parse())?;
    let temperature = args.next().map_or(Ok(0.6), |text| text.parse())?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/alice.txt");
    let book = Book::new(&std::fs::read_to_string(file)?);
    let end = (book.places.len() as f64 * (1.0 - UNSEEN)) as usize;
    let (seen, unseen) = (pieces(&book.places[..end])?, pieces(&book.places[end..])?);
    println!(
        "{} characters, {} different ones; by their frequency alone the next is worth {:.2} bits",
        book.places.len(),
        book.alphabet.len(),
        book.entropy()
    );
    let mut model = network(book.alphabet.len(), PIECE, None)?;
    println!("epoch  seen  unseen (bits a character)");
    for epoch in 1..=epochs {
        let history = model.fit(&seen.0, &seen.1, Fit::default().epochs(1).batch_size(32).verbose(0))?;
        let told = model.evaluate(&unseen.0, &unseen.1, Evaluate::default())?;
        let bits = |nats: Option<f64>| nats.unwrap_or(f64::NAN) / std::f64::consts::LN_2;
        println!("{epoch:5}  {:.2}  {:.2}", bits(history.get("loss").and_then(|l| l.last().copied())), bits(told.first().map(|t| t.1)));
    }
    println!("\n{}", write(&model, &book, "Alice was ", 500, temperature)?);
    Ok(())
}

/// A text as places in its alphabet.
struct Book {
    alphabet: Vec<char>,
    places: Vec<i32>,
}

impl Book {
    fn new(text: &str) -> Self {
        let mut alphabet: Vec<char> = text.chars().collect();
        alphabet.sort_unstable();
        alphabet.dedup();
        let places = text.chars().filter_map(|c| alphabet.binary_search(&c).ok().map(|p| p as i32)).collect();
        Self { alphabet, places }
    }
    /// Bits that a character tells to somebody who knows how often each occurs.
    fn entropy(&self) -> f64 {
        let share = |i: usize| self.places.iter().filter(|&&p| p == i as i32).count() as f64 / self.places.len() as f64;
        (0..self.alphabet.len()).map(share).map(|p| -p * p.log2()).sum()
    }
}

/// Characters of many pieces `(pieces, PIECE)`, and the ones that follow each of them.
fn pieces(places: &[i32]) -> Result<(Tensor, Tensor), Box<dyn Error>> {
    let starts: Vec<usize> = (0..places.len().saturating_sub(PIECE)).step_by(STRIDE).collect();
    let cut = |shift: usize| starts.iter().flat_map(|&s| places[s + shift..s + shift + PIECE].iter().copied()).collect();
    let shape = [starts.len(), PIECE];
    Ok((Tensor::i32(shape, cut(0))?, Tensor::i32(shape, cut(1))?))
}

/// `(B, steps)` characters to what is expected to follow each, `(B, steps, characters)`. With a batch size the LSTM goes on from call to call.
fn network(characters: usize, steps: usize, batch: Option<usize>) -> adaline::nn::Result<Model> {
    let input = Input::new([steps]);
    let mut model = Sequential::new()
        .add(batch.map_or(input.clone(), |rows| input.batch_size(rows)))
        .add(Embedding::new(characters, 32)) // (B, steps, 32)
        .add(LSTM::new(UNITS).return_sequences(true).stateful(batch.is_some())) // (B, steps, UNITS)
        .add(Dropout::new(0.2))
        .add(Dense::new(characters).activation(Activation::Softmax))
        .build(Seed(1))?;
    model.compile(Adam::new(0.003).clipnorm(1.0), SparseCategoricalCrossentropy::default(), ())?;
    Ok(model)
}

/// Goes on from a beginning for so many characters.
fn write(model: &Model, book: &Book, begin: &str, length: usize, temperature: f64) -> Result<String, Box<dyn Error>> {
    let mut writer = network(book.alphabet.len(), 1, Some(1))?;
    writer.set_weights(&model.get_weights())?;
    let random = Philox::new(2, 0, 0);
    let mut text = begin.to_owned();
    let mut next = 0;
    let count = begin.chars().count();
    for i in 0..count + length {
        let now = match begin.chars().nth(i) {
            Some(c) => book.alphabet.binary_search(&c).map_err(|_| format!("the book has no {c:?}"))?,
            None => next,
        };
        if i >= count {
            text.push(book.alphabet[now]);
        }
        let expected = writer.predict(&Tensor::i32([1, 1], vec![now as i32])?)?;
        next = draw(expected.as_f32().unwrap_or_default(), temperature, f64::from(random.uniform(i as u64)));
    }
    Ok(text)
}

/// The place that a number from 0 to 1 falls on, where each has its probability to the power of 1 / temperature, scaled.
fn draw(probabilities: &[f32], temperature: f64, at: f64) -> usize {
    let weights: Vec<f64> = probabilities.iter().map(|&p| f64::from(p).powf(1.0 / temperature)).collect();
    let mut rest = at * weights.iter().sum::<f64>();
    weights
        .iter()
        .position(|w| {
            rest -= w;
            rest < 0.0
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_followed_by_the_characters_behind_them() {
        let book = Book::new(&"abcd".repeat(60));
        assert_eq!(book.entropy(), 2.0);
        let (x, y) = pieces(&book.places).unwrap();
        let (x, y) = (x.as_i32().unwrap(), y.as_i32().unwrap());
        assert!(x.iter().zip(y).all(|(x, y)| (x + 1) % 4 == *y));
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let p = [0.1, 0.0, 0.9];
        assert_eq!([0.05, 0.5].map(|at| draw(&p, 1.0, at)), [0, 2]);
        // Cold: the likeliest, almost always.
        assert_eq!(draw(&p, 0.1, 0.05), 2);
    }

    #[test]
    fn it_learns_to_say_its_letters() {
        let book = Book::new(&"abcdefg ".repeat(80));
        let (x, y) = pieces(&book.places).unwrap();
        let mut model = network(book.alphabet.len(), PIECE, None).unwrap();
        model.fit(&x, &y, Fit::default().epochs(30).batch_size(4).verbose(0)).unwrap();
        assert_eq!(write(&model, &book, "abc", 13, 0.2).unwrap(), "abcdefg abcdefg ");
    }
}
