//! Horizontal bars, one per name: class counts, scores of models.

use super::{Anchor, Figure, Mark, Paint, Role, font};
use crate::number;

/// Bars with names, for counts of classes or scores to compare.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BarChart {
    /// What the bars are; used as the figure's description.
    pub title: String,
    /// Name and value of each bar, top to bottom.
    pub bars: Vec<(String, f64)>,
    /// The bar to draw in the strong colour while the others fade; all are strong without one.
    pub highlight: Option<usize>,
}

impl BarChart {
    /// The most bars drawn; the rest is named as a number.
    const MOST: usize = 40;

    /// Draws the bars. Negative values grow to the left of a common base.
    pub fn figure(&self) -> Figure {
        const WIDTH: f64 = 460.0;
        const ROW: f64 = 26.0;
        if self.bars.is_empty() {
            return Figure::nothing(WIDTH, 80.0, "nothing to compare");
        }
        let shown = &self.bars[..self.bars.len().min(Self::MOST)];
        let left_out = self.bars.len() - shown.len();
        let names = shown.iter().map(|(n, _)| font::width(n, 12.0)).fold(0.0, f64::max).min(190.0) + 14.0;
        let numbers = shown.iter().map(|(_, v)| font::width(&number::short(*v), 12.0)).fold(0.0, f64::max) + 14.0;
        let height = ROW * (shown.len() + usize::from(left_out > 0)) as f64 + 8.0;
        let mut figure = Figure::new(WIDTH, height, self.title.clone());
        let finite = || shown.iter().map(|(_, v)| *v).filter(|v| v.is_finite());
        let (low, high) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
        // Halves keep the span finite even for the widest values.
        let span = high / 2.0 - low / 2.0;
        let room = WIDTH - names - numbers;
        let at = |v: f64| names + if span > 0.0 { (v / 2.0 - low / 2.0) / span * room } else { 0.0 };
        let base = at(0.0);
        for (i, (name, value)) in shown.iter().enumerate() {
            let y = 4.0 + ROW * i as f64;
            let strong = self.highlight.is_none_or(|h| h == i);
            let text = font::fitted(name, 12.0, 190.0);
            figure.text([names - 10.0, y + ROW * 0.66], text, 12.0, Anchor::End, Role::Ink);
            let end = if value.is_finite() { at(*value) } else { base };
            figure.push(Mark::Rect {
                at: [base.min(end), y + 4.0, (end - base).abs().max(1.0), ROW - 8.0],
                radius: 2.0,
                fill: Some(Paint::faded(Role::First, if strong { 1.0 } else { 0.4 })),
                stroke: None,
                tip: Some(format!("{name}: {}", number::short(*value))),
            });
            let x = base.max(end) + 6.0;
            figure.text([x, y + ROW * 0.66], number::short(*value), 12.0, Anchor::Start, Role::Muted);
        }
        if left_out > 0 {
            let y = 4.0 + ROW * (shown.len() as f64 + 0.66);
            figure.text([names, y], format!("and {left_out} more"), 12.0, Anchor::Start, Role::Muted);
        }
        figure
    }
}
