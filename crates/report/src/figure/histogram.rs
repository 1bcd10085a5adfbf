//! How often values fall into each of several equal ranges.

use super::axis::{Axis, Frame, Labels};
use super::{Figure, Mark, Role};
use crate::number;

/// Counts over equal ranges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// What is counted.
    pub name: String,
    /// The low edge of the first range.
    pub low: f64,
    /// The high edge of the last range.
    pub high: f64,
    /// The count of each range.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Counts finite `values` in `bins` equal ranges; 0 bins means Sturges' rule (log2 n + 1), from 5 to 40.
    pub fn of(name: impl Into<String>, values: &[f64], bins: usize) -> Self {
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
        let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if finite.is_empty() {
            return Self { name: name.into(), ..Self::default() };
        }
        let auto = ((finite.len() as f64).log2().ceil() as usize + 1).clamp(5, 40);
        let bins = if high > low { if bins == 0 { auto } else { bins.min(1000) } } else { 1 };
        let mut counts = vec![0; bins];
        for value in finite {
            // Halves keep the span finite even for the widest values.
            let at = if high > low { (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.0 };
            counts[((at * bins as f64) as usize).min(bins - 1)] += 1;
        }
        Self { name: name.into(), low, high, counts }
    }

    fn edge(&self, i: usize) -> f64 {
        let at = i as f64 / self.counts.len() as f64;
        self.low * (1.0 - at) + self.high * at
    }

    /// Draws the histogram with both axes.
    pub fn figure(&self) -> Figure {
        let most = self.counts.iter().copied().max().unwrap_or(0);
        if most == 0 || !(self.low.is_finite() && self.high.is_finite()) {
            return Figure::nothing(420.0, 100.0, "no values");
        }
        let mut figure = Figure::new(460.0, 250.0, format!("histogram of {}", self.name));
        let y = Axis::covering([0.0, most as f64], 4);
        let labels = Labels { title: "", x: &self.name, y: "count" };
        let frame = Frame::draw(&mut figure, Axis::covering([self.low, self.high], 6), y, &labels);
        for (i, count) in self.counts.iter().enumerate() {
            let (from, to) = (self.edge(i), self.edge(i + 1));
            let (Some([x0, y]), Some(x1)) = (frame.at(from, *count as f64), frame.at_x(to)) else { continue };
            // A single value has no width of its own.
            let (x0, x1) = if x1 > x0 { (x0, x1) } else { (x0 - 20.0, x0 + 20.0) };
            figure.push(Mark::Rect {
                at: [x0 + 0.5, y, (x1 - x0 - 1.0).max(0.5), frame.bottom() - y],
                radius: 0.0,
                fill: Some(Role::First.into()),
                stroke: None,
                tip: Some(format!("{} to {}: {}", number::short(from), number::short(to), number::grouped(*count))),
            });
        }
        figure
    }

    /// Draws the bars alone, small enough for a table row.
    pub fn sparkline(&self) -> Figure {
        const WIDTH: f64 = 120.0;
        const HEIGHT: f64 = 28.0;
        let mut figure = Figure::new(WIDTH, HEIGHT, format!("histogram of {}", self.name));
        let most = self.counts.iter().copied().max().unwrap_or(0);
        if most > 0 {
            let step = WIDTH / self.counts.len() as f64;
            for (i, count) in self.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
                let h = (*count as f64 / most as f64 * HEIGHT).max(1.0);
                figure.rect([i as f64 * step + 0.25, HEIGHT - h, (step - 0.5).max(0.5), h], 0.0, Role::First);
            }
        }
        figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_edges_belong_to_a_range() {
        let h = Histogram::of("x", &[0.0, 0.1, 0.5, 0.99, 1.0, f64::NAN, f64::INFINITY], 4);
        assert_eq!((h.low, h.high), (0.0, 1.0));
        assert_eq!(h.counts, [2, 0, 1, 2]);
    }

    #[test]
    fn odd_values_do_not_break_it() {
        for values in [vec![], vec![f64::NAN], vec![2.0; 9], vec![f64::MIN, f64::MAX], vec![-0.0, 0.0]] {
            let h = Histogram::of("x", &values, 0);
            let finite = values.iter().filter(|v| v.is_finite()).count() as u64;
            assert_eq!(h.counts.iter().sum::<u64>(), finite, "{values:?}");
            assert!(h.figure().mark_count() > 0);
            h.sparkline();
        }
    }
}
