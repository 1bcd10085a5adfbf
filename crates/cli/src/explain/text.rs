//! The words of a text: their numbers, and how much each speaks for what the network chooses.

use super::words::num;
use crate::error::CliError;
use crate::measure::choose;
use crate::problem::Kind;
use crate::saved::Saved;
use adaline::data::Tensor;
use adaline::nn::model::Taken;
use adaline::report::tables::{Align, TextTable};
use serde_json::{Value, json};
use std::fmt::Write;

/// Words shown from the beginning of the text.
const SHOWN: usize = 30;
/// The number of words that the vocabulary does not have.
const UNKNOWN: i32 = 1;

/// A word that the network reads.
pub(super) struct Word {
    text: String,
    number: i32,
    /// Its share in the score of the chosen class or in the number: the sum of its vector's numbers, each times how much the score grows
    /// with it. None where the network does not begin with vectors of words.
    share: Option<f64>,
}

/// What the network reads of a text.
pub(super) struct Words {
    read: Vec<Word>,
    /// Words behind the last one that is read.
    unread: usize,
    /// What the shares are of, in words.
    of: String,
}

/// The words of the row's text, the first input `(1, words)`, when the network reads texts.
pub(super) fn of(saved: &mut Saved, x: &[&Tensor], cells: &[(String, String)], output: &[f32]) -> Result<Option<Words>, CliError> {
    let Some((column, vectorize)) = saved.coder.prep.as_ref().and_then(|p| p.text()) else { return Ok(None) };
    // A cell without a value is an empty text.
    let told = cells.iter().find(|(name, _)| name == column).map_or("", |(_, cell)| cell.as_str());
    let told = if told == super::NO_VALUE { "" } else { told };
    let tokens = vectorize.tokens(told);
    let numbers = x.first().map_or_else(Vec::new, |x| x.f32_values().into_owned());
    let kind = saved.kind();
    let (class, of) = match &kind {
        Kind::Classes(names) => {
            let class = choose(output).0;
            (class, format!("the score of {}", names.get(class).map_or("?", String::as_str)))
        }
        Kind::Numbers(_) => (0, "the network's number".into()),
    };
    // A single output is the score of the second class.
    let single = output.len() == 1;
    let against = single && matches!(kind, Kind::Classes(_)) && class == 0;
    let look = saved.model.inspect_scores(super::as_inputs(x), &[if single { 0 } else { class }])?;
    // The layer that reads the text, wherever it runs.
    let first = look.layers.iter().find(|l| matches!(l.takes[..], [Taken::Input(0)]));
    let vectors = first.filter(|l| l.class == "Embedding").and_then(|l| Some((&l.output, l.gradient.as_ref()?)));
    let shares: Option<Vec<f64>> = vectors.map(|(vectors, gradient)| {
        let width = vectors.shape().last().copied().unwrap_or(1).max(1);
        let (v, g) = (vectors.f32_values(), gradient.f32_values());
        let one = |(v, g): (&[f32], &[f32])| v.iter().zip(g).map(|(v, g)| f64::from(*v) * f64::from(*g)).sum::<f64>();
        v.chunks(width).zip(g.chunks(width)).map(one).map(|share| if against { -share } else { share }).collect()
    });
    let read: Vec<Word> = numbers
        .iter()
        .enumerate()
        .filter(|(_, n)| **n != 0.0)
        .map(|(at, &number)| Word {
            text: tokens.get(at).cloned().unwrap_or_default(),
            number: number as i32,
            share: shares.as_ref().and_then(|s| s.get(at).copied()),
        })
        .collect();
    Ok(Some(Words { unread: tokens.len().saturating_sub(read.len()), read, of }))
}

/// What goes in.
pub(super) fn inputs(out: &mut String, words: &Words) {
    let count = words.read.len();
    let unread = if words.unread > 0 { format!("; {} more are not read", words.unread) } else { String::new() };
    let _ = writeln!(out, "The network reads {count} word{}, as numbers of its vocabulary{unread}:", if count == 1 { "" } else { "s" });
    let mut table = TextTable::new([("word", Align::Left), ("number", Align::Right)]);
    for word in words.read.iter().take(SHOWN) {
        let told = match (word.number, word.text.as_str()) {
            (UNKNOWN, "") => "(no word: counts as an unknown one)".to_owned(),
            (UNKNOWN, text) => format!("{text} (unknown)"),
            (_, text) => text.to_owned(),
        };
        table.row([told, word.number.to_string()]);
    }
    let _ = writeln!(out, "{table}");
    if count > SHOWN {
        let _ = writeln!(out, "and {} more\n", count - SHOWN);
    }
}

/// Which words speak for the choice, and which against it.
pub(super) fn shares(out: &mut String, words: &Words, top: usize) {
    let mut order: Vec<(&Word, f64)> = words.read.iter().filter_map(|w| Some((w, w.share?))).collect();
    if order.is_empty() {
        return;
    }
    order.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let _ = writeln!(
        out,
        "\nWhat each word adds to {}, to first order: its vector's numbers, each times how much the score grows with it, added up. The largest:",
        words.of
    );
    for (word, share) in order.into_iter().take(top) {
        let text = if word.text.is_empty() { "(no word)" } else { &word.text };
        let _ = writeln!(out, "    {text}  {}{}", if share >= 0.0 { "+" } else { "" }, num(share));
    }
}

/// The same for machines.
pub(super) fn json(words: &Words) -> Value {
    let one = |w: &Word| json!({"word": w.text, "number": w.number, "known": w.number != UNKNOWN, "share": w.share});
    json!({"read": words.read.iter().map(one).collect::<Vec<_>>(), "unread": words.unread, "shares_of": words.of})
}
